"""Every kernel against the plain body of its op: every sample, both precisions, any batch and memory order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.core.random import rng as restart
from dltoolbox.kernels import KERNELS, Kernel, Workspace
from dltoolbox.kernels.winograd import WinogradConv
from dltoolbox.ops import OPS, Call, as_tuple
from dltoolbox.ops.base import ghost
from tests.ops.samples import CASES, Case, cotangent, dims_of, frozen, layouts

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-11}
PAIRS = [pytest.param(kernel, case, id=f"{type(kernel).__name__}-{case}")
         for case in CASES for kernel in KERNELS.get(case.op, [])
         if kernel.accepts([dims_of(x) for x in case.inputs(2)], case.attributes(2))]


def recorded(kernel: Kernel, inputs: tuple[np.ndarray, ...], outputs: Any, needs: tuple[bool, ...]) -> Call:
    """The call as the kernel's gradient sees it: what it does not read is a ghost."""
    kept = as_tuple(outputs)
    return Call(inputs if "inputs" in kernel.reads else tuple(ghost(x) for x in inputs),
                kept if "outputs" in kernel.reads else tuple(ghost(y) for y in kept), needs)


def run(kernel: Kernel, work: Workspace, case: Case, inputs: tuple[np.ndarray, ...], batch: int,
        order: str = "C") -> list[np.ndarray]:
    """Outputs, then gradients of the differentiable inputs."""
    restart(0)
    attrs = case.attributes(batch)
    outputs = kernel.forward(work, *inputs, **attrs)
    for y in as_tuple(outputs):
        y.flags.writeable = False
    grads = [g if g is None else dict(layouts(g))[order] for g in cotangent(case, outputs)]
    needs = tuple(i in case.differentiable for i in range(len(inputs)))
    found = kernel.backward(work, recorded(kernel, inputs, outputs, needs), *grads, **attrs)
    assert len(found) == len(inputs)
    return [*as_tuple(outputs), *(found[number] for number in case.differentiable)]


def plain(op: str) -> Kernel:
    body = Kernel()
    body.op = op
    return body


def assert_same(found: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype or (a.dtype, b.dtype) == (np.int32, np.int64)  # indices may be shorter
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max(initial=0))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [0, 1, 3, 32])
@pytest.mark.parametrize(("kernel", "case"), PAIRS)
def test_agrees_with_the_plain_body(kernel: Kernel, case: Case, batch: int, dtype: Any) -> None:
    if batch == 0 and case.op == "batch_norm":
        return  # the statistics of nothing do not exist
    inputs = case.inputs(batch, dtype)
    work = Workspace()
    expected = run(plain(case.op), work, case, inputs, batch)
    assert_same(run(kernel, work, case, inputs, batch), expected, TOLERANCE[dtype])


@pytest.mark.parametrize("order", ["Fortran", "spaced", "reversed"])
@pytest.mark.parametrize("batch", [2, 33])
@pytest.mark.parametrize(("kernel", "case"), PAIRS)
def test_any_memory_order(kernel: Kernel, case: Case, batch: int, order: str) -> None:
    inputs = case.inputs(batch)
    arranged = tuple(dict(layouts(x))[order] for x in inputs)
    expected = run(plain(case.op), Workspace(), case, inputs, batch)
    assert_same(run(kernel, Workspace(), case, arranged, batch, order), expected, TOLERANCE[np.float64])


@pytest.mark.parametrize(("kernel", "case"), PAIRS)
def test_a_second_call_leaves_the_results_of_the_first(kernel: Kernel, case: Case) -> None:
    """What leaves a kernel is not scratch, and scratch carries nothing over."""
    work = Workspace()
    first = run(kernel, work, case, case.inputs(2), 2)
    copies = [y.copy() for y in first]
    run(kernel, work, case, case.inputs(3, seed=5), 3)
    again = run(kernel, work, case, case.inputs(2), 2)
    for kept, copy, repeated in zip(first, copies, again, strict=True):
        np.testing.assert_array_equal(kept, copy)
        np.testing.assert_array_equal(repeated, copy)


@pytest.mark.parametrize(("kernel", "case"), PAIRS)
def test_inputs_are_never_modified(kernel: Kernel, case: Case) -> None:
    inputs = case.inputs(2)
    copies = [frozen(x.copy()) for x in inputs]
    run(kernel, Workspace(), case, inputs, 2)
    for x, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_every_kernel_has_an_op_and_a_case() -> None:
    assert set(KERNELS) <= set(OPS)
    tested = {type(pair.values[0]) for pair in PAIRS} | {WinogradConv}  # it has tests of its own
    assert tested == {type(one) for several in KERNELS.values() for one in several}
