"""Gradients of what moves elements: shapes, orders, parts, joints, copies, orders by value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dltoolbox.autodiff.rules.elementwise import fitted_pull, reduced_to
from dltoolbox.autodiff.tape import ARRAY_METHODS, FUNCTIONS, Payload, Traced, raw_nested, raw_values, record


def reshape_rule(x: Payload, /, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None) -> Payload:
    before, shape = x.shape, newshape if shape is None else shape
    return record("reshape", np.reshape(x.value, shape, order=order), (x,),
                  (lambda g, _: np.reshape(g, before, order=order),))


def ravel(x: Payload, order: Any = "C") -> Payload:
    return reshape_rule(x, -1, order)


def transpose_rule(x: Payload, axes: Sequence[int] | None = None) -> Payload:
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    back = tuple(int(a) for a in np.argsort(order))
    return record("transpose", x.value.transpose(order), (x,), (lambda g, _: np.transpose(g, back),))


def moveaxis_rule(x: Payload, source: Any, destination: Any) -> Payload:
    order = np.moveaxis(np.empty((1,) * x.ndim), source, destination)  # to have the arguments checked
    sources, targets = ([a % x.ndim for a in (each if isinstance(each, Sequence | range) else [each])]
                        for each in (source, destination))
    rest = [a for a in range(order.ndim) if a not in sources]
    for target, a in sorted(zip(targets, sources, strict=True)):
        rest.insert(target, a)
    return transpose_rule(x, rest)


def swapaxes_rule(x: Payload, axis1: int, axis2: int) -> Payload:
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose_rule(x, order)


def squeeze_rule(x: Payload, axis: Any = None) -> Payload:
    return reshape_rule(x, np.squeeze(x.value, axis).shape)


def expand_dims(x: Payload, axis: Any) -> Payload:
    return reshape_rule(x, np.expand_dims(x.value, axis).shape)


def broadcast_to(x: Payload, shape: Any, subok: bool = False) -> Payload:
    before = x.shape
    return record("broadcast_to", np.broadcast_to(x.value, shape), (x,), (lambda g, _: reduced_to(g, before),))


def astype(x: Payload, dtype: Any) -> Payload:
    """The same in another type; the gradient returns in the old one."""
    before = x.dtype
    return record("astype", x.value.astype(dtype), (x,), (lambda g, _: g.astype(before),))


# Parts and their places ----------------------------------------------------------------------------------------------
def getitem(x: Payload, index: Any) -> Payload:
    index, shape = raw_nested(index), x.shape
    return record("indexing", x.value[index], (x,), (lambda g, _: added_at(g, index, shape),))


def added_at(g: Payload, index: Any, shape: tuple[int, ...]) -> Payload:
    """Zeros of a shape, with an array added at an index: the adjoint of `getitem`."""
    def adding(values: np.ndarray) -> np.ndarray:
        out = np.zeros(shape, values.dtype)
        if is_basic(index):
            out[index] = values
        else:
            np.add.at(out, index, values)
        return out
    if not isinstance(g, Traced):
        return adding(g)
    return record("placing", adding(g.value), (g,), (lambda h, _: h[index],))


def is_basic(index: Any) -> bool:
    """Whether an index meets no element twice, whatever it is."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | np.integer | slice) or (
        isinstance(part, np.ndarray) and part.dtype.kind == "b") for part in parts)


def assigned(x: Payload, index: Any, values: Payload) -> Payload:
    """The array with other values at an index."""
    index = raw_nested(index)
    out = raw_values(x).copy()
    out[index] = raw_values(values)
    shape, part = np.shape(raw_values(values)), out[index].shape

    def zeroed(g: Payload, _: Payload) -> Payload:
        mask = np.ones(out.shape, g.dtype)
        mask[index] = 0
        return g * mask
    return record("assignment", out, (x, values), (zeroed, fitted_pull(lambda g, _: g[index], shape, part)))


def take(x: Payload, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Payload:
    if axis is None:
        return np.reshape(x, -1)[raw_values(indices)]
    return x[(*[slice(None)] * (axis % x.ndim), raw_values(indices))]


def take_along_axis(x: Payload, indices: Any, axis: int | None = -1) -> Payload:
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    axis, indices = axis % x.ndim, np.asarray(raw_values(indices))
    places = [np.arange(n).reshape([-1 if at == a else 1 for at in range(x.ndim)]) for a, n in enumerate(indices.shape)]
    places[axis] = indices
    return x[tuple(places)]


# Joints --------------------------------------------------------------------------------------------------------------
def concatenate_rule(arrays: Sequence[Payload], axis: int | None = 0, out: None = None, **options: Any) -> Payload:
    if axis is None:
        arrays, axis = [np.reshape(x, -1) for x in arrays], 0
    value = np.concatenate([raw_values(x) for x in arrays], axis)
    edges = np.cumsum([0, *(np.shape(raw_values(x))[axis] for x in arrays)])
    before = (slice(None),) * (axis % value.ndim)
    pulls = [lambda g, _, a=int(a), b=int(b): g[(*before, slice(a, b))] for a, b in pairwise(edges)]
    return record("concatenate", value, tuple(arrays), pulls)


def stack(arrays: Sequence[Payload], axis: int = 0, out: None = None, **options: Any) -> Payload:
    return concatenate_rule([np.expand_dims(x, axis) for x in arrays], axis)


def hstack(tup: Sequence[Payload], **options: Any) -> Payload:
    arrays = [np.atleast_1d(x) if np.ndim(x) == 0 else x for x in tup]
    return concatenate_rule(arrays, 0 if np.ndim(arrays[0]) == 1 else 1)


def vstack(tup: Sequence[Payload], **options: Any) -> Payload:
    return concatenate_rule([np.atleast_2d(x) for x in tup], 0)


def at_least(count: int) -> Any:
    def rule(*arrays: Payload) -> Any:
        made = [x if np.ndim(x) >= count else np.reshape(x, (*[1] * (count - np.ndim(x)), *np.shape(x))) for x in arrays]
        return made[0] if len(made) == 1 else made
    return rule


def split_rule(x: Payload, indices_or_sections: Any, axis: int = 0) -> list[Payload]:
    parts = np.array_split(np.arange(x.shape[axis]), indices_or_sections)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0))] for part in parts]


def pad_rule(x: Payload, pad_width: Any, mode: Any = "constant", **options: Any) -> Payload:
    """Padding of any mode: an array of numbers is padded likewise, and says where each element came from."""
    if mode == "constant":
        widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
        inside = tuple(slice(int(a), int(a) + n) for (a, _), n in zip(widths, x.shape, strict=True))
        return record("pad", np.pad(x.value, pad_width, mode, **options), (x,), (lambda g, _: g[inside],))
    return np.reshape(x, -1)[np.pad(np.arange(x.size).reshape(x.shape), pad_width, mode, **options)]


def repeated(function: Any) -> Any:
    """Repeated or rolled elements: numbers that are repeated likewise say where each came from."""
    def rule(x: Payload, *arguments: Any, **options: Any) -> Payload:
        return np.reshape(x, -1)[function(np.arange(x.size).reshape(x.shape), *arguments, **options)]
    return rule


def flip(x: Payload, axis: Any = None) -> Payload:
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    return x[tuple(slice(None, None, -1) if at in axes else slice(None) for at in range(x.ndim))]


def diff(x: Payload, n: int = 1, axis: int = -1, **options: Any) -> Payload:
    if not n:
        return x
    before = (slice(None),) * (axis % x.ndim)
    return diff(x[(*before, slice(1, None))] - x[(*before, slice(None, -1))], n - 1, axis)


def sort(x: Payload, axis: int | None = -1, **options: Any) -> Payload:
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    return take_along_axis(x, np.argsort(x.value, axis, kind="stable"), axis)


def triangle(function: Any) -> Any:
    """The lower or upper triangle."""
    def rule(m: Payload, k: int = 0) -> Payload:
        return m * function(np.ones(m.shape[-2:], m.dtype), k)
    return rule


def diagonal(x: Payload, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Payload:
    return np.reshape(x, -1)[np.diagonal(np.arange(x.size).reshape(x.shape), offset, axis1, axis2)]


def diag(v: Payload, k: int = 0) -> Payload:
    if v.ndim == 2:
        return diagonal(v, k)
    size = len(v) + abs(k)
    rows = np.arange(len(v)) + max(-k, 0)
    return added_at(v, (rows, rows + k), (size, size))


def trace(x: Payload, offset: int = 0, axis1: int = 0, axis2: int = 1, **options: Any) -> Payload:
    return np.sum(diagonal(x, offset, axis1, axis2), -1)


ARRAY_METHODS |= {"getitem": getitem, "astype": astype}
FUNCTIONS |= {
    getitem: getitem, astype: astype, np.reshape: reshape_rule, np.transpose: transpose_rule, np.moveaxis: moveaxis_rule,
    np.swapaxes: swapaxes_rule, np.squeeze: squeeze_rule, np.expand_dims: expand_dims, np.ravel: ravel, np.broadcast_to:
    broadcast_to, np.take: take, np.take_along_axis: take_along_axis, np.concatenate: concatenate_rule, np.stack: stack,
    np.hstack: hstack, np.vstack: vstack, np.atleast_1d: at_least(1), np.atleast_2d: at_least(2), np.split: split_rule,
    np.array_split: split_rule, np.pad: pad_rule, np.tile: repeated(np.tile), np.repeat: repeated(np.repeat), np.roll:
    repeated(np.roll), np.flip: flip, np.fliplr: lambda m: flip(m, 1), np.flipud: lambda m: flip(m, 0), np.rot90:
    repeated(np.rot90), np.diff: diff, np.sort: sort, np.tril: triangle(np.tril), np.triu: triangle(np.triu), np.diag:
    diag, np.diagonal: diagonal, np.trace: trace,
}
SINCE_NUMPY_2 = {"permute_dims": transpose_rule, "concat": concatenate_rule, "astype": astype}
FUNCTIONS |= {getattr(np, name): rule for name, rule in SINCE_NUMPY_2.items() if hasattr(np, name)}
