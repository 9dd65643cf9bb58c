"""Providers of a machine that has none: nothing leaves it.

They keep their groups in the database, as a real provider would in its own, so that any worker can
ask what became of a batch that another handed over.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Final

from django.db import transaction

from academy.core import clock
from academy.core.ids import new_id
from academy.messaging import codes
from academy.messaging.fields import MessageType
from academy.messaging.models import LocalGroup
from academy.messaging.providers.port import (
    Ambiguous,
    Callback,
    Capabilities,
    Lookup,
    OutBatch,
    Outcome,
    Prepared,
    Progress,
    Rejected,
    Retryable,
    Status,
)

_MOST: Final = 1_000
_DELIVERED: Final = "0000"
_PHONE_OFF: Final = "off"
_AWAY, _LOST, _FAILING = 0.05, 0.1, 0.02
_SLOWEST_SECONDS: Final = 0.3

codes.register("sandbox", {_PHONE_OFF: "carrier_unreachable"})


class ConsoleProvider:
    """Takes everything, and says at once that it was delivered."""

    name = "console"

    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(frozenset(MessageType), _MOST, cancels=True, calls_back=False)

    def check(self, senders: Sequence[str]) -> None:
        """It needs nothing."""

    def prepare(self, batch: OutBatch) -> Prepared:
        """Remember the keys; numbers and texts stay where they are sealed."""
        group = LocalGroup.objects.create(
            handle=f"{self.name}-{new_id()}",
            provider=self.name,
            statuses={one.key: self._outcome(one.key) for one in batch.messages},
        )
        return Prepared(group.handle)

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:  # noqa: ARG002
        """Send; a group that was sent already stays as it is."""
        with transaction.atomic():
            group = self._group(handle)
            if group.sent_at is None:
                group.sent_at = clock.now()
                group.save(update_fields=["sent_at"])
        return self._statuses(group)

    def lookup(self, handle: str) -> Lookup:
        """What became of a group."""
        group = LocalGroup.objects.filter(handle=handle).first()
        if group is None:
            return Lookup(Progress.ABSENT)
        if group.sent_at is None:
            return Lookup(Progress.WAITING)
        return Lookup(Progress.COMPLETE, self._statuses(group))

    def cancel(self, handle: str) -> None:
        """Take back a group that was not sent."""
        if not LocalGroup.objects.filter(handle=handle, sent_at__isnull=True).delete()[0]:
            raise Rejected("provider_rejected", "sent")

    def parse_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002
        raw: bytes,  # noqa: ARG002
    ) -> Sequence[Callback]:
        """It never calls."""
        raise Rejected("provider_rejected", "no callbacks")

    def balance(self) -> int | None:
        """It costs nothing."""
        return None

    def _outcome(self, key: str) -> tuple[str, str]:  # noqa: ARG002
        return Outcome.DELIVERED.value, _DELIVERED

    def _group(self, handle: str) -> LocalGroup:
        group = LocalGroup.objects.select_for_update().filter(handle=handle).first()
        if group is None:
            raise Rejected("provider_rejected", "absent")
        return group

    def _statuses(self, group: LocalGroup) -> list[Status]:
        return [
            Status(
                key, Outcome(outcome), code, provider_id=f"{group.handle}/{key}", at=group.sent_at
            )
            for key, (outcome, code) in group.statuses.items()
        ]


class SandboxProvider(ConsoleProvider):
    """`sandbox`: slow, and unreliable by a seed; for trying out what the platform does about it.

    A message fails by its key, so that the same one always does; a call fails by its number.
    """

    name = "sandbox"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._calls = 0

    def prepare(self, batch: OutBatch) -> Prepared:
        """Remember the keys, or be away."""
        if self._draw("prepare") < _AWAY:
            raise Retryable("provider_unavailable", "sandbox", retry_after=1)
        return super().prepare(batch)

    def commit(self, handle: str, batch: OutBatch) -> Sequence[Status]:
        """Send, or lose the answer, before it was sent or after."""
        drawn = self._draw("commit")
        if drawn < _LOST / 2:
            raise Ambiguous("provider_answer_lost", "sandbox")
        statuses = super().commit(handle, batch)
        if drawn < _LOST:
            raise Ambiguous("provider_answer_lost", "sandbox")
        return statuses

    def _draw(self, call: str) -> float:
        """Wait as long as a provider takes, then a number from 0 to 1."""
        self._calls += 1
        drawn = self._chance(f"{call}:{self._calls}")
        time.sleep(_SLOWEST_SECONDS * drawn)
        return drawn

    def _chance(self, about: str) -> float:
        digest = hashlib.sha256(f"{self._seed}:{about}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def _outcome(self, key: str) -> tuple[str, str]:
        if self._chance(key) < _FAILING:
            return Outcome.FAILED.value, _PHONE_OFF
        return super()._outcome(key)
