"""Losses, activations and the dense product of labelled arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.functions import (
    crosschannelnorm,
    crossentropy,
    fullyconnect,
    huber,
    l1loss,
    l2loss,
    leakyrelu,
    mse,
    relu,
    softmax,
)

RNG = np.random.default_rng(1)
Y = softmax(RNG.standard_normal((5, 4, 3)), DataFormat="SCB")
T = RNG.uniform(0, 1, (5, 4, 3))
TERMS = {crossentropy: -T * np.log(Y), huber: np.square(Y - T) / 2, l1loss: np.abs(Y - T), l2loss: np.square(Y - T)}
LOSSES = list(TERMS)


def identifier(call: Any) -> str:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return caught.value.identifier.removeprefix("dltoolbox:")


@pytest.mark.parametrize("loss", LOSSES)
def test_normalisation_and_reduction(loss: Any) -> None:
    terms = TERMS[loss]
    mask = T > 0.5
    assert np.isclose(loss(Y, T, DataFormat="SCB"), terms.sum() / 3)
    assert np.isclose(loss(Y, T, DataFormat="SCB", NormalizationFactor="all-elements"), terms.mean())
    assert np.isclose(loss(Y, T, DataFormat="SCB", NormalizationFactor="none"), terms.sum())
    assert np.isclose(loss(Y, T, DataFormat="SCB", Mask=mask), terms[mask].sum() / 3)
    assert np.isclose(loss(Y, T, DataFormat="SCB", Mask=mask, NormalizationFactor="mask-included"), terms[mask].mean())
    np.testing.assert_allclose(loss(Y, T, DataFormat="SCB", Reduction="none", NormalizationFactor="none"), terms)
    assert np.isclose(loss(Y, T, DataFormat="SCU"), terms.sum())  # no batch, nothing to divide by


@pytest.mark.parametrize("loss", LOSSES)
def test_weights(loss: Any) -> None:
    terms, per_class, per_observation = TERMS[loss], np.array([1.0, 2, 3, 4]), np.array([5.0, 1, 2])
    assert np.isclose(loss(Y, T, 2, DataFormat="SCB"), 2 * terms.sum() / 3)
    assert np.isclose(loss(Y, T, per_class, DataFormat="SCB"), (terms * per_class[:, None]).sum() / 3)
    assert np.isclose(loss(Y, T, per_class[None], "WeightsFormat", "UC", "DataFormat", "SCB"),
                      (terms * per_class[:, None]).sum() / 3)
    assert np.isclose(loss(Y, T, per_observation, WeightsFormat="B", DataFormat="SCB"), (terms * per_observation).sum() / 3)
    both = RNG.uniform(0, 1, (3, 4))
    assert np.isclose(loss(Y, T, both, WeightsFormat="BC", DataFormat="SCB"), (terms * both.T).sum() / 3)
    assert np.isclose(loss(Y, T, T, DataFormat="SCB"), (terms * T).sum() / 3)
    name = loss.__name__
    assert identifier(lambda: loss(Y, T, np.ones(7), DataFormat="SCB")) == f"{name}:weightsMismatch"
    assert identifier(lambda: loss(Y, T, per_class, WeightsFormat="B", DataFormat="SCB")) == f"{name}:weightsMismatch"
    assert identifier(lambda: loss(Y, T, Mask=np.ones(7), DataFormat="SCB")) == f"{name}:maskMismatch"
    assert identifier(lambda: loss(Y, T, Mask=2, DataFormat="SCB")) == f"{name}:invalidMask"
    assert identifier(lambda: loss(Y, T, Mask=[[1], [1, 0]], DataFormat="SCB")) == f"{name}:invalidMask"


@pytest.mark.parametrize("loss", [*LOSSES, mse])
def test_order_of_labels_does_not_matter(loss: Any) -> None:
    wanted = loss(Y, T, DataFormat="SCB")
    assert np.isclose(loss(Y.transpose(2, 0, 1), T.transpose(2, 0, 1), DataFormat="BSC"), wanted)
    single = loss(Y.astype(np.float32), T, DataFormat="SCB")
    assert single.dtype == np.float32
    assert np.isclose(single, wanted, rtol=1e-5)
    name = loss.__name__
    assert identifier(lambda: loss(Y, T[:4], DataFormat="SCB")) == f"{name}:sizeMismatch"
    assert identifier(lambda: loss(Y, T)) == f"{name}:missingDataFormat"
    assert identifier(lambda: loss(Y, T.astype(str), DataFormat="SCB")) == f"{name}:notNumeric"
    assert identifier(lambda: loss(Y, T, DataFormat="SC")) == f"{name}:dataFormatMismatch"


def test_mse_divides_by_observations_only() -> None:
    assert np.isclose(mse(Y, T, DataFormat="SCB"), np.square(Y - T).sum() / 6)
    assert np.isclose(mse(Y, T, DataFormat="SSU"), np.square(Y - T).sum() / 2)
    assert mse(np.ones(3), np.zeros(3), DataFormat="CB") == 1.5  # a missing trailing batch is one observation


def test_multilabel_crossentropy() -> None:
    wanted = -(T * np.log(Y) + (1 - T) * np.log(1 - Y)).sum() / 3
    assert np.isclose(crossentropy(Y, T, ClassificationMode="multilabel", DataFormat="SCB"), wanted)
    assert np.isclose(crossentropy(Y, T, TargetCategories="independent", DataFormat="SCB"), wanted)
    assert np.isfinite(crossentropy([[0.0], [1.0]], [[1.0], [0.0]], ClassificationMode="multilabel", DataFormat="CB"))


def test_huber_is_linear_beyond_the_transition() -> None:
    assert huber([0, 3], [0, 0], TransitionPoint=2, DataFormat="C") == 2 * 3 - 2
    assert huber([2], [0], TransitionPoint=2, DataFormat="C") == 2  # both pieces meet


@pytest.mark.parametrize("labels", ["SCB", "CSB", "BSC", "TCU"])
def test_softmax_is_along_the_channels(labels: str) -> None:
    X = RNG.standard_normal((5, 4, 3)) * 50
    axis = labels.index("C")
    e = np.exp(X - X.max(axis, keepdims=True))
    np.testing.assert_allclose(softmax(X, DataFormat=labels), e / e.sum(axis, keepdims=True), rtol=1e-12)
    assert softmax([1, 2, 3], DataFormat="CB").shape == (3,)
    assert identifier(lambda: softmax(X, DataFormat="SSB")) == "softmax:noChannels"


def test_element_wise() -> None:
    X = np.array([-2.0, 0, 3], np.float32)
    assert relu(X).tolist() == [0, 0, 3]
    assert leakyrelu(X).tolist() == np.array([-0.02, 0, 3], np.float32).tolist()
    assert leakyrelu(X, 0.5).tolist() == leakyrelu(X, "scale", 0.5).tolist() == [-1, 0, 3]
    assert relu(X).dtype == leakyrelu(X).dtype == np.float32
    assert identifier(lambda: relu(["a"])) == "relu:notNumeric"
    assert identifier(lambda: leakyrelu(X, "much")) == "leakyrelu:invalidscale"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 30])
def test_crosschannelnorm_against_its_sum(size: int) -> None:
    X = RNG.standard_normal((2, 6, 3))
    wanted = np.empty_like(X)
    for c in range(6):
        near = X[:, max(c - (size - 1) // 2, 0):c + size // 2 + 1]
        wanted[:, c] = X[:, c] / (2 + 0.5 / size * np.square(near).sum(1)) ** 0.75
    np.testing.assert_allclose(crosschannelnorm(X, size, Alpha=0.5, DataFormat="SCB"), wanted, rtol=1e-12)
    turned = crosschannelnorm(X.transpose(2, 1, 0), size, Alpha=0.5, DataFormat="BCS")
    np.testing.assert_allclose(turned, wanted.transpose(2, 1, 0), rtol=1e-12)


def test_fullyconnect_keeps_time_and_order() -> None:
    X, W, b = RNG.standard_normal((2, 3, 4, 5)), RNG.standard_normal((7, 2, 3)), RNG.standard_normal(7)  # S C B T
    wanted = np.einsum("ksc,scbt->kbt", W, X) + b[:, None, None]
    np.testing.assert_allclose(fullyconnect(X, W, b, DataFormat="SCBT"), wanted)
    np.testing.assert_allclose(fullyconnect(X, W.reshape(7, 6, order="F"), b[:, None], DataFormat="SCBT"), wanted)
    rows = RNG.standard_normal((4, 3))
    np.testing.assert_allclose(fullyconnect(rows, W[:, 0], 0, DataFormat="BC"), rows @ W[:, 0].T)
    np.testing.assert_allclose(fullyconnect(X[:, :, 0, 0], W, b, DataFormat="SC"), wanted[:, 0, 0])
    assert fullyconnect(X.transpose(0, 1, 3, 2), W, b, DataFormat="SCTB").shape == (7, 5, 4)
    np.testing.assert_allclose(fullyconnect(X.transpose(1, 0, 2, 3), W, b, DataFormat="UCBT"),
                               fullyconnect(X, W.transpose(0, 1, 2).reshape(7, 2, 3), b, DataFormat="CUBT"))
    assert identifier(lambda: fullyconnect(rows, W, 0, DataFormat="BT")) == "fullyconnect:noFeatures"


@pytest.mark.parametrize(("weights", "bias", "labels", "expected"), [
    (np.ones((7, 5)), 0, "SCBT", "fullyconnect:weightsMismatch"),
    (np.ones((7, 6)), np.ones(6), "SCBT", "fullyconnect:biasMismatch"),
    (np.ones((7, 6)), 0, "SCBU", "fullyconnect:weightsMismatch"),
    (np.ones((7, 6)), 0, "", "fullyconnect:missingDataFormat"),
    ("w", 0, "SCBT", "fullyconnect:notNumeric"),
])
def test_fullyconnect_faults(weights: Any, bias: Any, labels: str, expected: str) -> None:
    assert identifier(lambda: fullyconnect(np.ones((2, 3, 4, 5)), weights, bias, DataFormat=labels)) == expected
