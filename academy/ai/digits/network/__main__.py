"""Train the network for digits: generate, learn, calibrate, judge, and promote if better.

    python -m academy.ai.digits.network --writers 800 --epochs 10

Needs torch and safetensors. Two minutes on one core; the same
arguments give the same network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

_REAL: Final = (0, 800, 1_200, 1_797)
"""Where the parts of the digits that people wrote begin and end: what is learnt, what sets the
threshold, what judges."""
_REPEATS: Final = 6
_TEMPERATURES: Final = (0.6, 0.8, 1.0, 1.3)
_SILENT, _SILENT_REAL = 100.0, 20.0
_THRESHOLDS: Final = (0.85, 0.9, 0.93, 0.95, 0.97)


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit status is 0 whether or not the new network was promoted."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    from safetensors.torch import save  # noqa: PLC0415 - imports torch

    from academy.ai.digits.network.examples import (  # noqa: PLC0415
        balanced,
        examples_of,
        real_digits,
    )
    from academy.ai.digits.network.model import DigitNetwork  # noqa: PLC0415
    from academy.ai.digits.network.training import train  # noqa: PLC0415
    from academy.ai.digits.synthetic.sets import reports  # noqa: PLC0415
    from academy.ai.digits.synthetic.streams import Stream  # noqa: PLC0415
    from academy.inference import runtime  # noqa: PLC0415

    options = _options(arguments)
    cv2.setNumThreads(1)
    # Asked for first: it sets as many threads as there are processors.
    runtime.torch().set_num_threads(1)
    examples = balanced(examples_of(Stream.TRAINING, options.writers, options.boxes), options.seed)
    real = real_digits(*_REAL[0:2])
    for _ in range(_REPEATS):
        examples = examples.and_also(real)
    _say(f"{len(examples.classes)} examples: {np.bincount(examples.classes).tolist()}")
    trained = train(examples, epochs=options.epochs, seed=options.seed, say=_say)
    content = save({key: value.contiguous() for key, value in trained.state_dict().items()})
    sha256 = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / options.out.name
        candidate.write_bytes(content)
        about: dict[str, Any] = {
            "name": f"short-digits@{sha256[:8]}", "sha256": sha256,
            "parameters": sum(one.numel() for one in trained.parameters()),
            "training": {"examples": len(examples.classes), "epochs": options.epochs,
                         "seed": options.seed},
        }  # fmt: skip
        about |= _calibrated(candidate, about, options.holdout)
        _describe(candidate, about)
        network = DigitNetwork(candidate)
        about["holdout"] = reports(network, options.holdout, threshold=network.threshold)
        about["real"] = _on_real(network, *_REAL[2:4], threshold=network.threshold)
    present = _present(options.out)
    _say(json.dumps({key: about[key] for key in ("temperature", "threshold", "real")}))
    for name, report in about["holdout"].items():
        _say(f"{name}: {json.dumps({key: report[key] for key in report if key != 'confusion'})}")
    if present is not None and _cost(about) >= _cost(present):
        _say("not promoted: the present network is as good on the same boxes")
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(content)
    _describe(options.out, about)
    _say(f"promoted: {about['name']}")
    return 0


def _calibrated(candidate: Path, about: dict[str, Any], count: int) -> dict[str, float]:
    """The temperature and the threshold with the lowest cost on writers of their own.

    A silent error is a student's point, a look of a person some seconds: a hundred to one. Digits
    of 8 x 8 pixels, of which some could be two, count for less.
    """
    from academy.ai.digits.network.model import DigitNetwork  # noqa: PLC0415
    from academy.ai.digits.reading.verdict import Status  # noqa: PLC0415
    from academy.ai.digits.synthetic.boxes import Written  # noqa: PLC0415
    from academy.ai.digits.synthetic.judge import seen, verdicts  # noqa: PLC0415
    from academy.ai.digits.synthetic.sets import PLAIN, samples  # noqa: PLC0415
    from academy.ai.digits.synthetic.streams import Stream  # noqa: PLC0415

    boxes = [
        one
        for what in Written
        for one in seen(samples(Stream.CALIBRATION, what, count, fractions=what is Written.NUMBER))
    ]
    best: tuple[float, float, float] | None = None
    for temperature in _TEMPERATURES:
        _describe(candidate, {**about, "temperature": temperature, "threshold": 1.0})
        network = DigitNetwork(candidate)
        # Without a threshold: each is then tried on the same confidences.
        found = list(verdicts(boxes, network, threshold=0.0, allowed=PLAIN + "/"))
        for threshold in _THRESHOLDS:
            certain = [
                (sample, verdict) for sample, verdict in found
                if verdict.status is Status.OK and verdict.confidence >= threshold
            ]  # fmt: skip
            silent = sum(verdict.value != sample.text for sample, verdict in certain)
            real = _on_real(network, *_REAL[1:3], threshold=threshold)["silent_errors"]
            blank = sum(verdict.status is Status.BLANK for _, verdict in found)
            review = len(found) - len(certain) - blank
            _say(f"temperature {temperature}, threshold {threshold}: {silent} silent, "
                 f"{real} of people's digits, {review} of {len(found)} to look at")  # fmt: skip
            cost = _SILENT * silent + _SILENT_REAL * real + review
            if best is None or cost < best[0]:
                best = cost, temperature, threshold
    assert best is not None
    return {"temperature": best[1], "threshold": best[2]}


def _on_real(network: Any, first: int, last: int, *, threshold: float) -> dict[str, Any]:
    """Accuracy on digits that people wrote, none of them learnt."""
    from academy.ai.digits.network import OTHER  # noqa: PLC0415
    from academy.ai.digits.network.examples import real_digits  # noqa: PLC0415

    real = real_digits(first, last)
    shares = network.shares(real.patches)
    found = shares.argmax(1)
    right = found == real.classes
    # What the network calls no digit goes to a person, however sure it is.
    sure = (shares.max(1) >= threshold) & (found != OTHER)
    return {
        "digits": len(right),
        "accuracy": round(float(right.mean()), 4),
        "silent_errors": int((sure & ~right).sum()),
        "review_rate": round(float((~sure).mean()), 4),
    }


def _cost(about: dict[str, Any]) -> float:
    sets = about["holdout"].values()
    silent = sum(one["silent_errors"] for one in sets) + about["real"]["silent_errors"]
    return float(_SILENT * silent + sum(one["review_rate"] * one["boxes"] for one in sets))


def _present(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def _describe(model: Path, about: dict[str, Any]) -> None:
    text = json.dumps(about, ensure_ascii=False, indent=2, sort_keys=True)
    model.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    from academy.ai.digits.network import WEIGHTS  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m academy.ai.digits.network")
    parser.add_argument("--writers", type=int, default=800, help="made-up writers to learn from")
    parser.add_argument("--boxes", type=int, default=12, help="boxes of each")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--holdout", type=int, default=300, help="boxes of each set to judge on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
