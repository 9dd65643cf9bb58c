"""The network for question numbers, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime

from academy.ai.segmentation.numbers import WEIGHTS
from academy.ai.segmentation.numbers.patches import Floats

SLOTS: Final = 3
"""Digits of a number, from the left."""
END: Final = 10
"""In a slot: the number has ended."""
_RIVALS: Final = 2
"""Values of a slot that are considered."""
_LEAST: Final = 0.02


class Kind(IntEnum):
    """What stands at the beginning of a line."""

    OTHER = 0
    NUMBER = 1
    GROUP = 2
    CIRCLED = 3


@dataclass(frozen=True)
class Reading:
    """What the network says of one line: shares from 0 to 1.

    ``kinds`` by `Kind`; ``values`` are numbers with their shares, the likeliest first, and
    ``lasts`` the same for the second number of a group.
    """

    kinds: tuple[float, ...]
    values: tuple[tuple[int, float], ...]
    lasts: tuple[tuple[int, float], ...]

    @property
    def kind(self) -> Kind:
        """The likeliest."""
        return Kind(int(np.argmax(self.kinds)))


class ModelError(Exception):
    """The file of the model is not the one that its description names."""


class NumberNetwork:
    """Reads the beginnings of lines. One thread; loaded once for a process."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if about["sha256"] != sha256:
            raise ModelError(f"{path.name}: expected {about['sha256']}, found {sha256}")
        self.identity = {"name": str(about["name"]), "sha256": sha256}
        """Name and SHA-256, as every result states them."""
        self._content = content

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            self._content, options, providers=["CPUExecutionProvider"]
        )

    def read(self, patches: Floats) -> list[Reading]:
        """What stands at the beginning of each line; ``patches`` as `patches_of` makes them."""
        if len(patches) == 0:
            return []
        (logits,) = self._session.run(["logits"], {"patches": patches})
        return [_reading(one) for one in np.asarray(logits, np.float32)]


def _reading(logits: Floats) -> Reading:
    kinds = _shares(logits[: len(Kind)])
    slots = logits[len(Kind) :].reshape(2, SLOTS, END + 1)
    return Reading(tuple(float(share) for share in kinds), _values(slots[0]), _values(slots[1]))


def _values(slots: Floats) -> tuple[tuple[int, float], ...]:
    """The likeliest numbers of so many slots."""
    shares = [_shares(slot) for slot in slots]
    best = [np.argsort(slot)[::-1][:_RIVALS] for slot in shares]
    found: dict[int, float] = {}
    for digits in product(*best):
        share = 1.0
        number = ""
        for slot, digit in zip(shares, digits, strict=True):
            share *= float(slot[digit])
            if digit == END:
                break
            number += str(digit)
        if number and share >= _LEAST and int(number):
            found[int(number)] = max(found.get(int(number), 0.0), share)
    return tuple(sorted(found.items(), key=lambda one: -one[1]))


def _shares(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max())
    return np.asarray(grown / grown.sum(), np.float32)
