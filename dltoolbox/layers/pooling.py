"""Pooling and unpooling."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times, vector
from dltoolbox.core.geometry import Padding, Pair, Rounding, Window, check_divisor, check_padding, check_rounding, resolve
from dltoolbox.core.properties import ByRank, Property
from dltoolbox.core.unknown import is_known
from dltoolbox.layers.base import Row, layer, plain_number
from dltoolbox.layers.windowed import SpatialLayer, Windowed
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.time_axis import Way


class Pooling(Windowed):
    """The common part of all poolings: the window, and padding smaller than it."""

    beyond_matlab: ClassVar[tuple[str, ...]] = ("DilationFactor", "Rounding")
    of_nothing: ClassVar[str] = "0"  # the result of a window that sees nothing

    PoolSize = Property(ByRank(convert.sizes), doc="Size of the pooling region per dimension.", positional=True,
                        argument="poolSize")
    Stride = Windowed.Stride
    Padding = Property(ByRank(convert.padding_or_lower), 0, "Padding of the input: numbers of elements per edge, 'same', or "
                       "'same-lower', with the odd element in front; an extension.")
    DilationFactor = Property(ByRank(convert.sizes), 1, "Spacing of the region's elements per dimension; an extension.")
    Rounding = Property(convert.rounding, "floor", "How the number of regions is rounded: 'floor', "
                        "'ceil' as PyTorch's ceil_mode, or 'caffe'; an extension.")

    def pooling_text(self, kind: str) -> str:
        """``2×2 max pooling with stride [2  2] and …``, but ``Max pooling with pool size 2, stride 2, and …``."""
        if self.rank > 1:
            return f"{times(self.PoolSize)} {kind} pooling {self.window_text()}"
        *parts, last = self.window_parts(f"pool size {vector(self.PoolSize)}", f"stride {vector(self.Stride)}")
        return f"{kind.capitalize()} pooling with {', '.join(parts)}, and {last}"

    def validate(self) -> None:
        check_padding(self.label(), self.Padding, self.PoolSize, self.DilationFactor, self.Name)
        check_rounding(self.label(), self.Padding, self.rounding, self.Name)

    def doubts(self, *inputs: Dims) -> Iterator[tuple[str, str, str]]:
        """Windows that see nothing but padding."""
        window, spatial = self.window(inputs[0]), self.slid(inputs[0])
        if window.always_sees or not is_known(*spatial) or any(n is None for n in spatial):
            return
        missing = window.misses(spatial)
        if missing:
            yield ("emptyWindows", f"{missing} of the {prod(window.output(spatial))} windows of {self.label()} see nothing "
                   f"but padding, so that {self.of_nothing} comes out of them.", self.hint_for_empty(spatial))

    def hint_for_empty(self, spatial: tuple[int, ...]) -> str:
        """Values with which every window sees something."""
        padding, dilation, rounding = self.Padding, self.DilationFactor, self.rounding
        zeros, ones = ((0, 0),) * self.rank, (1,) * self.rank
        changes: list[tuple[str, Padding, tuple[int, ...], Rounding]] = [
            ("Rounding='ceil'", padding, dilation, "ceil"), ("Padding=0", zeros, dilation, rounding),
            ("DilationFactor=1", padding, ones, rounding), ("Padding=0 and Rounding='ceil'", zeros, dilation, "ceil"),
            ("DilationFactor=1 and Rounding='ceil'", padding, ones, "ceil"),
            ("Padding=0 and DilationFactor=1", zeros, ones, rounding),
            ("Padding=0, DilationFactor=1 and Rounding='ceil'", zeros, ones, "ceil")]
        for change, pairs, apart, how in changes:
            window = resolve(spatial, self.PoolSize, self.Stride, pairs, apart, how)
            small = isinstance(pairs, str) or all(max(pair) < e for pair, e in zip(pairs, window.extent, strict=True))
            if small and window.fits(spatial) and not window.misses(spatial):
                return f"Set {change}."
        return "Choose a smaller PoolSize, or reduce the input less in the layers before."

    def rows(self) -> list[Row]:
        """Options beyond MATLAB are shown where they were set."""
        unset = {name for name, prop in type(self).properties.items() if self.is_default(prop)} & {*self.beyond_matlab}
        return [row for row in super().rows() if row[1] not in unset]


class ChoosingPooling(Pooling):
    """Poolings that choose an element of every window, and can tell which."""

    optional_outputs = True

    HasUnpoolingOutputs = Property(convert.flag, False, "Whether the ports 'indices' and 'size' exist, to be connected "
                                   "to a max unpooling layer.", group="")

    def outputs(self) -> tuple[str, ...]:
        return ("out", "indices", "size") if self.HasUnpoolingOutputs else ("out",)


class MaxPooling(ChoosingPooling):
    """Maximum pooling in any number of dimensions."""

    of_nothing = "-Inf"

    def build(self, g: Builder, x: Value) -> Outputs:
        window, way = self.window_over(x), self.way(x.dims)
        if not self.HasUnpoolingOutputs:
            return g.max_pool(x, window=window, way=way)
        return *g.max_pool_indices(x, window=window, way=way), g.size_of(x, way=way)

    def describe(self) -> str:
        return self.pooling_text("max")


@layer("maxPooling1dLayer", "1-D Max Pooling", name="maxpool1d")
class MaxPooling1DLayer(MaxPooling, rank=1):
    """1-D max pooling layer: the maximum of every window over the time of sequences ``c×t``, or over space.

    Of ``s×c×n`` and of sequences ``s×c×t`` that is the dimension s.

    As `maxPooling2dLayer` in one dimension. ``HasUnpoolingOutputs``, with a matching `maxUnpooling1dLayer`, goes beyond
    MATLAB.

    Example:
        >>> maxPooling1dLayer(2, Stride=2).describe()
        'Max pooling with pool size 2, stride 2, and padding [0  0]'

    Source:
        MathWorks documentation of maxPooling1dLayer.
    """


@layer("maxPooling2dLayer", "2-D Max Pooling", name="maxpool")
class MaxPooling2DLayer(MaxPooling, rank=2):
    """2-D max pooling layer: the maximum of every window of an ``h×w×c×n`` input.

    The output size is floor((in − poolSize + padding) / stride) + 1 per dimension. Padding never wins. With
    ``HasUnpoolingOutputs=True`` the ports are ``out``, ``indices`` and ``size``; overlapping and padded windows are
    allowed then too, which MATLAB does not allow.

    Example:
        >>> maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name='pool1').OutputNames
        ['out', 'indices', 'size']

    Raises:
        DltoolboxError: ``dltoolbox:maxPooling2dLayer:paddingTooLarge`` where padding is not smaller than the pool size;
            ``…:invalidPoolSize``, ``…:invalidStride``, ``…:invalidPadding`` for values of other forms.

    Source:
        MathWorks documentation of maxPooling2dLayer; the tie, NaN and overlap rules are dltoolbox's own.
    """


@layer("maxPooling3dLayer", "3-D Max Pooling", name="maxpool3d")
class MaxPooling3DLayer(MaxPooling, rank=3):
    """3-D max pooling layer: the maximum of every window of an ``h×w×d×c×n`` input.

    As `maxPooling2dLayer` in three dimensions. ``HasUnpoolingOutputs``, with a matching `maxUnpooling3dLayer`, goes beyond
    MATLAB.

    Example:
        >>> maxPooling3dLayer(2, Stride=2).describe()
        '2×2×2 max pooling with stride [2  2  2] and padding [0  0  0; 0  0  0]'

    Source:
        MathWorks documentation of maxPooling3dLayer.
    """


class StochasticPooling(ChoosingPooling):
    """Stochastic pooling in any number of dimensions."""

    def build(self, g: Builder, x: Value) -> Outputs:
        window, way = self.window_over(x), self.way(x.dims)
        if g.training:
            y, indices = g.stochastic_pool(x, window=window, way=way if way is Way.SPACE else None)
        else:
            y = g.expected_pool(x, window=window, way=way)
            indices = g.max_pool_indices(x, window=window, way=way)[1] if self.HasUnpoolingOutputs else y
        return (y, indices, g.size_of(x, way=way)) if self.HasUnpoolingOutputs else y

    def describe(self) -> str:
        return self.pooling_text("stochastic")


@layer("stochasticPooling1dLayer", "1-D Stochastic Pooling", name="stochasticpool1d")
class StochasticPooling1DLayer(StochasticPooling, rank=1):
    """1-D stochastic pooling layer over the time of sequences ``c×t``, or over space; as `stochasticPooling2dLayer`.

    Beyond MATLAB.

    Example:
        >>> stochasticPooling1dLayer(2, Stride=2).describe()
        'Stochastic pooling with pool size 2, stride 2, and padding [0  0]'

    Source:
        Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks" (2013).
    """


@layer("stochasticPooling2dLayer", "2-D Stochastic Pooling", name="stochasticpool")
class StochasticPooling2DLayer(StochasticPooling, rank=2):
    """2-D stochastic pooling layer: in training one element of every window of an ``h×w×c×n`` input, drawn at random.

    An element is drawn with a probability proportional to max(x, 0), in a window without positive elements the first. In
    prediction the output is the expectation, Σ max(x, 0)² / Σ max(x, 0). Padding is never drawn. `rng` seeds what is drawn.
    With ``HasUnpoolingOutputs=True`` the indices are those of the drawn elements, in prediction those of the maxima, and a
    `maxUnpooling2dLayer` takes them. Beyond MATLAB.

    Example:
        >>> stochasticPooling2dLayer(3, Stride=2, Rounding='ceil').describe()
        "3×3 stochastic pooling with stride [2  2], padding [0  0  0  0], and rounding 'ceil'"

    Raises:
        DltoolboxError: As `maxPooling2dLayer`.

    Source:
        Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks" (2013).
    """


@layer("stochasticPooling3dLayer", "3-D Stochastic Pooling", name="stochasticpool3d")
class StochasticPooling3DLayer(StochasticPooling, rank=3):
    """3-D stochastic pooling layer: as `stochasticPooling2dLayer` for an ``h×w×d×c×n`` input. Beyond MATLAB.

    Example:
        >>> stochasticPooling3dLayer([2, 2, 1], HasUnpoolingOutputs=True).OutputNames
        ['out', 'indices', 'size']

    Source:
        Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks" (2013).
    """


class MaxUnpooling(SpatialLayer):
    """Max unpooling in any number of dimensions."""

    over_time = True

    def inputs(self) -> tuple[str, ...]:
        return ("in", "indices", "size")

    def build(self, g: Builder, x: Value, indices: Value, size: Value) -> Outputs:
        assert size.denotes is not None  # lowering has asked for it
        return g.max_unpool(x, indices, size, to=size.denotes, way=self.way(x.dims))

    def describe(self) -> str:
        return "Max Unpooling"


@layer("maxUnpooling1dLayer", "1-D Max Unpooling", name="maxunpool1d")
class MaxUnpooling1DLayer(MaxUnpooling, rank=1):
    """1-D max unpooling layer, the partner of ``maxPooling1dLayer(…, HasUnpoolingOutputs=True)``. Beyond MATLAB.

    Example:
        >>> maxUnpooling1dLayer(Name='unpool1').InputNames
        ['in', 'indices', 'size']

    Source:
        Its own definition: that of `maxUnpooling2dLayer` in one dimension.
    """


@layer("maxUnpooling2dLayer", "2-D Max Unpooling", name="maxunpool")
class MaxUnpooling2DLayer(MaxUnpooling, rank=2):
    """2-D max unpooling layer: puts each value back where the maximum came from; everything else is 0.

    Its inputs are ``in``, ``indices`` and ``size``; connect the last two to the ports of the same names of a max pooling
    layer with ``HasUnpoolingOutputs=True``. Indices that occur twice, from overlapping windows: the last window in
    row-by-row order stays.

    Example:
        >>> maxUnpooling2dLayer(Name='unpool1').InputNames
        ['in', 'indices', 'size']

    Source:
        MathWorks documentation of maxUnpooling2dLayer.
    """


@layer("maxUnpooling3dLayer", "3-D Max Unpooling", name="maxunpool3d")
class MaxUnpooling3DLayer(MaxUnpooling, rank=3):
    """3-D max unpooling layer, the partner of ``maxPooling3dLayer(…, HasUnpoolingOutputs=True)``. Beyond MATLAB.

    Example:
        >>> maxUnpooling3dLayer(Name='unpool1').NumInputs
        3

    Source:
        Its own definition: that of `maxUnpooling2dLayer` in three dimensions.
    """


class AveragePooling(Pooling):
    """Average pooling in any number of dimensions."""

    beyond_matlab = (*Pooling.beyond_matlab, "Divisor")

    PaddingValue = Property(convert.either("mean", convert.real(0, 0)), 0, "0: padding counts as zeros; 'mean': only real "
                            "elements count.")
    Divisor = Property(convert.either("auto", convert.real(0, low_open=True)), "auto", "The divisor of sums: 'auto', the "
                       "number of elements that count, or a positive number; 1 makes sums. An extension.")

    def validate(self) -> None:
        super().validate()
        check_divisor(self.label(), self.Divisor, self.PaddingValue, self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        window = self.window_over(x)
        return g.avg_pool(x, window=window, counted=self.counted(window),
                          divisor=None if self.Divisor == "auto" else float(self.Divisor), way=self.way(x.dims))

    def counted(self, window: Window) -> tuple[Pair, ...] | None:
        """The padding that counts as elements; None: all. What rounding up adds at the end does not."""
        none = ((0, 0),)
        if self.Divisor != "auto":
            return None
        if self.PaddingValue == "mean":
            return none * window.rank
        if self.rounding == "floor" or isinstance(self.Padding, str):
            return None
        return none * (window.rank - self.rank) + self.Padding

    def window_parts(self, *first: str) -> list[str]:
        parts = super().window_parts(*first)
        return parts if self.Divisor in ("auto", 1) else [*parts, f"divisor {plain_number(float(self.Divisor))}"]

    def describe(self) -> str:
        return self.pooling_text("sum" if self.Divisor == 1 else "average")


@layer("averagePooling1dLayer", "1-D Average Pooling", name="avgpool1d")
class AveragePooling1DLayer(AveragePooling, rank=1):
    """1-D average pooling layer: the mean of every window over the time of sequences ``c×t``, or over space.

    As `averagePooling2dLayer` in one dimension; of ``s×c×n`` and of sequences ``s×c×t`` that is s.

    Example:
        >>> averagePooling1dLayer(3, Padding='same').describe()
        "Average pooling with pool size 3, stride 1, and padding 'same'"

    Source:
        MathWorks documentation of averagePooling1dLayer.
    """


@layer("averagePooling2dLayer", "2-D Average Pooling", name="avgpool2d")
class AveragePooling2DLayer(AveragePooling, rank=2):
    """2-D average pooling layer: the mean of every window of an ``h×w×c×n`` input.

    With ``PaddingValue=0`` the sum is divided by the whole pool area, with ``'mean'`` by the number of real elements.

    Example:
        >>> averagePooling2dLayer(7).describe()
        '7×7 average pooling with stride [1  1] and padding [0  0  0  0]'

    Source:
        MathWorks documentation of averagePooling2dLayer.
    """


@layer("averagePooling3dLayer", "3-D Average Pooling", name="avgpool3d")
class AveragePooling3DLayer(AveragePooling, rank=3):
    """3-D average pooling layer: the mean of every window of an ``h×w×d×c×n`` input; as `averagePooling2dLayer`.

    Example:
        >>> averagePooling3dLayer([2, 2, 1], Stride=2).PoolSize
        (2, 2, 1)

    Source:
        MathWorks documentation of averagePooling3dLayer.
    """


class GlobalPooling(SpatialLayer):
    """One value for all of the dimensions; where time is one of them, it is none afterwards."""

    over_time = True
    pool: ClassVar[str]  # the op

    def build(self, g: Builder, x: Value) -> Outputs:
        way = self.way(x.dims)
        y = getattr(g, self.pool)(x, way=way)
        return g.without_time(y) if way is Way.SPACE else y


class GlobalAveragePooling(GlobalPooling):
    """The mean over all spatial dimensions."""

    pool = "global_avg_pool"

    def describe(self) -> str:
        return f"{self.rank}-D global average pooling"


@layer("globalAveragePooling1dLayer", "1-D Global Average Pooling", name="gapool1d")
class GlobalAveragePooling1DLayer(GlobalAveragePooling, rank=1):
    """1-D global average pooling layer: the mean over the time of sequences ``c×t``, which leaves ``c`` features.

    Of ``s×c×n`` and of sequences ``s×c×t`` it is the mean over s, which leaves ``1×c×n`` and ``1×c×t``.

    Example:
        >>> globalAveragePooling1dLayer(Name='gap').describe()
        '1-D global average pooling'

    Source:
        MathWorks documentation of globalAveragePooling1dLayer.
    """


@layer("globalAveragePooling2dLayer", "2-D Global Average Pooling", name="gapool")
class GlobalAveragePooling2DLayer(GlobalAveragePooling, rank=2):
    """2-D global average pooling layer: the mean over both spatial dimensions, ``1×1×c×n``.

    Example:
        >>> globalAveragePooling2dLayer(Name='gap').describe()
        '2-D global average pooling'

    Source:
        Lin, Chen and Yan, "Network in network" (2013).
    """


@layer("globalAveragePooling3dLayer", "3-D Global Average Pooling", name="gapool3d")
class GlobalAveragePooling3DLayer(GlobalAveragePooling, rank=3):
    """3-D global average pooling layer: the mean over the three spatial dimensions, ``1×1×1×c×n``.

    Example:
        >>> globalAveragePooling3dLayer(Name='gap').describe()
        '3-D global average pooling'

    Source:
        MathWorks documentation of globalAveragePooling3dLayer.
    """


class GlobalMaxPooling(GlobalPooling):
    """The maximum over all spatial dimensions."""

    pool = "global_max_pool"

    def describe(self) -> str:
        return f"{self.rank}-D global max pooling"


@layer("globalMaxPooling1dLayer", "1-D Global Max Pooling", name="gmpool1d")
class GlobalMaxPooling1DLayer(GlobalMaxPooling, rank=1):
    """1-D global max pooling layer: the maximum over the time of sequences ``c×t``, which leaves ``c`` features.

    Of ``s×c×n`` and of sequences ``s×c×t`` it is the maximum over s, which leaves ``1×c×n`` and ``1×c×t``.

    Example:
        >>> globalMaxPooling1dLayer(Name='gmp').describe()
        '1-D global max pooling'

    Source:
        MathWorks documentation of globalMaxPooling1dLayer.
    """


@layer("globalMaxPooling2dLayer", "2-D Global Max Pooling", name="gmpool")
class GlobalMaxPooling2DLayer(GlobalMaxPooling, rank=2):
    """2-D global max pooling layer: the maximum over both spatial dimensions, ``1×1×c×n``.

    Example:
        >>> globalMaxPooling2dLayer(Name='gmp').describe()
        '2-D global max pooling'

    Source:
        MathWorks documentation of globalMaxPooling2dLayer.
    """


@layer("globalMaxPooling3dLayer", "3-D Global Max Pooling", name="gmpool3d")
class GlobalMaxPooling3DLayer(GlobalMaxPooling, rank=3):
    """3-D global max pooling layer: the maximum over the three spatial dimensions, ``1×1×1×c×n``.

    Example:
        >>> globalMaxPooling3dLayer(Name='gmp').describe()
        '3-D global max pooling'

    Source:
        MathWorks documentation of globalMaxPooling3dLayer.
    """
