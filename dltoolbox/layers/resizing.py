"""Layers that cut a part out of a map, resample it or pool it, to a size of their own or to that of a second input."""

from __future__ import annotations

from math import ceil

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import ByRank, Property
from dltoolbox.layers.base import Row, layer
from dltoolbox.layers.windowed import SizeRule, SpatialLayer
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.windows.resampling import densities, resampled_size, scale_factors, size_or_proportions


def _corner(rank: int) -> convert.Convert[str | tuple[int, ...]]:
    return convert.either("centercrop", convert.vector_of((rank,), f"[{', '.join('XYZ'[:rank])}]"))


class Crop(SpatialLayer):
    """Cropping to the spatial size of a second input, in any number of dimensions."""

    CropLocation = Property(ByRank(_corner), doc="'centercrop', or column and row of the upper left corner.",
                            positional=True, argument="location")

    def inputs(self) -> tuple[str, ...]:
        return ("in", "ref")

    def start(self, x: Dims, to: Dims) -> tuple[int, ...]:
        """The 0-based position of the part; centred, what is left over is cut at the end."""
        if isinstance(self.CropLocation, str):
            return tuple((n - m) // 2 for n, m in zip(x.spatial, to.spatial, strict=True))
        column, row, *depth = self.CropLocation
        return (row - 1, column - 1, *(n - 1 for n in depth))

    def check(self, *inputs: Dims) -> None:
        x, to = inputs
        super().check(x)
        super().check(to)
        start = self.start(x, to)
        if any(a < 0 or a + m > n for a, m, n in zip(start, to.spatial, x.spatial, strict=True)):
            at = "" if self.CropLocation == "centercrop" else f" from location {vector(self.CropLocation)}"
            fail(f"{self.label()}:referenceTooLarge", f"A part of the size of 'ref', {times(to.spatial)}, cannot be cut out "
                 f"of 'in'{at}, which is {times(x.spatial)}.", self.fix(x, to))

    def fix(self, x: Dims, to: Dims) -> str:
        """The fix for a part that does not lie inside the input."""
        pairs = [*zip(x.spatial, to.spatial, strict=True)]
        if all(m <= n for n, m in pairs):
            return "Use 'centercrop' as location."
        if all(n <= m for n, m in pairs):
            return "Swap what feeds 'in' and 'ref', and use 'centercrop' as location."
        return f"Insert resize{self.rank}dLayer(OutputSize={[*map(max, *zip(*pairs, strict=True))]}) before input 'in'."

    def build(self, g: Builder, x: Value, to: Value) -> Outputs:
        return g.crop(x, start=self.start(x.dims, to.dims), to=to.dims.spatial)

    def describe(self) -> str:
        return "center crop" if self.CropLocation == "centercrop" else f"crop from location {vector(self.CropLocation)}"


@layer("crop2dLayer", "Crop 2D", name="crop2d")
class Crop2DLayer(Crop, rank=2):
    """2-D crop layer: the part of input ``in`` that has the height and width of input ``ref``.

    ``'centercrop'`` takes it from the middle; where the difference is odd, one more row or column is cut at the end. A
    location ``[X Y]`` is the column and the row of its upper left corner, from 1. The channels are those of ``in``.

    Example:
        >>> crop2dLayer('centercrop', Name='crop').InputNames
        ['in', 'ref']

    Raises:
        DltoolboxError: ``dltoolbox:crop2dLayer:invalidCropLocation``; when the network is checked,
            ``…:referenceTooLarge`` where the part does not lie inside the input.

    Source:
        MathWorks documentation of crop2dLayer; the place of an odd row or column is dltoolbox's own choice.
    """

    @property
    def Mode(self) -> str:
        return "centercrop" if isinstance(self.CropLocation, str) else "custom"

    @property
    def Location(self) -> str | tuple[int, ...]:
        return "auto" if self.CropLocation == "centercrop" else self.CropLocation

    def rows(self) -> list[Row]:
        return [new for row in super().rows() for new in (
            [(row[0], "Mode", self.Mode), (row[0], "Location", self.Location)] if row[1] == "CropLocation" else [row])]


@layer("crop3dLayer", "Crop 3D", name="crop3d")
class Crop3DLayer(Crop, rank=3):
    """3-D crop layer: the part of input ``in`` that has the spatial size of input ``ref``; as `crop2dLayer`.

    A location ``[X Y Z]`` is the column, the row and the slice where the part begins, from 1.

    Example:
        >>> crop3dLayer(Name='crop').describe()
        'center crop'

    Source:
        MathWorks documentation of crop3dLayer.
    """

    CropLocation = Property(ByRank(_corner), "centercrop", "'centercrop', or column, row and slice of the first element.",
                            positional=True, argument="cropLocation")


class Resize(SpatialLayer):
    """Resampling by a factor, to a size, or to the spatial size of a second input, in any number of dimensions."""

    Scale = Property(ByRank(scale_factors), None, "Factor on the size, per dimension.", group="")
    OutputSize = Property(ByRank(size_or_proportions), None, "Size of the output; NaN keeps the proportions.", group="")
    EnableReferenceInput = Property(convert.flag, False, "Whether the input 'ref' exists, whose size the output gets.",
                                    group="")
    Method = Property(ByRank(lambda rank: convert.choice("nearest", {2: "bilinear"}.get(rank, "trilinear"))), "nearest",
                      "How values between elements are found.", group="")
    GeometricTransformMode = Property(convert.choice("half-pixel", "asymmetric"), "half-pixel", "Positions of elements: in "
                                      "the middle of their cells, or at the corner of them.", group="")
    NearestRoundingMode = Property(convert.choice("round", "floor", "onnx-10"), "round", "Which element is the nearest.",
                                   group="")

    def inputs(self) -> tuple[str, ...]:
        return ("in", "ref") if self.EnableReferenceInput else ("in",)

    def validate(self) -> None:
        given = [name for name in ("Scale", "OutputSize") if getattr(self, name) is not None]
        given += ["EnableReferenceInput=True"] * self.EnableReferenceInput
        if len(given) != 1:
            fail(f"{self.label()}:oneSizeNeeded", f"{self.label()} needs one of Scale, OutputSize and "
                 f"EnableReferenceInput=True, but it got {' and '.join(given) or 'none'}.",
                 f"Call for example {self.label()}(Scale=2).", layer=self.Name)

    def output(self, x: Dims, *ref: Dims) -> tuple[int, ...]:
        """Spatial size of the output."""
        if ref:
            return ref[0].spatial
        return resampled_size(x.spatial, self.Scale, self.OutputSize)

    def check(self, *inputs: Dims) -> None:
        for dims in inputs:
            super().check(dims)
        if any(n < 1 for n in self.output(*inputs)):
            fail(f"{self.label()}:outputEmpty", f"Scale {self.scale_text()} leaves nothing of an input of "
                 f"{times(inputs[0].spatial)}.",
                 f"Set Scale to at least {ceil(1000 / min(inputs[0].spatial)) / 1000:g}.", layer=self.Name)

    def size_rules(self, x: Dims) -> tuple[SizeRule, ...]:
        return () if self.Scale is None else tuple(SizeRule(f"floor({n}·{factor:g}) = {m}") for n, factor, m in zip(
            x.spatial, self.Scale, self.output(x), strict=True))

    def build(self, g: Builder, x: Value, *ref: Value) -> Outputs:
        to = self.output(x.dims, *(value.dims for value in ref))
        factors = densities(x.dims.spatial, to, self.Scale)
        return g.resize(x, to=to, factors=factors, method="nearest" if self.Method == "nearest" else "linear",
                        transform=self.GeometricTransformMode, rounding=self.NearestRoundingMode)

    def describe(self) -> str:
        what = f"{self.Method} resizing"
        if self.EnableReferenceInput:
            return f"{what} to the size of 'ref'"
        if self.Scale is not None:
            return f"{what} with scale {self.scale_text()}"
        return f"{what} to {'×'.join('NaN' if n is None else str(n) for n in self.OutputSize or ())}"

    def scale_text(self) -> str:
        return vector([f"{factor:g}" for factor in self.Scale or ()])


@layer("resize2dLayer", "Resize", name="resize2d")
class Resize2DLayer(Resize, rank=2):
    """2-D resize layer: resamples an ``h×w×c×n`` input by ``Scale``, to ``OutputSize``, or to the size of input ``ref``.

    Exactly one of the three is given. The output size is floor(in·Scale); of an OutputSize with one NaN, the other
    dimension follows in proportion, rounded up. An element i of the output lies at (i + ½)/factor − ½ of the input
    (``'half-pixel'``) or at i/factor (``'asymmetric'``), i from 0. ``'round'`` takes the nearest element, halves up,
    ``'floor'`` the one before; ``'onnx-10'`` the one before where a map grows, and the one behind where it shrinks.

    Example:
        >>> resize2dLayer(Scale=2, Method='bilinear').describe()
        'bilinear resizing with scale [2  2]'

    Raises:
        DltoolboxError: ``dltoolbox:resize2dLayer:oneSizeNeeded``; ``…:invalidScale`` and its like; when the network is
            checked, ``…:outputEmpty``.

    Source:
        MathWorks documentation of resize2dLayer; the ONNX operator Resize.
    """


@layer("resize3dLayer", "Resize 3D", name="resize3d")
class Resize3DLayer(Resize, rank=3):
    """3-D resize layer: resamples an ``h×w×d×c×n`` input; as `resize2dLayer` in three dimensions.

    Example:
        >>> resize3dLayer(OutputSize=[32, 32, 16], Method='trilinear').describe()
        'trilinear resizing to 32×32×16'

    Source:
        MathWorks documentation of resize3dLayer.
    """


@layer("adaptiveAveragePooling2dLayer", "2-D Adaptive Average Pooling", name="adaptiveavgpool2d")
class AdaptiveAveragePooling2DLayer(SpatialLayer, rank=2):
    """2-D adaptive average pooling layer: the means of outputSize regions, whatever the size of the input.

    Along a dimension of n elements, region i of m reaches from element floor(i·n/m) to before ceil((i + 1)·n/m), i from
    0; regions overlap where m does not divide n.

    Example:
        >>> adaptiveAveragePooling2dLayer(7).describe()
        'adaptive average pooling with output size [7  7]'

    Source:
        MathWorks documentation of adaptiveAveragePooling2dLayer; the regions are those of PyTorch.
    """

    OutputSize = Property(ByRank(convert.sizes), doc="Height and width of the output.", positional=True,
                          argument="outputSize")

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.adaptive_avg_pool(x, to=self.OutputSize)

    def describe(self) -> str:
        return f"adaptive average pooling with output size {vector(self.OutputSize)}"
