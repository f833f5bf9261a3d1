"""Labels of what is computed from labelled arrays, numbers in single precision, ties, and MATLAB's display."""

import numpy as np
import pytest

import dltoolbox as dl

SIZES = {"S": 4, "C": 3, "B": 2, "T": 5, "U": 6}


def labelled(fmt, dtype=float):
    shape = [SIZES[label] + fmt[:at].count(label) for at, label in enumerate(fmt)]
    return dl.dlarray(np.random.default_rng(0).random(shape).astype(dtype), fmt)


RULES = {  # an expression of images X, 'SSCB', and its labels and size
    "order": (lambda X: dl.dlarray(np.ones((2, 5, 3)), "BTC"), "CBT", (3, 2, 5)),
    "trailing U": (lambda X: dl.dlarray(np.ones((2, 3, 1)), "CBU"), "CB", (2, 3)),
    "a vector with a label": (lambda X: dl.dlarray(np.ones(3), "C"), "C", (3,)),
    "missing trailing sizes": (lambda X: dl.dlarray(np.ones((4, 5)), "SSCB"), "SSCB", (4, 5, 1, 1)),
    "other labels": (lambda X: dl.dlarray(labelled("CB"), "BT"), "BT", (3, 2)),
    "channels": (lambda X: X * labelled("C"), "SSCB", (4, 5, 3, 2)),
    "channels first": (lambda X: labelled("C") / X, "SSCB", (4, 5, 3, 2)),
    "observations": (lambda X: X + labelled("B"), "SSCB", (4, 5, 3, 2)),
    "one of two S": (lambda X: X + labelled("S"), "SSCB", (4, 5, 3, 2)),
    "labels of both": (lambda X: labelled("CB") * labelled("T"), "CBT", (3, 2, 5)),
    "outer": (lambda X: labelled("C") * labelled("B"), "CB", (3, 2)),
    "a number": (lambda X: 2 * X, "SSCB", (4, 5, 3, 2)),
    "an array with as many dimensions": (lambda X: X * np.ones((4, 1, 3, 1)), "SSCB", (4, 5, 3, 2)),
    "comparison": (lambda X: labelled("C") < X, "SSCB", (4, 5, 3, 2)),
    "maximum": (lambda X: np.maximum(labelled("C"), X), "SSCB", (4, 5, 3, 2)),
    "where": (lambda X: np.where(X > 0.5, X, labelled("C")), "SSCB", (4, 5, 3, 2)),
    "of elements": (lambda X: np.exp(-X) ** 2, "SSCB", (4, 5, 3, 2)),
    "sum": (lambda X: np.sum(X, (0, 1)), "CB", (3, 2)),
    "sum over labels": (lambda X: X.sum(dl.finddim(X, "S")), "CB", (3, 2)),
    "sum with kept dimensions": (lambda X: np.sum(X, (0, 1), keepdims=True), "SSCB", (1, 1, 3, 2)),
    "sum of all": (lambda X: np.sum(X), "", ()),
    "median": (lambda X: np.median(X, 2), "SSB", (4, 5, 2)),
    "nanmean": (lambda X: np.nanmean(X, axis=-1), "SSC", (4, 5, 3)),
    "largest": (lambda X: np.argmax(X, 2), "SSB", (4, 5, 2)),
    "log-sum-exp": (lambda X: np.logaddexp.reduce(X, axis=2), "SSB", (4, 5, 2)),
    "norm": (lambda X: np.linalg.norm(X, axis=2), "SSB", (4, 5, 2)),
    "number": (lambda X: X[0], "SCB", (5, 3, 2)),
    "slice": (lambda X: X[1:3, ..., :1], "SSCB", (2, 5, 3, 1)),
    "ellipsis": (lambda X: X[..., 0], "SSC", (4, 5, 3)),
    "list": (lambda X: X[:, :, [0, 2]], "SSCB", (4, 5, 2, 2)),
    "mask": (lambda X: X[..., np.array([True, False])], "SSCB", (4, 5, 3, 1)),
    "new dimension": (lambda X: X[None], "", (1, 4, 5, 3, 2)),
    "mask of elements": (lambda X: X[X > 2], "", (0,)),
    "concatenate": (lambda X: np.concatenate([X, X], 2), "SSCB", (4, 5, 6, 2)),
    "concatenate with a plain array": (lambda X: np.concatenate([X, np.ones((4, 5, 1, 2))], 2), "SSCB", (4, 5, 4, 2)),
    "transpose of S": (lambda X: np.transpose(X, (1, 0, 2, 3)), "SSCB", (5, 4, 3, 2)),
    "squeeze": (lambda X: np.squeeze(X[:, :1]), "SCB", (4, 3, 2)),
    "reshape": (lambda X: X.reshape(20, 6), "", (20, 6)),
    "flip": (lambda X: np.flip(X, 0), "SSCB", (4, 5, 3, 2)),
    "pad": (lambda X: np.pad(X, ((1, 1), (0, 0), (0, 0), (0, 0))), "SSCB", (6, 5, 3, 2)),
    "tile": (lambda X: np.tile(X, (2, 1, 1, 1)), "SSCB", (8, 5, 3, 2)),
    "matrix product": (lambda X: np.ones((7, 3)) @ labelled("CB"), "CB", (7, 2)),
    "matrix product of dlarrays": (lambda X: dl.dlarray(np.ones((7, 3))) @ labelled("CB"), "CB", (7, 2)),
    "stripdims": (lambda X: dl.stripdims(X), "", (4, 5, 3, 2)),
}


@pytest.mark.parametrize("name", RULES)
def test_labels(name):
    expression, fmt, shape = RULES[name]
    got = expression(labelled("SSCB"))
    traced = dl.dlfeval(expression, labelled("SSCB"))
    assert (dl.dims(got), got.shape) == (dl.dims(traced), traced.shape) == (fmt, shape)


def test_arrays_expand_by_label_as_by_hand():
    X, c, b = labelled("SSCB"), labelled("C"), labelled("B")
    values, cs, bs = (dl.extractdata(x) for x in (X, c, b))
    np.testing.assert_array_equal(dl.extractdata(X * c), values * cs[:, None])
    np.testing.assert_array_equal(dl.extractdata(b - X), bs - values)

    def f(X, c, b):
        return dl.dlgradient(np.sum(X * c * b), c, b)

    of_c, of_b = dl.dlfeval(f, X, c, b)
    assert (dl.dims(of_c), dl.dims(of_b)) == ("C", "B")
    np.testing.assert_allclose(dl.extractdata(of_c), np.sum(values * bs, (0, 1, 3)))
    np.testing.assert_allclose(dl.extractdata(of_b), np.sum(values * cs[:, None], (0, 1, 2)))


SINGLE = dl.dlarray(np.ones((3, 3), np.float32))
DOUBLE = np.ones((3, 3))


@pytest.mark.parametrize(
    "expression",
    [
        lambda x: x * DOUBLE,
        lambda x: DOUBLE + x,
        lambda x: x * np.float64(2),
        lambda x: x * 2.0,
        lambda x: x * np.int64(2),
        lambda x: x / np.array(3),
        lambda x: x @ DOUBLE,
        lambda x: np.dot(x, DOUBLE),
        lambda x: np.einsum("ij,jk->ik", x, DOUBLE),
        lambda x: np.concatenate([DOUBLE, x]),
        lambda x: np.stack([DOUBLE, x]),
        lambda x: np.where(x > 0, x, DOUBLE),
        lambda x: np.outer(x, DOUBLE),
        lambda x: np.kron(DOUBLE, x),
        lambda x: np.linalg.solve(np.eye(3), x),
        lambda x: x**2,
        lambda x: np.mean(x),
        lambda x: np.var(x, 0),
        lambda x: np.linalg.norm(x),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.median(x),
        lambda x: x * [[1.0, 2.0, 3.0]],
        lambda x: np.maximum(x, DOUBLE),
        lambda x: x - dl.dlarray(DOUBLE),
        lambda x: np.append(x, DOUBLE),
    ],
)
def test_single_wins(expression):
    def gradient(x):
        y = expression(x)
        return y, dl.dlgradient(np.sum(y), x)

    assert expression(SINGLE).dtype == np.float32
    value, found = dl.dlfeval(gradient, SINGLE)
    assert value.dtype == found.dtype == np.float32


def test_logical_values_are_numbers_in_sums():
    mask = dl.dlarray([True, True, False])
    assert (mask + mask).tolist() == [2, 2, 0]
    assert (mask * 2).dtype == (1 - mask).dtype == np.float64
    assert (mask & ~mask).dtype == bool


def test_ties_share_a_gradient():
    def f(x, y):
        return dl.dlgradient(np.max(x) + np.sum(np.maximum(x, y)) + np.sum(np.abs(y)), x, y)

    of_x, of_y = dl.dlfeval(f, dl.dlarray([1.0, 3.0, 3.0]), dl.dlarray([0.0, 3.0, 4.0]))
    assert of_x.tolist() == [1, 0.5 + 0.5, 0.5]
    assert of_y.tolist() == [0, 0.5 + 1, 1 + 1]


@pytest.mark.parametrize(
    "function",
    [
        np.sum,
        np.prod,
        np.exp,
        np.linalg.norm,
        lambda x: x @ x.T,
        lambda x: np.cumsum(x, 1),
        lambda x: np.concatenate([x, x]),
        lambda x: x[:, :1],
        lambda x: np.var(x, 1),
    ],
)
def test_empty_arrays(function):
    def f(x):
        y = function(x)
        return y, dl.dlgradient(np.sum(y), x)

    value, gradient = dl.dlfeval(f, dl.dlarray(np.ones((0, 3))))
    assert value.shape == np.shape(function(np.ones((0, 3))))
    assert gradient.shape == (0, 3)


def test_display():
    assert repr(dl.dlarray(np.float32([[1, 2], [3, 4]]), "CB")) == "\n".join(
        ["  2(C) × 2(B) single dlarray", "", "     1     2", "     3     4"]
    )
    assert repr(dl.dlarray(0.5)).splitlines() == ["  1×1 dlarray", "", "    0.5000"]
    assert repr(labelled("SSCB")).splitlines()[0] == "  4(S) × 5(S) × 3(C) × 2(B) dlarray"
    assert repr(dl.dlarray([True, False], "C")).splitlines()[0] == "  2(C) logical dlarray"
