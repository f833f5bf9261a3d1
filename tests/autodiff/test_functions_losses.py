"""mse, crossentropy, indexcrossentropy, huber, l1loss and l2loss of dlarrays against PyTorch, with options at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import compare
from tests.autodiff.mistakes import check_mistake

LABELS = ["CB", "SSCB", "BC", "CBT", "SCUB", "TBC", "SC", "C"]
TERMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "crossentropy": (dl.crossentropy, lambda y, t: -t * y.log(), {}),
    "multilabel": (dl.crossentropy, lambda y, t: F.binary_cross_entropy(y, t, reduction="none"),
                   {"ClassificationMode": "multilabel"}),
    "huber": (dl.huber, lambda y, t: F.huber_loss(y, t, reduction="none", delta=0.3), {"TransitionPoint": 0.3}),
    "l1loss": (dl.l1loss, lambda y, t: F.l1_loss(y, t, reduction="none"), {}),
    "l2loss": (dl.l2loss, lambda y, t: F.mse_loss(y, t, reduction="none"), {})}


def sizes(labels: str, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(2, 4, len(labels)))


def spread(w: torch.Tensor, labels: str, kind: str) -> torch.Tensor:
    """Weights against the size of Y."""
    if kind == "channels":
        return w.reshape([-1 if label == "C" else 1 for label in labels])
    if kind == "labelled":  # B, C
        first = labels.index("B") < labels.index("C")
        sizes_of = dict(zip("BC", w.shape, strict=True))
        return (w if first else w.T).reshape([sizes_of.get(label, 1) for label in labels])
    return w


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("seed", range(24))
def test_losses(name: str, seed: int) -> None:
    ours, terms, options = TERMS[name]
    rng, labels = np.random.default_rng(seed), LABELS[seed % len(LABELS)]
    shape = sizes(labels, rng)
    Y, T = rng.uniform(0.1, 0.9, shape), rng.uniform(0.1, 0.9, shape)
    kind = ["none", "channels", "all", "labelled"][int(rng.integers(0, 4))]
    kind = "channels" if kind == "labelled" and "B" not in labels else kind
    size = dict(zip(labels, shape, strict=True))
    weights = {"none": None, "channels": rng.uniform(0.5, 2, size["C"]), "all": rng.uniform(0.5, 2, shape),
               "labelled": rng.uniform(0.5, 2, (size.get("B", 1), size["C"]))}[kind]
    mask = rng.random(shape) < 0.7 if seed % 2 else None
    reduction = ["sum", "none"][int(rng.integers(0, 2))]
    normalisation = ["batch-size", "all-elements", "mask-included", "none"][int(rng.integers(0, 4))]
    divisor = {"batch-size": size.get("B", 1), "all-elements": Y.size, "none": 1,
               "mask-included": Y.size if mask is None else mask.sum()}[normalisation]
    options = {**options, "DataFormat": labels, "Reduction": reduction, "NormalizationFactor": normalisation,
               **({} if mask is None else {"Mask": mask}), **({"WeightsFormat": "BC"} if kind == "labelled" else {})}

    def theirs(y: torch.Tensor, t: torch.Tensor, *w: torch.Tensor) -> torch.Tensor:
        each = terms(y, t) * (spread(w[0], labels, kind) if w else 1) * (1 if mask is None else torch.tensor(mask)) / divisor
        return each.sum() if reduction == "sum" else each
    arrays = [Y, T] if weights is None else [Y, T, weights]
    compare(lambda Y, T, *w: ours(Y, T, *w, **options), theirs, arrays)


@pytest.mark.parametrize("labels", LABELS)
def test_mse(labels: str) -> None:
    rng = np.random.default_rng(0)
    shape = sizes(labels, rng)
    count = dict(zip(labels, shape, strict=True)).get("B", 1)
    compare(lambda Y, T: dl.mse(Y, T, DataFormat=labels), lambda y, t: F.mse_loss(y, t, reduction="sum") / (2 * count),
            [rng.standard_normal(shape), rng.standard_normal(shape)])


@pytest.mark.parametrize("seed", range(24))
def test_indexcrossentropy(seed: int) -> None:
    rng, labels = np.random.default_rng(seed), LABELS[seed % len(LABELS)]
    shape, at = sizes(labels, rng), labels.index("C")
    size = dict(zip(labels, shape, strict=True))
    Y = rng.uniform(0.1, 0.9, shape)
    mask = [None, 0, 2][seed % 3]
    with_one = tuple(1 if axis == at else n for axis, n in enumerate(shape))
    targets = rng.integers(0 if mask == 0 else 1, size["C"] + 1, with_one)
    counts = int((targets != mask).sum()) if mask is not None else targets.size
    weights = rng.uniform(0.5, 2, size["C"]) if seed % 2 else None
    reduction = ["sum", "none"][int(rng.integers(0, 2))]
    normalisation = ["batch-size", "all-elements", "target-included", "mask-included", "none"][int(rng.integers(0, 5))]
    divisor = {"batch-size": size.get("B", 1), "all-elements": Y.size, "none": 1}.get(normalisation, max(counts, 1))

    def theirs(y: torch.Tensor, *w: torch.Tensor) -> torch.Tensor:
        logs = y.log().movedim(at, 0).reshape(1, size["C"], -1)
        places = torch.tensor(np.where(targets == mask, -100, targets - 1)).movedim(at, 0).reshape(1, -1)
        each = F.nll_loss(logs, places, reduction="none", ignore_index=-100)
        if w:
            each = each * w[0][places.clamp(min=0)]
        each = each.reshape([1, *(n for axis, n in enumerate(shape) if axis != at)]).movedim(0, at) / divisor
        return each.sum() if reduction == "sum" else each
    options = {"DataFormat": labels, "Reduction": reduction, "NormalizationFactor": normalisation, "MaskIndex": mask}
    arrays = [Y] if weights is None else [Y, weights]
    for given in (targets, targets.squeeze(at), dl.dlarray(targets)):
        compare(lambda Y, *w, given=given: dl.indexcrossentropy(Y, given, *w, **options), theirs, arrays,
                twice=given is targets)
    labelled = dl.dlarray(Y, labels)
    formatted = dl.indexcrossentropy(labelled, dl.dlarray(targets, labels), MaskIndex=mask)
    plain = dl.indexcrossentropy(Y, targets, MaskIndex=mask, DataFormat=labels)
    np.testing.assert_allclose(dl.extractdata(formatted), plain)


def test_indexcrossentropy_is_crossentropy_of_one_hot_targets() -> None:
    rng = np.random.default_rng(0)
    Y, targets = dl.dlarray(rng.uniform(0.1, 0.9, (5, 7)), "CB"), rng.integers(1, 6, 7)
    hot = (np.arange(1, 6)[:, None] == targets).astype(float)
    for normalisation in ("batch-size", "all-elements", "none"):
        for weights in (2, rng.random(5), rng.random((5, 7)), dl.dlarray(rng.random(7), "B")):
            got, wanted = (float(loss(Y, t, weights, NormalizationFactor=normalisation))
                           for loss, t in ((dl.indexcrossentropy, targets), (dl.crossentropy, hot)))
            assert got == pytest.approx(wanted, rel=1e-12)
    assert float(dl.indexcrossentropy(dl.dlarray([[0.0], [1.0]], "CB"), [1])) < 1e3  # of a probability of 0


LOSSES = [dl.mse, dl.crossentropy, dl.huber, dl.l1loss, dl.l2loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_what_arrays_may_be(loss: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    Y, T = rng.uniform(0.1, 0.9, (4, 3, 2)), rng.uniform(0.1, 0.9, (4, 3, 2))
    plain = loss(Y, T, DataFormat="SCB")
    assert isinstance(plain, np.float64)
    for given in ((dl.dlarray(Y, "SCB"), dl.dlarray(T, "SCB")), (dl.dlarray(Y, "SCB"), T),
                  (dl.dlarray(Y, "SCB"), dl.dlarray(T.transpose(2, 0, 1), "BSC"))):
        assert isinstance(loss(*given), dl.dlarray)
        assert dl.dims(loss(*given)) == ""
        assert float(loss(*given)) == pytest.approx(float(plain))
    assert isinstance(loss(Y, dl.dlarray(T), DataFormat="SCB"), dl.dlarray)
    assert float(loss(Y.transpose(2, 0, 1), dl.dlarray(T, "SCB"), DataFormat="BSC")) == pytest.approx(float(plain))
    single = loss(dl.dlarray(Y.astype(np.float32), "SCB"), T)
    assert single.dtype == np.float32
    assert float(single) == pytest.approx(float(plain), rel=1e-5)
    if loss is not dl.mse:
        each = loss(dl.dlarray(Y, "SCB"), T, Reduction="none", Mask=dl.dlarray(T[:, :, 0] > 0.5, "SC"))
        assert (dl.dims(each), each.shape) == ("SCB", Y.shape)
        assert (dl.extractdata(each)[np.broadcast_to(T[:, :, :1] <= 0.5, Y.shape)] == 0).all()


def test_published_numbers() -> None:
    rand = np.random.RandomState(5489).random_sample
    Y = dl.dlarray(rand(36).reshape(6, 6, 1, 1, order="F"), "SSCB")
    assert float(dl.mse(Y, np.ones(Y.shape))) == pytest.approx(5.2061, abs=5e-5)
    rand = np.random.RandomState(5489).random_sample
    Y, T = (rand(120).reshape(10, 12, order="F") for _ in range(2))
    for loss, value in ((dl.huber, 0.7374), (dl.l1loss, 3.1679), (dl.l2loss, 1.4748)):
        assert float(loss(dl.dlarray(Y, "CB"), T)) == pytest.approx(value, abs=5e-5)
    rand = np.random.RandomState(5489)
    X = dl.softmax(dl.dlarray(rand.random_sample(120).reshape(10, 12, order="F"), "CB"))
    targets = np.floor(rand.random_sample(12) * 10).astype(int)
    assert float(dl.crossentropy(X, np.eye(10)[:, targets])) == pytest.approx(2.3343, abs=5e-5)
    assert float(dl.indexcrossentropy(X, targets + 1)) == pytest.approx(2.3343, abs=5e-5)
    rand = np.random.RandomState(5489)
    X = dl.softmax(dl.dlarray(rand.random_sample(35).reshape(5, 7, order="F"), "CB"))
    assert dl.extractdata(X)[0].round(4).tolist() == [0.2205, 0.1175, 0.1140, 0.1153, 0.1963, 0.2416, 0.3104]
    assert float(dl.indexcrossentropy(X, [5, 4, 2, 5, 1, 3, 2])) == pytest.approx(1.5620, abs=5e-5)



Y2, T2 = dl.dlarray([[0.5, 0.2], [0.5, 0.8]], "CB"), [[1, 0], [0, 1]]
BAD = {
    "no labels": (lambda: dl.mse(dl.stripdims(Y2), T2), "mse:missingDataFormat", "DataFormat='SSCB'",
                  lambda: dl.mse(dl.stripdims(Y2), T2, DataFormat="CB")),
    "labels twice": (lambda: dl.huber(Y2, T2, DataFormat="CB"), "huber:formatTwice", "Leave DataFormat out",
                     lambda: dl.huber(Y2, T2)),
    "labels twice in words": (lambda: dl.crossentropy(Y2, T2, 2, "dataformat", "CB"), "crossentropy:formatTwice",
                              "stripdims(X)", lambda: dl.crossentropy(dl.stripdims(Y2), T2, 2, "dataformat", "CB")),
    "other labels": (lambda: dl.l1loss(Y2, dl.dlarray(T2, "SB")), "l1loss:formatMismatch", "the labels of X",
                     lambda: dl.l1loss(Y2, dl.dlarray(T2, "CB"))),
    "other sizes": (lambda: dl.l2loss(Y2, [[1, 0]]), "l2loss:sizeMismatch", "of the size of Y", lambda: dl.l2loss(Y2, T2)),
    "text": (lambda: dl.mse(Y2, "T"), "mse:notNumeric", "np.asarray", lambda: dl.mse(Y2, np.asarray(T2, dtype=float))),
    "labels of weights twice": (lambda: dl.l1loss(Y2, T2, dl.dlarray([1, 2], "C"), WeightsFormat="C"),
                                "l1loss:weightsFormatTwice", "Leave WeightsFormat out",
                                lambda: dl.l1loss(Y2, T2, dl.dlarray([1, 2], "C"))),
    "other weights": (lambda: dl.l1loss(Y2, T2, dl.dlarray([1, 2, 3], "C")), "l1loss:weightsMismatch", "of the size of Y",
                      lambda: dl.l1loss(Y2, T2, np.ones((2, 2)))),
    "a mask of numbers": (lambda: dl.l1loss(Y2, T2, Mask=dl.dlarray([[1, 2], [0, 1]])), "l1loss:invalidMask", "logical",
                          lambda: dl.l1loss(Y2, T2, Mask=dl.dlarray([[1, 0], [0, 1]]))),
    "classes from 0 on": (lambda: dl.indexcrossentropy(Y2, [0, 1]), "indexcrossentropy:invalidTargets", "from 1 on",
                          lambda: dl.indexcrossentropy(Y2, [1, 2])),
    "padding without a mask": (lambda: dl.indexcrossentropy(Y2, [1, 3]), "indexcrossentropy:invalidTargets",
                               "pass what does not count as MaskIndex",
                               lambda: dl.indexcrossentropy(Y2, [1, 3], MaskIndex=3)),
    "one-hot targets": (lambda: dl.indexcrossentropy(Y2, T2), "indexcrossentropy:sizeMismatch", "one element along C",
                        lambda: dl.indexcrossentropy(Y2, [[1, 2]])),
    "no classes": (lambda: dl.indexcrossentropy(dl.dlarray([0.5], "B"), [1]), "indexcrossentropy:noChannels",
                   "Label the dimension", lambda: dl.indexcrossentropy(dl.dlarray([0.5], "C"), [1])),
    "targets that are no dlarray": (
        lambda: dl.dlfeval(lambda y, t: dl.dlgradient(dl.mse(y, t), t), Y2, np.asarray(T2)), "dlgradient:notADlarray",
        "dlarray(x)", lambda: dl.dlfeval(lambda y, t: dl.dlgradient(dl.mse(y, t), t), Y2, dl.dlarray(T2)))}


@pytest.mark.parametrize("wrong", BAD)
def test_bad_inputs(wrong: str) -> None:
    check_mistake(BAD[wrong])
