"""One place says which engine an execution environment means."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxWarning,
    activations,
    assembleNetwork,
    canUseGPU,
    canUseParallelPool,
    classificationLayer,
    classify,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    gather,
    gpuArray,
    gpuDevice,
    gpuDeviceCount,
    imageInputLayer,
    maxNumCompThreads,
    minibatchpredict,
    parpool,
    predict,
    regressionLayer,
    semanticseg,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.core import errors
from dltoolbox.engines.environments import CPU, ENVIRONMENTS, Environment
from dltoolbox.program.model import Model, model_of

LAYERS = [featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), regressionLayer]


WORDS = ["gpu", "multi-gpu", "parallel", "parallel-auto", "parallel-cpu", "parallel-gpu"]


@pytest.fixture
def _new_session(monkeypatch):
    monkeypatch.setattr(errors, "_told", set())


@pytest.fixture(scope="module")
def nets():
    pixels = [imageInputLayer([2, 2, 1], Normalization="none"), convolution2dLayer(1, 2, Weights=np.ones((1, 1, 1, 2)),
                                                                                   Bias=[0, 1]), softmaxLayer]
    classes = [featureInputLayer(2), fullyConnectedLayer(2, Weights=[[1, 2], [2, 1]], Bias=[3, 0]), softmaxLayer]
    return {"regression": assembleNetwork(LAYERS), "dlnetwork": dlnetwork(LAYERS[:2]), "pixels": dlnetwork(pixels),
            "classes": assembleNetwork([*classes, classificationLayer(Classes=["a", "b"])])}


CALLS = {
    "predict": lambda nets, **options: predict(nets["regression"], [[1, 1]], **options),
    "predict dlnetwork": lambda nets, **options: predict(nets["dlnetwork"], [[1, 1]], **options),
    "minibatchpredict": lambda nets, **options: minibatchpredict(nets["dlnetwork"], [[1, 1]], **options),
    "classify": lambda nets, **options: classify(nets["classes"], [[1, 1]], **options),
    "activations": lambda nets, **options: activations(nets["regression"], [[1, 1]], "fc", **options),
    "semanticseg": lambda nets, **options: semanticseg(np.ones((2, 2)), nets["pixels"], **options),
    "trainNetwork": lambda nets, **options: predict(trainNetwork([[1, 2], [3, 4]], [1, 2], LAYERS, trainingOptions(
        "sgdm", MaxEpochs=1, Verbose=False, **options)), [[1, 1]]),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("_new_session")
def test_environments_without_an_engine_are_the_cpu_with_one_warning(name, nets):
    wanted = CALLS[name](nets)
    with pytest.warns(DltoolboxWarning, match=r"'gpu', but this release runs networks on the CPU only") as told:
        got = [CALLS[name](nets, ExecutionEnvironment=word) for word in WORDS]
    assert len(told) == 1
    assert told[0].filename == __file__
    for result in got:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(wanted))


@pytest.mark.usefixtures("_new_session")
def test_following_the_warning_ends_it(nets, recwarn):
    for options in ({}, {"ExecutionEnvironment": "cpu"}, {"ExecutionEnvironment": "auto"}):
        CALLS["trainNetwork"](nets, **options)
        CALLS["predict"](nets, **options)
    assert not recwarn


def test_what_moves_data_to_a_gpu_leaves_it_where_it_is():
    X = np.ones((2, 2), np.uint8)
    assert gpuArray(X) is X
    assert gather(X) is X
    assert gather(X, "text", nargout=2) == (X, "text")
    np.testing.assert_array_equal(gpuArray([[1, 2]]), [[1, 2]])
    assert (canUseGPU(), canUseParallelPool(), gpuDeviceCount(), gpuDeviceCount("available")) == (False, False, 0, 0)


@pytest.mark.usefixtures("_new_session")
@pytest.mark.parametrize(("function", "calls", "identifier"), [
    (gpuDevice, ([], [1], [[]]), "gpuDevice:noDevice"),
    (parpool, ([], ["local", 4], [4, "IdleTimeout", 10]), "parpool:noWorkers"),
])
def test_devices_and_pools_are_told_once_not_to_be_there(function, calls, identifier):
    with pytest.warns(DltoolboxWarning, match=identifier) as told:
        results = [function(*arguments) for arguments in calls]
    assert len(told) == 1
    for got in results:
        assert got.NumWorkers == maxNumCompThreads() if function is parpool else not got.DeviceAvailable


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
