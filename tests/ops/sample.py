"""One sample use of an op, and the values that samples are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window

Inputs = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Case:
    """One use of an op. ``make`` returns float64 inputs for a batch size; the last axis of ``batched`` ones is it."""

    op: str
    label: str
    make: Callable[[np.random.Generator, int], Inputs]
    attrs: dict[str, Any] = field(default_factory=dict)
    differentiable: tuple[int, ...] = (0,)
    batched: tuple[int, ...] = (0,)
    joins: bool = True  # whether a batch gives the results of its observations, joined
    labels: dict[int, str] = field(default_factory=dict)  # of inputs, where they are not S…CB
    sequences: bool = False  # whether the axis before the last of what is batched is time

    def __str__(self) -> str:
        return f"{self.op}-{self.label}" if self.label else self.op

    def inputs(self, batch: int = 2, dtype: Any = np.float64, seed: int = 0) -> Inputs:
        made = self.make(np.random.default_rng(seed), batch)
        return tuple(frozen(x.astype(dtype) if x.dtype == np.float64 else x) for x in made)

    def attributes(self, batch: int) -> dict[str, Any]:
        """The attributes; sizes among them follow the batch."""
        return {key: value.with_size("B", batch) if isinstance(value, Dims) else value for key, value in self.attrs.items()}


def counting(window: Window, counts: bool) -> dict[str, Any]:
    """Attributes of an average whose padding counts, all of it, or does not."""
    return {"window": window, "counted": None if counts else ((0, 0),) * window.rank}


def frozen(x: np.ndarray) -> np.ndarray:
    """Read-only, so that writing to an input is an error."""
    x.flags.writeable = False
    return x


def distinct(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values without ties, none of them near zero: gaps are far wider than a finite difference."""
    count = prod(shape)
    return ((rng.permutation(count) - count / 2 + 0.25) / max(count, 1) * 4).reshape(shape)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def one_hot(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """One-hot along the axis before the last; every seventh position is unlabelled where there are pixels."""
    classes = rng.integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
    hot = (classes == np.arange(shape[-2])[:, None]).astype(np.float64)
    if len(shape) > 2:
        hot[rng.random(hot.shape[:-2]) < 1 / 7] = 0
    return hot
