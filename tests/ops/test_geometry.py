"""Properties of window arithmetic, against brute force."""

from __future__ import annotations

from itertools import product

import hypothesis.strategies as st
from hypothesis import given, settings

from dltoolbox.core.geometry import Window, same_cropping, same_padding

small = st.integers(1, 5)
axis = st.tuples(st.integers(1, 30), small, small, st.tuples(st.integers(0, 4), st.integers(0, 4)), small)


def one_axis(values: tuple[int, int, int, tuple[int, int], int]) -> tuple[int, Window]:
    n, size, stride, padding, dilation = values
    return n, Window.of((size,), (stride,), (padding,), (dilation,))


def placements(n: int, window: Window) -> int:
    """How many times the dilated window fits, by sliding it."""
    (extent,), (stride,), ((before, after),) = window.extent, window.stride, window.padding
    return sum(1 for start in range(0, n + before + after, stride) if start + extent <= n + before + after)


@given(axis)
def test_output_counts_the_placements(values: tuple) -> None:
    n, window = one_axis(values)
    assert max(window.output((n,))[0], 0) == placements(n, window)
    assert window.fits((n,)) == (placements(n, window) > 0)


@given(st.lists(axis, min_size=1, max_size=3))
def test_axes_are_independent(several: list[tuple]) -> None:
    spatial, sizes, strides, paddings, dilations = zip(
        *((n, s, t, p, d) for n, s, t, p, d in several), strict=True)
    window = Window.of(sizes, strides, paddings, dilations)
    assert window.output(spatial) == tuple(one_axis(v)[1].output((v[0],))[0] for v in several)


@given(axis)
def test_taps_stay_inside_the_padded_input(values: tuple) -> None:
    n, window = one_axis(values)
    if not window.fits((n,)):
        return
    out = window.output((n,))
    padded = range(n + sum(window.padding[0]))
    for offset in window.offsets():
        (where,) = window.tap_slices(offset, out)
        taken = padded[where]
        assert len(taken) == out[0]
        assert list(taken) == [offset[0] + i * window.stride[0] for i in range(out[0])]


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 6))
def test_same_padding_gives_the_ceiling(n: int, extent: int, stride: int) -> None:
    padding = same_padding((n,), (extent,), (stride,))
    assert Window.of((extent,), (stride,), padding).output((n,)) == (-(-n // stride),)
    before, after = padding[0]
    assert 0 <= after - before <= 1
    assert min(before, after) >= 0


@given(st.integers(1, 30), st.integers(1, 9), st.integers(1, 6))
def test_same_cropping_multiplies_by_the_stride(n: int, extent: int, stride: int) -> None:
    window = Window.of((extent,), (stride,), same_cropping((extent,), (stride,)))
    assert window.transposed_output((n,)) == (n * stride,)
    (before, after), missing = window.padding[0], max(stride - extent, 0)
    assert (before >= 0, after < 0) == (True, missing > 0)  # what is missing is added at the end
    assert before + max(after, 0) == max(extent - stride, 0)


@given(axis)
def test_a_transposed_window_undoes_the_size(values: tuple) -> None:
    n, window = one_axis(values)
    large = window.transposed_output((n,))
    if large[0] > 0:
        assert window.output(large) == (n,)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3))
def test_offsets_run_row_by_row(axes: list[tuple[int, int]]) -> None:
    sizes, dilations = zip(*axes, strict=True)
    window = Window.of(sizes, dilation=dilations)
    offsets = list(window.offsets())
    assert len(offsets) == window.taps
    assert offsets == sorted(offsets)
    assert offsets == [tuple(i * d for i, d in zip(at, dilations, strict=True))
                       for at in product(*(range(s) for s in sizes))]


@given(axis)
def test_overlap_means_that_neighbours_share_elements(values: tuple) -> None:
    _, window = one_axis(values)
    first = {o[0] for o in window.offsets()}
    span = range(min(first), max(first) + 1)
    assert window.overlapping == (window.stride[0] in span)
