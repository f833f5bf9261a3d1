"""The categorical array itself: construction, indexing, assignment, comparison, display, other packages."""

import copy
import operator
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from dltoolbox.core.errors import MissingExtraError
from dltoolbox.data import categorical

LIST, TUPLE, ARRAY, OBJECTS = (["dog", "cat", "dog"], ("dog", "cat", "dog"), np.array(["dog", "cat", "dog"]),
                               np.array(["dog", "cat", "dog"], dtype=object))


class Column:
    """What a pandas Series of text looks like."""

    def __init__(self, values, **attributes):
        self.values = values
        self.__dict__.update(attributes)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=object)


class NAType:
    """What pandas.NA looks like: it refuses comparisons."""

    def __eq__(self, other):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


# Construction

@pytest.mark.parametrize("values", [LIST, TUPLE, ARRAY, OBJECTS, iter(LIST), Column(LIST), categorical(LIST)])
def test_text_from_any_source(values):
    Y = categorical(values)
    assert Y.categories == ["cat", "dog"]
    assert Y.codes.tolist() == [1, 0, 1]
    assert Y.shape == (3,)


@pytest.mark.parametrize(("values", "names"), [
    ([10, 9, 9.0], ["9", "10"]),
    (np.array([10, 9, 9], dtype=np.uint8), ["9", "10"]),
    (np.array([-100, 100], dtype=np.int8), ["-100", "100"]),
    (np.array([0, 2**63], dtype=np.uint64), ["0", "9223372036854775808"]),
    ([0, 10**12], ["0", "1000000000000"]),
    ([0.5, 3.0, np.pi, 123.4567], ["0.5", "3", "3.1416", "123.4567"]),
    (np.array([0.1], dtype=np.float32), ["0.1"]),
    ([np.inf, -np.inf, -0.0], ["-Inf", "0", "Inf"]),
    ([True, False], ["false", "true"]),
    (np.array([True]), ["true"]),
    ([True, 2], ["1", "2"]),
    (["b", "B", "a"], ["B", "a", "b"]),
    (["  cat ", "cat"], ["cat"]),
])
def test_default_categories(values, names):
    assert categorical(values).categories == names


@pytest.mark.parametrize("missing", [None, np.nan, "", "  ", "<undefined>", NAType(), np.float32("nan")])
def test_missing_values_are_undefined(missing):
    assert categorical(["cat", missing]).codes.tolist() == [0, -1]
    assert categorical(missing).codes == -1


def test_missing_numbers():
    assert categorical(np.array([2.0, np.nan, 1.0])).codes.tolist() == [1, -1, 0]
    assert categorical([2, None, 1]).codes.tolist() == [1, -1, 0]


def test_valueset_orders_and_excludes():
    Y = categorical([3, 1, 2, 1], [2, 1])
    assert Y.categories == ["2", "1"]
    assert Y.codes.tolist() == [-1, 1, 0, 1]


def test_names_rename_and_merge():
    assert categorical([0, 1, 0], [0, 1], ["no", "yes"]).tolist() == ["no", "yes", "no"]
    Y = categorical([0, 1, 2], [0, 1, 2], ["low", "high", "low"])
    assert (Y.categories, Y.codes.tolist()) == (["low", "high"], [0, 1, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, float, bool])
def test_label_images(dtype):
    L = np.arange(24).reshape(2, 3, 4).astype(dtype) % 3
    Y = categorical(L, [0, 1, 2], ["bg", "cat", "dog"])
    assert Y.shape == (2, 3, 4)
    assert np.array_equal(Y.codes, L)
    assert Y.categories == ["bg", "cat", "dog"]


def test_categorical_input_keeps_categories_and_order():
    Y = categorical(["b"], ["c", "b", "a"], Ordinal=True)
    again = categorical(Y)
    assert again.categories == ["c", "b", "a"]
    assert again.ordered
    assert categorical(Y, Ordinal=False).ordered is False
    assert categorical(Y, ["b"]).categories == ["b"]
    assert categorical(["a"], Y.categories).codes.tolist() == [2]


def test_elements_of_a_categorical_make_one_again():
    Y = categorical(["b", None, "a"])
    assert categorical(list(Y)).tolist() == Y.tolist()
    assert categorical([Y, Y]).shape == (2, 3)


def test_empties_and_scalars():
    assert categorical([]).shape == (0,)
    assert categorical(np.zeros((0, 3), dtype=int)).shape == (0, 3)
    assert categorical().categories == []
    assert categorical(["a"], []).codes.tolist() == [-1]
    assert categorical("cat").shape == ()
    assert categorical(7).tolist() == "7"


@pytest.mark.parametrize("arguments", [
    (["lo", "hi"], ["lo", "hi"], None, "Ordinal", True), (["lo", "hi"], ["lo", "hi"], "ordinal", 1),
])
def test_ordinal_as_a_pair(arguments):
    Y = categorical(*arguments)
    assert Y.ordered
    assert Y.categories == ["lo", "hi"]
    assert categorical(["lo"], "Ordinal", True).ordered


@pytest.mark.parametrize(("arguments", "reason"), [
    ((["a", 1],), "mixedValues"),
    (([{"a": 1}],), "unsupportedValue"),
    (([[1, 2], [3]],), "unsupportedValue"),
    ((np.array([1j]),), "unsupportedValue"),
    ((np.array(["2020-01-01"], dtype="datetime64[ns]"),), "unsupportedValue"),
    (([np.datetime64("2020-01-01", "ns")],), "unsupportedValue"),
    ((b"cat",), "unsupportedValue"),
    (([1, 2], ["1", "2"]), "valuesetType"),
    ((["a"], ["a", "a"]), "duplicateValue"),
    ((["a"], ["a", None]), "missingValue"),
    (([1.00001, 1.00002],), "ambiguousNames"),
    (([1, 2], [1, 2], ["one"]), "namesCount"),
    (([1, 2], [1, 2], ["one", ""]), "invalidName"),
    (([1, 2], [1, 2], [1, 2]), "invalidName"),
    (([1], [1], ["a"], "Protected", True), "invalidArguments"),
    (([1], "Ordinal", "yes"), "invalidOrdinal"),
])
def test_bad_construction(refused, arguments, reason):
    with refused(f"categorical:{reason}"):
        categorical(*arguments)


# Indexing and assignment

def test_indexing():
    Y = categorical(["a", "b", None, "a"])
    assert str(Y[0]) == "a"
    assert str(Y[2]) == "<undefined>"
    assert Y[0] == "a"
    assert Y[1:3].tolist() == ["b", "<undefined>"]
    assert Y[Y == "a"].tolist() == ["a", "a"]
    assert Y[[3, 1]].tolist() == ["a", "b"]
    assert [str(label) for label in Y] == ["a", "b", "<undefined>", "a"]
    assert "a" in Y
    assert "c" not in Y
    with pytest.raises(IndexError):
        Y[4]
    with pytest.raises(TypeError):
        len(Y[0])
    with pytest.raises(TypeError):
        iter(Y[0])


def test_parts_are_copies():
    Y = categorical(["a", "b"])
    for part in (Y[:], Y.copy(), copy.copy(Y), copy.deepcopy(Y), Y.T, Y.reshape(2, 1), Y.ravel(), categorical(Y)):
        part[:] = "c"
    assert Y.tolist() == ["a", "b"]
    assert Y.categories == ["a", "b"]


def test_reading_cannot_change(refused):
    Y = categorical(["a", "b"])
    with refused("categorical:lostAssignment"):
        Y.categories.append("c")
    with refused("categorical:lostAssignment"):
        Y[:2][0] = "b"
    names = Y.categories
    names.append("c")
    assert Y.categories == ["a", "b"]
    with pytest.raises(ValueError, match="read-only"):
        Y.codes[0] = 1
    source = np.array([0, 1], dtype=np.int32)
    made = categorical.from_codes(source, ["a", "b"])
    source[0] = 1
    assert made.tolist() == ["a", "b"]


def test_assignment():
    Y = categorical(["a", "b", "a", "b"])
    Y[0] = "b"
    Y[1] = None
    Y[2:] = ["b", "a"]
    assert Y.tolist() == ["b", "<undefined>", "b", "a"]
    assert Y.categories == ["a", "b"]


def test_assignment_adds_only_used_categories():
    Y = categorical(["a", "b"])
    Y[0] = "z"
    Y[1] = categorical(["m", "n"])[0]
    assert Y.categories == ["a", "b", "z", "m"]
    assert Y.tolist() == ["z", "m"]


def test_assignment_matches_by_name():
    Y = categorical(["a", "b"])
    Y[:] = categorical(["b", "a"], ["b", "a"])
    assert Y.tolist() == ["b", "a"]


def test_refused_assignment_changes_nothing(refused):
    Y = categorical(["lo", "hi"], ["lo", "hi"], Ordinal=True)
    with refused("categorical:unknownCategory"):
        Y[0] = "middle"
    with refused("categorical:textExpected"):
        Y[0] = 1
    other = categorical(["a", "b"])
    with refused("categorical:sizeMismatch"):
        other[:] = ["c", "c", "c"]
    with pytest.raises(IndexError):
        Y[5] = "lo"
    assert Y.tolist() == ["lo", "hi"]
    assert Y.categories == ["lo", "hi"]


def test_shapes():
    Y = categorical(np.arange(6).reshape(2, 3))
    assert (Y.ndim, Y.size, len(Y)) == (2, 6, 2)
    assert Y.T.shape == (3, 2)
    assert Y.transpose(1, 0).tolist() == Y.T.tolist()
    assert Y.reshape(3, -1).shape == Y.reshape((3, 2)).shape == (3, 2)
    assert Y.ravel().tolist() == ["0", "1", "2", "3", "4", "5"]


def test_bad_reshape(refused):
    with refused("categorical:sizeMismatch"):
        categorical([1, 2, 3]).reshape(2, 2)


# Comparison

def test_equality():
    Y, T = categorical(["a", "b", None]), categorical(["b", "b", None], ["b", "a"])
    assert (Y == "a").tolist() == [True, False, False]
    assert (Y != "a").tolist() == [False, True, True]
    assert (Y == T).tolist() == [False, True, False]
    assert (Y != T).tolist() == [True, False, True]
    assert (Y == ["a", "a", "<undefined>"]).tolist() == [True, False, False]
    assert (Y == "unknown").tolist() == [False, False, False]
    assert np.mean(Y == T) == pytest.approx(1 / 3)


def test_numpy_on_the_left():
    Y = categorical(["a", "b"])
    assert (np.array(["a", "a"]) == Y).tolist() == [True, False]
    assert (np.array(["a", "a"], dtype=object) != Y).tolist() == [False, True]
    assert (np.str_("b") == Y).tolist() == [False, True]


def test_one_label_against_all():
    labels = categorical(["a", "b"])
    assert (labels == labels[1]).tolist() == [False, True]
    assert (labels[1] == labels).tolist() == [False, True]
    assert (labels == categorical(["b"])).tolist() == [False, True]
    assert (labels[0] == labels[:1][0]) is True
    assert (labels[0] == labels[1]) is False
    assert (categorical([]) == "a").shape == (0,)


def test_label_images_compare():
    Y = categorical(np.zeros((2, 3, 4), int), [0, 1], ["bg", "cat"])
    assert (Y == "bg").shape == (2, 3, 4)
    assert np.all(Y == Y)


@pytest.mark.parametrize("other", [3, True, np.array([1, 2]), [1.0, 2.0]])
def test_numbers_do_not_compare(refused, other):
    with refused("categorical:textExpected"):
        operator.eq(categorical([1, 2]), other)


def test_differing_shapes_do_not_compare(refused):
    with refused("categorical:sizeMismatch"):
        operator.eq(categorical(["a", "b"]), categorical(["a", "b", "c"]))
    with refused("categorical:sizeMismatch"):
        operator.eq(categorical(["a", "b"]), np.array([["a", "b"]]))


def test_columns_compare_in_both_shapes():
    labels = categorical(["a", "b"])
    assert (labels == np.array([["a"], ["a"]])).tolist() == [True, False]
    assert (labels.reshape(2, 1) != labels).tolist() == [[False], [False]]


def test_foreign_objects_are_unequal():
    labels = categorical(["a"])
    assert (labels == None) is False  # noqa: E711
    assert (labels != object()) is True
    with pytest.raises(TypeError):
        operator.lt(labels, None)


def test_order():
    Y = categorical(["lo", "hi", None, "mid"], ["lo", "mid", "hi"], Ordinal=True)
    assert (Y < "hi").tolist() == [True, False, False, True]
    assert (Y <= "mid").tolist() == [True, False, False, True]
    assert (Y > "lo").tolist() == [False, True, False, True]
    assert (Y >= Y).tolist() == [True, True, False, True]
    assert (np.array(["mid"] * 4) < Y).tolist() == [False, True, False, False]
    assert (Y[0] < Y[1]) is True


def test_order_refusals(refused):
    plain = categorical(["lo", "hi"])
    ordinal = categorical(["lo", "hi"], ["lo", "hi"], Ordinal=True)
    with refused("categorical:notOrdinal"):
        operator.lt(plain, "lo")
    with refused("categorical:differentCategories"):
        operator.lt(ordinal, plain)
    with refused("categorical:differentCategories"):
        operator.lt(ordinal, categorical(["lo", "hi"], ["hi", "lo"], Ordinal=True))
    with refused("categorical:unknownCategory"):
        operator.lt(ordinal, "middle")


def test_not_hashable():
    with pytest.raises(TypeError):
        hash(categorical(["a"]))


# Other packages

def test_as_an_array():
    Y = categorical(["cat", None])
    assert np.asarray(Y).tolist() == ["cat", "<undefined>"]
    assert np.asarray(Y).dtype.kind == "U"
    assert np.array(Y, dtype=object).dtype == object
    assert np.asarray(Y[0]).shape == ()
    assert np.asarray(categorical([])).shape == (0,)
    assert np.unique(categorical([2, 1, 2])).tolist() == ["1", "2"]
    assert np.concatenate([Y, Y]).shape == (4,)
    assert np.asarray(categorical([3, 1])).astype(float).tolist() == [3, 1]
    with pytest.raises(ValueError, match="copy"):
        np.array(Y, copy=False)


def test_no_silent_numbers(refused):
    with refused("categorical:notNumeric"):
        np.asarray(categorical([3, 1]), dtype=float)


def test_pickle():
    Y = categorical(["lo", None], ["lo", "hi"], Ordinal=True)
    again = pickle.loads(pickle.dumps(Y))
    assert (again.categories, again.codes.tolist(), again.ordered) == (["lo", "hi"], [0, -1], True)


def test_from_pandas():
    stored = SimpleNamespace(codes=np.array([1, -1, 0], dtype=np.int8), categories=np.array([10, 20]), ordered=True)
    for source in (stored, Column([], cat=stored)):
        Y = categorical(source)
        assert (Y.categories, Y.codes.tolist(), Y.ordered) == (["10", "20"], [1, -1, 0], True)
    blank = SimpleNamespace(codes=np.array([0, 1]), categories=["", "a"])
    assert categorical(blank).codes.tolist() == [-1, 0]


def test_to_pandas(monkeypatch, refused):
    made = SimpleNamespace(Categorical=SimpleNamespace(from_codes=lambda codes, **options: (codes.tolist(), options)))
    monkeypatch.setitem(sys.modules, "pandas", made)
    Y = categorical(["b", None])
    assert Y.to_pandas() == ([0, -1], {"categories": ["b"], "ordered": False})
    with refused("categorical:notAVector"):
        Y.reshape(2, 1).to_pandas()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        Y.to_pandas()


# Display

def test_display():
    assert repr(categorical(["cat", None])) == "  2×1 categorical array\n\n     cat\n     <undefined>"
    assert repr(categorical([["a", "bb"], ["ccc", "d"]])) == "  2×2 categorical array\n\n     a       bb\n     ccc     d"
    assert repr(categorical("cat")) == "categorical('cat')"
    assert f"{categorical('cat'):>5}" == "  cat"
    assert repr(categorical([])) == "  0×1 empty categorical array"
    assert repr(categorical(np.zeros((0, 3), int))) == "  0×3 empty categorical array"
    cube = categorical(np.zeros((2, 2, 2), int), [0, 1], ["bg", "cat"])
    assert repr(cube) == "  2×2×2 categorical array with categories\n\n     bg, cat"


def test_long_displays_are_cut():
    lines = str(categorical(np.zeros((500, 30), int))).splitlines()
    assert len(lines) == 23
    assert lines[-1] == "     ⋮  (480 more rows, 22 more columns)"
    assert "more" not in str(categorical(np.zeros(20, int)))
