"""Losses of predictions and targets with labels: mse, crossentropy, indexcrossentropy, huber, l1loss, l2loss."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import dlarray, values_of
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of, beyond_memory
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.functions.labels import (
    LabelledLayout,
    LabelledOptions,
    axes_in_order,
    data_format,
    operand,
    optional_labels,
    real_payload,
    shaped,
)


def _mask(value: object) -> Any:
    if value is None:
        return None
    array = values_of(value) if isinstance(value, dlarray) else array_of(value)
    if array is None or array.dtype.kind not in "fiub" or beyond_memory(array) or not np.isin(array, (0, 1)).all():
        raise InvalidValue("an array of logical values")
    return value if isinstance(value, dlarray) else array.astype(bool)


class _Mse(LabelledOptions):
    function = "mse"


class _Weighted(LabelledOptions):
    """Options that the newer losses share."""

    weights = Property(operand, None, positional=True)
    Reduction = Property(convert.choice("sum", "none"), "sum")
    NormalizationFactor = Property(convert.choice("batch-size", "all-elements", "mask-included", "none"), "batch-size")
    WeightsFormat = Property(optional_labels, "")

    def validate(self) -> None:
        if self.WeightsFormat and isinstance(self.weights, dlarray) and self.weights.labels:
            fail(f"{self.function}:weightsFormatTwice", f"The weights have the labels '{self.weights.labels}' of their own, "
                 f"and {self.function} was given WeightsFormat as well.",
                 "Leave WeightsFormat out, or take the labels off: stripdims(weights).")


class _Loss(_Weighted):
    """Options of losses of two arrays of one size."""

    weights = _Weighted.weights
    Mask = Property(_mask, None)
    Reduction = _Weighted.Reduction
    NormalizationFactor = _Weighted.NormalizationFactor
    WeightsFormat = _Weighted.WeightsFormat
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


class _IndexCrossEntropy(_Weighted):
    function = "indexcrossentropy"
    weights = _Weighted.weights
    MaskIndex = Property(convert.optional(convert.integer(0)), None)
    Reduction = _Weighted.Reduction
    NormalizationFactor = Property(convert.choice("batch-size", "all-elements", "target-included", "mask-included", "none"),
                                   "batch-size")
    WeightsFormat = _Weighted.WeightsFormat
    DataFormat = data_format()


@np.errstate(all="ignore")
def mse(Y: object, targets: object, *pairs: object, **options: object) -> Any:
    """Half the mean squared error: 1/(2N) Σ (Y − targets)², with N observations.

    Args:
        Y: Predictions: a formatted dlarray, or labelled by ``DataFormat``; trailing dimensions of size 1 may be
            missing.
        targets: Array of the size of Y.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat``, where Y has no labels. N is the size of B, 1 without one; nothing else divides.

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
    chosen = _Mse.beside(Y, *pairs, **options)
    y, layout = chosen.arranged(Y, targets, last="B", what="Y")
    t = _targets(targets, y, layout)
    with_batch = (y, t) if "B" in chosen.DataFormat else (y.reshape((*y.shape, 1)), t.reshape((*t.shape, 1)))
    return _scalar(apply_op("half_mse", *with_batch), layout)


@np.errstate(all="ignore")
def crossentropy(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """Cross-entropy of class probabilities: −(1/N) Σ targets · ln Y, with N observations.

    Args:
        Y: Probabilities: a formatted dlarray, or labelled by ``DataFormat``, for instance the output of
            `softmax`. Zeros count as the smallest positive number.
        targets: Array of the size of Y, one-hot or probabilities.
        *arguments: Optionally ``weights``: a number, one per channel, an array of the size of Y, or an array labelled by
            ``WeightsFormat``; then name-value pairs.
        **options: ``ClassificationMode``: 'single-label' (default) or 'multilabel', which adds
            (1 − targets) · ln(1 − Y); its older form ``TargetCategories``: 'exclusive' or 'independent'; ``Mask``: logical
            array, elements to count; ``Reduction``: 'sum' (default) or 'none' for the summands as an array;
            ``NormalizationFactor``: 'batch-size' (default), 'all-elements', 'mask-included' or 'none';
            ``WeightsFormat``; ``DataFormat``, where Y has no labels.

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
    chosen = _CrossEntropy.beside(Y, *arguments, **options)
    independent = (chosen.ClassificationMode or chosen.TargetCategories) in ("multilabel", "independent")
    return _loss(Y, targets, chosen, "elementwise_cross_entropy", independent=independent)


@np.errstate(all="ignore")
def huber(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """Huber loss: (1/N) Σ of ½d² where |d| ≤ δ, and δ|d| − ½δ² elsewhere, with d = Y − targets.

    Args:
        Y: Predictions: a formatted dlarray, or labelled by ``DataFormat``.
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
    chosen = _Huber.beside(Y, *arguments, **options)
    return _loss(Y, targets, chosen, "elementwise_huber", transition=chosen.TransitionPoint)


@np.errstate(all="ignore")
def l1loss(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """L1 loss: (1/N) Σ |Y − targets|, with N observations.

    Args:
        Y: Predictions: a formatted dlarray, or labelled by ``DataFormat``.
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
    return _loss(Y, targets, _L1.beside(Y, *arguments, **options), "elementwise_l1")


@np.errstate(all="ignore")
def l2loss(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """L2 loss: (1/N) Σ (Y − targets)², with N observations; twice the value of `mse`.

    Args:
        Y: Predictions: a formatted dlarray, or labelled by ``DataFormat``.
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
    return _loss(Y, targets, _L2.beside(Y, *arguments, **options), "elementwise_l2")


@np.errstate(all="ignore")
def indexcrossentropy(Y: Any, targets: object, *arguments: object, **options: object) -> Any:
    """Cross-entropy of class probabilities, targets told by the numbers of their classes: −(1/N) Σ ln Y[target].

    It is `crossentropy` of one-hot targets, which are never made.

    Args:
        Y: Probabilities of K classes, along C: a formatted dlarray, or labelled by ``DataFormat``. Zeros count as the
            smallest positive number.
        targets: Numbers of classes from 1 to K: an array of the size of Y with one element along C, or without C.
        *arguments: Optionally ``weights``: a number, one per class, an array of the size of Y, or an array labelled by
            ``WeightsFormat`` or its own labels; then name-value pairs.
        **options: ``MaskIndex``: a number in the place of a class, whose targets do not count; ``Reduction``: 'sum'
            (default) or 'none' for the summands as an array; ``NormalizationFactor``: 'batch-size' (default),
            'all-elements' (of Y), 'target-included' or 'mask-included' (targets that count), or 'none'; ``WeightsFormat``;
            ``DataFormat`` where Y has no labels.

    Returns:
        The loss, a scalar of the type of Y, or an array of the size of Y with one element along C.

    Raises:
        DltoolboxError: ``dltoolbox:indexcrossentropy:missingDataFormat``, ``…:noChannels``, ``…:sizeMismatch``,
            ``…:invalidTargets``, ``…:weightsMismatch``, ``…:notNumeric`` and ``…:invalid…`` for options.

    Example:
        >>> round(float(indexcrossentropy([[0.5, 0.25], [0.5, 0.75]], [1, 2], DataFormat='CB')), 4)
        0.4904

    Source:
        MathWorks documentation of indexcrossentropy.
    """
    chosen = _IndexCrossEntropy.beside(Y, *arguments, **options)
    if "C" not in chosen.DataFormat:
        fail("indexcrossentropy:noChannels", f"The classes stand along the channels, but the labels '{chosen.DataFormat}' "
             "have no C.", "Label the dimension of the classes C.")
    y, layout = chosen.arranged(Y, targets, chosen.weights, last="B", what="Y")
    axis = layout.labels.index("C")
    wanted = tuple(1 if at == axis else n for at, n in enumerate(y.shape))
    places, counting = opaque(class_places, raw_values(_indices(targets, wanted, axis, layout)), y.shape[axis],
                              chosen.MaskIndex)
    weights = np.ones((), y.dtype) if chosen.weights is None else np.take_along_axis(
        np.broadcast_to(_broadcast_weights(chosen, layout, y), y.shape), places, axis)
    terms = apply_op("elementwise_cross_entropy", np.take_along_axis(y, places, axis), np.ones(wanted, y.dtype))
    return _reduced(terms, weights, counting, chosen, layout, y.size)


def _indices(targets: object, wanted: tuple[int, ...], axis: int, layout: LabelledLayout) -> Payload:
    """The numbers of classes in the order of work, with one element along C."""
    payload = real_payload(targets, "indexcrossentropy", "targets")
    flat = tuple(n for at, n in enumerate(layout.order) if at != axis)
    without = tuple(sorted(flat).index(at) for at in flat)  # the order of the other dimensions
    formatted = isinstance(targets, dlarray) and targets.labels
    if not formatted and payload.ndim == len(flat) and tuple(payload.shape[at] for at in without) == tuple(
            n for at, n in enumerate(wanted) if at != axis):
        return shaped(axes_in_order(payload, without), wanted)
    arranged: Payload = layout.like_x(targets, "targets")
    if arranged.shape != wanted:
        sizes = " (".join([times(wanted), layout.labels])
        fail("indexcrossentropy:sizeMismatch", f"targets have size {times(payload.shape)}, but the classes of Y have size "
             f"{sizes}).", "Pass one number per observation, with the dimensions in the order of Y and one element along C.")
    return arranged


def class_places(targets: np.ndarray, classes: int, mask: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of classes from 1 on → places along the channels, and which of them count."""
    counting = np.ones(targets.shape, bool) if mask is None else targets != mask
    valid = (targets >= 1) & (targets <= classes) & (targets == np.rint(targets))
    if not valid[counting].all():
        wrong = targets[counting & ~valid].flat[0]
        but = "" if mask is None else f", or MaskIndex {mask}"
        fail("indexcrossentropy:invalidTargets", f"targets must be numbers from 1 to {classes}, as Y has "
             f"{counted(classes, 'class')}{but}, but one is {wrong:g}.",
             f"Number the classes from 1 on{'' if mask is not None else ', and pass what does not count as MaskIndex'}.")
    return np.where(counting, targets, 1).astype(np.int64) - 1, counting


def _targets(targets: object, y: Payload, layout: LabelledLayout) -> Payload:
    """Targets in the order of work, in the type of the predictions."""
    t = layout.like_x(targets, "targets")
    if y.shape != t.shape:
        size = times(real_payload(targets, layout.function, "targets").shape)
        fail(f"{layout.function}:sizeMismatch", f"Y has size {times(layout.given_sizes(y.shape))}, but targets have size "
             f"{size}.", "Pass targets of the size of Y, with the dimensions in the same order.")
    return t.astype(y.dtype, copy=False)


def _loss(Y: object, targets: object, chosen: Any, op: str, **attrs: object) -> Any:
    """A loss of two arrays of one size; the batch stands last."""
    y, layout = chosen.arranged(Y, targets, chosen.weights, chosen.Mask, last="B", what="Y")
    terms = apply_op(op, y, _targets(targets, y, layout), **attrs)
    mask = np.ones(y.shape, bool) if chosen.Mask is None else _broadcast_mask(chosen.Mask, layout, y)
    weights = np.ones((), y.dtype) if chosen.weights is None else _broadcast_weights(chosen, layout, y)
    return _reduced(terms, weights, mask, chosen, layout, y.size)


def _reduced(terms: Payload, weights: Payload, mask: Payload, chosen: Any, layout: LabelledLayout, count: int) -> Any:
    """The summands with weights and mask, summed and normalised as the options say."""
    batch = terms.shape[-1] if "B" in layout.given else 1
    kind = chosen.NormalizationFactor
    divisor = {"batch-size": batch, "all-elements": count, "none": 1}.get(kind)
    divisor = int(mask.sum()) if divisor is None else divisor
    total = chosen.Reduction == "sum"
    reduced = apply_op("reduce_loss", terms, weights, mask, divisor=max(divisor, 1), total=total)
    return _scalar(reduced, layout) if total else layout.restore(reduced)


def _scalar(loss: Payload, layout: LabelledLayout) -> Any:
    """A loss for the caller."""
    return layout.result(loss) if layout.tracing else loss[()]


def _broadcast_mask(mask: Any, layout: LabelledLayout, y: Payload) -> Payload:
    """A mask, expanded to the size of the summands."""
    if isinstance(mask, dlarray):
        given = raw_values(layout.like_x(mask, "Mask")) != 0
        return _expanded(given, layout, y, "mask", arranged=True)
    return _expanded(mask, layout, y, "mask")


def _broadcast_weights(chosen: Any, layout: LabelledLayout, y: Payload) -> Payload:
    """Weights, shaped to broadcast against the summands."""
    given = real_payload(chosen.weights, layout.function, "weights")
    given = given.astype(y.dtype) if given.dtype != y.dtype else given
    names = chosen.WeightsFormat or (chosen.weights.labels if isinstance(chosen.weights, dlarray) else "")
    if names:
        return _by_labels(given, names, layout, y)
    if given.size == 1:
        return given.reshape((1,) * y.ndim)
    channels = layout.labels.find("C")
    if given.size == max(given.shape) and channels >= 0 and given.size == y.shape[channels]:
        return given.reshape(tuple(-1 if axis == channels else 1 for axis in range(y.ndim)))
    return _expanded(given, layout, y, "weights")


def _by_labels(given: Payload, names: str, layout: LabelledLayout, y: Payload) -> Payload:
    """An array with its own labels: each dimension goes to the dimension of the same label, U of size 1 to none."""
    if given.ndim > len(names):
        _misfit("weights", given, layout, y)
    full = (*given.shape, *[1] * (len(names) - given.ndim))
    free = list(enumerate(layout.labels))
    shape, order = [1] * y.ndim, []
    for name, size in zip(names, full, strict=True):
        place = next((axis for axis, label in free if label == name), None)
        if place is not None and size in (1, y.shape[place]):
            free.remove((place, name))
            shape[place] = size
            order.append(place)
        elif name == "U" and size == 1:
            order.append(y.ndim + len(order))
        else:
            _misfit("weights", given, layout, y)
    return axes_in_order(given.reshape(full), [int(at) for at in np.argsort(order)]).reshape(tuple(shape))


def _expanded(given: Payload, layout: LabelledLayout, y: Payload, what: str, *, arranged: bool = False) -> Payload:
    """An array of the size of Y, where dimensions of size 1 expand."""
    if arranged or given.ndim <= len(layout.given):
        there = given if arranged else layout.arrange(given)
        if all(a in (1, b) for a, b in zip(there.shape, y.shape, strict=True)):
            return np.broadcast_to(there, y.shape)
    _misfit(what, given, layout, y)


def _misfit(what: str, given: Payload, layout: LabelledLayout, y: Payload) -> NoReturn:
    fail(f"{layout.function}:{what}Mismatch", f"The {what} have size {times(given.shape)}, which does not fit Y of size "
         f"{times(y.shape)} ({layout.labels}).", f"Pass {what} of the size of Y; sizes of 1 expand.")
