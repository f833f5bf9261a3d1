"""Sequences as runs of an engine: mini-batches of them, whole, cut, or in pieces that go on where the last one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.errors import fail
from dltoolbox.data.sources.batches import Batch
from dltoolbox.data.sources.sequence_source import Cutting, InputColumn, StepRange, distinct_lengths, step_ranges
from dltoolbox.data.sources.sequences import Sequences
from dltoolbox.engines.options import SequenceOptions


class TimePiece(NamedTuple):
    """Some steps of some observations, as one run; ``which`` says which observations they are."""

    batch: Batch
    which: np.ndarray


def time_pieces(inputs: Sequence[InputColumn], options: SequenceOptions, *, carry: bool) -> Iterator[TimePiece]:
    """Every observation of all inputs, as runs one after the other; ``carry`` also asks for the states that each leaves.

    Sequences of like lengths come together where nothing depends on who their neighbours are, so that little is padded.
    """
    lengths = [data.lengths for data in inputs if isinstance(data, Sequences)]
    cutting = Cutting(options.SequenceLength, options.SequencePaddingDirection)
    order = np.arange(len(lengths[0]))
    if len(order) > options.MiniBatchSize and cutting.length != "shortest":
        order = np.argsort(lengths[0], kind="stable")
    for start in range(0, len(order), options.MiniBatchSize):
        which = order[start:start + options.MiniBatchSize]
        longest = max(int(each[which].max()) for each in lengths)
        if cutting.length == "longest" or (isinstance(cutting.length, int) and longest <= cutting.length):
            yield TimePiece(whole_batch(inputs, which, carry=carry), which)
            continue
        if not all(np.array_equal(lengths[0][which], each[which]) for each in lengths):
            fail("network:lengthsDiffer", "The inputs hold sequences of different lengths, which cannot be cut together.",
                 "Leave SequenceLength out: the sequences are taken whole.")
        for piece in step_ranges(lengths[0][which], cutting):
            yield TimePiece(batch_of(inputs, which[piece.rows], piece, carry=carry), which[piece.rows])


def whole_batch(inputs: Sequence[InputColumn], which: np.ndarray | None = None, *, carry: bool) -> Batch:
    """A mini-batch of whole sequences; None: of all of them."""
    arrays, lengths = [], list[np.ndarray | None]()
    for data in inputs:
        array, steps = (data, None) if isinstance(data, np.ndarray) else (
            data.parts[0][..., np.newaxis], None) if len(data) == 1 else data.padded(slice(None) if which is None else which)
        arrays.append(array[..., which] if isinstance(data, np.ndarray) and which is not None else array)
        lengths.append(None if steps is None or steps.min() == steps.max() else steps)
    return Batch(tuple(arrays), lengths=None if all(steps is None for steps in lengths) else lengths, carry=carry)


def batch_of(inputs: Sequence[InputColumn], which: np.ndarray, piece: StepRange, *, carry: bool) -> Batch:
    """Some steps of some sequences, and the other data of the same observations."""
    arrays = tuple(data.cut(which, piece.starts, piece.stops) if isinstance(data, Sequences) else data[..., which]
                   for data in inputs)
    lengths = distinct_lengths([(piece.starts, piece.stops) if isinstance(data, Sequences) else None for data in inputs])
    return Batch(arrays, (), None if all(steps is None for steps in lengths) else lengths, piece.continues,
                 carry or piece.carry)
