"""Sample uses of recurrent cells: every activation and way to reset, both directions, equal and several lengths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.ops.sample import Case, Inputs, normal

RESETS = ("after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication")
ACTIVATIONS = (("tanh", "sigmoid"), ("softsign", "hard-sigmoid"), ("relu", "sigmoid"))
GATES = {"lstm": 4, "gru": 3}
STATES = {"lstm": 2, "gru": 1}


def cell(op: str, label: str, sizes: tuple[int, int, int] = (3, 4, 5), ragged: bool = False, **attrs: object) -> Case:
    """A use of a cell with so many channels, steps and hidden units."""
    channels, steps, hidden = sizes
    rows, states = GATES[op] * hidden, STATES[op]
    biases = 2 if attrs.get("reset") == RESETS[2] else 1

    def make(rng: np.random.Generator, n: int) -> Inputs:
        lengths = rng.integers(1, steps + 1, n).astype(np.int32)
        return (normal(rng, channels, steps, n), *(normal(rng, hidden, n) for _ in range(states)),
                normal(rng, rows, channels), normal(rng, rows, hidden) / 2, normal(rng, biases * rows, 1),
                *((lengths,) if ragged else ()))
    batched = (*range(states + 1), *((states + 4,) if ragged else ()))
    return Case(op, label, make, attrs, differentiable=tuple(range(states + 4)), batched=batched,
                labels={0: "CTB", states + 4: "B"})


def cases() -> Iterator[Case]:
    for op in GATES:
        for ragged in (False, True):
            lengths = "-lengths" if ragged else ""
            yield cell(op, f"usual{lengths}", ragged=ragged)
            yield cell(op, f"reverse{lengths}", (2, 7, 3), ragged, reverse=True)
            yield cell(op, f"one-step{lengths}", (1, 1, 1), ragged)
            yield cell(op, f"wide{lengths}", (17, 3, 32), ragged)
        for number, (state, gate) in enumerate(ACTIVATIONS[1:]):
            yield cell(op, f"{state}-{gate}", ragged=bool(number), reverse=bool(number), state_activation=state,
                       gate_activation=gate)
    for reset in RESETS[1:]:
        yield cell("gru", reset, reset=reset)
        yield cell("gru", f"{reset}-reverse-lengths", (2, 5, 7), True, reset=reset, reverse=True)
