"""The inverse of a normalisation: it undoes that of input layers, and says which statistics it needs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError

RANDOM = np.random.default_rng(0)
Y = RANDOM.standard_normal((40, 3)) * [1, 20, 300] + [1000, 2, -5]
COMPUTED = {"zscore": {"Mean": Y.mean(0), "StandardDeviation": Y.std(0)}, "zerocenter": {"Mean": Y.mean(0)},
            "rescale-symmetric": {"Min": Y.min(0), "Max": Y.max(0)},
            "rescale-zero-one": {"Min": Y.min(0), "Max": Y.max(0)}, "none": {}}


@pytest.mark.parametrize("kind", COMPUTED)
def test_it_undoes_the_normalisation_of_an_input_layer(kind: str) -> None:
    given: dict[str, Any] = {"Normalization": kind, **COMPUTED[kind]}
    net = dl.dlnetwork([dl.featureInputLayer(3, **given), dl.inverseNormalizationLayer(**given)])
    np.testing.assert_allclose(dl.predict(net, Y), Y, rtol=1e-6, atol=1e-4)


def test_statistics_differ_along_any_dimension_of_an_observation() -> None:
    x = RANDOM.standard_normal((4, 5, 3, 2))
    image = dl.imageInputLayer([4, 5, 3], Normalization="none")
    for number, size in ((1, 4), (2, 5), (3, 3)):
        mean, deviation = RANDOM.standard_normal(size), RANDOM.uniform(0.5, 2, size)
        shape = [-1 if at == number else 1 for at in range(1, 5)]
        for turned in (mean, mean[:, np.newaxis], mean.reshape(shape[:3])):
            net = dl.dlnetwork([image, dl.inverseNormalizationLayer(number, Mean=turned, StandardDeviation=deviation)])
            expected = x * deviation.reshape(shape) + mean.reshape(shape)
            np.testing.assert_allclose(dl.predict(net, x), expected, rtol=1e-5, atol=1e-5)


def test_training_leaves_statistics_alone_and_reaches_what_is_before() -> None:
    x = RANDOM.standard_normal((64, 2))
    y = 1000 + 50 * x[:, :1]
    inverse = dl.inverseNormalizationLayer(Mean=y.mean(), StandardDeviation=y.std(), Name="back")
    layers = [dl.featureInputLayer(2), dl.fullyConnectedLayer(1), inverse, dl.regressionLayer]
    options = dl.trainingOptions("adam", MaxEpochs=60, MiniBatchSize=16, InitialLearnRate=0.05, Verbose=False)
    net = dl.trainNetwork(x, y, layers, options)
    assert np.abs(dl.predict(net, x) - y).max() < 5
    np.testing.assert_array_equal(net.Layers[2].Mean, inverse.Mean)


FAULTS = [  # layer, identifier, a part of the message, what its hint makes of it
    (dl.inverseNormalizationLayer(), "missingStatistics", "Mean and StandardDeviation of inverseNormalizationLayer are not"),
    (dl.inverseNormalizationLayer(Mean=1), "missingStatistics", "StandardDeviation of inverseNormalizationLayer is not set"),
    (dl.inverseNormalizationLayer(Normalization="rescale-zero-one"), "missingStatistics", "Min and Max"),
    (dl.inverseNormalizationLayer(Normalization="zerocenter", Mean=[1, 2]), "invalidMeanSize",
     "Mean has size 2, but dimension 1 of the input has 3 elements"),
    (dl.inverseNormalizationLayer(1, Mean=0, StandardDeviation=np.ones((2, 2))), "invalidStandardDeviationSize", "size 2×2"),
    (dl.inverseNormalizationLayer(2, Mean=1, StandardDeviation=2), "invalidOperationDimension", "is 2, but along the obs"),
]


def followed(layer: Any, hint: str) -> Any:
    """The layer with what a hint says."""
    options: dict[str, Any] = {"Normalization": layer.Normalization, **{
        name: getattr(layer, name) for name in layer.statistics}}
    if hint.startswith("Set OperationDimension"):
        return dl.inverseNormalizationLayer(re.findall(r"'(\w+)'", hint)[0], **options)
    for name, value in re.findall(r"(\w+)=(Y\.\w+\(0\))", hint):
        options[name] = eval(value, {"Y": Y})
    for name, count in re.findall(r"Set (\w+) to one number, or to a list of (\d+)", hint):
        options[name] = [1.0] * int(count)
    return dl.inverseNormalizationLayer(layer.OperationDimension, **options)


@pytest.mark.parametrize(("layer", "identifier", "text"), FAULTS, ids=[f"{at}-{one[1]}" for at, one in enumerate(FAULTS)])
def test_what_is_wrong_is_said_once_and_its_fix_works(layer: Any, identifier: str, text: str) -> None:
    def issues(one: Any) -> Any:
        return dl.analyzeNetwork([dl.featureInputLayer(3), one], TargetUsage="dlnetwork", nargout=1).Issues
    (issue,) = issues(layer)
    assert issue.identifier == f"dltoolbox:inverseNormalizationLayer:{identifier}"
    assert text in issue.message
    assert issues(followed(layer, issue.hint)) == ()


def test_a_statistic_without_effect_is_refused_when_it_is_set() -> None:
    layer = dl.inverseNormalizationLayer(Mean=1, StandardDeviation=2)
    layer.Mean = [1, 2, 3]
    with pytest.raises(DltoolboxError, match=r"Leave out Max\."):
        dl.inverseNormalizationLayer(Mean=1, StandardDeviation=2, Max=3)


def test_code_of_matlab_names_the_normalisation() -> None:
    layer = dl.inverseNormalizationLayer(Mean=[1, 2], StandardDeviation=3)
    text = dl.toMATLAB([dl.imageInputLayer([4, 4, 2], Normalization="none"), layer, dl.regressionLayer])
    written = re.sub(r"\.\.\.\n\s+", "", text)
    assert '"Normalization","zscore","Mean",reshape([1 2],[1 1 2]), "StandardDeviation",3' in written
