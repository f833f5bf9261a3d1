"""Planned memory: what is alive at the same time never overlaps, and little is wasted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltoolbox.program import memory
from dltoolbox.program.memory import ALIGNMENT, Arena, Buffer, FlatArrays, Kept, place

intervals = st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
buffers = st.builds(Buffer, st.integers(0, 500), st.lists(intervals, min_size=1, max_size=2).map(tuple))


def meet(a: Buffer, b: Buffer) -> bool:
    return any(s <= v and u <= t for s, t in a.alive for u, v in b.alive)


@pytest.mark.parametrize("few", [0, 200])
@given(found=st.lists(buffers, max_size=25))
def test_what_is_alive_together_lies_apart(few: int, found: list[Buffer]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "FEW_BUFFERS", few)
        peak = place(found)
    for i, one in enumerate(found):
        assert one.offset % ALIGNMENT == 0
        assert one.offset + one.size <= peak
        for other in found[:i]:
            if meet(one, other) and one.size and other.size:
                assert one.offset + one.size <= other.offset or other.offset + other.size <= one.offset


@given(st.lists(buffers, max_size=25))
def test_few_and_many_buffers_lie_in_the_same_places(found: list[Buffer]) -> None:
    again = [Buffer(buffer.size, buffer.alive) for buffer in found]
    memory.place_few(found)
    memory.place_many(again)
    assert found == again


def test_a_chain_needs_two_buffers_however_long() -> None:
    assert place([Buffer(640, ((i, i + 1),)) for i in range(50)]) == 1280


def test_a_gap_in_a_life_is_used() -> None:
    assert place([Buffer(640, ((0, 0), (9, 9))), Buffer(640, ((3, 5),))]) == 640


def test_arenas_are_aligned_and_count_their_generations() -> None:
    arena = Arena()
    arena.reserve(1000)
    view = arena.view(128, (3, 5), np.float64)
    assert (view.shape, view.dtype, view.ctypes.data % ALIGNMENT) == ((3, 5), np.float64, 0)
    arena.reserve(900)
    assert arena.generation == 1
    arena.reserve(5000)
    assert arena.generation == 2


def test_flat_arrays_are_views_of_one_vector() -> None:
    flat = FlatArrays({"a": (2, 3), "b": (), "c": (4,)}, np.float32)
    flat["a"][...] = 1
    flat["c"][1:] = 2
    assert flat.vector.tolist() == [1] * 6 + [0, 0, 2, 2, 2]
    assert (list(flat), len(flat), flat["b"].shape) == (["a", "b", "c"], 3, ())
    with pytest.raises(KeyError):
        flat["d"]


def test_a_thing_that_replaces_another_takes_its_room() -> None:
    kept: Kept[str, str] = Kept(10)
    for thing in ("old", "new"):
        kept.put("key", thing, 6)
    kept.put("other", "thing", 4)
    assert (list(kept), kept.bytes) == (["new", "thing"], 10)
