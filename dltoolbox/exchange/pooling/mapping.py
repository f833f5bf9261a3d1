"""poolingLayerFrom and poolingLayerTo."""

from __future__ import annotations

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import did_you_mean, show
from dltoolbox.exchange.pooling.caffe import Caffe
from dltoolbox.exchange.pooling.darknet import Darknet
from dltoolbox.exchange.pooling.form import Pooled
from dltoolbox.exchange.pooling.framework import FROM, TO, Framework
from dltoolbox.exchange.pooling.keras import Keras
from dltoolbox.exchange.pooling.matlab import MATLAB
from dltoolbox.exchange.pooling.onnx import ONNX
from dltoolbox.exchange.pooling.pytorch import PyTorch
from dltoolbox.exchange.pooling.tensorflow import TensorFlow
from dltoolbox.layers.base import Layer

FRAMEWORKS: dict[str, type[Framework]] = {
    "matlab": MATLAB, "keras": Keras, "pytorch": PyTorch, "tensorflow": TensorFlow, "caffe": Caffe, "darknet": Darknet,
    "onnx": ONNX}


def poolingLayerFrom(framework: object, /, *pairs: object, **parameters: object) -> Layer:
    """The layer for a pooling of another framework, told by its parameters there: the same sizes and the same numbers.

    Parameters have the framework's names, values and defaults. One of them tells which pooling it is: ``layer`` for
    ``'matlab'`` (maxPooling2dLayer), ``'keras'`` (MaxPooling2D), ``'pytorch'`` (MaxPool2d) and ``'darknet'`` (maxpool),
    ``op`` for ``'tensorflow'`` (max_pool2d) and ``'onnx'`` (MaxPool), and ``pool`` for ``'caffe'`` (MAX).

    What our layers do not do exactly so is refused with the reason. Nothing is accepted that contradicts itself or that
    the framework itself refuses.

    Args:
        framework: ``'matlab'``, ``'keras'``, ``'pytorch'``, ``'tensorflow'``, ``'caffe'``, ``'darknet'`` or ``'onnx'``.
        *pairs: Name-value pairs, instead of keywords.
        **parameters: Those of the framework, and ``Name``. Beside them ``outputs`` of ONNX and ``top`` of Caffe tell with 2
            that there are indices, too, and ``rank`` the number of dimensions of global pooling of ONNX.

    Returns:
        A pooling layer, or an unpooling layer.

    Raises:
        DltoolboxError: ``dltoolbox:poolingLayerFrom:unknownFramework``, ``…:unknownOperation``, ``…:unknownParameter``,
            ``…:missingParameter``, ``…:invalidParameter``, ``…:contradiction``; ``…:cannotBeSaid`` where no layer does the
            same; and those of the layer itself.

    Example:
        >>> poolingLayerFrom('pytorch', layer='MaxPool2d', kernel_size=3, stride=2, padding=1, ceil_mode=True)
        maxPooling2dLayer(3, Stride=2, Padding=1, Rounding='ceil')
        >>> poolingLayerFrom('onnx', op='AveragePool', kernel_shape=[2, 2], strides=[2, 2], auto_pad='SAME_LOWER')
        averagePooling2dLayer(2, Stride=2, Padding='same-lower', PaddingValue='mean')

    Source:
        The documentation or source of each framework, named in the table of docs/pooling.md.
    """
    names, values = pairs[::2], pairs[1::2]
    if len(names) != len(values) or not all(isinstance(name, str) for name in names):
        fail(f"{FROM}:invalidArguments", f"The parameters are name-value pairs, but {show(pairs)} is left over.",
             "Pass them by name, such as kernel_size=2.")
    given = {str(name): value for name, value in zip(names, values, strict=True)} | parameters
    return framework_named(framework, FROM)(FROM).read(given).layer()


def poolingLayerTo(framework: object, layer: object) -> dict[str, object]:
    """The parameters with which another framework makes this pooling; `poolingLayerFrom` reads them back.

    Args:
        framework: As for `poolingLayerFrom`.
        layer: A pooling layer.

    Returns:
        Parameters by name, among them the one that tells the operation. Options that differ from the framework's words
        but mean the same for every input are said in those words.

    Raises:
        DltoolboxError: ``dltoolbox:poolingLayerTo:unknownFramework``; ``…:notAPooling``; ``…:cannotBeSaid`` with the
            reason, where the framework has no such pooling.

    Example:
        >>> poolingLayerTo('pytorch', maxPooling2dLayer(3, Stride=2, Padding=1))
        {'layer': 'MaxPool2d', 'kernel_size': 3, 'stride': 2, 'padding': 1}
        >>> poolingLayerTo('caffe', averagePooling2dLayer([2, 3], Rounding='caffe', Name='pool'))
        {'pool': 'AVE', 'kernel_h': 2, 'kernel_w': 3, 'stride': 1, 'pad': 0, 'name': 'pool'}

    Source:
        As for `poolingLayerFrom`.
    """
    kind = framework_named(framework, TO)
    form = Pooled.of(layer)
    if form is None:
        fail(f"{TO}:notAPooling", f"The layer must be a pooling or unpooling layer, but it is {show(layer)}.",
             "Pass a layer such as net.Layers[2], or one that a factory has made.")
    return kind(TO, form.name).written(form)


def framework_named(framework: object, function: str) -> type[Framework]:
    """A framework by its name, in any letter case."""
    word = framework.lower() if isinstance(framework, str) else ""
    if word not in FRAMEWORKS:
        known = ", ".join(map(repr, FRAMEWORKS))
        near = did_you_mean(word, FRAMEWORKS) if word else ""
        fail(f"{function}:unknownFramework", f"The framework must be one of {known}, but it is {show(framework)}.",
             near or "Pass one of these names.")
    return FRAMEWORKS[word]
