"""What every op promises: sizes as inferred, any memory order, inputs untouched, any batch, float32 stays float32."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.random import rng as restart
from dltoolbox.ops import OPS, as_tuple
from tests.ops.sample import Case
from tests.ops.samples import CASES, cotangent, dims_of, gradients, layouts, observations

SIZED = [(case, batch) for case in CASES for batch in (0, 1, 3)
         if batch or case.op != "batch_norm"]  # the statistics of nothing do not exist


def forward(case: Case, inputs: tuple[np.ndarray, ...], batch: int) -> tuple[np.ndarray, ...]:
    restart(0)  # dropout draws
    return as_tuple(OPS[case.op].forward(*inputs, **case.attributes(batch)))


def run(case: Case, inputs: tuple[np.ndarray, ...], batch: int) -> list[np.ndarray]:
    """Outputs and gradients."""
    outputs = forward(case, inputs, batch)
    if not OPS[case.op].differentiable:
        return list(outputs)
    restart(0)
    found = gradients(case, inputs, cotangent(case, outputs), batch)
    return [*outputs, *(found[number] for number in case.differentiable)]


@pytest.mark.parametrize(("case", "batch"), SIZED, ids=str)
def test_sizes_are_as_inferred(case: Case, batch: int) -> None:
    inputs = case.inputs(batch)
    sizes = as_tuple(OPS[case.op].infer(*(dims_of(x) for x in inputs), **case.attributes(batch)))
    outputs = forward(case, inputs, batch)
    assert [y.shape for y in outputs] == [tuple(d.sizes) for d in sizes]
    for grad, number in zip(run(case, inputs, batch)[len(outputs):], case.differentiable, strict=False):
        assert grad.shape == inputs[number].shape


@pytest.mark.parametrize("case", CASES, ids=str)
def test_single_precision_stays_single(case: Case) -> None:
    for result in run(case, case.inputs(2, np.float32), 2):
        assert result.dtype in (np.float32, np.int32, np.int64, np.uint8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_single_precision_agrees_with_double(case: Case) -> None:
    single = case.inputs(2, np.float32)
    double = tuple(x.astype(np.float64) if x.dtype == np.float32 else x for x in single)
    for a, b in zip(run(case, single, 2), run(case, double, 2), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_memory_order_is_irrelevant(case: Case) -> None:
    inputs = case.inputs(2)
    expected = run(case, inputs, 2)
    for name in ("C", "Fortran", "spaced", "reversed"):
        arranged = tuple(dict(layouts(x))[name] for x in inputs)
        for a, b in zip(run(case, arranged, 2), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inputs_are_never_modified(case: Case) -> None:
    inputs = case.inputs(2)
    copies = [x.copy() for x in inputs]
    run(case, inputs, 2)  # inputs are read-only as well, which catches writes through views
    for x, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize("case", [case for case in CASES if case.joins], ids=str)
def test_a_batch_is_its_observations_joined(case: Case) -> None:
    batch = 3
    inputs = case.inputs(batch)
    whole = forward(case, inputs, batch)
    singles = [forward(case, observations(case, inputs, slice(i, i + 1)), 1) for i in range(batch)]
    for number, y in enumerate(whole):
        np.testing.assert_allclose(y, np.concatenate([s[number] for s in singles], -1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", [c for c in CASES if c.joins and 0 in c.differentiable], ids=str)
def test_gradients_of_a_batch_are_those_of_its_observations_joined(case: Case) -> None:
    batch = 3
    inputs = case.inputs(batch)
    (grad, *rest) = cotangent(case, forward(case, inputs, batch))
    assert grad is not None
    whole = gradients(case, inputs, [grad, *rest], batch)
    parts = [gradients(case, observations(case, inputs, at), [grad[..., at], *rest], 1)
             for at in (slice(i, i + 1) for i in range(batch))]
    for number in case.differentiable:
        pieces = [part[number] for part in parts]
        joined = np.concatenate(pieces, -1) if number in case.batched else np.sum(pieces, axis=0)
        np.testing.assert_allclose(whole[number], joined, rtol=1e-10, atol=1e-10)


def test_dropout_zeroes_and_rescales() -> None:
    restart(0)
    x = np.ones((20, 30, 4, 5), np.float32)
    y, mask = OPS["dropout"].forward(x, probability=0.25)
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert abs((y == 0).mean() - 0.25) < 0.02
    np.testing.assert_array_equal(y, mask)
    again, _ = OPS["dropout"].forward(x, probability=0.25)
    assert np.any(again != y)


def test_spatial_dropout_drops_whole_channels() -> None:
    restart(0)
    x = np.ones((5, 4, 200, 5), np.float32)
    y, mask = OPS["spatial_dropout"].forward(x, probability=0.25)
    assert mask.shape == (1, 1, 200, 5)
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert abs((mask == 0).mean() - 0.25) < 0.05
    np.testing.assert_array_equal(y, np.broadcast_to(mask, x.shape))


@pytest.mark.parametrize("op", ["dropout", "spatial_dropout"])
def test_dropout_gradient_uses_the_mask(op: str) -> None:
    case = next(c for c in CASES if c.op == op)
    restart(0)
    (x,) = case.inputs(2)
    _, mask = OPS[op].forward(x, probability=0.25)
    restart(0)
    grad = np.random.default_rng(1).standard_normal(x.shape)
    (found,) = gradients(case, (x,), [grad, None], 2)
    np.testing.assert_array_equal(found, grad * mask)


def test_batch_statistics_survive_a_large_mean() -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((9, 8, 3, 16)) + 1e3).astype(np.float32)
    one = np.ones((1, 1, 3), np.float32)
    y, mean, variance = OPS["batch_norm"].forward(x, one, 0 * one, epsilon=1e-5)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(variance.ravel(), exact.var((0, 1, 3)), rtol=1e-5)
    np.testing.assert_allclose(mean.ravel(), exact.mean((0, 1, 3)), rtol=1e-6)
    np.testing.assert_allclose(y.mean((0, 1, 3)), 0, atol=1e-5)


def test_function_works_on_a_copy_in_matlabs_layout():
    def halve(data):
        assert data.shape == (5, 2)  # N×f
        data /= 2
        return data
    x = np.arange(10.0).reshape(2, 5)
    x.flags.writeable = False
    assert np.array_equal(OPS["function"].forward(x, call=halve), x / 2)


@pytest.mark.parametrize("call", [lambda x: x.T, lambda x: x[:1], lambda x: x.astype(str), lambda x: [[1], [1, 2]]],
                         ids=["transposed", "fewer", "text", "uneven"])
def test_function_results_are_checked(call):
    with pytest.raises(DltoolboxError) as caught:
        OPS["function"].forward(np.ones((2, 5)), call=call)
    assert caught.value.identifier == "dltoolbox:function:invalidResult"
