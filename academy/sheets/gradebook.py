"""Scores over several examinations: who sat which, with how many points, and at which place.

Examinations are taken one after the other, their sheets one at a time: what stays is a few bytes
for each student and examination, however long the sheets are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from statistics import fmean, pstdev
from typing import Final
from uuid import UUID

from academy.roster.models import Student
from academy.sheets.grading import Outcome
from academy.sheets.models import Exam
from academy.sheets.params import GradebookParams
from academy.sheets.scoring import Score, each_score, items_of, key_of
from academy.sheets.statistics import Item, Statistics, analyse

_SIGNS: Final = {Outcome.RIGHT: "O", Outcome.PARTIAL: "△", Outcome.WRONG: "X", Outcome.BLANK: " "}
_LOOKED_UP: Final = 1_000


class Sat(IntEnum):
    """What is known of one student's sheet of one examination."""

    NOT = 0
    FINAL = 1
    DOUBTFUL = 2
    """Something on it waits for a person; it counts as it stands."""
    INCOMPLETE = 3
    """A page is missing: it has points, and neither a place nor a share in any mean."""

    @property
    def counts(self) -> bool:
        """Whether it has a place, and a share in the means."""
        return self in {Sat.FINAL, Sat.DOUBTFUL}


@dataclass(frozen=True, slots=True)
class Line:
    """One student's line of an examination; ``signs`` has one for each question."""

    student: UUID
    points: float
    right: int
    sat: Sat
    signs: str


@dataclass(frozen=True, slots=True)
class Sitting:
    """An examination as everybody sat it, and the lines of the students that are asked for."""

    exam: Exam
    full: float
    """Points of a perfect sheet."""
    totals: Sequence[float]
    """Points of all complete sheets, from the lowest."""
    statistics: Statistics | None
    lines: Sequence[Line]

    def rank(self, line: Line) -> int | None:
        """The place among all complete sheets; the same points share one."""
        if not line.sat.counts:
            return None
        return 1 + len(self.totals) - bisect_right(self.totals, line.points)

    @property
    def mean(self) -> float | None:
        """Over all complete sheets."""
        return fmean(self.totals) if self.totals else None

    @property
    def deviation(self) -> float | None:
        """Over all complete sheets."""
        return pstdev(self.totals) if self.totals else None


@dataclass(frozen=True, slots=True)
class Who:
    """A student as a table names them."""

    name: str
    number: str
    school: str
    grade: str
    class_name: str


class People:
    """The students of an academy, looked up when they first appear; those asked for."""

    def __init__(self, tenant_id: UUID, params: GradebookParams) -> None:
        wanted = {
            "class_name__in": params.classes, "grade__in": params.grades,
            "school__in": params.schools,
        }  # fmt: skip
        chosen = {name: values for name, values in wanted.items() if values}
        self._students = Student.objects.for_tenant(tenant_id).filter(**chosen)
        self._known: dict[UUID, Who | None] = {}

    def __getitem__(self, student: UUID) -> Who:
        """One that is asked for."""
        who = self._known[student]
        assert who is not None
        return who

    def asked_for(self, lines: Iterable[Line]) -> list[Line]:
        """The lines of students that are asked for."""
        found = list(lines)
        new = [line.student for line in found if line.student not in self._known]
        for first in range(0, len(new), _LOOKED_UP):
            self._look_up(new[first : first + _LOOKED_UP])
        return [line for line in found if self._known[line.student] is not None]

    def _look_up(self, students: Sequence[UUID]) -> None:
        self._known |= dict.fromkeys(students)
        rows = self._students.filter(pk__in=students).values_list(
            "pk", "name", "number", "school", "grade", "class_name"
        )
        self._known |= {student: Who(*fields) for student, *fields in rows}


def sitting_of(exam: Exam, people: People) -> Sitting:
    """Grade an examination. Raises AppError exam_without_key."""
    key = key_of(exam)
    lines: list[Line] = []
    complete: list[dict[int, Item]] = []
    # Few different answers are given by many: each is kept once.
    same: dict[Item, Item] = {}
    for score in each_score(exam):
        lines.append(_line(score))
        if not score.missing_pages:
            items = items_of(key, score)
            complete.append({number: same.setdefault(one, one) for number, one in items.items()})
    lines.sort(key=lambda line: (-line.points, line.student))
    return Sitting(
        exam=exam,
        full=float(key.points),
        totals=sorted(line.points for line in lines if line.sat.counts),
        statistics=analyse(complete),
        lines=people.asked_for(lines),
    )


def _line(score: Score) -> Line:
    sat = Sat.DOUBTFUL if score.needs_review else Sat.FINAL
    return Line(
        student=score.student,
        points=float(score.points),
        right=score.graded.right,
        sat=Sat.INCOMPLETE if score.missing_pages else sat,
        signs="".join(_SIGNS[mark.outcome] for mark in score.graded.marks),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """One student's part in one examination; ``rank`` is None where it has no place."""

    points: float
    rank: int | None
    sat: Sat


@dataclass(frozen=True, slots=True)
class Row:
    """One student over all examinations, in their order; None where they did not sit one.

    ``percent`` is the mean share of the points over the complete sheets, ``place`` the place by it
    among all rows; None without a complete sheet.
    """

    who: Who
    results: tuple[Result | None, ...]
    percent: float | None
    place: int | None


class Gradebook:
    """Collects sittings, and gives a row for each student of them."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._places: dict[UUID, int] = {}
        self._columns: list[tuple[float, array[float], array[int], bytearray]] = []

    def add(self, sitting: Sitting) -> None:
        """Keep what the rows need of an examination."""
        for line in sitting.lines:
            self._places.setdefault(line.student, len(self._places))
        size = len(self._places)
        points, ranks, sat = (
            array("d", bytes(8 * size)),
            array("l", bytes(8 * size)),
            bytearray(size),
        )
        for line in sitting.lines:
            at = self._places[line.student]
            points[at], ranks[at], sat[at] = line.points, sitting.rank(line) or 0, line.sat
        self._columns.append((sitting.full, points, ranks, sat))

    def __len__(self) -> int:
        return len(self._places)

    def rows(self) -> Iterator[Row]:
        """The best mean first, those without one last."""
        percents = {student: self._percent(at) for student, at in self._places.items()}
        known = sorted(value for value in percents.values() if value is not None)
        for student, percent in sorted(
            percents.items(),
            key=lambda one: (one[1] is None, -(one[1] or 0.0), self._people[one[0]].name, one[0]),
        ):
            place = None if percent is None else 1 + len(known) - bisect_right(known, percent)
            results = tuple(self._result(column, self._places[student]) for column in self._columns)
            yield Row(self._people[student], results, percent, place)

    def _percent(self, at: int) -> float | None:
        shares = [
            100 * points[at] / full
            for full, points, _, sat in self._columns
            if at < len(sat) and full and Sat(sat[at]).counts
        ]
        # Rounded as it is shown: what looks the same shares a place.
        return round(fmean(shares), 2) if shares else None

    @staticmethod
    def _result(
        column: tuple[float, array[float], array[int], bytearray], at: int
    ) -> Result | None:
        _, points, ranks, sat = column
        if at >= len(sat) or sat[at] == Sat.NOT:
            return None
        return Result(points[at], ranks[at] or None, Sat(sat[at]))
