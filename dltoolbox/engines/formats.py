"""InputDataFormats and OutputDataFormats: data whose dimensions the user labels, brought into the usual order and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import DISPLAY, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import InvalidValue
from dltoolbox.data.sources.sequence_forms import elements_of
from dltoolbox.network.networks import Network
from dltoolbox.program.data_layout import ModelInput, model_inputs, named_arrays, numeric_data

Formats = Literal["auto"] | tuple[str, ...]


@convert.annotated("Literal['auto'] | str | Sequence[str]")
def data_formats(value: object) -> Formats:
    """``'auto'``, or one text of labels per array, such as ``'SSCB'``."""
    if isinstance(value, str) and value.lower() == "auto":
        return "auto"
    try:
        formats = tuple(text.upper() for text in convert.texts(value))
    except InvalidValue:
        formats = ()
    if not formats or any(set(text) - set(DISPLAY[:4]) or any(text.count(label) > 1 for label in "CBT") or "C" not in text
                          for text in formats):
        raise InvalidValue("'auto', or labels of dimensions such as 'SSCB' for each array: S, C, B and T, with C once, "
                           "B and T at most once")
    return formats


def usual(labels: str) -> str:
    """The format in which arrays come and go where none is given: N×f, else spatial × c × N (× T)."""
    return "BC" if set(labels) == {"C", "B"} else "".join(sorted(labels, key=DISPLAY.index))


def labelled_inputs(net: Network, data: Sequence[object], formats: Formats, function: str) -> Sequence[object]:
    """The arrays in the usual order of dimensions; N and T that a format leaves out are 1."""
    if formats == "auto":
        return data
    places = model_inputs(net)
    data, names = named_arrays(data, len(places))
    if len(data) != len(formats) or len(data) != len(places):
        fail(f"{function}:formatsMismatch", f"The network has {counted(len(places), 'input')}, but got "
             f"{counted(len(formats), 'format')} and {counted(len(data), 'array')}.",
             "Pass one array and one of InputDataFormats per input.")
    return [_in_usual_order(X, text, place, function, name)
            for X, name, text, place in zip(data, names, formats, places, strict=True)]


def _in_usual_order(X: object, labels: str, place: ModelInput, function: str, name: str) -> object:
    """One input; each element of a list of sequences, and one sequence without B, has no dimension of observations."""
    wanted = usual(place.dims.labels)
    if not place.dims.timed:
        return _arranged(numeric_data(X, function, name), labels, wanted, f"{place}", function)
    alone = wanted.replace("B", "")
    if (parts := elements_of(X, place.sizes)) is not None:
        return [_arranged(numeric_data(part, function, f"{name}[{number}]"), labels.replace("B", ""), alone, f"{place}",
                          function) for number, part in enumerate(parts)]
    return _arranged(numeric_data(X, function, name), labels, wanted if "B" in labels else alone, f"{place}", function)


def _arranged(array: np.ndarray, labels: str, wanted: str, place: str, function: str) -> np.ndarray:
    """An array with these labels as one with the wanted ones."""
    if array.ndim < len(labels):  # MATLAB drops trailing ones
        array = array.reshape(*array.shape, *[1] * (len(labels) - array.ndim))
    added = "".join(label for label in "BT" if label in wanted and label not in labels)
    if sorted(labels + added) != sorted(wanted):
        fail(f"{function}:formatMismatch", f"InputDataFormats is '{labels}', but {place} takes data of format '{wanted}'.",
             f"Label the dimensions of your array with the letters of '{wanted}', in the order in which they stand; B and T "
             "may be left out.")
    if array.ndim > len(labels):
        fail(f"{function}:formatMismatch", f"InputDataFormats is '{labels}', but the data for {place} have the size "
             f"{times(array.shape)}.", "Pass one letter per dimension.")
    return array.reshape(*array.shape, *[1] * len(added)).transpose(_axes_for(labels + added, wanted))


def _axes_for(labels: str, wanted: str) -> list[int]:
    """Position of each wanted label among the labels; spatial dimensions keep their order."""
    places = {label: [at for at, own in enumerate(labels) if own == label] for label in set(labels)}
    return [places[label].pop(0) for label in wanted]


UserArrays = np.ndarray | list[np.ndarray]  # of all observations, or one for each


def labelled_outputs(results: Sequence[UserArrays], formats: Sequence[str], wanted: Formats,
                     function: str) -> list[UserArrays]:
    """The results, which have these formats, with their dimensions in the wanted order. One sequence has no B, and neither
    have the elements of a list.
    """
    if wanted == "auto":
        return [*results]
    if len(wanted) != len(results):
        fail(f"{function}:formatsMismatch", f"There are {counted(len(results), 'output')}, but "
             f"{counted(len(wanted), 'format')}.", "Pass one of OutputDataFormats per output.")
    ordered = []
    for result, got, asked in zip(results, formats, wanted, strict=True):
        order = asked if "B" in got else asked.replace("B", "")
        if sorted(got) != sorted(order):
            fail(f"{function}:formatMismatch", f"OutputDataFormats is '{asked}', but the output has the format '{got}'.",
                 f"Put the letters of '{got}' in the order that you need.")
        axes = _axes_for(got, order)
        ordered.append([np.ascontiguousarray(part.transpose(axes)) for part in result] if isinstance(result, list) else
                       np.ascontiguousarray(result.transpose(axes)))
    return ordered


def per_observation(result: np.ndarray, labels: str) -> list[np.ndarray]:
    """One array per observation, without the dimension that counts them."""
    return [*np.moveaxis(result, labels.index("B"), 0)]
