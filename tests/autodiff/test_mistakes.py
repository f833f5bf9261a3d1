"""Mistakes around dlarray, dlfeval and dlgradient: each has its identifier, and what the message advises works."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

import dltoolbox as dl

MATRIX = np.arange(6.0).reshape(2, 3) + 1
LABELLED = dl.dlarray(MATRIX, "CB")


def endless():
    box = {}
    box["self"] = box
    return box


def gradient(f):
    """The gradient of f at a matrix."""
    return lambda: dl.dlfeval(lambda x: dl.dlgradient(f(x), x), dl.dlarray(MATRIX))


def in_dlfeval(f):
    return lambda: dl.dlfeval(f, dl.dlarray(MATRIX))


def twice(x, **options):
    y = np.sum(x * x)
    return dl.dlgradient(y, x, **options), dl.dlgradient(y, x)


def added_into(plain, x):
    plain += x
    return plain


# What is wrong, its identifier, words of the advice, and a call in which the advice is followed.
MISTAKES = {
    # making
    "no numbers": (
        lambda: dl.dlarray(["a", "b"]),
        "dlarray:notNumeric",
        "np.asarray(…, dtype=float)",
        lambda: dl.dlarray(np.asarray(["1", "2"], dtype=float)),
    ),
    "complex numbers": (
        lambda: dl.dlarray(MATRIX + 1j),
        "dlarray:complex",
        "np.concatenate([X.real, X.imag])",
        lambda: dl.dlarray(np.concatenate([(MATRIX + 1j).real, (MATRIX + 1j).imag])),
    ),
    "complex operand": (
        lambda: LABELLED * (MATRIX + 1j),
        "dlarray:complex",
        "np.concatenate([X.real, X.imag])",
        lambda: LABELLED * MATRIX,
    ),
    "unknown label": (
        lambda: dl.dlarray(MATRIX, "HW"),
        "dlarray:invalidFormat",
        "Use S for spatial",
        lambda: dl.dlarray(MATRIX, "SS"),
    ),
    "label twice": (
        lambda: dl.dlarray(MATRIX, "CC"),
        "dlarray:repeatedLabel",
        "Label further dimensions S or U",
        lambda: dl.dlarray(MATRIX, "CU"),
    ),
    "too few labels": (
        lambda: dl.dlarray(MATRIX, "C"),
        "dlarray:formatMismatch",
        "one label per dimension",
        lambda: dl.dlarray(MATRIX, "CB"),
    ),
    # computing
    "sizes of a label": (
        lambda: LABELLED + dl.dlarray(np.ones(3), "C"),
        "dlarray:sizeMismatch",
        "same size, or size 1",
        lambda: LABELLED + dl.dlarray(np.ones(2), "C"),
    ),
    "labels needed": (
        lambda: LABELLED + np.ones(2),
        "dlarray:labelsNeeded",
        "dlarray(A, 'C')",
        lambda: LABELLED + dl.dlarray(np.ones(2), "C"),
    ),
    "sizes": (
        lambda: dl.dlarray(MATRIX) + np.ones(2),
        "dlarray:sizeMismatch",
        "from the last dimension on",
        lambda: dl.dlarray(MATRIX) + np.ones((2, 1)),
    ),
    "matrix product": (
        lambda: dl.dlarray(MATRIX) @ MATRIX,
        "dlarray:sizeMismatch",
        "as many as the rows of the second",
        lambda: dl.dlarray(MATRIX) @ MATRIX.T,
    ),
    "different formats": (
        lambda: np.concatenate([LABELLED, dl.dlarray(MATRIX, "CT")]),
        "concatenate:labelMismatch",
        "stripdims(X)",
        lambda: np.concatenate([dl.stripdims(LABELLED), dl.stripdims(dl.dlarray(MATRIX, "CT"))]),
    ),
    "order of labels": (
        lambda: np.transpose(LABELLED),
        "transpose:formatted",
        "transpose(stripdims(X), …)",
        lambda: np.transpose(dl.stripdims(LABELLED)),
    ),
    "order of axes": (
        lambda: np.swapaxes(LABELLED, 0, 1),
        "swapaxes:formatted",
        "swapaxes(stripdims(X), …)",
        lambda: np.swapaxes(dl.stripdims(LABELLED), 0, 1),
    ),
    "in place of a plain array": (
        in_dlfeval(lambda x: added_into(np.ones((2, 3)), x)),
        "dlarray:inPlace",
        "A = A + X",
        in_dlfeval(lambda x: np.ones((2, 3)) + x),
    ),
    "out": (
        in_dlfeval(lambda x: np.sum(x, out=np.zeros(()))),
        "dlarray:inPlace",
        "y = np.sum(x)",
        in_dlfeval(lambda x: np.sum(x)),
    ),
    "sort in place": (in_dlfeval(lambda x: x.sort()), "dlarray:inPlace", "x = np.sort(x)", in_dlfeval(np.sort)),
    "no gradient": (
        gradient(lambda x: np.sum(np.linalg.svd(x)[1])),
        "dlarray:noGradient",
        "functions that have one",
        gradient(lambda x: np.sqrt(np.linalg.det(x @ x.T))),
    ),
    "no gradient of a norm": (
        gradient(lambda x: np.linalg.norm(x, "nuc")),
        "dlarray:noGradient",
        "functions that have one",
        gradient(lambda x: np.linalg.norm(x, "fro")),
    ),
    "pad by means": (
        gradient(lambda x: np.sum(np.pad(x, 1, "mean"))),
        "dlarray:noGradient",
        "functions that have one",
        gradient(lambda x: np.sum(np.pad(x, 1, "edge"))),
    ),
    "outside NumPy": (
        gradient(lambda x: dl.dlarray(scipy.special.logsumexp(x))),
        "dlarray:lostTrace",
        "functions of NumPy",
        gradient(lambda x: np.logaddexp.reduce(x, axis=None)),
    ),
    "as a plain array": (
        gradient(lambda x: dl.dlarray(np.asarray(x)[0, 0])),
        "dlarray:lostTrace",
        "functions of NumPy",
        gradient(lambda x: x[0, 0]),
    ),
    "an array of dlarrays": (
        gradient(lambda x: np.sum(x) * dl.dlarray(np.array([x[0], x[1]]))),
        "dlarray:lostTrace",
        "functions of NumPy",
        gradient(lambda x: np.sum(np.sum(x) * np.stack([x[0], x[1]]))),
    ),
    # dlfeval and dlgradient
    "no function": (
        lambda: dl.dlfeval(3, MATRIX),
        "dlfeval:notAFunction",
        "not its result",
        lambda: dl.dlfeval(np.sum, dl.dlarray(MATRIX)),
    ),
    "endless container": (
        lambda: dl.dlfeval(lambda x: 1, endless()),
        "dlarray:endlessContainer",
        "that come to an end",
        lambda: dl.dlfeval(lambda x: 1, {"self": {}}),
    ),
    "outside dlfeval": (
        lambda: dl.dlgradient(dl.dlarray(1.0), dl.dlarray(1.0)),
        "dlgradient:outsideDlfeval",
        "call it with dlfeval",
        gradient(np.sum),
    ),
    "a number as y": (
        gradient(lambda x: float(np.sum(x))),
        "dlgradient:notADlarray",
        "Compute it from the arguments",
        gradient(np.sum),
    ),
    "several numbers as y": (
        gradient(lambda x: x * x),
        "dlgradient:notScalar",
        "np.sum(y)",
        gradient(lambda x: np.sum(x * x)),
    ),
    "a plain y": (
        gradient(lambda x: dl.dlarray(3.0)),
        "dlgradient:notTraced",
        "by dlfeval, and compute y from it",
        gradient(np.sum),
    ),
    "a plain dlarray as x": (
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), LABELLED)),
        "dlgradient:notTraced",
        "as an argument of dlfeval",
        lambda: dl.dlfeval(lambda x, w: dl.dlgradient(np.sum(x * w), w), dl.dlarray(MATRIX), LABELLED),
    ),
    "a plain array as x": (
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), MATRIX)),
        "dlgradient:notADlarray",
        "dlarray(x)",
        lambda: dl.dlfeval(lambda x: dl.dlgradient(np.sum(x), x), dl.dlarray(MATRIX)),
    ),
    "logical values as x": (
        lambda: dl.dlfeval(lambda x, w: dl.dlgradient(np.sum(x * w), x), dl.dlarray([True]), dl.dlarray(2.0)),
        "dlgradient:notTraced",
        "x.astype(float)",
        lambda: dl.dlfeval(lambda x, w: dl.dlgradient(np.sum(x * w), x), dl.dlarray([True]).astype(float), dl.dlarray(2.0)),
    ),
    "no x": (
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x))),
        "dlgradient:noVariables",
        "dlgradient(loss, net.Learnables)",
        gradient(np.sum),
    ),
    "a container without dlarrays": (
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), {"w": MATRIX})),
        "dlgradient:notADlarray",
        "dlarray(x)",
        lambda: dl.dlfeval(lambda p: dl.dlgradient(np.sum(p["w"]), p), {"w": dl.dlarray(MATRIX)}),
    ),
    "trace discarded": (
        in_dlfeval(twice),
        "dlgradient:traceDiscarded",
        "RetainData=True",
        in_dlfeval(lambda x: twice(x, RetainData=True)),
    ),
    "unknown option": (
        gradient(lambda x: dl.dlgradient(np.sum(x), x, Retain=True)),
        "dlgradient:unknownOption",
        "RetainData",
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), x, RetainData=True)),
    ),
    "wrong option": (
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), x, RetainData="often")),
        "dlgradient:invalidRetainData",
        "true or false",
        in_dlfeval(lambda x: dl.dlgradient(np.sum(x), x, RetainData=True)),
    ),
    "no array to strip": (
        lambda: dl.stripdims("CB"),
        "stripdims:invalidArray",
        "Pass an array",
        lambda: dl.stripdims(MATRIX),
    ),
    "no array to extract": (
        lambda: dl.extractdata({"x": 1}),
        "extractdata:invalidArray",
        "Pass a dlarray",
        lambda: dl.extractdata(LABELLED),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_say_what_to_do(name):
    wrong, identifier, advice, right = MISTAKES[name]
    with pytest.raises(dl.DltoolboxError) as caught:
        wrong()
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert advice in str(caught.value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right()


def test_a_loss_that_does_not_depend_on_x_warns():
    def f(x, w):
        return dl.dlgradient(np.sum(x), x, w)

    with pytest.warns(dl.DltoolboxWarning, match="y does not depend on 1 of the 2 arrays of x"):
        _, of_w = dl.dlfeval(f, LABELLED, LABELLED)
    assert dl.dims(of_w) == "CB"
    assert not dl.extractdata(of_w).any()


def test_extractdata_of_a_traced_array_warns_and_is_named_later():
    def f(x):
        y = np.sum(dl.dlarray(dl.extractdata(x)))
        return dl.dlgradient(y, x)

    with (
        pytest.warns(dl.DltoolboxWarning, match="takes values out of the trace"),
        pytest.raises(dl.DltoolboxError, match=r"test_mistakes\.py, line") as caught,
    ):
        dl.dlfeval(f, LABELLED)
    assert caught.value.identifier == "dltoolbox:dlgradient:notTraced"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.extractdata(LABELLED)


def test_numbers_may_be_taken_out():
    def f(x):
        total = np.sum(x)
        known = (
            float(total),
            int(x[0, 0]),
            total.item(),
            x[0].tolist(),
            bool(total > 3),
            math.floor(float(total)),
            f"{total:.1f}",
        )
        return known, dl.dlgradient(np.sum(x * known[0]), x)

    known, g = dl.dlfeval(f, dl.dlarray(MATRIX))
    assert known == (21.0, 1, 21.0, [1.0, 2.0, 3.0], True, 21, "21.0")
    assert (dl.extractdata(g) == 21).all()


def test_no_array_of_the_user_changes_or_matters_afterwards():
    given = MATRIX.copy()
    x = dl.dlarray(given)
    given[0, 0] = 100
    assert float(x[0, 0]) == 1
    y = x.copy()
    y[0, 0] = 7
    view = x[0]
    view[1] = 9
    assert x.tolist() == MATRIX.tolist()
    plain = np.asarray(x)
    plain[:] = 0
    assert x.tolist() == MATRIX.tolist()
    x[0] += 1
    assert x[0].tolist() == [2, 3, 4]


def test_containers_come_back_as_they_were():
    point = SimpleNamespace(w=LABELLED, names=("a", [dl.dlarray(2.0)]), n=3)

    def f(p):
        return dl.dlgradient(np.sum(p.w**2) * p.names[1][0], p)

    g = dl.dlfeval(f, point)
    assert (g.n, g.names[0], dl.dims(g.w)) == (3, "a", "CB")
    np.testing.assert_array_equal(dl.extractdata(g.w), 4 * MATRIX)
    assert float(g.names[1][0]) == np.sum(MATRIX**2)
