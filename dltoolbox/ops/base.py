"""Ops: a name, a size rule, a plain NumPy forward and its gradient.

The axes of arrays are spatial ones, then C, then B (``H×W×C×N``), with T·B in the place of B where there is time; see
`dltoolbox.ops.time_axis` for ops that look at T otherwise. Only the *order of the axes* is fixed; the memory order is free,
so that kernels may return transposed views of whatever layout suits them. Pages record ops through a `Builder`; machinery
reads the record and never knows which layer an op came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Reach, Window
from dltoolbox.ops.sequences.ragged import Across, LengthRule
from dltoolbox.ops.time_axis import Way

Arrays = tuple[np.ndarray, ...]
A = TypeVar("A")
Gradients = tuple[np.ndarray | None, ...]
Attributes = Mapping[str, Any]  # of one use of an op: each op has its own


MOVED = 16  # multiply-adds that moving one element costs, roughly


class Kind(StrEnum):
    """Kinds of values in an array."""

    DATA = "data"
    COMPLEX = "complex"  # data of complex channels
    INDICES = "indices"  # where the maxima of a map were
    SIZE = "size"  # the sizes of a map
    LENGTHS = "lengths"  # of the sequences of a mini-batch
    BATCH = "miniBatchSize"  # the number of observations


class Call(NamedTuple):
    """One execution of an op, as its gradient sees it.

    Arrays that the op does not read (`Op.reads`) have been dropped; in their place stands an array of the same shape
    and dtype that occupies no memory (see `ghost`), because gradients often need a shape.
    """

    inputs: Arrays
    outputs: Any
    needs_input_grad: tuple[bool, ...]


class Op:
    """A word of the vocabulary. Subclasses are stateless; attributes of a use come as keyword arguments.

    ``reads`` says what the gradient looks at: ``inputs``, ``outputs`` or both, so that the program can drop the rest.
    ``by_observation`` says that each observation has its own result, so that a batch may be cut into shards.
    ``kinds`` says what its outputs hold where that is not data alone; what is no data belongs to its first input.
    ``any_type`` says that its first input may come in another type than the program's, to which the output is rounded.
    ``divisible`` says that maps may be of any size: no attribute or parameter goes with it.
    ``way`` says how it looks at T unless a page asks for another one, ``any_way`` that its result is the same in each.
    ``across`` says how it copes with several lengths, if it looks across steps; ``lengths_from`` of which input its outputs
    have theirs.
    """

    name: ClassVar[str] = ""
    saved_for_backward: ClassVar[frozenset[str]] = frozenset()
    differentiable: ClassVar[bool] = True
    by_observation: ClassVar[bool] = True
    kinds: ClassVar[tuple[Kind, ...]] = ()
    any_type: ClassVar[bool] = False
    divisible: ClassVar[bool] = False
    way: ClassVar[Way] = Way.FOLD
    any_way: ClassVar[bool] = False
    across: ClassVar[Across | None] = None
    lengths_from: ClassVar[int] = 0

    def infer(self, *args: Any, **kwargs: Any) -> Dims | tuple[Dims, ...]:
        """The size rule: labelled sizes of the inputs and the attributes → labelled sizes of the outputs.

        Raises `DltoolboxError` when the inputs do not fit.
        """
        raise NotImplementedError

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The meaning: plain NumPy, readable, the oracle of every kernel. Never writes to its inputs."""
        raise NotImplementedError

    def backward(self, *args: Any, **kwargs: Any) -> Gradients:
        """The `Call`, one gradient per output and the attributes → one gradient per input.

        A gradient is None where none exists; it may be None where ``call.needs_input_grad`` is False.
        """
        raise NotImplementedError

    def together(self, *args: Any, **kwargs: Any) -> int | None:
        """Sizes of the input and attributes → how many of its values share their mean and variance; None for ops that do not
        take any, and where the size of the batch decides and is not known.
        """
        return None

    def length_rule(self, *args: Any, **kwargs: Any) -> LengthRule | None:
        """The attributes → how lengths of sequences change where time is the last spatial axis; None where they do not."""
        window: Window | None = kwargs.get("window")
        return LengthRule.of_window(window) if window else None

    def meets(self, **attrs: object) -> Across | None:
        """The attributes → how it copes with several lengths: `across`, where they do not matter."""
        return self.across

    def looks_beyond(self, *args: Any, **kwargs: Any) -> bool:
        """The attributes → whether an op across steps looks at padded ones for what comes out of real ones: windows do where
        they reach over the end.
        """
        window: Window | None = kwargs.get("window")
        return window is None or window.padding[-1][1] > 0

    def least_steps(self, *args: Any, **kwargs: Any) -> int:
        """The attributes → how long sequences of several lengths, its last input, must at least be."""
        return 1

    def for_shorter(self, steps: int, attrs: Attributes) -> str:
        """Number of steps that there are, and the attributes → what to set, so that they will do."""
        return ""

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        """Multiplications followed by an addition for one observation, counted as a direct computation does them.

        Element-wise work, maxima and means count nothing.
        """
        return 0

    def work(self, inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Attributes) -> int:
        """A rough count of what a direct computation does: multiply-adds, and `MOVED` for every element."""
        return (self.multiply_adds(inputs, outputs[0]) * (outputs[0].batch or 0)
                + MOVED * sum(prod(dims.shape) for dims in (*inputs, *outputs)))

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Inputs of these sizes and types on which any body of the op can be tried: normal numbers by default."""
        return tuple(normal(rng, dims, dtype) for dims, dtype in zip(inputs, dtypes, strict=True))

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        """Ways to make the same use of half of the data: half of the observations, then half of a map, if `divisible`."""
        x = inputs[0]
        axes = [axis for axis, label in enumerate(x.labels) if label == "S"] if self.divisible else []
        for axis in (len(x.sizes) - 1, *sorted(axes, key=lambda axis: -(x.sizes[axis] or 0))):
            if x.labels[axis] in "SB" and (x.sizes[axis] or 0) > 1:
                which: int | Literal["B"] = "B" if x.labels[axis] == "B" else axis
                yield (tuple(half(dims, which) for dims in inputs),
                       {key: half(value, which) if isinstance(value, Dims) else value for key, value in attrs.items()})

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...] | None:
        """How an element of the output ``y`` looks at the input ``x`` per spatial dimension; None: each sees all of it."""
        window: Window | None = attrs.get("window")
        return window.reach() if window else (Reach(),) * x.rank


OPS: dict[str, Op] = {}

IN, OUT, BOTH = frozenset({"inputs"}), frozenset({"outputs"}), frozenset({"inputs", "outputs"})


def op(cls: type[Op]) -> type[Op]:
    """Class decorator: enter an op into the vocabulary under its class name."""
    cls.name = cls.__name__
    for name in ("forward", "backward"):  # NaN and infinities go through silently, by the rules of IEEE 754
        setattr(cls, name, np.errstate(all="ignore")(getattr(cls, name)))
    if cls.name in OPS:
        raise AssertionError(f"two ops are called {cls.name}")
    OPS[cls.name] = cls()
    return cls


def half(dims: Dims, axis: int | Literal["B"]) -> Dims:
    """Half as much along an axis of data, or half of the observations; parameters stay."""
    if "B" not in dims.labels:
        return dims
    axis = dims.labels.index("B") if axis == "B" else axis
    return Dims(dims.labels, tuple(-(-n // 2) if at == axis and n else n for at, n in enumerate(dims.sizes)))


def normal(rng: np.random.Generator, dims: Dims, dtype: np.dtype) -> np.ndarray:
    """Normal numbers, the same at every first position: nothing large is made."""
    shape = dims.shape
    part = np.asarray(rng.standard_normal((1, *shape[1:]) if len(shape) > 2 else shape, np.float32), dtype)
    return np.broadcast_to(part, shape)


def ghost(array: object) -> Any:
    """A stand-in of the same shape and dtype that occupies no memory."""
    return np.broadcast_to(np.zeros((), array.dtype), array.shape) if isinstance(array, np.ndarray) else array


def sum_over(x: np.ndarray, axes: int | tuple[int, ...], *, keepdims: bool = False) -> np.ndarray:
    """A sum in double, rounded once to the type of x: a million numbers in single precision, added up one after the other,
    are off by one per cent."""
    return np.asarray(np.sum(x, axis=axes, dtype=np.float64, keepdims=keepdims)).astype(x.dtype)


def as_tuple(result: A | tuple[A, ...]) -> tuple[A, ...]:
    """One output or several, as a tuple."""
    return result if isinstance(result, tuple) else (result,)
