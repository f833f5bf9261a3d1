"""Unpooling where kernels are measured, as users have it: every kind of window, and what else leaves the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import connectLayers
from dltoolbox.program.model import Model
from tests import modes
from tests.program.networks import images, make, one_hot, scrambled, segnet

pytestmark = pytest.mark.network

WINDOWS = [(2, 2, 0), (2, 2, 1), (2, 1, 0), (3, 2, 0), (3, 2, 1), (3, 1, 1), (3, 3, "same"), (3, 2, "same"),
           (4, 3, [1, 2, 0, 1]), ([3, 2], [1, 2], 0), ([1, 3], 2, 0), (2, 3, 0)]


@pytest.fixture(autouse=True)
def _default_settings(tmp_path: Path) -> Iterator[None]:
    with modes.mode("default", tmp_path):
        yield


def volumes(pool: Any, stride: Any, padding: Any) -> LayerGraph:
    lgraph = layerGraph([
        make("image3dInputLayer", [7, 6, 5, 2], Normalization="none", Name="volume"),
        make("convolution3dLayer", 3, 3, Padding="same", Name="down"), make("reluLayer"),
        make("maxPooling3dLayer", pool, Stride=stride, Padding=padding, HasUnpoolingOutputs=True, Name="pool"),
        make("maxUnpooling3dLayer", Name="unpool"), make("convolution3dLayer", 3, 2, Padding="same", Name="up"),
        make("regressionLayer")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return lgraph


def compare(lgraph: LayerGraph, batch: int) -> None:
    """A step of training and a prediction, against the ops' own bodies."""
    fast, plain = (scrambled(Model(lgraph, np.float64, fast=how)) for how in (True, False))
    X = images(lgraph, batch)
    shape = plain.predict([X])[0].shape
    T = one_hot(shape, X.dtype)
    a, b = fast.step([X], [T]), plain.step([X], [T])
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-9)
    for mine, theirs in zip(a.gradients, b.gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fast.predict([X])[0], plain.predict([X])[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(("pool", "stride", "padding"), WINDOWS)
def test_unpooling_trains(pool: Any, stride: Any, padding: Any, batch: int) -> None:
    compare(segnet(pool, stride, padding), batch)


@pytest.mark.parametrize(("pool", "stride", "padding"), [(2, 2, 0), (3, 2, 0), (2, 1, "same"), ([2, 3, 2], [1, 2, 2], 1)])
def test_unpooling_of_volumes_trains(pool: Any, stride: Any, padding: Any) -> None:
    compare(volumes(pool, stride, padding), 2)


def test_indices_that_leave_beside_the_output() -> None:
    lgraph = segnet()
    fast, plain = (scrambled(Model(lgraph, np.float64, fast=how)) for how in (True, False))
    X, ports = images(lgraph, 3), ["softmax/out", "pool1/indices"]
    for mine, theirs in zip(fast.predict([X], ports), plain.predict([X], ports), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7)
