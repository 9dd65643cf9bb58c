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
    """One question of the booklet."""

    label: str
    cut: Cut
    student_answer: str
    correct_answer: str
    note: str


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
        story += [_answer(one) for one in questions]
    empty = path.with_suffix(".empty.pdf")
    pages = paper.write(
        empty, story, title=layout.title, label=layout.student, columns=layout.columns
    )
    _fill(empty, path, places)
    empty.unlink()
    return pages


def _question(question: Question, layout: Layout, places: list[_Place]) -> Flowable:
    width = paper.column_width(layout.columns)
    space = layout.space_mm * mm
    height = paper.frame_height() - space - _HEADING - 2 * _ROOM
    heading = paper.paragraph(question.label, paper.style(11, spaceAfter=2 * mm))
    return KeepTogether(
        [heading, _shown(question.cut, width, height, places), Spacer(1, space + _ROOM)]
    )


def _shown(cut: Cut, width: float, height: float, places: list[_Place]) -> Flowable:
    """At its own scale where there is room; a picture without one is as wide as the column."""
    if isinstance(cut, PdfCut):
        across, down = cut.size
        place = _Place(cut, min(1.0, width / across, height / down))
        places.append(place)
        return place
    across, down = cut.size or (width, width * cut.pixels[1] / cut.pixels[0])
    scale = min(1.0, width / across, height / down)
    return Image(str(cut.path), across * scale, down * scale, hAlign="LEFT")


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
