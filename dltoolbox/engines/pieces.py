"""Sequences as runs of an engine: mini-batches of them, whole, cut, or in pieces that go on where the last one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.errors import fail
from dltoolbox.data.sources.batches import Batch
from dltoolbox.data.sources.sequence_source import Cutting, InputColumn, SequenceSource, step_ranges
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
    cutting = Cutting(options.SequenceLength, options.SequencePaddingDirection)
    source = SequenceSource(inputs, cutting=cutting)
    source.narrow(source.input_types)  # the engine takes them as they are
    order = np.arange(source.count)
    if source.count > options.MiniBatchSize and cutting.length != "shortest":
        order = np.argsort(source.lengths, kind="stable")
    for start in range(0, source.count, options.MiniBatchSize):
        which = order[start:start + options.MiniBatchSize]
        check_cut_alike([data.lengths[which] for data in inputs if isinstance(data, Sequences)], cutting)
        for piece in step_ranges(source.lengths[which], cutting):
            batch = source.batch(which, piece, ())
            yield TimePiece(batch._replace(carry=carry or batch.carry), which[piece.rows])


def whole_batch(inputs: Sequence[InputColumn], *, carry: bool) -> Batch:
    """All observations as one mini-batch, without the detours of several: a forecast asks for it step by step."""
    arrays, lengths = [], list[np.ndarray | None]()
    for data in inputs:
        array, steps = (data, None) if isinstance(data, np.ndarray) else data.padded()
        arrays.append(array)
        lengths.append(None if steps is None or steps.min() == steps.max() else steps)
    return Batch(tuple(arrays), lengths=None if all(steps is None for steps in lengths) else lengths, carry=carry)


def check_cut_alike(lengths: Sequence[np.ndarray], cutting: Cutting) -> None:
    """Sequences of several inputs can only be cut together where they have the same lengths."""
    whole = cutting.length == "longest" or (isinstance(cutting.length, int)
                                            and max(int(each.max()) for each in lengths) <= cutting.length)
    if not whole and not all(np.array_equal(lengths[0], each) for each in lengths):
        fail("network:lengthsDiffer", "The inputs hold sequences of different lengths, which cannot be cut together.",
             "Leave SequenceLength out: the sequences are taken whole.")
