"""Data with NaN, infinities, masks, and numbers at the ends of single precision: labels, warnings, and silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning
from dltoolbox.ops import OPS, Call, as_tuple
from dltoolbox.program.model import Model
from dltoolbox.runtime.threads import maxNumCompThreads
from tests.ops.samples import CASES, op_of
from tests.program.networks import digits, finished, images, segnet

UNDEFINED = "<undefined>"


@pytest.fixture
def strict() -> Any:
    """Every warning is an error, and NumPy is told to warn of everything."""
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        yield


def labels(call: Callable[[], Any]) -> tuple[Any, str]:
    """The result of a call that warns once, and what it says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    assert [one.category for one in caught] == [DltoolboxWarning]
    return found, str(caught[0].message)


def spoiled(X: np.ndarray, at: int) -> np.ndarray:
    X = X.astype(np.float32)
    X[0, 0, 0, at] = np.nan
    return X


@pytest.mark.parametrize("call", [dl.classify, partial(dl.predict, ReturnCategorical=True)])
def test_labels_of_nan_are_undefined(call: Callable[..., Any]) -> None:
    net = dl.assembleNetwork([dl.imageInputLayer([4, 4, 1], Normalization="none"),
                              dl.fullyConnectedLayer(3, Weights=np.eye(3, 16), Bias=np.zeros(3)), dl.softmaxLayer,
                              dl.classificationLayer(Classes=["a", "b", "c"])])
    X = np.random.default_rng(0).standard_normal((4, 4, 1, 300))
    clean = dl.classify(net, X).tolist()
    Y, said = labels(lambda: call(net, spoiled(X, 250), MiniBatchSize=7))
    assert Y.tolist() == [*clean[:250], UNDEFINED, *clean[251:]]
    assert "1 of 300 labels are <undefined>" in said
    assert "undefinedLabels" in said


def test_pixels_of_nan_are_undefined() -> None:
    net = dl.assembleNetwork([dl.imageInputLayer([4, 4, 1], Normalization="none"),
                              dl.convolution2dLayer(1, 2, Weights=np.reshape([1, -1], (1, 1, 1, 2)), Bias=np.zeros(2)),
                              dl.softmaxLayer, dl.pixelClassificationLayer(Classes=["up", "down"])])
    X = np.ones((4, 4, 1), np.float32)
    X[1, 2] = np.nan
    Y, _ = labels(lambda: dl.semanticseg(X, net))
    assert Y.tolist() == [["up"] * 4, ["up", "up", UNDEFINED, "up"], ["up"] * 4, ["up"] * 4]
    numbers, _ = labels(lambda: dl.semanticseg(X, net, OutputType="double"))
    assert np.isnan(numbers[1, 2])
    assert np.nansum(numbers) == 15
    small, _ = labels(lambda: dl.semanticseg(X, net, OutputType="uint8"))
    assert small.dtype == np.uint8
    assert small[1, 2] == 0


def test_decoding_scores_of_nan() -> None:
    """`onehotdecode` says nothing: undefined labels that were encoded are NaN."""
    scores = [[0.2, 0.8], [np.nan, 1], [1, np.nan]]
    Y, said = labels(lambda: dl.scores2label(scores, ["a", "b"], 2))
    assert Y.tolist() == dl.onehotdecode(scores, ["a", "b"], 2).tolist() == ["b", UNDEFINED, UNDEFINED]
    assert "2 of 3 labels" in said


# Masks ---------------------------------------------------------------------------------------------------------------
MASKED = np.ma.masked_less(np.arange(16.0).reshape(4, 4, 1, 1), 3)


@pytest.mark.parametrize("call", [
    lambda: dl.predict(NET, MASKED), lambda: dl.activations(NET, MASKED, 1), lambda: dl.relu(MASKED),
    lambda: dl.fullyConnectedLayer(2, Weights=MASKED[..., 0, 0]),
    lambda: dl.onehotdecode(MASKED[..., 0, 0], list("abcd"), 1),
    lambda: dl.trainNetwork(MASKED, [0.0], [dl.imageInputLayer([4, 4, 1]), dl.fullyConnectedLayer(1), dl.regressionLayer],
                            dl.trainingOptions("sgdm", Verbose=False)),
    lambda: dl.trainNetwork(np.zeros((5, 2)), np.ma.masked_equal(np.arange(5.0), 2),
                            [dl.featureInputLayer(2), dl.fullyConnectedLayer(1), dl.regressionLayer],
                            dl.trainingOptions("sgdm", Verbose=False)),
    lambda: dl.imageInputLayer([4, 4, 1], Mean=MASKED[..., 0]), lambda: dl.predict(NET, [MASKED, MASKED])])
def test_masked_elements_are_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(DltoolboxError, match=r"masked elements?.*np\.ma\.filled"):
        call()


def test_arrays_in_which_nothing_is_masked_are_arrays() -> None:
    X = np.ma.array(np.ones((4, 4, 1, 1)))
    np.testing.assert_array_equal(dl.predict(NET, X), dl.predict(NET, X.filled(0)))
    np.testing.assert_array_equal(dl.predict(NET, np.ma.filled(MASKED, 0)), dl.predict(NET, np.ma.filled(MASKED, 0.0)))


def test_masked_labels_are_undefined() -> None:
    for values in (np.ma.array([1, 2, 2], mask=[0, 1, 0]), np.ma.array([1.0, 2.0, 2.0], mask=[0, 1, 0]),
                   np.ma.array(["1", "2", "2"], mask=[0, 1, 0]), np.ma.array([1, 2, 2], mask=[0, 1, 0]).tolist()):
        assert dl.categorical(values).tolist() == ["1", UNDEFINED, "2"]
    rows = [np.ma.array([1, 2], mask=[1, 0]), np.ma.array([1, 2], mask=[0, 0])]
    assert dl.categorical(rows).tolist() == [[UNDEFINED, "2"], ["1", "2"]]
    assert dl.categorical(np.ma.array([True, False], mask=[0, 1])).tolist() == ["true", UNDEFINED]


NET = dl.assembleNetwork([dl.imageInputLayer([4, 4, 1], Normalization="none"),
                          dl.fullyConnectedLayer(1, Weights=np.ones((1, 16)), Bias=0), dl.regressionLayer])


# Silence -------------------------------------------------------------------------------------------------------------
EXTREMES = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42, 0.0)


@np.errstate(all="ignore")
def extreme(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.where(rng.random(shape) < 0.3, rng.choice(EXTREMES, shape), rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("make", [digits, segnet])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_warning_of_numpy_gets_out(make: Callable[[], Any], threads: int, dtype: Any, strict: None) -> None:
    net = finished(make())
    X = extreme(images(net, 40).shape, dtype)
    if dtype == np.float64:
        X[0, 0, 0] = 1e300
    before = maxNumCompThreads(threads)
    try:
        dl.predict(net, X)
        dl.activations(net, X, 3)
        model = Model(net)
        model.gradients([X], [np.zeros_like(v) for v in model.predict([X])])
        Model(net, fast=False).predict([X])
    finally:
        maxNumCompThreads(before)


INDICES = {"ctc": 1, "max_unpool": 1, "max_unpool_taps": 1, "embed": 0}  # inputs that say where something is


@pytest.mark.parametrize("case", [one for one in CASES if one.op != "function"], ids=str)
def test_plain_ops_are_silent(case: Any, strict: None) -> None:
    with np.errstate(all="ignore"):
        inputs = [extreme(x.shape) if i in case.batched and x.dtype.kind == "f" and i != INDICES.get(case.op) else x
                  for i, x in enumerate(case.inputs(2, np.float32))]
    outputs = op_of(case).forward(*inputs, **case.attributes(2))
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    if case.differentiable:
        needs = tuple(i in case.differentiable for i in range(len(inputs)))
        op_of(case).backward(Call(inputs, as_tuple(outputs), needs), np.ones_like(first),
                             *[None] * (len(as_tuple(outputs)) - 1), **case.attributes(2))


@pytest.mark.parametrize("name", ["mse", "l1loss", "l2loss", "huber", "crossentropy"])
def test_losses_are_silent(name: str, strict: None) -> None:
    getattr(dl, name)(extreme((5, 9)), extreme((5, 9)), DataFormat="CB")


def test_functions_of_arrays_are_silent(strict: None) -> None:
    X = extreme((6, 6, 3, 2))
    for call in (dl.relu, lambda x: dl.softmax(x, DataFormat="SSCB"), lambda x: dl.avgpool(x, 2, DataFormat="SSCB"),
                 lambda x: dl.maxpool(x, 2, DataFormat="SSCB"), lambda x: dl.crosschannelnorm(x, 3, DataFormat="SSCB")):
        call(X)


def test_threads_and_users_keep_their_settings() -> None:
    with np.errstate(all="raise"):
        dl.predict(NET, np.full((4, 4, 1, 1), np.inf))
        assert np.geterr()["over"] == "raise"
    assert {"relu", "softmax"} <= set(OPS)
