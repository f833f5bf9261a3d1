"""Batch normalisation kernels where float32 is at its limits, in both memory orders."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.kernels import Workspace, layout
from dltoolbox.kernels.normalisation import BatchNorm
from dltoolbox.ops import OPS, Call

BATCH_NORM = BatchNorm()


def sample(shape: tuple[int, ...], order: str, mean: float, spread: float) -> np.ndarray:
    axes = layout.rows_order(len(shape)) if order == "rows" else layout.channels_last_order(len(shape))
    x = np.random.default_rng(0).standard_normal(shape) * spread + mean
    return np.ascontiguousarray(x.astype(np.float32).transpose(axes)).transpose(layout.inverse(axes))


@pytest.mark.parametrize("order", ["rows", "channels_last"])
@pytest.mark.parametrize(("mean", "spread"), [(0, 1), (1e3, 1), (1e4, 0.5), (-3e5, 10), (1e-8, 1e-8)])
@pytest.mark.parametrize("shape", [(14, 13, 5, 16), (3, 40, 9), (5, 64)])
def test_statistics_at_the_limits(shape: tuple[int, ...], mean: float, spread: float, order: str) -> None:
    x = sample(shape, order, mean, spread)
    scale, offset = np.full(shape[-2], 1.5, np.float32), np.full(shape[-2], -0.5, np.float32)
    y, m, v = BATCH_NORM.forward(Workspace(), x, scale, offset, epsilon=1e-5)
    expected = OPS["batch_norm"].forward(x.astype(np.float64), scale, offset, epsilon=1e-5)
    np.testing.assert_allclose(m, expected[1], rtol=1e-6, atol=1e-6 * spread)
    np.testing.assert_allclose(v, expected[2], rtol=1e-4, atol=1e-15)
    np.testing.assert_allclose(y, expected[0], atol=1e-4)
    grad = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    call = Call((x, scale, offset), (y, m, v), (True,) * 3)
    exact = Call(tuple(a.astype(np.float64) for a in call.inputs), tuple(a.astype(np.float64) for a in call.outputs),
                 call.needs)
    expected = OPS["batch_norm"].backward(exact, grad.astype(np.float64), None, None, epsilon=1e-5)
    for a, b in zip(BATCH_NORM.backward(Workspace(), call, grad, None, None, epsilon=1e-5), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_a_first_row_far_from_the_mean_is_noticed() -> None:
    """The pivot is taken from the first row; a dark border must not ruin the variance."""
    x = sample((20, 20, 3, 8), "rows", 1e4, 1)
    x[0] = 0
    one = np.ones(3, np.float32)
    _, _, variance = BATCH_NORM.forward(Workspace(), x, one, one, epsilon=1e-5)
    np.testing.assert_allclose(variance, x.astype(np.float64).var((0, 1, 3)), rtol=1e-4)
    x = sample((400, 4, 3, 8), "rows", 3e4, 1)
    x[0] = 0
    _, _, variance = BATCH_NORM.forward(Workspace(), x, one, one, epsilon=1e-5)
    np.testing.assert_allclose(variance, x.astype(np.float64).var((0, 1, 3)), rtol=1e-4)


def test_a_constant_channel_has_no_variance() -> None:
    x = np.full((6, 5, 2, 4), 7, np.float32)
    one = np.ones(2, np.float32)
    y, mean, variance = BATCH_NORM.forward(Workspace(), x, one, one, epsilon=1e-5)
    assert mean.tolist() == [7, 7]
    assert variance.tolist() == [0, 0]
    np.testing.assert_array_equal(y, 1)
