"""Gradients against differences, and arrays in other memory orders: what every check of a layer needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEP = 1e-6
MOST_PROBES = 25  # elements of an array that are moved


def differences(loss: Callable[[], float], variable: np.ndarray, probes: np.ndarray, step: float = STEP) -> np.ndarray:
    """Central differences of a loss where elements of a variable are moved; the variable is as before afterwards."""
    flat, found = variable.reshape(-1), np.empty(len(probes))
    assert np.shares_memory(flat, variable)
    for at, probe in enumerate(probes):
        kept, losses = flat[probe], []
        for sign in (1, -1):
            flat[probe] = kept + sign * step
            losses.append(loss())
        flat[probe] = kept
        found[at] = (losses[0] - losses[1]) / (2 * step)
    return found


def probes_of(variable: np.ndarray, most: int = MOST_PROBES, still: int | None = None) -> np.ndarray:
    """The elements to be moved, the same ones every time; none of the column ``still``, which gets no gradient."""
    chosen = np.random.default_rng(0).permutation(variable.size)[:most]
    return chosen if still is None else chosen[chosen % variable.shape[-1] != still]


def gradient_error(gradient: np.ndarray, expected: np.ndarray, probes: np.ndarray, loss: float,
                   step: float = STEP) -> tuple[float, float]:
    """The largest deviation of a gradient from differences at these elements, and how much rounding explains."""
    rounding = 4 * np.finfo(np.float64).eps * abs(loss) / step
    scale = max(np.abs(gradient).max(initial=0), 1e-2)
    return float(np.abs(gradient.reshape(-1)[probes] - expected).max(initial=0)), 1e-6 * scale + rounding


def memory_orders(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same values, read-only, in other memory orders."""
    spaced = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    view = spaced[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    orders = {"Fortran": np.asfortranarray(x), "spaced": view, "reversed": np.flip(np.flip(x).copy())}
    for array in orders.values():
        array.flags.writeable = False
    return orders


def untied(rng: np.random.Generator, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    """Values without ties, none of them near zero, so that maxima and kinks stay where they are."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count / 2 + 0.25) / max(count, 1) * 4).reshape(shape).astype(dtype)
