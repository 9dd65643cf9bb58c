"""Train the network for question numbers. Needs torch and onnx, which only premium hosts have.

Everything is seeded; on one thread the same examples give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from academy.ai.segmentation.numbers.examples import Examples
from academy.ai.segmentation.numbers.network import END, SLOTS, Kind
from academy.ai.segmentation.numbers.patches import COLUMNS, ROWS, Floats

CHANNELS: Final = (12, 24, 40)
HIDDEN: Final = 96
OUTPUTS: Final = len(Kind) + 2 * SLOTS * (END + 1)
_BATCH: Final = 128
_RATE: Final = 2.5e-3
_OPSET: Final = 17
_IR_VERSION: Final = 8


def fresh(seed: int) -> nn.Sequential:
    """Random weights: three convolutions, the first over every other pixel, and two layers."""
    torch.manual_seed(seed)
    one, two, three = CHANNELS
    flat = three * (ROWS // 8) * (COLUMNS // 8)
    return nn.Sequential(
        nn.Conv2d(1, one, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(one, two, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(two, three, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(flat, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS),
    )  # fmt: skip


def train(
    examples: Examples, *, epochs: int, seed: int, say: Callable[[str], None]
) -> nn.Sequential:
    """Learn from the examples; one cycle of the learning rate over all epochs."""
    network = fresh(seed)
    random = torch.Generator().manual_seed(seed)
    count = len(examples.kinds)
    steps = epochs * -(-count // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    patches, kinds, slots = (
        torch.from_numpy(array) for array in (examples.patches, examples.kinds, examples.slots)
    )
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(count, generator=random).split(_BATCH):
            logits = network(patches[chosen])
            loss = functional.cross_entropy(
                logits[:, : len(Kind)], kinds[chosen], label_smoothing=0.01
            ) + functional.cross_entropy(
                logits[:, len(Kind) :].reshape(-1, END + 1), slots[chosen].reshape(-1),
                ignore_index=-1,
            )  # fmt: skip
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        say(f"epoch {epoch + 1}/{epochs}: loss {total / count:.4f}")
    return network


def judged(logits: Floats, examples: Examples) -> dict[str, float]:
    """Shares that are right: of all kinds, of numbers with their value, of groups with both."""
    kinds = logits[:, : len(Kind)].argmax(axis=1)
    read = logits[:, len(Kind) :].reshape(-1, 2, SLOTS, END + 1).argmax(axis=3)
    right = kinds == examples.kinds
    same = ((read == examples.slots) | (examples.slots < 0)).all(axis=(1, 2))
    shares = {"kind": float(right.mean())}
    for kind in Kind:
        of = examples.kinds == kind
        shares[kind.name.lower()] = float((right & same)[of].mean())
    return {name: round(share, 4) for name, share in shares.items()}


def onnx_bytes(network: nn.Sequential) -> bytes:
    """The network as an ONNX file: input `patches`, output `logits`."""
    nodes, weights = [], []
    at = "patches"
    for index, layer in enumerate(network):
        out = "logits" if index == len(network) - 1 else f"x{index}"
        names = [at]
        for part, tensor in layer.named_parameters():
            weights.append(numpy_helper.from_array(tensor.detach().numpy(), f"{part}{index}"))
            names.append(f"{part}{index}")
        nodes.append(_node(layer, names, out))
        at = out
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "question-numbers",
        [helper.make_tensor_value_info("patches", real, ["n", 1, ROWS, COLUMNS])],
        [helper.make_tensor_value_info("logits", real, ["n", OUTPUTS])],
        weights,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION,
        producer_name="academy",
    )  # fmt: skip
    onnx.checker.check_model(model)
    done: bytes = model.SerializeToString()
    return done


def _node(layer: nn.Module, names: list[str], out: str) -> onnx.NodeProto:
    match layer:
        case nn.Conv2d():
            (kernel, _), (stride, _) = layer.kernel_size, layer.stride
            return helper.make_node(
                "Conv", names, [out], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                pads=[kernel // 2] * 4,
            )  # fmt: skip
        case nn.MaxPool2d():
            return helper.make_node("MaxPool", names, [out], kernel_shape=[2, 2], strides=[2, 2])
        case nn.Linear():
            return helper.make_node("Gemm", names, [out], transB=1)
        case nn.Flatten():
            return helper.make_node("Flatten", names, [out], axis=1)
        case nn.ReLU():
            return helper.make_node("Relu", names, [out])
        case _:
            raise TypeError(type(layer).__name__)


def logits_of(content: bytes, examples: Examples) -> Floats:
    """The exported network's word on examples."""
    import onnxruntime  # noqa: PLC0415 - beside torch only here

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"patches": examples.patches})
    return np.asarray(logits, np.float32)
