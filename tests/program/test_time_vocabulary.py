"""Every op with time in its inputs, as the one op of a network: what it does with every step, and with T as the last axis of
a map. Ops join by their samples.

The reference is held against the same op without time, whose oracle are the tests of ops, and kernels against the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltoolbox.kernels import KERNELS
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import Array, Layer, Learnable, State
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.ops import OPS, Builder, Value, as_tuple
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.model import Model
from tests.ops.sample import Case
from tests.ops.samples import CASES, observations
from tests.program.networks import everything

T, B = 2, 3
NOT_ALONE = {"max_unpool", "max_unpool_taps", "max_pool_taps", "size_of",  # they live on other ops: see test_time_networks
             "without_time", "masked_batch_norm", "masked_group_norm", "count_values", "half_mse_of_sequences"}
RANDOM = {"dropout", "spatial_dropout", "stochastic_pool"}
LOSSES = {"cross_entropy", "softmax_cross_entropy", "focal_cross_entropy", "softmax_focal_cross_entropy", "generalised_dice",
          "half_mse"}

ALONE = [case for case in CASES if case.op not in NOT_ALONE | RANDOM
         and case.batched and not {"sequences", "custom"} & {*type(OPS[case.op]).__module__.split(".")}  # tested elsewhere
         and all(case.inputs(1)[number].dtype == np.float64 for number in case.batched)]


def layer_of(case: Case, way: Way | None) -> Layer:
    """A layer that is one op; what is no data of the sample are its arrays."""
    given = {f"array{number}": x for number, x in enumerate(case.inputs(B)) if number not in case.batched}

    def arrays(self: Layer, *inputs: Any) -> tuple[Array, ...]:
        return tuple((Learnable if int(name[5:]) in case.differentiable else State)(name, x.shape)
                     for name, x in given.items())

    def build(self: Layer, g: Builder, *data: Value) -> Any:
        entering = iter((*data, g.target(data[0].dims)) if case.op in LOSSES else data)
        inputs = tuple(next(entering) if number in case.batched else
                       (g.learnable if number in case.differentiable else g.state)(f"array{number}")
                       for number in range(len(case.inputs(B))))
        y = as_tuple(g.record(OPS[case.op], inputs, case.attributes(B), way))[0]
        if case.op not in LOSSES:
            return y
        g.result(data[0], y)
        return ()

    ports = tuple(f"in{number}" for number in range(len(case.batched) - (case.op in LOSSES)))
    base: type[Layer] = OutputLayer if case.op in LOSSES else Layer
    made: Layer = type("One", (base,), {"inputs": lambda self: ports, "arrays": arrays, "build": build, **given})(Name="op")
    return made


def network(case: Case, sizes: list[tuple[int, ...]], way: Way | None, *, timed: bool) -> LayerGraph:
    """Inputs of these sizes (…×C), the op, and a loss."""
    def source(number: int, size: tuple[int, ...]) -> Layer:
        return FACTORIES["inputLayer"]([*size, *[np.nan] * (1 + timed)], "S" * (len(size) - 1) + "CB" + "T" * timed,
                                       Name=f"x{number}")
    body = layer_of(case, way)
    end = [] if case.op in LOSSES else [FACTORIES["regressionLayer"](Name="out")]
    lgraph = layerGraph([source(0, sizes[0]), body, *end])
    for number in range(1, len(body.inputs())):
        lgraph = connectLayers(addLayers(lgraph, source(number, sizes[number])), f"x{number}", f"op/in{number}")
    return lgraph


def run(case: Case, data: list[np.ndarray], targets: list[np.ndarray], way: Way | None, *, timed: bool,
        fast: bool) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Target and prediction, gradients of the data, and the loss with the gradients of the arrays."""
    model = Model(network(case, [x.shape[:-1 - timed] for x in data], way, timed=timed), np.float64, fast=fast)
    data = data[:len(model.inputs)]
    targets = targets or [np.random.default_rng(4).standard_normal(model.predict(data)[0].shape)]
    y, *others = everything(model, data, targets)
    count = 1 + len(model.parameters)
    return targets[0], y, others[count:], others[:count]


def each_step(x: np.ndarray) -> np.ndarray:
    """Observations as steps of observations: S…C(T·B) → S…CTB."""
    return x.reshape(*x.shape[:-1], T, B)


def last_axis(x: np.ndarray) -> np.ndarray:
    """The last spatial axis as time: S…SCB → S…CSB."""
    return np.moveaxis(x, -3, -2)


def over_maps(case: Case) -> bool:
    """Whether the last spatial axis of all data may be time, and is one afterwards."""
    inputs = case.inputs(B)
    y = as_tuple(OPS[case.op].forward(*inputs, **case.attributes(B)))[0]
    return min(inputs[number].ndim for number in case.batched) >= 4 and y.ndim in (0, inputs[0].ndim)


OVER_MAPS = [case for case in ALONE if over_maps(case)]


def check(case: Case, batch: int, with_time: Callable[[np.ndarray], np.ndarray], way: Way | None) -> None:
    """The op on data with time is the op on the same data without it; a loss of sequences is a mean over their steps."""
    flat = [case.inputs(batch)[number] for number in case.batched]
    target, y, entering, others = run(case, flat, flat[1:] if case.op in LOSSES else [], None, timed=False, fast=False)
    steps = 1 if way is None or case.op in LOSSES else with_time(target).shape[-2]
    expected = [with_time(y), *(with_time(x) / steps for x in entering), *(x / steps for x in others)]
    _, y, entering, others = run(case, [*map(with_time, flat)], [with_time(target)], way, timed=True, fast=False)
    same([y, *entering, *others], expected)


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("case", ALONE, ids=str)
def test_every_step_is_an_observation(case: Case) -> None:
    check(case, T * B, each_step, None)


@pytest.mark.parametrize("case", OVER_MAPS, ids=str)
def test_time_as_the_last_spatial_axis(case: Case) -> None:
    check(case, B, last_axis, Way.SPACE)


@pytest.mark.parametrize("case", [case for case in ALONE if case.joins], ids=str)
def test_step_by_step(case: Case) -> None:
    """What the reference finds for sequences, found by the op's own body for one step after the other."""
    inputs = tuple(x if number in case.batched else array  # arrays are drawn after data, so they differ with their number
                   for number, (x, array) in enumerate(zip(case.inputs(T * B), case.inputs(B), strict=True)))
    data = [each_step(inputs[number]) for number in case.batched]
    found = Model(network(case, [x.shape[:-2] for x in data], None, timed=True), np.float64, fast=False).predict(data)[0]
    for t in range(T):
        step = OPS[case.op].forward(*observations(case, inputs, slice(t * B, (t + 1) * B)), **case.attributes(B))
        np.testing.assert_allclose(found[..., t, :], as_tuple(step)[0], rtol=1e-12, atol=1e-12)


ONE_EACH = list({case.op: case for case in ALONE}.values())  # to whose kernels steps are observations like any
USES = [*((case, None) for case in ONE_EACH), *((case, Way.SPACE) for case in OVER_MAPS)]


@pytest.mark.network
@pytest.mark.parametrize(("case", "way"), [use for use in USES if use[0].op in KERNELS], ids=str)
def test_kernels(case: Case, way: Way | None) -> None:
    batch, with_time = (T * B, each_step) if way is None else (B, last_axis)
    data = [with_time(case.inputs(batch)[number]) for number in case.batched]
    targets = data[1:] if case.op in LOSSES else []
    (_, *expected), (_, *found) = (run(case, data, targets, way, timed=True, fast=fast) for fast in (False, True))
    same([found[0], *found[1], *found[2]], [expected[0], *expected[1], *expected[2]])
