"""The network: three convolutions and two layers over a patch of 28 x 28. Needs torch."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from academy.ai.digits.network import SYMBOLS, WEIGHTS
from academy.inference import runtime

CHANNELS: Final = (16, 32, 56)
HIDDEN: Final = 80
_BATCH: Final = 1_024


class WeightsError(Exception):
    """The file of the weights is not the one that its description names."""


def layers() -> Any:
    """The network with random weights, as a module of torch."""
    nn = runtime.torch().nn
    first, second, third = CHANNELS
    return nn.Sequential(
        nn.Conv2d(1, first, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(second, third, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.15), nn.Linear(third * 3 * 3, HIDDEN), nn.ReLU(),
        nn.Linear(HIDDEN, len(SYMBOLS) + 1),
    )  # fmt: skip


class DigitNetwork:
    """What each patch is, in shares that add up to 1. Loaded once for a process."""

    def __init__(self, path: Path = WEIGHTS, device: str = "cpu") -> None:
        from safetensors.torch import load  # noqa: PLC0415 - imports torch

        content = path.read_bytes()
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        sha256 = hashlib.sha256(content).hexdigest()
        if about["sha256"] != sha256:
            raise WeightsError(f"{path.name}: expected {about['sha256']}, found {sha256}")
        self.identity = {"name": str(about["name"]), "sha256": sha256}
        self.threshold = float(about["threshold"])
        """Confidence from which on a number is taken without a person."""
        self._temperature = float(about["temperature"])
        self._device = device
        self._layers = layers()
        self._layers.load_state_dict(load(content))
        self._layers.eval().to(device)

    def shares(self, patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """For n patches n x 13; the last column is "something else".

        Halves its batches where the memory of the device is short.
        """
        out = np.zeros((len(patches), len(SYMBOLS) + 1), np.float32)
        at, size = 0, _BATCH
        while at < len(patches):
            try:
                out[at : at + size] = self._batch(patches[at : at + size])
            except runtime.torch().OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                continue
            at += size
        return out

    def _batch(self, patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        torch = runtime.torch()
        with torch.inference_mode():
            seen = torch.from_numpy(patches).to(self._device).float().div(255)[:, None]
            logits = self._layers(seen) / self._temperature
            return np.asarray(torch.softmax(logits, 1).cpu().numpy(), np.float32)


@cache
def network(device: str = "cpu") -> DigitNetwork:
    """The network that comes with the code."""
    return DigitNetwork(device=device)
