"""Every published classifier has the counts, names and sizes that are published."""

from functools import cache

import numpy as np
import pytest

import dltoolbox
from dltoolbox import (
    DltoolboxError,
    alexnet,
    analyzeNetwork,
    darknet19,
    densenet201,
    efficientnetb0,
    googlenet,
    inceptionv3,
    mobilenetv2,
    resnet18,
    shufflenet,
    vgg16,
)
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.architectures.published import BEGINNINGS, COUNTS, ENDS, INPUTS, SIZES
from tests.program.networks import images

each = pytest.mark.parametrize("make", COUNTS, ids=lambda make: make.__name__)


@cache
def untrained(make):
    return make("Weights", "none")


def test_every_architecture_is_here():
    every = {name for name in dltoolbox.__all__ if hasattr(getattr(dltoolbox, name), "untrained")}
    assert every == {make.__name__ for make in COUNTS}


@each
def test_counts(make):
    layers, connections, trainable, millions = COUNTS[make]
    found = counts(untrained(make))
    assert (found.layers, found.connections, found.trainable) == (layers, connections, trainable)
    decimals = len(millions.partition(".")[2])
    assert f"{found.learnables / 1e6:.{decimals}f}" == millions


@each
def test_inputs(make):
    name, side, normalization = INPUTS[make]
    layer = untrained(make).nodes[0]
    assert (layer.Name, layer.InputSize, layer.Normalization) == (name, (side, side, 3), normalization)


@each
def test_names_are_matlabs(make):
    names = [one.Name for one in untrained(make).nodes]
    assert names[:len(BEGINNINGS[make])] == BEGINNINGS[make]
    assert names[-len(ENDS[make]):] == ENDS[make]


@each
def test_sizes_of_activations(make):
    info = analyzeNetwork(untrained(make), nargout=1)
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    assert {name: at[name] for name in SIZES[make]} == {
        name: f"{side}(S) × {side}(S) × {channels}(C) × 1(B)" for name, (side, channels) in SIZES[make].items()}
    scores = at[ENDS[make][-1]]
    assert scores.replace("1(S) × ", "") == "1000(C) × 1(B)"


@pytest.mark.parametrize("make", [densenet201, shufflenet, resnet18, mobilenetv2, efficientnetb0],
                         ids=lambda make: make.__name__)
def test_statistics_of_imagenet_standardise_the_input(make):
    layer = untrained(make).nodes[0]
    np.testing.assert_allclose(layer.Mean / 255, [[[0.485, 0.456, 0.406]]], rtol=1e-6)
    np.testing.assert_allclose(layer.StandardDeviation / 255, [[[0.229, 0.224, 0.225]]], rtol=1e-6)


@pytest.mark.parametrize("make", [alexnet, inceptionv3, darknet19, mobilenetv2], ids=lambda make: make.__name__)
def test_untrained_networks_predict_probabilities(make):
    lgraph = untrained(make)
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.size == 1000
    assert scores.sum() == pytest.approx(1, abs=1e-5)
    assert scores.std() > 0


@each
def test_trained_weights_are_refused_with_the_way_to_get_them(make):
    with pytest.raises(DltoolboxError, match=rf"{make.__name__}\(Weights='none'\).*docs/pretrained\.md") as caught:
        make()
    assert caught.value.identifier == f"dltoolbox:{make.__name__}:noPretrainedWeights"


def test_only_googlenet_is_known_with_weights_of_places():
    with pytest.raises(DltoolboxError, match="googlenet:noPretrainedWeights"):
        googlenet("Weights", "places365")
    with pytest.raises(DltoolboxError, match="must be 'none' or 'imagenet', but it is 'places365'"):
        vgg16(Weights="places365")
