"""Train the network for hard marks: generate, learn, calibrate, judge, and promote if better.

    python -m academy.sheets.network --sheets 900 --epochs 8

Needs torch and onnx. Minutes on one core; the same arguments give the same network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import cv2
import torch

from academy.sheets.network import WEIGHTS
from academy.sheets.network.examples import Examples, examples_of, training_samples
from academy.sheets.network.holdout import reports
from academy.sheets.network.promotion import Merit, is_better
from academy.sheets.network.training import onnx_bytes, train
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand

_TEMPERATURES: Final = (1.0, 1.1, 1.25, 1.5, 2.0)
_CALIBRATION_SHARE = 3


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit status is 0 whether or not the new network was promoted."""
    options = _options(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if options.examples:
        examples = Examples.load(sorted(options.examples.glob("*.npz")))
    else:
        examples = examples_of(training_samples(Stream.TRAINING, 0, options.sheets), options.seed)
    _say(f"{len(examples.meant)} bubbles, {examples.meant.mean():.1%} of them meant")
    network = train(examples, epochs=options.epochs, seed=options.seed, say=_say)
    content = onnx_bytes(network)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / options.out.name
        candidate.write_bytes(content)
        about: dict[str, Any] = {
            "name": f"omr-bubbles@{hashlib.sha256(content).hexdigest()[:8]}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "parameters": network.size,
            "training": {
                "bubbles": len(examples.meant), "epochs": options.epochs, "seed": options.seed,
            },
            "temperature": _calibrated(candidate, options.holdout // _CALIBRATION_SHARE),
        }  # fmt: skip
        _describe(candidate, about)
        about["holdout"] = reports(candidate, options.holdout)
    present = reports(options.out, options.holdout) if options.out.exists() else None
    for name, report in about["holdout"].items():
        _say(f"{name}: {json.dumps(report)}")
    if not is_better(about["holdout"], present):
        _say("not promoted: the present network is as good on the same sheets")
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(content)
    _describe(options.out, about)
    _say(f"promoted: {about['name']}")
    return 0


def _calibrated(candidate: Path, count: int) -> float:
    """The temperature at which the network is neither too sure nor too timid.

    Raising it lowers every confidence: silent errors go to review, and so does more that is right.
    """
    about = {
        "name": "candidate",
        "sha256": hashlib.sha256(candidate.read_bytes()).hexdigest(),
    }
    best: tuple[Merit, float] | None = None
    for temperature in _TEMPERATURES:
        _describe(candidate, {**about, "temperature": temperature})
        merit = Merit.of(reports(candidate, count, stream=Stream.CALIBRATION, hands=(Hand.HARD,)))
        _say(f"temperature {temperature}: {merit}")
        if best is None or merit.cost < best[0].cost:
            best = merit, temperature
        if merit.silent == 0:
            break
    assert best is not None
    return best[1]


def _describe(model: Path, about: dict[str, Any]) -> None:
    text = json.dumps(about, ensure_ascii=False, indent=2, sort_keys=True)
    model.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m academy.sheets.network")
    parser.add_argument("--sheets", type=int, default=900, help="made-up sheets to learn from")
    parser.add_argument("--examples", type=Path, help="a folder of saved examples instead")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--holdout", type=int, default=30, help="sheets of each set to judge on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
