"""Sets of observations as mini-batches, wherever they come from: memory, files, or what a function makes.

The observation is the last axis of every array, as MATLAB stores images (H×W×C×N); features are C×N here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np

Lengths = Sequence[np.ndarray | None] | None  # per input, of its sequences; see `Batch`


class Batch(NamedTuple):
    """Inputs and targets of some observations, one array per input and per output of the network.

    Attributes:
        inputs: Data, the observation last, and time before it; sequences are padded behind their ends.
        targets: Likewise; nothing at padded steps.
        lengths: Per input, the lengths of its sequences; None where all are as long as the array, or for all inputs.
        continues: Which observation of the batch before each one goes on from; None: all begin.
        carry: Whether a batch follows that goes on from this one.
    """

    inputs: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...] = ()
    lengths: Lengths = None
    continues: np.ndarray | None = None
    carry: bool = False

    @property
    def course(self) -> dict[str, Any]:
        """All but inputs and targets that there is, by name."""
        return {name: value for name, value in zip(self._fields[2:], self[2:], strict=True)
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


class MiniBatches:
    """The mini-batches of each epoch: ⌊N/B⌋ full ones; the rest is dropped. B is at most N.

    Shuffle 'once' draws one order for all epochs (and so always drops the same observations), 'every-epoch' one per
    epoch, 'never' none.
    """

    def __init__(self, source: Batches, size: int, shuffle: str, random: np.random.Generator) -> None:
        self.source, self.shuffle, self.random = source, shuffle, random
        self.size = min(size, source.count)
        self.per_epoch = source.count // self.size
        self.order = random.permutation(source.count) if shuffle == "once" else None

    def epoch(self) -> Iterator[Batch]:
        """The mini-batches of the next epoch, each valid until the next one."""
        if self.shuffle == "every-epoch":
            self.order = self.random.permutation(self.source.count)
        return islice(self.source.batches(self.size, self.order), self.per_epoch)
