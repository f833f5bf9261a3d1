"""Every op can make inputs that it takes, at every size; kernels are tried on them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS
from dltoolbox.ops import OPS, Call, Op, as_tuple
from dltoolbox.ops.base import MOVED
from dltoolbox.ops.fused import op_of
from dltoolbox.ops.pool import looks, window_counts
from tests.ops.chains import CHAINS
from tests.ops.sample import Case
from tests.ops.samples import CASES, WINDOWS, cotangent, dims_of, input_dims


def run(case: Case, sizes, attrs, dtypes) -> None:
    """Forward and backward on an example: no warning, and finite numbers of the inferred sizes."""
    op = op_of(case.op)
    inputs = op.example(np.random.default_rng(0), sizes, dtypes, attrs)
    assert [x.shape for x in inputs] == [dims.shape for dims in sizes]
    assert [x.dtype for x in inputs] == list(dtypes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs = as_tuple(op.forward(*inputs, **attrs))
        needs = tuple(i in case.differentiable for i in range(len(inputs)))
        found = op.backward(Call(inputs, outputs, needs), *cotangent(case, outputs), **attrs) if any(needs) else ()
    assert [y.shape for y in outputs] == [dims.shape for dims in as_tuple(op.infer(*sizes, **attrs))]
    assert all(np.isfinite(x).all() for x in (*inputs, *outputs, *found) if x is not None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("case", [*CASES, *CHAINS], ids=str)
def test_examples_mean_something(case: Case, batch: int, dtype: type) -> None:
    inputs = case.inputs(batch, dtype)
    run(case, input_dims(case, inputs), case.attributes(batch), [x.dtype for x in inputs])


@pytest.mark.parametrize("case", [*CASES, *CHAINS], ids=str)
def test_halves_are_uses_of_the_op(case: Case) -> None:
    """Down to as little as there can be: every way to halve at every step, of which the last is taken."""
    op, inputs, seen = op_of(case.op), case.inputs(3), 0
    ways = [(input_dims(case, inputs), case.attributes(3))]
    while ways:
        sizes, attrs = ways.pop()
        work = op.work(sizes, as_tuple(op.infer(*sizes, **attrs)), attrs)
        ways = []
        for half, changed in op.halved(sizes, attrs):
            outputs = as_tuple(op.infer(*half, **changed))
            if min((n for dims in outputs for n in dims.shape), default=1) > 0:
                assert op.work(half, outputs, changed) < work
                run(case, half, changed, [x.dtype for x in inputs])
                ways.append((half, changed))
                seen += 1
    assert seen >= (6 if op.divisible and case.label == "3x3-same" else bool(case.batched))


def test_whatever_has_several_kernels_can_be_halved() -> None:
    """Of the two kernels for functions from outside, one accepts a case; statistics may belong to the elements of a map."""
    assert [name for name, kernels in KERNELS.items() if len(kernels) > 1 and not op_of(name).divisible
            and type(op_of(name)).halved is Op.halved] == [
                "undo_normalise", "custom", "custom_loss"]


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("case", [case for case in CASES if case.op == "max_unpool"], ids=str)
def test_indices_have_the_type_that_is_asked_for(case: Case, kind: type) -> None:
    inputs = case.inputs(2)
    run(case, input_dims(case, inputs), case.attributes(2), [np.dtype(np.float64), np.dtype(kind), np.dtype(np.int64)])


@pytest.mark.parametrize(("spatial", "window"), WINDOWS.values(), ids=WINDOWS)
def test_the_work_of_pooling_is_what_its_windows_look_at(spatial: tuple[int, ...], window: Window) -> None:
    total = int(window_counts(window, spatial).sum())
    assert looks(window, spatial) == total
    x = dims_of(np.zeros((*spatial, 3, 2)))
    y = OPS["max_pool"].infer(x, window=window)
    assert OPS["max_pool"].work([x], [y], {"window": window}) == MOVED * 2 * (total * 3 + x.elements + y.elements)
