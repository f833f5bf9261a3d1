"""Mini-batches of sequences of several lengths: every sequence comes out as if it were alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    averagePooling2dLayer,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    inputLayer,
    layerGraph,
    maxPooling2dLayer,
    regressionLayer,
    reluLayer,
)
from dltoolbox.core import convert
from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.properties import Property
from dltoolbox.layers.base import Layer, State
from dltoolbox.ops import OPS, Op, ParameterKey
from dltoolbox.ops.sequences.ragged import Across, LengthRule
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.model import Model

NAN = float("nan")
LENGTHS = np.array([7, 12, 9, 12, 8], np.int32)
MEMORY = ParameterKey("memory", "Total")


class running_sum(Op):
    """The sum of all steps so far, and what it is in the end."""

    name = "running_sum"
    way = Way.SEE
    across = Across(ways=(Way.SEE,), takes="lengths")

    def infer(self, x: Dims, before: Dims, *lengths: Dims) -> tuple[Dims, Dims]:
        return x, Dims.of("CB", x.channels, x.batch)

    def forward(self, x: np.ndarray, before: np.ndarray, *lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = before[:, np.newaxis] + np.cumsum(x, axis=-2)
        last = lengths[0] - 1 if lengths else np.full(x.shape[-1], x.shape[-2] - 1)
        return y, np.take_along_axis(y, last[np.newaxis, np.newaxis], axis=-2)[:, 0]


class RunningSum(Layer):
    """A layer that remembers what it has seen."""

    Total = Property(convert.array, None, settable=True)

    def arrays(self, *inputs: Dims) -> tuple[State, ...]:
        return (State("Total", (inputs[0].channels, 1), carried=True),)

    def build(self, g: Any, x: Any) -> Any:
        y, total = g.running_sum(x, g.carried("Total", x.dims.channels))
        g.carry("Total", total)
        return y


@pytest.fixture(autouse=True)
def _running_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "running_sum", running_sum())


def padded(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Sequences of `LENGTHS`, large numbers behind their ends."""
    x = rng.standard_normal((*shape, LENGTHS.max(), LENGTHS.size))
    return np.where(real_steps(LENGTHS, LENGTHS.max()), x, 1e3)


def over_time(*layers: Any) -> Any:
    """Layers over S and T of a network of S×C×T."""
    return dlnetwork([inputLayer([4, 2, NAN, NAN], "SCBT"), *layers])


NETWORKS = {
    "conv": [convolution2dLayer(3, 3, Padding=[1, 1, 2, 0])],
    "strides": [convolution2dLayer([1, 3], 3, Stride=[1, 2], DilationFactor=[1, 2], Padding=[0, 0, 1, 2])],
    "max": [maxPooling2dLayer([2, 3], Stride=[2, 2], Padding=[0, 0, 1, 1]), reluLayer],
    "average": [averagePooling2dLayer([1, 3], Padding=[0, 0, 0, 2])],
    "several": [convolution2dLayer(3, 3, Padding="same"), reluLayer, maxPooling2dLayer([2, 2], Stride=[2, 2]),
                convolution2dLayer([2, 2], 5), fullyConnectedLayer(3), RunningSum(Name="memory")],
}


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_sequence_comes_out_as_if_alone(name: str, fast: bool) -> None:
    model = Model(over_time(*NETWORKS[name]), np.float64, fast=fast, draw=True)
    x = padded(np.random.default_rng(1), 4, 2)
    (together,) = model.results([x], lengths=[LENGTHS])
    assert together.lengths is not None
    for number, length in enumerate(LENGTHS):
        (alone,) = model.results([x[..., :length, number:number + 1]])
        out = together.lengths[number]
        assert alone.array.shape[-2] == out
        assert alone.lengths is None
        np.testing.assert_allclose(together.array[..., :out, number], alone.array[..., 0], rtol=1e-9, atol=1e-9)


def test_states_go_on_where_they_stopped() -> None:
    model = Model(dlnetwork([inputLayer([2, NAN, NAN], "CBT"), RunningSum(Name="memory")]), np.float64)
    x = padded(np.random.default_rng(2), 2)
    totals = np.stack([x[:, :length, n].sum(1) for n, length in enumerate(LENGTHS)], -1)
    model.results([x], lengths=[LENGTHS], carry=True)
    np.testing.assert_allclose(model.carried[MEMORY], totals)
    some = np.array([3, 0])
    (further,) = model.results([np.ones((2, 1, 2))], continues=some)
    np.testing.assert_allclose(further.array[:, 0], totals[:, some] + 1)
    (given,) = model.results([np.ones((2, 1, 2))], states={MEMORY: np.array([[5.0], [6.0]])})
    np.testing.assert_allclose(given.array[:, 0], [[6, 6], [7, 7]])
    (fresh,) = model.results([np.ones((2, 1, 2))])
    np.testing.assert_array_equal(fresh.array, 1)
    with pytest.raises(DltoolboxError, match=r"belongs to 5 sequences, but there are 2\..*resetState"):
        model.results([np.ones((2, 1, 2))], states={MEMORY: totals})


def test_a_sequence_too_short_for_its_windows() -> None:
    model = Model(over_time(*NETWORKS["several"]), np.float64)
    x = padded(np.random.default_rng(1), 4, 2)
    with pytest.raises(DltoolboxError, match=r"shortest sequence has 2 time steps, but layer 'conv_2' needs.* at least 4"):
        model.results([x], lengths=[np.array([2, 12, 9, 12, 8], np.int32)])


def test_without_time_nothing_changes() -> None:
    model = Model(layerGraph([featureInputLayer(3), fullyConnectedLayer(2), regressionLayer]))
    x = np.ones((3, 4))
    np.testing.assert_array_equal(model.predict([x])[0], model.results([x], lengths=[None])[0].array)


@pytest.mark.parametrize(("rule", "wanted"), [(LengthRule(1, -2, 1), 3), (LengthRule(1, 0, 2), 2), (LengthRule(2, 1), 1),
                                              (LengthRule(1, -3, 2), 5)])
def test_the_shortest_that_leaves_something(rule: LengthRule, wanted: int) -> None:
    assert rule.shortest() == wanted
    assert rule(wanted) >= 1
    assert wanted == 1 or rule(wanted - 1) < 1
