"""Samples of convolution in groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltoolbox.core.geometry import Window
from tests.ops.sample import Case, Inputs, normal

# spatial size of the input, window, channels and filters per group, groups
GROUPED: dict[str, tuple[tuple[int, ...], Window, tuple[int, int, int]]] = {
    "two-groups": ((5, 6), Window.of((3, 3), (1, 1), ((1, 1), (1, 1))), (2, 3, 2)),
    "one-group": ((4, 5), Window.of((2, 3)), (3, 2, 1)),
    "depthwise": ((6, 5), Window.of((3, 3), (1, 1), ((1, 1), (1, 1))), (1, 1, 5)),
    "depthwise-stride2": ((7, 8), Window.of((3, 3), (2, 2), ((0, 1), (0, 1))), (1, 1, 4)),
    "depthwise-two-each": ((7, 5), Window.of((3, 2), (2, 1), ((0, 1), (1, 0))), (1, 2, 3)),
    "depthwise-dilated": ((9, 8), Window.of((3, 2), (1, 2), ((1, 1), (0, 1)), (2, 3)), (1, 1, 3)),
    "1x1": ((4, 3), Window.of((1, 1)), (2, 2, 3)),
    "gaps": ((9, 7), Window.of((2, 2), (3, 3)), (2, 1, 2)),
    "1d": ((7,), Window.of((3,), (2,), ((1, 0),)), (2, 2, 2)),
    "3d": ((4, 5, 3), Window.of((2, 3, 2), (1, 2, 1), ((1, 0), (0, 1), (1, 1)), (1, 1, 2)), (1, 2, 3)),
}


def cases() -> Iterator[Case]:
    for label, (spatial, window, (channels, filters, groups)) in GROUPED.items():
        def convolved(r: np.random.Generator, n: int, s: tuple[int, ...] = spatial, w: Window = window,
                      c: int = channels, k: int = filters, g: int = groups) -> Inputs:
            return normal(r, *s, c * g, n), normal(r, *w.size, c, k, g), normal(r, *[1] * w.rank, k, g)

        yield Case("conv_grouped", label, convolved, {"window": window}, differentiable=(0, 1, 2))
