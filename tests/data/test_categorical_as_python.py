"""Categorical arrays in the hands of a Python user: numbers, sets, dictionaries, NumPy's functions, other packages."""

import collections
import copy
import json
import pickle
from operator import eq

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.data import categorical, countcats

Y = categorical(["3", "7", "3", None, "9"])
T = categorical(["3", "7", "9", None, "a"])
DIGITS = Y[:3]
SIZES = categorical(["lo", "hi"], ["lo", "mid", "hi"], Ordinal=True)
UNKNOWN = "<undefined>"


def plain(value):
    """Labels as lists of names, to compare them."""
    if isinstance(value, categorical):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


# One label -----------------------------------------------------------------------------------------------------------
def test_numbers_that_labels_name():
    assert (int(Y[0]), float(Y[1]), int(categorical([3])), int(categorical(True))) == (3, 7.0, 3, 1)
    assert (int(categorical("9007199254740993")), int(categorical("-2.0"))) == (2**53 + 1, -2)
    assert np.isnan(float(Y[3]))
    assert DIGITS.astype(int).tolist() == [3, 7, 3]
    assert Y.astype(float)[[0, 1, 2, 4]].tolist() == [3, 7, 3, 9]
    assert np.isnan(Y.astype(np.float32)[3])
    assert Y.astype(str).tolist() == Y.tolist()
    assert categorical([[True], [False]]).astype(bool).tolist() == [[True], [False]]
    assert categorical(["3", "x"])[:1].astype(int).tolist() == [3]  # only what occurs must be a number
    assert (categorical(7).astype(int).shape, categorical([]).astype(int).shape) == ((), (0,))


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: int(categorical("cat")), "notNumeric"), (lambda: float(categorical("cat")), "notNumeric"),
    (lambda: int(Y[3]), "notNumeric"), (lambda: int(categorical("3.5")), "notNumeric"),
    (lambda: int(categorical(np.inf)), "notNumeric"), (lambda: int(Y), "notScalar"), (lambda: float(Y), "notScalar"),
    (lambda: Y.astype(int), "notNumeric"), (lambda: SIZES.astype(float), "notNumeric"),
    (lambda: Y.astype(complex), "invalidType"), (lambda: Y.astype("numbers"), "invalidType"),
    (lambda: bool(Y[0]), "notLogical")])
def test_what_is_no_number(refused, call, reason):
    with refused(f"categorical:{reason}"):
        call()


def test_sets_and_dictionaries():
    assert set(DIGITS) == {"3", "7"} == {*DIGITS.reshape(3, 1).ravel()}
    assert {"3": "three"}[Y[0]] == "three"
    assert {Y[0]: "three"}["3"] == "three"
    counts = collections.Counter(Y)
    assert (counts["3"], counts[Y[1]], counts["x"]) == (2, 1, 0)
    assert len({Y[3], Y[3], categorical(None)}) == 3  # undefined equals nothing
    for duplicate in (copy.copy, copy.deepcopy, lambda label: pickle.loads(pickle.dumps(label))):
        assert hash(duplicate(Y[0])) == hash("3")
    with pytest.raises(TypeError, match="its elements are hashable"):
        hash(Y)


def test_a_hashed_label_cannot_change(refused):
    label = Y[0]
    with refused("categorical:scalarAssignment"):
        label[()] = "7"


def test_lists_and_texts():
    assert repr(list(Y[2:4])) == "[categorical('3'), categorical('<undefined>')]"
    assert eval(repr(Y[0])) == Y[0]
    assert (f"{Y[0]:>3}", "%s" % Y[0], str(Y[3])) == ("  3", "3", UNKNOWN)  # noqa: UP031
    assert Y[0] in ["3", "4"]
    assert json.dumps(Y[:2].tolist()) == '["3", "7"]'
    assert json.dumps(dict(zip(Y.categories, countcats(Y).tolist(), strict=True))) == '{"3": 2, "7": 1, "9": 1}'
    assert [str(label) for label in reversed(DIGITS)] == ["3", "7", "3"]
    assert sum(mine == theirs for mine, theirs in zip(Y, T, strict=True)) == 2
    assert if_any(Y) == "some"
    assert if_any(categorical([])) == "none"


def if_any(labels):
    return "some" if labels else "none"


def test_sorting(refused):
    assert plain(sorted(DIGITS, key=str)) == ["3", "3", "7"]
    assert plain(sorted(SIZES, reverse=True)) == ["hi", "lo"]
    assert str(max(SIZES)) == "hi"
    with refused("categorical:notOrdinal"):
        sorted(DIGITS)  # the hint says np.sort(Y), or:


def test_the_message_for_numbers_can_be_followed():
    for other, follow in ((3, "3"), ([3, 7, 3], categorical([3, 7, 3])), (np.array([3.0]), categorical([3.0]))):
        with pytest.raises(DltoolboxError, match=r"Cannot compare category names with numbers.*Compare with '3', or wrap"):
            eq(DIGITS, other)
        assert (follow == DIGITS)[0]


# NumPy ---------------------------------------------------------------------------------------------------------------
MOVED = [
    (lambda: np.concatenate([Y, T]), [*Y.tolist(), *T.tolist()]),
    (lambda: np.concatenate([Y[:1], ["b", None]]), ["3", "b", UNKNOWN]),
    (lambda: np.concatenate((Y[:2].reshape(2, 1), T[:2].reshape(2, 1)), axis=1), [["3", "3"], ["7", "7"]]),
    (lambda: np.hstack([Y[:2], T[0]]), ["3", "7", "3"]), (lambda: np.vstack([Y[:1], T[:1]]), [["3"], ["3"]]),
    (lambda: np.dstack([Y[:1], T[:1]]), [[["3", "3"]]]), (lambda: np.stack(arrays=[Y[:1], T[1:2]]), [["3"], ["7"]]),
    (lambda: np.column_stack([Y[:1], T[:1]]), [["3", "3"]]), (lambda: np.append(Y[:1], "b"), ["3", "b"]),
    (lambda: np.append(Y[:1], values=[Y[1]]), ["3", "7"]), (lambda: np.insert(Y[:2], 1, "b"), ["3", "b", "7"]),
    (lambda: np.delete(DIGITS, 0), ["7", "3"]), (lambda: np.where([True, False, True], DIGITS, "b"), ["3", "b", "3"]),
    (lambda: np.where([False, True], "b", T[:2]), ["3", "b"]), (lambda: np.take(Y, [1, 0]), ["7", "3"]),
    (lambda: np.take(Y, [9], mode="clip"), ["9"]), (lambda: np.take_along_axis(Y, np.array([1]), 0), ["7"]),
    (lambda: np.compress([0, 1], Y), ["7"]), (lambda: np.extract([0, 1, 0, 0, 0], Y), ["7"]),
    (lambda: np.reshape(Y[:2], (2, 1), "C"), [["3"], ["7"]]), (lambda: np.ravel(Y[:2].reshape(2, 1)), ["3", "7"]),
    (lambda: np.squeeze(Y[:1]), "3"), (lambda: np.expand_dims(Y[:1], 0), [["3"]]),
    (lambda: np.atleast_1d(Y[0]), ["3"]), (lambda: np.atleast_2d(Y[:1]), [["3"]]),
    (lambda: np.atleast_3d(Y[:1]), [[["3"]]]), (lambda: np.transpose(Y[:2].reshape(2, 1)), [["3", "7"]]),
    (lambda: np.swapaxes(Y[:2].reshape(2, 1), 0, 1), [["3", "7"]]), (lambda: np.copy(Y[:1]), ["3"]),
    (lambda: np.moveaxis(Y[:2].reshape(2, 1), 0, 1), [["3", "7"]]), (lambda: np.diagonal(Y[:1].reshape(1, 1)), ["3"]),
    (lambda: np.repeat(Y[:2], 2), ["3", "3", "7", "7"]), (lambda: np.tile(Y[:2], 2), ["3", "7", "3", "7"]),
    (lambda: np.roll(Y[:2], 1), ["7", "3"]), (lambda: np.flip(Y[:2]), ["7", "3"]),
    (lambda: np.fliplr(Y[:2].reshape(1, 2)), [["7", "3"]]), (lambda: np.flipud(Y[:2]), ["7", "3"]),
    (lambda: np.rot90(Y[:2].reshape(1, 2)), [["7"], ["3"]]), (lambda: np.broadcast_to(Y[0], (2,)), ["3", "3"]),
    (lambda: np.split(Y[:2], 2), [["3"], ["7"]]), (lambda: np.array_split(DIGITS, 2), [["3", "7"], ["3"]]),
    (lambda: np.hsplit(Y[:2], 2), [["3"], ["7"]]), (lambda: np.sort(categorical(["b", None, "a"])), ["a", "b", UNKNOWN]),
    (lambda: np.sort(SIZES[::-1]), ["lo", "hi"]), (lambda: np.unique(Y), ["3", "7", "9", UNKNOWN]),
    (lambda: np.unique(SIZES[::-1]), ["lo", "hi"]), (lambda: np.unique(categorical([10, 9, 9])), ["9", "10"]),
    (lambda: np.union1d(DIGITS, ["b"]), ["3", "7", "b"]), (lambda: np.intersect1d(Y[:3], T[:3]), ["3", "7"]),
    (lambda: np.setdiff1d(DIGITS, ["3"]), ["7"]), (lambda: np.setxor1d(DIGITS, ["3", "b"]), ["7", "b"]),
]


@pytest.mark.parametrize(("call", "labels"), MOVED)
def test_numpy_moves_labels(call, labels):
    result = call()
    assert plain(result) == labels
    assert all(isinstance(part, categorical) for part in (result if isinstance(result, list) else [result]))


ANSWERED = [
    (lambda: np.unique(DIGITS, return_counts=True)[1], [2, 1]),
    (lambda: np.unique(DIGITS, return_inverse=True)[1], [0, 1, 0]), (lambda: np.argsort(Y), [0, 2, 1, 4, 3]),
    (lambda: np.intersect1d(DIGITS[:2], T[:2], return_indices=True)[1], [0, 1]),
    (lambda: np.isin(Y, ["3", UNKNOWN]), [True, False, True, False, False]),
    (lambda: np.isin(Y, Y, invert=True), [False, False, False, True, False]),
    (lambda: np.isin(["3", "b"], Y), [True, False]), (lambda: np.array_equal(DIGITS, ["3", "7", "3"]), True),
    (lambda: np.array_equal(Y, Y), False), (lambda: np.array_equal(Y, Y, equal_nan=True), True),
    (lambda: np.array_equal(Y, DIGITS), False), (lambda: np.equal(Y[:2], T[:2]), [True, True]),
    (lambda: np.not_equal("3", Y[:2]), [False, True]), (lambda: np.less("lo", SIZES), [False, True]),
    (lambda: np.array(["mid", "mid"]) > SIZES, [True, False]), (lambda: np.shape(Y), [5]),
    (lambda: [np.size(a=Y), np.ndim(Y)], [5, 1]), (lambda: np.where(Y == "3")[0], [0, 2]),
    (lambda: np.flatnonzero(Y == "3"), [0, 2]), (lambda: np.mean(Y == T), 0.4),
    (lambda: np.eye(10)[DIGITS.astype(int)].argmax(1), [3, 7, 3]),
    # All others see names.
    (lambda: np.asarray(Y), ["3", "7", "3", UNKNOWN, "9"]), (lambda: np.array(DIGITS, dtype=object), ["3", "7", "3"]),
    (lambda: np.concatenate([DIGITS, T[:1]], dtype=object), ["3", "7", "3", "3"]),
    (lambda: np.select([DIGITS == "3"], [DIGITS], "b"), ["3", "b", "3"]), (lambda: np.char.upper(T[4:]), ["A"]),
    (lambda: sorted(np.random.default_rng(0).permutation(DIGITS).tolist()), ["3", "3", "7"]),
]


@pytest.mark.parametrize(("call", "answer"), ANSWERED)
def test_numpy_answers(call, answer):
    result = call()
    assert not isinstance(result, categorical)
    assert plain(result) == answer


@pytest.mark.parametrize(("call", "reason"), [
    (lambda: np.concatenate([Y, [3]]), "textExpected"), (lambda: np.concatenate([SIZES, Y]), "differentCategories"),
    (lambda: np.concatenate([SIZES, categorical(["lo"], Ordinal=True)]), "differentCategories"),
    (lambda: np.append(SIZES, "tiny"), "unknownCategory"), (lambda: np.mean(Y), "unsupportedFunction"),
    (lambda: np.bincount(Y), "unsupportedFunction"), (lambda: np.isnan(Y), "notNumeric"),
    (lambda: np.add(Y, 1), "notNumeric"),
    (lambda: np.ones(5) * Y, "notNumeric"), (lambda: np.asarray(Y, dtype=float), "notNumeric"),
    (lambda: np.copyto(Y, "a"), "assignByIndex"), (lambda: np.put(Y, 0, "a"), "assignByIndex"),
    (lambda: np.concatenate([Y, Y], out=np.empty(10, int)), "assignByIndex")])
def test_numpy_refused(refused, call, reason):
    with refused(f"categorical:{reason}"):
        call()


def test_categories_are_merged():
    """In the order of their appearance, used or not; those of ordinal arrays stay, and so does their order."""
    joined = np.concatenate([categorical(["b"], ["c", "b"]), ["a"], categorical(["b", "d"])])
    assert (joined.categories, joined.ordered, joined.tolist()) == (["c", "b", "a", "d"], False, ["b", "a", "b", "d"])
    joined = np.concatenate([SIZES, SIZES[:1], ["mid"]])
    assert (joined.categories, joined.ordered, joined.tolist()) == (["lo", "mid", "hi"], True, ["lo", "hi", "lo", "mid"])
    assert np.flip(SIZES).ordered


def test_lists_of_labels_become_arrays():
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy before 2.0 makes no arrays of lists of single labels")
    assert np.array(list(Y)).tolist() == Y.tolist()


# Other packages ------------------------------------------------------------------------------------------------------
def test_what_other_packages_ask_for():
    """Plots take names from ``to_numpy``; tools for tables and metrics from ``__array__``."""
    assert Y.to_numpy().tolist() == Y.tolist()
    assert Y.to_numpy().dtype.kind == "U"
