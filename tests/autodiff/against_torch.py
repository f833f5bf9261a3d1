"""Functions of dlarrays against the same in PyTorch: values, gradients by every array, and second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import dltoolbox as dl

STEP = 1e-6


def as_tuple(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], arrays: Sequence[np.ndarray], *, twice: bool = True,
            rng: np.random.Generator | None = None) -> None:
    """Hold a function of unformatted dlarrays against one of tensors of the same shapes."""
    rng = rng or np.random.default_rng(0)
    outputs = as_tuple(ours(*map(dl.dlarray, arrays)))
    weights = [rng.standard_normal(y.shape) for y in outputs]
    ways = [rng.standard_normal(x.shape) for x in arrays]

    def loss(*xs: dl.dlarray) -> dl.dlarray:
        return sum(np.sum(y * w + y * y / 2) for y, w in zip(as_tuple(ours(*xs)), weights, strict=True))

    def first(*xs: dl.dlarray) -> Any:
        return as_tuple(dl.dlgradient(loss(*xs), *xs))

    def second(*xs: dl.dlarray) -> Any:
        found = as_tuple(dl.dlgradient(loss(*xs), *xs, EnableHigherDerivatives=True))
        return as_tuple(dl.dlgradient(sum(np.sum(g * g) for g in found), *xs))
    gradients = dl.dlfeval(first, *map(dl.dlarray, arrays))

    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    expected = as_tuple(theirs(*tensors))
    total = sum((y * torch.tensor(w) + y * y / 2).sum() for y, w in zip(expected, weights, strict=True))
    wanted = torch.autograd.grad(total, tensors, create_graph=twice)
    for got, y in zip(outputs, expected, strict=True):
        close(got, y)
    for got, g in zip(gradients, wanted, strict=True):
        close(got, g)
    slope = sum(float((dl.extractdata(g) * way).sum()) for g, way in zip(gradients, ways, strict=True))
    moved = [float(loss(*(dl.dlarray(x + sign * way) for x, way in zip(arrays, ways, strict=True))))
             for sign in (STEP, -STEP)]
    assert abs(slope - (moved[0] - moved[1]) / (2 * STEP)) <= 1e-6 * max(abs(slope), 1)
    if twice:
        found = dl.dlfeval(second, *map(dl.dlarray, arrays))
        squares = sum((g * g).sum() for g in wanted)
        for got, g in zip(found, torch.autograd.grad(squares, tensors), strict=True):
            close(got, g)


def close(ours: Any, theirs: torch.Tensor) -> None:
    wanted = theirs.detach().numpy()
    assert ours.shape == wanted.shape
    np.testing.assert_allclose(dl.extractdata(ours), wanted, rtol=1e-8, atol=1e-8 * max(np.abs(wanted).max(initial=0), 1))


def same_whatever_it_is_given(function: Callable[..., Any], X: np.ndarray, labels: str, *arguments: Any,
                              **options: Any) -> None:
    """Plain arrays, unformatted and formatted dlarrays, and other orders of the dimensions, give the same."""
    plain = as_tuple(function(X, *arguments, DataFormat=labels, **options))[0]
    unformatted = as_tuple(function(dl.dlarray(X), *arguments, DataFormat=labels, **options))[0]
    formatted = as_tuple(function(dl.dlarray(X, labels), *arguments, **options))[0]
    turned = as_tuple(function(X.transpose(), *arguments, DataFormat=labels[::-1], **options))[0]
    assert type(plain) is np.ndarray
    assert dl.dims(unformatted) == ""
    assert sorted(dl.dims(formatted)) == sorted(labels)
    np.testing.assert_array_equal(dl.extractdata(unformatted), plain)
    back = dl.extractdata(dl.dlarray(plain, labels))
    np.testing.assert_array_equal(dl.extractdata(formatted), back)
    np.testing.assert_allclose(turned.transpose(), plain, rtol=1e-12, atol=1e-12)


def same_in_single(function: Callable[..., Any], X: np.ndarray, labels: str, *arguments: Any, **options: Any) -> None:
    """One array in single precision makes the result single, and nearly the same."""
    plain, single = (as_tuple(function(x, *arguments, DataFormat=labels, **options))[0] for x in (X, X.astype(np.float32)))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, plain, rtol=2e-4, atol=2e-4)
