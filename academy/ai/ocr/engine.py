"""Tesseract over a prepared page: lines with boxes and confidences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import tesserocr
from tesserocr import RIL

from academy.ai.ocr.picture import prepared
from academy.ai.ocr.spacing import Word, spaced
from academy.ai.pages.document import Box, Gray
from academy.ai.pages.paper import ink_of
from academy.ai.pages.text import Line

LANGUAGE: Final = "Hangul"
"""Debian's script data: on Korean school pages better than `kor` and `kor+eng`."""
_MARGIN: Final = 8
_DPI: Final = 200


class Recogniser:
    """One loaded engine for many pages; ``data`` is the folder of ``Hangul.traineddata``."""

    def __init__(self, data: Path) -> None:
        self.name = f"tesseract-{tesserocr.tesseract_version().split()[1]}"
        with (data / f"{LANGUAGE}.traineddata").open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._api = tesserocr.PyTessBaseAPI(
            path=str(data), lang=LANGUAGE, psm=tesserocr.PSM.SINGLE_BLOCK,
            oem=tesserocr.OEM.LSTM_ONLY,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.End()

    def lines(self, gray: Gray) -> list[Line]:
        """The lines of a page in reading order; boxes are on the page as it was given."""
        page = prepared(gray)
        found = []
        for left, top, right, bottom in page.blocks:
            for line in self._block(page.gray[top:bottom, left:right]):
                across, down = left - _MARGIN, top - _MARGIN
                x0, y0, x1, y1 = line.box
                box = page.box_back((x0 + across, y0 + down, x1 + across, y1 + down))
                found.append(Line(box, line.text, line.confidence))
        return found

    def _block(self, block: Gray) -> list[Line]:
        # Letters that touch the border are lost.
        framed = np.pad(block, _MARGIN, constant_values=255)
        height, width = framed.shape
        self._api.SetImageBytes(framed.tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(_DPI)
        self._api.Recognize()
        return list(self._lines(ink_of(framed)))

    def _lines(self, ink: Gray) -> Iterator[Line]:
        """The lines of the block that was recognised last; ``ink`` of its picture."""
        line: _Line | None = None
        for found in tesserocr.iterate_level(self._api.GetIterator(), RIL.WORD):
            if found.Empty(RIL.WORD):
                continue
            if found.IsAtBeginningOf(RIL.TEXTLINE):
                if line is not None:
                    yield from line.read(ink)
                line = _Line(
                    found.BoundingBox(RIL.TEXTLINE), found.Confidence(RIL.TEXTLINE) / 100, []
                )
            text, box = found.GetUTF8Text(RIL.WORD).strip(), found.BoundingBox(RIL.WORD)
            if text and box and line is not None:
                line.words.append(Word(text, box))
        if line is not None:
            yield from line.read(ink)


@dataclass(frozen=True)
class _Line:
    """A line as the recogniser has it."""

    box: Box | None
    confidence: float
    words: list[Word]

    def read(self, ink: Gray) -> Iterator[Line]:
        """The line with its spaces as they are printed, if there is any text in it."""
        if self.words and self.box:
            sure = min(1.0, max(0.0, self.confidence))
            yield Line(self.box, spaced(self.words, ink, self.box), sure)
