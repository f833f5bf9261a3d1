"""Connectionist temporal classification: the probability of a sequence of labels, whatever steps they stand at.

A path has one class per step. Repeated classes and then blanks are dropped; what is left are the labels. The probability
of the labels is the sum over all paths, which is found step by step, in logarithms.

Source: Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
networks" (2006), sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import IN, Arrays, Attributes, Call, Gradients, Op, op
from dltoolbox.ops.time_axis import Way


class Lattice(NamedTuple):
    """States s = 0 … 2L: a blank, the first label, a blank, … of every observation.

    Attributes:
        classes: Of each state, from 0, S×B.
        skips: Whether a path may come from the state before the last, S×B.
        logs: ln of the probability of the class of a state at every step, T×S×B.
        steps: Whether an observation has a step, T×B.
        ends: Which states a path may end in, S×B.
    """

    classes: np.ndarray
    skips: np.ndarray
    logs: np.ndarray
    steps: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, targets: np.ndarray, steps: np.ndarray, counts: np.ndarray, blank: int) -> Lattice:
        (most, batch), length = targets.shape, y.shape[1]
        real = np.arange(most)[:, None] < counts
        classes = np.full((2 * most + 1, batch), blank - 1, np.int64)
        classes[1::2] = np.where(real, targets, blank) - 1
        skips = np.zeros(classes.shape, bool)
        skips[2:] = (classes[2:] != blank - 1) & (classes[2:] != classes[:-2])
        logs = np.log(np.maximum(y.astype(np.float64), np.finfo(y.dtype).tiny))
        of_states = logs[classes, np.arange(length)[:, None, None], np.arange(batch)]
        state, last = np.arange(len(classes))[:, None], 2 * counts
        return cls(classes, skips, of_states, np.arange(length)[:, None] < steps, (state <= last) & (state >= last - 1))

    def forward(self) -> np.ndarray:
        """ln of the sum over the paths up to a step that are in a state there, (1 + T)×S×B; row 0 is before all steps."""
        before = np.full(self.classes.shape, -np.inf)
        before[0] = 0
        found = [before]
        for logs, real in zip(self.logs, self.steps, strict=True):
            one, two = np.full_like(before, -np.inf), np.full_like(before, -np.inf)
            one[1:], two[2:] = before[:-1], np.where(self.skips[2:], before[:-2], -np.inf)
            before = np.where(real, np.logaddexp(np.logaddexp(before, one), two) + logs, before)
            found.append(before)
        return np.stack(found)

    def backward(self) -> np.ndarray:
        """ln of the sum over the ways to go on from a state behind a step, T×S×B."""
        behind = np.where(self.ends, 0, -np.inf)
        found = []
        for logs, real in zip(self.logs[::-1], self.steps[::-1], strict=True):
            found.append(behind)
            on = behind + logs
            one, two = np.full_like(on, -np.inf), np.full_like(on, -np.inf)
            one[:-1], two[:-2] = on[1:], np.where(self.skips[2:], on[2:], -np.inf)
            behind = np.where(real, np.logaddexp(np.logaddexp(on, one), two), behind)
        return np.stack(found[::-1]) if found else self.logs

    def total(self, forward: np.ndarray) -> np.ndarray:
        """ln of the probability of the labels, B."""
        return np.asarray(np.logaddexp.reduce(np.where(self.ends, forward[-1], -np.inf), 0))


@op
class ctc(Op):
    """−ln of the probability of the labels (1×B): ``(y, targets, steps, counts)``.

    ``y`` holds probabilities, classes × steps × B, and observations have so many ``steps``. ``targets`` are classes from 1
    on, labels × B, of which ``counts`` are there. 0 is read as tiny. Infinite where there are too few steps.
    """

    saved_for_backward = IN
    way = Way.SEE

    def infer(self, y: Dims, targets: Dims, steps: Dims, counts: Dims, *, blank: int) -> Dims:
        return Dims("CB", (1, y.batch))

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Probabilities, sequences of all lengths, and every other class."""
        y, targets, steps, counts = (dims.shape for dims in inputs)
        e = np.exp(rng.standard_normal(y))
        classes = np.delete(np.arange(1, y[0] + 1), attrs["blank"] - 1)
        most = min((y[1] + 1) // 2, targets[0])
        return tuple(np.asarray(x, dtype) for x, dtype in zip((
            e / e.sum(0), rng.choice(classes, targets), rng.integers(max(2 * most - 1, 0), y[1] + 1, steps),
            rng.integers(0, most + 1, counts)), dtypes, strict=True))

    def forward(self, y: np.ndarray, targets: np.ndarray, steps: np.ndarray, counts: np.ndarray, *,
                blank: int) -> np.ndarray:
        lattice = Lattice.of(y, targets, steps, counts, blank)
        return np.asarray(-lattice.total(lattice.forward())[None], y.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, blank: int) -> Gradients:
        """Of ln y, minus the share of the paths that have the class at the step."""
        y, targets, steps, counts = call.inputs
        lattice = Lattice.of(y, targets, steps, counts, blank)
        forward = lattice.forward()
        shares = np.exp(forward[1:] + lattice.backward() - lattice.total(forward)) * lattice.steps[:, None]
        of_class = lattice.classes == np.arange(len(y))[:, None, None]
        by_class = np.matmul(of_class.transpose(2, 0, 1).astype(np.float64), shares.transpose(2, 1, 0))
        slope = by_class.transpose(1, 2, 0) / np.maximum(y, np.finfo(y.dtype).tiny)
        return np.asarray(-grad[0] * slope, y.dtype), None, None, None
