"""The network of multilingual E5 small, in plain torch (BERT: Devlin et al., arXiv 1810.04805).

12 layers of 12 heads, 384 wide, positions up to 512; a text's vector is the mean of its tokens' and
has length 1 (Wang et al., "Multilingual E5 Text Embeddings", arXiv 2402.05672). Weights have the
names that Hugging Face's ``BertModel`` gives them, so that its safetensors load as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from academy.inference import runtime
from academy.inference.device import Device

WIDTH: Final = 384
LAYERS: Final = 12
HEADS: Final = 12
POSITIONS: Final = 512
_EPSILON: Final = 1e-12


class WeightsError(ValueError):
    """The weights are not those of this network."""


@dataclass(frozen=True)
class _Linear:
    weight: Any
    bias: Any


@dataclass(frozen=True)
class _Norm:
    weight: Any
    bias: Any


@dataclass(frozen=True)
class _Layer:
    """One layer; query, key and value in one matrix, because they read the same."""

    attend: _Linear
    attended: _Linear
    attended_norm: _Norm
    widen: _Linear
    narrow: _Linear
    norm: _Norm


class Network:
    """Token numbers to vectors. Matrices are multiplied in ``dtype``, all else is float32."""

    def __init__(self, weights: Mapping[str, Any], device: Device, dtype: Any) -> None:
        """Raises WeightsError where a tensor is missing or has another shape."""
        self._torch = runtime.torch()
        self._device = device
        self._dtype = dtype
        read = _Weights(weights, device)
        # Stored as it came: it is 80 % of the model, and a batch reads a few rows of it.
        self._words = read.tensor("embeddings.word_embeddings.weight", (None, WIDTH))
        positions = read.tensor("embeddings.position_embeddings.weight", (POSITIONS, WIDTH))
        kinds = read.tensor("embeddings.token_type_embeddings.weight", (None, WIDTH))
        self._places = positions.float() + kinds[0].float()
        self._norm = self._norm_of(read, "embeddings.LayerNorm")
        self._layers = [self._layer(read, f"encoder.layer.{n}") for n in range(LAYERS)]

    @property
    def vocabulary(self) -> int:
        """Tokens that it knows."""
        return int(self._words.shape[0])

    def vectors(self, ids: Any, lengths: Any) -> Any:
        """Vectors (n, 384) of length 1, float32, of token numbers (n, longest).

        Whatever stands behind a row's length (n,) is padding.
        """
        torch = self._torch
        with torch.inference_mode():
            ids, lengths = ids.to(self._device), lengths.to(self._device)
            columns = torch.arange(ids.shape[1], device=self._device)
            real = columns[None, :] < lengths[:, None]
            # Without padding there is nothing to mask, and attention is faster.
            mask = None if bool(real.all()) else real[:, None, None, :]
            x = self._words[ids].float() + self._places[: ids.shape[1]]
            x = self._normed(x, self._norm)
            for layer in self._layers:
                x = self._through(x, layer, mask)
            x = (x * real[..., None]).sum(1) / lengths[:, None]
            return torch.nn.functional.normalize(x, dim=1)

    def _through(self, x: Any, layer: _Layer, mask: Any) -> Any:
        functional = self._torch.nn.functional
        n, longest, _ = x.shape
        # (n, longest, 3 x heads x 32) to three of (n, heads, longest, 32).
        joined = self._multiplied(x, layer.attend)
        query, key, value = joined.view(n, longest, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(n, longest, WIDTH)
        x = self._normed(x + self._multiplied(seen, layer.attended).float(), layer.attended_norm)
        inner = functional.gelu(self._multiplied(x, layer.widen))
        return self._normed(x + self._multiplied(inner, layer.narrow).float(), layer.norm)

    def _multiplied(self, x: Any, linear: _Linear) -> Any:
        return self._torch.nn.functional.linear(x.to(self._dtype), linear.weight, linear.bias)

    def _normed(self, x: Any, norm: _Norm) -> Any:
        return self._torch.nn.functional.layer_norm(
            x, (WIDTH,), norm.weight, norm.bias, eps=_EPSILON
        )

    def _layer(self, read: _Weights, name: str) -> _Layer:
        parts = [
            self._linear(read, f"{name}.attention.self.{part}", WIDTH, WIDTH)
            for part in ("query", "key", "value")
        ]
        cat = self._torch.cat
        return _Layer(
            attend=_Linear(cat([p.weight for p in parts]), cat([p.bias for p in parts])),
            attended=self._linear(read, f"{name}.attention.output.dense", WIDTH, WIDTH),
            attended_norm=self._norm_of(read, f"{name}.attention.output.LayerNorm"),
            widen=self._linear(read, f"{name}.intermediate.dense", 4 * WIDTH, WIDTH),
            narrow=self._linear(read, f"{name}.output.dense", WIDTH, 4 * WIDTH),
            norm=self._norm_of(read, f"{name}.output.LayerNorm"),
        )

    def _linear(self, read: _Weights, name: str, rows: int, columns: int) -> _Linear:
        return _Linear(
            read.tensor(f"{name}.weight", (rows, columns)).to(self._dtype),
            read.tensor(f"{name}.bias", (rows,)).to(self._dtype),
        )

    def _norm_of(self, read: _Weights, name: str) -> _Norm:
        return _Norm(
            read.tensor(f"{name}.weight", (WIDTH,)).float(),
            read.tensor(f"{name}.bias", (WIDTH,)).float(),
        )


class _Weights:
    """Tensors by name, with or without the name of the model before it, each of its shape."""

    def __init__(self, weights: Mapping[str, Any], device: Device) -> None:
        self._weights = {name.removeprefix("bert."): value for name, value in weights.items()}
        self._device = device

    def tensor(self, name: str, shape: tuple[int | None, ...]) -> Any:
        found = self._weights.get(name)
        if found is None:
            raise WeightsError(f"there is no {name}")
        fits = len(found.shape) == len(shape) and all(
            want is None or want == have for want, have in zip(shape, found.shape, strict=True)
        )
        if not fits:
            raise WeightsError(f"{name} is {tuple(found.shape)}, not {shape}")
        return found.to(self._device)
