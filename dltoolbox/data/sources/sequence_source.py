"""Sequences, alone or beside other data of the same observations, as a source of mini-batches.

A mini-batch is one batch, padded to its longest sequence or cut to its shortest, or several: pieces of so many steps, each
of which goes on where the one before it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.data.sources.arrays import OneHot, TargetColumn
from dltoolbox.data.sources.batches import Batch
from dltoolbox.data.sources.sequences import SequenceLabels, Sequences

InputColumn = np.ndarray | Sequences
TargetsOfSequences = TargetColumn | Sequences | SequenceLabels  # one target per observation, or one per step


class Cutting(NamedTuple):
    """How the sequences of a mini-batch come to one length: the options SequenceLength and SequencePaddingDirection."""

    length: int | Literal["longest", "shortest"] | str = "longest"
    side: str = "right"


WHOLE = Cutting()


class StepRange(NamedTuple):
    """Some steps of some sequences of a mini-batch: which of them, from where to where, and whom each goes on from."""

    rows: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    continues: np.ndarray | None = None
    carry: bool = False


def step_ranges(lengths: np.ndarray, cutting: Cutting) -> Iterator[StepRange]:
    """The pieces of a mini-batch of sequences of these lengths.

    Padding on the left moves the beginning of a short sequence into a later piece of the longest. A sequence without a step
    in a piece is left out of it.
    """
    rows = np.arange(len(lengths))
    if cutting.length == "shortest":
        starts = lengths - lengths.min() if cutting.side == "left" else np.zeros_like(lengths)
        yield StepRange(rows, starts, starts + lengths.min())
        return
    if isinstance(cutting.length, str) or lengths.max() <= cutting.length:
        yield StepRange(rows, np.zeros_like(lengths), lengths)
        return
    steps = cutting.length
    count = -(-int(lengths.max()) // steps)
    missing = count * steps - lengths if cutting.side == "left" else np.zeros_like(lengths)
    place = np.full(len(rows), -1)  # of each sequence in the piece before
    for first in range(0, count * steps, steps):
        starts, stops = (np.clip(at - missing, 0, lengths) for at in (first, first + steps))
        here = rows[stops > starts]
        yield StepRange(here, starts[here], stops[here], place[here] if first else None, first + steps < count * steps)
        place = np.full(len(rows), -1)
        place[here] = np.arange(len(here))


class SequenceSource:
    """Inputs and targets of N observations, some of them sequences, as `Batches`.

    Args:
        inputs: Per input of the network, sequences or one array (…×N).
        targets: Per output, one target per observation (…×N or `OneHot`) or per step of every sequence.
        cutting: How sequences come to one length.
        dtype: Type of the model. Wider numbers are narrowed when they are gathered.
    """

    def __init__(self, inputs: Sequence[InputColumn], targets: Sequence[TargetsOfSequences] = (),
                 cutting: Cutting = WHOLE, dtype: DTypeLike = np.float32) -> None:
        self.inputs, self.targets, self.cutting, self.dtype = tuple(inputs), tuple(targets), cutting, np.dtype(dtype)
        self.types: Sequence[np.dtype] = [self.dtype] * len(self.inputs)
        self.count = observation_count(self.inputs[0])
        self.lengths = next(column.lengths for column in self.inputs if isinstance(column, Sequences))

    @property
    def input_sizes(self) -> list[tuple[int, ...]]:
        return [(*column.size, column.longest) if isinstance(column, Sequences) else column.shape[:-1]
                for column in self.inputs]

    @property
    def input_types(self) -> list[np.dtype]:
        return [column.dtype for column in self.inputs]

    def narrow(self, types: Sequence[np.dtype]) -> None:
        self.types = types

    def batches(self, size: int, order: np.ndarray | None = None) -> Iterator[Batch]:
        """Every observation once, in this order, in mini-batches of at most ``size``, each one batch or several pieces."""
        return self.gathered(size, order, self.cutting, self.targets)

    def input_batches(self, size: int) -> Iterator[Batch]:
        """As `batches`, without the targets and with sequences whole."""
        return self.gathered(size, None, WHOLE, ())

    def batch_count(self, size: int, order: np.ndarray | None = None) -> int:
        """How many batches the full mini-batches of a size are."""
        order = np.arange(self.count) if order is None else order
        longest = self.lengths[order[:self.count // size * size]].reshape(-1, size).max(axis=1)
        steps = self.cutting.length
        return len(longest) if isinstance(steps, str) else int((-(-longest // steps)).sum())

    def gathered(self, size: int, order: np.ndarray | None, cutting: Cutting,
                 targets: Sequence[TargetsOfSequences]) -> Iterator[Batch]:
        order = np.arange(self.count) if order is None else order
        for start in range(0, self.count, size):
            index = order[start:start + size]
            for piece in step_ranges(self.lengths[index], cutting):
                yield self.batch(index, piece, targets)

    def batch(self, index: np.ndarray, piece: StepRange, targets: Sequence[TargetsOfSequences]) -> Batch:
        """A piece of the mini-batch of these observations."""
        index = index[piece.rows]
        whole = piece.continues is None and not piece.carry and self.cutting.length != "shortest"
        columns = [*self.inputs, *targets]
        spans = [span_of(column, index, piece, whole) for column in columns]
        types = [*self.types, *[self.dtype] * len(targets)]
        arrays = [gather_column(*part) for part in zip(columns, [index] * len(columns), spans, types, strict=True)]
        count = len(self.inputs)
        lengths = distinct_lengths(spans[:count])
        of_target = next((span[1] - span[0] for span in spans[count:] if span is not None), None)
        return Batch(tuple(arrays[:count]), tuple(arrays[count:]), lengths if any(each is not None for each in lengths)
                     else None, piece.continues, piece.carry, of_target)


StepSpan = tuple[np.ndarray, np.ndarray] | None  # the steps of every sequence, from here to there; None without time


def observation_count(column: TargetsOfSequences) -> int:
    """Number of observations."""
    return len(column) if isinstance(column, (Sequences, SequenceLabels)) else int(column.shape[-1])


def narrower(own: np.dtype, wanted: np.dtype) -> np.dtype:
    """The type in which numbers are gathered: their own, unless they are wider than the model takes."""
    return wanted if own.kind == "f" and own.itemsize > wanted.itemsize else own.newbyteorder("=")


def span_of(column: TargetsOfSequences, index: np.ndarray, piece: StepRange, whole: bool) -> StepSpan:
    """The steps that a piece takes of a column; of whole sequences each column has its own."""
    if not isinstance(column, (Sequences, SequenceLabels)):
        return None
    lengths = column.lengths[index]
    return (np.zeros_like(lengths), lengths) if whole else (piece.starts, piece.stops)


def gather_column(column: TargetsOfSequences, index: np.ndarray, span: StepSpan, dtype: np.dtype) -> np.ndarray:
    """Some observations of a column, in at most the precision of ``dtype``."""
    if isinstance(column, SequenceLabels):
        assert span is not None
        return column.cut(index, *span)
    if isinstance(column, OneHot):
        codes = column.codes[..., index]
        return column.expand(codes, np.empty(codes.size * column.classes, bool))
    dtype = narrower(column.dtype, dtype)
    if isinstance(column, Sequences):
        assert span is not None
        return column.cut(index, *span, dtype=dtype)
    return column[..., index].astype(dtype, copy=False)


def distinct_lengths(spans: Sequence[StepSpan]) -> list[np.ndarray | None]:
    """The numbers of steps of each span, the same object where they are equal; None where all are as long."""
    found: list[np.ndarray | None] = []
    for span in spans:
        steps = None if span is None else (span[1] - span[0]).astype(np.int32)
        if steps is not None:
            steps = None if (steps == steps[0]).all() else next(
                (other for other in found if other is not None and np.array_equal(other, steps)), steps)
        found.append(steps)
    return found
