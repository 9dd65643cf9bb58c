"""The network that hears whether somebody speaks: silero-vad 6, in ONNX Runtime, frame by frame.

Of the forms in which it is published this is the one for sequences: it takes any number of frames
at once and its memory (h, c) as values, so that a recording of hours is heard block by block with
the same answer as in one piece.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from academy.ai.speech.limits import FRAME, MODEL, QUIET_DB
from academy.ai.speech.segments import Floats
from academy.sandbox.child import Refused

_CONTEXT: Final = 64
"""Samples of the frame before that the network hears again."""
_FULL_SCALE: Final = 32_768.0
_MEMORY: Final = (1, 1, 128)
_INPUTS: Final = {"input", "h", "c"}


class Listener:
    """Hears one recording from its beginning to its end. Refuses weights of another form."""

    def __init__(self, weights: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        if {one.name for one in self._session.get_inputs()} != _INPUTS:
            raise Refused("model_unusable", model=MODEL)
        self._h = self._c = np.zeros(_MEMORY, dtype=np.float32)
        self._context = np.zeros(_CONTEXT, dtype=np.float32)

    def hear(self, samples: NDArray[np.int16]) -> tuple[Floats, Floats]:
        """The chance of speech, and the level in dB, of each frame of the next samples.

        Their number is a multiple of FRAME.
        """
        sound = samples.astype(np.float32) / _FULL_SCALE
        frames = sound.reshape(-1, FRAME)
        whole = np.concatenate((self._context, sound))
        self._context = whole[-_CONTEXT:]
        overlapping = np.lib.stride_tricks.sliding_window_view(whole, FRAME + _CONTEXT)[::FRAME]
        chances, self._h, self._c = self._session.run(
            None, {"input": np.ascontiguousarray(overlapping), "h": self._h, "c": self._c}
        )
        energy = np.mean(np.square(frames), axis=1, dtype=np.float32)
        with np.errstate(divide="ignore"):
            levels = np.maximum(10.0 * np.log10(energy), QUIET_DB)
        return np.asarray(chances, dtype=np.float32), levels.astype(np.float32)
