"""What other frameworks compute, as slow functions that say their rules one by one, and share nothing with ours.

A rule gives the windows of one dimension: the positions that each sees in the map, in their order, and how many elements it
counts. `pooled` looks at them. Maps are S…×C×B.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, floor, prod
from operator import mul
from typing import NamedTuple

import numpy as np


class Seen(NamedTuple):
    """What one window sees along one dimension."""

    positions: list[int]
    count: int  # elements by which an average divides


Axis = list[Seen]


def pooled(kind: str, x: np.ndarray, axes: Sequence[Axis]) -> tuple[np.ndarray, np.ndarray | None]:
    """Maxima with their row-by-row positions, −inf and −1 of nothing; averages; or weighted means, of stochastic pooling."""
    rank, sizes = len(axes), tuple(map(len, axes))
    steps = [prod(x.shape[axis + 1:rank]) for axis in range(rank)]  # of row-by-row positions
    elements = x.reshape(prod(x.shape[:rank]), -1)
    values = np.zeros((prod(sizes), elements.shape[1]))
    at = np.full(values.shape, -1)
    for place, seen in enumerate(product(*axes)):
        flat = [sum(map(mul, where, steps)) for where in product(*(one.positions for one in seen))]
        found = elements[flat]
        if kind == "max":
            values[place] = found.max(0) if flat else -np.inf
            at[place] = np.array(flat)[found.argmax(0)] if flat else -1
        elif kind == "average":
            values[place] = found.sum(0) / prod(one.count for one in seen) if flat else 0
        elif flat:
            total = found.sum(0)
            values[place] = np.where(total > 0, (found**2).sum(0) / np.where(total > 0, total, 1), 0)
    shape = (*sizes, *x.shape[rank:])
    return values.reshape(shape), at.reshape(shape) if kind == "max" else None


def inside(n: int, start: int, size: int, dilation: int = 1) -> list[int]:
    return [p for p in range(start, start + size * dilation, dilation) if 0 <= p < n]


def tensorflow(n: int, size: int, stride: int, padding: str | tuple[int, int]) -> Axis:
    """tf.nn, notes on padding: VALID has ceil((n − size + 1)/stride) windows, SAME ceil(n/stride), with padding of
    max((out − 1)·stride + size − n, 0) elements, half of which, rounded down, are in front. Averages count elements of
    the map.
    """
    if not isinstance(padding, str):
        before, out = padding[0], ceil((n + sum(padding) - size + 1) / stride)
    elif padding.upper() == "VALID":
        before, out = 0, ceil((n - size + 1) / stride)
    else:
        out = ceil(n / stride)
        before = max((out - 1) * stride + size - n, 0) // 2
    places = [inside(n, i * stride - before, size) for i in range(out)]
    return [Seen(one, len(one)) for one in places]


def keras(n: int, size: int, stride: int, padding: str) -> Axis:
    """Keras API, MaxPooling2D: 'valid' has floor((n − size)/stride) + 1 windows, 'same' floor((n − 1)/stride) + 1, which are
    those of its TensorFlow backend.
    """
    if padding.lower() == "valid":
        out, before = floor((n - size) / stride) + 1, 0
    else:
        out = floor((n - 1) / stride) + 1
        total = (n % stride == 0 and max(size - stride, 0)) or (n % stride and max(size - n % stride, 0)) or 0
        before = total // 2
    places = [inside(n, i * stride - before, size) for i in range(out)]
    return [Seen(one, len(one)) for one in places]


def caffe(n: int, size: int, stride: int, pad: int, rounding: str, padded: bool) -> Axis:
    """pooling_layer.cpp of BVLC/caffe: the number of windows is rounded up or down; where any dimension is padded, a last
    one that begins at n + pad or behind goes. An average divides by what lies within n + pad.
    """
    rule = ceil if rounding == "CEIL" else floor
    out = rule((n + 2 * pad - size) / stride) + 1
    if padded and (out - 1) * stride >= n + pad:
        out -= 1
    axis = []
    for i in range(out):
        start = i * stride - pad
        end = min(start + size, n + pad)
        axis.append(Seen(list(range(max(start, 0), min(end, n))), end - start))
    return axis


def darknet(n: int, size: int, stride: int, padding: int) -> Axis:
    """maxpool_layer.c of pjreddie/darknet: (n + padding − size)/stride + 1 windows, the first at −(padding/2), both divided
    as C divides integers. What lies outside never wins.
    """
    out = int((n + padding - size) / stride) + 1
    first = int(-padding / 2)
    return [Seen(inside(n, first + i * stride, size), 0) for i in range(out)]


def onnx(n: int, size: int, stride: int, pads: tuple[int, int], dilation: int, auto_pad: str, ceil_mode: bool,
         count_include_pad: bool) -> Axis:
    """The specification of MaxPool and AveragePool 22, formula by formula."""
    extent = (size - 1) * dilation + 1
    before, after = pads
    if auto_pad == "VALID":
        out = ceil((n - extent + 1) / stride) if ceil_mode else floor((n - extent) / stride) + 1
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        out = ceil(n / stride) if ceil_mode else floor((n - 1) / stride) + 1
        total = max((out - 1) * stride + extent - n, 0)  # never less than nothing
        small, large = total // 2, total - total // 2
        before, after = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
    else:
        exact = (n + before + after - dilation * (size - 1) - 1) / stride + 1
        out = ceil(exact) if ceil_mode else floor(exact)
        while (out - 1) * stride >= n + before:  # windows that would start in the right padded region are ignored
            out -= 1
    axis = []
    for i in range(out):
        taps = range(i * stride - before, i * stride - before + extent, dilation)
        real = [p for p in taps if 0 <= p < n]
        axis.append(Seen(real, sum(-before <= p < n + after for p in taps) if count_include_pad else len(real)))
    return axis


def matlab(n: int, size: int, stride: int, padding: str | tuple[int, int], only_real: bool) -> Axis:
    """MathWorks documentation: floor((n − size + padding)/stride) + 1 windows, or ceil(n/stride) of 'same', with an odd
    element at the end. Padding counts as zeros, or not at all.
    """
    if isinstance(padding, str):
        total = max((ceil(n / stride) - 1) * stride + size - n, 0)
        padding = (total // 2, total - total // 2)
    out = floor((n - size + sum(padding)) / stride) + 1
    places = [inside(n, i * stride - padding[0], size) for i in range(out)]
    return [Seen(one, len(one) if only_real else size) for one in places]
