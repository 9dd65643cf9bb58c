"""The picture a teacher looks at: every box framed by its status, with what was read beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.digits.reading.ink import Gray
from academy.ai.digits.reading.pieces import Rect
from academy.ai.digits.reading.verdict import Status, Verdict

_COLOURS: Final = {
    Status.OK: (60, 150, 40),
    Status.BLANK: (150, 150, 150),
    Status.AMBIGUOUS: (40, 40, 220),
    Status.LOW_CONFIDENCE: (0, 120, 240),
}
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


def drawn(gray: Gray, rows: Sequence[tuple[int, Rect, Verdict]]) -> Any:
    """The page with its boxes: number, then value; a question mark for what is doubtful."""
    canvas = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    size = max(0.45, min(gray.shape) / 2000)
    for n, (left, top, right, bottom), verdict in rows:
        colour = _COLOURS[verdict.status]
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2)
        text = f"{n}: {verdict.value or '-'}"
        if verdict.status not in {Status.OK, Status.BLANK}:
            text = f"{n}: {verdict.value or ''}?"
        down = top - 6 if top > 30 else bottom + round(26 * size)
        cv2.putText(canvas, text, (left, down), _FONT, size, colour, 2, cv2.LINE_AA)
    return canvas


def write_jpeg(picture: Any, path: Path) -> None:
    """Write a picture as JPEG."""
    done, encoded = cv2.imencode(".jpg", np.asarray(picture), [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError("the picture cannot be encoded")
    path.write_bytes(encoded.tobytes())
