"""Initial values of learnables and states.

Sources: Glorot and Bengio (2010): uniform on ±√(6/(fan_in + fan_out)); He et al. (2015): normal with variance 2/fan_in;
Saxe et al. (2014): Q of the QR factorisation of a normal matrix; Long et al. (2015): bilinear interpolation; Jozefowicz et
al. (2015): a forget gate that is open at the start; Trabelsi et al. (2018): complex numbers of variance
2/(fan_in + fan_out). 'narrow-normal' is normal with standard deviation 0.01.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod, sqrt

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.arrays import array_of, memory
from dltoolbox.core.dims import times
from dltoolbox.core.display import bytes_text
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.random import stream
from dltoolbox.layers.base import Array, Layer, Learnable, State
from dltoolbox.network.lowering.lower import Lowered, conform
from dltoolbox.ops import ParameterKey

ParameterArrays = dict[ParameterKey, np.ndarray]


def initial_arrays(lowered: Lowered, dtype: DTypeLike, *, draw: bool = True) -> ParameterArrays:
    """Values for every array of every layer: the user's where given, else from the initialiser.

    Args:
        lowered: A checked network.
        dtype: Type of the arrays but those that are double in every network.
        draw: False refuses to initialise: every learnable must have a value (assembleNetwork).

    Raises:
        DltoolboxError: ``dltoolbox:network:missingValue`` for every array that has no value and may not be drawn.
    """
    check_initial_memory(lowered, np.dtype(dtype).itemsize)
    issues = IssueCollector()
    arrays: ParameterArrays = {}
    for info in lowered.layers:
        for array in info.arrays:
            with issues.collect(layer=info.layer.Name, index=info.index), enough_memory():
                value = initial_value(info.layer, array, draw)
                # A network that will be trained gets arrays of its own; one that only predicts reads the layers'.
                copy = np.array if draw else np.asarray
                arrays[ParameterKey(info.layer.Name, array.name)] = copy(value, type_of(array, dtype))
    issues.raise_if_any()
    return arrays


def blank_arrays(lowered: Lowered, dtype: DTypeLike) -> ParameterArrays:
    """Zeros for every array of every layer, of a network that is planned but never run; arguments as `initial_arrays`."""
    check_initial_memory(lowered, np.dtype(dtype).itemsize)
    return {ParameterKey(info.layer.Name, array.name): np.zeros(array.shape, type_of(array, dtype))
            for info in lowered.layers for array in info.arrays}


def type_of(array: Array, dtype: DTypeLike) -> DTypeLike:
    """The type of an array in a network of some type."""
    return np.float64 if array.double else dtype


def check_initial_memory(lowered: Lowered, itemsize: int) -> None:
    """Refuse what this machine cannot hold before anything is drawn."""
    needed = itemsize * sum(array.count for info in lowered.layers for array in info.arrays)
    if needed > (room := memory()):
        most = max(lowered.layers, key=lambda info: sum(array.count for array in info.arrays))
        fail("network:notEnoughMemory", f"The learnables and states of the network take {bytes_text(needed)}, most of them "
             f"in this layer, but there are {bytes_text(int(room))} of memory.", "Make the network smaller.",
             layer=most.layer.Name, index=most.index)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Says what to do where memory is not enough."""
    try:
        yield
    except MemoryError as error:
        fail("network:notEnoughMemory", f"The network needs more memory than there is ({error or 'nothing is left'}).",
             "Reduce MiniBatchSize, the size of the data, or the network.")


def initial_value(layer: Layer, array: Array, draw: bool) -> np.ndarray:
    given = getattr(layer, array.name)
    if given is not None:
        return conform(given, array)
    if isinstance(array, Learnable) and draw:
        return initialised(layer, array)
    if isinstance(array, State) and (draw or array.carried or array.start):
        return np.full(array.shape, array.initial) if array.start is None else array.start(array.shape)
    fail("network:missingValue", f"{array.name} has no value.",
         f"Train the network, or pass {array.name}=… of size {times(array.shape)} when creating the layer.")


def initialised(layer: Layer, array: Learnable) -> np.ndarray:
    """A fresh value by the named initialiser or the user's function of the size."""
    how, shape = array.initializer, array.shape
    if callable(how):
        value = array_of(how(shape))
        if value is None or value.shape != shape or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
            got = "uneven rows" if value is None else f"{value.dtype} values of size {times(value.shape)}"
            fail(f"{layer.label()}:invalidInitializer", f"The initialiser of {array.name} returned {got}; needed are "
                 f"finite numbers of size {times(shape)}.",
                 "Return an array of the size that the function is called with.")
        return value
    if how == "unit-forget-gate":  # rows: input gate, forget gate, cell candidate, output gate
        return np.tile(np.repeat([0.0, 1.0, 0.0, 0.0], array.count // (4 * array.stacked)), array.stacked).reshape(shape)
    value = named_start(how, array)
    if array.still is not None:
        value[..., array.still] = 0
    return value


def named_start(how: str, array: Learnable) -> np.ndarray:
    """A fresh value by the named initialiser."""
    random, shape = stream("initialisation"), array.shape
    certain = certain_start(how, shape)
    if certain is not None:
        return certain
    if how == "glorot":
        limit = sqrt(6 / (array.fan_in + array.fan_out))
        return random.uniform(-limit, limit, shape)
    if how == "complex-glorot-normal":  # real and imaginary parts
        return random.standard_normal(shape) / sqrt(array.fan_in + array.fan_out)
    if how == "he":
        return random.standard_normal(shape) * sqrt(2 / array.fan_in)
    if how == "narrow-normal":
        return random.standard_normal(shape) * 0.01
    of_one, groups = (shape[:-1], shape[-1]) if array.grouped else (shape, array.stacked)  # 'orthogonal'
    size = prod(of_one[:-1]) // array.stacked, of_one[-1]
    matrices = [orthogonal(random.standard_normal(size)) for _ in range(groups)]
    return np.stack(matrices, -1 if array.grouped else 0).reshape(shape)


def certain_start(how: object, shape: tuple[int, ...]) -> np.ndarray | None:
    """The value of an initialiser that draws no random numbers; None for the others."""
    if how == "bilinear" and len(shape) == 4:
        column, row = (1 - np.abs(np.arange(1 - n, n, 2)) / (n + n % 2) for n in shape[:2])
        return np.outer(column, row)[..., None, None] * np.eye(shape[2], shape[3])
    return np.zeros(shape) if how == "zeros" else np.ones(shape) if how == "ones" else None


def orthogonal(matrix: np.ndarray) -> np.ndarray:
    """A matrix of the same size with orthonormal rows or columns, whichever are fewer."""
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the result unique, and uniform over orthogonal matrices
    return q if tall is matrix else q.T
