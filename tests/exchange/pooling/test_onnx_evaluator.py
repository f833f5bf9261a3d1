"""Our poolings for nodes of ONNX against its reference evaluator, and where that one departs from the specification.

`FAULTS` tells for which attributes it does, and `PROOFS` shows each on a line of numbers, worked out by hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx.helper
import pytest
import torch
from onnx.reference import ReferenceEvaluator

import dltoolbox as dl
from tests.exchange.pooling import literal
from tests.exchange.pooling.drawn import DRAWS
from tests.exchange.pooling.ours import run, small_map

pytestmark = pytest.mark.oracle

OPSET = 22


def theirs(x: np.ndarray) -> np.ndarray:
    """S…×C×B → B×C×S…"""
    return np.ascontiguousarray(x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2)))


def evaluated(given: dict[str, Any], x: np.ndarray) -> list[np.ndarray]:
    """What the evaluator says of B×C×S…"""
    attributes = {name: value for name, value in given.items() if name not in ("op", "outputs")}
    outputs = ["y", "indices"] if "outputs" in given and given["outputs"] != 1 else ["y"]
    node = onnx.helper.make_node(given["op"], ["x"], outputs, **attributes)
    kinds = {"x": onnx.TensorProto.DOUBLE, "y": onnx.TensorProto.DOUBLE, "indices": onnx.TensorProto.INT64}
    values = {name: onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()}
    graph = onnx.helper.make_graph([node], "node", [values["x"]], [values[name] for name in outputs])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of nothing
        results: list[np.ndarray] = ReferenceEvaluator(model).run(None, {"x": x})
    return results


def numbered(at: np.ndarray, spatial: tuple[int, ...], given: dict[str, Any]) -> np.ndarray:
    """Our positions, in their order of dimensions, as ONNX writes them: through the whole array; −1 stays."""
    coordinates = np.unravel_index(np.maximum(at, 0), spatial)
    inside = np.ravel_multi_index(coordinates, spatial, order="F" if given.get("storage_order") else "C")
    maps = np.arange(at.shape[0] * at.shape[1]).reshape(at.shape[:2] + (1,) * len(spatial))
    return np.where(at < 0, -1, inside + maps * int(np.prod(spatial)))


class Node:
    """The attributes of a node with their defaults, for a map of such sizes."""

    def __init__(self, given: dict[str, Any], spatial: tuple[int, ...]) -> None:
        ones = [1] * len(spatial)
        automatic = given.get("auto_pad", "NOTSET")
        self.averages, self.ceil = given["op"] == "AveragePool", bool(given.get("ceil_mode"))
        self.automatic: str = automatic.decode() if isinstance(automatic, bytes) else automatic
        self.strides, self.dilations = given.get("strides", ones), given.get("dilations", ones)
        self.extents = [(k - 1) * d + 1 for k, d in zip(given["kernel_shape"], self.dilations, strict=True)]
        self.spatial, self.pads = spatial, given.get("pads", [0] * 2 * len(spatial))

    @property
    def beyond(self) -> int:
        """How far the last window of ceil_mode reaches beyond the padded map, at most."""
        rank, most = len(self.spatial), 0
        for axis, (n, s, e) in enumerate(zip(self.spatial, self.strides, self.extents, strict=True)):
            whole = n + self.pads[axis] + self.pads[rank + axis]
            last = -(-(whole - e) // s) * s
            last -= s if last >= n + self.pads[axis] else 0
            most = max(most, last + e - whole)
        return most

    @property
    def spare(self) -> bool:
        """Whether SAME_… needs less than no padding somewhere."""
        return self.automatic.startswith("SAME") and any(
            (-(-n // s) - 1) * s + e < n for n, s, e in zip(self.spatial, self.strides, self.extents, strict=True))


FAULTS: dict[str, Callable[[Node], bool]] = {
    # MaxPool without strides and dilations reads pads as begin and end of each dimension in turn, and pads images only.
    "order of pads": lambda node: not node.averages and {*node.strides, *node.dilations} == {1},
    # Of SAME_LOWER, MaxPool rounds the size down, and puts the odd element at the end.
    "SAME_LOWER of maxima": lambda node: not node.averages and node.automatic == "SAME_LOWER",
    # Padding of SAME_… is not cut at zero where the stride is larger than the window.
    "negative padding": lambda node: node.spare,
    # AveragePool refuses auto_pad with ceil_mode, for which the specification has formulas.
    "auto_pad with ceil_mode": lambda node: node.averages and node.automatic != "NOTSET" and node.ceil,
    # AveragePool computes the padding of auto_pad without dilation.
    "auto_pad with dilation": lambda node: node.averages and node.automatic != "NOTSET" and max(node.dilations) > 1,
    # What ceil_mode needs beyond the padded map is put half in front, so that windows of AveragePool move.
    "half in front": lambda node: node.averages and node.automatic == "NOTSET" and node.ceil and node.beyond > 1,
}


def test_nodes_as_the_evaluator_runs_them() -> None:
    rng, compared = np.random.default_rng(13), 0
    for draw in DRAWS["onnx"](rng, 3000):
        given = draw.parameters
        if draw.axes is None or any(fault(Node(given, draw.spatial)) for fault in FAULTS.values()):
            continue
        x = small_map(rng, draw.spatial)
        want, *positions = evaluated(given, theirs(x))
        got, *at = run(dl.poolingLayerFrom("onnx", **given), x)
        seen = literal.pooled("max", x, draw.axes)[0] > -np.inf  # the evaluator leaves 0 or NaN where there is nothing
        told = f"{given} on {draw.spatial}"
        assert want.shape == theirs(got).shape, told
        np.testing.assert_allclose(theirs(got)[theirs(seen)], want[theirs(seen)], 1e-12, err_msg=told)
        assert len(at) == len(positions)
        for ours, their in zip(at, positions, strict=True):
            numbers = numbered(theirs(ours), draw.spatial, given)
            np.testing.assert_array_equal(numbers[theirs(seen)], their[theirs(seen)], err_msg=told)
        compared += 1
    assert compared > 1500


LINE = [1, 2, 3, 4, 5]
PROOFS: list[tuple[str, dict[str, Any], list[float], list[float]]] = [
    # "pads: [x1_begin, x2_begin, …, x1_end, x2_end, …]"; a line is not padded at all
    ("order of pads", {"op": "MaxPool", "kernel_shape": [3], "pads": [1, 1]}, LINE, [2, 3, 4, 5, 5]),
    # "output_shape[i] = ceil(input_shape[i] / strides[i])", "at the beginning for SAME_LOWER"
    ("SAME_LOWER of maxima", {"op": "MaxPool", "kernel_shape": [2], "strides": [2], "auto_pad": "SAME_LOWER"}, LINE,
     [1, 3, 5]),
    # "pad the input": windows begin at 0 and 3, whatever is left over
    ("negative padding", {"op": "MaxPool", "kernel_shape": [1], "strides": [3], "auto_pad": "SAME_UPPER"},
     [1, 2, 3, 4, 5, 6], [1, 4]),
    ("auto_pad with ceil_mode", {"op": "AveragePool", "kernel_shape": [2], "strides": [2], "auto_pad": "VALID",
                                 "ceil_mode": 1}, LINE, [1.5, 3.5]),
    # "((kernel_spatial_shape[i] - 1) * dilations[i] + 1)": one element at both ends
    ("auto_pad with dilation", {"op": "AveragePool", "kernel_shape": [2], "dilations": [2], "auto_pad": "SAME_UPPER"}, LINE,
     [2, 2, 3, 4, 4]),
    # as torch.nn.AvgPool1d, to which the specification points
    ("half in front", {"op": "AveragePool", "kernel_shape": [4], "strides": [4], "ceil_mode": 1}, LINE, [2.5, 5]),
]


@pytest.mark.parametrize(("name", "given", "line", "specified"), PROOFS, ids=[name for name, *_ in PROOFS])
def test_where_the_evaluator_departs(name: str, given: dict[str, Any], line: list[float], specified: list[float]) -> None:
    x = np.array(line, float)[:, None, None]
    assert FAULTS[name](Node(given, (len(line),)))
    (ours,) = run(dl.poolingLayerFrom("onnx", **given), x)
    assert ours.ravel().tolist() == specified
    try:
        result = evaluated(given, theirs(x))[0]
    except (AssertionError, IndexError, ValueError):
        return  # it does not answer at all
    assert result.ravel().tolist() != specified


def test_every_departure_is_shown_and_pytorch_agrees_on_sizes_rounded_up() -> None:
    assert {name for name, *_ in PROOFS} == set(FAULTS)
    rounded = torch.nn.functional.avg_pool1d(torch.tensor([[LINE]], dtype=torch.float64), 4, 4, ceil_mode=True)
    assert rounded.ravel().tolist() == [2.5, 5]
