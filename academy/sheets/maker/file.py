"""The maker as the sandbox calls it: a logo is a stranger's picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PIL import Image, UnidentifiedImageError
from pydantic import ValidationError

from academy.sandbox.child import Refused
from academy.sheets.layout import Layout
from academy.sheets.maker.pdf import sheet_pdf

PDF: Final = "sheet.pdf"
LAYOUT: Final = "layout.json"
_FORMATS = ("PNG", "JPEG")
_MAX_PIXELS = 16_000_000
_LOGO_SIDE = 1200
#: Pillow has a limit of its own, above ours, and looks at it first.
_UNREADABLE = (
    UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError,
)  # fmt: skip


def make(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Write ``sheet.pdf`` and ``layout.json`` into the folder.

    ``request`` has ``layout`` (a JSON object) and may have ``logo``, the path of a PNG or JPEG.
    Returns ``{"fingerprint", "pages", "questions"}``.
    """
    try:
        layout = Layout.model_validate(request["layout"])
    except ValidationError as error:
        raise Refused("sheet_layout_invalid") from error
    logo = _logo(Path(request["logo"])) if request.get("logo") else None
    say(0.2)
    (folder / PDF).write_bytes(sheet_pdf(layout, logo=logo))
    (folder / LAYOUT).write_text(layout.model_dump_json(indent=2), encoding="utf-8")
    say(1.0)
    return {
        "fingerprint": layout.fingerprint,
        "pages": layout.page_count,
        "questions": len(layout.questions),
    }


def _logo(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Refused("sheet_logo_unreadable")
            picture = image.convert("RGBA")
    except _UNREADABLE as error:
        raise Refused("sheet_logo_unreadable") from error
    picture.thumbnail((_LOGO_SIDE, _LOGO_SIDE))
    return picture
