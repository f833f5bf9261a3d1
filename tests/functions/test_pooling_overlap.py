"""poolingOverlap against a literal loop, PyTorch's sizes and its own indices."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pytest

from dltoolbox import maxunpool, poolingOverlap, rng
from dltoolbox.core.errors import DltoolboxError

LITERAL = {"max": np.max, "mean": np.mean, "sum": np.sum}


def literal(mat: np.ndarray, size: tuple[int, int], step: tuple[int, int], method: str, pad: bool) -> np.ndarray:
    """Window by window; what lies behind the end is cut off."""
    counts = [ceil(n / s) if pad else (n - k) // s + 1 for n, k, s in zip(mat.shape, size, step, strict=False)]
    y = np.empty((*counts, *mat.shape[2:]))
    for r, c in np.ndindex(*counts):
        seen = mat[r * step[0]:r * step[0] + size[0], c * step[1]:c * step[1] + size[1]]
        y[r, c] = LITERAL[method](seen, axis=(0, 1))
    return y


@pytest.mark.parametrize("seed", range(60))
def test_as_a_loop_over_windows(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (*random.integers(1, 12, 2).tolist(), *[3][:seed % 2])
    size = tuple(int(random.integers(1, n + 1)) for n in shape[:2])
    step = tuple(random.integers(1, 6, 2).tolist())
    mat = random.standard_normal(shape).astype(np.float32 if seed % 3 else np.float64)
    kept = mat.copy()
    for given in (mat, np.asfortranarray(mat), mat[::-1][::-1]):
        for method in LITERAL:
            for pad in (False, True):
                y = poolingOverlap(given, list(size), list(step), method, pad)
                assert y.dtype == mat.dtype
                np.testing.assert_allclose(y, literal(mat, size, step, method, pad), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(mat, kept)


def test_the_stride_is_the_size_by_default() -> None:
    mat = np.arange(35.0).reshape(5, 7)
    np.testing.assert_array_equal(poolingOverlap(mat, 2), poolingOverlap(mat, [2, 2], [2, 2]))
    assert poolingOverlap(mat, 2).shape == (2, 3)
    assert poolingOverlap(mat, 2, pad=True).shape == (3, 4)
    assert poolingOverlap(mat, [5, 7], method="mean").tolist() == [[17.0]]
    assert poolingOverlap(mat, 9, pad=True).tolist() == [[34.0]]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_indices_are_those_of_maxpool(shape: tuple[int, ...]) -> None:
    mat = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) + 1.0
    labels = "SS" if len(shape) == 2 else "SSC"
    for options in ({}, {"pad": True}, {"method": "stochastic", "stride": 1}):
        y, indx = poolingOverlap(mat, [2, 3], **options, nargout=2)
        np.testing.assert_array_equal(mat.ravel("F")[indx - 1], y)
        whole = maxunpool(y, indx, shape, DataFormat=labels)
        assert set(whole.ravel()) == {0.0, *y.ravel()}


def test_an_element_is_drawn_by_its_weight() -> None:
    mat = np.tile([[1.0, 0.0], [3.0, -4.0]], (500, 500))
    rng(0)
    y = poolingOverlap(mat, 2, method="stochastic")
    assert set(y.ravel()) == {1.0, 3.0}
    assert abs((y == 3).mean() - 0.75) < 5e-3
    rng(0)
    np.testing.assert_array_equal(poolingOverlap(mat, 2, method="stochastic"), y)


def test_nothing_behind_the_end_is_seen() -> None:
    assert poolingOverlap([[-1.0, -2.0, -3.0]], [1, 2], pad=True).tolist() == [[-1.0, -3.0]]
    assert poolingOverlap([[-1.0, -2.0, -3.0]], [1, 2], method="mean", pad=True).tolist() == [[-1.5, -3.0]]
    assert np.isnan(poolingOverlap([[np.nan, 1.0, 2.0, 3.0]], [1, 2])).tolist() == [[True, False]]
    assert poolingOverlap(np.ones((2, 2, 0)), 2).shape == (1, 1, 0)


BAD: list[tuple[Any, str, str]] = [
    (lambda: poolingOverlap(np.ones(4), 2), "invalidSize", "1 dimension"),
    (lambda: poolingOverlap(np.ones((2, 2, 2, 2)), 2), "invalidSize", "4 dimensions"),
    (lambda: poolingOverlap(np.ones((0, 2)), 2), "emptyInput", "nothing to pool"),
    (lambda: poolingOverlap(np.ones((2, 2)), 3), "windowTooLarge", "Reduce ksize, or set pad=True"),
    (lambda: poolingOverlap(np.ones((2, 2)), 0), "invalidksize", "positive integer"),
    (lambda: poolingOverlap(np.ones((2, 2)), [1, 2, 3]), "invalidksize", "vector of 2"),
    (lambda: poolingOverlap(np.ones((2, 2)), 2, 0), "invalidstride", "positive integer"),
    (lambda: poolingOverlap(np.ones((2, 2)), 2, method="median"), "invalidmethod", "'max', 'mean', 'sum' or 'stochastic'"),
    (lambda: poolingOverlap(np.ones((2, 2)), 2, pad="yes"), "invalidpad", "true or false"),
    (lambda: poolingOverlap(np.ones((2, 2)), 2, method="mean", nargout=2), "noIndices", "set method='max'"),
    (lambda: poolingOverlap("abc", 2), "notNumeric", "real numbers"),
]


@pytest.mark.parametrize(("call", "code", "text"), BAD)
def test_bad_calls_say_what_to_do(call: Any, code: str, text: str) -> None:
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:poolingOverlap:{code}"
    assert text in str(caught.value)
