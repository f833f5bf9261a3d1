"""Layers that embed words, positions and patches, and those that put a step before the others or pick one."""

from __future__ import annotations

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window
from dltoolbox.core.properties import HIDDEN, LEARNABLE, InvalidValue, Property
from dltoolbox.layers.base import Array, Layer, Learnable, l2_factor, layer, learn_rate_factor
from dltoolbox.layers.convolution import Weighted
from dltoolbox.layers.sequences.attention import EMBEDDING_INITIALIZERS, Stepwise, to_one_dimension
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.sequences.attention import MAP_AXIS, TIME_AXIS
from dltoolbox.ops.sequences.embedding import Refusal
from dltoolbox.ops.time_axis import Way


class Embedding(Layer):
    """Weights alone: their initialiser, values and factors."""

    WeightsInitializer = Property(convert.word_or_function(*EMBEDDING_INITIALIZERS), "narrow-normal",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, WeightL2Factor = learn_rate_factor("Weights"), l2_factor("Weights")
    Weights = Property(convert.array, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group=LEARNABLE)

    def weights(self, shape: tuple[int, ...], fan_in: int, fan_out: int, still: int | None = None) -> tuple[Array, ...]:
        return (Learnable("Weights", shape, self.WeightsInitializer, fan_in, fan_out, self.WeightLearnRateFactor,
                          self.WeightL2Factor, still=still),)


def check_indices(layer: Layer, x: Dims) -> None:
    """Indices are the one channel of the data."""
    if x.channels != 1:
        fail(f"{layer.label()}:notOneChannel", f"{layer.label()} takes one channel of indices, but its input has "
             f"{counted(x.channels, 'channel')}.", f"Pass one index in each place, through "
             f"{'sequenceInputLayer' if x.timed else 'featureInputLayer'}(1).", layer=layer.Name)


@layer("wordEmbeddingLayer", "Word Embedding Layer", name="word-embedding")
class WordEmbeddingLayer(Embedding):
    """Word embedding layer: for every word index, counted from 1, the column of Weights that belongs to it.

    The input has one channel of indices, the output ``dimension`` channels. ``'map-to-last'`` gives all other numbers (0,
    NaN, beyond ``numWords``) the last column: Weights are ``dimension×(numWords + 1)``. If ``dimension×numWords`` are given,
    a column of zeros follows. With ``'error'`` such numbers are an error, and Weights are ``dimension×numWords``.

    Example:
        >>> wordEmbeddingLayer(50, 423).describe()
        'Word embedding layer with 50 dimensions and 423 unique words'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:wordEmbeddingLayer:notOneChannel``; when it runs,
            ``…:outOfVocabulary``.

    Source:
        MathWorks documentation of wordEmbeddingLayer.
    """

    Dimension = Property(convert.count, doc="Channels of the output: the length of a word's vector.", positional=True,
                         argument="dimension")
    NumWords = Property(convert.count, doc="Number of words.", positional=True, argument="numWords")
    OOVMode = Property(convert.choice("map-to-last", "error"), "map-to-last",
                       "Meaning of numbers that are not the index of a word.")
    WeightsInitializer = Property(convert.word_or_function("narrow-normal", "glorot", "he", "orthogonal", "zeros", "ones"),
                                  "narrow-normal", "How Weights start: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, WeightL2Factor, Weights = (
        Embedding.WeightLearnRateFactor, Embedding.WeightL2Factor, Embedding.Weights)

    @property
    def columns(self) -> int:
        return self.NumWords + (self.OOVMode == "map-to-last")

    def validate(self) -> None:
        """Appends the column of all other words where it is missing."""
        given = self.Weights
        if given is not None and self.OOVMode == "map-to-last" and given.shape == (self.Dimension, self.NumWords):
            whole = np.hstack([given, np.zeros((self.Dimension, 1), given.dtype)])
            whole.flags.writeable = False
            self.__dict__["Weights"] = whole

    def check(self, *inputs: Dims) -> None:
        check_indices(self, inputs[0])

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return self.weights((self.Dimension, self.columns), self.columns, self.Dimension)

    def build(self, g: Builder, x: Value) -> Outputs:
        refusal = Refusal(f"{self.label()}:outOfVocabulary", "Use OOVMode='map-to-last', which gives all others one vector "
                          "of their own.", self.Name)
        return g.embed(x, g.learnable("Weights"), known=self.NumWords, refusal=refusal if self.OOVMode == "error" else None)

    def describe(self) -> str:
        words = counted(self.NumWords, "unique word")
        return f"Word embedding layer with {counted(self.Dimension, 'dimension')} and {words}"


@layer("embeddingLayer", "Embedding", name="embedding")
class EmbeddingLayer(Embedding):
    """Embedding layer: for every index, such as the number of a category, the column of Weights that belongs to it.

    The input has one channel of indices, which are whole numbers from 1 to ``maxIndex``, the output ``outputSize`` channels;
    Weights are ``outputSize×maxIndex``. ``ZeroIndexMapping='first-vector'`` makes 0 an index as well, to which the first
    column belongs: Weights are ``outputSize×(maxIndex + 1)``, and the columns of all others are one further on. Training
    leaves the vector of the index ``MaskIndex`` as it is. It starts with zeros, unless Weights or a function as
    WeightsInitializer give it other values.

    Example:
        >>> embeddingLayer(16, 7, MaskIndex=7).describe()
        'Embedding layer with 16 channels and indices up to 7'

    Raises:
        DltoolboxError: ``dltoolbox:embeddingLayer:invalidMaskIndex`` for one that is no index; when the network is checked,
            ``…:notOneChannel``; when it runs, ``…:indexOutOfRange``.

    Source:
        MathWorks documentation of embeddingLayer.
    """

    OutputSize = Property(convert.count, doc="Channels of the output: the length of a vector.", positional=True,
                          argument="outputSize")
    MaxIndex = Property(convert.count, doc="The largest index.", positional=True, argument="maxIndex")
    MaskIndex = Property(convert.optional(convert.integer(0, convert.LARGEST_COUNT)), None,
                         "The index whose vector training leaves as it is; [] for none.")
    ZeroIndexMapping = Property(convert.choice("error", "first-vector"), "error", "Meaning of the number 0.")
    WeightsInitializer, WeightLearnRateFactor, WeightL2Factor, Weights = (
        Embedding.WeightsInitializer, Embedding.WeightLearnRateFactor, Embedding.WeightL2Factor, Embedding.Weights)

    @property
    def first(self) -> int:
        """The smallest index."""
        return 0 if self.ZeroIndexMapping == "first-vector" else 1

    def validate(self) -> None:
        mask = self.MaskIndex
        if mask is not None and not self.first <= mask <= self.MaxIndex:
            fail(f"{self.label()}:invalidMaskIndex", f"MaskIndex of {self.label()} is {mask}, but indices go from "
                 f"{self.first} to {self.MaxIndex}.", "Set ZeroIndexMapping='first-vector', which makes 0 an index." if
                 mask == 0 else f"Set MaskIndex to at most {self.MaxIndex}, or maxIndex to {mask} or more.", layer=self.Name)

    def check(self, *inputs: Dims) -> None:
        check_indices(self, inputs[0])

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        columns = self.MaxIndex - self.first + 1
        still = None if self.MaskIndex is None else self.MaskIndex - self.first
        return self.weights((self.OutputSize, columns), columns, self.OutputSize, still)

    def build(self, g: Builder, x: Value) -> Outputs:
        refusal = Refusal(f"{self.label()}:indexOutOfRange", "Set maxIndex to the largest index of the data, and "
                          "ZeroIndexMapping='first-vector' if 0 is one of them; other numbers have no vector.", self.Name)
        return g.embed(x, g.learnable("Weights"), known=self.MaxIndex, first=self.first, mask=self.MaskIndex,
                       refusal=refusal)

    def describe(self) -> str:
        return f"Embedding layer with {counted(self.OutputSize, 'channel')} and indices up to {self.MaxIndex}"


@layer("positionEmbeddingLayer", "Position Embedding", name="position-embedding")
class PositionEmbeddingLayer(Embedding):
    """Position embedding layer: a learned vector for every position, whatever the input holds there.

    The output has the format of the input, with ``outputSize`` channels; add it to the embedded data. Positions are time
    steps, or with ``'spatial'`` those along the one spatial dimension; ``'auto'`` takes time where there is some. Weights
    are ``outputSize×maxPosition``, a column for each position.

    Example:
        >>> positionEmbeddingLayer(64, 128).describe()
        'Position embedding layer with 64 channels and up to 128 positions'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:positionEmbeddingLayer:noPositions``; when the sizes are
            known, ``…:tooManyPositions``.

    Source:
        MathWorks documentation of positionEmbeddingLayer.
    """

    OutputSize = Property(convert.count, doc="Channels of the output.", positional=True, argument="outputSize")
    MaxPosition = Property(convert.count, doc="The largest number of positions.", positional=True, argument="maxPosition")
    PositionDimension = Property(convert.choice("auto", "temporal", "spatial"), "auto",
                                 "Dimension whose positions are embedded.", group="")
    WeightsInitializer, WeightLearnRateFactor, WeightL2Factor, Weights = (
        Embedding.WeightsInitializer, Embedding.WeightLearnRateFactor, Embedding.WeightL2Factor, Embedding.Weights)

    def spatial(self, x: Dims) -> bool:
        return self.PositionDimension == "spatial" or (self.PositionDimension == "auto" and not x.timed)

    def check(self, *inputs: Dims) -> None:
        check_positions(self, inputs[0], "PositionDimension", self.spatial(inputs[0]))
        steps = inputs[0].sizes[0 if self.spatial(inputs[0]) else TIME_AXIS]
        if steps is not None and steps > self.MaxPosition:
            fail(f"{self.label()}:tooManyPositions", f"The input has {steps} positions, but maxPosition is "
                 f"{self.MaxPosition}.", f"Set maxPosition to {steps} or more.", layer=self.Name)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return self.weights((self.OutputSize, self.MaxPosition), self.MaxPosition, self.OutputSize)

    def build(self, g: Builder, x: Value) -> Outputs:
        axis, way = (MAP_AXIS, Way.FOLD) if self.spatial(x.dims) else (TIME_AXIS, Way.SEE)
        return g.position_embedding(x, g.learnable("Weights"), axis=axis, way=way)

    def describe(self) -> str:
        return (f"Position embedding layer with {counted(self.OutputSize, 'channel')} and up to "
                f"{counted(self.MaxPosition, 'position')}")


def check_positions(layer: Layer, x: Dims, option: str, spatial: bool) -> None:
    """Positions are time steps or those along one spatial dimension; neither must be missing."""
    if x.hidden or (x.rank == 1 if spatial else x.timed):
        return
    there = "one spatial dimension" if spatial else "time steps"
    fail(f"{layer.label()}:noPositions", f"{layer.label()} needs the positions along {there}, but its input is {x}.",
         f"Set {option}='auto'." if getattr(layer, option) != "auto" and (x.timed or x.rank == 1) else
         to_one_dimension(x), layer=layer.Name)


@convert.annotated("int")
def even_count(value: object) -> int:
    """A positive even number."""
    try:
        n = convert.count(value)
    except InvalidValue:
        n = 1
    if n % 2:
        raise InvalidValue("a positive even integer")
    return n


@layer("sinusoidalPositionEncodingLayer", "Sinusoidal Position Encoding", name="sinusoidal-position-encoding")
class SinusoidalPositionEncodingLayer(Layer):
    """Sinusoidal position encoding layer: sines and cosines of every position in ``outputSize`` channels.

    Channels 2i + 1 and 2i + 2 (from 1, i from 0) of position p are the sine and the cosine of p/10000^(2i/outputSize).
    ``'temporal-indices'`` are the numbers of the time steps, from 1; ``'spatial-indices'`` those along the one spatial
    dimension; ``'data-values'`` the values in the one channel of the input. ``'auto'`` takes time where there is some, one
    spatial dimension where that is all there is, else the values.

    Example:
        >>> sinusoidalPositionEncodingLayer(300).Positions
        'auto'

    Raises:
        DltoolboxError: ``dltoolbox:sinusoidalPositionEncodingLayer:invalidOutputSize`` for an odd size; when the network is
            checked, ``…:noPositions`` and ``…:notOneChannel``.

    Source:
        Vaswani et al., "Attention is all you need" (2017), section 3.5; MathWorks documentation of
        sinusoidalPositionEncodingLayer.
    """

    OutputSize = Property(even_count, doc="Channels of the output, an even number.", positional=True, argument="outputSize")
    Positions = Property(convert.choice("auto", "temporal-indices", "spatial-indices", "data-values"), "auto",
                         "Meaning of the positions.", group="")

    def positions(self, x: Dims) -> str:
        if self.Positions != "auto":
            return self.Positions
        return "temporal-indices" if x.timed else "spatial-indices" if x.rank == 1 else "data-values"

    def check(self, *inputs: Dims) -> None:
        x, kind = inputs[0], self.positions(inputs[0])
        if kind != "data-values":
            check_positions(self, x, "Positions", kind == "spatial-indices")
        elif x.channels != 1:
            fail(f"{self.label()}:notOneChannel", f"{self.label()} takes one channel of positions, but its input has "
                 f"{counted(x.channels, 'channel')}.", "Pass the position as the only channel.", layer=self.Name)

    def build(self, g: Builder, x: Value) -> Outputs:
        kind = self.positions(x.dims)
        if kind == "data-values":
            return g.sinusoid(x, size=self.OutputSize)
        axis, way = (MAP_AXIS, Way.FOLD) if kind == "spatial-indices" else (TIME_AXIS, Way.SEE)
        return g.position_sinusoid(x, size=self.OutputSize, axis=axis, way=way)

    def describe(self) -> str:
        return f"Sinusoidal position encoding with {self.OutputSize} channels"


@convert.annotated("int | Sequence[int]")
def patch_size(value: object) -> int | tuple[int, ...]:
    """A positive integer or a vector of them."""
    got = convert.integers(value)
    if not got:
        raise InvalidValue("a positive integer or a vector of them, one per spatial dimension")
    return got[0] if len(got) == 1 else got


@layer("patchEmbeddingLayer", "Patch Embedding", name="patch-embedding")
class PatchEmbeddingLayer(Weighted):
    """Patch embedding layer: a vector for every patch of an image; the patches lie side by side along one dimension.

    It is a convolution whose stride is the size of its filters, and whose positions are put along one spatial dimension,
    column by column, or row by row with ``'row-major'``. Rows and columns that do not make whole patches are left out.
    Weights are ``h×w×c×outputSize``, Bias is ``1×1×outputSize``.

    Example:
        >>> patchEmbeddingLayer(16, 768).describe()
        'Patch embedding layer with 768 channels and patches of size 16'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:patchEmbeddingLayer:invalidRank``, ``…:patchTooLarge`` and
            ``…:numChannelsMismatch``.

    Source:
        Dosovitskiy et al., "An image is worth 16x16 words" (2021); MathWorks documentation of patchEmbeddingLayer.
    """

    not_in_matlab = ("NumChannels",)

    PatchSize = Property(patch_size, doc="Size of the patches, one number or one per spatial dimension.", positional=True,
                         argument="patchSize")
    NumChannels = Property(convert.either("auto", convert.count), "auto", "Channels of the input.")
    OutputSize = Property(convert.count, doc="Channels of the output.", positional=True, argument="outputSize")
    SpatialFlattenMode = Property(convert.choice("column-major", "row-major"), "column-major",
                                  "Order of the patches.")
    WeightsInitializer, BiasInitializer, WeightLearnRateFactor, BiasLearnRateFactor, WeightL2Factor, BiasL2Factor = (
        Weighted.WeightsInitializer, Weighted.BiasInitializer, Weighted.WeightLearnRateFactor, Weighted.BiasLearnRateFactor,
        Weighted.WeightL2Factor, Weighted.BiasL2Factor)
    Weights, Bias = Weighted.Weights, Weighted.Bias

    def patch(self, x: Dims) -> tuple[int, ...]:
        return (self.PatchSize,) * x.rank if isinstance(self.PatchSize, int) else self.PatchSize

    def check(self, *inputs: Dims) -> None:
        x = inputs[0]
        if not x.rank or len(self.patch(x)) != x.rank:
            fail(f"{self.label()}:invalidRank", f"PatchSize is {self.as_written('PatchSize')}, but the input is "
                 f"{x}.", f"Set patchSize={self.patch(x)[0]}, which holds for all spatial dimensions." if x.rank else
                 "Use fullyConnectedLayer for data without spatial dimensions.", layer=self.Name)
        if any(n is not None and p > n for p, n in zip(self.patch(x), x.spatial, strict=True)):
            fail(f"{self.label()}:patchTooLarge", f"The patches of {times(self.patch(x))} are larger than the input of "
                 f"{times(x.spatial)}.", f"Set patchSize to at most {min(x.spatial)}.", layer=self.Name)

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("NumChannels", inputs[0].channels, "channel")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        x = inputs[0]
        patch = self.patch(x)
        area = int(np.prod(patch))
        return self.weights_and_bias((*patch, x.channels, self.OutputSize), (*[1] * x.rank, self.OutputSize),
                                     area * x.channels, area * self.OutputSize)

    def build(self, g: Builder, x: Value) -> Outputs:
        patch = self.patch(x.dims)
        y = g.conv(x, g.learnable("Weights"), g.learnable("Bias"), window=Window.of(patch, patch))
        return y if x.dims.rank == 1 else g.flatten_positions(y, order=self.SpatialFlattenMode)

    def describe(self) -> str:
        size = self.PatchSize if isinstance(self.PatchSize, int) else times(self.PatchSize)
        return f"Patch embedding layer with {counted(self.OutputSize, 'channel')} and patches of size {size}"


@layer("embeddingConcatenationLayer", "Embedding Concatenation", name="embedding-concatenation")
class EmbeddingConcatenationLayer(Embedding, Stepwise):
    """Embedding concatenation layer: a learned vector as a new first step, such as the class token of a transformer.

    Steps are those of sequences, or positions along one spatial dimension. Weights are a column, one value per channel.

    Example:
        >>> embeddingConcatenationLayer(Name='token').describe()
        'Embedding concatenation'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:embeddingConcatenationLayer:notOneDimension``.

    Source:
        Dosovitskiy et al., "An image is worth 16x16 words" (2021); MathWorks documentation of embeddingConcatenationLayer.
    """

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        channels = inputs[0].channels
        return self.weights((channels, 1), channels, channels)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.prepend(x, g.learnable("Weights"))

    def describe(self) -> str:
        return "Embedding concatenation"


@layer("indexing1dLayer", "1-D Indexing", name="indexing1d")
class Indexing1DLayer(Stepwise):
    """1-D indexing layer: the first or the last step of a sequence, or position along one spatial dimension.

    The steps are gone in the output, CB. The last one of a sequence that was padded is its own. With
    ``HasPaddingMaskInput=True``, steps where the input ``mask``, of one channel, is 0 do not count.

    Example:
        >>> indexing1dLayer('last').describe()
        '1-D indexing of the last element'

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:indexing1dLayer:notOneDimension`` and
            ``…:invalidMaskSize``.

    Source:
        MathWorks documentation of indexing1dLayer.
    """

    flattens = True

    Index = Property(convert.choice("first", "last"), "first", "Element that is taken.", positional=True, argument="index")
    HasPaddingMaskInput = Property(convert.flag, False, "Whether there is an input 'mask' of one channel: steps where it is "
                                   "0 do not count.", group="")

    def inputs(self) -> tuple[str, ...]:
        return ("in", "mask") if self.HasPaddingMaskInput else ("in",)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        for mask in inputs[1:]:
            self.check_mask(mask, inputs[0])

    def build(self, g: Builder, x: Value, *mask: Value) -> Outputs:
        return g.pick_step(x, *mask, axis=self.axis(x.dims), which=self.Index)

    def describe(self) -> str:
        return f"1-D indexing of the {self.Index} element"
