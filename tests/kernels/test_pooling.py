"""Pooling kernels where values are special (ties, NaN, infinities, padding, indices that no window made), and on maps of
many parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS, Kernel, KernelSpec, blocking
from dltoolbox.kernels.blocking import copying
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.pool.unpool import likely_window
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call, as_tuple
from tests.kernels.test_kernels import in_turns
from tests.ops.sample import counting
from tests.ops.samples import EMPTY, WINDOWS, dims_of

ORDERS = {"rows": rows_order, "channels last": channels_last_order, "Fortran": lambda n: tuple(reversed(range(n)))}
BODIES = [pytest.param(kernel, id=f"{kernel.op}{'-' * bool(kernel.accelerator)}{kernel.accelerator}")
          for op in ("max_pool", "max_pool_indices", "max_pool_taps") for kernel in KERNELS[op]]
UNPOOLS = [pytest.param(kernel, id=f"{kernel.name}{'-' * bool(kernel.accelerator)}{kernel.accelerator}")
           for kernel in KERNELS["max_unpool"]]


EVERY = WINDOWS | {f"empty, {label}": case for label, case in EMPTY.items()}


def special(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    if kind == "ties":
        return np.round(x)
    if kind == "zeros":
        return np.where(x > 0, np.float32(0), np.float32(-0.0))
    if kind == "-inf":
        return np.full(shape, -np.inf, np.float32)
    x[rng.random(shape) < 0.2] = {"nan": np.nan, "inf": np.inf, "some -inf": -np.inf}[kind]
    return x


def case_of(kernel: Kernel, inputs: tuple[np.ndarray, ...], outputs: Any, attrs: dict[str, Any], order: str,
            threads: int) -> KernelSpec:
    orders = tuple(ORDERS[order](x.ndim) if x.ndim > 1 else (0,) for x in inputs)
    return KernelSpec(kernel.op, tuple(map(dims_of, inputs)), tuple(map(dims_of, outputs)), orders, attrs,
                      np.dtype(inputs[0].dtype), (True, *(False,) * (len(inputs) - 1)), threads)


def bound(kernel: Kernel, inputs: tuple[np.ndarray, ...], outputs: Any, grad: np.ndarray, attrs: dict[str, Any],
          order: str = "rows", threads: int = 1) -> Trial:
    """The kernel on these inputs, with the types of outputs that the op's own body has."""
    case = case_of(kernel, inputs, outputs, attrs, order, threads)
    if not kernel.accepts(case):
        pytest.skip("left to another kernel")
    return bind_alone(kernel, case, inputs, [y.dtype for y in outputs], [grad, *[None] * (len(outputs) - 1)])


def assert_as_the_op(kernel: Kernel, x: np.ndarray, window: Window, order: str = "rows", threads: int = 1,
                     grad: np.ndarray | None = None) -> None:
    """Outputs exactly, gradients up to the order of sums."""
    outputs = as_tuple(OPS[kernel.op].forward(x, window=window))
    grad = np.random.default_rng(1).standard_normal(outputs[0].shape).astype(np.float32) if grad is None else grad
    nothing = [None] * (len(outputs) - 1)
    (expected,) = OPS[kernel.op].backward(Call((x,), outputs, (True,)), grad, *nothing, window=window)
    trial = bound(kernel, (x,), outputs, grad, {"window": window}, order, threads)
    for _ in range(2):
        for mine, y in zip(trial.forward(), outputs, strict=True):
            np.testing.assert_array_equal(mine, y)
    np.testing.assert_allclose(trial.backward()[0], expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["ties", "zeros", "nan", "inf", "-inf", "some -inf"])
@pytest.mark.parametrize("label", EVERY)
@pytest.mark.parametrize("kernel", BODIES)
def test_special_values_as_the_plain_body(kernel: Kernel, label: str, kind: str) -> None:
    spatial, window = EVERY[label]
    assert_as_the_op(kernel, special(kind, (*spatial, 3, 4)), window)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("label", ["2x2", "3x3-stride2", "3x3-same"])
@pytest.mark.parametrize("kernel", BODIES)
def test_gradients_that_are_not_finite_stay_where_they_belong(kernel: Kernel, label: str, value: float) -> None:
    spatial, window = WINDOWS[label]
    x = special("ties", (*spatial, 2, 3))
    grad = np.ones_like(OPS["max_pool"].forward(x, window=window))
    grad[0, 0] = value
    assert_as_the_op(kernel, x, window, grad=grad)


@pytest.mark.parametrize(("kernel", "label", "order", "threads", "size"), in_turns(
    [pytest.param(*body.values, label, id=f"{body.id}-{label}") for body in BODIES for label in EVERY],
    [[(order, threads, size) for size in (1, 60, 400)] for order in ORDERS for threads in (1, 3)]))
def test_parts_of_any_size(kernel: Kernel, label: str, order: str, threads: int, size: int,
                           monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PART": size, "MOST_LANES": 2, "HALO": 2, "RUN": 8, "LONGEST_RUN": 24}.items():
        monkeypatch.setattr(blocking, name, value)
    spatial, window = EVERY[label]
    assert_as_the_op(kernel, special("nan" if size == 60 else "ties", (*(2 * n for n in spatial), 3, 5)), window, order,
                     threads)


def test_gradients_of_windows_of_very_many_taps_are_left_to_the_op_in_double_precision() -> None:
    x = special("ties", (19, 18, 2, 2))
    window = Window.of((17, 16))
    y = OPS["max_pool"].forward(x, window=window)
    case = KernelSpec("max_pool", (dims_of(x),), (dims_of(y),), (rows_order(4),), {"window": window}, x.dtype)
    (kernel,) = {type(one): one for one in KERNELS["max_pool"] if not one.accelerator}.values()
    np.testing.assert_array_equal(bind_alone(kernel, case, (x,)).forward()[0], y)
    for kind in (np.float32, np.float64):  # values and positions of single precision fit 64 bits together
        assert kernel.accepts(replace(case, dtype=np.dtype(kind), needs_input_grad=(True,))) == (kind is np.float32)


@pytest.mark.parametrize("kernel", BODIES)
def test_a_window_wider_than_the_image(kernel: Kernel) -> None:
    """Taps of neighbouring rows have the same distance; the padding must tell them apart."""
    assert_as_the_op(kernel, special("ties", (4, 3, 2, 3)), Window.of((2, 4), padding=((1, 0), (1, 1))))


EMPTY_PHASES = [((2, 2), Window.of((3, 3), (3, 3), ((0, 1), (0, 1)))),
                ((1, 2), Window.of((2, 3), (2, 3), ((1, 0), (1, 0)))),
                ((1, 1, 1), Window.of((2, 2, 2), (2, 2, 2), ((0, 1),) * 3)),
                ((3, 3, 3), Window.of((3, 3, 3), (1, 1, 1), ((2, 2),) * 3)),
                ((2, 1), Window.of((5, 4), (1, 1), ((4, 4), (3, 3)))),
                ((2, 2), Window.of((4, 4), (3, 3), ((1, 2), (1, 2)))), *EMPTY.values()]


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("spatial", "window"), EMPTY_PHASES, ids=str)
@pytest.mark.parametrize("op", ["max_pool", "max_pool_indices", "max_pool_taps", "avg_pool", "max_unpool_taps"])
def test_taps_that_meet_nothing_but_padding(op: str, spatial: tuple[int, ...], window: Window, order: str,
                                            batch: int) -> None:
    """On small maps, whole phases of a stride lie in the padding, and maps of padding are wider than the image."""
    x = special("ties", (*spatial, 3, batch))
    inputs, attrs = (x,), {"window": window, **(counting(window, False) if op == "avg_pool" else {})}
    if op == "max_unpool_taps":
        inputs, attrs = OPS["max_pool_taps"].forward(x, window=window), {**attrs, "to": dims_of(x)}
    outputs = as_tuple(OPS[op].forward(*inputs, **attrs))
    grad, nothing = special("ties", outputs[0].shape), [None] * (len(outputs) - 1)
    expected = OPS[op].backward(Call(inputs, outputs, (True, *(False,) * (len(inputs) - 1))), grad, *nothing, **attrs)
    for kernel in KERNELS[op]:
        case = case_of(kernel, inputs, outputs, attrs, order, 1)
        if kernel.accepts(case):
            trial = bound(kernel, inputs, outputs, grad, attrs, order)
            for mine, y in zip(trial.forward(), outputs, strict=True):
                np.testing.assert_allclose(mine, y, atol=1e-6)
            np.testing.assert_allclose(trial.backward()[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("size", [(17, 16), (300, 257), (2, 2, 3), (40, 44, 40)])
@pytest.mark.parametrize("kernel", [one for one in BODIES if one.values[0].op == "max_pool_indices"])
def test_positions_of_any_width(kernel: Kernel, size: tuple[int, ...]) -> None:
    """8, 16 and 32 bits hold the positions of maps of these sizes, and of taps relative to one another."""
    rank = len(size)
    assert_as_the_op(kernel, special("ties", (*size, 1, 2)), Window.of((3, 2, 2)[:rank], (1, 2, 2)[:rank],
                                                                       ((1, 1),) + ((0, 0),) * (rank - 1)))


def assert_unpools(kernel: Kernel, x: np.ndarray, at: np.ndarray, size: tuple[int, ...], grad: np.ndarray) -> None:
    to, inputs = Dims("SSCB", size), (x, at, np.array(size))
    y = OPS["max_unpool"].forward(*inputs, to=to)
    (expected, _, _) = OPS["max_unpool"].backward(Call(inputs, (), (True, False, False)), grad, to=to)
    trial = bound(kernel, inputs, (y,), grad, {"to": to})
    for _ in range(2):
        np.testing.assert_array_equal(trial.forward()[0], y)
    np.testing.assert_array_equal(trial.backward()[0], expected)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("kind", ["ties", "nan", "inf"])
@pytest.mark.parametrize("pattern", ["pooled", "none", "anywhere", "repeated"])
@pytest.mark.parametrize("kernel", UNPOOLS)
def test_unpooling_any_indices(kernel: Kernel, pattern: str, kind: str, dtype: Any) -> None:
    x, size, rng = special(kind, (3, 4, 2, 5)), (6, 8, 2, 5), np.random.default_rng(0)
    if pattern in ("pooled", "none"):
        _, at = OPS["max_pool_indices"].forward(rng.standard_normal(size), window=Window.of((2, 2), (2, 2)))
    else:
        at = rng.integers(0, 48 if pattern == "anywhere" else 3, x.shape)
    if pattern == "none":
        at = np.where(rng.random(at.shape) < 0.3, -1, at)
    assert_unpools(kernel, x, at.astype(dtype), size, special(kind, size))


@pytest.mark.parametrize("second", [7, 8, 4])
@pytest.mark.parametrize("kernel", UNPOOLS)
def test_indices_of_other_windows_are_not_taken_for_taps(kernel: Kernel, second: int) -> None:
    at = np.array([[0, second], [9, 15]])[..., None, None]
    assert_unpools(kernel, special("ties", (2, 2, 1, 1)) + 1, at, (4, 4, 1, 1), special("inf", (4, 4, 1, 1)))


@pytest.mark.parametrize("wrong", [-2, 24, 1 << 40])
@pytest.mark.parametrize("kernel", UNPOOLS)
def test_an_index_out_of_range_is_an_error(kernel: Kernel, wrong: int) -> None:
    at, size = np.array([[0, 2, 4], [12, 14, 16]])[:, :, None, None].copy(), (4, 6, 1, 1)
    at[1, 2] = wrong
    trial = bound(kernel, (np.ones(at.shape, np.float32), at, np.array(size)), (np.ones(size, np.float32),),
                  np.ones(size, np.float32), {"to": Dims("SSCB", size)})
    with pytest.raises(DltoolboxError) as caught:
        trial.forward()
    assert caught.value.identifier == "dltoolbox:maxUnpooling:indexOutOfRange"


def test_a_size_that_no_window_explains() -> None:
    assert likely_window((2, 2), (4, 4)) == Window.of((2, 2), (2, 2))
    assert likely_window((3,), (2,)) is None
    assert likely_window((1,), (65,)) is None


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_copying_any_strides(axes: tuple[int, ...]) -> None:
    source = np.random.default_rng(0).standard_normal((4, 6, 16))
    for cut in (np.s_[:], np.s_[::2], np.s_[:, 1:4], np.s_[:, ::3], np.s_[..., ::2], np.s_[1:2, :, 3:4], np.s_[:0]):
        there = source.transpose(axes)[cut]
        target = np.zeros_like(source).transpose(axes)[cut]
        copying(target, there)()
        np.testing.assert_array_equal(target, there)
