"""EfficientNet-B0: names that are numbered, shortcuts, ports, paddings."""

import pytest

from dltoolbox import efficientnetb0

MODEL = "efficientnet-b0|model|"


@pytest.fixture(scope="module")
def lgraph():
    return efficientnetb0(Weights="none")


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
