"""Networks whose sizes and counts are published: VGG-16, SqueezeNet v1.1 and the digits network."""

import pytest

from dltoolbox import (
    analyzeNetwork,
    batchNormalizationLayer,
    classificationLayer,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    maxPooling2dLayer,
    reluLayer,
    softmaxLayer,
    squeezenet,
    vgg16,
)


def digits():
    """The network of MATLAB's example on handwritten digits."""
    layers = [imageInputLayer([28, 28, 1])]
    for filters in (8, 16, 32):
        layers += [convolution2dLayer(3, filters, Padding="same"), batchNormalizationLayer, reluLayer,
                   maxPooling2dLayer(2, Stride=2)]
    return [*layers[:-1], fullyConnectedLayer(10), softmaxLayer, classificationLayer]


@pytest.fixture(scope="module")
def analysed():
    networks = {"digits": digits(), "vgg16": vgg16(Weights="none"), "squeezenet": squeezenet(Weights="none")}
    return {name: analyzeNetwork(layers, nargout=1) for name, layers in networks.items()}


@pytest.mark.parametrize(("network", "layers", "connections", "learnables"), [
    ("digits", 15, 14, 21_690), ("vgg16", 41, 40, 138_357_544), ("squeezenet", 68, 75, 1_235_496)])
def test_counts(analysed, network, layers, connections, learnables):
    info = analysed[network]
    assert info.Issues == ()
    assert (info.NumLayers, len(info.Connections), info.TotalLearnables) == (layers, connections, learnables)


def sizes(info, *names):
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    return [at[name] for name in names]


def image(n, channels):
    return f"{n}(S) × {n}(S) × {channels}(C) × 1(B)"


def test_activations_of_vgg16(analysed):
    assert sizes(analysed["vgg16"], "input", "conv1_1", "pool1", "pool2", "conv3_3", "pool3", "pool4", "conv5_3", "pool5",
                 "fc6", "drop7", "fc8", "output") == [
        image(224, 3), image(224, 64), image(112, 64), image(56, 128), image(56, 256), image(28, 256), image(14, 512),
        image(14, 512), image(7, 512), *[image(1, 4096)] * 2, *[image(1, 1000)] * 2]
    table = analysed["vgg16"].LayerInfo
    assert table.Learnables[table.Name.index("fc6")] == "Weights 4096×25088, Bias 4096×1"
    assert table.NumLearnables[table.Name.index("fc6")] == 4096 * 25089


def test_activations_of_squeezenet(analysed):
    assert sizes(analysed["squeezenet"], "conv1", "pool1", "fire2-concat", "fire3-concat", "pool3", "fire5-concat", "pool5",
                 "fire9-concat", "conv10", "pool10") == [
        image(113, 64), image(56, 64), image(56, 128), image(56, 128), image(28, 128), image(28, 256), image(14, 256),
        image(14, 512), image(14, 1000), image(1, 1000)]


def test_learnables_of_the_digits_network(analysed):
    assert [text for text in analysed["digits"].LayerInfo.Learnables if text] == [
        "Weights 3×3×1×8, Bias 1×1×8", "Offset 1×1×8, Scale 1×1×8", "Weights 3×3×8×16, Bias 1×1×16",
        "Offset 1×1×16, Scale 1×1×16", "Weights 3×3×16×32, Bias 1×1×32", "Offset 1×1×32, Scale 1×1×32",
        "Weights 10×1568, Bias 10×1"]


def test_the_first_listing_of_vgg16():
    lines = str(vgg16(Weights="none").Layers).splitlines()
    assert lines[0] == "  41×1 Layer array with layers:"
    assert lines[2] == "     1   'input'     Image Input             224×224×3 images with 'zerocenter' normalization"
    assert lines[3] == ("     2   'conv1_1'   2-D Convolution         64 3×3 convolutions with stride [1  1] and padding "
                        "[1  1  1  1]")
    assert lines[-1] == "    41   'output'    Classification Output   crossentropyex"
