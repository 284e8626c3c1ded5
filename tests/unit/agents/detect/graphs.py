"""Small ONNX graphs with known outputs: what a network of each family would answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ELEMENTS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.uint8): TensorProto.UINT8}


def constant_model(
    path: Path,
    outputs: Mapping[str, NDArray[np.float32]],
    shape: Sequence[int | str] = (1, 3, 64, 96),
    *,
    name: str = "images",
    element: type[np.generic] = np.float32,
    names: str | None = None,
) -> Path:
    """A network that takes a picture and always answers the same; outputs with batch axis."""
    nodes, initializers, values = [], [], []
    for output, array in outputs.items():
        initializers.append(numpy_helper.from_array(array, f"{output}_value"))
        nodes.append(helper.make_node("Identity", [f"{output}_value"], [output]))
        values.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, array.shape))
    picture = helper.make_tensor_value_info(name, ELEMENTS[np.dtype(element)], list(shape))
    return _save(path, nodes, [picture], values, initializers, names)


def yolox_of_brightness(path: Path, width: int = 64, height: int = 64) -> Path:
    """A YOLOX of one class and any batch, whose first cell's score is the picture's brightness.

    The mean of its (1 x 1) picture times the one-hot row of the first cell, plus its box.
    """
    cells = sum((width // s) * (height // s) for s in (8, 16, 32))
    row = np.zeros((1, cells, 6), np.float32)
    row[0, 0, 4:] = (1 / 255, 0)
    constant = np.zeros((1, cells, 6), np.float32)
    constant[0, 0] = (2.0, 2.0, np.log(2), np.log(3), 0, 1)
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=1),
        helper.make_node("Squeeze", ["mean", "last"], ["brightness"]),
        helper.make_node("Mul", ["brightness", "row"], ["scores"]),
        helper.make_node("Add", ["scores", "constant"], ["output"]),
    ]
    initializers = [
        numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes"),
        numpy_helper.from_array(np.array([3], np.int64), "last"),
        numpy_helper.from_array(row, "row"),
        numpy_helper.from_array(constant, "constant"),
    ]
    picture = helper.make_tensor_value_info(
        "images", TensorProto.FLOAT, ["batch", 3, height, width]
    )
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", cells, 6])
    return _save(path, nodes, [picture], [answer], initializers, None)


def _save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    initializers: Sequence[Any],
    names: str | None,
) -> Path:
    graph = helper.make_graph(list(nodes), "test", list(inputs), list(outputs), list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if names is not None:
        helper.set_model_props(model, {"names": names})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
