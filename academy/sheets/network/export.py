"""The network as an ONNX file, which ONNX Runtime runs where there is no torch. Needs onnx."""

from __future__ import annotations

from typing import Final

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from academy.sheets.network.inputs import PLANES, SCALARS
from academy.sheets.network.training import Network
from academy.sheets.reading.patches import COLUMNS, ROWS

_OPSET: Final = 17
_IR_VERSION: Final = 8


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
