"""Twins of the recurrent cells: all steps of a block in one compiled loop. A step is a product, which adds to what is there,
and one pass over the gates.

The hyperbolic tangent is a quotient of polynomials, fitted to single precision on |x| ≤ 9.02, beyond which it is 1: relative
errors stay below 4e-7. Loops with few arrays and no calls become vector instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dltoolbox.kernels.base import Closure, KernelSpec, kernel
from dltoolbox.kernels.compiled_products import flags, gemm
from dltoolbox.kernels.numba_support import Twin, loop
from dltoolbox.kernels.recurrent.cell import CellKernel, StepBlock
from dltoolbox.kernels.recurrent.gru import BoundGru, Gru
from dltoolbox.kernels.recurrent.lstm import BoundLstm, Lstm

END, HALF, ONE = np.float32(9.02), np.float32(0.5), np.float32(1)
P1, P2, P3, P4 = (np.float32(c) for c in (0.133797184, 0.00349403429, 2.05834731e-05, 1.33190543e-08))  # of x² above
Q1, Q2, Q3, Q4 = (np.float32(c) for c in (0.467130333, 0.025871072, 0.000328309223, 7.76201318e-07))  # and below


@loop
def lstm_forward(call: Callable[..., None], flags: np.ndarray, h: np.ndarray, weights: np.ndarray,
                 gates: np.ndarray) -> None:
    """Slots of the gates: φ(c), output, input, forget, candidate, c before; what the input gives to the gates is there."""
    steps, batch, width = h.shape[0] - 1, h.shape[1], h.shape[2]
    chunk = weights.shape[2]
    sizes = np.array([chunk, batch, width, h.strides[1] // 4, gates.shape[2]]).astype(flags.dtype)
    one = np.ones(1, np.float32)
    for t in range(steps):
        for k in range(weights.shape[0]):
            call(flags.ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, weights[k].ctypes,
                 sizes.ctypes, h[t].ctypes, sizes[3:].ctypes, one.ctypes, gates[t, 0, width + k * chunk:].ctypes,
                 sizes[4:].ctypes)
        for b in range(batch):
            squashed, output = gates[t, b, :width], gates[t, b, width:2 * width]
            enter, forget = gates[t, b, 2 * width:3 * width], gates[t, b, 3 * width:4 * width]
            candidate, before = gates[t, b, 4 * width:5 * width], gates[t, b, 5 * width:]
            after, h_next, logistic = gates[t + 1, b, 5 * width:], h[t + 1, b], gates[t, b, width:4 * width]
            for j in range(3 * width):
                x = logistic[j]
                x = END if x > END else -END if x < -END else x
                u = x * x
                logistic[j] = HALF + HALF * x * (ONE + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (
                    ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))
            for j in range(width):
                x = candidate[j]
                x = END if x > END else -END if x < -END else x
                u = x * x
                candidate[j] = x * (ONE + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (
                    ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))
            for j in range(width):
                after[j] = enter[j] * candidate[j] + forget[j] * before[j]
            for j in range(width):
                x = after[j]
                x = END if x > END else -END if x < -END else x
                u = x * x
                x = x * (ONE + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))
                squashed[j] = x
                h_next[j] = output[j] * x


@loop
def lstm_backward(call: Callable[..., None], flags: np.ndarray, gates: np.ndarray, weights: np.ndarray, dh: np.ndarray,
                  arriving: np.ndarray, at_cell: np.ndarray) -> None:
    """Gradients take the places of the gates; the cell state's stands behind those of the step after it."""
    steps, batch, width = gates.shape[0] - 1, dh.shape[0], dh.shape[1]
    chunk = weights.shape[2]
    sizes = np.array([chunk, batch, 4 * width, gates.shape[2], width]).astype(flags.dtype)
    numbers = np.array([1, 0], np.float32)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            squashed, output = gates[t, b, :width], gates[t, b, width:2 * width]
            enter, forget = gates[t, b, 2 * width:3 * width], gates[t, b, 3 * width:4 * width]
            candidate, before = gates[t, b, 4 * width:5 * width], gates[t, b, 5 * width:]
            dc, into = gates[t + 1, b, 5 * width:], dh[b]
            if arriving.size:
                more = arriving[t, b]
                for j in range(width):
                    into[j] += more[j]
            if at_cell.size:
                more = at_cell[t, b]
                for j in range(width):
                    dc[j] += more[j]
            for j in range(width):
                o, s = output[j], squashed[j]
                dc[j] += into[j] * o * (ONE - s * s)
                output[j] = into[j] * s * o * (ONE - o)
            for j in range(width):
                d, i, f, g = dc[j], enter[j], forget[j], candidate[j]
                enter[j] = d * g * i * (ONE - i)
                forget[j] = d * before[j] * f * (ONE - f)
                candidate[j] = d * i * (ONE - g * g)
                before[j] = d * f
        for k in range(weights.shape[0]):
            call(flags.ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, numbers.ctypes,
                 weights[k].ctypes, sizes.ctypes, gates[t, 0, width:].ctypes, sizes[3:].ctypes, numbers[1:].ctypes,
                 dh[0, k * chunk:].ctypes, sizes[4:].ctypes)


@loop
def gru_forward(call: Callable[..., None], flags: np.ndarray, hidden: np.ndarray, weights: np.ndarray, gates: np.ndarray,
                width: int) -> None:
    """Slots of the gates: candidate, reset, update, and from R h: h − g in the end, anything, the part for the candidate."""
    steps, batch, chunk = hidden.shape[0] - 1, hidden.shape[1], weights.shape[2]
    sizes = np.array([chunk, batch, hidden.shape[2], hidden.shape[2], gates.shape[2]]).astype(flags.dtype)
    numbers = np.array([1, 0], np.float32)
    for t in range(steps):
        for k in range(weights.shape[0]):
            call(flags.ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, numbers.ctypes,
                 weights[k].ctypes, sizes.ctypes, hidden[t].ctypes, sizes[3:].ctypes, numbers[1:].ctypes,
                 gates[t, 0, 3 * width + k * chunk:].ctypes, sizes[4:].ctypes)
        for b in range(batch):
            candidate, both = gates[t, b, :width], gates[t, b, width:3 * width]
            reset, update = gates[t, b, width:2 * width], gates[t, b, 2 * width:3 * width]
            more, change = gates[t, b, 3 * width:5 * width], gates[t, b, 3 * width:4 * width]
            product, h, h_next = gates[t, b, 5 * width:], hidden[t, b], hidden[t + 1, b]
            for j in range(2 * width):
                x = both[j] + more[j]
                x = END if x > END else -END if x < -END else x
                u = x * x
                both[j] = HALF + HALF * x * (ONE + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (
                    ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))
            for j in range(width):
                x = candidate[j] + reset[j] * product[j]
                x = END if x > END else -END if x < -END else x
                u = x * x
                candidate[j] = x * (ONE + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (
                    ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))
            for j in range(width):
                change[j] = h[j] - candidate[j]
                h_next[j] = candidate[j] + update[j] * change[j]


@loop
def gru_backward(call: Callable[..., None], flags: np.ndarray, gates: np.ndarray, weights: np.ndarray, dh: np.ndarray,
                 arriving: np.ndarray) -> None:
    """Gradients take the places of the gates, then comes that of R h for the candidate, and that of h that passes by."""
    steps, batch, width = gates.shape[0], dh.shape[0], dh.shape[1]
    chunk = weights.shape[2]
    sizes = np.array([chunk, batch, 3 * width, gates.shape[2], width]).astype(flags.dtype)
    one = np.ones(1, np.float32)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            candidate, reset = gates[t, b, :width], gates[t, b, width:2 * width]
            update, change = gates[t, b, 2 * width:3 * width], gates[t, b, 3 * width:4 * width]
            product, into = gates[t, b, 5 * width:], dh[b]
            if arriving.size:
                more = arriving[t, b]
                for j in range(width):
                    into[j] += more[j]
            for j in range(width):
                d, g, z = into[j], candidate[j], update[j]
                candidate[j] = d * (ONE - z) * (ONE - g * g)
                update[j] = d * change[j] * z * (ONE - z)
                into[j] = d * z
            for j in range(width):
                d, r = candidate[j], reset[j]
                reset[j] = d * product[j] * r * (ONE - r)
                change[j] = d * r
        for k in range(weights.shape[0]):
            call(flags.ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, weights[k].ctypes,
                 sizes.ctypes, gates[t, 0, width:].ctypes, sizes[3:].ctypes, one.ctypes, dh[0, k * chunk:].ctypes,
                 sizes[4:].ctypes)


def following(part: slice) -> slice:
    """Steps and the one after them."""
    return slice(part.start, part.stop + 1)


def or_nothing(x: np.ndarray | None, steps: slice) -> np.ndarray:
    return np.empty((0, 0, 0), np.float32) if x is None else x[steps]


class LstmLoops(BoundLstm):
    """An LSTM whose steps are compiled."""

    def forward_steps(self, block: StepBlock) -> Closure:
        return partial(lstm_forward, gemm(self.site.dtype), flags(), self.hidden[following(block.steps)],
                       self.weights.of_hidden, self.gates[following(block.rows)])

    def backward_steps(self, block: StepBlock) -> Closure:
        return partial(lstm_backward, gemm(self.site.dtype), flags(), self.gates[following(block.rows)], self.weights.back,
                       self.dh, or_nothing(self.arriving, block.steps), or_nothing(self.arriving_cell, block.steps))


class GruLoops(BoundGru):
    """A GRU whose steps are compiled."""

    def forward_steps(self, block: StepBlock) -> Closure:
        return partial(gru_forward, gemm(self.site.dtype), flags(), self.hidden[following(block.steps)],
                       self.weights.of_hidden, self.gates[block.rows], self.width)

    def backward_steps(self, block: StepBlock) -> Closure:
        return partial(gru_backward, gemm(self.site.dtype), flags(), self.gates[block.rows], self.weights.back, self.dh,
                       or_nothing(self.arriving, block.steps))


class SingleTwin(Twin, CellKernel):
    """For single precision, in which all networks are trained."""

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and case.dtype == np.float32


@kernel("lstm")
class CompiledLstm(SingleTwin, Lstm):
    """`Lstm`'s twin."""

    cell = LstmLoops


@kernel("gru")
class CompiledGru(SingleTwin, Gru):
    """`Gru`'s twin."""

    cell = GruLoops
