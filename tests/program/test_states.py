"""States follow values by the rule that their page gives: what is assigned is there in the next step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import featureInputLayer, layerGraph, regressionLayer
from dltoolbox.core.dims import Dims
from dltoolbox.data.sources.batches import Batch
from dltoolbox.layers.base import Layer, State
from dltoolbox.ops import OPS, Op, ParameterKey
from dltoolbox.ops.graph import Assign, MovingAverage, Population, Rule
from dltoolbox.program.model import Model

TOTAL = ParameterKey("memory", "Total")


class add_up(Op):
    """Adds a state to every observation; its second output is the state and all observations together."""

    name = "add_up"
    by_observation = False

    def infer(self, x: Dims, state: Dims) -> tuple[Dims, Dims]:
        return x, state

    def forward(self, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x + state, state + x.sum(-1, keepdims=True)

    def backward(self, call: Any, grad: np.ndarray, *_: Any) -> tuple[np.ndarray, None]:
        return grad, None


class Memory(Layer):
    """A layer that remembers what it has seen."""

    rules: tuple[Rule, ...] = ()

    def arrays(self, *inputs: Dims) -> tuple[State, ...]:
        return (State("Total", (inputs[0].channels, 1)),)

    def build(self, g: Any, x: Any) -> Any:
        y, total = g.add_up(x, g.state("Total"))
        if g.training:
            g.update_state("Total", total, *self.rules)
        return y


@pytest.fixture(params=[True, False], ids=["kernels", "reference"])
def model_with(request, monkeypatch):
    """A model of one layer with a state of two numbers."""
    monkeypatch.setitem(OPS, "add_up", add_up())
    monkeypatch.setattr(Memory, "Total", None, raising=False)

    def made(*rules: Rule) -> Model:
        monkeypatch.setattr(Memory, "rules", rules)
        layers = [featureInputLayer(2, Normalization="none"), Memory(Name="memory"), regressionLayer]
        return Model(layerGraph(layers), np.float64, fast=request.param)
    return made


def step(model: Model, x: np.ndarray) -> np.ndarray:
    return model.step([x], [np.zeros(x.shape)]).predictions[0]


def test_what_is_assigned_is_there_in_the_next_step(model_with) -> None:
    model, x = model_with(Assign()), np.array([[1.0, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(step(model, x), x)
    np.testing.assert_array_equal(model.arrays[TOTAL], [[6], [15]])
    np.testing.assert_array_equal(step(model, x[:, :2]), np.add(x[:, :2], [[6], [15]]))
    np.testing.assert_array_equal(model.arrays[TOTAL], [[9], [24]])
    np.testing.assert_array_equal(model.predict([x])[0], np.add(x, [[9], [24]]))
    np.testing.assert_array_equal(model.arrays[TOTAL], [[9], [24]])


def test_what_is_assigned_has_no_population(model_with) -> None:
    model, batches = model_with(Assign()), iter([Batch((np.ones((2, 3)),))] * 5)
    model.finalize_statistics(batches)
    assert len(list(batches)) == 4
    np.testing.assert_array_equal(model.arrays[TOTAL], [[0], [0]])


def test_rules_of_steps_and_of_the_set_go_together(model_with) -> None:
    model, x = model_with(MovingAverage(0.5), Population()), np.array([[1.0, 2, 3], [4, 5, 6]])
    step(model, x)
    np.testing.assert_array_equal(model.arrays[TOTAL], [[3], [7.5]])
    model.finalize_statistics([Batch((x,)), Batch((x[:, :1],))])
    np.testing.assert_allclose(model.arrays[TOTAL], [[(3 * 9 + 4) / 4], [(3 * 22.5 + 11.5) / 4]])


def test_the_variance_of_a_set_lies_within_and_between_its_parts() -> None:
    x = np.add(np.random.default_rng(0).standard_normal((3, 10)), [[0], [5], [1e3]])
    parts = [x[:, :4], x[:, 4:9], x[:, 9:]]
    means, variances = (np.stack([how(part, axis=1) for part in parts]) for how in (np.mean, np.var))
    np.testing.assert_allclose(Population().of_set(means, weights=[4, 5, 1]), x.mean(1))
    np.testing.assert_allclose(Population(between=object()).of_set(variances, means, weights=[4, 5, 1]), x.var(1))


def test_moving_averages_end_at_zero() -> None:
    state = np.full(1, np.finfo(np.float32).tiny, np.float32)
    MovingAverage(0.5).step(state, np.zeros(1, np.float32))
    assert state == 0
