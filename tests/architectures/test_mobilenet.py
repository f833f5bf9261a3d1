"""MobileNet-v2: counts as published, names as MATLAB's, sizes, and a prediction."""

import numpy as np
import pytest

from dltoolbox import analyzeNetwork, mobilenetv2
from dltoolbox.layers.activation import ClippedReLULayer
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images


@pytest.fixture(scope="module")
def lgraph():
    return mobilenetv2(Weights="none")


def test_counts_are_matlabs_and_learnables_torchvisions(lgraph):
    found = counts(lgraph)
    assert (found.layers, found.connections, found.trainable) == (154, 163, 3_504_872)


def test_names_are_matlabs(lgraph):
    names = [one.Name for one in lgraph.nodes]
    assert names[:19] == [
        "input_1", "Conv1", "bn_Conv1", "Conv1_relu", "expanded_conv_depthwise", "expanded_conv_depthwise_BN",
        "expanded_conv_depthwise_relu", "expanded_conv_project", "expanded_conv_project_BN", "block_1_expand",
        "block_1_expand_BN", "block_1_expand_relu", "block_1_depthwise", "block_1_depthwise_BN", "block_1_depthwise_relu",
        "block_1_project", "block_1_project_BN", "block_2_expand", "block_2_expand_BN"]
    assert names[-9:] == ["block_16_project", "block_16_project_BN", "Conv_1", "Conv_1_bn", "out_relu",
                          "global_average_pooling2d_1", "Logits", "Logits_softmax", "ClassificationLayer_Logits"]


def test_blocks_of_equal_size_have_a_shortcut(lgraph):
    edges = {str(c.destination): c.source.layer for c in lgraph.edges}
    assert [one.Name for one in lgraph.nodes if one.Name.endswith("_add")] == [
        f"block_{i}_add" for i in (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)]
    assert [edges[f"block_{i}_add/{port}"] for i in (4, 5) for port in ("in1", "in2")] == [
        "block_4_project_BN", "block_3_project_BN", "block_5_project_BN", "block_4_add"]


def test_activations_end_at_6(lgraph):
    ceilings = [one.Ceiling for one in lgraph.nodes if isinstance(one, ClippedReLULayer)]
    assert ceilings == [6] * 35


def test_sizes_of_activations(lgraph):
    info = analyzeNetwork(lgraph, nargout=1)
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    sizes = {"Conv1": (112, 32), "expanded_conv_project": (112, 16), "block_1_expand": (112, 96),
             "block_1_depthwise": (56, 96), "block_2_add": (56, 24), "block_5_add": (28, 32), "block_9_add": (14, 64),
             "block_12_add": (14, 96), "block_15_add": (7, 160), "block_16_project": (7, 320), "out_relu": (7, 1280),
             "global_average_pooling2d_1": (1, 1280)}
    assert {name: at[name] for name in sizes} == {
        name: f"{n}(S) × {n}(S) × {channels}(C) × 1(B)" for name, (n, channels) in sizes.items()}


def test_an_untrained_network_predicts_probabilities(lgraph):
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.sum() == pytest.approx(1, abs=1e-5)
