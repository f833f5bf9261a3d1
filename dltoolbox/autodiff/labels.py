"""Labels of the dimensions of dlarrays, and what becomes of them: order, expansion by label, reductions, indexing.

The order is MATLAB's: S, C, B, T, U.

Source: MathWorks documentation of dlarray and "List of Functions with dlarray Support".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dltoolbox.autodiff.tape import Payload, Traced
from dltoolbox.core.dims import DISPLAY, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show


def checked_format(fmt: object, function: str) -> str:
    """A format: labels of S, C, B, T and U, of which C, B and T occur once at most."""
    if isinstance(fmt, str) and set(fmt.upper()) <= set(DISPLAY):
        twice = [label for label, n in Counter(fmt.upper()).items() if n > 1 and label in "CBT"]
        if not twice:
            return fmt.upper()
        fail(f"{function}:repeatedLabel", f"Label {twice[0]} occurs more than once in the format '{fmt}'.",
             "C, B and T may occur once. Label further dimensions S or U.")
    fail(f"{function}:invalidFormat", f"A format is a text of labels such as 'SSCB', but got {show(fmt)}.",
         "Use S for spatial dimensions, C for channels, B for observations, T for time and U for anything else.")


def in_order(payload: Payload, fmt: str, function: str) -> tuple[Payload, str]:
    """An array with all its dimensions, in the order of the labels, without trailing dimensions U of size 1."""
    if payload.ndim > len(fmt):
        fail(f"{function}:formatMismatch", f"X has {counted(payload.ndim, 'dimension')} ({times(payload.shape)}), but the "
             f"format '{fmt}' has {counted(len(fmt), 'label')}.", "Give one label per dimension.")
    if payload.ndim < len(fmt):
        payload = payload.reshape((*payload.shape, *[1] * (len(fmt) - payload.ndim)))
    order = sorted(range(len(fmt)), key=lambda axis: DISPLAY.index(fmt[axis]))
    if order != list(range(len(fmt))):
        payload, fmt = payload.transpose(order), "".join(fmt[axis] for axis in order)
    while fmt.endswith("U") and payload.shape[-1] == 1 and len(fmt) > 1:
        payload, fmt = payload[..., 0], fmt[:-1]
    return payload, fmt


def is_ordered(labels: str) -> bool:
    return all(DISPLAY.index(a) <= DISPLAY.index(b) for a, b in pairwise(labels)) and not any(
        labels.count(label) > 1 for label in "CBT")


Labelled = tuple[Payload, str]


def expanded_by_label(operands: Sequence[Labelled], function: str) -> tuple[list[Payload], str]:
    """Arrays that expand against each other by label, and the labels of what comes out.

    A dimension meets the one of the same label; labels that an array lacks count as size 1. An array without labels meets
    one with labels place by place: it is a number, or has as many dimensions.
    """
    formats = {labels for _, labels in operands if labels}
    if not formats:
        return [payload for payload, _ in operands], ""
    counts = {label: max(labels.count(label) for labels in formats) for label in DISPLAY}
    wanted = "".join(label * n for label, n in counts.items())
    arrays = []
    for payload, labels in operands:
        if not labels:
            arrays.append(beside_labelled(payload, wanted, operands, function))
        elif labels == wanted:
            arrays.append(payload)
        else:
            sizes = iter(payload.shape)
            shape = [next(sizes) if at < labels.count(label) else 1 for label, n in counts.items() for at in range(n)]
            arrays.append(payload.reshape(shape))
    check_label_sizes(arrays, wanted, function)
    return arrays, wanted


def beside_labelled(payload: Payload, wanted: str, operands: Sequence[Labelled], function: str) -> Payload:
    """An array without labels beside one with labels."""
    if not isinstance(payload, np.ndarray | Traced) or payload.ndim in (0, len(wanted)):
        return payload
    if payload.size == 1:
        return payload.reshape(())
    labelled = next(f"{labelled_size(other.shape, labels)}" for other, labels in operands if labels)
    fail(f"{function}:labelsNeeded", f"An unformatted array of size {times(payload.shape)} meets a formatted one of "
         f"{labelled}, and its dimensions could be any of them.",
         "Say which they are, for example dlarray(A, 'C') for one number per channel, or give it as many dimensions.")


def check_label_sizes(arrays: Sequence[Payload], labels: str, function: str) -> None:
    """Sizes of a label are equal, or 1."""
    shapes = [x.shape for x in arrays if isinstance(x, np.ndarray | Traced) and x.ndim]
    for at, label in enumerate(labels):
        sizes = {shape[at] for shape in shapes} - {1}
        if len(sizes) > 1:
            fail(f"{function}:sizeMismatch", f"The arrays have {' and '.join(map(str, sorted(sizes)))} elements along label "
                 f"{label}: {' and '.join(labelled_size(shape, labels) for shape in shapes)}.",
                 "Dimensions of the same label must have the same size, or size 1.")


def labelled_size(shape: Sequence[int], labels: str) -> str:
    """``28(S) × 28(S) × 1(C)``."""
    return " × ".join(f"{n}({label})" for n, label in zip(shape, labels, strict=True)) if labels else times(shape)


def without_axes(labels: str, axis: Any, *, keepdims: bool) -> str:
    """The labels that a reduction leaves."""
    if keepdims or not labels:
        return labels
    if axis is None:
        return ""
    gone = {a % len(labels) for a in (axis if isinstance(axis, tuple | list) else (axis,))}
    return "".join(label for at, label in enumerate(labels) if at not in gone)


def indexed(labels: str, index: Any) -> str:
    """The labels that indexing leaves: numbers take theirs away, slices keep them; one array in the place of a dimension
    keeps its label. New dimensions, and several arrays, leave none.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is None for part in parts) or not labels:
        return ""
    arrays = [part for part in parts if not isinstance(part, int | np.integer | slice) and part is not Ellipsis]
    if len(arrays) > 1 or any(np.ndim(part) != 1 for part in arrays):
        return ""
    missing = [slice(None)] * (len(labels) - sum(part is not Ellipsis for part in parts))
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    full = [*parts[:at], *missing, *parts[at + 1:]]
    if arrays and any(isinstance(part, int | np.integer) for part in parts):
        return ""
    return "".join(label for label, part in zip(labels, full, strict=False) if not isinstance(part, int | np.integer))


def product(a: str, b: str, ndims: tuple[int, int]) -> str:
    """The labels of a matrix product: rows from the left, columns from the right. An array without labels takes those of the
    dimensions that it replaces: a matrix times 'CB' is 'CB' again.
    """
    if not (a or b) or ndims != (2, 2):
        return ""
    rows = a[0] if a else b[0]
    columns = b[1] if b else a[1]
    return rows + columns if is_ordered(rows + columns) else ""
