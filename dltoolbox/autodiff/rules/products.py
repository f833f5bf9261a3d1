"""Gradients of products of matrices, and of what solves equations.

Source of the formulas: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod as product
from string import ascii_letters
from typing import Any

import numpy as np

from dltoolbox.autodiff.rules.elementwise import fitted_pull, payload_shape, reduced_to
from dltoolbox.autodiff.tape import (
    FUNCTIONS,
    NAMED_UFUNCS,
    UFUNCS,
    Payload,
    Traced,
    no_gradient,
    raw_values,
    record,
    refuse_out,
    since_numpy_2,
)


def transposed_matrices(x: Payload) -> Payload:
    """The transposes of matrices."""
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


def matmul_rule(a: Payload, b: Payload) -> Payload:
    """Products of stacks of matrices, or with vectors."""
    if np.ndim(a) == 1 or np.ndim(b) == 1:
        left = np.reshape(a, (1, -1)) if np.ndim(a) == 1 else a
        right = np.reshape(b, (-1, 1)) if np.ndim(b) == 1 else b
        y = matmul_rule(left, right)
        y = np.squeeze(y, -1) if np.ndim(b) == 1 else y
        return np.squeeze(y, -2 if np.ndim(b) > 1 else -1) if np.ndim(a) == 1 else y
    value = np.matmul(raw_values(a), raw_values(b))
    stack = value.shape[:-2]
    return record("matmul", value, (a, b), (
        fitted_pull(lambda g, _: np.matmul(g, transposed_matrices(b)), payload_shape(a), (*stack, *payload_shape(a)[-2:])),
        fitted_pull(lambda g, _: np.matmul(transposed_matrices(a), g), payload_shape(b), (*stack, *payload_shape(b)[-2:]))))


def dot(a: Payload, b: Payload, out: None = None) -> Payload:
    refuse_out(out, "dot")
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    if np.ndim(b) <= 2:
        return matmul_rule(a, b)
    return np.tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


def inner(a: Payload, b: Payload) -> Payload:
    return np.tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 1,))) if np.ndim(a) and np.ndim(b) else a * b


def outer_rule(a: Payload, b: Payload, out: None = None) -> Payload:
    refuse_out(out, "outer")
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def vdot(a: Payload, b: Payload) -> Payload:
    return np.sum(np.reshape(a, -1) * np.reshape(b, -1))


def vecdot(a: Payload, b: Payload, /, *, axis: int = -1) -> Payload:
    return np.sum(a * b, axis) if axis == -1 else np.sum(np.moveaxis(a, axis, -1) * np.moveaxis(b, axis, -1), -1)


def matvec(a: Payload, b: Payload) -> Payload:
    return np.squeeze(np.matmul(a, np.expand_dims(b, -1)), -1)


def vecmat(a: Payload, b: Payload) -> Payload:
    return np.squeeze(np.matmul(np.expand_dims(a, -2), b), -2)


def kron(a: Payload, b: Payload) -> Payload:
    ndim = max(np.ndim(a), np.ndim(b))
    first, second = ((*[1] * (ndim - np.ndim(x)), *np.shape(x)) for x in (a, b))
    left = np.reshape(a, [n for size in first for n in (size, 1)])
    right = np.reshape(b, [n for size in second for n in (1, size)])
    return np.reshape(left * right, [m * n for m, n in zip(first, second, strict=True)])


def cross(a: Payload, b: Payload, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Payload:
    """The vector product in space."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    first, second = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if first.shape[-1] != 3 or second.shape[-1] != 3:
        no_gradient("cross of vectors that do not have 3 elements")
    forth, on = [1, 2, 0], [2, 0, 1]
    return np.moveaxis(first[..., forth] * second[..., on] - first[..., on] * second[..., forth], -1, axisc)


def convolve(a: Payload, v: Payload, mode: str = "full") -> Payload:
    """Sums of products of one row of numbers with the other, turned round, at every place."""
    (a, v) = (a, v) if np.size(a) >= np.size(v) else (v, a)
    n, m = np.size(a), np.size(v)
    windows = np.arange(n + m - 1)[:, None] + np.arange(m)
    full = np.pad(a, m - 1)[windows] @ np.flip(v)
    first, count = {"full": (0, n + m - 1), "same": ((m - 1) // 2, n), "valid": (m - 1, n - m + 1)}[mode]
    return full[first:first + count]


def correlated(a: Payload, v: Payload, mode: str = "valid") -> Payload:
    y = convolve(a, np.flip(v), mode)
    return np.flip(y) if np.size(v) > np.size(a) and mode == "valid" else y


def polyval(p: Payload, x: Payload) -> Payload:
    """A polynomial by Horner's rule."""
    y = p[0] + 0 * np.asarray(x) if not isinstance(x, Traced) else p[0] + 0 * x
    for at in range(1, len(p)):
        y = y * x + p[at]
    return y


def tensordot(a: Payload, b: Payload, axes: Any = 2) -> Payload:
    if isinstance(axes, int | np.integer):
        axes = tuple(range(np.ndim(a) - axes, np.ndim(a))), tuple(range(axes))
    first, second = ([each] if isinstance(each, int | np.integer) else list(each) for each in axes)
    first, second = [n % np.ndim(a) for n in first], [n % np.ndim(b) for n in second]
    rows = [n for n in range(np.ndim(a)) if n not in first]
    columns = [n for n in range(np.ndim(b)) if n not in second]
    count = product([np.shape(a)[n] for n in first])
    left = np.reshape(np.transpose(a, (*rows, *first)), (product([np.shape(a)[n] for n in rows]), count))
    right = np.reshape(np.transpose(b, (*second, *columns)), (count, product([np.shape(b)[n] for n in columns])))
    return np.reshape(matmul_rule(left, right), (*(np.shape(a)[n] for n in rows), *(np.shape(b)[n] for n in columns)))


def einsum(*arguments: Any, out: None = None, optimize: Any = False, **options: Any) -> Payload:
    """Sums of products by Einstein's convention; the gradient of an operand is the einsum of the others and that of the
    output, spread along letters that only this operand has.
    """
    refuse_out(out, "einsum")
    if options:
        no_gradient(f"einsum with {', '.join(options)}")
    letters, output, operands = subscripts_of(arguments)
    given = list(zip(letters, operands, strict=True))
    letters, operands = (list(each) for each in zip(*(on_diagonals(own, x) for own, x in given), strict=True))
    sizes: dict[str, int] = {}
    for own, x in zip(letters, operands, strict=True):
        for c, n in zip(own, np.shape(x), strict=True):
            sizes[c] = max(sizes.get(c, 1), n) if n else 0

    def pull_of(at: int) -> Any:
        others = [x for i, x in enumerate(operands) if i != at]
        names = [own for i, own in enumerate(letters) if i != at]
        known = set(output).union(*names)
        wanted = "".join(c for c in letters[at] if c in known)
        shape = payload_shape(operands[at])

        def pull(g: Payload, _: Payload) -> Payload:
            part = np.einsum(f"{','.join([output, *names])}->{wanted}", g, *others)
            full = [sizes[c] if c in known else 1 for c in letters[at]]
            return reduced_to(np.broadcast_to(np.reshape(part, full), [sizes[c] for c in letters[at]]), shape)
        return pull
    value = np.einsum(f"{','.join(letters)}->{output}", *map(raw_values, operands), optimize=optimize)
    return record("einsum", value, operands, [pull_of(i) for i in range(len(operands))])


def subscripts_of(arguments: Sequence[Any]) -> tuple[list[str], str, list[Payload]]:
    """The letters of each operand and those of the output, without dots."""
    if isinstance(arguments[0], str):
        subscripts, *operands = arguments
        inputs, arrow, output = subscripts.replace(" ", "").partition("->")
        letters = inputs.split(",")
    else:
        operands = list(arguments[:len(arguments) // 2 * 2:2])
        letters = [letters_of(each) for each in arguments[1::2][:len(operands)]]
        arrow = "->" if len(arguments) % 2 else ""
        output = letters_of(arguments[-1]) if arrow else ""
    operands = [x if isinstance(x, Traced) else np.asarray(x) for x in operands]
    free = [c for c in ascii_letters if c not in "".join(letters)]
    counts = [x.ndim - len(own.replace("...", "")) if "..." in own else 0 for own, x in zip(letters, operands, strict=True)]
    most = max(counts, default=0)
    dots = "".join(free[:most])
    letters = [own.replace("...", dots[most - n:]) for own, n in zip(letters, counts, strict=True)]
    if not arrow:
        every = "".join(letters)
        output = dots + "".join(sorted(c for c in set(every) - set(dots) if every.count(c) == 1))
    return letters, output.replace("...", dots), operands


def letters_of(axes: Sequence[Any]) -> str:
    return "".join("..." if n is Ellipsis else ascii_letters[n] for n in axes)


def on_diagonals(letters: str, x: Payload) -> tuple[str, Payload]:
    """An operand whose repeated letters are taken once: its diagonals."""
    while twice := next((c for c in letters if letters.count(c) > 1), ""):
        first = letters.index(twice)
        second = letters.index(twice, first + 1)
        x = np.diagonal(x, 0, first, second)
        letters = letters[:first] + letters[first + 1:second] + letters[second + 1:] + twice
    return letters, x


def solve(a: Payload, b: Payload) -> Payload:
    """a⁻¹·b: the gradient of b solves the transposed equation."""
    if np.ndim(b) == 1:
        return np.squeeze(solve(a, np.reshape(b, (-1, 1))), -1)
    value = np.linalg.solve(raw_values(a), raw_values(b))

    def pull_b(g: Payload, _: Payload) -> Payload:
        return reduced_to(np.linalg.solve(transposed_matrices(a), g), payload_shape(b))

    def pull_a(g: Payload, y: Payload) -> Payload:
        right = np.linalg.solve(transposed_matrices(a), g)
        return reduced_to(-np.matmul(right, transposed_matrices(y)), payload_shape(a))
    return record("solve", value, (a, b), (pull_a, pull_b), keep=True)


def inv(a: Payload) -> Payload:
    return record("inv", np.linalg.inv(raw_values(a)), (a,),
                  (lambda g, y: -transposed_matrices(y) @ g @ transposed_matrices(y),), keep=True)


def det(a: Payload) -> Payload:
    return record("det", np.linalg.det(raw_values(a)), (a,),
                  (lambda g, y: np.reshape(g * y, (*np.shape(y), 1, 1)) * transposed_matrices(np.linalg.inv(a)),), keep=True)


def slogdet(a: Payload) -> Any:
    """Sign and logarithm of the determinant."""
    found = np.linalg.slogdet(raw_values(a))
    logarithm = record("slogdet", found[1], (a,), (
        lambda g, _: np.reshape(g, (*np.shape(g), 1, 1)) * transposed_matrices(np.linalg.inv(a)),))
    return type(found)(Traced(found[0]), logarithm)


def cholesky(a: Payload, /, *, upper: bool = False) -> Payload:
    """Source: Murray, "Differentiation of the Cholesky decomposition" (2016), section 3.2."""
    def pull(g: Payload, y: Payload) -> Payload:
        turned = transposed_matrices(y)
        half = np.tril(np.ones(payload_shape(y)[-2:], raw_values(y).dtype))
        np.fill_diagonal(half, 0.5)
        inner = np.linalg.solve(turned, (turned @ g) * half)
        found = transposed_matrices(np.linalg.solve(turned, transposed_matrices(inner)))
        return (found + transposed_matrices(found)) / 2
    lower = record("cholesky", np.linalg.cholesky(raw_values(a)), (a,), (pull,), keep=True)
    return transposed_matrices(lower) if upper else lower


def matrix_power(a: Payload, n: int) -> Payload:
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    total = 0 * a + np.eye(np.shape(a)[-1], dtype=a.dtype) if n == 0 else a
    for _ in range(n - 1):
        total = np.matmul(total, a)
    return total


def multi_dot(arrays: Any, *, out: None = None) -> Payload:
    refuse_out(out, "multi_dot")
    return reduce(dot, arrays)


UFUNCS[np.matmul] = matmul_rule
NAMED_UFUNCS.update(vecdot=vecdot, matvec=matvec, vecmat=vecmat)
FUNCTIONS |= {np.dot: dot, np.inner: inner, np.outer: outer_rule, np.vdot: vdot, np.tensordot: tensordot, np.einsum: einsum,
              np.kron: kron, np.cross: cross, np.convolve: convolve, np.correlate: correlated, np.polyval: polyval,
              np.linalg.solve: solve, np.linalg.inv: inv, np.linalg.det: det, np.linalg.slogdet: slogdet,
              np.linalg.cholesky: cholesky, np.linalg.matrix_power: matrix_power, np.linalg.multi_dot: multi_dot}
since_numpy_2(np.linalg, vecdot=vecdot, matmul=matmul_rule, outer=outer_rule,
              tensordot=lambda a, b, /, *, axes=2: tensordot(a, b, axes),
              cross=lambda a, b, /, *, axis=-1: cross(a, b, axis=axis))
