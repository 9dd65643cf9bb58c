"""The text encoder: what is similar in meaning, in Korean, English and 90 other languages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from academy.inference import batches, loaded, registry, runtime
from academy.inference.device import Device
from academy.inference.text.network import POSITIONS, WIDTH, Network, WeightsError
from academy.jobs.errors import PermanentError

log = logging.getLogger(__name__)

Role = Literal["query", "passage"]
"""E5 is trained with the role written before the text: what is looked for, and what is found."""

PURPOSE: Final = "text"
"""In the registry's defaults: the model that `encoder` takes."""
DIMENSION: Final = WIDTH

#: Rows at once, and cells with the padding: beyond these a CPU gains nothing and a GPU little.
_ROWS: Final[dict[Device, int]] = {"cpu": 32, "cuda": 256}
_CELLS: Final[dict[Device, int]] = {"cpu": 32 * 128, "cuda": 256 * 512}
#: Texts that are split into tokens, and sorted by length, at a time.
_CHUNK: Final = 2048

Vectors = NDArray[np.float32]


class Encoder:
    """Texts to vectors of length 1, so that the product of two is their cosine.

    ``model`` is the identity to keep beside every vector: vectors of two models are never compared.
    Texts beyond 512 tokens (about 700 Korean characters) count up to there. Safe for threads.
    """

    def __init__(
        self, network: Network, tokenizer: Any, model: registry.Identity, device: Device
    ) -> None:
        self.model = model
        self.device: Device = device
        self._network = network
        self._tokenizer = tokenizer
        self._torch = runtime.torch()

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Role,
        on_batch: Callable[[int], None] | None = None,
    ) -> Vectors:
        """Vectors (n, 384), float32, in the order of the texts.

        ``on_batch`` is told how many texts are done, after each batch; what it raises ends the
        work. Raises TransientError(model_out_of_memory) where a single text does not fit.
        """
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            done = None if on_batch is None else _Counted(on_batch, start)
            vectors[start : start + len(chunk)] = self._encode(chunk, role, done)
        return vectors

    def tokens(self, text: str, *, role: Role) -> int:
        """How many tokens of a text count, with the role and the marks around it."""
        return len(self._tokenizer.encode(f"{role}: {text}").ids)

    def _encode(
        self, texts: Sequence[str], role: Role, done: Callable[[int], None] | None
    ) -> list[Vectors]:
        encodings = self._tokenizer.encode_batch_fast([f"{role}: {text}" for text in texts])
        ids = [encoding.ids for encoding in encodings]

        def compute(batch: list[int]) -> list[Vectors]:
            made = list(self._vectors([ids[index] for index in batch]))
            if done is not None:
                done(len(batch))
            return made

        return batches.run(
            [len(row) for row in ids],
            compute,
            most_rows=_ROWS[self.device],
            most_cells=_CELLS[self.device],
            release=lambda: batches.release_gpu(self._torch) if self.device == "cuda" else None,
        )

    def _vectors(self, rows: list[list[int]]) -> Vectors:
        torch = self._torch
        lengths = [len(row) for row in rows]
        padded = np.ones((len(rows), max(lengths)), dtype=np.int64)
        for index, row in enumerate(rows):
            padded[index, : len(row)] = row
        made = self._network.vectors(torch.from_numpy(padded), torch.tensor(lengths))
        found: Vectors = made.cpu().numpy()
        return found


class _Counted:
    """Adds up what is done, from where its part of the texts begins."""

    def __init__(self, tell: Callable[[int], None], start: int) -> None:
        self._tell, self._done = tell, start

    def __call__(self, count: int) -> None:
        self._done += count
        self._tell(self._done)


def encoder(name: str | None = None) -> Encoder:
    """The encoder of this process; ``name`` where it must not be the registry's default.

    Loaded by the first call, in 1 to 3 seconds. Raises registry.NotConfiguredError,
    PermanentError(model_runtime_missing, model_wrong_hash, model_unusable),
    TransientError(model_unavailable) and UnsuitableHostError(model_needs_memory).
    """
    wanted = registry.default(PURPOSE) if name is None else name
    needed = registry.model(wanted).needed_bytes
    return loaded.get(wanted, needed, lambda device: _load(wanted, device))


def _load(name: str, device: Device) -> Encoder:
    facts = registry.model(name)
    part = facts.parts.get("tokenizer")
    if facts.format != "safetensors" or part is None:
        log.error("model %s: a text encoder is safetensors with a part `tokenizer`", name)
        raise PermanentError("model_unusable", model=name)
    torch = runtime.torch()
    weights, vocabulary = registry.path(name), registry.path(part)
    try:
        network = Network(_tensors(weights), device, dtype_for(torch, device))
        tokenizer = _tokenizer(vocabulary, most=network.vocabulary)
    except Exception as error:
        if batches.is_out_of_memory(error):
            raise
        # safetensors and tokenizers raise classes of their own, the second plain Exception.
        log.exception("model %s: its files cannot be used", name)
        raise PermanentError("model_unusable", model=name) from error
    return Encoder(network, tokenizer, registry.identity(name), device)


def _tensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file  # noqa: PLC0415 - imports torch

    tensors: dict[str, Any] = load_file(path)
    return tensors


def _tokenizer(path: Path, *, most: int) -> Any:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - wanted by workers of the premium tier
    except ImportError as error:
        raise PermanentError("model_runtime_missing", library="tokenizers") from error
    made = Tokenizer.from_file(str(path))
    if made.get_vocab_size() > most:
        raise WeightsError(f"the tokenizer knows more tokens than the network's {most}")
    made.enable_truncation(POSITIONS)
    made.no_padding()
    return made


def dtype_for(torch: Any, device: Device) -> Any:
    """In what matrices are multiplied: bfloat16 where the hardware does it, else float32."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if runtime.has_bfloat16() else torch.float32
