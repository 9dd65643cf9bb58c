"""Strangers' documents in the child: PDFs and pictures as pages, each a gray picture, in limits.

Nothing is decoded before its size is known to be within the limits. Codes are those of
``documents.errors``; pages are counted from 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, BinaryIO, Final

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2
from PIL import Image, ImageOps, UnidentifiedImageError

from academy.documents.pictures import eight_bits
from academy.sandbox.child import Refused

Gray = npt.NDArray[np.uint8]
Colours = npt.NDArray[np.uint8]
"""Height x width x 3."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the page."""

FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP")
#: Formats whose frames are pages. Those of others are an animation, or a phone's second picture.
_PAGED: Final = frozenset({"TIFF"})
#: What Pillow's readers raise over a file's bytes: turned bits found each of them.
_UNREADABLE: Final = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError,
    OverflowError, struct.error,
)  # fmt: skip
_TRANSPARENT: Final = frozenset({"LA", "RGBA", "PA", "La", "RGBa"})
_WITHOUT_COLOUR: Final = frozenset({"1", "L", "LA", "La"})
_POINTS: Final = 72
_SOME, _GRAY_SPREAD = 7, 6
"""A picture is gray where of every so many-th pixel no channel is more above another."""

# Our own limit is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


class Channel(Enum):
    """What a gray picture is made of: all colours, or red, in which pink print is nearly white."""

    LUMINANCE = auto()
    RED = auto()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a document may be, and how large its pages are shown.

    ``size`` in bytes; ``pixels`` and ``short_side`` of a picture before it is decoded (of a PDF's
    page as it is rendered); ``long_side``: larger pages are brought down to it; ``dpi`` of a PDF's
    page, or None: rendered to ``long_side`` whatever size it claims.
    """

    size: int
    pages: int
    pixels: int
    short_side: int
    long_side: int
    dpi: int | None
    channel: Channel = Channel.LUMINANCE


@dataclass(frozen=True)
class Size:
    """A page in pixels; ``dpi`` is None where a picture says nothing true about its scale."""

    width: int
    height: int
    dpi: int | None


class Document:
    """A PDF or a picture (of one or more frames)."""

    pages: int

    def size(self, number: int) -> Size:
        """The page's size. Raises Refused."""
        raise NotImplementedError

    def gray(self, number: int) -> Gray:
        """The page as a gray picture of that size. Raises Refused."""
        raise NotImplementedError

    def colours(self, number: int) -> Colours | None:
        """The page in the size of `gray`, in RGB; None where it has no colours. Raises Refused.

        For limits whose channel is red: others decode what they are shown as gray.
        """
        raise NotImplementedError

    def coloured(self, number: int) -> Image.Image:
        """The page in its colours (RGB); a picture's in full size. Raises Refused."""
        raise NotImplementedError


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Document]:
    """The document at ``path``.

    Raises Refused: document_unreadable, document_locked, document_too_large,
    document_too_many_pages. Its pages raise document_page_damaged, document_too_many_pixels,
    document_picture_too_small.
    """
    size = path.stat().st_size
    if size > limits.size:
        raise Refused("document_too_large", size=size, limit=limits.size)
    with path.open("rb") as file:
        is_pdf = b"%PDF-" in file.read(1024)
    with _pdf(path, limits) if is_pdf else opened_picture(path, limits) as document:
        if document.pages > limits.pages:
            raise Refused("document_too_many_pages", pages=document.pages, limit=limits.pages)
        if document.pages < 1:
            raise Refused("document_unreadable")
        yield document


class Pdf(Document):
    """A PDF, rendered with its annotations."""

    def __init__(self, document: Any, limits: Limits) -> None:
        self._document = document
        self._limits = limits
        self.pages = len(document)
        self._held: tuple[int, Any] | None = None

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
        """At the limits' dpi, or at what fits into their long side (a poster, a page that lies)."""
        with self.page(number) as page:
            return self._size(page)

    def gray(self, number: int) -> Gray:
        """The rendered page."""
        return _gray(self._pixels(number))

    def colours(self, number: int) -> Colours | None:
        """The rendered page."""
        return _with_colours(self._pixels(number))

    def _pixels(self, number: int) -> Any:
        if self._held is None or self._held[0] != number:
            grayscale = self._limits.channel is Channel.LUMINANCE
            self._held = (number, self._rendered(number, grayscale=grayscale))
        return self._held[1]

    def coloured(self, number: int) -> Image.Image:
        """The rendered page, of the same size as in gray."""
        return Image.fromarray(np.ascontiguousarray(self._rendered(number, grayscale=False)))

    def _rendered(self, number: int, *, grayscale: bool) -> Any:
        with self.page(number) as page:
            size = self._size(page)
            if min(size.width, size.height) < self._limits.short_side:
                raise Refused(
                    "document_picture_too_small", page=number, limit=self._limits.short_side
                )
            try:
                pixels = page.render(
                    scale=self._scale(page), grayscale=grayscale, rev_byteorder=True
                ).to_numpy()
            except pypdfium2.PdfiumError:
                raise Refused("document_page_damaged", page=number) from None
        # pdfium rounds up where the size rounds; a gray bitmap has one channel, or none at all.
        return pixels[: size.height, : size.width].squeeze()

    def _scale(self, page: Any) -> float:
        """Pixels a point: whole dots per inch, so that a page's boxes can be told in dpi."""
        fitting: float = self._limits.long_side * _POINTS / max(*page.get_size(), 1.0)
        if self._limits.dpi is None:
            return fitting / _POINTS
        return max(1, min(self._limits.dpi, int(fitting))) / _POINTS

    def _size(self, page: Any) -> Size:
        width, height = page.get_size()
        scale = self._scale(page)
        dpi = None if self._limits.dpi is None else round(scale * _POINTS)
        return Size(int(width * scale), int(height * scale), dpi)


@contextmanager
def _pdf(path: Path, limits: Limits) -> Iterator[Pdf]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Refused("document_locked" if locked else "document_unreadable") from None
    try:
        yield Pdf(document, limits)
    finally:
        document.close()


class Picture(Document):
    """A picture file, turned the way its EXIF says; what is transparent is paper."""

    def __init__(self, source: Path | BinaryIO, image: Image.Image, limits: Limits) -> None:
        self._source = source
        self._image = image
        self._limits = limits
        self.pages = _frames(image, limits.pages)
        self._held: tuple[int, Gray | Colours] | None = None

    def size(self, number: int) -> Size:
        """After turning, and brought down to the limits' long side."""
        height, width = self._pixels(number).shape[:2]
        return Size(width, height, None)

    def gray(self, number: int) -> Gray:
        """The frame."""
        return _gray(self._pixels(number))

    def colours(self, number: int) -> Colours | None:
        """The frame."""
        return _with_colours(self._pixels(number))

    def _pixels(self, number: int) -> Gray | Colours:
        if self._held is None or self._held[0] != number:
            try:
                self._checked(self._image, number)
                self._held = (number, self._decoded())
            except _UNREADABLE:
                raise Refused("document_page_damaged", page=number) from None
        return self._held[1]

    def coloured(self, number: int) -> Image.Image:
        """The frame, not brought down."""
        try:
            # Opened anew: what was decoded smaller stays small.
            with Image.open(self._source, formats=FORMATS) as image:
                self._checked(image, number)
                turned = ImageOps.exif_transpose(image) or image
                return _on_paper(eight_bits(turned)).convert("RGB")
        except _UNREADABLE:
            raise Refused("document_page_damaged", page=number) from None

    def _checked(self, image: Image.Image, number: int) -> None:
        """Go to the frame, if its pixels are within the limits."""
        image.seek(number - 1)
        width, height = image.size
        if width * height > self._limits.pixels:
            raise Refused(
                "document_too_many_pixels", page=number,
                megapixels=width * height // 1_000_000, limit=self._limits.pixels // 1_000_000,
            )  # fmt: skip
        if min(width, height) < self._limits.short_side:
            raise Refused("document_picture_too_small", page=number, limit=self._limits.short_side)

    def _decoded(self) -> Gray | Colours:
        image = self._image
        red = self._limits.channel is Channel.RED and image.mode not in _WITHOUT_COLOUR
        if (shrink := self._limits.long_side / max(image.size)) < 1:
            # A JPEG is decoded at a half or a quarter of its size in as little of the time.
            width, height = image.size
            image.draft("RGB" if red else "L", (round(width * shrink), round(height * shrink)))
        flat = _on_paper(eight_bits(ImageOps.exif_transpose(image) or image))
        if red and flat.mode != "L":
            pixels = np.asarray(flat.convert("RGB"))
        else:
            pixels = np.asarray(flat.convert("L"))
        if (long := max(pixels.shape)) > self._limits.long_side:
            scale = self._limits.long_side / long
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(pixels, np.uint8)


@contextmanager
def opened_picture(source: Path | BinaryIO, limits: Limits) -> Iterator[Picture]:
    """A picture from a path or a file in memory, whose size is not looked at.

    Raises Refused: document_unreadable.
    """
    try:
        image = Image.open(source, formats=FORMATS)
        document = Picture(source, image, limits)
    except _UNREADABLE:
        raise Refused("document_unreadable") from None
    with image:
        yield document


def _gray(pixels: Gray | Colours) -> Gray:
    """Of a picture in colours its red channel."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    return np.asarray(cv2.extractChannel(pixels, 0), np.uint8)


def _with_colours(pixels: Gray | Colours) -> Colours | None:
    """The same, or None for what is gray, in three channels or in one."""
    if pixels.ndim == 2:
        return None
    some = pixels[::_SOME, ::_SOME].astype(np.int16)
    spread = int((some.max(axis=2) - some.min(axis=2)).max(initial=0))
    return np.ascontiguousarray(pixels) if spread > _GRAY_SPREAD else None


def _frames(image: Image.Image, limit: int) -> int:
    """Pages of the file; not counted further than one above the limit."""
    if image.format not in _PAGED:
        return 1
    count = 1
    while count <= limit:
        try:
            image.seek(count)
        except EOFError:
            break
        count += 1
    image.seek(0)
    return count


def _on_paper(image: Image.Image) -> Image.Image:
    """The picture without transparency."""
    if image.mode not in _TRANSPARENT and "transparency" not in image.info:
        return image
    over = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
