"""RunOrder as the loops over time read them: T×B×C, in the order of the run, features inside."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import Closure
from dltoolbox.kernels.blocking import copying


class RunOrder:
    """How sequences (C×T×B) are copied to and from T×B×C in the order of the run, with zeros in place of padding."""

    def __init__(self, steps: int, reverse: bool, lengths: np.ndarray | None) -> None:
        self.steps, self.reverse, self.lengths = steps, reverse, lengths

    def seen(self, x: np.ndarray) -> np.ndarray:
        """C×T×B as T×B×C, in the order of the run where that is the same for all: a view."""
        turned = x.transpose(1, 2, 0)
        return turned[::-1] if self.reverse and self.lengths is None else turned

    def copying(self, target: np.ndarray, source: np.ndarray) -> Closure:
        """A closure that copies between two arrays T×B×C, of which one is `seen` and the other in the order of the run."""
        lengths, steps = self.lengths, self.steps
        if lengths is None:
            return copying(target, source)

        def copy() -> None:
            if not self.reverse:
                np.copyto(target, source)
            for b, length in enumerate(lengths.tolist()):
                if self.reverse:
                    target[:length, b] = source[:length, b][::-1]
                if length < steps:
                    target[length:, b] = 0
        return copy
