"""Convolution kernels where the memory orders and the forms of columns meet: many channels, small and large batches."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import Workspace, layout
from dltoolbox.kernels.convolution import ConvKernel, ConvTransposedKernel, chunk_length, multiply_in_chunks
from dltoolbox.ops import OPS, Call

KERNELS = {"conv": ConvKernel(), "conv_transposed": ConvTransposedKernel()}
WINDOWS = {
    "same": Window.of((3, 3), (1, 1), ((1, 1), (1, 1))),
    "stride": Window.of((3, 2), (2, 2), ((1, 0), (0, 1))),
    "dilated": Window.of((2, 3), (1, 1), ((1, 1), (2, 2)), (2, 2)),
    "1x1": Window.of((1, 1)),
    "transposing": Window.of((4, 4), (2, 2), ((1, 1), (1, 1))),
}


def laid_out(x: np.ndarray, order: str) -> np.ndarray:
    """A copy in one of the two memory orders, or neither."""
    axes = {"rows": layout.rows_order(x.ndim), "channels_last": layout.channels_last_order(x.ndim),
            "C": tuple(range(x.ndim))}[order]
    return np.ascontiguousarray(x.transpose(axes)).transpose(layout.inverse(axes))


@pytest.mark.parametrize("order", ["rows", "channels_last", "C"])
@pytest.mark.parametrize("batch", [1, 8, 32])
@pytest.mark.parametrize(("channels", "filters"), [(3, 33), (33, 3), (33, 34), (4, 5)])
@pytest.mark.parametrize("label", WINDOWS)
@pytest.mark.parametrize("op", KERNELS)
def test_every_form(op: str, label: str, channels: int, filters: int, batch: int, order: str) -> None:
    window, rng = WINDOWS[label], np.random.default_rng(0)
    x = laid_out(rng.standard_normal((6, 7, channels, batch)), order)
    ends = (channels, filters) if op == "conv" else (filters, channels)
    weights, bias = rng.standard_normal((*window.size, *ends)), rng.standard_normal(filters)
    y = OPS[op].forward(x, weights, bias, window=window)
    work = Workspace()
    np.testing.assert_allclose(KERNELS[op].forward(work, x, weights, bias, window=window), y, atol=1e-10)
    grad = laid_out(rng.standard_normal(y.shape), order)
    call = Call((x, weights, bias), (y,), (True, True, True))
    expected = OPS[op].backward(call, grad, window=window)
    for a, b in zip(KERNELS[op].backward(work, call, grad, window=window), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10 * np.abs(b).max())


@pytest.mark.parametrize("op", KERNELS)
def test_gradients_that_nobody_needs_are_not_made(op: str) -> None:
    window, x, w = Window.of((2, 2)), np.ones((4, 4, 2, 3)), np.ones((2, 2, 2, 2))
    y = OPS[op].forward(x, w, np.ones(2), window=window)
    found = KERNELS[op].backward(Workspace(), Call((x, w, np.ones(2)), (y,), (False, True, False)), y, window=window)
    assert [g is None for g in found] == [True, False, True]


@pytest.mark.parametrize("batch", [1, 64])
def test_blocks_of_rows_join(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scratch limit that forces one row per block gives what one block gives."""
    rng, window = np.random.default_rng(0), WINDOWS["stride"]
    x, w, bias = rng.standard_normal((11, 9, 4, batch)), rng.standard_normal((3, 2, 4, 5)), rng.standard_normal(5)
    whole = [kernel.forward(Workspace(), x, weights, bias, window=window)
             for kernel, weights in zip(KERNELS.values(), (w, w.swapaxes(2, 3)), strict=True)]
    monkeypatch.setattr("dltoolbox.kernels.convolution.COLUMN_BYTES", 1)
    for kernel, weights, y in zip(KERNELS.values(), (w, w.swapaxes(2, 3)), whole, strict=True):
        np.testing.assert_allclose(kernel.forward(Workspace(), x, weights, bias, window=window), y, atol=1e-12)


def test_chunks_are_divisors() -> None:
    assert chunk_length(1792, 868) == 448
    assert chunk_length(500, 1000) == 500
    assert chunk_length(1009, 500) == 1009  # a prime
    rng = np.random.default_rng(0)
    matrix, columns = rng.standard_normal((40, 72)), rng.standard_normal((3, 72, 1792))
    out = np.empty((3, 40, 1792))
    multiply_in_chunks(matrix, columns, out)
    np.testing.assert_allclose(out, matrix @ columns, atol=1e-10)


def test_results_lie_as_the_next_kernel_wants_them() -> None:
    window, work = WINDOWS["same"], Workspace()
    for batch, filters in ((1, 64), (8, 64), (8, 4), (64, 64)):
        x = np.ones((8, 8, 3, batch), np.float32)
        y = KERNELS["conv"].forward(work, x, np.ones((3, 3, 3, filters), np.float32), np.ones(filters, np.float32),
                                    window=window)
        assert layout.lies_in(y, layout.preferred_order(y.shape))
