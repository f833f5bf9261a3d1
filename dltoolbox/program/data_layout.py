"""From MATLAB's arrays to the program's and back.

Images come as h×w×c×N, volumes as h×w×d×c×N, features as N×f. Inside, the observation is always the last axis, so
features are transposed. Sequences, which come in more forms, are read by `data.sources.sequence_forms`. Nothing is
converted or copied here; a mini-batch is cast when it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from dltoolbox.core.arrays import array_of, complex_of_parts, in_code, parts_of_complex
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted, few, listed
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import show
from dltoolbox.data.sources.layouts import (
    advice,
    array_in_code,
    features_advice,
    input_layer,
    new_input_layer,
    wanted,
)
from dltoolbox.data.sources.sequence_source import InputColumn, observation_count
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.ops.graph import halved_channels

Column = TypeVar("Column", bound=InputColumn)  # the data of one input

LAYOUT = {"SSCB": "h×w×c×N", "SSSCB": "h×w×d×c×N", "CB": "N×f"}


class ModelInput(NamedTuple):
    """A place where data enter a network: an input layer, or an input that is not connected."""

    name: str
    dims: Dims
    split_complex: bool = False
    is_layer: bool = True
    min_length: int = 1  # of sequences

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of what a user passes, the channels last; of complex data the network sees two parts of each channel."""
        *space, channels = (n for n in self.dims.sizes[:-1] if n is not None)
        return (*space, channels // 2 if self.split_complex else channels)

    def __str__(self) -> str:
        return f"input layer '{self.name}'" if self.is_layer else f"input '{self.name}'"


def input_layers(lgraph: LayerGraph) -> list[DataInput]:
    return [layer for layer in lgraph.nodes if isinstance(layer, DataInput)]


def model_inputs(lgraph: LayerGraph) -> list[ModelInput]:
    """Everything that a run of a checked network needs data for, in the order of InputNames."""
    layers = {layer.Name: layer for layer in input_layers(lgraph)}
    return [ModelInput(name, layers[name].dims(), layers[name].SplitComplexInputs,
                       min_length=getattr(layers[name], "MinLength", 1)) if name in layers
            else ModelInput(name, lgraph.layouts[name], is_layer=False) for name in lgraph.input_names()]


def read_each(places: Sequence[ModelInput], data: Sequence[object], function: str,
              read: Callable[[ModelInput, object, str], Column], name: str = "X") -> list[Column]:
    """The data of all inputs; every problem of each is reported at once.

    Args:
        places: The inputs of the network.
        data: What was passed for each, in the order of InputNames, or a list of these as its only element.
        function: The caller, for messages.
        read: Makes of what was passed for an input, called by its name, what the caller works with.
        name: What to call the data in messages.
    """
    data, names = named_arrays(data, len(places), name)
    if len(data) != len(places):
        refuse_count(places, len(data), function)
    issues, columns = IssueCollector(), list[Column]()
    for place, given, its_name in zip(places, data, names, strict=True):
        with issues.collect(layer=place.name):
            columns.append(read(place, given, its_name))
    issues.raise_if_any()
    counts = [*map(observation_count, columns)]
    if len(set(counts)) > 1:
        found = listed(f"{counted(count, 'observation')} in {its_name}" for its_name, count in
                       zip(names, counts, strict=True))
        fail(f"{function}:observationsMismatch", f"The inputs have different numbers of observations: {found}.",
             "Pass the same observations to every input.")
    return columns


def named_arrays(data: Sequence[object], inputs: int, name: str = "X") -> tuple[Sequence[object], list[str]]:
    """The arrays, one per input, and what to call each: X1 and X2 as arguments of their own, X[0] and X[1] in a list."""
    if inputs == 1:
        return data, [name]
    word, space, rest = name.partition(" ")
    if len(data) == 1 and isinstance(data[0], (list, tuple)):
        return data[0], [f"{word}[{number}]{space}{rest}" for number in range(inputs)]
    return data, [f"{word}{number}{space}{rest}" for number in range(1, inputs + 1)]


def refuse_count(places: Sequence[ModelInput], count: int, function: str) -> NoReturn:
    """The call with as many arrays as the network takes."""
    what = "input layer" if all(entry.is_layer for entry in places) else "input"
    arrays = [f"X{number}" for number in range(1, len(places) + 1)] if len(places) > 1 else ["X"]
    given = ", ".join(arrays)
    of_each = listed(f"{array} for '{entry.name}'" for array, entry in zip(arrays, places, strict=True))
    call = (f"trainNetwork({f'[{given}]' if len(arrays) > 1 else given}, Y, layers, options)" if function == "trainNetwork"
            else f"{function}({given}, net)" if function == "semanticseg" else
            f"{function}(net, {given}{', layer' if function == 'activations' else ''})")
    fail(f"{function}:wrongNumberOfInputs", f"The network has {counted(len(places), what)} "
         f"({', '.join(entry.name for entry in places)}), but got {counted(count, 'array')}.",
         f"Call {call}, with {of_each}.")


def observations(X: Any, place: ModelInput, function: str, *, exact: bool, name: str = "X") -> np.ndarray:
    """One input without time as an array in the axis order of the program (h×w×c×N, h×w×d×c×N, f×N); a view where it can."""
    dims, sizes = place.dims, place.sizes
    array = numeric_data(X, function, name, sizes[:-1])
    if array.dtype.kind == "c" and not place.split_complex:
        code = in_code(name)
        fail(f"{function}:complexData", f"{name} is complex.", f"Use np.abs({code}) or np.real({code}), or set "
             "SplitComplexInputs=True in the input layer.")
    array = with_observations(array, sizes) if dims.rank else feature_columns(array, sizes[0])
    wrong = (array.ndim != len(dims.sizes) or array.shape[len(sizes) - 1] != sizes[-1]
             or (exact and array.shape[:len(sizes)] != sizes))
    if wrong:
        takes = f"{times(sizes)}×N" if dims.rank else f"N×{sizes[0]}"
        fail(f"{function}:inputSizeMismatch", f"{name} has size {times(np.shape(X))}, but {place} "
             f"takes {takes} ({LAYOUT.get(dims.labels, dims.labels)}).",
             mended(X, place, name, new_layers=exact and place.is_layer and "ValidationData" not in name))
    return parts_of_complex(array) if place.split_complex else array


def mended(X: Any, place: ModelInput, name: str, *, new_layers: bool = False) -> str:
    """Advice about a size: the call that makes what fits of the array, or the input layer that takes it."""
    dims, sizes, code, shape = place.dims, place.sizes, array_in_code(name, X), np.shape(X)
    if not dims.rank:
        calls = features_advice(shape, sizes[0], code)
        if new_layers and len(shape) == 2 and shape[0] != sizes[0]:
            calls += f" For new layers, {input_layer(shape[1:])} takes all columns."
        elif new_layers and len(shape) == 4 and not calls:
            calls = f"For images start the network with {input_layer(shape[:-1])}."
        return calls.strip() or f"Pass one row of {counted(sizes[0], 'feature')} per observation."
    goal = wanted(sizes)
    layer = new_input_layer(shape, goal) if new_layers and not place.split_complex else ""
    calls = advice(shape, goal, code, pictures=not place.split_complex)
    if "zoom" in calls and np.asarray(X).dtype.char in "eg":  # half and extended precision, which SciPy does not resize
        calls = advice(shape, goal, f"{code}.astype(np.float32)", pictures=not place.split_complex)
    return f"{calls} {layer}".strip() or f"Pass data of size {times(sizes)}×N, the observations last."


def numeric_data(X: object, function: str, name: str = "X", sides: Sequence[int] = ()) -> np.ndarray:
    """Any array-like of numbers as an array; everything else is an error. ``sides`` are those of the images wanted."""
    array, code = array_of(X, name=name), in_code(name)
    if array is None:
        message, hint = ragged(X, name, sides)
        fail(f"{function}:notNumeric", message, hint)
    if array.dtype.kind in "fiubc":
        return array
    if words := columns_of_words(X):
        kind = f"a {'pandas ' * type(X).__module__.startswith('pandas')}{type(X).__name__}"
        fail(f"{function}:notNumeric", f"{name} must be numeric, but it is {kind} with non-numeric "
             f"{'column' if len(words) == 1 else 'columns'} {few(map(repr, words))}.",
             f"Drop {'it' if len(words) == 1 else 'them'}: {code}.drop(columns={words[0] if len(words) == 1 else words!r}).")
    what = f"an array of {X.dtype}" if isinstance(X, np.ndarray) else f"of type {type(X).__name__}"
    fail(f"{function}:notNumeric", f"{name} must be numeric, but it is {what}.", as_numbers(array, code) or
         "Pass an array of numbers.")


def as_numbers(array: np.ndarray, code: str) -> str:
    """The call that makes numbers of an array of something else, if one does."""
    parts = array.ravel().tolist() if array.dtype.kind == "O" else []
    if parts and all(isinstance(part, np.ndarray) for part in parts) and len({part.shape for part in parts}) == 1:
        return f"Stack the arrays that it holds: np.stack({code}, axis=-1)."
    try:
        array.astype(float)
    except Exception:  # objects that refuse
        return ""
    return f"Convert it with np.asarray({code}, dtype=float)." if array.dtype.kind in "OUST" and array.size else ""


def ragged(X: Any, name: str, sides: Sequence[int]) -> tuple[str, str]:
    """Why something is not an array, and how to make one: images of several sizes, or a tensor that keeps its gradients."""
    code = in_code(name)
    if callable(attribute(X, "detach")) and callable(attribute(X, "cpu")):
        return (f"{name} is a tensor that NumPy cannot read, because it requires gradients or is not in CPU memory.",
                f"Use {code}.detach().cpu().numpy().")
    if isinstance(X, (list, tuple)) and sides and all(isinstance(part, np.ndarray) for part in X):
        shapes = list(dict.fromkeys(part.shape for part in X))
        if len({(len(shape), shape[len(sides):]) for shape in shapes}) == 1:
            factors = [f"{side}/image.shape[{axis}]" for axis, side in enumerate(sides)]
            factors += ["1"] * (len(shapes[0]) - len(sides))
            each = f"scipy.ndimage.zoom(image, ({', '.join(factors)}), order=1) for image in {code}"
            return (f"{name} is a list of images of different sizes, {few(map(times, shapes))}.",
                    f"Resize each: np.stack([{each}], axis=-1).")
    if isinstance(X, (list, tuple)):
        return f"{name} is a list with parts of different sizes.", "Pass one numeric array, with parts of equal size."
    return f"{name} cannot be turned into an array; it is {show(X)}.", "Pass an array of numbers."


def column_names(table: object) -> list[Any]:
    """The names of the columns of a table; none of anything else."""
    names = attribute(table, "columns")
    return list(names) if names is not None and attribute(table, "dtypes") is not None else []


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


class Result(NamedTuple):
    """The result of a run: an array in the axes of the program, what its dimensions are, and the lengths of its sequences,
    where they have several.
    """

    array: np.ndarray
    dims: Dims
    lengths: np.ndarray | None = None


def as_complex_result(result: Result) -> Result:
    """Complex numbers of channels that are real and imaginary parts in turn."""
    axis = result.dims.labels.index("C")
    return result._replace(array=complex_of_parts(result.array, axis), dims=halved_channels(result.dims))


def as_rows(result: Result, *, vectors: bool) -> np.ndarray:
    """Network output → what predict returns: N×K where the network gives vectors, else h×w×c×N, even where a map has one
    element. Images of another size than declared can make a map of a vector.
    """
    value, rank = result.array, result.dims.rank
    if vectors and all(n == 1 for n in value.shape[:rank]):
        value = value.reshape(value.shape[rank:]).T
    return np.ascontiguousarray(value)


def as_activations(result: Result, how: str, rank: int) -> np.ndarray:
    """A layer's output as `activations` returns it: 'channels' h×w×c×N, 'rows' N×hwc or 'columns' hwc×N.

    Vectors count as 1×1×c×N in networks of images, as MATLAB shows them, and are N×c in those of features (``rank`` 0).
    Flattening is column-major (h, w, c).
    """
    value, dims = result.array, result.dims
    if how == "channels" and (rank or dims.rank):
        shape = value.shape if dims.rank else (*[1] * rank, *value.shape)
        return np.ascontiguousarray(value.reshape(shape))
    columns = value.reshape(-1, value.shape[-1], order="F")
    return np.ascontiguousarray(columns if how == "columns" else columns.T)
