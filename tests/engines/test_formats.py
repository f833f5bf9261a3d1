"""InputDataFormats and OutputDataFormats say where dimensions stand; options of sequences have no effect on other data."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    activations,
    assembleNetwork,
    classificationLayer,
    classify,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    inputLayer,
    minibatchpredict,
    predict,
    reluLayer,
    semanticseg,
    softmaxLayer,
)


@pytest.fixture(scope="module")
def nets():
    weights = np.arange(12.0).reshape(1, 1, 3, 4)
    images = [imageInputLayer([2, 5, 3], Normalization="none", Name="in"),
              convolution2dLayer(1, 4, Weights=weights, Bias=np.zeros(4), Name="conv")]
    features = [fullyConnectedLayer(2, Weights=[[1, 2, 0], [0, 1, 1]], Bias=[3, 0], Name="fc"), reluLayer]
    ends = [softmaxLayer, classificationLayer(Classes=["a", "b"])]
    return {"images": dlnetwork(images), "features": dlnetwork([featureInputLayer(3), *features]),
            "sequences": dlnetwork([inputLayer([3, float("nan"), float("nan")], "CBT", Name="in"), *features]),
            "classes": assembleNetwork([featureInputLayer(3), *features, *ends])}


X = {"images": np.arange(2 * 5 * 3 * 7.0).reshape(2, 5, 3, 7), "features": np.arange(12.0).reshape(4, 3),
     "sequences": np.arange(3 * 4 * 6.0).reshape(3, 4, 6)}


@pytest.mark.parametrize(("kind", "given", "order"), [
    ("images", "BSSC", (3, 0, 1, 2)), ("images", "BCSS", (3, 2, 0, 1)), ("images", "sscb", (0, 1, 2, 3)),
    ("images", "CSSB", (2, 0, 1, 3)), ("features", "CB", (1, 0)), ("features", "BC", (0, 1)),
    ("sequences", "CTB", (0, 2, 1)), ("sequences", "TCB", (2, 0, 1)), ("sequences", "BTC", (1, 2, 0)),
])
@pytest.mark.parametrize("function", [predict, minibatchpredict])
def test_labelled_dimensions_are_put_in_order(nets, kind, given, order, function):
    wanted = function(nets[kind], X[kind])
    got = function(nets[kind], X[kind].transpose(order), InputDataFormats=given)
    np.testing.assert_array_equal(got, wanted)
    back = function(nets[kind], X[kind], "OutputDataFormats", given, "MiniBatchSize", 3)
    np.testing.assert_array_equal(back, wanted.transpose(order))


def test_dimensions_of_one_observation_may_be_left_out(nets):
    one = predict(nets["images"], X["images"][..., :1])
    image = X["images"][..., 0].transpose(2, 0, 1)
    np.testing.assert_array_equal(predict(nets["images"], image, InputDataFormats="CSS"), one)
    np.testing.assert_array_equal(predict(nets["features"], [1, 2, 3], InputDataFormats="C"), [[8, 5]])
    np.testing.assert_array_equal(predict(nets["sequences"], X["sequences"][:, 0].T, InputDataFormats="TC"),
                                  predict(nets["sequences"], X["sequences"][:, :1])[:, 0])


@pytest.mark.parametrize(("kind", "options", "problem", "then"), [
    ("images", {"InputDataFormats": "SSCBT"}, "formatMismatch", {"InputDataFormats": "SSCB"}),
    ("images", {"InputDataFormats": "BC"}, "formatMismatch", {"InputDataFormats": "SSCB"}),
    ("images", {"InputDataFormats": "SSC"}, "formatMismatch", {"InputDataFormats": "SSCB"}),
    ("images", {"InputDataFormats": ["SSCB", "CB"]}, "formatsMismatch", {"InputDataFormats": ["SSCB"]}),
    ("images", {"InputDataFormats": "SSXB"}, "invalidInputDataFormats", {"InputDataFormats": "auto"}),
    ("images", {"OutputDataFormats": "CB"}, "formatMismatch", {"OutputDataFormats": "BSSC"}),
    ("images", {"OutputDataFormats": ["SSCB", "CB"]}, "formatsMismatch", {"OutputDataFormats": ["SSCB"]}),
    ("sequences", {"InputDataFormats": "SCBT"}, "formatMismatch", {"InputDataFormats": "CBT"}),
    ("sequences", {"OutputDataFormats": "CB"}, "formatMismatch", {"OutputDataFormats": "TCB"}),
])
def test_formats_that_do_not_fit_are_refused(nets, kind, options, problem, then):
    with pytest.raises(DltoolboxError) as caught:
        predict(nets[kind], X[kind], **options)
    assert caught.value.identifiers == (f"dltoolbox:predict:{problem}",)
    followed, wanted = predict(nets[kind], X[kind], **then), predict(nets[kind], X[kind])
    np.testing.assert_array_equal(np.sort(followed, None), np.sort(wanted, None))


@pytest.mark.parametrize("kind", X)
def test_an_array_for_each_observation(nets, kind):
    whole = minibatchpredict(nets[kind], X[kind])
    parts = minibatchpredict(nets[kind], X[kind], UniformOutput=False)
    np.testing.assert_array_equal(np.stack(parts, {"images": 3, "features": 0, "sequences": 1}[kind]), whole)


@pytest.mark.parametrize("pair", [("SequenceLength", "shortest"), ("SequenceLength", 20),
                                  ("SequencePaddingDirection", "left"), ("SequencePaddingValue", -1)])
def test_options_of_sequences_have_no_effect_on_other_data(nets, pair):
    for function, net, more in ((predict, "classes", []), (classify, "classes", []), (activations, "classes", ["fc"]),
                                (predict, "features", []), (minibatchpredict, "features", [])):
        np.testing.assert_array_equal(np.asarray(function(nets[net], X["features"], *more, *pair)),
                                      np.asarray(function(nets[net], X["features"], *more)))
    with pytest.raises(DltoolboxError, match=f"invalid{pair[0]}"):
        classify(nets["classes"], X["features"], pair[0], [])


def test_options_of_sequences_of_one_length(nets):
    wanted = predict(nets["sequences"], X["sequences"])
    for options in ({"SequenceLength": "shortest"}, {"SequencePaddingDirection": "left"}, {"SequencePaddingValue": 1},
                    {"SequenceLength": 3}, {"SequenceLength": 100}):
        np.testing.assert_array_equal(predict(nets["sequences"], X["sequences"], **options), wanted)


def test_labels_of_images_in_an_array_are_not_written(nets):
    with pytest.raises(DltoolboxError, match=r"'WriteLocation'.*there are no datastores in this release") as caught:
        semanticseg(X["images"], nets["images"], "MiniBatchSize", 4, "WriteLocation", "folder")
    assert caught.value.identifier == "dltoolbox:semanticseg:notInThisRelease"
    assert semanticseg(X["images"], nets["images"], "MiniBatchSize", 4, "Verbose", False).shape == (2, 5, 7)
