"""Which letters the replay of a group would run, how, and which it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from academy.core.errors import AppError
from academy.deadletters.models import DeadLetter, LetterState
from academy.deadletters.rerun import Deed, Edit, Preview, preview, surroundings

GROUP_LIMIT: Final = 2_000
"""Letters that one replay takes; the oldest first, and the rest with the next."""
FITS: Final = frozenset({"params_invalid", "dead_letter_part_of_flow", "dead_letter_no_params"})
"""Problems of a patch with one letter."""


@dataclass(frozen=True)
class Group:
    """Letters of one fingerprint, or named one by one; exactly one of the two is set."""

    fingerprint: str = ""
    letters: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a group replay would do now, in its order: the first of ``runs`` is the canary."""

    runs: list[Preview]
    along: list[Preview]
    """Parts of flows that another of the letters already runs."""
    blocked: list[Preview]
    left_out: int
    """Open letters beyond ``GROUP_LIMIT``."""

    @property
    def kinds(self) -> Counter[str]:
        """What would be submitted, by kind."""
        return Counter(_root(seen).kind for seen in self.runs)

    @property
    def tenants(self) -> Counter[str]:
        """For whom, by the academy's short name."""
        return Counter(_root(seen).tenant.slug for seen in self.runs)

    @property
    def why_blocked(self) -> Counter[str]:
        """Codes of what stands in the way."""
        return Counter(seen.problem.code for seen in self.blocked if seen.problem is not None)

    @property
    def problems(self) -> list[tuple[int, Preview]]:
        """How many letters stand back for each reason, the most first, with the first of them."""
        first: dict[str, Preview] = {}
        for seen in self.blocked:
            if seen.problem is not None:
                first.setdefault(seen.problem.code, seen)
        return [(count, first[code]) for code, count in self.why_blocked.most_common()]

    @property
    def misfits(self) -> list[Preview]:
        """Letters that the patch does not fit."""
        return [seen for seen in self.blocked if seen.problem and seen.problem.code in FITS]


def plan_of(group: Group, patch: dict[str, Any] | None = None) -> Plan:
    """Look at every letter; changes nothing. Raises AppError dead_letter_not_found for a bad id."""
    letters, left_out = chosen(group)
    around = surroundings(letters)
    edit = Edit(patch=patch)
    runs, along, blocked = [], [], []
    roots: set[UUID] = set()
    for letter in letters:
        seen = preview(letter, edit, around)
        if seen.problem is not None:
            blocked.append(seen)
        elif letter.root_id in roots:
            along.append(seen)
        else:
            assert letter.root_id is not None
            roots.add(letter.root_id)
            runs.append(seen)
    return Plan(runs, along, blocked, left_out)


def chosen(group: Group) -> tuple[list[DeadLetter], int]:
    """The letters of a group, oldest first, and how many more there are."""
    # Two thousand bodies may be 2 GB; the few that must be read are short.
    letters = DeadLetter.objects.select_related("job", "root__tenant").defer("body")
    letters = letters.order_by("died_at", "id")
    if group.letters:
        wanted = set(group.letters)
        found = list(letters.filter(pk__in=wanted))
        if len(found) < len(wanted):
            raise AppError("dead_letter_not_found")
        return found, 0
    open_ = letters.filter(fingerprint=group.fingerprint, state=LetterState.OPEN)
    found = list(open_[:GROUP_LIMIT])
    return found, max(0, open_.count() - len(found)) if len(found) == GROUP_LIMIT else 0


def minutes(runs: int, per_minute: int) -> float:
    """How long the rest takes at least, once the canary has succeeded."""
    return round(max(0, runs - 1) / per_minute, 1)


def flows(runs: Sequence[Preview]) -> int:
    """How many of them run a whole flow."""
    return sum(seen.deed is Deed.RUN_FLOW for seen in runs)


def _root(seen: Preview) -> Any:
    assert seen.letter.root is not None
    return seen.letter.root
