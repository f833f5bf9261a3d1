"""The parameters that update functions move: learnables of a dlnetwork, or arrays in dicts, lists and other structures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.structures.nested import leaves_of, matched, rebuilt, structure_kind
from dltoolbox.layers.base import Factor, all_zero, factors
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph

INITIALISE = "Call net = initialize(net) first, with example inputs where it has no input layer."


def stripped(x: object) -> object:
    """The values of a dlarray; anything else as it is."""
    return x.plain if isinstance(x, dlarray) else x


def as_given(x: object, values: np.ndarray) -> object:
    """Values as what stood in their place was: a dlarray with its labels, a number, an array."""
    if isinstance(x, np.ndarray):
        return values
    if isinstance(x, dlarray):
        return as_dlarray(values, x.labels)
    return float(values) if isinstance(x, int | float) else values[()]


def real_numbers_of(function: str, place: str, x: object) -> np.ndarray:
    """The numbers of a leaf, in floating point."""
    array = stripped(x)
    if not isinstance(array, np.ndarray):
        array = np.asarray(array) if isinstance(array, int | float | np.generic) else np.empty(0, object)
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind not in "fiu":
        fail(f"{function}:notNumeric", f"{place} must be an array of real numbers, but it is {show(x)}.",
             "Pass arrays, dlarrays and numbers, or dicts, structs, lists and tables of them.")
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64)


def own_size(array: np.ndarray) -> str:
    return times(array.shape) or "1"


@dataclass
class MovedParameters:
    """The parameters that an update function is called with, taken apart.

    Attributes:
        function: Who asks, for messages.
        name: What it is called there.
        net: The network, if it is one.
        structure: The structure whose leaves move; of a network the table of its learnables.
        paths: The place of every leaf, such as ``.fc1.Weights``.
        leaves: The leaves as they came.
        arrays: Their numbers.
        rates: The factor of each on the learning rate.
    """

    function: str
    name: str
    net: dlnetwork | None
    structure: object
    paths: list[str]
    leaves: list[object]
    arrays: list[np.ndarray]
    rates: Sequence[Factor]

    def others(self, given: dict[str, object]) -> list[list[np.ndarray | None]]:
        """Arrays of further structures like this one, in the sizes and types of ours; None where there is nothing yet."""
        found = matched(self.function, {self.name: self.structure, **given})
        return [self._fitting(name, column) for name, column in zip(given, found.columns[1:], strict=True)]

    def _fitting(self, name: str, column: Sequence[object]) -> list[np.ndarray | None]:
        fitting: list[np.ndarray | None] = []
        for path, x, own in zip(self.paths, column, self.arrays, strict=True):
            array = x.plain if isinstance(x, dlarray) else x
            if array is not None and not (isinstance(array, np.ndarray) and array.shape == own.shape
                                          and array.dtype == own.dtype):
                array = real_numbers_of(self.function, name + path, x)
                if array.shape != own.shape:
                    fail(f"{self.function}:sizeMismatch", f"{name}{path} has size {own_size(array)}, but "
                         f"{self.name}{path} has size {own_size(own)}.",
                         f"Pass {name} as it was returned for these parameters, of the same sizes.")
                array = array.astype(own.dtype)
            fitting.append(array)
        return fitting

    def replaced(self, arrays: Sequence[np.ndarray]) -> object:
        """The same with other numbers: a network or a structure."""
        if self.net is not None:
            for array in arrays:
                array.flags.writeable = False
            return self.net.with_learnables(dict(zip(self.net.learnables, arrays, strict=True)))
        return self.states(arrays)

    def states(self, arrays: Iterable[np.ndarray]) -> object:
        """A structure like ours that holds these numbers."""
        return rebuilt(self.structure, map(as_given, self.leaves, arrays))


def parameters_of(function: str, given: object) -> MovedParameters:
    """The parameters that an update function was given."""
    net = given if isinstance(given, dlnetwork) else None
    name = "net" if net is not None else "parameters"
    if net is not None and not net.Initialized:
        fail(f"{function}:notInitialized", "The dlnetwork is not initialised, so it has no learnables that could move.",
             INITIALISE)
    if net is None and isinstance(given, LayerGraph):
        fail(f"{function}:notADlnetwork", f"Custom training loops train dlnetworks, but this is {show(given)}.",
             "Make one first: net = dlnetwork(layers), or net = dag2dlnetwork(net).")
    structure = given if net is None else net.Learnables
    found = leaves_of(function, name, structure)
    leaves = found.columns[0]
    arrays = [real_numbers_of(function, name + path, leaf) for path, leaf in zip(found.paths, leaves, strict=True)]
    if not arrays and not structure_kind(structure):
        raise AssertionError("a leaf without a number")
    return MovedParameters(function, name, net, structure, found.paths, leaves, arrays,
                      [1.0] * len(arrays) if net is None else net.learn_rate_factors)


# As vectors ----------------------------------------------------------------------------------------------------------
def as_vector(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """A new vector of all numbers."""
    return np.concatenate([array.reshape(-1) for array in arrays])


def as_arrays(vector: np.ndarray, arrays: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Views of a vector in the sizes of these arrays."""
    ends = accumulate((array.size for array in arrays), initial=0)
    return (vector[start:stop].reshape(array.shape) for array, (start, stop) in zip(arrays, pairwise(ends), strict=True))


def rate_vector(rates: Sequence[Factor], arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """The factor of every number; None where all are 1. A learnable with several has one for each of its equal parts."""
    if all(rate == 1 for rate in rates):
        return None
    each = [np.repeat(np.array(factors(rate), array.dtype), array.size // len(factors(rate)))
            for rate, array in zip(rates, arrays, strict=True)]
    return np.concatenate(each)


def is_frozen(rate: Factor) -> bool:
    return all_zero(rate)
