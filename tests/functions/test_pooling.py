"""maxpool, maxunpool and avgpool: labels, options, indices and faults."""

from __future__ import annotations

from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.functions import avgpool, maxpool, maxunpool

RNG = np.random.default_rng(0)
IMAGES = RNG.permutation(6 * 8 * 3 * 2).reshape(6, 8, 3, 2).astype(np.float32)


def identifier(call: Any) -> str:
    with pytest.raises(DltoolboxError) as caught:
        call()
    return caught.value.identifier.removeprefix("dltoolbox:")


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_labels_may_stand_in_any_order(order: tuple[int, ...]) -> None:
    given_format = "".join("SSCB"[axis] for axis in order)
    turned = IMAGES.transpose(order)
    spatial_order = [axis for axis in order if axis < 2]
    size, stride, padding = [2, 3], [2, 1], [1, 0, 0, 2]
    if spatial_order == [1, 0]:  # the first S is now the second of before
        size, stride, padding = size[::-1], stride[::-1], [0, 2, 1, 0]
    wanted = maxpool(IMAGES, [2, 3], Stride=[2, 1], Padding=[1, 0, 0, 2], DataFormat="SSCB", nargout=3)
    Y, indx, inputSize = maxpool(turned, size, Stride=stride, Padding=padding, DataFormat=given_format, nargout=3)
    np.testing.assert_array_equal(Y, wanted[0].transpose(order))
    assert inputSize.tolist() == list(turned.shape)
    stored = turned.transpose(sorted(range(4), key=lambda axis: "SCB".index(given_format[axis])))
    np.testing.assert_array_equal(stored.ravel(order="F")[indx - 1], Y)
    back = maxunpool(Y, indx, inputSize, DataFormat=given_format)
    np.testing.assert_array_equal(back, np.where(np.isin(turned, Y), turned, 0))


def test_both_call_forms_and_any_case() -> None:
    a = maxpool(IMAGES, 2, "Stride", 2, "DataFormat", "SSCB")
    b = maxpool(IMAGES, 2, stride=[2, 2], dataformat="sscb")
    c = maxpool(IMAGES, poolsize=2, Stride=2.0, Padding="same", DataFormat="SSCB")
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)
    assert a.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integers_and_logicals_become_double(dtype: Any) -> None:
    X = RNG.integers(0, 2, (4, 4)).astype(dtype)
    assert maxpool(X, 2, DataFormat="SS").dtype == avgpool(X, 2, DataFormat="SS").dtype == np.float64
    assert maxpool(X.astype(np.float16), 2, DataFormat="SS").dtype == np.float32


def test_trailing_ones_may_be_missing() -> None:
    X = IMAGES[:, :, 0, 0]
    Y, indx, inputSize = maxpool(X, 2, Stride=2, DataFormat="SSCB", nargout=3)
    assert Y.shape == indx.shape == (3, 4)
    assert inputSize.tolist() == [6, 8, 1, 1]
    assert maxunpool(Y, indx, [6, 8], DataFormat="SSCB").shape == (6, 8)
    assert maxunpool(Y, indx, inputSize, DataFormat="SSCB").shape == (6, 8, 1, 1)
    grown = maxpool(X[:, 0], 2, Padding=[0, 0, 1, 1], DataFormat="SSCB")  # the missing dimension grew by its padding
    assert grown.shape == (5, 2)


@pytest.mark.parametrize(("shape", "labels", "poolsize", "options"), [
    ((7, 2, 3), "SCB", 3, {"Stride": 2, "Padding": [1, 0]}),
    ((7, 2, 3), "SCB", 2, {"Padding": "same", "Stride": 3}),
    ((6, 5, 2, 3), "SSCB", [3, 2], {"Stride": [1, 2], "Padding": [2, 1]}),
    ((6, 5, 2, 3), "SSCB", 3, {"Padding": [0, 1, 2, 0]}),
    ((4, 5, 6, 2, 3), "SSSCB", 2, {"Stride": 2, "Padding": [1, 0, 1]}),
    ((4, 5, 6, 2, 3), "SSSCB", [2, 1, 3], {"Padding": [[1, 0, 2], [0, 0, 1]]}),
    ((4, 5, 2, 3, 2, 2), "SSCBTU", 2, {"Stride": 2}),
])
def test_indices_lead_to_the_maxima(shape: tuple[int, ...], labels: str, poolsize: Any, options: dict[str, Any]) -> None:
    X = RNG.permutation(prod(shape)).reshape(shape).astype(float) - 50
    Y, indx = maxpool(X, poolsize, DataFormat=labels, nargout=2, **options)
    np.testing.assert_array_equal(X.ravel(order="F")[indx - 1], Y)
    np.testing.assert_array_equal(Y, maxpool(X, poolsize, DataFormat=labels, **options))
    np.testing.assert_array_equal(maxunpool(Y, indx, shape, DataFormat=labels), np.where(np.isin(X, Y), X, 0))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_round_trip_for_any_size(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    spatial = data.draw(st.lists(st.integers(1, 5), min_size=rank, max_size=rank))
    size = [data.draw(st.integers(1, n)) for n in spatial]
    stride = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    shape = (*spatial, data.draw(st.integers(1, 2)), data.draw(st.integers(0, 2)))
    labels = "S" * rank + "CB"
    X = np.random.default_rng(0).permutation(prod(shape)).reshape(shape) + 1.0
    Y, indx, inputSize = maxpool(X, size, Stride=stride, DataFormat=labels, nargout=3)
    np.testing.assert_array_equal(X.ravel(order="F")[indx - 1], Y)
    np.testing.assert_array_equal(maxunpool(Y, indx, inputSize, DataFormat=labels), np.where(np.isin(X, Y), X, 0))


def test_overlapping_regions_are_allowed_with_indices() -> None:
    X = np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]])
    _, indx, size = maxpool(X, 2, DataFormat="SS", nargout=3)
    assert indx.tolist() == [[5, 5], [5, 5]]
    assert maxunpool([[1, 2], [3, 4]], indx, size, DataFormat="SS").tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


def test_ties_zeros_and_nan() -> None:
    _, indx = maxpool(np.zeros((2, 4)), 2, Stride=2, DataFormat="SS", nargout=2)
    assert indx.tolist() == [[1, 5]]  # the first, row by row
    _, indx = maxpool([[0, 1], [1, 0]], 2, DataFormat="SS", nargout=2)
    assert indx.tolist() == [[3]]  # first row, second column
    Y, indx = maxpool([[5, np.nan], [7, 0]], 2, DataFormat="SS", nargout=2)
    assert np.isnan(Y[0, 0])
    assert indx.tolist() == [[3]]


def test_global() -> None:
    Y, indx = maxpool(IMAGES, "global", "DataFormat", "SSCB", nargout=2)
    np.testing.assert_array_equal(Y, IMAGES.max((0, 1), keepdims=True))
    np.testing.assert_array_equal(IMAGES.ravel(order="F")[indx - 1], Y)
    np.testing.assert_allclose(avgpool(IMAGES, "global", DataFormat="SSCB"), IMAGES.mean((0, 1), keepdims=True), rtol=1e-5)


def test_pool_format() -> None:
    X = RNG.standard_normal((3, 2, 8))  # C × B × T
    Y = maxpool(X, 2, Stride=2, PoolFormat="T", DataFormat="CBT")
    np.testing.assert_array_equal(Y, X.reshape(3, 2, 4, 2).max(-1))
    Z = RNG.standard_normal((4, 3, 2, 6))  # S × C × B × T
    Y = avgpool(Z, [2, 3], Stride=[2, 3], PoolFormat="ST", DataFormat="SCBT")
    np.testing.assert_allclose(Y, Z.reshape(2, 2, 3, 2, 2, 3).mean((1, 5)))
    assert avgpool(Z, 2, DataFormat="SCBT").shape == (3, 3, 2, 6)


def test_average_padding_values() -> None:
    X = np.ones((3, 3))
    counted = avgpool(X, 2, Stride=2, Padding=[1, 0], DataFormat="SS")
    real = avgpool(X, 2, Stride=2, Padding=[1, 0], PaddingValue="mean", DataFormat="SS")
    assert counted.tolist() == [[0.5], [1]]
    assert real.tolist() == [[1], [1]]


def test_unpool_accepts_a_column_of_indices() -> None:
    """As the first release returned them."""
    Y, indx, size = maxpool(IMAGES, 2, Stride=2, DataFormat="SSCB", nargout=3)
    column = indx.ravel(order="F").astype(float)
    np.testing.assert_array_equal(maxunpool(Y, column[:, None], size, DataFormat="SSCB"),
                                  maxunpool(Y, indx, size, DataFormat="SSCB"))


def test_inputs_are_not_modified() -> None:
    X = IMAGES.copy()
    X.flags.writeable = False
    Y, indx, size = maxpool(X, 3, Padding="same", DataFormat="SSCB", nargout=3)
    for array in (Y, indx, size):
        array.flags.writeable = False
    maxunpool(Y, indx, size, DataFormat="SSCB")
    avgpool(X, 2, DataFormat="SSCB")


@pytest.mark.parametrize(("options", "expected"), [
    ({"DataFormat": ""}, "maxpool:missingDataFormat"),
    ({"DataFormat": None}, "maxpool:missingDataFormat"),
    ({"DataFormat": "SSXB"}, "maxpool:invalidDataFormat"),
    ({"DataFormat": "SSCC"}, "maxpool:invalidDataFormat"),
    ({"DataFormat": 4}, "maxpool:invalidDataFormat"),
    ({"DataFormat": "SSC"}, "maxpool:dataFormatMismatch"),
    ({"DataFormat": "CBTU"}, "maxpool:noPoolingDimensions"),
    ({"DataFormat": "SSSS"}, "maxpool:noPoolingDimensions"),
    ({"PoolFormat": "S"}, "maxpool:poolFormatMismatch"),
    ({"PoolFormat": "T"}, "maxpool:poolFormatMismatch"),
    ({"PoolFormat": "CB"}, "maxpool:invalidPoolFormat"),
    ({"PoolFormat": "SS", "nargout": 2}, "maxpool:indicesWithPoolFormat"),
    ({"poolsize": 0}, "maxpool:invalidpoolsize"),
    ({"poolsize": [2, 2, 2]}, "maxpool:invalidpoolsize"),
    ({"poolsize": "all"}, "maxpool:invalidpoolsize"),
    ({"poolsize": 9}, "maxpool:windowTooLarge"),
    ({"X": IMAGES[:0], "poolsize": "global"}, "maxpool:emptyInput"),
    ({"X": IMAGES[:, :0], "Padding": "same"}, "maxpool:emptyInput"),
    ({"poolsize": "global", "Padding": 1}, "maxpool:globalPadding"),
    ({"poolsize": "global", "Padding": "same"}, "maxpool:globalPadding"),
    ({"Stride": 0}, "maxpool:invalidStride"),
    ({"Padding": -1}, "maxpool:invalidPadding"),
    ({"Padding": [1, 1, 1]}, "maxpool:invalidPadding"),
    ({"Padding": 2}, "maxpool:paddingTooLarge"),
    ({"Strid": 2, "Weights": 3}, "maxpool:unknownOption"),
    ({"nargout": 4}, "maxpool:nargout"),
    ({"nargout": 0}, "maxpool:nargout"),
    ({"X": IMAGES + 1j}, "maxpool:notNumeric"),
    ({"X": "image"}, "maxpool:notNumeric"),
    ({"X": [[1, 2], [3]]}, "maxpool:notNumeric"),
    ({"X": np.array([None])}, "maxpool:notNumeric"),
], ids=str)
def test_faults(options: dict[str, Any], expected: str) -> None:
    arguments = {"X": IMAGES, "poolsize": 2, "DataFormat": "SSCB"} | options
    X, poolsize = arguments.pop("X"), arguments.pop("poolsize")
    assert identifier(lambda: maxpool(X, poolsize, **arguments)) == expected


def test_left_over_arguments() -> None:
    assert identifier(lambda: maxpool(IMAGES, 2, 2, DataFormat="SSCB")) == "maxpool:invalidArguments"
    assert identifier(lambda: avgpool(IMAGES, 2, PaddingValue=1, DataFormat="SSCB")) == "avgpool:invalidPaddingValue"


@pytest.mark.parametrize(("change", "expected"), [
    ({"indx": 0}, "maxunpool:indexOutOfRange"),
    ({"indx": 1000}, "maxunpool:indexOutOfRange"),
    ({"indx": 1.5}, "maxunpool:invalidIndices"),
    ({"indx": np.nan}, "maxunpool:invalidIndices"),
    ({"local": True}, "maxunpool:indexOfOtherMap"),
    ({"size": [6, 8, 3]}, "maxunpool:sizeMismatch"),
    ({"size": [6, 8, 2, 2]}, "maxunpool:sizeMismatch"),
    ({"size": [6, 8, 3, 2, 1]}, "maxunpool:invalidOutputSize"),
    ({"size": "same"}, "maxunpool:invalidOutputSize"),
    ({"size": [4, 4, 3, 2]}, "maxunpool:indexOutOfRange"),
    ({"cut": True}, "maxunpool:sizeMismatch"),
    ({"DataFormat": "CBTU"}, "maxunpool:noPoolingDimensions"),
    ({"DataFormat": ""}, "maxunpool:missingDataFormat"),
], ids=str)
def test_unpool_faults(change: dict[str, Any], expected: str) -> None:
    Y, indx, size = maxpool(IMAGES, 2, Stride=2, DataFormat="SSCB", nargout=3)
    indx = indx.astype(float)
    if "indx" in change:
        indx[0, 1, 1, 0] = change["indx"]
    if "local" in change:  # restarted in every map, as PyTorch's
        indx = (indx - 1) % 48 + 1
    if "cut" in change:
        indx = indx[:-1]
    size = change.get("size", size)
    assert identifier(lambda: maxunpool(Y, indx, size, DataFormat=change.get("DataFormat", "SSCB"))) == expected


def test_a_region_of_nothing_has_no_index() -> None:
    X = np.array([[4.0, 1.0, 2.0], [3.0, 0.0, 5.0]])
    Y, indx, size = maxpool(X, 1, Stride=[2, 2], Rounding="caffe", DataFormat="SS", nargout=3)
    assert Y.tolist() == [[4.0, 2.0], [-np.inf, -np.inf]]
    assert indx.tolist() == [[1, 5], [-1, -1]]
    assert maxunpool(np.ones((2, 2)), indx, size, DataFormat="SS").tolist() == [[1, 0, 1], [0, 0, 0]]
    assert avgpool(X, 1, Stride=[2, 2], Rounding="caffe", DataFormat="SS").tolist() == [[4.0, 2.0], [0.0, 0.0]]


@pytest.mark.parametrize(("call", "code"), [
    (lambda: maxpool(np.ones((4, 4)), 2, Padding="same", Rounding="ceil", DataFormat="SS"), "maxpool:roundingWithoutEffect"),
    (lambda: maxpool(np.ones((4, 4)), "global", Rounding="ceil", DataFormat="SS"), "maxpool:globalWindow"),
    (lambda: maxpool(np.ones((4, 4)), "global", DilationFactor=2, DataFormat="SS"), "maxpool:globalWindow"),
    (lambda: maxpool(np.ones((4, 4)), 2, DilationFactor=0, DataFormat="SS"), "maxpool:invalidDilationFactor"),
    (lambda: avgpool(np.ones((4, 4)), 2, Divisor=2, PaddingValue="mean", DataFormat="SS"), "avgpool:divisorWithMean"),
    (lambda: avgpool(np.ones((4, 4)), 2, Divisor=-1, DataFormat="SS"), "avgpool:invalidDivisor"),
    (lambda: avgpool(np.ones((4, 4)), 2, Rounding="up", DataFormat="SS"), "avgpool:invalidRounding"),
])
def test_options_that_contradict_each_other(call: Any, code: str) -> None:
    assert identifier(call) == code
