"""Vectors of indices: what is an index, what a mask keeps in training, and sequences of several lengths."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError

pytestmark = pytest.mark.network

WEIGHTS = np.arange(8.0).reshape(2, 4)


def steps(layer: Any, *more: Any) -> Any:
    return dl.dlnetwork([dl.sequenceInputLayer(1), layer, *more])


def test_indices_begin_with_one_or_with_zero() -> None:
    x = np.array([[[1, 3, 2]]])
    y = dl.predict(steps(dl.embeddingLayer(2, 4, Weights=WEIGHTS)), x)
    np.testing.assert_array_equal(y[:, 0], [[0, 2, 1], [4, 6, 5]])
    zero = dl.embeddingLayer(2, 3, Weights=WEIGHTS, ZeroIndexMapping="first-vector")
    np.testing.assert_array_equal(dl.predict(steps(zero), x - 1)[:, 0], y[:, 0])


@pytest.mark.parametrize("wrong", [0, 5, -1, 2.5, float("nan"), 1e30])
def test_what_is_no_index_is_refused(wrong: float) -> None:
    with pytest.raises(DltoolboxError, match=r"but there are vectors for whole numbers from 1 to 4\.") as caught:
        dl.predict(steps(dl.embeddingLayer(2, 4, Weights=WEIGHTS)), np.array([[[1, wrong, 2]]]))
    assert caught.value.identifier == "dltoolbox:embeddingLayer:indexOutOfRange"
    assert caught.value.issues[0].layer == "embedding"


def test_what_the_refusal_says_helps() -> None:
    x = np.array([[[0, 5, 2]]])
    with pytest.raises(DltoolboxError) as caught:
        dl.predict(steps(dl.embeddingLayer(2, 4)), x)
    option = re.search(r"ZeroIndexMapping='[\w-]+'", caught.value.issues[0].hint)
    assert option
    assert "Set maxIndex to the largest index of the data" in caught.value.issues[0].hint
    larger = eval(f"embeddingLayer(2, {x.max()}, {option[0]})", vars(dl))
    assert dl.predict(steps(larger), x).shape == (2, 1, 3)


@pytest.mark.parametrize("layer", [
    dl.embeddingLayer(2, 4, Weights=WEIGHTS), dl.wordEmbeddingLayer(2, 4, Weights=WEIGHTS, OOVMode="error")],
    ids=lambda one: one.factory)
def test_padding_is_no_index(layer: Any) -> None:
    """Sequences of several lengths come out as if alone, and padding has no gradient."""
    x = [np.array([[1, 2, 3, 4]]), np.array([[2]]), np.array([[3, 3]])]
    net = steps(layer, dl.lstmLayer(3, OutputMode="last"))
    together = dl.predict(net, x, MiniBatchSize=3)
    np.testing.assert_allclose(together, np.concatenate([dl.predict(net, [one]) for one in x]), rtol=1e-6)
    layers = [dl.sequenceInputLayer(1), layer, dl.lstmLayer(3, OutputMode="last"), dl.fullyConnectedLayer(1),
              dl.regressionLayer]
    trained = dl.trainNetwork([x[1], x[2], x[1]], np.ones((3, 1)), layers, dl.trainingOptions(
        "sgdm", MaxEpochs=2, L2Regularization=0, Verbose=False))
    moved = trained.Layers[1].Weights != WEIGHTS.astype(np.float32)
    assert moved[:, 1:3].all()
    assert not moved[:, [0, 3]].any()


@pytest.mark.parametrize("mapping", ["error", "first-vector"])
@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
def test_training_leaves_the_vector_of_the_mask(solver: str, mapping: str) -> None:
    zero = int(mapping == "first-vector")
    layer = dl.embeddingLayer(2, 4 - zero, Weights=WEIGHTS, ZeroIndexMapping=mapping, MaskIndex=2 - zero)
    x = np.arange(1, 5).repeat(4)[:, np.newaxis] - zero
    layers = [dl.featureInputLayer(1), layer, dl.fullyConnectedLayer(1), dl.regressionLayer]
    net = dl.trainNetwork(x, x.astype(float), layers, dl.trainingOptions(
        solver, MaxEpochs=3, MiniBatchSize=8, L2Regularization=0.1, InitialLearnRate=0.01, Verbose=False))
    found = net.Layers[1].Weights
    np.testing.assert_array_equal(found[:, 1], WEIGHTS[:, 1])
    assert (found[:, [0, 2, 3]] != WEIGHTS[:, [0, 2, 3]]).all()


def test_the_vector_of_the_mask_starts_with_zeros() -> None:
    for start in ("narrow-normal", "glorot", "he", "ones"):
        net = steps(dl.embeddingLayer(3, 5, MaskIndex=5, WeightsInitializer=start))
        weights = net.Layers[1].Weights
        assert not weights[:, 4].any()
        assert weights[:, :4].all()
    given = steps(dl.embeddingLayer(3, 5, MaskIndex=5, WeightsInitializer=np.ones)).Layers[1].Weights
    np.testing.assert_array_equal(given, np.ones((3, 5)))


@pytest.mark.oracle
def test_the_start_is_that_of_pytorch_with_padding() -> None:
    theirs = torch.nn.Embedding(5, 3, padding_idx=0)
    weights = theirs.weight.detach().numpy().T
    layer = dl.embeddingLayer(3, 4, Weights=weights, ZeroIndexMapping="first-vector", MaskIndex=0)
    x = np.array([[0, 3, 4, 1, 0]])
    np.testing.assert_array_equal(dl.predict(steps(layer), [x])[0], theirs(torch.from_numpy(x))[0].detach().numpy().T)
