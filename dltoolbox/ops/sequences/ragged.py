"""Sequences of several lengths in one mini-batch, and how ops meet them.

Every sequence stands at the beginning of its array; padding fills the rest. What comes out at padded steps means nothing,
so it must not reach anything else: gradients that arrive there are zero, and an op that looks across steps reads no padding
and sends no gradient into it. Which steps are real is a value of its own, a vector of lengths, that travels with the data.
All ops but those that look across steps pass it on; pages do not know it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.ops.time_axis import Way

N = TypeVar("N", int, np.ndarray)


@dataclass(frozen=True)
class Across:
    """How an op that looks across steps copes with several lengths.

    Attributes:
        ways: The ways of looking at T in which it looks across steps; in others it does the same with every step.
        ends: The padded steps of its first input hold this number, or the last real step ('edge'), or anything (None).
        all_inputs: Whether those of all its inputs do.
        takes: What it gets as a further, last input: the lengths (B), or the mask of real steps (1×T×B, zeros and ones).
        of: The input whose lengths these are.
        op: The op that takes its place, in its own usual way; itself by default.
    """

    ways: Collection[Way] = (Way.SPACE,)
    ends: float | Literal["edge"] | None = None
    all_inputs: bool = False
    takes: Literal["", "lengths", "mask"] = ""
    of: int = 0
    op: str = ""


class LengthRule(NamedTuple):
    """The length of what comes out: (n·multiply + add) // divide."""

    multiply: int = 1
    add: int = 0
    divide: int = 1

    @classmethod
    def of_window(cls, window: Window) -> LengthRule:
        """That of a window whose last axis is time."""
        stride = window.stride[-1]
        return cls(1, sum(window.padding[-1]) - window.extent[-1] + stride, stride)

    def __call__(self, n: N) -> N:
        return (n * self.multiply + self.add) // self.divide

    def shortest(self, wanted: int = 1) -> int:
        """The smallest length from which so many steps come out."""
        return max(-((self.add - wanted * self.divide) // self.multiply), 1)
