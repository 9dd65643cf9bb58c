"""Files as the sandbox reads them: scanner PDFs, TIFFs, pictures, and what is none of these."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from academy.core.catalogue import CATALOGUE
from academy.sandbox import reader
from academy.sandbox.child import Refused
from academy.sheets import errors
from academy.sheets.layout import Layout, Section
from academy.sheets.maker import file as maker
from academy.sheets.reading import decode, file
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.sheets import sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand

LAYOUT = Layout(title="쪽지시험", identifier_digits=4, sections=(Section(count=61),))


def _scans() -> list[Image.Image]:
    return [
        Image.open(
            io.BytesIO(
                sample(
                    LAYOUT, Stream.GATE, 20, page=page, hand=hand, how=Capture.CLEAN_SCAN
                ).jpeg
            )
        )
        for page, hand in ((1, Hand.CLEAN), (2, Hand.HARD))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def scans() -> list[Image.Image]:
    return _scans()


def _request(path: Path, **options) -> dict:
    return {"file": str(path), "layouts": [LAYOUT.model_dump(mode="json")], **options}


@pytest.mark.parametrize("suffix", ["pdf", "tiff"])
def test_every_page_of_a_scan_is_read_with_its_pictures(scans, tmp_path, suffix):
    path = tmp_path / f"scan.{suffix}"
    white = Image.new("RGB", scans[0].size, "white")
    first, second = (scan.convert("RGB") for scan in scans)
    first.save(path, save_all=True, append_images=[white, second], resolution=200)
    shares: list[float] = []
    result = file.read(_request(path), tmp_path, shares.append)
    one, none, two = result["pages"]
    assert [one["page"], two["page"]] == [1, 2]
    assert [len(one["answers"]), len(two["answers"])] == [60, 1]
    assert len(one["identifier"]["digits"]) == 4
    assert none["error"] == "sheet_markers_missing"
    assert none["answers"] == ()
    assert shares == pytest.approx([1 / 3, 2 / 3, 1.0])
    for page in (one, two):
        with Image.open(tmp_path / page["overlay"]) as overlay:
            assert overlay.size == (1485, 1050)
        for answer in page["answers"]:
            doubtful = answer["status"] not in {"ok", "blank", "multi"}
            assert (answer["crop"] is not None) == doubtful
            assert not doubtful or (tmp_path / answer["crop"]).stat().st_size > 500
    json.dumps(result)


def test_a_range_of_pages_keeps_the_numbers_of_the_file(scans, tmp_path):
    path = tmp_path / "scan.tiff"
    scans[0].save(path, save_all=True, append_images=scans[1:])
    assert file.count({"file": str(path)}, tmp_path, print) == {"pages": 2}
    request = _request(path, first=2, last=2, overlays=False, crops=False)
    (only,) = file.read(request, tmp_path, print)["pages"]
    assert (only["index"], only["page"], only["overlay"]) == (2, 2, None)
    assert not list(tmp_path.glob("*.jpg"))


def _bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes."""
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


def _cut() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((1200, 900), 80).save(out, "JPEG")
    return out.getvalue()[:20_000]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "document_unreadable"),
        (b"not a picture", "document_unreadable"),
        (b"%PDF-1.7\n%%EOF", "document_unreadable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "document_unreadable"),
        (b"GIF89a" + bytes(40), "document_unreadable"),
    ],
)
def test_a_file_that_cannot_be_opened_is_refused(tmp_path, content, code):
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        file.read(_request(path), tmp_path, print)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("content", "code"),
    [(_bomb, "document_too_many_pixels"), (_cut, "document_page_damaged")],
)
def test_a_picture_that_cannot_be_decoded_fails_its_page_alone(tmp_path, content, code):
    path = tmp_path / "odd"
    path.write_bytes(content())
    (page,) = file.read(_request(path), tmp_path, print)["pages"]
    assert page["error"] == code


def test_every_code_of_the_reader_stands_in_the_catalogue():
    folder = Path(file.__file__).parent
    said = {
        word.split('"')[1]
        for source in folder.glob("*.py")
        for word in source.read_text().replace("\n", " ").split("(")
        if word.strip().startswith('"sheet_')
    }
    assert len(said) >= 5
    assert said <= set(CATALOGUE), errors.__name__


def test_the_sandbox_reads_a_sheet(scans, tmp_path):
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    folder.mkdir()
    path = source / "scan.tiff"
    scans[0].save(path)
    result = reader.run(
        "academy.sheets.reading.file:read", _request(path, overlays=False),
        folder=folder, reads=[path],
    )  # fmt: skip
    assert [page["page"] for page in result["pages"]] == [1]


def test_the_sandbox_makes_a_sheet_with_its_logo(tmp_path):
    logo, folder = tmp_path / "logo.png", tmp_path / "out"
    folder.mkdir()
    Image.new("RGBA", (300, 80), (200, 0, 0, 128)).save(logo)
    layout = LAYOUT.model_copy(update={"logo": True})
    made = reader.run(
        "academy.sheets.maker.file:make",
        {"layout": layout.model_dump(mode="json"), "logo": str(logo)},
        folder=folder, reads=[logo],
    )  # fmt: skip
    assert made == {"fingerprint": layout.fingerprint, "pages": 2, "questions": 61}
    assert (folder / maker.PDF).read_bytes().startswith(b"%PDF-")
    assert Layout.model_validate_json((folder / maker.LAYOUT).read_text()) == layout


def test_a_logo_that_is_no_picture_is_refused(tmp_path):
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"<svg/>")
    with pytest.raises(Refused) as caught:
        maker.make({"layout": LAYOUT.model_dump(), "logo": str(logo)}, tmp_path, print)
    assert caught.value.code == "sheet_logo_unreadable"


def test_a_scan_of_sixteen_bits_keeps_its_grays() -> None:
    scan = Image.fromarray(np.full((700, 700), 40_000, np.uint16))
    out = io.BytesIO()
    scan.save(out, "PNG")
    assert int(decode.picture_of(out.getvalue()).red[0, 0]) == 40_000 >> 8
