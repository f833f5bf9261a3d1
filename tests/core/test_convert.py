"""Conversions: what each accepts, the stored form, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltoolbox.core import convert
from dltoolbox.core.properties import InvalidValue

naturals = st.integers(0, 9)


@pytest.mark.parametrize(("value", "stored"), [
    (3, ((3, 3),)), ([3], ((3, 3),)), ([1, 2], ((1, 2),)), ((1, 2), ((1, 2),)), (np.array([1, 2]), ((1, 2),)),
    ("same", "same"), ("SAME", "same"), (0, ((0, 0),)), (((1, 2),), ((1, 2),)),
])
def test_padding_1d(value, stored):
    assert convert.padding(1)(value) == stored


@pytest.mark.parametrize(("value", "stored"), [
    (3, ((3, 3), (3, 3))), (2.0, ((2, 2), (2, 2))), (np.float64(2), ((2, 2), (2, 2))),
    ([1, 2], ((1, 1), (2, 2))), ([1, 2, 3, 4], ((1, 2), (3, 4))), ((1, 2, 3, 4), ((1, 2), (3, 4))),
    (np.array([[1, 2, 3, 4]]), ((1, 2), (3, 4))), ("same", "same"), ("sa", "same"), (((1, 2), (3, 4)), ((1, 2), (3, 4))),
])
def test_padding_2d(value, stored):
    assert convert.padding(2)(value) == stored


@pytest.mark.parametrize(("value", "stored"), [
    (2, ((2, 2), (2, 2), (2, 2))), ([1, 2, 3], ((1, 1), (2, 2), (3, 3))),
    ([[1, 2, 3], [4, 5, 6]], ((1, 4), (2, 5), (3, 6))), (np.array([[1, 2, 3], [4, 5, 6]]), ((1, 4), (2, 5), (3, 6))),
    ("Same", "same"), (((1, 4), (2, 5), (3, 6)), ((1, 4), (2, 5), (3, 6))),
])
def test_padding_3d(value, stored):
    assert convert.padding(3)(value) == stored


@pytest.mark.parametrize(("rank", "value"), [
    (1, [1, 2, 3]), (1, -1), (1, 1.5), (1, "causal"), (2, [1, 2, 3]), (2, []), (2, [1, 2, 3, 4, 5]), (2, [-1, 0]),
    (2, "valid"), (2, None), (2, True), (2, float("inf")), (3, [1, 2]), (3, [[1, 2], [3, 4]]), (3, [[1, 2, 3]]),
    (3, [[1, 2, 3], [4, 5, -6]]), (3, [1, 2, 3, 4]), (2, ((1, 2), (3, -4))),
])
def test_padding_refuses(rank, value):
    with pytest.raises(InvalidValue, match=r"non-negative integers in one of these forms|'same'"):
        convert.padding(rank)(value)


@given(st.tuples(naturals, naturals, naturals, naturals))
def test_padding_2d_in_matlabs_order(edges):
    top, bottom, left, right = edges
    assert convert.padding(2)(list(edges)) == ((top, bottom), (left, right))
    assert convert.padding(2)(convert.padding(2)(list(edges))) == ((top, bottom), (left, right))


@pytest.mark.parametrize(("rank", "value", "stored"), [
    (1, 3, (3,)), (2, 3, (3, 3)), (2, [2, 3], (2, 3)), (2, np.array([2.0, 3.0]), (2, 3)), (3, (1, 2, 3), (1, 2, 3)),
])
def test_sizes_expand_scalars(rank, value, stored):
    assert convert.sizes(rank)(value) == stored


@pytest.mark.parametrize(("rank", "value"), [(2, 0), (2, [1, 2, 3]), (2, -1), (2, 1.5), (2, "3"), (1, [1, 2]), (3, [1, 2]),
                                             (2, [[1, 2], [3, 4]]), (2, None), (2, True)])
def test_sizes_refuse(rank, value):
    with pytest.raises(InvalidValue, match="positive integer"):
        convert.sizes(rank)(value)


@pytest.mark.parametrize(("conversion", "value", "stored"), [
    (convert.text, "x", "x"), (convert.texts, "a", ("a",)), (convert.texts, ["a", "b"], ("a", "b")),
    (convert.texts, np.array(["a", "b"]), ("a", "b")), (convert.texts, "", ()), (convert.texts, [], ()),
    (convert.flag, 1, True), (convert.flag, 0.0, False), (convert.flag, np.bool_(True), True),
    (convert.choice("adam", "sgdm"), "ADAM", "adam"), (convert.choice("adam", "sgdm"), "s", "sgdm"),
    (convert.choice("l2norm", "l2norm-global"), "l2norm", "l2norm"),
    (convert.real(), -1.5, -1.5), (convert.real(0, 1), 1, 1.0), (convert.real(), np.array([2]), 2.0),
    (convert.integer(), [4], 4), (convert.real(), (0.5,), 0.5),
    (convert.real(0, infinite=True), np.inf, np.inf), (convert.integer(), 3.0, 3), (convert.integer(0), 0, 0),
    (convert.vector_of((2, 3), "x"), [28, 28], (28, 28)), (convert.either("auto", convert.integer()), "AUTO", "auto"),
    (convert.either("auto", convert.integer()), 5, 5), (convert.function_handle, len, len),
    (convert.word_or_function("he"), "HE", "he"), (convert.word_or_function("he"), len, len),
    (convert.number_or_word("replicate"), 2, 2.0), (convert.number_or_word("replicate"), "rep", "replicate"),
])
def test_accepted(conversion, value, stored):
    got = conversion(value)
    assert got == stored
    assert type(got) is type(stored)


@pytest.mark.parametrize(("conversion", "value", "expected"), [
    (convert.text, 3, "text"), (convert.text, None, "text"), (convert.texts, [1], "a list of strings"),
    (convert.flag, 2, "true or false"), (convert.flag, "true", "true or false"), (convert.flag, None, "true or false"),
    (convert.choice("adam", "sgdm"), "x", "'adam' or 'sgdm'"), (convert.choice("a1", "a2"), "a", "'a1' or 'a2'"),
    (convert.choice("same"), "", "'same'"), (convert.real(0), -1, "a non-negative number"),
    (convert.real(0, low_open=True), 0, "a positive number"), (convert.real(0, 1, high_open=True), 1, r"in \[0, 1\)"),
    (convert.real(2), 1, "a number of at least 2"), (convert.real(), "1", "a finite real number"),
    (convert.real(), 1j, "a finite real number"), (convert.integer(), 0, "a positive integer"),
    (convert.integer(0), -1, "a non-negative integer"), (convert.integer(2), 1, "an integer of at least 2"),
    (convert.integer(), 2.5, "a positive integer"), (convert.integer(), np.nan, "a positive integer"),
    (convert.vector_of((3,), "[h w c]"), [1, 2], r"a vector of positive integers \[h w c\]"),
    (convert.either("auto", convert.integer()), 0, "'auto' or a positive integer"),
    (convert.either("auto", convert.integer()), "none", "'auto' or a positive integer"),
    (convert.function_handle, 3, "a function"),
    (convert.word_or_function("he", "glorot"), "x", "'he' or 'glorot', or a function"),
    (convert.number_or_word("replicate"), "x", "a number or 'replicate'"),
    (convert.array, "x", "finite real numbers"), (convert.array, [np.inf], "finite real numbers"),
    (convert.array, [1j], "finite real numbers"), (convert.array, [[1, 2], [3]], "finite real numbers"),
    (convert.positive_array, [0, 1], "positive numbers"), (convert.positive_array, [[1], [1, 2]], "finite real numbers"),
    (convert.padding(3), [[1, 2, 3], [4, 5]], "non-negative integers"), (convert.integer(), 10**400, "a positive integer"),
    (convert.texts, np.array(1), "a list of strings"), (convert.real(0, 0), 1, "^0$"), (convert.integer(), [], "a positive"),
    (convert.padding(2), "valid", "non-negative integers in one of these forms"),
])
def test_refused(conversion, value, expected):
    with pytest.raises(InvalidValue, match=expected):
        conversion(value)


@pytest.mark.parametrize("empty", [None, [], (), np.zeros((0, 0))])
def test_empty_arrays_mean_not_set(empty):
    assert convert.array(empty) is None


def test_arrays_are_read_only_copies():
    given_ = np.arange(3.0)
    kept = convert.array(given_)
    given_[0] = 7
    assert kept.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1
    assert convert.array([1, 2]).dtype == np.float32
    assert convert.array(np.float64([1])).dtype == np.float64


def test_hints_tell_editors_what_to_offer():
    assert convert.annotation_of(convert.choice("epoch", "iteration")) == "Literal['epoch', 'iteration'] | str"
    assert convert.annotation_of(convert.either("auto", convert.integer())) == "Literal['auto'] | int"
    assert convert.annotation_of(print) == "Any"
