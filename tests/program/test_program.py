"""Inside the program: what is computed, when arrays die, what is kept, and what statistics become."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from weakref import ref

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.data.sources.batches import Batch
from dltoolbox.engines.inference import predict
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops import ParameterKey
from dltoolbox.program.memory import Buffer, bytes_of, place
from dltoolbox.program.model import Model, model_of
from dltoolbox.program.optimized import optimize
from dltoolbox.program.plan import lifetimes, make_plan, shape_of
from tests.program.networks import digits, finished, images, make, one_hot, residual, scrambled, segnet

pytestmark = pytest.mark.network


def ops_of(model: Model, mode: str, X: np.ndarray, ports: tuple[str, ...] = ()) -> list[str]:
    """The ops that are run, whether alone or joined in chains."""
    program = model.program(mode, [X], ports)
    return [name for step in program.plan.steps for name in step.node.op.name.split("+")]


# Dead code -----------------------------------------------------------------------------------------------------------
def test_prediction_runs_no_loss_and_training_fuses_it() -> None:
    model = scrambled(Model(digits()))
    X = images(model.lgraph, 2)
    predicting, training = ops_of(model, "predict", X), ops_of(model, "train", X)
    assert not any("cross_entropy" in name for name in predicting)
    assert predicting[-1] == "softmax"
    assert "softmax_cross_entropy" in training
    assert not {"softmax", "cross_entropy"} & set(training)
    assert ops_of(model, "statistics", X)[-1] == "batch_norm"  # nothing behind the last statistics


def test_only_what_a_port_needs_is_computed() -> None:
    model = scrambled(Model(segnet()))
    X = images(model.lgraph, 2)
    assert ops_of(model, "predict", X, ("e1_relu/out",)) == ["conv", "batch_norm_inference", "relu"]
    assert "max_unpool" not in ops_of(model, "predict", X, ("pool2/out",))


def test_indices_that_nothing_reads_are_not_computed() -> None:
    model = scrambled(Model(segnet()))
    X = images(model.lgraph, 2)
    assert ops_of(model, "predict", X).count("max_pool_taps") == 2  # only the unpooling reads them
    to_pool = ops_of(model, "predict", X, ("pool2/out",))
    assert to_pool.count("max_pool") == 2
    assert "max_pool_indices" not in to_pool
    assert "size_of" not in to_pool
    assert ops_of(model, "predict", X, ("pool2/indices",))[-1] == "max_pool_indices"
    plain_pool = scrambled(Model(digits()))
    assert "max_pool_indices" not in ops_of(plain_pool, "predict", images(plain_pool.lgraph, 2))


# Memory --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make_graph", [digits, segnet, residual])
def test_inference_forgets_what_nothing_reads(make_graph: Any) -> None:
    model = scrambled(Model(make_graph()))
    plan = model.program("predict", [images(model.lgraph, 2)]).plan
    alive = lifetimes(plan)
    sizes = {value: bytes_of(shape_of(value), plan.dtype) for value in alive}
    peak = place([Buffer(sizes[value], (alive[value],)) for value in alive])
    assert peak < 0.75 * sum(sizes.values())


def test_training_keeps_what_gradients_read() -> None:
    model = scrambled(Model(segnet()))
    X = images(model.lgraph, 2)
    assert model.program("train", [X]).planned_bytes() > model.program("predict", [X]).planned_bytes()


def test_programs_of_one_model_share_their_memory() -> None:
    model = scrambled(Model(digits()))
    small, large = images(model.lgraph, 1), images(model.lgraph, 9)
    first = model.predict([small])[0]
    program = model.program("predict", [small])
    assert program.planned_bytes() <= len(model.arenas[0].block) <= program.planned_bytes() + 1000
    model.predict([large])  # the block grows, and moves
    np.testing.assert_array_equal(model.predict([small])[0], first)
    peak = max(program.planned_bytes() for program in model._programs)
    assert peak <= sum(len(arena.block) for arena in model.arenas) <= 8 * peak  # there is headroom


def test_results_are_not_overwritten_by_the_next_run() -> None:
    model = scrambled(Model(residual()))
    first, second = images(model.lgraph, 2, seed=1), images(model.lgraph, 2, seed=2)
    kept = model.predict([first])[0]
    before = kept.copy()
    model.predict([second])
    np.testing.assert_array_equal(kept, before)
    T = one_hot(kept.shape)
    _, found, entering = model.gradients([first], [T])
    copies = {key: g.copy() for key, g in found.items()}, [g.copy() for g in entering]
    model.gradients([second], [T])
    for key, gradient in found.items():
        np.testing.assert_array_equal(gradient, copies[0][key])
    np.testing.assert_array_equal(entering[0], copies[1][0])


# Plans ---------------------------------------------------------------------------------------------------------------
def test_plans_are_kept_per_size_and_mode() -> None:
    model = scrambled(Model(digits()))
    X = images(model.lgraph, 3)
    assert model.program("predict", [X]) is model.program("predict", [X + 1])
    assert model.program("predict", [X]) is not model.program("predict", [X[..., :2]])
    assert model.program("predict", [X]) is not model.program("train", [X])
    assert model.program("predict", [X]) is not model.program("predict", [X], ("b0_relu/out",))


def test_plans_of_many_sizes_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.program.model.PROGRAM_BYTES", 1 << 21)
    model = scrambled(Model(segnet()))
    X = images(model.lgraph, 2)
    first, kept = model.program("predict", [X]), model.program("train", [X])
    for height in range(20, 60):
        model.program("predict", [np.zeros((height, 16, 3, 1))])
        assert model.program("train", [X]) is kept  # what is used stays
    assert sum(program.bytes for program in model._programs) == model._programs.bytes <= 1 << 21
    assert len([*model._programs]) > 2
    assert model.program("predict", [X]) is not first


def test_the_newest_plan_is_kept_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltoolbox.program.model.PROGRAM_BYTES", 1)
    model = scrambled(Model(digits()))
    X = images(model.lgraph, 2)
    assert model.program("predict", [X]) is model.program("predict", [X])
    assert model.program("train", [X]) is model.program("train", [X])
    assert len([*model._programs]) == 1


def test_threads_may_predict_with_one_network() -> None:
    """Plans work in memory of their own, so that runs must take turns."""
    net = finished(digits())
    data = [images(net, 8, seed=seed) for seed in range(4)]
    wanted = [predict(net, X) for X in data]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(10):
            for found, expected in zip(threads.map(lambda X: predict(net, X), data), wanted, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_the_model_of_a_network_is_kept_with_it() -> None:
    net = finished(digits())
    assert model_of(net) is model_of(net)


def test_parameters_that_the_loss_does_not_reach_have_no_gradient() -> None:
    graph = lower(digits(), training=True, sources={"imageinput": Dims.of("SSCB", 28, 28, 1, 2)}).graph
    plan = make_plan(optimize(graph, graph.losses, [graph.arrays[ParameterKey("fc", "Weights")]]))
    differentiated = [step.node.op.name for step in plan.steps if step.needs_input_grad]
    assert differentiated == ["dense", "softmax_cross_entropy"]


# Statistics ----------------------------------------------------------------------------------------------------------
def normalised(decay: float = 0.1, size: tuple[int, ...] = (4, 3, 2)) -> LayerGraph:
    return layerGraph([make("imageInputLayer", list(size), Normalization="none", Name="image"),
                       make("batchNormalizationLayer", MeanDecay=decay, VarianceDecay=decay / 2, Name="bn"),
                       make("fullyConnectedLayer", 2, Name="fc"), make("batchNormalizationLayer", Name="bn2"),
                       make("regressionLayer")])


def test_moving_statistics_follow_their_formula() -> None:
    model = Model(normalised(0.3), np.float64)
    X, T = images(model.lgraph, 6), np.zeros((1, 1, 2, 6))
    mean, variance = X.mean((0, 1, 3)), X.var((0, 1, 3))
    wanted_mean, wanted_variance = np.zeros(2), np.ones(2)  # as MATLAB starts: 0 and 1
    for _ in range(3):
        model.step([X], [T])
        wanted_mean = 0.3 * mean + 0.7 * wanted_mean
        wanted_variance = 0.15 * variance + 0.85 * wanted_variance
        np.testing.assert_allclose(model.arrays[ParameterKey("bn", "TrainedMean")].ravel(), wanted_mean)
        np.testing.assert_allclose(model.arrays[ParameterKey("bn", "TrainedVariance")].ravel(), wanted_variance)
    before = model.snapshot()
    model.evaluate([X], [T])
    model.gradients([X], [T])
    model.predict([X])
    for key, value in model.snapshot().items():
        np.testing.assert_array_equal(before[key], value)


@pytest.mark.parametrize("sizes", [(10,), (4, 4, 2), (1, 9), (5, 0, 5)], ids=str)
def test_final_statistics_are_those_of_the_whole_set(sizes: tuple[int, ...]) -> None:
    model = Model(normalised(), np.float64)
    X = images(model.lgraph, sum(sizes)) * np.arange(1, 11) + 5
    ends = np.cumsum((0, *sizes))
    model.finalize_statistics(Batch((X[..., a:b],)) for a, b in pairwise(ends) if b > a)
    np.testing.assert_allclose(model.arrays[ParameterKey("bn", "TrainedMean")].ravel(), X.mean((0, 1, 3)))
    np.testing.assert_allclose(model.arrays[ParameterKey("bn", "TrainedVariance")].ravel(), X.var((0, 1, 3)))
    if sizes == (10,):  # in one batch, deeper layers have the statistics of the whole set, too
        z = model.predict([X], ["fc/out"])[0][0, 0]
        np.testing.assert_allclose(model.arrays[ParameterKey("bn2", "TrainedMean")].ravel(), z.mean(1), rtol=1e-3, atol=1e-4)


def test_finalizing_reads_nothing_without_statistics() -> None:
    model = Model(layerGraph([make("featureInputLayer", 2), make("fullyConnectedLayer", 1), make("regressionLayer")]))
    batches = iter([Batch((np.ones((2, 3)),))] * 5)
    model.finalize_statistics(batches)
    assert len(list(batches)) == 4


def test_constant_channels_have_a_variance_of_zero_and_train_on() -> None:
    model = Model(normalised())
    X = images(model.lgraph, 6, np.float32)
    X[:, :, 1] = 3
    result = model.step([X], [np.zeros((1, 1, 2, 6), np.float32)])
    assert np.isfinite(result.loss)
    assert all(np.isfinite(g).all() for g in result.gradients if g is not None)
    model.finalize_statistics([Batch((X[..., :3],)), Batch((X[..., 3:],))])
    assert model.arrays[ParameterKey("bn", "TrainedVariance")].ravel()[1] == 0
    net = model.network()
    assert np.isfinite(model_of(net).predict([X])[0]).all()


def test_snapshots_are_copies_and_restore_in_place() -> None:
    model = scrambled(Model(digits()))
    snapshot = model.snapshot(into=model.snapshot())
    arrays, copies = dict(model.arrays), {key: value.copy() for key, value in model.arrays.items()}
    for value in model.arrays.values():
        value += 1
    model.restore(snapshot)
    for key, value in model.arrays.items():
        assert value is arrays[key]
        np.testing.assert_array_equal(value, copies[key])


# Models --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_type_throughout(dtype: Any) -> None:
    model = scrambled(Model(residual(), dtype))
    X = images(model.lgraph, 2, np.float64 if dtype == np.float32 else np.float32)
    assert model.predict([X])[0].dtype == dtype
    result = model.step([X], [one_hot(model.predict([X])[0].shape)])
    assert {g.dtype for g in result.gradients if g is not None} == {np.dtype(dtype)}
    assert {v.dtype for v in model.arrays.values()} == {np.dtype(dtype)}


def test_a_network_is_independent_of_its_model() -> None:
    model = scrambled(Model(digits()))
    X = images(model.lgraph, 2)
    net = model.network()
    before = model_of(net).predict([X])[0]
    for value in model.arrays.values():
        value += 1
    np.testing.assert_array_equal(model_of(net).predict([X])[0], before)


def test_several_losses_add_up() -> None:
    lgraph = layerGraph([make("featureInputLayer", 3, Name="x"), make("fullyConnectedLayer", 2, Name="fc"),
                         make("regressionLayer", Name="first")])
    lgraph = connectLayers(addLayers(lgraph, [make("reluLayer", Name="relu"), make("regressionLayer", Name="second")]),
                           "fc", "relu")
    model = scrambled(Model(lgraph, np.float64))
    rng = np.random.default_rng(0)
    X, A, B = (rng.standard_normal(s) for s in ((3, 5), (2, 5), (2, 5)))
    y = model.predict([X])
    wanted = [np.square(a - b).sum() / 10 for a, b in zip(y, (A, B), strict=True)]
    loss, learnables, _ = model.gradients([X], [A, B])
    assert np.isclose(loss, sum(wanted))
    slope = ((y[0] - A) + (y[1] - B) * (y[0] > 0)) / 5
    np.testing.assert_allclose(learnables[ParameterKey("fc", "Weights")], slope @ X.T)


def test_a_forgotten_model_gives_its_memory_back_at_once() -> None:
    model = scrambled(Model(segnet()))
    X = images(model.lgraph, 4)
    model.gradients([X], [one_hot(model.predict([X])[0].shape)])
    kept = [ref(arena) for arena in model.arenas] + [ref(model)]
    gc.disable()
    try:
        del model
        assert [one() for one in kept] == [None] * len(kept)
    finally:
        gc.enable()
