"""What is remembered of the calls to NHN, which has no group that could be asked instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from django.db import transaction

from academy.core import clock
from academy.core.clock import KST
from academy.messaging.fields import MessageType
from academy.messaging.models import LocalGroup
from academy.messaging.providers.nhn_reports import NAME
from academy.messaging.providers.port import OutBatch, Outcome, Outgoing, Status
from academy.messaging.text import fit_text

REPEAT_WITHIN: Final = timedelta(minutes=8)
"""NHN remembers an idempotency key for ten minutes; clocks and slow calls need the rest."""
LISTED_AFTER: Final = timedelta(minutes=11)
"""A message that was taken stands in the list by then, and no idempotency key holds any more."""
PAUSE: Final = timedelta(seconds=10)


class Service(Enum):
    """NHN's two services: which key of an answer holds its rows, and where messages are listed."""

    SMS = ("body", "data", ("/sender/sms", "/sender/mms"), "%Y-%m-%d %H:%M:%S")
    ALIMTALK = ("messageSearchResultResponse", "messages", ("/messages",), "%Y-%m-%d %H:%M")

    def __init__(self, body: str, rows: str, lists: tuple[str, ...], times: str) -> None:
        self.body, self.rows, self.lists, self.times = body, rows, lists, times


@dataclass(frozen=True)
class Part:
    """The messages of a batch that go out in one call, and what is known of that call."""

    name: str
    service: Service
    keys: tuple[str, ...]
    messages: tuple[Outgoing, ...] = ()
    """Empty in what is read from a note, which holds no number and no text."""
    first: datetime | None = None
    last: datetime | None = None
    seen: bool = False
    """NHN has said that it knows the call."""
    settled: bool = False
    """The call was answered."""
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def attempted(self) -> bool:
        """Whether a call was begun."""
        return self.last is not None

    def repeatable(self, now: datetime) -> bool:
        """Whether a call whose answer was lost, and which is not listed, can do no harm again."""
        if self.first is None or self.last is None:
            return True
        if now - self.last >= LISTED_AFTER:
            return True
        by_key = self.service is Service.ALIMTALK and not self.seen
        return by_key and now - self.first < REPEAT_WITHIN and now - self.last >= PAUSE

    def statuses(self) -> list[Status]:
        """What the answer said of each message."""
        return [
            Status(key, Outcome.FAILED, self.refused[key])
            if key in self.refused
            else Status(key, Outcome.ACCEPTED)
            for key in self.keys
        ]


def plan(batch: OutBatch, found: Iterable[Part]) -> None:
    """Note what a batch consists of, before anything is sent of it."""
    statuses = {
        "parts": {part.name: _stored(part) for part in found},
        "fallbacks": {
            one.key: fallback_type(one).value for one in batch.messages if one.fallback is not None
        },
    }
    LocalGroup.objects.get_or_create(
        handle=batch.key, provider=NAME, defaults={"statuses": statuses}
    )


def load(handle: str) -> LocalGroup | None:
    """The note of a batch."""
    return LocalGroup.objects.filter(handle=handle, provider=NAME).first()


def parts(note: LocalGroup) -> list[Part]:
    """The calls of a batch."""
    return [_read(name, stored) for name, stored in note.statuses["parts"].items()]


def known(note: LocalGroup, part: Part) -> Part:
    """A part with what is known of its call."""
    stored = note.statuses["parts"].get(part.name)
    if stored is None:
        return part
    return replace(_read(part.name, stored), keys=part.keys, messages=part.messages)


def fallbacks(note: LocalGroup) -> dict[str, MessageType]:
    """By key: what goes out where AlimTalk does not arrive."""
    return {key: MessageType(name) for key, name in note.statuses["fallbacks"].items()}


def fallback_type(one: Outgoing) -> MessageType:
    """Whether the fallback of a message is short; its text was fitted when it was written."""
    assert one.fallback is not None
    return fit_text(one.fallback.text, one.fallback.subject).type


def attempt(note: LocalGroup, part: Part) -> None:
    """Note, before the call, that it begins."""
    now = clock.now()
    again = part.last is not None and now - part.last < LISTED_AFTER
    first = part.first if again and part.first is not None else now
    _write(note, replace(part, first=first, last=now, seen=part.seen and again))


def undo(note: LocalGroup, part: Part) -> None:
    """The call that began did not happen: what was known before stands."""
    _write(note, part)


def repeated(note: LocalGroup, part: Part) -> None:
    """NHN knows the call: whether it took the messages, only the list says."""
    _write(note, replace(known(note, part), seen=True))


def settle(note: LocalGroup, part: Part, *, refused: Mapping[str, str]) -> Part:
    """The call was answered."""
    done = replace(known(note, part), settled=True, refused=refused)
    _write(note, done)
    return done


def forget(handle: str) -> bool:
    """Remove the note of a batch of which nothing was sent; whether there was one."""
    with transaction.atomic():
        note = (
            LocalGroup.objects.select_for_update()
            .filter(handle=handle, provider=NAME, sent_at__isnull=True)
            .first()
        )
        if note is None:
            return False
        note.delete()
    return True


def local(at: datetime, service: Service) -> str:
    """A time as NHN reads it, which is that of Seoul."""
    return at.astimezone(KST).strftime(service.times)


def _write(note: LocalGroup, part: Part) -> None:
    note.statuses["parts"][part.name] = _stored(part)
    tried = [one.last for one in parts(note) if one.last is not None]
    note.sent_at = min(tried, default=None)
    note.save(update_fields=["statuses", "sent_at"])


def _stored(part: Part) -> dict[str, Any]:
    return {
        "service": part.service.name,
        "keys": list(part.keys),
        "first": part.first and part.first.isoformat(),
        "last": part.last and part.last.isoformat(),
        "seen": part.seen,
        "settled": part.settled,
        "refused": dict(part.refused),
    }


def _read(name: str, stored: Mapping[str, Any]) -> Part:
    keys: Sequence[str] = stored["keys"]
    return Part(
        name=name,
        service=Service[stored["service"]],
        keys=tuple(keys),
        first=_time(stored["first"]),
        last=_time(stored["last"]),
        seen=stored["seen"],
        settled=stored["settled"],
        refused=stored["refused"],
    )


def _time(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
