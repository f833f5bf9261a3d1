"""The spans that windows see along one axis, and reductions over them in logarithmically many steps.

A window of any number of dimensions is reduced one axis after the other. Along an axis, every output sees a *span*:
some positions, equally far apart. The elements of 1, 2, 4, 8, … successive positions are combined once for all spans,
and each span takes from these blocks what the binary digits of its length say. Time grows with the logarithm of the
window's side, memory not at all; sums are rounded as in a tree; and nothing that a span does not see, such as a NaN,
touches its result, as it would with differences of running sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window

SHORT_SPAN = 16  # spans up to this length, far apart, are less work element by element

SpanState = tuple[np.ndarray, ...]
Combine = Callable[[SpanState, SpanState], SpanState]


class Spans(NamedTuple):
    """For every output along an axis: it sees ``length`` positions, ``step`` apart, from ``first`` on."""

    first: np.ndarray
    length: np.ndarray
    step: int


def origins(window: Window, axis: int, out: int) -> np.ndarray:
    """Position of the first tap of every output along an axis; negative in the padding."""
    return np.arange(out) * window.stride[axis] - window.padding[axis][0]


def seen(window: Window, axis: int, n: int, out: int) -> Spans:
    """The positions 0 … n−1 that every output sees along an axis."""
    start, apart = origins(window, axis, out), window.dilation[axis]
    before = np.maximum(-(start // apart), 0)
    end = np.minimum((n - 1 - start) // apart + 1, window.size[axis])
    return Spans(start + before * apart, np.maximum(end - before, 0), apart)


def seeing(window: Window, axis: int, out: int, n: int) -> Spans:
    """The outputs 0 … out−1 that see every position along an axis: the adjoint of `seen`.

    Output o sees position i where o·stride + f·dilation = i + before for one of the taps f.
    """
    stride, apart = window.stride[axis], window.dilation[axis]
    common = gcd(stride, apart)
    step = apart // common
    at = np.arange(n) + window.padding[axis][0]
    low = np.maximum(-(((window.size[axis] - 1) * apart - at) // stride), 0)
    high = np.minimum(at // stride, out - 1)
    first = low + (at // common * pow(stride // common, -1, step) - low) % step
    return Spans(first, np.where(at % common == 0, np.maximum((high - first) // step + 1, 0), 0), step)


def reduced(state: SpanState, axis: int, spans: Spans, combine: Combine, start: Sequence[float]) -> SpanState:
    """The result of ``combine`` for each span along an axis, ``start`` for an empty one.

    ``state`` are arrays that belong together, such as values and their positions. ``combine`` is associative; what
    stands on its left comes before what stands on its right.
    """
    first, left, lead = spans.first.copy(), spans.length.copy(), (slice(None),) * axis
    shape = (*state[0].shape[:axis], len(first), *state[0].shape[axis + 1:])
    result = [np.full_like(x, value, order="K", shape=shape) for x, value in zip(state, start, strict=True)]
    longest = int(left.max(initial=0))
    singly = longest <= SHORT_SPAN and longest * len(first) <= 2 * state[0].shape[axis]
    width = 1
    while left.any():
        here = np.flatnonzero(left if singly else left & width)
        if len(here):
            of, to = ((*lead, evenly(index)) for index in (first[here], here))
            taken = tuple(x[of] for x in state)
            fresh = (left[here] == spans.length[here]).all()
            made = taken if fresh else combine(tuple(x[to] for x in result), taken)
            for x, part in zip(result, made, strict=True):
                x[to] = part
            first[here] += width * spans.step
            left[here] -= width
        if left.any() and not singly:
            near, far = (tuple(x[(*lead, part)] for x in state)
                         for part in (slice(-width * spans.step), slice(width * spans.step, None)))
            state = combine(near, far)
            width *= 2
    return tuple(result)


def evenly(index: np.ndarray) -> slice | np.ndarray:
    """An index of increasing numbers as a slice where they are equally far apart: a view instead of a copy."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if step > 0 and (np.diff(index) == step).all():
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


def plus(left: SpanState, right: SpanState) -> SpanState:
    return (left[0] + right[0],)


def greater(left: SpanState, right: SpanState) -> SpanState:
    """The greater of two; a NaN wins."""
    return (np.maximum(left[0], right[0]),)


def first_greatest(left: SpanState, right: SpanState) -> SpanState:
    """The greater of two values with its position; a NaN is greater than any number, a tie is won from the left.
    Position −1 stands for nothing, which every value beats.
    """
    (best, at), (other, there) = left, right
    wins = ~(other <= best) & (best == best) | (at < 0)
    return np.where(wins, other, best), np.where(wins, there, at)
