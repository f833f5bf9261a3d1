"""trainNetwork end to end: what every task learns, what comes back, and that nothing passed is changed."""

import copy

import numpy as np
import pytest

from dltoolbox import (
    DAGNetwork,
    SeriesNetwork,
    activations,
    additionLayer,
    addLayers,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    classify,
    connectLayers,
    convolution2dLayer,
    convolution3dLayer,
    dicePixelClassificationLayer,
    dropoutLayer,
    featureInputLayer,
    flattenLayer,
    focalLossLayer,
    fullyConnectedLayer,
    gearboxFeatures,
    globalAveragePooling2dLayer,
    image3dInputLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    predict,
    regressionLayer,
    reluLayer,
    replaceLayer,
    rng,
    semanticseg,
    shapeVolumes,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
    triangleImages,
)
from dltoolbox.engines.environments import ENVIRONMENTS, Environment
from dltoolbox.program.model import Model, model_of

pytestmark = pytest.mark.network

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.standard_normal((6, 6, 1, 60)).astype(np.float32)
BRIGHT = IMAGES[:3].mean((0, 1, 2)) > IMAGES[3:].mean((0, 1, 2))
LABELS = categorical(BRIGHT, [False, True], ["below", "above"])


@pytest.fixture(autouse=True)
def seed():
    rng(0)


def quiet(solver="sgdm", **options):
    return trainingOptions(solver, **{"Verbose": False, "MiniBatchSize": 20, "MaxEpochs": 2, **options})


def classifier(**options):
    return [imageInputLayer([6, 6, 1]), convolution2dLayer(3, 4, Padding="same", Name="conv"), batchNormalizationLayer,
            reluLayer, fullyConnectedLayer(2, Name="fc", **options), softmaxLayer, classificationLayer]


def unpooling_network(classes="auto", weights="none"):
    """An encoder and a decoder that share the places of the maxima."""
    lgraph = layerGraph([
        imageInputLayer([16, 16, 1]), convolution2dLayer(3, 8, Padding="same"), batchNormalizationLayer, reluLayer,
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"), convolution2dLayer(3, 8, Padding="same"),
        reluLayer, maxUnpooling2dLayer(Name="unpool"), convolution2dLayer(3, 2, Padding="same"), softmaxLayer,
        pixelClassificationLayer(Name="pixels", Classes=classes, ClassWeights=weights)])
    lgraph = connectLayers(lgraph, "pool/indices", "unpool/indices")
    return connectLayers(lgraph, "pool/size", "unpool/size")


def two_inputs():
    lgraph = layerGraph([imageInputLayer([6, 6, 1], Name="left"), fullyConnectedLayer(3, Name="fc_left"), flattenLayer,
                         additionLayer(2, Name="add"), fullyConnectedLayer(1, Name="fc"), regressionLayer(Name="out")])
    lgraph = addLayers(lgraph, [featureInputLayer(2, Name="right"), fullyConnectedLayer(3, Name="fc_right")])
    return connectLayers(lgraph, "fc_right", "add/in2")


# Tasks ---------------------------------------------------------------------------------------------------------------
def test_classification():
    net, info = trainNetwork(IMAGES, LABELS, classifier(), quiet(MaxEpochs=20), nargout=2)
    assert type(net) is SeriesNetwork
    assert net.Layers[-1].Classes == ("below", "above")
    assert np.mean(classify(net, IMAGES) == LABELS) > 0.9
    assert info.TrainingAccuracy[-1] > 90


def test_pixel_classification_with_weights_and_undefined_pixels():
    X, Y = triangleImages(40, 16, nargout=2)
    holes = Y.codes.copy()
    holes[:2] = -1
    holes = categorical.from_codes(holes, Y.categories)
    net, info = trainNetwork(X, holes, unpooling_network(["triangle", "background"], [2, 1]),
                             quiet("adam", InitialLearnRate=0.02, MaxEpochs=15), nargout=2)
    assert type(net) is DAGNetwork
    assert np.mean(semanticseg(X, net).codes[2:] == Y.codes[2:]) > 0.9
    assert info.TrainingLoss[-1] < 0.5 * info.TrainingLoss[0]


@pytest.mark.parametrize("end", [dicePixelClassificationLayer, focalLossLayer("Name", "end", "Gamma", 1)])
def test_small_classes_are_found(end):
    """With undefined pixels; everything that labels pixels takes the network."""
    X, Y = triangleImages(40, 16, nargout=2)
    holes = Y.codes.copy()
    holes[:2] = -1
    layers = replaceLayer(unpooling_network("auto", "none"), "pixels", end)
    net = trainNetwork(X, categorical.from_codes(holes, Y.categories), layers,
                       quiet("adam", InitialLearnRate=0.02, MaxEpochs=15))
    found = semanticseg(X, net)
    assert np.mean(found.codes[2:] == Y.codes[2:]) > 0.9
    assert net.Layers[-1].Classes == tuple(Y.categories)
    assert predict(net, X, ReturnCategorical=True).tolist() == found.tolist()
    with pytest.raises(ValueError, match=r"semanticseg\(X, net\)"):
        classify(net, X)


@pytest.mark.parametrize("body", [[], [globalAveragePooling2dLayer]])
def test_the_focal_loss_of_images(body):
    X = np.random.default_rng(0).uniform(size=(6, 6, 1, 60)) + (np.arange(60) % 2)
    Y = categorical([["dark", "light"][n % 2] for n in range(60)])
    layers = [imageInputLayer([6, 6, 1]), *([convolution2dLayer(1, 2), *body] if body else [fullyConnectedLayer(2)]),
              softmaxLayer, focalLossLayer]
    net, info = trainNetwork(X, Y, layers, quiet("adam", InitialLearnRate=0.05, MaxEpochs=40), nargout=2)
    assert np.mean(classify(net, X) == Y) > 0.95
    assert predict(net, X).shape == (60, 2)
    assert info.TrainingLoss[-1] < 0.2 * info.TrainingLoss[0]
    with pytest.raises(ValueError, match="needs a network with one output of classes per pixel"):
        semanticseg(X, net)


def first_loss(Y, weights):
    """Loss of the first iteration for scores that do not depend on the image: log-probabilities ln 0.2 and ln 0.8."""
    layers = [imageInputLayer([2, 3, 1]),
              convolution2dLayer(1, 2, Weights=np.zeros((1, 1, 1, 2)), Bias=np.log([0.2, 0.8]).reshape(1, 1, 2)),
              softmaxLayer, pixelClassificationLayer(Classes=["a", "b"], ClassWeights=weights)]
    _, info = trainNetwork(np.zeros((2, 3, 1, 2)), Y, layers, quiet(MaxEpochs=1), nargout=2)
    return info.TrainingLoss[0], info.TrainingAccuracy[0]


def test_undefined_pixels_and_class_weights_in_the_loss():
    codes = np.array([[[0, 1], [1, 1], [-1, 1]], [[0, -1], [1, 0], [-1, 1]]])  # 3 a, 6 b, 3 undefined
    Y = categorical.from_codes(codes, ["a", "b"])
    a, b = -np.log(0.2), -np.log(0.8)
    assert first_loss(Y, "none") == pytest.approx(((3 * a + 6 * b) / 9, 100 * 6 / 9), rel=1e-5)
    assert first_loss(Y, [5, 1])[0] == pytest.approx((15 * a + 6 * b) / 9, rel=1e-5)


def test_regression_of_vectors():
    Y = np.stack([IMAGES.sum((0, 1, 2)), IMAGES[0, 0, 0]], 1)
    net, info = trainNetwork(IMAGES, Y, [imageInputLayer([6, 6, 1]), fullyConnectedLayer(2), regressionLayer],
                             quiet("adam", InitialLearnRate=0.05, MaxEpochs=150, L2Regularization=0), nargout=2)
    np.testing.assert_allclose(predict(net, IMAGES), Y, atol=0.2)
    assert net.Layers[-1].ResponseNames == ("Response1", "Response2")
    assert info.TrainingRMSE[-1] < 0.1


@pytest.mark.parametrize("shape", [(60,), (60, 1), (1, 60)])
def test_one_response_may_come_as_a_vector(shape):
    Y = IMAGES.mean((0, 1, 2)).reshape(shape)
    layers = [imageInputLayer([6, 6, 1]), fullyConnectedLayer(1), regressionLayer]
    if shape == (1, 60):
        with pytest.raises(ValueError, match=r"Pass Y\.T"):
            trainNetwork(IMAGES, Y, layers, quiet())
    else:
        net = trainNetwork(IMAGES, Y, layers, quiet())
        assert predict(net, IMAGES).shape == (60, 1)
        assert net.Layers[-1].ResponseNames == ("Response",)


def test_regression_of_images():
    layers = [imageInputLayer([6, 6, 1], Normalization="none"), convolution2dLayer(3, 2, Padding="same"), regressionLayer]
    Y = np.concatenate([2 * IMAGES, -IMAGES], 2)
    net, info = trainNetwork(IMAGES, Y, layers, quiet("adam", InitialLearnRate=0.05, MaxEpochs=60, L2Regularization=0),
                             nargout=2)
    np.testing.assert_allclose(predict(net, IMAGES), Y, atol=0.2)
    assert info.TrainingLoss[-1] == pytest.approx(0.5 * 72 * info.TrainingRMSE[-1] ** 2, rel=1e-4)  # summed, not averaged


def test_features():
    X, Y = gearboxFeatures(200, nargout=2)
    layers = [featureInputLayer(10, Normalization="zscore"), fullyConnectedLayer(16), batchNormalizationLayer, reluLayer,
              fullyConnectedLayer(2), softmaxLayer, classificationLayer]
    net = trainNetwork(X, Y, layers, quiet(MaxEpochs=15))
    assert np.mean(classify(net, X) == Y) > 0.9


def test_volumes():
    X, Y = shapeVolumes(60, 8, nargout=2)
    net = trainNetwork(X, Y, [image3dInputLayer([8, 8, 8, 1]), convolution3dLayer(3, 8, Padding="same"),
                              batchNormalizationLayer, reluLayer, maxPooling3dLayer(2, Stride=2),
                              fullyConnectedLayer(3), softmaxLayer, classificationLayer],
                       quiet("adam", InitialLearnRate=0.02, MaxEpochs=15))
    assert np.mean(classify(net, X) == Y) > 0.6


def test_several_inputs_in_the_order_of_the_graph():
    right = RANDOM.standard_normal((60, 2))
    Y = IMAGES.mean((0, 1, 2)) + right @ [1.0, -2.0]
    net, info = trainNetwork([IMAGES, right], Y, two_inputs(), quiet("adam", InitialLearnRate=0.02, MaxEpochs=80), nargout=2)
    assert net.InputNames == ["left", "right"]
    assert info.TrainingRMSE[-1] < 0.2
    np.testing.assert_allclose(predict(net, IMAGES, right)[:, 0], Y, atol=0.8)


@pytest.mark.parametrize("precision", ["default", "fast"])
def test_precision_is_that_of_the_model(precision, monkeypatch):
    models = []

    class Remembered(Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            models.append(self)

    monkeypatch.setitem(ENVIRONMENTS, "auto", Environment(Remembered, model_of))
    trainNetwork(IMAGES, LABELS, classifier(), quiet(Precision=precision))
    assert [model.precision for model in models] == [precision]


def test_a_plain_layer_graph_gives_a_series_network():
    assert type(trainNetwork(IMAGES, LABELS, layerGraph(classifier()), quiet(MaxEpochs=1))) is SeriesNetwork
    assert type(trainNetwork([IMAGES, np.ones((60, 2))], np.ones(60), two_inputs(), quiet(MaxEpochs=1))) is DAGNetwork


# What was passed -----------------------------------------------------------------------------------------------------
def values(layers):
    """Copies of everything that layers hold."""
    return [copy.deepcopy(vars(one)) for one in layers]


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def test_layers_graph_arrays_and_options_are_unchanged():
    layers = [one() if hasattr(one, "layer_class") else one for one in classifier()]
    layers[0].Mean = 3.0
    lgraph = layerGraph(layers)
    X, codes = IMAGES.copy(), LABELS.codes.copy()
    X.setflags(write=False)
    codes.setflags(write=False)
    Y = categorical.from_codes(codes, LABELS.categories)
    options = quiet(ValidationData=(X, Y), MiniBatchSize=25)
    before = values(layers), values(lgraph.nodes), list(lgraph.edges), repr(options)
    trainNetwork(X, Y, layers, options)
    net = trainNetwork(X, Y, lgraph, options)
    trained = values(net.nodes)
    trainNetwork(X, Y, net, options)
    after = values(layers), values(lgraph.nodes), list(lgraph.edges), repr(options)
    assert all(same(a, b) for a, b in zip(before[0] + before[1], after[0] + after[1], strict=True))
    assert all(same(a, b) for a, b in zip(trained, values(net.nodes), strict=True))
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(X, IMAGES)
    np.testing.assert_array_equal(Y.codes, LABELS.codes)


def test_read_only_weights_are_not_trained_in_place():
    weights = np.ones((2, 6 * 6 * 4), np.float32)
    weights.setflags(write=False)
    net = trainNetwork(IMAGES, LABELS, classifier(Weights=weights), quiet())
    assert (weights == 1).all()
    assert (net.Layers[4].Weights != 1).any()


# Repeating -----------------------------------------------------------------------------------------------------------
def whole_run(seed):
    rng(seed)
    layers = classifier()
    layers[4:4] = [dropoutLayer(0.3)]
    net, info = trainNetwork(IMAGES, LABELS, layers, quiet("adam", Shuffle="every-epoch"), nargout=2)
    return [info.TrainingLoss, predict(net, IMAGES), *(getattr(one, name) for one in net.Layers for name in (
        "Weights", "Bias", "Scale", "Offset", "TrainedMean", "TrainedVariance") if hasattr(one, name))]


def test_rng_repeats_a_whole_run_bit_for_bit():
    first, again, other = whole_run(0), whole_run(0), whole_run(1)
    assert len(first) == 2 + 2 + 4 + 2
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


# Continuing ----------------------------------------------------------------------------------------------------------
def test_training_continues_from_a_trained_network():
    net, first = trainNetwork(IMAGES, LABELS, classifier(), quiet(MaxEpochs=20), nargout=2)
    for start in (net, net.Layers, layerGraph(net)):
        _, more = trainNetwork(IMAGES, LABELS, start, quiet(MaxEpochs=1), nargout=2)
        assert more.TrainingLoss[0] < 0.5 * first.TrainingLoss[0]


def test_transfer_of_all_but_the_last_layers():
    net = trainNetwork(IMAGES, LABELS, classifier(), quiet())
    Y = categorical(np.arange(60) % 3)
    more = trainNetwork(IMAGES, Y, [*net.Layers[:-3], fullyConnectedLayer(3), softmaxLayer, classificationLayer],
                        quiet(MaxEpochs=1, InitialLearnRate=1e-12, L2Regularization=0))
    np.testing.assert_allclose(more.Layers[1].Weights, net.Layers[1].Weights, rtol=1e-6)
    assert more.Layers[-1].Classes == ("0", "1", "2")


def test_responses_are_named_anew_when_their_number_changes():
    net = trainNetwork(IMAGES, np.ones(60), [imageInputLayer([6, 6, 1]), fullyConnectedLayer(1), regressionLayer], quiet())
    more = trainNetwork(IMAGES, np.ones((60, 2)), [net.Layers[0], fullyConnectedLayer(2), net.Layers[-1]], quiet())
    assert (net.Layers[-1].ResponseNames, more.Layers[-1].ResponseNames) == (("Response",), ("Response1", "Response2"))


def test_factor_zero_freezes():
    layers = classifier(WeightLearnRateFactor=0)
    start = np.full((2, 6 * 6 * 4), 0.1, np.float32)
    layers[4].Weights = start
    net = trainNetwork(IMAGES, LABELS, layers, quiet("adam", L2Regularization=0.1))
    np.testing.assert_array_equal(net.Layers[4].Weights, start)
    assert (net.Layers[4].Bias != 0).all()  # its own factor is 1
    assert net.Layers[1].Bias.shape == (1, 1, 4)


def test_small_learn_rate_factor_moves_less():
    def moved(factor):
        rng(0)
        start = np.zeros((2, 36), np.float32)
        net = trainNetwork(IMAGES, LABELS, [imageInputLayer([6, 6, 1]), fullyConnectedLayer(
            2, Weights=start, WeightLearnRateFactor=factor), softmaxLayer, classificationLayer],
            quiet(MaxEpochs=1, MiniBatchSize=60, L2Regularization=0))
        return net.Layers[1].Weights
    np.testing.assert_allclose(moved(0.25), 0.25 * moved(1), rtol=1e-5)


def test_activations_of_a_trained_network():
    net = trainNetwork(IMAGES, LABELS, classifier(), quiet(MaxEpochs=1))
    assert activations(net, IMAGES, "conv").shape == (6, 6, 4, 60)
