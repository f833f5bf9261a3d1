"""dlode45 against SciPy's solver, known solutions and finite differences."""

import numpy as np
import pytest
from scipy.integrate import RK45, solve_ivp

import dltoolbox as dl
from dltoolbox.autodiff import ode45

MATRIX = np.array([[-0.1, 2.0], [-2.0, -0.1]])
Y0 = np.array([[2.0, 0.5, -1.0], [0.0, 1.0, 0.3]])
TIMES = [0.0, 0.3, 0.35, 1.0, 2.0]
FINE = {"RelativeTolerance": 1e-9, "AbsoluteTolerance": 1e-11}


def spiral(t, y, theta):
    return theta["A"] @ np.tanh(y) + theta["b"] * np.cos(t)


def theta():
    return {"A": dl.dlarray(MATRIX), "b": dl.dlarray([[0.3], [-0.2]])}


def reference(times, matrix=MATRIX, b=(0.3, -0.2), start=Y0):
    def f(t, y):
        return (matrix @ np.tanh(y.reshape(start.shape)) + np.array(b)[:, None] * np.cos(t)).ravel()

    found = solve_ivp(f, (times[0], times[-1]), start.ravel(), t_eval=times[1:], rtol=1e-11, atol=1e-13)
    return np.moveaxis(found.y.T.reshape(-1, *start.shape), 0, -1)


def test_the_coefficients_are_those_of_scipy():
    np.testing.assert_allclose(ode45.BETWEEN, RK45.P, rtol=1e-15)
    np.testing.assert_allclose(ode45.RUNGE_KUTTA[-1], RK45.B, rtol=1e-15)
    np.testing.assert_allclose(np.abs(ode45.ERROR), np.abs(RK45.E), rtol=1e-13)
    for own, theirs in zip(ode45.RUNGE_KUTTA[:-1], RK45.A, strict=True):
        np.testing.assert_allclose(own, theirs[: len(own)], rtol=1e-15)


@pytest.mark.parametrize("times", [[0, 2], TIMES, [1.0, -0.5], [1.0, 0.7, 0.2, -0.5]])
@pytest.mark.parametrize("mode", ["direct", "adjoint"])
def test_solutions(times, mode):
    got = dl.dlode45(spiral, times, dl.dlarray(Y0), theta(), GradientMode=mode, **FINE)
    expected = reference(times)
    np.testing.assert_allclose(dl.extractdata(got), expected[..., 0] if len(times) == 2 else expected, atol=1e-7)


def test_default_tolerances():
    got = dl.dlode45(spiral, TIMES, dl.dlarray(Y0), theta())
    np.testing.assert_allclose(dl.extractdata(got), reference(TIMES), atol=2e-3)


@pytest.mark.parametrize("mode", ["direct", "adjoint", "adjoint-seminorm"])
@pytest.mark.parametrize("times", [[0, 2], TIMES])
def test_gradients(mode, times):
    def loss(y0, theta):
        y = dl.dlode45(spiral, times, y0, theta, GradientMode=mode, **FINE)
        value = np.sum(np.sin(y) * np.cos(np.arange(y.size)).reshape(y.shape))
        return value, dl.dlgradient(value, y0, theta)

    _, (of_start, of_theta) = dl.dlfeval(loss, dl.dlarray(Y0), theta())

    def value(start, matrix, b):
        y = reference(times, matrix, b, start)
        y = y[..., 0] if len(times) == 2 else y
        return np.sum(np.sin(y) * np.cos(np.arange(y.size)).reshape(y.shape))

    point = [Y0, MATRIX, np.array([0.3, -0.2])]
    for at, found in enumerate([of_start, of_theta["A"], of_theta["b"]]):
        direction = np.cos(np.arange(point[at].size)).reshape(point[at].shape)
        moved = [[x + way * 1e-4 * direction if i == at else x for i, x in enumerate(point)] for way in (1, -1)]
        expected = (value(*moved[0]) - value(*moved[1])) / 2e-4
        assert np.sum(dl.extractdata(found).reshape(direction.shape) * direction) == pytest.approx(expected, rel=1e-5)


def test_second_derivatives_go_through_the_steps():
    def curvature(k):
        y = dl.dlode45(lambda t, y, k: -k * y, [0, 1], dl.dlarray([1.0]), k, **FINE)
        slope = dl.dlgradient(np.sum(y), k, EnableHigherDerivatives=True)
        return slope, dl.dlgradient(slope, k)

    slope, second = dl.dlfeval(curvature, dl.dlarray(0.7))
    assert float(slope) == pytest.approx(-np.exp(-0.7), rel=1e-6)
    assert float(second) == pytest.approx(np.exp(-0.7), rel=1e-6)


def test_labels_and_types():
    single = dl.dlarray(Y0.astype(np.float32), "CB")
    seen = []

    def slope(t, y, theta):
        seen.append((type(t), dl.dims(y), y.dtype))
        return -y

    end = dl.dlode45(slope, [0, 1], single, None)
    assert (dl.dims(end), end.shape, end.dtype) == ("CB", (2, 3), np.float32)
    assert set(seen) == {(float, "CB", np.dtype(np.float32))}
    several = dl.dlode45(slope, [0, 1, 2], single, None)
    assert (dl.dims(several), several.shape) == ("CBT", (2, 3, 2))
    given = dl.dlode45(slope, [0, 1, 2], Y0.T, None, DataFormat="BC")
    assert (dl.dims(given), given.shape) == ("CBT", (2, 3, 2))
    unlabelled = dl.dlode45(slope, [0, 1, 2], Y0, None)
    assert (dl.dims(unlabelled), unlabelled.shape) == ("", (2, 3, 2))


def test_steps():
    calls = []

    def slope(t, y, theta):
        calls.append(t)
        return -y

    dl.dlode45(slope, [0, 1], [1.0], None, InitialStepSize=1e-3)
    assert max(calls[:7]) == pytest.approx(1e-3)
    calls.clear()
    dl.dlode45(slope, [0, 1], [1.0], None, MaxStepSize=0.01)
    assert len(calls) > 600
    calls.clear()
    dl.dlode45(slope, [0, 1], [1.0], None)
    assert max(np.diff(sorted(calls))) < 0.1


def test_the_adjoint_keeps_no_steps():
    def kept(mode):
        def loss(y0):
            y = dl.dlode45(lambda t, y, theta: -y, [0, 1], y0, None, GradientMode=mode, MaxStepSize=0.01)
            entries, stack = set(), [y.payload.origin.entry]
            while stack:
                entries.add(entry := stack.pop())
                stack += [o.entry for o in entry.origins if o is not None and o.entry not in entries]
            return len(entries)

        return dl.dlfeval(loss, dl.dlarray([1.0]))

    assert kept("adjoint") == 2 < 500 < kept("direct")


@pytest.mark.parametrize(
    ("wrong", "identifier", "cured"),
    [
        ({"odefun": 3}, "invalidFunction", {}),
        ({"tspan": [0]}, "invalidTspan", {"tspan": [0, 1]}),
        ({"tspan": [0, 1, 0.5]}, "invalidTspan", {"tspan": np.linspace(0, 1, 11)}),
        ({"odefun": lambda t, y, theta: np.sum(y)}, "invalidSlope", {"odefun": lambda t, y, theta: y}),
        ({"odefun": lambda t, y, theta: 1.0}, "invalidSlope", {"odefun": lambda t, y, theta: 0 * y + 1.0}),
        ({"odefun": lambda t, y, theta: y * y, "tspan": [0, 3]}, "stepTooSmall", {"tspan": [0, 0.5]}),
        ({"odefun": lambda t, y, theta: np.log(-y)}, "stepTooSmall", {}),
        ({"Y0": dl.dlarray([True, False])}, "invalidY0", {"Y0": dl.dlarray([True, False]).astype(float)}),
        (
            {"Y0": dl.dlarray(np.ones((2, 3)), "CB"), "DataFormat": "BC"},
            "formatMismatch",
            {"Y0": dl.dlarray(np.ones((2, 3)), "CB")},
        ),
        ({"Y0": np.ones((2, 3)), "DataFormat": "CX"}, "invalidDataFormat", {"Y0": np.ones((2, 3)), "DataFormat": "CU"}),
        (
            {"Y0": dl.dlarray(np.ones((2, 3)), "CT"), "tspan": [0, 1, 2]},
            "timeLabel",
            {"Y0": dl.stripdims(dl.dlarray(np.ones((2, 3)), "CT")), "tspan": [0, 1, 2]},
        ),
        ({"GradientMode": "backward"}, "invalidGradientMode", {"GradientMode": "adjoint"}),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistakes(wrong, identifier, cured):
    valid = {"odefun": lambda t, y, theta: -y, "tspan": [0, 1], "Y0": [1.0, 2.0], "theta": None}
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.dlode45(**valid | wrong)
    assert caught.value.identifier == f"dltoolbox:dlode45:{identifier}"
    dl.dlode45(**valid | cured)


def test_adjoint_gradients_cannot_be_differentiated_again():
    def f(y0, mode):
        y = dl.dlode45(lambda t, y, theta: -y * y, [0, 1], y0, None, GradientMode=mode)
        g = dl.dlgradient(np.sum(y), y0, EnableHigherDerivatives=True)
        return dl.dlgradient(np.sum(g), y0)

    with pytest.raises(dl.DltoolboxError, match="GradientMode='direct'"):
        dl.dlfeval(f, dl.dlarray([1.0]), "adjoint")
    dl.dlfeval(f, dl.dlarray([1.0]), "direct")
