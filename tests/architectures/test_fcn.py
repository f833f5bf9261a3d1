"""fcnLayers: counts, names, sizes, wiring, weights that interpolate, and bad values."""

import pytest

from dltoolbox import DltoolboxError, analyzeNetwork, fcnLayers
from tests.architectures.counts import counts

ENCODER = [
    "input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1", "conv2_2", "relu2_2", "pool2",
    "conv3_1", "relu3_1", "conv3_2", "relu3_2", "conv3_3", "relu3_3", "pool3", "conv4_1", "relu4_1", "conv4_2", "relu4_2",
    "conv4_3", "relu4_3", "pool4", "conv5_1", "relu5_1", "conv5_2", "relu5_2", "conv5_3", "relu5_3", "pool5", "fc6", "relu6",
    "drop6", "fc7", "relu7", "drop7", "score_fr"]
END = ["score", "softmax", "pixelLabels"]
POOL4 = ["upscore2", "score_pool4", "score_pool4c", "fuse_pool4"]
POOL3 = ["upscore_pool4", "score_pool3", "score_pool3c", "fuse_pool3"]


@pytest.mark.parametrize(("kind", "expected", "decoder"), [
    ("8s", (51, 55), [*POOL4, *POOL3, "upscore8"]), ("16s", (47, 49), [*POOL4, "upscore16"]),
    ("32s", (43, 43), ["upscore"])])
def test_counts_and_names(kind, expected, decoder):
    lgraph = fcnLayers([224, 224, 3], 5, Type=kind)
    assert counts(lgraph)[:2] == expected
    assert sorted(one.Name for one in lgraph.nodes) == sorted([*ENCODER, *decoder, *END])


def test_sizes_without_channels_are_those_of_colour_images():
    """As in the examples of MATLAB's documentation."""
    assert fcnLayers([480, 640], 5).nodes[0].InputSize == (480, 640, 3)


def test_learnables_are_those_of_vgg16_without_its_end_and_the_scores():
    encoder = 138_357_544 - 4097 * 1000
    scores = sum((channels + 1) * 5 for channels in (4096, 512, 256))
    enlarging = 2 * (16 * 25 + 5) + (256 * 25 + 5)
    assert counts(fcnLayers([224, 224, 3], 5)).learnables == encoder + scores + enlarging


@pytest.mark.parametrize("kind", ["8s", "16s", "32s"])
def test_images_of_any_size_keep_it(kind):
    for side in range(224, 260, 5):
        info = analyzeNetwork(fcnLayers([side, 2 * side + 1, 3], 4, "Type", kind), nargout=1)
        assert info.IsValid
        assert info.LayerInfo.Activations[-1] == f"{side}(S) × {2 * side + 1}(S) × 4(C) × 1(B)"


def test_sizes_of_the_published_network():
    info = analyzeNetwork(fcnLayers([500, 500, 3], 21), nargout=1)
    sizes = {name: text[:text.index(" × 1(B)")] for name, text in zip(info.LayerInfo.Name, info.LayerInfo.Activations,
                                                                      strict=True)}
    assert sizes["conv1_1"] == "698(S) × 698(S) × 64(C)"
    assert sizes["fc6"] == "15(S) × 15(S) × 4096(C)"
    assert sizes["upscore2"] == sizes["fuse_pool4"] == "32(S) × 32(S) × 21(C)"
    assert sizes["upscore_pool4"] == sizes["score_pool3c"] == "66(S) × 66(S) × 21(C)"


def test_scores_meet_where_they_should():
    wires = set(fcnLayers([224, 224], 2).Connections)
    assert {("pool4", "score_pool4"), ("score_pool4", "score_pool4c/in"), ("upscore2", "score_pool4c/ref"),
            ("upscore2", "fuse_pool4/in1"), ("score_pool4c", "fuse_pool4/in2"), ("pool3", "score_pool3"),
            ("upscore_pool4", "score_pool3c/ref"), ("upscore8", "score/in"), ("input", "score/ref")} < wires


def test_only_the_last_enlargement_does_not_learn():
    lgraph = fcnLayers([224, 224, 3], 5)
    factors = {one.Name: one.WeightLearnRateFactor for one in lgraph.nodes if one.Name.startswith("upscore")}
    assert factors == {"upscore2": 1, "upscore_pool4": 1, "upscore8": 0}
    assert {one.WeightsInitializer for one in lgraph.nodes if one.Name in factors} == {"bilinear"}


@pytest.mark.parametrize(("arguments", "identifier"), [
    (([223, 224, 3], 2), "invalidImageSize"), (([224, 224, 3], 2, "Type", "4s"), "invalidType"),
    (([224, 224, 3], 1), "invalidNumClasses"), (([224, 224, 3], 2, "Kind", "8s"), "unknownOption")])
def test_bad_values(arguments, identifier):
    with pytest.raises(DltoolboxError, match=f"dltoolbox:fcnLayers:{identifier}"):
        fcnLayers(*arguments)
