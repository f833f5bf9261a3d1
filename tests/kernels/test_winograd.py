"""Winograd convolution against the plain body: ragged tiles, any padding and order, both tile sizes, how much is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import Kernel, KernelSpec, candidates
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call
from dltoolbox.ops.fused import Link, group
from tests.ops.samples import dims_of

SAME = ((1, 1), (1, 1))
NORM = {"epsilon": 1e-5}
CHAINS = ["conv+relu", "conv+batch_norm_inference", "conv+batch_norm_inference+relu"]
PADDINGS = [SAME, ((0, 0), (0, 0)), ((2, 0), (0, 1)), ((3, 0), (0, 4)), ((5, 6), (7, 3))]
ROUNDING = {"default": 3e-6, "fast": 3e-5}
ORDERS = {"channels last": channels_last_order, "rows": rows_order, "axes": lambda n: tuple(range(n))}
SHAPES = [((12, 14), 32, 32, 2), ((9, 11), 40, 34, 3), ((14, 14), 32, 64, 1), ((33, 6), 32, 96, 5), ((6, 5), 32, 33, 32)]


def made(shape: tuple[Any, ...], padding: Any = SAME, order: str = "channels last", precision: str = "default",
         threads: int = 1, train: bool = True, op: str = "conv",
         dtype: Any = np.float32) -> tuple[KernelSpec, list[np.ndarray]]:
    """A case of images (spatial, channels, filters, batch), and inputs in double precision."""
    spatial, channels, count, batch = shape
    rng, window = np.random.default_rng(0), Window.of((3, 3), padding=padding)
    inputs = [rng.standard_normal((*spatial, channels, batch)), rng.standard_normal((3, 3, channels, count)),
              rng.standard_normal((1, 1, count))]
    if "batch_norm_inference" in op:
        inputs += [rng.uniform(0.5, 2, (1, 1, count)) for _ in range(4)]
    attrs: dict[str, Any] = {"window": window}
    if "+" in op:
        links = [Link("conv", attrs, (0, 1, 2))]
        if "batch_norm_inference" in op:
            links.append(Link("batch_norm_inference", NORM, (len(inputs), 3, 4, 5, 6)))
        if "relu" in op:
            links.append(Link("relu", {}, (len(inputs) + len(links) - 1,)))
        attrs = {"links": tuple(links), "leaving": (len(inputs) + len(links) - 1,)}
    y = np.empty((*window.output(spatial), count, batch))
    needs = (True, True, True, *(False,) * (len(inputs) - 3)) if train else ()
    orders = (ORDERS[order](4), *(tuple(range(x.ndim)) for x in inputs[1:]))
    return KernelSpec(op, tuple(map(dims_of, inputs)), (dims_of(y),), orders, attrs, np.dtype(dtype), needs, threads,
                      precision), inputs


def chosen(case: KernelSpec) -> list[Kernel]:
    """The Winograd kernels of the case's precision."""
    return [one for one in candidates(case)
            if "Winograd" in one.name and one.name.startswith("Fast") == (case.precision == "fast")]


def body(case: KernelSpec) -> Any:
    return group(case.op) if "+" in case.op else OPS[case.op]


def assert_close(found: np.ndarray, exact: np.ndarray, tolerance: float) -> None:
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() < tolerance * np.abs(exact).max()


def spoilt(kernel: Kernel, case: KernelSpec, inputs: list[np.ndarray], grad: np.ndarray | None = None) -> Trial:
    """The kernel, bound, with garbage in all memory."""
    trial = bind_alone(kernel, case, [x.astype(np.float32) for x in inputs],
                       grads=None if grad is None else [grad.astype(np.float32)])
    for garbage in trial.memory.taken:
        garbage[...] = np.nan
    return trial


def check(case: KernelSpec, inputs: list[np.ndarray]) -> None:
    """Outputs and gradients of every kernel, twice."""
    y = np.asarray(body(case).forward(*inputs, **case.attrs)).reshape(case.outputs[0].sizes)
    grad = np.random.default_rng(1).standard_normal(y.shape)
    needs = case.needs_input_grad
    expected = body(case).backward(Call(tuple(inputs), (y,), needs), grad, **case.attrs) if needs else ()
    tolerance = ROUNDING[case.precision]
    for trial in [spoilt(kernel, case, inputs, grad) for kernel in chosen(case) for _ in range(2)]:
        assert len(trial.bound.forward) == case.threads
        assert_close(trial.forward()[0], y, tolerance)
        trial.forward()
        if case.needs_input_grad:
            np.copyto(trial.site.grad_outputs[0], grad)
            for need, a, b in zip(case.needs_input_grad, trial.backward(), expected, strict=True):
                if need:
                    assert_close(a, b, tolerance)


@pytest.mark.parametrize("precision", ["default", "fast"])
@pytest.mark.parametrize(("shape", "padding", "order"), [
    (shape, padding, list(ORDERS)[(i + j) % len(ORDERS)])
    for i, shape in enumerate(SHAPES) for j, padding in enumerate(PADDINGS)])
def test_agrees_with_the_plain_body(shape: Any, padding: Any, order: str, precision: str) -> None:
    check(*made(shape, padding, order, precision))


@pytest.mark.parametrize("precision", ["default", "fast"])
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_threads_share_an_image(shape: Any, threads: int, precision: str) -> None:
    check(*made(shape, precision=precision, threads=threads, train=False))


@pytest.mark.parametrize("precision", ["default", "fast"])
@pytest.mark.parametrize("op", CHAINS)
@pytest.mark.parametrize("shape", SHAPES)
def test_chains(shape: Any, op: str, precision: str) -> None:
    check(*made(shape, order="rows" if shape[3] > 2 else "channels last", op=op, precision=precision, train=op == CHAINS[0]))


def covered() -> set[Kernel]:
    """The kernels that the tests above choose."""
    return {kernel for shape in SHAPES for precision in ROUNDING for op in ("conv", *CHAINS)
            for kernel in chosen(made(shape, precision=precision, op=op, train=op in ("conv", CHAINS[0]))[0])}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("precision", ["default", "fast"])
@pytest.mark.parametrize("op", ["conv", "conv+relu", "conv+batch_norm_inference+relu"])
@pytest.mark.parametrize("shape", [((9, 11), 40, 192, 1), ((14, 7), 32, 256, 3), ((9, 9), 33, 129, 2)])
def test_threads_share_large_filters(shape: Any, op: str, precision: str, threads: int) -> None:
    check(*made(shape, precision=precision, threads=threads, train=False, op=op))


@pytest.mark.parametrize("wanted", [(False, True, True), (True, False, False), (False, False, True), (False, True, False)])
def test_only_wanted_gradients(wanted: tuple[bool, ...]) -> None:
    case, inputs = made(SHAPES[1])
    check(KernelSpec(**{**vars(case), "needs_input_grad": wanted}), inputs)


@pytest.mark.parametrize(("spatial", "window"), [
    ((64, 64), Window.of((3, 3), (2, 2))),
    ((64, 64), Window.of((3, 3), dilation=(2, 2))),
    ((64, 64), Window.of((5, 5))),
    ((2, 64), Window.of((3, 3))),
    ((64,), Window.of((3,))),
])
def test_other_windows_are_left_to_others(spatial: tuple[int, ...], window: Window) -> None:
    inputs = [np.empty((*spatial, 64, 4)), np.empty((*window.size, 64, 64)), np.empty((1,) * window.rank + (64,))]
    y = np.empty((*window.output(spatial), 64, 4))
    case = KernelSpec("conv", tuple(map(dims_of, inputs)), (dims_of(y),), tuple(tuple(range(x.ndim)) for x in inputs),
                      {"window": window}, np.dtype(np.float32), precision="fast")
    assert not any("Winograd" in one.name for one in candidates(case))


@pytest.mark.parametrize(("shape", "first"), [
    (((64, 64), 64, 64, 8), True),
    (((14, 14), 512, 512, 1), True),
    (((64, 64), 3, 64, 8), False),
    (((64, 64), 64, 4, 8), False),
    (((2, 2), 64, 64, 8), False),
])
def test_is_first_choice_where_it_pays(shape: Any, first: bool) -> None:
    assert ("Winograd" in candidates(made(shape)[0])[0].name) == first


def test_large_batches_stay_in_rows() -> None:
    case, _ = made(((8, 8), 64, 64, 32))
    assert candidates(case)[0].name == "WinogradRowsConv"
    assert candidates(case)[0].orders(case) == (rows_order(4),)


def test_double_precision_stays_exact() -> None:
    assert not any("Winograd" in one.name for one in candidates(made(SHAPES[0], dtype=np.float64)[0]))


def test_larger_roundings_are_a_choice() -> None:
    assert not any(one.name.startswith("Fast") for one in candidates(made(SHAPES[0])[0]))
