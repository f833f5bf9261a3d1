"""Targets, and a clear complaint for everything that cannot be trained on."""

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning
from dltoolbox.data.categorical import categorical
from dltoolbox.train.targets import encode_labels, encode_responses, finite, numeric_targets


def fails(identifier, text, function, *args, **kwargs):
    with pytest.raises(DltoolboxError, match=text) as caught:
        function(*args, **kwargs)
    assert caught.value.identifiers == (f"dltoolbox:trainNetwork:{identifier}",)


# Arrays --------------------------------------------------------------------------------------------------------------
def test_nan_and_inf_are_located():
    x = np.zeros((4, 5, 1, 6), np.float32)
    assert finite(x, "X") is x
    x[0, 0, 0, 2] = np.nan
    x[1, 1, 0, 4] = np.inf
    fails("notFinite", "XVal contains NaN or Inf in 2 of 6 observations; the first is observation 3", finite, x, "XVal")


@pytest.mark.parametrize(("x", "identifier", "text"), [
    (np.zeros((4, 5, 1, 0), np.uint8), "emptyData", "X is empty"),
    (np.zeros(3, complex), "invalidType", "complex128.*np.abs"),
    (np.zeros(3, object), "invalidType", "object"),
    (["a"], "invalidType", "X must be a real numeric array"),
    ([[1, 2], [3]], "invalidDimensions", "parts of different sizes"),
])
def test_what_is_no_numeric_array(x, identifier, text):
    fails(identifier, text, numeric_targets, x, "X")


def test_numeric_arrays_are_not_copied():
    x = np.zeros((2, 3), np.uint8)
    assert numeric_targets(x, "X") is x
    assert numeric_targets([True, False], "X").tolist() == [True, False]


# Labels --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("labels", [
    ["b", "a", "b"], np.array(["b", "a", "b"]), categorical(["b", "a", "b"]), categorical([["b"], ["a"], ["b"]])])
def test_labels_in_order_of_their_categories(labels):
    targets, classes = encode_labels(labels, 3)
    assert classes == ("a", "b")
    np.testing.assert_array_equal(np.asarray(targets), [[0, 1, 0], [1, 0, 1]])


def test_logical_labels():
    targets, classes = encode_labels(np.array([True, False]), 2)
    assert classes == ("false", "true")
    assert np.asarray(targets).tolist() == [[0, 1], [1, 0]]


def test_a_pandas_categorical_keeps_its_categories():
    class Categorical:  # what pandas' class shows
        codes, categories, shape, ordered = np.array([1, 0], np.int8), np.array(["z", "a"], object), (2,), False
    targets, classes = encode_labels(Categorical(), 2)
    assert classes == ("z", "a")
    assert np.asarray(targets).tolist() == [[0, 1], [1, 0]]


def test_labels_taken_out_of_a_categorical_one_by_one():
    Y = categorical(["b", "a", "b"])
    targets, classes = encode_labels(list(Y), 3)
    assert classes == ("a", "b")
    np.testing.assert_array_equal(targets.codes, Y.codes)


def test_classes_of_the_layer_give_the_order():
    targets, classes = encode_labels(["b", "a"], 2, classes=("b", "c", "a"))
    assert classes == ("b", "c", "a")
    np.testing.assert_array_equal(np.asarray(targets), [[1, 0], [0, 0], [0, 1]])


def test_output_of_one_pixel_gets_targets_of_one_pixel():
    targets, _ = encode_labels(["b", "a"], 2, spatial=(1, 1))
    assert targets.shape == (1, 1, 2, 2)


def test_unused_categories_count():
    assert encode_labels(categorical(["a", "b"], ["a", "b", "c"]), 2)[1] == ("a", "b", "c")


@pytest.mark.parametrize(("labels", "identifier", "text"), [
    ([1, 2, 3], "numericLabels", r"Pass categorical\(Y\)"),
    (np.array([0.0, 1, 0]), "numericLabels", r"categorical\(Y\)"),
    (["a", "b"], "observationsMismatch", "Y has 2 observations, but X has 3"),
    (["a", None, None], "undefinedLabels", "2 of 3 labels.*the first is observation 2"),
    (categorical([["a", "b"], ["a", "b"]]), "invalidDimensions", "2×2"),
    ([], "emptyData", "Y is empty"),
    (categorical([]), "emptyData", "Y is empty"),
])
def test_labels_that_cannot_be_used(labels, identifier, text):
    fails(identifier, text, encode_labels, np.array(labels, object) if None in list(labels) else labels, 3)


def test_labels_outside_the_classes_of_the_layer():
    fails("unknownClasses", r"\['c', 'd'\], which are not among the Classes \['a', 'b'\]", encode_labels,
          ["d", "a", "c"], 3, classes=["a", "b"])


def test_a_single_class_is_worth_a_warning_in_training_only():
    with pytest.warns(DltoolboxWarning, match="one class.*trainNetwork:oneClass"):
        encode_labels(["a", "a"], 2)
    encode_labels(["a", "a"], 2, classes=["a", "b"], training=False)


def test_label_images_may_be_undefined():
    names = np.array([[["a", "b"], ["", "b"]]])  # 1×2 pixels, 2 observations
    targets, classes = encode_labels(names, 2, spatial=(1, 2), pixels=True)
    assert (classes, targets.shape) == (("a", "b"), (1, 2, 2, 2))
    np.testing.assert_array_equal(np.asarray(targets)[0, 1], [[0, 0], [0, 1]])
    assert encode_labels(names[:, :, None], 2, spatial=(1, 2), pixels=True)[0].shape == (1, 2, 2, 2)
    assert encode_labels(names[..., 0], 1, classes=classes, spatial=(1, 2), pixels=True,
                         training=False)[0].shape == (1, 2, 2, 1)


@pytest.mark.parametrize(("shape", "identifier", "text"), [
    ((2, 3, 4, 5), "responseSizeMismatch", "2×3×4×5.*2×3×N"),
    ((4, 2, 3), "responseSizeMismatch", "4×2×3.*2×3"),
    ((2, 3, 4), "observationsMismatch", "4 observations, but X has 5")])
def test_label_images_that_do_not_fit(shape, identifier, text):
    labels = np.resize(np.array(["a", "b"]), shape)
    fails(identifier, text, encode_labels, labels, 5, spatial=(2, 3), pixels=True)


# Responses -----------------------------------------------------------------------------------------------------------
def test_responses():
    y = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(encode_responses(y, 3, (2,)), y.T)
    assert encode_responses(y, 3, (1, 1, 2)).shape == (1, 1, 2, 3)
    assert encode_responses([1, 2, 3], 3, (1,)).tolist() == [[1, 2, 3]]
    image = np.zeros((4, 5, 2, 3))
    assert encode_responses(image, 3, (4, 5, 2)).shape == (4, 5, 2, 3)
    assert encode_responses(image[..., 0], 1, (4, 5, 2)).shape == (4, 5, 2, 1)
    assert encode_responses(np.zeros((1, 1, 2, 3)), 3, (1, 1, 2)).shape == (1, 1, 2, 3)


@pytest.mark.parametrize(("y", "size", "identifier", "text"), [
    (np.zeros((4, 2)), (2,), "observationsMismatch", "Y has 4 observations, but X has 3"),
    (np.zeros((2, 3)), (2,), "responseSizeMismatch", r"Pass Y\.T"),
    (np.zeros(3), (2,), "responseSizeMismatch", "1 response per observation.*2 outputs"),
    (np.zeros((4, 5, 3)), (4, 5, 1), "responseSizeMismatch", r"Y\[\.\.\., np\.newaxis, :\]"),
    (np.zeros((3, 4, 5, 1)), (4, 5, 1), "responseSizeMismatch", "moveaxis"),
    (np.zeros((4, 5, 1, 2)), (4, 5, 1), "observationsMismatch", "2 observations"),
    ([1, np.nan, 3], (1,), "notFinite", "1 of 3 observations; the first is observation 2"),
    (np.zeros(3, complex), (1,), "invalidType", "complex"),
    (["a", "b", "c"], (1,), "invalidType", "real numeric"),
    ([], (1,), "emptyData", "empty"),
])
def test_responses_that_cannot_be_used(y, size, identifier, text):
    fails(identifier, text, encode_responses, y, 3, size)
