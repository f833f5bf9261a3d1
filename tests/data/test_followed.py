"""Doing what a message about categories, one-hot labels, metrics or arguments says, where a program cannot read it: each
case is a call that is refused, what its hint says, and the call that does so.
"""

import ast
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.data.metrics import SemanticSegmentationMetrics
from tests.train.hints import follow

A = dl.categorical(["cat", "dog", "cat"])
ORDERED = dl.categorical(["low", "high", "low"], ["low", "high"], Ordinal=True)
TRUTH = dl.categorical(np.arange(6 * 5 * 7).reshape(6, 5, 7) % 3, [0, 1, 2], ["sky", "road", "car"])
SCORES = np.array([[0.25, 0.75], [0.5, 0.5], [1, 0]])
QUIET = dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False)
FEATURES, LABELS = np.random.default_rng(0).random((8, 3)), dl.categorical(["a", "b"] * 4)
CLASSIFIER = [dl.featureInputLayer(3), dl.fullyConnectedLayer(2), dl.softmaxLayer, dl.classificationLayer]


def assigned(value):
    B = A.copy()
    B[[0, 1]] = value
    return B


FOLLOWED = {
    "categorical:valuesetType": (lambda: dl.categorical([0, 0], ["a", "b"]), "Use text for both or numbers for both",
                                 lambda: dl.categorical([0, 0], [0, 1], ["a", "b"])),
    "categorical:namesCount": (lambda: dl.categorical([0, 1], [0, 1], ["a"]), "one name for each value",
                               lambda: dl.categorical([0, 1], [0, 1], ["a", "b"])),
    "categorical:invalidName": (lambda: dl.categorical.from_codes([0], [1]), "Pass a list of texts",
                                lambda: dl.categorical.from_codes([0], ["1"])),
    "categorical:sizeMismatch": (lambda: A.reshape(2, 2), "number of elements must stay", lambda: A.reshape(1, 3)),
    "categorical:sizeMismatch of labels": (lambda: assigned(["a", "b", "c"]), "one label, or as many as are indexed",
                                           lambda: (assigned("a"), assigned(["a", "b"]))),
    "categorical:sizeMismatch of two": (lambda: A == ["a", "b"], "the same shape, or compare with one label",
                                        lambda: (A == ["a", "b", "c"], A == "a")),
    "categorical:invalidAxes": (lambda: A.transpose(1), "each axis once, from 0, or none",
                                lambda: (A.transpose(0), A.transpose())),
    "categorical:notOrdinal": (lambda: A < "dog", "Ordinal=True, or compare with ==",
                               lambda: (dl.categorical(A, Ordinal=True) < "dog", A == "dog")),
    "categorical:unknownCategory": (lambda: ORDERED < "middle", "Compare with one of them", lambda: ORDERED < "high"),
    "categorical:invalidArguments": (lambda: dl.categorical([1], [1], ["a"], ["b"]), r"categorical\(values, valueset, names",
                                     lambda: dl.categorical([1], [1], ["a"], Ordinal=False)),
    "categorical:invalidOrdinal": (lambda: dl.categorical([1], Ordinal="yes"), "Pass true or false",
                                   lambda: dl.categorical([1], Ordinal=True)),
    "categorical:unsupportedValue": (lambda: dl.categorical([["a"], ["b", "c"]]), "rows of equal length, or a flat list",
                                     lambda: dl.categorical(["a", "b", "c"])),
    "categorical:missingValue": (lambda: dl.categorical([1], [1, np.nan]), "Leave it out", lambda: dl.categorical([1], [1])),
    "categorical:duplicateValue": (lambda: dl.categorical([1], [1, 1]), "each value once", lambda: dl.categorical([1], [1])),
    "categorical:ambiguousNames": (lambda: dl.categorical([1.0, 1 + 1e-9]), r"categorical\(x, valueset, names\)",
                                   lambda: dl.categorical([1.0, 1 + 1e-9], [1.0, 1 + 1e-9], ["one", "more"])),
    "categorical:invalidCodes": (lambda: dl.categorical.from_codes([0, 7], ["a", "b"]), "-1 stands for undefined",
                                 lambda: dl.categorical.from_codes([0, -1], ["a", "b"])),
    "categorical:notLogical": (lambda: bool(A[0]), r"Y\[0\] == 'cat'", lambda: bool(A[0] == "cat")),
    "categorical:textExpected": (lambda: operator.eq(A, 3), r"Compare with '3', or wrap the numbers: categorical\(",
                                 lambda: (operator.eq(A, "3"), operator.eq(A, dl.categorical(3)))),
    "categorical:notScalar": (lambda: int(dl.categorical([1, 2])), r"Y\.astype\(int\)",
                              lambda: dl.categorical([1, 2]).astype(int)),
    "categorical:notNumeric": (lambda: float(A[0]), r"Y\.codes for positions among the categories, Y\.tolist\(\) for names",
                               lambda: (A.codes, A.tolist())),
    "categorical:invalidType": (lambda: A.astype("no type"), "float, int or str", lambda: A.astype(str)),
    "countcats:invalidDim": (lambda: dl.countcats(A, 3), "Leave it out", lambda: dl.countcats(A)),
    "addcats:duplicateCategory": (lambda: dl.addcats(A, "cat"), "only new categories", lambda: dl.addcats(A, "cow")),
    "addcats:invalidPosition": (lambda: dl.addcats(A, "cow", Before="cat", After="cat"), "one of them",
                                lambda: dl.addcats(A, "cow", Before="cat")),
    "addcats:positionNeeded": (lambda: dl.addcats(ORDERED, "middle"), "Before= or After=",
                               lambda: dl.addcats(ORDERED, "middle", Before="high")),
    "renamecats:invalidArguments": (lambda: dl.renamecats(A), r"renamecats\(A, newnames\) or renamecats\(A, oldnames, ",
                                    lambda: (dl.renamecats(A, ["x", "y"]), dl.renamecats(A, "cat", "x"))),
    "renamecats:namesCount": (lambda: dl.renamecats(A, ["x"]), "one new name for each",
                              lambda: dl.renamecats(A, ["x", "y"])),
    "reordercats:differentCategories": (lambda: dl.reordercats(A, ["dog"]), "each category once",
                                        lambda: dl.reordercats(A, ["dog", "cat"])),
    "mergecats:notConsecutive": (
        lambda: dl.mergecats(dl.categorical([1, 2, 3], Ordinal=True), ["1", "3"]), "only neighbouring categories",
        lambda: dl.mergecats(dl.categorical([1, 2, 3], Ordinal=True), ["1", "2"])),
    "setcats:invalidName": (lambda: dl.setcats(A, [1, 2]), "text that is neither blank", lambda: dl.setcats(A, ["1", "2"])),
    "setcats:duplicateCategory": (lambda: dl.setcats(A, ["a", "a"]), "each category once", lambda: dl.setcats(A, ["a"])),
    "addcats:invalidName": (lambda: dl.addcats(A, "x", After=["cat", "dog"]), "one name",
                            lambda: dl.addcats(A, "x", After="cat")),
    "renamecats:unknownCategory": (lambda: dl.renamecats(A, "cow", "x"), "existing categories",
                                   lambda: dl.renamecats(A, "cat", "x")),
    "onehotencode:unknownClass": (lambda: dl.onehotencode(A, 2, ClassNames=["cat"]), r"ClassNames=\['cat', 'dog'\]",
                                  lambda: dl.onehotencode(A, 2, ClassNames=["cat", "dog"])),
    "onehotencode:invalidType": (lambda: dl.onehotencode(A, 2, "half"), "Leave it out", lambda: dl.onehotencode(A, 2)),
    "onehotencode:invalidFeatureDim": (lambda: dl.onehotencode(A, 0), "from 1", lambda: dl.onehotencode(A, 1)),
    "scores2label:classesCount": (lambda: dl.scores2label(SCORES, ["a", "b", "c", "d"]), "Pass 2 classes",
                                  lambda: dl.scores2label(SCORES, ["a", "b"])),
    "scores2label:dimNeeded": (lambda: dl.scores2label(SCORES * 2, ["a", "b"]), r"scores2label\(scores, classNames, 2\)",
                               lambda: dl.scores2label(SCORES * 2, ["a", "b"], 2)),
    "onehotdecode:invalidScores": (lambda: dl.onehotdecode(["a", "b"], ["a", "b"], 1), "scores or one-hot values",
                                   lambda: dl.onehotdecode([0, 1], ["a", "b"], 1)),
    "onehotdecode:classesCount": (lambda: dl.onehotdecode(SCORES, ["a", "b"], 1), "one class per entry, or another dim",
                                  lambda: (dl.onehotdecode(SCORES, ["a", "b"], 2), dl.onehotdecode(SCORES, list("abc"), 1))),
    "SemanticSegmentationMetrics:invalidConfusions": (
        lambda: SemanticSegmentationMetrics(["a", "b"], [[1, 2]]), r"evaluateSemanticSegmentation\(pred, truth\)",
        lambda: dl.evaluateSemanticSegmentation(TRUTH, TRUTH, Verbose=False)),
    "evaluateSemanticSegmentation:sizeMismatch": (
        lambda: dl.evaluateSemanticSegmentation([TRUTH, TRUTH], TRUTH), "one for each",
        lambda: dl.evaluateSemanticSegmentation([TRUTH], TRUTH, Verbose=False)),
    "table:unknownRow": (lambda: dl.evaluateSemanticSegmentation(TRUTH, TRUTH, Verbose=False).ClassMetrics["x", "IoU"],
                         "Its rows are sky, road and car", lambda: dl.evaluateSemanticSegmentation(
                             TRUTH, TRUTH, Verbose=False).ClassMetrics["sky", "IoU"]),
    "evaluateSemanticSegmentation:sizeMismatch of vectors": (
        lambda: dl.evaluateSemanticSegmentation(A, A), "confusionmat", lambda: dl.confusionmat(A, A)),
    "evaluateSemanticSegmentation:notCategorical": (
        lambda: dl.evaluateSemanticSegmentation(TRUTH.codes, TRUTH), r"categorical\(L, \[1, 2\], \['sky', 'road'\]\)",
        lambda: dl.evaluateSemanticSegmentation(dl.categorical(TRUTH.codes, [0, 1, 2], TRUTH.categories), TRUTH,
                                                Verbose=False)),
    "confusionmat:sizeMismatch": (lambda: dl.confusionmat(np.eye(2)[[0, 1, 0]], A), "onehotdecode",
                                  lambda: dl.confusionmat(dl.onehotdecode(np.eye(2)[[0, 1, 0]], ["cat", "dog"], 2), A)),
    "confusionmat:differentKinds": (lambda: dl.confusionmat(["0", "1"], [0, 1]), "both as text or both as numbers",
                                    lambda: (dl.confusionmat(["0", "1"], ["0", "1"]), dl.confusionmat([0, 1], [0, 1]))),
    "confusionmat:notInOrder": (lambda: dl.confusionmat(A, A, Order=["cat"]), "every label that occurs",
                                lambda: dl.confusionmat(A, A, Order=["dog", "cat"])),
    "confusionmat:invalidArguments": (lambda: dl.confusionmat(A, A, A), r"confusionmat\(g, ghat, Order=",
                                      lambda: dl.confusionmat(A, A, Order=["cat", "dog"])),
}


def refused(call):
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    return caught.value.issues[0]


@pytest.mark.parametrize("case", FOLLOWED)
def test_hints_about_categories_and_metrics(case):
    bad, said, good = FOLLOWED[case]
    issue = refused(bad)
    assert issue.identifier == f"dltoolbox:{case.split()[0]}"
    assert re.search(said, issue.hint), issue
    good()


IN_CODE = {
    "other kinds of values": (lambda s: dl.categorical(s.values), {"values": np.array(["2020-01-01"], "M8[D]")}),
    "complex values": (lambda s: dl.categorical(s.values), {"values": np.array([1j, 2])}),
    "objects": (lambda s: dl.categorical(s.values), {"values": [{1}, {}]}),
    "text and numbers": (lambda s: dl.categorical(s.values), {"values": ["a", 1]}),
    "names for numbers": (lambda s: isinstance(s.values, dl.categorical) or dl.categorical(s.values, ["a", "b"]),
                          {"values": [0, 1]}),
    "codes from one": (lambda s: dl.categorical.from_codes(s.codes, ["a", "b"]), {"codes": np.array([1, 2])}),
    "another order of categories": (lambda s: operator.lt(ORDERED, s.other),
                                    {"other": dl.categorical(["high", "low", "low"], ["high", "low"], Ordinal=True)}),
    "no order": (lambda s: operator.lt(ORDERED, s.other), {"other": dl.categorical(["high", "low", "low"])}),
    "categories of text": (lambda s: dl.countcats(s.A), {"A": ["cat", "dog"]}),
    "true labels N×H×W": (lambda s: dl.evaluateSemanticSegmentation(TRUTH, s.truth, Verbose=False),
                          {"truth": TRUTH.transpose(2, 0, 1)}),
    "true labels W×H×N": (lambda s: dl.evaluateSemanticSegmentation(TRUTH, s.truth, Verbose=False),
                          {"truth": TRUTH.transpose(1, 0, 2)}),
    "true labels H×W×1×N": (lambda s: dl.evaluateSemanticSegmentation(TRUTH, s.truth, Verbose=False),
                            {"truth": TRUTH.reshape(6, 5, 1, 7)}),
    "true labels of another size": (lambda s: dl.evaluateSemanticSegmentation(TRUTH, s.truth, Verbose=False),
                                    {"truth": TRUTH[np.arange(12) // 2]}),
    "other names": (lambda s: dl.evaluateSemanticSegmentation(s.pred, TRUTH, Verbose=False),
                    {"pred": dl.renamecats(TRUTH, ["1", "2", "3"])}),
    "labels outside of the classes": (lambda s: dl.onehotencode(s.A, 2, ClassNames=["cat"]), {"A": A}),
    "labels as text outside of the classes": (lambda s: dl.onehotencode(s.A, 2, ClassNames=["cat"]), {"A": ["cat", "dog"]}),
}


@pytest.mark.parametrize("case", IN_CODE)
def test_hints_in_code(case):
    script, variables = IN_CODE[case]
    end = follow(script, variables, meant="make them undefined" if "outside" in case else "H×W×N" if "size" in case else "")
    assert len(end["hints"]) == 1
    if "truth" in variables and "another" not in case:
        assert end["result"].DataSetMetrics.GlobalAccuracy == 1


# Arguments of networks ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def net():
    return dl.trainNetwork(FEATURES, LABELS, CLASSIFIER, QUIET)


def test_arguments_in_another_order(net):
    calls = {"predict": (dl.predict, (FEATURES,)), "classify": (dl.classify, (FEATURES,)),
             "activations": (dl.activations, (FEATURES, "fc"))}
    for name, (function, rest) in calls.items():
        hint = refused(lambda function=function, rest=rest: function(rest[0], net, *rest[1:])).hint
        assert hint == f"Call {name}(net, X{', layer' if len(rest) > 1 else ''}), in this order."
        function(net, *rest)
    assert refused(lambda: dl.semanticseg(net, FEATURES)).hint == "Call semanticseg(I, net), in this order."
    for wrong in ((LABELS, FEATURES, CLASSIFIER, QUIET), (FEATURES, LABELS, QUIET, CLASSIFIER),
                  (CLASSIFIER, FEATURES, LABELS, QUIET)):
        hint = refused(lambda wrong=wrong: dl.trainNetwork(*wrong)).hint
        assert hint == "The order is trainNetwork(X, Y, layers, options)."


def test_other_functions_for_other_networks(net):
    assert refused(lambda: dl.semanticseg(FEATURES, net)).hint == "Use classify(net, I)."
    line = dl.trainNetwork(FEATURES, FEATURES[:, 0], [*CLASSIFIER[:1], dl.fullyConnectedLayer(1), dl.regressionLayer], QUIET)
    assert refused(lambda: dl.semanticseg(FEATURES, line)).hint == "Use predict(net, I)."
    assert refused(lambda: dl.classify(line, FEATURES)).hint == "Use predict(net, X)."
    assert dl.predict(line, FEATURES).shape == (8, 1)
    assert "Train the layers with trainNetwork" in refused(lambda: dl.predict(CLASSIFIER, FEATURES)).hint
    inner = dl.dlnetwork(CLASSIFIER[:3])
    names = ["a", "b"]
    assert refused(lambda: dl.classify(inner, FEATURES)).hint == (
        "Use scores2label(minibatchpredict(net, X), classNames) for a dlnetwork.")
    assert dl.scores2label(dl.minibatchpredict(inner, FEATURES), names).shape == (8,)


def test_a_layer_of_activations(net):
    hint = refused(lambda: dl.activations(net, FEATURES, 1.5)).hint
    layer = re.fullmatch(r"Call for example activations\(net, X, '(\w+)'\)\.", hint)[1]
    assert dl.activations(net, FEATURES, layer).shape[0] == 8


def test_classes_of_pixels():
    images = dl.dlnetwork([dl.imageInputLayer([4, 4, 1]), dl.convolution2dLayer(1, 2), dl.softmaxLayer])
    hint = refused(lambda: dl.semanticseg(np.ones((4, 4)), images, Classes=["a", "b", "c"])).hint
    assert hint == "Pass 2 names."
    dl.semanticseg(np.ones((4, 4)), images, Classes=["a", "b"])


def test_a_dlnetwork_gets_an_output_layer():
    space = {**vars(dl), "net": dl.dlnetwork(CLASSIFIER[:3])}
    hint = refused(lambda: dl.trainNetwork(FEATURES, LABELS, space["net"], QUIET)).hint
    for code in re.findall(r"lgraph = \w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", hint):
        exec(code, space)
    dl.trainNetwork(FEATURES, LABELS, space["lgraph"], QUIET)


def test_several_inputs():
    left, right = dl.featureInputLayer(3, Name="left"), dl.featureInputLayer(3, Name="right")
    lgraph = dl.layerGraph([left, dl.additionLayer(2, Name="add"), dl.fullyConnectedLayer(1), dl.regressionLayer])
    lgraph = dl.connectLayers(dl.addLayers(lgraph, right), "right", "add/in2")
    X1 = X2 = FEATURES
    Y = FEATURES[:, 0]
    issue = refused(lambda: dl.trainNetwork(X1, Y, lgraph, QUIET))
    assert issue.message == "The network has 2 input layers (left, right), but got 1 array."
    assert issue.hint == "Call trainNetwork([X1, X2], Y, layers, options), with X1 for 'left' and X2 for 'right'."
    net = dl.trainNetwork([X1, X2], Y, lgraph, QUIET)
    assert refused(lambda: dl.predict(net, X1)).hint == "Call predict(net, X1, X2), with X1 for 'left' and X2 for 'right'."
    dl.predict(net, X1, X2)
    assert refused(lambda: dl.activations(net, X1, "add")).hint.startswith("Call activations(net, X1, X2, layer), ")
    bad = np.where(np.arange(8)[:, None] == 3, np.nan, FEATURES)
    end = follow(lambda s: dl.trainNetwork(s.X, s.Y, lgraph, QUIET), {"X": [X1, bad], "Y": Y})
    assert [len(end["X"][0]), len(end["X"][1]), len(end["Y"])] == [7, 7, 7]
    issue = refused(lambda: dl.predict(net, X1, X2.T))
    assert issue.message.startswith("X2 has size 3×8")
    assert issue.hint == "The features are rows here: use X2.T."
    issue = refused(lambda: dl.predict(net, [X1, X2.T]))
    assert issue.hint == "The features are rows here: use X[1].T."


# Data with dimensions that are labelled, sequences, example inputs ----------------------------------------------------
SEQUENCES = dl.dlnetwork([dl.inputLayer([3, np.nan, np.nan], "CBT"), dl.fullyConnectedLayer(2)])
STEPS = np.random.default_rng(0).random((3, 4, 5))
OPEN = [dl.convolution2dLayer(1, 2, Name="conv")]
PLAIN = dl.dlnetwork(CLASSIFIER[:3])


def steps(**options):
    return lambda: dl.predict(SEQUENCES, STEPS, **options)


OF_ARRAYS = {
    "predict:formatsMismatch": (steps(InputDataFormats=["CBT", "CBT"]), "one of InputDataFormats per input",
                                steps(InputDataFormats="CBT")),
    "predict:formatMismatch": (steps(InputDataFormats="SCB"), "letters of 'CBT', in the order in which they stand",
                               steps(InputDataFormats="CBT")),
    "predict:formatMismatch of dimensions": (steps(InputDataFormats="CT"), "one letter per dimension",
                                             steps(InputDataFormats="CBT")),
    "predict:formatMismatch of outputs": (steps(OutputDataFormats="SCB"), "letters of 'CBT' in the order that you need",
                                          steps(OutputDataFormats="BCT")),
    "predict:formatsMismatch of outputs": (steps(OutputDataFormats=["CBT", "CBT"]), "one of OutputDataFormats per output",
                                           steps(OutputDataFormats="CBT")),
    "initialize:formatNeeded": (
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), dl.networkDataLayout([4, 4, 1])),
        r"\[28, 28, 1\], 'SSC'",
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), dl.networkDataLayout([4, 4, 1], "SSC"))),
    "initialize:formatNeeded of arrays": (
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), np.ones(3)), "images as h×w×c×N",
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), np.ones((4, 4, 1, 3)))),
    "initialize:sizeNeeded": (
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), dl.networkDataLayout([4, 4, np.nan, 3], "SSCB")),
        "Only the sizes of B, T and U may be NaN",
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), dl.networkDataLayout([4, 4, 1, np.nan], "SSCB"))),
    "initialize:invalidExample": (
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), "images"), "Pass an array, or networkDataLayout",
        lambda: dl.initialize(dl.dlnetwork(OPEN, Initialize=False), dl.networkDataLayout([28, 28, 1], "SSC"))),
    "networkDataLayout:formatMismatch": (lambda: dl.networkDataLayout([4, 4], "SSC"), "one label per size",
                                         lambda: dl.networkDataLayout([4, 4], "SS")),
    "trainNetwork:missingResponses": (lambda: dl.trainNetwork(FEATURES, CLASSIFIER, QUIET), r"\(X, Y, layers, options\)",
                                      lambda: dl.trainNetwork(FEATURES, LABELS, CLASSIFIER, QUIET)),
    "trainNetwork:invalidDimensions": (
        lambda: dl.trainNetwork(FEATURES[:2], [[1, 2], [3]], [*CLASSIFIER[:2], dl.regressionLayer], QUIET),
        "parts of equal size",
        lambda: dl.trainNetwork(FEATURES[:2], [[1, 2], [3, 4]], [*CLASSIFIER[:2], dl.regressionLayer], QUIET)),
}


@pytest.mark.parametrize("case", OF_ARRAYS)
def test_hints_about_formats_and_examples(case):
    bad, said, good = OF_ARRAYS[case]
    issue = refused(bad)
    assert issue.identifier == f"dltoolbox:{case.split()[0]}"
    assert re.search(said, issue.hint), issue
    good()


def test_a_dlnetwork_that_is_not_initialised():
    end = follow(lambda s: dl.predict(s.net, FEATURES), {"net": dl.dlnetwork(CLASSIFIER[:3], Initialize=False)})
    assert end["hints"] == ["Call net = initialize(net); values that are set stay as they are."]


def test_a_network_that_classifies_images_of_another_size():
    net = dl.trainNetwork(np.random.default_rng(0).random((6, 6, 1, 8)), LABELS, [
        dl.imageInputLayer([6, 6, 1]), dl.globalAveragePooling2dLayer, dl.fullyConnectedLayer(2), dl.softmaxLayer,
        dl.classificationLayer], QUIET)
    end = follow(lambda s: dl.classify(s.net, s.X), {"net": net, "X": np.ones((12, 9, 1, 5))})
    assert end["X"].shape == (6, 6, 1, 5)


# Every message --------------------------------------------------------------------------------------------------------
BY_NATURE = {  # identifiers of what no program can do, and why
    "array:maskedElements": "followed in tests/train/test_label_hints.py, where it has the name of the argument",
    "check_room": "what needs more memory than the machine has: nothing fits",
    "categorical:notAVector": "needs pandas; followed in tests/data/test_categorical.py",
    "categorical:scalarAssignment": "a copy is assigned to; followed in tests/data/test_categorical_as_python.py",
    "evaluateSemanticSegmentation:noPixels": "nothing is labelled, and only the user can label it",
    "…:stateMismatch": "followed in tests/engines/test_states.py",
    "…:noState": "likewise",
    "…:piecesTooShort": "followed in tests/engines/test_sequences.py",
    "network:lengthsDiffer": "likewise",
    "…:undefinedLabels": "a warning that scores are NaN; where they come from is not known",
    "…:invalidLayer": "the size of a pooling is no activation; there is none to ask for instead",
    "…:observationsMismatch": "only the user knows which observations belong together",
    "trainNetwork:observationsMismatch": "likewise",
    "trainNetwork:oneClass": "a warning that there is nothing to learn; data of other classes are asked for",
    "trainNetwork:emptyData": "data are asked for; empty ValidationData are left out in tests/train/test_label_hints.py",
}
IN_TRAINING = {  # followed in tests/train/test_data_hints.py and test_label_hints.py, or in a test of its own above
    "…:inputSizeMismatch", "…:notNumeric", "…:complexData", "…:wrongNumberOfInputs", "…:notANetwork", "…:notInitialized",
    "classify:otherSize", "…:notAClassificationNetwork", "semanticseg:notASegmentationNetwork",
    "semanticseg:classesMismatch", "activations:invalidLayer", "trainNetwork:invalidOptions", "trainNetwork:invalidLayers",
    "trainNetwork:isADlnetwork", "trainNetwork:invalidPredictors", "trainNetwork:classesMismatch", "trainNetwork:notNumeric",
    "trainNetwork:inputSizeMismatch", "trainNetwork:unknownColumn", "trainNetwork:tableOfFeatures",
    "trainNetwork:numericLabels", "trainNetwork:categoricalResponses", "trainNetwork:undefinedLabels",
    "trainNetwork:responseSizeMismatch", "trainNetwork:unknownClasses", "trainNetwork:invalidType",
    "trainNetwork:notFinite", "trainNetwork:tooLarge", "trainNetwork:lengthsDiffer",
    "categorical:differentCategories", "categorical:mixedValues",
    "…:notCategorical",
    "evaluateSemanticSegmentation:unknownClasses"}
SOURCES = ("core/arrays.py", "data/categorical.py", "data/category_functions.py", "data/labels.py", "data/metrics.py",
           "data/onehot.py", "engines/formats.py", "engines/inference.py", "engines/networks.py", "engines/pieces.py",
           "engines/running.py", "engines/segmentation.py", "engines/sizes.py", "engines/updating.py",
           "network/data_layout.py", "program/data_layout.py", "train/arguments.py", "train/tables.py", "train/targets.py")


def identifiers():
    """All that the messages about data have, with … for the name of a function."""
    for source in SOURCES:
        tree = ast.parse(Path(dl.__file__).parent.joinpath(source).read_text("utf-8"))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("fail", "warn"):
                text = call.args[0]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)


def test_every_message_about_data_is_followed():
    by_hand = {case.split()[0] for case in (*FOLLOWED, *OF_ARRAYS)}
    known = {*by_hand, *(f"…:{name.split(':')[1]}" for name in by_hand), *IN_TRAINING, *BY_NATURE, "…:invalid……", "…"}
    assert {*identifiers()} - known == set()
    assert {*IN_TRAINING, *BY_NATURE} - {*identifiers(), "check_room"} == set()
