"""Training on sequences: kinds of targets, figures of whole sets, and how the sequences of a mini-batch are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import (
    addLayers,
    bilstmLayer,
    categorical,
    classificationLayer,
    concatenationLayer,
    connectLayers,
    convolution2dLayer,
    featureInputLayer,
    flattenLayer,
    fullyConnectedLayer,
    gruLayer,
    layerGraph,
    lstmLayer,
    pixelClassificationLayer,
    predict,
    regressionLayer,
    sequenceInputLayer,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.data.sources.batches import MiniBatches
from dltoolbox.data.sources.sequence_source import Cutting, SequenceSource, step_ranges
from dltoolbox.data.sources.sequences import Sequences

pytestmark = pytest.mark.network

RNG = np.random.default_rng(7)
LENGTHS = (5, 3, 8, 6, 4, 7, 5)
X = [RNG.standard_normal((4, n)) for n in LENGTHS]
LABELS = categorical(["a", "b", "a", "b", "b", "a", "a"])
STEP_LABELS = [categorical(RNG.choice(["x", "y", "z"], (1, n)), ["x", "y", "z"]) for n in LENGTHS]
RESPONSES = [RNG.standard_normal((2, n)) for n in LENGTHS]
CLASSES = [softmaxLayer, classificationLayer]
TO_LABEL = [sequenceInputLayer(4), lstmLayer(5, OutputMode="last"), fullyConnectedLayer(2), *CLASSES]
TO_LABELS = [sequenceInputLayer(4), bilstmLayer(5), fullyConnectedLayer(3), *CLASSES]
TO_RESPONSES = [sequenceInputLayer(4), gruLayer(5), fullyConnectedLayer(2), regressionLayer]
FROZEN = 1e-30  # a learning rate that changes no weight


def trained(data: Any, targets: Any, layers: Any, **options: Any) -> tuple[Any, Any]:
    given = {"MaxEpochs": 1, "MiniBatchSize": 3, "Verbose": False, "Shuffle": "never"} | options
    dl.rng(3)
    return trainNetwork(data, targets, layers, trainingOptions("adam", **given), nargout=2)


# Targets -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [2, 3, 7, 20])
def test_figures_of_labels(size: int) -> None:
    net, info = trained(X, LABELS, TO_LABEL, MiniBatchSize=size, ValidationData=(X, LABELS))
    scores = np.concatenate([predict(net, x) for x in X])
    codes = LABELS.codes
    np.testing.assert_allclose(info.FinalValidationLoss, -np.log(scores[np.arange(7), codes]).mean(), rtol=1e-5)
    np.testing.assert_allclose(info.FinalValidationAccuracy, 100 * (scores.argmax(1) == codes).mean())
    assert len(info.TrainingLoss) == max(7 // size, 1)


@pytest.mark.parametrize("given", [STEP_LABELS, [y.reshape(-1) for y in STEP_LABELS], tuple(STEP_LABELS),
                                   [list(map(str, y.reshape(-1))) for y in STEP_LABELS]])
def test_figures_of_labels_of_steps(given: Any) -> None:
    net, info = trained(X, given, TO_LABELS, ValidationData=(X, given))
    scores = np.concatenate([predict(net, x) for x in X], axis=1)
    codes = np.concatenate([y.codes.reshape(-1) for y in STEP_LABELS])
    losses = -np.log(scores[codes, np.arange(codes.size)])
    np.testing.assert_allclose(info.FinalValidationLoss, losses.mean(), rtol=1e-5)  # every step counts once
    np.testing.assert_allclose(info.FinalValidationAccuracy, 100 * (scores.argmax(0) == codes).mean())
    assert list(net.Layers[-1].Classes) == ["x", "y", "z"]


def test_class_weights() -> None:
    layers = [*TO_LABELS[:-1], classificationLayer(Classes=["x", "y", "z"], ClassWeights=[1, 2, 5])]
    net, info = trained(X, STEP_LABELS, layers, ValidationData=(X, STEP_LABELS))
    scores = np.concatenate([predict(net, x) for x in X], axis=1)
    codes = np.concatenate([y.codes.reshape(-1) for y in STEP_LABELS])
    losses = -np.array([1, 2, 5])[codes] * np.log(scores[codes, np.arange(codes.size)])
    np.testing.assert_allclose(info.FinalValidationLoss, losses.mean(), rtol=1e-5)


def test_figures_of_responses_of_steps() -> None:
    net, info = trained(X, RESPONSES, TO_RESPONSES, ValidationData=(X, RESPONSES))
    errors = [predict(net, x) - t for x, t in zip(X, RESPONSES, strict=True)]
    np.testing.assert_allclose(info.FinalValidationLoss, np.mean([np.square(e).sum() / (2 * e.shape[1]) for e in errors]),
                               rtol=1e-5)
    np.testing.assert_allclose(info.FinalValidationRMSE, np.sqrt(np.square(np.concatenate(errors, 1)).mean()), rtol=1e-5)


def test_figures_of_responses() -> None:
    Y = RNG.standard_normal((7, 2))
    layers = [sequenceInputLayer(4), gruLayer(5, OutputMode="last"), *TO_RESPONSES[2:]]
    net, info = trained(X, Y, layers, ValidationData=(X, Y))
    errors = np.concatenate([predict(net, x) for x in X]) - Y
    np.testing.assert_allclose(info.FinalValidationLoss, np.square(errors).sum(1).mean() / 2, rtol=1e-5)
    np.testing.assert_allclose(info.FinalValidationRMSE, np.sqrt(np.square(errors).mean()), rtol=1e-5)


def test_forms_are_equal() -> None:
    """A list of sequences of one length is the same as an array c×N×T; one sequence needs no list."""
    whole = RNG.standard_normal((4, 7, 6))
    several = [whole[:, at] for at in range(7)]
    responses = RNG.standard_normal((2, 7, 6))
    losses = [trained(x, y, TO_RESPONSES)[1].TrainingLoss for x, y in
              ((whole, responses), (several, [responses[:, at] for at in range(7)]), (tuple(several), responses))]
    assert losses[0].tolist() == losses[1].tolist() == losses[2].tolist()
    for layers, targets in ((TO_RESPONSES, RESPONSES), (TO_LABELS, STEP_LABELS)):
        alone, listed = trained(X[0], targets[0], layers)[1], trained(X[:1], targets[:1], layers)[1]
        assert alone.TrainingLoss == listed.TrainingLoss


def test_films() -> None:
    films = [RNG.integers(0, 255, (6, 5, 2, n), dtype=np.uint8) for n in LENGTHS]
    entrance = sequenceInputLayer([6, 5, 2], Normalization="zscore")
    _, info = trained(films, LABELS, [entrance, convolution2dLayer(3, 4), flattenLayer, lstmLayer(4, OutputMode="last"),
                                      fullyConnectedLayer(2), *CLASSES])
    assert np.isfinite(info.TrainingLoss).all()
    maps = [categorical(RNG.integers(0, 2, (6, 5, n)), [0, 1], ["u", "v"]) for n in LENGTHS]
    net, info = trained(films, maps, [entrance, convolution2dLayer(3, 2, Padding="same"), softmaxLayer,
                                      pixelClassificationLayer], ValidationData=(films, maps))
    scores = np.concatenate([predict(net, x) for x in films], axis=-1)
    codes = np.concatenate([y.codes for y in maps], axis=-1)
    np.testing.assert_allclose(info.FinalValidationAccuracy, 100 * (scores.argmax(2) == codes).mean())


def mixed() -> Any:
    lgraph = layerGraph([sequenceInputLayer(4, Name="s"), lstmLayer(5, OutputMode="last"),
                         concatenationLayer(1, 2, Name="both"), fullyConnectedLayer(2), *CLASSES])
    return connectLayers(addLayers(lgraph, featureInputLayer(3, Name="f", Normalization="zscore")), "f", "both/in2")


def test_sequences_and_features_in_one_network() -> None:
    features = RNG.standard_normal((7, 3))
    net, info = trained([X, features], LABELS, mixed(), ValidationData=([X, features], LABELS))
    scores = np.concatenate([predict(net, x, features[at:at + 1]) for at, x in enumerate(X)])
    np.testing.assert_allclose(info.FinalValidationLoss, -np.log(scores[np.arange(7), LABELS.codes]).mean(), rtol=1e-5)


def test_statistics_are_those_of_real_steps() -> None:
    far = [x + 1000 for x in X]
    for dimension in ("channel", "all"):
        net, _ = trained(far, LABELS, [sequenceInputLayer(4, Normalization="zscore", NormalizationDimension=dimension),
                                       *TO_LABEL[1:]])
        steps = np.concatenate(far, axis=1)
        axis = 1 if dimension == "channel" else None
        np.testing.assert_allclose(net.Layers[0].Mean.ravel(), steps.mean(axis=axis).ravel())
        np.testing.assert_allclose(net.Layers[0].StandardDeviation.ravel(), steps.std(axis=axis).ravel())
    net, _ = trained(far, LABELS, [sequenceInputLayer(4, Normalization="rescale-symmetric"), *TO_LABEL[1:]])
    np.testing.assert_array_equal(net.Layers[0].Min.ravel(), np.concatenate(far, axis=1).min(axis=1))


# Lengths of a mini-batch ---------------------------------------------------------------------------------------------
def test_padding_has_no_influence() -> None:
    losses = [trained(X, STEP_LABELS, TO_LABELS, MaxEpochs=2, SequencePaddingDirection=side,
                      SequencePaddingValue=value)[1].TrainingLoss
              for side, value in (("right", 0), ("left", 0), ("left", 1e6), ("right", -3))]
    assert all(other.tolist() == losses[0].tolist() for other in losses[1:])


@pytest.mark.parametrize("side", ["right", "left"])
def test_shortest_cuts_on_its_side(side: str) -> None:
    source = SequenceSource([Sequences(X)], [], Cutting("shortest", side))
    first = next(source.batches(3)).inputs[0]
    assert first.shape == (4, 3, 3)
    for b in range(3):
        np.testing.assert_array_equal(first[..., b], (X[b][:, :3] if side == "right" else X[b][:, -3:]).astype(np.float32))
    _, info = trained(X, STEP_LABELS, TO_LABELS, SequenceLength="shortest", SequencePaddingDirection=side)
    cut = [3, 3, 3, 4, 4, 4]
    parts = [slice(n) if side == "right" else slice(-n, None) for n in cut]
    _, expected = trained([x[:, part] for x, part in zip(X, parts, strict=False)],
                          [y[:, part] for y, part in zip(STEP_LABELS, parts, strict=False)], TO_LABELS)
    assert info.TrainingLoss.tolist() == expected.TrainingLoss.tolist()


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("steps", [1, 3, 8])
def test_pieces_are_the_whole(side: str, steps: int) -> None:
    """Every step of every sequence once, in order; each piece goes on from the one before."""
    lengths = np.array(LENGTHS, np.int32)
    seen: list[list[int]] = [[] for _ in LENGTHS]
    before = np.empty(0, int)
    pieces = [*step_ranges(lengths, Cutting(steps, side))]
    assert [piece.carry for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert len(pieces) == -(-8 // steps)
    for piece in pieces:
        assert (piece.stops > piece.starts).all()
        assert (piece.stops - piece.starts).max() <= steps
        places = np.full(len(piece.rows), -1) if piece.continues is None else piece.continues
        for row, start, stop, place in zip(piece.rows, piece.starts, piece.stops, places, strict=True):
            assert (place < 0) == (start == 0)
            assert place < 0 or before[place] == row
            seen[row] += range(start, stop)
        before = piece.rows
    assert seen == [[*range(n)] for n in LENGTHS]


@pytest.mark.parametrize("side", ["right", "left"])
def test_states_are_carried_from_piece_to_piece(side: str) -> None:
    """So the losses of the pieces of a causal network are those of its whole sequences, while no weight moves."""
    layers = [sequenceInputLayer(4), lstmLayer(5), gruLayer(4), fullyConnectedLayer(3), *CLASSES]
    options = {"InitialLearnRate": FROZEN, "MiniBatchSize": 7, "SequencePaddingDirection": side}
    _, whole = trained(X, STEP_LABELS, layers, **options)
    _, info = trained(X, STEP_LABELS, layers, SequenceLength=3, **options)
    counts = [(piece.stops - piece.starts).sum() for piece in step_ranges(np.array(LENGTHS), Cutting(3, side))]
    np.testing.assert_allclose(np.average(info.TrainingLoss, weights=counts), whole.TrainingLoss[0], rtol=1e-5)


@pytest.mark.parametrize("shuffle", ["never", "once", "every-epoch"])
def test_pieces_count_as_iterations(shuffle: str) -> None:
    dl.rng(1)
    batches = MiniBatches(SequenceSource([Sequences(X)], [], Cutting(3)), 3, shuffle, np.random.default_rng(0))
    total = batches.total(4)
    assert sum(len([*batches.epoch()]) for _ in range(4)) == total > 4 * 2
    assert MiniBatches(SequenceSource([Sequences(X)]), 3, shuffle, np.random.default_rng(0)).total(4) == 8
    _, info = trained(X, LABELS, TO_LABEL, SequenceLength=3, MaxEpochs=4, Shuffle=shuffle, ValidationData=(X, LABELS))
    assert np.isfinite(info.ValidationLoss[-1])  # the last one is known to be the last


def test_validation_sees_whole_sequences() -> None:
    net, info = trained(X, LABELS, TO_LABEL, SequenceLength=2, ValidationData=(X, LABELS))
    scores = np.concatenate([predict(net, x) for x in X])
    np.testing.assert_allclose(info.FinalValidationLoss, -np.log(scores[np.arange(7), LABELS.codes]).mean(), rtol=1e-5)


def test_a_function_normalises_one_sequence_after_the_other() -> None:
    """Its argument is c×t, whatever sequences are beside it and however they are padded."""
    rng = np.random.default_rng(4)
    X = [rng.standard_normal((3, n)) for n in (4, 2, 7, 7)]
    net = dl.dlnetwork([dl.sequenceInputLayer(3, Normalization=lambda x: (x - x.mean(1, keepdims=True)) * [[1], [2], [3]])])
    wanted = [(x - x.mean(1, keepdims=True)) * [[1], [2], [3]] for x in X]
    for size in (1, 3, 4):
        found = dl.minibatchpredict(net, X, MiniBatchSize=size, SequencePaddingDirection="left")
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
