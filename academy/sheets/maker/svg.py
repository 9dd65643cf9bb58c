"""A page as SVG, for the designer's preview: standard library only."""

from __future__ import annotations

from html import escape

from academy.sheets.layout import Layout, pages_of
from academy.sheets.layout.drawing import Line, Oval, Rect, Shape, Text, shapes_of

_FONT = "NanumGothic, 'Nanum Gothic', sans-serif"


def page_svg(layout: Layout, number: int) -> str:
    """One page, numbered from 1, in millimetre units.

    Raises:
        IndexError: the sheet has no such page.
    """
    pages = pages_of(layout)
    if not 1 <= number <= len(pages):
        raise IndexError(f"page {number} of {len(pages)}")
    page = pages[number - 1]
    body = "\n".join(_element(shape) for shape in shapes_of(layout, page))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{page.width:g}mm"'
        f' height="{page.height:g}mm" viewBox="0 0 {page.width:g} {page.height:g}"'
        f' font-family="{_FONT}">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _element(shape: Shape) -> str:
    match shape:
        case Rect(box, fill, stroke, line):
            return (
                f'<rect x="{box.x:.3f}" y="{box.y:.3f}" width="{box.width:.3f}"'
                f' height="{box.height:.3f}"{_paint(fill, stroke, line)}/>'
            )
        case Oval(x, y, width, height, stroke, fill, line):
            return (
                f'<ellipse cx="{x:.3f}" cy="{y:.3f}" rx="{width / 2:.3f}"'
                f' ry="{height / 2:.3f}"{_paint(fill, stroke, line)}/>'
            )
        case Line(x1, y1, x2, y2, stroke, line):
            return f'<path d="M{x1:.3f} {y1:.3f}L{x2:.3f} {y2:.3f}"{_paint(None, stroke, line)}/>'
        case Text(x, y, size, text, color, anchor):
            return (
                f'<text x="{x:.3f}" y="{y:.3f}" font-size="{size:g}" fill="{color}"'
                f' text-anchor="{anchor}">{escape(text)}</text>'
            )


def _paint(fill: str | None, stroke: str | None, line: float) -> str:
    edge = f' stroke="{stroke}" stroke-width="{line:g}"' if stroke else ""
    return f' fill="{fill or "none"}"{edge}'
