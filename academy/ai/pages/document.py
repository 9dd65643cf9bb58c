"""An uploaded document in the child, as the AI kinds open it, and boxes of its text layer."""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pypdfium2

from academy.ai.pages.limits import DPI, LONG_SIDE, MAX_BYTES, MAX_PAGES, MAX_PIXELS, SHORT_SIDE
from academy.documents import opening
from academy.documents.opening import Box, Document, Gray, Pdf, Picture, Size

__all__ = ["Box", "Document", "Gray", "Pdf", "Picture", "Size", "opened", "to_pixels"]

LIMITS: Final = opening.Limits(
    size=MAX_BYTES,
    pages=MAX_PAGES,
    pixels=MAX_PIXELS,
    short_side=SHORT_SIDE,
    long_side=LONG_SIDE,
    dpi=DPI,
)


def opened(path: Path) -> AbstractContextManager[Document]:
    """The document at ``path``, within the limits of AI kinds. Raises Refused."""
    return opening.opened(path, LIMITS)


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
