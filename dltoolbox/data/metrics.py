"""How good labels are: confusion matrices, and the accuracy and overlap of segmentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of
from dltoolbox.core.display import aligned, counted, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Configured, Property, options_as_pairs, show
from dltoolbox.core.statements.copied import Names, Sealed
from dltoolbox.core.table import Column, Table
from dltoolbox.data.categorical import categorical
from dltoolbox.data.labels import Encoded, Key, distinct_keys, distinct_names, encode, is_text, positions_among, recode
from dltoolbox.data.sources.layouts import advice, wanted
from dltoolbox.runtime.console import say


class MetricsTable(Table):
    """A table of numbers whose rows have names; with a single row every column reads as a number.

    >>> t = MetricsTable({"Accuracy": [0.75, 1], "IoU": [0.6, 0.9]}, ["cat", "dog"])
    >>> t.IoU, t["cat", "IoU"]
    (array([0.6, 0.9]), 0.6)
    >>> print(t)
               Accuracy    IoU
               ________    ___
    <BLANKLINE>
        cat      0.75      0.6
        dog         1      0.9
    """

    own = ("columns", "RowNames")

    def __init__(self, columns: Mapping[str, Sequence[float] | np.ndarray], RowNames: Sequence[str] = ()) -> None:
        self.columns = {name: Column(np.asarray(values).tolist()) for name, values in columns.items()}  # also one 'self'
        self.RowNames = Names(RowNames)

    def __getattr__(self, name: str) -> Any:
        values = super().__getattr__(name)
        if len(values) == 1:
            return values[0]
        column = np.array(values)
        column.flags.writeable = False  # it is a copy
        return column

    def _part(self, places: Sequence[int]) -> MetricsTable:
        return MetricsTable({name: [values[at] for at in places] for name, values in self.columns.items()},
                            [self.RowNames[at] for at in places] if self.RowNames else ())

    def __getitem__(self, at: Any) -> Any:
        """Rows as of every table, or one number by the names of its row and column: ``t['cat', 'IoU']``."""
        if not isinstance(at, tuple):
            return super().__getitem__(at)
        row, column = at
        if row not in self.RowNames:
            fail("table:unknownRow", f"The table has no row {row!r}.",
                 f"Its rows are {listed(self.RowNames)}." if self.RowNames else "Its rows have no names.")
        return super().__getattr__(column)[self.RowNames.index(row)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(list(self.columns.values()), dtype=dtype).T

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self.columns)

    def texts(self) -> dict[str, list[str]]:
        names = {"": self.RowNames} if self.RowNames else {}
        return names | {name: list(map(metric_text, values)) for name, values in self.columns.items()}

    def blocks(self) -> list[list[str]]:
        names = [column_lines("", self.RowNames, str.ljust)] if self.RowNames else []
        return [*names, *(column_lines(name, list(map(metric_text, values)), str.rjust)
                          for name, values in self.columns.items())]


def metric_text(value: float) -> str:
    """Five significant digits, as MATLAB's tables print numbers."""
    return "NaN" if value != value else f"{value:.5g}" if isinstance(value, float) else str(value)


def column_lines(head: str, cells: Sequence[str], justify: Any) -> list[str]:
    """The lines of one column: its head, a rule, a blank line and the cells, which stand centered under the head."""
    inner = max(map(len, cells), default=0)
    width = max(len(head), inner)
    rule = "_" * width if head else " " * width
    return [f"{head:^{width}}", rule, " " * width, *(f"{justify(cell, inner):^{width}}" for cell in cells)]


class SemanticSegmentationMetrics(Sealed):
    """The result of `evaluateSemanticSegmentation`; ``print`` lists the tables.

    Attributes:
        ClassNames: The classes, in the order of the ground truth's categories.
        ConfusionMatrix: Numbers of pixels, a row per true and a column per predicted class.
        NormalizedConfusionMatrix: The same, as parts of the pixels of the true class.
        DataSetMetrics: One row: GlobalAccuracy, MeanAccuracy, MeanIoU and WeightedIoU over all pixels.
        ClassMetrics: A row per class: Accuracy and IoU.
        ImageMetrics: The data set metrics of every image, a row per image.
    """

    _instead = "Evaluate again: metrics = evaluateSemanticSegmentation(pred, truth)."

    def __init__(self, ClassNames: Sequence[str], confusions: np.ndarray) -> None:
        self.ClassNames = Names(distinct_names(ClassNames, "SemanticSegmentationMetrics"))
        confusions = counts(confusions, len(self.ClassNames))
        total = confusions.sum(0)
        accuracy, iou = class_scores(total)
        self.ConfusionMatrix = MetricsTable(dict(zip(self.ClassNames, total.T, strict=True)), self.ClassNames)
        self.NormalizedConfusionMatrix = MetricsTable(
            dict(zip(self.ClassNames, ratio(total, total.sum(1, keepdims=True)).T, strict=True)), self.ClassNames)
        self.DataSetMetrics = MetricsTable(data_set_scores(total[np.newaxis]))
        self.ClassMetrics = MetricsTable({"Accuracy": accuracy, "IoU": iou}, self.ClassNames)
        self.ImageMetrics = MetricsTable(data_set_scores(confusions))
        self._sealed = True

    def __str__(self) -> str:
        tables = [(name, f"[{len(value)}×{len(value.columns)} table]") for name, value in vars(self).items()
                  if isinstance(value, MetricsTable)]
        return f"  semanticSegmentationMetrics with properties:\n\n{aligned(tables)}\n"

    def _repr_html_(self) -> str:
        tables = [(name, table) for name, table in vars(self).items() if isinstance(table, MetricsTable)]
        return "".join(table.html(name) for name, table in tables)

    def __repr__(self) -> str:
        classes = counted(len(self.ClassNames), "class")
        return f"<SemanticSegmentationMetrics of {classes}: MeanIoU {self.DataSetMetrics.MeanIoU:.4f}>"


def counts(confusions: object, classes: int) -> np.ndarray:
    """Confusion matrices N×K×K as an array of counts."""
    array = array_of(confusions)
    if array is None or array.dtype.kind not in "fiub" or array.shape != (*array.shape[:1], classes, classes):
        fail("SemanticSegmentationMetrics:invalidConfusions",
             f"The confusion matrices of {counted(classes, 'class')} must be an array "
             f"N×{classes}×{classes} of counts, but they are {show(confusions)}.",
             "Use metrics = evaluateSemanticSegmentation(pred, truth), which counts.")
    return array


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where there is nothing to be a part of."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values: np.ndarray = np.true_divide(part, whole)
        return values


def class_scores(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and intersection over union of every class; NaN for a class without pixels."""
    hits, truth, predicted = np.diagonal(confusion, 0, -2, -1), confusion.sum(-1), confusion.sum(-2)
    return ratio(hits, truth), ratio(hits, truth + predicted - hits)


def data_set_scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """The summary of each of N×K×K confusion matrices. Classes without pixels do not count."""
    accuracy, iou = class_scores(confusions)
    truth = confusions.sum(-1)
    hits = np.diagonal(confusions, 0, -2, -1)
    return {"GlobalAccuracy": ratio(hits.sum(-1), truth.sum(-1)), "MeanAccuracy": mean_of_known(accuracy),
            "MeanIoU": mean_of_known(iou), "WeightedIoU": ratio((truth * np.nan_to_num(iou)).sum(-1), truth.sum(-1))}


def mean_of_known(values: np.ndarray) -> np.ndarray:
    return ratio(np.nansum(values, -1), (~np.isnan(values)).sum(-1))


class _MetricOptions(Configured):
    function = "evaluateSemanticSegmentation"
    Verbose = Property(convert.flag, True)


def evaluateSemanticSegmentation(pred: object, truth: object, *pairs: object,
                                 **options: object) -> SemanticSegmentationMetrics:
    """Compare predicted pixel labels with the true ones: ``metrics = evaluateSemanticSegmentation(pred, truth)``.

    Args:
        pred: Categorical labels as `semanticseg` returns them: one image h×w, or h×w×N; or a list of images h×w.
        truth: The true labels in the same form. Its categories are the classes.
        *pairs: Name-value pairs.
        **options: ``Verbose`` (True): whether the data set metrics are printed.

    Returns:
        `SemanticSegmentationMetrics`: tables with the accuracy (the part of a class's true pixels that was found) and
        the IoU (pixels of both, divided by pixels of either) of the data set, of every class and of every image.
        Pixels that are undefined in ``pred`` or in ``truth`` do not count, and neither does a class that occurs in
        neither of them. MATLAB's boundary score (BFScore) is not computed.

    Raises:
        DltoolboxError: ``dltoolbox:evaluateSemanticSegmentation:notCategorical``, ``…:sizeMismatch``,
            ``…:unknownClasses``, ``…:noPixels``.

    Example:
        >>> truth = categorical([["sky", "sky"], ["sky", "road"]])
        >>> pred = categorical([["sky", "road"], ["sky", "road"]])
        >>> metrics = evaluateSemanticSegmentation(pred, truth)
        Metrics of the data set (1 image, 4 labelled pixels):
        <BLANKLINE>
            GlobalAccuracy    MeanAccuracy    MeanIoU    WeightedIoU
            ______________    ____________    _______    ___________
        <BLANKLINE>
                 0.75           0.83333       0.58333       0.625
        <BLANKLINE>
        >>> metrics.ClassMetrics["road", "IoU"]
        0.5
    """
    chosen = _MetricOptions(*pairs, **options)
    predicted, true = images(pred, "pred"), images(truth, "truth")
    if len(predicted) != len(true):
        fail("evaluateSemanticSegmentation:sizeMismatch", f"There are {len(predicted)} predicted and {len(true)} true "
             "label images.", "Pass one for each.")
    classes = list(dict.fromkeys(name for labels in true for name in labels.categories))
    parts = [confusions_of(*pair, classes) for pair in zip(predicted, true, strict=True)]
    confusions = np.concatenate(parts) if parts else np.zeros((0, 0, 0), int)
    if not confusions.any():
        fail("evaluateSemanticSegmentation:noPixels", "No pixel has a label both in pred and in truth.",
             "Check that the labels are not all <undefined>.")
    metrics = SemanticSegmentationMetrics(classes, confusions)
    if chosen.Verbose:
        say(f"Metrics of the data set ({counted(len(confusions), 'image')}, {confusions.sum():,} labelled pixels):\n\n"
            f"{metrics.DataSetMetrics}\n")
    return metrics


def images(labels: Any, name: str) -> list[categorical]:
    """One categorical array or a list of them."""
    labelled = list(labels) if isinstance(labels, (list, tuple)) else [labels]
    for image in labelled:
        if not isinstance(image, categorical):
            fail("evaluateSemanticSegmentation:notCategorical", f"'{name}' must be a categorical array or a list of them, "
                 f"but it holds {show(image)}.", "Convert numbers first: categorical(L, [1, 2], ['sky', 'road']).")
        if image.ndim < 2:
            fail("evaluateSemanticSegmentation:sizeMismatch", f"'{name}' must be label images h×w or h×w×N, but it has "
                 f"{image.ndim} dimension{'' if image.ndim == 1 else 's'}.", "For labels of whole images use confusionmat.")
    return labelled


def confusions_of(predicted: categorical, true: categorical, classes: Sequence[str]) -> np.ndarray:
    """N×K×K confusion matrices of N images, the last axis of the labels (one image where there are two axes)."""
    if predicted.shape != true.shape:
        fail("evaluateSemanticSegmentation:sizeMismatch", f"The predicted labels are {size_text(predicted)}, but the true "
             f"labels are {size_text(true)}.", turned_alike(predicted.shape, true.shape))
    unknown = [name for name in predicted.categories if name not in classes]
    if unknown:
        fail("evaluateSemanticSegmentation:unknownClasses", f"The predicted labels have the categories {show(unknown)}, "
             f"which the true labels lack; theirs are {show(list(classes))}.",
             f"If they are the same classes in the same order, use renamecats(pred, {list(classes)})." if
             len(predicted.categories) == len(classes) else "Give both the same names with renamecats.")
    count = true.shape[-1] if true.ndim > 2 else 1
    rows = [recode(labels.codes, positions_among(labels.categories, classes)).reshape(-1, count)
            for labels in (true, predicted)]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    k = len(classes)
    cells = ((np.arange(count) * k + rows[0]) * k + rows[1])[known]
    return np.bincount(cells, minlength=count * k * k).reshape(count, k, k)


def turned_alike(predicted: tuple[int, ...], true: tuple[int, ...]) -> str:
    """The call that brings the true labels into the size and order of the predicted ones, h×w or h×w×N."""
    if [n for n in predicted if n != 1] == [n for n in true if n != 1]:
        return f"Use truth.reshape({', '.join(map(str, predicted))})."
    sides = predicted[:-1] if len(predicted) > 2 else predicted
    goal = wanted((*sides, 1), channels=False)
    return (advice(true, goal, "truth") if len(goal.sizes) <= 4 else "") or "Compare label images of the same size."


def size_text(labels: categorical) -> str:
    return "×".join(map(str, labels.shape))


@options_as_pairs
def confusionmat(g: object, ghat: object, *pairs: object, Order: object = None, nargout: int = 1) -> Any:
    """How often each true label was predicted as which: ``C = confusionmat(g, ghat)``.

    Args:
        g: The true labels: categorical, or text, numbers or logicals in any form that `categorical` takes.
        ghat: As many predicted labels.
        *pairs: ``'Order', order``, as MATLAB writes it.
        Order: The labels in the order of rows and columns. Default: the categories, or the sorted numbers, or text in
            the order of its appearance.
        nargout: 2 returns the order, too: ``C, order = confusionmat(g, ghat, nargout=2)``.

    Returns:
        C: K×K numbers: row i, column j counts the observations of class i that were predicted as class j. Missing
            labels (undefined, NaN, empty text) do not count.
        order: The K labels: a categorical, an array of numbers or a list of text, as ``g``.

    Raises:
        DltoolboxError: ``dltoolbox:confusionmat:sizeMismatch``, ``…:differentKinds``, ``…:notInOrder``,
            ``…:invalidArguments``.

    Example:
        >>> confusionmat(["cat", "dog", "dog"], ["cat", "cat", "dog"])
        array([[1, 0],
               [1, 1]])
    """
    check_nargout(nargout, 2, "confusionmat")
    true, predicted = encode(g), encode(ghat)
    if true.codes.size != predicted.codes.size:
        fail("confusionmat:sizeMismatch", f"There are {true.codes.size} true and {predicted.codes.size} predicted labels.",
             "Pass one prediction for each true label; one-hot labels are decoded by onehotdecode.")
    if true.keys and predicted.keys and is_text(true.keys) != is_text(predicted.keys):
        fail("confusionmat:differentKinds", f"The true labels {show(list(true.keys)[:5])} and the predicted labels "
             f"{show(list(predicted.keys)[:5])} are not of the same kind.", "Pass both as text or both as numbers.")
    keys = label_order(g, true, ghat, predicted) if Order is None else distinct_keys(Order)
    rows, columns = (recode(side.codes.ravel(), positions_among(side.keys, keys)) for side in (true, predicted))
    if Order is not None:
        check_order(true, predicted, keys)
    known = (rows >= 0) & (columns >= 0)
    k = len(keys)
    C = np.bincount(rows[known] * k + columns[known], minlength=k * k).reshape(k, k)
    return outputs((C, like(g, keys)), nargout, "confusionmat")


def label_order(g: object, true: Encoded, ghat: object, predicted: Encoded) -> list[Key]:
    """Categories as they are, with those that only ``ghat`` has at the end; else sorted numbers, or text as it appears."""
    if isinstance(g, categorical) or isinstance(ghat, categorical):
        return list(dict.fromkeys([*true.keys, *predicted.keys]))
    if is_text([*true.keys, *predicted.keys]):
        return list(dict.fromkeys(side.keys[code] for side in (true, predicted) for code in side.codes.ravel() if code >= 0))
    return sorted({*true.keys, *predicted.keys})


def check_order(true: Encoded, predicted: Encoded, keys: Sequence[Key]) -> None:
    used = [side.keys[code] for side in (true, predicted) for code in np.unique(side.codes) if code >= 0]
    missing = [key for key in dict.fromkeys(used) if key not in keys]
    if missing:
        fail("confusionmat:notInOrder", f"The labels {show(missing)} occur, but are not in Order.",
             "List every label that occurs, so that no observation is lost.")


def like(g: object, keys: Sequence[Key]) -> Any:
    """The labels in the form in which the true ones came."""
    if isinstance(g, categorical):
        return categorical(keys, keys) if keys else categorical()
    return list(keys) if is_text(keys) else np.array(keys)
