"""How well and how fast answer sheets are read: made-up sheets of the benchmark's own seeds.

    python -m tests.perf.sheets --sheets 100

Prints a table and, last, all of it as one JSON object. One core; the time is that of decoding,
finding and reading, without the making of the sheets.
"""

import argparse
import json
from pathlib import Path

import cv2

from academy.sheets.network import WEIGHTS
from academy.sheets.network.holdout import reports, sets
from academy.sheets.reading.engine import Reader
from academy.sheets.synthetic.streams import Stream

OMRCHECKER_PER_SECOND = 200 / 60
"""What OMRChecker publishes: 200 sheets a minute."""


def measure(sheets: int, network: Path | None) -> dict[str, dict]:
    """The reader's figures on so many sheets of every capture and hand."""
    cv2.setNumThreads(1)
    return reports(Reader(network), sets(sheets, stream=Stream.BENCHMARK))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.sheets", description=__doc__)
    parser.add_argument("--sheets", type=int, default=100, help="of each capture and hand")
    parser.add_argument("--network", type=Path, default=WEIGHTS if WEIGHTS.exists() else None)
    options = parser.parse_args()
    found = measure(options.sheets, options.network)
    print(f"{'set':20} {'right':>8} {'review':>8} {'silent':>7} {'unread':>7} {'sheets/s':>9}")
    for name, report in found.items():
        print(
            f"{name:20} {report['accuracy']:8.4f} {report['review_rate']:8.4f}"
            f" {report['silent_errors']:7} {sum(report['unread'].values()):7}"
            f" {report['sheets_per_core_second']:9.1f}"
        )
    clean = found["clean_scan/clean"]["sheets_per_core_second"]
    print(f"clean scans: {clean / OMRCHECKER_PER_SECOND:.1f} times OMRChecker's published rate")
    print(json.dumps({"sheets_per_set": options.sheets, "sets": found}))


if __name__ == "__main__":
    main()
