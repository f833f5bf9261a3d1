"""Layers that join several inputs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Property
from dltoolbox.layers.base import Layer, layer
from dltoolbox.ops import Builder, Value
from dltoolbox.ops.reshape import append_spatial_dims
from dltoolbox.ops.time_axis import Way

MOST_INPUTS = 10_000


@lru_cache
def _numbered_inputs(count: int) -> tuple[str, ...]:
    return tuple(f"in{i + 1}" for i in range(count))


def _inputs_property(argument: str) -> Property:
    return Property(convert.integer(2, MOST_INPUTS), doc=f"Number of inputs, 2 to {MOST_INPUTS}.", positional=True,
                    argument=argument, group="")


class Combination(Layer):
    """Inputs ``in1`` … ``inN`` of one format."""

    NumInputs = _inputs_property("numInputs")

    def inputs(self) -> tuple[str, ...]:
        return _numbered_inputs(self.NumInputs)

    def check(self, *inputs: Dims) -> None:
        self.check_fit(dict(zip(self.inputs(), inputs, strict=True)))

    def check_partly(self, *inputs: Any) -> None:
        known = {port: x.dims for port, x in zip(self.inputs(), inputs, strict=True) if x is not None}
        if 1 < len(known) < len(inputs):
            self.check_fit(known)

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        """Raise where these inputs, by port, do not go together."""
        labels = {x.labels for x in inputs.values()}
        if len(labels) > 1:
            self.mismatch(inputs, "of different formats", "Make the formats equal, for example with a flattenLayer behind "
                          "images that meet features.")

    def mismatch(self, inputs: dict[str, Dims], what: str, cure: str = "") -> None:
        listed = "; ".join(f"{port} is {x}" for port, x in inputs.items())
        fail(f"{self.label()}:inputSizeMismatch", f"The inputs of {self.label()} are {what}: {listed}.", cure or
             "Make the branches equal, for example with Padding='same', the same strides or a 1×1 convolution.")

    def known(self, inputs: tuple[Any, ...]) -> list[Dims]:
        """The sizes of the known inputs, if there are some and they have one format."""
        known = [x.dims for x in inputs if x is not None]
        return known if len({x.labels for x in known}) == 1 else []


class ElementWise(Combination):
    """Inputs of one size; dimensions of size 1 expand."""

    done: ClassVar[str]  # what cannot be done to sizes that do not fit

    def outputs_despite(self, g: Builder, *inputs: Any) -> tuple[Dims, ...] | None:
        known = self.known(inputs)
        if not known:
            return None
        sizes = [{n for n in of if n != 1} or {None} for of in zip(*(x.sizes for x in known), strict=True)]
        return (Dims(known[0].labels, tuple(of.pop() if len(of) == 1 else None for of in sizes)),)

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        for sizes in zip(*(x.sizes for x in inputs.values()), strict=True):
            if len({n for n in sizes if n != 1}) > 1:
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

    def build(self, g: Builder, *inputs: Value) -> Any:
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

    def build(self, g: Builder, *inputs: Value) -> Any:
        rank = max(x.dims.rank for x in inputs)
        return g.multiply(*(x if x.dims.rank == rank else g.append_spatial_dims(x, rank=rank) for x in inputs))

    def describe(self) -> str:
        return f"Element-wise multiplication of {self.NumInputs} inputs"


class Joining(Combination):
    """What the two concatenations share: one axis along which sizes may differ."""

    def axis(self, x: Dims) -> int:
        raise NotImplementedError

    def outputs_despite(self, g: Builder, *inputs: Any) -> tuple[Dims, ...] | None:
        known = self.known(inputs)
        if not known or self.axis(known[0]) >= len(known[0].sizes):
            return None
        sizes = [of.pop() if len(of) == 1 else None for of in map(set, zip(*(x.sizes for x in known), strict=True))]
        sizes[self.axis(known[0])] = None if len(known) < len(inputs) else sum(
            x.sizes[self.axis(x)] or 0 for x in known)
        return (Dims(known[0].labels, tuple(sizes)),)

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        axis = self.axis(next(iter(inputs.values())))
        if len({(*x.sizes[:axis], *x.sizes[axis + 1:]) for x in inputs.values()}) > 1:
            self.mismatch(inputs, "of different sizes outside the joined dimension")

    def build(self, g: Builder, *inputs: Value) -> Any:
        x = inputs[0].dims
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
