"""The part of a tap that lies inside the image: padding is never copied, compared or added, only skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from dltoolbox.core.geometry import Window


class Tap(NamedTuple):
    """One position of a window: its number, and which outputs read which inputs through it."""

    number: int
    outputs: tuple[slice, ...]
    inputs: tuple[slice, ...]
    whole: bool  # every output reads an input


def reach(inputs: int, outputs: int, offset: int, stride: int) -> tuple[slice, slice]:
    """The positions p of ``outputs`` for which p·stride + offset lies in ``inputs``, and where those are read."""
    first = max(0, -(offset // stride))
    end = max(first, min(outputs, (inputs - 1 - offset) // stride + 1))
    if first == end:
        return slice(0, 0), slice(0, 0)
    start = first * stride + offset
    return slice(first, end), slice(start, start + (end - first - 1) * stride + 1, stride)


@lru_cache(maxsize=4096)
def taps(window: Window, spatial: tuple[int, ...], out: tuple[int, ...]) -> tuple[Tap, ...]:
    """Every tap of a window over an image of size ``spatial``, row by row."""
    return tuple(_taps(window, spatial, out))


def _taps(window: Window, spatial: tuple[int, ...], out: tuple[int, ...]) -> Iterator[Tap]:
    for number, offset in enumerate(window.offsets()):
        pairs = [reach(n, m, o - p[0], s)
                 for n, m, o, p, s in zip(spatial, out, offset, window.padding, window.stride, strict=True)]
        outputs = tuple(pair[0] for pair in pairs)
        yield Tap(number, outputs, tuple(pair[1] for pair in pairs),
                  all(s.start == 0 and s.stop == m for s, m in zip(outputs, out, strict=True)))


def starting_at(window: Window, row: int) -> Window:
    """The window whose first output row is output row ``row`` of the given one."""
    before, after = window.padding[0]
    return replace(window, padding=((before - row * window.stride[0], after), *window.padding[1:]))


def window_at(window: Window, position: Sequence[int], spatial: Sequence[int]
              ) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Which taps of the window of one output lie inside an image, and where."""
    pairs = [reach(n, f, at * s - p[0], d) for n, f, at, s, p, d in zip(
        spatial, window.size, position, window.stride, window.padding, window.dilation, strict=True)]
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
