"""Gradients of what moves elements: shapes, orders, parts, joints, copies, orders by value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.rules.elementwise import payload_shape, reduced_to
from dltoolbox.autodiff.rules.reductions import Axis
from dltoolbox.autodiff.tape import (
    ARRAY_METHODS,
    FUNCTIONS,
    Payload,
    Traced,
    array_or_recorded,
    no_gradient,
    raw_nested,
    raw_values,
    record,
    refuse_out,
    since_numpy_2,
)


def reshape_rule(x: Payload, /, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None) -> Payload:
    before, shape = x.shape, newshape if shape is None else shape
    if order == "A":
        order = "F" if x.value.flags.fnc else "C"
    if order == "K":
        no_gradient("reshape with the order 'K'")
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


def squeeze_rule(x: Payload, axis: Axis = None) -> Payload:
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
    index, shape = raw_index(index), x.shape
    return record("indexing", opaque(operator.getitem, x.value, index), (x,), (lambda g, _: added_at(g, index, shape),))


def raw_index(index: Any) -> Any:
    """An index without traced arrays, whose lists and arrays nobody can change any more."""
    if isinstance(index, tuple):
        return tuple(map(raw_index, index))
    if isinstance(index, list):
        return np.array(raw_nested(index)) if index else np.zeros(0, int)
    return index.copy() if isinstance(index, np.ndarray) else raw_values(index)


def added_at(g: Payload, index: Any, shape: tuple[int, ...]) -> Payload:
    """Zeros of a shape, with an array added at an index: the adjoint of `getitem`."""
    if not isinstance(g, Traced):
        return opaque(sums_at, g, index, shape)
    return record("placing", opaque(sums_at, g.value, index, shape), (g,), (lambda h, _: part_of(h, index),))


def sums_at(values: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of a shape, with values added at an index."""
    out = np.zeros(shape, values.dtype)
    if is_basic(index):
        out[index] = values
    else:
        np.add.at(out, index, values)
    return out


def part_of(x: Payload, index: Any) -> Payload:
    """A part of a payload of any kind; an index may be recorded where the array is not."""
    return getitem(x, index) if isinstance(x, Traced) else opaque(operator.getitem, x, index)


def is_basic(index: Any) -> bool:
    """Whether an index meets no element twice, whatever it is."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | np.integer | slice) or (
        isinstance(part, np.ndarray) and part.dtype.kind == "b") for part in parts)


def assigned(x: Payload, index: Any, values: Payload) -> Payload:
    """The array with other values at an index; where it names an element twice, the last value counts."""
    index = raw_index(index)
    out = opaque(with_others, raw_values(x), index, raw_values(values))
    whole, shape = out.shape, payload_shape(values)
    if not is_basic(index):
        return chosen_last(x, index, values, out)

    def zeroed(g: Payload, _: Payload) -> Payload:
        return np.where(opaque(with_others, np.ones(whole, bool), index, False), g, 0)

    def picked(g: Payload, _: Payload) -> Payload:
        g = part_of(g, index)
        return reduced_to(np.reshape(g, (*[1] * (len(shape) - g.ndim), *g.shape)), shape)
    return record("assignment", out, (x, values), (zeroed, picked))


def with_others(x: np.ndarray, index: Any, values: Any) -> np.ndarray:
    """A copy with other values at an index."""
    out = x.copy()
    out[index] = values
    return out


def chosen_last(x: Payload, index: Any, values: Payload, out: np.ndarray) -> Payload:
    """The same for an index that may name elements twice: numbers that are assigned likewise say which values stay."""
    shape = payload_shape(values)
    source = opaque(with_others, np.full(out.shape, -1), index, np.arange(np.prod(shape, dtype=int)).reshape(shape))
    places = np.nonzero(source >= 0)

    def picked(g: Payload, _: Payload) -> Payload:
        return np.reshape(added_at(part_of(g, places), (source[places],), (int(np.prod(shape)),)), shape)
    return record("assignment", out, (x, values), (lambda g, _: np.where(source < 0, g, 0), picked))


def take(x: Payload, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Payload:
    refuse_out(out, "take")
    x, axis = (np.reshape(x, -1), 0) if axis is None else (x, axis % x.ndim)
    indices = array_or_recorded(raw_values(indices))
    if mode != "raise":
        indices = np.clip(indices, 0, x.shape[axis] - 1) if mode == "clip" else indices % x.shape[axis]
    return x[(*[slice(None)] * axis, indices)]


def take_along_axis(x: Payload, indices: Any, axis: int | None = -1) -> Payload:
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    axis, indices = axis % x.ndim, array_or_recorded(raw_values(indices))
    places: list[Any] = [np.arange(n).reshape([-1 if at == a else 1 for at in range(x.ndim)]) for a, n in enumerate(x.shape)]
    places[axis] = indices
    return x[tuple(places)]


# Joints --------------------------------------------------------------------------------------------------------------
def concatenate_rule(arrays: Payload | Sequence[Payload], axis: int | None = 0, out: None = None, *, dtype: Any = None,
                     casting: Any = "same_kind") -> Payload:
    refuse_out(out, "concatenate")
    if isinstance(arrays, Traced):
        arrays = list(iterated(arrays))
    if axis is None:
        arrays, axis = [np.reshape(x, -1) for x in arrays], 0
    value = np.concatenate([raw_values(x) for x in arrays], axis, dtype=dtype, casting=casting)
    edges = list(accumulate((payload_shape(x)[axis] for x in arrays), initial=0))
    before = (slice(None),) * (axis % value.ndim)
    pulls = [lambda g, _, a=a, b=b: g[(*before, slice(a, b))] for a, b in pairwise(edges)]
    return record("concatenate", value, tuple(arrays), pulls)


def iterated(x: Payload) -> Iterator[Payload]:
    return (x[row] for row in range(len(x)))


def stack(arrays: Sequence[Payload], axis: int = 0, out: None = None, **options: Any) -> Payload:
    return concatenate_rule([np.expand_dims(x, axis) for x in arrays], axis, out, **options)


def hstack(tup: Sequence[Payload], **options: Any) -> Payload:
    arrays = [np.atleast_1d(x) for x in tup]
    return concatenate_rule(arrays, 0 if np.ndim(arrays[0]) == 1 else 1, **options)


def vstack(tup: Sequence[Payload], **options: Any) -> Payload:
    return concatenate_rule([np.atleast_2d(x) for x in tup], 0, **options)


def dstack(tup: Sequence[Payload]) -> Payload:
    return concatenate_rule([np.atleast_3d(x) for x in tup], 2)


def column_stack(tup: Sequence[Payload]) -> Payload:
    return concatenate_rule([np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in tup], 1)


def append(x: Payload, values: Payload, axis: int | None = None) -> Payload:
    return concatenate_rule([x, np.asarray(values) if isinstance(values, list) else values], axis)


def block(arrays: Any) -> Payload:
    """Blocks: the innermost lists are joined along the last axis, those around them along the one before."""
    depth, inner = 0, arrays
    while isinstance(inner, list):
        depth, inner = depth + 1, inner[0]

    def joined(part: Any, level: int, ndim: int) -> Payload:
        if not isinstance(part, list):
            return np.reshape(part, (*[1] * (ndim - np.ndim(part)), *np.shape(part)))
        return concatenate_rule([joined(each, level + 1, ndim) for each in part], level - depth)
    return joined(arrays, 0, max(depth, most_dimensions(arrays)))


def most_dimensions(arrays: Any) -> int:
    return max(map(most_dimensions, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


def at_least(count: int) -> Any:
    def rule(*arrays: Payload) -> Any:
        like = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[count]
        made = [x if np.ndim(x) >= count else np.reshape(x, like(raw_values(x)).shape) for x in arrays]
        return made[0] if len(made) == 1 else tuple(made)
    return rule


def splitting(function: Any, axis_of: Callable[[Payload], int] | None = None) -> Any:
    """Parts of an array: numbers that are split likewise say which."""
    def rule(x: Payload, indices_or_sections: Any, axis: int = 0) -> list[Payload]:
        axis = axis % x.ndim if axis_of is None else axis_of(x)
        parts = function(np.arange(x.shape[axis]), indices_or_sections)
        before = (slice(None),) * axis
        return [x[(*before, slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0))] for part in parts]
    return rule


def unstack(x: Payload, /, *, axis: int = 0) -> tuple[Payload, ...]:
    return tuple(iterated(np.moveaxis(x, axis, 0)))


def meshgrid(*arrays: Payload, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    """Grids of coordinates."""
    places = np.meshgrid(*(np.arange(np.size(x)) for x in arrays), sparse=sparse, indexing=indexing)
    made = [np.reshape(x, -1)[at] for x, at in zip(arrays, places, strict=True)]
    return made if isinstance(places, list) else tuple(made)


def broadcast_arrays(*arrays: Payload, subok: bool = False) -> tuple[Payload, ...]:
    shape = np.broadcast_shapes(*(payload_shape(x) for x in arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


def pad_rule(x: Payload, pad_width: Any, mode: Any = "constant", **options: Any) -> Payload:
    """Padding of any mode: an array of numbers is padded likewise, and says where each element came from."""
    if mode == "constant" and not isinstance(options.get("constant_values"), Traced):
        widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
        inside = tuple(slice(int(a), int(a) + n) for (a, _), n in zip(widths, x.shape, strict=True))
        return record("pad", np.pad(x.value, pad_width, mode, **options), (x,), (lambda g, _: g[inside],))
    if mode not in ("edge", "reflect", "symmetric", "wrap") or options.get("reflect_type", "even") != "even":
        no_gradient(f"pad in the mode '{mode}' with these options")
    return np.reshape(x, -1)[np.pad(np.arange(x.size).reshape(x.shape), pad_width, mode, **options)]


def repeated(function: Any) -> Any:
    """Repeated or rolled elements: numbers that are repeated likewise say where each came from."""
    def rule(x: Payload, *arguments: Any, **options: Any) -> Payload:
        return np.reshape(x, -1)[function(np.arange(x.size).reshape(x.shape), *arguments, **options)]
    return rule


def flip(x: Payload, axis: Axis = None) -> Payload:
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    return x[tuple(slice(None, None, -1) if at in axes else slice(None) for at in range(x.ndim))]


def diff(x: Payload, n: int = 1, axis: int = -1, **options: Any) -> Payload:
    if options:
        no_gradient("diff with prepend or append")
    if not n:
        return x
    x = np.asarray(x) if isinstance(x, list) else x
    before = (slice(None),) * (axis % x.ndim)
    return diff(x[(*before, slice(1, None))] - x[(*before, slice(None, -1))], n - 1, axis)


def sort(x: Payload, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Payload:
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    return take_along_axis(x, np.argsort(x.value, axis, kind="stable"), axis)


def partition(x: Payload, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None) -> Payload:
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    return take_along_axis(x, np.argpartition(x.value, kth, axis, kind), axis)


def compress(condition: Any, x: Payload, axis: int | None = None, out: None = None) -> Payload:
    refuse_out(out, "compress")
    return take(x, np.flatnonzero(raw_values(condition)), axis)


def extract(condition: Any, x: Payload) -> Payload:
    return np.reshape(x, -1)[np.flatnonzero(raw_values(condition))]


def insert(x: Payload, obj: Any, values: Payload, axis: int | None = None) -> Payload:
    """Elements put between others: numbers that are put there likewise say which are which."""
    own = np.insert(np.arange(x.size).reshape(x.shape), obj, -1, axis)
    many = np.arange(np.size(raw_values(values))).reshape(payload_shape(values))
    new = np.insert(np.full(x.shape, -1), obj, many, axis)
    return np.where(own < 0, np.reshape(values, -1)[new], np.reshape(x, -1)[own])


def chosen_among(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Payload:
    refuse_out(out, "choose")
    arrays = broadcast_arrays(raw_values(a), *choices)
    at = array_or_recorded(raw_values(arrays[0]))
    if mode != "raise":
        at = np.clip(at, 0, len(choices) - 1) if mode == "clip" else at % len(choices)
    return take_along_axis(np.stack(arrays[1:]), at[None], 0)[0]


def gradient(f: Payload, *spacing: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """Differences of neighbours on both sides, at the ends to one side."""
    if edge_order != 1 or any(np.ndim(h) for h in spacing):
        no_gradient("gradient with edge_order=2 or places that are not evenly spaced")
    axes = range(f.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    steps = spacing if len(spacing) == len(axes) else (spacing[0] if spacing else 1.0,) * len(axes)
    made = []
    for a, h in zip(axes, steps, strict=True):
        x = np.moveaxis(f, a, 0)
        y = np.concatenate([x[1:2] - x[:1], (x[2:] - x[:-2]) / 2, x[-1:] - x[-2:-1]]) / h
        made.append(np.moveaxis(y, 0, a))
    return made[0] if len(made) == 1 else tuple(made)


def trapezoid(y: Payload, x: Any = None, dx: float = 1.0, axis: int = -1) -> Payload:
    """The integral of straight lines between points."""
    y = np.moveaxis(y, axis, -1)
    width = dx if x is None else diff(x) if np.ndim(x) == 1 else np.moveaxis(diff(x, 1, axis), axis, -1)
    return np.sum((y[..., 1:] + y[..., :-1]) * 0.5 * width, -1)


def triangle(function: Any) -> Any:
    """The lower or upper triangle."""
    def rule(m: Payload, k: int = 0) -> Payload:
        return np.where(function(np.ones(m.shape[-2:], bool), k), m, 0)
    return rule


def diagonal(x: Payload, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Payload:
    return np.reshape(x, -1)[np.diagonal(np.arange(x.size).reshape(x.shape), offset, axis1, axis2)]


def diag(v: Payload, k: int = 0) -> Payload:
    if v.ndim == 2:
        return diagonal(v, k)
    size = len(v) + abs(k)
    rows = np.arange(len(v)) + max(-k, 0)
    return added_at(v, (rows, rows + k), (size, size))


def diagflat(v: Payload, k: int = 0) -> Payload:
    return diag(np.reshape(v, -1), k)


def trace(x: Payload, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Payload:
    refuse_out(out, "trace")
    return np.sum(diagonal(x, offset, axis1, axis2), -1, dtype=dtype)


def rollaxis(x: Payload, axis: int, start: int = 0) -> Payload:
    order = np.rollaxis(np.empty(tuple(range(1, x.ndim + 1))), axis, start).shape
    return transpose_rule(x, [n - 1 for n in order])


ARRAY_METHODS |= {"getitem": getitem, "astype": astype}
FUNCTIONS |= {
    getitem: getitem, astype: astype, np.reshape: reshape_rule, np.transpose: transpose_rule, np.moveaxis: moveaxis_rule,
    np.swapaxes: swapaxes_rule, np.rollaxis: rollaxis, np.squeeze: squeeze_rule, np.expand_dims: expand_dims,
    np.ravel: ravel, np.broadcast_to: broadcast_to, np.broadcast_arrays: broadcast_arrays, np.meshgrid: meshgrid,
    np.take: take,
    np.take_along_axis: take_along_axis, np.compress: compress, np.extract: extract, np.choose: chosen_among,
    np.insert: insert,
    np.concatenate: concatenate_rule, np.stack: stack, np.hstack: hstack, np.vstack: vstack, np.dstack: dstack,
    np.column_stack: column_stack, np.append: append, np.block: block, np.pad: pad_rule, np.atleast_1d: at_least(1),
    np.atleast_2d: at_least(2), np.atleast_3d: at_least(3), np.split: splitting(np.split),
    np.array_split: splitting(np.array_split),
    np.vsplit: splitting(np.split, lambda x: 0), np.hsplit: splitting(np.split, lambda x: min(x.ndim - 1, 1)),
    np.dsplit: splitting(np.split, lambda x: 2), np.flip: flip, np.fliplr: lambda m: flip(m, 1),
    np.flipud: lambda m: flip(m, 0), np.diff: diff, np.sort: sort, np.partition: partition, np.gradient: gradient,
    np.tril: triangle(np.tril), np.triu: triangle(np.triu), np.diag: diag, np.diagflat: diagflat, np.diagonal: diagonal,
    np.trace: trace,
}
FUNCTIONS |= {function: repeated(function) for function in (np.tile, np.repeat, np.roll, np.rot90, np.resize, np.delete)}
since_numpy_2(np, permute_dims=transpose_rule, concat=concatenate_rule, astype=astype, unstack=unstack, trapezoid=trapezoid,
              trapz=trapezoid, matrix_transpose=lambda x: swapaxes_rule(x, -1, -2))
since_numpy_2(np.linalg, matrix_transpose=lambda x: swapaxes_rule(x, -1, -2),
              diagonal=lambda x, /, *, offset=0: diagonal(x, offset, -2, -1),
              trace=lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1, dtype))
