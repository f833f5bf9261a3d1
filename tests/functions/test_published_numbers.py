"""Every number that MATLAB's documentation prints for these functions.

MATLAB's ``rand`` of a fresh session equals ``RandomState(5489).random_sample``, filled in column order. Confidence is
marked as in the reference: P printed, C computed here from the published definition, K remembered, A arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox.functions import (
    crosschannelnorm,
    crossentropy,
    fullyconnect,
    huber,
    l1loss,
    l2loss,
    maxpool,
    maxunpool,
    mse,
    softmax,
)


class Session:
    """MATLAB's default random stream."""

    def __init__(self) -> None:
        self.state = np.random.RandomState(5489)

    def rand(self, *shape: int) -> np.ndarray:
        return self.state.random_sample(np.prod(shape)).reshape(shape, order="F")

    def randi(self, k: int, *shape: int) -> np.ndarray:
        return np.floor(self.rand(*shape) * k).astype(int) + 1


# dlarray.maxunpool, R2020b, whose random numbers came from another seed (P)
X_2020 = """0.8206 0.5945 0.6960 0.1508 0.9857 0.0168
            0.9171 0.7565 0.9339 0.0515 0.0900 0.2920
            0.9295 0.7223 0.4381 0.4417 0.2460 0.9403
            0.6107 0.9710 0.4156 0.2089 0.1359 0.7609
            0.3046 0.4560 0.4689 0.5395 0.3991 0.6321
            0.8533 0.4369 0.2349 0.7844 0.7390 0.5615"""
# the older maxpool page (P)
X_OLDER = """0.1781 0.8819 0.1564 0.4820 0.2518 0.7302
             0.1280 0.6692 0.8555 0.1206 0.2904 0.3439
             0.9991 0.1904 0.6448 0.5895 0.6171 0.5841
             0.1711 0.3689 0.3763 0.2262 0.2653 0.1078"""


def table(text: str) -> np.ndarray:
    return np.array([line.split() for line in text.splitlines()], float)


def printed(value: object, digits: int = 4) -> str:
    return f"{float(value):.{digits}f}"


def test_maxpool_page_of_2019() -> None:
    """P and C."""
    X = Session().rand(6, 6, 1, 1)
    Y, indx, inputSize = maxpool(X, 2, "Stride", 2, "DataFormat", "SSCB", nargout=3)
    assert Y.shape == (3, 3, 1, 1)
    np.testing.assert_array_equal(np.round(Y[:, :, 0, 0], 4), [[0.9058, 0.9595, 0.7577], [0.9649, 0.8003, 0.7431],
                                                               [0.9706, 0.9340, 0.8235]])
    assert indx.ravel(order="F").tolist() == [2, 10, 12, 20, 15, 24, 26, 27, 36]
    assert inputSize.tolist() == [6, 6, 1, 1]
    back = maxunpool(Y, indx, inputSize, DataFormat="SSCB")
    flat = back.ravel(order="F")
    assert np.flatnonzero(flat).tolist() == [i - 1 for i in sorted(indx.ravel())]
    np.testing.assert_array_equal(flat[indx - 1], Y)


def test_maxunpool_page_of_2020() -> None:
    """P."""
    X = table(X_2020)
    Y, indx, dataSize = maxpool(X, 2, Stride=2, DataFormat="SSCB", nargout=3)
    np.testing.assert_array_equal(Y, [[0.9171, 0.9339, 0.9857], [0.9710, 0.4417, 0.9403], [0.8533, 0.7844, 0.7390]])
    assert indx.tolist() == [[2, 14, 25], [10, 21, 33], [6, 24, 30]]
    assert dataSize.tolist() == [6, 6, 1, 1]
    back = maxunpool(Y, indx, dataSize, DataFormat="SSCB")[:, :, 0, 0]
    np.testing.assert_array_equal(back, np.where(np.isin(X, Y), X, 0))


def test_older_maxpool_page() -> None:
    """X printed, maxima by arithmetic (P, A)."""
    Y = maxpool(table(X_OLDER), 2, "Stride", 2, "DataFormat", "SS")
    np.testing.assert_array_equal(Y, [[0.8819, 0.8555, 0.7302], [0.9991, 0.6448, 0.6171]])


def test_sizes_of_the_pooling_pages() -> None:
    """28×28×3×128 to 14×14×3×128 and back (P)."""
    X = Session().rand(28, 28, 3, 128)
    Y, indx, size = maxpool(X, 2, "Stride", 2, "DataFormat", "SSCB", nargout=3)
    assert Y.shape == indx.shape == (14, 14, 3, 128)
    assert maxunpool(Y, indx, size, "DataFormat", "SSCB").shape == X.shape
    np.testing.assert_array_equal(X.ravel(order="F")[indx - 1], Y)  # linear through channels and observations (K)


def test_mse() -> None:
    """P and C."""
    X = Session().rand(6, 6, 1, 1)
    loss = mse(X, np.ones_like(X), "DataFormat", "SSCB")
    assert printed(loss) == "5.2061"
    assert printed(loss, 6) == "5.206078"


def test_crossentropy() -> None:
    """P and C; targets are drawn after the predictions from the same stream."""
    session = Session()
    Y = softmax(session.rand(10, 12), "DataFormat", "CB")
    classes = session.randi(10, 12)
    targets = (classes - 1 == np.arange(10)[:, None]).astype(float)
    assert printed(crossentropy(Y, targets, "DataFormat", "CB")) == "2.3343"


@pytest.mark.parametrize(("function", "value"), [(huber, "0.7374"), (l1loss, "3.1679"), (l2loss, "1.4748")])
def test_regression_losses(function: object, value: str) -> None:
    """C; the prints are remembered (K)."""
    session = Session()
    Y, T = session.rand(10, 12), session.rand(10, 12)
    assert printed(function(Y, T, DataFormat="CB")) == value


def test_crosschannelnorm() -> None:
    """Set-up P, result C."""
    Y = crosschannelnorm(np.ones((2, 2, 3)), 3, "Alpha", 1, "Beta", 1, "K", 1e-5, "DataFormat", "SSC")
    np.testing.assert_array_equal(np.round(Y.reshape(2, 6, order="F"), 4), [[1.5, 1.5, 1, 1, 1.5, 1.5]] * 2)


def test_fullyconnect() -> None:
    """P and C."""
    X = Session().rand(12, 12, 32, 1)
    Y = fullyconnect(X, np.ones((10, 12, 12, 32)), np.ones((10, 1)), "DataFormat", "SSCB")
    assert Y.shape == (10, 1)
    assert [f"{y:.4e}" for y in Y.ravel()] == ["2.3266e+03"] * 10
    assert printed(Y[0, 0], 3) == "2326.586"
