"""Corrected questions in the confined child: pictures of exactly the boxes that were drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2

from academy.ai.pages.document import opened
from academy.ai.segmentation.cutting import write
from academy.sandbox.child import Refused


def cut(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, int]:
    """Write each of ``request["pieces"]`` (``name``, ``parts``) of the document at ``path``."""
    cv2.setNumThreads(1)
    pieces = request["pieces"]
    with opened(Path(request["path"])) as document:
        gray = lru_cache(maxsize=2)(document.gray)
        for at, piece in enumerate(pieces, 1):
            cuts = []
            for number, (left, top, right, bottom) in piece["parts"]:
                if number > document.pages:
                    raise Refused("document_page_missing", page=number, pages=document.pages)
                cuts.append(gray(number)[top:bottom, left:right])
            write(folder / piece["name"], cuts)
            say(at / len(pieces))
    return {"pieces": len(pieces)}
