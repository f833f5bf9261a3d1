"""Learnables that lie one after the other in memory, as the vectors on which solvers work.

A step of a solver is a handful of calls per array. On 65 small learnables they cost more than the numbers in them; on a
vector of all of them there are a handful in all. The vector is walked in stretches that stay in the cache from the
first call to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from math import lcm
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.engines.engine import Parameter
from dltoolbox.layers.base import all_zero, factors

LONGEST_SLOT_RUN = 1 << 16  # most numbers of a run: 14 ms for a step of 21 million numbers, 23 in one go


class Slot(NamedTuple):
    """A trained parameter and its averages, which lie beside those of its neighbour in memory."""

    number: int
    parameter: Parameter
    averages: tuple[np.ndarray, ...]


class Run(NamedTuple):
    """Numbers that move together, with one learn-rate factor.

    ``decay`` is that of the weights, None for none. Where learnables with several meet, it has one number per weight:
    one call that reads a few more numbers is cheaper than one call per learnable. ``scratch`` is shared by all runs.
    """

    value: np.ndarray
    gradient: np.ndarray
    averages: tuple[np.ndarray, ...]
    scratch: np.ndarray
    rate_factor: float
    decay: float | np.ndarray | None


class Part(NamedTuple):
    """Neighbouring numbers of a parameter that have the same factors: their count, the rate factor, the decay."""

    size: int
    rate_factor: float
    decay: float


@dataclass(frozen=True)
class FlatGradients:
    """The gradient of each trained parameter, and what to copy there first: (to, from), where gradients lie apart or belong
    to frozen rows."""

    each: list[np.ndarray]
    copies: list[tuple[np.ndarray, np.ndarray]]


def in_memory_order(parameters: Sequence[Parameter], averages: int) -> list[Slot]:
    """The trained parameters by address, each with some averages of its shape, all zero."""
    trained = [(index, p) for index, p in enumerate(parameters) if not all_zero(p.learn_rate_factor)]
    trained.sort(key=lambda pair: (pair[1].value.dtype.str, address(pair[1].value)))
    sizes: dict[np.dtype, int] = {}
    places = []
    for _, p in trained:
        places.append(sizes.get(p.value.dtype, 0))
        sizes[p.value.dtype] = places[-1] + p.value.size
    vectors = {dtype: [np.zeros(size, dtype) for _ in range(averages)] for dtype, size in sizes.items()}
    return [Slot(index, p, tuple(vector[at:at + p.value.size].reshape(p.value.shape) for vector in vectors[p.value.dtype]))
            for (index, p), at in zip(trained, places, strict=True)]


def make_runs(slots: Sequence[Slot], gradients: Sequence[np.ndarray | None],
              decay: float) -> tuple[list[Run], FlatGradients]:
    """Runs over all parameters that move, with this decay times their L2 factors. Those that do not reach the loss have a
    gradient of zero; they move by their decay alone."""
    runs: list[Run] = []
    flat = FlatGradients([], [])
    scratch = {slot.parameter.value.dtype: np.empty(LONGEST_SLOT_RUN, slot.parameter.value.dtype) for slot in slots}
    reached = [(slot, g) for slot in slots if (g := gradients[slot.number]) is not None]
    others = [(slot, np.zeros_like(slot.parameter.value)) for slot in slots
              if gradients[slot.number] is None and decay and not all_zero(slot.parameter.l2_factor)]
    flat.copies.extend((g, np.zeros((), g.dtype)) for _, g in others)
    for group in (*neighbours(reached), *neighbours(others)):
        value = joined([slot.parameter.value for slot, _ in group])
        if value is None:  # a parameter with strides of its own
            (slot, g), = group
            flat.each.append(g)
            runs += apart(slot, g, decay, flat)
        else:
            runs += stretches(group, value, gathered_gradient(group, value, flat), scratch[value.dtype], decay, flat)
    return runs, flat


def parts(parameter: Parameter, decay: float) -> list[Part]:
    """A parameter in rows of the same factors, with this decay times their L2 factors."""
    rates, decays = factors(parameter.learn_rate_factor), factors(parameter.l2_factor)
    count = lcm(len(rates), len(decays))
    return [Part(parameter.value.size // count, rates[i * len(rates) // count], decay * decays[i * len(decays) // count])
            for i in range(count)]


def parts_in_order(parameter: Parameter, decay: float) -> Iterator[Part]:
    """As `parts`, cut before and behind a column that does not decay."""
    for part in parts(parameter, decay):
        if parameter.still is None or not part.decay:
            yield part
        else:
            width, still = parameter.value.shape[-1], parameter.still
            row = (part._replace(size=still), part._replace(size=1, decay=0.0), part._replace(size=width - still - 1))
            yield from row * (part.size // width)


def decay_of(part: Part, still: int | None, value: np.ndarray) -> float | np.ndarray | None:
    """The decay of rows, in which a column may have none."""
    if still is None or not part.decay:
        return part.decay or None
    return np.where(np.arange(value.shape[-1]) == still, 0, part.decay).astype(value.dtype)


def apart(slot: Slot, gradient: np.ndarray, decay: float, flat: FlatGradients) -> Iterator[Run]:
    """A parameter that lies in memory otherwise than its neighbours, in rows of the same factors."""
    given = parts(slot.parameter, decay)
    own = np.empty(slot.parameter.value.shape, slot.parameter.value.dtype)
    arrays = (slot.parameter.value, gradient, own, *slot.averages)
    rows = zip(*(np.split(array, len(given)) for array in arrays), strict=True) if len(given) > 1 else [arrays]
    for part, (value, g, scratch, *averages) in zip(given, rows, strict=True):
        if part.rate_factor == 0:
            flat.copies.append((g, np.zeros((), g.dtype)))
        else:
            yield Run(value, g, tuple(averages), scratch, part.rate_factor, decay_of(part, slot.parameter.still, value))


SlotGroup = list[tuple[Slot, np.ndarray]]


def neighbours(given: SlotGroup) -> Iterator[SlotGroup]:
    """Groups of parameters, with their gradients, that follow each other in memory."""
    group: SlotGroup = []
    for slot, g in given:
        if group and joined([group[-1][0].parameter.value, slot.parameter.value]) is None:
            yield group
            group = []
        group.append((slot, g))
    if group:
        yield group


def gathered_gradient(group: SlotGroup, value: np.ndarray, flat: FlatGradients) -> np.ndarray:
    """The gradients of a group as a vector: as they are, or as the place where they are to be copied."""
    vector = joined([g for _, g in group])
    if vector is not None:
        flat.each.extend(g for _, g in group)
        return vector
    vector = np.empty_like(value)
    ends = [0, *accumulate(g.size for _, g in group)]
    for (_, g), (start, stop) in zip(group, pairwise(ends), strict=True):
        flat.each.append(vector[start:stop].reshape(g.shape))
        flat.copies.append((flat.each[-1], g))
    return vector


def stretches(group: SlotGroup, value: np.ndarray, gradient: np.ndarray, scratch: np.ndarray, decay: float,
              flat: FlatGradients) -> Iterator[Run]:
    """A group cut into runs, where the rate factor changes and where they get too long. Frozen rows are in none: their
    gradients become zero, so that they count in no norm."""
    averages = [joined([slot.averages[k] for slot, _ in group]) for k in range(len(group[0][0].averages))]
    begin = 0
    for rate_factor, same in groupby((part for slot, _ in group for part in parts_in_order(slot.parameter, decay)),
                                     itemgetter(1)):
        together = [*same]
        ends = [*accumulate((part.size for part in together), initial=begin)]
        stop = ends[-1]
        if rate_factor == 0:
            flat.copies.append((gradient[begin:stop], np.zeros((), gradient.dtype)))
        for start in range(begin, stop if rate_factor else begin, LONGEST_SLOT_RUN):
            here = slice(start, min(start + LONGEST_SLOT_RUN, stop))
            inside = [(part.decay, min(end, here.stop) - max(first, start))
                      for part, (first, end) in zip(together, pairwise(ends), strict=True)
                      if first < here.stop and end > start]
            decays, sizes = zip(*inside, strict=True)
            mixed = np.repeat(np.array(decays, value.dtype), sizes) if len({*decays}) > 1 else decays[0] or None
            yield Run(value[here], gradient[here], tuple(average[here] for average in averages if average is not None),
                      scratch[:here.stop - start], rate_factor, mixed)
        begin = stop


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """One vector over contiguous arrays that lie one after the other in one piece of memory; None if they do not."""
    first = arrays[0]
    if len(arrays) == 1:
        return first.reshape(-1) if first.flags.c_contiguous else None
    at = address(first)
    for array in arrays:
        if (array.base is None or array.base is not first.base or array.dtype != first.dtype
                or not array.flags.c_contiguous or address(array) != at):
            return None
        at += array.nbytes
    return as_strided(first, ((at - address(first)) // first.itemsize,), (first.itemsize,))


def address(array: np.ndarray) -> int:
    place: int = array.__array_interface__["data"][0]
    return place
