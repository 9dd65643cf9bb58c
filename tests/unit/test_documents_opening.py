"""The one opener of strangers' documents: what it shows of each format, and what it refuses."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from academy.core.catalogue import CATALOGUE
from academy.documents import errors  # noqa: F401 - registers the codes
from academy.documents.opening import Channel, Limits, Pdf, Size, opened, opened_picture
from academy.sandbox.child import Refused
from tests.support.documents import pdf, written

LIMITS = Limits(size=1 << 20, pages=3, pixels=4_000_000, short_side=32, long_side=400, dpi=100)
ORIENTATION = 0x0112


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def half_black(mode: str = "L") -> Image.Image:
    """Wide; its left half is black."""
    image = Image.new("L", (200, 100), 255)
    image.paste(0, (0, 0, 100, 100))
    return image.convert(mode)


def refusal(path: Path, limits: Limits = LIMITS, page: int = 1) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refused) as caught, opened(path, limits) as document:
        document.gray(page)
    assert caught.value.code in CATALOGUE
    return caught.value.code, caught.value.params


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.jpg", "L"), ("a.jpg", "CMYK"), ("a.png", "P"), ("a.png", "1"), ("a.tif", "CMYK"),
     ("a.webp", "RGB"), ("a.png", "I;16")],
)  # fmt: skip
def test_every_mode_of_every_format_shows_black_and_white(
    tmp_path: Path, name: str, mode: str
) -> None:
    image = half_black()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, np.uint16) * 257)
    else:
        image = image.convert(mode)
    with opened(saved(tmp_path / name, image), LIMITS) as document:
        gray = document.gray(1)
        assert document.size(1) == Size(200, 100, None)
        coloured = document.coloured(1)
    assert gray.shape == (100, 200)
    assert gray.dtype == np.uint8
    assert gray[50, 20] < 12
    assert gray[50, 180] > 243
    assert coloured.mode == "RGB"
    assert np.asarray(coloured)[50, 180].min() > 243


def test_a_picture_is_turned_the_way_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    with opened(saved(tmp_path / "a.jpg", half_black(), exif=exif), LIMITS) as document:
        gray = document.gray(1)
    assert gray.shape == (200, 100)
    assert gray[20, 50] < 12
    assert gray[180, 50] > 243


def test_what_is_transparent_is_paper(tmp_path: Path) -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 50, 100))
    with opened(saved(tmp_path / "a.png", image), LIMITS) as document:
        gray = document.gray(1)
    assert (gray[50, 20], gray[50, 80]) == (0, 255)


def test_the_red_channel_hides_pink_print(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (100, 100), (250, 130, 150)))
    with opened(path, replace(LIMITS, channel=Channel.RED)) as document:
        assert int(document.gray(1)[50, 50]) == 250
    with opened(path, LIMITS) as document:
        assert int(document.gray(1)[50, 50]) < 190


def test_a_large_picture_is_brought_down(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", half_black().resize((2000, 1000)))
    with opened(path, LIMITS) as document:
        assert document.size(1) == Size(400, 200, None)
        assert document.coloured(1).size == (2000, 1000)


def test_the_frames_of_a_tiff_are_pages_and_those_of_an_animation_are_not(tmp_path: Path) -> None:
    frames = [Image.new("L", (60, 60), shade) for shade in (10, 90, 200)]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    with opened(saved(tmp_path / "a.tif", frames[0], **options), LIMITS) as document:
        assert [int(document.gray(n)[5, 5]) for n in (3, 1, 2)] == [200, 10, 90]
    for name in ("a.webp", "a.png"):
        with opened(saved(tmp_path / name, frames[0], **options), LIMITS) as document:
            assert document.pages == 1


def test_the_second_picture_in_a_phone_s_photograph_is_no_page(tmp_path: Path) -> None:
    """Telephones put previews behind the photograph (CIPA DC-007, multi-picture format)."""
    path = tmp_path / "a.jpg"
    half_black().save(path, "MPO", save_all=True, append_images=[half_black()])
    with opened(path, LIMITS) as document:
        assert document.pages == 1
        assert document.gray(1).shape == (100, 200)


def test_a_page_of_a_pdf_has_the_limits_resolution_or_fits(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", written("한 줄"), size=(144, 216))
    with opened(path, LIMITS) as document:
        assert isinstance(document, Pdf)
        assert document.size(1) == Size(200, 300, 100)
        assert document.gray(1).shape == (300, 200)
        assert document.coloured(1).size == (200, 300)
    with opened(path, replace(LIMITS, dpi=None)) as document:
        assert max(document.gray(1).shape) == 400
        assert document.size(1).dpi is None
    with opened(pdf(tmp_path / "b.pdf", written(""), size=(7200, 720)), LIMITS) as document:
        assert document.gray(1).shape == (40, 400)


def test_what_is_beyond_the_limits_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    bomb = saved(tmp_path / "bomb.png", Image.new("1", (30_000, 30_000)))
    assert refusal(bomb) == (
        "document_too_many_pixels", {"page": 1, "megapixels": 900, "limit": 4},
    )  # fmt: skip
    small = saved(tmp_path / "small.png", Image.new("L", (300, 20)))
    assert refusal(small) == ("document_picture_too_small", {"page": 1, "limit": 32})
    frames = [Image.new("L", (40, 40))] * 4
    many = saved(tmp_path / "many.tif", frames[0], save_all=True, append_images=frames[1:])
    assert refusal(many) == ("document_too_many_pages", {"pages": 4, "limit": 3})
    long = pdf(tmp_path / "long.pdf", *[written("한 줄")] * 4)
    assert refusal(long) == ("document_too_many_pages", {"pages": 4, "limit": 3})
    code, params = refusal(many, replace(LIMITS, size=100))
    assert (code, params["limit"]) == ("document_too_large", 100)
    thin = pdf(tmp_path / "thin.pdf", written(""), size=(720, 7))
    assert refusal(thin)[0] == "document_picture_too_small"


def test_what_is_locked_damaged_or_no_document_says_so(tmp_path: Path) -> None:
    locked = Canvas(str(tmp_path / "locked.pdf"), encrypt=StandardEncryption("secret"))
    locked.drawString(50, 50, "1.")
    locked.save()
    assert refusal(tmp_path / "locked.pdf") == ("document_locked", {})
    for content in (b"", b"no document", b"%PDF-1.7\n%%EOF", b"\x89PNG\r\n\x1a\n" + bytes(40)):
        path = tmp_path / "odd"
        path.write_bytes(content)
        assert refusal(path) == ("document_unreadable", {})
    cut = saved(tmp_path / "a.jpg", Image.effect_noise((400, 300), 80))
    cut.write_bytes(cut.read_bytes()[:5_000])
    assert refusal(cut) == ("document_page_damaged", {"page": 1})
    gif = saved(tmp_path / "a.gif", half_black())
    assert refusal(gif) == ("document_unreadable", {})


def test_a_picture_in_memory_is_opened_like_a_file() -> None:
    out = io.BytesIO()
    half_black().save(out, "PNG")
    with opened_picture(out, LIMITS) as document:
        assert document.gray(1)[50, 20] == 0
        assert document.coloured(1).size == (200, 100)
