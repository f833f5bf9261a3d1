"""Labels to and from one-hot arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import InvalidValue, options_as_pairs, show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.labels import distinct_keys, distinct_names, elements, names_of

_TYPES = {"single": np.float32, "double": np.float64}


@options_as_pairs
def onehotencode(A: object, featureDim: int, typename: str = "single", *pairs: object,
                 ClassNames: object = None) -> np.ndarray:
    """Labels as vectors with a one at their class.

    Args:
        A: Categorical labels, or anything `categorical` accepts.
        featureDim: The dimension of the result that holds the classes, 1-based.
        typename: ``'single'`` (default) or ``'double'``.
        *pairs: ``'ClassNames', names``, as MATLAB writes it.
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
             f"Add them: ClassNames={[*classes, *unknown]}. Or make them undefined: "
             f"setcats({'A' if A is labels else 'categorical(A)'}, {classes}).")
    if not isinstance(typename, str) or typename not in _TYPES:
        fail("onehotencode:invalidType", f"typename must be 'single' or 'double', but it is {show(typename)}.",
             "Leave it out for single precision.")
    axis = _axis(featureDim, labels.ndim + 1, "onehotencode")
    codes = categorical(labels, classes).codes
    table = np.vstack([np.eye(len(classes)), np.full(len(classes), np.nan)]).astype(_TYPES[typename])
    encoded = table[codes]
    if _grows(labels.shape, axis):
        encoded = encoded.squeeze(axis)
    return np.ascontiguousarray(np.moveaxis(encoded, -1, axis))


def onehotdecode(A: object, classes: object, featureDim: int) -> categorical:
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
    scores = _scores(A, "onehotdecode")
    axis = _axis(featureDim, scores.ndim, "onehotdecode")
    return _most_likely(scores, categorical(classes, classes).categories, axis, "onehotdecode")


def scores2label(scores: object, classNames: object, dim: object = "auto", *, nargout: int = 1) -> Any:
    """Labels for the scores of a classification network: the class with the highest score.

    Args:
        scores: Scores N×K, or h×w×K×N for maps, as `predict` and `minibatchpredict` return them.
        classNames: The class names in their order, or values that `categorical` accepts as names.
        dim: The dimension that holds the classes, 1-based. By default (``'auto'``) the only one that has one entry per
            class and along which the scores sum to one.
        nargout: 2 also returns the highest scores: ``labels, topScores = scores2label(scores, names, nargout=2)``.

    Returns:
        Categorical labels of the shape of ``scores`` without dimension ``dim`` (N×K → (N,)). The first of equal highest
        scores wins; where a score is NaN the label is undefined.

    Raises:
        DltoolboxError: ``dltoolbox:scores2label:invalidDim``, ``…:invalidScores``; ``…:classesCount`` where the
            dimension does not have one entry per class, ``…:dimNeeded`` where no dimension sums to one, or several do.

    Example:
        >>> scores2label([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]], ["cat", "dog"]).tolist()
        ['dog', 'cat', 'cat']
    """
    check_nargout(nargout, 2, "scores2label")
    array = _scores(scores, "scores2label")
    names = categorical(classNames, classNames).categories
    automatic = isinstance(dim, str) and dim.lower() == "auto"
    axis = _class_axis(array, len(names)) if automatic else _axis(dim, array.ndim, "scores2label", "dim")
    return outputs((_most_likely(array, names, axis, "scores2label"), array.max(axis)), nargout, "scores2label")


def _class_axis(scores: np.ndarray, classes: int) -> int:
    """The only axis with one entry per class along which the scores sum to one, up to single precision, or to NaN."""
    sized = [axis for axis, n in enumerate(scores.shape) if n == classes]
    if not sized:
        count = scores.shape[-2 if scores.ndim > 2 else -1] if scores.ndim else 1
        fail("scores2label:classesCount", f"Scores of size {times(scores.shape)} have no dimension with one entry for each "
             f"of {counted(classes, 'class')}.", f"Pass {counted(count, 'class')}, one per score.")
    with np.errstate(all="ignore"):
        sums = {axis: scores.sum(axis) for axis in sized}
    fitting = [axis for axis, total in sums.items() if np.allclose(total[~np.isnan(total)], 1, atol=1e-3)]
    if len(fitting) != 1:
        which = f"the dimensions {listed(axis + 1 for axis in fitting)} all have" if fitting else "none has"
        fail("scores2label:dimNeeded", f"Of the dimensions of the scores, {times(scores.shape)}, with one entry for each of "
             f"{counted(classes, 'class')}, {which} entries that sum to one.",
             "Name the dimension of the classes: scores2label(scores, classNames, 2).")
    return fitting[0]


def _scores(values: object, function: str) -> np.ndarray:
    """Scores as an array of real numbers."""
    scores = array_of(values)
    if scores is None or scores.dtype.kind not in "fiub":
        what = "a list with parts of different sizes" if scores is None else scores.dtype
        fail(f"{function}:invalidScores", f"The scores must be real numbers, but they are {what}.",
             "Pass scores or one-hot values.")
    return scores


def _most_likely(scores: np.ndarray, names: list[str], axis: int, function: str) -> categorical:
    """The class with the greatest score along an axis."""
    if not names or scores.shape[axis] != len(names):
        fail(f"{function}:classesCount", f"Dimension {axis + 1} of the scores has {scores.shape[axis]} entries for "
             f"{counted(len(names), 'class')}.", "Give one class per entry, or another dimension.")
    codes = class_codes(scores, axis, "" if function == "onehotdecode" else function)  # `onehotencode` writes NaN itself
    return categorical.from_codes(codes, names)


def class_codes(scores: np.ndarray, axis: int, function: str = "") -> np.ndarray:
    """The position of the greatest score along an axis, the first of equal ones, and -1 where one is NaN; ``function``, if
    given, then warns."""
    undefined = np.isnan(scores.max(axis))
    if function and undefined.any():
        warn(f"{function}:undefinedLabels", f"{np.count_nonzero(undefined)} of {undefined.size} labels are <undefined>, "
             "because scores are NaN.", "Look for NaN in the data, and for numbers that overflow single precision.")
    return np.where(undefined, -1, scores.argmax(axis))


def _class_names(given: object) -> list[str]:
    """Names as they are; numbers and logicals as a categorical array names them."""
    if any(isinstance(element, str) for element in elements(given)):
        return distinct_names(given, "onehotencode")
    return names_of(distinct_keys(given))


def _grows(shape: tuple[int, ...], axis: int) -> bool:
    """Whether the labels have a dimension for the classes, as opposed to one that must be inserted."""
    observations = axis == len(shape) - 1 and len(shape) > 2
    return 1 < len(shape) > axis and shape[axis] == 1 and not observations


def _axis(value: object, most: int, function: str, argument: str = "featureDim") -> int:
    try:
        axis = convert.integer(1)(value) - 1
    except InvalidValue:
        axis = most
    if axis >= most:
        fail(f"{function}:invalid{argument[0].upper()}{argument[1:]}", f"{argument} must be an integer from 1 to {most} "
             f"here, but it is {show(value)}.", "It counts dimensions from 1, as in MATLAB.")
    return axis
