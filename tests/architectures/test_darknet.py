"""DarkNet-19 and DarkNet-53: counts, names as MATLAB's, sizes, and a prediction."""

import numpy as np
import pytest

from dltoolbox import analyzeNetwork, darknet19, darknet53
from dltoolbox.program.model import Model
from tests.architectures.counts import counts
from tests.program.networks import images


@pytest.mark.parametrize(("make", "layers", "connections", "trainable"), [
    (darknet19, 64, 63, 20_842_376), (darknet53, 184, 206, 41_609_928)])
def test_counts(make, layers, connections, trainable):
    found = counts(make(Weights="none"))
    assert (found.layers, found.connections, found.trainable) == (layers, connections, trainable)


@pytest.mark.parametrize(("make", "first", "last"), [
    (darknet19, ["input", "conv1", "batchnorm1", "leaky1", "pool1", "conv2"],
     ["leaky18", "conv19", "avg1", "softmax", "output"]),
    (darknet53, ["input", "conv1", "batchnorm1", "leakyrelu1", "conv2", "batchnorm2", "leakyrelu2", "conv3", "batchnorm3",
                 "leakyrelu3", "conv4", "batchnorm4", "leakyrelu4", "res1", "conv5"],
     ["leakyrelu52", "res23", "avg1", "conv53", "softmax", "output"])])
def test_names_are_matlabs(make, first, last):
    listed = [one.Name for one in make(Weights="none").nodes]
    assert (listed[:len(first)], listed[-len(last):]) == (first, last)


def test_shortcuts_of_darknet53_come_second():
    edges = {str(c.destination): c.source.layer for c in darknet53(Weights="none").edges}
    assert [edges[f"res{i}/{port}"] for i in (1, 2, 3) for port in ("in1", "in2")] == [
        "leakyrelu4", "leakyrelu2", "leakyrelu7", "leakyrelu5", "leakyrelu9", "res2"]


@pytest.mark.parametrize(("make", "sizes"), [
    (darknet19, {"pool1": (128, 32), "pool2": (64, 64), "pool3": (32, 128), "pool4": (16, 256), "pool5": (8, 512),
                 "conv19": (8, 1000), "avg1": (1, 1000)}),
    (darknet53, {"conv1": (256, 32), "res1": (128, 64), "res3": (64, 128), "res11": (32, 256), "res19": (16, 512),
                 "res23": (8, 1024), "conv53": (1, 1000), "softmax": (1, 1000)})])
def test_sizes_of_activations(make, sizes):
    info = analyzeNetwork(make(Weights="none"), nargout=1)
    at = dict(zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True))
    assert {name: at[name] for name in sizes} == {
        name: f"{n}(S) × {n}(S) × {channels}(C) × 1(B)" for name, (n, channels) in sizes.items()}


def test_images_enter_in_the_range_from_0_to_1():
    assert {make(Weights="none").nodes[0].Normalization for make in (darknet19, darknet53)} == {"rescale-zero-one"}


def test_an_untrained_network_predicts_probabilities():
    lgraph = darknet19("Weights", "none")
    scores, = Model(lgraph).predict([images(lgraph, 1, np.float32)])
    assert scores.sum() == pytest.approx(1, abs=1e-5)
