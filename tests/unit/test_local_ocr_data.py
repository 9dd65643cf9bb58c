"""The language data comes out of Debian's package, and out of nothing else."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from deploy.local import ocr_data
from deploy.local.ocr_data import OcrDataError, checked, extracted, fetched, install, members

CONTENT = b"the language data" * 100


def archive(name: str = f"./usr/share/tesseract-ocr/5/tessdata/{ocr_data.DATA}") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as tar:
        folder = tarfile.TarInfo("./usr")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        member = tarfile.TarInfo(name)
        member.size = len(CONTENT)
        tar.addfile(member, io.BytesIO(CONTENT))
    return out.getvalue()


def deb(**parts: bytes) -> bytes:
    """An `ar` archive as dpkg-deb writes it: odd members are padded."""
    out = b"!<arch>\n"
    for name, content in {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", **parts}.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        out += header.encode() + content + b"\n" * (len(content) % 2)
    return out


def test_the_data_comes_out_of_a_package_whole(tmp_path: Path) -> None:
    package = deb(**{"data.tar.xz": archive()})
    assert set(members(package)) == {"debian-binary", "control.tar.xz", "data.tar.xz"}
    assert extracted(package) == CONTENT
    target = install(extracted(package), tmp_path / "new")
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [ocr_data.DATA]


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (b"PK\x03\x04", "no .deb"),
        (deb(), "no data.tar.xz"),
        (deb(**{"data.tar.xz": archive("./usr/share/other.traineddata")}), "has no Hangul"),
        (deb(**{"data.tar.xz": b"nothing"}), "damaged"),
        (deb(**{"data.tar.xz": archive()[:60]}), "damaged"),
        (deb()[:-1].replace(b"`\n", b"!!"), "damaged"),
    ],
)
def test_what_is_no_such_package_is_refused(package: bytes, words: str) -> None:
    with pytest.raises(OcrDataError, match=words):
        extracted(package)


def test_data_that_claims_too_much_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr_data, "_MOST_BYTES", len(CONTENT) - 1)
    with pytest.raises(OcrDataError, match="too large"):
        extracted(deb(**{"data.tar.xz": archive()}))


def test_another_package_than_the_pinned_one_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = deb(**{"data.tar.xz": archive()})
    digest = hashlib.sha256(package).hexdigest()
    with pytest.raises(OcrDataError, match=digest):
        checked(package)
    monkeypatch.setattr(checked, "__defaults__", (digest,))

    def broken() -> bytes:
        raise OcrDataError("no mirror")

    assert fetched((broken, lambda: package)) == package
    with pytest.raises(OcrDataError, match="no mirror"):
        fetched((broken,))
