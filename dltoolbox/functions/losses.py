"""Losses of predictions and targets with labels: mse, crossentropy, huber, l1loss, l2loss."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of, beyond_memory
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property
from dltoolbox.functions.labels import LabelledLayout, data_format, labels, real_array
from dltoolbox.ops import OPS


def _optional_labels(value: object) -> str:
    return "" if isinstance(value, str) and not value else labels(value)


def _mask(value: object) -> Any:
    if value is None:
        return None
    array = array_of(value)
    if array is None or array.dtype.kind not in "fiub" or beyond_memory(array) or not np.isin(array, (0, 1)).all():
        raise InvalidValue("an array of logical values")
    return array.astype(bool)


class _Format(Configured):
    """Options of mse."""

    function = "mse"

    DataFormat = data_format()


class _Loss(_Format):
    """Options that the newer losses share."""

    weights = Property(convert.array, None, positional=True)
    Mask = Property(_mask, None)
    Reduction = Property(convert.choice("sum", "none"), "sum")
    NormalizationFactor = Property(convert.choice("batch-size", "all-elements", "mask-included", "none"), "batch-size")
    WeightsFormat = Property(_optional_labels, "")
    DataFormat = data_format()


class _CrossEntropy(_Loss):
    function = "crossentropy"
    TargetCategories = Property(convert.choice("exclusive", "independent"), "exclusive")
    ClassificationMode = Property(convert.either("", convert.choice("single-label", "multilabel")), "")


class _Huber(_Loss):
    function = "huber"
    TransitionPoint = Property(convert.real(0, low_open=True), 1)


class _L1(_Loss):
    function = "l1loss"


class _L2(_Loss):
    function = "l2loss"


@np.errstate(all="ignore")
def mse(Y: object, targets: object, *pairs: object, **options: object) -> Any:
    """Half the mean squared error: 1/(2N) Σ (Y − targets)², with N observations.

    Args:
        Y: Predictions, labelled by ``DataFormat``; trailing dimensions of size 1 may be missing.
        targets: Array of the size of Y.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, required. N is the size of B, 1 without one; nothing else divides.

    Returns:
        The loss, a scalar of the type of Y.

    Raises:
        DltoolboxError: ``dltoolbox:mse:missingDataFormat``, ``…:invalidDataFormat``, ``…:sizeMismatch``,
            ``…:notNumeric``.

    Example:
        >>> float(mse([[1, 2], [3, 4]], [[1, 2], [3, 0]], DataFormat='CB'))
        4.0

    Source:
        MathWorks documentation of mse.
    """
    chosen = _Format(*pairs, **options)
    y, t, _ = _both(Y, targets, chosen)
    with_batch = (y, t) if "B" in chosen.DataFormat else (y[..., None], t[..., None])
    return OPS["half_mse"].forward(*with_batch)[()]


@np.errstate(all="ignore")
def crossentropy(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """Cross-entropy of class probabilities: −(1/N) Σ targets · ln Y, with N observations.

    Args:
        Y: Probabilities, labelled by ``DataFormat``, for instance the output of `softmax`. Zeros count as the smallest
            positive number.
        targets: Array of the size of Y, one-hot or probabilities.
        *arguments: Optionally ``weights``: a number, one per channel, an array of the size of Y, or an array labelled by
            ``WeightsFormat``; then name-value pairs.
        **options: ``ClassificationMode``: 'single-label' (default) or 'multilabel', which adds
            (1 − targets) · ln(1 − Y); its older form ``TargetCategories``: 'exclusive' or 'independent'; ``Mask``: logical
            array, elements to count; ``Reduction``: 'sum' (default) or 'none' for the summands as an array;
            ``NormalizationFactor``: 'batch-size' (default), 'all-elements', 'mask-included' or 'none';
            ``WeightsFormat``; ``DataFormat``, required.

    Returns:
        The loss, a scalar of the type of Y, or an array of the size of Y.

    Raises:
        DltoolboxError: ``dltoolbox:crossentropy:missingDataFormat``, ``…:sizeMismatch``, ``…:weightsMismatch``,
            ``…:maskMismatch``, ``…:notNumeric`` and ``…:invalid…`` for options.

    Example:
        >>> round(float(crossentropy([[0.5, 0.25], [0.5, 0.75]], [[1, 0], [0, 1]], DataFormat='CB')), 4)
        0.4904

    Source:
        MathWorks documentation of crossentropy; Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4.
    """
    chosen = _CrossEntropy(*arguments, **options)
    y, t, layout = _both(Y, targets, chosen)
    independent = (chosen.ClassificationMode or chosen.TargetCategories) in ("multilabel", "independent")
    terms = OPS["elementwise_cross_entropy"].forward(y, t, independent=independent)
    return _reduced(terms, chosen, layout, np.ndim(Y))


@np.errstate(all="ignore")
def huber(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """Huber loss: (1/N) Σ of ½d² where |d| ≤ δ, and δ|d| − ½δ² elsewhere, with d = Y − targets.

    Args:
        Y: Predictions, labelled by ``DataFormat``.
        targets: Array of the size of Y.
        *arguments: Optionally ``weights``, then name-value pairs; see `crossentropy`.
        **options: ``TransitionPoint`` δ (1); ``Mask``, ``Reduction``, ``NormalizationFactor``, ``WeightsFormat`` and
            ``DataFormat`` as in `crossentropy`.

    Returns:
        The loss, a scalar of the type of Y, or an array of the size of Y.

    Raises:
        DltoolboxError: As `crossentropy`, with identifiers ``dltoolbox:huber:…``.

    Example:
        >>> float(huber([0, 3], [0.5, 0], DataFormat='C'))
        2.625

    Source:
        Huber, "Robust estimation of a location parameter" (1964); MathWorks documentation of huber.
    """
    chosen = _Huber(*arguments, **options)
    y, t, layout = _both(Y, targets, chosen)
    return _reduced(OPS["elementwise_huber"].forward(y, t, transition=chosen.TransitionPoint), chosen, layout, np.ndim(Y))


@np.errstate(all="ignore")
def l1loss(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """L1 loss: (1/N) Σ |Y − targets|, with N observations.

    Args:
        Y: Predictions, labelled by ``DataFormat``.
        targets: Array of the size of Y.
        *arguments: Optionally ``weights``, then name-value pairs; see `crossentropy`.
        **options: ``Mask``, ``Reduction``, ``NormalizationFactor``, ``WeightsFormat`` and ``DataFormat`` as in
            `crossentropy`.

    Returns:
        The loss, a scalar of the type of Y, or an array of the size of Y.

    Raises:
        DltoolboxError: As `crossentropy`, with identifiers ``dltoolbox:l1loss:…``.

    Example:
        >>> float(l1loss([[0, 3], [1, 1]], [[0, 1], [2, 2]], DataFormat='CB'))
        2.0

    Source:
        MathWorks documentation of l1loss.
    """
    chosen = _L1(*arguments, **options)
    y, t, layout = _both(Y, targets, chosen)
    return _reduced(OPS["elementwise_l1"].forward(y, t), chosen, layout, np.ndim(Y))


@np.errstate(all="ignore")
def l2loss(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """L2 loss: (1/N) Σ (Y − targets)², with N observations; twice the value of `mse`.

    Args:
        Y: Predictions, labelled by ``DataFormat``.
        targets: Array of the size of Y.
        *arguments: Optionally ``weights``, then name-value pairs; see `crossentropy`.
        **options: ``Mask``, ``Reduction``, ``NormalizationFactor``, ``WeightsFormat`` and ``DataFormat`` as in
            `crossentropy`.

    Returns:
        The loss, a scalar of the type of Y, or an array of the size of Y.

    Raises:
        DltoolboxError: As `crossentropy`, with identifiers ``dltoolbox:l2loss:…``.

    Example:
        >>> float(l2loss([[0, 3], [1, 1]], [[0, 1], [2, 2]], DataFormat='CB'))
        3.0

    Source:
        MathWorks documentation of l2loss.
    """
    chosen = _L2(*arguments, **options)
    y, t, layout = _both(Y, targets, chosen)
    return _reduced(OPS["elementwise_l2"].forward(y, t), chosen, layout, np.ndim(Y))


def _both(Y: Any, targets: Any, chosen: Any) -> tuple[np.ndarray, np.ndarray, LabelledLayout]:
    """Predictions and targets in one order, the batch last; targets take the type of the predictions."""
    name = chosen.function
    layout = LabelledLayout.of(chosen.DataFormat, name, last="B")
    y = layout.arrange(real_array(Y, name, "Y"), "Y")
    t = layout.arrange(real_array(targets, name, "targets"), "targets")
    if y.shape != t.shape:
        fail(f"{name}:sizeMismatch", f"Y has size {times(np.shape(Y))}, but targets have size {times(np.shape(targets))}.",
             "Pass targets of the size of Y, with the dimensions in the same order.")
    return y, t.astype(y.dtype), layout


def _reduced(terms: np.ndarray, chosen: Any, layout: LabelledLayout, ndim: int) -> Any:
    """The summands with weights and mask, summed and normalised as the options say."""
    mask = np.ones_like(terms, bool) if chosen.Mask is None else _expanded(chosen.Mask, layout, terms, "mask")
    weights = np.ones((), terms.dtype) if chosen.weights is None else _broadcast_weights(chosen, layout, terms)
    batch = terms.shape[-1] if "B" in layout.given else 1
    divisor = {"batch-size": batch, "all-elements": terms.size, "mask-included": int(mask.sum()),
               "none": 1}[chosen.NormalizationFactor]
    total = chosen.Reduction == "sum"
    reduced = OPS["reduce_loss"].forward(terms, weights, mask, divisor=max(divisor, 1), total=total)
    return reduced[()] if total else layout.restore(reduced, ndim)


def _broadcast_weights(chosen: Any, layout: LabelledLayout, terms: np.ndarray) -> np.ndarray:
    """Weights, shaped to broadcast against the summands."""
    given: np.ndarray = chosen.weights.astype(terms.dtype)
    if chosen.WeightsFormat:
        return _by_labels(given, chosen.WeightsFormat, layout, terms)
    if given.size == 1:
        return given.reshape((1,) * terms.ndim)
    channels = layout.labels.find("C")
    if given.size == max(given.shape) and channels >= 0 and given.size == terms.shape[channels]:
        return given.reshape([-1 if axis == channels else 1 for axis in range(terms.ndim)])
    return _expanded(given, layout, terms, "weights")


def _by_labels(given: np.ndarray, names: str, layout: LabelledLayout, terms: np.ndarray) -> np.ndarray:
    """An array with its own labels: each dimension goes to the dimension of the same label, U of size 1 to none."""
    if given.ndim > len(names):
        _misfit("weights", given, layout, terms)
    full = given.reshape(*given.shape, *[1] * (len(names) - given.ndim))
    free = list(enumerate(layout.labels))
    shape, order = [1] * terms.ndim, []
    for name, size in zip(names, full.shape, strict=True):
        place = next((axis for axis, label in free if label == name), None)
        if place is not None and size in (1, terms.shape[place]):
            free.remove((place, name))
            shape[place] = size
            order.append(place)
        elif name == "U" and size == 1:
            order.append(terms.ndim + len(order))
        else:
            _misfit("weights", given, layout, terms)
    return full.transpose(np.argsort(order)).reshape(shape)


def _expanded(given: np.ndarray, layout: LabelledLayout, terms: np.ndarray, what: str) -> np.ndarray:
    """An array of the size of Y, where dimensions of size 1 expand."""
    if given.ndim <= len(layout.given):
        arranged = given.reshape(layout.full(given.shape)).transpose(layout.order)
        if all(a in (1, b) for a, b in zip(arranged.shape, terms.shape, strict=True)):
            return np.broadcast_to(arranged, terms.shape)
    _misfit(what, given, layout, terms)


def _misfit(what: str, given: np.ndarray, layout: LabelledLayout, terms: np.ndarray) -> NoReturn:
    fail(f"{layout.function}:{what}Mismatch", f"The {what} have size {times(given.shape)}, which does not fit Y of size "
         f"{times(terms.shape)} ({layout.labels}).", f"Pass {what} of the size of Y; sizes of 1 expand.")
