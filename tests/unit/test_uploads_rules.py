"""How files are recognised and cut."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core.storage import MIB
from academy.uploads.parts import MAX_PARTS, PART_MAX_BYTES, PART_MIN_BYTES, plan_parts
from academy.uploads.purposes import PURPOSES, Purpose
from academy.uploads.sniff import HEAD_BYTES, sniff


def zip_of(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + b"\0" * 64
MOV = b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  " + b"\0" * 64
TS = (b"\x47\x40\x00\x10" + b"\xff" * 184) * 4
XLSX = zip_of("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\0" * 32
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\0" * 32
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 32
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
CSV = "이름,학년\r\n가나다,3\r\n".encode()

GOOD = [
    (Purpose.VIDEO, MP4, "video/mp4"),
    (Purpose.VIDEO, MOV, "video/quicktime"),
    (Purpose.VIDEO, TS, "video/mp2t"),
    (Purpose.IMAGE, JPEG, "image/jpeg"),
    (Purpose.IMAGE, PNG, "image/png"),
    (Purpose.PDF, PDF, "application/pdf"),
    (Purpose.AUDIO, WAV, "audio/wav"),
    (Purpose.SPREADSHEET, CSV, "text/csv"),
    (Purpose.SPREADSHEET, "이름,학년\n가나다,3\n".encode("cp949"), "text/csv"),
    (Purpose.SPREADSHEET, b"\xef\xbb\xbf" + CSV, "text/csv"),
    (Purpose.SPREADSHEET, "이름\t학년\n가나다\t3\n".encode("utf-16"), "text/csv"),
    (
        Purpose.SPREADSHEET,
        XLSX,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
]

DISGUISED = [
    b"",
    b"\0" * 200,
    b"MZ\x90\x00" + b"\0" * 200,
    b"#!/bin/sh\nrm -rf /\n",
    b"<html><script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    zip_of("word/document.xml", "[Content_Types].xml"),
    zip_of("evil.exe"),
    b"\x7fELF" + b"\0" * 100,
    "<svg xmlns='http://www.w3.org/2000/svg'/>".encode("utf-16"),
    b"\xff\xfe" + bytes(range(256)) * 8,
]


@pytest.mark.parametrize(("purpose", "head", "expected"), GOOD)
def test_a_genuine_file_is_recognised(purpose: Purpose, head: bytes, expected: str) -> None:
    assert PURPOSES[purpose].recognise(head)[0] == expected


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("head", DISGUISED)
def test_anything_disguised_is_refused_for_every_purpose(purpose: Purpose, head: bytes) -> None:
    accepted = PURPOSES[purpose].recognise(head)[0]
    # A playlist is text, and a harmless one to a spreadsheet reader; to ffmpeg it is not.
    assert accepted is None or (purpose == Purpose.SPREADSHEET and head.startswith(b"#EXTM3U"))


@pytest.mark.parametrize(("purpose", "head", "expected"), GOOD)
def test_a_file_of_one_purpose_is_refused_for_the_others(
    purpose: Purpose, head: bytes, expected: str
) -> None:
    for other in set(Purpose) - {purpose}:
        assert PURPOSES[other].recognise(head)[0] is None, other


def test_text_that_is_cut_inside_a_character_is_still_text() -> None:
    for encoding in ("utf-8", "cp949"):
        text = ("가나다라마바사," * 2_000).encode(encoding)
        for shift in range(4):
            assert sniff(b"x" * shift + text[: HEAD_BYTES - shift]) == ["text/csv"]


@given(st.binary(max_size=HEAD_BYTES))
def test_no_content_makes_the_sniffer_fail(head: bytes) -> None:
    assert isinstance(sniff(head), list)


@given(st.integers(1, PART_MAX_BYTES * MAX_PARTS))
def test_parts_cover_the_file_exactly_and_keep_to_the_limits(size: int) -> None:
    plan = plan_parts(size)
    assert PART_MIN_BYTES <= plan.part_size <= PART_MAX_BYTES
    assert plan.part_size % MIB == 0
    assert 1 <= plan.count <= MAX_PARTS
    assert plan.part_size * (plan.count - 1) + plan.size_of(plan.count) == size
    assert 0 < plan.size_of(plan.count) <= plan.part_size


def test_a_file_beyond_ten_thousand_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        plan_parts(PART_MAX_BYTES * MAX_PARTS + 1)
    with pytest.raises(ValueError, match="parts 1 to"):
        plan_parts(1).size_of(2)
