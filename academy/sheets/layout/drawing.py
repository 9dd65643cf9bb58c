"""A page as shapes: what both the PDF and the preview paint. Millimetres, y downwards.

Everything a student marks is printed in a pink that the red channel of a scan does not see;
everything the reader steers by is black.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from academy.sheets.layout import geometry, markers
from academy.sheets.layout.geometry import Box, Group, GroupKind, Page
from academy.sheets.layout.model import Layout, Question, QuestionKind

BLACK: Final = "#000000"
WHITE: Final = "#ffffff"
PINK: Final = "#f29bb7"
TINT: Final = "#fdeef3"
ROSE: Final = "#c2456f"
INK: Final = "#1a1a1a"

# The baseline that centres a digit of this face on a point, as a share of its size.
_MIDDLE = 0.36


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, filled or outlined."""

    box: Box
    fill: str | None = None
    stroke: str | None = None
    line: float = 0.2


@dataclass(frozen=True, slots=True)
class Oval:
    """An upright ellipse about its middle."""

    x: float
    y: float
    width: float
    height: float
    stroke: str | None = PINK
    fill: str | None = None
    line: float = 0.22


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str = PINK
    line: float = 0.2


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text on its baseline; `size` is the height of the type in millimetres."""

    x: float
    y: float
    size: float
    text: str
    color: str = ROSE
    anchor: Literal["start", "middle", "end"] = "middle"


Shape = Rect | Oval | Line | Text


def shapes_of(layout: Layout, page: Page) -> Iterator[Shape]:
    """Everything that is printed on a page, from back to front."""
    yield from _orientation(page)
    yield from _header(layout, page)
    yield from _identifier(page)
    yield from _guide(page)
    for column in page.columns:
        numeric = column.questions[0].kind is QuestionKind.NUMERIC
        yield from (_numeric_column if numeric else _choice_column)(column.box, column.questions)
    for group in page.groups:
        yield from _bubbles(group)


def _orientation(page: Page) -> Iterator[Shape]:
    for number, box in enumerate(page.markers):
        # White on one black square: black cells side by side would show hairlines between them.
        yield Rect(box, BLACK)
        cell = box.width / markers.CELLS
        for row, column in markers.white_cells(number):
            yield Rect(Box(box.x + column * cell, box.y + row * cell, cell, cell), WHITE)
    for box in page.anchors:
        yield Rect(box, BLACK)
    for cells in page.code_cells:
        for bit, box in zip(page.bits, cells, strict=True):
            if bit:
                yield Rect(box, BLACK)
    last = page.code_cells[0][-1]
    yield Text(
        last.x + last.width, page.markers[0].y + 10.6, 2.2,
        f"{page.fingerprint.upper()} · {page.number}/{page.count}", INK, "end",
    )  # fmt: skip


def _header(layout: Layout, page: Page) -> Iterator[Shape]:
    box = page.header
    yield Text(box.x, box.y + 6.6, 5.4, layout.title or "답안지", INK, "start")
    if page.count > 1:
        edge = page.logo.x - 3 if page.logo else box.x + box.width
        yield Text(edge, box.y + 6.4, 3.6, f"{page.number} / {page.count}", ROSE, "end")
    if page.logo:
        yield Rect(page.logo, None, TINT)
    yield Line(box.x, box.y + box.height + 1, box.x + box.width, box.y + box.height + 1, ROSE, 0.4)


def _identifier(page: Page) -> Iterator[Shape]:
    box = page.identifier
    yield Rect(Box(box.x, box.y, box.width, 4.4), TINT)
    yield Text(box.x + box.width / 2, box.y + 3.3, 3.0, "식별번호 (전화번호 뒷자리)")
    yield Rect(box, None, ROSE, 0.35)
    places = [group for group in page.groups if group.kind is GroupKind.IDENTIFIER]
    yield from _places(places)


def _places(groups: list[Group]) -> Iterator[Shape]:
    """Write-in boxes, and the line between two decimal places."""
    for group in groups:
        yield Rect(geometry.write_in(group), None, ROSE, 0.25)
    for group in groups[1:]:
        top = geometry.write_in(group)
        yield Line(top.x, top.y + top.height, top.x, group.box.y + group.box.height, TINT, 0.3)


def _guide(page: Page) -> Iterator[Shape]:
    box = page.guide
    yield Rect(box, None, ROSE, 0.35)
    half = min(box.height, 70.0) / 7
    x, y = box.x + 3, box.y + half
    yield Text(x, y, 3.2, "이름", ROSE, "start")
    yield Line(x + 10, y + 1.2, box.x + box.width - 4, y + 1.2, PINK, 0.25)
    y += half * 1.4
    yield Text(x, y, 3.2, "학교·반", ROSE, "start")
    yield Line(x + 13, y + 1.2, box.x + box.width - 4, y + 1.2, PINK, 0.25)
    y += half * 1.5
    yield Text(x, y, 2.8, "바른 표기", ROSE, "start")
    yield Oval(x + 17, y - 1, geometry.BUBBLE_WIDTH, geometry.BUBBLE_HEIGHT, INK, INK)
    yield Text(x + 26, y, 2.8, "틀린 표기", ROSE, "start")
    yield from _wrong(x + 43, y - 1)
    for line in (
        "컴퓨터용 사인펜이나 진한 연필로 칸을 가득 채웁니다.",
        "고칠 때는 깨끗이 지우거나 수정테이프를 씁니다.",
    ):
        y += half
        yield Text(x, y, 2.35, line, ROSE, "start")


def _wrong(x: float, y: float) -> Iterator[Shape]:
    width, height = geometry.BUBBLE_WIDTH, geometry.BUBBLE_HEIGHT
    for index in range(3):
        yield Oval(x + index * 5, y, width, height, ROSE)
    yield Line(x - 1, y, x + 0.3, y + 1.4, INK, 0.35)
    yield Line(x + 0.3, y + 1.4, x + 1.6, y - 1.8, INK, 0.35)
    yield Line(x + 4, y - 1.5, x + 6, y + 1.5, INK, 0.35)
    yield Line(x + 6, y - 1.5, x + 4, y + 1.5, INK, 0.35)
    yield Oval(x + 10, y, 0.9, 0.9, INK, INK)


def _choice_column(box: Box, questions: tuple[Question, ...]) -> Iterator[Shape]:
    pitch = geometry.row_height()
    top = box.y + box.height - 20 * pitch
    yield Rect(Box(box.x, box.y, box.width, 4.4), TINT)
    yield Text(box.x + 4.5, box.y + 3.3, 2.8, "문번")
    yield Text(box.x + box.width / 2 + 4, box.y + 3.3, 2.8, "답란")
    for row, question in enumerate(questions):
        y = top + row * pitch
        if row % 2:
            yield Rect(Box(box.x, y, 9, pitch), TINT)
        yield Text(box.x + 4.5, y + pitch / 2 + 3.6 * _MIDDLE, 3.6, str(question.number))
        if row:
            heavy = row % 5 == 0
            yield Line(
                box.x, y, box.x + box.width, y, ROSE if heavy else TINT, 0.25 if heavy else 0.15
            )
    bottom = top + len(questions) * pitch
    yield Line(box.x + 9, box.y, box.x + 9, bottom, ROSE, 0.25)
    yield Rect(Box(box.x, box.y, box.width, bottom - box.y), None, ROSE, 0.35)


def _numeric_column(box: Box, questions: tuple[Question, ...]) -> Iterator[Shape]:
    for block, question in geometry.numeric_blocks(box, questions):
        yield Rect(Box(block.x, block.y, block.width, 4.4), TINT)
        yield Text(block.x + block.width / 2, block.y + 3.4, 3.2, str(question.number))
        yield from _places(geometry.numeric_places(block, question))
        yield Rect(block, None, ROSE, 0.35)


def _bubbles(group: Group) -> Iterator[Shape]:
    choice = group.kind is GroupKind.CHOICE
    for bubble in group.bubbles:
        yield Oval(bubble.x, bubble.y, geometry.BUBBLE_WIDTH, geometry.BUBBLE_HEIGHT)
        text, size = str(bubble.value), 2.6 if choice else 2.4
        yield Text(bubble.x, bubble.y + size * _MIDDLE, size, text, PINK)
