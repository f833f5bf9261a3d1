"""Sequences of any lengths: what users pass as one input of a network, and mini-batches of them.

Each sequence is an array S…×C×T in the axes of the program. Inside, padding stands behind the end of each, whatever side is
asked for: which side it is decides only which steps are left out where sequences are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from dltoolbox.core.arrays import real_steps

SequenceForm = Literal["list", "array", "one"]  # in which sequences came: a list of them, …×c×N×T, or …×c×T alone


class Sequences:
    """N sequences of one input. Nothing is copied until they are gathered.

    Attributes:
        parts: The sequences, each S…×C×T.
        lengths: Their numbers of time steps.
        size: S…×C of each time step.
        form: How they came, so that results can go in the same form.
    """

    def __init__(self, parts: Sequence[np.ndarray], form: SequenceForm = "list") -> None:
        self.parts, self.form = list(parts), form
        self.lengths = np.array([part.shape[-1] for part in self.parts], np.int32)
        self.size: tuple[int, ...] = self.parts[0].shape[:-1]
        self.dtype: np.dtype = np.result_type(*{part.dtype for part in self.parts})

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def longest(self) -> int:
        return int(self.lengths.max())

    def padded(self, index: Sequence[int] | np.ndarray | slice = slice(None), *,
               dtype: np.dtype | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Some sequences as one array S…×C×T×B with zeros behind their ends, and their lengths (B)."""
        chosen = np.arange(len(self))[index]
        lengths = self.lengths[chosen]
        return self.cut(chosen, np.zeros_like(lengths), lengths, dtype=dtype), lengths

    def cut(self, index: np.ndarray, starts: np.ndarray, stops: np.ndarray, *,
            dtype: np.dtype | None = None) -> np.ndarray:
        """The steps from ``starts`` to ``stops`` of some sequences, with zeros behind the shorter ones: S…×C×T×B; a view
        where that can be.
        """
        parts = [self.parts[at] for at in index.tolist()]
        if len(parts) == 1 and parts[0].dtype == (dtype or self.dtype):
            alone: np.ndarray = parts[0][..., starts[0]:stops[0], np.newaxis]
            return alone
        steps = int((stops - starts).max(initial=0))
        out = np.empty((len(parts), *self.size, steps), self.dtype if dtype is None else dtype)
        for row, part, start, stop in zip(out, parts, starts.tolist(), stops.tolist(), strict=True):
            row[..., :stop - start] = part[..., start:stop]
            row[..., stop - start:] = 0
        return np.moveaxis(out, 0, -1)


class SequenceLabels:
    """Classes of every time step of N sequences, which become one-hot targets; code -1 becomes all zeros.

    Attributes:
        codes: For every sequence the classes of its steps, T, or of the pixels of each step, S…×T.
        classes: Number of classes K.
    """

    def __init__(self, codes: Sequence[np.ndarray], classes: int) -> None:
        narrow = np.min_scalar_type(-max(classes, 1))
        self.codes = Sequences([part.astype(narrow, copy=False) for part in codes])
        self.classes = classes

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def lengths(self) -> np.ndarray:
        return self.codes.lengths

    def cut(self, index: np.ndarray, starts: np.ndarray, stops: np.ndarray, *,
            dtype: np.dtype | None = None) -> np.ndarray:
        """As `Sequences.cut`: logical targets S…×K×T×B, all false behind the end of a sequence."""
        codes = self.codes.cut(index, starts, stops)
        codes = np.where(real_steps(stops - starts, codes.shape[-2]), codes, codes.dtype.type(-1))
        classes = np.arange(self.classes, dtype=codes.dtype)
        return np.moveaxis(classes.reshape(-1, *(1 for _ in codes.shape)) == codes, 0, -3)
