"""NumPy's functions on dlarrays: the function itself runs on the payloads; here stands what becomes of the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import as_axis, as_dlarray, dlarray, one_precision, plain_index, unwrapped, wrapped
from dltoolbox.autodiff.labels import expanded_by_label, is_ordered, without_axes
from dltoolbox.autodiff.tape import Traced
from dltoolbox.core.errors import fail

Handler = Callable[..., Any]
HANDLERS: dict[Any, Handler] = {}

# The result has the dimensions of the first array.
KEEPING = (np.clip, np.cumsum, np.cumprod, np.flip, np.fliplr, np.flipud, np.roll, np.pad, np.sort, np.nan_to_num, np.real,
           np.copy, np.tril, np.triu, np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.tile, np.repeat,
           np.take_along_axis, np.broadcast_to, np.diff, np.round, np.argsort, np.isclose)
REDUCTIONS = (np.sum, np.mean, np.prod, np.max, np.amax, np.min, np.amin, np.var, np.std, np.average, np.median,
              np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.all, np.any, np.argmax, np.argmin,
              np.count_nonzero, np.ptp, np.linalg.norm)


def on_dlarrays(function: Any, arguments: Any, options: Any) -> Any:
    """A function of NumPy on dlarrays. Where nothing else is said, the result has no labels."""
    handler = HANDLERS.get(function)
    if handler is not None:
        return handler(*arguments, **options)
    return wrapped(on_payloads(function, arguments, options), "")


def on_payloads(function: Any, arguments: Any, options: Any) -> Any:
    """The function itself, of arrays without labels."""
    payloads = in_single([unwrapped(x) for x in arguments])
    return function(*payloads, **{name: unwrapped(value) for name, value in options.items()})


def in_single(values: list[Any]) -> list[Any]:
    """Arrays, also in lists, in one precision: single, where one of them is single."""
    arrays = [x for each in values for x in (each if isinstance(each, list | tuple) else [each])]
    types = {x.dtype.char for x in arrays if isinstance(x, np.ndarray | Traced)}
    if not types >= {"f", "d"}:
        return values

    def single(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return type(x)(map(single, x)) if not hasattr(x, "_fields") else x
        return x.astype(np.float32) if isinstance(x, np.ndarray | Traced) and x.dtype.char == "d" else x
    return [single(x) for x in values]


def first_labels(arguments: Any) -> str:
    first = arguments[0] if arguments else None
    return first.labels if isinstance(first, dlarray) else ""


def keeping(function: Any) -> Handler:
    def handler(*arguments: Any, **options: Any) -> Any:
        return wrapped(on_payloads(function, arguments, options), first_labels(arguments))
    return handler


def reducing(function: Any) -> Handler:
    """Reduced dimensions take their labels along, unless ``keepdims`` keeps them."""
    at = 2 if function is np.linalg.norm else 1

    def handler(*arguments: Any, **options: Any) -> Any:
        if "axis" in options:
            options["axis"] = as_axis(options["axis"])
        elif len(arguments) > at:
            arguments = (*arguments[:at], as_axis(arguments[at]), *arguments[at + 1:])
        axis = options.get("axis", arguments[at] if len(arguments) > at else None)
        labels = without_axes(first_labels(arguments), axis, keepdims=bool(options.get("keepdims", False)))
        return wrapped(on_payloads(function, arguments, options), labels)
    return handler


HANDLERS |= {function: keeping(function) for function in KEEPING}
HANDLERS |= {function: reducing(function) for function in REDUCTIONS}


def handles(*functions: Any) -> Callable[[Handler], Handler]:
    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(functions, handler))
        return handler
    return enter


@handles(np.where)
def where_of_dlarrays(condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.where(plain_index(condition))
    operands = [(x.payload, x.labels) if isinstance(x, dlarray) else (x, "") for x in (condition, *choices)]
    (mask, *payloads), labels = expanded_by_label(operands, "where")
    return as_dlarray(np.where(mask, *one_precision(payloads)), labels)


@handles(np.concatenate, getattr(np, "concat", np.concatenate))
def concatenate_of_dlarrays(arrays: Any, axis: Any = 0, **options: Any) -> Any:
    """Arrays with labels are joined along a dimension that all have; others take their labels."""
    labels = {x.labels for x in arrays if isinstance(x, dlarray) and x.labels}
    if len(labels) > 1:
        named = " and ".join(map(repr, sorted(labels)))
        fail("concatenate:labelMismatch", f"Arrays of the formats {named} cannot be joined.",
             "Give them the same labels, or none: stripdims(X).")
    (fmt,) = labels or {""}
    return wrapped(np.concatenate(one_precision([unwrapped(x) for x in arrays]), axis), fmt)


@handles(np.transpose, getattr(np, "permute_dims", np.transpose))
def transpose_of_dlarrays(a: Any, axes: Any = None) -> Any:
    return with_arranged_labels("transpose", a, np.transpose(a.payload, axes), lambda order: np.transpose(order, axes))


@handles(np.moveaxis)
def moveaxis_of_dlarrays(a: Any, source: Any, destination: Any) -> Any:
    return with_arranged_labels("moveaxis", a, np.moveaxis(a.payload, source, destination),
                    lambda order: np.moveaxis(order, source, destination))


@handles(np.swapaxes)
def swapaxes_of_dlarrays(a: Any, axis1: int, axis2: int) -> Any:
    return with_arranged_labels("swapaxes", a, np.swapaxes(a.payload, axis1, axis2),
                                lambda order: np.swapaxes(order, axis1, axis2))


def with_arranged_labels(name: str, a: dlarray, payload: Any, how: Callable[[np.ndarray], np.ndarray]) -> dlarray:
    """The axes in another order, which labels must allow: theirs is always S, C, B, T, U."""
    places = how(np.empty(tuple(range(1, a.ndim + 1)))).shape  # every axis has its number + 1 as its size
    labels = "".join(a.labels[n - 1] for n in places) if a.labels else ""
    if not is_ordered(labels):
        fail(f"{name}:formatted", f"The dimensions of a formatted dlarray ('{a.labels}') stand in the order S, C, B, T, U, "
             f"but {name} asks for '{labels}'.", f"Take the labels off first: {name}(stripdims(X), …).")
    return as_dlarray(payload, labels)


@handles(np.squeeze)
def squeeze_of_dlarrays(a: Any, axis: Any = None) -> Any:
    gone = [at for at, n in enumerate(a.shape) if n == 1] if axis is None else as_axis(axis)
    return as_dlarray(np.squeeze(a.payload, as_axis(axis)), without_axes(a.labels, gone, keepdims=False))


@handles(np.shape)
def shape_of_dlarrays(a: Any) -> Any:
    return a.shape


@handles(np.ndim)
def ndim_of_dlarrays(a: Any) -> Any:
    return a.ndim


@handles(np.size)
def size_of_dlarrays(a: Any, axis: int | None = None) -> Any:
    return a.size if axis is None else a.shape[axis]
