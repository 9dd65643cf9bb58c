"""Where the recogniser's language data is on this host."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from django.conf import settings

_FILE: Final = "Hangul.traineddata"
_SYSTEM: Final = (
    Path("/usr/share/tesseract-ocr/5/tessdata"),
    Path("/usr/share/tesseract-ocr/4.00/tessdata"),
    Path("/usr/share/tessdata"),
    Path("/usr/local/share/tessdata"),
)


def language_data(system: Iterable[Path] = _SYSTEM) -> Path | None:
    """The folder of the data: TESSDATA_DIR alone where it is set, else where packages put it."""
    configured: Path | None = settings.TESSDATA_DIR
    folders = list(system) if configured is None else [configured]
    for folder in folders:
        # Distributions keep script data beside the languages or in a folder below them.
        for place in (folder, folder / "script"):
            if (place / _FILE).is_file():
                return place
    return None
