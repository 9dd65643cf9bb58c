"""Uploaded files to pictures of pages, within stated limits.

One gray channel is kept: the red one, in which the pink print is nearly white. Which way up a
picture lies does not matter, the markers tell; only a mirrored one is turned back.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pypdfium2
from PIL import Image, ImageSequence, UnidentifiedImageError

from academy.documents.pictures import eight_bits
from academy.sheets.reading.align import Gray
from academy.sheets.reading.results import SheetError

FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP")
MAX_PAGES: Final = 300
MAX_PIXELS: Final = 60_000_000
"""Of one picture; a telephone of 50 megapixels passes."""
LONG_SIDE: Final = 2400
"""Pictures are brought down to this: 200 dpi of A4."""
_ENOUGH = 1700
_PDF_LONG_SIDE = 2339
_MIRRORED = frozenset({2, 4, 5, 7})
_ORIENTATION = 0x0112
_SMALLEST = 600

# Checked here by our own limit, before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class FilePage:
    """One page of a file: its index from 1, and its picture or why there is none."""

    index: int
    picture: Gray | None
    error: SheetError | None = None


def page_count(path: Path) -> int:
    """Pages of the file.

    Raises:
        SheetError: not a readable picture or PDF, or too many pages.
    """
    if _is_pdf(path):
        with _pdf(path) as document:
            count = len(document)
    else:
        with _image(path) as image:
            count = int(getattr(image, "n_frames", 1))
    if not 1 <= count <= MAX_PAGES:
        raise SheetError("sheet_too_many_pages", pages=count, limit=MAX_PAGES)
    return count


def pages(path: Path, first: int, last: int) -> Iterator[FilePage]:
    """Pages `first` to `last` of a file, counted from 1.

    Raises:
        SheetError: the file itself cannot be opened. A broken page is a page with an error.
    """
    yield from _pdf_pages(path, first, last) if _is_pdf(path) else _image_pages(path, first, last)


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return b"%PDF-" in file.read(1024)


class _pdf:  # noqa: N801 - reads as a function where it is used
    """An open PDF, closed at the end."""

    def __init__(self, path: Path) -> None:
        try:
            self._document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            code = "sheet_pdf_locked" if "password" in str(error).lower() else "sheet_file_damaged"
            raise SheetError(code) from error

    def __enter__(self) -> pypdfium2.PdfDocument:
        return self._document

    def __exit__(self, *_: object) -> None:
        self._document.close()


def _pdf_pages(path: Path, first: int, last: int) -> Iterator[FilePage]:
    with _pdf(path) as document:
        for index in range(first, min(last, len(document)) + 1):
            try:
                yield FilePage(index, _rendered(document[index - 1]))
            except pypdfium2.PdfiumError:
                yield FilePage(index, None, SheetError("sheet_page_damaged"))
            except SheetError as error:
                yield FilePage(index, None, error)


def _rendered(page: pypdfium2.PdfPage) -> Gray:
    """A page at a fixed size in pixels, whatever size it claims."""
    width, height = page.get_size()
    scale = _PDF_LONG_SIDE / max(width, height, 1.0)
    if min(width, height) * scale < _SMALLEST:
        raise SheetError("sheet_picture_too_small")
    bitmap = page.render(scale=scale, rev_byteorder=True).to_numpy()
    return np.ascontiguousarray(bitmap[:, :, 0])


def _image(path: Path) -> Image.Image:
    try:
        image = Image.open(path, formats=FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise SheetError("sheet_file_damaged") from error
    return image


def _image_pages(path: Path, first: int, last: int) -> Iterator[FilePage]:
    with _image(path) as image:
        frames = ImageSequence.Iterator(image)
        for index in range(first, last + 1):
            try:
                frame = frames[index - 1]
                yield FilePage(index, gray_of(frame))
            except (EOFError, IndexError):
                return
            except SheetError as error:
                yield FilePage(index, None, error)
            except (OSError, ValueError, SyntaxError, MemoryError):
                yield FilePage(index, None, SheetError("sheet_page_damaged"))


def gray_of(image: Image.Image) -> Gray:
    """The reader's channel of an opened picture, at most `LONG_SIDE` long.

    Raises:
        SheetError: larger than `MAX_PIXELS`, or too small to show a bubble.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise SheetError(
            "sheet_too_many_pixels", megapixels=width * height // 1_000_000,
            limit=MAX_PIXELS // 1_000_000,
        )  # fmt: skip
    if min(width, height) < _SMALLEST:
        raise SheetError("sheet_picture_too_small")
    gray = image.mode in {"L", "1", "I;16", "LA"}
    # JPEG can be decoded at half or a quarter of its size, in as little of the time.
    image.draft("L" if gray else "RGB", (_ENOUGH, _ENOUGH))
    mirrored = image.getexif().get(_ORIENTATION) in _MIRRORED
    pixels = np.asarray(_flat(image))
    out = pixels if pixels.ndim == 2 else cv2.extractChannel(pixels, 0)
    if mirrored:
        out = cv2.flip(out, 1)
    if (long := max(out.shape)) > LONG_SIDE:
        scale = LONG_SIDE / long
        out = cv2.resize(out, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(out, np.uint8)


def _flat(image: Image.Image) -> Image.Image:
    """Gray or RGB; what is transparent is paper."""
    image = eight_bits(image)
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"LA", "RGBA", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("RGB")


def picture_of(data: bytes) -> Gray:
    """The reader's channel of one encoded picture in memory.

    Raises:
        SheetError: not a picture, or outside the limits.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return gray_of(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise SheetError("sheet_file_damaged") from error
