"""Fetch the language data for recognising Korean text (`make ocr-data`). Standard library only.

It is Debian's package `tesseract-ocr-script-hang`, one file of which goes into `.local/tessdata`;
nothing is installed, and no root is needed. The package comes from the mirror that apt is set up
with, else from Debian's pool, and counts only if it is the one whose hash stands here.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from deploy.local.state import kept_folder

PACKAGE = "tesseract-ocr-script-hang"
VERSION = "4.1.0-2"
SHA256 = "18e4308b88bbb09e01dcfe5ba84924787002c2c25ee5b651560c3507d1f8a759"
POOL_URL = f"https://deb.debian.org/debian/pool/main/t/tesseract-lang/{PACKAGE}_{VERSION}_all.deb"
DATA = "Hangul.traineddata"
_MOST_BYTES = 64 << 20
_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60


class OcrDataError(Exception):
    """There is no usable package; the message says why."""


def data_folder() -> Path:
    """Where the data is kept."""
    return kept_folder().path / "tessdata"


def installed_folder() -> Path | None:
    """The folder with the data, or None."""
    folder = data_folder()
    return folder if (folder / DATA).is_file() else None


def members(package: bytes) -> dict[str, bytes]:
    """The members of a .deb, which is an `ar` archive (ar(5)). Raises OcrDataError."""
    if not package.startswith(_MAGIC):
        raise OcrDataError("this is no .deb")
    found: dict[str, bytes] = {}
    at = len(_MAGIC)
    while at + _HEADER_BYTES <= len(package):
        header = package[at : at + _HEADER_BYTES]
        size = header[48:58].strip()
        if header[58:] != b"`\n" or not size.isdigit():
            raise OcrDataError("the .deb is damaged")
        start = at + _HEADER_BYTES
        found[header[:16].decode("ascii", "replace").strip().rstrip("/")] = package[
            start : start + int(size)
        ]
        at = start + int(size) + int(size) % 2
    return found


def extracted(package: bytes) -> bytes:
    """The language data in a .deb. Raises OcrDataError."""
    archive = members(package).get("data.tar.xz")
    if archive is None:
        raise OcrDataError("the .deb has no data.tar.xz")
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:xz") as tar:
            for member in tar:
                if member.isreg() and Path(member.name).name == DATA:
                    if member.size > _MOST_BYTES:
                        raise OcrDataError(f"{DATA} is too large")
                    file = tar.extractfile(member)
                    return b"" if file is None else file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise OcrDataError(f"the .deb is damaged: {error}") from error
    raise OcrDataError(f"the .deb has no {DATA}")


def checked(package: bytes, sha256: str = SHA256) -> bytes:
    """The package, if it is the one that is meant. Raises OcrDataError."""
    found = hashlib.sha256(package).hexdigest()
    if found != sha256:
        raise OcrDataError(f"another package came: its SHA-256 is {found}")
    return package


def from_apt() -> bytes:
    """The package from apt's mirror; apt downloads it as any user. Raises OcrDataError."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise OcrDataError("there is no apt-get")
    with tempfile.TemporaryDirectory() as folder:
        # Run by root, apt would hand the download to a user who cannot write here.
        argv = [apt, "-o", "APT::Sandbox::User=root", "download", f"{PACKAGE}=1:{VERSION}"]
        done = subprocess.run(
            argv, cwd=folder, check=False, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        files = sorted(Path(folder).glob("*.deb"))
        if done.returncode != 0 or not files:
            raise OcrDataError(f"apt-get: {done.stderr.strip() or 'no package'}")
        return files[0].read_bytes()


def from_pool(url: str = POOL_URL) -> bytes:
    """The package from Debian's pool. Raises OcrDataError."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - an https constant
            package: bytes = answer.read(_MOST_BYTES)
    except (urllib.error.URLError, OSError) as error:
        raise OcrDataError(f"{url}: {error}") from error
    return package


SOURCES: tuple[Callable[[], bytes], ...] = (from_apt, from_pool)


def fetched(sources: tuple[Callable[[], bytes], ...] = SOURCES) -> bytes:
    """The package from the first source that has it. Raises OcrDataError, with every reason."""
    reasons = []
    for source in sources:
        try:
            return checked(source())
        except (OcrDataError, OSError, subprocess.TimeoutExpired) as error:
            reasons.append(f"{source.__name__}: {error}")
    raise OcrDataError("; ".join(reasons))


def install(data: bytes, folder: Path) -> Path:
    """Write the data, whole or not at all; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    target = folder / DATA
    Path(name).chmod(0o644)
    Path(name).replace(target)
    return target


def main() -> int:
    """Entry point: 1 with a sentence where the data cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deb", type=Path, help="take this file instead of downloading it")
    options = parser.parse_args()
    if options.deb is None and (present := installed_folder()) is not None:
        print(f"ocr-data: {present / DATA} is there already")
        return 0
    try:
        package = fetched() if options.deb is None else checked(options.deb.read_bytes())
        target = install(extracted(package), data_folder())
    except (OcrDataError, OSError) as error:
        print(f"ocr-data: {error}", file=sys.stderr)
        return 1
    print(f"ocr-data: {target}; the next `make up` uses it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
