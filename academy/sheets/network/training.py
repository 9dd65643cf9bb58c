"""Train the network for hard marks. Needs torch and onnx, which only the premium tier has.

Everything is seeded; on one thread the same examples give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from academy.sheets.network.examples import Examples
from academy.sheets.network.inputs import PLANES, SCALARS
from academy.sheets.reading.patches import COLUMNS, ROWS

CHANNELS: Final = (12, 20, 28)
HIDDEN: Final = 40
_BATCH = 256
_RATE = 2e-3
_SMOOTH = 0.005
_OPSET = 17
_IR_VERSION = 8


@dataclass(frozen=True)
class Network:
    """Three convolutions over the picture, then two layers that also see the scalars."""

    picture: nn.Sequential
    head: nn.Sequential

    @staticmethod
    def fresh(seed: int) -> Network:
        """Random weights."""
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        before = PLANES
        for channels in CHANNELS:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        flat = before * (ROWS >> len(CHANNELS)) * (COLUMNS >> len(CHANNELS))
        head = nn.Sequential(nn.Linear(flat + SCALARS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        return Network(nn.Sequential(*layers, nn.Flatten()), head)

    def logits(self, planes: torch.Tensor, scalars: torch.Tensor) -> torch.Tensor:
        """One number for each bubble; above 0 it is meant."""
        seen = self.picture(planes)
        out: torch.Tensor = self.head(torch.cat([seen, scalars], dim=1))
        return out[:, 0]

    def parameters(self) -> list[nn.Parameter]:
        """Everything that is learnt."""
        return [*self.picture.parameters(), *self.head.parameters()]

    @property
    def size(self) -> int:
        """How many numbers are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())


def train(examples: Examples, *, epochs: int, seed: int, say: Callable[[str], None]) -> Network:
    """Learn from the examples; one cycle of the learning rate over all epochs."""
    network = Network.fresh(seed)
    random = torch.Generator().manual_seed(seed)
    count = len(examples.meant)
    steps = epochs * -(-count // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    planes = torch.from_numpy(examples.planes)
    scalars = torch.from_numpy(examples.scalars)
    meant = torch.from_numpy(examples.meant.astype(np.float32))
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(count, generator=random).split(_BATCH):
            seen = _varied(planes[chosen].float(), random)
            logits = network.logits(seen, scalars[chosen])
            wanted = meant[chosen] * (1 - 2 * _SMOOTH) + _SMOOTH
            loss = functional.binary_cross_entropy_with_logits(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        say(f"epoch {epoch + 1}/{epochs}: loss {total / count:.4f}")
    return network


def _varied(planes: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Shifted by up to one pixel, a little lighter or darker, with some noise."""
    down, across = (int(x) for x in torch.randint(-1, 2, (2,), generator=random))
    shifted = torch.roll(planes, (down, across), (2, 3))
    gain = 0.9 + 0.2 * torch.rand((len(planes), 1, 1, 1), generator=random)
    noise = 0.015 * torch.randn(planes.shape, generator=random)
    return (shifted * gain + noise).clamp(0, 1.5)


def logits_of(network: Network, examples: Examples) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The network's word on examples."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(examples.meant), 4096):
            part = slice(start, start + 4096)
            planes = torch.from_numpy(examples.planes[part]).float()
            scalars = torch.from_numpy(examples.scalars[part])
            parts.append(network.logits(planes, scalars).numpy())
    return np.concatenate(parts)


def onnx_bytes(network: Network) -> bytes:
    """The network as an ONNX file: inputs `planes` and `scalars`, output `logits`."""
    nodes, weights = [], []

    def constant(name: str, tensor: torch.Tensor) -> str:
        weights.append(numpy_helper.from_array(tensor.detach().numpy(), name))
        return name

    at = "planes"
    convolutions = [layer for layer in network.picture if isinstance(layer, nn.Conv2d)]
    for index, layer in enumerate(convolutions):
        names = [constant(f"w{index}", layer.weight), constant(f"b{index}", layer.bias)]
        nodes += [
            helper.make_node(
                "Conv", [at, *names], [f"c{index}"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]
            ),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}"]),
            helper.make_node(
                "MaxPool", [f"r{index}"], [f"p{index}"], kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        at = f"p{index}"
    first, last = network.head[0], network.head[2]
    nodes += [
        helper.make_node("Flatten", [at], ["flat"], axis=1),
        helper.make_node("Concat", ["flat", "scalars"], ["all"], axis=1),
        helper.make_node(
            "Gemm", ["all", constant("wh", first.weight), constant("bh", first.bias)], ["hidden"],
            transB=1,
        ),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node(
            "Gemm", ["active", constant("wo", last.weight), constant("bo", last.bias)], ["logits"],
            transB=1,
        ),
    ]  # fmt: skip
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "omr-bubbles",
        [
            helper.make_tensor_value_info("planes", real, ["n", PLANES, ROWS, COLUMNS]),
            helper.make_tensor_value_info("scalars", real, ["n", SCALARS]),
        ],
        [helper.make_tensor_value_info("logits", real, ["n", 1])],
        weights,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION,
        producer_name="academy",
    )  # fmt: skip
    onnx.checker.check_model(model)
    done: bytes = model.SerializeToString()
    return done
