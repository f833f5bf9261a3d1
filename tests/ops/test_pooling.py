"""Named conventions of pooling and unpooling: ties, NaN, -inf, padding, repeated and wrong indices."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.geometry import Window
from dltoolbox.ops import OPS, Call
from dltoolbox.ops.pool import NO_TAP
from tests.ops.sample import counting
from tests.ops.samples import EMPTY, WINDOWS

TWO = Window.of((2, 2), (2, 2))
PADDED = Window.of((3, 3), (2, 2), ((1, 1), (1, 1)))


def image(rows: list[list[float]]) -> np.ndarray:
    """One channel, one observation."""
    return np.array(rows, np.float32)[:, :, None, None]


def pool(x: np.ndarray, window: Window = TWO) -> tuple[np.ndarray, np.ndarray]:
    y, indices = OPS["max_pool_indices"].forward(x, window=window)
    np.testing.assert_array_equal(OPS["max_pool"].forward(x, window=window), y)
    return y[..., 0, 0], indices[..., 0, 0]


def unpool(x: np.ndarray, indices: np.ndarray, spatial: tuple[int, ...]) -> np.ndarray:
    size = (*spatial, *x.shape[len(spatial):])
    return OPS["max_unpool"].forward(x, indices, np.array(size), to=Dims("S" * len(spatial) + "CB", size))


@pytest.mark.parametrize(("tied", "first"), [
    ([[5, 5], [5, 5]], 0), ([[1, 5], [5, 5]], 1), ([[1, 2], [5, 5]], 2), ([[1, 5], [5, 1]], 1), ([[0, 0], [0, 0]], 0),
])
def test_the_first_tap_of_a_tie_wins_row_by_row(tied: list[list[float]], first: int) -> None:
    y, indices = pool(image(tied))
    assert indices == first
    assert y == np.max(tied)


def test_all_zero_window_after_relu_stores_its_first_tap() -> None:
    x = np.zeros((4, 6, 1, 1), np.float32)
    assert pool(x)[1].tolist() == [[0, 2, 4], [12, 14, 16]]


def test_negative_zero_ties_with_zero() -> None:
    assert pool(image([[-0.0, 0.0], [0.0, -0.0]]))[1] == 0


@pytest.mark.parametrize("where", range(4))
def test_nan_wins_its_window_wherever_it_is(where: int) -> None:
    x = image([[1, 2], [3, np.inf]])
    x[divmod(where, 2)] = np.nan
    y, indices = pool(x)
    assert np.isnan(y)
    assert indices == where


def test_the_first_nan_wins() -> None:
    y, indices = pool(image([[1, np.nan], [np.nan, 9]]))
    assert np.isnan(y)
    assert indices == 1
    assert pool(np.full((2, 2, 1, 1), np.nan, np.float32))[1] == 0


def test_nan_stays_in_its_window() -> None:
    y, _ = pool(image([[np.nan, 1, 2, 3], [4, 5, 6, 7]]))
    assert np.isnan(y[0, 0])
    assert y[0, 1] == 7


def test_minus_infinity_is_a_value_that_padding_does_not_replace() -> None:
    y, indices = pool(np.full((3, 3, 1, 1), -np.inf, np.float32), PADDED)
    assert np.all(np.isneginf(y))
    assert indices.tolist() == [[0, 1], [3, 4]]  # the first tap that is not padding


def test_padding_never_wins() -> None:
    rng = np.random.default_rng(0)
    x = (-1 - rng.random((5, 7, 2, 2))).astype(np.float32)
    y, indices = OPS["max_pool_indices"].forward(x, window=PADDED)
    assert y.max() < 0
    assert indices.min() >= 0
    flat = x.reshape(35, 4)
    np.testing.assert_array_equal(np.take_along_axis(flat, indices.reshape(-1, 4), 0), y.reshape(-1, 4))


def test_indices_are_local_to_channel_and_observation() -> None:
    x = np.random.default_rng(0).standard_normal((4, 4, 3, 2))
    _, indices = OPS["max_pool_indices"].forward(x, window=TWO)
    for c, n in np.ndindex(3, 2):
        alone = OPS["max_pool_indices"].forward(x[:, :, c:c + 1, n:n + 1], window=TWO)[1]
        np.testing.assert_array_equal(indices[:, :, c, n], alone[:, :, 0, 0])


def test_the_last_of_repeated_indices_stays() -> None:
    x = image([[1, 2], [3, 4]])
    y = unpool(x, np.array([[5, 5], [5, 0]])[:, :, None, None], (2, 3))[..., 0, 0]
    assert y.tolist() == [[4, 0, 0], [0, 0, 3]]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_last_of_repeated_indices_stays_in_any_memory_order(order: str) -> None:
    x = np.array(np.arange(1.0, 13).reshape(4, 3, 1, 1), order=order)
    y = unpool(x, np.array(np.zeros((4, 3, 1, 1), np.int64), order=order), (2, 2))
    assert y.reshape(-1).tolist() == [12, 0, 0, 0]


def test_the_gradient_of_repeated_indices_is_a_gather() -> None:
    x = image([[1, 2], [3, 4]])
    indices = np.array([[5, 5], [5, 0]])[:, :, None, None]
    grad = np.arange(6.0).reshape(2, 3, 1, 1)
    to = Dims.of("SSCB", 2, 3, 1, 1)
    found = OPS["max_unpool"].backward(Call((x, indices, np.array((2, 3, 1, 1))), (), (True, False, False)), grad, to=to)
    assert found[0][..., 0, 0].tolist() == [[5, 5], [5, 0]]


@pytest.mark.parametrize("wrong", [-2, 6])
def test_an_index_out_of_range_is_an_error(wrong: int) -> None:
    with pytest.raises(DltoolboxError) as caught:
        unpool(image([[1.0]]), np.full((1, 1, 1, 1), wrong), (2, 3))
    assert caught.value.identifier == "dltoolbox:maxUnpooling:indexOutOfRange"


@pytest.mark.parametrize("label", WINDOWS)
def test_tap_numbers_say_the_same_as_indices(label: str) -> None:
    spatial, window = WINDOWS[label]
    x = np.round(np.random.default_rng(0).standard_normal((*spatial, 2, 3)))
    (y, at), (again, taps) = (OPS[name].forward(x, window=window) for name in ("max_pool_indices", "max_pool_taps"))
    np.testing.assert_array_equal(again, y)
    offsets = np.array(list(window.offsets()))[taps]
    origins = np.stack(np.meshgrid(*(np.arange(n) * s - p[0] for n, s, p in zip(y.shape, window.stride, window.padding,
                                                                               strict=False)), indexing="ij"), -1)
    positions = np.moveaxis(offsets + origins[..., None, None, :], -1, 0)
    np.testing.assert_array_equal(np.ravel_multi_index(tuple(positions), spatial), at)
    (found,) = OPS["max_pool_taps"].backward(Call((x,), (y, taps), (True,)), y, None, window=window)
    (expected,) = OPS["max_pool_indices"].backward(Call((x,), (y, at), (True,)), y, None, window=window)
    np.testing.assert_array_equal(found, expected)
    if not window.overlapping:
        to, size = Dims("S" * window.rank + "CB", x.shape), np.array(x.shape)
        np.testing.assert_array_equal(OPS["max_unpool_taps"].forward(y, taps, window=window, to=to),
                                      OPS["max_unpool"].forward(y, at, size, to=to))
        pairs = (OPS["max_unpool_taps"].backward(Call((y, taps), (), (True, False)), x, window=window, to=to),
                 OPS["max_unpool"].backward(Call((y, at, size), (), (True, False, False)), x, to=to))
        np.testing.assert_array_equal(pairs[0][0], pairs[1][0])


def test_unpooling_a_map_of_another_size_is_an_error() -> None:
    with pytest.raises(DltoolboxError) as caught:
        OPS["max_unpool"].infer(Dims.of("SSCB", 2, 2, 3, None), Dims.of("SSCB", 2, 2, 4, None), Dims.of("U", 4),
                            to=Dims.of("SSCB", 4, 4, 3, None))
    assert caught.value.identifier == "dltoolbox:maxUnpooling:sizeMismatch"


def test_overlapping_windows_sum_their_gradients() -> None:
    x = image([[0, 0, 0], [0, 9, 0], [0, 0, 0]])
    window = Window.of((2, 2))
    outputs = OPS["max_pool_indices"].forward(x, window=window)
    grad = np.ones((2, 2, 1, 1), np.float32)
    (found,) = OPS["max_pool_indices"].backward(Call((x,), outputs, (True,)), grad, None, window=window)
    (plain,) = OPS["max_pool"].backward(Call((x,), (), (True,)), grad, window=window)
    assert found[1, 1, 0, 0] == 4
    assert found.sum() == 4
    np.testing.assert_array_equal(found, plain)


def test_a_tie_over_the_whole_image_sends_its_gradient_to_the_first() -> None:
    x = np.ones((2, 3, 1, 1))
    (found,) = OPS["global_max_pool"].backward(Call((x,), (), (True,)), np.full((1, 1, 1, 1), 7.0))
    assert found.reshape(-1).tolist() == [7, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("counts", "corner"), [(False, 1.0), (True, 4 / 9)])
def test_the_mean_counts_padding_only_when_asked(counts: bool, corner: float) -> None:
    y = OPS["avg_pool"].forward(np.ones((3, 3, 1, 1)), **counting(PADDED, counts))
    np.testing.assert_allclose(y[..., 0, 0], corner)


@pytest.mark.parametrize("label", EMPTY)
def test_windows_of_nothing_have_no_place(label: str) -> None:
    """Their maximum is -inf at -1, from which nothing is unpooled and to which no gradient goes; their mean is 0."""
    spatial, window = EMPTY[label]
    x = np.random.default_rng(0).standard_normal((*spatial, 2, 3))
    (y, at), (_, taps) = (OPS[name].forward(x, window=window) for name in ("max_pool_indices", "max_pool_taps"))
    empty = np.isneginf(y)
    assert window.misses(spatial) == empty[..., 0, 0].sum() > 0
    assert not window.always_sees
    np.testing.assert_array_equal(at == -1, empty)
    np.testing.assert_array_equal(taps == NO_TAP, empty)
    means = OPS["avg_pool"].forward(x, **counting(window, False))
    assert (means[empty] == 0).all()
    grad, to = np.ones(y.shape), Dims("S" * window.rank + "CB", x.shape)
    for name, outputs in (("max_pool", (y,)), ("max_pool_indices", (y, at)), ("max_pool_taps", (y, taps))):
        (found,) = OPS[name].backward(Call((x,), outputs, (True,)), grad, *[None] * (len(outputs) - 1), window=window)
        assert found.sum() == (~empty).sum()
    whole = OPS["max_unpool"].forward(np.where(empty, 7, y), at, np.array(x.shape), to=to)
    np.testing.assert_array_equal(whole[whole != 0], np.where(whole == x, x, np.nan)[whole != 0])
    call = Call((y, at, np.array(x.shape)), (), (True, False, False))
    (back, _, _) = OPS["max_unpool"].backward(call, np.ones_like(x), to=to)
    np.testing.assert_array_equal(back, ~empty)
