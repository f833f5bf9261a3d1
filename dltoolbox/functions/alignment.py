"""The loss of labels whose places in a sequence are not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Property
from dltoolbox.functions.attention import as_logical
from dltoolbox.functions.labels import LabelledLayout, LabelledOptions, data_format, shaped


class _Ctc(LabelledOptions):
    function = "ctc"
    BlankIndex = Property(convert.word_or_count("first", "last"), "first")
    DataFormat = data_format()

    def validate(self) -> None:
        if not {"C", "T"} <= set(self.DataFormat) <= set("CBT"):
            fail("ctc:invalidLabels", "ctc takes probabilities of classes (C) at the steps (T) of observations (B), but the "
                 f"labels are '{self.DataFormat}'.", "Label them for example 'CBT'.")

    def blank(self, classes: int) -> int:
        """The class that means nothing, from 1 on."""
        words = {"first": 1, "last": classes}
        blank = words[self.BlankIndex] if isinstance(self.BlankIndex, str) else self.BlankIndex
        if not 1 <= blank <= classes:
            fail("ctc:blankOutOfRange", f"BlankIndex is {blank}, but Y has {classes} classes.",
                 f"Pass a number from 1 to {classes}, 'first' or 'last'.")
        return blank


def ctc(Y: object, targets: object, YMask: object, targetsMask: object, *pairs: object, **options: object) -> Any:
    """The mean of −ln P(targets | Y), where the targets may stand at any steps of Y: ``loss = ctc(Y, targets, YMask,
    targetsMask)``.

    P is the sum over all sequences of one class per step that become the targets when repeated classes, and then blanks,
    are dropped.

    Args:
        Y: Probabilities of the classes at every step, such as from `softmax`: a formatted dlarray such as 'CBT', or
            labelled by ``DataFormat``. Zeros count as the smallest positive number.
        targets: Classes from 1 on, with the dimensions of Y, a C of size 1 and a T of its own; as `padsequences` gives them.
        YMask: 1 for steps of Y that are real, 0 for padding: of the size of Y, or with a C of size 1.
        targetsMask: Likewise, of the size of the targets.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``BlankIndex``: the class that stands for nothing: 'first' (default), 'last', or a number;
            ``DataFormat`` where Y has no labels.

    Returns:
        The loss, a scalar of the type of Y.

    Raises:
        DltoolboxError: ``dltoolbox:ctc:missingDataFormat``, ``…:invalidLabels``, ``…:blankOutOfRange``,
            ``…:YMaskMismatch``, ``…:targetsMismatch``, ``…:targetsMaskMismatch``, ``…:invalidYMask`` and its like,
            ``…:invalidTargets``, ``…:blankInTargets``, ``…:sequenceTooShort``, ``…:emptyInput``, ``…:formatMismatch``,
            ``…:notNumeric``.

    Example:
        >>> Y = dlarray([[0.2, 0.5], [0.8, 0.5]], 'CT')  # blank, or class 2, at two steps
        >>> loss = ctc(Y, [[2]], [[1, 1]], [[1]])
        >>> float(np.exp(-loss).round(3))  # 1 − 0.2·0.5
        0.9

    Source:
        Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
        networks" (2006); MathWorks documentation of ctc.
    """
    chosen = _Ctc.beside(Y, *pairs, **options)
    y, layout = chosen.arranged(Y, first="C", last="B", what="Y")
    y, labels, seen, real = (with_batch_axis(x) for x in (
        y, *(raw_values(layout.like_x(x, name)) for x, name in (
            (targets, "targets"), (YMask, "YMask"), (targetsMask, "targetsMask")))))
    if not y.shape[-1]:
        fail("ctc:emptyInput", f"Y has size {times(y.shape)}, and the mean of no observations is not defined.",
             "Pass at least one observation.")
    steps = mask_of(seen, y.shape, "YMask")
    if labels.shape[0] != 1 or labels.shape[2] != y.shape[2]:
        fail("ctc:targetsMismatch", f"targets have size {times(labels.shape)} as channels × steps × observations, but Y has "
             f"{counted(y.shape[2], 'observation')}.", "Pass targets with a C of size 1 and as many observations as Y.")
    there = mask_of(real, labels.shape, "targetsMask")
    labels = np.where(there, labels[0], 0)
    check_target_classes(labels, there, y.shape[0], chosen.blank(y.shape[0]))
    labels = np.take_along_axis(labels, np.argsort(~there, 0, kind="stable"), 0)
    counts = there.sum(0)
    check_room_for_labels(labels, counts, steps.sum(0))
    losses = apply_op("ctc", in_front(y, steps), labels, steps.sum(0), counts, blank=chosen.blank(y.shape[0]))
    return result_of_mean(losses, layout)


def with_batch_axis(x: Payload) -> Payload:
    return shaped(x, (*x.shape, 1)) if x.ndim == 2 else x


def mask_of(mask: np.ndarray, like: tuple[int, ...], name: str) -> np.ndarray:
    """A mask of an array as steps × observations."""
    whole = as_logical(mask, "ctc", name)
    if whole.shape[0] not in (1, like[0]) or whole.shape[1:] != like[1:] or (whole != whole[:1]).any():
        fail(f"ctc:{name}Mismatch", f"{name} has size {times(whole.shape)} as channels × steps × observations, in which its "
             f"dimensions are read as those of Y, but it belongs to {times(like)}.", "Pass a mask of that size, or of one "
             "channel, which is the same in all channels: 1 where a step is real, 0 where it is padding.")
    return np.asarray(whole[0])


def in_front(y: Payload, steps: np.ndarray) -> Payload:
    """The real steps of every observation before all others."""
    order = np.argsort(~steps, 0, kind="stable")
    return y if (order == np.arange(len(order))[:, None]).all() else y[:, order, np.arange(y.shape[2])]


def check_target_classes(labels: np.ndarray, there: np.ndarray, classes: int, blank: int) -> None:
    chosen = labels[there]
    wrong = ~((chosen >= 1) & (chosen <= classes) & (chosen == np.floor(chosen)))
    if wrong.any():
        fail("ctc:invalidTargets", f"targets hold {chosen[wrong][0]:g}, but the classes of Y are 1 to {classes}.",
             "Pass whole numbers from 1 on, and set targetsMask to 0 where there are none.")
    if (chosen == blank).any():
        fail("ctc:blankInTargets", f"targets hold {blank}, which is the blank.",
             "Let no label have the number of the blank, or choose another with BlankIndex.")


def check_room_for_labels(labels: np.ndarray, counts: np.ndarray, steps: np.ndarray) -> None:
    """Every label takes a step, and the same one again a blank between."""
    repeated = (labels[1:] == labels[:-1]) & (np.arange(1, len(labels))[:, None] < counts)
    needed = counts + repeated.sum(0)
    if (needed > steps).any():
        at = int((needed > steps).argmax())
        fail("ctc:sequenceTooShort", f"The targets of observation {at + 1} need {counted(int(needed[at]), 'step')}, one "
             f"each and one more between equal ones, but Y has {steps[at]} there.", "Leave such observations out, or let "
             "the network keep more steps.")


def result_of_mean(losses: Payload, layout: LabelledLayout) -> Any:
    mean = layout.result(np.mean(losses))
    return mean if layout.tracing else mean[()]
