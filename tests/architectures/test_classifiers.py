"""Classifiers of ImageNet whose families are VGG, SqueezeNet, DenseNet and Inception: counts, names, sizes, predictions."""

import numpy as np
import pytest

from dltoolbox import DltoolboxError, analyzeNetwork, densenet201, inceptionv3, squeezenet, vgg16, vgg19
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images

# Layers and connections as MATLAB prints them; learnables that train, as torchvision publishes them for the same
# architecture; all learnables in millions, as MATLAB's table of pretrained networks prints them.
PUBLISHED = {
    vgg16: (41, 40, 138_357_544, "138"),
    vgg19: (47, 46, 143_667_240, "144"),
    squeezenet: (68, 75, 1_235_496, "1.24"),
    densenet201: (708, 805, 20_013_928, "20.0"),
    inceptionv3: (315, 349, 23_834_568, "23.9"),
}

INPUTS = {
    vgg16: ("input", 224, "zerocenter"),
    vgg19: ("input", 224, "zerocenter"),
    squeezenet: ("data", 227, "zerocenter"),
    densenet201: ("input_1", 224, "zscore"),
    inceptionv3: ("input_1", 299, "rescale-symmetric"),
}

BEGINNINGS = {
    vgg16: ["input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"],
    vgg19: ["input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"],
    squeezenet: ["data", "conv1", "relu_conv1", "pool1", "fire2-squeeze1x1", "fire2-relu_squeeze1x1", "fire2-expand1x1",
                 "fire2-relu_expand1x1", "fire2-expand3x3", "fire2-relu_expand3x3", "fire2-concat", "fire3-squeeze1x1"],
    densenet201: ["input_1", "conv1|conv", "conv1|bn", "conv1|relu", "pool1", "conv2_block1_0_bn", "conv2_block1_0_relu",
                  "conv2_block1_1_conv", "conv2_block1_1_bn", "conv2_block1_1_relu", "conv2_block1_2_conv",
                  "conv2_block1_concat", "conv2_block2_0_bn"],
    inceptionv3: ["input_1", "conv2d_1", "batch_normalization_1", "activation_1_relu", "conv2d_2"],
}

ENDS = {
    vgg16: ["conv5_3", "relu5_3", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"],
    vgg19: ["conv5_4", "relu5_4", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"],
    squeezenet: ["fire9-relu_expand3x3", "fire9-concat", "drop9", "conv10", "relu_conv10", "pool10", "prob",
                 "ClassificationLayer_predictions"],
    densenet201: ["conv5_block32_2_conv", "conv5_block32_concat", "bn", "avg_pool", "fc1000", "fc1000_softmax",
                  "ClassificationLayer_fc1000"],
    inceptionv3: ["activation_94_relu", "mixed10", "avg_pool", "predictions", "predictions_softmax",
                  "ClassificationLayer_predictions"],
}

SIZES = {  # pixels per side and channels
    vgg19: {"pool1": (112, 64), "conv3_4": (56, 256), "pool5": (7, 512)},
    densenet201: {"conv1|conv": (112, 64), "pool1": (56, 64), "conv2_block6_concat": (56, 256), "pool2_pool": (28, 128),
                  "conv3_block12_concat": (28, 512), "conv4_block48_concat": (14, 1792), "pool4_pool": (7, 896),
                  "conv5_block32_concat": (7, 1920), "avg_pool": (1, 1920)},
    inceptionv3: {"activation_3_relu": (147, 64), "max_pooling2d_1": (73, 64), "activation_5_relu": (71, 192),
                  "max_pooling2d_2": (35, 192), "mixed0": (35, 256), "mixed1": (35, 288), "mixed2": (35, 288),
                  "mixed3": (17, 768), "mixed7": (17, 768), "mixed8": (8, 1280), "mixed9_0": (8, 768),
                  "mixed9": (8, 2048), "mixed10": (8, 2048), "avg_pool": (1, 2048)},
}


def by_name(cases):
    return [pytest.param(make, *(value if isinstance(value, tuple) else (value,)), id=make.__name__)
            for make, value in cases.items()]


@pytest.mark.parametrize(("make", "layers", "connections", "trainable", "millions"), by_name(PUBLISHED))
def test_counts_are_as_published(make, layers, connections, trainable, millions):
    found = counts(make(Weights="none"))
    assert (found.layers, found.connections, found.trainable) == (layers, connections, trainable)
    decimals = len(millions.partition(".")[2])
    assert f"{found.learnables / 1e6:.{decimals}f}" == millions


@pytest.mark.parametrize(("make", "name", "side", "normalization"), by_name(INPUTS))
def test_inputs(make, name, side, normalization):
    layer = make(Weights="none").nodes[0]
    assert (layer.Name, layer.InputSize, layer.Normalization) == (name, (side, side, 3), normalization)


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_names_are_matlabs(make):
    names = [one.Name for one in make(Weights="none").nodes]
    assert names[:len(BEGINNINGS[make])] == BEGINNINGS[make]
    assert names[-len(ENDS[make]):] == ENDS[make]


@pytest.mark.parametrize(("make", "sizes"), by_name(SIZES))
def test_sizes_of_activations(make, sizes):
    info = analyzeNetwork(make(Weights="none"), nargout=1)
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    assert {name: at[name] for name in sizes} == {
        name: f"{side}(S) × {side}(S) × {channels}(C) × 1(B)" for name, (side, channels) in sizes.items()}
    assert at[ENDS[make][-1]] == "1000(C) × 1(B)"


def test_kinds_of_layers_of_inceptionv3():
    names = [one.Name.rstrip("0123456789") for one in inceptionv3(Weights="none").nodes]
    assert [names.count(kind) for kind in ("conv2d_", "batch_normalization_", "max_pooling2d_", "average_pooling2d_")] == [
        94, 94, 4, 9]


def test_forks_of_inceptionv3_end_in_both_shapes_of_filters():
    lgraph = inceptionv3(Weights="none")
    layers = {one.Name: one for one in lgraph.nodes}
    into = [c.source.layer.removesuffix("_relu") for c in lgraph.edges if c.destination.layer == "mixed9_1"]
    assert [layers[name.replace("activation", "conv2d")].FilterSize for name in into] == [(1, 3), (3, 1)]


def test_statistics_of_imagenet_standardise_the_input_of_densenet201():
    layer = densenet201(Weights="none").nodes[0]
    np.testing.assert_allclose(layer.Mean / 255, [[[0.485, 0.456, 0.406]]], rtol=1e-6)
    np.testing.assert_allclose(layer.StandardDeviation / 255, [[[0.229, 0.224, 0.225]]], rtol=1e-6)


@pytest.mark.parametrize("make", [squeezenet, densenet201, inceptionv3], ids=lambda make: make.__name__)
def test_untrained_networks_predict_probabilities(make):
    lgraph = make("Weights", "none")
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.size == 1000
    assert scores.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_trained_weights_are_refused(make):
    with pytest.raises(DltoolboxError, match=rf"{make.__name__}\(Weights='none'\)") as caught:
        make()
    assert caught.value.identifier == f"dltoolbox:{make.__name__}:noPretrainedWeights"
