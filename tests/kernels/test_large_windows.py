"""Kernels of windows too large for one step per tap, against the plain bodies; scratch by counting."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.geometry import Window, same_padding
from dltoolbox.kernels import KernelSpec, numba_support
from dltoolbox.kernels.base import candidates
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call, as_tuple
from tests.ops.sample import counting
from tests.ops.samples import dims_of
from tests.ops.test_large_windows import SIDES, drawn

ORDERS = {"rows": rows_order, "channels last": channels_last_order}
NAMES = ["max_pool", "max_pool_indices", "avg_pool"]


def bound(name: str, x: np.ndarray, window: Window, order: str, *, train: bool, threads: int = 1
          ) -> tuple[Trial, tuple, dict]:
    """The first choice for a use of a pooling op, the outputs of the op's body, and the attributes."""
    attrs = {"window": window, **(counting(window, False) if name == "avg_pool" else {})}
    outputs = as_tuple(OPS[name].forward(x, **attrs))
    case = KernelSpec(name, (dims_of(x),), tuple(map(dims_of, outputs)), (ORDERS[order](x.ndim),), attrs, x.dtype,
                      (True,) if train else (), threads)
    trial = bind_alone(candidates(case)[0], case, (x,), [y.dtype for y in outputs])
    for garbage in trial.memory.taken:
        garbage.view(np.uint8).fill(255)
    return trial, outputs, attrs


def compare(name: str, x: np.ndarray, window: Window, order: str, train: bool, threads: int = 1) -> None:
    trial, outputs, attrs = bound(name, x, window, order, train=train, threads=threads)
    exact = {"rtol": 2e-5, "atol": 2e-5} if name == "avg_pool" else {"rtol": 0}
    for _ in range(2):
        for found, wanted in zip(trial.forward(), outputs, strict=True):
            np.testing.assert_allclose(found, wanted, **exact)
    if train:
        grad = np.random.default_rng(0).standard_normal(outputs[0].shape).astype(x.dtype)
        grads = (grad, *(None,) * (len(outputs) - 1))
        np.copyto(trial.site.grad_outputs[0], grad)
        found, wanted = trial.backward(), OPS[name].backward(Call((x,), outputs, (True,)), *grads, **attrs)
        np.testing.assert_allclose(found[0], wanted[0], rtol=2e-5, atol=2e-5)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(60))
def test_any_window(name: str, seed: int) -> None:
    x, window = drawn(seed)
    whole = np.isfinite(OPS["avg_pool"].forward(np.zeros_like(x), **counting(window, False))).all()
    if name != "avg_pool" and not whole:
        return  # windows of nothing but padding have no gradient
    if name == "avg_pool":
        x = np.where(np.isfinite(x), x, 0)
        if not whole:
            return
    compare(name, x, window, list(ORDERS)[seed % 2], train=seed % 3 > 0, threads=1 + seed % 2)


@pytest.mark.parametrize(("size", "spatial"), [((70,), (300,)), ((9, 9), (20, 17)), ((40, 3), (25, 31)), ((1, 90), (3, 400)),
                                               ((5, 6, 7), (8, 9, 10)), ((101, 100), (10, 10))])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stride", [1, 3])
def test_many_lanes(name: str, size: tuple[int, ...], spatial: tuple[int, ...], order: str, stride: int) -> None:
    x = np.round(np.random.default_rng(1).standard_normal((*spatial, 5, 67)), 1).astype(np.float32)
    window = Window.of(size, [stride] * len(size), same_padding(spatial, size, [stride] * len(size)))
    compare(name, x, window, order, train=True, threads=2)


@pytest.mark.parametrize("name", NAMES)
def test_scratch_does_not_grow_with_the_window(name: str) -> None:
    x = np.zeros((256, 256, 3, 1), np.float32)
    for side in SIDES:
        window = Window.of((side, side), (1, 1), same_padding((256, 256), (side, side), (1, 1)))
        trial, _, _ = bound(name, x, window, "rows", train=True)
        assert trial.memory.scratch_bytes + trial.memory.keep_bytes < 16 * x.nbytes
        assert len(trial.memory.taken) < 40


FILTERS = {"whole image": ((9, 8), Window.of((9, 8))), "few positions": ((11, 9), Window.of((8, 7), (1, 2))),
           "padded": ((3, 4), Window.of((9, 9), (1, 1), ((5, 6), (4, 7)))),
           "dilated": ((21, 19), Window.of((5, 6), (3, 2), ((0, 1), (2, 0)), (4, 3))),
           "without overlap": ((130, 129), Window.of((64, 64), (65, 64))),
           "volume": ((7, 6, 8), Window.of((6, 6, 6), (1, 1, 2))), "signal": ((300,), Window.of((290,), (5,))),
           "many positions": ((30, 33), Window.of((16, 17), None, ((8, 7), (8, 8)))),
           "jumping": ((41, 43), Window.of((17, 16), (3, 2), ((8, 9), (0, 3)))),
           "jumping and dilated": ((61, 50), Window.of((17, 16), (4, 3), ((8, 9), (5, 8)), (2, 2))),
           "larger than the image": ((12, 13), Window.of((25, 27), None, ((12, 12), (13, 13)))),
           "volume of many": ((11, 9, 10), Window.of((8, 6, 6), None, ((4, 3), (3, 2), (0, 5))))}


@lru_cache(maxsize=1)  # memory orders follow one another
def filtered(label: str, transposed: bool, batch: int) -> tuple[tuple[np.ndarray, ...], Any, np.ndarray, Any]:
    """Inputs, the output, its gradient, and those of the inputs."""
    rng, (spatial, window) = np.random.default_rng(0), FILTERS[label]
    small, name = window.output(spatial), "conv_transposed" if transposed else "conv"
    x = rng.standard_normal((*(small if transposed else spatial), 4 if transposed else 3, batch))
    inputs = (x, rng.standard_normal((*window.size, 3, 4)), rng.standard_normal(3 if transposed else 4))
    (y,) = as_tuple(OPS[name].forward(*inputs, window=window))
    grad = rng.standard_normal(y.shape)
    return inputs, y, grad, OPS[name].backward(Call(inputs, (y,), (True,) * 3), grad, window=window)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("label", FILTERS)
def test_large_filters(label: str, transposed: bool, batch: int, order: str) -> None:
    window, name = FILTERS[label][1], "conv_transposed" if transposed else "conv"
    (x, *_), y, grad, wanted = inputs, *_ = filtered(label, transposed, batch)
    orders = (ORDERS[order](x.ndim), tuple(range(x.ndim)), (0,))
    case = KernelSpec(name, tuple(map(dims_of, inputs)), (dims_of(y),), orders, {"window": window}, x.dtype, (True,) * 3)
    for kernel in candidates(case):
        trial = bind_alone(kernel, case, inputs, grads=[grad])
        for garbage in trial.memory.taken:
            garbage.view(np.uint8).fill(255)
        np.testing.assert_allclose(trial.forward()[0], y, rtol=1e-10, atol=1e-10)
        for found, expected in zip(trial.backward(), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-8)


def test_filters_take_columns_of_one_row_of_the_image_not_of_windows() -> None:
    window = Window.of((127, 127), None, ((63, 63), (63, 63)))
    x, weights, bias = (np.zeros(shape, np.float32) for shape in ((128, 128, 3, 1), (127, 127, 3, 1), (1,)))
    case = KernelSpec("conv", tuple(map(dims_of, (x, weights, bias))), (dims_of(x[:, :, :1]),),
                      ((0, 1, 2, 3), (0, 1, 2, 3), (0,)), {"window": window}, x.dtype, (True, True, True))
    for kernel in candidates(case):
        trial = bind_alone(kernel, case, (x, weights, bias))
        assert len(trial.memory.taken) < 30
        assert trial.memory.scratch_bytes < 10 * weights.nbytes


def test_a_transposed_convolution_has_a_product_per_position_not_steps_per_tap() -> None:
    x, weights = np.ones((1, 1, 8, 1), np.float32), np.ones((256, 256, 1, 8), np.float32)
    inputs, y = tuple(map(dims_of, (x, weights, np.ones(1)))), dims_of(np.ones((256, 256, 1, 1)))
    case = KernelSpec("conv_transposed", inputs, (y,), ((0, 1, 2, 3), (0, 1, 2, 3), (0,)), {"window": Window.of((256, 256))},
                      x.dtype, (True, True, True))
    trial = bind_alone(candidates(case)[0], case, (x, weights, np.ones(1, np.float32)))
    assert len(trial.memory.taken) < 20
    assert trial.memory.scratch_bytes < 4 * weights.nbytes
    assert trial.forward()[0].tolist() == np.full((256, 256, 1, 1), 9).tolist()


@pytest.mark.skipif(not numba_support.available(), reason="needs Numba")
@pytest.mark.parametrize("name", ["max_pool", "max_pool_indices"])
def test_loops_over_all_taps_are_not_offered_large_windows(name: str) -> None:
    window = Window.of((1, 1001), (1, 1), ((0, 0), (500, 500)))
    x = np.zeros((1, 5000, 2, 1), np.float32)
    trial, _, _ = bound(name, x, window, "rows", train=False)
    assert not trial.kernel.accelerator
