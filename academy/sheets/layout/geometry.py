"""Where everything lies on a page, in millimetres from its top left corner.

All of it follows from the `Layout`. The maker draws it, the reader measures it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from academy.sheets.layout import code
from academy.sheets.layout.model import NUMERIC_ACROSS, Layout, Question, QuestionKind

A4: Final = (210.0, 297.0)
MARGIN: Final = 8.0
"""From the edge of the paper to the markers: wider than any office printer leaves white."""
MARKER: Final = 11.0
ANCHOR: Final = 4.0
"""Side of the black squares halfway along each edge: they show how far the paper is bent."""
CELL: Final = 2.4
"""Side of one cell of the page code."""

BUBBLE_WIDTH: Final = 2.8
BUBBLE_HEIGHT: Final = 4.2
_CHOICE_PITCH = 9.4
_ROW_PITCH = 7.0
_DIGIT_PITCH = 5.4
_DIGIT_ROW = 5.8
_BOX_HEIGHT = 6.5
_COLUMN_HEADER = 5.0
_COLUMN_HEIGHT = 145.0
_NUMBER_WIDTH = 10.0
_COLUMN_WIDTH = _NUMBER_WIDTH + 5 * _CHOICE_PITCH + 2.0
_NUMERIC_GAP = 3.4
_NUMERIC_HEIGHT = 71.0
_NUMBER_HEIGHT = 5.0
_INNER_X = MARGIN + ANCHOR + 2.0
_HEADER_Y = MARGIN + MARKER + 2.5
_HEADER_HEIGHT = 9.5
_PANEL_Y = _HEADER_Y + _HEADER_HEIGHT + 3.0
_PANEL_WIDTH = 62.0
_DIGIT_LABEL = 5.0
_PORTRAIT_PANEL_HEIGHT = _DIGIT_LABEL + _BOX_HEIGHT + 10 * _DIGIT_ROW + 3.5


class GroupKind(StrEnum):
    """What one group of bubbles answers."""

    CHOICE = "choice"
    NUMERIC = "numeric"
    IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; x and y of its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def grown(self, by: float) -> Box:
        """The same rectangle with a border of so many millimetres."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One oval: its middle, and the value it stands for (a choice from 1, or a digit)."""

    x: float
    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Group:
    """The bubbles of which one is to be filled.

    `number` is the question's (0 for the identifier), `position` the decimal place from the left
    (0 for a choice). `box` is what a person needs to see to judge the group.
    """

    kind: GroupKind
    number: int
    position: int
    bubbles: tuple[Bubble, ...]
    box: Box

    @property
    def key(self) -> str:
        """Stable name: ``q12`` a choice, ``q40.0`` a digit of an answer, ``id.3`` a digit."""
        if self.kind is GroupKind.IDENTIFIER:
            return f"id.{self.position}"
        return f"q{self.number}" + (f".{self.position}" if self.kind is GroupKind.NUMERIC else "")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of questions: its frame and what stands in it."""

    box: Box
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Page:
    """One page of a sheet."""

    number: int
    count: int
    width: float
    height: float
    fingerprint: str
    header: Box
    logo: Box | None
    identifier: Box
    guide: Box
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]

    @property
    def markers(self) -> tuple[Box, Box, Box, Box]:
        """Top left, top right, bottom right, bottom left."""
        right, bottom = self.width - MARGIN - MARKER, self.height - MARGIN - MARKER
        corners = ((MARGIN, MARGIN), (right, MARGIN), (right, bottom), (MARGIN, bottom))
        first, second, third, fourth = (Box(x, y, MARKER, MARKER) for x, y in corners)
        return first, second, third, fourth

    @property
    def anchors(self) -> tuple[Box, Box, Box, Box]:
        """Top, right, bottom and left, each halfway along its edge."""
        across, down = (self.width - ANCHOR) / 2, (self.height - ANCHOR) / 2
        near = MARGIN + (MARKER - ANCHOR) / 2
        top, bottom = Box(across, near, ANCHOR, ANCHOR), self.height - near - ANCHOR
        return (
            top,
            Box(self.width - MARGIN - ANCHOR, down, ANCHOR, ANCHOR),
            Box(across, bottom, ANCHOR, ANCHOR),
            Box(MARGIN, down, ANCHOR, ANCHOR),
        )

    @property
    def bits(self) -> tuple[int, ...]:
        """The page code as printed."""
        return code.encode(code.PageCode(self.fingerprint, self.number, self.count))

    @property
    def code_cells(self) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
        """The cells of both copies: left half of the top edge, right half of the bottom edge."""
        left = MARGIN + MARKER + 3.0
        right = self.width - left - code.COLUMNS * CELL
        drop = (MARKER - code.ROWS * CELL) / 2
        return (
            _cells(left, MARGIN + drop),
            _cells(right, self.height - MARGIN - MARKER + drop),
        )


def _cells(x: float, y: float) -> tuple[Box, ...]:
    return tuple(
        Box(x + column * CELL, y + row * CELL, CELL, CELL)
        for row in range(code.ROWS)
        for column in range(code.COLUMNS)
    )


@lru_cache(maxsize=64)
def pages_of(layout: Layout) -> tuple[Page, ...]:
    """Every page of a sheet, laid out."""
    runs, columns = layout.column_runs, layout.columns
    return tuple(
        _page(layout, index + 1, runs[index * columns : (index + 1) * columns])
        for index in range(layout.page_count)
    )


def _page(layout: Layout, number: int, runs: tuple[tuple[Question, ...], ...]) -> Page:
    landscape = layout.orientation == "landscape"
    width, height = A4[::-1] if landscape else A4
    inner = width - 2 * _INNER_X
    header = Box(_INNER_X, _HEADER_Y, inner, _HEADER_HEIGHT)
    if landscape:
        panel = Box(_INNER_X, _PANEL_Y, _PANEL_WIDTH, _COLUMN_HEIGHT)
        guide = Box(
            _INNER_X, _PANEL_Y + _PORTRAIT_PANEL_HEIGHT + 2, _PANEL_WIDTH,
            _COLUMN_HEIGHT - _PORTRAIT_PANEL_HEIGHT - 2,
        )  # fmt: skip
        area = Box(_INNER_X + _PANEL_WIDTH + 5, _PANEL_Y, inner - _PANEL_WIDTH - 5, _COLUMN_HEIGHT)
    else:
        panel = Box(_INNER_X, _PANEL_Y, _PANEL_WIDTH, _PORTRAIT_PANEL_HEIGHT)
        guide = Box(
            _INNER_X + _PANEL_WIDTH + 5, _PANEL_Y, inner - _PANEL_WIDTH - 5, _PORTRAIT_PANEL_HEIGHT
        )
        area = Box(_INNER_X, _PANEL_Y + _PORTRAIT_PANEL_HEIGHT + 4, inner, _COLUMN_HEIGHT)
    groups = list(_identifier(panel, layout.identifier_digits))
    columns = []
    for box, questions in zip(_column_boxes(area, layout.columns), runs, strict=False):
        columns.append(Column(box, questions))
        groups.extend(_column(box, questions))
    return Page(
        number=number, count=layout.page_count, width=width, height=height,
        fingerprint=layout.fingerprint,
        header=header,
        logo=Box(header.x + header.width - 32, header.y, 32, header.height)
        if layout.logo else None,
        identifier=Box(panel.x, panel.y, panel.width, _PORTRAIT_PANEL_HEIGHT), guide=guide,
        columns=tuple(columns), groups=tuple(groups),
    )  # fmt: skip


def _column_boxes(area: Box, count: int) -> list[Box]:
    pitch = area.width / count
    return [
        Box(
            area.x + index * pitch + (pitch - _COLUMN_WIDTH) / 2, area.y,
            _COLUMN_WIDTH, area.height,
        )
        for index in range(count)
    ]  # fmt: skip


def _identifier(panel: Box, digits: int) -> list[Group]:
    left = panel.x + (panel.width - digits * _DIGIT_PITCH) / 2
    return [
        _digits(GroupKind.IDENTIFIER, 0, place, left + place * _DIGIT_PITCH, panel.y + _DIGIT_LABEL)
        for place in range(digits)
    ]


def _column(box: Box, questions: tuple[Question, ...]) -> list[Group]:
    if questions[0].kind is QuestionKind.CHOICE:
        top = box.y + _COLUMN_HEADER
        return [_choice(box, top, row, question) for row, question in enumerate(questions)]
    return [group for block in numeric_blocks(box, questions) for group in numeric_places(*block)]


def _choice(box: Box, top: float, row: int, question: Question) -> Group:
    y = top + row * _ROW_PITCH
    left = box.x + _NUMBER_WIDTH
    return Group(
        GroupKind.CHOICE, question.number, 0,
        tuple(
            Bubble(left + (index + 0.5) * _CHOICE_PITCH, y + _ROW_PITCH / 2, index + 1)
            for index in range(question.choices)
        ),
        Box(box.x, y, _NUMBER_WIDTH + question.choices * _CHOICE_PITCH, _ROW_PITCH),
    )  # fmt: skip


def numeric_blocks(box: Box, questions: tuple[Question, ...]) -> list[tuple[Box, Question]]:
    """The block of each numeric question in a column."""
    pitch = box.width / NUMERIC_ACROSS
    blocks = []
    for index, question in enumerate(questions):
        down, across = divmod(index, NUMERIC_ACROSS)
        width = pitch - _NUMERIC_GAP
        x = box.x + across * pitch + _NUMERIC_GAP / 2
        blocks.append(
            (Box(x, box.y + down * (_NUMERIC_HEIGHT + 2), width, _NUMERIC_HEIGHT), question)
        )
    return blocks


def numeric_places(block: Box, question: Question) -> list[Group]:
    """The decimal places of a numeric question in its block."""
    left = block.x + (block.width - question.digits * _DIGIT_PITCH) / 2
    return [
        _digits(
            GroupKind.NUMERIC, question.number, place,
            left + place * _DIGIT_PITCH, block.y + _NUMBER_HEIGHT,
        )
        for place in range(question.digits)
    ]  # fmt: skip


def _digits(kind: GroupKind, number: int, place: int, x: float, y: float) -> Group:
    """One decimal place: a box to write in, and the digits 0 to 9 below it."""
    return Group(
        kind, number, place,
        tuple(
            Bubble(x + _DIGIT_PITCH / 2, y + _BOX_HEIGHT + (digit + 0.5) * _DIGIT_ROW + 1, digit)
            for digit in range(10)
        ),
        Box(x, y, _DIGIT_PITCH, _BOX_HEIGHT + 10 * _DIGIT_ROW + 1),
    )  # fmt: skip


def write_in(group: Group) -> Box:
    """The box above a decimal place into which the digit is written by hand."""
    return Box(group.box.x, group.box.y, group.box.width, _BOX_HEIGHT)


def row_height() -> float:
    """From one choice question to the next, in millimetres."""
    return _ROW_PITCH
