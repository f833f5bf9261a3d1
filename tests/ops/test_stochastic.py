"""Stochastic pooling: what is drawn and how often, expectations, special values, and the shards of a mini-batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    convolution2dLayer,
    imageInputLayer,
    maxNumCompThreads,
    maxUnpooling2dLayer,
    regressionLayer,
    rng,
    stochasticPooling2dLayer,
)
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.core.random import stream
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.network.graph.surgery import connectLayers
from dltoolbox.ops import OPS
from dltoolbox.ops.windows.stochastic import drawn_elements
from dltoolbox.program import executable
from dltoolbox.program.model import Model
from tests.ops.samples import EMPTY, WINDOWS
from tests.ops.test_large_windows import looked_at


def draw(x: np.ndarray, window: Window, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng(seed)
    found: tuple[np.ndarray, np.ndarray] = OPS["stochastic_pool"].forward(x, window=window)
    return found


@pytest.mark.parametrize("label", [*WINDOWS, *EMPTY])
def test_the_running_sum_decides(label: str) -> None:
    """Window by window: the first tap, row by row, at which the running sum reaches the number times the total."""
    spatial, window = (WINDOWS | EMPTY)[label]
    random = np.random.default_rng(0)
    x = random.standard_normal((*spatial, 2, 3))
    numbers = 1 - random.random((*window.output(spatial), 2, 3))
    y, at = drawn_elements(x, window, numbers)
    flat = x.reshape(-1, 2, 3)
    for out, taps in looked_at(window, spatial):
        for lane in np.ndindex(2, 3):
            place = (*out, *lane)
            if not taps:
                assert (y[place], at[place]) == (0, -1)
                continue
            positions = [position for _, position in taps]
            running = np.cumsum([max(float(flat[(position, *lane)]), 0.0) for position in positions])
            wanted = positions[int(np.argmax(running >= numbers[place] * running[-1] * (1 - 1e-12)))]
            assert at[place] == wanted
            assert y[place] == flat[(wanted, *lane)]


def test_elements_are_drawn_in_proportion_and_on_average_expected() -> None:
    values = np.array([[1.0, 2.0], [-3.0, 5.0]])
    x = np.tile(values, (1, 1))[:, :, None, None] * np.ones((2, 2, 1, 40_000))
    y, at = draw(x, Window.of((2, 2)))
    shares = [(at == position).mean() for position in range(4)]
    np.testing.assert_allclose(shares, [1 / 8, 2 / 8, 0, 5 / 8], atol=0.01)
    assert shares[2] == 0
    expected = OPS["expected_pool"].forward(x, window=Window.of((2, 2)))
    np.testing.assert_allclose(expected, 30 / 8)
    np.testing.assert_allclose(y.mean(), 30 / 8, atol=0.02)


def test_special_windows() -> None:
    two = Window.of((1, 2), (1, 2), ((0, 0), (1, 0)))
    x = np.array([[0.0, 0.0, -0.0, -2.0, -1.0]])[:, :, None, None]
    y, at = draw(x, two)
    assert (y.ravel().tolist(), at.ravel().tolist()) == ([0, 0, -2], [0, 1, 3])  # the first that is no padding
    assert not OPS["expected_pool"].forward(x, window=two).any()
    x = np.array([[1.0, np.nan, np.inf, 7.0]])[:, :, None, None]
    y, at = draw(x, Window.of((1, 2), (1, 2)))
    assert np.isnan(y[0, 0])
    assert (y[0, 1], at.ravel().tolist()) == (np.inf, [1, 2])
    for dtype, large in ((np.float32, 3e38), (np.float64, 1e308)):
        x = np.full((1, 4, 1, 1), large, dtype)
        assert draw(x, Window.of((1, 4)))[0] == x[0, 0]
        np.testing.assert_allclose(OPS["expected_pool"].forward(x, window=Window.of((1, 4))), x[:, :1])


def network(**options: Any) -> Any:
    """An encoder and its decoder."""
    lgraph = layerGraph([imageInputLayer([7, 6, 2], Normalization="none", Name="in"), convolution2dLayer(3, 3, Name="conv"),
                         stochasticPooling2dLayer(2, HasUnpoolingOutputs=True, Name="pool", **options),
                         maxUnpooling2dLayer(Name="unpool")])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return lgraph


@pytest.mark.parametrize("options", [{"Stride": 2}, {"Padding": 1, "DilationFactor": 2}, {"Stride": 3, "Rounding": "caffe"}])
def test_unpooling_brings_back_what_was_drawn(options: dict[str, Any]) -> None:
    lgraph = network(**options)
    for fast in (True, False):
        model = Model(lgraph, np.float64, fast=fast)
        for value in model.arrays.values():
            value[...] = np.random.default_rng(1).standard_normal(value.shape)
        x = np.random.default_rng(0).standard_normal((7, 6, 2, 4))
        ports = ("conv/out", "pool/out", "unpool/out")
        conv, pooled, whole = (y.array for y in model.results([x], ports))
        window = stochasticPooling2dLayer(2, **options).window(Dims.of("SSCB", *conv.shape))
        np.testing.assert_allclose(pooled, OPS["expected_pool"].forward(conv, window=window))
        assert (np.count_nonzero(whole, axis=(0, 1)) <= pooled[..., 0, 0].size).all()


def test_results_do_not_depend_on_threads_and_follow_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    layers = layerGraph([imageInputLayer([8, 8, 3], Normalization="none"), stochasticPooling2dLayer(2, Stride=2),
                         regressionLayer])
    x = np.random.default_rng(0).random((8, 8, 3, 9)).astype(np.float32)
    targets, before, found = np.zeros((4, 4, 3, 9), np.float32), maxNumCompThreads(), []
    try:
        for threads, seed, fast in ((1, 0, False), (1, 0, True), (3, 0, True), (3, 1, True)):
            maxNumCompThreads(threads)
            model = Model(layers, np.float32, fast=fast)
            rng(seed)
            found.append(model.step([x], [targets]).predictions[0].copy())
    finally:
        maxNumCompThreads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])
    assert (found[2] != found[3]).any()


def test_an_even_number_of_single_numbers_is_drawn_for_each_observation() -> None:
    """So a shard may begin in the middle of the stream."""
    rng(0)
    OPS["stochastic_pool"].forward(np.ones((3, 1, 1, 5)), window=Window.of((1, 1)))
    rest = stream("dropout").random(3)
    rng(0)
    stream("dropout").random((5, 4), np.float32)
    np.testing.assert_array_equal(stream("dropout").random(3), rest)
