"""The problems on paper: two columns with space to solve, the answers on the last page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, PageBreak, Spacer

from academy.ai.variants.draw import Item
from academy.documents import paper

MARKS: Final = "①②③④⑤"
_TITLE: Final = "문제지"
_NAME: Final = "이름: ________________"
_SOLVING: Final = 34 * mm
#: Longer choices have a line each.
_SHORT: Final = 7


def worksheet_pdf(path: Path, items: Sequence[Item], title: str | None) -> int:
    """Write the worksheet; returns its pages."""
    story: list[Flowable] = [_problem(number, item) for number, item in enumerate(items, 1)]
    story.append(PageBreak())
    story.append(paper.paragraph("정답", paper.style(12, spaceAfter=4 * mm)))
    story += [paper.paragraph(_answer(number, item)) for number, item in enumerate(items, 1)]
    return paper.write(path, story, title=title or _TITLE, label=_NAME)


def _problem(number: int, item: Item) -> Flowable:
    parts: list[Flowable] = [
        paper.paragraph(f"{number}. {item.body}", paper.style(10.5, spaceAfter=2 * mm))
    ]
    if item.choices:
        glue = "\n" if max(map(len, item.choices)) > _SHORT else "\u00a0\u00a0\u00a0 "
        marked = (f"{mark}\u00a0{text}" for mark, text in zip(MARKS, item.choices, strict=False))
        parts.append(paper.paragraph(glue.join(marked)))
    parts.append(Spacer(1, _SOLVING))
    return KeepTogether(parts)


def _answer(number: int, item: Item) -> str:
    mark = "" if item.place is None else f"{MARKS[item.place]} "
    return f"{number}. {mark}{item.text}"
