"""That no wrong reading escapes review: many made-up sheets, each with its own student and pen.

    python -m tests.perf.sheets_proof --sheets 10000 --processes 2

Sheet n is the same on every machine. What was read is kept in `--out` chunk by chunk, so that an
interrupted run goes on where it stopped; another network or another reader begins anew. A third
of the sheets are of inks and strokes that no network is trained on, a third are filled with care.
Whoever changes the reader because of what a run has shown proves it on other sheets (`--first`).
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import monotonic
from typing import Any

import cv2

from academy.sheets import reading
from academy.sheets.network import WEIGHTS
from academy.sheets.network.examples import LAYOUTS
from academy.sheets.network.model import BubbleNetwork
from academy.sheets.reading.engine import Reader
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.judge import Report
from academy.sheets.synthetic.sheets import sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand

CHUNK = 24
SETS = [(how, hand) for how in Capture for hand in Hand]
FIGURES = ("sheets", "groups", "wrong", "silent", "review")
COUNTERS = ("unread", "by_mark", "wrong_by_mark", "silent_by_mark", "review_by_mark")


def read(first: int) -> dict[str, Any]:
    """The figures of one chunk of sheets by set."""
    cv2.setNumThreads(1)
    reader = Reader(WEIGHTS)
    reports: dict[str, Report] = {}
    for number in range(first, first + CHUNK):
        how, hand = SETS[number % len(SETS)]
        layout = LAYOUTS[number // len(SETS) % len(LAYOUTS)]
        one = sample(layout, Stream.PROOF, number, hand=hand, how=how)
        reports.setdefault(f"{how.value}/{hand.value}", Report()).add(one, reader)
    return {
        "first": first,
        "sets": {
            name: {field: getattr(report, field) for field in (*FIGURES, *COUNTERS, "escaped")}
            | {"cpu_seconds": round(report.cpu_seconds, 3)}
            for name, report in reports.items()
        },
    }


def run(first: int, sheets: int, processes: int, out: Path) -> list[dict[str, Any]]:
    """All chunks, those of earlier runs with the same network and reader included."""
    identity = {**BubbleNetwork(WEIGHTS).identity, "reader": reader_hash()}
    done = {chunk["first"]: chunk for chunk in kept(out, identity)}
    wanted = range(first, first + sheets, CHUNK)
    left = [number for number in wanted if number not in done]
    started, began_with = monotonic(), len(done)
    with out.open("a", encoding="utf-8") as file, ProcessPoolExecutor(processes) as pool:
        for future in as_completed([pool.submit(read, number) for number in left]):
            chunk = future.result() | {"model": identity}
            done[chunk["first"]] = chunk
            file.write(json.dumps(chunk) + "\n")
            file.flush()
            total = summed(list(done.values()))
            seconds = (monotonic() - started) / (len(done) - began_with) * (len(left) + began_with)
            say(
                f"{sum(one['sheets'] for one in total.values())} sheets,"
                f" {sum(one['silent'] for one in total.values())} silent errors,"
                f" about {seconds / 60:.0f} minutes in all"
            )
    return [chunk for chunk in done.values() if chunk["first"] in wanted]


def reader_hash() -> str:
    """Of the reader's own code."""
    folder = Path(reading.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kept(out: Path, identity: dict[str, str]) -> list[dict[str, Any]]:
    """What an earlier run with this network has left."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        return []
    chunks = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [chunk for chunk in chunks if chunk["model"] == identity]


def summed(chunks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The figures of all chunks by set."""
    total: dict[str, dict[str, Any]] = {}
    for chunk in chunks:
        for name, one in chunk["sets"].items():
            into = total.setdefault(
                name,
                dict.fromkeys((*FIGURES, "cpu_seconds"), 0)
                | {field: Counter() for field in COUNTERS}
                | {"escaped": []},
            )
            for field in (*FIGURES, "cpu_seconds", "escaped"):
                into[field] += one[field]
            for field in COUNTERS:
                into[field].update(one[field])
    return dict(sorted(total.items()))


def report(total: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Print the tables; what they say as one JSON object."""
    say(f"{'set':22} {'sheets':>7} {'groups':>8} {'right':>8} {'review':>8} {'silent':>7} unread")
    for name, one in total.items():
        say(
            f"{name:22} {one['sheets']:7} {one['groups']:8}"
            f" {1 - one['wrong'] / one['groups']:8.5f} {one['review'] / one['groups']:8.5f}"
            f" {one['silent']:7} {sum(one['unread'].values()):6}"
        )
    marks: dict[str, Counter[str]] = {}
    for one in total.values():
        for field in COUNTERS[1:]:
            marks.setdefault(field, Counter()).update(one[field])
    say(f"\n{'mark':12} {'groups':>8} {'wrong':>7} {'review':>8} {'silent':>7}")
    for mark, count in sorted(marks["by_mark"].items()):
        say(
            f"{mark:12} {count:8} {marks['wrong_by_mark'][mark]:7}"
            f" {marks['review_by_mark'][mark]:8} {marks['silent_by_mark'][mark]:7}"
        )
    for one in total.values():
        for line in one["escaped"]:
            say(line)
    return {
        "sheets": sum(one["sheets"] for one in total.values()),
        "groups": sum(one["groups"] for one in total.values()),
        "silent": sum(one["silent"] for one in total.values()),
        "marks": {name: dict(counts) for name, counts in marks.items()},
        "sets": {
            name: {field: one[field] for field in (*FIGURES, "unread")}
            for name, one in total.items()
        },
    }


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read, print, and fail where an error escaped."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.sheets_proof", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="number of the first sheet")
    parser.add_argument("--sheets", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench-out/sheets/proof.jsonl"))
    options = parser.parse_args()
    found = report(summed(run(options.first, options.sheets, options.processes, options.out)))
    say(json.dumps(found))
    sys.exit(1 if found["silent"] else 0)


if __name__ == "__main__":
    main()
