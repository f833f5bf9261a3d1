"""dlnetwork: what it accepts, what it shows, and when its arrays get values."""

import copy
import pickle

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    activations,
    additionLayer,
    addLayers,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    classify,
    connectLayers,
    convolution2dLayer,
    dag2dlnetwork,
    disconnectLayers,
    dlnetwork,
    dropoutLayer,
    explain,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    initialize,
    layerGraph,
    maxPooling2dLayer,
    minibatchpredict,
    networkDataLayout,
    predict,
    regressionLayer,
    reluLayer,
    removeLayers,
    replaceLayer,
    rng,
    scores2label,
    semanticseg,
    softmaxLayer,
)

LAYERS = [imageInputLayer([28, 28, 1], Normalization="none"), convolution2dLayer(5, 20), batchNormalizationLayer, reluLayer,
          fullyConnectedLayer(10), softmaxLayer]


def sizes(table):
    return [value.shape for value in table.Value]


def refused(call, *texts):
    with pytest.raises(DltoolboxError) as caught:
        call()
    for text in texts:
        assert text in str(caught.value)
    assert all(issue.hint for issue in caught.value.issues)
    return caught.value.identifier.removeprefix("dltoolbox:")


# Construction --------------------------------------------------------------------------------------------------------
def test_an_initialised_network():
    net = dlnetwork(LAYERS)
    assert net.Initialized is True
    assert list(zip(net.Learnables.Layer, net.Learnables.Parameter, sizes(net.Learnables), strict=True)) == [
        ("conv", "Weights", (5, 5, 1, 20)), ("conv", "Bias", (1, 1, 20)), ("batchnorm", "Offset", (1, 1, 20)),
        ("batchnorm", "Scale", (1, 1, 20)), ("fc", "Weights", (10, 11520)), ("fc", "Bias", (10, 1))]
    assert list(zip(net.State.Layer, net.State.Parameter, sizes(net.State), strict=True)) == [
        ("batchnorm", "TrainedMean", (1, 1, 20)), ("batchnorm", "TrainedVariance", (1, 1, 20))]
    assert {value.dtype for value in (*net.Learnables.Value, *net.State.Value)} == {np.dtype("float32")}
    assert (net.InputNames, net.OutputNames) == (["imageinput"], ["softmax"])


def test_its_display():
    assert str(dlnetwork(LAYERS)) == (
        "  dlnetwork with properties:\n\n"
        "         Layers: [6×1 Layer array]\n"
        "    Connections: [5×2 table]\n"
        "     Learnables: [6×3 table]\n"
        "          State: [2×3 table]\n"
        "     InputNames: {'imageinput'}\n"
        "    OutputNames: {'softmax'}\n"
        "    Initialized: 1\n\n"
        "  View summary with summary.\n")
    assert repr(dlnetwork(LAYERS)) == "<dlnetwork of 6 layers and 5 connections>"


def test_an_empty_network_to_add_to():
    net = dlnetwork()
    assert (net.Initialized, len(net.Layers), len(net.Learnables), net.InputNames, net.OutputNames) == (False, 0, 0, [], [])
    net = initialize(addLayers(net, LAYERS))
    assert isinstance(net, dlnetwork)
    assert net.Initialized
    assert predict(net, np.zeros((28, 28, 1, 3))).shape == (3, 10)


@pytest.mark.parametrize("arguments", [((), {"Initialize": False}), (("Initialize", False), {}), (("initialize", 0), {})])
def test_an_uninitialised_network(arguments):
    pairs, options = arguments
    net = dlnetwork(LAYERS, *pairs, **options)
    assert not net.Initialized
    assert set(sizes(net.Learnables)) == set(sizes(net.State)) == {(0, 0)}
    assert str(net.Learnables).splitlines()[3:5] == ["    conv         Weights      {0×0 double}",
                                                     "    conv         Bias         {0×0 double}"]
    assert "Initialized: 0" in str(net)
    filled = initialize(net)
    assert filled.Initialized
    assert (0, 0) not in sizes(filled.Learnables)
    assert not net.Initialized


def test_values_that_are_set_stay():
    weights = np.arange(20.0).reshape(10, 2)
    net = dlnetwork([featureInputLayer(2), fullyConnectedLayer(10, Weights=weights)])
    np.testing.assert_array_equal(net.Learnables.Value[0], weights)
    assert net.Learnables.Value[0].dtype == np.float32
    again = initialize(net)
    np.testing.assert_array_equal(again.Learnables.Value[0], weights)
    assert not net.Learnables.Value[0].flags.writeable


def test_the_same_seed_draws_the_same_values():
    rng(3)
    first = dlnetwork(LAYERS)
    rng(3)
    second = dlnetwork(layerGraph(LAYERS), Initialize=True)
    for a, b in zip(first.Learnables.Value, second.Learnables.Value, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("how", ["zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one", "none"])
def test_missing_input_statistics_leave_the_data_as_they_are(how):
    net = dlnetwork([imageInputLayer([2, 2, 1], Normalization=how)])
    X = np.arange(8.0).reshape(2, 2, 1, 2) / 8
    np.testing.assert_allclose(predict(net, X), X, atol=1e-6)
    assert {name: getattr(net.Layers[0], name).shape for name in net.Layers[0].statistics} == dict.fromkeys(
        net.Layers[0].statistics, (1, 1, 1))
    assert len(net.State) == 0


def test_output_layers_are_refused_by_name():
    both = layerGraph([*LAYERS, classificationLayer(Name="end")])
    both = addLayers(both, regressionLayer(Name="other"))
    assert refused(lambda: dlnetwork(both), "Layer 'end' (7)", "Layer 'other' (8)") == "network:outputLayerNotAllowed"
    net = dlnetwork(LAYERS)
    assert refused(lambda: addLayers(net, classificationLayer), "classoutput") == "network:outputLayerNotAllowed"
    trained = assembleNetwork([featureInputLayer(1), fullyConnectedLayer(1, Weights=[[1]], Bias=[0]), regressionLayer])
    assert refused(lambda: dlnetwork(trained), "dag2dlnetwork(net)") == "network:outputLayerNotAllowed"


def test_every_fault_is_reported_unless_it_waits():
    layers = [imageInputLayer([8, 8, 1]), maxPooling2dLayer(9), convolution2dLayer(3, 4, NumChannels=2)]
    assert refused(lambda: dlnetwork(layers), "Layer 'maxpool' (2)") == "maxPooling2dLayer:windowTooLarge"
    assert len(dlnetwork(layers, Initialize=False).Layers) == 3
    assert refused(lambda: dlnetwork(LAYERS, Initialise=False), "Did you mean 'Initialize'?") == "dlnetwork:unknownOption"


# Outputs -------------------------------------------------------------------------------------------------------------
def test_all_open_outputs_leave_unless_some_are_chosen():
    net = addLayers(dlnetwork(LAYERS, Initialize=False), reluLayer(Name="side"))
    net = initialize(connectLayers(net, "conv", "side"))
    assert net.OutputNames == ["softmax", "side"]
    scores, side = predict(net, np.ones((28, 28, 1, 2)))
    assert (scores.shape, side.shape) == ((2, 10), (24, 24, 20, 2))
    chosen = dlnetwork(net, OutputNames=["side", "fc"])
    assert chosen.OutputNames == ["side", "fc"]
    assert dlnetwork(chosen).OutputNames == ["side", "fc"]
    assert removeLayers(chosen, "side").OutputNames == ["fc"]
    assert removeLayers(chosen, ["side", "fc"]).OutputNames == ["relu", "softmax"]
    assert refused(lambda: dlnetwork(LAYERS, OutputNames=["soft", "max"]), "no layer 'soft'", "no layer 'max'") == (
        "layerGraph:unknownLayer")


def test_indices_for_unpooling_do_not_leave():
    net = dlnetwork([imageInputLayer([4, 4, 1]), maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool")])
    assert net.OutputNames == ["pool/out"]
    assert predict(net, np.ones((4, 4, 1))).shape == (2, 2, 1, 1)


def test_predictions_at_chosen_outputs():
    net = dlnetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), dropoutLayer, reluLayer])
    X = np.array([[1, 1], [-2, -2]])
    np.testing.assert_array_equal(predict(net, X), [[6], [0]])
    for both in (predict(net, X, Outputs=["fc", "dropout"]), minibatchpredict(net, X, "Outputs", ["fc", "dropout"],
                                                                              "MiniBatchSize", 1)):
        np.testing.assert_array_equal(both, [[[6], [-3]]] * 2)
    assert predict(net, X, Outputs="fc", nargout=1).shape == (2, 1)
    assert refused(lambda: predict(net, X, Outputs="f"), "no layer 'f'") == "layerGraph:unknownLayer"
    assert refused(lambda: minibatchpredict(net, X, ReturnCategorical=True), "'ReturnCategorical'") == (
        "minibatchpredict:unknownOption")


def test_predictions_need_values():
    assert refused(lambda: minibatchpredict(LAYERS, 1), "dlnetwork(layers)") == "minibatchpredict:notADlnetwork"


@pytest.mark.parametrize(("net", "why", "how"), [
    (lambda: dlnetwork(LAYERS, Initialize=False), "no values for the learnables or states of 'conv', 'batchnorm', 'fc'.",
     "Call net = initialize(net); values that are set stay as they are."),
    (lambda: replaceLayer(dlnetwork(LAYERS), "fc", fullyConnectedLayer(3, Name="new")), "states of 'new'.",
     "Call net = initialize(net); values"),
    (lambda: replaceLayer(dlnetwork(LAYERS), "relu", dropoutLayer), "it was edited, or made with Initialize=False.",
     "initialize(net);"),
    (lambda: removeLayers(dlnetwork(LAYERS), "imageinput"), "it was edited", "initialize(net, X), with an example input for "
     "conv; values"),
    (dlnetwork, "it has no layers", "Add layers with addLayers"),
], ids=["new", "new head", "other values", "open input", "empty"])
def test_what_a_network_lacks_that_cannot_predict(net, why, how):
    assert refused(lambda: predict(net(), np.zeros((28, 28, 1))), why, how) == "predict:notInitialized"


def test_predictions_equal_those_of_the_network_it_was_converted_from():
    rng(1)
    layers = [imageInputLayer([6, 6, 2], Mean=0.5), convolution2dLayer(3, 4, Weights=np.random.default_rng(0).normal(
        size=(3, 3, 2, 4)), Bias=np.arange(4.0)), fullyConnectedLayer(3, Weights=np.ones((3, 64)), Bias=[0, 1, 2]),
        softmaxLayer, classificationLayer(Classes=["a", "b", "c"])]
    net = assembleNetwork(layers)
    converted = dag2dlnetwork(net)
    X = np.random.default_rng(1).normal(size=(6, 6, 2, 5))
    np.testing.assert_array_equal(predict(converted, X), predict(net, X))
    assert [one.Name for one in converted.Layers] == [one.Name for one in net.Layers[:-1]]
    assert refused(lambda: dag2dlnetwork(layers), "dlnetwork(layers)") == "dag2dlnetwork:notANetwork"


# Example inputs ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("example", [np.zeros((8, 8, 3, 2)), np.zeros((8, 8, 3, 1)), networkDataLayout([8, 8, 3], "SSC"),
                                     networkDataLayout([8, 8, 3, np.nan], "SSCB"), networkDataLayout([5, 3, 8, 8], "BCSS")])
def test_open_inputs_take_example_inputs(example):
    layers = [convolution2dLayer(3, 4), reluLayer]
    for net in (dlnetwork(layers, example), initialize(dlnetwork(layers, Initialize=False), example),
                initialize(dlnetwork(layers, example, Initialize=False))):
        assert net.InputNames == ["conv"]
        assert net.Learnables.Value[0].shape == (3, 3, 3, 4)
        assert predict(net, np.zeros((8, 8, 3, 7))).shape == (6, 6, 4, 7)


def test_example_inputs_of_features():
    net = dlnetwork([fullyConnectedLayer(4)], np.zeros((9, 5)))
    assert net.Learnables.Value[0].shape == (4, 5)
    assert predict(net, np.zeros((2, 5))).shape == (2, 4)


def test_several_inputs_in_their_order():
    layers = [additionLayer(2, Name="sum"), reluLayer(Name="relu")]
    first, second = networkDataLayout([4, 4, 3], "SSC"), networkDataLayout([1, 1, 3], "SSC")
    net = dlnetwork(layers, first, second)
    assert net.InputNames == ["sum/in1", "sum/in2"]
    total = predict(net, np.full((4, 4, 3, 2), 1.0), np.full((1, 1, 3, 2), 2.0))
    np.testing.assert_array_equal(total, np.full((4, 4, 3, 2), 3.0))
    entry = imageInputLayer([4, 4, 3], Name="in", Normalization="none")
    mixed = connectLayers(addLayers(dlnetwork(layers, Initialize=False), entry), "in", "sum/in1")
    assert mixed.InputNames == ["sum/in2", "in"]
    for examples in ([second], [second, np.zeros((4, 4, 3, 1))]):
        assert initialize(mixed, *examples).Initialized


@pytest.mark.parametrize(("examples", "identifier", "text"), [
    ((), "network:missingInputLayer", "or pass example inputs"),
    ((np.zeros((8, 8, 3, 1)),) * 2, "initialize:wrongNumberOfInputs", "1 input (conv), but got 2"),
    ((np.zeros((8, 8, 3)),), "initialize:formatNeeded", "networkDataLayout([28, 28, 1], 'SSC')"),
    (([[1, 2], [3]],), "initialize:invalidExample", "neither an array"),
    ((reluLayer(),), "initialize:invalidExample", "reluLayer()"),
    ((networkDataLayout([8, 8, 3]),), "initialize:formatNeeded", "has no format"),
    ((networkDataLayout([8, np.nan, 3], "SSC"),), "initialize:sizeNeeded", "no size for S"),
    ((np.zeros((4, 5)),), "convolution2dLayer:invalidInputFormat", "conv"),
])
def test_example_inputs_that_do_not_fit(examples, identifier, text):
    net = dlnetwork([convolution2dLayer(3, 4), reluLayer], Initialize=False)
    assert refused(lambda: initialize(net, *examples), text) == identifier


def test_examples_for_input_layers_must_have_their_size():
    net = dlnetwork(LAYERS, np.zeros((28, 28, 1, 4)))
    assert net.Initialized
    assert refused(lambda: dlnetwork(LAYERS, np.zeros((28, 28, 3, 4))), "28(S) × 28(S) × 3(C)") == (
        "dlnetwork:inputSizeMismatch")


def test_layouts():
    layout = networkDataLayout([28, 28, 1])
    assert (layout.Size, layout.Format) == ((28, 28, 1), "")
    assert str(layout) == "  networkDataLayout with properties:\n\n      Size: [28 28 1]\n    Format: ''\n"
    for arguments, identifier in [(([3],), "invalidSize"), (([-1, 2],), "invalidSize"), ((["a", 2],), "invalidSize"),
                                  (([1.5, 2],), "invalidSize"), (([2, 2], "CC"), "invalidFormat"),
                                  (([2, 2], "XY"), "invalidFormat"), (([2, 2], "SSC"), "formatMismatch")]:
        assert refused(lambda: networkDataLayout(*arguments)) == f"networkDataLayout:{identifier}"  # noqa: B023


# Editing -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("edit", [
    lambda net: addLayers(net, reluLayer(Name="new")),
    lambda net: removeLayers(net, "softmax"),
    lambda net: disconnectLayers(net, "relu", "fc"),
    lambda net: replaceLayer(net, "relu", dropoutLayer(Name="drop")),
])
def test_edited_networks_keep_their_values_and_want_to_be_initialised(edit):
    net = dlnetwork(LAYERS)
    edited = edit(net)
    assert type(edited) is dlnetwork
    assert net.Initialized
    assert not edited.Initialized
    assert edited.Learnables.Value[0] is net.Learnables.Value[0]


def test_a_head_is_replaced():
    net = dlnetwork(LAYERS)
    other = initialize(replaceLayer(net, "fc", fullyConnectedLayer(3, Name="head")))
    assert predict(other, np.zeros((28, 28, 1, 2))).shape == (2, 3)
    np.testing.assert_array_equal(other.Learnables.Value[0], net.Learnables.Value[0])
    assert len(net.Layers) == 6


def test_chosen_outputs_and_layouts_go_over_to_the_layers_that_replace_others():
    net = dlnetwork([convolution2dLayer(3, 4, Name="c"), reluLayer(Name="r"), softmaxLayer(Name="s")],
                    networkDataLayout([8, 8, 3], "SSC"), OutputNames=["r", "s"])
    assert replaceLayer(net, "s", [dropoutLayer(Name="d"), reluLayer(Name="end")]).OutputNames == ["r", "end"]
    other = initialize(replaceLayer(net, "c", convolution2dLayer(5, 4, Name="large")))
    assert predict(other, np.zeros((8, 8, 3, 2)), Outputs="large").shape == (4, 4, 4, 2)
    assert removeLayers(net, "s").OutputNames == ["r"]
    assert replaceLayer(net, "s", maxPooling2dLayer(2, HasUnpoolingOutputs=True, Name="p")).OutputNames == ["r", "p/out"]


def test_layouts_follow_the_inputs_that_stay_open():
    net = dlnetwork([convolution2dLayer(3, 4, Name="c"), reluLayer(Name="r")], np.zeros((8, 8, 3, 1)))
    assert initialize(addLayers(removeLayers(net, "r"), softmaxLayer), networkDataLayout([8, 8, 3], "SSC"),
                      networkDataLayout([8, 8, 3], "SSC")).Initialized
    fed = initialize(connectLayers(addLayers(net, imageInputLayer([9, 9, 3], Name="in")), "in", "c"))
    assert fed.InputNames == ["in"]
    assert predict(fed, np.zeros((9, 9, 3, 2))).shape == (7, 7, 4, 2)


def test_layer_graphs_of_it_and_copies():
    net = dlnetwork(LAYERS)
    lgraph = layerGraph(net)
    assert type(lgraph).__name__ == "LayerGraph"
    assert lgraph.Layers == net.Layers
    X = np.random.default_rng(0).normal(size=(28, 28, 1, 2))
    expected = predict(net, X)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), dlnetwork(lgraph), dlnetwork(net)):
        assert other.Initialized
        np.testing.assert_array_equal(predict(other, X), expected)


# Other functions -----------------------------------------------------------------------------------------------------
def segmenter(**options):
    weights = np.reshape([1.0, -1.0], (1, 1, 1, 2))
    layers = [imageInputLayer([2, 2, 1], Normalization="none", Name="in"),
              convolution2dLayer(1, 2, Weights=weights, Bias=[0, 0], Name="conv"), softmaxLayer(Name="soft")]
    return dlnetwork(layers, **options)


def test_semantic_segmentation():
    image = [[1, -1], [2, -2]]
    assert semanticseg(image, segmenter()).tolist() == [["C1", "C2"], ["C1", "C2"]]
    assert semanticseg(image, segmenter(), "Classes", ["up", "down"]).categories == ["up", "down"]
    labels, best, scores = semanticseg(image, segmenter(), OutputType="uint8", nargout=3)
    np.testing.assert_array_equal(labels, [[1, 2], [1, 2]])
    np.testing.assert_array_equal(best, scores.max(-2)[..., 0])
    assert refused(lambda: semanticseg(image, segmenter(), Classes=["one"]), "1 Classes", "2 scores") == (
        "semanticseg:classesMismatch")
    assert refused(lambda: semanticseg(image, segmenter(OutputNames=["conv", "soft"])), "one output") == (
        "semanticseg:notASegmentationNetwork")
    assert refused(lambda: semanticseg(image, segmenter(Initialize=False)), "initialize") == "semanticseg:notInitialized"
    flat = dlnetwork([featureInputLayer(2), fullyConnectedLayer(2)])
    assert refused(lambda: semanticseg([[1, 2]], flat), "per pixel") == "semanticseg:notASegmentationNetwork"


@pytest.mark.parametrize(("call", "identifier", "instead"), [
    (lambda net: classify(net, np.zeros((28, 28, 1))), "classify:notANetwork",
     "Use scores2label(minibatchpredict(net, X), classNames)"),
    (lambda net: activations(net, np.zeros((28, 28, 1)), "conv"), "activations:notANetwork",
     "Use minibatchpredict(net, X, Outputs=…)"),
])
def test_functions_of_trained_networks_say_what_to_use_instead(call, identifier, instead):
    assert refused(lambda: call(dlnetwork(LAYERS)), instead) == identifier


def test_labels_by_a_dlnetwork_are_those_of_the_network_it_was_made_of():
    generator = np.random.default_rng(2)
    net = assembleNetwork([featureInputLayer(4), fullyConnectedLayer(3, Weights=generator.normal(size=(3, 4)),
                                                                     Bias=generator.normal(size=3)), softmaxLayer,
                           classificationLayer(Classes=["a", "b", "c"])])
    X = generator.normal(size=(20, 4))
    labels = classify(net, X)
    assert len(set(labels.tolist())) == 3
    assert scores2label(minibatchpredict(dag2dlnetwork(net), X), ["a", "b", "c"]).tolist() == labels.tolist()


def test_explaining_it():
    assert "conv" in str(explain(segmenter()))
    assert refused(lambda: explain(segmenter(), Mode="train"), "no output layer") == "explain:noLoss"
