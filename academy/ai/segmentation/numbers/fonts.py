"""The fonts that question numbers are drawn in: those to learn from, and those to judge on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

import academy.documents

OURS: Final = Path(academy.documents.__file__).parent / "fonts"
FOLDERS: Final = (OURS, Path("/usr/share/fonts"))
#: File names without their ending; of families with many weights each has its own file.
LEARNT: Final = (
    "NanumGothic", "NanumGothicBold", "NanumGothicExtraBold", "NanumGothicLight",
    "NanumBarunGothic", "NanumBarunGothicBold", "NanumSquareR", "NanumSquareB", "NanumSquareEB",
    "UnBatang", "UnBatangBold", "UnDotum", "UnDotumBold", "batang", "dotum", "gulim",
    "LiberationSans-Regular", "LiberationSans-Bold", "LiberationSansNarrow-Bold",
    "LiberationSerif-Regular", "LiberationSerif-Bold", "C059-Roman", "C059-Bold",
    "NimbusRoman-Regular", "NimbusRoman-Bold", "NimbusSans-Bold", "P052-Roman", "P052-Bold",
    "URWGothic-Demi", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "DejaVuSerif",
    "DejaVuSerif-Bold",
)  # fmt: skip
HELD_OUT: Final = (
    "NotoSansCJK-Regular", "NotoSansCJK-Bold", "NotoSerifCJK-Regular", "NotoSerifCJK-Bold",
    "NanumMyeongjo", "NanumMyeongjoBold", "UnGraphic", "UnGraphicBold", "hline",
    "URWBookman-Light", "URWBookman-Demi",
)  # fmt: skip
_KOREAN_FACE: Final = 1
"""Of Noto's collections."""


@dataclass(frozen=True)
class Face:
    """A font file; ``hangul`` says whether it has Korean syllables."""

    path: Path
    hangul: bool

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font in pixels."""
        return _loaded(self.path, size)


@cache
def _loaded(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size, index=_KOREAN_FACE if path.suffix == ".ttc" else 0)


def faces(names: Iterable[str], folders: Iterable[Path] = FOLDERS) -> list[Face]:
    """Those of the named fonts that this machine has, in the order of the names."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".ttf", ".otf", ".ttc"}:
                files.setdefault(path.stem, path)
    return [Face(files[name], _has_hangul(files[name])) for name in names if name in files]


def _has_hangul(path: Path) -> bool:
    font = _loaded(path, 20)
    # A font without a syllable draws the same box for every one.
    return font.getmask("가").getbbox() is not None and bytes(font.getmask("가")) != bytes(
        font.getmask("힣")
    )
