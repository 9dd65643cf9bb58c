"""Whose sheet it is: the number that was read against the roster. Pure.

A wrong name on a right score is worse than a sheet without a name, so only a number that is
complete, in the roster once, and far from every other number counts without a person's look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UNKNOWN: Final = "?"
_DIGITS: Final = frozenset("0123456789")
_NEAR = 1
_CANDIDATES = 5


class Match(StrEnum):
    """How a number matched."""

    EXACT = "exact"
    EXACT_WITH_COMPETITOR = "exact_with_competitor"
    """Another student has the same number, or one that is one digit away: a person looks."""
    FUZZY = "fuzzy"
    """Nobody has this number, but somebody's is one digit away: a person looks."""
    NO_MATCH = "no_match"
    INCOMPLETE = "incomplete"
    """Digits are missing or not certain; candidates are those whose others agree."""


@dataclass(frozen=True)
class Identity:
    """The outcome, and students in question, best first. `student` is set where one is meant."""

    match: Match
    student: str | None
    candidates: tuple[str, ...]

    @property
    def needs_review(self) -> bool:
        """Whether a person has to say who it is."""
        return self.match is not Match.EXACT


class Roster:
    """The students of an examination by number; made once for all sheets."""

    def __init__(self, numbers: Mapping[str, str], digits: int) -> None:
        """`numbers` maps a student's id to a number, of which the last `digits` digits count."""
        self._digits = digits
        self._students: dict[str, list[str]] = {}
        for student, number in sorted(numbers.items()):
            tail = "".join(sign for sign in number if sign in _DIGITS)[-digits:]
            if len(tail) == digits:
                self._students.setdefault(tail, []).append(student)

    def identify(self, read: str) -> Identity:
        """Match what was read; places that are not certain are ``?``.

        Raises:
            ValueError: not as many places as the sheet has.
        """
        if len(read) != self._digits:
            raise ValueError(f"{len(read)} places where the sheet has {self._digits}")
        if UNKNOWN in read:
            agreeing = self._near(read, 0)
            return Identity(Match.INCOMPLETE, None, agreeing[:_CANDIDATES])
        same = self._students.get(read, [])
        near = [student for student in self._near(read, _NEAR) if student not in same]
        candidates = (*same, *near)[:_CANDIDATES]
        if len(same) == 1:
            match = Match.EXACT_WITH_COMPETITOR if near else Match.EXACT
            return Identity(match, same[0], candidates)
        if same:
            return Identity(Match.EXACT_WITH_COMPETITOR, None, candidates)
        if near:
            return Identity(Match.FUZZY, near[0] if len(near) == 1 else None, candidates)
        return Identity(Match.NO_MATCH, None, ())

    def _near(self, read: str, most: int) -> tuple[str, ...]:
        """Students whose number differs in at most so many certain places, nearest first."""
        found = []
        for number, students in self._students.items():
            off = distance(read, number)
            if off <= most:
                found += [(off, student) for student in students]
        return tuple(student for _, student in sorted(found))


def distance(read: str, number: str) -> int:
    """Places that differ, of those that were read."""
    return sum(a not in {b, UNKNOWN} for a, b in zip(read, number, strict=True))


def duplicates(sheets: Iterable[tuple[str, str, int]]) -> dict[tuple[str, int], Sequence[str]]:
    """Sheets that claim the same page of the same student.

    `sheets` are (sheet, student, page); the answer maps (student, page) to the sheets, where there
    is more than one.
    """
    claims: dict[tuple[str, int], list[str]] = {}
    for sheet, student, page in sheets:
        claims.setdefault((student, page), []).append(sheet)
    return {claim: found for claim, found in claims.items() if len(found) > 1}
