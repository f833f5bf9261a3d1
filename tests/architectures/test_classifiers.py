"""What is special in single classifiers: groups, forks, shortcuts, numbers in names, factors."""

import pytest

from dltoolbox import (
    alexnet,
    darknet53,
    getLearnRateFactor,
    googlenet,
    inceptionv3,
    mobilenetv2,
    resnet18,
    resnet50,
    resnet101,
    xception,
)
from dltoolbox.layers.activation import ClippedReLULayer


def names(lgraph):
    return [one.Name for one in lgraph.nodes]


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


def test_blocks_of_the_longest_stage_of_resnet101_are_numbered_as_in_caffe():
    listed = names(resnet101(Weights="none"))
    assert [name for name in listed if name.startswith("res4") and name.endswith("branch2a")] == [
        "res4a_branch2a", *(f"res4b{i}_branch2a" for i in range(1, 23))]


def test_only_residual_blocks_that_change_the_size_or_the_channels_project():
    assert [[name for name in names(make(Weights="none")) if name.startswith("res") and name.endswith("branch1")]
            for make in (resnet18, resnet50)] == [
        [f"res{stage}a_branch1" for stage in (3, 4, 5)], [f"res{stage}a_branch1" for stage in (2, 3, 4, 5)]]


def test_the_first_convolution_of_a_residual_block_halves_the_image():
    strided = [one.Name for one in resnet50(Weights="none").nodes if getattr(one, "Stride", None) == (2, 2)]
    assert strided == ["conv1", "max_pooling2d_1",
                       *(f"res{stage}a_branch{end}" for stage in (3, 4, 5) for end in ("2a", "1"))]


@pytest.mark.parametrize(("make", "epsilon"), [(resnet18, 1e-5), (resnet50, 1e-3), (resnet101, 1e-5)])
def test_epsilon_of_residual_networks(make, epsilon):
    assert {one.Epsilon for one in make(Weights="none").nodes if hasattr(one, "Epsilon")} == {epsilon}


def test_blocks_of_mobilenetv2_of_equal_size_have_a_shortcut():
    lgraph = mobilenetv2(Weights="none")
    edges = {str(c.destination): c.source.layer for c in lgraph.edges}
    assert [one.Name for one in lgraph.nodes if one.Name.endswith("_add")] == [
        f"block_{i}_add" for i in (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)]
    assert [edges[f"block_{i}_add/{port}"] for i in (4, 5) for port in ("in1", "in2")] == [
        "block_4_project_BN", "block_3_project_BN", "block_5_project_BN", "block_4_add"]


def test_activations_of_mobilenetv2_end_at_6():
    ceilings = [one.Ceiling for one in mobilenetv2(Weights="none").nodes if isinstance(one, ClippedReLULayer)]
    assert ceilings == [6] * 35


def test_shortcuts_of_darknet53_come_second():
    edges = {str(c.destination): c.source.layer for c in darknet53(Weights="none").edges}
    assert [edges[f"res{i}/{port}"] for i in (1, 2, 3) for port in ("in1", "in2")] == [
        "leakyrelu4", "leakyrelu2", "leakyrelu7", "leakyrelu5", "leakyrelu9", "res2"]
