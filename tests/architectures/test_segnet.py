"""segnetLayers: counts, names, options, sizes, and that it trains."""

from itertools import pairwise

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    analyzeNetwork,
    convolution2dLayer,
    predict,
    segnetLayers,
    trainingOptions,
    trainNetwork,
    triangleImages,
)
from tests.architectures.counts import counts


@pytest.mark.parametrize("depth", range(1, 6))
@pytest.mark.parametrize("convolutions", [1, 2, 3])
def test_counts_follow_the_formula(depth, convolutions):
    lgraph = segnetLayers([64, 96, 3], 4, depth, NumConvolutionLayers=convolutions)
    layers = 1 + 2 * depth * 3 * convolutions + 2 * depth + 2
    assert counts(lgraph)[:2] == (layers, layers - 1 + 2 * depth)


def test_published_counts():
    assert counts(segnetLayers([480, 640, 3], 5, 2))[:2] == (31, 34)
    assert counts(segnetLayers([360, 480, 3], 11, "vgg16"))[:2] == (91, 100)
    assert counts(segnetLayers([360, 480, 3], 11, "VGG19"))[:2] == (109, 118)


def test_learnables_of_the_vgg16_version():
    channels = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    forth = list(pairwise(channels))
    back = [(512, 512)] * 5 + [(512, 256), (256, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64), (64, 11)]
    weights = sum(9 * a * b for a, b in (*forth, *back))
    filters = sum(b for _, b in (*forth, *back))
    got = counts(segnetLayers([224, 224, 3], 11, "vgg16"))
    assert got.trainable == weights + 2 * filters  # scale and offset of every normalisation
    assert got.frozen == filters  # biases


def test_names_in_order():
    names = [one.Name for one in segnetLayers([8, 8], 2, 1).nodes]
    assert names == ["inputImage", "encoder1_conv1", "encoder1_bn_1", "encoder1_relu_1", "encoder1_conv2", "encoder1_bn_2",
                     "encoder1_relu_2", "encoder1_maxpool", "decoder1_unpool", "decoder1_conv2", "decoder1_bn_2",
                     "decoder1_relu_2", "decoder1_conv1", "decoder1_bn_1", "decoder1_relu_1", "softmax", "pixelLabels"]
    vgg = [one.Name for one in segnetLayers([64, 64, 3], 2, "vgg16").nodes]
    assert vgg[1:8] == ["conv1_1", "bn_conv1_1", "relu1_1", "conv1_2", "bn_conv1_2", "relu1_2", "pool1"]
    assert vgg[44:47] == ["pool5", "decoder5_unpool", "decoder5_conv3"]


def test_every_pooling_hands_indices_and_size_to_the_unpooling_of_its_stage():
    table = segnetLayers([32, 32, 3], 2, 3).Connections
    wires = {(s, d) for s, d in table if "/" in s and not s.endswith("/out")}
    assert wires == {(f"encoder{k}_maxpool/{port}", f"decoder{k}_unpool/{port}")
                     for k in (1, 2, 3) for port in ("indices", "size")}


def test_options_reach_the_layers():
    lgraph = segnetLayers([16, 24], 3, 3, "NumConvolutionLayers", [1, 2, 1], numoutputchannels=[4, 8, 16], FilterSize=[3, 5])
    convs = {one.Name: one for one in lgraph.nodes if "_conv" in one.Name}
    assert {name: one.NumFilters for name, one in convs.items()} == {
        "encoder1_conv1": 4, "encoder2_conv1": 8, "encoder2_conv2": 8, "encoder3_conv1": 16,
        "decoder3_conv1": 8, "decoder2_conv2": 8, "decoder2_conv1": 4, "decoder1_conv1": 3}
    assert all(one == convolution2dLayer([3, 5], one.NumFilters, Padding=[1, 2], WeightsInitializer="he",
                                         BiasLearnRateFactor=0, Name=name) for name, one in convs.items())


def test_odd_sizes_come_back_through_the_size_port():
    info = analyzeNetwork(segnetLayers([33, 47, 3], 4, 3), nargout=1)
    assert info.IsValid
    assert info.LayerInfo.Activations[-1] == "33(S) × 47(S) × 4(C) × 1(B)"


@pytest.mark.parametrize(("arguments", "identifiers"), [
    (([7, 8, 3], 2, 3), ["invalidImageSize"]),
    (([64, 31, 3], 2, "vgg16"), ["invalidImageSize"]),
    (([8], 2, 3), ["invalidImageSize"]),
    (([8, 8], 1, 3), ["invalidNumClasses"]),
    (([8, 8], 2, 0), ["invalidEncoderDepth"]),
    (([8, 8], 2, 10 ** 5), ["invalidEncoderDepth"]),
    (([8, 8], 2, "vgg"), ["invalidEncoderDepth"]),
    (([8, 8], 2, 2, "FilterSize", 2), ["invalidFilterSize"]),
    (([8, 8], 2, 2, "NumOutputChannels", [1, 2, 3]), ["invalidNumOutputChannels"]),
    (([2, 8], 2, 2, "NumConvolutionLayers", [1, 2, 3]), ["invalidNumConvolutionLayers", "invalidImageSize"]),
    (([64, 64, 3], 2, "vgg16", "FilterSize", 3), ["optionsOfModel"]),
    (([64, 64, 3], 2, 2, "FilterSizes", 3), ["unknownOption"]),
])
def test_bad_values(arguments, identifiers):
    with pytest.raises(DltoolboxError) as caught:
        segnetLayers(*arguments)
    assert list(caught.value.identifiers) == [f"dltoolbox:segnetLayers:{one}" for one in identifiers]


def test_the_message_names_the_nearest_sizes():
    with pytest.raises(DltoolboxError, match=r"Input of size 7×64×3 does not fit: 3 poolings .* 8 pixels .*: height 8\."):
        segnetLayers([7, 64, 3], 2, 3)


def test_it_trains():
    X, Y = triangleImages(16, nargout=2)
    options = trainingOptions("adam", InitialLearnRate=0.01, MaxEpochs=6, MiniBatchSize=8, Verbose=False)
    net, info = trainNetwork(X, Y, segnetLayers([32, 32, 1], 2, 2, NumOutputChannels=4), options, nargout=2)
    assert np.mean(info.TrainingLoss[-2:]) < np.mean(info.TrainingLoss[:2])
    assert predict(net, X[..., :1]).shape == (32, 32, 2, 1)
