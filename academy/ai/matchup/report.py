"""The report of an examination on paper, in the confined child: pictures are strangers' work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image as Pictures
from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, Spacer, Table, TableStyle

from academy.documents import paper

REPORT: Final = "matchup.pdf"
_TITLE: Final = "적중 보고서"
_HEIGHT: Final = 90 * mm
"""Of a picture at most."""
_TEXT: Final = 700
"""Characters of a question and of its best hit that are shown."""
_SHORT: Final = 160
"""Characters of the other hits."""
_BAND: Final = colors.Color(0.94, 0.95, 0.97)
_RULE: Final = colors.Color(0.75, 0.77, 0.8)
_HIT, _MISS = colors.Color(0.05, 0.4, 0.2), colors.Color(0.55, 0.1, 0.1)
_DPI: Final = 200
"""Of the pictures: pages are shown in their own size where there is room."""
_WIDTH: Final = paper.column_width(1)
_SIDE: Final = _WIDTH / 2 - 4 * mm


def make(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Write `REPORT` into the folder; returns ``{"pages"}``.

    ``request`` has ``title``, ``summary`` and ``questions``: each its ``number``, ``page``,
    ``text``, ``hits`` and, as paths or None, its ``picture`` and that of its ``best`` hit.
    """
    paper.register_font()
    story: list[Flowable] = [*_summary(request["summary"], request["questions"]), Spacer(1, 6 * mm)]
    total = len(request["questions"])
    for at, question in enumerate(request["questions"]):
        story.append(_question(question))
        say(0.7 * (at + 1) / total)
    pages = paper.write(
        folder / REPORT, story, title=request["title"] or _TITLE,
        label=_TITLE if request["title"] else "", columns=1,
    )  # fmt: skip
    say(1)
    return {"pages": pages}


def _summary(summary: dict[str, Any], questions: Sequence[dict[str, Any]]) -> list[Flowable]:
    small = paper.style(9)
    facts = [
        ("적중 문항", f"{summary['with_hit']} / {summary['searched']} ({summary['share']:.0%})"),
        ("비교한 문제", f"{summary['compared']:,}개"),
        ("적중 기준", f"유사도 {summary['min_score']:.2f} 이상"),
    ]
    unread = [one["number"] for one in questions if not one["text"]]
    if unread:
        facts.append(("글자를 읽지 못한 문항", ", ".join(unread)))
    missed = [one["number"] for one in questions if one["text"] and not one["hits"]]
    if missed:
        facts.append(("적중 없는 문항", ", ".join(missed)))
    rows = [[paper.paragraph(name, small), paper.paragraph(value, small)] for name, value in facts]
    table = Table(rows, colWidths=[40 * mm, _WIDTH - 40 * mm])
    table.setStyle(
        TableStyle(
            [("BACKGROUND", (0, 0), (0, -1), _BAND), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
             ("VALIGN", (0, 0), (-1, -1), "TOP")]
        )
    )  # fmt: skip
    return [paper.paragraph("요약", paper.style(12, spaceAfter=2 * mm)), table]


def _question(question: dict[str, Any]) -> Flowable:
    """A question at the left, what was found at the right."""
    where = f" · {question['page']}쪽" if question["page"] else ""
    left = [_shown(question["picture"], question["text"] or "글자를 읽지 못했습니다.")]
    heading = paper.paragraph(f"문항 {question['number']}{where}", paper.style(10))
    table = Table(
        [[heading, _verdict(question)], [left, _found(question)]],
        colWidths=[_WIDTH / 2, _WIDTH / 2],
        # A question beside long hits may be higher than a page.
        splitInRow=1,
    )
    table.setStyle(
        TableStyle(
            [("BACKGROUND", (0, 0), (-1, 0), _BAND), ("VALIGN", (0, 0), (-1, -1), "TOP"),
             ("LINEBELOW", (0, -1), (-1, -1), 0.4, _RULE),
             ("LINEAFTER", (0, 1), (0, -1), 0.4, _RULE)]
        )
    )  # fmt: skip
    return table


def _verdict(question: dict[str, Any]) -> Flowable:
    if not question["text"]:
        return paper.paragraph("찾지 않음", paper.style(10, textColor=_MISS))
    if not question["hits"]:
        return paper.paragraph("적중 없음", paper.style(10, textColor=_MISS))
    best = question["hits"][0]["score"]
    return paper.paragraph(f"적중 · 유사도 {best:.3f}", paper.style(10, textColor=_HIT))


def _found(question: dict[str, Any]) -> list[Flowable]:
    shown: list[Flowable] = []
    for at, hit in enumerate(question["hits"]):
        shown.append(paper.paragraph(_source(hit), paper.style(9, spaceAfter=1 * mm)))
        shown.append(
            _shown(question["best"], hit["text"])
            if at == 0
            else paper.paragraph(_cut(hit["text"], _SHORT), paper.style(9))
        )
        shown.append(Spacer(1, 3 * mm))
    return shown or [Spacer(1, 1)]


def _source(hit: dict[str, Any]) -> str:
    number = f" {hit['number']}번" if hit["number"] else ""
    page = f" ({hit['page']}쪽)" if hit["page"] else ""
    return f"{hit['score']:.3f}  {hit['title']}{number}{page}"


def _shown(picture: str | None, text: str) -> Flowable:
    """The picture where there is one that can be shown, else the text."""
    if picture is not None:
        try:
            with Pictures.open(picture, formats=("PNG",)) as opened:
                opened.load()
                across, down = (side * 72 / _DPI for side in opened.size)
        except (OSError, ValueError, SyntaxError):
            return paper.paragraph(_cut(text), paper.style(9))
        scale = min(1.0, _SIDE / across, _HEIGHT / down)
        return Image(picture, across * scale, down * scale, hAlign="LEFT")
    return paper.paragraph(_cut(text), paper.style(9))


def _cut(text: str, most: int = _TEXT) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
