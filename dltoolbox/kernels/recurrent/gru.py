"""Gated recurrent units that reset after the product with the hidden state."""

from __future__ import annotations

from functools import cached_property, partial
from typing import ClassVar

import numpy as np

from dltoolbox.kernels.base import Closure, KernelSpec, kernel
from dltoolbox.kernels.recurrent.cell import BoundCell, CellKernel, StepBlock
from dltoolbox.kernels.recurrent.weights import Gate, by_chunk

PROPOSED, RESET, UPDATE, FROM_HIDDEN = range(4)  # slots; what the hidden state gives to reset, update and candidate
CHANGE, PRODUCT, KEPT = 3, 5, 4  # h − g, and R h for the candidate; backward, the gradient of h that passes by


class BoundGru(BoundCell):
    """A GRU at its site. Backward, the gradient of R h for the candidate comes behind those of the gates."""

    states = 1
    slots = 6
    of_input = (Gate(2, 1), Gate(0, 0.5), Gate(1, 0.5))
    of_hidden = (Gate(0, 0.5), Gate(1, 0.5), Gate(2, 1))
    input_slot = PROPOSED
    hidden_slot = RESET

    @cached_property
    def some(self) -> np.ndarray:
        """Room for a product."""
        return self.site.scratch((self.batch, self.width))

    def forward_steps(self, block: StepBlock) -> Closure:
        rows, weights, half = block.rows, self.weights.of_hidden, self.site.dtype.type(0.5)
        ahead = [by_chunk(part, weights.shape[2]) for part in self.slot(rows, FROM_HIDDEN, 3)]
        some = self.some
        views = list(zip(
            self.hidden[block.steps], self.h[block.steps], ahead, self.slot(rows, RESET, 2), self.slot(rows, FROM_HIDDEN, 2),
            self.slot(rows, RESET), self.slot(rows, PRODUCT), self.slot(rows, PROPOSED), self.slot(rows, CHANGE),
            self.slot(rows, UPDATE), self.h[block.steps.start + 1:block.steps.stop + 1], strict=True))

        def run() -> None:
            for hidden, h, target, gates, from_hidden, reset, product, candidate, change, update, h_next in views:
                np.matmul(hidden, weights, out=target)
                np.add(gates, from_hidden, out=gates)
                np.tanh(gates, out=gates)
                np.multiply(gates, half, out=gates)
                np.add(gates, half, out=gates)
                np.multiply(reset, product, out=some)
                np.add(candidate, some, out=candidate)
                np.tanh(candidate, out=candidate)
                np.subtract(h, candidate, out=change)
                np.multiply(update, change, out=some)
                np.add(candidate, some, out=h_next)
        return run

    def find_factors(self, block: StepBlock, factors: np.ndarray) -> list[Closure]:
        """Factors of the gradient of h in all steps of a block, in the places of the gradients."""
        def of(first: int, number: int = 1) -> np.ndarray:
            return factors[:, :, self.columns(first, number)]
        rows = block.rows
        gates, update, candidate = self.slot(rows, RESET, 2), self.slot(rows, UPDATE), self.slot(rows, PROPOSED)
        return [
            partial(np.subtract, 1, gates, out=of(RESET, 2)), partial(np.multiply, of(RESET, 2), gates, out=of(RESET, 2)),
            partial(np.multiply, candidate, candidate, out=of(PROPOSED)),
            partial(np.subtract, 1, of(PROPOSED), out=of(PROPOSED)), partial(np.subtract, 1, update, out=of(KEPT)),
            partial(np.multiply, of(PROPOSED), of(KEPT), out=of(PROPOSED)),
            partial(np.multiply, of(RESET), self.slot(rows, PRODUCT), out=of(RESET)),
            partial(np.multiply, of(RESET), of(PROPOSED), out=of(RESET)),
            partial(np.multiply, of(UPDATE), self.slot(rows, CHANGE), out=of(UPDATE)),
            partial(np.multiply, of(PROPOSED), self.slot(rows, RESET), out=of(FROM_HIDDEN)),
            partial(np.copyto, of(KEPT), update)]

    def backward_steps(self, block: StepBlock) -> Closure:
        rows, dh = block.rows, self.dh
        factors = self.factors[:rows.stop - rows.start]
        first = self.find_factors(block, factors)
        weights, back = self.weights.back, by_chunk(dh, self.weights.back.shape[2])
        spread = dh[:, np.newaxis]
        into = self.apart(self.gates[rows])[:, :, :KEPT + 1]
        arriving = [None] * len(into) if self.arriving is None else self.arriving[block.steps]
        views = list(zip(arriving, self.apart(factors)[:, :, :KEPT + 1], into, self.slot(rows, RESET, 3),
                         self.slot(rows, KEPT), strict=True))[::-1]

        def run() -> None:
            for call in first:
                call()
            for dy, of_h, into_h, grads, kept in views:
                if dy is not None:
                    np.add(dh, dy, out=dh)
                np.multiply(of_h, spread, out=into_h)
                np.matmul(grads, weights, out=back)
                np.add(dh, kept, out=dh)
        return run


@kernel("gru")
class Gru(CellKernel):
    """`gru`, unless it resets before the product."""

    cell: ClassVar[type[BoundCell]] = BoundGru

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and case.attrs.get("reset") != "before-multiplication"
