"""Words about lengths of sequences: the mask of real steps, what padded steps hold, and lengths behind a window.

The recorder says them where sequences of several lengths meet ops that look across steps (`dltoolbox.ops.sequences.ragged`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.ops.base import IN, Arrays, Attributes, Call, Gradients, Kind, Op, normal, op
from dltoolbox.ops.sequences.ragged import LengthRule
from dltoolbox.ops.time_axis import Way

if TYPE_CHECKING:
    from dltoolbox.ops.graph import Graph


class OfLengths(Op):
    """An op of sequences (S…, C, T, B) and their lengths (B)."""

    way = Way.SEE

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        x, lengths = inputs
        return normal(rng, x, dtypes[0]), full_lengths(x, lengths, dtypes[1])


def full_lengths(x: Dims, lengths: Dims, dtype: np.dtype) -> np.ndarray:
    """Lengths of sequences without padding, as an example."""
    return np.full(lengths.shape, x.size("T"), dtype)


@op
class step_mask(OfLengths):
    """1×T×B: one at real steps and zero at padded ones. Of the sequences only the sizes count."""

    differentiable = False

    def infer(self, x: Dims, lengths: Dims) -> Dims:
        return Dims("CTB", (1, *x.sizes[-2:]))

    def forward(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return real_steps(lengths, x.shape[-2])[np.newaxis].astype(x.dtype)


@op
class fill_ends(OfLengths):
    """Sequences whose padded steps hold a number, or the last real step ('edge'). No gradient passes there."""

    saved_for_backward = IN

    def infer(self, x: Dims, lengths: Dims, *, value: float | str) -> Dims:
        return x

    def forward(self, x: np.ndarray, lengths: np.ndarray, *, value: float | str) -> np.ndarray:
        if value == "edge":
            at = np.minimum(np.arange(x.shape[-2])[:, np.newaxis], lengths - 1)
            return np.take_along_axis(x, at.reshape(*(1,) * (x.ndim - 2), *at.shape), axis=-2)
        return np.where(real_steps(lengths, x.shape[-2]), x, np.asarray(value, x.dtype))

    def backward(self, call: Call, grad: np.ndarray, *, value: float | str) -> Gradients:
        return np.where(real_steps(call.inputs[1], grad.shape[-2]), grad, np.zeros((), grad.dtype)), None


@op
class mini_batch_size(Op):
    """How many sequences there are."""

    way = Way.SEE
    kinds = (Kind.BATCH,)
    differentiable = False
    by_observation = False

    def infer(self, x: Dims) -> Dims:
        return Dims.of("U", 1)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.full(1, x.shape[-1], x.dtype)


@op
class rescale_lengths(Op):
    """Lengths behind an op that changes them."""

    kinds = (Kind.LENGTHS,)
    differentiable = False

    def infer(self, lengths: Dims, *, rule: LengthRule) -> Dims:
        return lengths

    def forward(self, lengths: np.ndarray, *, rule: LengthRule) -> np.ndarray:
        return rule(lengths)


def check_lengths(graph: Graph, lengths: Sequence[np.ndarray]) -> None:
    """Something must come out of every window, however short a sequence is."""
    behind = {value: Shortest(int(given.min())) for value, given in zip(graph.lengths, lengths, strict=True) if given.size}
    for node in graph.nodes:
        if node.op.name == "rescale_lengths" and node.inputs[0] in behind:
            entering = behind[node.inputs[0]]
            behind[node.outputs[0]] = found = entering.after(node.attrs["rule"])
            if found.steps < 1:
                ops = {one.op.name for one in graph.nodes if one.layer == node.layer}
                rounds = " and leave out Rounding" if any("pool" in op for op in ops) else ""  # that goes with numbers alone
                refuse(found.needed(), entering.first, node.layer,
                       "set Cropping=0" if "conv_transposed" in ops else f"set Padding='same'{rounds}")
        least = node.op.least_steps(**node.attrs)
        if least > 1 and node.inputs[-1] in behind and behind[node.inputs[-1]].steps < least:
            entering = behind[node.inputs[-1]]
            refuse(entering.needed(least), entering.first, node.layer,
                   node.op.for_shorter(entering.steps, node.attrs))


class Shortest(NamedTuple):
    """Steps of the shortest sequence as it enters, and what has become of its length since."""

    first: int
    rules: tuple[LengthRule, ...] = ()

    @property
    def steps(self) -> int:
        return reduce(lambda n, rule: rule(n), self.rules, self.first)

    def after(self, rule: LengthRule) -> Shortest:
        return Shortest(self.first, (*self.rules, rule))

    def needed(self, wanted: int = 1) -> int:
        """The steps from which so many are left."""
        return reduce(lambda n, rule: rule.shortest(n), reversed(self.rules), wanted)


def refuse(needed: int, got: int, layer: str, otherwise: str) -> NoReturn:
    fail("network:sequenceTooShort", f"The shortest sequence has {counted(got, 'time step')}, but layer '{layer}' needs "
         f"sequences of at least {needed}.", f"Leave out sequences of fewer than {needed} time steps "
         f"(MinLength={needed} in sequenceInputLayer says which they are), or {otherwise} in '{layer}'.", layer=layer)
