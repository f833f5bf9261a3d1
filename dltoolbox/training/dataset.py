"""Data of a training set in memory, handed out as mini-batches.

The observation is the last axis of every array, as MATLAB stores images (H×W×C×N); features are C×N here. Whatever the
stored type, a mini-batch is converted when it is gathered, so a set of 8-bit images stays 8-bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Batch(NamedTuple):
    """Inputs and targets of some observations, one array per input and per output of the network."""

    inputs: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...]


class OneHot:
    """Class labels that become one-hot targets (…×K×N) when a mini-batch is gathered; code -1 becomes all zeros.

    Attributes:
        codes: Class of each observation (N) or pixel (H×W×N), 0-based, -1 for undefined.
        classes: Number of classes K.
    """

    def __init__(self, codes: np.ndarray, classes: int) -> None:
        self.codes = codes.astype(np.min_scalar_type(-max(classes, 1)), copy=False)
        self.classes = classes

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.codes.shape[:-1], self.classes, self.codes.shape[-1])

    def gather(self, index: Any, dtype: np.dtype) -> np.ndarray:
        codes = self.codes[..., index]
        ids = np.arange(self.classes, dtype=codes.dtype)
        return (codes[..., None, :] == ids[:, None]).astype(dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.gather(slice(None), np.dtype(dtype or np.float32))


Column = np.ndarray | OneHot


class Dataset:
    """Inputs and targets of N observations.

    Args:
        inputs: One array (…×N) per network input.
        targets: One array (…×N) or `OneHot` per network output.
        dtype: Type of the mini-batches; MATLAB trains in single precision.
    """

    def __init__(self, inputs: Sequence[np.ndarray], targets: Sequence[Column] = (), dtype: Any = np.float32) -> None:
        self.inputs, self.targets, self.dtype = tuple(inputs), tuple(targets), np.dtype(dtype)
        counts = {column.shape[-1] for column in (*self.inputs, *self.targets)}
        if len(counts) != 1:
            raise AssertionError(f"the arrays have different numbers of observations: {sorted(counts)}")
        self.count: int = counts.pop()

    def __len__(self) -> int:
        return self.count

    def batch(self, index: np.ndarray | slice) -> Batch:
        """The observations of an index array (or slice), converted and contiguous."""
        return Batch(self.gather_inputs(index), tuple(gather(t, index, self.dtype) for t in self.targets))

    def gather_inputs(self, index: np.ndarray | slice) -> tuple[np.ndarray, ...]:
        return tuple(gather(x, index, self.dtype) for x in self.inputs)

    def batches(self, size: int) -> Iterator[Batch]:
        """Every observation once, in order, in batches of at most ``size``."""
        return (self.batch(index) for index in self.slices(size))

    def input_batches(self, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """As `batches`, without the targets."""
        return (self.gather_inputs(index) for index in self.slices(size))

    def slices(self, size: int) -> Iterator[slice]:
        return (slice(start, min(start + size, self.count)) for start in range(0, self.count, size))


def gather(column: Column, index: np.ndarray | slice, dtype: np.dtype) -> np.ndarray:
    """Observations of one array as a new contiguous array of the given type."""
    if isinstance(column, OneHot):
        return column.gather(index, dtype)
    if isinstance(index, np.ndarray) and column.flags.c_contiguous:  # twice as fast as indexing
        picked = np.take(column, index, axis=-1)
        return picked.astype(dtype, copy=False)
    return np.array(column[..., index], dtype=dtype, order="C")


class MiniBatches:
    """The index arrays of each epoch: ⌊N/B⌋ full mini-batches; the rest is dropped. B is at most N.

    Shuffle 'once' draws one order for all epochs (and so always drops the same observations), 'every-epoch' one per
    epoch, 'never' none.
    """

    def __init__(self, count: int, size: int, shuffle: str, random: np.random.Generator) -> None:
        self.size = min(size, count)
        self.per_epoch = count // self.size
        self.count, self.shuffle, self.random = count, shuffle, random
        self.order = random.permutation(count) if shuffle == "once" else np.arange(count)

    def epoch(self) -> Iterator[np.ndarray]:
        """The mini-batches of the next epoch."""
        if self.shuffle == "every-epoch":
            self.order = self.random.permutation(self.count)
        order = self.order
        return (order[start:start + self.size] for start in range(0, self.per_epoch * self.size, self.size))
