"""Linear maps whose bodies are not in NumPy's words: the gradient of one is its adjoint, and that of the adjoint the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.apply import SECOND, SecondForm, Use, size_alone
from dltoolbox.autodiff.tape import TAPE, Payload, Traced, raw_values, record
from dltoolbox.ops.base import OPS, Call, Op
from dltoolbox.ops.norm import sum_over_channels
from dltoolbox.ops.pool import scatter_add, taken_at, window_winner

Map = Callable[..., np.ndarray]  # of an array, and of constants


def mapped_linearly(name: str, there: Map, back: Map, x: Payload, *constants: Any) -> Payload:
    """A linear map of an array; ``back`` is its adjoint, of the same constants."""
    value = opaque(there, raw_values(x), *constants)
    if not TAPE.noting or not isinstance(x, Traced):
        return value
    return record(name, value, (x,), (lambda g, _: mapped_linearly(name, back, there, g, *constants),))


def linear_op(op: Op) -> SecondForm:
    """The second form of an op that is linear in its one input, but for a constant; its own body is the adjoint."""
    def gradient(g: np.ndarray, x: np.ndarray, attrs: Any) -> np.ndarray:
        (dx,) = op.backward(Call((x,), None, (True,)), g, **attrs)
        return np.asarray(dx)

    def adjoint(h: np.ndarray, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.asarray(op.forward(h, **attrs | ({"value": 0.0} if "value" in attrs else {})))

    def second(use: Use) -> Sequence[Payload]:
        ghost_of_x = size_alone(use.inputs[0])
        return (mapped_linearly(op.name, gradient, adjoint, use.gradients[0], ghost_of_x, use.attrs),)
    return second


# Maxima, given where they are ----------------------------------------------------------------------------------------
def taken_at_places(large: np.ndarray, places: np.ndarray, spatial: tuple[int, ...]) -> np.ndarray:
    return taken_at(large, places, len(spatial))


def at_places(name: str, g: Payload, places: Any, spatial: tuple[int, ...]) -> Sequence[Payload]:
    """The gradient of maxima: each where the maximum was found."""
    return (mapped_linearly(name, scatter_add, taken_at_places, g, places, spatial),)


def max_pool_again(use: Use) -> Sequence[Payload]:
    x, window = raw_values(use.inputs[0]), use.attrs["window"]
    _, places = opaque(window_winner, x, window)
    return at_places("max_pool", use.gradients[0], places, x.shape[:window.rank])


def max_pool_indices_again(use: Use) -> Sequence[Payload]:
    window = use.attrs["window"]
    return at_places("max_pool_indices", use.gradients[0], raw_values(use.outputs[1]), use.inputs[0].shape[:window.rank])


def first_of_all(x: np.ndarray) -> np.ndarray:
    """The place of the maximum of every map."""
    flat = x.reshape(-1, *x.shape[-2:])
    return np.reshape(flat.argmax(0), (*[1] * (x.ndim - 2), *x.shape[-2:]))


def global_max_pool_again(use: Use) -> Sequence[Payload]:
    x = raw_values(use.inputs[0])
    return at_places("global_max_pool", use.gradients[0], opaque(first_of_all, x), x.shape[:-2])


def max_unpool_again(use: Use) -> Sequence[Payload]:
    places, spatial = raw_values(use.inputs[1]), use.attrs["to"].spatial
    return mapped_linearly("max_unpool", taken_at_places, scatter_add, use.gradients[0], places, spatial), None, None


# Sums over neighbouring channels -------------------------------------------------------------------------------------
def sums_seen_from_there(x: np.ndarray, back: int, forward: int) -> np.ndarray:
    return sum_over_channels(x, forward, back)


def cross_channel_norm_again(use: Use) -> Sequence[Payload]:
    (x, *_), (g, *_), attrs = use.inputs, use.gradients, use.attrs
    size, reach = attrs["size"], ((attrs["size"] - 1) // 2, attrs["size"] // 2)
    total = mapped_linearly("sum over channels", sum_over_channels, sums_seen_from_there, x * x, *reach)
    base = total * (attrs["alpha"] / size) + attrs["k"]
    direct = g / base ** attrs["beta"]
    through = mapped_linearly("sum over channels", sum_over_channels, sums_seen_from_there, direct * x / base, *reach[::-1])
    return (direct - x * through * (2 * attrs["alpha"] / size * attrs["beta"]),)


SECOND |= {name: linear_op(OPS[name]) for name in ("avg_pool", "global_avg_pool", "adaptive_avg_pool", "pad_edges")}
SECOND |= {"max_pool": max_pool_again, "max_pool_indices": max_pool_indices_again, "max_unpool": max_unpool_again,
           "global_max_pool": global_max_pool_again, "cross_channel_norm": cross_channel_norm_again}
