"""AlexNet, VGG, SqueezeNet, GoogLeNet, Inception, Xception, DenseNet and ShuffleNet: counts, names, sizes, predictions."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    alexnet,
    analyzeNetwork,
    densenet201,
    getLearnRateFactor,
    googlenet,
    inceptionv3,
    shufflenet,
    squeezenet,
    vgg16,
    vgg19,
    xception,
)
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images

# Layers and connections as MATLAB prints them; learnables that train, as torchvision publishes them for the same
# architecture, Keras for Xception, and as the ONNX model of ShuffleNet has them; all learnables in millions, as MATLAB's
# table of pretrained networks prints them.
PUBLISHED = {
    alexnet: (25, 24, 60_965_224, "61.0"),
    vgg16: (41, 40, 138_357_544, "138"),
    vgg19: (47, 46, 143_667_240, "144"),
    squeezenet: (68, 75, 1_235_496, "1.24"),
    googlenet: (144, 170, 6_998_552, "7.0"),
    densenet201: (708, 805, 20_013_928, "20.0"),
    inceptionv3: (315, 349, 23_834_568, "23.9"),
    xception: (170, 181, 22_855_952, "22.9"),
    shufflenet: (172, 187, 1_393_320, "1.4"),
}

INPUTS = {
    alexnet: ("data", 227, "zerocenter"),
    vgg16: ("input", 224, "zerocenter"),
    vgg19: ("input", 224, "zerocenter"),
    squeezenet: ("data", 227, "zerocenter"),
    googlenet: ("data", 224, "zerocenter"),
    densenet201: ("input_1", 224, "zscore"),
    inceptionv3: ("input_1", 299, "rescale-symmetric"),
    xception: ("input_1", 299, "rescale-symmetric"),
    shufflenet: ("Input_gpu_0|data_0", 224, "zscore"),
}

BEGINNINGS = {
    alexnet: ["data", "conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3", "relu3", "conv4",
              "relu4", "conv5", "relu5", "pool5", "fc6"],
    googlenet: ["data", "conv1-7x7_s2", "conv1-relu_7x7", "pool1-3x3_s2", "pool1-norm1", "conv2-3x3_reduce",
                "conv2-relu_3x3_reduce", "conv2-3x3", "conv2-relu_3x3", "conv2-norm2", "pool2-3x3_s2", "inception_3a-1x1",
                "inception_3a-relu_1x1", "inception_3a-3x3_reduce", "inception_3a-relu_3x3_reduce", "inception_3a-3x3",
                "inception_3a-relu_3x3", "inception_3a-5x5_reduce", "inception_3a-relu_5x5_reduce", "inception_3a-5x5",
                "inception_3a-relu_5x5", "inception_3a-pool", "inception_3a-pool_proj", "inception_3a-relu_pool_proj",
                "inception_3a-output", "inception_3b-1x1"],
    vgg16: ["input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"],
    vgg19: ["input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"],
    squeezenet: ["data", "conv1", "relu_conv1", "pool1", "fire2-squeeze1x1", "fire2-relu_squeeze1x1", "fire2-expand1x1",
                 "fire2-relu_expand1x1", "fire2-expand3x3", "fire2-relu_expand3x3", "fire2-concat", "fire3-squeeze1x1"],
    densenet201: ["input_1", "conv1|conv", "conv1|bn", "conv1|relu", "pool1", "conv2_block1_0_bn", "conv2_block1_0_relu",
                  "conv2_block1_1_conv", "conv2_block1_1_bn", "conv2_block1_1_relu", "conv2_block1_2_conv",
                  "conv2_block1_concat", "conv2_block2_0_bn"],
    inceptionv3: ["input_1", "conv2d_1", "batch_normalization_1", "activation_1_relu", "conv2d_2"],
    xception: ["input_1", "block1_conv1", "block1_conv1_bn", "block1_conv1_act", "block1_conv2", "block1_conv2_bn",
               "block1_conv2_act", "block2_sepconv1_channel-wise", "block2_sepconv1_point-wise", "block2_sepconv1_bn",
               "block2_sepconv2_act", "block2_sepconv2_channel-wise", "block2_sepconv2_point-wise", "block2_sepconv2_bn",
               "block2_pool", "conv2d_1", "batch_normalization_1", "add_1", "block3_sepconv1_act"],
    shufflenet: ["Input_gpu_0|data_0", "node_1", "node_2", "node_3", "node_4", "node_5", "node_6", "node_7",
                 "shuffle_8to10", "node_11", "node_12", "node_13", "node_14", "node_15", "node_16", "node_17", "node_18",
                 "node_19", "node_20", "shuffle_21to23", "node_24"],
}

ENDS = {
    alexnet: ["relu5", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"],
    googlenet: ["inception_5b-relu_pool_proj", "inception_5b-output", "pool5-7x7_s1", "pool5-drop_7x7_s1",
                "loss3-classifier", "prob", "output"],
    vgg16: ["conv5_3", "relu5_3", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"],
    vgg19: ["conv5_4", "relu5_4", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"],
    squeezenet: ["fire9-relu_expand3x3", "fire9-concat", "drop9", "conv10", "relu_conv10", "pool10", "prob",
                 "ClassificationLayer_predictions"],
    densenet201: ["conv5_block32_2_conv", "conv5_block32_concat", "bn", "avg_pool", "fc1000", "fc1000_softmax",
                  "ClassificationLayer_fc1000"],
    inceptionv3: ["activation_94_relu", "mixed10", "avg_pool", "predictions", "predictions_softmax",
                  "ClassificationLayer_predictions"],
    xception: ["add_12", "block14_sepconv1_channel-wise", "block14_sepconv1_point-wise", "block14_sepconv1_bn",
               "block14_sepconv1_act", "block14_sepconv2_channel-wise", "block14_sepconv2_point-wise",
               "block14_sepconv2_bn", "block14_sepconv2_act", "avg_pool", "predictions", "predictions_softmax",
               "ClassificationLayer_predictions"],
    shufflenet: ["node_197", "node_198", "node_199", "node_200", "node_202", "node_203", "ClassificationLayer_node_203"],
}

SIZES = {  # pixels per side and channels
    alexnet: {"conv1": (55, 96), "pool1": (27, 96), "conv2": (27, 256), "pool2": (13, 256), "conv3": (13, 384),
              "conv4": (13, 384), "conv5": (13, 256), "pool5": (6, 256)},
    googlenet: {"conv1-7x7_s2": (112, 64), "pool1-3x3_s2": (56, 64), "conv2-3x3": (56, 192), "pool2-3x3_s2": (28, 192),
                "inception_3a-output": (28, 256), "inception_3b-output": (28, 480), "pool3-3x3_s2": (14, 480),
                "inception_4a-output": (14, 512), "inception_4d-output": (14, 528), "inception_4e-output": (14, 832),
                "pool4-3x3_s2": (7, 832), "inception_5b-output": (7, 1024), "pool5-7x7_s1": (1, 1024)},
    vgg19: {"pool1": (112, 64), "conv3_4": (56, 256), "pool5": (7, 512)},
    densenet201: {"conv1|conv": (112, 64), "pool1": (56, 64), "conv2_block6_concat": (56, 256), "pool2_pool": (28, 128),
                  "conv3_block12_concat": (28, 512), "conv4_block48_concat": (14, 1792), "pool4_pool": (7, 896),
                  "conv5_block32_concat": (7, 1920), "avg_pool": (1, 1920)},
    inceptionv3: {"activation_3_relu": (147, 64), "max_pooling2d_1": (73, 64), "activation_5_relu": (71, 192),
                  "max_pooling2d_2": (35, 192), "mixed0": (35, 256), "mixed1": (35, 288), "mixed2": (35, 288),
                  "mixed3": (17, 768), "mixed7": (17, 768), "mixed8": (8, 1280), "mixed9_0": (8, 768),
                  "mixed9": (8, 2048), "mixed10": (8, 2048), "avg_pool": (1, 2048)},
    xception: {"block1_conv1": (149, 32), "block1_conv2_act": (147, 64), "add_1": (74, 128), "add_2": (37, 256),
               "add_3": (19, 728), "add_11": (19, 728), "add_12": (10, 1024), "block14_sepconv2_act": (10, 2048)},
    shufflenet: {"node_1": (112, 24), "node_4": (56, 24), "node_14": (28, 112), "node_17": (28, 136),
                 "node_66": (14, 272), "node_163": (7, 544), "node_199": (7, 544), "node_200": (1, 544)},
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
    assert len(set(names)) == len(names)


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


def test_groups_of_alexnet():
    descriptions = {one.Name: one.describe() for one in alexnet(Weights="none").nodes}
    assert {name: descriptions[name] for name in ("conv2", "conv4", "conv5", "norm1")} == {
        "conv2": "2 groups of 128 5×5 convolutions with stride [1  1] and padding [2  2  2  2]",
        "conv4": "2 groups of 192 3×3 convolutions with stride [1  1] and padding [1  1  1  1]",
        "conv5": "2 groups of 128 3×3 convolutions with stride [1  1] and padding [1  1  1  1]",
        "norm1": "cross channel normalization with 5 channels per element"}


def test_shortcuts_of_xception():
    into = {str(c.destination): c.source.layer for c in xception(Weights="none").edges}
    assert [into[f"add_{i}/{port}"] for i in (1, 4, 5, 12) for port in ("in1", "in2")] == [
        "block2_pool", "batch_normalization_1", "block5_sepconv3_bn", "add_3", "block6_sepconv3_bn", "add_4",
        "block13_pool", "batch_normalization_4"]


@pytest.mark.parametrize("make", [alexnet, googlenet], ids=lambda make: make.__name__)
def test_biases_learn_as_in_caffe(make):
    factors = {getLearnRateFactor(one, "Bias") for one in make(Weights="none").nodes if hasattr(one, "Bias")}
    assert factors == {2}


@pytest.mark.parametrize("make", [densenet201, shufflenet], ids=lambda make: make.__name__)
def test_statistics_of_imagenet_standardise_the_input(make):
    layer = make(Weights="none").nodes[0]
    np.testing.assert_allclose(layer.Mean / 255, [[[0.485, 0.456, 0.406]]], rtol=1e-6)
    np.testing.assert_allclose(layer.StandardDeviation / 255, [[[0.229, 0.224, 0.225]]], rtol=1e-6)


@pytest.mark.parametrize("make", [alexnet, googlenet, densenet201, inceptionv3, xception], ids=lambda make: make.__name__)
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


def test_only_googlenet_is_known_with_weights_of_places():
    with pytest.raises(DltoolboxError, match="googlenet:noPretrainedWeights"):
        googlenet("Weights", "places365")
    with pytest.raises(DltoolboxError, match="must be 'none' or 'imagenet', but it is 'places365'"):
        vgg16(Weights="places365")
