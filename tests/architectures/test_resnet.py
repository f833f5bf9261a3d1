"""ResNet-18, ResNet-50 and ResNet-101: counts as published, names as MATLAB's, sizes, and a prediction."""

import numpy as np
import pytest

from dltoolbox import analyzeNetwork, resnet18, resnet50, resnet101
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images

STEMS = {
    resnet18: ["data", "conv1", "bn_conv1", "conv1_relu", "pool1", "res2a_branch2a", "bn2a_branch2a", "res2a_branch2a_relu",
               "res2a_branch2b", "bn2a_branch2b", "res2a", "res2a_relu", "res2b_branch2a"],
    resnet50: ["input_1", "conv1", "bn_conv1", "activation_1_relu", "max_pooling2d_1", "res2a_branch2a", "bn2a_branch2a",
               "activation_2_relu", "res2a_branch2b", "bn2a_branch2b", "activation_3_relu", "res2a_branch2c",
               "res2a_branch1", "bn2a_branch2c", "bn2a_branch1", "add_1", "activation_4_relu", "res2b_branch2a"],
    resnet101: ["data", "conv1", "bn_conv1", "conv1_relu", "pool1", "res2a_branch2a"]}
ENDS = {
    resnet18: ["bn5b_branch2b", "res5b", "res5b_relu", "pool5", "fc1000", "prob", "ClassificationLayer_predictions"],
    resnet50: ["add_16", "activation_49_relu", "avg_pool", "fc1000", "fc1000_softmax", "ClassificationLayer_fc1000"],
    resnet101: ["res5c", "res5c_relu", "pool5", "fc1000", "prob", "ClassificationLayer_predictions"]}


def names(lgraph):
    return [one.Name for one in lgraph.nodes]


@pytest.mark.parametrize(("make", "layers", "connections", "trainable"), [
    (resnet18, 71, 78, 11_689_512), (resnet50, 177, 192, 25_557_032), (resnet101, 347, 379, 44_549_160)])
def test_counts_are_matlabs_and_learnables_torchvisions(make, layers, connections, trainable):
    found = counts(make(Weights="none"))
    assert (found.layers, found.connections, found.trainable) == (layers, connections, trainable)


@pytest.mark.parametrize("make", STEMS)
def test_names_are_matlabs(make):
    listed = names(make(Weights="none"))
    assert listed[:len(STEMS[make])] == STEMS[make]
    assert listed[-len(ENDS[make]):] == ENDS[make]


def test_blocks_of_the_longest_stage_are_numbered_as_in_caffe():
    listed = names(resnet101(Weights="none"))
    assert [name for name in listed if name.startswith("res4") and name.endswith("branch2a")] == [
        "res4a_branch2a", *(f"res4b{i}_branch2a" for i in range(1, 23))]


def test_only_blocks_that_change_the_size_or_the_channels_project():
    assert [[name for name in names(make(Weights="none")) if name.startswith("res") and name.endswith("branch1")]
            for make in (resnet18, resnet50)] == [
        [f"res{stage}a_branch1" for stage in (3, 4, 5)], [f"res{stage}a_branch1" for stage in (2, 3, 4, 5)]]


def test_the_first_convolution_of_a_block_halves_the_image():
    strided = [one.Name for one in resnet50(Weights="none").nodes if getattr(one, "Stride", None) == (2, 2)]
    assert strided == ["conv1", "max_pooling2d_1",
                       *(f"res{stage}a_branch{end}" for stage in (3, 4, 5) for end in ("2a", "1"))]


@pytest.mark.parametrize(("make", "normalization", "epsilon"), [
    (resnet18, "zscore", 1e-5), (resnet50, "zerocenter", 1e-3), (resnet101, "zerocenter", 1e-5)])
def test_input_and_normalisation(make, normalization, epsilon):
    layers = make(Weights="none").nodes
    assert (layers[0].InputSize, layers[0].Normalization) == ((224, 224, 3), normalization)
    assert {one.Epsilon for one in layers if hasattr(one, "Epsilon")} == {epsilon}


@pytest.mark.parametrize(("make", "sizes"), [
    (resnet18, {"conv1": (112, 64), "pool1": (56, 64), "res2b_relu": (56, 64), "res3b_relu": (28, 128),
                "res4b_relu": (14, 256), "res5b_relu": (7, 512), "pool5": (1, 512), "prob": None}),
    (resnet50, {"max_pooling2d_1": (56, 64), "activation_10_relu": (56, 256), "activation_22_relu": (28, 512),
                "activation_40_relu": (14, 1024), "activation_49_relu": (7, 2048), "avg_pool": (1, 2048)}),
    (resnet101, {"pool1": (56, 64), "res4b22_relu": (14, 1024), "res5c_relu": (7, 2048)})])
def test_sizes_of_activations(make, sizes):
    info = analyzeNetwork(make(Weights="none"), nargout=1)
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    assert {name: at[name] for name in sizes} == {
        name: f"{size[0]}(S) × {size[0]}(S) × {size[1]}(C) × 1(B)" if size else "1000(C) × 1(B)"
        for name, size in sizes.items()}


def test_an_untrained_network_predicts_probabilities():
    lgraph = resnet18("Weights", "none")
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.shape == (1000, 1)
    assert scores.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("make", STEMS)
def test_trained_weights_are_refused_with_the_way_to_get_them(make):
    with pytest.raises(DltoolboxError, match=r"docs/pretrained\.md") as caught:
        make()
    assert caught.value.identifier == f"dltoolbox:{make.__name__}:noPretrainedWeights"
