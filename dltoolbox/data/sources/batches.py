"""Sets of observations as mini-batches, wherever they come from: memory, files, or what a function makes.

The observation is the last axis of every array, as MATLAB stores images (H×W×C×N); features are C×N here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import numpy as np

Lengths = Sequence[np.ndarray | None] | None  # per input, of its sequences; see `Batch`


class Batch(NamedTuple):
    """Inputs and targets of some observations, one array per input and per output of the network.

    Attributes:
        inputs: Data, the observation last, and time before it; sequences are padded behind their ends.
        targets: Likewise; nothing at padded steps.
        lengths: Per input, the lengths of its sequences; None where all are as long as the array, or for all inputs.
        continues: Which observation of the batch before each one goes on from, -1 for those that begin; None: all begin.
        carry: Whether a batch follows that goes on from this one.
        target_lengths: The lengths of targets that are sequences, whether they differ or not; else None.
    """

    inputs: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...] = ()
    lengths: Lengths = None
    continues: np.ndarray | None = None
    carry: bool = False
    target_lengths: np.ndarray | None = None

    @property
    def course(self) -> dict[str, Any]:
        """All that a run is told but inputs and targets, by name."""
        return {name: value for name, value in zip(self._fields[2:5], self[2:5], strict=True)
                if value is not None and value is not False}


class Batches(Protocol):
    """A set of observations, to be read any number of times. Training, validation and statistics know nothing else of data.

    Arrays may be of any type; the model casts the few observations that it works on. Each is valid until the next batch
    is asked for.
    """

    @property
    def count(self) -> int:
        """Number of observations."""

    @property
    def input_sizes(self) -> Sequence[tuple[int, ...]]:
        """Size of one observation, for every input of the network."""

    @property
    def input_types(self) -> Sequence[np.dtype]:
        """In which type each input is stored."""

    def narrow(self, types: Sequence[np.dtype]) -> None:
        """From now on inputs of wider types may come in these, in which they enter the model."""

    def batches(self, size: int, order: np.ndarray | None = None) -> Iterator[Batch]:
        """Every observation once, from the beginning, in batches of at most ``size``.

        ``order`` holds their numbers; None is the order in which the source has them.
        """

    def input_batches(self, size: int) -> Iterator[Batch]:
        """The inputs alone, in the order of the source."""

    def batch_count(self, size: int, order: np.ndarray | None = None) -> int:
        """The number of batches of the full mini-batches of so many observations; those of sequences can be several."""


class MiniBatches:
    """The mini-batches of each epoch: ⌊N/B⌋ full ones; the rest is dropped. B is at most N.

    Shuffle 'once' draws one order for all epochs (and so always drops the same observations), 'every-epoch' one per
    epoch, 'never' none.
    """

    def __init__(self, source: Batches, size: int, shuffle: str, random: np.random.Generator) -> None:
        self.source, self.shuffle, self.random = source, shuffle, random
        self.size = min(size, source.count)
        self.order = random.permutation(source.count) if shuffle == "once" else None

    def total(self, epochs: int) -> int:
        """The number of batches of so many epochs. Where the order decides on it, the orders to come are drawn ahead."""
        if self.shuffle != "every-epoch" or self.source.batch_count(1) == self.source.count:
            return epochs * self.source.batch_count(self.size, self.order)
        ahead = deepcopy(self.random)
        return sum(self.source.batch_count(self.size, ahead.permutation(self.source.count)) for _ in range(epochs))

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch, each valid until the next one."""
        if self.shuffle == "every-epoch":
            self.order = self.random.permutation(self.source.count)
        left = self.source.count // self.size
        for batch in self.source.batches(self.size, self.order):
            yield batch
            left -= not batch.carry
            if not left:
                return
