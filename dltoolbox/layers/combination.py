"""Layers that join several inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, Size
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Property
from dltoolbox.core.unknown import UNKNOWN, is_known
from dltoolbox.layers.base import Layer, layer
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.reshape import append_spatial_dims
from dltoolbox.ops.time_axis import Way

MOST_INPUTS = 10_000


@lru_cache
def _numbered_inputs(count: int) -> tuple[str, ...]:
    return tuple(f"in{i + 1}" for i in range(count))


def _inputs_property(argument: str) -> Property[int]:
    return Property(convert.integer(2, MOST_INPUTS), doc=f"Number of inputs, 2 to {MOST_INPUTS}.", positional=True,
                    argument=argument, group="")


class Combination(Layer):
    """Inputs ``in1`` … ``inN`` of one format. Those whose format a problem hides fit the others."""

    NumInputs = _inputs_property("numInputs")

    def inputs(self) -> tuple[str, ...]:
        return _numbered_inputs(self.NumInputs)

    def check(self, *inputs: Dims) -> None:
        shown = {port: x for port, x in zip(self.inputs(), inputs, strict=True) if not x.hidden}
        if len(shown) > 1:
            self.check_fit(shown)

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        """Raise where these inputs, by port, do not go together."""
        labels = {x.labels for x in inputs.values()}
        if len(labels) > 1:
            self.mismatch(inputs, "of different formats", "Make the formats equal, for example with a flattenLayer behind "
                          "images that meet features.")

    def mismatch(self, inputs: dict[str, Dims], what: str, hint: str = "") -> None:
        along: dict[tuple[str, int], list[Size]] = {}
        for x in inputs.values():
            for axis, n in zip(axes(x), x.sizes, strict=True):
                along.setdefault(axis, []).append(n)
        untold = {axis for axis, sizes in along.items() if not is_known(*sizes) and not different(sizes)}
        listed = "; ".join(f"{port} is {without(x, untold)}" for port, x in inputs.items())
        fail(f"{self.label()}:inputSizeMismatch", f"The inputs of {self.label()} are {what}: {listed}.", hint or
             "Make the branches equal, for example with Padding='same', the same strides or a 1×1 convolution.")


def axes(x: Dims) -> list[tuple[str, int]]:
    """What tells the dimensions of data apart: its label, and which one of that label it is."""
    return [(label, x.labels[:i].count(label)) for i, label in enumerate(x.labels)]


def different(sizes: Iterable[Size]) -> bool:
    """Whether there are different sizes among those that are known."""
    return len({n for n in sizes if is_known(n)}) > 1


def without(x: Dims, untold: Collection[tuple[str, int]]) -> Dims:
    """The same without the sizes of some axes, which cannot be compared."""
    return Dims(x.labels, tuple(UNKNOWN if axis in untold else n for axis, n in zip(axes(x), x.sizes, strict=True)))


class ElementWise(Combination):
    """Inputs of one size; dimensions of size 1 expand."""

    done: ClassVar[str]  # what cannot be done to sizes that do not fit

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        for sizes in zip(*(x.sizes for x in inputs.values()), strict=True):
            if different(n for n in sizes if n != 1):
                self.mismatch(inputs, f"of sizes that cannot be {self.done}")


@layer("additionLayer", "Addition", name="addition")
class AdditionLayer(ElementWise):
    """Addition layer: the element-wise sum of its inputs; dimensions of size 1 expand.

    Example:
        >>> additionLayer(2, Name='add').InputNames
        ['in1', 'in2']

    Source:
        MathWorks documentation of additionLayer; He et al., "Deep residual learning for image recognition" (2015).
    """

    done = "added"

    def build(self, g: Builder, *inputs: Value) -> Outputs:
        return g.add(*inputs)

    def describe(self) -> str:
        return f"Element-wise addition of {self.NumInputs} inputs"


@layer("multiplicationLayer", "Multiplication", name="multiplication")
class MultiplicationLayer(ElementWise):
    """Multiplication layer: the element-wise product of its inputs; dimensions of size 1 expand.

    Inputs with fewer spatial dimensions get further ones of size 1. So a ``1×1×c`` input, and features of c channels,
    weigh the channels of an ``h×w×c`` input.

    Example:
        >>> multiplicationLayer(2, Name='mul').describe()
        'Element-wise multiplication of 2 inputs'

    Source:
        MathWorks documentation of multiplicationLayer; Hu et al., "Squeeze-and-excitation networks" (2017).
    """

    done = "multiplied"

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        rank = max(x.rank for x in inputs.values())
        super().check_fit({port: append_spatial_dims().infer(x, rank=rank) for port, x in inputs.items()})

    def build(self, g: Builder, *inputs: Value) -> Outputs:
        rank = max(x.dims.rank for x in inputs if not x.dims.hidden)
        return g.multiply(*(g.append_spatial_dims(x, rank=rank) if x.dims.rank < rank else x for x in inputs))

    def describe(self) -> str:
        return f"Element-wise multiplication of {self.NumInputs} inputs"


class Joining(Combination):
    """What the two concatenations share: one axis along which sizes may differ."""

    def axis(self, x: Dims) -> int:
        raise NotImplementedError

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        axis = self.axis(next(iter(inputs.values())))
        along = [*zip(*(x.sizes for x in inputs.values()), strict=True)]
        if any(map(different, (*along[:axis], *along[axis + 1:]))):
            self.mismatch(inputs, "of different sizes outside the joined dimension")

    def build(self, g: Builder, *inputs: Value) -> Outputs:
        x = next(x.dims for x in inputs if not x.dims.hidden)
        axis = self.axis(x)
        return g.concat(*inputs, axis=axis, way=Way.SEE if x.labels[axis] == "T" else None)


@layer("depthConcatenationLayer", "Depth concatenation", name="depthcat")
class DepthConcatenationLayer(Joining):
    """Depth concatenation layer: joins its inputs along the channels; their other sizes must be equal.

    Example:
        >>> depthConcatenationLayer(2).describe()
        'Depth concatenation of 2 inputs'

    Source:
        MathWorks documentation of depthConcatenationLayer; Szegedy et al., "Going deeper with convolutions" (2014).
    """

    def axis(self, x: Dims) -> int:
        return x.labels.index("C")

    def describe(self) -> str:
        return f"Depth concatenation of {self.NumInputs} inputs"


@layer("concatenationLayer", "Concatenation", name="concat")
class ConcatenationLayer(Joining):
    """Concatenation layer: joins its inputs along dimension ``dim`` (1 is the first); their other sizes must be equal.

    For images ``h×w×c×n`` dimension 3 is the channels; for their sequences ``h×w×c×n×t`` dimension 5 is time.

    Example:
        >>> concatenationLayer(1, 2).describe()
        'Concatenation of 2 inputs along dimension 1'

    Source:
        MathWorks documentation of concatenationLayer.
    """

    Dim = Property(convert.count, doc="Dimension along which to join, 1-based.", positional=True, argument="dim",
                   group="")
    NumInputs = _inputs_property("numInputs")

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        Combination.check_fit(self, inputs)
        first = next(iter(inputs.values()))
        if self.Dim > len(first.sizes) or first.format[self.Dim - 1] == "B":
            fail(f"{self.label()}:invalidDim", f"The inputs cannot be joined along dimension {self.Dim}: they are "
                 f"{first}.", "Choose a spatial dimension or the channels.")
        super().check_fit(inputs)

    def axis(self, x: Dims) -> int:
        """Dimensions are counted in MATLAB's order."""
        at = int(self.Dim) - 1
        return x.labels.index("T") if at < len(x.sizes) and x.format[at] == "T" else at

    def describe(self) -> str:
        return f"Concatenation of {self.NumInputs} inputs along dimension {self.Dim}"
