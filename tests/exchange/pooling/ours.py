"""A pooling layer as it computes: its ops are called as it records them, and nothing else is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.ops import OPS


@dataclass
class At:
    """A value of a recorded op, which is there at once."""

    array: np.ndarray
    dims: Dims
    lengths: None = None


class Now:
    """A builder whose ops run when they are recorded."""

    training = False

    def __getattr__(self, op: str) -> Any:
        def call(*values: At, way: object = None, **attrs: Any) -> Any:
            results = OPS[op].forward(*(value.array for value in values), **attrs)
            many = results if isinstance(results, tuple) else (results,)
            wrapped = tuple(At(one, dims_of(one)) for one in many)
            return wrapped if isinstance(results, tuple) else wrapped[0]
        return call


def dims_of(x: np.ndarray) -> Dims:
    return Dims("S" * (x.ndim - 2) + "CB", x.shape) if x.ndim > 2 else Dims("U" * x.ndim, x.shape)


def run(layer: Any, x: np.ndarray) -> list[np.ndarray]:
    """What leaves the layer: values, and indices where it gives some."""
    dims = dims_of(x)
    layer.check(dims)
    results = layer.build(Now(), At(x, dims))
    return [one.array for one in (results if isinstance(results, tuple) else (results,))][:2]


def small_map(rng: np.random.Generator, spatial: tuple[int, ...]) -> np.ndarray:
    """Whole numbers, so that maxima are met more than once and sums are exact."""
    shape = (*spatial, int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    return rng.integers(-4, 5, shape).astype(np.float64)
