"""The common part of fast recurrent cells.

A run goes forward over copies of the sequences, in which every step lies in one stretch. Reversing them and clearing their
padding happens in these copies, so the loops know nothing of either: states run on over padded steps, where x is zero, and
no gradient comes back from there. All that does not depend on the step before it is done for many steps at once: the product
with x, the factors of the gradients, the products that are gradients of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import ClassVar, NamedTuple

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn
from dltoolbox.kernels.blocking import cut
from dltoolbox.kernels.memory_format import rows_order
from dltoolbox.kernels.recurrent.run_order import RunOrder
from dltoolbox.kernels.recurrent.weights import Gate, PackedWeights, side_by_side

BLOCK_BYTES = 1 << 20  # of the gates of steps that are worked on at a time


class StepBlock(NamedTuple):
    """Some steps, and the rows of the array of gates that hold them."""

    steps: slice
    rows: slice


class BoundCell:
    """A cell over time at its site. Subclasses say what a step is.

    The gates of a step lie in a row of slots, H columns each. They hold values; backward, gradients take their places.

    Attributes:
        gates: (steps, B, slots·H): all steps in training, else a block of them; and one row for the state after them.
        hidden: The hidden states before each step and in the end (T + 1, B, H), with ones if there is a recurrent bias.
        x: The input, with ones (T, B, C + 1).
    """

    states: ClassVar[int]
    slots: ClassVar[int]
    of_input: ClassVar[tuple[Gate, ...]]  # as they lie in slots
    of_hidden: ClassVar[tuple[Gate, ...]]
    input_slot: ClassVar[int]  # the first of those in which the product with x goes, and from which its gradient comes
    hidden_slot: ClassVar[int]  # the first of those from which gradients go back to the hidden state

    def __init__(self, site: BindContext) -> None:
        self.site = site
        x, *rest = site.inputs
        self.given, parameters, lengths = rest[:self.states], rest[self.states:self.states + 3], rest[self.states + 3:]
        channels, self.steps, self.batch = x.shape
        self.width = parameters[1].shape[1]
        self.weights = PackedWeights(site, parameters, self.batch, self.of_input, self.of_hidden,
                                     bool(site.computed.intersection(range(self.states + 1, self.states + 4))))
        keep = site.keep if site.training else site.scratch
        self.lengths = keep(lengths[0].shape, lengths[0].dtype) if lengths else None
        self.order = RunOrder(self.steps, bool(site.attrs.get("reverse")), self.lengths)
        self.row = self.slots * self.width
        self.longest = min(self.steps, max(1, BLOCK_BYTES // max(self.batch * self.row * site.dtype.itemsize, 1)))
        self.gates = keep(((self.steps if site.training else self.longest) + 1, self.batch, self.row))
        self.hidden = keep((self.steps + 1, self.batch, self.weights.of_hidden.shape[1]))
        self.h = self.hidden[:, :, :self.width]
        self.x = keep((self.steps, self.batch, channels + 1))

    # Views -----------------------------------------------------------------------------------------------------------
    @property
    def blocks(self) -> list[StepBlock]:
        """All steps; without gradients, all blocks use the same rows."""
        return [StepBlock(part, part if self.site.training else slice(0, part.stop - part.start))
                for part in cut(self.steps, self.longest)]

    def columns(self, first: int, number: int = 1) -> slice:
        """The columns of some slots side by side."""
        return slice(first * self.width, (first + number) * self.width)

    def slot(self, rows: slice, first: int, number: int = 1) -> np.ndarray:
        """Some slots side by side: (rows, B, number·H)."""
        return self.gates[rows, :, self.columns(first, number)]

    def flat(self, rows: slice, first: int, number: int) -> np.ndarray:
        """The same with steps and observations as one."""
        return flattened(self.gates[rows])[:, self.columns(first, number)]

    def apart(self, slots: np.ndarray) -> np.ndarray:
        """(…, number·H) → (…, number, H)."""
        return slots.reshape(*slots.shape[:-1], slots.shape[-1] // self.width, self.width)

    # Forward ---------------------------------------------------------------------------------------------------------
    def forward(self) -> Closure:
        y, hn = self.site.outputs[:2]
        source, target = self.order.seen(self.site.inputs[0]), self.order.seen(y)
        steps: list[Closure] = [] if self.weights.prepared else [self.weights.fill]
        if self.lengths is not None:
            steps.append(partial(np.copyto, self.lengths, self.site.inputs[-1]))
        steps += [partial(self.x[:, :, -1].fill, 1), self.order.copying(self.x[:, :, :-1], source), *self.begin()]
        if self.hidden.shape[2] > self.width:
            steps.append(partial(self.hidden[:, :, -1].fill, 1))
        for block in self.blocks:
            steps += [partial(np.matmul, flattened(self.x[block.steps]), self.weights.of_input,
                              out=self.flat(block.rows, self.input_slot, len(self.of_input))),
                      self.forward_steps(block), *self.after(block)]
        whole = slice(0, self.steps)
        return in_turn([*steps, self.order.copying(target, self.h[1:]), *self.last(hn, self.h, whole)])

    def begin(self) -> list[Closure]:
        """The states before the first step."""
        return [partial(np.copyto, self.h[0], self.given[0].T)]

    def forward_steps(self, block: StepBlock) -> Closure:
        raise NotImplementedError

    def after(self, block: StepBlock) -> list[Closure]:
        """More to do after the steps of a block."""
        return []

    def last(self, target: np.ndarray, states: np.ndarray, steps: slice) -> list[Closure]:
        """Copies the last states of sequences that end in these steps; ``states`` are those before each and after all."""
        lengths = self.lengths
        if lengths is None:
            return [partial(np.copyto, target, states[-1].T)] if steps.stop == self.steps else []

        def pick() -> None:
            here = np.flatnonzero((lengths > steps.start) & (lengths <= steps.stop))
            target[:, here] = states[lengths[here] - steps.start, here].T
        return [pick]

    # Backward --------------------------------------------------------------------------------------------------------
    def backward(self) -> Closure:
        dx, dh0 = self.site.grad_inputs[:2]
        dy, dhn = self.site.grad_outputs[:2]
        self.dh = self.site.scratch((self.batch, self.width))
        self.arriving, steps = self.arrive(dy, dhn, self.dh)
        steps += self.begin_backward()
        steps += [self.backward_steps(block) for block in reversed(self.blocks)]
        if dh0 is not None:
            steps.append(partial(np.copyto, dh0, self.dh.T))
        steps += [*self.end_backward(), *self.weight_gradients()]
        return in_turn(steps if dx is None else [*steps, *self.input_gradient(dx)])

    def arrive(self, dy: np.ndarray | None, d_last: np.ndarray | None,
               target: np.ndarray) -> tuple[np.ndarray | None, list[Closure]]:
        """The gradient that arrives at every step (T, B, H), if one does, and closures that make it and ``target``, the
        gradient of the state after all steps. Where sequences end at several steps, those of their last states go there.
        """
        lengths, shape = self.lengths, (self.steps, self.batch, self.width)
        spread = lengths is not None and d_last is not None
        steps: list[Closure] = [
            partial(target.fill, 0) if spread or d_last is None else partial(np.copyto, target, d_last.T)]
        seen = None if dy is None else self.order.seen(dy)
        if seen is not None and lengths is None and seen.strides[-1] == seen.itemsize:
            return seen, steps
        if seen is None and not spread:
            return None, steps
        every = self.site.scratch(shape)
        steps.append(partial(every.fill, 0) if seen is None else self.order.copying(every, seen))
        if lengths is not None and d_last is not None:
            all_of_them = np.arange(self.batch)

            def add() -> None:
                every[lengths - 1, all_of_them] += d_last.T
            steps.append(add)
        return every, steps

    @cached_property
    def factors(self) -> np.ndarray:
        """Factors of the gradients of states in the steps of a block."""
        return self.site.scratch((self.longest, *self.gates.shape[1:]))

    def begin_backward(self) -> list[Closure]:
        """More to do before the last step."""
        return []

    def backward_steps(self, block: StepBlock) -> Closure:
        raise NotImplementedError

    def end_backward(self) -> list[Closure]:
        """More to do after the first step."""
        return []

    def weight_gradients(self) -> list[Closure]:
        d_weights, d_recurrent, d_bias = self.site.grad_inputs[self.states + 1:self.states + 4]
        bias = None if d_bias is None else d_bias.reshape(-1)
        rows, size = slice(0, self.steps), len(self.of_input) * self.width
        before, behind = (None, None) if bias is None else (bias[:size], bias[size:])
        of_x, of_h = (self.flat(rows, self.input_slot, len(self.of_input)),
                      self.flat(rows, self.hidden_slot, len(self.of_hidden)))
        return [*self.products(of_x, self.x, self.of_input, d_weights, before),
                *self.products(of_h, self.hidden[:-1], self.of_hidden, d_recurrent,
                               behind if behind is not None and behind.size else None)]

    def products(self, grads: np.ndarray, met: np.ndarray, gates: Sequence[Gate], weights: np.ndarray | None,
                 bias: np.ndarray | None) -> list[Closure]:
        """Closures for the gradients of weights, and of the bias that the ones met."""
        if weights is None and bias is None:
            return []
        total = self.site.scratch((grads.shape[1], met.shape[2]))
        steps: list[Closure] = [partial(np.matmul, grads.T, flattened(met), out=total)]
        for place, number, count in side_by_side(gates):
            rows, part = self.columns(number, count), total[self.columns(place, count)]
            if weights is not None:
                steps.append(partial(np.copyto, weights[rows], part[:, :weights.shape[1]]))
            if bias is not None:
                steps.append(partial(np.copyto, bias[rows], part[:, -1]))
        return steps

    def input_gradient(self, dx: np.ndarray) -> list[Closure]:
        target = self.order.seen(dx)
        direct = self.lengths is None and target.flags.c_contiguous
        found = target if direct else self.site.scratch(target.shape)
        grads = self.flat(slice(0, self.steps), self.input_slot, len(self.of_input))
        product = partial(np.matmul, grads, self.weights.to_input, out=flattened(found))
        return [product] if direct else [product, self.order.copying(target, found)]


def flattened(x: np.ndarray) -> np.ndarray:
    """T×B×… with steps and observations as one."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


class CellKernel(Kernel):
    """A cell with the usual activations; others are left to the op's own body. Outputs lie channels last, as the run leaves
    them."""

    cell: ClassVar[type[BoundCell]]

    @property
    def saved_for_backward(self) -> frozenset[str]:
        """Nothing: all that it reads, it keeps in its own order."""
        return frozenset()

    def accepts(self, case: KernelSpec) -> bool:
        usual = {"state_activation": "tanh", "gate_activation": "sigmoid"}
        return all(case.attrs.get(name, value) == value for name, value in usual.items())

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return ((1, 2, 0), *(rows_order(2) for _ in case.outputs[1:]))

    def bind(self, site: BindContext) -> BoundKernel:
        cell = self.cell(site)
        prepare = cell.weights.fill if cell.weights.prepared else None
        return BoundKernel((cell.forward(),), (cell.backward(),) if site.training else (), prepare)
