"""The wrong notes on paper: questions with space below them, the answers at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pypdfium2
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, PageBreak, Spacer

from academy.ai.notes.cutting import Cut, PdfCut
from academy.documents import paper

_HEADING: Final = 9 * mm
_ROOM: Final = 4 * mm


@dataclass(frozen=True)
class Question:
    """One question of the booklet; of more than one cut where its column ends within it.

    A text that questions share stands like one, with no space below it and no answer.
    """

    label: str
    cuts: Sequence[Cut]
    student_answer: str
    correct_answer: str
    note: str
    shared: bool = False
    heading: bool = True
    """Whether the label stands above it: a cut of a divided test shows its printed number."""


@dataclass(frozen=True)
class Layout:
    """How the booklet looks."""

    title: str
    student: str
    columns: int
    space_mm: int
    answers: bool


class _Place(Flowable):  # type: ignore[misc]
    """Room for a cut of a PDF; remembers where it came to lie."""

    def __init__(self, cut: PdfCut, scale: float) -> None:
        super().__init__()
        self.cut = cut
        self.scale = scale
        self.width, self.height = (side * scale for side in cut.size)
        self.at = (0, 0.0, 0.0)

    def draw(self) -> None:
        """Called by reportlab when the room is given."""
        x, y = self.canv.absolutePosition(0, 0)
        self.at = (self.canv.getPageNumber(), x, y)


def write(path: Path, questions: Sequence[Question], layout: Layout) -> int:
    """Write the booklet; returns its pages. Closes the cuts."""
    places: list[_Place] = []
    story: list[Flowable] = [_question(one, layout, places) for one in questions]
    if layout.answers:
        story.append(PageBreak())
        story.append(paper.paragraph("정답", paper.style(12, spaceAfter=_ROOM)))
        story += [_answer(one) for one in questions if not one.shared]
    empty = path.with_suffix(".empty.pdf")
    pages = paper.write(
        empty, story, title=layout.title, label=layout.student, columns=layout.columns
    )
    _fill(empty, path, places)
    empty.unlink()
    return pages


def _question(question: Question, layout: Layout, places: list[_Place]) -> Flowable:
    width = paper.column_width(layout.columns)
    space = 0 if question.shared else layout.space_mm * mm
    height = paper.frame_height() - space - _HEADING - 2 * _ROOM
    shown = _shown(question.cuts, width, height, places)
    if question.heading:
        shown.insert(0, paper.paragraph(question.label, paper.style(11, spaceAfter=2 * mm)))
    return KeepTogether([*shown, Spacer(1, space + _ROOM)])


def _shown(
    cuts: Sequence[Cut], width: float, height: float, places: list[_Place]
) -> list[Flowable]:
    """One below the other, at their own scale where there is room, and all at the same.

    A picture without a scale of its own is as wide as the column.
    """
    sizes = [_size(one, width) for one in cuts]
    widest, down = max(size[0] for size in sizes), sum(size[1] for size in sizes)
    scale = min(1.0, width / widest, height / down)
    shown: list[Flowable] = []
    for one, size in zip(cuts, sizes, strict=True):
        if isinstance(one, PdfCut):
            places.append(_Place(one, scale))
            shown.append(places[-1])
        else:
            shown.append(Image(str(one.path), size[0] * scale, size[1] * scale, hAlign="LEFT"))
    return shown


def _size(cut: Cut, width: float) -> tuple[float, float]:
    if isinstance(cut, PdfCut):
        return cut.size
    return cut.size or (width, width * cut.pixels[1] / cut.pixels[0])


def _answer(question: Question) -> Flowable:
    text = f"{question.label}  {question.correct_answer or '-'}"
    if question.student_answer:
        text += f"   (내 답: {question.student_answer})"
    if question.note:
        text += f"\n{question.note}"
    return paper.paragraph(text, paper.style(10, spaceAfter=2 * mm))


def _fill(empty: Path, path: Path, places: Sequence[_Place]) -> None:
    """Draw the cuts into their rooms, as form objects: vectors stay vectors, text stays text."""
    by_page: dict[int, list[_Place]] = {}
    for place in places:
        by_page.setdefault(place.at[0], []).append(place)
    document = pypdfium2.PdfDocument(empty)
    for number, here in by_page.items():
        page = document[number - 1]
        for place in here:
            _draw(document, page, place)
        page.gen_content()
        page.close()
    document.save(path)
    document.close()


def _draw(document: Any, page: Any, place: _Place) -> None:
    _, x, y = place.at
    form = place.cut.document.page_as_xobject(0, document)
    shown = form.as_pageobject()
    # pdfium's form is upright already, its lower left corner at the origin.
    shown.set_matrix(pypdfium2.PdfMatrix(place.scale, 0, 0, place.scale, x, y))
    page.insert_obj(shown)
    form.close()
    place.cut.document.close()
