"""Samples of windows over the time of sequences of several lengths: maps whose last axis is time, and lengths."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from tests.ops.sample import Case, Inputs, normal

STEPS = 7
MAPS: dict[str, tuple[int, ...]] = {"line": (1,), "map": (3,), "volume": (2, 3)}
TIME = Window.of((3,), (2,), ((1, 2),))


GAPS = Window.of((2,), (2,), ((1, 3),), (3,))  # the last may see none, also of several steps


def over_time(rank: int, *, gaps: bool = False) -> Window:
    """A window that sees one or two positions, and some steps."""
    time = GAPS if gaps else TIME
    return Window.of((2,) * rank + time.size, (1,) * rank + time.stride, ((1, 0),) * rank + time.padding,
                     (1,) * rank + time.dilation)


def sequences(spatial: tuple[int, ...]) -> Any:
    def make(rng: np.random.Generator, n: int) -> Inputs:
        lengths = rng.integers(4, STEPS + 1, n).astype(np.int32)
        return normal(rng, *spatial, STEPS, 2, n), lengths
    return make


def unpooled(spatial: tuple[int, ...]) -> Any:
    """Maps half as long, and places that lie one behind the other."""
    def make(rng: np.random.Generator, n: int) -> Inputs:
        x, lengths = normal(rng, *spatial, 3, 2, n), rng.integers(1, 4, n).astype(np.int32)
        places = np.arange(3 * prod(spatial)).reshape(*spatial, 3, 1, 1) * 2 + rng.integers(0, 2, x.shape)
        return x, places, np.array([*spatial, STEPS, 2, n]), lengths
    return make


def cases() -> Iterator[Case]:
    def case(op: str, label: str, make: Any, spatial: tuple[int, ...], batched: tuple[int, ...] = (0, 1),
             **attrs: Any) -> Case:
        labels = dict.fromkeys(batched[:-1], "S" * (len(spatial) + 1) + "CB") | {batched[-1]: "B"}
        return Case(op, label, make, attrs, batched=batched, labels=labels)

    for label, spatial in MAPS.items():
        data = sequences(spatial)
        window = over_time(len(spatial))
        for counted in (None, ((0, 0),) * window.rank, tuple((before, min(after, 1)) for before, after in window.padding)):
            yield case("avg_pool_of_lengths", f"{label}-{counted}", data, spatial, window=window, counted=counted)
        yield case("avg_pool_of_lengths", f"{label}-divided", data, spatial, window=window, divisor=2.5)
        for gaps in ("", "gaps"):
            window = over_time(len(spatial), gaps=bool(gaps))
            yield case("max_pool_of_lengths", label + gaps, data, spatial, window=window)
            yield case("max_pool_indices_of_lengths", label + gaps, data, spatial, window=window)
        yield case("global_avg_pool_of_lengths", label, data, spatial)
        for mode in ("constant", "replicate", "symmetric-include-edge", "symmetric-exclude-edge"):
            yield case("pad_edges_of_lengths", f"{label}-{mode}", data, spatial, mode=mode, value=1.5,
                       padding=(*((0, 0),) * len(spatial), (2, 3)))
        whole = Dims("S" * (len(spatial) + 1) + "CB", (*spatial, STEPS, 2, None))
        yield case("max_unpool_of_lengths", label, unpooled(spatial), spatial, (0, 1, 3), to=whole)
