"""Files with turned bits: an opener reads what is left or refuses it by a code, whatever they hit.

The seeds are those under which a library once raised something that nobody had thought of, and
some more.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from academy.core.catalogue import CATALOGUE
from academy.documents import errors  # noqa: F401 - registers the codes
from academy.documents.opening import Channel, Limits, opened
from academy.documents.tables import errors as table_errors  # noqa: F401 - registers the codes
from academy.documents.tables.opening import Table
from academy.sandbox.child import Refused
from tests.support import hostile_files

LIMITS = Limits(
    size=1 << 20, pages=30, pixels=4_000_000, short_side=8, long_side=400, dpi=100,
    channel=Channel.RED,
)  # fmt: skip
HEAD = 200


def turned(data: bytes, seed: int) -> bytes:
    """Some bits turned over, more of them where the head is."""
    chance, out = random.Random(seed), bytearray(data)
    share = chance.choice([0.0005, 0.002, 0.01, 0.05])
    for place in range(4, len(out)):
        if chance.random() < share * (5 if place < HEAD else 1):
            out[place] ^= 1 << chance.randrange(8)
    return bytes(out)


def saved(name: str, **options: Any) -> bytes:
    """A small picture; a fax has one bit a pixel."""
    shades = np.add.outer(np.arange(120), np.arange(160)) % 256
    image = Image.fromarray(shades.astype(np.uint8))
    image = image.convert("1" if options.get("compression") == "group4" else "RGB")
    if name == "JPEG":
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "x"
        options["exif"] = exif
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def read_document(path: Path) -> None:
    with opened(path, LIMITS) as document:
        for number in range(1, min(document.pages, 3) + 1):
            document.gray(number)
            document.colours(number)
            document.coloured(number)


def read_table(path: Path) -> None:
    table = Table(path)
    for _ in table.rows():
        pass


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it reads on in spite of
@pytest.mark.parametrize(
    ("make", "read"),
    [
        pytest.param(lambda _: saved("PNG"), read_document, id="png"),
        pytest.param(lambda _: saved("JPEG"), read_document, id="jpeg"),
        pytest.param(lambda _: saved("WEBP"), read_document, id="webp"),
        pytest.param(
            lambda _: saved("TIFF", compression="tiff_lzw"), read_document, id="tiff"
        ),
        pytest.param(
            lambda _: saved("TIFF", compression="group4"), read_document, id="fax"
        ),
        pytest.param(
            lambda path: hostile_files.pdf(path / "a.pdf").read_bytes(), read_document, id="pdf"
        ),
        pytest.param(
            lambda path: hostile_files.xlsx(path / "a.xlsx").read_bytes(), read_table, id="xlsx"
        ),
    ],
)  # fmt: skip
def test_turned_bits_are_read_over_or_refused_by_a_code(
    tmp_path: Path, make: Callable[[Path], bytes], read: Callable[[Path], None]
) -> None:
    whole, path, codes = make(tmp_path), tmp_path / "turned", []
    for seed in (3, 26, 218, 449, *range(1000, 1060)):
        path.write_bytes(turned(whole, seed))
        try:
            read(path)
        except Refused as refusal:
            codes.append(refusal.code)
    assert len(codes) > 10, "so few are no test"
    assert not set(codes) - set(CATALOGUE)
