"""Reads for the console: what operators did, with the names of those who are staff here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User

from academy.core.http.pagination import newest_first
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


def actions_page(*, target: str = "", cursor: str | None = None, limit: int = PAGE) -> AuditPage:
    """One page by position, of all or of one target. Raises AppError ``invalid_cursor``."""
    actions = OperatorAction.objects.all()
    if target:
        actions = actions.filter(target=target)
    shown, older = newest_first(actions, by="at", cursor=cursor, limit=limit)
    return AuditPage(named(shown), older)


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
