"""VMAF of what was made, where an ffmpeg with libvmaf is installed (imageio-ffmpeg has one)."""

from __future__ import annotations

import importlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from academy.media import binaries
from academy.video import playlist
from tests.perf.video.measure import check
from tests.support import media

EVERY = 5
"""One picture in so many is judged: the mean does not change, the time does."""
MISSING = "not measured: no ffmpeg with libvmaf (imageio-ffmpeg has one)"


@cache
def judge() -> str | None:
    """The path of an ffmpeg with libvmaf; None where there is none."""
    for candidate in (media.binaries().ffmpeg, _imageio()):
        if candidate is not None and "libvmaf" in binaries.filters(candidate):
            return candidate
    return None


def _imageio() -> str | None:
    try:
        # Optional, and without types.
        module: Any = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        return None
    return str(module.get_ffmpeg_exe())


def vmaf(made: Path, source: Path, size: tuple[int, int], folder: Path) -> float | None:
    """The mean VMAF of a rung, seen at the source's size; None where nobody can judge.

    The n-th picture is compared with the n-th: both have the source's constant rate.
    """
    ffmpeg = judge()
    if ffmpeg is None:
        return None
    log = folder / "vmaf.json"
    # Said to be the same, or ffmpeg converts one of them: a source need not say what it is.
    alike = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    paired = f"format=yuv420p,{alike},settb=1/1000,setpts=N*40"
    graph = (
        f"[0:v]{alike},scale={size[0]}:{size[1]}:flags=bicubic,{paired}[made];"
        f"[1:v]{alike},{paired}[source];"
        f"[made][source]libvmaf=log_fmt=json:log_path={log.name}:n_subsample={EVERY}"
        f":n_threads={os.cpu_count() or 1}:shortest=1"
    )
    check(
        [ffmpeg, "-v", "error", "-nostdin", "-i", str(made), "-i", str(source),
         "-filter_complex", graph, "-f", "null", "-"],
        folder=folder,
    )  # fmt: skip
    return mean_of(log.read_text())


def mean_of(report: str) -> float:
    """The mean score in libvmaf's JSON report."""
    return float(json.loads(report)["pooled_metrics"]["vmaf"]["mean"])


def whole(folder: Path, rung: str, target: Path) -> Path:
    """A rung of HLS segments as one file: the init segment, and all others after it."""
    about = playlist.parse_media((folder / f"{rung}.m3u8").read_text())
    with target.open("wb") as file:
        for name in (about.init, *about.names):
            file.write((folder / name).read_bytes())
    return target
