"""PDFs on A4 in Korean: columns, a heading, page numbers. For what makes documents in workers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph

FONT: Final = "NanumGothic"
_FILE: Final = Path(__file__).with_name("fonts") / "NanumGothic.ttf"
WIDTH, HEIGHT = A4
MARGIN: Final = 16 * mm
GUTTER: Final = 9 * mm
_HEAD: Final = 16 * mm
_FOOT: Final = 8 * mm
#: The font has these raised digits only; others are drawn small and high.
_OWN_RAISED: Final = "¹²³⁴ⁿ"
_RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))


@functools.cache
def register_font() -> None:
    """Make the font known to reportlab."""
    pdfmetrics.registerFont(TTFont(FONT, str(_FILE)))


def style(size: float = 10, **options: Any) -> ParagraphStyle:
    """A paragraph's style; ``size`` in points. Only words longer than a line are broken."""
    register_font()
    return ParagraphStyle(
        "korean", fontName=FONT, fontSize=size, leading=size * 1.55, splitLongWords=1, **options
    )


def paragraph(text: str, how: ParagraphStyle | None = None) -> Paragraph:
    """A paragraph of plain text: nothing in it is markup."""
    lines = "<br/>".join(_marked_up(line) for line in text.splitlines() or [""])
    return Paragraph(lines, how or style())


def _marked_up(line: str) -> str:
    drawn = ""
    for character in line:
        if character in _RAISED and character not in _OWN_RAISED:
            drawn += f"<super>{_RAISED[character]}</super>"
        else:
            drawn += escape(character if drawable(character) else "□", quote=False)
    return drawn


def drawable(character: str) -> bool:
    """Whether the font has a character; one that it lacks is drawn as an empty box."""
    register_font()
    return ord(character) in pdfmetrics.getFont(FONT).face.charToGlyph


def column_width(columns: int) -> float:
    """Points between the edges of one of the columns."""
    return float((WIDTH - 2 * MARGIN - (columns - 1) * GUTTER) / columns)


def frame_height() -> float:
    """Points from the top to the bottom of a column."""
    return float(HEIGHT - 2 * MARGIN - _HEAD - _FOOT)


def write(
    path: Path, story: Sequence[Flowable], *, title: str, label: str = "", columns: int = 2
) -> int:
    """Write a document; returns its pages. ``title`` and ``label`` stand at the top of each."""
    width = column_width(columns)
    frames = [
        Frame(
            MARGIN + n * (width + GUTTER), MARGIN + _FOOT, width, frame_height(),
            leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
        )
        for n in range(columns)
    ]  # fmt: skip

    def decorate(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.saveState()
        _head(canvas, title, label)
        canvas.setFont(FONT, 8)
        canvas.drawCentredString(WIDTH / 2, MARGIN - 2 * mm, str(document.page))
        if columns == 2:
            canvas.setStrokeGray(0.75)
            canvas.line(WIDTH / 2, MARGIN + _FOOT, WIDTH / 2, MARGIN + _FOOT + frame_height())
        canvas.restoreState()

    document = BaseDocTemplate(
        str(path), pagesize=A4, title=title, author="", invariant=1, pageCompression=1
    )
    document.addPageTemplates(PageTemplate(frames=frames, onPage=decorate))
    document.build(list(story))
    return int(document.page)


def _head(canvas: Canvas, title: str, label: str) -> None:
    half = (WIDTH - 2 * MARGIN) / 2
    top = HEIGHT - MARGIN
    for text, how, left in (
        (title, style(14), MARGIN),
        (label, style(10, alignment=TA_RIGHT), MARGIN + half),
    ):
        # Long texts are cut at the line: the heading never grows into the questions.
        box = Frame(left, top - 9 * mm, half, 10 * mm, 0, 0, 0, 0)
        box.addFromList([paragraph(_cut(text, how, half), how)], canvas)
    canvas.setStrokeGray(0.2)
    canvas.line(MARGIN, top - 10 * mm, WIDTH - MARGIN, top - 10 * mm)


def _cut(text: str, how: ParagraphStyle, width: float) -> str:
    text = " ".join(text.split())
    while text and pdfmetrics.stringWidth(text, FONT, how.fontSize) > width - 4:
        text = text[:-2] + "…" if len(text) > 2 else ""
    return text
