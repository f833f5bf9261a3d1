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

Steps = tuple[np.ndarray, np.ndarray]  # the first step of each sequence, and the one behind the last
Data = np.ndarray | Sequences  # of one input: an array with the observation last, or sequences


class TimePiece(NamedTuple):
    """Some steps of some observations, as one run; ``which`` says which observations they are."""

    batch: Batch
    which: np.ndarray


def count_of(data: Data) -> int:
    return len(data) if isinstance(data, Sequences) else int(data.shape[-1])


def time_pieces(inputs: Sequence[Data], options: SequenceOptions, *, carry: bool) -> Iterator[TimePiece]:
    """Every observation of all inputs, as runs one after the other; ``carry`` also asks for the states that each leaves.

    Sequences of like lengths come together where nothing depends on who their neighbours are, so that little is padded.
    """
    lengths = [data.lengths for data in inputs if isinstance(data, Sequences)]
    order = np.arange(len(lengths[0]))
    if len(order) > options.MiniBatchSize and options.SequenceLength != "shortest":
        order = np.argsort(lengths[0], kind="stable")
    for start in range(0, len(order), options.MiniBatchSize):
        which = order[start:start + options.MiniBatchSize]
        if isinstance(options.SequenceLength, int) and any(each[which].max() > options.SequenceLength for each in lengths):
            yield from split_batch(inputs, which, options.SequenceLength, carry=carry)
        elif options.SequenceLength == "shortest":
            yield TimePiece(batch_of(inputs, which, [shortest(data, which, options) for data in inputs], carry=carry), which)
        else:
            yield TimePiece(whole_batch(inputs, which, carry=carry), which)


def whole_batch(inputs: Sequence[Data], which: np.ndarray | None = None, *, carry: bool) -> Batch:
    """A mini-batch of whole sequences; None: of all of them."""
    arrays, lengths = [], list[np.ndarray | None]()
    for data in inputs:
        array, steps = (data, None) if isinstance(data, np.ndarray) else (
            data.parts[0][..., np.newaxis], None) if len(data) == 1 else data.padded(slice(None) if which is None else which)
        arrays.append(array[..., which] if isinstance(data, np.ndarray) and which is not None else array)
        lengths.append(None if steps is None or steps.min() == steps.max() else steps)
    return Batch(tuple(arrays), lengths=None if all(steps is None for steps in lengths) else lengths, carry=carry)


def shortest(data: Data, which: np.ndarray, options: SequenceOptions) -> Steps:
    """As many steps of each sequence as the shortest has: the first ones, or the last ones."""
    stops = data.lengths[which] if isinstance(data, Sequences) else np.zeros(len(which), int)
    starts, least = np.zeros_like(stops), stops.min()
    return (stops - least, stops) if options.SequencePaddingDirection == "left" else (starts, starts + least)


def split_batch(inputs: Sequence[Data], which: np.ndarray, steps: int, *, carry: bool) -> Iterator[TimePiece]:
    """A mini-batch of sequences in pieces of so many steps; those that have ended are left out."""
    given = [data.lengths[which] for data in inputs if isinstance(data, Sequences)]
    lengths = given[0]
    if not all(np.array_equal(lengths, other) for other in given):
        fail("network:lengthsDiffer", f"The inputs hold sequences of different lengths, which cannot be split together "
             f"into pieces of {counted(steps, 'step')}.", "Leave SequenceLength out: the sequences are taken whole.")
    going = before = np.arange(len(which))
    for start in range(0, int(lengths.max()), steps):
        going = before[lengths[before] > start]
        starts = np.full(len(going), start)
        span = starts, np.minimum(lengths[going], start + steps)
        batch = batch_of(inputs, which[going], [span] * len(inputs), carry=carry or bool(lengths.max() > start + steps))
        if start:
            batch = batch._replace(continues=np.flatnonzero(lengths[before] > start))
        yield TimePiece(batch, which[going])
        before = going


def batch_of(inputs: Sequence[Data], which: np.ndarray, spans: Sequence[Steps], *,
             carry: bool) -> Batch:
    """Some steps of some sequences, and the other data of the same observations."""
    arrays, lengths = [], list[np.ndarray | None]()
    for data, (starts, stops) in zip(inputs, spans, strict=True):
        ragged = isinstance(data, Sequences) and bool((stops - starts != stops[0] - starts[0]).any())
        arrays.append(data.cut(which, starts, stops) if isinstance(data, Sequences) else data[..., which])
        lengths.append((stops - starts).astype(np.int32) if ragged else None)
    return Batch(tuple(arrays), lengths=lengths if any(each is not None for each in lengths) else None, carry=carry)
