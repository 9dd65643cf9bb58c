"""Reads for the console: what operators did, with the names of those who are staff here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from academy.core.http.pagination import encode_cursor
from academy.fleet.models import OperatorAction

PAGE: Final = 50


@dataclass(frozen=True)
class Deed:
    """One action and who it was, in words."""

    action: OperatorAction
    who: str


@dataclass(frozen=True)
class AuditPage:
    """Deeds, newest first, and where the next page begins."""

    deeds: list[Deed]
    cursor: str | None


def actions_page(
    *, target: str = "", before: tuple[datetime, UUID] | None = None, limit: int = PAGE
) -> AuditPage:
    """One page by position, of all or of one target."""
    actions = OperatorAction.objects.order_by("-at", "-id")
    if target:
        actions = actions.filter(target=target)
    if before is not None:
        position = (Value(before[0]), Value(before[1]))
        actions = actions.filter(TupleLessThan(Tuple(F("at"), F("id")), position))
    found = list(actions[: limit + 1])
    shown = found[:limit]
    cursor = encode_cursor(shown[-1].at, shown[-1].pk) if len(found) > limit else None
    return AuditPage(named(shown), cursor)


def named(actions: Iterable[OperatorAction]) -> list[Deed]:
    """The actions with the names of who did them, in one query."""
    shown = list(actions)
    people = who(action.by for action in shown)
    return [Deed(action, people[action.by]) for action in shown]


def who(principals: Iterable[str]) -> dict[str, str]:
    """What to call each principal: the user name behind ``user:17``, any other as it is."""
    numbers = {by: _user_number(by) for by in principals}
    users = User.objects.filter(pk__in=[number for number in numbers.values() if number])
    names = dict(users.values_list("pk", "username")) if any(numbers.values()) else {}
    return {by: names.get(number, by) for by, number in numbers.items()}


def _user_number(by: str) -> int:
    kind, _, number = by.partition(":")
    is_number = kind == "user" and number.isascii() and number.isdigit() and len(number) < 10
    return int(number) if is_number else 0
