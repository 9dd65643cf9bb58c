"""The printed page, and ink on it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2

from academy.sheets.layout import Layout, pages_of
from academy.sheets.maker.pdf import sheet_pdf
from academy.sheets.synthetic.marks import draw
from academy.sheets.synthetic.students import Filled

Picture = npt.NDArray[np.uint8]
"""Height x width x 3, BGR."""


@lru_cache(maxsize=16)
def printed(layout: Layout, number: int, dpi: int) -> Picture:
    """A page of the sheet's own PDF as a picture. Not to be written to."""
    document = pypdfium2.PdfDocument(sheet_pdf(layout))
    try:
        picture = document[number - 1].render(scale=dpi / 72, rev_byteorder=False).to_numpy()
        out = np.ascontiguousarray(picture[:, :, :3])
    finally:
        document.close()
    out.setflags(write=False)
    return out


def print_and_fill(
    layout: Layout,
    number: int,
    filled: Filled,
    dpi: int,
    rng: np.random.Generator,
    *,
    on: Picture | None = None,
) -> Picture:
    """A page from some printer on some paper, with somebody's marks on it.

    With `on` the marks go onto that page, as a second pen's.
    """
    paper = _print(printed(layout, number, dpi), rng) if on is None else on
    scale = dpi / 25.4
    bubbles = {
        (group.key, bubble.value): bubble
        for group in pages_of(layout)[number - 1].groups
        for bubble in group.bubbles
    }
    for placed in filled.placed:
        bubble = bubbles[placed.group, placed.value]
        coverage = draw(placed.mark, filled.pen, scale, rng)
        _ink(paper, coverage, bubble.x * scale, bubble.y * scale, filled.pen.color)
    return paper


def _print(page: Picture, rng: np.random.Generator) -> Picture:
    """Weak or strong toner, a black-and-white printer now and then, paper that is not white."""
    out = page
    if rng.random() < 0.2:
        gray = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
        out = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    # 255 stays 255: a table of the toner's strength, by paper colour.
    toner = rng.uniform(0.8, 1.0)
    tint = rng.uniform(0.93, 1.0) * np.array([rng.uniform(0.92, 1.0), rng.uniform(0.97, 1.0), 1.0])
    levels = np.arange(256)[:, None] / 255.0
    table = ((1 - (1 - levels) * toner) * tint[None, :] * 255).astype(np.uint8)
    return np.asarray(cv2.LUT(out, table[None, :, :]), np.uint8)


def _ink(
    paper: Picture, coverage: npt.NDArray[np.float32], x: float, y: float, color: tuple[int, ...]
) -> None:
    side = coverage.shape[0]
    left, top = round(x - side / 2), round(y - side / 2)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(paper.shape[1], left + side), min(paper.shape[0], top + side)
    part = coverage[y0 - top : y1 - top, x0 - left : x1 - left, None]
    under = paper[y0:y1, x0:x1].astype(np.float32)
    # Ink filters what the paper sends back: it never makes print lighter.
    kept = under * (1 - part) + under * (np.array(color, np.float32) / 255) * part
    paper[y0:y1, x0:x1] = kept.astype(np.uint8)
