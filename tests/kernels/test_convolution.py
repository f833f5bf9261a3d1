"""Convolution kernels where the memory orders and the forms of columns meet: many channels, small and large batches."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import Kernel, KernelSpec, memory_format
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.conv.adjoint import Dimension
from dltoolbox.kernels.conv.conv import ConvKernel, ConvTransposedKernel
from dltoolbox.kernels.conv.gemm import CHUNKS, multiply_columns
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call
from tests.kernels.test_kernels import in_turns
from tests.ops.samples import dims_of

KERNELS = {"conv": ConvKernel(), "conv_transposed": ConvTransposedKernel()}
WINDOWS = {
    "same": Window.of((3, 3), (1, 1), ((1, 1), (1, 1))),
    "stride": Window.of((3, 2), (2, 2), ((1, 0), (0, 1))),
    "dilated": Window.of((2, 3), (1, 1), ((1, 1), (2, 2)), (2, 2)),
    "1x1": Window.of((1, 1)),
    "transposing": Window.of((4, 4), (2, 2), ((1, 1), (1, 1))),
}
ORDERS = {"rows": memory_format.rows_order, "channels_last": memory_format.channels_last_order,
          "axes": lambda n: tuple(range(n))}


def case_of(op: str, inputs: tuple[np.ndarray, ...], window: Window, order: str = "rows", **more: Any) -> KernelSpec:
    orders = (ORDERS[order](inputs[0].ndim), *(tuple(range(x.ndim)) for x in inputs[1:]))
    y = OPS[op].forward(*inputs, window=window)
    return KernelSpec(op, tuple(map(dims_of, inputs)), (dims_of(y),), orders, {"window": window}, inputs[0].dtype, **more)


def trained(op: str, inputs: tuple[np.ndarray, ...], window: Window, order: str = "rows",
            needs: tuple[bool, ...] = (True, True, True), kernel: Kernel | None = None) -> Trial:
    """A trial that has run both ways, with the same gradient for the same sizes, checked against the plain body."""
    case = case_of(op, inputs, window, order, needs_input_grad=needs)
    y = OPS[op].forward(*inputs, window=window)
    grad = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    trial = bind_alone(kernel or KERNELS[op], case, inputs, grads=[grad])
    for array in trial.memory.taken:
        array[...] = np.nan
    np.testing.assert_allclose(trial.forward()[0], y, atol=1e-10)
    expected = OPS[op].backward(Call(inputs, (y,), needs), grad, window=window)
    for found, wanted, need in zip(trial.backward(), expected, needs, strict=True):
        assert (found is not None) == need
        if found is not None:
            np.testing.assert_allclose(found, wanted, atol=1e-10 * np.abs(wanted).max())
    return trial


def random_inputs(op: str, window: Window, channels: int, filters: int, batch: int, spatial: tuple[int, ...] = (6, 7)
                  ) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    ends = (channels, filters) if op == "conv" else (filters, channels)
    return (rng.standard_normal((*spatial, channels, batch)), rng.standard_normal((*window.size, *ends)),
            rng.standard_normal(filters))


@pytest.mark.parametrize(("op", "label", "channels", "filters", "batch", "order"), in_turns(
    [pytest.param(op, label, *sizes, id=f"{op}-{label}-{sizes[0]}-{sizes[1]}") for op in KERNELS for label in WINDOWS
     for sizes in ((3, 33), (33, 3), (33, 34), (4, 5), (16, 32), (17, 48))],
    [[(batch, order) for order in ORDERS] for batch in (1, 8, 32)]))
def test_every_form(op: str, label: str, channels: int, filters: int, batch: int, order: str) -> None:
    window = WINDOWS[label]
    trained(op, random_inputs(op, window, channels, filters, batch), window, order)


@pytest.mark.parametrize("needs", [(False, True, True), (True, False, False), (False, True, False), (True, False, True)])
@pytest.mark.parametrize("label", WINDOWS)
@pytest.mark.parametrize("op", KERNELS)
def test_gradients_that_nobody_needs_are_not_made(op: str, label: str, needs: tuple[bool, ...]) -> None:
    window = WINDOWS[label]
    trained(op, random_inputs(op, window, 3, 4, 16), window, needs=needs)


@pytest.mark.parametrize("order", ["rows", "channels_last"])
@pytest.mark.parametrize("label", WINDOWS)
@pytest.mark.parametrize("op", KERNELS)
def test_blocks_of_rows_join(op: str, label: str, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that force one row per block, and few rows per sum, give what one block gives."""
    monkeypatch.setattr("dltoolbox.kernels.conv.im2col.COLUMN_BYTES", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.gemm.PART_BYTES", 1)
    monkeypatch.setattr("dltoolbox.kernels.conv.gemm.SMALL_PRODUCT", 10000)
    window = WINDOWS[label]
    for batch in (1, 64):
        trained(op, random_inputs(op, window, 16, 16, batch, (11, 9)), window, order)


@pytest.mark.parametrize("order", ["rows", "channels_last"])
@pytest.mark.parametrize("label", WINDOWS)
def test_several_threads_share_the_rows_of_one_observation(label: str, order: str) -> None:
    window = WINDOWS[label]
    inputs = random_inputs("conv", window, 3, 32, 1, (13, 12))
    case = case_of("conv", inputs, window, order)
    one, three = (bind_alone(ConvKernel(), replace(case, threads=threads), inputs) for threads in (1, 3))
    assert len(three.bound.forward) == 3
    np.testing.assert_allclose(three.forward()[0], one.forward()[0], atol=1e-12)


def test_memory_does_not_grow_with_the_image() -> None:
    window = WINDOWS["same"]
    for op in KERNELS:
        sizes = []
        for rows in (100, 400):
            inputs = random_inputs(op, window, 16, 16, 16, (rows, 40))
            case = case_of(op, inputs, window, needs_input_grad=(True, True, True))
            sizes.append(bind_alone(KERNELS[op], case, inputs).memory.scratch_bytes)
        assert sizes[1] < 1.1 * sizes[0]


@pytest.mark.parametrize(("size", "stride", "dilation", "before"), [
    (3, 1, 1, 1), (3, 2, 1, 1), (4, 2, 1, 1), (2, 3, 1, -1), (3, 2, 2, 0), (5, 3, 2, 4), (1, 2, 1, 0), (3, 4, 6, 2)])
def test_phases_of_an_adjoint_cover_every_tap_once(size: int, stride: int, dilation: int, before: int) -> None:
    one = Dimension.of(size, stride, dilation, before)
    found = {}
    for share in one.shares:
        for tap, element in zip(range(size)[share.of], range(one.size)[share.become], strict=True):
            found[tap] = element * one.dilation - one.before, share.phase
    for tap in range(size):  # y[offset] adds to x[phase] by this tap
        offset, phase = found[tap]
        assert offset * stride + tap * dilation - before == phase


AXES = list(product(range(1, 6), range(1, 4), range(1, 5)))  # filter, stride, dilation


@pytest.mark.parametrize("first", AXES, ids=str)
def test_adjoints_of_every_stride_and_dilation(first: tuple[int, int, int]) -> None:
    """All pairs of axes, and some triples, with scratch full of NaN: the gradient of a convolution, and a transposed one."""
    number = AXES.index(first)
    others = [*((second,) for second in AXES), *((AXES[(7 * i + number) % 60], AXES[(11 * i) % 60]) for i in range(6)), ()]
    for i, rest in enumerate(others, number):
        size, stride, dilation = zip(first, *rest, strict=True)
        window = Window.of(size, stride, [((i + k) % 3, (i // 3 + k) % 2) for k in range(len(size))], dilation)
        spatial = tuple(max(1, e - sum(p) + (i + k) % 5) for k, (e, p) in enumerate(zip(window.extent, window.padding,
                                                                                    strict=True)))
        batch, order = (1, 3, 33)[i % 3], ("rows", "channels_last")[i % 2]
        trained("conv", random_inputs("conv", window, 3, 2, batch, spatial), window, order, (True, False, False))
        if i % 4 == 0:
            small = tuple(max(n, -(-(sum(p) - e) // s) + 1) for n, p, e, s in zip(
                window.output(spatial), window.padding, window.extent, window.stride, strict=True))
            trained("conv_transposed", random_inputs("conv_transposed", window, 3, 2, batch, small), window, order,
                    (False, False, False))


def test_chunks_are_divisors() -> None:
    assert divisor(1792, 868, *CHUNKS) == 448
    assert divisor(500, 1000, *CHUNKS) == 500
    assert divisor(1009, 500, *CHUNKS) == 1009  # a prime
    rng = np.random.default_rng(0)
    matrix, columns = rng.standard_normal((40, 72)), rng.standard_normal((3, 72, 1792))
    out = np.empty((3, 40, 1792))
    multiply_columns(matrix, columns, out)()
    np.testing.assert_allclose(out, matrix @ columns, atol=1e-10)


def test_results_lie_as_the_next_kernel_wants_them() -> None:
    window = WINDOWS["same"]
    for batch, filters in ((1, 64), (8, 64), (8, 4), (64, 64)):
        inputs = random_inputs("conv", window, 3, filters, batch, (8, 8))
        y = bind_alone(ConvKernel(), case_of("conv", inputs, window), inputs).forward()[0]
        assert memory_format.lies_in(y, memory_format.preferred_order(y.shape))
