"""Data that are not numbers are refused with what to do about it."""

import re

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.program.data_layout import numeric_data


class Frame:
    """As much of a data frame as a message needs."""

    def __init__(self, **columns):
        self.values, self.columns = columns, list(columns)
        self.dtypes = [np.asarray(values).dtype for values in columns.values()]

    def __array__(self, dtype=None, copy=None):
        return np.array([list(map(str, values)) for values in self.values.values()], dtype).T


@pytest.mark.parametrize(("data", "text"), [
    ("digits", "X must be numeric, but it is of type str. Pass an array of numbers."),
    (np.array(["a"]), "X must be numeric, but it is an array of <U1. Pass an array of numbers."),
    (np.array(["1"]), "X must be numeric, but it is an array of <U1. Convert it with np.asarray(X, dtype=float)."),
    (Frame(a=[1, 2], label=["x", "y"]), "X must be numeric, but it is a Frame with non-numeric column 'label'. "
     "Drop it: X.drop(columns='label')."),
    (Frame(a=["u"], label=["x"], b=[1.5]), "with non-numeric columns 'a', 'label'. Drop them: "
     "X.drop(columns=['a', 'label'])."),
])
def test_words_are_not_data(data, text):
    with pytest.raises(DltoolboxError, match=re.escape(text)) as caught:
        numeric_data(data, "predict", "X")
    assert caught.value.identifier == "dltoolbox:predict:notNumeric"
