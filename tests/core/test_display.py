import numpy as np
import pytest

from dltoolbox.core.display import aligned, listed, number_text, object_text, size_and_class, value_text


@pytest.mark.parametrize(("value", "text"), [
    (30, "30"), (0.9, "0.9000"), (1e-4, "1.0000e-04"), (1e-5, "1.0000e-05"), (0.01, "0.0100"), (-0.5, "-0.5000"), (0, "0"),
    (-3, "-3"), (1234.5, "1.2345e+03"), (999.5, "999.5000"), (np.inf, "Inf"), (-np.inf, "-Inf"), (np.nan, "NaN"),
    (1e10, "1.0000e+10"), (np.float32(0.5), "0.5000"),
])
def test_numbers_in_short_format(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (None, "[]"), ("auto", "'auto'"), ("", "''"), (True, "1"), (False, "0"), (np.False_, "0"), (3, "3"), (0.1, "0.1000"),
    ((2, 2), "[2 2]"), ((0, 0, 0, 0), "[0 0 0 0]"), ((1, 0.5), "[1 0.5000]"), ((5,), "5"), ([], "[]"), ((), "{}"),
    ([0, 1, 2, 3], "[0 1 2 3]"), ([[0, 0, 0], [1, 1, 1]], "[2×3 double]"), (tuple(range(11)), "[1×11 double]"),
    (("in",), "{'in'}"), (("out", "indices", "size"), "{'out'  'indices'  'size'}"),
    (tuple("abcdefghijklmnopqrstuvwxyz"), "{1×26 cell}"),
    (np.zeros((3, 3, 1, 8), np.float32), "[3×3×1×8 single]"), (np.zeros(10), "[10×1 double]"),
    (np.zeros((1, 1, 1)), "0"), (np.array([[1.0, 2.0]]), "[1 2]"), (np.zeros((0, 0)), "[]"),
    (np.zeros((2, 2), bool), "[2×2 logical]"), (np.zeros((28, 28), np.uint8), "[28×28 uint8]"), (print, "@print"),
    ((print,), "@print"), ((print, len), "{@print  @len}"), ((np.zeros((4, 2)), np.zeros(4)),
                                                             "{[4×2 double]  [4×1 double]}"),
    (object(), "[1×1 object]"), (range(3), "[3×1 range]"),
    ((np.zeros((4, 2)), ["a", "b", "a"]), "{[4×2 double]  {3×1 cell}}"), ([print, None], "{2×1 cell}"),
])
def test_values(value, text):
    assert value_text(value) == text


def test_sizes_and_classes():
    assert size_and_class(np.zeros((2, 3), np.float32)) == "2×3 single"


def test_names_stand_flush_right():
    assert aligned([("Name", "''"), ("InputSize", "3")]) == "         Name: ''\n    InputSize: 3"


def test_objects_with_groups():
    groups = [("", [("Name", "x")]), ("Empty", []), ("Learnable Parameters", [("Weights", None)])]
    text = object_text("Thing", groups, more=True)
    assert text == ("  Thing with properties:\n\n       Name: 'x'\n\n   Learnable Parameters\n    Weights: []\n\n"
                    "  Show all properties\n")


def test_words_in_sentences():
    assert [listed(words) for words in (["a"], ["a", 2], ["a", "b", "c"])] == ["a", "a and 2", "a, b and c"]
