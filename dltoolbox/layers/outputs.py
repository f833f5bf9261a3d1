"""Output layers: the loss, and for classification the names of the classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.data.labels import distinct_keys, names_of
from dltoolbox.layers.base import Layer, Row, layer
from dltoolbox.layers.windowed import BOX_FORMATS
from dltoolbox.ops import Builder, Outputs, Value


@convert.annotated("Literal['auto'] | Sequence[Any]")
def class_names(value: object) -> Literal["auto"] | tuple[str, ...]:
    """``'auto'``, or the class names as a tuple of strings; a categorical gives its categories, numbers and logicals the
    names that they would have in one."""
    if isinstance(value, str) and value.lower() == "auto":
        return "auto"
    listed = convert.attribute(value, "categories")
    if listed is None or callable(listed):
        listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Iterable):
        raise InvalidValue("'auto' or a list of class names")
    try:
        names = tuple(names_of(distinct_keys(listed)))
    except DltoolboxError:
        names = ()
    if not names:
        raise InvalidValue("'auto' or a list of different, non-empty class names")
    return names


@convert.annotated("Literal['none'] | Sequence[float]")
def _class_weights(value: object) -> Literal["none"] | tuple[float, ...]:
    """``'none'``, or one positive weight per class as a tuple."""
    if isinstance(value, str) and value.lower() == "none":
        return "none"
    try:
        got = convert.positive_array(value)
    except InvalidValue:
        got = None
    if got is None:
        raise InvalidValue("'none' or a vector of positive numbers")
    return tuple(float(w) for w in got.reshape(-1))


class OutputLayer(Layer):
    """The end of a network: one input, no output; it knows the loss and the metric that training reports."""

    task: ClassVar[str] = "classification"  # or 'regression'
    per_pixel: ClassVar[bool] = False  # whether every pixel has a label of its own, whatever enters

    def outputs(self) -> tuple[str, ...]:
        return ()

    def check(self, *inputs: Dims) -> None:
        if self.formats and inputs[0].folded.labels not in self.formats and not inputs[0].hidden:
            fail(f"{self.label()}:invalidInputFormat", f"{self.label()} needs input of format "
                 f"{' or '.join(self.formats)}, but its input is {inputs[0]}.",
                 "Use classificationLayer, which takes one label per observation, in its place.")

    def pixelwise(self, size: Dims) -> bool:
        """Whether every pixel has a label of its own where data of this size enter."""
        return self.per_pixel

    def name_responses(self, size: Dims) -> None:
        """Give the responses that training sees names; only the outputs of regression have any."""


class ClassOutput(OutputLayer):
    """The common part of the classification outputs: classes, one per channel."""

    needs_probabilities = True

    Classes = Property(class_names, "auto", "Class names in the order of the channels; 'auto' takes the categories of the "
                       "training labels. Older name: ClassNames.", group="", settable=True, older=["ClassNames"])

    @property
    def OutputSize(self) -> Literal["auto"] | int:
        return "auto" if self.Classes == "auto" else len(self.Classes)

    @property
    def LossFunction(self) -> str:
        raise NotImplementedError

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        if self.Classes != "auto" and len(self.Classes) != inputs[0].channels:
            fail(f"{self.label()}:classesMismatch", f"{self.label()} has {counted(len(self.Classes), 'class')}, but its "
                 f"input has {counted(inputs[0].channels or 0, 'channel')}.",
                 f"If the classes are new, use replaceLayer(lgraph, '{self.Name}', {self.label()}(Name='{self.Name}')).")

    def rows(self) -> list[Row]:
        """The size behind the classes, the loss last."""
        shown, loss = super().rows(), ("Hyperparameters", "LossFunction", self.LossFunction)
        first = [row for row in shown if not row[0]]
        return [*first, ("", "OutputSize", self.OutputSize), *(row for row in shown if row[0]), loss]


class WeightedClassOutput(ClassOutput):
    """Cross-entropy, with weights of the classes."""

    ClassWeights = Property(_class_weights, "none", "One positive weight per class, in the order of Classes.", group="")

    @property
    def LossFunction(self) -> str:
        return "crossentropyex"

    def validate(self) -> None:
        if self.ClassWeights == "none":
            return
        if self.Classes == "auto":
            fail(f"{self.label()}:classesNeeded", "ClassWeights are given, but Classes is 'auto', so nothing says which "
                 "weight belongs to which class.", f"Pass Classes=[…] as well, {counted(len(self.ClassWeights), 'name')}.",
                 layer=self.Name)
        if len(self.Classes) != len(self.ClassWeights):
            fail(f"{self.label()}:classWeightsMismatch", f"There are {len(self.ClassWeights)} ClassWeights for "
                 f"{len(self.Classes)} Classes.", "Pass one weight per class.", layer=self.Name)

    def build(self, g: Builder, y: Value) -> Outputs:
        weights = None if self.ClassWeights == "none" else self.ClassWeights
        g.result(y, g.cross_entropy(y, g.target(y.dims), weights=weights))
        return ()


@layer("classificationLayer", "Classification Output", name="classoutput")
class ClassificationOutputLayer(WeightedClassOutput):
    """Classification output layer: cross-entropy −(1/N) Σₙ Σₖ wₖ·tₙₖ·ln yₙₖ of N observations and K exclusive classes.

    It must follow a softmax layer.

    Example:
        >>> classificationLayer(Classes=['cat', 'dog'], ClassWeights=[1, 3]).describe()
        "crossentropyex with classes 'cat' and 'dog'"

    Raises:
        DltoolboxError: ``dltoolbox:classificationLayer:classesNeeded`` for weights without classes.

    Source:
        MathWorks documentation of classificationLayer.
    """

    formats = ("CB", "SCB", "SSCB", "SSSCB")

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        if any(n != 1 for n in inputs[0].spatial):
            fail(f"{self.label()}:invalidInputSize", f"{self.label()} needs one score per class, but its input is "
                 f"{inputs[0]}.", f"Use pixelClassificationLayer to classify pixels; for one class per image insert "
                 f"{self.pooling(inputs[0].rank)} before the softmax.")

    @staticmethod
    def pooling(rank: int) -> str:
        """The layer that leaves one score per class."""
        return f"globalAveragePooling{rank}dLayer" if rank in (2, 3) else "flattenLayer"

    def describe(self) -> str:
        return "crossentropyex" + with_classes(self.Classes, named=1)


@layer("pixelClassificationLayer", "Pixel Classification Layer", name="pixel-class")
class PixelClassificationLayer(WeightedClassOutput):
    """Pixel classification layer: weighted cross-entropy over pixels, divided by the number of labelled pixels.

    Undefined pixels do not count. It must follow a softmax layer.

    Example:
        >>> pixelClassificationLayer(Name='labels').describe()
        'Cross-entropy loss'

    Source:
        MathWorks documentation of pixelClassificationLayer.
    """

    formats = (*BOX_FORMATS[2], *BOX_FORMATS[3])
    per_pixel = True

    def describe(self) -> str:
        return "Cross-entropy loss" + with_classes(self.Classes, named=2)


@layer("dicePixelClassificationLayer", "Dice Pixel Classification Layer", name="dice-pixel-class")
class DicePixelClassificationLayer(ClassOutput):
    """Dice pixel classification layer: generalised Dice loss, in which small classes count as much as large ones.

    The loss of an image is 1 − 2 Σₖ wₖ Σₘ yₖₘ·tₖₘ / Σₖ wₖ Σₘ (yₖₘ² + tₖₘ²) with wₖ = 1/(Σₘ tₖₘ)², for its pixels or voxels m
    and the classes k; that of a mini-batch is the mean. A class that an image does not have gets the largest of its other
    weights. Undefined pixels do not count, nor do images of nothing else. The layer must follow a softmax layer.

    Example:
        >>> dicePixelClassificationLayer(Classes=['cell', 'rest']).describe()
        "Generalized Dice loss with classes 'cell' and 'rest'"

    Source:
        MathWorks documentation of dicePixelClassificationLayer; Sudre et al., "Generalised Dice overlap as a deep learning
        loss function for highly unbalanced segmentations" (2017).
    """

    formats = PixelClassificationLayer.formats
    per_pixel = True

    @property
    def LossFunction(self) -> str:
        return "generalizedDiceLoss"

    def build(self, g: Builder, y: Value) -> Outputs:
        g.result(y, g.generalised_dice(y, g.target(y.dims)))
        return ()

    def describe(self) -> str:
        return "Generalized Dice loss" + with_classes(self.Classes, named=2)


@layer("focalLossLayer", "Focal Loss Layer", name="focal-loss")
class FocalLossLayer(ClassOutput):
    """Focal loss layer: cross-entropy in which what is classified well counts little, for classes of very different sizes.

    The loss is −(α/N) Σ tₙₖ·(1 − yₙₖ)^γ·ln yₙₖ of N observations and K exclusive classes. Of maps with more than one
    element, every pixel or voxel has a label, undefined ones do not count, and N is the number of the others. The layer must
    follow a softmax layer.

    Example:
        >>> focalLossLayer(Alpha=0.5, Gamma=1).describe()
        'Focal loss'

    Source:
        MathWorks documentation of focalLossLayer; Lin et al., "Focal loss for dense object detection" (2017).
    """

    formats = ("CB", "SCB", *PixelClassificationLayer.formats)

    Alpha = Property(convert.real(0, low_open=True), 0.25, "Factor of the loss.")
    Gamma = Property(convert.real(0, low_open=True), 2, "Exponent: the larger, the less counts what is classified well.")

    @property
    def LossFunction(self) -> str:
        return "focalLoss"

    def pixelwise(self, size: Dims) -> bool:
        return any(n != 1 for n in size.spatial)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        if inputs[0].rank == 1 and self.pixelwise(inputs[0]):
            fail(f"{self.label()}:invalidInputSize", f"{self.label()} labels observations, time steps, pixels or voxels, "
                 f"but its input is {inputs[0]}.", "Insert globalAveragePooling1dLayer before the softmax.")

    def build(self, g: Builder, y: Value) -> Outputs:
        g.result(y, g.focal_cross_entropy(y, g.target(y.dims), alpha=self.Alpha, gamma=self.Gamma))
        return ()

    def describe(self) -> str:
        return "Focal loss" + with_classes(self.Classes, named=2)


def with_classes(classes: Literal["auto"] | tuple[str, ...], *, named: int) -> str:
    """The classes as descriptions name them: one or two in full, else the first one or two and how many others."""
    if classes == "auto":
        return ""
    if len(classes) == 1:
        return f" with class '{classes[0]}'"
    if len(classes) == 2:
        return f" with classes '{classes[0]}' and '{classes[1]}'"
    others = f"and {len(classes) - named} other class{'es' if len(classes) - named > 1 else ''}"
    return f" with '{classes[0]}' {others}" if named == 1 else f" with '{classes[0]}', '{classes[1]}', {others}"


class ResponseOutput(OutputLayer):
    """The common part of the regression outputs: responses with names."""

    task = "regression"

    ResponseNames = Property(convert.texts, (), "Names of the responses.", group="", settable=True)

    def name_responses(self, size: Dims) -> None:
        """'Response', or 'Response1', 'Response2', …, unless there are as many names as responses."""
        if len(self.ResponseNames) != size.channels:
            several = tuple(f"Response{i + 1}" for i in range(size.channels))
            self.ResponseNames = ("Response",) if size.features == 1 else several


@layer("regressionLayer", "Regression Output", name="regressionoutput")
class RegressionOutputLayer(ResponseOutput):
    """Regression output layer: half the squared error, ½ Σᵢ (tᵢ − yᵢ)², a mean over observations.

    The sum over the R responses (or the h·w·c elements of an image) is not divided by their number. Of a sequence, the loss
    is the mean over its own time steps.

    Example:
        >>> regressionLayer(Name='output').describe()
        'mean-squared-error'

    Source:
        MathWorks documentation of regressionLayer.
    """

    @property
    def LossFunction(self) -> str:
        return "mean-squared-error"

    def build(self, g: Builder, y: Value) -> Outputs:
        g.result(y, g.half_mse(y, g.target(y.dims)))
        return ()

    def describe(self) -> str:
        names = self.ResponseNames
        if not names:
            return "mean-squared-error"
        others = f" and {len(names) - 1} other responses" if len(names) > 1 else ""
        return f"mean-squared-error with response '{names[0]}'{others}"

    def rows(self) -> list[Row]:
        return [*super().rows(), ("Hyperparameters", "LossFunction", self.LossFunction)]
