"""Pooling kernels where values are special: ties, NaN, infinities, padding, indices that no window made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.kernels import Workspace, layout
from dltoolbox.kernels.pooling import WindowMax, WindowMaxIndices
from dltoolbox.kernels.scatter import Unpool, likely_window, relative_to_window, scatter_taps
from dltoolbox.ops import OPS, Call
from tests.ops.samples import WINDOWS

MAX, INDICES, UNPOOL = WindowMax(), WindowMaxIndices(), Unpool()


def special(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    if kind == "ties":
        return np.round(x)
    if kind == "zeros":
        return np.zeros(shape, np.float32)
    if kind == "-inf":
        return np.full(shape, -np.inf, np.float32)
    x[rng.random(shape) < 0.2] = {"nan": np.nan, "inf": np.inf, "some -inf": -np.inf}[kind]
    return x


@pytest.mark.parametrize("kind", ["ties", "zeros", "nan", "inf", "-inf", "some -inf"])
@pytest.mark.parametrize("label", WINDOWS)
def test_special_values_as_the_plain_body(label: str, kind: str) -> None:
    spatial, window = WINDOWS[label]
    x, work = special(kind, (*spatial, 3, 4)), Workspace()
    y, at = OPS["window_max_indices"].forward(x, window=window)
    np.testing.assert_array_equal(MAX.forward(work, x, window=window), y)
    mine = INDICES.forward(work, x, window=window)
    np.testing.assert_array_equal(mine[0], y)
    np.testing.assert_array_equal(mine[1], at)
    grad = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    (expected,) = OPS["window_max_indices"].backward(Call((x,), (y, at), (True,)), grad, None, window=window)
    (plain,) = MAX.backward(work, Call((x,), (y,), (True,)), grad, window=window)
    (found,) = INDICES.backward(work, Call((x,), mine, (True,)), grad, None, window=window)
    np.testing.assert_allclose(plain, expected, atol=1e-6)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("label", ["2x2", "3x3-stride2"])
def test_gradients_that_are_not_finite_stay_where_they_belong(label: str, value: float) -> None:
    spatial, window = WINDOWS[label]
    x, work = special("ties", (*spatial, 2, 3)), Workspace()
    y, at = OPS["window_max_indices"].forward(x, window=window)
    grad = np.ones(y.shape, np.float32)
    grad[0, 0] = value
    (expected,) = OPS["window_max_indices"].backward(Call((x,), (y, at), (True,)), grad, None, window=window)
    np.testing.assert_array_equal(INDICES.backward(work, Call((x,), (y, at), (True,)), grad, None, window=window)[0],
                                  expected)
    np.testing.assert_array_equal(MAX.backward(work, Call((x,), (y,), (True,)), grad, window=window)[0], expected)


def test_a_window_of_very_many_taps() -> None:
    window = Window.of((17, 16))
    x, work = special("ties", (19, 18, 2, 2)), Workspace()
    for a, b in zip(INDICES.forward(work, x, window=window),
                    OPS["window_max_indices"].forward(x, window=window), strict=True):
        np.testing.assert_array_equal(a, b)
    y = MAX.forward(work, x, window=window)
    (found,) = MAX.backward(work, Call((x,), (y,), (True,)), y, window=window)
    np.testing.assert_allclose(found, OPS["window_max"].backward(Call((x,), (), (True,)), y, window=window)[0])


def test_a_window_wider_than_the_image() -> None:
    """Taps of neighbouring rows have the same distance; the padding must tell them apart."""
    window = Window.of((2, 4), padding=((1, 0), (1, 1)))
    x, work = special("ties", (4, 3, 2, 3)), Workspace()
    y, at = OPS["window_max_indices"].forward(x, window=window)
    (found,) = INDICES.backward(work, Call((x,), (y, at), (True,)), y, None, window=window)
    (expected,) = OPS["window_max_indices"].backward(Call((x,), (y, at), (True,)), y, None, window=window)
    np.testing.assert_allclose(found, expected)


def unpool(kernel: Any, x: np.ndarray, indices: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    to = Dims("S" * (len(size) - 2) + "CB", size)
    if kernel is UNPOOL:
        return kernel.forward(Workspace(), x, indices, np.array(size), to=to)
    return kernel.forward(x, indices, np.array(size), to=to)


@pytest.mark.parametrize("kind", ["ties", "nan", "inf"])
@pytest.mark.parametrize("pattern", ["pooled", "anywhere", "repeated"])
def test_unpooling_any_indices(pattern: str, kind: str) -> None:
    x, size, rng = special(kind, (3, 4, 2, 5)), (6, 8, 2, 5), np.random.default_rng(0)
    if pattern == "pooled":
        _, at = OPS["window_max_indices"].forward(rng.standard_normal(size), window=Window.of((2, 2), (2, 2)))
    else:
        at = rng.integers(0, 48 if pattern == "anywhere" else 3, x.shape)
    np.testing.assert_array_equal(unpool(UNPOOL, x, at, size), unpool(OPS["unpool"], x, at, size))
    grad = special(kind, size)
    call, to = Call((x, at, np.array(size)), (), (True, False, False)), Dims("SSCB", size)
    np.testing.assert_array_equal(UNPOOL.backward(Workspace(), call, grad, to=to)[0],
                                  OPS["unpool"].backward(call, grad, to=to)[0])


@pytest.mark.parametrize("wrong", [-1, 24, 1 << 40])
def test_an_index_out_of_range_is_an_error(wrong: int) -> None:
    indices = np.array([[0, 2, 4], [12, 14, 16]])[:, :, None, None].copy()
    indices[1, 2] = wrong
    with pytest.raises(DltoolboxError) as caught:
        unpool(UNPOOL, np.ones((2, 3, 1, 1), np.float32), indices, (4, 6, 1, 1))
    assert caught.value.identifier == "dltoolbox:maxUnpooling:indexOutOfRange"


@pytest.mark.parametrize(("second", "known"), [(7, True), (8, False), (4, False)])
def test_indices_of_other_windows_are_not_taken_for_taps(second: int, known: bool) -> None:
    window = likely_window((2, 2), (4, 4))
    assert window == Window.of((2, 2), (2, 2))
    work, indices = Workspace(), np.array([[0, second], [9, 15]])[..., None, None]
    keys = relative_to_window(work, indices, window, (4, 4))
    assert keys is not None
    found = scatter_taps(work, np.ones((2, 2, 1, 1)), *keys, window, (4, 4, 1, 1))
    assert (found is not None) == known


def test_a_size_that_no_window_explains() -> None:
    assert likely_window((3,), (2,)) is None
    assert likely_window((1,), (20,)) is None


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2)])
def test_results_lie_as_the_input_does(axes: tuple[int, ...]) -> None:
    window = WINDOWS["2x2"][1]
    x = np.random.default_rng(0).standard_normal([(6, 8, 3, 4)[a] for a in axes]).transpose(layout.inverse(axes))
    y, at = INDICES.forward(Workspace(), x, window=window)
    (dx,) = INDICES.backward(Workspace(), Call((x,), (y, at), (True,)), y, None, window=window)
    up = unpool(UNPOOL, y, at, x.shape)
    assert all(layout.lies_in(one, axes) for one in (y, at, dx, up))
