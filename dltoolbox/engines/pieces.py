"""Sequences as runs of an engine: mini-batches of them, whole, cut, or in pieces that go on where the last one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.data.sources.batches import Batch
from dltoolbox.data.sources.sequences import Sequences
from dltoolbox.engines.options import SequenceOptions

Data = np.ndarray | Sequences  # of one input: an array with the observation last, or sequences


class Piece(NamedTuple):
    """Some steps of some observations, as one run; ``index`` says which observations they are."""

    batch: Batch
    index: np.ndarray


def count_of(data: Data) -> int:
    return len(data) if isinstance(data, Sequences) else int(data.shape[-1])


def pieces_of(inputs: Sequence[Data], options: SequenceOptions, *, carry: bool) -> Iterator[Piece]:
    """Every observation of all inputs, as runs one after the other; ``carry`` also asks for the states that each leaves.

    Sequences of like lengths come together where nothing depends on who their neighbours are, so that little is padded.
    """
    lengths = [data.lengths for data in inputs if isinstance(data, Sequences)]
    order = np.arange(count_of(inputs[0]))
    if len(order) > options.MiniBatchSize and options.SequenceLength != "shortest":
        order = np.argsort(lengths[0], kind="stable")
    for start in range(0, len(order), options.MiniBatchSize):
        index = order[start:start + options.MiniBatchSize]
        if isinstance(options.SequenceLength, int) and any(each[index].max() > options.SequenceLength for each in lengths):
            yield from split(inputs, index, options.SequenceLength, carry=carry)
        else:
            yield Piece(whole_batch(inputs, index, options, carry=carry), index)


def whole_batch(inputs: Sequence[Data], index: np.ndarray, options: SequenceOptions, *, carry: bool) -> Batch:
    """A mini-batch of whole sequences, or of as many steps of each as the shortest has."""
    spans = []
    for data in inputs:
        stops = data.lengths[index] if isinstance(data, Sequences) else np.empty(0, int)
        starts = np.zeros_like(stops)
        if options.SequenceLength == "shortest" and stops.size:
            if options.SequencePaddingDirection == "left":
                starts = stops - stops.min()
            else:
                stops = np.full_like(stops, stops.min())
        spans.append((starts, stops))
    return batch_of(inputs, index, spans, carry=carry)


def split(inputs: Sequence[Data], index: np.ndarray, steps: int, *, carry: bool) -> Iterator[Piece]:
    """A mini-batch of sequences in pieces of so many steps; those that have ended are left out."""
    given = [data.lengths[index] for data in inputs if isinstance(data, Sequences)]
    lengths = given[0]
    if not all(np.array_equal(lengths, other) for other in given):
        fail("network:lengthsDiffer", f"The inputs hold sequences of different lengths, which cannot be split into pieces of "
             f"{counted(steps, 'step')} together.", "Leave SequenceLength out: the sequences are taken whole.")
    going = before = np.arange(len(index))
    for start in range(0, int(lengths.max()), steps):
        going = before[lengths[before] > start]
        starts = np.full(len(going), start)
        span = starts, np.minimum(lengths[going], start + steps)
        batch = batch_of(inputs, index[going], [span] * len(inputs), carry=carry or bool(lengths.max() > start + steps))
        if start:
            batch = batch._replace(continues=np.flatnonzero(lengths[before] > start))
        yield Piece(batch, index[going])
        before = going


def batch_of(inputs: Sequence[Data], index: np.ndarray, spans: Sequence[tuple[np.ndarray, np.ndarray]], *,
             carry: bool) -> Batch:
    """Some steps of some sequences, and the other data of the same observations."""
    arrays, lengths = [], list[np.ndarray | None]()
    for data, (starts, stops) in zip(inputs, spans, strict=True):
        ragged = isinstance(data, Sequences) and bool((stops - starts != stops[0] - starts[0]).any())
        arrays.append(data.cut(index, starts, stops) if isinstance(data, Sequences) else data[..., index])
        lengths.append((stops - starts).astype(np.int32) if ragged else None)
    return Batch(tuple(arrays), lengths=lengths if any(each is not None for each in lengths) else None, carry=carry)
