"""How well and how fast homework videos are read: made-up clips of the benchmark's own seeds.

    python -m tests.perf.ai.homework --clips 12

Half a minute for a dozen; prints one JSON object. One core, ffmpeg's decoding included.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from academy.ai.homework import commands
from academy.ai.homework.limits import CANDIDATES, RATE
from academy.ai.homework.merging import Seen, best_of, grouped
from academy.ai.homework.page import ink_of, page_of
from academy.ai.homework.views import steady_views
from academy.media.probe import Prober
from tests.support import media, workbook

FIRST_SEED = 6_000
PENS = ("blue", "pencil", "red", "black")


def measure(size: int) -> dict[str, Any]:
    """Figures of so many clips: page counts, the order of ink, and seconds a second of video."""
    cv2.setNumThreads(1)
    exact = monotone = pages = 0
    spent = seconds = 0.0
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(size):
            clip = _clip(number)
            path = workbook.make(Path(folder) / f"{number}.mp4", clip)
            began = time.process_time()
            found, length, decoding = _read(path, Path(folder))
            spent += time.process_time() - began + decoding
            seconds += length
            wanted = list(dict.fromkeys(clip.order))
            exact += len(found) == len(wanted)
            monotone += found == sorted(found)
            pages += len(wanted)
            if len(found) != len(wanted) or found != sorted(found):
                wrong.append({"clip": number, "pages": len(found), "wanted": len(wanted)})
            path.unlink()
    return {
        "clips": size, "pages": pages, "page_count_exact": exact / size,
        "ink_order_monotone": monotone / size, "wrong": wrong,
        "video_seconds_per_core_second": round(seconds / spent, 1),
    }  # fmt: skip


def _clip(number: int) -> workbook.Clip:
    """Every pen, orders with pages shown twice, hands, light, shake, both formats."""
    rng = np.random.default_rng(FIRST_SEED + number)
    order = [(0, 1, 2, 3), (0, 1, 0, 2, 3), (0, 1, 2, 1, 3), (0, 1, 2, 3, 0)][number % 4]
    return workbook.Clip(
        order=order, pen=PENS[number // 2 % 4], seed=FIRST_SEED + number,
        size=((360, 640), (640, 360))[number % 5 == 4], shake=float(rng.uniform(1, 5)),
        light=float(rng.uniform(0.1, 0.5)), tilt=float(rng.uniform(-8, 8)),
        passing_hand=(1,) if number % 3 == 0 else (), desk_first=number % 4 == 3,
        rotated=90 if number % 6 == 5 and number % 5 != 4 else 0,
    )  # fmt: skip


def _read(path: Path, folder: Path) -> tuple[list[float], float, float]:
    """Ink ratios of the pages, seconds of the video, and seconds of ffmpeg's own."""
    tools = media.binaries()
    source = Prober(tools).probe(path)
    assert source.video is not None
    track = source.video
    began = _children()
    raw = folder / "frames.gray"
    subprocess.run(commands.sample(tools.ffmpeg, path, track, raw), check=True, capture_output=True)
    width, height = commands.small_size(track)
    frames = np.fromfile(raw, np.uint8).reshape(-1, height, width)
    views = steady_views(frames, candidates=CANDIDATES)
    numbers = sorted({number for view in views for number in view.best})
    pattern = folder / "large-%04d.jpg"
    subprocess.run(
        commands.extract(tools.ffmpeg, path, track, numbers, pattern), check=True,
        capture_output=True,
    )  # fmt: skip
    names = {n: folder / f"large-{at:04d}.jpg" for at, n in enumerate(numbers, 1)}
    seen = []
    for view in views:
        pictures = [(n, page_of(np.asarray(cv2.imread(str(names[n])), np.uint8)))
                    for n in view.best]  # fmt: skip
        if good := [Seen(n / RATE, page) for n, page in pictures if page is not None]:
            seen.append(best_of(good))
    ratios = [ink_of(best_of(group).page).ratio for group in grouped(seen)]
    return ratios, source.duration, _children() - began


def _children() -> float:
    """CPU seconds of the programs that this process has run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.ai.homework", description=__doc__)
    parser.add_argument("--clips", type=int, default=12)
    print(json.dumps(measure(parser.parse_args().clips), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
