"""Every kernel, and every twin of it, against the plain body of its op: every sample, both precisions, any batch and
memory order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.random import rng as restart
from dltoolbox.kernels import KERNELS, Kernel, KernelSpec, Order, numba_support
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops import Call, as_tuple
from tests.ops import samples
from tests.ops.chains import CHAINS
from tests.ops.samples import CASES, cotangent, dims_of, input_dims, op_of

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-11}
ORDERS = {"rows": rows_order, "channels last": channels_last_order, "axes": lambda n: tuple(range(n)),
          "Fortran": lambda n: tuple(reversed(range(n)))}


def usable(op: str) -> list[Kernel]:
    """The kernels of an op whose accelerator is installed."""
    return [one for one in KERNELS[op] if not one.accelerator or numba_support.available()]


def use_of(sample: samples.Case, batch: int, dtype: Any = np.float64, order: str = "rows", train: bool = True) -> KernelSpec:
    """The case that a program would hand to a kernel for this sample."""
    inputs, attrs = sample.inputs(batch, dtype), sample.attributes(batch)
    orders: list[Order] = [ORDERS[order](x.ndim) if i in sample.batched and x.ndim > 1 else tuple(range(x.ndim))
                           for i, x in enumerate(inputs)]
    outputs = as_tuple(op_of(sample).forward(*inputs, **attrs))
    needs = tuple(i in sample.differentiable for i in range(len(inputs))) if train else ()
    return KernelSpec(sample.op, input_dims(sample, inputs), tuple(dims_of(y) for y in outputs), tuple(orders), attrs,
                      np.dtype(dtype), needs)


PAIRS = [pytest.param(kernel, sample, id=f"{kernel.name}-{sample}") for sample in (*CASES, *CHAINS)
         for kernel in KERNELS.get(sample.op, []) if any(kernel.accepts(use_of(sample, 2, dtype)) for dtype in TOLERANCE)]


def taken(kernel: Kernel, sample: samples.Case, dtype: Any = np.float64) -> Any:
    """The precision, or the other one where a kernel takes only that."""
    return next(one for one in (dtype, *TOLERANCE) if kernel.accepts(use_of(sample, 2, one)))


def in_turns(pairs: Iterable[Any], settings: Iterable[Sequence[Any]]) -> list[Any]:
    """Every pair with one of each group of settings, neighbours with others: all with all would prove no more."""
    found = []
    for turn, pair in enumerate(pairs):
        for number, group in enumerate(settings):
            setting = group[(turn + number) % len(group)]
            texts = (part.__name__ if isinstance(part, type) else str(part) for part in setting)
            found.append(pytest.param(*pair.values, *setting, id="-".join((pair.id, *texts))))
    return found


def expected(sample: samples.Case, batch: int, dtype: Any) -> tuple[list[Any], list[Any], list[np.ndarray | None]]:
    """Outputs and gradients by the op's own body, and the gradients that were put in."""
    restart(0)
    op, inputs, attrs = op_of(sample), sample.inputs(batch, dtype), sample.attributes(batch)
    outputs = as_tuple(op.forward(*inputs, **attrs))
    grads: list[np.ndarray | None] = [None] * len(outputs)
    grads[0] = cotangent(sample, outputs[0])[0]
    needs = tuple(i in sample.differentiable for i in range(len(inputs)))
    found = op.backward(Call(inputs, outputs, needs), *grads, **attrs) if any(needs) else (None,) * len(inputs)
    return list(outputs), [g if need else None for g, need in zip(found, needs, strict=True)], grads


def assert_same(found: Any, wanted: Any, tolerance: float) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape
            scale = max(1.0, float(np.abs(b).max(initial=0, where=np.isfinite(b))))
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


def compare(kernel: Kernel, sample: samples.Case, batch: int, dtype: Any, order: str) -> None:
    outputs, gradients, grads = expected(sample, batch, dtype)
    restart(0)
    trial = bind_alone(kernel, use_of(sample, batch, dtype, order), sample.inputs(batch, dtype),
                       [y.dtype for y in outputs], grads)
    for garbage in trial.memory.taken:  # scratch may hold anything
        if garbage.dtype.kind == "f":
            garbage[...] = np.nan
    for _ in range(2):  # a second run must not find what the first left behind
        restart(0)
        assert_same(trial.forward(), outputs, TOLERANCE[dtype])
    for grad, given in zip(trial.site.grad_outputs, grads, strict=True):
        if grad is not None and given is not None:
            np.copyto(grad, given)
    assert_same(trial.backward(), gradients, TOLERANCE[dtype])


AGREE = [use for use in in_turns(PAIRS, [[(batch, dtype) for dtype in TOLERANCE] for batch in (0, 1, 3, 32)])
         if use.values[2] or not use.values[0].op.partition("+")[0].endswith("batch_norm")]  # nothing has no statistics


@pytest.mark.parametrize(("kernel", "sample", "batch", "dtype"), AGREE)
def test_agrees_with_the_plain_body(kernel: Kernel, sample: samples.Case, batch: int, dtype: Any) -> None:
    compare(kernel, sample, batch, taken(kernel, sample, dtype), "rows")


@pytest.mark.parametrize(("kernel", "sample", "order", "batch"), in_turns(
    PAIRS, [[(order, batch) for batch in (2, 33)] for order in ("channels last", "axes", "Fortran")]))
def test_any_memory_order(kernel: Kernel, sample: samples.Case, order: str, batch: int) -> None:
    compare(kernel, sample, batch, taken(kernel, sample), order)


@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_inference_without_gradients(kernel: Kernel, sample: samples.Case) -> None:
    outputs, _, _ = expected(sample, 3, np.float32)
    case = use_of(sample, 3, np.float32, train=False)
    if not kernel.accepts(case):
        pytest.skip("left to another kernel")
    restart(0)
    trial = bind_alone(kernel, case, sample.inputs(3, np.float32), [y.dtype for y in outputs])
    assert_same(trial.forward(), outputs, TOLERANCE[np.float32])
    assert not trial.bound.backward


@pytest.mark.parametrize(("kernel", "sample"), PAIRS)
def test_inputs_are_never_modified(kernel: Kernel, sample: samples.Case) -> None:
    dtype = taken(kernel, sample)
    outputs, _, grads = expected(sample, 2, dtype)
    trial = bind_alone(kernel, use_of(sample, 2, dtype), sample.inputs(2, dtype), [y.dtype for y in outputs], grads)
    for x in trial.site.inputs:
        x.flags.writeable = False
    trial.forward()
    trial.backward()
