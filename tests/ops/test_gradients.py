"""Every op's gradient against central finite differences of its forward, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.ops import OPS, as_tuple
from tests.ops.sample import Case
from tests.ops.samples import CASES, WINDOWS, cotangent, gradients

STEP = 1e-6
PROBES = 40

DIFFERENTIABLE = [case for case in CASES if case.differentiable]


def repeats_indices(case: Case) -> bool:
    """Unpooling the indices of overlapping windows: by convention its gradient is a gather, not the derivative."""
    return case.op == "max_unpool_of_lengths" or (case.op == "max_unpool" and WINDOWS[case.label][1].overlapping)


def repeats_the_last_step(case: Case) -> bool:
    """By convention no gradient comes from there: windows see the step itself, too."""
    return case.op == "fill_ends" and case.attrs["value"] == "edge"


TRUE_DERIVATIVES = [case for case in DIFFERENTIABLE if not repeats_indices(case) and not repeats_the_last_step(case)]


def weighted_sum(case: Case, inputs: tuple[np.ndarray, ...], grad: np.ndarray, batch: int) -> float:
    y = as_tuple(OPS[case.op].forward(*inputs, **case.attributes(batch)))[0]
    return float((y * grad).sum())


@pytest.mark.parametrize("case", TRUE_DERIVATIVES, ids=str)
def test_gradient_is_the_derivative(case: Case) -> None:
    batch = 2
    inputs = case.inputs(batch)
    cotangents = cotangent(case, OPS[case.op].forward(*inputs, **case.attributes(batch)))
    found = gradients(case, inputs, cotangents, batch)
    for number in case.differentiable:
        x, rng = inputs[number], np.random.default_rng(number)
        assert found[number].shape == x.shape
        probes = rng.permutation(x.size)[:PROBES]
        expected = np.empty(len(probes))
        for at, probe in enumerate(probes):
            moved = []
            for sign in (1, -1):
                other = x.copy()
                other[np.unravel_index(probe, x.shape)] += sign * STEP
                swapped = (*inputs[:number], other, *inputs[number + 1:])
                moved.append(weighted_sum(case, swapped, cotangents[0], batch))
            expected[at] = (moved[0] - moved[1]) / (2 * STEP)
        actual = np.asarray(found[number]).reshape(-1)[probes]
        scale = max(np.abs(found[number]).max(), 1e-3)
        assert np.abs(actual - expected).max() / scale < 1e-6, f"input {number}"


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_no_gradient_where_none_exists(case: Case) -> None:
    inputs = case.inputs(2)
    found = gradients(case, inputs, cotangent(case, OPS[case.op].forward(*inputs, **case.attributes(2))), 2)
    assert len(found) == len(inputs)
    for number, grad in enumerate(found):
        assert (grad is not None) == (number in case.differentiable)


def test_every_op_has_a_case() -> None:
    assert {case.op for case in CASES} == set(OPS)


def test_every_differentiable_op_is_checked() -> None:
    drawn_at_random = {"dropout", "spatial_dropout", "stochastic_pool"}  # checked against their masks and indices
    assert {case.op for case in DIFFERENTIABLE} | drawn_at_random == {n for n, op in OPS.items() if op.differentiable}
