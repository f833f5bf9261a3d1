"""Which argument of trainNetwork is which, and data that come in other ways than as arrays."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    batchNormalizationLayer,
    featureInputLayer,
    fullyConnectedLayer,
    regressionLayer,
    rng,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.data.sources.batches import Batch
from dltoolbox.train.arguments import bind_arguments, source_of

OPTIONS = trainingOptions("sgdm", MaxEpochs=3, MiniBatchSize=4, Shuffle="every-epoch", Verbose=False)
LAYERS = [featureInputLayer(2, Normalization="zscore"), fullyConnectedLayer(3), batchNormalizationLayer,
          fullyConnectedLayer(1), regressionLayer]
X = np.random.default_rng(0).random((18, 2)).astype(np.float32)
Y = X @ np.array([1, -2], np.float32)


class Made:
    """Observations that exist only while they are looked at."""

    count, input_sizes, input_types = 18, [(2,)], [np.dtype(np.float32)]

    def narrow(self, types):
        pass

    def batches(self, size, order=None):
        order = np.arange(self.count) if order is None else order
        for start in range(0, self.count, size):
            now = order[start:start + size]
            yield Batch((X[now].T,), (Y[now][None],))

    def input_batches(self, size):
        return self.batches(size)

    def batch_count(self, size, order=None):
        return self.count // size


@source_of.register
def _(data: Made, *, task, of=""):
    task.end.name_responses(task.size)
    return data


def test_forms():
    assert bind_arguments("X", "Y", LAYERS, OPTIONS) == (("X", "Y"), LAYERS, OPTIONS)
    assert bind_arguments("data", LAYERS, OPTIONS) == (("data",), LAYERS, OPTIONS)
    assert bind_arguments("data", LAYERS, OPTIONS, None) == (("data",), LAYERS, OPTIONS)


def test_data_of_another_kind_train_the_same_network():
    rng(0)
    net = trainNetwork(X, Y, LAYERS, OPTIONS)
    rng(0)
    same = trainNetwork(Made(), LAYERS, OPTIONS)
    for layer, other in zip(net.Layers, same.Layers, strict=True):
        assert layer == other


@pytest.mark.parametrize(("arguments", "identifier", "message"), [
    ((X, LAYERS, OPTIONS), "missingResponses", "18×2.*Pass the responses as well"),
    ((X, Y, LAYERS), "invalidOptions", "must come from trainingOptions"),
    ((X, Y, OPTIONS), "invalidLayers", "second argument must be a layer array"),
])
def test_what_is_missing(arguments, identifier, message):
    with pytest.raises(DltoolboxError, match=message) as caught:
        trainNetwork(*arguments)
    assert caught.value.issues[0].identifier == f"dltoolbox:trainNetwork:{identifier}"
