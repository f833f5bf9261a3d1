"""Samples of convolution in groups, products, normalisation by neighbouring channels, and of what changes sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

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
    yield from grouped()
    yield from elementwise()
    yield from normalised()
    yield from resized()


def grouped() -> Iterator[Case]:
    for label, (spatial, window, (channels, filters, groups)) in GROUPED.items():
        def convolved(r: np.random.Generator, n: int, s: tuple[int, ...] = spatial, w: Window = window,
                      c: int = channels, k: int = filters, g: int = groups) -> Inputs:
            return normal(r, *s, c * g, n), normal(r, *w.size, c, k, g), normal(r, *[1] * w.rank, k, g)

        yield Case("grouped_conv", label, convolved, {"window": window}, differentiable=(0, 1, 2))


def elementwise() -> Iterator[Case]:
    yield Case("linear_sum", "", lambda r, n: tuple(normal(r, 3, 2, 4, n) for _ in range(3)), {"weights": (1, -0.5, 2)},
               differentiable=(0, 1, 2), batched=(0, 1, 2))
    yield Case("multiply", "", lambda r, n: tuple(normal(r, 3, 2, 4, n) for _ in range(3)), differentiable=(0, 1, 2),
               batched=(0, 1, 2))
    yield Case("multiply", "expanding", lambda r, n: (normal(r, 1, 2, 4, n), normal(r, 3, 1, 4, n), normal(r, 3, 2, 1, n)),
               differentiable=(0, 1, 2), batched=(0, 1, 2))
    yield Case("append_spatial_dims", "vector", lambda r, n: (normal(r, 4, n),), {"rank": 3})
    yield Case("without_time", "vector", lambda r, n: (normal(r, 3, 1, n),), {})
    yield Case("without_time", "image", lambda r, n: (normal(r, 2, 3, 1, n),), {})
    yield Case("append_spatial_dims", "image", lambda r, n: (normal(r, 3, 2, 4, n),), {"rank": 3})
    for label, size, channels in (("odd", 5, 8), ("even", 4, 7), ("one", 1, 3), ("wide", 9, 3)):
        yield Case("cross_channel_norm", label, lambda r, n, c=channels: (normal(r, 3, 2, c, n),),
                   {"size": size, "alpha": 0.5, "beta": 0.75, "k": 1.5})
    yield Case("halves", "vector", lambda r, n: (normal(r, 6, n),))
    yield Case("halves", "parameter", lambda r, n: (normal(r, 8, 3),), batched=(), joins=False)
    yield Case("times_transposed", "", lambda r, n: (normal(r, 6, 2), normal(r, 5, 2)), differentiable=(0, 1), batched=(),
               joins=False)
    yield Case("cross_channel_norm", "vector", lambda r, n: (normal(r, 6, n),), {"size": 3, "alpha": 2, "beta": 1.5, "k": 1})


def normalised() -> Iterator[Case]:
    for label, spatial in {"vector": (), "image": (5, 3), "volume": (2, 3, 2)}.items():
        for name, groups in {"groups": 2, "channels": 4, "all": 1}.items():
            if groups == 4 and not spatial:
                continue  # of one value
            def scaled(r: np.random.Generator, n: int, s: tuple[int, ...] = spatial) -> Inputs:
                one = (*[1] * len(s), 4)
                return normal(r, *s, 4, n) * 2 + 3, r.uniform(0.5, 2, one), normal(r, *one)

            def masked(r: np.random.Generator, n: int, make: Callable[..., Inputs] = scaled) -> Inputs:
                x, scale, offset = make(r, n)
                mask = r.random((*[1] * (x.ndim - 3), *x.shape[-3:-2], 1, n)) < 0.7
                mask[..., :1, :, :] = True  # something of every observation
                return x, scale, offset, mask.astype(np.float64)

            for mark, whole in {"": True, "-positions": False}.items():
                if spatial and (whole or groups < 4):
                    yield Case("masked_group_norm", f"{label}-{name}{mark}", masked,
                               {"groups": groups, "epsilon": 1e-3, "spatial": whole}, differentiable=(0, 1, 2),
                               batched=(0, 3))
                if whole or groups < 4:
                    yield Case("group_norm", f"{label}-{name}{mark}", scaled,
                               {"groups": groups, "epsilon": 1e-3, "spatial": whole}, differentiable=(0, 1, 2))


def resized() -> Iterator[Case]:
    def image(r: np.random.Generator, n: int) -> Inputs:
        return (normal(r, 5, 6, 2, n),)

    def volume(r: np.random.Generator, n: int) -> Inputs:
        return (normal(r, 3, 4, 2, 2, n),)

    for order in ("dcr", "crd"):
        yield Case("depth_to_space", order, lambda r, n: (normal(r, 2, 3, 12, n),), {"block": (2, 3), "order": order})
    yield Case("depth_to_space", "volume", lambda r, n: (normal(r, 2, 1, 2, 8, n),), {"block": (2, 1, 2), "order": "crd"})
    yield Case("space_to_depth", "", lambda r, n: (normal(r, 5, 6, 2, n),), {"block": (2, 3)})
    yield Case("crop", "", image, {"start": (1, 0), "to": (3, 6)})
    yield Case("crop", "volume", volume, {"start": (0, 2, 1), "to": (3, 2, 1)})
    for method in ("nearest", "linear"):
        for transform in ("half-pixel", "asymmetric"):
            for rounding in ("round", "floor", "onnx-10") if method == "nearest" else ("round",):
                yield Case("resize", f"{method}-{transform}-{rounding}", image,
                           {"to": (12, 4), "factors": (Fraction(12, 5), Fraction(2, 3)), "method": method,
                            "transform": transform, "rounding": rounding})
        yield Case("resize", f"{method}-volume", volume,
                   {"to": (6, 2, 3), "factors": (Fraction(2), Fraction(1, 2), Fraction(7, 4)), "method": method,
                    "transform": "half-pixel", "rounding": "round"})
    yield Case("adaptive_avg_pool", "", image, {"to": (3, 2)})
    yield Case("adaptive_avg_pool", "larger", image, {"to": (7, 6)})
    yield Case("adaptive_avg_pool", "volume", volume, {"to": (2, 3, 1)})
