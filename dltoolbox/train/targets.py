"""From the user's Y to targets with the observation as last axis, and every complaint about the training data.

The layout of X is the business of `dltoolbox.program.data_layout`; images in Y keep MATLAB's (H×W×C×N), responses turn from
N×R to R×N. Nothing is copied or converted here: mini-batches are. Messages count observations from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.arrays import all_finite, array_of, first_not_finite
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.arrays import OneHot


# Labels --------------------------------------------------------------------------------------------------------------
def encode_labels(Y: object, observations: int, *, classes: Sequence[str] | str = "auto", spatial: Sequence[int] = (),
                  pixels: bool = False, training: bool = True, name: str = "Y") -> tuple[OneHot, tuple[str, ...]]:
    """Class labels → one-hot targets, and the classes in the order of the network's channels.

    Args:
        Y: A categorical array, or text or logicals, which become one. Numbers are refused, as in MATLAB: their
            classes and the order of these should be chosen.
        observations: The number of observations of X.
        classes: Classes of the output layer; ``'auto'`` takes the categories of Y.
        spatial: Spatial sizes of the network's output; the targets get them too.
        pixels: Whether Y holds label images of the size ``spatial``. Only these may have undefined elements, which
            training ignores.
        training: Whether the labels are to be learned; then a single class is worth a warning.
        name: What to call Y in messages.
    """
    labels = as_categorical(Y, name)
    codes = place_labels(labels.codes, observations, tuple(spatial), pixels, name)
    undefined = codes < 0
    if not pixels and undefined.any():
        where = int(np.argmax(undefined.reshape(-1)))
        fail("trainNetwork:undefinedLabels", f"{np.count_nonzero(undefined)} of {observations} labels in {name} are "
             f"undefined; the first is observation {where + 1}.", "Remove these observations from X and Y.")
    names = tuple(labels.categories) if isinstance(classes, str) else tuple(classes)
    codes = in_order_of(names, codes, list(labels.categories), name)
    seen = np.unique(codes[codes >= 0]).size if training else 2
    if not seen:
        fail("trainNetwork:undefinedLabels", f"All labels in {name} are undefined.", "Check how they were made: values that "
             "are not in the value set of categorical become undefined.")
    if seen < 2:
        warn("trainNetwork:oneClass", f"All labels in {name} belong to one class, so there is nothing to learn.",
             "Check the labels.")
    return OneHot(codes, len(names)), names


def as_categorical(Y: Any, name: str) -> Any:
    """The labels as a categorical array; numbers are an error that shows the call to make."""
    labels = Y
    if not isinstance(Y, categorical):
        carried = (attribute(Y, "codes") is not None or attribute(Y, "cat") is not None  # pandas
                   or (isinstance(Y, (list, tuple)) and any(isinstance(labels, categorical) for labels in Y)))
        array = None if carried else as_array(Y, name)
        if array is not None and array.size and array.dtype.kind in "iufc":
            fail("trainNetwork:numericLabels", f"{name} is numeric, but classification needs categorical labels.",
                 f"Pass categorical({name[0]}), or categorical({name[0]}, values, names) to name and order the classes. For "
                 "regression, end the network with regressionLayer.")
        labels = categorical(Y)
    if labels.size == 0:
        fail("trainNetwork:emptyData", f"{name} is empty.", "Pass at least one observation.")
    return labels


def place_labels(codes: np.ndarray, observations: int, spatial: tuple[int, ...], pixels: bool,
                 name: str) -> np.ndarray:
    """Codes as (*spatial, N): label images H×W×N (or H×W×1×N), or one label per observation."""
    if not pixels:
        if codes.size != max(codes.shape, default=1):
            fail("trainNetwork:invalidDimensions", f"{name} has size {times(codes.shape)}, but classification needs one "
                 "label per observation.", "Pass a vector. For one label per pixel, end with pixelClassificationLayer.")
        check_count(codes.size, observations, name)
        return codes.reshape(*(1 for _ in spatial), observations)
    if codes.shape == spatial:
        codes = codes[..., None]
    if codes.ndim == len(spatial) + 2 and codes.shape[-2] == 1:
        codes = codes[..., 0, :]
    if codes.ndim != len(spatial) + 1 or codes.shape[:-1] != spatial:
        hint = f"Pass label images of size {times(spatial)}×N, the observations last."
        fail("trainNetwork:responseSizeMismatch", f"{name} has size {times(codes.shape)}, but the network labels images of "
             f"size {times(spatial)}.", hint)
    check_count(codes.shape[-1], observations, name)
    return codes


def in_order_of(names: tuple[str, ...], codes: np.ndarray, categories: list[str], name: str) -> np.ndarray:
    """The codes counted in the classes of the network; a label that is none of them is an error."""
    if tuple(categories) == names:
        return codes
    table = np.array([*(names.index(c) if c in names else -2 for c in categories), -1])
    placed: np.ndarray = table[codes]
    if (placed == -2).any():
        unknown = [categories[code] for code in np.unique(codes[placed == -2])]
        fail("trainNetwork:unknownClasses", f"{name} contains {show(unknown)}, which {'is' if len(unknown) == 1 else 'are'} "
             f"not among the Classes {show(list(names))} of the output layer.", "Add them to Classes, or leave "
             "Classes='auto'.")
    return placed


# Responses -----------------------------------------------------------------------------------------------------------
def encode_responses(Y: object, observations: int, size: Sequence[int], name: str = "Y") -> np.ndarray:
    """Numeric responses for a network output of this size, (R,) or (h, w, c) → a view R×N or h×w×c×N.

    Vectors of responses come as N×R, and as N numbers for R = 1, also where the output is 1×1×R.
    """
    if attribute(Y, "categories") is not None:
        fail("trainNetwork:categoricalResponses", f"{name} holds labels, but a network that ends in regressionLayer learns "
             "numbers.", "To learn labels, end the network with softmaxLayer and classificationLayer.")
    size, y = tuple(size), numeric_targets(Y, name)
    if prod(size[:-1]) == 1 and y.ndim <= 2:
        return finite(vectors(y, observations, size[-1], name).reshape(*size, observations), name)
    if y.shape == size:
        y = y[..., None]
    if y.shape[:-1] != size:
        hint = f"Pass responses of size {times(size)}×N, the observations last."
        if prod(size[:-1]) == 1:
            hint = f"Pass an N×{size[-1]} matrix."
        elif y.shape[1:] == size:
            hint = f"The observations must come last: numpy.moveaxis({name[0]}, 0, -1)."
        fail("trainNetwork:responseSizeMismatch", f"{name} has size {times(y.shape)}, but the output of the network has "
             f"size {times(size)} per observation.", hint)
    check_count(y.shape[-1], observations, name)
    return finite(y, name)


def vectors(y: np.ndarray, observations: int, responses: int, name: str) -> np.ndarray:
    """N×R responses as R×N; N numbers are N×1."""
    y = y.reshape(-1, 1) if y.ndim < 2 else y
    if y.shape[1] != responses:
        hint = f"Pass {name[0]}.T." if y.shape == (responses, observations) else f"Pass an N×{responses} matrix."
        fail("trainNetwork:responseSizeMismatch", f"{name} has {y.shape[1]} responses per observation (it is "
             f"{times(y.shape)}), but the network has {counted(responses, 'output')}.", hint)
    check_count(y.shape[0], observations, name)
    return y.T


# Checks --------------------------------------------------------------------------------------------------------------
def as_array(value: object, name: str) -> np.ndarray:
    array = array_of(value)
    if array is None:
        fail("trainNetwork:invalidDimensions", f"{name} is a list with rows of different lengths.",
             "Pass rows of equal length.")
    return array


def numeric_targets(value: object, name: str) -> np.ndarray:
    """The value as a non-empty array of real numbers or logicals; not copied if it is an array."""
    array = as_array(value, name)
    if array.dtype.kind not in "fiub":
        fail("trainNetwork:invalidType", f"{name} must be a real numeric array, but its type is {array.dtype}.",
             "Convert it first, for complex data with numpy.real or numpy.abs." if array.dtype.kind == "c" else
             "Convert it with numpy.asarray(…, dtype=numpy.float32).")
    if array.size == 0:
        fail("trainNetwork:emptyData", f"{name} is empty ({times(array.shape)}).", "Pass at least one observation.")
    return array


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """The array, if it has no NaN and no Inf, also as single."""
    if not all_finite(array):
        count, first = first_not_finite(array)
        fail("trainNetwork:notFinite", f"{name} contains NaN or Inf in {count} of {array.shape[-1]} observations; the "
             f"first is observation {first + 1}.", "Remove or replace these observations.")
    if array.dtype.kind == "f" and array.dtype.itemsize > 4 and max(-array.min(), array.max()) > np.finfo(np.float32).max:
        fail("trainNetwork:tooLarge", f"{name} contains numbers beyond single precision, in which networks are trained.",
             "Scale the data.")
    return array


def check_count(count: int, observations: int, name: str) -> None:
    """One target per observation; ``name`` starts with Y, as that of the predictors does with X."""
    if count != observations:
        fail("trainNetwork:observationsMismatch", f"{name} has {counted(count, 'observation')}, "
             f"but X{name[1:]} has {observations}.", "Pass one response per observation.")
