"""predict, classify, semanticseg and activations: what goes in, what comes out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.engines.inference import activations, classify, minibatchpredict, predict
from dltoolbox.engines.segmentation import semanticseg
from dltoolbox.layers import FACTORIES as F
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers, disconnectLayers
from dltoolbox.network.networks import DAGNetwork
from dltoolbox.program.model import Model, model_of
from tests.program.networks import digits, finished, images, make, scrambled, segnet


def issues(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return [one.removeprefix("dltoolbox:") for one in caught.value.identifiers]


def hint(call: Callable[[], Any]) -> str:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return caught.value.issues[0].hint


@pytest.fixture(scope="module")
def classifier() -> DAGNetwork:
    return finished(digits())


@pytest.fixture(scope="module")
def segmenter() -> DAGNetwork:
    return finished(segnet())


@pytest.fixture(scope="module")
def regression() -> DAGNetwork:
    return finished(layerGraph([F["featureInputLayer"](3), F["fullyConnectedLayer"](2, Name="fc"), F["reluLayer"](),
                                F["regressionLayer"]()]))


def two_by_two() -> DAGNetwork:
    """Two inputs, an image and features; two outputs, classes and responses."""
    lgraph = layerGraph([make("imageInputLayer", [4, 3, 2], Normalization="none", Name="image"),
                         make("fullyConnectedLayer", 3, Name="fc"), make("flattenLayer", Name="flat"),
                         make("additionLayer", 2, Name="sum"),
                         make("softmaxLayer", Name="softmax"),
                         make("classificationLayer", Classes=["a", "b", "c"], Name="classes")])
    lgraph = addLayers(lgraph, [make("featureInputLayer", 3, Name="features")])
    lgraph = connectLayers(lgraph, "features", "sum/in2")
    lgraph = addLayers(lgraph, [make("fullyConnectedLayer", 2, Name="fc2"), make("regressionLayer", Name="responses")])
    return finished(connectLayers(lgraph, "sum", "fc2"))


# Outputs -------------------------------------------------------------------------------------------------------------
def test_predict_gives_scores_in_rows(classifier: DAGNetwork) -> None:
    X = images(classifier, 7)
    Y = predict(classifier, X)
    assert Y.shape == (7, 10)
    assert Y.dtype == np.float32
    assert Y.flags.c_contiguous
    np.testing.assert_allclose(Y.sum(1), 1, rtol=1e-5)
    labels, scores = classify(classifier, X, nargout=2)
    np.testing.assert_array_equal(scores, Y)
    assert labels.shape == (7,)
    assert labels.tolist() == [str(k) for k in Y.argmax(1)]
    assert predict(classifier, X, ReturnCategorical=True).tolist() == labels.tolist()
    assert predict(classifier, X, "ReturnCategorical", True, "MiniBatchSize", 3).tolist() == labels.tolist()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_mini_batches_change_nothing(size: int, classifier: DAGNetwork, segmenter: DAGNetwork) -> None:
    X = images(classifier, 7)
    np.testing.assert_allclose(predict(classifier, X, MiniBatchSize=size), predict(classifier, X), rtol=1e-4, atol=1e-6)
    X = images(segmenter, 7)
    a, b = (semanticseg(X, segmenter, MiniBatchSize=n, nargout=3)[2] for n in (size, 128))
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_no_and_one_observation(classifier: DAGNetwork, segmenter: DAGNetwork, regression: DAGNetwork) -> None:
    X, Z = images(classifier, 2), images(segmenter, 2)
    assert predict(classifier, X[..., :0]).shape == (0, 10)
    assert classify(classifier, X[..., :0]).shape == (0,)
    assert semanticseg(Z[..., :0], segmenter).shape == (12, 16, 0)
    assert predict(regression, np.ones((0, 3))).shape == (0, 2)
    assert activations(classifier, X[..., :0], "b0_relu").shape == (28, 28, 8, 0)
    one = predict(classifier, X[..., :1])
    np.testing.assert_array_equal(predict(classifier, X[..., 0]), one)  # h×w×c
    np.testing.assert_array_equal(predict(classifier, X[:, :, 0, 0]), one)  # h×w, as MATLAB shows a grey image
    np.testing.assert_array_equal(predict(regression, [1, 2, 3]), predict(regression, [[1, 2, 3]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.float64, bool])
def test_any_numbers_are_images(dtype: Any, classifier: DAGNetwork) -> None:
    X = np.random.default_rng(0).integers(0, 2, (28, 28, 1, 3)).astype(dtype)
    X.flags.writeable = False
    np.testing.assert_array_equal(predict(classifier, X), predict(classifier, X.astype(np.float32)))


def test_lists_and_memory_orders(classifier: DAGNetwork, regression: DAGNetwork) -> None:
    X = images(classifier, 3, np.float32)
    wanted = predict(classifier, X)
    np.testing.assert_allclose(predict(classifier, np.asfortranarray(X)), wanted, rtol=1e-5)
    np.testing.assert_allclose(predict(classifier, np.flip(np.flip(X, 0).copy(), 0)), wanted, rtol=1e-5)
    np.testing.assert_array_equal(predict(regression, [[1, 2, 3], [4, 5, 6]]), predict(regression, np.array(
        [[1, 2, 3], [4, 5, 6]])))


def test_segmentation(segmenter: DAGNetwork) -> None:
    X = images(segmenter, 3)
    labels, best, scores = semanticseg(X, segmenter, nargout=3)
    assert labels.shape == best.shape == (12, 16, 3)
    assert scores.shape == (12, 16, 4, 3)
    np.testing.assert_array_equal(best, scores.max(2))
    np.testing.assert_array_equal(np.asarray(labels), np.array(list("abcd"))[scores.argmax(2)])
    np.testing.assert_array_equal(predict(segmenter, X), scores)
    numbers = semanticseg(X, segmenter, "OutputType", "uint8")
    assert numbers.dtype == np.uint8
    np.testing.assert_array_equal(numbers, labels.codes + 1)
    assert semanticseg(X, segmenter, OutputType="double").dtype == np.float64
    assert semanticseg(X[..., 0], segmenter).shape == (12, 16)
    assert predict(segmenter, X, ReturnCategorical=True).shape == (12, 16, 3)


def test_larger_images_where_every_layer_allows_them(segmenter: DAGNetwork) -> None:
    big = np.random.default_rng(0).standard_normal((24, 20, 3, 2))
    assert semanticseg(big, segmenter).shape == (24, 20, 2)
    assert predict(segmenter, big).shape == (24, 20, 4, 2)
    centre = predict(segmenter, np.pad(big, ((16, 16), (16, 16), (0, 0), (0, 0)), mode="wrap"))[16:-16, 16:-16]
    inside = np.s_[10:-10, 9:-9]
    np.testing.assert_allclose(centre[inside], predict(segmenter, big)[inside], rtol=1e-3, atol=1e-5)


def test_other_sizes_where_a_layer_refuses_them(classifier: DAGNetwork) -> None:
    def call() -> Any:
        return classify(classifier, np.zeros((32, 28, 1, 2)))

    assert issues(call) == ["classify:inputSizeMismatch"]
    with pytest.raises(DltoolboxError, match=r"'imageinput' takes 28×28×1 and got 32×28×1.*Layer 'fc'"):
        call()
    assert issues(lambda: activations(classifier, np.zeros((2, 2, 1, 2)), "fc")) == ["activations:inputSizeMismatch"]
    assert activations(classifier, np.zeros((32, 28, 1, 2)), "b2_relu").shape == (8, 7, 32, 2)


def test_statistics_per_element_fit_one_size_only() -> None:
    net = finished(layerGraph([F["imageInputLayer"]([4, 4, 1], Mean=np.ones((4, 4))), F["reluLayer"](),
                               F["regressionLayer"]()]))
    with pytest.raises(DltoolboxError, match=r"inputSizeMismatch") as caught:
        predict(net, np.zeros((5, 4, 1, 2)))
    assert "statisticsSizeMismatch" in str(caught.value)
    per_channel = finished(layerGraph([F["imageInputLayer"]([4, 4, 1], Mean=1), F["reluLayer"](), F["regressionLayer"]()]))
    assert predict(per_channel, np.zeros((5, 4, 1, 2))).shape == (5, 4, 1, 2)


def test_several_inputs_and_outputs() -> None:
    net = two_by_two()
    rng = np.random.default_rng(0)
    X, Z = rng.standard_normal((4, 3, 2, 5)), rng.standard_normal((5, 3))
    assert net.InputNames == ["image", "features"]
    scores, responses = predict(net, X, Z)
    assert scores.shape == (5, 3)
    assert responses.shape == (5, 2)
    labels, again = predict(net, X, Z, "ReturnCategorical", True, "MiniBatchSize", 2)
    assert labels.tolist() == ["abc"[k] for k in scores.argmax(1)]
    np.testing.assert_allclose(again, responses, rtol=1e-5)
    np.testing.assert_array_equal(predict(net, X, Z, nargout=1), scores)
    sums = activations(net, [X, Z], "sum", OutputAs="rows")
    e = np.exp(sums - sums.max(1, keepdims=True))
    np.testing.assert_allclose(scores, e / e.sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(activations(net, X, Z, "sum", "OutputAs", "rows"), sums)
    np.testing.assert_array_equal(activations(net, X, Z, 4, OutputAs="rows"), sums)
    np.testing.assert_array_equal(predict(net, [X, Z])[0], scores)  # a list of all, as for trainNetwork
    assert issues(lambda: activations(net, X, Z, 1.5, "OutputAs", "rows")) == ["activations:invalidLayer"]
    assert issues(lambda: predict(net, X)) == ["predict:wrongNumberOfInputs"]
    assert issues(lambda: predict(net, X, Z, Z)) == ["predict:wrongNumberOfInputs"]
    assert issues(lambda: predict(net, X, Z[:4])) == ["predict:observationsMismatch"]
    assert issues(lambda: predict(net, "X", Z + 1j)) == ["predict:notNumeric", "predict:complexData"]
    assert issues(lambda: predict(net, X, Z, nargout=3)) == ["predict:nargout"]
    assert issues(lambda: classify(net, X, Z)) == ["classify:notAClassificationNetwork"]


def test_complex_data_become_twice_as_many_channels() -> None:
    net = finished(layerGraph([F["imageInputLayer"]([3, 3, 2], SplitComplexInputs=True, Normalization="none", Name="in"),
                               F["leakyReluLayer"](), F["regressionLayer"]()]))
    X = np.random.default_rng(0).standard_normal((3, 3, 2, 4)) * (1 + 2j)
    channels = activations(net, X, "in")
    assert channels.shape == (3, 3, 4, 4)
    np.testing.assert_allclose(channels[:, :, 0], X.real[:, :, 0].astype(np.float32))
    np.testing.assert_allclose(channels[:, :, 1], X.imag[:, :, 0].astype(np.float32))


def map_to_one(*end: Any, side: int = 4) -> list[Any]:
    """Layers that make one element of 3×3, and more of larger images."""
    return [F["imageInputLayer"]([side, side, 2], Normalization="none"), make("convolution2dLayer", 3, 4, Name="conv"), *end]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_map_of_one_element_is_a_map(count: int) -> None:
    """Whether a network gives vectors follows from its format and its declared size, not from the size that came."""
    net = dlnetwork(map_to_one())
    pixels = finished(layerGraph(map_to_one(F["softmaxLayer"](), make("pixelClassificationLayer", Classes=list("abcd")))))
    single = finished(layerGraph(map_to_one(F["softmaxLayer"](), make("pixelClassificationLayer", Classes=list("abcd")),
                                            side=3)))
    regression = finished(layerGraph(map_to_one(F["regressionLayer"]())))
    volumes = dlnetwork([F["image3dInputLayer"]([3, 3, 3, 1], Normalization="none"), F["convolution3dLayer"](3, 4)])
    X = np.random.default_rng(0).standard_normal((3, 3, 2, count))
    for function, one in ((predict, net), (minibatchpredict, net), (predict, pixels), (predict, single),
                          (predict, regression)):
        assert function(one, X, MiniBatchSize=2).shape == (1, 1, 4, count)
    assert minibatchpredict(net, X, Outputs=["conv"]).shape == (1, 1, 4, count)
    assert predict(volumes, np.ones((3, 3, 3, 1, count))).shape == (1, 1, 1, 4, count)
    for one in (pixels, single):
        assert predict(one, X, ReturnCategorical=True).shape == (1, 1, count)
        assert semanticseg(X, one).shape == ((1, 1) if count == 1 else (1, 1, count))
    assert semanticseg(X, net).shape == ((1, 1) if count == 1 else (1, 1, count))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_vectors_are_rows(count: int) -> None:
    """Of classifiers and of regression, also where global pooling or a convolution makes them; of a dlnetwork where they
    have no spatial dimensions."""
    X = np.random.default_rng(0).standard_normal((3, 3, 2, count))
    ends = [[make("regressionLayer")], [F["softmaxLayer"](), make("classificationLayer", Classes=list("abcd"))]]
    for end in ends:
        for middle in ([], [F["globalAveragePooling2dLayer"]()], [F["fullyConnectedLayer"](4)], [F["flattenLayer"]()]):
            net = finished(layerGraph(map_to_one(*middle, *end, side=3)))
            assert predict(net, X).shape == (count, 4)
    assert predict(dlnetwork(map_to_one(F["flattenLayer"](), side=3)), X).shape == (count, 4)
    assert predict(dlnetwork(map_to_one(F["globalAveragePooling2dLayer"]())), X).shape == (1, 1, 4, count)
    larger = finished(layerGraph(map_to_one(make("regressionLayer"), side=3)))
    assert predict(larger, np.ones((5, 4, 2, count))).shape == (3, 2, 4, count)


def test_results_come_in_the_order_of_the_names() -> None:
    """Also where the output layer that is named first is reached last."""
    lgraph = layerGraph([make("imageInputLayer", [2, 2, 1], Normalization="none", Name="in"),
                         make("fullyConnectedLayer", 2, Name="two"), make("regressionLayer", Name="far")])
    lgraph = addLayers(lgraph, [make("regressionLayer", Name="near")])
    lgraph = addLayers(lgraph, [make("reluLayer", Name="relu"), make("fullyConnectedLayer", 3, Name="three")])
    lgraph = connectLayers(disconnectLayers(lgraph, "two", "far"), "two", "near")
    net = finished(connectLayers(connectLayers(lgraph, "in", "relu"), "three", "far"))
    assert net.OutputNames == ["far", "near"]
    assert [one.shape for one in predict(net, np.ones((2, 2, 1, 5)))] == [(5, 3), (5, 2)]


def test_sizes_are_no_predictions() -> None:
    net = dlnetwork([F["imageInputLayer"]([4, 4, 1]), F["maxPooling2dLayer"](2, Stride=2, HasUnpoolingOutputs=True,
                                                                             Name="pool")])
    assert issues(lambda: predict(net, np.ones((4, 4, 1, 3)), Outputs=["pool/size"])) == ["predict:invalidLayer"]


# activations ---------------------------------------------------------------------------------------------------------
def test_activations_by_name_number_and_port(segmenter: DAGNetwork) -> None:
    X = images(segmenter, 3)
    relu = activations(segmenter, X, "e1_relu")
    assert relu.shape == (12, 16, 6, 3)
    np.testing.assert_array_equal(activations(segmenter, X, 4), relu)  # 1-based
    np.testing.assert_array_equal(activations(segmenter, X, np.int64(4)), relu)
    pooled, at = activations(segmenter, X, "pool1"), activations(segmenter, X, "pool1/indices")
    np.testing.assert_array_equal(activations(segmenter, X, "pool1/out"), pooled)
    assert at.dtype.kind == "i"
    np.testing.assert_array_equal(np.take_along_axis(relu.reshape(-1, 6, 3), at.reshape(-1, 6, 3), 0), pooled.reshape(
        -1, 6, 3))
    singles = [activations(segmenter, X[..., n:n + 1], "pool1/indices") for n in range(3)]
    np.testing.assert_array_equal(np.concatenate(singles, -1), at)  # positions do not depend on the batch


def test_output_as(classifier: DAGNetwork) -> None:
    X = images(classifier, 4)
    maps = activations(classifier, X, "b1_relu")
    rows, columns = (activations(classifier, X, "b1_relu", "OutputAs", how) for how in ("rows", "columns"))
    assert rows.shape == (4, 14 * 14 * 16)
    np.testing.assert_array_equal(rows, columns.T)
    np.testing.assert_array_equal(rows[2], maps[..., 2].ravel(order="F"))
    assert activations(classifier, X, "fc").shape == (1, 1, 10, 4)
    np.testing.assert_array_equal(activations(classifier, X, "softmax", OutputAs="rows"), predict(classifier, X))


def test_activations_of_feature_networks(regression: DAGNetwork) -> None:
    X = np.random.default_rng(0).standard_normal((5, 3))
    assert activations(regression, X, "fc").shape == (5, 2)
    np.testing.assert_array_equal(activations(regression, X, "relu"), np.maximum(activations(regression, X, "fc"), 0))
    for how in ("channels", "rows"):
        np.testing.assert_array_equal(activations(regression, X, "fc", OutputAs=how), activations(regression, X, "fc"))
    np.testing.assert_array_equal(activations(regression, X, "fc", OutputAs="columns"), activations(regression, X, "fc").T)


def test_activations_behind_a_general_input_layer() -> None:
    net = finished(layerGraph([make("inputLayer", [3, 3, 2, np.nan], "SSCB"), make("fullyConnectedLayer", 4, Name="fc"),
                               make("regressionLayer")]))
    assert activations(net, np.ones((3, 3, 2, 5)), "fc").shape == (1, 1, 4, 5)


@pytest.mark.parametrize(("layer", "expected"), [
    (0, "activations:invalidLayer"), (99, "activations:invalidLayer"), (-1, "activations:invalidLayer"),
    (True, "activations:invalidLayer"), (1.0, "activations:invalidLayer"), (None, "activations:invalidLayer"),
    ("relu9", "layerGraph:unknownLayer"), ("pool1/inx", "layerGraph:unknownPort"), ("labels", "layerGraph:unknownPort"),
    ("pool1/size", "activations:invalidLayer"),
], ids=str)
def test_layers_that_have_no_activations(layer: Any, expected: str, segmenter: DAGNetwork) -> None:
    assert issues(lambda: activations(segmenter, images(segmenter, 1), layer)) == [expected]


def test_a_vector_is_one_observation_or_many_of_one_feature() -> None:
    layers = [F["fullyConnectedLayer"](1, Name="fc"), F["regressionLayer"]()]
    three, one = (finished(layerGraph([F["featureInputLayer"](n), *layers])) for n in (3, 1))
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(predict(three, x), predict(three, x[None]))
    np.testing.assert_array_equal(predict(one, x), predict(one, x[:, None]))


def test_results_belong_to_the_caller(segmenter: DAGNetwork) -> None:
    """Not even the output of an input layer without normalisation is the data themselves."""
    X = images(segmenter, 2, np.float32)
    for layer in ("image", "e1_relu", "softmax"):
        value = activations(segmenter, X, layer)
        assert not np.shares_memory(value, X)
        value[...] = np.nan
    passing = finished(layerGraph([F["imageInputLayer"]([2, 2, 1], Normalization="none"), F["dropoutLayer"](),
                                   F["regressionLayer"]()]))
    X = images(passing, 3, np.float32)
    Y = predict(passing, X)
    np.testing.assert_array_equal(Y, X)
    assert not np.shares_memory(X, Y)
    first = predict(segmenter, images(segmenter, 2))
    assert np.isfinite(first).all()


# Faults --------------------------------------------------------------------------------------------------------------
FUNCTIONS = {"predict": predict, "classify": classify, "activations": lambda net, X: activations(net, X, "fc"),
             "semanticseg": lambda net, X: semanticseg(X, net)}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("data", "expected"), [
    ("image", "notNumeric"), (np.array([None, 1]), "notNumeric"), ([[1, 2], [3]], "notNumeric"), (None, "notNumeric"),
    (np.array(["a"]), "notNumeric"), ({}, "notNumeric"), ([], "inputSizeMismatch"), (3.0, "inputSizeMismatch"),
    (np.zeros((28, 28, 3)), "inputSizeMismatch"), (np.zeros((5, 28, 28, 1)), "inputSizeMismatch"),
    (np.zeros((28, 28, 1, 2, 2)), "inputSizeMismatch"), (np.zeros((28, 28, 1, 2), complex), "complexData"),
], ids=str)
def test_data_that_are_no_images(name: str, data: Any, expected: str, classifier: DAGNetwork, segmenter: DAGNetwork) -> None:
    net = segmenter if name == "semanticseg" else classifier
    if name == "semanticseg" and isinstance(data, np.ndarray) and data.shape == (28, 28, 3):
        data = data[..., :2]
    assert issues(lambda: FUNCTIONS[name](net, data)) == [f"{name}:{expected}"]


def test_advice(classifier: DAGNetwork, segmenter: DAGNetwork, regression: DAGNetwork) -> None:
    """Wrong layouts are recognised, and the advice works."""
    X = images(classifier, 5)
    advice = {
        "np.moveaxis(X, 0, -1)": (classifier, np.moveaxis(X, -1, 0)),
        "X.transpose(2, 3, 1, 0)": (classifier, X.transpose(3, 2, 0, 1)),
        "X[..., np.newaxis, :]": (classifier, X[:, :, 0]),
    }
    for text, (net, wrong) in advice.items():
        assert text in hint(lambda net=net, wrong=wrong: predict(net, wrong))
        np.testing.assert_array_equal(eval(text, {"np": np, "X": wrong}), X)
    assert "X.transpose(2, 3, 1, 0)" in hint(lambda: predict(segmenter, images(segmenter, 5).transpose(3, 2, 0, 1)))
    assert hint(lambda: predict(regression, np.zeros((3, 7)))) == "The features are rows here: use X.T."
    assert "as in X[:, :3]" in hint(lambda: predict(regression, np.zeros((5, 7))))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("net", [None, [], digits(), "net"], ids=["None", "list", "layer graph", "text"])
def test_only_networks_predict(name: str, net: Any) -> None:
    assert issues(lambda: FUNCTIONS[name](net, np.zeros((28, 28, 1)))) == [f"{name}:notANetwork"]


def test_the_wrong_function_names_the_right_one(segmenter: DAGNetwork, regression: DAGNetwork,
                                                classifier: DAGNetwork) -> None:
    assert "semanticseg" in hint(lambda: classify(segmenter, images(segmenter, 1)))
    assert "predict" in hint(lambda: classify(regression, [[1, 2, 3]]))
    assert issues(lambda: semanticseg(images(classifier, 1), classifier)) == ["semanticseg:notASegmentationNetwork"]
    with pytest.raises(DltoolboxError, match="The second argument of semanticseg must be a trained network"):
        semanticseg(segmenter, images(segmenter, 1))  # type: ignore[arg-type]


def test_options(classifier: DAGNetwork) -> None:
    X = images(classifier, 2)
    assert issues(lambda: predict(classifier, X, MiniBatchSize=0, Acceleration="turbo")) == [
        "predict:invalidMiniBatchSize", "predict:invalidAcceleration"]
    assert issues(lambda: predict(classifier, X, ExecutionEnvironment="tpu")) == ["predict:invalidExecutionEnvironment"]
    assert issues(lambda: classify(classifier, X, "MiniBatchSise", 4)) == ["classify:unknownOption"]
    assert issues(lambda: activations(classifier, X, "fc", OutputAs="cells")) == ["activations:invalidOutputAs"]
    assert issues(lambda: classify(classifier, X, nargout=3)) == ["classify:nargout"]


def test_networks_without_values_do_not_predict() -> None:
    net = DAGNetwork(digits())
    assert set(issues(lambda: predict(net, np.zeros((28, 28, 1))))) == {"network:missingValue"}


def test_networks_compute_in_single(classifier: DAGNetwork) -> None:
    assert model_of(classifier).dtype == np.float32
    model = scrambled(Model(digits(), np.float64))
    X = images(classifier, 2)
    np.testing.assert_allclose(predict(model.network(), X), model.predict([X])[0][0, 0].T, rtol=1e-3, atol=1e-6)


def test_swapped_sides_before_a_fully_connected_layer() -> None:
    """As many numbers as for the declared size, from other places: no prediction, where a network of maps takes them."""
    net = finished(layerGraph([F["imageInputLayer"]([4, 6, 1]), make("convolution2dLayer", 1, 2, Name="conv"),
                               make("fullyConnectedLayer", 2, Name="fc"), F["regressionLayer"]()]))
    X = np.random.default_rng(0).random((4, 6, 1, 3))
    with pytest.raises(DltoolboxError, match=r"takes 4×6×1 and got 6×4×1\. As many values reach 'fc'") as caught:
        predict(net, X.swapaxes(0, 1))
    assert caught.value.issues[0].hint == "This looks like W×H×C×N: use np.swapaxes(X, 0, 1)."
    assert activations(net, X.swapaxes(0, 1), "conv").shape == (6, 4, 2, 3)
    maps = finished(layerGraph([F["imageInputLayer"]([4, 6, 1]), make("convolution2dLayer", 1, 2), F["regressionLayer"]()]))
    assert predict(maps, X.swapaxes(0, 1)).shape == (6, 4, 2, 3)
