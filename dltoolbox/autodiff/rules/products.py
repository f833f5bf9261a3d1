"""Gradients of products of matrices, and of what solves equations.

Source of the formulas: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.autodiff.rules.elementwise import fitted_pull, payload_shape
from dltoolbox.autodiff.tape import FUNCTIONS, UFUNCS, Payload, no_gradient, raw_values, record


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
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    if np.ndim(b) <= 2:
        return matmul_rule(a, b)
    return np.tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


def inner(a: Payload, b: Payload) -> Payload:
    return np.tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 1,))) if np.ndim(a) and np.ndim(b) else a * b


def outer_rule(a: Payload, b: Payload, out: None = None) -> Payload:
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def vdot(a: Payload, b: Payload) -> Payload:
    return np.sum(np.reshape(a, -1) * np.reshape(b, -1))


def tensordot(a: Payload, b: Payload, axes: Any = 2) -> Payload:
    if isinstance(axes, int):
        axes = tuple(range(np.ndim(a) - axes, np.ndim(a))), tuple(range(axes))
    first, second = ([each] if isinstance(each, int) else list(each) for each in axes)
    first, second = [n % np.ndim(a) for n in first], [n % np.ndim(b) for n in second]
    rows = [n for n in range(np.ndim(a)) if n not in first]
    columns = [n for n in range(np.ndim(b)) if n not in second]
    count = int(np.prod([np.shape(a)[n] for n in first]))
    left = np.reshape(np.transpose(a, (*rows, *first)), (-1, count))
    right = np.reshape(np.transpose(b, (*second, *columns)), (count, -1))
    return np.reshape(matmul_rule(left, right), (*(np.shape(a)[n] for n in rows), *(np.shape(b)[n] for n in columns)))


def einsum(subscripts: str, *operands: Payload, **options: Any) -> Payload:
    """Sums of products by Einstein's convention; the gradient of an operand is the einsum of the others and that of the
    output, spread along letters that only this operand has.
    """
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    letters = inputs.split(",")
    if "->" not in subscripts:
        every = "".join(letters)
        output = "".join(sorted(c for c in set(every) if every.count(c) == 1))
    if "." in subscripts or any(len(set(own)) < len(own) for own in letters):
        no_gradient("einsum with … or repeated letters in one operand")
    sizes = {c: n for own, x in zip(letters, operands, strict=True) for c, n in zip(own, np.shape(x), strict=True)}

    def pull_of(at: int) -> Any:
        others = [x for i, x in enumerate(operands) if i != at]
        names = [own for i, own in enumerate(letters) if i != at]
        known = set(output).union(*names)
        wanted = "".join(c for c in letters[at] if c in known)

        def pull(g: Payload, _: Payload) -> Payload:
            part = np.einsum(f"{','.join([output, *names])}->{wanted}", g, *others)
            full = [sizes[c] if c in known else 1 for c in letters[at]]
            return np.broadcast_to(np.reshape(part, full), [sizes[c] for c in letters[at]])
        return pull
    value = np.einsum(subscripts, *map(raw_values, operands))
    return record("einsum", value, operands, [pull_of(i) for i in range(len(operands))])


def solve(a: Payload, b: Payload) -> Payload:
    """a⁻¹·b: the gradient of b solves the transposed equation."""
    def pull_b(g: Payload, _: Payload) -> Payload:
        return np.linalg.solve(transposed_matrices(a), g)

    def pull_a(g: Payload, y: Payload) -> Payload:
        right = pull_b(g, y)
        return -outer_rule(right, y) if np.ndim(y) == 1 else -np.matmul(right, transposed_matrices(y))
    return record("solve", np.linalg.solve(raw_values(a), raw_values(b)), (a, b), (pull_a, pull_b), keep=True)


def inv(a: Payload) -> Payload:
    return record("inv", np.linalg.inv(raw_values(a)), (a,),
                  (lambda g, y: -transposed_matrices(y) @ g @ transposed_matrices(y),), keep=True)


def det(a: Payload) -> Payload:
    return record("det", np.linalg.det(raw_values(a)), (a,),
                  (lambda g, y: np.reshape(g * y, (*np.shape(y), 1, 1)) * transposed_matrices(np.linalg.inv(a)),), keep=True)


UFUNCS[np.matmul] = matmul_rule
FUNCTIONS |= {np.dot: dot, np.inner: inner, np.outer: outer_rule, np.vdot: vdot, np.tensordot: tensordot, np.einsum: einsum,
              np.linalg.solve: solve, np.linalg.inv: inv, np.linalg.det: det}
