"""`console`: the provider of a machine without one. Nothing leaves; the outbox page shows it all.

It keeps its groups in the database, as a real provider would in its own, so that any worker can
ask what became of a batch that another handed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db import transaction

from academy.core import clock
from academy.core.ids import new_id
from academy.messaging.fields import MessageType
from academy.messaging.models import LocalGroup
from academy.messaging.providers.port import (
    Callback,
    Capabilities,
    Lookup,
    OutBatch,
    Outcome,
    Prepared,
    Progress,
    Rejected,
    Status,
)

_MOST: Final = 1_000
_DELIVERED: Final = "0000"


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

    def _outcome(self, _key: str) -> tuple[str, str]:
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
