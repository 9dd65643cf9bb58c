"""What the kinds need of a language model, whoever runs it: text with a form, and speech as text.

A model is never believed. A reply that does not have the form that was asked for is an error here,
and what it says is checked by each kind in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

Role = Literal["system", "user"]
OnTick = Callable[[], None]
"""Called a few times a second while an answer is awaited; what it raises ends the call."""

MAX_COMPLETION_TOKENS: Final = 8_000


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True)
class ChatRequest:
    """A question whose answer has the form of a JSON schema; ``name`` is the schema's."""

    messages: Sequence[Message]
    name: str
    schema: dict[str, Any]
    max_tokens: int = MAX_COMPLETION_TOKENS


@dataclass(frozen=True)
class Tokens:
    """What the provider says that it counted."""

    read: int
    written: int


@dataclass(frozen=True)
class ChatReply:
    """A JSON object, not yet held against the schema, and what it cost."""

    content: dict[str, Any]
    model: str
    request_id: str
    tokens: Tokens | None
    """None where the provider says nothing that can be true."""


@dataclass(frozen=True)
class SpeechRequest:
    """A sound file of ``seconds``; ``language`` is ISO 639-1, or None where nobody knows."""

    path: Path
    content_type: str
    seconds: float
    language: str | None


@dataclass(frozen=True)
class Segment:
    """Something that was said, in seconds from the beginning of the file."""

    start: float
    end: float
    text: str
    confidence: float | None
    """Mean probability of its tokens, 0 to 1, where the provider says."""


@dataclass(frozen=True)
class SpeechReply:
    """What was said, in order."""

    segments: tuple[Segment, ...]
    language: str
    model: str
    request_id: str


class ChatModel(Protocol):
    """Writes text."""

    @property
    def name(self) -> str:
        """As the operator calls it."""
        ...

    def complete(self, request: ChatRequest, *, on_tick: OnTick) -> ChatReply:
        """Ask once. Raises ProviderError."""
        ...


class SpeechToText(Protocol):
    """Writes down what is said."""

    @property
    def name(self) -> str:
        """As the operator calls it."""
        ...

    def transcribe(self, request: SpeechRequest, *, on_tick: OnTick) -> SpeechReply:
        """Ask once. Raises ProviderError."""
        ...


class ProviderError(Exception):
    """There is no answer; the subclasses say why. No text holds a key or anything that was sent.

    ``paid`` is what is known of the cost: False where the provider cannot have worked for it, None
    where nobody here can know. Who accepts a request and loses the answer usually charges for it.
    """

    def __init__(self, reason: str, *, paid: bool | None, request_id: str = "") -> None:
        super().__init__(reason)
        self.paid = paid
        self.request_id = request_id


class BusyError(ProviderError):
    """It takes nothing at the moment (429); ``retry_after`` in seconds, where it names a time."""

    def __init__(self, retry_after: float | None, *, request_id: str = "") -> None:
        super().__init__("too many requests", paid=False, request_id=request_id)
        self.retry_after = retry_after


class DownError(ProviderError):
    """It cannot be reached, is too slow, or says that it is broken (5xx)."""


class RefusedError(ProviderError):
    """It will never take this request: a wrong key, model or form (4xx), or a redirection."""

    def __init__(self, status: int, *, request_id: str = "") -> None:
        super().__init__(f"refused with {status}", paid=False, request_id=request_id)
        self.status = status


class ReplyError(ProviderError):
    """It answered, and not with what was asked for; that has been charged, most likely."""

    def __init__(self, reason: str, *, request_id: str = "", tokens: Tokens | None = None) -> None:
        super().__init__(reason, paid=True, request_id=request_id)
        self.tokens = tokens
