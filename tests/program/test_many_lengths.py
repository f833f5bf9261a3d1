"""Programs for many lengths of time: one record serves them all, and the memory of one plan holds the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    additionLayer,
    addLayers,
    averagePooling1dLayer,
    averagePooling2dLayer,
    batchNormalizationLayer,
    bilstmLayer,
    classificationLayer,
    concatenationLayer,
    connectLayers,
    convolution1dLayer,
    convolution2dLayer,
    fullyConnectedLayer,
    inputLayer,
    layerGraph,
    layerNormalizationLayer,
    maxNumCompThreads,
    maxPooling1dLayer,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    reluLayer,
    selfAttentionLayer,
    softmaxLayer,
    tanhLayer,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program import model as models
from dltoolbox.program.bound_plan import Layout, Shard
from dltoolbox.program.model import Model
from tests.modes import poisoned
from tests.program.networks import scrambled

NAN = float("nan")


def dense() -> LayerGraph:
    return layerGraph([inputLayer([12, NAN, NAN], "CBT"), fullyConnectedLayer(100), tanhLayer, layerNormalizationLayer,
                       fullyConnectedLayer(9), softmaxLayer, classificationLayer])


def windows(*more: Any) -> LayerGraph:
    """Convolution and pooling over space and time."""
    return layerGraph([inputLayer([12, 3, NAN, NAN], "SCBT"), convolution2dLayer(3, 8, Padding="same"),
                       batchNormalizationLayer, reluLayer, maxPooling2dLayer(2, Stride=2), *more, fullyConnectedLayer(9),
                       softmaxLayer, classificationLayer])


def follows_length() -> LayerGraph:
    """Padding that depends on the length: 'same' with strides."""
    return windows(convolution2dLayer(3, 4, Padding="same", Stride=3), averagePooling2dLayer(2, Padding="same", Stride=2))


def unpooled() -> LayerGraph:
    """Indices and sizes of another length than what is unpooled; the first windows overlap."""
    lgraph = layerGraph([inputLayer([9, 3, NAN, NAN], "SCBT"),
                         maxPooling2dLayer(3, Stride=2, HasUnpoolingOutputs=True, Name="a"),
                         convolution2dLayer(3, 4, Padding="same"),
                         maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="b"), reluLayer,
                         maxUnpooling2dLayer(Name="ub"), convolution2dLayer(3, 3, Padding="same"),
                         maxUnpooling2dLayer(Name="ua"), fullyConnectedLayer(2), regressionLayer])
    for pool in "ab":
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"{pool}/{port}", f"u{pool}/{port}")
    return lgraph


def two_lengths() -> LayerGraph:
    """Two sequences of different lengths, joined along time."""
    lgraph = layerGraph([inputLayer([3, NAN, NAN], "CBT", Name="x"), fullyConnectedLayer(4),
                         concatenationLayer(3, 2, Name="cat"), reluLayer, fullyConnectedLayer(2), regressionLayer])
    lgraph = addLayers(lgraph, [inputLayer([5, NAN, NAN], "CBT", Name="y"), fullyConnectedLayer(4, Name="fcy")])
    return connectLayers(lgraph, "fcy", "cat/in2")


NETWORKS = {"dense": (dense, ((12,),)), "windows": (windows, ((12, 3),)), "follows length": (follows_length, ((12, 3),)),
            "unpooled": (unpooled, ((9, 3),)), "two lengths": (two_lengths, ((3,), (5,)))}


def model_of(name: str, **options: Any) -> Model:
    return scrambled(Model(NETWORKS[name][0](), np.float64, **options))


def data(name: str, T: int, B: int) -> list[np.ndarray]:
    rng = np.random.default_rng(100 * T + B)
    return [rng.standard_normal((*sizes, T + 2 * number, B)) for number, sizes in enumerate(NETWORKS[name][1])]


def results(model: Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Predictions, loss and all gradients."""
    y = model.predict(inputs)[0]
    targets = [np.random.default_rng(0).standard_normal(y.shape)]
    loss, gradients, entering = model.gradients(inputs, targets)
    return [y, np.asarray(loss), *gradients.values(), *(gradient.copy() for gradient in entering)]


@pytest.mark.parametrize("name", NETWORKS)
def test_one_record_serves_all_lengths(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the reference, whose record is made for these sizes."""
    model = model_of(name)
    results(model, data(name, 12, 3))
    for T, B in [(17, 3), (12, 2), (30, 4), (13, 3), (17, 1)]:
        expected = model_of(name, fast=False)
        expected.restore(model.snapshot())
        exact = results(expected, data(name, T, B))
        with monkeypatch.context() as patch:
            patch.setattr(models, "lower_for", None)
            found = results(model, data(name, T, B))
        for a, b in zip(found, exact, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("layer", [
    lambda: bilstmLayer(6), lambda: selfAttentionLayer(2, 8), lambda: convolution1dLayer(3, 5, Padding="causal"),
    lambda: maxPooling1dLayer(3, Stride=2), lambda: averagePooling1dLayer(2, Padding="same", Stride=2)],
    ids=["recurrent", "attention", "convolution", "pooling", "padding that follows"])
def test_one_record_serves_several_lengths_in_a_batch(layer: Any) -> None:
    lgraph = layerGraph([inputLayer([4, NAN, NAN], "CBT"), layer(), fullyConnectedLayer(3), regressionLayer])
    model = Model(lgraph, np.float64)
    for T in (12, 17, 9, 17):
        x, lengths = np.random.default_rng(T).standard_normal((4, T, 5)), [np.array([T, 5, T - 1, 8, T], np.int32)]
        fresh = Model(lgraph, np.float64, arrays=dict(model.arrays))
        found, expected = model.results([x], lengths=lengths)[0], fresh.results([x], lengths=lengths)[0]
        np.testing.assert_array_equal(found.lengths, expected.lengths)
        np.testing.assert_array_equal(found.array, expected.array)


def test_what_no_record_for_all_lengths_serves() -> None:
    """Lengths that do not fit are told of as ever; other records serve what looks at lengths in another way."""
    model = model_of("windows")
    model.predict(data("windows", 9, 2))
    with pytest.raises(DltoolboxError, match="is larger than the padded input"):
        model.predict(data("windows", 1, 2))
    assert model.predict(data("windows", 8, 2))[0].shape == (1, 9, 4, 2)
    edges = Model(layerGraph([inputLayer([8, 3, NAN, NAN], "SCBT"),
                              convolution2dLayer(5, 2, Padding=2, PaddingValue="symmetric-exclude-edge"), regressionLayer]))
    assert edges.predict([np.ones((8, 3, 5, 2))])[0].shape == (8, 2, 5, 2)
    with pytest.raises(DltoolboxError, match="Mirroring without the edge"):
        edges.predict([np.ones((8, 3, 2, 2))])
    same = Model(layerGraph([inputLayer([8, 3, NAN, NAN], "SCBT"),
                             convolution2dLayer(4, 2, Padding="same", Stride=3, PaddingValue="replicate"), regressionLayer]))
    for T in (9, 8, 7):
        assert same.predict([np.ones((8, 3, T, 2))])[0].shape == (3, 2, 3, 2)


def test_one_step_expands_to_all_lengths() -> None:
    lgraph = layerGraph([inputLayer([3, NAN, NAN], "CBT", Name="x"), additionLayer(2, Name="add"), regressionLayer])
    lgraph = connectLayers(addLayers(lgraph, inputLayer([3, NAN, NAN], "CBT", Name="y")), "y", "add/in2")
    model, rng = Model(lgraph), np.random.default_rng(1)
    for lengths in [(4, 4), (4, 1), (6, 6), (1, 5)]:
        x, y = (rng.standard_normal((3, length, 2)).astype(np.float32) for length in lengths)
        np.testing.assert_array_equal(model.predict([x, y])[0], x + y)
    with pytest.raises(DltoolboxError):
        model.predict([np.ones((3, 4, 2)), np.ones((3, 5, 2))])


# Plans ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def first_bindings(monkeypatch: pytest.MonkeyPatch) -> list[Shard]:
    """Every shard that had to find out how its arrays lie best."""
    found: list[Shard] = []
    own_layout = Shard.own_layout

    def noted(shard: Shard) -> Layout:
        found.append(shard)
        return own_layout(shard)
    monkeypatch.setattr(Shard, "own_layout", noted)
    return found


@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_was_met_before_changes_nothing(name: str, threads: int) -> None:
    """Bit by bit, for lengths and batches in random sequence, old and new ones, in memory full of NaN."""
    maxNumCompThreads(threads)
    rng = np.random.default_rng(threads)
    model = Model(NETWORKS[name][0]())
    met = [(int(rng.integers(8, 40)), int(rng.choice([1, 3, 4, 9]))) for _ in range(6)]
    for T, B in [*met, *(met[i] for i in rng.permutation(6)[:3])]:
        inputs, fresh = data(name, T, B), Model(model.lgraph, arrays=dict(model.arrays))
        with poisoned():
            pairs = zip(results(model, inputs), results(fresh, inputs), strict=True)
        for a, b in pairs:
            assert np.isfinite(a).all()
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["dense", "windows"])
def test_the_memory_of_one_plan_holds_others(name: str, first_bindings: list[Shard]) -> None:
    """Shorter sequences lie where longer ones do; for longer ones the layout grows, and not for each."""
    model = Model(NETWORKS[name][0]())
    for T in (24, *range(12, 24)):
        results(model, data(name, T, 16))
    assert len(first_bindings) <= 4  # for two modes
    for T in range(25, 45):
        results(model, data(name, T, 16))
    assert len(first_bindings) <= 10
    grown = [arena.generation for arena in model.arenas]
    for T in range(12, 45):
        results(model, data(name, T, 16))
    assert [arena.generation for arena in model.arenas] == grown


def test_plans_are_dropped_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    every = model_of("windows")
    expected = {T: results(every, data("windows", T, 4)) for T in range(10, 16)}
    few, model = 3 * max(program.bytes for program in every._programs), model_of("windows")
    monkeypatch.setattr(model._programs, "limit", few)
    for T in [*expected, *reversed(expected)]:
        for a, b in zip(results(model, data("windows", T, 4)), expected[T], strict=True):
            np.testing.assert_array_equal(a, b)
        assert model._programs.bytes <= few
    assert len([*model._programs]) < 6 < len([*every._programs])
