"""The texts of a divided test's questions, in the confined child."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.ocr.engine import Recogniser
from academy.ai.pages.document import Box, Pdf, opened
from academy.ai.pages.text import Line, is_readable, lines_of

#: The printed number says nothing of the question, and is another one in every book.
_NUMBER: Final = re.compile(r"\A\s*\[?\d{1,3}\s*(?:[.)\]]|번)\s*")
_MOST: Final = 4_000
"""Characters."""


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> list[str]:
    """The text that the text layer of ``request["path"]`` has for each question.

    ``questions`` of the request is a list of their parts, ``{"page", "bbox"}``. A text is empty
    where the layer has none that can be read. Raises Refused as opening a document does.
    """
    del folder
    texts = []
    with opened(Path(request["path"])) as document:
        if not isinstance(document, Pdf):
            return [""] * len(request["questions"])
        layer = lru_cache(maxsize=4)(lambda number: _layer(document, number))
        for at, parts in enumerate(request["questions"], start=1):
            texts.append(cleaned(_within(layer, parts)))
            say(at / len(request["questions"]))
    return texts


def recognise(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> list[str]:
    """The text of each of ``request["pictures"]``, which are paths or None.

    ``data`` of the request is the folder of the language data. A text is empty where none can be
    read.
    """
    del folder
    cv2.setNumThreads(1)
    texts = []
    with Recogniser(Path(request["data"])) as recogniser:
        for at, path in enumerate(request["pictures"], start=1):
            gray = None if path is None else cv2.imread(path, cv2.IMREAD_GRAYSCALE)
            lines = [] if gray is None else recogniser.lines(gray.astype(np.uint8))
            texts.append(cleaned([line.text for line in lines]))
            say(at / len(request["pictures"]))
    return texts


def cleaned(lines: Sequence[str]) -> str:
    """The lines as one text without the printed number; no more than a problem may have."""
    joined = " ".join(" ".join(lines).split())
    return _NUMBER.sub("", joined, count=1).replace("\x00", "")[:_MOST].strip()


def _layer(document: Pdf, number: int) -> list[Line]:
    """The lines of a page's text layer; none where it has none that means something."""
    with document.page(number) as page:
        lines = lines_of(page, document.size(number))
    return lines if is_readable(lines) else []


def _within(layer: Callable[[int], list[Line]], parts: Sequence[dict[str, Any]]) -> list[str]:
    return [
        line.text
        for part in parts
        for line in layer(part["page"])
        if _holds(part["bbox"], line.box)
    ]


def _holds(box: Sequence[int], line: Box) -> bool:
    """Whether the middle of a line lies in the box."""
    across, down = (line[0] + line[2]) / 2, (line[1] + line[3]) / 2
    return box[0] <= across <= box[2] and box[1] <= down <= box[3]
