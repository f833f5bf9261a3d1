"""Ways to look at T: all are views of the folded array, and each can be undone."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.kernels.memory_format import channels_last_order, lies_in, rows_order
from dltoolbox.ops import Graph
from dltoolbox.ops.graph import Recorder
from dltoolbox.ops.time_axis import Way, chosen_way

SEQUENCES = (Dims.of("CTB", 3, 4, 5), Dims.of("SCTB", 6, 3, 4, 5), Dims.of("SSCTB", 6, 7, 3, 4, 5),
             Dims.of("SSSCTB", 6, 7, 2, 3, 4, 5))
SEEN = {Way.FOLD: "(S…, C, T·B)", Way.SEE: "(S…, C, T, B)", Way.SPACE: "(S…, T, C, B)"}
each = pytest.mark.parametrize("dims", SEQUENCES, ids=str)
every_way = pytest.mark.parametrize("way", Way, ids=lambda way: way.value)


def numbered(dims: Dims, order: tuple[int, ...]) -> np.ndarray:
    """A folded array that lies in memory in an order."""
    shape = dims.folded.shape
    flat = np.arange(np.prod(shape)).reshape([shape[axis] for axis in order])
    return flat.transpose(np.argsort(order))


@pytest.mark.parametrize("order", [rows_order, channels_last_order, lambda n: tuple(range(n))], ids=["rows", "last", "axes"])
@every_way
@each
def test_every_way_is_a_view_in_the_order_that_it_says(dims: Dims, way: Way, order: object) -> None:
    axes = order(len(dims.folded.sizes))  # type: ignore[operator]
    stored = numbered(dims, axes)
    seen = way.view(stored, dims)
    assert seen.shape == way.dims(dims).shape
    assert np.shares_memory(seen, stored)
    assert lies_in(seen, way.order(axes, dims))
    assert way.folded_order(way.order(axes, dims), dims) == axes
    np.testing.assert_array_equal(way.folded(seen, dims), stored)
    assert way.undone(way.dims(dims), dims) == dims


@each
def test_time_is_slower_than_the_observations(dims: Dims) -> None:
    stored = numbered(dims, tuple(range(len(dims.folded.sizes))))
    apart, space = Way.SEE.view(stored, dims), Way.SPACE.view(stored, dims)
    for t in range(4):
        for b in range(5):
            np.testing.assert_array_equal(apart[..., t, b], stored[..., t * 5 + b])
            np.testing.assert_array_equal(space[..., t, :, b].reshape(stored.shape[:-1]), stored[..., t * 5 + b])


@each
def test_both_memory_formats_stay_what_they_are_with_time_as_space(dims: Dims) -> None:
    count, seen = len(dims.folded.sizes), len(Way.SPACE.dims(dims).sizes)
    assert Way.SPACE.order(rows_order(count), dims) == rows_order(seen)
    assert Way.SPACE.order(channels_last_order(count), dims) == channels_last_order(seen)


def test_an_order_in_which_time_and_observations_are_apart_is_refused() -> None:
    with pytest.raises(AssertionError, match="cannot be folded"):
        Way.SPACE.folded_order((0, 1, 2, 3), Dims.of("SCTB", 6, 3, 4, 5))


@every_way
def test_arrays_without_time_are_what_they_are(way: Way) -> None:
    dims = Dims.of("SSCB", 4, 3, 2, 5)
    x = np.zeros(dims.shape)
    assert way.view(x, dims) is x is way.folded(x, dims)
    assert way.dims(dims) == dims == way.undone(dims, dims)
    assert way.order((0, 2, 1, 3), dims) == (0, 2, 1, 3) == way.folded_order((0, 2, 1, 3), dims)
    assert chosen_way(way, way, [dims]) is Way.FOLD


def test_inputs_of_different_lengths_are_seen_apart() -> None:
    long, short = Dims.of("CTB", 3, 4, 5), Dims.of("CTB", 3, 1, 5)
    assert chosen_way(None, Way.FOLD, [long, long]) is Way.FOLD
    assert chosen_way(None, Way.FOLD, [long, short]) is Way.SEE
    assert chosen_way(Way.SPACE, Way.FOLD, [long, short]) is Way.SPACE


def test_open_sizes_stay_open_where_they_depend_on_time() -> None:
    g = Recorder(Graph(), training=False)
    x = g.entering("x", Dims.of("SCTB", 8, 3, None, None))
    y = g.global_avg_pool(x)
    assert y.dims == Dims.of("SCTB", 1, 3, None, None)
    assert g.graph.nodes[-1].input_dims[0] == Dims.of("SCB", 8, 3, None)
    assert g.global_avg_pool(x, way=Way.SPACE).dims == Dims.of("SCTB", 1, 3, 1, None)
    assert g.concat(x, x, axis=2, way=Way.SEE).dims == x.dims
    assert str(x.dims) == "8(S) × 3(C) × 1(B) × 1(T)"
    assert x.dims.format == "SCBT"
