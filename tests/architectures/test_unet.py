"""U-Nets: counts, names, options, sizes, wiring, and that they train."""

from itertools import pairwise

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    analyzeNetwork,
    categorical,
    dlnetwork,
    predict,
    shapeVolumes,
    trainingOptions,
    trainNetwork,
    triangleImages,
    unet,
    unet3d,
    unet3dLayers,
    unetLayers,
)
from dltoolbox.network.lowering.lower import lower
from tests.architectures.counts import counts


def outputs_of(lgraph):
    """The activations of every layer by its name."""
    info = analyzeNetwork(lgraph, nargout=1)
    assert info.IsValid
    return dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))


def wires_to(lgraph, destination):
    return [source for source, end in lgraph.Connections if end == destination]


def layer(lgraph, name):
    return lgraph.nodes[lgraph.find(name)]


@pytest.mark.parametrize("depth", range(1, 6))
def test_counts_of_unet_layers(depth):
    lgraph = unetLayers([64, 96, 3], 4, EncoderDepth=depth, NumFirstEncoderFilters=4)
    assert counts(lgraph)[:2] == (12 * depth + 10, 13 * depth + 9)


@pytest.mark.parametrize("depth", range(1, 5))
def test_counts_of_unet3d_layers(depth):
    lgraph = unet3dLayers([32, 16, 48], 4, EncoderDepth=depth, NumFirstEncoderFilters=4)
    assert counts(lgraph)[:2] == (15 * depth + 10, 16 * depth + 9)


def test_published_counts_of_unet3d_layers():
    lgraph = unet3dLayers([128, 128, 128, 3], 5, EncoderDepth=2, NumFirstEncoderFilters=16)
    assert counts(lgraph)[:2] == (40, 41)
    filters = {one.Name: one.NumFilters for one in lgraph.nodes if "Encoder" in one.Name and "Conv" in one.Name}
    assert list(filters.values()) == [16, 32, 32, 64]
    assert (lgraph.InputNames, lgraph.OutputNames) == (["ImageInputLayer"], ["Segmentation-Layer"])


def test_published_counts():
    lgraph = unetLayers([480, 640, 3], 5, EncoderDepth=3)
    assert counts(lgraph)[:2] == (46, 48)
    assert (lgraph.InputNames, lgraph.OutputNames) == (["ImageInputLayer"], ["Segmentation-Layer"])


def test_learnables_of_the_published_network():
    widths = [64, 128, 256, 512, 1024]
    down = [(3, 64), (64, 64)] + [pair for a, b in pairwise(widths) for pair in ((a, b), (b, b))]
    up = [pair for a in widths[:0:-1] for pair in ((a, a // 2), (a // 2, a // 2))]
    transposed = [(a, a // 2) for a in widths[:0:-1]]
    expected = (sum(9 * a * b + b for a, b in (*down, *up)) + sum(4 * a * b + b for a, b in transposed) + 64 * 2 + 2)
    assert counts(unetLayers([256, 256, 3], 2)).learnables == expected


def test_learnables_of_the_published_network_for_volumes():
    lgraph = unet3dLayers([132, 132, 116, 3], 3, ConvolutionPadding="valid")
    normalised = [a for info in lower(lgraph).layers for a in info.arrays if a.name in ("Offset", "Scale")]
    up = [one.NumFilters for one in lgraph.nodes if "UpConv" in one.Name]  # the paper's have no bias
    assert counts(lgraph).learnables - sum(a.shape[-1] for a in normalised) - sum(up) == 19_069_955


def test_names_in_order():
    names = [one.Name for one in unetLayers([8, 8], 2, EncoderDepth=1).nodes]
    assert names == [
        "ImageInputLayer", "Encoder-Stage-1-Conv-1", "Encoder-Stage-1-ReLU-1", "Encoder-Stage-1-Conv-2",
        "Encoder-Stage-1-ReLU-2", "Encoder-Stage-1-DropOut", "Encoder-Stage-1-MaxPool", "Bridge-Conv-1", "Bridge-ReLU-1",
        "Bridge-Conv-2", "Bridge-ReLU-2", "Bridge-DropOut", "Decoder-Stage-1-UpConv", "Decoder-Stage-1-UpReLU",
        "Decoder-Stage-1-DepthConcatenation", "Decoder-Stage-1-Conv-1", "Decoder-Stage-1-ReLU-1", "Decoder-Stage-1-Conv-2",
        "Decoder-Stage-1-ReLU-2", "Final-ConvolutionLayer", "Softmax-Layer", "Segmentation-Layer"]


def test_skip_connections():
    lgraph = unetLayers([32, 32], 2, EncoderDepth=3)
    for stage, skip in enumerate(("Encoder-Stage-3-DropOut", "Encoder-Stage-2-ReLU-2", "Encoder-Stage-1-ReLU-2"), 1):
        merge = f"Decoder-Stage-{stage}-DepthConcatenation"
        assert wires_to(lgraph, f"{merge}/in1") == [f"Decoder-Stage-{stage}-UpReLU"]
        assert wires_to(lgraph, f"{merge}/in2") == [skip]


def test_sizes_on_the_way():
    sizes = outputs_of(unetLayers([32, 48, 3], 5, EncoderDepth=2, NumFirstEncoderFilters=8))
    assert sizes["Encoder-Stage-2-MaxPool"] == "8(S) × 12(S) × 16(C) × 1(B)"
    assert sizes["Bridge-DropOut"] == "8(S) × 12(S) × 32(C) × 1(B)"
    assert sizes["Decoder-Stage-1-UpConv"] == "16(S) × 24(S) × 16(C) × 1(B)"
    assert sizes["Decoder-Stage-1-DepthConcatenation"] == "16(S) × 24(S) × 32(C) × 1(B)"
    assert sizes["Softmax-Layer"] == "32(S) × 48(S) × 5(C) × 1(B)"


def test_options_reach_the_layers():
    lgraph = unetLayers([32, 32], 2, "EncoderDepth", 2, "filtersize", [5, 3], "NumFirst", 6)
    conv, up = layer(lgraph, "Encoder-Stage-2-Conv-2"), layer(lgraph, "Decoder-Stage-2-UpConv")
    assert (conv.FilterSize, conv.NumFilters, conv.Padding, conv.WeightsInitializer) == ((5, 3), 12, "same", "he")
    assert (up.FilterSize, up.Stride, up.NumFilters, up.BiasLearnRateFactor) == ((2, 2), (2, 2), 6, 2)
    assert layer(lgraph, "Bridge-DropOut").Probability == 0.5


def test_sizes_on_the_way_through_volumes():
    sizes = outputs_of(unet3dLayers([16, 8, 24, 2], 3, NumFirstEncoderFilters=4))
    assert sizes["Bridge-ReLU-2"] == "2(S) × 1(S) × 3(S) × 64(C) × 1(B)"
    assert sizes["Decoder-Stage-1-UpConv"] == "4(S) × 2(S) × 6(S) × 64(C) × 1(B)"
    assert sizes["Decoder-Stage-1-Concatenation"] == "4(S) × 2(S) × 6(S) × 96(C) × 1(B)"
    assert sizes["Decoder-Stage-1-Conv-1"] == "4(S) × 2(S) × 6(S) × 32(C) × 1(B)"
    assert sizes["Softmax-Layer"] == "16(S) × 8(S) × 24(S) × 3(C) × 1(B)"


def test_output_size():
    assert unetLayers([32, 64, 3], 4, EncoderDepth=3, nargout=2)[1] == [32, 64, 4]
    assert unet3dLayers([32, 64, 16], 4, NumFirstEncoderFilters=2, nargout=2)[1] == [32, 64, 16, 4]


@pytest.mark.parametrize(("builder", "size", "filters", "expected"), [
    (unetLayers, [572, 572, 1], 64, [388, 388]),  # Ronneberger et al., figure 1
    (unet3dLayers, [132, 132, 132, 4], 32, [44, 44, 44]),  # MATLAB's example on brain tumours
    (unet3dLayers, [132, 132, 116, 3], 32, [44, 44, 28])])  # Çiçek et al., figure 2
def test_published_sizes_without_padding(builder, size, filters, expected):
    lgraph, output = builder(size, 3, ConvolutionPadding="valid", NumFirstEncoderFilters=filters, nargout=2)
    assert output == [*expected, 3]
    spatial = " × ".join(f"{n}(S)" for n in expected)
    assert outputs_of(lgraph)["Softmax-Layer"] == f"{spatial} × 3(C) × 1(B)"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_valid_adds_a_crop_per_stage(depth):
    options = {"EncoderDepth": depth, "NumFirstEncoderFilters": 2, "ConvolutionPadding": "valid"}
    assert counts(unetLayers([92, 92], 2, **options))[:2] == (13 * depth + 10, 15 * depth + 9)
    assert counts(unet3dLayers([92, 92, 92], 2, **options))[:2] == (16 * depth + 10, 18 * depth + 9)
    lgraph = unetLayers([92, 92], 2, **options)
    assert wires_to(lgraph, "Decoder-Stage-1-Crop2D/in") == [f"Encoder-Stage-{depth}-DropOut"]
    assert wires_to(lgraph, "Decoder-Stage-1-Crop2D/ref") == ["Decoder-Stage-1-UpReLU"]
    assert wires_to(lgraph, "Decoder-Stage-1-DepthConcatenation/in2") == ["Decoder-Stage-1-Crop2D"]


@pytest.mark.parametrize("side", range(40, 110))
def test_sides_that_are_refused_without_padding_would_not_work(side):
    options = {"EncoderDepth": 2, "NumFirstEncoderFilters": 1, "ConvolutionPadding": "valid"}
    on_the_way = [side - 4, (side - 4) / 2 - 4]  # what meets the two poolings
    if all(n % 2 == 0 for n in on_the_way) and side >= 44:
        assert outputs_of(unetLayers([side, 92], 2, **options))
    else:
        with pytest.raises(DltoolboxError, match="height"):
            unetLayers([side, 92], 2, **options)


@pytest.mark.parametrize("depth", range(1, 5))
def test_counts_of_networks(depth):
    net = unet([32, 16, 3], 4, EncoderDepth=depth, NumFirstEncoderFilters=2)
    assert (len(net.nodes), len(net.edges)) == (13 * depth + 9, 15 * depth + 8)
    net = unet3d([32, 16, 16], 4, EncoderDepth=depth, NumFirstEncoderFilters=1)
    assert (len(net.nodes), len(net.edges)) == (17 * depth + 11, 19 * depth + 10)


def test_published_network_of_volumes():
    net = unet3d([128, 128, 128, 3], 5, EncoderDepth=2, NumFirstEncoderFilters=16)
    assert isinstance(net, dlnetwork)
    assert (len(net.Layers), len(net.Connections), len(net.Learnables), len(net.State)) == (45, 48, 46, 20)
    assert (net.InputNames, net.OutputNames) == (["encoderImageInputLayer"], ["FinalNetworkSoftmax-Layer"])
    assert net.Initialized


def test_names_of_networks():
    names = [one.Name for one in unet([8, 8], 2, EncoderDepth=1, NumFirstEncoderFilters=2).nodes]
    assert names == [
        "encoderImageInputLayer", "Encoder-Stage-1-Conv-1", "Encoder-Stage-1-ReLU-1", "Encoder-Stage-1-Conv-2",
        "Encoder-Stage-1-ReLU-2", "Encoder-Stage-1-DropOut", "Encoder-Stage-1-MaxPool", "LatentNetwork-Bridge-Conv-1",
        "LatentNetwork-Bridge-ReLU-1", "LatentNetwork-Bridge-Conv-2", "LatentNetwork-Bridge-ReLU-2",
        "LatentNetwork-Bridge-DropOut", "Decoder-Stage-1-UpConv", "Decoder-Stage-1-UpReLU",
        "encoderDecoderSkipConnectionCrop1", "encoderDecoderSkipConnectionFeatureMerge1", "Decoder-Stage-1-Conv-1",
        "Decoder-Stage-1-ReLU-1", "Decoder-Stage-1-Conv-2", "Decoder-Stage-1-ReLU-2", "encoderDecoderFinalConvLayer",
        "FinalNetworkSoftmax-Layer"]


def test_networks_join_what_the_encoder_gave_first():
    net = unet([16, 16], 2, EncoderDepth=2, NumFirstEncoderFilters=2)
    assert wires_to(net, "encoderDecoderSkipConnectionCrop2/in") == ["Encoder-Stage-1-ReLU-2"]
    assert wires_to(net, "encoderDecoderSkipConnectionFeatureMerge2/in1") == ["encoderDecoderSkipConnectionCrop2"]
    assert wires_to(net, "encoderDecoderSkipConnectionFeatureMerge2/in2") == ["Decoder-Stage-2-UpReLU"]


@pytest.mark.parametrize(("builder", "size", "output"), [
    (unet, [44, 52, 3], [4, 12, 3]), (unet3d, [44, 44, 44], [4, 4, 4, 3])])
def test_networks_without_padding_predict(builder, size, output):
    net, outputSize = builder(size, 3, EncoderDepth=2, NumFirstEncoderFilters=2, ConvolutionPadding="valid", nargout=2)
    assert outputSize == output
    X = np.random.default_rng(0).random((*size[:len(output) - 1], 3 if builder is unet else 1, 2), np.float32)
    scores = predict(net, X)
    assert scores.shape == (*output, 2)
    np.testing.assert_allclose(scores.sum(axis=-2), 1, rtol=1e-5)


@pytest.mark.parametrize(("arguments", "identifiers"), [
    (([100, 96], 2), ["invalidImageSize"]),
    (([96, 96, 3, 3], 2), ["invalidImageSize"]),
    (([96, 96], 1), ["invalidNumClasses"]),
    (([96, 96], 2, "EncoderDepth", 0), ["invalidEncoderDepth"]),
    (([96, 96], 2, "EncoderDepth", 10 ** 5, "ConvolutionPadding", "valid"), ["invalidEncoderDepth"]),
    (([96, 96], 2, "FilterSize", [3, 4]), ["invalidFilterSize"]),
    (([96, 96], 2, "ConvolutionPadding", "full"), ["invalidConvolutionPadding"]),
    (([96, 96], 2, "Depth", 2), ["unknownOption"]),
    (([96], 0, "FilterSize", 2), ["invalidImageSize", "invalidNumClasses", "invalidFilterSize"]),
])
def test_bad_values(arguments, identifiers):
    with pytest.raises(DltoolboxError) as caught:
        unetLayers(*arguments)
    assert list(caught.value.identifiers) == [f"dltoolbox:unetLayers:{one}" for one in identifiers]


def test_the_message_names_the_nearest_sizes():
    with pytest.raises(DltoolboxError, match=r"Input of size 100×97×1 does not fit.*: height 96 or 112, width 96 or 112\."):
        unetLayers([100, 97], 2)
    with pytest.raises(DltoolboxError, match=r"work: height 556 or 572\."):
        unetLayers([560, 572], 2, ConvolutionPadding="valid")
    with pytest.raises(DltoolboxError, match=r"work: width 188\."):
        unetLayers([188, 20], 2, ConvolutionPadding="valid")


def losses(X, Y, lgraph):
    """The loss of every step, and the trained network."""
    options = trainingOptions("adam", InitialLearnRate=0.003, MaxEpochs=6, MiniBatchSize=8, Verbose=False)
    net, info = trainNetwork(X, Y, lgraph, options, nargout=2)
    return info.TrainingLoss, net


def test_it_trains():
    X, Y = triangleImages(16, nargout=2)
    loss, net = losses(X, Y, unetLayers([32, 32, 1], 2, EncoderDepth=2, NumFirstEncoderFilters=4))
    assert np.mean(loss[-2:]) < np.mean(loss[:2])
    assert predict(net, X[..., :1]).shape == (32, 32, 2, 1)


def test_volumes_train():
    X = shapeVolumes(16)
    Y = categorical(X[..., 0, :] > 0.5, [False, True], ["outside", "inside"])
    loss, net = losses(X, Y, unet3dLayers([16, 16, 16], 2, EncoderDepth=1, NumFirstEncoderFilters=2))
    assert np.mean(loss[-2:]) < np.mean(loss[:2])
    assert predict(net, X[..., :1]).shape == (16, 16, 16, 2, 1)
