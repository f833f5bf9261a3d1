"""Maps: what comes out of the windows of a pooling, and what padding and overlap do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dltoolbox import averagePooling2dLayer, globalAveragePooling2dLayer, globalMaxPooling2dLayer
from dltoolbox.layers.pooling import MaxPooling
from docs.builder.drawing import CELL, Drawing, hue, number
from docs.builder.pooling.computed import SQUARE, enter, map_maximum, ran, taps, through, window_of
from docs.builder.pooling.lines import padding_word


def owners(layer: Any, x: np.ndarray) -> dict[tuple[int, int], int]:
    """The colour of the window that an element is in, also in padding, where windows do not overlap."""
    window = window_of(layer, x)
    return {(row, column): hue(number_) for number_, (i, j) in enumerate(np.ndindex(*window.output(x.shape)))
            for row in taps(window, 0, i) for column in taps(window, 1, j)}


def kinds_of(layer: Any, x: np.ndarray) -> np.ndarray:
    """Every element of a map in the colour of its window; what won a maximum is filled."""
    return filled(layer, x, ran(layer, x, "out", "indices")[1].ravel() if isinstance(layer, MaxPooling) else ())


def filled(layer: Any, x: np.ndarray, chosen: Iterable[int]) -> np.ndarray:
    """The same; of each window the element at a position, counted from 0 along the rows, is filled."""
    colours = owners(layer, x)
    kinds = np.array([f"t{colours[at]}" if at in colours else "lost" for at in np.ndindex(x.shape)], object).reshape(x.shape)
    for number_, at in enumerate(chosen):
        kinds.flat[int(at)] = f"w{hue(number_)}"
    return kinds


def hues_of(shape: tuple[int, ...]) -> np.ndarray:
    """Every element in the colour of its number."""
    return np.array([f"t{hue(n)} thick" for n in range(int(np.prod(shape)))], object).reshape(shape)


def before_and_after(title: str, layer: Any, x: np.ndarray, windows: Any = None) -> Drawing:
    """A map, its windows in colours, and what comes out of them."""
    return from_to(title, x, kinds_of(windows or layer, x), ran(layer, x))


def from_to(title: str, x: np.ndarray, kinds: np.ndarray, y: np.ndarray) -> Drawing:
    """A map in colours, and the pooled map."""
    rows, columns = x.shape
    d = Drawing((columns + y.shape[1]) * CELL + 50, max(rows, y.shape[0]) * CELL + 30)
    d.line_of_text(10, title, "code")
    d.matrix(2, 26, x, kinds)
    d.arrow(columns * CELL + 10, 26 + rows * CELL / 2, 26)
    d.matrix(columns * CELL + 46, 26 + (rows - y.shape[0]) * CELL / 2, y, hues_of(y.shape))
    return d


OBLONG = np.array([[2, 7, 1, 3, 0, 5], [4, 1, 6, 8, 2, 1], [9, 0, 3, 1, 4, 4], [5, 2, 2, 7, 6, 3]], float)
for NAME, TITLE, LAYER, WINDOWS in (
        ("max", "maxPooling2dLayer", map_maximum(2, Stride=2), None),
        ("average", "averagePooling2dLayer", averagePooling2dLayer(2, Stride=2), None),
        ("sum", "averagePooling2dLayer, Divisor=1", averagePooling2dLayer(2, Stride=2, Divisor=1), None),
        ("global-max", "globalMaxPooling2dLayer", globalMaxPooling2dLayer(), map_maximum(4)),
        ("global-average", "globalAveragePooling2dLayer", globalAveragePooling2dLayer(), averagePooling2dLayer(4))):
    enter(NAME, before_and_after, TITLE, LAYER, SQUARE, WINDOWS)
enter("oblong", before_and_after, "PoolSize [2 3], Stride=[2 3]", map_maximum([2, 3], Stride=[2, 3]), OBLONG)


def bordered(title: str, layer: Any, x: np.ndarray) -> Drawing:
    """A map in its padding, and what comes out of all windows, in their colours where they do not overlap."""
    y, window = ran(layer, x), window_of(layer, x)
    (above, below), (before, behind) = window.padding
    kinds = np.full(x.shape, "t1", object) if window.overlapping else kinds_of(layer, x)
    colours = {} if window.overlapping else owners(layer, x)
    rows, columns = x.shape[0] + above + below, x.shape[1] + before + behind
    d = Drawing((columns + y.shape[1]) * CELL + 46, rows * CELL + 30)
    d.line_of_text(10, title, "code")
    for row, column in np.ndindex(rows, columns):
        at = row - above, column - before
        inside = 0 <= at[0] < x.shape[0] and 0 <= at[1] < x.shape[1]
        d.cell(2 + column * CELL, 26 + row * CELL, number(x[at]) if inside else padding_word(layer),
               kinds[at] if inside else f"pad t{colours[at]}" if at in colours else "pad")
    d.arrow(columns * CELL + 8, 26 + rows * CELL / 2, 24)
    d.matrix(columns * CELL + 42, 26 + (rows - y.shape[0]) * CELL / 2, y,
             np.full(y.shape, "t2 thick") if window.overlapping else hues_of(y.shape))
    return d


NINES = np.full((3, 3), 9.0)
enter("padding-map", bordered, "PoolSize 2, Stride=2, Padding='same'", map_maximum(2, Stride=2, Padding="same"),
      SQUARE[:3, :3])
enter("padding-counted", bordered, "PaddingValue=0", averagePooling2dLayer(3, Padding=1), NINES)
enter("padding-uncounted", bordered, "PaddingValue='mean'", averagePooling2dLayer(3, Padding=1, PaddingValue="mean"), NINES)
enter("padding-summed", bordered, "Divisor=1", averagePooling2dLayer(3, Padding=1, Divisor=1), NINES)


# Overlap -------------------------------------------------------------------------------------------------------------
def overlap(title: str, size: int, stride: int, padding: object) -> Drawing:
    """How many windows see each element of a map: the gradient of sums, where a one arrives at each."""
    layer, x = averagePooling2dLayer(size, Stride=stride, Padding=padding, Divisor=1), np.zeros((7, 7))
    counts = through(layer, x, np.ones_like(ran(layer, x))).astype(int)
    d = Drawing(len(counts) * 26 + 4, len(counts) * 26 + 28)
    d.line_of_text(10, title, "code")
    for (row, column), count in np.ndenumerate(counts):
        x_at, y_at = 2 + column * 26, 26 + row * 26
        d.rect(x_at, y_at, 26, 26, "lost" if count == 0 else f"n{count}")
        d.text(x_at + 13, y_at + 13, number(count), "small" if count else "small faint")
    return d


for NAME, SIZE, STRIDE, PADDING in (("none", 2, 2, "same"), ("some", 3, 2, 0), ("much", 3, 1, 0), ("gaps", 2, 3, 0)):
    enter(f"overlap-{NAME}", overlap, f"PoolSize {SIZE}, Stride={STRIDE}" + (", 'same'" if PADDING else ""), SIZE, STRIDE,
          PADDING)
