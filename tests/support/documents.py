"""Documents for tests: generated pages with known text, and uploads of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

import academy.documents
from academy.core import clock
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.tenants.models import Tenant
from academy.uploads.models import Upload, UploadState

FONT = "NanumGothic"
FONT_FILE = Path(academy.documents.__file__).parent / "fonts/NanumGothic.ttf"
A4 = (595.0, 842.0)
Draw = Callable[[Canvas], None]


@cache
def _font() -> str:
    pdfmetrics.registerFont(TTFont(FONT, FONT_FILE))
    return FONT


def pdf(path: Path, *pages: Draw, size: tuple[float, float] = A4) -> Path:
    """A PDF; each function draws a page, in points from the lower left corner."""
    canvas = Canvas(str(path), pagesize=size)
    for draw in pages:
        canvas.setFont(_font(), 11)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def written(*lines: str, left: float = 60, top: float = 780) -> Draw:
    """A page of lines."""

    def draw(canvas: Canvas) -> None:
        for row, line in enumerate(lines):
            canvas.drawString(left, top - row * 20, line)

    return draw


def picture(path: Path, *lines: str, width: int = 1000, size: int = 30) -> Path:
    """A white picture with lines of text; the suffix says which format."""
    image = Image.new("L", (width, 80 + 60 * len(lines)), 255)
    pen = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONT_FILE), size)
    for row, line in enumerate(lines):
        pen.text((60, 40 + row * 60), line, fill=0, font=font)
    image.save(path)
    return path


def shaded(path: Path, *, turned: float) -> Path:
    """The picture as a phone sees it: turned by degrees, one side in the shade."""
    with Image.open(path) as image:
        gray = image.rotate(turned, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    shade = np.linspace(0.5, 1.0, gray.width)[None, :]
    Image.fromarray((np.asarray(gray) * shade).astype(np.uint8)).save(path)
    return path


_TYPES = {
    ".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".tif": "image/tiff",
}  # fmt: skip


def uploaded(tenant: Tenant, path: Path, **fields: Any) -> Upload:
    """A complete upload of the file."""
    upload_id = new_id()
    key = f"t/{tenant.pk}/uploads/{upload_id}/source"
    store(Bucket.AI).put_file(key, path, "application/octet-stream")
    values: dict[str, Any] = {
        "id": upload_id, "bucket": "ai", "key": key, "filename": path.name,
        "size": path.stat().st_size, "content_type": _TYPES[path.suffix],
        "purpose": "pdf" if path.suffix == ".pdf" else "image",
        "state": UploadState.COMPLETE, "completed_at": clock.now(), "expires_at": clock.now(),
    } | fields  # fmt: skip
    return Upload.objects.for_tenant(tenant).create(**values)
