"""Windows that are rounded up: the rule of sizes against PyTorch's own, and Caffe's pooling spelled out."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox.core.geometry import Window, resolve, rounded_up
from dltoolbox.ops import OPS

pytestmark = pytest.mark.oracle

MAXIMA = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEANS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def drawn(seed: int, *, dilated: bool) -> tuple[tuple[int, ...], list[int], list[int], list[int], list[int]]:
    """Sizes of a map, and a window as PyTorch takes it: padding up to half of it, the same on both sides."""
    rng = np.random.default_rng(seed)
    rank = 1 + seed % 3
    while True:
        spatial = tuple(rng.integers(1, (30, 12, 7)[rank - 1], rank).tolist())
        size, stride = (rng.integers(1, 6, rank).tolist() for _ in range(2))
        dilation = rng.integers(1, 4, rank).tolist() if dilated else [1] * rank
        padding = [int(rng.integers(0, f // 2 + 1)) for f in size]
        spare = 0 if rank == 3 else 2  # PyTorch's windows of volumes must fit without padding
        if all(n + spare * p >= (f - 1) * d + 1 for n, f, p, d in zip(spatial, size, padding, dilation, strict=True)):
            return spatial, size, stride, padding, dilation


def there(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(x, (-1, -2), (0, 1)).copy())


def back(y: torch.Tensor) -> np.ndarray:
    return np.moveaxis(y.numpy(), (0, 1), (-1, -2))


@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_rounding_up_is_pytorchs(first: int) -> None:
    """Sizes, maxima, places, and means with and without padding and with a divisor, of 2,000 geometries."""
    for seed in range(first, first + 250):
        spatial, size, stride, padding, dilation = drawn(seed, dilated=seed % 2 == 0)
        pairs, x = tuple((p, p) for p in padding), np.random.default_rng(seed).standard_normal((*spatial, 2, 1))
        window = resolve(spatial, size, stride, pairs, dilation, "ceil")
        y, at = MAXIMA[len(spatial)](there(x), size, stride, padding, dilation, ceil_mode=True, return_indices=True)
        mine, places = OPS["max_pool_indices"].forward(x, window=window)
        assert mine.shape[:-2] == tuple(y.shape[2:]) == window.output(spatial), seed
        seen = np.isfinite(mine)  # PyTorch gives windows of nothing no place that would mean anything
        np.testing.assert_array_equal(mine, back(y))
        np.testing.assert_array_equal(places[seen], back(at)[seen])
        if max(dilation) > 1:
            continue
        assert window.always_sees
        for counts in (True, False):
            mean = back(MEANS[len(spatial)](there(x), size, stride, padding, ceil_mode=True, count_include_pad=counts))
            counted = pairs if counts else ((0, 0),) * len(spatial)
            np.testing.assert_allclose(OPS["avg_pool"].forward(x, window=window, counted=counted), mean, atol=1e-12)
        if len(spatial) > 1:
            mean = back(MEANS[len(spatial)](there(x), size, stride, padding, ceil_mode=True, divisor_override=3))
            np.testing.assert_allclose(OPS["avg_pool"].forward(x, window=window, divisor=3.0), mean, atol=1e-12)


def caffe(x: np.ndarray, size: Any, stride: Any, padding: Any) -> tuple[np.ndarray, np.ndarray]:
    """Maxima and means of one map as the loops of Caffe's pooling layer find them, for any number of dimensions."""
    out = [ceil((n + 2 * p - f) / s) + 1 for n, f, s, p in zip(x.shape, size, stride, padding, strict=True)]
    if any(padding):
        out = [m - ((m - 1) * s >= n + p) for m, n, s, p in zip(out, x.shape, stride, padding, strict=True)]
    maxima, means = np.full(out, -np.inf), np.zeros(out)
    for place in np.ndindex(*out):
        starts = [o * s - p for o, s, p in zip(place, stride, padding, strict=True)]
        ends = [min(start + f, n + p) for start, f, n, p in zip(starts, size, x.shape, padding, strict=True)]
        area = prod(end - start for start, end in zip(starts, ends, strict=True))
        inside = x[tuple(slice(max(start, 0), max(min(end, n), 0))
                         for start, end, n in zip(starts, ends, x.shape, strict=True))]
        if inside.size:
            maxima[place], means[place] = inside.max(), inside.sum() / area
    return maxima, means


def test_caffes_rounding_is_caffes() -> None:
    empty = 0
    for seed in range(600):
        spatial, size, stride, _, _ = drawn(seed, dilated=False)
        rng = np.random.default_rng(seed)
        padding = [int(rng.integers(0, f)) for f in size] if seed % 3 else [0] * len(size)
        x = rng.standard_normal((*spatial, 1, 1))
        if any(n + 2 * p < f for n, f, p in zip(spatial, size, padding, strict=True)):
            continue
        pairs = tuple((p, p) for p in padding)
        window = resolve(spatial, size, stride, pairs, None, "caffe")
        maxima, means = caffe(x[..., 0, 0], size, stride, padding)
        mine, places = OPS["max_pool_indices"].forward(x, window=window)
        np.testing.assert_array_equal(mine[..., 0, 0], maxima)
        np.testing.assert_array_equal(places[..., 0, 0] == -1, np.isneginf(maxima))
        assert window.misses(spatial) == np.isneginf(maxima).sum()
        found = OPS["avg_pool"].forward(x, window=window, counted=pairs)
        np.testing.assert_allclose(found[..., 0, 0], means, atol=1e-12)
        empty += bool(window.misses(spatial))
    assert empty > 20


def test_the_rule_is_a_floor_rule_for_every_size() -> None:
    """As `rounded_up` proves: no window more, none less, for all small sizes."""
    for e in range(1, 6):
        for s in range(1, 6):
            for before in range(e):
                for after in range(e):
                    ((_, up),) = rounded_up([(before, after)], [e], [s], "ceil")
                    ((_, caffe_up),) = rounded_up([(before, after)], [e], [s], "caffe")
                    for n in range(max(e - before - after, 1), 14):
                        out = whole = ceil((n + before + after - e) / s) + 1
                        out -= (out - 1) * s >= n + before
                        assert Window.of([e], [s], [(before, up)]).output([n]) == (out,)
                        padded = before or after
                        assert Window.of([e], [s], [(before, caffe_up)]).output([n]) == (out if padded else whole,)
