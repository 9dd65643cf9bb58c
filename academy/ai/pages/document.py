"""An uploaded document in the child: its pages as text layers and as gray pictures, in limits."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2
from PIL import Image, ImageOps, UnidentifiedImageError

from academy.ai.pages.limits import DPI, LONG_SIDE, MAX_PAGES, MAX_PIXELS, SHORT_SIDE
from academy.documents.pictures import eight_bits
from academy.sandbox.child import Refused

Gray = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the page."""

FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP")
_UNREADABLE: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError)

# Our own limit is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Size:
    """A page in pixels; ``dpi`` is None where a picture says nothing true about its scale."""

    width: int
    height: int
    dpi: int | None


class Document:
    """A PDF or a picture (of one or more frames); pages are counted from 1."""

    pages: int

    def size(self, number: int) -> Size:
        """The page's size. Raises Refused."""
        raise NotImplementedError

    def gray(self, number: int) -> Gray:
        """The page as a gray picture of that size. Raises Refused."""
        raise NotImplementedError


@contextmanager
def opened(path: Path) -> Iterator[Document]:
    """The document at ``path``.

    Raises Refused: document_unreadable, document_locked, document_too_many_pages.
    """
    with path.open("rb") as file:
        is_pdf = b"%PDF-" in file.read(1024)
    with _pdf(path) if is_pdf else _picture(path) as document:
        if document.pages > MAX_PAGES:
            raise Refused("document_too_many_pages", pages=document.pages, limit=MAX_PAGES)
        if document.pages < 1:
            raise Refused("document_unreadable")
        yield document


class Pdf(Document):
    """A PDF, rendered at `DPI`."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self.pages = len(document)

    @contextmanager
    def page(self, number: int) -> Iterator[Any]:
        """A page of pdfium, closed at the end. Raises Refused."""
        try:
            page = self._document[number - 1]
        except pypdfium2.PdfiumError:
            raise Refused("document_page_damaged", page=number) from None
        try:
            yield page
        finally:
            page.close()

    def size(self, number: int) -> Size:
        """At `DPI`, or at what fits into `LONG_SIDE` (a poster, or a page that lies)."""
        with self.page(number) as page:
            return _size(page)

    def gray(self, number: int) -> Gray:
        """The rendered page, with its annotations."""
        with self.page(number) as page:
            size = _size(page)
            if min(size.width, size.height) < SHORT_SIDE:
                raise Refused("document_page_damaged", page=number)
            scale = (size.dpi or DPI) / 72
            bitmap = page.render(scale=scale, grayscale=True).to_numpy()
        gray = bitmap[..., 0] if bitmap.ndim == 3 else bitmap
        # pdfium rounds up where the size rounds.
        return np.ascontiguousarray(gray[: size.height, : size.width])


def _size(page: Any) -> Size:
    width, height = page.get_size()
    dpi = max(1, min(DPI, int(LONG_SIDE * 72 / max(width, height, 1.0))))
    return Size(int(width * dpi / 72), int(height * dpi / 72), dpi)


def to_pixels(page: Any, size: Size, box: tuple[float, float, float, float]) -> Box:
    """A box in the PDF's own units (left, bottom, right, top) on the page as it is shown."""
    xs, ys = zip(*(_device(page, size, x, y) for x in box[0::2] for y in box[1::2]), strict=True)
    return (
        max(0, min(xs)), max(0, min(ys)), min(size.width, max(xs)), min(size.height, max(ys)),
    )  # fmt: skip


def _device(page: Any, size: Size, x: float, y: float) -> tuple[int, int]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pypdfium2.raw.FPDF_PageToDevice(
        page, 0, 0, size.width, size.height, 0, x, y, ctypes.byref(across), ctypes.byref(down)
    )
    return across.value, down.value


@contextmanager
def _pdf(path: Path) -> Iterator[Pdf]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Refused("document_locked" if locked else "document_unreadable") from None
    try:
        yield Pdf(document)
    finally:
        document.close()


class Picture(Document):
    """A picture file, turned the way its EXIF says."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self.pages = int(getattr(image, "n_frames", 1))
        self._held: tuple[int, Gray] | None = None

    def size(self, number: int) -> Size:
        """After turning, and brought down to `LONG_SIDE`."""
        height, width = self.gray(number).shape
        return Size(width, height, None)

    def gray(self, number: int) -> Gray:
        """The frame; transparent parts are paper."""
        if self._held is None or self._held[0] != number:
            try:
                self._held = (number, self._decoded(number))
            except _UNREADABLE:
                raise Refused("document_page_damaged", page=number) from None
        return self._held[1]

    def _decoded(self, number: int) -> Gray:
        self._image.seek(number - 1)
        width, height = self._image.size
        if width * height > MAX_PIXELS:
            raise Refused(
                "document_too_many_pixels", page=number,
                megapixels=width * height // 1_000_000, limit=MAX_PIXELS // 1_000_000,
            )  # fmt: skip
        if min(width, height) < SHORT_SIDE:
            raise Refused("document_picture_too_small", page=number, limit=SHORT_SIDE)
        # A JPEG is decoded at a half or a quarter of its size in as little of the time.
        self._image.draft("L", (LONG_SIDE, LONG_SIDE))
        turned = ImageOps.exif_transpose(self._image) or self._image
        gray = np.asarray(_flat(turned), np.uint8)
        if (long := max(gray.shape)) > LONG_SIDE:
            scale = LONG_SIDE / long
            gray = np.asarray(
                cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        return np.ascontiguousarray(gray)


@contextmanager
def _picture(path: Path) -> Iterator[Picture]:
    try:
        image = Image.open(path, formats=FORMATS)
        document = Picture(image)
    except _UNREADABLE:
        raise Refused("document_unreadable") from None
    with image:
        yield document


def _flat(image: Image.Image) -> Image.Image:
    """Gray; what is transparent is paper."""
    image = eight_bits(image)
    if image.mode in {"LA", "RGBA", "PA", "La", "RGBa"} or "transparency" in image.info:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("L")
    return image.convert("L")
