"""Train the networks for hard marks: generate, learn, calibrate, judge, and promote if better.

    python -m academy.sheets.network --sheets 900 --epochs 8

Needs torch and onnx. Minutes on one core for the small network, and about four times as long for
the committee (``--only bubbles`` leaves it out); the same arguments give the same networks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import torch

from academy.sheets.network import COMMITTEE, WEIGHTS
from academy.sheets.network.committee import Committee, content_of, size_of
from academy.sheets.network.examples import Examples, examples_of, training_samples
from academy.sheets.network.export import onnx_bytes
from academy.sheets.network.holdout import reports, sets
from academy.sheets.network.promotion import Merit, is_better
from academy.sheets.network.training import train, train_member
from academy.sheets.network.verdict import SecondReader
from academy.sheets.reading.engine import Reader
from academy.sheets.synthetic.judge import Reads
from academy.sheets.synthetic.sheets import Sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand

MEMBERS: Final = 2
_TEMPERATURES: Final = (1.0, 1.25, 1.5, 2.0, 2.5)
_CALIBRATION_SHARE = 3
_HARD: Final = (Hand.HARD,)

Sheets = Mapping[str, list[Sample]]
Open = Callable[[Path], Reads]


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit status is 0 whether or not the new networks were promoted."""
    options = _options(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if options.examples:
        examples = Examples.load(sorted(options.examples.glob("*.npz")))
    else:
        examples = examples_of(training_samples(Stream.TRAINING, 0, options.sheets), options.seed)
    _say(f"{len(examples.meant)} bubbles, {examples.meant.mean():.1%} of them meant")
    if options.only != "committee":
        network = train(examples, epochs=options.epochs, seed=options.seed, say=_say)
        _offer(options, onnx_bytes(network), network.size, WEIGHTS, Reader)
    if options.only != "bubbles":
        members = [
            train_member(examples, epochs=options.epochs, seed=options.seed + number, say=_say)
            for number in range(MEMBERS)
        ]
        first = Reader(WEIGHTS)
        _offer(
            options, content_of(members), size_of(members), COMMITTEE,
            lambda path: SecondReader(first, Committee.load(path)),
        )  # fmt: skip
    return 0


def _offer(
    options: argparse.Namespace, content: bytes, size: int, present: Path, opened: Open
) -> None:
    """Calibrate a candidate, judge it on held-out sheets, and promote it if it is better."""
    sha256 = hashlib.sha256(content).hexdigest()
    name, _, _ = present.name.partition(".")
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / present.name
        candidate.write_bytes(content)
        about: dict[str, Any] = {
            "name": f"{name}@{sha256[:8]}",
            "sha256": sha256,
            "parameters": size,
            "training": {
                "sheets": options.sheets, "epochs": options.epochs, "seed": options.seed,
            },
        }  # fmt: skip
        count = max(1, options.holdout // _CALIBRATION_SHARE)
        sheets = sets(count, stream=Stream.CALIBRATION, hands=_HARD)
        about["temperature"] = _calibrated(candidate, about, opened, sheets)
        _describe(candidate, about)
        held_out = sets(options.holdout)
        about["holdout"] = reports(opened(candidate), held_out)
    before = reports(opened(present), held_out) if present.exists() else None
    for of_set, report in about["holdout"].items():
        _say(f"{of_set}: {json.dumps(report)}")
    if not is_better(about["holdout"], before):
        _say(f"{name}: not promoted, the present one is as good on the same sheets")
        return
    present.parent.mkdir(parents=True, exist_ok=True)
    present.write_bytes(content)
    _describe(present, about)
    _say(f"promoted: {about['name']}")


def _calibrated(candidate: Path, about: dict[str, Any], opened: Open, sheets: Sheets) -> float:
    """The temperature at which the network is neither too sure nor too timid.

    Raising it lowers every confidence: silent errors go to review, and so does more that is right.
    """
    best: tuple[Merit, float] | None = None
    for temperature in _TEMPERATURES:
        _describe(candidate, {**about, "temperature": temperature})
        merit = Merit.of(reports(opened(candidate), sheets))
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
    parser.add_argument("--only", choices=["bubbles", "committee"])
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
