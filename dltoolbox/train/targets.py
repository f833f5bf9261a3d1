"""From the user's Y to targets with the observation as last axis, and every complaint about the training data.

The layout of X is the business of `dltoolbox.program.data_layout`; images in Y keep MATLAB's (H×W×C×N), responses turn from
N×R to R×N. Nothing is copied or converted here: mini-batches are. Messages count observations from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NoReturn

import numpy as np

from dltoolbox.core.arrays import all_finite, array_of, first_not_finite, in_code, masked
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import fail, warn
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.arrays import OneHot
from dltoolbox.data.sources.layouts import advice, array_in_code, wanted
from dltoolbox.program.data_layout import as_numbers, column_names, columns_of_words, ragged

Remove = Callable[[str], str]  # from the code that says which observations are kept to that which keeps them

ALL_UNDEFINED = "Check how they were made: values that are not in the value set of categorical become undefined."


def removed(keep: str) -> str:
    """Keeps some observations of images and of their responses."""
    return f"keep = {keep}; X = X[..., keep]; Y = Y[keep]"


# Labels --------------------------------------------------------------------------------------------------------------
def encode_labels(Y: object, observations: int, *, classes: Sequence[str] | str = "auto", spatial: Sequence[int] = (),
                  pixels: bool = False, training: bool = True, name: str = "Y", channels: int = 0, output: str = "",
                  remove: Remove = removed) -> tuple[OneHot, tuple[str, ...]]:
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
        channels: The number of scores of the network, for messages.
        output: The call that makes the output layer, for messages.
        remove: What removes observations, for messages.
    """
    labels = as_categorical(Y, name, channels=channels, classes=classes)
    codes = place_labels(labels, Y, observations, tuple(spatial), pixels, name)
    undefined = codes < 0
    seen = np.unique(codes[~undefined])
    rest = unlabelled(Y, name, [labels.categories[code] for code in seen]) if undefined.any() and seen.size == 1 else ""
    if not pixels and undefined.any():
        where = int(np.argmax(undefined.reshape(-1)))
        keep = f"~isundefined({label_code(name, Y)})"
        fail("trainNetwork:undefinedLabels", f"{np.count_nonzero(undefined)} of {counted(observations, 'label')} in {name} "
             f"{'is' if np.count_nonzero(undefined) == 1 else 'are'} undefined; the first is observation {where + 1}.",
             f"{rest} Otherwise remove these observations: {remove(keep)}." if rest else ALL_UNDEFINED if not seen.size else
             f"Remove these observations: {remove(keep)}.")
    if not seen.size:
        fail("trainNetwork:undefinedLabels", f"All labels in {name} are undefined.", ALL_UNDEFINED)
    names = tuple(labels.categories) if isinstance(classes, str) else tuple(classes)
    codes = in_order_of(names, codes, list(labels.categories), Y, name, training, output, remove)
    if training and seen.size < 2:
        warn("trainNetwork:oneClass", f"All labels in {name} belong to one class, so there is nothing to learn.",
             rest or "Pass observations of all classes that the network is to tell apart.")
    return OneHot(codes, len(names)), names


def label_code(name: str, Y: object) -> str:
    """Labels in calls, as a categorical array."""
    return in_code(name) if isinstance(Y, categorical) else f"categorical({in_code(name)})"


def unlabelled(Y: object, name: str, seen: Sequence[str]) -> str:
    """The call that makes a class of elements without label, if all others belong to one."""
    code = in_code(name)
    made = "" if isinstance(Y, categorical) else f"{code} = categorical({code}); "
    other = "background" if "background" not in seen else "other"
    return f"If undefined means a class of its own, name it: {made}{code}[isundefined({code})] = '{other}'."


def as_categorical(Y: Any, name: str, *, channels: int = 0, classes: Sequence[str] | str = "auto") -> Any:
    """The labels as a categorical array; numbers are an error that shows the call to make."""
    labels, columns = Y, column_names(Y)
    if len(columns) > 1:
        table = array_of(Y, name=name)
        if table is not None and table.dtype.kind in "iufb":
            refuse_one_hot(table, in_code(name), name, channels, [*map(str, columns)])
        fail("trainNetwork:invalidDimensions", f"{name} has {len(columns)} columns ({few(map(str, columns))}), but "
             "classification needs one label per observation.", f"Pass one column, as in {in_code(name)}[{columns[-1]!r}].")
    if not isinstance(Y, categorical):
        carried = (attribute(Y, "codes") is not None or attribute(Y, "cat") is not None  # pandas
                   or (isinstance(Y, (list, tuple)) and any(isinstance(labels, categorical) for labels in Y)))
        array = None if carried else array_of(Y, name=name) if not masked(Y) else np.ma.getdata(Y)
        if array is not None and array.size and array.dtype.kind in "iufcb":
            refuse_numbers(array, Y, name, channels, classes)
        labels = categorical(Y)
    elif {*labels.categories} <= {"0", "1"} and labels.ndim > 1:  # numbers that were one-hot
        refuse_one_hot(labels.codes.astype(bool), f"{in_code(name)}.codes", name, channels, classes)
    if labels.size == 0:
        refuse_empty(name, labels.shape)
    return labels


def refuse_numbers(array: np.ndarray, Y: object, name: str, channels: int, classes: Sequence[str] | str) -> None:
    """One-hot labels have a call that decodes them, numbered ones one that names them; logicals are labels as they are."""
    refuse_one_hot(array, in_code(name), name, channels, classes)
    if array.dtype.kind == "b":
        return
    code, values = in_code(name), np.unique(array)
    if array.dtype.kind == "f" and (np.isinf(values).any() or (values[~np.isnan(values)] % 1 != 0).any()):
        fail("trainNetwork:numericLabels", f"{name} holds numbers that are not whole, but classification needs labels.",
             f"To learn numbers, end the network with fullyConnectedLayer({array.shape[1] if array.ndim == 2 else 1}) and "
             f"regressionLayer. If they are labels, use categorical({code}).")
    named = f"categorical({code})"
    if not isinstance(classes, str) and array.dtype.kind in "iu" and not {*map(str, values)} <= {*classes}:
        first = 0 if 0 in values else 1
        if values[0] >= first and values[-1] < first + len(classes):
            named = f"categorical({code}, {[*range(first, first + len(classes))]}, {list(classes)})"
    done = f"Use {code} = {named}" if code.startswith("tbl") else f"Pass {named}"  # a column of a table is not an argument
    fail("trainNetwork:numericLabels", f"{name} is numeric, but classification needs categorical labels.", f"{done}; "
         f"categorical({code}, values, names) names and orders the classes. For regression, end the network with "
         "regressionLayer.")


def refuse_one_hot(array: np.ndarray, code: str, name: str, channels: int, classes: Sequence[str] | str) -> None:
    """A class is the place of the largest number along a dimension, if those sum to one, or of the only one."""
    if array.ndim < 2 or array.dtype.kind == "c" or array.min(initial=0) < 0 or array.max(initial=0) > 1:
        return
    axes = [axis for axis in range(array.ndim) if array.shape[axis] > 1 and np.allclose(array.sum(axis), 1, atol=1e-3)]
    if axes:
        axis = min(axes, key=lambda axis: (array.shape[axis] != channels, -axis))
        count = array.shape[axis]
        names = list(classes) if not isinstance(classes, str) and len(classes) == count else f"range({count})"
        fail("trainNetwork:numericLabels", f"{name} is one-hot, of size {times(array.shape)}, but classification needs "
             "categorical labels.", f"Use onehotdecode({code}, {names}, {axis + 1})"
             f"{', or your class names instead of ' + names if isinstance(names, str) else ''}.")


def place_labels(labels: categorical, Y: object, observations: int, spatial: tuple[int, ...], pixels: bool,
                 name: str) -> np.ndarray:
    """Codes as (*spatial, N): label images H×W×N (or H×W×1×N), or one label per observation."""
    codes = labels.codes
    vector = codes.size == max(codes.shape, default=1)
    classes = len(labels.categories)
    code = in_code(name) if isinstance(Y, categorical) else array_in_code(name, Y)
    if not pixels:
        if not vector:
            hint = (f"For one label per pixel, end the network with {pixel_end(len(spatial) or 2, classes)}, after layers "
                    "that keep the size of the images.")
            if codes.ndim == 2 and len(codes) == observations:
                hint = f"Pass one column, as in {code}[:, 0]."
            fail("trainNetwork:invalidDimensions", f"{name} has size {times(codes.shape)}, but classification needs one "
                 "label per observation.", hint)
        check_count(codes.size, observations, name)
        return codes.reshape(*(1 for _ in spatial), observations)
    if codes.shape == spatial:
        codes = codes[..., None]
    if codes.ndim == len(spatial) + 2 and codes.shape[-2] == 1:
        codes = codes[..., 0, :]
    if codes.ndim != len(spatial) + 1 or codes.shape[:-1] != spatial:
        hint = f"Pass label images of size {times(spatial)}×N, the observations last."
        if vector and codes.size == observations:
            hint = (f"For one label per image, end the network with globalAveragePooling{len(spatial)}dLayer, "
                    f"fullyConnectedLayer({classes}), softmaxLayer and classificationLayer.")
        else:
            hint = advice(labels.shape, wanted((*spatial, 1), channels=False), code) or hint
        fail("trainNetwork:responseSizeMismatch", f"{name} has size {times(labels.shape)}, but the network labels images of "
             f"size {times(spatial)}.", hint)
    check_count(codes.shape[-1], observations, name)
    return codes


def pixel_end(rank: int, classes: int) -> str:
    """The last layers of a network that labels pixels."""
    return f"convolution{rank}dLayer(1, {classes}), softmaxLayer and pixelClassificationLayer"


def in_order_of(names: tuple[str, ...], codes: np.ndarray, categories: list[str], Y: object, name: str, training: bool,
                output: str, remove: Remove) -> np.ndarray:
    """The codes counted in the classes of the network; any other label is an error."""
    if tuple(categories) == names:
        return codes
    table = np.array([*(names.index(c) if c in names else -2 for c in categories), -1])
    placed: np.ndarray = table[codes]
    if (placed == -2).any():
        unknown = [categories[code] for code in np.unique(codes[placed == -2])]
        if training:
            hint = f"To learn other classes, replace the output layer with {output or 'classificationLayer()'}."
        elif (placed >= 0).any():
            hint = f"Leave these observations out: {remove(f'np.isin(np.asarray({label_code(name, Y)}), {list(names)})')}."
        elif len(categories) == len(names):
            hint = f"If they are the same classes in the same order, use renamecats({label_code(name, Y)}, {list(names)})."
        else:
            hint = "Give the classes the same names as in training."
        fail("trainNetwork:unknownClasses", f"{name} contains {show(unknown)}, which {'is' if len(unknown) == 1 else 'are'} "
             f"not among the Classes {show(list(names))} of the output layer.", hint)
    return placed


# Responses -----------------------------------------------------------------------------------------------------------
def encode_responses(Y: object, observations: int, size: Sequence[int], name: str = "Y",
                     remove: Remove = removed) -> np.ndarray:
    """Numeric responses for a network output of this size, (R,) or (h, w, c) → a view R×N or h×w×c×N.

    Vectors of responses come as N×R, and as N numbers for R = 1, also where the output is 1×1×R.
    """
    size, rank = tuple(size), len(size) - 1
    if attribute(Y, "categories") is not None or attribute(Y, "cat") is not None:
        refuse_labels(categorical(Y), name, "" if prod(size[:-1]) == 1 else rank)
    y = numeric_targets(Y, name)
    if prod(size[:-1]) == 1 and y.ndim <= 2:
        rows = vectors(y, Y, observations, size[-1], name)
        return finite(rows.reshape(*size, observations), name, remove=remove, given=Y, rows=True)
    if y.shape == size:
        y = y[..., None]
    if y.shape[:-1] != size:
        code = array_in_code(name, Y)
        fail("trainNetwork:responseSizeMismatch", f"{name} has size {times(np.shape(y))}, but the output of the network has "
             f"size {times(size)} per observation.", map_advice(y.shape, size, observations, code))
    check_count(y.shape[-1], observations, name)
    return finite(y, name, remove=remove, given=Y)


def refuse_labels(labels: categorical, name: str, rank: int | str) -> NoReturn:
    classes = len(labels.categories)
    end = (f"fullyConnectedLayer({classes}), softmaxLayer and classificationLayer" if rank == "" else
           pixel_end(int(rank), classes))
    numbers = ""
    try:
        np.array(labels.categories, float)
        numbers = f" If they are numbers, use np.asarray({in_code(name)}).astype(float)."
    except ValueError:
        pass
    fail("trainNetwork:categoricalResponses", f"{name} holds labels, but a network that ends in regressionLayer learns "
         "numbers.", f"To learn labels, end the network with {end}.{numbers}")


def map_advice(shape: tuple[int, ...], size: tuple[int, ...], observations: int, code: str) -> str:
    """Advice about responses of a size that is not the output's."""
    rank, each = len(size) - 1, prod(shape) // max(observations, 1)
    if prod(size[:-1]) == 1:
        if each == size[-1] and observations in (shape[0], shape[-1]):
            return (f"Make a row of each observation: {code}.reshape({observations}, -1)." if shape[0] == observations else
                    f"Make a row of each observation: {code}.reshape(-1, {observations}).T.")
        if len(shape) == rank + 2 and rank in (2, 3):
            return (f"To learn images, end the network with convolution{rank}dLayer(1, {shape[-2]}) and regressionLayer, "
                    "after layers that keep the size of the images.")
        return f"Pass an N×{size[-1]} matrix."
    if len(shape) <= 2 and shape[:1] == (observations,):
        return (f"For {counted(each, 'response')} per image, end the network with fullyConnectedLayer({each}) and "
                "regressionLayer.")
    return (advice(shape, wanted(size), code, pictures=False) if rank else "") or (
        f"Pass responses of size {times(size)}×N, the observations last.")


def vectors(y: np.ndarray, Y: object, observations: int, responses: int, name: str) -> np.ndarray:
    """N×R responses as R×N; N numbers are N×1."""
    y = y.reshape(-1, 1) if y.ndim < 2 else y
    if y.shape[1] != responses:
        code = array_in_code(name, Y)
        hint = f"Make the last fully connected layer {y.shape[1]} wide: fullyConnectedLayer({y.shape[1]})."
        if y.shape == (responses, observations):
            hint = f"Pass {code}.T."
        elif y.shape[1] == observations:
            hint = f"Pass {code}.T, and make the last fully connected layer {y.shape[0]} wide."
        elif y.shape[1] > responses:
            hint += f" Or choose {counted(responses, 'column')}, as in {code}[:, :{responses}]."
        fail("trainNetwork:responseSizeMismatch", f"{name} has {counted(y.shape[1], 'response')} per observation (it is "
             f"{times(y.shape)}), but the network has {counted(responses, 'output')}.", hint)
    check_count(y.shape[0], observations, name)
    return y.T


# Checks --------------------------------------------------------------------------------------------------------------
def as_array(value: object, name: str) -> np.ndarray:
    array = array_of(value, name=name)
    if array is None:
        message, hint = ragged(value, name, ())
        fail("trainNetwork:invalidDimensions", message, hint)
    return array


def numeric_targets(value: object, name: str) -> np.ndarray:
    """The value as a non-empty array of real numbers or logicals; not copied if it is an array."""
    array, code = as_array(value, name), in_code(name)
    if array.dtype.kind == "c":
        fail("trainNetwork:invalidType", f"{name} must be a real numeric array, but its type is {array.dtype}.",
             f"Use np.real({code}) or np.abs({code}).")
    if array.dtype.kind not in "fiub":
        hint = as_numbers(array, code) or "To learn labels, end the network with softmaxLayer and classificationLayer."
        if words := columns_of_words(value):
            hint = f"Drop what is not: {code}.drop(columns={words!r})."
        fail("trainNetwork:invalidType", f"{name} must be a real numeric array, but its type is {array.dtype}.", hint)
    if array.size == 0:
        refuse_empty(name, array.shape)
    return array


def refuse_empty(name: str, shape: tuple[int, ...]) -> NoReturn:
    fail("trainNetwork:emptyData", f"{name} is empty ({times(shape)}).", "Leave ValidationData out, or pass "
         "ValidationData=[]." if "ValidationData" in name else "Pass at least one observation.")


def finite(array: np.ndarray, name: str, *, remove: Remove = removed, given: Any = None, rows: bool = False) -> np.ndarray:
    """The array, if it has no NaN and no Inf, also as single.

    Args:
        array: With the observations last.
        name: What to call it in messages.
        remove: What removes observations, for messages.
        given: The array as it came, and whether the observations are its rows, for messages.
    """
    if not all_finite(array):
        count, first = first_not_finite(array)
        of = counted(array.shape[-1], "observation")
        hint = f"Replace them: np.nan_to_num({in_code(name)}, posinf=0, neginf=0)."
        if count < array.shape[-1]:
            keep = finite_rows(array if given is None else given, name, rows)
            hint = f"Remove these observations: {remove(keep)}."
        fail("trainNetwork:notFinite", f"{name} contains NaN or Inf in {count} of {of}; the first is observation "
             f"{first + 1}.", hint)
    if array.dtype.kind == "f" and array.dtype.itemsize > 4 and max(-array.min(), array.max()) > np.finfo(np.float32).max:
        code = in_code(name)
        fail("trainNetwork:tooLarge", f"{name} contains numbers beyond single precision, in which networks are trained.",
             f"Scale it, as in {code} = {code} / np.abs({code}).max().")
    return array


def finite_rows(value: Any, name: str, rows: bool) -> str:
    """The code that says of each observation whether all of it is finite; observations are first in ``rows``, else last."""
    count = np.ndim(value)
    axes = tuple(range(1, count)) if rows else tuple(range(count - 1))
    reduced = f".all(axis={axes[0] if len(axes) == 1 else axes})" if axes else ""
    return f"np.isfinite({array_in_code(name, value)}){reduced}"


def check_count(count: int, observations: int, name: str) -> None:
    """One target per observation; ``name`` starts with Y, as that of the predictors does with X."""
    if count != observations:
        fail("trainNetwork:observationsMismatch", f"{name} has {counted(count, 'observation')}, "
             f"but X{name[1:]} has {observations}.", "Pass one response per observation; X counts them along its last "
             "dimension, a matrix of features along its first.")
