"""EfficientNet-B0: counts as published, names as MATLAB's, sizes, and a prediction."""

import numpy as np
import pytest

from dltoolbox import analyzeNetwork, efficientnetb0
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images

MODEL = "efficientnet-b0|model|"


@pytest.fixture(scope="module")
def lgraph():
    return efficientnetb0(Weights="none")


def test_counts_are_matlabs_and_learnables_torchvisions(lgraph):
    found = counts(lgraph)
    assert (found.layers, found.connections, found.trainable) == (290, 363, 5_288_548)


def test_names_are_matlabs(lgraph):
    names = [one.Name.removeprefix(MODEL) for one in lgraph.nodes]
    assert names[:18] == [
        "ImageInput", "stem|conv2d|Conv2D", "stem|tpu_batch_normalization|FusedBatchNorm", "stem|SigmoidLayer",
        "stem|MulLayer", "blocks_0|depthwise_conv2d|depthwise", "blocks_0|tpu_batch_normalization|FusedBatchNorm",
        "blocks_0|SigmoidLayer", "blocks_0|MulLayer", "blocks_0|se|GlobAvgPool", "Conv__301", "blocks_0|se|SigmoidLayer",
        "blocks_0|se|MulLayer", "Conv__304", "blocks_0|se|SigmoidLayer_1", "blocks_0|se|MulLayer_1",
        "blocks_0|conv2d|Conv2D", "blocks_0|tpu_batch_normalization_1|FusedBatchNorm"]
    assert names[-9:] == [
        "blocks_15|tpu_batch_normalization_2|FusedBatchNorm", "head|conv2d|Conv2D",
        "head|tpu_batch_normalization|FusedBatchNorm", "head|SigmoidLayer", "head|MulLayer",
        "head|global_average_pooling2d|GlobAvgPool", "head|dense|MatMul", "Softmax", "classification"]


def test_convolutions_of_squeeze_and_excitation_are_numbered_as_in_matlab(lgraph):
    first = [301, 309, 319, 327, 337, 345, 355, 365, 373, 383, 393, 401, 411, 421, 431, 439]
    assert [one.Name for one in lgraph.nodes if one.Name.startswith("Conv__")] == [
        f"Conv__{number + more}" for number in first for more in (0, 3)]


def test_blocks_of_equal_size_have_a_shortcut(lgraph):
    assert [one.Name for one in lgraph.nodes if one.Name.endswith("|Add")] == [
        f"{MODEL}blocks_{i}|Add" for i in (2, 4, 6, 7, 9, 10, 12, 13, 14)]


def test_ports_of_sums_and_products(lgraph):
    edges = {str(c.destination).removeprefix(MODEL): c.source.layer.removeprefix(MODEL) for c in lgraph.edges}
    assert [edges[f"blocks_2|{port}"] for port in (
        "MulLayer/in1", "MulLayer/in2", "se|MulLayer/in1", "se|MulLayer/in2", "se|MulLayer_1/in1", "se|MulLayer_1/in2",
        "Add/in1", "Add/in2")] == [
        "blocks_2|tpu_batch_normalization|FusedBatchNorm", "blocks_2|SigmoidLayer", "Conv__319",
        "blocks_2|se|SigmoidLayer", "blocks_2|se|SigmoidLayer_1", "blocks_2|MulLayer_1",
        "blocks_2|tpu_batch_normalization_2|FusedBatchNorm", "blocks_1|tpu_batch_normalization_2|FusedBatchNorm"]


@pytest.mark.parametrize(("name", "padding"), [
    ("stem|conv2d|Conv2D", [0, 1, 0, 1]), ("blocks_0|depthwise_conv2d|depthwise", [1, 1, 1, 1]),
    ("blocks_3|depthwise_conv2d|depthwise", [1, 2, 1, 2]), ("blocks_4|depthwise_conv2d|depthwise", [2, 2, 2, 2])])
def test_paddings(lgraph, name, padding):
    assert lgraph.nodes[lgraph.find(MODEL + name)].PaddingSize == padding


def test_sizes_of_activations(lgraph):
    info = analyzeNetwork(lgraph, nargout=1)
    at = {name.removeprefix(MODEL): size
          for name, size in zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True)}
    sizes = {"stem|MulLayer": (112, 32), "Conv__301": (1, 8), "blocks_0|se|MulLayer_1": (112, 32),
             "blocks_1|MulLayer": (112, 96), "blocks_2|Add": (56, 24), "blocks_4|Add": (28, 40), "blocks_7|Add": (14, 80),
             "blocks_10|Add": (14, 112), "blocks_14|Add": (7, 192), "head|MulLayer": (7, 1280), "Conv__439": (1, 48),
             "head|global_average_pooling2d|GlobAvgPool": (1, 1280)}
    assert {name: at[name] for name in sizes} == {
        name: f"{n}(S) × {n}(S) × {channels}(C) × 1(B)" for name, (n, channels) in sizes.items()}


def test_an_untrained_network_predicts_probabilities(lgraph):
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.sum() == pytest.approx(1, abs=1e-5)
