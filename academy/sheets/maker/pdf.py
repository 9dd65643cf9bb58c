"""A sheet as PDF, in vectors: what is printed is exactly what the reader will look for."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING

from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from academy.sheets.layout import Layout, Page, pages_of
from academy.sheets.layout.drawing import Line, Oval, Rect, Shape, Text, shapes_of

if TYPE_CHECKING:
    from PIL.Image import Image

_FONT = "NanumGothic"
_FONT_FILE = Path(__file__).parents[2] / "documents" / "fonts" / "NanumGothic.ttf"
_POINTS = 72 / 25.4


def sheet_pdf(layout: Layout, *, logo: Image | None = None) -> bytes:
    """All pages of a sheet. The same layout and logo give the same bytes.

    `logo` goes into the logo box, where the layout has one, as large as its shape allows.
    """
    _register_font()
    pages = pages_of(layout)
    out = io.BytesIO()
    canvas = Canvas(out, pageCompression=1, invariant=1)
    canvas.setTitle(layout.title or "답안지")
    canvas.setSubject(f"{layout.fingerprint} · {len(pages)}")
    picture = ImageReader(logo) if logo is not None else None
    for page in pages:
        canvas.setPageSize((page.width * _POINTS, page.height * _POINTS))
        # Millimetres from the top left corner, as in the layout.
        canvas.transform(_POINTS, 0, 0, -_POINTS, 0, page.height * _POINTS)
        for shape in shapes_of(layout, page):
            _paint(canvas, shape)
        if picture is not None:
            _place(canvas, page, picture)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@functools.cache
def _register_font() -> None:
    pdfmetrics.registerFont(TTFont(_FONT, str(_FONT_FILE)))


def _paint(canvas: Canvas, shape: Shape) -> None:
    match shape:
        case Rect(box, fill, stroke, line):
            _colours(canvas, fill, stroke, line)
            canvas.rect(
                box.x, box.y, box.width, box.height, stroke=int(bool(stroke)), fill=int(bool(fill))
            )
        case Oval(x, y, width, height, stroke, fill, line):
            _colours(canvas, fill, stroke, line)
            canvas.ellipse(
                x - width / 2, y - height / 2, x + width / 2, y + height / 2,
                stroke=int(bool(stroke)), fill=int(bool(fill)),
            )  # fmt: skip
        case Line(x1, y1, x2, y2, stroke, line):
            _colours(canvas, None, stroke, line)
            canvas.line(x1, y1, x2, y2)
        case Text():
            _write(canvas, shape)


def _colours(canvas: Canvas, fill: str | None, stroke: str | None, line: float) -> None:
    if fill:
        canvas.setFillColor(fill)
    if stroke:
        canvas.setStrokeColor(stroke)
        canvas.setLineWidth(line)


def _write(canvas: Canvas, text: Text) -> None:
    """Text needs the page turned upright again: y grows downwards here."""
    canvas.saveState()
    canvas.translate(text.x, text.y)
    canvas.scale(1, -1)
    canvas.setFillColor(text.color)
    canvas.setFont(_FONT, text.size)
    draw = {
        "start": canvas.drawString,
        "middle": canvas.drawCentredString,
        "end": canvas.drawRightString,
    }[text.anchor]
    draw(0, 0, text.text)
    canvas.restoreState()


def _place(canvas: Canvas, page: Page, picture: ImageReader) -> None:
    if page.logo is None:
        return
    box = page.logo.grown(-0.5)
    width, height = picture.getSize()
    scale = min(box.width / width, box.height / height)
    canvas.saveState()
    canvas.translate(box.x + box.width, box.y + (box.height + height * scale) / 2)
    canvas.scale(1, -1)
    canvas.drawImage(
        picture, -width * scale, 0, width=width * scale, height=height * scale, mask="auto"
    )
    canvas.restoreState()
