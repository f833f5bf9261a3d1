"""What a newcomer gets wrong, and what trainNetwork says: an identifier, what is wrong, and what to do."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    DltoolboxWarning,
    additionLayer,
    addLayers,
    assembleNetwork,
    categorical,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    pixelClassificationLayer,
    regressionLayer,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)

X = np.random.default_rng(0).random((6, 6, 1, 8)).astype(np.float32)
NAN = np.where(np.arange(8) == 3, np.float32(np.nan), X)
Y = categorical(["a", "b"] * 4)
LABEL_IMAGES = categorical(np.resize(np.array(["a", "b", "b"]), (6, 6, 8)))

INPUT = imageInputLayer([6, 6, 1])
CLASSIFIER = [INPUT, fullyConnectedLayer(2), softmaxLayer, classificationLayer]
LINE = [INPUT, fullyConnectedLayer(1), regressionLayer]
TWO_RESPONSES = [INPUT, fullyConnectedLayer(2), regressionLayer]
SEGMENTER = [INPUT, convolution2dLayer(1, 2), softmaxLayer, pixelClassificationLayer]
IMAGE_TO_IMAGE = [INPUT, convolution2dLayer(1, 1), regressionLayer]
FEATURES = [featureInputLayer(3), fullyConnectedLayer(1), regressionLayer]
NETWORK = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[0]), regressionLayer])


def quiet(**options):
    return trainingOptions("sgdm", **{"Verbose": False, "MaxEpochs": 1, **options})


def two_inputs():
    lgraph = layerGraph([imageInputLayer([6, 6, 1], Name="left"), additionLayer(2, Name="add"), fullyConnectedLayer(1),
                         regressionLayer])
    return connectLayers(addLayers(lgraph, imageInputLayer([6, 6, 1], Name="right")), "right", "add/in2")


def two_outputs():
    lgraph = layerGraph([imageInputLayer([6, 6, 1], Name="in"), fullyConnectedLayer(1), regressionLayer(Name="one")])
    lgraph = addLayers(lgraph, [fullyConnectedLayer(1, Name="more"), regressionLayer(Name="two")])
    return connectLayers(lgraph, "in", "more")


OPTIONS = quiet()

# what is passed, the identifier (of trainNetwork, if it names no other), what the message says
ARGUMENTS = {
    "labels first": ((Y, X, CLASSIFIER, OPTIONS), "invalidPredictors",
                     r"holds labels: it is a categorical of size 8\. The order is trainNetwork\(X, Y, layers, options\)"),
    "options before layers": ((X, Y, OPTIONS, CLASSIFIER), "invalidOptions",
                              r"The order is trainNetwork\(X, Y, layers, options\)"),
    "layers first": ((CLASSIFIER, X, Y, OPTIONS), "invalidLayers",
                     r"third argument must be a layer array or a layer graph, but it is a categorical of size 8"),
    "network first": ((NETWORK, X, Y, OPTIONS), "invalidLayers", "The order is"),
    "solver for options": ((X, Y, CLASSIFIER, "sgdm"), "invalidOptions",
                           r"it is 'sgdm'\. Call trainNetwork\(X, Y, layers, trainingOptions\('sgdm'\)\)"),
    "dict for options": ((X, Y, CLASSIFIER, {"MaxEpochs": 1}), "invalidOptions", "must come from trainingOptions"),
    "no layers": ((X, Y, None, OPTIONS), "invalidLayers", "but it is None"),
    "text as a layer": ((X, Y, [INPUT, "relu", *CLASSIFIER[1:]], OPTIONS), "layerArray:notALayer",
                        r"Element 2 of the layer array is 'relu', not a layer"),
    "factory that needs arguments": ((X, Y, [imageInputLayer, *CLASSIFIER[1:]], OPTIONS),
                                     "imageInputLayer:missingArgument", "needs 'inputSize'"),
    "empty layer array": ((X, Y, [], OPTIONS), "network:empty", "has no layers"),
    "no output layer": ((X, Y, CLASSIFIER[:-1], OPTIONS), "network:missingOutputLayer", "End it with classificationLayer"),
    "no input layer": ((X, Y, CLASSIFIER[1:], OPTIONS), "network:missingInputLayer", "Start it with imageInputLayer"),
    "no softmax": ((X, Y, [*CLASSIFIER[:2], classificationLayer], OPTIONS), "network:missingSoftmax",
                   "Insert softmaxLayer after 'fc'"),
    "several outputs": ((X, np.ones(8), two_outputs(), OPTIONS), "severalOutputs", r"2 output layers \(one, two\)"),
}

PREDICTORS = {
    "other size": ((X[:5], Y, CLASSIFIER), "inputSizeMismatch", "5×6×1×8, but input layer 'imageinput' takes 6×6×1×N"),
    "N×C×H×W": ((X.transpose(3, 2, 0, 1), Y, CLASSIFIER), "inputSizeMismatch", r"X\.transpose\(2, 3, 1, 0\)"),
    "N×H×W×C": ((X.transpose(3, 0, 1, 2), Y, CLASSIFIER), "inputSizeMismatch", r"np\.moveaxis\(X, 0, -1\)"),
    "no channels": ((X[:, :, 0], Y, CLASSIFIER), "inputSizeMismatch", r"X\[\.\.\., np\.newaxis, :\]"),
    "text": (("digits", Y, CLASSIFIER), "notNumeric", "X must be numeric, but it is of type str"),
    "objects": ((np.array([object()] * 8), Y, CLASSIFIER), "notNumeric", "array of object"),
    "complex": ((X * 1j, Y, CLASSIFIER), "complexData", r"abs\(X\)"),
    "NaN": ((NAN, Y, CLASSIFIER), "notFinite",
            "X contains NaN or Inf in 1 of 8 observations; the first is observation 4"),
    "beyond single": ((X.astype(np.float64) * 1e300, Y, CLASSIFIER), "tooLarge",
                      "X contains numbers beyond single precision.*Scale"),
    "empty": ((X[..., :0], Y[:0], CLASSIFIER), "emptyData", r"X is empty \(6×6×1×0\)"),
    "features as columns": ((np.ones((3, 8)), np.ones(8), FEATURES), "inputSizeMismatch", r"3×8.*N×3.*use X\.T\."),
    "too many features": ((np.ones((8, 4)), np.ones(8), FEATURES), "inputSizeMismatch",
                          r"as in X\[:, :3\].*featureInputLayer\(4\)"),
    "uneven rows": (([[1, 2, 3], [1, 2]], [1, 2], FEATURES), "notNumeric", "parts of different sizes"),
    "one array for two inputs": ((X, np.ones(8), two_inputs()), "wrongNumberOfInputs",
                                 r"2 input layers \(left, right\), but got 1 array.*trainNetwork\(\[X1, X2\], Y,"),
    "inputs of different length": (([X, X[..., 1:]], np.ones(8), two_inputs()), "observationsMismatch",
                                   r"8 observations in X\[0\] and 7 observations in X\[1\]"),
    "NaN in one of two inputs": (([X, NAN], np.ones(8), two_inputs()), "notFinite",
                                 r"X\[1\] for input layer 'right' contains NaN"),
}

TARGETS = {
    "too few": ((X, Y[:7], CLASSIFIER), "observationsMismatch", "Y has 7 observations, but X has 8"),
    "numbers as labels": ((X, np.arange(8) % 2, CLASSIFIER), "numericLabels", r"Pass categorical\(Y\)"),
    "one-hot labels": ((X, np.eye(2)[np.arange(8) % 2], CLASSIFIER), "numericLabels",
                       r"one-hot, of size 8×2.*onehotdecode\(Y, range\(2\), 2\)"),
    "undefined labels": ((X, categorical(["a", ""] * 4), CLASSIFIER), "undefinedLabels",
                         r"4 of 8 labels in Y are undefined; the first is observation 2\..*Y\[isundefined\(Y\)\] = 'back"),
    "more classes than scores": ((X, categorical(["a", "b", "c", "a"] * 2), CLASSIFIER), "classesMismatch",
                                 r"3 classes \(a, b, c\), but 2 scores.*'fc' 3 wide: fullyConnectedLayer\(3, Name='fc'\)"),
    "unused category": ((X, categorical(["a", "b"] * 4, ["a", "b", "c", "d"]), CLASSIFIER), "classesMismatch",
                        r"Layer\(4, Name='fc'\), or drop the categories that do not occur, \['c', 'd'\], "
                        r"with Y = removecats\(Y\)"),
    "fewer classes than scores": ((X, Y, [INPUT, fullyConnectedLayer(3), softmaxLayer, classificationLayer]),
                                  "classesMismatch", "2 classes.*3 scores.*'fc' 2 wide"),
    "unknown classes": ((X, categorical(["a", "c"] * 4), [*CLASSIFIER[:-1], classificationLayer(Classes=["a", "b"])]),
                        "unknownClasses", r"\['c'\].*Classes \['a', 'b'\].*with classificationLayer\(Name='classoutput'\)"),
    "wrong number of Classes": ((X, Y, [*CLASSIFIER[:-1], classificationLayer(Classes=["a", "b", "c"])]),
                                "classificationLayer:classesMismatch", "3 classes, but its input has 2 channels"),
    "label images for classification": ((X, LABEL_IMAGES, CLASSIFIER), "invalidDimensions",
                                        "one label per observation.*pixelClassificationLayer"),
    "labels for segmentation": ((X, Y, SEGMENTER), "responseSizeMismatch",
                                "images of size 6×6.*globalAveragePooling2dLayer, fullyConnectedLayer"),
    "no labelled pixel": ((X, categorical(np.full((6, 6, 8), ""), ["a", "b"]), SEGMENTER), "undefinedLabels",
                          "All labels in Y are undefined"),
    "labels for regression": ((X, Y, LINE), "categoricalResponses", "softmaxLayer and classificationLayer"),
    "text for regression": ((X, ["1"] * 8, LINE), "invalidType", "Y must be a real numeric array"),
    "NaN responses": ((X, np.where(np.arange(8) == 2, np.nan, 1.0), LINE), "notFinite",
                      "Y contains NaN or Inf in 1 of 8 observations; the first is observation 3"),
    "too many responses": ((X, np.ones((8, 2)), LINE), "responseSizeMismatch", r"fullyConnectedLayer\(2\).*Y\[:, :1\]"),
    "responses as columns": ((X, np.ones((2, 8)), TWO_RESPONSES), "responseSizeMismatch", r"Pass Y\.T"),
    "images for a vector": ((X, X, LINE), "responseSizeMismatch", r"6×6×1×8.*convolution2dLayer\(1, 1\)"),
    "a vector for images": ((X, np.ones(8), IMAGE_TO_IMAGE), "responseSizeMismatch", r"fullyConnectedLayer\(1\)"),
    "images with N first": ((X, X.transpose(3, 0, 1, 2), IMAGE_TO_IMAGE), "responseSizeMismatch",
                            r"moveaxis\(Y, 0, -1\)"),
    "no responses": ((X, [], LINE), "emptyData", "Y is empty"),
}

VALIDATION = {
    "other size": ((X[:5], Y), "inputSizeMismatch", "X of ValidationData has size 5×6×1×8"),
    "too few": ((X, Y[:3]), "observationsMismatch",
                "Y of ValidationData has 3 observations, but X of ValidationData has 8"),
    "unknown class": ((X, categorical(["a", "z"] * 4)), "unknownClasses", r"Y of ValidationData contains \['z'\]"),
    "NaN": ((NAN, Y), "notFinite", "X of ValidationData contains NaN"),
    "numbers": ((X, np.ones(8)), "numericLabels", r"Y of ValidationData is numeric.*Pass categorical\(YValidation\)"),
}


def refused(identifier, text, call):
    full = identifier if ":" in identifier else f"trainNetwork:{identifier}"
    with pytest.raises(DltoolboxError, match=text) as caught:
        call()
    issue = caught.value.issues[0]
    assert caught.value.identifiers == (f"dltoolbox:{full}",)
    assert issue.message.endswith(".")
    assert issue.hint.endswith(".")


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_are_refused(case):
    arguments, identifier, text = ARGUMENTS[case]
    refused(identifier, text, lambda: trainNetwork(*arguments))


@pytest.mark.parametrize("case", PREDICTORS)
def test_predictors_that_are_refused(case):
    arguments, identifier, text = PREDICTORS[case]
    refused(identifier, text, lambda: trainNetwork(*arguments, OPTIONS))


@pytest.mark.parametrize("case", TARGETS)
def test_targets_that_are_refused(case):
    arguments, identifier, text = TARGETS[case]
    refused(identifier, text, lambda: trainNetwork(*arguments, OPTIONS))


@pytest.mark.parametrize("case", VALIDATION)
def test_validation_data_that_are_refused(case):
    pair, identifier, text = VALIDATION[case]
    refused(identifier, text, lambda: trainNetwork(X, Y, CLASSIFIER, quiet(ValidationData=pair)))


def test_options_that_are_refused(tmp_path):
    refused("trainingOptions:checkpointPathNotFound", "not an existing folder",
            lambda: trainNetwork(X, Y, CLASSIFIER, quiet(CheckpointPath=str(tmp_path / "none"))))
    refused("trainingOptions:validationDataRequired", "Pass ValidationData=",
            lambda: trainNetwork(X, Y, CLASSIFIER, quiet(OutputNetwork="best-validation")))
    refused("nargout", "2 outputs", lambda: trainNetwork(X, Y, CLASSIFIER, OPTIONS, nargout=3))


def test_metrics_of_the_other_task_are_refused():
    for layers, responses, wrong, right in ((CLASSIFIER, Y, "rmse", "accuracy"), (LINE, np.arange(8.0), "accuracy", "rmse")):
        options = trainingOptions("sgdm", MaxEpochs=1, Verbose=False, Metrics=[wrong])
        with pytest.raises(DltoolboxError, match=f"Pass Metrics='{right}'.*metricOfOtherTask"):
            trainNetwork(X, responses, layers, options)
        options.Metrics = right
        trainNetwork(X, responses, layers, options)


def test_a_network_that_cannot_be_saved_is_refused_before_training(tmp_path):
    seen = []
    layers = [imageInputLayer([6, 6, 1], Normalization=np.sqrt), *CLASSIFIER[1:]]
    options = quiet(CheckpointPath=str(tmp_path), OutputFcn=lambda info: seen.append(info))
    refused("saveNetwork:functionValue", "Normalization is a function", lambda: trainNetwork(X, Y, layers, options))
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_all_faults_of_a_network_come_at_once():
    with pytest.raises(DltoolboxError) as caught:
        trainNetwork(X, Y, [INPUT, convolution2dLayer(9, 2), fullyConnectedLayer(2), classificationLayer], OPTIONS)
    assert set(caught.value.identifiers) == {"dltoolbox:convolution2dLayer:windowTooLarge",
                                             "dltoolbox:network:missingSoftmax"}


def test_one_class_is_worth_a_warning():
    with pytest.warns(DltoolboxWarning, match="one class.*trainNetwork:oneClass"):
        trainNetwork(X, categorical(["a"] * 8, ["a", "b"]), CLASSIFIER, OPTIONS)


def test_what_a_user_function_raises_comes_through():
    def broken(_):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        trainNetwork(X, Y, CLASSIFIER, quiet(OutputFcn=broken))


def test_a_wrong_nargout_is_refused_before_training():
    seen = []
    options = trainingOptions("sgdm", MaxEpochs=1, Verbose=False, OutputFcn=seen.append)
    with pytest.raises(DltoolboxError) as caught:
        trainNetwork(X, Y, CLASSIFIER, options, nargout=3)
    assert (caught.value.identifier, seen) == ("dltoolbox:trainNetwork:nargout", [])


def test_a_dlnetwork_has_no_loss():
    with pytest.raises(DltoolboxError) as caught:
        trainNetwork(X, Y, dlnetwork(CLASSIFIER[:3]), OPTIONS)
    assert caught.value.identifier == "dltoolbox:trainNetwork:isADlnetwork"
    assert "connectLayers(lgraph, 'softmax', 'output')" in str(caught.value)
