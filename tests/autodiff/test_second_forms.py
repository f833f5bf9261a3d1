"""Second forms of ops: their gradients are those of the ops themselves, and their own gradients the second derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.autodiff.apply import RUNS_TRACED, SECOND, applied
from dltoolbox.autodiff.tape import Traced, gradients_of, leaf
from dltoolbox.ops import OPS, as_tuple
from dltoolbox.ops.base import Call
from tests.ops.sample import Case
from tests.ops.samples import CASES

STEP = 1e-6
ON_A_KINK = "elementwise_huber-vectors-0.5"  # distances of exactly 0.5: the slope changes there
IN_WORDS = [case for case in CASES if case.op in SECOND.keys() - RUNS_TRACED.keys() and case.differentiable
            and str(case) != ON_A_KINK]


def directions(rng: np.random.Generator, arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [rng.standard_normal(x.shape) for x in arrays]


def gradients_by_op(case: Case, inputs: tuple[np.ndarray, ...], cotangents: list[np.ndarray | None]) -> list[np.ndarray]:
    op, attrs = OPS[case.op], case.attributes(2)
    needs = tuple(number in case.differentiable for number in range(len(inputs)))
    call = Call(inputs, as_tuple(op.forward(*inputs, **attrs)), needs)
    found = op.backward(call, *cotangents, **attrs)
    return [found[number] for number in case.differentiable]


@pytest.mark.parametrize("case", IN_WORDS, ids=str)
def test_second_form(case: Case) -> None:
    rng, inputs, attrs = np.random.default_rng(0), case.inputs(2), case.attributes(2)
    payloads = [leaf(x) if number in case.differentiable else x for number, x in enumerate(inputs)]
    outputs = as_tuple(applied(OPS[case.op], payloads, attrs))
    cotangents = [leaf(rng.standard_normal(y.shape)) if y.dtype == np.float64 and y.origin else None for y in outputs]
    loss = sum(np.sum(y * g) for y, g in zip(outputs, cotangents, strict=True) if g is not None)
    variables = [payloads[number] for number in case.differentiable]
    first = gradients_of(loss, variables, again=True)
    given = [None if g is None else g.value for g in cotangents]
    expected = gradients_by_op(case, inputs, given)
    for got, wanted in zip(first, expected, strict=True):
        np.testing.assert_allclose(got.value, wanted, rtol=1e-9, atol=1e-9 * max(np.abs(wanted).max(initial=0), 1))

    weights = directions(rng, expected)
    total = sum(np.sum(g * w) for g, w in zip(first, weights, strict=True))
    moving = [*variables, *(g for g in cotangents if g is not None)]
    second = gradients_of(total, moving) if isinstance(total, Traced) else [None] * len(moving)
    ways = directions(rng, [x.value for x in moving])
    slope = sum(float((d * way).sum()) for d, way in zip(second, ways, strict=True) if d is not None)
    totals = []
    for sign in (STEP, -STEP):
        ways_left = iter(ways)
        moved = [x + sign * next(ways_left) if number in case.differentiable else x for number, x in enumerate(inputs)]
        turned = [None if g is None else g + sign * next(ways_left) for g in given]
        totals.append(sum(float((g * w).sum()) for g, w in zip(gradients_by_op(case, tuple(moved), turned), weights,
                                                               strict=True)))
    difference = (totals[0] - totals[1]) / (2 * STEP)
    assert abs(slope - difference) <= 1e-6 * max(abs(slope), 1)
