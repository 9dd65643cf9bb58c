"""Seeds that never meet: one stream for each purpose."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a generated sheet is for."""

    TRAINING = 1
    HOLDOUT = 2
    GATE = 3
    BENCHMARK = 4
    CALIBRATION = 5
    PROOF = 6
    TRIAL = 7


def rng_of(stream: Stream, *numbers: int) -> np.random.Generator:
    """The random numbers of one sheet: independent of every other stream and number."""
    return np.random.default_rng(np.random.SeedSequence([int(stream), *numbers]))
