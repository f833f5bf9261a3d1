"""The node suite of ONNX, and what all translations of nodes share.

A translation gives a node of ONNX to our ops: it renames attributes and moves, joins and splits axes, and may apply several
ops one after the other; numbers are computed by ops alone. ONNX arrays are B×C×S…; ours are S…×C×B.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from dltoolbox.core.geometry import Pair
from dltoolbox.ops import OPS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # making the suite's data overflows on purpose
    from onnx.backend.test.loader import load_model_tests

    SUITE = load_model_tests(kind="node")

Arrays = Sequence[np.ndarray]
Attributes = dict[str, Any]
Translation = Callable[..., tuple[np.ndarray, ...]]
TRANSLATE: dict[str, Translation] = {}


class Untranslatable(Exception):
    """The node asks for something that no op of ours means."""


def translation(*operators: str) -> Callable[[Translation], Translation]:
    """Enter a function of attributes and arrays as what these operators are here."""
    def enter(function: Translation) -> Translation:
        TRANSLATE.update(dict.fromkeys(operators, function))
        return function
    return enter


def op(name: str, *inputs: Any, **attributes: Any) -> Any:
    return OPS[name].forward(*inputs, **attributes)


def shifted(x: np.ndarray, scale: float, bias: float) -> np.ndarray:
    """scale·x + bias"""
    return np.asarray(op("affine", x, np.asarray(scale, x.dtype), np.asarray(bias, x.dtype)))


def ours(x: np.ndarray) -> np.ndarray:
    """B×C×S… → S…×C×B."""
    return x.transpose(*range(2, x.ndim), 1, 0)


def theirs(x: np.ndarray) -> np.ndarray:
    """S…×C×B → B×C×S…"""
    return x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def pairs(pads: Sequence[int]) -> tuple[Pair, ...]:
    return tuple(zip(pads[:len(pads) // 2], pads[len(pads) // 2:], strict=True))


def aligned(xs: Arrays) -> list[np.ndarray]:
    """Arrays of one rank: ONNX expands axes from the last one, ours from the first."""
    rank = max(x.ndim for x in xs)
    return [x.reshape((1,) * (rank - x.ndim) + x.shape) for x in xs]


def translated() -> dict[str, Any]:
    """The cases of the suite that have a translation, by name."""
    return {test.name: test for test in SUITE
            if len(test.model.graph.node) == 1 and test.model.graph.node[0].op_type in TRANSLATE}


def check(test: Any) -> None:
    """Every output of a case; inputs that a node leaves out are None."""
    (node,) = test.model.graph.node
    attrs = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    attrs["outputs"] = len(node.output)
    for inputs, expected in test.data_sets:
        given = iter(inputs)
        placed = [next(given) if name else None for name in node.input]
        made = TRANSLATE[node.op_type](attrs, *placed)
        found = [y for y, name in zip(made, node.output, strict=False) if name]
        assert len(found) >= len(expected)
        for a, b in zip(found, expected, strict=False):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=test.rtol, atol=test.atol)
