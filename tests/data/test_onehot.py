"""Labels to one-hot arrays and back."""

import numpy as np
import pytest

from dltoolbox.data import categorical, onehotdecode, onehotencode, scores2label


def test_columns_and_rows():
    Y = categorical(["b", "a", "b"])
    assert onehotencode(Y, 2).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert onehotencode(Y, 1).tolist() == [[0, 1, 0], [1, 0, 1]]
    assert onehotencode(Y, 2).dtype == np.float32
    assert onehotencode(Y, 2, "double").dtype == np.float64
    assert onehotencode(["b", "a", "b"], 1).shape == (2, 3)


@pytest.mark.parametrize(("shape", "featureDim", "expected"), [
    ((), 1, (2,)), ((5, 1), 2, (5, 2)), ((1, 5), 1, (2, 5)), ((4, 3), 3, (4, 3, 2)), ((1,), 2, (1, 2)), ((1,), 1, (2, 1)),
    ((4, 3, 5), 3, (4, 3, 2, 5)), ((4, 3, 1), 3, (4, 3, 2, 1)), ((4, 3, 1, 5), 3, (4, 3, 2, 5)),
    ((4, 3, 1, 1), 3, (4, 3, 2, 1)), ((0,), 2, (0, 2)),
])
def test_sizes(shape, featureDim, expected):
    Y = categorical(np.zeros(shape, int), [0, 1])
    assert onehotencode(Y, featureDim).shape == expected


def test_class_names_and_undefined():
    Y = categorical(["b", None])
    encoded = onehotencode(Y, 2, ClassNames=["a", "b"])
    assert encoded[0].tolist() == [0, 1]
    assert np.isnan(encoded[1]).all()
    assert onehotencode([10, 2], 2, ClassNames=[2, 10.0, 3]).tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("shape", [(7,), (4, 3, 5), (4, 3, 1)])
def test_round_trip(shape):
    codes = np.random.RandomState(0).randint(-1, 3, shape)
    Y = categorical.from_codes(codes, ["x", "y", "z"])
    dim = 2 if len(shape) == 1 else 3
    again = onehotdecode(onehotencode(Y, dim), Y.categories, dim)
    assert np.array_equal(again.codes, codes)
    assert again.categories == Y.categories


def test_decode():
    assert onehotdecode([0.2, 0.8], ["a", "b"], 1).tolist() == "b"
    assert onehotdecode(np.array([[1, 0], [0, 1]]), [3, 5], 2).tolist() == ["3", "5"]
    assert onehotdecode([[0.5, 0.5]], ["a", "b"], 2).tolist() == ["a"]
    assert onehotdecode(np.zeros((0, 2)), ["a", "b"], 2).shape == (0,)


@pytest.mark.parametrize(("arguments", "options", "reason"), [
    ((["a"], 0), {}, "invalidFeatureDim"), ((["a"], 3), {}, "invalidFeatureDim"), ((["a"], 1.5), {}, "invalidFeatureDim"),
    ((["a"], "C"), {}, "invalidFeatureDim"), ((["a"], 2, "uint8"), {}, "invalidType"),
    ((["a"], 2), {"ClassNames": ["b"]}, "unknownClass"), ((["a"], 2), {"ClassNames": ["a", "a"]}, "duplicateCategory"),
])
def test_bad_encoding(refused, arguments, options, reason):
    with refused(f"onehotencode:{reason}"):
        onehotencode(*arguments, **options)


@pytest.mark.parametrize(("arguments", "reason"), [
    (([[1, 0]], ["a", "b"], 3), "invalidFeatureDim"), (([[1, 0]], ["a", "b"], 1), "classesCount"),
    (([[]], [], 2), "classesCount"), ((["x"], ["a"], 1), "invalidScores"),
    (([[1], [1, 0]], ["a", "b"], 2), "invalidScores"),
])
def test_bad_decoding(refused, arguments, reason):
    with refused(f"onehotdecode:{reason}"):
        onehotdecode(*arguments)


def test_labels_of_scores():
    labels, top = scores2label([[0.1, 0.9], [0.8, 0.2]], ["a", "b"], nargout=2)
    assert labels.tolist() == ["b", "a"]
    assert top.tolist() == [0.9, 0.8]
    assert scores2label([0.2, 0.8], ["a", "b"]).tolist() == "b"
    assert scores2label([[0.2, 0.8]], categorical(["y", "x"])).tolist() == ["x"]
    with pytest.warns(UserWarning, match="1 of 2 labels are <undefined>"):
        undefined, top = scores2label([[float("nan"), 1], [0, 1]], ["a", "b"], nargout=2)
    assert undefined.codes.tolist() == [-1, 1]
    assert np.isnan(top).tolist() == [True, False]
    assert scores2label(np.zeros((0, 3)), ["a", "b", "c"]).shape == (0,)


def test_the_dimension_of_the_classes_is_that_which_sums_to_one():
    scores = np.random.default_rng(0).random((3, 4, 3, 5), np.float32)
    scores /= scores.sum(2, keepdims=True)
    labels, top = scores2label(scores, ["a", "b", "c"], nargout=2)
    assert np.array_equal(labels.codes, scores.argmax(2))
    assert np.array_equal(top, scores.max(2))
    assert np.array_equal(scores2label(scores, ["a", "b", "c"], 1).codes, scores.argmax(0))


@pytest.mark.parametrize(("arguments", "reason"), [
    (([[1, 3]], ["a", "b"]), "dimNeeded"), (([[1, 0], [0, 1]], ["a", "b"]), "dimNeeded"),
    (([[1, 0, 0]], ["a", "b"]), "classesCount"), (([[1, 0]], ["a", "b"], 1), "classesCount"),
    (([[1, 0]], ["a", "b"], 3), "invalidDim"), (([[1, 0]], ["a", "b"], "C"), "invalidDim"),
    ((["x"], ["a"]), "invalidScores"),
])
def test_scores_without_labels(refused, arguments, reason):
    with refused(f"scores2label:{reason}"):
        scores2label(*arguments)
