"""Recurrent cells run over time: long short-term memory and gated recurrent units.

Sequences are C×T×B, states H×B. Rows of the weights and of the bias belong to the gates, in MATLAB's order: input, forget,
candidate, output gate of an LSTM, reset, update, candidate of a GRU. A reverse run begins at the last step of a sequence.
Where sequences have several lengths, a state stays what it is at padded steps, and the output there is zero.

Sources: Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of Gers, Schmidhuber and Cummins,
"Learning to forget" (2000); Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014). Gradients are
those of backpropagation through time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.ops.activation import logistic
from dltoolbox.ops.base import IN, Arrays, Attributes, Call, Gradients, Op, op
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way

Real = np.ndarray | bool  # which observations have a step; True where all have


class Activation(NamedTuple):
    """A function, and its slope where it has the value y."""

    of: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


STATE_ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda y: (1 - y) * (1 + y)),
    "softsign": Activation(lambda x: x / (1 + np.abs(x)), lambda y: (1 - np.abs(y)) ** 2),
    "relu": Activation(lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(y.dtype)),
}
GATE_ACTIVATIONS = {
    "sigmoid": Activation(logistic, lambda y: y * (1 - y)),
    "hard-sigmoid": Activation(lambda x: np.clip(x / 5 + np.asarray(0.5, x.dtype), 0, 1),
                               lambda y: ((y > 0) & (y < 1)) / np.asarray(5, y.dtype)),
}


def walk(steps: int, lengths: Sequence[np.ndarray], reverse: bool) -> Iterator[tuple[int, Real]]:
    """The steps in the order of a run, and which observations have them; ``lengths`` holds one vector, or none."""
    for t in reversed(range(steps)) if reverse else range(steps):
        yield t, t < lengths[0] if lengths else True


def where(real: Real, there: np.ndarray, elsewhere: np.ndarray | float) -> np.ndarray:
    """``there`` for observations that have the step."""
    return there if real is True else np.where(real, there, np.asarray(elsewhere, there.dtype))


def by_gate(rows: np.ndarray, gates: int) -> np.ndarray:
    """Rows of all gates → gates × H × …"""
    return rows.reshape(gates, len(rows) // gates, *rows.shape[1:])


class Recurrent(Op):
    """A cell run over x (C×T×B). Then come states, the weights of x and of the hidden state, the bias, perhaps lengths."""

    saved_for_backward = IN
    way = Way.SEE
    across = Across({Way.SEE}, takes="lengths")
    gates = 0
    states = 0

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        _, steps, _ = inputs[0].sizes
        return (inputs[self.states + 1].elements + inputs[self.states + 2].elements) * (1 if steps is None else steps)

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        for label in "BT":
            n = inputs[0].size(label)
            if n is not None and n > 1:
                yield tuple(dims.with_size(label, -(-n // 2)) for dims in inputs), attrs

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Sequences of all lengths, weights with which no gate is always open or closed."""
        *arrays, = super().example(rng, inputs[:self.states + 4], dtypes[:self.states + 4], attrs)
        for at in (self.states + 1, self.states + 2):
            arrays[at] = arrays[at] / np.asarray(np.sqrt(max(arrays[at].shape[1], 1)), dtypes[at])
        for dims, dtype in zip(inputs[self.states + 4:], dtypes[self.states + 4:], strict=True):
            arrays.append(rng.integers(1, inputs[0].shape[1] + 1, dims.shape).astype(dtype))
        return tuple(arrays)


class LstmStep(NamedTuple):
    """One step of an LSTM: its gates, the states that it found, and those that it left."""

    t: int
    real: Real
    gates: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    h_before: np.ndarray
    c_before: np.ndarray
    h: np.ndarray
    c: np.ndarray


@op
class lstm(Recurrent):
    """An LSTM over time: all hidden states (H×T×B), the last hidden state and the last cell state (H×B).

    i, f, o = σ(W x + R h + b), g = φ(W x + R h + b), c ← f·c + i·g, h ← o·φ(c), with the rows of each gate.
    """

    gates = 4
    states = 2

    def infer(self, x: Dims, h0: Dims, c0: Dims, input_weights: Dims, recurrent_weights: Dims, bias: Dims, *lengths: Dims,
              state_activation: str = "tanh", gate_activation: str = "sigmoid",
              reverse: bool = False) -> tuple[Dims, Dims, Dims]:
        hidden = recurrent_weights.sizes[1]
        state = Dims("CB", (hidden, x.sizes[-1]))
        return Dims(x.labels, (hidden, *x.sizes[1:])), state, state

    def steps(self, x: np.ndarray, h: np.ndarray, c: np.ndarray, input_weights: np.ndarray, recurrent_weights: np.ndarray,
              bias: np.ndarray, *lengths: np.ndarray, state_activation: str, gate_activation: str,
              reverse: bool) -> Iterator[LstmStep]:
        state, gate = STATE_ACTIVATIONS[state_activation].of, GATE_ACTIVATIONS[gate_activation].of
        for t, real in walk(x.shape[1], lengths, reverse):
            i, f, g, o = by_gate(input_weights @ x[:, t] + recurrent_weights @ h + bias.reshape(-1, 1), 4)
            i, f, g, o = gate(i), gate(f), state(g), gate(o)
            c_after = where(real, f * c + i * g, c)
            h_after = where(real, o * state(c_after), h)
            yield LstmStep(t, real, (i, f, g, o), h, c, h_after, c_after)
            h, c = h_after, c_after

    def forward(self, x: np.ndarray, h0: np.ndarray, c0: np.ndarray, input_weights: np.ndarray,
                recurrent_weights: np.ndarray, bias: np.ndarray, *lengths: np.ndarray, state_activation: str = "tanh",
                gate_activation: str = "sigmoid", reverse: bool = False) -> Arrays:
        y, h, c = np.empty((len(h0), *x.shape[1:]), x.dtype), h0.copy(), c0.copy()
        for step in self.steps(x, h0, c0, input_weights, recurrent_weights, bias, *lengths, reverse=reverse,
                               state_activation=state_activation, gate_activation=gate_activation):
            y[:, step.t] = where(step.real, step.h, 0)
            h, c = step.h, step.c
        return y, h, c

    def backward(self, call: Call, dy: np.ndarray | None, dh: np.ndarray | None, dc: np.ndarray | None, *,
                 state_activation: str = "tanh", gate_activation: str = "sigmoid", reverse: bool = False) -> Gradients:
        x, h0, c0, input_weights, recurrent_weights, *_ = call.inputs
        state, gate = STATE_ACTIVATIONS[state_activation], GATE_ACTIVATIONS[gate_activation]
        dx, *sums = (np.zeros_like(array) for array in (x, *call.inputs[3:6]))
        dh, dc = np.zeros_like(h0) if dh is None else dh, np.zeros_like(c0) if dc is None else dc
        for step in reversed(list(self.steps(*call.inputs, state_activation=state_activation, reverse=reverse,
                                             gate_activation=gate_activation))):
            (i, f, g, o), squashed = step.gates, state.of(step.c)
            into_h = dh if dy is None else dh + dy[:, step.t]
            into_c = dc + into_h * o * state.slope(squashed)
            before = where(step.real, np.concatenate([
                into_c * g * gate.slope(i), into_c * step.c_before * gate.slope(f), into_c * i * state.slope(g),
                into_h * squashed * gate.slope(o)]), 0)
            add_up(sums, (before @ x[:, step.t].T, before @ step.h_before.T, before.sum(1)))
            dx[:, step.t] = input_weights.T @ before
            dh, dc = where(step.real, recurrent_weights.T @ before, dh), where(step.real, into_c * f, dc)
        return of_inputs(call, dx, dh, dc, *sums)


def add_up(totals: Sequence[np.ndarray], parts: Sequence[np.ndarray]) -> None:
    """Add the gradients of one step to those of the others."""
    for total, part in zip(totals, parts, strict=True):
        total += part.reshape(total.shape)


def of_inputs(call: Call, *grads: np.ndarray) -> Gradients:
    """Those of the gradients that are asked for; lengths have none."""
    needed = call.needs_input_grad
    return tuple(grad if need else None for grad, need in zip((*grads, *[None] * (len(needed) - len(grads))), needed,
                                                             strict=True))


class GruStep(NamedTuple):
    """One step of a GRU: its gates, R h of the candidate's rows, and the states that it found and left."""

    t: int
    real: Real
    gates: tuple[np.ndarray, np.ndarray, np.ndarray]
    recurrent: np.ndarray
    h_before: np.ndarray
    h: np.ndarray


@op
class gru(Recurrent):
    """A GRU over time: all hidden states (H×T×B), and the last (H×B).

    r, z = σ(W x + R h + b), g = φ(W x + … + b), h ← z·h + (1 − z)·g, with the rows of each gate, where … is ``reset`` by r:
    'after-multiplication' r·(R h), 'before-multiplication' R (r·h), 'recurrent-bias-after-multiplication' r·(R h + b'), in
    which case the bias has 6·H rows: b, and b' to be added to R h in all gates.
    """

    gates = 3
    states = 1

    def infer(self, x: Dims, h0: Dims, input_weights: Dims, recurrent_weights: Dims, bias: Dims, *lengths: Dims,
              state_activation: str = "tanh", gate_activation: str = "sigmoid", reset: str = "after-multiplication",
              reverse: bool = False) -> tuple[Dims, Dims]:
        hidden = recurrent_weights.sizes[1]
        return Dims(x.labels, (hidden, *x.sizes[1:])), Dims("CB", (hidden, x.sizes[-1]))

    def steps(self, x: np.ndarray, h: np.ndarray, input_weights: np.ndarray, recurrent_weights: np.ndarray,
              bias: np.ndarray, *lengths: np.ndarray, state_activation: str, gate_activation: str, reset: str,
              reverse: bool) -> Iterator[GruStep]:
        state, gate = STATE_ACTIVATIONS[state_activation].of, GATE_ACTIVATIONS[gate_activation].of
        of_x, *of_h = bias.reshape(-1, len(input_weights), 1)
        rows = len(h)
        for t, real in walk(x.shape[1], lengths, reverse):
            from_x, from_h = input_weights @ x[:, t] + of_x, sum(of_h, recurrent_weights @ h)
            r, z = gate(by_gate(from_x[:2 * rows] + from_h[:2 * rows], 2))
            recurrent = from_h[2 * rows:]
            if reset == "before-multiplication":
                g = state(from_x[2 * rows:] + recurrent_weights[2 * rows:] @ (r * h))
            else:
                g = state(from_x[2 * rows:] + r * recurrent)
            after = where(real, z * h + (1 - z) * g, h)
            yield GruStep(t, real, (r, z, g), recurrent, h, after)
            h = after

    def forward(self, x: np.ndarray, h0: np.ndarray, input_weights: np.ndarray, recurrent_weights: np.ndarray,
                bias: np.ndarray, *lengths: np.ndarray, state_activation: str = "tanh", gate_activation: str = "sigmoid",
                reset: str = "after-multiplication", reverse: bool = False) -> Arrays:
        y, h = np.empty((len(h0), *x.shape[1:]), x.dtype), h0.copy()
        for step in self.steps(x, h0, input_weights, recurrent_weights, bias, *lengths, reset=reset, reverse=reverse,
                               state_activation=state_activation, gate_activation=gate_activation):
            y[:, step.t] = where(step.real, step.h, 0)
            h = step.h
        return y, h

    def backward(self, call: Call, dy: np.ndarray | None, dh: np.ndarray | None, *, state_activation: str = "tanh",
                 gate_activation: str = "sigmoid", reset: str = "after-multiplication", reverse: bool = False) -> Gradients:
        x, h0, input_weights, recurrent_weights, *_ = call.inputs
        state, gate = STATE_ACTIVATIONS[state_activation], GATE_ACTIVATIONS[gate_activation]
        dx, *sums = (np.zeros_like(array) for array in (x, *call.inputs[2:5]))
        dh, rows = np.zeros_like(h0) if dh is None else dh, len(h0)
        of_gates, of_candidate = recurrent_weights[:2 * rows], recurrent_weights[2 * rows:]
        for step in reversed(list(self.steps(*call.inputs, state_activation=state_activation, reset=reset, reverse=reverse,
                                             gate_activation=gate_activation))):
            (r, z, g), h = step.gates, step.h_before
            into_h = where(step.real, dh if dy is None else dh + dy[:, step.t], 0)
            into_z = into_h * (h - g) * gate.slope(z)
            into_g = into_h * (1 - z) * state.slope(g)
            behind = into_g if reset == "before-multiplication" else into_g * r  # of R's product for the candidate
            seen = r * h if reset == "before-multiplication" else h
            into_seen = of_candidate.T @ behind
            into_r = (into_seen * h if reset == "before-multiplication" else into_g * step.recurrent) * gate.slope(r)
            into_gates = np.concatenate([into_r, into_z])
            before = np.concatenate([into_gates, into_g])
            of_bias = [before, into_gates, behind] if len(sums[2]) > len(before) else [before]
            add_up(sums, (before @ x[:, step.t].T, np.concatenate([into_gates @ h.T, behind @ seen.T]),
                          np.concatenate(of_bias).sum(1)))
            dx[:, step.t] = input_weights.T @ before
            back = of_gates.T @ into_gates + (r * into_seen if reset == "before-multiplication" else into_seen)
            dh = where(step.real, z * into_h + back, dh)
        return of_inputs(call, dx, dh, *sums)
