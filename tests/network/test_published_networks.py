"""Networks whose sizes and counts are published: VGG-16, SqueezeNet v1.1 and the digits network."""

import pytest

from dltoolbox import (
    addLayers,
    averagePooling2dLayer,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    depthConcatenationLayer,
    dropoutLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerArray,
    layerGraph,
    maxPooling2dLayer,
    reluLayer,
    softmaxLayer,
)
from dltoolbox.network.analysis import analyzeNetwork


def digits():
    """The network of MATLAB's example on handwritten digits."""
    layers = [imageInputLayer([28, 28, 1])]
    for filters in (8, 16, 32):
        layers += [convolution2dLayer(3, filters, Padding="same"), batchNormalizationLayer, reluLayer,
                   maxPooling2dLayer(2, Stride=2)]
    return [*layers[:-1], fullyConnectedLayer(10), softmaxLayer, classificationLayer]


def vgg16():
    """Configuration D of Simonyan and Zisserman, "Very deep convolutional networks" (2015)."""
    layers = [imageInputLayer([224, 224, 3], Name="input")]
    for block, (filters, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for i in range(1, count + 1):
            layers += [convolution2dLayer(3, filters, Padding=1, Name=f"conv{block}_{i}"),
                       reluLayer(Name=f"relu{block}_{i}")]
        layers.append(maxPooling2dLayer(2, Stride=2, Name=f"pool{block}"))
    for i in (6, 7):
        layers += [fullyConnectedLayer(4096, Name=f"fc{i}"), reluLayer(Name=f"relu{i}"), dropoutLayer(0.5, Name=f"drop{i}")]
    return [*layers, fullyConnectedLayer(1000, Name="fc8"), softmaxLayer(Name="prob"), classificationLayer(Name="output")]


def fire(lgraph, number, source, squeeze, expand):
    """1×1 convolutions squeeze, 1×1 and 3×3 convolutions expand side by side, and their outputs are joined."""
    name = f"fire{number}-"
    lgraph = addLayers(lgraph, [convolution2dLayer(1, squeeze, Name=f"{name}squeeze1x1"),
                                reluLayer(Name=f"{name}relu_squeeze1x1"),
                                convolution2dLayer(1, expand, Name=f"{name}expand1x1"),
                                reluLayer(Name=f"{name}relu_expand1x1"), depthConcatenationLayer(2, Name=f"{name}concat")])
    lgraph = addLayers(lgraph, [convolution2dLayer(3, expand, Padding=1, Name=f"{name}expand3x3"),
                                reluLayer(Name=f"{name}relu_expand3x3")])
    lgraph = connectLayers(lgraph, source, f"{name}squeeze1x1")
    lgraph = connectLayers(lgraph, f"{name}relu_squeeze1x1", f"{name}expand3x3")
    return connectLayers(lgraph, f"{name}relu_expand3x3", f"{name}concat/in2")


def squeezenet():
    """Version 1.1 of Iandola et al., "SqueezeNet" (2016), 68 layers in MATLAB."""
    lgraph = layerGraph([imageInputLayer([227, 227, 3], Name="data"), convolution2dLayer(3, 64, Stride=2, Name="conv1"),
                         reluLayer(Name="relu_conv1"), maxPooling2dLayer(3, Stride=2, Name="pool1")])
    source = "pool1"
    for number, (squeeze, expand) in enumerate([(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256),
                                                (64, 256)], 2):
        lgraph = fire(lgraph, number, source, squeeze, expand)
        source = f"fire{number}-concat"
        if number in (3, 5):
            pool = maxPooling2dLayer(3, Stride=2, Padding=[0, 1, 0, 1], Name=f"pool{number}")
            lgraph = connectLayers(addLayers(lgraph, pool), source, f"pool{number}")
            source = f"pool{number}"
    lgraph = addLayers(lgraph, [dropoutLayer(0.5, Name="drop9"), convolution2dLayer(1, 1000, Name="conv10"),
                                reluLayer(Name="relu_conv10"), averagePooling2dLayer(14, Name="pool10"),
                                softmaxLayer(Name="prob"), classificationLayer(Name="ClassificationLayer_predictions")])
    return connectLayers(lgraph, source, "drop9")


@pytest.fixture(scope="module")
def analysed():
    return {make.__name__: analyzeNetwork(make(), nargout=1) for make in (digits, vgg16, squeezenet)}


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
        image(14, 512), image(7, 512), *["4096(C) × 1(B)"] * 2, *["1000(C) × 1(B)"] * 2]
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
    lines = str(layerArray(vgg16())).splitlines()
    assert lines[0] == "  41×1 Layer array with layers:"
    assert lines[2] == "     1   'input'     Image Input             224×224×3 images with 'zerocenter' normalization"
    assert lines[3] == ("     2   'conv1_1'   2-D Convolution         64 3×3 convolutions with stride [1  1] and padding "
                        "[1  1  1  1]")
    assert lines[-1] == "    41   'output'    Classification Output   crossentropyex"
