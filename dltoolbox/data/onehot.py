"""Labels to and from one-hot arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Reject, show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.labels import distinct_keys, distinct_names, elements, names_of

_TYPES = {"single": np.float32, "double": np.float64}


def onehotencode(A: Any, featureDim: int, typename: str = "single", *, ClassNames: Any = None) -> np.ndarray:
    """Labels as vectors with a one at their class.

    Args:
        A: Categorical labels, or anything `categorical` accepts.
        featureDim: The dimension of the result that holds the classes, 1-based.
        typename: ``'single'`` (default) or ``'double'``.
        ClassNames: The classes in their order, as names or, for numeric labels, numbers. Default: the categories of ``A``.

    Returns:
        For labels (N,): N×K with ``featureDim`` 2, K×N with 1. For more dimensions: a dimension of length 1 at
        ``featureDim`` grows to K (h×w×1×N → h×w×K×N); otherwise one is inserted there, as for label images h×w×N.
        The last dimension of labels with three or more holds the observations and never grows, even for N = 1.
        Undefined labels are NaN throughout.

    Raises:
        DltoolboxError: ``invalidFeatureDim``, ``invalidType``, or ``unknownClass`` for a label outside ``ClassNames``.

    Example:
        >>> onehotencode(categorical(["cat", "dog", None]), 2)
        array([[ 1.,  0.],
               [ 0.,  1.],
               [nan, nan]], dtype=float32)
    """
    labels = A if isinstance(A, categorical) else categorical(A)
    classes = labels.categories if ClassNames is None else _class_names(ClassNames)
    unknown = sorted({labels.categories[code] for code in np.unique(labels.codes) if code >= 0} - set(classes))
    if unknown:
        fail("onehotencode:unknownClass", f"The labels {show(unknown)} are not among the class names {show(classes)}.",
             "Add them to ClassNames, or make these labels undefined with setcats.")
    if typename not in _TYPES:
        fail("onehotencode:invalidType", f"typename must be 'single' or 'double', but it is {show(typename)}.",
             "Leave it out for single precision.")
    axis = _axis(featureDim, labels.ndim + 1, "onehotencode")
    codes = categorical(labels, classes).codes
    table = np.vstack([np.eye(len(classes)), np.full(len(classes), np.nan)]).astype(_TYPES[typename])
    encoded = table[codes]
    if _grows(labels.shape, axis):
        encoded = encoded.squeeze(axis)
    return np.ascontiguousarray(np.moveaxis(encoded, -1, axis))


def onehotdecode(A: Any, classes: Any, featureDim: int) -> categorical:
    """The class with the greatest value along a dimension.

    Args:
        A: Scores or one-hot values; dimension ``featureDim`` has one entry per class.
        classes: The class names in their order, or values that `categorical` accepts as names.
        featureDim: The dimension that holds the classes, 1-based.

    Returns:
        Categorical labels of the shape of ``A`` without that dimension (N×K → (N,)). The first of equal greatest
        values wins; where a value is NaN the label is undefined.

    Raises:
        DltoolboxError: ``invalidFeatureDim``, ``invalidScores``, or ``classesCount`` when their number differs.

    Example:
        >>> onehotdecode([[0.1, 0.9], [0.8, 0.2]], ["cat", "dog"], 2).tolist()
        ['dog', 'cat']
    """
    scores = array_of(A)
    if scores is None or scores.dtype.kind not in "fiub":
        what = "a list with parts of different sizes" if scores is None else scores.dtype
        fail("onehotdecode:invalidScores", f"The scores must be real numbers, but they are {what}.",
             "Pass scores or one-hot values.")
    axis = _axis(featureDim, scores.ndim, "onehotdecode")
    names = categorical(classes, classes).categories
    if not names or scores.shape[axis] != len(names):
        fail("onehotdecode:classesCount", f"Dimension {axis + 1} of the scores has {scores.shape[axis]} entries for "
             f"{len(names)} classes.", "Give one class per entry, or another featureDim.")
    codes = np.where(np.isnan(scores).any(axis), -1, scores.argmax(axis))
    return categorical.from_codes(codes, names)


def _class_names(given: Any) -> list[str]:
    """Names as they are; numbers and logicals as a categorical array names them."""
    if any(isinstance(one, str) for one in elements(given)):
        return distinct_names(given, "onehotencode")
    return names_of(distinct_keys(given))


def _grows(shape: tuple[int, ...], axis: int) -> bool:
    """Whether the labels have a dimension for the classes, as opposed to one that must be inserted."""
    observations = axis == len(shape) - 1 and len(shape) > 2
    return 1 < len(shape) > axis and shape[axis] == 1 and not observations


def _axis(featureDim: Any, most: int, function: str) -> int:
    try:
        axis = convert.integer(1)(featureDim) - 1
    except Reject:
        axis = most
    if axis >= most:
        fail(f"{function}:invalidFeatureDim", f"featureDim must be an integer from 1 to {most} here, but it is "
             f"{show(featureDim)}.", "It counts dimensions from 1, as in MATLAB.")
    return axis
