"""The port: what the platform asks of a provider, and how a provider may fail.

A batch is handed over in two calls. ``prepare`` gives the provider the messages and sends none;
its handle is committed before ``commit``, the one call that cannot be undone. Whatever becomes of
that call, ``lookup`` with the handle tells what happened, so that nothing is sent again blindly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from academy.messaging.fields import MessageType


class ProviderError(Exception):
    """A call that did not work. ``code`` stands in the catalogue, ``detail`` is the provider's."""

    def __init__(self, code: str, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class Retryable(ProviderError):
    """Nothing happened, and the same call may work later. ``retry_after``: seconds, at least."""


class Rejected(ProviderError):
    """Nothing happened, and the same call will never work: no balance, no approved template."""


class Ambiguous(ProviderError):
    """The answer was lost: it may or may not have happened. Ask with ``lookup``."""


class Misconfigured(ProviderError):
    """The operator has to act: wrong key, clock out of step, sender not registered."""


class SenderUnknown(Misconfigured):
    """The account works, and these senders are not registered with it."""


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do."""

    types: frozenset[MessageType]
    most_in_batch: int
    cancels: bool
    """Whether a prepared batch can be taken back."""
    calls_back: bool


@dataclass(frozen=True)
class Fallback:
    """The text that goes out when AlimTalk does not arrive."""

    text: str
    subject: str = ""


@dataclass(frozen=True)
class Outgoing:
    """One message as the provider gets it. ``key`` is ours: the provider hands it back."""

    key: str
    type: MessageType
    to: str
    sender: str
    text: str
    subject: str = ""
    channel: str = ""
    """AlimTalk: the sender's profile."""
    template: str = ""
    """AlimTalk: the template's id at the provider."""
    variables: Mapping[str, str] = field(default_factory=dict)
    fallback: Fallback | None = None
    """None: a failed AlimTalk stays failed."""
    ad: bool = False


@dataclass(frozen=True)
class OutBatch:
    """Messages that go out in one call. ``key`` is ours, and the same at every attempt."""

    key: str
    messages: Sequence[Outgoing]


class Outcome(StrEnum):
    """What became of one message."""

    ACCEPTED = "accepted"
    """With the provider, or on its way."""
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """What a provider says of one message. ``key`` is ours; ``code`` is the provider's own."""

    key: str
    outcome: Outcome
    code: str = ""
    provider_id: str = ""
    sent_as: MessageType | None = None
    """Where it went out as another type than was asked, such as a fallback."""
    at: datetime | None = None


@dataclass(frozen=True)
class Prepared:
    """What came of ``prepare``: the handle, and the messages that were turned away at once."""

    handle: str
    refused: Sequence[Status] = ()


class Progress(StrEnum):
    """How far a batch is at the provider."""

    ABSENT = "absent"
    """The provider is sure that it never had it."""
    WAITING = "waiting"
    """It has the messages and was not told to send: committing is safe."""
    SENDING = "sending"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Lookup:
    """What a provider knows of a batch."""

    progress: Progress
    statuses: Sequence[Status] = ()


@dataclass(frozen=True)
class Callback:
    """One event that a provider reported. It is only a hint: ``lookup`` says what is true."""

    event_id: str
    handle: str
    key: str = ""


class Provider(Protocol):
    """One provider, with one account. Every method may raise any of the errors above."""

    @property
    def name(self) -> str:
        """Short, as it stands in rows and metrics."""
        ...

    def capabilities(self) -> Capabilities:
        """What it can do; no call is made."""
        ...

    def check(self, senders: Sequence[str]) -> None:
        """Keys work, and it knows these senders. Raises SenderUnknown, Misconfigured, Retryable."""
        ...

    def prepare(self, batch: OutBatch) -> Prepared:
        """Hand over the messages; none is sent. What it left behind after an error never is."""
        ...

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:
        """Send. Raises Ambiguous where the answer was lost."""
        ...

    def lookup(self, handle: str) -> Lookup:
        """What became of a batch."""
        ...

    def cancel(self, handle: str) -> None:
        """Take back a prepared batch. Raises Rejected where it was sent already."""
        ...

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Sequence[Callback]:
        """The events of a webhook call. Raises Rejected where it is not the provider's."""
        ...

    def balance(self) -> int | None:
        """KRW left at the provider; None where it does not tell."""
        ...
