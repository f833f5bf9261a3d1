"""Lines of elements: where the windows of a pooling fall, and what comes out of each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from dltoolbox import adaptiveAveragePooling2dLayer
from dltoolbox.layers.pooling import AveragePooling, MaxPooling
from docs.builder.drawing import CELL, Drawing, hue, number
from docs.builder.pooling.computed import LINE, asked_padding, enter, line_maximum, of, ran, taps, window_of


def strip(title: str, layer: Any, x: np.ndarray) -> Drawing:
    """A line of elements, below it every window with what comes out of it, and the size as the report explains it."""
    results, at = ran(layer, x, "out", "indices") if isinstance(layer, MaxPooling) else (ran(layer, x), None)
    rows = [taps(window_of(layer, x), 0, place) for place in range(len(results))]
    before, after = asked_padding(layer, x)
    first = min(-before, *(min(row) for row in rows))
    last = max(len(x) + after - 1, *(max(row) for row in rows))
    left, top, end = 2 - first * CELL, 28, 2 + (last - first + 1) * CELL
    d = Drawing(end + 66, top + (len(rows) + 1) * (CELL + 4) + 30)
    d.line_of_text(10, title, "code")
    seen = {tap for row in rows for tap in row}
    for tap in range(first, last + 1):
        inside, padded = 0 <= tap < len(x), -before <= tap < len(x) + after
        d.cell(left + tap * CELL, top, number(x[tap]) if inside else padding_word(layer) if padded else "",
               ("" if tap in seen else "lost") if inside else "pad" if padded else "beyond")
    for place, row in enumerate(rows):
        y = top + (place + 1) * (CELL + 4) + 4
        one_window(d, x, row, (left, y), (hue(place), None if at is None else int(at[place])))
        d.arrow(end + 8, y + CELL / 2, 16)
        d.cell(end + 32, y, number(results[place]), f"t{hue(place)} thick")
    ((_, formula),) = layer.size_formula(of(x))
    for words in formula.split("; "):
        d.line_of_text(d.height - 10, words, "small faint")
        d.height += 16
    d.height -= 16
    return d


def one_window(d: Drawing, x: np.ndarray, row: list[int], origin: tuple[float, float], look: tuple[int, int | None]) -> None:
    """The elements that a window sees, at their places; the one that won is filled."""
    (left, y), (colour, winner) = origin, look
    for one, other in pairwise(row):
        if other > one + 1:
            d.path(f"M{left + (one + 1) * CELL} {y + CELL / 2}H{left + other * CELL}", f"s{colour}")
    for tap in row:
        inside = 0 <= tap < len(x)
        d.cell(left + tap * CELL, y, number(x[tap]) if inside else "", f"w{colour}" if tap == winner else
               f"t{colour}" if inside else f"pad s{colour}")


def padding_word(layer: Any) -> str:
    """What stands in an element of padding: nothing that wins a maximum, and zeros where they count."""
    return "0" if isinstance(layer, AveragePooling) and layer.PaddingValue != "mean" else "·"


def lines(options: dict[str, tuple[str, Any, np.ndarray]]) -> None:
    for name, (title, layer, x) in options.items():
        enter(name, strip, title, layer, x)


lines({
    "pool-size-2": ("PoolSize 2, Stride=2", line_maximum(2, Stride=2), LINE),
    "pool-size-3": ("PoolSize 3, Stride=2", line_maximum(3, Stride=2), LINE),
    "stride-1": ("PoolSize 3, Stride=1", line_maximum(3), LINE),
    "stride-2": ("PoolSize 3, Stride=2", line_maximum(3, Stride=2), LINE),
    "stride-3": ("PoolSize 3, Stride=3", line_maximum(3, Stride=3), LINE),
    "padding-0": ("Padding=0", line_maximum(3, Stride=2), LINE[:6]),
    "padding-1": ("Padding=1", line_maximum(3, Stride=2, Padding=1), LINE[:6]),
    "padding-same": ("Padding='same'", line_maximum(3, Stride=2, Padding="same"), LINE[:6]),
    "padding-same-lower": ("Padding='same-lower'", line_maximum(3, Stride=2, Padding="same-lower"), LINE[:6]),
    "dilation-1": ("DilationFactor=1", line_maximum(3), LINE),
    "dilation-2": ("DilationFactor=2", line_maximum(3, DilationFactor=2), LINE),
    "dilation-3": ("DilationFactor=3", line_maximum(3, DilationFactor=3), LINE),
    "rounding-floor": ("Rounding='floor'", line_maximum(3, Stride=2), LINE[:6]),
    "rounding-ceil": ("Rounding='ceil'", line_maximum(3, Stride=2, Rounding="ceil"), LINE[:6]),
    "rounding-gap-ceil": ("Rounding='ceil'", line_maximum(2, Stride=3, Rounding="ceil"), LINE[:6]),
    "rounding-gap-caffe": ("Rounding='caffe'", line_maximum(2, Stride=3, Rounding="caffe"), LINE[:6]),
    "tie": ("ties: the first wins", line_maximum(3, Stride=2), np.array([4, 4, 1, 2, 1, 2, 2.0])),
    "nan": ("a NaN wins", line_maximum(3, Stride=2), np.array([1, np.nan, 4, 2, 9, 3, 5.0])),
})


def adaptive(x: np.ndarray, size: int) -> Drawing:
    """Regions of adaptive pooling along one dimension: found by asking which elements move a result."""
    layer = adaptiveAveragePooling2dLayer([size, 1])
    results = ran(layer, x[:, None])[:, 0]
    moved = [ran(layer, column[:, None])[:, 0] != 0 for column in np.eye(len(x))]
    rows = [[at for at in range(len(x)) if moved[at][place]] for place in range(size)]
    end = len(x) * CELL
    d = Drawing(end + 68, 28 + (size + 1) * (CELL + 4))
    d.line_of_text(10, f"OutputSize {size}", "code")
    d.matrix(2, 28, x[None])
    for place, row in enumerate(rows):
        y = 28 + (place + 1) * (CELL + 4)
        one_window(d, x, row, (2, y), (hue(place), None))
        d.arrow(end + 10, y + CELL / 2, 16)
        d.cell(end + 34, y, number(results[place]), f"t{hue(place)} thick")
    return d


for SIZE in (2, 3, 4):
    enter(f"adaptive-{SIZE}", adaptive, LINE, SIZE)
