"""``make bench-video``: what a lecture costs to encode, beside PeerTube's way, on this machine.

Four parts, each printed and kept in ``results.json`` when it is done: every source by every
competitor in turn; what dividing into chunks costs; one lecture by one worker and by two; when a
long lecture can first be watched. Then the targets, met or not, and all of it as one JSON object.
A part that fails is told, and the others go on.

The last two parts need the services of ``python -m deploy.local run --services-only``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

from academy.media import binaries
from tests.perf.video import compare, dividing, quality, report, sources
from tests.perf.video.figures import Verdict
from tests.support import media

PARTS = ("sources", "chunks", "workers", "first")
HEIGHT = 720
"""Of the lectures that are divided and shared: their cost is a matter of time, not of size."""


def main() -> int:
    """Measure what was asked for; exit status 1 where a part failed, whatever the targets say."""
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    django.setup()
    # The encoders run in folders of their own.
    options.clips = options.clips.resolve()
    options.clips.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    failed: list[str] = []
    results = _about(options)
    with tempfile.TemporaryDirectory(prefix="academy-bench-video-") as name:
        work = Path(name)
        parts: dict[str, Callable[[], tuple[Any, list[Verdict]]]] = {
            "sources": lambda: _sources(options, work),
            "chunks": lambda: _chunks(options, work),
            "workers": lambda: _workers(options, work),
            "first": lambda: _first(options, work),
        }
        for part in options.only or PARTS:
            began = time.monotonic()
            try:
                results[part], told = parts[part]()
            except (RuntimeError, AssertionError, OSError, subprocess.SubprocessError) as error:
                failed.append(part)
                print(f"\n{part} FAILED: {error}", file=sys.stderr)
            else:
                verdicts += told
                results["verdicts"] = [asdict(verdict) for verdict in verdicts]
                (options.clips / "results.json").write_text(json.dumps(results, indent=1))
            print(f"  ({part}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    report.summary(verdicts)
    print(json.dumps(results))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.perf.video", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="length of the clips")
    parser.add_argument(
        "--sources", nargs="*", default=[*sources.SOURCES], choices=[*sources.SOURCES]
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all competitors")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="some of the parts")
    parser.add_argument("--chunked", type=float, default=120, help="seconds of the chunked lecture")
    parser.add_argument("--shared", type=float, default=360, help="seconds of the shared lecture")
    parser.add_argument("--long", type=float, default=1_200, help="seconds of the long lecture")
    parser.add_argument(
        "--whole", action="store_true", help="let the peer finish its rung of the long lecture"
    )
    parser.add_argument(
        "--clips", type=Path, default=Path("bench-out/video"), help="where generated clips are kept"
    )
    return parser.parse_args()


def _about(options: argparse.Namespace) -> dict[str, Any]:
    """What was measured with, for whoever compares two runs."""
    return {
        "cores": os.cpu_count(),
        "ffmpeg": binaries.version(media.binaries().ffmpeg),
        "vmaf": quality.judge() is not None,
        "seconds": options.seconds,
        "rounds": options.rounds,
    }


def _sources(options: argparse.Namespace, work: Path) -> tuple[Any, list[Verdict]]:
    found, verdicts = {}, []
    for name in options.sources:
        path = sources.clip(options.clips, name, options.seconds)
        found[name] = compare.compare(path, work, rounds=options.rounds)
        verdicts += report.of_source(name, found[name])
    return found, verdicts


def _chunks(options: argparse.Namespace, work: Path) -> tuple[Any, list[Verdict]]:
    path = _lecture(options, work, options.chunked, gop=sources.APART)
    found = dividing.divide(path, work, rounds=options.rounds)
    return found, report.of_dividing(found)


def _workers(options: argparse.Namespace, work: Path) -> tuple[Any, list[Verdict]]:
    from tests.perf.video import lectures  # noqa: PLC0415 - models need the settings

    path = _lecture(options, work, options.shared, gop=sources.TOO_FAR_APART)
    found = lectures.scaling(path)
    return found, report.of_scaling(found)


def _first(options: argparse.Namespace, work: Path) -> tuple[Any, list[Verdict]]:
    from tests.perf.video import lectures  # noqa: PLC0415 - as above

    clip = sources.clip(options.clips, "lec", options.seconds)
    path = sources.repeated(work / "long.mp4", clip, options.long)
    found = lectures.first_playable(path, work, whole=options.whole)
    return found, report.of_first(found)


def _lecture(options: argparse.Namespace, work: Path, seconds: float, *, gop: int) -> Path:
    """A lecture of so many seconds, in 720 lines."""
    clip = sources.clip(options.clips, "lec", options.seconds)
    path = work / f"lecture-{seconds:g}-{gop}.mp4"
    return sources.smaller(path, clip, height=HEIGHT, seconds=seconds, gop=gop)


if __name__ == "__main__":
    sys.exit(main())
