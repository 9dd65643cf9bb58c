"""Cut a question out of a page: of a PDF as it is drawn, with its text; of a picture as pixels.

For the sandbox's child. A cut of a PDF is a page of its own from which everything is removed that
does not touch the box, so that neither the neighbours' text nor their answers are hidden in it.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pypdfium2
from PIL import Image

from academy.ai.pages.document import Document, Pdf
from academy.sandbox.child import Refused

#: Of pixels put on paper: more is not seen.
DPI: Final = 200
_LOOK_DPI: Final = 50
_FINE: Final = 1_000_000
#: A pixel is another one from this difference of gray on; so many of a cut may be.
_OTHER_GRAY: Final = 64
_OTHER_SHARE: Final = 0.002
#: Characters outside its box that a cut may hold: the rest of a line that the box cuts through.
_STRAY: Final = 8
_QUALITY: Final = 88

Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right, top in the units of a PDF page, before it is turned."""
Share: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page as it is seen."""


@dataclass(frozen=True)
class PdfCut:
    """A page that shows the question alone; ``size`` in points, as it is seen."""

    document: Any
    size: tuple[float, float]


@dataclass(frozen=True)
class PictureCut:
    """A question as a JPEG. ``size`` in points at its own scale, or None where it has none."""

    path: Path
    pixels: tuple[int, int]
    size: tuple[float, float] | None


Cut: TypeAlias = PdfCut | PictureCut


def cut(document: Document, page: int, share: Share, target: Path) -> Cut:
    """Cut out of a document; a picture is written to ``target``. Raises Refused."""
    if not isinstance(document, Pdf):
        return _cut_picture(document, page, share, target)
    with document.page(page) as source:
        return _cut_pdf(source, page, share, target)


def _cut_pdf(source: Any, number: int, share: Share, target: Path) -> Cut:
    box = _box(source, share)
    try:
        alone = pypdfium2.PdfDocument.new()
        alone.import_pages(source.pdf, [number - 1])
        _crop(alone, box)
        before = _look(alone)
        _remove_others(alone, box)
        size = alone.get_page_size(0)
        if _alike(before, _look(alone)) and _hidden(alone, box) <= _STRAY:
            return PdfCut(alone, size)
        alone.close()
        return _drawn(source, number, box, size, target)
    except pypdfium2.PdfiumError:
        raise Refused("document_page_damaged", page=number) from None


def _box(page: Any, share: Share) -> Box:
    corners = [_point(page, across, down) for across, down in (share[:2], share[2:])]
    (x1, y1), (x2, y2) = corners
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _point(page: Any, across: float, down: float) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    pypdfium2.raw.FPDF_DeviceToPage(
        page, 0, 0, _FINE, _FINE, 0, round(across * _FINE), round(down * _FINE),
        ctypes.byref(x), ctypes.byref(y),
    )  # fmt: skip
    return x.value, y.value


def _crop(document: Any, box: Box) -> None:
    page = document[0]
    page.set_mediabox(*box)
    page.set_cropbox(*box)
    page.close()


def _look(document: Any) -> np.ndarray[Any, Any]:
    """The page in gray, as small as shows whether something is gone."""
    page = document[0]
    pixels = page.render(scale=_LOOK_DPI / 72, grayscale=True, draw_annots=False).to_numpy()
    page.close()
    return np.array(pixels, np.int16)


def _alike(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.mean(np.abs(one - other) >= _OTHER_GRAY) <= _OTHER_SHARE)


def _remove_others(document: Any, box: Box) -> None:
    page = document[0]
    others = [one for one in page.get_objects(max_depth=1) if not _touches(one.get_bounds(), box)]
    for one in others:
        page.remove_obj(one)
    if others:
        page.gen_content()
    page.close()


def _hidden(document: Any, box: Box) -> int:
    """Characters that nobody sees and that could be copied: of a page that is one large form."""
    page = document[0]
    text = page.get_textpage()
    everything, seen = text.get_text_range(), text.get_text_bounded(*box)
    text.close()
    page.close()
    return len("".join(everything.split())) - len("".join(seen.split()))


def _touches(bounds: Box, box: Box) -> bool:
    left, bottom, right, top = bounds
    return left < box[2] and right > box[0] and bottom < box[3] and top > box[1]


def _drawn(source: Any, number: int, box: Box, size: tuple[float, float], target: Path) -> Cut:
    """The cut as pixels, where pdfium cannot write it again as it was."""
    with pypdfium2.PdfDocument.new() as alone:
        alone.import_pages(source.pdf, [number - 1])
        _crop(alone, box)
        page = alone[0]
        image = page.render(scale=DPI / 72).to_pil()
        page.close()
    return _stored(image, size, target)


def _cut_picture(document: Document, number: int, share: Share, target: Path) -> Cut:
    image = document.coloured(number)
    left, top, right, bottom = share
    corners = (
        round(left * image.width), round(top * image.height),
        round(right * image.width), round(bottom * image.height),
    )  # fmt: skip
    return _stored(image.crop(corners), None, target)


def _stored(image: Image.Image, size: tuple[float, float] | None, target: Path) -> PictureCut:
    flat = image.convert("RGB")
    flat.thumbnail((1_600, 2_200))
    flat.save(target, "JPEG", quality=_QUALITY)
    return PictureCut(target, flat.size, size)
