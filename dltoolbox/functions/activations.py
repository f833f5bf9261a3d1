"""Activations, cross-channel normalisation and the dense product, as functions of arrays."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import dlarray, one_precision
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, Property
from dltoolbox.functions.labels import LabelledOptions, axes_in_order, data_format, real_payload, result_like, shaped


class _Leaky(Configured):
    function = "leakyrelu"
    scale = Property(convert.real(), 0.01, positional=True)


class _Gelu(Configured):
    function = "gelu"
    Approximation = Property(convert.choice("none", "tanh"), "none")


class _AlongChannels(LabelledOptions):
    """Options of functions that act along the channels."""

    def validate(self) -> None:
        if "C" not in self.DataFormat:
            fail(f"{self.function}:noChannels", f"{self.function} works along the channels, but DataFormat "
                 f"'{self.DataFormat}' has no C.", "Label one dimension C.")


class _Softmax(_AlongChannels):
    function = "softmax"


class _CrossChannel(_AlongChannels):
    function = "crosschannelnorm"
    windowSize = Property(convert.integer(1), positional=True)
    Alpha = Property(convert.real(0, low_open=True), 1e-4)
    Beta = Property(convert.real(0, low_open=True), 0.75)
    K = Property(convert.real(0, low_open=True), 2)
    DataFormat = data_format()


class _Dense(LabelledOptions):
    function = "fullyconnect"


def relu(X: object) -> Any:
    """max(0, X), element by element.

    Args:
        X: Array of real numbers.

    Returns:
        Array of the size of X; single stays single, integers become double.

    Raises:
        DltoolboxError: ``dltoolbox:relu:notNumeric``.

    Example:
        >>> relu([-1, 2]).tolist()
        [0.0, 2.0]

    Source:
        Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """
    return result_like(X, apply_op("relu", real_payload(X, "relu", "X")))


def leakyrelu(X: object, *arguments: object, **options: object) -> Any:
    """X where X ≥ 0, scale·X elsewhere: ``Y = leakyrelu(X, 0.1)``.

    Args:
        X: Array of real numbers.
        *arguments: Optionally ``scale`` (0.01).
        **options: ``scale`` by keyword.

    Returns:
        Array of the size of X.

    Raises:
        DltoolboxError: ``dltoolbox:leakyrelu:notNumeric``, ``…:invalidscale``.

    Example:
        >>> leakyrelu([-1, 2], 0.1).tolist()
        [-0.1, 2.0]

    Source:
        Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """
    chosen = _Leaky(*arguments, **options)
    return result_like(X, apply_op("leaky_relu", real_payload(X, "leakyrelu", "X"), scale=chosen.scale))


def sigmoid(X: object) -> Any:
    """1/(1 + exp(−X)), element by element.

    Args:
        X: Array of real numbers.

    Returns:
        Array of the size of X, a dlarray if X is one.

    Raises:
        DltoolboxError: ``dltoolbox:sigmoid:notNumeric``.

    Example:
        >>> sigmoid([0, 1000]).tolist()
        [0.5, 1.0]

    Source:
        Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.2.
    """
    return result_like(X, apply_op("sigmoid", real_payload(X, "sigmoid", "X")))


def gelu(X: object, *pairs: object, **options: object) -> Any:
    """X·Φ(X) with the normal distribution function Φ: ``Y = gelu(X)``.

    Args:
        X: Array of real numbers.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Approximation``: 'none' (default), or 'tanh' for ½X·(1 + tanh(√(2/π)·(X + 0.044715·X³))).

    Returns:
        Array of the size of X, a dlarray if X is one.

    Raises:
        DltoolboxError: ``dltoolbox:gelu:notNumeric``, ``…:invalidApproximation``.

    Example:
        >>> gelu([-1, 0, 1]).round(4).tolist()
        [-0.1587, 0.0, 0.8413]

    Source:
        Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)" (2016).
    """
    chosen = _Gelu(*pairs, **options)
    return result_like(X, apply_op("gelu", real_payload(X, "gelu", "X"), approximation=chosen.Approximation))


def softmax(X: object, *pairs: object, **options: object) -> Any:
    """exp(X) / Σ exp(X) over the channels: ``Y = softmax(X, 'DataFormat', 'CB')``.

    Args:
        X: Array of real numbers: a formatted dlarray, or labelled by ``DataFormat``.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, with a C, where X has no labels.

    Returns:
        Array of the size of X; along C it sums to 1.

    Raises:
        DltoolboxError: ``dltoolbox:softmax:missingDataFormat``, ``…:noChannels``, ``…:notNumeric``.

    Example:
        >>> softmax([[0.0, 1.0], [0.0, 1.0]], DataFormat='CB').tolist()
        [[0.5, 0.5], [0.5, 0.5]]

    Source:
        Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4.
    """
    x, layout = _Softmax.beside(X, *pairs, **options).arranged(X, last="C")
    y = apply_op("softmax", shaped(x, (*x.shape, 1)))
    return layout.restore(shaped(y, x.shape))


def crosschannelnorm(X: object, windowSize: object, *pairs: object, **options: object) -> Any:
    """Local response normalisation: X / (K + Alpha·ss/windowSize)^Beta, ss the sum of squares over nearby channels.

    The window reaches ⌊(windowSize − 1)/2⌋ channels back and ⌊windowSize/2⌋ forward. At the edges fewer channels are
    summed, but the divisor stays.

    Args:
        X: Array of real numbers: a formatted dlarray, or labelled by ``DataFormat``.
        windowSize: Number of channels, a positive integer.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Alpha`` (1e-4), ``Beta`` (0.75), ``K`` (2); ``DataFormat``, with a C, where X has no
            labels.

    Returns:
        Array of the size of X.

    Raises:
        DltoolboxError: ``dltoolbox:crosschannelnorm:missingDataFormat``, ``…:noChannels``, ``…:invalidwindowSize``,
            ``…:notNumeric``.

    Example:
        >>> crosschannelnorm([[3.0], [3.0], [3.0]], 3, Alpha=1, Beta=1, K=1, DataFormat='CB').ravel().tolist()
        [0.42857142857142855, 0.3, 0.42857142857142855]

    Source:
        Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), with
        Alpha divided by the window size; MathWorks documentation of crosschannelnorm.
    """
    chosen = _CrossChannel.beside(X, windowSize, *pairs, **options)
    x, layout = chosen.arranged(X, last="C")
    y = apply_op("cross_channel_norm", shaped(x, (*x.shape, 1)), size=chosen.windowSize, alpha=chosen.Alpha,
                 beta=chosen.Beta, k=chosen.K)
    return layout.restore(shaped(y, x.shape))


def fullyconnect(X: object, weights: object, bias: object, *pairs: object, **options: object) -> Any:
    """weights · X + bias over all dimensions of an observation, and time step if there are any, that are labelled S, C or U.

    Args:
        X: Array of real numbers: a formatted dlarray, or labelled by ``DataFormat``; S, C and U are flattened column-major.
        weights: ``K×(h·w·c)``, or ``K×h×w×c``; of a formatted dlarray, the dimension labelled U stands for the outputs.
        bias: One element per output, or one number for all.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, where X has no labels.

    Returns:
        K outputs in the place of S, C and U: labelled C and then the remaining labels in the order of ``DataFormat``, or
        before C where all of them stand before S, C and U. 'SSCB' gives 'CB', 'BC' gives 'BC'. A dlarray if one of the
        arrays is one.

    Raises:
        DltoolboxError: ``dltoolbox:fullyconnect:missingDataFormat``, ``…:noFeatures``, ``…:weightsMismatch``,
            ``…:biasMismatch``, ``…:notNumeric``.

    Example:
        >>> fullyconnect([[1, 2], [3, 4]], [[1, 1], [1, -1]], [10, 20], DataFormat='CB').tolist()
        [[14.0, 16.0], [18.0, 18.0]]

    Source:
        MathWorks documentation of fullyconnect.
    """
    chosen = _Dense.beside(X, *pairs, **options)
    given = chosen.DataFormat
    if not set(given) & set("SCU"):
        fail("fullyconnect:noFeatures", "fullyconnect flattens the dimensions labelled S, C and U, but the labels of X are "
             f"'{given}'.", "Label the features C.")
    x, layout = chosen.arranged(X, weights, bias, last="BT")
    x, W, b = one_precision([x, real_payload(weights, "fullyconnect", "weights"),
                             real_payload(bias, "fullyconnect", "bias")])
    if isinstance(weights, dlarray) and "U" in weights.labels:  # the outputs
        W = np.moveaxis(W, weights.labels.index("U"), 0)
    features = sum(label in "SCU" for label in given)
    count = prod(x.shape[:features])
    outputs = W.shape[0] if W.ndim else 1
    if W.size != outputs * count:
        fail("fullyconnect:weightsMismatch", f"weights have size {times(W.shape)}, but X has {counted(count, 'feature')} "
             f"({times(x.shape[:features])}) per observation.", f"Pass weights of size K×{count}.")
    if b.size not in (1, outputs):
        fail("fullyconnect:biasMismatch", f"bias has {counted(b.size, 'element')} for {counted(outputs, 'output')}.",
             "Pass one element per output.")
    flat = shaped(W, (outputs, count)) if W.ndim <= 2 else np.reshape(W, (outputs, count), order="F")
    kept = x.shape[features:]
    one_each = b if b.size == outputs else np.broadcast_to(shaped(b, ()), (outputs,))
    y = apply_op("dense", shaped(x, (*x.shape[:features], prod(kept))), flat, one_each)
    rest = [label for label in given if label in "BT"]
    behind = [label for label in rest if given.index(label) > max(map(given.rfind, "SCU"))]
    wanted = [*(label for label in rest if label not in behind), "C", *behind]
    stored = ["C", *(label for label in "BT" if label in rest)]
    back = axes_in_order(shaped(y, (outputs, *kept)), [stored.index(label) for label in wanted])
    return layout.result(back, "".join(wanted))
