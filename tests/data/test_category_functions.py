"""MATLAB's functions on categorical arrays."""

import numpy as np
import pytest

from dltoolbox.data import (
    addcats,
    categorical,
    categories,
    countcats,
    iscategorical,
    iscategory,
    isordinal,
    isundefined,
    mergecats,
    removecats,
    renamecats,
    reordercats,
    setcats,
)


@pytest.fixture
def Y():
    return categorical(["dog", "cat", None, "dog"], ["ant", "cat", "dog"])


@pytest.fixture
def size():
    return categorical(["lo", "hi", "mid"], ["lo", "mid", "hi"], Ordinal=True)


def test_queries(Y, size):
    assert iscategorical(Y)
    assert not iscategorical(["dog"])
    assert isordinal(size)
    assert not isordinal(Y)
    assert isundefined(Y).tolist() == [False, False, True, False]
    assert isundefined(Y[2]) is True
    assert categories(Y) == ["ant", "cat", "dog"]
    assert iscategory(Y, "cat") is True
    assert iscategory(Y, ["cow", "dog"]).tolist() == [False, True]


def test_countcats(Y):
    assert countcats(Y).tolist() == [0, 1, 2]
    assert countcats(Y[0]).tolist() == [0, 0, 1]
    assert countcats(categorical([])).shape == (0,)
    assert countcats(categorical([], ["a"])).tolist() == [0]
    M = categorical([["a", "b"], ["a", "c"]])
    assert countcats(M).tolist() == [[2, 0], [0, 1], [0, 1]]
    assert countcats(M, 2).tolist() == [[1, 1, 0], [1, 0, 1]]
    assert countcats(M[:1]).tolist() == [[1, 1, 0]]
    assert countcats(categorical(np.zeros((2, 3, 4), int)), 3).shape == (2, 3, 1)


@pytest.mark.parametrize("dim", [0, 2, "x", 1.5])
def test_countcats_refuses_dimension(refused, Y, dim):
    with refused("countcats:invalidDim"):
        countcats(Y, dim)


def test_addcats(Y, size):
    assert categories(addcats(Y, ["x", "y"])) == ["ant", "cat", "dog", "x", "y"]
    assert categories(addcats(Y, "x", Before="cat")) == ["ant", "x", "cat", "dog"]
    more = addcats(Y, ["x", "y"], After="cat")
    assert categories(more) == ["ant", "cat", "x", "y", "dog"]
    assert more.tolist() == Y.tolist()
    assert (addcats(size, "max", After="hi") < "max").all()
    assert categories(Y) == ["ant", "cat", "dog"]


@pytest.mark.parametrize(("newcats", "options", "reason"), [
    ("cat", {}, "duplicateCategory"), (["x", "x"], {}, "duplicateCategory"), (7, {}, "invalidName"),
    ("x", {"Before": "cow"}, "unknownCategory"), ("x", {"Before": "cat", "After": "ant"}, "invalidPosition"),
])
def test_addcats_refusals(refused, Y, newcats, options, reason):
    with refused(f"addcats:{reason}"):
        addcats(Y, newcats, **options)


def test_addcats_to_ordinal_needs_position(refused, size):
    with refused("addcats:positionNeeded"):
        addcats(size, "max")


def test_removecats(refused, Y):
    assert categories(removecats(Y)) == ["cat", "dog"]
    assert removecats(Y).tolist() == Y.tolist()
    fewer = removecats(Y, ["dog"])
    assert categories(fewer) == ["ant", "cat"]
    assert fewer.tolist() == ["<undefined>", "cat", "<undefined>", "<undefined>"]
    with refused("removecats:unknownCategory"):
        removecats(Y, "cow")


def test_renamecats(Y):
    assert renamecats(Y, ["A", "C", "D"]).tolist() == ["D", "C", "<undefined>", "D"]
    assert categories(renamecats(Y, "dog", "hound")) == ["ant", "cat", "hound"]
    assert categories(renamecats(Y, ["ant", "cat"], ["cat", "ant"])) == ["cat", "ant", "dog"]


@pytest.mark.parametrize(("names", "reason"), [
    ((), "invalidArguments"), ((["a"],), "namesCount"), (("cow", "bull"), "unknownCategory"),
    (("cat", "dog"), "duplicateCategory"), (("cat", ""), "invalidName"),
])
def test_renamecats_refusals(refused, Y, names, reason):
    with refused(f"renamecats:{reason}"):
        renamecats(Y, *names)


def test_reordercats(refused, Y):
    turned = reordercats(Y, ["dog", "ant", "cat"])
    assert categories(turned) == ["dog", "ant", "cat"]
    assert turned.tolist() == Y.tolist()
    assert categories(reordercats(turned)) == ["ant", "cat", "dog"]
    with refused("reordercats:differentCategories"):
        reordercats(Y, ["dog", "cat"])


def test_mergecats(Y, size):
    merged = mergecats(Y, ["dog", "ant"])
    assert categories(merged) == ["dog", "cat"]
    assert merged.tolist() == Y.tolist()
    assert mergecats(Y, ["cat", "dog"], "pet").tolist() == ["pet", "pet", "<undefined>", "pet"]
    assert categories(mergecats(size, ["mid", "hi"], "up")) == ["lo", "up"]
    assert categories(mergecats(Y, [])) == categories(Y)


def test_mergecats_refusals(refused, Y, size):
    with refused("mergecats:notConsecutive"):
        mergecats(size, ["lo", "hi"])
    with refused("mergecats:unknownCategory"):
        mergecats(Y, ["cat", "cow"])
    with refused("mergecats:duplicateCategory"):
        mergecats(Y, ["cat", "dog"], "ant")


def test_setcats(Y):
    changed = setcats(Y, ["dog", "cow"])
    assert categories(changed) == ["dog", "cow"]
    assert changed.tolist() == ["dog", "<undefined>", "<undefined>", "dog"]


@pytest.mark.parametrize("function", [isordinal, isundefined, categories, countcats, removecats, reordercats])
def test_only_categorical(refused, function):
    with refused(f"{function.__name__}:notCategorical"):
        function(["cat"])


@pytest.mark.parametrize("function", [iscategory, addcats, renamecats, mergecats, setcats])
def test_only_categorical_with_names(refused, function):
    with refused(f"{function.__name__}:notCategorical"):
        function(["cat"], ["cat"])
