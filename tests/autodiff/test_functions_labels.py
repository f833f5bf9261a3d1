"""What functions of arrays with labels take and return: plain arrays, unformatted and formatted dlarrays."""

import numpy as np
import pytest

import dltoolbox as dl

X = np.random.default_rng(0).standard_normal((4, 3, 2))
CALLS = {  # functions that keep sizes and act along the channels
    "softmax": dl.softmax,
    "crosschannelnorm": lambda X, **options: dl.crosschannelnorm(X, 3, **options)}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("labels", ["SCB", "CBT", "BSC", "TCB", "UCB"])
def test_the_result_is_what_was_given(name, labels):
    plain = CALLS[name](X, DataFormat=labels)
    unformatted = CALLS[name](dl.dlarray(X), DataFormat=labels)
    formatted = CALLS[name](dl.dlarray(X, labels))
    assert type(plain) is np.ndarray
    assert dl.dims(unformatted) == ""
    np.testing.assert_array_equal(dl.extractdata(unformatted), plain)
    assert dl.dims(formatted) == dl.dims(dl.dlarray(X, labels))
    np.testing.assert_array_equal(dl.extractdata(formatted), dl.extractdata(dl.dlarray(plain, labels)))


def test_a_parameter_makes_the_result_a_dlarray():
    W = dl.dlarray(np.ones((5, 12)))
    assert dl.dims(dl.fullyconnect(X, W, 0, DataFormat="SCB")) == ""
    assert isinstance(dl.fullyconnect(X, W, 0, DataFormat="SCB"), dl.dlarray)
    assert isinstance(dl.fullyconnect(X, np.ones((5, 12)), dl.dlarray(0), DataFormat="SCB"), dl.dlarray)
    assert dl.dims(dl.fullyconnect(dl.dlarray(X, "SCB"), np.ones((5, 12)), 0)) == "CB"
    assert dl.dims(dl.fullyconnect(dl.dlarray(X, "SBT"), np.ones((5, 4)), 0)) == "CBT"


def test_single_precision_wins():
    single = dl.dlarray(X.astype(np.float32), "SCB")
    assert dl.softmax(single).dtype == np.float32
    assert dl.fullyconnect(single, np.ones((5, 12)), np.ones(5)).dtype == np.float32
    assert dl.fullyconnect(dl.dlarray(X, "SCB"), np.ones((5, 12), np.float32), 0).dtype == np.float32


def test_labels_twice_and_never():
    with pytest.raises(dl.DltoolboxError, match="Leave DataFormat out") as caught:
        dl.softmax(dl.dlarray(X, "SCB"), "DataF", "SCB")
    assert caught.value.identifier == "dltoolbox:softmax:formatTwice"
    assert dl.softmax(dl.stripdims(dl.dlarray(X, "SCB")), DataFormat="SCB").shape == X.shape
    with pytest.raises(dl.DltoolboxError, match=r"a formatted dlarray, dlarray\(X, 'SSCB'\)") as caught:
        dl.softmax(dl.dlarray(X))
    assert caught.value.identifier == "dltoolbox:softmax:missingDataFormat"
