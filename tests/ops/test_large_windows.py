"""Windows of any side, dilation and padding, also larger than the map, against the definition; memory by counting."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from dltoolbox.core.geometry import Window, same_padding
from dltoolbox.ops import OPS, Call
from dltoolbox.ops.norm import sum_over_channels
from dltoolbox.ops.pool import NO_TAP
from tests.ops.sample import counting

SIDES = (3, 7, 15, 31, 63, 127, 255)


def drawn(seed: int) -> tuple[np.ndarray, Window]:
    """A small map with ties, NaN, infinities and zeros of both signs, and a window that fits it, padding included."""
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    spatial = rng.integers(1, (40, 9, 5)[rank - 1], rank).tolist()
    stride, dilation = (rng.integers(1, 5, rank).tolist() for _ in range(2))
    size, padding = [], []
    for n in spatial:
        f = int(rng.integers(1, 2 * n + 3))
        size.append(f)
        padding.append(tuple(int(each) for each in rng.integers(0, f, 2)))
    window = Window.of(size, stride, padding, dilation)
    missing = [max(e - n - sum(p), 0) for e, n, p in zip(window.extent, spatial, padding, strict=True)]
    padding = [(p[0] + m // 2, p[1] + m - m // 2) for p, m in zip(padding, missing, strict=True)]
    x = rng.choice([-np.inf, -np.inf, -1, -1, -0.0, 0, 0, 1, 1, 2, np.inf, np.nan], (*spatial, 2, 2))
    return x.astype(np.float32), Window.of(size, stride, padding, dilation)


def looked_at(window: Window, spatial: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """For every output: number and position of its taps inside the map, row by row."""
    offsets = list(window.offsets())
    for out in np.ndindex(*window.output(spatial)):
        taps = []
        for number, offset in enumerate(offsets):
            at = [o * s + f - p[0] for o, s, f, p in zip(out, window.stride, offset, window.padding, strict=True)]
            if all(0 <= i < n for i, n in zip(at, spatial, strict=True)):
                taps.append((number, int(np.ravel_multi_index(at, spatial))))
        yield out, taps


def first_greatest(values: np.ndarray) -> int:
    numbers = np.flatnonzero(np.isnan(values))
    return int(numbers[0] if len(numbers) else values.argmax())


@pytest.mark.parametrize("seed", range(150))
def test_maxima_by_definition(seed: int) -> None:
    x, window = drawn(seed)
    spatial, flat = x.shape[:window.rank], x.reshape(-1, *x.shape[window.rank:])
    y, at = OPS["max_pool_indices"].forward(x, window=window)
    plain, (_, code) = OPS["max_pool"].forward(x, window=window), OPS["max_pool_taps"].forward(x, window=window)
    grad = np.random.default_rng(seed).standard_normal(y.shape)
    wanted = np.zeros(flat.shape)
    seen = [(out, taps) for out, taps in looked_at(window, spatial) if taps]
    for (out, taps), lane in product(seen, np.ndindex(*x.shape[window.rank:])):
        tap, position = taps[first_greatest(flat[([p for _, p in taps], *lane)])]
        place = (*out, *lane)
        assert at[place] == position
        assert code[place] == tap % 256
        np.testing.assert_array_equal([y[place], plain[place]], flat[(position, *lane)])
        wanted[(position, *lane)] += grad[place]
    for out in {*np.ndindex(*window.output(spatial))} - {out for out, _ in seen}:
        for found, nothing in ((y, -np.inf), (plain, -np.inf), (at, -1), (code, NO_TAP)):
            assert (found[out] == nothing).all()
    outputs = (y, at)
    for name, call in (("max_pool", Call((x,), (y,), (True,))), ("max_pool_indices", Call((x,), outputs, (True,)))):
        (found,) = OPS[name].backward(call, *([grad] if name == "max_pool" else [grad, None]), window=window)
        np.testing.assert_allclose(found.reshape(flat.shape), wanted, atol=1e-12)


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("seed", range(150))
def test_means_by_definition(seed: int, counts: bool) -> None:
    x, window = drawn(seed)
    x = x.astype(np.float64)
    spatial, flat = x.shape[:window.rank], x.reshape(-1, *x.shape[window.rank:])
    with np.errstate(invalid="ignore", divide="ignore"):
        y = OPS["avg_pool"].forward(x, **counting(window, counts))
        grad = np.random.default_rng(seed).standard_normal(y.shape)
        (found,) = OPS["avg_pool"].backward(Call((x,), (y,), (True,)), grad, **counting(window, counts))
        wanted = np.zeros(flat.shape)
        for out, taps in looked_at(window, spatial):
            if taps or counts:
                each, count = [p for _, p in taps], window.taps if counts else len(taps)
                np.testing.assert_allclose(y[out], flat[each].sum(0) / count, rtol=1e-12, atol=1e-12)
                wanted[each] += grad[out] / count
    np.testing.assert_allclose(found.reshape(flat.shape), wanted, rtol=1e-12, atol=1e-12)


def test_a_bad_pixel_stays_in_the_windows_that_hold_it() -> None:
    x = np.full((64, 64, 1, 1), 1e7 + 1, np.float32)
    x[40, 10] = np.inf
    window = Window.of((15, 15), (1, 1), ((7, 7), (7, 7)))
    y = OPS["avg_pool"].forward(x, **counting(window, False))[..., 0, 0]
    row, column = np.indices(y.shape)
    touched = (abs(row - 40) <= 7) & (abs(column - 10) <= 7)
    np.testing.assert_array_equal(np.isinf(y), touched)
    np.testing.assert_allclose(y[~touched], 1e7 + 1, rtol=3e-7)


@pytest.mark.parametrize("op", ["max_pool", "max_pool_indices", "avg_pool"])
def test_memory_does_not_grow_with_the_window(op: str) -> None:
    x = np.random.default_rng(0).standard_normal((64, 64, 2, 1)).astype(np.float32)
    for side in SIDES:
        window = Window.of((side, side), (1, 1), same_padding((64, 64), (side, side), (1, 1)))
        attrs = counting(window, False) if op == "avg_pool" else {"window": window}
        tracemalloc.start()
        y = OPS[op].forward(x, **attrs)
        outputs = y if isinstance(y, tuple) else (y,)
        grads = (outputs[0], *(None,) * (len(outputs) - 1))
        OPS[op].backward(Call((x,), outputs, (True,)), *grads, **attrs)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24 * x.nbytes, side


def test_a_window_far_larger_than_the_map_costs_nothing() -> None:
    window = Window.of((65537, 65537), (1, 1), same_padding((1, 1), (65537, 65537), (1, 1)))
    x = np.full((1, 1, 1, 1), 3.0, np.float32)
    tracemalloc.start()
    assert OPS["avg_pool"].forward(x, **counting(window, False)) == 3
    assert [each.item() for each in OPS["max_pool_indices"].forward(x, window=window)] == [3, 0]
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("size", [1, 5, 33, 34, 200, 5001])
def test_sums_over_channels_by_definition(size: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 1, 70, 3))
    back, forward = (size - 1) // 2, size // 2
    wanted = np.stack([x[..., max(c - back, 0):c + forward + 1, :].sum(-2) for c in range(70)], -2)
    np.testing.assert_allclose(sum_over_channels(x, back, forward), wanted, atol=1e-12)
