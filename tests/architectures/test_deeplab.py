"""deeplabv3plusLayers: counts, names, sizes, dilation that keeps what the classifier computes, and bad values."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    analyzeNetwork,
    deeplabv3plusLayers,
    dlnetwork,
    predict,
    removeLayers,
    resnet18,
    trainingOptions,
    trainNetwork,
    triangleImages,
)
from dltoolbox.architectures.segmentation.deeplab import BACKBONES, dilated, trunk
from tests.architectures.counts import counts

NEW_LAYERS = [
    *(f"aspp_{kind}_{i}" for i in (1, 2, 3, 4) for kind in ("Conv", "BatchNorm", "Relu")), "catAspp", "dec_c1", "dec_bn1",
    "dec_relu1", "dec_upsample1", "dec_c2", "dec_bn2", "dec_relu2", "dec_crop1", "dec_cat1", "dec_c3", "dec_bn3",
    "dec_relu3", "dec_c4", "dec_bn4", "dec_relu4", "scorer", "dec_upsample2", "dec_crop2", "softmax-out", "classification"]


def sizes_of(lgraph):
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.IsValid
    return dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))


def layer(lgraph, name):
    return lgraph.nodes[lgraph.find(name)]


@pytest.mark.parametrize(("network", "expected"), [("resnet18", (100, 113)), ("resnet50", (206, 227))])
def test_counts(network, expected):
    assert counts(deeplabv3plusLayers([480, 640, 3], 5, network))[:2] == expected


@pytest.mark.parametrize("network", BACKBONES)
def test_the_new_layers_have_their_names(network):
    names = [one.Name for one in deeplabv3plusLayers([64, 64, 3], 5, network).nodes]
    assert names[-len(NEW_LAYERS):] == NEW_LAYERS


@pytest.mark.parametrize("network", BACKBONES)
@pytest.mark.parametrize(("factor", "deep"), [(16, "13(S) × 9(S)"), (8, "25(S) × 17(S)")])
def test_features_have_the_promised_sizes(network, factor, deep):
    sizes = sizes_of(deeplabv3plusLayers([193, 129], 4, network, DownsamplingFactor=factor))
    assert sizes[BACKBONES[network].deep].startswith(deep)
    assert sizes[BACKBONES[network].shallow].startswith("49(S) × 33(S)")
    assert sizes["dec_cat1"] == "49(S) × 33(S) × 304(C) × 1(B)"
    assert sizes["classification"] == "193(S) × 129(S) × 4(C) × 1(B)"


@pytest.mark.parametrize(("factor", "rates"), [(16, [1, 6, 12, 18]), (8, [1, 12, 24, 36])])
def test_dilations(factor, rates):
    lgraph = deeplabv3plusLayers([64, 64, 3], 5, "resnet18", "DownsamplingFactor", factor)
    assert [layer(lgraph, f"aspp_Conv_{i}").DilationFactor[0] for i in (1, 2, 3, 4)] == rates
    last = 16 // factor
    names = ("res4a_branch2a", "res4a_branch2b", "res5a_branch2a", "res5a_branch2b", "res5b_branch2a")
    assert [layer(lgraph, name).DilationFactor[0] for name in names] == [1, last, last, 2 * last, 2 * last]
    assert layer(lgraph, "res5a_branch1").Stride == (1, 1)


@pytest.mark.parametrize("factor", [8, 16])
def test_the_dense_network_computes_what_the_classifier_does_and_more(factor):
    net = dlnetwork(trunk(resnet18(Weights="none"), "res5b_relu"))
    X = np.random.default_rng(0).random((224, 224, 3, 1), np.float32)
    coarse, fine = predict(net, X), predict(dlnetwork(dilated(net, factor)), X)
    step = 32 // factor
    np.testing.assert_allclose(fine[::step, ::step], coarse, rtol=1e-4, atol=1e-4 * coarse.max())


def test_the_decoder_reads_the_backbone():
    wires = list(deeplabv3plusLayers([64, 64, 3], 5, "resnet50").Connections)
    assert {("activation_49_relu", f"aspp_Conv_{i}") for i in (1, 2, 3, 4)} < set(wires)
    assert {("activation_10_relu", "dec_c2"), ("dec_relu2", "dec_crop1/ref"), ("dec_upsample1", "dec_crop1/in"),
            ("dec_relu2", "dec_cat1/in1"), ("dec_crop1", "dec_cat1/in2"), ("dec_upsample2", "dec_crop2/in"),
            ("input_1", "dec_crop2/ref")} < set(wires)


def test_enlargement_interpolates_and_does_not_learn():
    lgraph = deeplabv3plusLayers([64, 64, 3], 3, "resnet18")
    up = layer(lgraph, "dec_upsample2")
    assert (up.FilterSize, up.Stride, up.CroppingSize) == ((8, 8), (4, 4), [2, 2, 2, 2])
    assert (up.WeightLearnRateFactor, up.BiasLearnRateFactor) == (0, 0)
    weights = layer(dlnetwork(removeLayers(lgraph, "classification")), "dec_upsample2").Weights
    one = weights[:, :, 1, 1]
    np.testing.assert_allclose(one[0], np.array([1, 3, 5, 7, 7, 5, 3, 1]) / 64)
    np.testing.assert_array_equal(weights, one[:, :, None, None] * np.eye(3))


def test_sizes_without_channels_are_those_of_colour_images():
    """As in the examples of MATLAB's documentation."""
    assert deeplabv3plusLayers([256, 256], 2, "resnet18").nodes[0].InputSize == (256, 256, 3)


def test_images_with_other_channels_lose_statistics_per_channel():
    data = deeplabv3plusLayers([64, 64, 6], 3, "xception").nodes[0]
    assert (data.InputSize, data.Normalization, data.Max) == ((64, 64, 6), "rescale-symmetric", 255)


def test_it_predicts():
    lgraph = removeLayers(deeplabv3plusLayers([32, 32, 3], 3, "resnet18"), "classification")
    scores = predict(dlnetwork(lgraph), np.random.default_rng(0).random((32, 32, 3, 1), np.float32))
    assert scores.shape == (32, 32, 3, 1)
    np.testing.assert_allclose(scores.sum(axis=2), 1, rtol=1e-5)


def test_it_trains_and_its_enlargement_stays():
    X, Y = triangleImages(8, nargout=2)
    options = trainingOptions("sgdm", InitialLearnRate=0.001, MaxEpochs=3, MiniBatchSize=8, Verbose=False)
    net, info = trainNetwork(X, Y, deeplabv3plusLayers([32, 32, 1], 2, "mobilenetv2"), options, nargout=2)
    assert info.TrainingLoss[-1] < info.TrainingLoss[0]
    untrained = dlnetwork(removeLayers(deeplabv3plusLayers([32, 32, 1], 2, "mobilenetv2"), "classification"))
    np.testing.assert_array_equal(layer(net, "dec_upsample1").Weights, layer(untrained, "dec_upsample1").Weights)


@pytest.mark.parametrize(("arguments", "identifier"), [
    (([64, 64, 3], 5, "vgg16"), "invalidNetwork"), (([64, 64, 3], 5, "inceptionresnetv2"), "invalidNetwork"),
    (([64, 64, 3], 5, "resnet18", "DownsamplingFactor", 4), "invalidDownsamplingFactor"),
    (([64, 64, 3], 1, "resnet18"), "invalidNumClasses"), (([64], 2, "resnet18"), "invalidImageSize")])
def test_bad_values(arguments, identifier):
    with pytest.raises(DltoolboxError, match=f"dltoolbox:deeplabv3plusLayers:{identifier}"):
        deeplabv3plusLayers(*arguments)
