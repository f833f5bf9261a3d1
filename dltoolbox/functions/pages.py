"""Products of the pages of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, one_precision
from dltoolbox.autodiff.tape import Payload
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.functions.labels import real_payload


def dlmtimes(A: object, B: object) -> Any:
    """The matrix product of every page: ``C[:, :, i] = A[:, :, i] @ B[:, :, i]`` for all indices i behind the first two.

    Args:
        A: Array without labels, m×k×…; or a scalar.
        B: Array without labels, k×n×…; or a scalar. A matrix multiplies every page of the other.

    Returns:
        Array m×n×…, a dlarray if A or B is one; of a scalar and an array, their product, with the labels of the array.

    Raises:
        DltoolboxError: ``dltoolbox:dlmtimes:formatted``, ``…:vector``, ``…:innerMismatch``, ``…:pagesMismatch``,
            ``…:notNumeric``.

    Example:
        >>> dlmtimes(dlarray(np.ones((3, 4, 8, 2))), np.ones((4, 5, 8, 2))).shape
        (3, 5, 8, 2)

    Source:
        MathWorks documentation of dlmtimes.
    """
    a, b = one_precision([real_payload(A, "dlmtimes", "A"), real_payload(B, "dlmtimes", "B")])
    labels = [array.labels if isinstance(array, dlarray) else "" for array in (A, B)]
    scalar = 1 in (a.size, b.size)
    if any(labels) and not (scalar and "" in labels):
        fail("dlmtimes:formatted", f"dlmtimes multiplies arrays without labels, but {'A' if labels[0] else 'B'} has "
             f"'{labels[0] or labels[1]}'.", "Take them off first: dlmtimes(stripdims(A), stripdims(B)).")
    if scalar:
        y = a.reshape(()) * b if a.size == 1 else a * b.reshape(())
        fmt = labels[1] if a.size == 1 else labels[0]
    else:
        check_pages(a, b)
        y, fmt = np.moveaxis(np.matmul(in_rows(a), in_rows(b)), (-2, -1), (0, 1)), ""
    return as_dlarray(y, fmt) if isinstance(A, dlarray) or isinstance(B, dlarray) else y


def in_rows(x: Payload) -> Payload:
    """The pages as NumPy stacks matrices: their dimensions before rows and columns."""
    return np.moveaxis(x, (0, 1), (-2, -1))


def check_pages(a: Payload, b: Payload) -> None:
    if a.ndim < 2 or b.ndim < 2:
        name, x = ("A", a) if a.ndim < 2 else ("B", b)
        fail("dlmtimes:vector", f"{name} has size {times(x.shape)}, which could be a row or a column.",
             f"Say which: {name}.reshape(1, -1) or {name}.reshape(-1, 1).")
    if a.shape[1] != b.shape[0]:
        fail("dlmtimes:innerMismatch", f"A has size {times(a.shape)} and B has size {times(b.shape)}: their pages have no "
             "product.", "The columns of A must be as many as the rows of B.")
    if a.ndim > 2 and b.ndim > 2 and a.shape[2:] != b.shape[2:]:
        fail("dlmtimes:pagesMismatch", f"A has size {times(a.shape)} and B has size {times(b.shape)}: they do not have the "
             "same pages.", "Give both the same sizes behind the first two dimensions, or pass one as a matrix.")
