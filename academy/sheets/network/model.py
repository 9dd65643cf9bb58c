"""The network for hard marks, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from academy.sheets.network import WEIGHTS
from academy.sheets.reading.align import Floats


class ModelError(Exception):
    """The file of the model is not the one that its description names."""


class BubbleNetwork:
    """How likely a bubble is meant, from its picture. One thread; loaded once for a process."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        content = path.read_bytes()
        self._sha256 = hashlib.sha256(content).hexdigest()
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if about["sha256"] != self._sha256:
            raise ModelError(f"{path.name}: expected {about['sha256']}, found {self._sha256}")
        self._name = str(about["name"])
        self._temperature = float(about["temperature"])
        self._content = content

    @property
    def identity(self) -> dict[str, str]:
        """Name and SHA-256, as every result states them."""
        return {"name": self._name, "sha256": self._sha256}

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            self._content, options, providers=["CPUExecutionProvider"]
        )

    def shares(self, planes: Floats, scalars: Floats) -> Floats:
        """From 0 to 1 for each bubble; `planes` and `scalars` as `network.inputs` makes them."""
        (logits,) = self._session.run(["logits"], {"planes": planes, "scalars": scalars})
        calm = np.clip(np.asarray(logits, np.float32).ravel() / self._temperature, -30, 30)
        return np.asarray(1 / (1 + np.exp(-calm)), np.float32)
