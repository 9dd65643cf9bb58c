"""Seeds that never meet: what is learnt from is not what is judged on."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What made-up writers are for."""

    TRAINING = 1
    CALIBRATION = 2
    HOLDOUT = 3
    BENCHMARK = 4


def rng_of(stream: Stream, *seed: int) -> np.random.Generator:
    """The random numbers of one writer or box."""
    return np.random.default_rng([7_041_776, stream, *seed])
