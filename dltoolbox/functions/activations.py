"""Activations, cross-channel normalisation and the dense product, as functions of arrays."""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, Property
from dltoolbox.functions.labels import LabelledLayout, data_format, real_array
from dltoolbox.ops import OPS


class _Leaky(Configured):
    function = "leakyrelu"
    scale = Property(convert.real(), 0.01, positional=True)


class _Labelled(Configured):
    """Options of functions that act along the channels."""

    DataFormat = data_format()

    def validate(self) -> None:
        if "C" not in self.DataFormat:
            fail(f"{self.function}:noChannels", f"{self.function} works along the channels, but DataFormat "
                 f"'{self.DataFormat}' has no C.", "Label one dimension C.")


class _Softmax(_Labelled):
    function = "softmax"


class _CrossChannel(_Labelled):
    function = "crosschannelnorm"
    windowSize = Property(convert.integer(1), positional=True)
    Alpha = Property(convert.real(0, low_open=True), 1e-4)
    Beta = Property(convert.real(0, low_open=True), 0.75)
    K = Property(convert.real(0, low_open=True), 2)
    DataFormat = data_format()


class _Dense(Configured):
    function = "fullyconnect"
    DataFormat = data_format()


def relu(X: object) -> np.ndarray:
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
    result: np.ndarray = OPS["relu"].forward(real_array(X, "relu", "X"))
    return result


def leakyrelu(X: object, *arguments: object, **options: object) -> np.ndarray:
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
    result: np.ndarray = OPS["leaky_relu"].forward(real_array(X, "leakyrelu", "X"), scale=chosen.scale)
    return result


def softmax(X: object, *pairs: object, **options: object) -> np.ndarray:
    """exp(X) / Σ exp(X) over the channels: ``Y = softmax(X, 'DataFormat', 'CB')``.

    Args:
        X: Array of real numbers, labelled by ``DataFormat``.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, required, with a C.

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
    chosen = _Softmax(*pairs, **options)
    layout = LabelledLayout.of(chosen.DataFormat, "softmax", last="C")
    X = real_array(X, "softmax", "X")
    with np.errstate(invalid="ignore"):  # of infinite scores comes NaN, as in MATLAB
        return layout.restore(OPS["softmax"].forward(layout.arrange(X)[..., None])[..., 0], X.ndim)


def crosschannelnorm(X: object, windowSize: object, *pairs: object, **options: object) -> np.ndarray:
    """Local response normalisation: X / (K + Alpha·ss/windowSize)^Beta, ss the sum of squares over nearby channels.

    The window reaches ⌊(windowSize − 1)/2⌋ channels back and ⌊windowSize/2⌋ forward. At the edges fewer channels are
    summed, but the divisor stays.

    Args:
        X: Array of real numbers, labelled by ``DataFormat``.
        windowSize: Number of channels, a positive integer.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Alpha`` (1e-4), ``Beta`` (0.75), ``K`` (2), ``DataFormat``, required, with a C.

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
    chosen = _CrossChannel(windowSize, *pairs, **options)
    layout = LabelledLayout.of(chosen.DataFormat, "crosschannelnorm", last="C")
    X = real_array(X, "crosschannelnorm", "X")
    with np.errstate(over="ignore", invalid="ignore"):  # of huge options comes Inf or NaN
        y = OPS["cross_channel_norm"].forward(layout.arrange(X)[..., None], size=chosen.windowSize, alpha=chosen.Alpha,
                                              beta=chosen.Beta, k=chosen.K)
    return layout.restore(y[..., 0], X.ndim)


def fullyconnect(X: object, weights: object, bias: object, *pairs: object, **options: object) -> np.ndarray:
    """weights · X + bias over all spatial dimensions and channels of an observation, and time step if there are any.

    Args:
        X: Array of real numbers, labelled by ``DataFormat``; S and C are flattened column-major.
        weights: ``K×(h·w·c)``, or ``K×h×w×c``.
        bias: One element per output, or one number for all.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, required, without U.

    Returns:
        K outputs in the place of S and C: labelled C and then the remaining labels in the order of ``DataFormat``, or
        before C where all of them stand before S and C. 'SSCB' gives 'CB', 'BC' gives 'BC'.

    Raises:
        DltoolboxError: ``dltoolbox:fullyconnect:missingDataFormat``, ``…:noFeatures``, ``…:weightsMismatch``,
            ``…:biasMismatch``, ``…:notNumeric``.

    Example:
        >>> fullyconnect([[1, 2], [3, 4]], [[1, 1], [1, -1]], [10, 20], DataFormat='CB').tolist()
        [[14.0, 16.0], [18.0, 18.0]]

    Source:
        MathWorks documentation of fullyconnect.
    """
    given = _Dense(*pairs, **options).DataFormat
    if "U" in given or not set(given) & set("SC"):
        fail("fullyconnect:noFeatures", f"fullyconnect flattens the dimensions labelled S and C, but DataFormat is "
             f"'{given}'.", "Label the features C or S, and use no U.")
    layout = LabelledLayout.of(given, "fullyconnect", last="BT")
    x = layout.arrange(real_array(X, "fullyconnect", "X"))
    features = sum(label in "SC" for label in given)
    W = real_array(weights, "fullyconnect", "weights")
    b = real_array(bias, "fullyconnect", "bias")
    count = prod(x.shape[:features])
    outputs = W.shape[0] if W.ndim else 1
    if W.size != outputs * count:
        fail("fullyconnect:weightsMismatch", f"weights have size {times(W.shape)}, but X has {counted(count, 'feature')} "
             f"({times(x.shape[:features])}) per observation.", f"Pass weights of size K×{count}.")
    if b.size not in (1, outputs):
        fail("fullyconnect:biasMismatch", f"bias has {counted(b.size, 'element')} for {counted(outputs, 'output')}.",
             "Pass one element per output.")
    flat = W.reshape(outputs, count, order="F")
    kept = x.shape[features:]
    y = OPS["dense"].forward(x.reshape(*x.shape[:features], prod(kept)), flat, np.broadcast_to(b.reshape(-1), outputs))
    rest = [label for label in given if label in "BT"]
    behind = [label for label in rest if given.index(label) > max(given.rfind("S"), given.rfind("C"))]
    wanted = [*(label for label in rest if label not in behind), "C", *behind]
    stored = ["C", *(label for label in "BT" if label in rest)]
    result: np.ndarray = y.reshape(outputs, *kept).transpose([stored.index(label) for label in wanted])
    return result
