"""One place says which engine an execution environment means."""

import pytest

from dltoolbox import (
    DltoolboxError,
    assembleNetwork,
    featureInputLayer,
    fullyConnectedLayer,
    predict,
    regressionLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.engines.environments import CPU, ENVIRONMENTS, Environment
from dltoolbox.program.model import Model, model_of

LAYERS = [featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), regressionLayer]


def test_environments_without_an_engine_are_refused():
    net = assembleNetwork(LAYERS)
    with pytest.raises(DltoolboxError, match=r"'auto' or 'cpu'.*Other execution environments are not available yet"):
        predict(net, [[1, 1]], ExecutionEnvironment="gpu")
    with pytest.raises(DltoolboxError, match=r"'auto' or 'cpu' in this release.*trains on one CPU with several threads"):
        trainingOptions("sgdm", ExecutionEnvironment="multi-gpu")


def test_an_engine_that_is_entered_is_used(monkeypatch):
    made = []

    def of_graph(*arguments, **options):
        made.append("to train")
        return Model(*arguments, **options)

    def of_network(net):
        made.append("to predict")
        return model_of(net)

    monkeypatch.setitem(ENVIRONMENTS, "gpu", Environment(of_graph, of_network))
    options = trainingOptions("sgdm", ExecutionEnvironment="gpu", MaxEpochs=1, Verbose=False)
    net = trainNetwork([[1, 2], [3, 4]], [1, 2], LAYERS, options)
    assert made == ["to train"]
    predict(net, [[1, 1]], ExecutionEnvironment="gpu")
    assert set(made) == {"to train", "to predict"}
    monkeypatch.undo()
    assert set(ENVIRONMENTS.values()) == {CPU}
