"""Layers that join several inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, Size
from dltoolbox.core.display import listed
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
            boxes = [port for port, x in inputs.items() if x.rank]
            mixed = len(boxes) < len(inputs)
            self.mismatch(inputs, "of different formats", f"Insert flattenLayer before {inputs_text(boxes)}." if mixed else
                          "Check which layers feed them: they need the same number of spatial dimensions.")

    def mismatch(self, inputs: dict[str, Dims], what: str, hint: str) -> None:
        along: dict[tuple[str, int], list[Size]] = {}
        for x in inputs.values():
            for axis, n in zip(axes(x), x.sizes, strict=True):
                along.setdefault(axis, []).append(n)
        untold = {axis for axis, sizes in along.items() if not is_known(*sizes) and not different(sizes)}
        sizes = "; ".join(f"{port} is {without(x, untold)}" for port, x in inputs.items())
        fail(f"{self.label()}:inputSizeMismatch", f"The inputs of {self.label()} are {what}: {sizes}.", hint)


def axes(x: Dims) -> list[tuple[str, int]]:
    """Keys of the dimensions of data: the label, and its number among those of that label."""
    return [(label, x.labels[:i].count(label)) for i, label in enumerate(x.labels)]


def different(sizes: Iterable[Size]) -> bool:
    """Whether there are different sizes among those that are known."""
    return len({n for n in sizes if is_known(n)}) > 1


def without(x: Dims, untold: Collection[tuple[str, int]]) -> Dims:
    """The same without the sizes of some axes, which cannot be compared."""
    return Dims(x.labels, tuple(UNKNOWN if axis in untold else n for axis, n in zip(axes(x), x.sizes, strict=True)))


def inputs_text(ports: Sequence[str]) -> str:
    """``input 'in2'``, ``inputs 'in1' and 'in3'``."""
    return f"input{'s' if len(ports) > 1 else ''} {listed(map(repr, ports))}"


def equalising(inputs: Mapping[str, Dims], *, channels: bool = True, expand: bool = False) -> str:
    """The layers to insert so that these inputs of one format get one size; ``channels`` says whether those must agree, too,
    ``expand`` whether sizes of 1 fit all others.

    A convolution takes every n-th row of a larger map; where that does not make it as small as the other, only cropping or
    resampling is left.
    """
    known = {port: x for port, x in inputs.items() if is_known(*x.spatial) and None not in x.spatial}
    spatial = [x.spatial for x in known.values()]
    smallest = tuple(min((n for n in sizes if n > expand), default=1) for sizes in zip(*spatial, strict=True))
    larger = [port for port, x in known.items() if any(n > m for n, m in zip(x.spatial, smallest, strict=True))]
    wide = [x.channels for x in inputs.values() if x.channels is not None and is_known(x.channels)]
    width = next((n for n in wide if n > expand), 1)
    if larger:
        return shrinking({port: known[port] for port in larger}, smallest, width if channels else None,
                       next((port for port, x in known.items() if x.spatial == smallest), ""))
    fitting = {1, width} if expand else {width}
    other = [port for port, x in inputs.items() if is_known(x.channels) and x.channels not in fitting]
    rank = next(iter(inputs.values())).rank
    if not (channels and other):
        return "Check the sizes of the branches that meet here."
    return f"Insert {widening(rank, width)} before {inputs_text(other)}."


def widening(rank: int, channels: int, step: str = "") -> str:
    """The layer that gives data of this rank so many channels."""
    if rank not in (2, 3):
        return f"fullyConnectedLayer({channels})"
    return f"convolution{rank}dLayer(1, {channels}{f', Stride={step}' if step else ''})"


def shrinking(inputs: Mapping[str, Dims], to: tuple[int, ...], channels: int | None, like: str) -> str:
    """The layer that makes larger inputs, of one size, as small as input ``like`` is; channels None: each keeps its own."""
    first = next(iter(inputs.values()))
    pairs, before = [*zip(first.spatial, to, strict=True)], inputs_text([*inputs])
    alike = all(x.spatial == first.spatial for x in inputs.values())
    if alike and channels is None and all(n // max(n // m, 1) == m for n, m in pairs):
        step = per_dimension([n // m for n, m in pairs])
        return f"Insert maxPooling{first.rank}dLayer({step}, Stride={step}) before {before}."
    if alike and channels and all(ceil(n / ceil(n / m)) == m for n, m in pairs):
        step = per_dimension([ceil(n / m) for n, m in pairs])
        return f"Insert {widening(first.rank, channels, step)} before {before}."
    return cropping([*inputs], like, first.rank) or (
        f"Insert resize{first.rank}dLayer(OutputSize={[*to]}) before {before}.")


def cropping(ports: Sequence[str], like: str, rank: int) -> str:
    """How to cut inputs to the size of another one; empty where none is as small in every dimension."""
    each = "it" if len(ports) == 1 else "each"
    return (f"Crop {inputs_text(ports)} to the size of '{like}': insert crop{rank}dLayer('centercrop') before {each} and "
            f"connect its input 'ref' to what feeds '{like}'.") if like else ""


def per_dimension(sizes: Sequence[int]) -> str:
    """``2`` or ``[2, 3]``, as options take it."""
    return str(sizes[0]) if len({*sizes}) == 1 else str([*sizes])


class ElementWise(Combination):
    """Inputs of one size; dimensions of size 1 expand."""

    done: ClassVar[str]  # what cannot be done to sizes that do not fit

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        for sizes in zip(*(x.sizes for x in inputs.values()), strict=True):
            if different(n for n in sizes if n != 1):
                self.mismatch(inputs, f"of sizes that cannot be {self.done}", equalising(inputs, expand=True))


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
    """The common part of the two concatenations: one axis along which sizes may differ."""

    def axis(self, x: Dims) -> int:
        raise NotImplementedError

    def check_fit(self, inputs: dict[str, Dims]) -> None:
        super().check_fit(inputs)
        axis = self.axis(next(iter(inputs.values())))
        along = [*zip(*(x.sizes for x in inputs.values()), strict=True)]
        if any(map(different, (*along[:axis], *along[axis + 1:]))):
            self.mismatch(inputs, "of different sizes outside the joined dimension", self.joining(inputs, axis))

    def joining(self, inputs: dict[str, Dims], axis: int) -> str:
        """The layers to insert where inputs are joined along an axis."""
        labels = next(iter(inputs.values())).labels
        if labels[axis] == "C":
            return equalising(inputs, channels=False)
        longest = max((x.sizes[axis] or 0 for x in inputs.values() if is_known(x.sizes[axis])), default=0)
        return equalising({port: Dims(labels, (*x.sizes[:axis], longest, *x.sizes[axis + 1:]))
                           for port, x in inputs.items()})

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
                 f"{first}.",
                 f"Set dim to {' or '.join(str(i) for i, label in enumerate(first.format, 1) if label != 'B')}.")
        super().check_fit(inputs)

    def axis(self, x: Dims) -> int:
        """Dimensions are counted in MATLAB's order."""
        at = int(self.Dim) - 1
        return x.labels.index("T") if at < len(x.sizes) and x.format[at] == "T" else at

    def describe(self) -> str:
        return f"Concatenation of {self.NumInputs} inputs along dimension {self.Dim}"
