"""Input layers: the size of the data and how they are normalised."""

from __future__ import annotations

from math import nan, prod
from typing import Any, ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import DISPLAY, ORDER, Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.layers.base import Array, Layer, Row, State, layer
from dltoolbox.ops import Builder, Outputs

STATISTICS_BY_NORMALISATION = {"none": (), "zerocenter": ("Mean",), "zscore": ("Mean", "StandardDeviation"),
                               "rescale-symmetric": ("Min", "Max"), "rescale-zero-one": ("Min", "Max")}
_NORMALIZATION = convert.word_or_function("zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one", "none")


class DataInput(Layer):
    """The common part of all input layers: data enter here, with or without statistics to normalise them."""

    SplitComplexInputs: Any = False
    NormalizationDimension: Any = "auto"
    statistics: Any = ()

    def inputs(self) -> tuple[str, ...]:
        return ()

    def dims(self) -> Dims:
        """Labelled sizes of one mini-batch that enters."""
        raise NotImplementedError

    @property
    def description_size(self) -> str:
        """The data that enter, without their normalisation: ``28×28×1 images``."""
        return self.describe()


SUPPORTED = ("CB", "SCB", "SSCB", "SSSCB", "CBT", "SCBT", "SSCBT", "SSSCBT")


@convert.annotated("str")
def _label_format(value: object) -> str:
    """Labels of dimensions in any letter case; those that the ops know."""
    labels = value.upper() if isinstance(value, str) else ""
    if not labels or set(labels) - set(DISPLAY):
        raise InvalidValue("text made of the letters S, C, B and T, such as 'SSCB'")
    if "".join(sorted(labels, key=DISPLAY.index)) not in SUPPORTED:
        raise InvalidValue(f"one of the formats {', '.join(SUPPORTED)}, with the letters in any order",
                           "Pass for example 'SSCB'; data without channels or observations are not supported yet.",
                           "notYetSupported")
    return labels


@layer("inputLayer", "Input", name="input")
class InputLayer(DataInput):
    """Input layer: takes data of any supported format as they are, without normalisation.

    Formats are made of spatial dimensions (S, up to three), channels (C), observations (B) and, for sequences, time steps
    (T), in any order: CB, SCB, SSCB and SSSCB, and the same with T. Data are passed to networks as those of the other input
    layers: features N×f, else spatial × c × N; sequences spatial × c × N × T. The numbers of observations and of time steps
    are NaN, or numbers that are kept but do not limit what the network takes.

    Example:
        >>> inputLayer([28, 28, 1, float('nan')], 'SSCB', Name='in').describe()
        '28×28×1×NaN data of format SSCB'

    Raises:
        DltoolboxError: ``dltoolbox:inputLayer:formatMismatch`` if there are not as many sizes as letters,
            ``…:unknownSize`` if another size than those of observations and time steps is NaN.

    Source:
        MathWorks documentation of inputLayer.
    """

    InputSize = Property(convert.sizes_or_unknown, doc="Size of each dimension of the data; NaN: number of observations or "
                         "time steps.", positional=True, argument="inputSize", group="")
    InputFormat = Property(_label_format, doc="Label of each dimension: S, C, B or T.", positional=True,
                           argument="inputFormat", group="")

    def dims(self) -> Dims:
        pairs = sorted(zip(self.InputFormat, self.InputSize, strict=True), key=lambda pair: ORDER.index(pair[0]))
        return Dims("".join(label for label, _ in pairs), tuple(None if label in "BT" else n for label, n in pairs))

    def validate(self) -> None:
        if len(self.InputFormat) != len(self.InputSize):
            fail(f"{self.label()}:formatMismatch", f"inputSize has {counted(len(self.InputSize), 'size')}, but inputFormat "
                 f"'{self.InputFormat}' has {counted(len(self.InputFormat), 'letter')}.", "Pass one letter per size, "
                 "such as inputLayer([28, 28, 1, float('nan')], 'SSCB').", layer=self.Name)
        unknown = [label for label, n in zip(self.InputFormat, self.InputSize, strict=True)
                   if n is None and label not in "BT"]
        if unknown:
            fail(f"{self.label()}:unknownSize", f"The size of dimension '{unknown[0]}' of '{self.InputFormat}' is NaN.",
                 "Pass its size; only the numbers of observations (B) and of time steps (T) may be NaN.", layer=self.Name)

    def build(self, g: Builder) -> Outputs:
        return g.source(self.dims())

    def describe(self) -> str:
        return f"{'×'.join('NaN' if n is None else str(n) for n in self.InputSize)} data of format {self.InputFormat}"

    def rows(self) -> list[Row]:
        """An unknown size is NaN, as it was written."""
        return [(heading, name, tuple(nan if n is None else n for n in value) if name == "InputSize" and
                 isinstance(value, tuple) else value) for heading, name, value in super().rows()]


class NormalisedInput(DataInput):
    """The common part of the other input layers: the normalisation and its statistics."""

    labels: ClassVar[str] = ""
    joining: ClassVar[str] = "with"  # the word before the normalisation in descriptions
    Normalization = Property(_NORMALIZATION, "zerocenter", "'zerocenter', 'zscore', 'rescale-symmetric', "
                             "'rescale-zero-one', 'none' or a function of the data.")
    NormalizationDimension = Property(convert.choice("auto", "channel", "element", "all"), "auto",
                                      "Whether statistics are per channel, per element or one for all.")
    Mean = Property(convert.array, None, "Mean for 'zerocenter' and 'zscore'; [] computes it when training starts. "
                    "Older name: AverageImage.", settable=True, older=["AverageImage"])
    StandardDeviation = Property(convert.non_negative_array, None, "Standard deviation for 'zscore'.", settable=True)
    Min = Property(convert.array, None, "Minimum for the rescalings.", settable=True)
    Max = Property(convert.array, None, "Maximum for the rescalings.", settable=True)
    SplitComplexInputs = Property(convert.flag, False, "Whether complex data become twice as many real channels.",
                                  group="")

    @property
    def description_size(self) -> str:
        raise NotImplementedError

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that the chosen normalisation needs."""
        return STATISTICS_BY_NORMALISATION.get(self.Normalization, ()) if isinstance(self.Normalization, str) else ()

    def statistics_shape(self) -> tuple[int, ...]:
        """Shape in which training computes missing statistics; 'auto' means per channel."""
        x = self.dims()
        element = tuple(n for n in x.sizes[:-1] if n is not None)
        if self.NormalizationDimension == "all":
            return (1,) * max(len(element), 2)
        if self.NormalizationDimension == "element":
            return element if x.rank else (*element, 1)
        return (*[1] * x.rank, x.channels) if x.rank else (x.channels, 1)

    def validate(self) -> None:
        x = self.dims()
        element = tuple(n for n in x.sizes[:-1] if n is not None)
        channel = (*[1] * x.rank, x.channels)
        allowed = {element, channel, (x.channels, 1), (1, x.channels), ()}
        for name in ("Mean", "StandardDeviation", "Min", "Max"):
            value = getattr(self, name)
            if value is not None and value.size > 1 and value.shape not in allowed and (*value.shape, 1) not in allowed:
                fail(f"{self.label()}:invalid{name}", f"{name} has size {times(value.shape)}, but the data have size "
                     f"{times(element)}.", f"Pass a scalar, one value per channel ({times(channel)}), or one per element "
                     f"({times(element)}).", layer=self.Name)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        """Statistics that nobody computes leave the data as they are."""
        initial = {"StandardDeviation": 1.0, "Max": 1.0, "Min": -1.0 if self.Normalization == "rescale-symmetric" else 0.0}
        return tuple(State(name, self.statistics_shape() if getattr(self, name) is None else getattr(self, name).shape,
                           initial=initial.get(name, 0.0), double=True) for name in self.statistics)

    def check_statistics(self, x: Dims) -> None:
        """Statistics per element fit data of one size only; those per channel fit all."""
        for name in self.statistics:
            value = getattr(self, name)
            size = (*x.spatial, x.channels)
            if value is not None and value.size not in (1, x.channels) and value.size != prod(size):
                fail(f"{self.label()}:statisticsSizeMismatch", f"{name} has one value per element of {times(value.shape)}, "
                     f"but the data have size {times(size)}.",
                     "Pass data of the declared size, or train with NormalizationDimension='channel'.", layer=self.Name)

    def build(self, g: Builder) -> Outputs:
        x = g.source(self.dims())
        self.check_statistics(x.dims)
        if callable(self.Normalization):
            apply = g.function_of_sequences if x.dims.timed else g.function
            return apply(x, call=self.Normalization)
        if self.Normalization == "none":
            return x
        return g.input_normalise(x, *(g.state(name) for name in self.statistics), kind=self.Normalization)

    def describe(self) -> str:
        if self.Normalization == "none":
            return self.description_size
        how = "custom" if callable(self.Normalization) else f"'{self.Normalization}'"
        return f"{self.description_size} {self.joining} {how} normalization"

    def rows(self) -> list[Row]:
        """The size comes first; only the statistics that belong to the chosen normalisation are shown."""
        unused = {"Mean", "StandardDeviation", "Min", "Max"} - set(self.statistics)
        first = ("Name", "InputSize", "MinLength", "SplitComplexInputs", "DataAugmentation", "Normalization")
        rows = sorted(super().rows(), key=lambda row: first.index(row[1]) if row[1] in first else len(first))
        return [row for row in rows if row[1] not in unused]


class SizedInput(NormalisedInput):
    """Inputs that have an InputSize of spatial sizes and channels."""

    def dims(self) -> Dims:
        size: tuple[int, ...] = self.InputSize  # type: ignore[attr-defined]
        factor = 2 if self.SplitComplexInputs else 1
        return Dims(self.labels, (*size[:-1], size[-1] * factor, None))


def _augmentation(value: object) -> str:
    if isinstance(value, str) and value.lower() == "none":
        return "none"
    raise InvalidValue("'none'", "Augment the images before training; augmented datastores are not available yet.",
                       "notYetSupported")


@layer("imageInputLayer", "Image Input", name="imageinput")
class ImageInputLayer(SizedInput):
    """Image input layer: takes ``h×w×c×n`` images and normalises them.

    The default, ``Normalization='zerocenter'``, subtracts the mean of every channel, computed over the training set.

    Example:
        >>> imageInputLayer([28, 28, 1]).describe()
        "28×28×1 images with 'zerocenter' normalization"

    Raises:
        DltoolboxError: ``dltoolbox:imageInputLayer:invalidInputSize``, ``…:invalidMean`` and its like.

    Source:
        MathWorks documentation of imageInputLayer.
    """

    labels = "SSCB"
    rank = 2

    InputSize = Property(convert.image_size(2), doc="Size of one image, [h w c].", positional=True, argument="inputSize",
                         group="")
    DataAugmentation = Property(_augmentation, "none", "Kept for old scripts; only 'none'.")

    @property
    def description_size(self) -> str:
        return f"{times(self.InputSize)} images"


@layer("image3dInputLayer", "3-D Image Input", name="image3dinput")
class Image3DInputLayer(SizedInput):
    """3-D image input layer: takes ``h×w×d×c×n`` volumes and normalises them as `imageInputLayer` does.

    Example:
        >>> image3dInputLayer([16, 16, 16, 1], Normalization='none').describe()
        '16×16×16×1 images'

    Source:
        MathWorks documentation of image3dInputLayer.
    """

    labels = "SSSCB"
    rank = 3

    InputSize = Property(convert.vector_of((4,), "[h, w, d, c]"), doc="Size of one volume, [h w d c].", positional=True,
                         argument="inputSize", group="")

    @property
    def description_size(self) -> str:
        return f"{times(self.InputSize)} images"


@layer("featureInputLayer", "Feature Input", name="featureinput")
class FeatureInputLayer(NormalisedInput):
    """Feature input layer: takes ``n×f`` tables of features, one row per observation.

    Example:
        >>> featureInputLayer(21, Normalization='zscore').describe()
        "21 features with 'zscore' normalization"

    Source:
        MathWorks documentation of featureInputLayer.
    """

    labels = "CB"

    InputSize = Property(convert.count, doc="Number of features.", positional=True, argument="numFeatures", group="")
    Normalization = Property(_NORMALIZATION, "none", "'zerocenter', 'zscore', 'rescale-symmetric', 'rescale-zero-one', "
                             "'none' or a function of the data.")

    def dims(self) -> Dims:
        return Dims.of("CB", self.InputSize * (2 if self.SplitComplexInputs else 1), None)

    @property
    def description_size(self) -> str:
        return f"{self.InputSize} features"


@convert.annotated("int | Sequence[int]")
def _sequence_size(value: object) -> int | tuple[int, ...]:
    """A number of channels, or sizes of images with their channels."""
    sizes = convert.integers(value, 1)
    if sizes is None or len(sizes) not in (1, 2, 3, 4):
        raise InvalidValue("a number of channels, or [s, c], [h, w, c] or [h, w, d, c], such as [28, 28, 1]")
    return sizes[0] if len(sizes) == 1 else sizes


@layer("sequenceInputLayer", "Sequence Input", name="sequenceinput")
class SequenceInputLayer(NormalisedInput):
    """Sequence input layer: takes sequences of any lengths, of vectors (``c×t`` each) or images (``h×w×c×t``).

    Statistics of the normalisation are those of all time steps of all sequences; padding does not count. A function as
    Normalization gets one sequence after the other, as ``c×t`` or ``h×w×c×t``.

    Example:
        >>> sequenceInputLayer(12).describe()
        'Sequence input with 12 dimensions'

    Raises:
        DltoolboxError: ``dltoolbox:sequenceInputLayer:invalidInputSize``, ``…:invalidMean`` and its like.

    Source:
        MathWorks documentation of sequenceInputLayer.
    """

    joining = "and"

    InputSize = Property(_sequence_size, doc="Number of channels c of a sequence of vectors, or the size of the images of a "
                         "sequence with their channels: [s c], [h w c] or [h w d c].", positional=True,
                         argument="inputSize", group="")
    MinLength = Property(convert.count, 1, "Number of time steps that the shortest sequence must have.", group="")
    Normalization = FeatureInputLayer.Normalization

    @property
    def sizes(self) -> tuple[int, ...]:
        """Spatial sizes and channels of a time step."""
        size: int | tuple[int, ...] = self.InputSize
        return size if isinstance(size, tuple) else (size,)

    def dims(self) -> Dims:
        *space, channels = self.sizes
        return Dims("S" * len(space) + "CTB", (*space, channels * (2 if self.SplitComplexInputs else 1), None, None))

    @property
    def description_size(self) -> str:
        return f"Sequence input with {'×'.join(map(str, self.sizes))} dimensions"
