"""Identities between ops, which need no reference."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.ops import OPS
from tests.ops.sample import counting, distinct
from tests.ops.samples import TRANSPOSED, WINDOWS

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("label", WINDOWS)
def test_mean_is_a_depthwise_convolution_with_a_constant(label: str) -> None:
    spatial, window = WINDOWS[label]
    x = RNG.standard_normal((*spatial, 3, 2))
    mean = OPS["avg_pool"].forward(x, **counting(window, True))
    weights = np.full((*window.size, 1, 1), 1 / window.taps)
    for c in range(3):
        y = OPS["conv"].forward(x[..., c:c + 1, :], weights, np.zeros(1), window=window)
        np.testing.assert_allclose(mean[..., c:c + 1, :], y, atol=1e-12)


@pytest.mark.parametrize("label", WINDOWS)
def test_unpooling_a_pooled_map_keeps_exactly_the_maxima(label: str) -> None:
    spatial, window = WINDOWS[label]
    x = distinct(np.random.default_rng(1), *spatial, 3, 2)
    y, indices = OPS["max_pool_indices"].forward(x, window=window)
    kept = OPS["max_unpool"].forward(y, indices, np.array(x.shape), to=Dims("S" * len(spatial) + "CB", x.shape))
    is_maximum = np.zeros((prod(spatial), 6), bool)
    np.put_along_axis(is_maximum, indices.reshape(-1, 6), True, 0)
    np.testing.assert_array_equal(kept, np.where(is_maximum.reshape(x.shape), x, 0))


@pytest.mark.parametrize("label", TRANSPOSED)
def test_transposed_convolution_is_the_adjoint_of_convolution(label: str) -> None:
    spatial, window = TRANSPOSED[label]
    large = window.transposed_output(spatial)
    if window.output(large) != spatial:
        pytest.fail("the sample must be invertible")
    weights = RNG.standard_normal((*window.size, 3, 4))
    x, y = RNG.standard_normal((*large, 3, 2)), RNG.standard_normal((*spatial, 4, 2))
    there = OPS["conv"].forward(x, weights, np.zeros(4), window=window)
    back = OPS["conv_transposed"].forward(y, weights, np.zeros(3), window=window)
    assert np.vdot(there, y) == pytest.approx(np.vdot(x, back), rel=1e-12)


def test_a_convolution_of_the_whole_image_is_a_dense_product() -> None:
    x, weights, bias = RNG.standard_normal((3, 2, 4, 5)), RNG.standard_normal((3, 2, 4, 6)), RNG.standard_normal(6)
    y = OPS["conv"].forward(x, weights, bias, window=Window.of((3, 2)))
    matrix = weights.transpose(3, 2, 1, 0).reshape(6, -1)
    np.testing.assert_allclose(y.reshape(6, 5), OPS["dense"].forward(x, matrix, bias), atol=1e-12)


def test_normalising_with_the_statistics_of_the_batch_is_batch_normalisation() -> None:
    x, scale, offset = RNG.standard_normal((4, 3, 2, 5)), RNG.random((1, 1, 2)), RNG.random((1, 1, 2))
    y, mean, variance = OPS["batch_norm"].forward(x, scale, offset, epsilon=1e-3)
    stored = OPS["batch_norm_inference"].forward(x, scale, offset, mean, variance, epsilon=1e-3)
    np.testing.assert_allclose(stored, y, atol=1e-12)


def test_pooling_the_whole_image_is_global_pooling() -> None:
    x = RNG.standard_normal((4, 3, 2, 5))
    window = Window.of((4, 3))
    np.testing.assert_allclose(OPS["avg_pool"].forward(x, **counting(window, False)),
                               OPS["global_avg_pool"].forward(x), atol=1e-12)
    np.testing.assert_array_equal(OPS["max_pool"].forward(x, window=window), OPS["global_max_pool"].forward(x))
