"""trainNetwork and its data: normalisation in numbers, storage of arrays, sizes of sets, statistics, classes."""

import numpy as np
import pytest

from dltoolbox import (
    activations,
    additionLayer,
    addLayers,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    classify,
    connectLayers,
    convolution2dLayer,
    featureInputLayer,
    flattenLayer,
    fullyConnectedLayer,
    image3dInputLayer,
    imageInputLayer,
    layerGraph,
    predict,
    regressionLayer,
    reluLayer,
    rng,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)

RANDOM = np.random.default_rng(2)
PIXELS = RANDOM.integers(0, 256, (6, 5, 2, 30)).astype(np.uint8)


@pytest.fixture(autouse=True)
def seed():
    rng(0)


def quiet(solver="sgdm", **options):
    return trainingOptions(solver, **{"Verbose": False, "MiniBatchSize": 10, "MaxEpochs": 1, **options})


def after(first, X, **options):
    """The network [first, fully connected, regression] after training on zeros."""
    return trainNetwork(X, np.zeros(count(X)), [first, fullyConnectedLayer(1), regressionLayer],
                        quiet(InitialLearnRate=1e-9, **options))


def count(X):
    return X.shape[-1] if X.ndim > 2 else X.shape[0]


# Normalisation -------------------------------------------------------------------------------------------------------
KINDS = {
    "images": (imageInputLayer, [6, 5, 2], (6, 5, 2, 30)),
    "volumes": (image3dInputLayer, [4, 3, 2, 2], (4, 3, 2, 2, 30)),
    "features": (featureInputLayer, 4, (30, 4)),
}


def statistic(function, X, dimension):
    """A statistic of …×C×N images or N×C features over what it does not depend on, shaped to broadcast against them."""
    last = X.ndim - 1
    if X.ndim == 2:
        axes = {"channel": 0, "element": 0, "all": None}[dimension]
    else:
        axes = {"channel": (*range(last - 1), last), "element": last, "all": None}[dimension]
    return function(X.astype(np.float64), axis=axes, keepdims=True)


def normalised(X, how, dimension):
    mean, std, low, high = (statistic(f, X, dimension) for f in (np.mean, np.std, np.min, np.max))
    return {"none": X, "zerocenter": X - mean, "zscore": (X - mean) / std,
            "rescale-zero-one": (X - low) / (high - low), "rescale-symmetric": 2 * (X - low) / (high - low) - 1}[how]


@pytest.mark.parametrize("dimension", ["auto", "channel", "element", "all"])
@pytest.mark.parametrize("how", ["none", "zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"])
@pytest.mark.parametrize("kind", KINDS)
def test_normalisation(kind, how, dimension):
    factory, size, shape = KINDS[kind]
    X = (RANDOM.standard_normal(shape) * 3 + 7).astype(np.float32)
    net = after(factory(size, Normalization=how, NormalizationDimension=dimension), X)
    expected = normalised(X, how, "channel" if dimension == "auto" else dimension)
    got = activations(net, X, 1)
    np.testing.assert_allclose(got.reshape(X.shape), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("dimension", "shape"), [("auto", (1, 1, 2)), ("channel", (1, 1, 2)), ("element", (6, 5, 2)),
                                                  ("all", (1, 1, 1))])
def test_statistics_have_the_shapes_of_matlab(dimension, shape):
    net = after(imageInputLayer([6, 5, 2], Normalization="zscore", NormalizationDimension=dimension), PIXELS)
    layer = net.Layers[0]
    assert layer.Mean.shape == layer.StandardDeviation.shape == shape
    assert (layer.Min, layer.Max) == (None, None)
    axes = {"element": 3, "all": None}.get(dimension, (0, 1, 3))
    np.testing.assert_allclose(layer.Mean.reshape(-1), PIXELS.mean(axes).reshape(-1), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_function_as_normalisation(kind):
    factory, size, shape = KINDS[kind]
    X = RANDOM.standard_normal(shape)
    net = after(factory(size, Normalization=lambda x: 2 * x + 1), X)
    np.testing.assert_allclose(activations(net, X, 1).reshape(shape), 2 * X + 1, rtol=1e-5, atol=1e-5)


def test_constant_channels_do_not_divide_by_zero():
    X = PIXELS.copy()
    X[:, :, 1] = 7
    for how in ("zscore", "rescale-zero-one", "rescale-symmetric"):
        net = after(imageInputLayer([6, 5, 2], Normalization=how), X)
        assert np.isfinite(activations(net, X, 1)).all()


def test_reset_computes_given_statistics_again():
    mean = PIXELS.mean((0, 1, 3))
    layer = imageInputLayer([6, 5, 2], Mean=np.full((1, 1, 2), 100.0))
    np.testing.assert_allclose(after(layer, PIXELS).Layers[0].Mean.ravel(), mean, rtol=1e-6)
    kept = after(layer, PIXELS, ResetInputNormalization=False)
    assert kept.Layers[0].Mean.ravel().tolist() == [100, 100]
    np.testing.assert_allclose(activations(kept, PIXELS, 1), PIXELS - 100.0)


def test_without_reset_only_the_missing_statistics_are_computed():
    layer = imageInputLayer([6, 5, 2], Normalization="zscore", Mean=5)
    net = after(layer, PIXELS, ResetInputNormalization=False)
    assert net.Layers[0].Mean.ravel().tolist() == [5]
    np.testing.assert_allclose(net.Layers[0].StandardDeviation.ravel(), PIXELS.std((0, 1, 3)), rtol=1e-6)


def test_a_trained_network_keeps_or_renews_its_statistics():
    net = after(imageInputLayer([6, 5, 2]), PIXELS)
    brighter = PIXELS.astype(np.float32) + 50
    old = trainNetwork(brighter, np.zeros(30), net, quiet(InitialLearnRate=1e-9, ResetInputNormalization=False))
    new = trainNetwork(brighter, np.zeros(30), net, quiet(InitialLearnRate=1e-9))
    np.testing.assert_array_equal(old.Layers[0].Mean, net.Layers[0].Mean)
    np.testing.assert_allclose(new.Layers[0].Mean, net.Layers[0].Mean + 50, rtol=1e-6)


def test_several_inputs_are_normalised_each_by_its_own_data():
    lgraph = layerGraph([imageInputLayer([6, 5, 2], Name="images"), fullyConnectedLayer(3), flattenLayer,
                         additionLayer(2, Name="add"), fullyConnectedLayer(1), regressionLayer])
    lgraph = addLayers(lgraph, [featureInputLayer(4, Normalization="zerocenter", Name="features"),
                                fullyConnectedLayer(3, Name="fc")])
    lgraph = connectLayers(lgraph, "fc", "add/in2")
    features = RANDOM.standard_normal((30, 4)) + 9
    net = trainNetwork([PIXELS, features], np.zeros(30), lgraph, quiet(InitialLearnRate=1e-9))
    first, second = (one for one in net.Layers if one.Name in ("images", "features"))
    np.testing.assert_allclose(first.Mean.ravel(), PIXELS.mean((0, 1, 3)), rtol=1e-6)
    np.testing.assert_allclose(second.Mean.ravel(), features.mean(0), rtol=1e-6)


# Storage -------------------------------------------------------------------------------------------------------------
def result_on(X, Y=None):
    rng(0)
    layers = [imageInputLayer([6, 5, 2], Normalization="zscore"), convolution2dLayer(3, 4), batchNormalizationLayer,
              reluLayer, fullyConnectedLayer(1), regressionLayer]
    net = trainNetwork(X, np.arange(30.0) if Y is None else Y, layers, quiet(MaxEpochs=3, InitialLearnRate=1e-3))
    return predict(net, PIXELS.astype(np.float32))


STORED = {
    "uint8": lambda x: x, "int64": lambda x: x.astype(np.int64), "float16": lambda x: x.astype(np.float16),
    "float64": lambda x: x.astype(np.float64), "Fortran order": lambda x: np.asfortranarray(x.astype(np.float32)),
    "big-endian": lambda x: x.astype(">f4"), "list": lambda x: x.tolist(),
    "every other of more": lambda x: np.repeat(x.astype(np.float32), 2, 1)[:, ::2],
    "reversed twice": lambda x: np.ascontiguousarray(x[::-1, :, :, ::-1].astype(np.float32))[::-1, :, :, ::-1],
    "from N×C×H×W": lambda x: np.ascontiguousarray(x.transpose(3, 2, 0, 1).astype(np.float32)).transpose(2, 3, 1, 0),
    "read-only": lambda x: np.frombuffer(x.astype(np.float32).tobytes(), np.float32).reshape(x.shape),
}


@pytest.mark.parametrize("how", STORED)
def test_storage_of_images_does_not_matter(how):
    expected = result_on(PIXELS.astype(np.float32))
    np.testing.assert_allclose(result_on(STORED[how](PIXELS)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("Y", [np.arange(30), np.arange(30.0)[:, None], list(range(30)), np.arange(60.0)[::2] / 2,
                               np.arange(30).astype(np.uint8)])
def test_storage_of_responses_does_not_matter(Y):
    np.testing.assert_array_equal(result_on(PIXELS, Y), result_on(PIXELS))


def test_logical_features():
    X = RANDOM.random((30, 3)) > 0.5
    net = trainNetwork(X, X[:, 0].astype(float), [featureInputLayer(3), fullyConnectedLayer(1), regressionLayer],
                       quiet("adam", InitialLearnRate=0.05, MaxEpochs=100))
    np.testing.assert_allclose(predict(net, X)[:, 0], X[:, 0], atol=0.1)


def test_complex_images_as_two_channels():
    X = PIXELS[:, :, :1] * (1 + 2j)
    net = after(imageInputLayer([6, 5, 1], SplitComplexInputs=True, Normalization="none"), X)
    np.testing.assert_allclose(activations(net, X, 1), np.concatenate([X.real, X.imag], 2))


# Sizes of sets -------------------------------------------------------------------------------------------------------
def test_a_mini_batch_is_at_most_everything():
    layers = [imageInputLayer([6, 5, 2]), fullyConnectedLayer(1), regressionLayer]
    _, info = trainNetwork(PIXELS, np.zeros(30), layers, quiet(MiniBatchSize=1000, MaxEpochs=4), nargout=2)
    assert info.TrainingLoss.size == 4


@pytest.mark.parametrize("X", [PIXELS[..., :1], PIXELS[..., 0]])
def test_one_observation(X):
    layers = [imageInputLayer([6, 5, 2], Normalization="rescale-zero-one"), convolution2dLayer(3, 2),
              batchNormalizationLayer, fullyConnectedLayer(2), regressionLayer]
    net, info = trainNetwork(X, [[3, -1]], layers, quiet("adam", InitialLearnRate=0.05, MaxEpochs=200), nargout=2)
    np.testing.assert_allclose(predict(net, X), [[3, -1]], atol=0.1)
    assert info.TrainingLoss.size == 200


def test_incomplete_mini_batches_are_dropped():
    layers = [featureInputLayer(1), fullyConnectedLayer(1, Weights=[[0]], Bias=[0]), regressionLayer]
    options = quiet(Shuffle="never", MaxEpochs=2, InitialLearnRate=1e-9)
    _, info = trainNetwork(np.zeros((25, 1)), np.arange(25), layers, options, nargout=2)
    means = [0.5 * np.square(np.arange(start, start + 10)).mean() for start in (0, 10)]
    np.testing.assert_allclose(info.TrainingLoss, means * 2, rtol=1e-5)


# Statistics of batch normalisation -----------------------------------------------------------------------------------
def normalisation_after(choice):
    X = RANDOM.standard_normal((25, 3)) * [1, 2, 3] + [10, 20, 30]
    layers = [featureInputLayer(3), batchNormalizationLayer(MeanDecay=0.2, VarianceDecay=0.5), fullyConnectedLayer(1),
              regressionLayer]
    net = trainNetwork(X, np.zeros(25), layers, quiet(Shuffle="never", MaxEpochs=2, BatchNormalizationStatistics=choice))
    return X, net.Layers[1]


@pytest.mark.parametrize("choice", ["population", "auto"])
def test_population_statistics_are_those_of_all_observations(choice):
    X, layer = normalisation_after(choice)
    np.testing.assert_allclose(layer.TrainedMean.ravel(), X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.TrainedVariance.ravel(), X.var(0), rtol=1e-4)


def test_moving_statistics():
    X, layer = normalisation_after("moving")
    mean, variance = np.zeros(3), np.ones(3)
    for start in (0, 10, 0, 10):
        batch = X[start:start + 10]
        mean, variance = 0.8 * mean + 0.2 * batch.mean(0), 0.5 * variance + 0.5 * batch.var(0)
    np.testing.assert_allclose(layer.TrainedMean.ravel(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.TrainedVariance.ravel(), variance, rtol=1e-4)


# Classes -------------------------------------------------------------------------------------------------------------
POINTS = np.array([[-1.0], [1.0]] * 15)
NAMES = ["low", "high"] * 15


def classes_after(Y, **output):
    layers = [featureInputLayer(1), fullyConnectedLayer(len(output.get("Classes", (1, 2)))), softmaxLayer,
              classificationLayer(**output)]
    net = trainNetwork(POINTS, Y, layers, quiet(InitialLearnRate=0.5, MaxEpochs=20))
    assert (classify(net, POINTS) == NAMES).all()
    return net.Layers[-1].Classes, predict(net, [[-1.0], [1.0]]).argmax(1).tolist()


@pytest.mark.parametrize(("Y", "classes", "best"), [
    (categorical(NAMES), ("high", "low"), [1, 0]),  # alphabetical
    (categorical(NAMES, ["low", "high"]), ("low", "high"), [0, 1]),
    (NAMES, ("high", "low"), [1, 0]),
    (np.array(NAMES), ("high", "low"), [1, 0]),
])
def test_scores_are_in_the_order_of_the_categories(Y, classes, best):
    assert classes_after(Y) == (classes, best)


def test_classes_of_the_layer_give_the_order():
    assert classes_after(categorical(NAMES), Classes=["low", "middle", "high"]) == (("low", "middle", "high"), [0, 2])


def test_class_weights_belong_to_names():
    def first_loss(Y, classes, weights):
        layers = [featureInputLayer(1), fullyConnectedLayer(2, Weights=[[0], [0]], Bias=[0, 0]), softmaxLayer,
                  classificationLayer(Classes=classes, ClassWeights=weights)]
        return trainNetwork(POINTS[:3], Y[:3], layers, quiet(), nargout=2)[1].TrainingLoss[0]
    expected = np.log(2) * (5 + 1 + 5) / 3  # low, high, low
    assert first_loss(categorical(NAMES), ["low", "high"], [5, 1]) == pytest.approx(expected)
    assert first_loss(categorical(NAMES), ["high", "low"], [1, 5]) == pytest.approx(expected)
    assert first_loss(categorical(NAMES, ["low", "high"]), ["high", "low"], [1, 5]) == pytest.approx(expected)
