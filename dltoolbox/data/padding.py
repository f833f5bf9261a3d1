"""`padsequences`: sequences of several lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import MOST_DIMENSIONS, array_of, check_room
from dltoolbox.core.dims import times
from dltoolbox.core.display import few
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Configured, InvalidValue, Property, show


@convert.annotated("float")
def number_or_nan(value: object) -> float:
    """A real number, which may be NaN or infinite."""
    try:
        return convert.real(infinite=True)(value)
    except InvalidValue:
        if isinstance(value, (float, np.floating)) and np.isnan(value):
            return float(value)
        raise InvalidValue("a real number or NaN") from None


class _Padding(Configured):
    function = "padsequences"
    Length = Property(convert.word_or_count("longest", "shortest"), "longest")
    Direction = Property(convert.choice("right", "left", "both"), "right")
    PaddingValue = Property(number_or_nan, 0)
    UniformOutput = Property(convert.flag, True)


def padsequences(X: object, paddingDim: object, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """Sequences of several lengths as one array: padded or cut to one length.

    Args:
        X: A list of arrays that differ in size along one dimension alone, for example C×T.
        paddingDim: That dimension, 1-based: 2 for sequences C×T.
        *pairs: Name-value pairs.
        nargout: How many of the outputs to return, 1 or 2. Default: 1.
        **options: ``Length``: 'longest' (default), 'shortest', or a number of steps. ``Direction``: where sequences are
            padded and cut, at the 'right' (default, their end), the 'left' or at 'both' sides, where an odd step more is one
            at the end. ``PaddingValue`` (0), which may be NaN. ``UniformOutput`` (True; False gives a list).

    Returns:
        XNew: The sequences side by side in a further dimension, C×T×N; a list of N arrays with UniformOutput=False. The
            type is that of the sequences, or double where that cannot hold the padding value.
        mask: The same with True where there is data and False where there is padding.

    Raises:
        DltoolboxError: ``dltoolbox:padsequences:invalidX``, ``…:invalidPaddingDim``, ``…:sizeMismatch`` and others.

    Example:
        >>> XNew, mask = padsequences([[[1, 2, 3]], [[4]]], 2, nargout=2)
        >>> XNew.shape, XNew[0, :, 1].tolist(), mask[0, :, 1].tolist()
        ((1, 3, 2), [4, 0, 0], [True, False, False])
    """
    check_nargout(nargout, 2, "padsequences")
    chosen = _Padding(*pairs, **options)
    try:
        axis = convert.integer(1, MOST_DIMENSIONS // 2)(paddingDim) - 1
    except InvalidValue as no:
        fail("padsequences:invalidPaddingDim", f"paddingDim must be {no.expected}, but it is {show(paddingDim)}.",
             "Pass 2 for sequences C×T.")
    sequences = sequences_of(X, axis)
    if chosen.UniformOutput:
        check_alike(sequences, axis)
    lengths = [array.shape[axis] for array in sequences]
    length = common_length(lengths, chosen.Length)
    kind = np.result_type(*sequences)
    if not holds_value(kind, chosen.PaddingValue):
        kind = np.dtype(np.float64)
    largest = max(array.size // max(steps, 1) for array, steps in zip(sequences, lengths, strict=True))
    check_room(largest * length * len(sequences) * kind.itemsize, "padsequences:tooLarge", "The output of padsequences",
               "Pass fewer sequences, or a smaller Length.")
    padded = [to_length(array, axis, length, chosen.Direction, kind.type(chosen.PaddingValue)) for array in sequences]
    masks = [to_length(np.broadcast_to(np.True_, array.shape), axis, length, chosen.Direction, np.False_)
             for array in sequences]
    if chosen.UniformOutput:
        return outputs((np.stack(padded, axis=-1), np.stack(masks, axis=-1)), nargout, "padsequences")
    return outputs((padded, masks), nargout, "padsequences")


def common_length(lengths: Sequence[int], wanted: str | int) -> int:
    """The length that sequences are to have: that of the 'longest' or the 'shortest', or a number."""
    return {"longest": max, "shortest": min}[wanted](lengths) if isinstance(wanted, str) else wanted


def sequences_of(X: object, axis: int) -> list[np.ndarray]:
    """The sequences of a list, each with at least so many dimensions that it can be padded."""
    if not isinstance(X, (list, tuple)) and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        fail("padsequences:invalidX", f"X must be a list of arrays, but it is {show(X)}.",
             "Put one array into a list: [X]." if isinstance(X, np.ndarray) else "Pass a list of arrays C×T.")
    if not len(X):
        fail("padsequences:invalidX", "X is an empty list.", "Pass at least one sequence.")
    sequences = []
    for number, item in enumerate(X, 1):
        array = array_of(item)
        if array is None or array.dtype.kind not in "fiubc":
            fail("padsequences:invalidX", f"Element {number} of X must be an array of numbers, but it is {show(item)}.",
                 "Convert it with np.asarray(…, dtype=float).")
        sequences.append(array.reshape(*array.shape, *[1] * (axis + 1 - array.ndim)))
    return sequences


def check_alike(sequences: Sequence[np.ndarray], axis: int) -> None:
    """Side by side they must agree in all other dimensions."""
    rests = list(dict.fromkeys(array.shape[:axis] + array.shape[axis + 1:] for array in sequences))
    if len(rests) == 1:
        return
    shapes = list(dict.fromkeys(array.shape for array in sequences))
    fitting = [other + 1 for other in range(min(len(shape) for shape in shapes))
               if len({shape[:other] + shape[other + 1:] for shape in shapes}) == 1]
    fail("padsequences:sizeMismatch", f"The sequences differ in more than dimension {axis + 1}: they are "
         f"{few(map(times, shapes))}.", f"They can be padded along dimension {fitting[0]}: padsequences(X, {fitting[0]})."
         if fitting else f"Ask for a list: padsequences(X, {axis + 1}, UniformOutput=False).")


def holds_value(kind: np.dtype, value: float) -> bool:
    """Whether an array of this type can have the padding value as an element; floating-point ones may round it."""
    if kind.kind in "fc":
        return True
    if not np.isfinite(value) or value != int(value):
        return False
    return value in (0, 1) if kind.kind == "b" else bool(np.iinfo(kind).min <= value <= np.iinfo(kind).max)


def to_length(array: np.ndarray, axis: int, length: int, direction: str, value: np.generic) -> np.ndarray:
    """An array of this length, padded or cut at some side."""
    more = length - array.shape[axis]
    before = {"right": 0, "left": more, "both": (abs(more) // 2) * (1 if more > 0 else -1)}[direction]
    after = more - before
    if more <= 0:
        kept = [slice(None)] * array.ndim
        kept[axis] = slice(-before, array.shape[axis] + after)
        return np.array(array[tuple(kept)], type(value))
    widths = [(0, 0)] * array.ndim
    widths[axis] = (before, after)
    return np.pad(array.astype(type(value), copy=False), widths, constant_values=value)
