"""How well and how fast handwritten numbers are read: made-up writers of the benchmark's own seeds.

    python -m tests.perf.ai.digits --boxes 500

Prints one JSON object; ``accuracy`` is of digits, in the worse of the two sets of numbers. One
core; the time is that of finding the ink, the network and the reading, without the making of the
boxes. ``confusion`` counts digits: the row was meant, the column read.
"""

import argparse
import json
import sys
import time
from typing import Any

import cv2

from academy.ai.digits.network.model import network
from academy.ai.digits.synthetic.boxes import Written
from academy.ai.digits.synthetic.judge import Report, seen, verdicts
from academy.ai.digits.synthetic.sets import PLAIN, samples
from academy.ai.digits.synthetic.streams import Stream
from academy.inference import runtime


def measure(size: int) -> dict[str, Any]:
    """Figures of so many boxes of each set, at the threshold of the network that is shipped."""
    cv2.setNumThreads(1)
    runtime.torch().set_num_threads(1)
    digits = network()
    found: dict[str, Any] = {"model": digits.identity, "threshold": digits.threshold, "sets": {}}
    boxes, spent = 0, 0.0
    for what, fractions in ((Written.NUMBER, True), *((one, False) for one in Written)):
        report = Report()
        made = list(samples(Stream.BENCHMARK, what, size, fractions=fractions))
        allowed = PLAIN + "/" if fractions else PLAIN
        began = time.process_time()
        told = list(verdicts(seen(made), digits, threshold=digits.threshold, allowed=allowed))
        spent += time.process_time() - began
        boxes += len(told)
        for sample, verdict in told:
            report.add(sample, verdict)
        found["sets"]["fraction" if fractions else what.value] = report.to_json()
    found["boxes_per_second"] = round(boxes / spent, 1)
    found["accuracy"] = min(
        found["sets"][name]["digit_accuracy"] for name in ("number", "fraction")
    )
    found["silent_errors"] = sum(one["silent_errors"] for one in found["sets"].values())
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.ai.digits", description=__doc__)
    parser.add_argument("--boxes", type=int, default=500, help="of each set")
    print(json.dumps(measure(parser.parse_args().boxes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
