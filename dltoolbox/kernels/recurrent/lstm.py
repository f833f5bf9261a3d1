"""Long short-term memory."""

from __future__ import annotations

from functools import cached_property, partial
from typing import ClassVar

import numpy as np

from dltoolbox.kernels.base import Closure, kernel
from dltoolbox.kernels.recurrent.cell import BoundCell, CellKernel, StepBlock
from dltoolbox.kernels.recurrent.weights import Gate, by_chunk

TANH, OUTPUT, INPUT, FORGET, CANDIDATE, CELL = range(6)  # slots; of the new cell state φ(c), and the old cell state


class BoundLstm(BoundCell):
    """An LSTM at its site. The slots lie so that what is computed alike lies side by side."""

    states = 2
    slots = 6
    of_input = of_hidden = (Gate(3, 0.5), Gate(0, 0.5), Gate(1, 0.5), Gate(2, 1))
    input_slot = hidden_slot = OUTPUT

    @cached_property
    def product(self) -> np.ndarray:
        """R h of a step."""
        return self.site.scratch((self.batch, 4 * self.width))

    @cached_property
    def pair(self) -> np.ndarray:
        """The two parts of a new cell state."""
        return self.site.scratch((self.batch, 2 * self.width))

    def begin(self) -> list[Closure]:
        return [*super().begin(), partial(np.copyto, self.slot(slice(0, 1), CELL)[0], self.given[1].T)]

    def forward_steps(self, block: StepBlock) -> Closure:
        rows = block.rows
        product, weights = self.product, self.weights.of_hidden
        ahead = by_chunk(product, weights.shape[2])
        pair = self.pair
        new, kept = pair[:, :self.width], pair[:, self.width:]
        half = self.site.dtype.type(0.5)
        views = list(zip(
            self.hidden[block.steps], self.slot(rows, OUTPUT, 4), self.slot(rows, OUTPUT, 3), self.slot(rows, INPUT, 2),
            self.slot(rows, CANDIDATE, 2), self.slot(slice(rows.start + 1, rows.stop + 1), CELL), self.slot(rows, TANH),
            self.slot(rows, OUTPUT), self.h[block.steps.start + 1:block.steps.stop + 1], strict=True))

        def run() -> None:
            for h, gates, open_gates, factors, states, c, squashed, output, h_next in views:
                np.matmul(h, weights, out=ahead)
                np.add(gates, product, out=gates)
                np.tanh(gates, out=gates)
                np.multiply(open_gates, half, out=open_gates)
                np.add(open_gates, half, out=open_gates)
                np.multiply(factors, states, out=pair)
                np.add(new, kept, out=c)
                np.tanh(c, out=squashed)
                np.multiply(output, squashed, out=h_next)
        return run

    def after(self, block: StepBlock) -> list[Closure]:
        states = self.slot(slice(block.rows.start, block.rows.stop + 1), CELL)
        steps = self.last(self.site.outputs[2], states, block.steps)
        if not self.site.training and block.steps.stop < self.steps:
            steps.append(partial(np.copyto, states[0], states[-1]))
        return steps

    def begin_backward(self) -> list[Closure]:
        last = self.slot(slice(self.steps, self.steps + 1), CELL)[0]
        self.arriving_cell, steps = self.arrive(None, self.site.grad_outputs[2], last)
        return steps

    def find_factors(self, block: StepBlock, factors: np.ndarray) -> list[Closure]:
        """Factors of the gradients of the states in all steps of a block, in the places of the gates: first that
        of h, then that of c."""
        def of(first: int, number: int = 1) -> np.ndarray:
            return factors[:, :, self.columns(first, number)]
        rows = block.rows
        squashed, candidate = self.slot(rows, TANH), self.slot(rows, CANDIDATE)
        gates = self.slot(rows, OUTPUT, 3)
        return [
            partial(np.subtract, 1, gates, out=of(OUTPUT, 3)), partial(np.multiply, of(OUTPUT, 3), gates, out=of(OUTPUT, 3)),
            partial(np.multiply, of(OUTPUT), squashed, out=of(OUTPUT)),
            partial(np.multiply, of(INPUT, 2), self.slot(rows, CANDIDATE, 2), out=of(INPUT, 2)),
            partial(np.multiply, squashed, squashed, out=of(TANH)), partial(np.subtract, 1, of(TANH), out=of(TANH)),
            partial(np.multiply, of(TANH), self.slot(rows, OUTPUT), out=of(TANH)),
            partial(np.multiply, candidate, candidate, out=of(CANDIDATE)),
            partial(np.subtract, 1, of(CANDIDATE), out=of(CANDIDATE)),
            partial(np.multiply, of(CANDIDATE), self.slot(rows, INPUT), out=of(CANDIDATE)),
            partial(np.copyto, of(CELL), self.slot(rows, FORGET))]

    def backward_steps(self, block: StepBlock) -> Closure:
        rows, dh = block.rows, self.dh
        factors = self.factors[:rows.stop - rows.start]
        first = self.find_factors(block, factors)
        weights, back = self.weights.back, by_chunk(dh, self.weights.back.shape[2])
        apart = self.apart(factors)
        into = self.apart(self.gates[rows])
        spread = dh[:, np.newaxis]
        dc = self.slot(slice(rows.start + 1, rows.stop + 1), CELL)
        nothing = [None] * len(into)
        views = list(zip(
            nothing if self.arriving is None else self.arriving[block.steps],
            nothing if self.arriving_cell is None else self.arriving_cell[block.steps],
            apart[:, :, :INPUT], into[:, :, :INPUT], into[:, :, TANH], dc, dc[:, :, np.newaxis], apart[:, :, INPUT:],
            into[:, :, INPUT:], self.slot(rows, OUTPUT, 4), strict=True))[::-1]

        def run() -> None:
            for call in first:
                call()
            for arriving, at_cell, of_h, into_h, through, dc, dc_spread, of_c, into_c, grads in views:
                if arriving is not None:
                    np.add(dh, arriving, out=dh)
                if at_cell is not None:
                    np.add(dc, at_cell, out=dc)
                np.multiply(of_h, spread, out=into_h)
                np.add(dc, through, out=dc)
                np.multiply(of_c, dc_spread, out=into_c)
                np.matmul(grads, weights, out=back)
        return run

    def end_backward(self) -> list[Closure]:
        dc0 = self.site.grad_inputs[2]
        return [] if dc0 is None else [partial(np.copyto, dc0, self.slot(slice(0, 1), CELL)[0].T)]


@kernel("lstm")
class Lstm(CellKernel):
    """`lstm`."""

    cell: ClassVar[type[BoundCell]] = BoundLstm
