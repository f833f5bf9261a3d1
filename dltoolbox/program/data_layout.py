"""From MATLAB's arrays to the program's and back.

Images come as h×w×c×N, volumes as h×w×d×c×N, features as N×f, sequences as c×N×T, h×w×c×N×T and so on. Inside, the
observation is always the last axis, so features are transposed, and time goes before it. Nothing is converted or copied
here; a mini-batch is cast when it is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import few
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.graph.layer_graph import LayerGraph

LAYOUT = {"SSCB": "h×w×c×N", "SSSCB": "h×w×d×c×N", "CB": "N×f", "CTB": "c×N×T", "SCTB": "s×c×N×T", "SSCTB": "h×w×c×N×T",
          "SSSCTB": "h×w×d×c×N×T"}


class ModelInput(NamedTuple):
    """A place where data enter a network: an input layer, or an input that is not connected."""

    name: str
    dims: Dims
    split_complex: bool = False
    is_layer: bool = True

    def __str__(self) -> str:
        return f"input layer '{self.name}'" if self.is_layer else f"input '{self.name}'"


def input_layers(lgraph: LayerGraph) -> list[DataInput]:
    return [layer for layer in lgraph.nodes if isinstance(layer, DataInput)]


def model_inputs(lgraph: LayerGraph) -> list[ModelInput]:
    """Everything that a run of a checked network needs data for, in the order of InputNames."""
    layers = {layer.Name: layer for layer in input_layers(lgraph)}
    return [ModelInput(name, layers[name].dims(), layers[name].SplitComplexInputs) if name in layers
            else ModelInput(name, lgraph.layouts[name], is_layer=False) for name in lgraph.input_names()]


def network_inputs(lgraph: LayerGraph, data: Sequence[object], function: str, *, exact: bool) -> list[np.ndarray]:
    """The arrays of all inputs, observation last; every problem of every array is reported at once.

    Args:
        lgraph: The network.
        data: One array per entrance, in the order of InputNames, or a list of these as its only element.
        function: The caller, for messages.
        exact: Whether spatial sizes must be those that are declared; prediction leaves that to the layers behind it.
    """
    places = model_inputs(lgraph)
    if len(data) == 1 and len(places) > 1 and isinstance(data[0], (list, tuple)):
        data = data[0]
    if len(data) != len(places):
        what = "input layer" if all(entry.is_layer for entry in places) else "input"
        fail(f"{function}:wrongNumberOfInputs", f"The network has {len(places)} {what}(s) "
             f"({', '.join(entry.name for entry in places)}), but {len(data)} array(s) came.",
             f"Pass one array per {what}, in the order of InputNames.")
    issues = IssueCollector()
    arrays: list[np.ndarray] = []
    for entry, X in zip(places, data, strict=True):
        with issues.collect(layer=entry.name):
            arrays.append(observations(X, entry, function, exact=exact))
    issues.raise_if_any()
    counts = {array.shape[-1] for array in arrays}
    if len(counts) > 1:
        fail(f"{function}:observationsMismatch", f"The inputs have different numbers of observations: {sorted(counts)}.",
             "Pass the same number of observations for every input.")
    return arrays


def observations(X: Any, place: ModelInput, function: str, *, exact: bool) -> np.ndarray:
    """One input as an array in the axis order of the program (h×w×c×N, h×w×d×c×N, f×N, T before N); a view where it can."""
    array = numeric_data(X, function)
    dims = place.dims
    sizes = tuple(n for n in dims.sizes[:-1] if n is not None)
    if place.split_complex:  # the network sees real and imaginary parts as channels of their own
        sizes = (*sizes[:-1], sizes[-1] // 2)
    elif array.dtype.kind == "c":
        fail(f"{function}:complexData", "The data are complex.",
             "Pass abs(X) or real and imaginary parts, or set SplitComplexInputs=True in the input layer.")
    array = (time_before_observations(array, sizes) if dims.timed else
             with_observations(array, sizes) if dims.rank else feature_columns(array, sizes[0]))
    wrong = (array.ndim != len(dims.sizes) or array.shape[len(sizes) - 1] != sizes[-1]
             or (exact and array.shape[:len(sizes)] != sizes))
    if wrong:
        wanted = f"{times(sizes)}×N×T" if dims.timed else f"{times(sizes)}×N" if dims.rank else f"N×{sizes[0]}"
        fail(f"{function}:inputSizeMismatch", f"{function} got data of size {times(np.shape(X))}, but {place} "
             f"takes {wanted} ({LAYOUT.get(dims.labels, dims.labels)}).", advice(np.shape(X), sizes, dims))
    return split_complex(array) if place.split_complex else array


def advice(got: tuple[int, ...], sizes: tuple[int, ...], dims: Dims) -> str:
    """What to do about a size: the likely transposition, if one would fit, else change either side."""
    if dims.timed:
        return f"Pass sequences of one length as {LAYOUT[dims.labels]}; one sequence may come without its N."
    if not dims.rank:
        return "Transpose X." if got[:1] == sizes else f"Pass one row of {sizes[0]} features per observation."
    if len(got) == len(sizes) + 1 and got[1:] == sizes:
        return "The observations are the last dimension here: use np.moveaxis(X, 0, -1)."
    if len(got) == len(sizes) + 1 and got[2:] == sizes[:-1] and got[1] == sizes[-1]:
        return "This looks like PyTorch's N×C×H×W: use X.transpose(2, 3, 1, 0)."
    if sizes[-1] == 1 and got[:-1] == sizes[:-1]:
        return "Insert the channel dimension: X[..., np.newaxis, :]."
    return "Reshape the data, or change the size of the input layer."


def numeric_data(X: object, function: str) -> np.ndarray:
    """Any array-like of numbers as an array; everything else is an error."""
    array = array_of(X)
    if array is None:
        fail(f"{function}:notNumeric", "The data are a list with parts of different sizes.", "Pass one numeric array.")
    if array.dtype.kind not in "fiubc":
        what = f"an array of {X.dtype}" if isinstance(X, np.ndarray) else f"of type {type(X).__name__}"
        if words := columns_of_words(X):
            what += f", with the non-numeric {'column' if len(words) == 1 else 'columns'} {few(map(repr, words))}"
        fail(f"{function}:notNumeric", f"X must be numeric, but it is {what}.",
             f"Drop what is not: X.drop(columns={words[0] if len(words) == 1 else words!r})." if words else
             "Convert it with np.asarray(X, dtype=float).")
    return array


def columns_of_words(table: object) -> list[Any]:
    """The columns of a data frame that hold no numbers, by name."""
    names, types = attribute(table, "columns"), attribute(table, "dtypes")
    try:
        return [name for name, kind in zip(names, types, strict=True) if getattr(kind, "kind", "O") not in "fiubc"]
    except TypeError:  # not a data frame
        return []


def feature_columns(array: np.ndarray, features: int) -> np.ndarray:
    """N×f → f×N; a vector is one observation, or N of them where there is one feature."""
    if array.ndim == 1:
        return array.reshape(1, -1) if features == 1 else array.reshape(-1, 1)
    return array.T


def with_observations(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """MATLAB drops trailing ones: one image may come as h×w×c, one grey image as h×w."""
    if array.ndim == len(sizes) and array.shape[-1] == sizes[-1]:
        return array[..., np.newaxis]
    if array.ndim == len(sizes) - 1 and sizes[-1] == 1:
        return array[..., np.newaxis, np.newaxis]
    return array


def time_before_observations(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """…×c×N×T → …×c×T×N; one sequence may come as …×c×T."""
    if array.ndim == len(sizes) + 1:
        return array[..., np.newaxis]
    return np.swapaxes(array, -2, -1) if array.ndim > 1 else array


def split_complex(array: np.ndarray) -> np.ndarray:
    """c complex channels → 2c real ones: real part, imaginary part, channel by channel."""
    parts = np.stack([array.real, array.imag], axis=-2)
    return parts.reshape(*array.shape[:-2], 2 * array.shape[-2], array.shape[-1])


class Result(NamedTuple):
    """What a run found: an array in the axes of the program, and what its dimensions are."""

    array: np.ndarray
    dims: Dims

    @property
    def in_matlabs_order(self) -> np.ndarray:
        return np.swapaxes(self.array, -2, -1) if self.dims.timed else self.array


def as_rows(result: Result, *, vectors: bool) -> np.ndarray:
    """Network output → what predict returns: N×K where the network gives vectors, else h×w×c×N, even where a map has one
    element; of sequences K×N×T and h×w×c×N×T. Images of another size than declared can make a map of a vector.
    """
    value, dims = result.in_matlabs_order, result.dims
    if vectors and all(n == 1 for n in value.shape[:dims.rank]):
        value = value.reshape(value.shape[dims.rank:])
        value = value if dims.timed else value.T
    return np.ascontiguousarray(value)


def as_activations(result: Result, how: str, rank: int) -> np.ndarray:
    """A layer's output as `activations` returns it: 'channels' h×w×c×N, 'rows' N×hwc or 'columns' hwc×N.

    Vectors count as 1×1×c×N in networks of images, as MATLAB shows them, and are N×c in those of features (``rank`` 0).
    Flattening is column-major (h, w, c). Sequences have a last dimension T and come as 'channels' alone.
    """
    value, dims = result.in_matlabs_order, result.dims
    if dims.timed and how != "channels":
        fail("activations:notYetSupported", f"OutputAs='{how}' is not available for sequences yet.",
             "Leave it out, and reshape what comes.")
    if how == "channels" and (rank or dims.rank or dims.timed):
        shape = value.shape if dims.rank else (*[1] * rank, *value.shape)
        return np.ascontiguousarray(value.reshape(shape))
    columns = value.reshape(-1, value.shape[-1], order="F")
    return np.ascontiguousarray(columns if how == "columns" else columns.T)
