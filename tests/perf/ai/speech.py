"""How exactly speech is found under noise, and how fast, on one core: ``python -m``.

The recordings are made: eSpeak NG speaks Korean sentences at known times, a room's or a flat noise
is added. That is a regression gate and no figure of a classroom. Needs the registry of models.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from academy.ai.speech.limits import FRAME, MODEL, RATE
from academy.ai.speech.model import Listener
from academy.ai.speech.segments import SPEECH, Rules, segments_of
from academy.inference import registry
from tests.support import speech

GATE_SECONDS: Final = 0.5
NOISES: Final = (
    ("room", 30),
    ("room", 15),
    ("room", 5),
    ("white", 30),
    ("white", 15),
    ("white", 5),
)
SPEED_SECONDS: Final = 1_800
_FIRST_SEED: Final = 5_000
"""No test uses these."""


def measure(size: int) -> dict[str, Any]:
    """``size`` recordings of six sentences under each noise: boundary errors in seconds, speed."""
    weights = registry.path(MODEL)
    sets = {f"{kind} {snr} dB": _boundaries(weights, size, kind, snr) for kind, snr in NOISES}
    return {
        "gate_seconds": GATE_SECONDS,
        "recordings": size * len(NOISES),
        "sets": sets,
        "passed": all(one["unpaired"] == 0 and one["max"] <= GATE_SECONDS for one in sets.values()),
        "times_real_time_per_core": _speed(weights),
        "model": registry.identity(MODEL),
    }


def _boundaries(weights: Path, size: int, kind: str, snr: int) -> dict[str, Any]:
    errors: list[float] = []
    unpaired = 0
    for number in range(size):
        seed = _FIRST_SEED + number
        pauses = np.random.default_rng(seed).uniform(1.0, 8.0, 7).tolist()
        made = speech.with_noise(
            speech.talk(pauses, seed=seed, sentences=1 + number % 2), snr, seed=seed, kind=kind
        )
        found = _heard(weights, made.sound)
        if len(found) != len(made.spoken):
            unpaired += 1
            continue
        errors += speech.boundary_errors(found, made.spoken)
    return {
        "unpaired": unpaired,
        "mean": round(float(np.mean(errors)), 3) if errors else None,
        "p95": round(float(np.quantile(errors, 0.95)), 3) if errors else None,
        "max": round(max(errors), 3) if errors else None,
    }


def _heard(weights: Path, sound: speech.Sound) -> list[tuple[float, float]]:
    samples = (np.clip(sound, -1, 1) * 32_767).astype(np.int16)
    filled = np.concatenate((samples, np.zeros(-len(samples) % FRAME, dtype=np.int16)))
    chances, levels = Listener(weights).hear(filled)
    found = segments_of(chances, levels, len(samples) / RATE, Rules())
    return [(one.start, one.end) for one in found if one.kind == SPEECH]


def _speed(weights: Path) -> float:
    """Seconds of a recording that are heard in one, on one thread, decoding not counted."""
    listener = Listener(weights)
    block = np.random.default_rng(1).integers(-3000, 3000, 2048 * FRAME).astype(np.int16)
    rounds = SPEED_SECONDS * RATE // len(block)
    began = time.monotonic()
    for _ in range(rounds):
        listener.hear(block)
    return round(rounds * len(block) / RATE / (time.monotonic() - began), 1)


def main() -> int:
    """Entry point: prints the figures as JSON; 1 where the gate is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.ai.speech", description=__doc__)
    parser.add_argument("--size", type=int, default=20, help="recordings under each noise")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.test")
    figures = measure(parser.parse_args().size)
    print(json.dumps(figures, indent=2))
    return 0 if figures["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
