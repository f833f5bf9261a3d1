"""Recurrent cells: gradients that arrive at every output, sequences as if alone, and both directions."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.ops import OPS, Call, Graph
from dltoolbox.ops.graph import Recorder
from tests.ops.sample import Case
from tests.ops.samples_recurrent import ACTIVATIONS, GATES, RESETS, STATES, cell

STEP = 1e-6
VARIANTS = [cell(op, f"{state}-{gate}-{reset}{'-reverse' * reverse}{'-lengths' * ragged}", ragged=ragged,
                 state_activation=state, gate_activation=gate, reverse=reverse, **({"reset": reset} if reset else {}))
            for op in GATES for reset in (RESETS if op == "gru" else ("",)) for state, gate in ACTIVATIONS
            for reverse in (False, True) for ragged in (False, True)]
variants = pytest.mark.parametrize("case", VARIANTS, ids=str)


def gradients_of_all(case: Case, inputs: tuple[np.ndarray, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Random gradients of all outputs, and what they make of the inputs but lengths."""
    rng = np.random.default_rng(5)
    outputs = OPS[case.op].forward(*inputs, **case.attrs)
    grads = [rng.standard_normal(y.shape) for y in outputs]
    needs = tuple(i in case.differentiable for i in range(len(inputs)))
    found = OPS[case.op].backward(Call(inputs, outputs, needs), *grads, **case.attrs)
    return grads, list(found[:len(case.differentiable)])


@variants
def test_gradients_of_all_outputs(case: Case) -> None:
    """Along random directions in all inputs together."""
    inputs, rng = case.inputs(4), np.random.default_rng(7)
    grads, found = gradients_of_all(case, inputs)
    for _ in range(3):
        direction = [rng.standard_normal(x.shape) for x in inputs[:len(found)]]
        values = []
        for sign in (1, -1):
            moved = (*(x + sign * STEP * d for x, d in zip(inputs, direction, strict=False)), *inputs[len(found):])
            values.append(sum((y * g).sum() for y, g in zip(OPS[case.op].forward(*moved, **case.attrs), grads, strict=True)))
        expected = (values[0] - values[1]) / (2 * STEP)
        actual = sum((g * d).sum() for g, d in zip(found, direction, strict=True))
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", [case for case in VARIANTS if case.label.endswith("lengths")], ids=str)
def test_every_sequence_comes_out_as_if_it_were_alone(case: Case) -> None:
    """With anything in the padding: outputs and gradients."""
    op, states = OPS[case.op], STATES[case.op]
    *inputs, lengths = case.inputs(5)
    x = inputs[0].copy()
    for b, n in enumerate(lengths):
        x[:, n:, b] = 1e3
    together = (x, *inputs[1:], lengths)
    grads, found = gradients_of_all(case, together)
    outputs, total = op.forward(*together, **case.attrs), [0.0] * 3
    for b, n in enumerate(lengths):
        alone = (x[:, :n, b:b + 1], *(s[:, b:b + 1] for s in inputs[1:states + 1]), *inputs[states + 1:])
        made = op.forward(*alone, **case.attrs)
        np.testing.assert_allclose(outputs[0][:, :n, b:b + 1], made[0], rtol=1e-13, atol=1e-13)
        assert not outputs[0][:, n:, b].any()
        for mine, last in zip(outputs[1:], made[1:], strict=True):
            np.testing.assert_allclose(mine[:, b:b + 1], last, rtol=1e-13, atol=1e-13)
        into = [grads[0][:, :n, b:b + 1], *(g[:, b:b + 1] for g in grads[1:])]
        dx, *rest = op.backward(Call(alone, made, (True,) * len(alone)), *into, **case.attrs)
        np.testing.assert_allclose(found[0][:, :n, b:b + 1], dx, rtol=1e-12, atol=1e-12)
        assert not found[0][:, n:, b].any()
        for mine, one in zip(found[1:], rest[:states], strict=False):
            np.testing.assert_allclose(mine[:, b:b + 1], one, rtol=1e-12, atol=1e-12)
        total = [a + b for a, b in zip(total, rest[states:], strict=True)]
    for mine, sums in zip(found[states + 1:], total, strict=True):
        np.testing.assert_allclose(mine, sums, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("op", GATES)
def test_reverse_is_the_run_over_reversed_sequences(op: str) -> None:
    inputs = cell(op, "").inputs(3)
    y, *last = OPS[op].forward(*inputs, reverse=True)
    turned, *others = OPS[op].forward(inputs[0][:, ::-1], *inputs[1:])
    np.testing.assert_array_equal(y, turned[:, ::-1])
    for a, b in zip(last, others, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(last[0], y[:, 0])


@pytest.mark.parametrize("op", GATES)
def test_states_go_on_where_they_were_left(op: str) -> None:
    inputs = cell(op, "").inputs(3)
    states = STATES[op] + 1
    whole, *last = OPS[op].forward(*inputs)
    first, *between = OPS[op].forward(inputs[0][:, :2], *inputs[1:])
    second, *end = OPS[op].forward(inputs[0][:, 2:], *between, *inputs[states:])
    np.testing.assert_array_equal(whole, np.concatenate([first, second], 1))
    for a, b in zip(last, end, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("op", GATES)
def test_sizes_and_work(op: str) -> None:
    g = Recorder(Graph(), training=False)
    x, h, rows = g.entering("x", Dims.of("CTB", 12, None, None)), Dims.of("CB", 100, None), GATES[op] * 100
    states = [g.entering(str(number), h) for number in range(STATES[op])]
    weights = [g.entering(name, Dims.of("UU", rows, n)) for name, n in (("W", 12), ("R", 100), ("b", 1))]
    y, *last = getattr(g, op)(x, *states, *weights)
    assert y.dims == Dims.of("CTB", 100, None, None)
    assert [value.dims for value in last] == [h] * STATES[op]
    node = g.graph.nodes[-1]
    assert OPS[op].multiply_adds(node.input_dims, node.output_dims[0]) == rows * 112  # per step, where time is open
    sizes = [dims.with_size("T", 25).with_size("B", 27) for dims in node.input_dims]
    assert OPS[op].multiply_adds(sizes, OPS[op].infer(*sizes)[0]) == 25 * rows * 112
