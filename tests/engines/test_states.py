"""Networks in a state: predictions go on where the last ones stopped, and nothing else changes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import classifyAndUpdateState, predict, predictAndUpdateState, resetState
from dltoolbox.core.errors import DltoolboxError

RANDOM = np.random.default_rng(0)
X = [RANDOM.standard_normal((3, 12)).astype(np.float32) for _ in range(4)]
CLOSE = {"rtol": 2e-5, "atol": 2e-6}
KINDS = {
    "lstm": lambda: [dl.lstmLayer(4, Name="lstm")], "gru": lambda: [dl.gruLayer(4)],
    "two": lambda: [dl.lstmLayer(4, Name="lstm"), dl.reluLayer, dl.gruLayer(3)],
    "projected": lambda: [dl.lstmProjectedLayer(4, 2, 2)],
    "nested": lambda: [dl.networkLayer([dl.fullyConnectedLayer(3, Name="fc"), dl.lstmLayer(4, Name="lstm")], Name="block")]}


def dlnet(kind: str = "lstm") -> Any:
    dl.rng(1)
    return dl.dlnetwork([dl.sequenceInputLayer(3, Name="in"), *KINDS[kind](), dl.fullyConnectedLayer(2, Name="fc"),
                         dl.softmaxLayer(Name="scores")])


def tagger(kind: str = "lstm") -> Any:
    return dl.assembleNetwork([*dlnet(kind).Layers, dl.classificationLayer(Classes=["a", "b"], Name="end")])


def same(got: Any, wanted: Any) -> None:
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [dlnet, tagger])
def test_step_by_step_is_all_at_once(make: Any, kind: str) -> None:
    net = make(kind)
    whole, current, steps = predict(net, X), net, []
    for t in range(12):
        current, Y = predictAndUpdateState(current, [x[:, t:t + 1] for x in X])
        steps.append(Y)
    same([np.hstack(each) for each in zip(*steps, strict=True)], whole)
    same(predict(net, X), whole)  # the network that was passed has not changed
    halves = predictAndUpdateState(net, [x[:, :5] for x in X], MiniBatchSize=3, SequenceLength=2)
    same(predict(halves[0], [x[:, 5:] for x in X], MiniBatchSize=2), [y[:, 5:] for y in whole])


def test_lengths_of_their_own() -> None:
    net, stops = tagger(), [3, 8, 1, 5]
    whole = predict(net, X)
    left = {"SequencePaddingDirection": "left"}
    for options in ({}, {"MiniBatchSize": 2}, {"SequenceLength": 2}, {"SequenceLength": 3, "MiniBatchSize": 3},
                    {"SequenceLength": 2, **left}, {"SequenceLength": 5, "MiniBatchSize": 3, **left}):
        after, _ = predictAndUpdateState(net, [x[:, :stop] for x, stop in zip(X, stops, strict=True)], **options)
        same(predict(after, [x[:, stop:] for x, stop in zip(X, stops, strict=True)], **options),
             [y[:, stop:] for y, stop in zip(whole, stops, strict=True)])


def test_one_alone_and_arrays() -> None:
    net = dlnet()
    whole = predict(net, X[0])
    after, first = predictAndUpdateState(net, X[0][:, :5])
    assert first.shape == (2, 5)
    assert predictAndUpdateState(after, X[0][:, 5:6], nargout=1).State.Value[0].shape == (4, 1)
    same(predict(after, X[0][:, 5:]), whole[:, 5:])
    array = np.stack(X, axis=1)
    after, first = predictAndUpdateState(net, array[..., :5])
    same(np.concatenate([first, predict(after, array[..., 5:])], axis=-1), predict(net, array))


def test_networks_share_programs_but_not_states() -> None:
    net = tagger()
    after, _ = predictAndUpdateState(net, X)
    other, _ = predictAndUpdateState(net, X[::-1])
    assert after.cache is net.cache
    first, second, fresh = (predict(each, X) for each in (after, other, net))
    for _ in range(2):  # in any order, again and again
        same(predict(other, X), second)
        same(predict(after, X), first)
        same(predict(net, X), fresh)
    assert not np.allclose(first[0], fresh[0])
    assert after.nodes[2].Weights is net.nodes[2].Weights


def test_reset() -> None:
    net = tagger()
    after, _ = predictAndUpdateState(net, X)
    same(predict(resetState(after), X), predict(net, X))
    same(predict(after.resetState(), X[:2]), predict(net, X[:2]))
    assert resetState(net) is net
    assert not resetState(after).Layers[1].HiddenState.any()


def test_another_number_of_sequences() -> None:
    after, _ = predictAndUpdateState(tagger(), X)
    for function in (predict, predictAndUpdateState, classifyAndUpdateState, dl.classify):
        with pytest.raises(DltoolboxError, match="HiddenState is that of 4 sequences, but X has 1 sequence") as caught:
            function(after, X[0])
        assert caught.value.identifier == f"dltoolbox:{function.__name__}:stateMismatch"
        assert "net = resetState(net). Or pass 4 sequences again" in caught.value.issues[0].hint
        function(resetState(after), X[0])
        function(after, X)
    alone, _ = predictAndUpdateState(tagger(), X[0])
    with pytest.raises(DltoolboxError, match="is that of 1 sequence, but X has 4 sequences"):
        predict(alone, X)


def test_states_of_layers() -> None:
    """What a layer was given is where sequences begin, and where resetState goes back to."""
    layers = tagger().Layers
    plain = predict(dl.assembleNetwork(layers), X)
    layers[1].HiddenState, layers[1].CellState = np.full((4, 1), 0.5), np.full((4, 1), -1)
    net = dl.assembleNetwork(layers)
    begun = predict(net, X)
    assert not np.allclose(begun[0], plain[0])
    after, _ = predictAndUpdateState(net, [x[:, :5] for x in X])
    same(predict(after, [x[:, 5:] for x in X]), [y[:, 5:] for y in begun])
    same(predict(resetState(after), X), begun)
    layers[1].HiddenState, layers[1].CellState = np.tile([0.5], (4, 4)), np.tile([-1], (4, 4))
    of_four = dl.assembleNetwork(layers)
    same(predict(of_four, X, MiniBatchSize=3), begun)
    with pytest.raises(DltoolboxError, match="is that of 4 sequences, but X has 2 sequences") as caught:
        predict(of_four, X[:2])
    assert "give the layer a HiddenState of one column" in caught.value.issues[0].hint
    layers[1].HiddenState, layers[1].CellState = layers[1].HiddenState[:, :1], layers[1].CellState[:, :1]
    same(predict(dl.assembleNetwork(layers), X[:2]), begun[:2])


def test_layers_and_tables_show_the_state() -> None:
    net = dlnet()
    after, _ = predictAndUpdateState(net, X)
    assert after.State.Parameter == ["HiddenState", "CellState"]
    assert [value.shape for value in after.State.Value] == [(4, 4), (4, 4)]
    assert [value.shape for value in net.State.Value] == [(4, 1), (4, 1)]
    np.testing.assert_array_equal(after.Layers[1].HiddenState, after.State.Value[0])
    np.testing.assert_array_equal(dl.getLayer(after, "lstm").CellState, after.State.Value[1])
    hidden = dl.minibatchpredict(net, X, Outputs="lstm")
    np.testing.assert_allclose(after.State.Value[0], np.stack([y[:, -1] for y in hidden], axis=1), **CLOSE)


@pytest.mark.parametrize("kind", ["two", "nested"])
def test_the_state_of_a_dlnetwork_is_assigned(kind: str) -> None:
    net = dlnet(kind)
    whole = predict(net, X)
    Y, state = predict(net, [x[:, :5] for x in X], nargout=2)
    same(Y, [y[:, :5] for y in whole])
    programs = net.cache
    net.State = state
    assert net.cache is programs
    same(predict(net, [x[:, 5:] for x in X]), [y[:, 5:] for y in whole])
    same(predict(resetState(net), X), whole)
    net.State = dlnet(kind).State
    same(predict(net, X), whole)
    table = state
    table.Value[0] = table.Value[0][:, :1]
    net.State = table
    with pytest.raises(DltoolboxError, match="stateMismatch"):
        predict(net, X)
    table.Value[0] = np.zeros((5, 4))
    with pytest.raises(DltoolboxError, match="invalidState"):
        net.State = table


def test_statistics_are_assigned_beside_states() -> None:
    dl.rng(1)
    net = dl.dlnetwork([dl.sequenceInputLayer(3), dl.batchNormalizationLayer, dl.lstmLayer(2)])
    before, table = predict(net, X), net.State
    table.Value[0] = np.ones_like(table.Value[0])
    net.State = table
    assert not np.allclose(predict(net, X[0]), before[0])
    same(predict(resetState(net), X), [predict(resetState(net), x) for x in X])
    np.testing.assert_array_equal(resetState(net).State.Value[0], table.Value[0])


def test_labels() -> None:
    net = tagger()
    labels, scores = dl.classify(net, X, nargout=2)
    after, first = classifyAndUpdateState(net, [x[:, :5] for x in X])
    _, second, rest = classifyAndUpdateState(after, [x[:, 5:] for x in X], nargout=3)
    assert [a.tolist() + b.tolist() for a, b in zip(first, second, strict=True)] == [y.tolist() for y in labels]
    same(rest, [y[:, 5:] for y in scores])
    assert isinstance(classifyAndUpdateState(net, X, nargout=1), dl.SeriesNetwork)
    assert net.classifyAndUpdateState(X)[1][0].tolist() == labels[0].tolist()
    after, labels = net.predictAndUpdateState(X[0], ReturnCategorical=True)
    assert labels.shape == (12,)


@pytest.mark.parametrize("make", [dlnet, tagger])
def test_the_state_is_kept_in_copies_and_files(make: Any, tmp_path: Any) -> None:
    net = make("nested") if make is dlnet else make("two")
    after, _ = predictAndUpdateState(net, [x[:, :5] for x in X])
    rest, fresh = predict(after, [x[:, 5:] for x in X]), predict(net, X)
    dl.saveNetwork(after, tmp_path / "net.dlnet")
    for twin in (copy.copy(after), copy.deepcopy(after), pickle.loads(pickle.dumps(after)),
                 dl.loadNetwork(tmp_path / "net.dlnet")):
        same(predict(twin, [x[:, 5:] for x in X]), rest)
        same(predict(resetState(twin), X), fresh)


def test_edits_and_conversions_keep_the_state() -> None:
    after, _ = predictAndUpdateState(dlnet(), [x[:, :5] for x in X])
    rest = predict(after, [x[:, 5:] for x in X])
    edited = dl.initialize(dl.replaceLayer(after, "scores", dl.softmaxLayer(Name="scores")))
    same(predict(edited, [x[:, 5:] for x in X]), rest)
    same(predict(dl.dlnetwork(after), [x[:, 5:] for x in X]), rest)
    after, _ = predictAndUpdateState(tagger(), [x[:, :5] for x in X])
    same(predict(dl.dag2dlnetwork(after), [x[:, 5:] for x in X]), rest)
    same(predict(resetState(dl.dag2dlnetwork(after)), X), predict(tagger(), X))
    assert dl.layerGraph(after).Layers[1].HiddenState.shape == (4, 4)


def test_networks_without_states() -> None:
    net = dl.assembleNetwork([*dl.dlnetwork([dl.sequenceInputLayer(3), dl.fullyConnectedLayer(2)]).Layers, dl.softmaxLayer,
                              dl.classificationLayer(Classes=["a", "b"])])
    for function, plain in ((predictAndUpdateState, predict), (classifyAndUpdateState, dl.classify)):
        with pytest.raises(DltoolboxError, match=f"{function.__name__} needs a layer that goes on") as caught:
            function(net, X)
        assert caught.value.identifier == f"dltoolbox:{function.__name__}:noState"
        assert f"Use {plain.__name__}(net, X)." in caught.value.issues[0].hint
        plain(net, X)
    with pytest.raises(DltoolboxError, match="notANetwork"):
        predictAndUpdateState(net.Layers, X)
    with pytest.raises(DltoolboxError, match="notANetwork"):
        classifyAndUpdateState(dlnet(), X)
    with pytest.raises(DltoolboxError, match="notAClassificationNetwork"):
        classifyAndUpdateState(dl.assembleNetwork([*dlnet().Layers[:-1], dl.regressionLayer]), X)


def test_the_number_of_outputs() -> None:
    net, features = tagger(), dl.dlnetwork([dl.featureInputLayer(2), dl.batchNormalizationLayer])
    first, second = predict(features, [[1, 2], [3, 4]])
    assert first.shape == second.shape == (2,)
    assert predict(features, [[1, 2]], nargout=2)[1].Parameter == ["TrainedMean", "TrainedVariance"]
    with pytest.raises(DltoolboxError, match="nargoutNeeded"):
        _, _ = predict(dlnet(), X[:2])
    _, _ = predict(dlnet(), X, nargout=2)
    for function, most in ((predictAndUpdateState, 2), (classifyAndUpdateState, 3)):
        assert len(function(net, X)) == 2
        for nargout in (0, most + 1):
            with pytest.raises(DltoolboxError, match="nargout"):
                function(net, X, nargout=nargout)
        with pytest.raises(DltoolboxError, match="nargoutNeeded"):
            _, _ = function(net, X, nargout=1)
