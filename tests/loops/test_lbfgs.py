"""L-BFGS: against SciPy on Rosenbrock's function and on least squares; line searches; what it remembers and refuses."""

import copy
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize

import dltoolbox as dl
from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.loops.line_search import CURVATURE, DECREASE, LINE_SEARCHES, LinePoint

random = np.random.default_rng(1)


def rosenbrock(x):
    d = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * d - 2 * (1 - x[:-1])
    gradient[1:] += 200 * d
    return np.sum(100 * d ** 2 + (1 - x[:-1]) ** 2), gradient


def run(x, loss, most=300, goal=1e-6, state=None, **options):
    state, losses = state or dl.lbfgsState(), []
    for _ in range(most):
        x, state = dl.lbfgsupdate(x, loss, state, **options)
        losses.append(float(state.Loss))
        if state.GradientsNorm < goal or state.LineSearchStatus == "failed":
            break
    return x, state, losses


@pytest.mark.parametrize("method", LINE_SEARCHES)
@pytest.mark.parametrize("n", [2, 7, 12])
def test_rosenbrock(method, n):
    start = np.tile([-1.2, 1.0], n)[:n]
    x, state, losses = run(start, rosenbrock, LineSearchMethod=method)
    wanted = minimize(rosenbrock, start, jac=True, method="L-BFGS-B", options={"maxcor": 10, "gtol": 1e-9, "ftol": 1e-15})
    np.testing.assert_allclose(x, wanted.x, atol=1e-5)
    assert state.LineSearchStatus == "completed"
    assert (np.diff(losses) < 0).all()
    if method != "backtracking":
        assert len(losses) < 2 * wanted.nit + 10
    np.testing.assert_array_equal(start, np.tile([-1.2, 1.0], n)[:n])


@pytest.mark.parametrize("method", LINE_SEARCHES)
def test_least_squares_in_a_structure(method):
    A, b = random.standard_normal((40, 9)), random.standard_normal(40)

    def loss(p):
        w = np.concatenate([p["w"].reshape(-1), p["rest"][0]])
        residual = A @ w - b
        g = A.T @ residual / 40
        return residual @ residual / 80, {"w": g[:6].reshape(2, 3), "rest": [g[6:]]}, residual
    p, state, _ = run({"w": np.zeros((2, 3)), "rest": [np.zeros(3)]}, loss, goal=1e-11, LineSearchMethod=method)
    exact = np.linalg.lstsq(A, b, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([p["w"].reshape(-1), p["rest"][0]]), exact, atol=1e-9)
    np.testing.assert_allclose(state.AdditionalLossFunctionOutputs[0], A @ exact - b, atol=1e-8)
    assert len(state.StepHistory) == len(state.HistoryIndices) == 10
    assert state.GradientsDifferenceHistory[-1].shape == (9,)


def test_a_network_in_single_precision_with_frozen_layers():
    dl.rng(0)
    random = np.random.default_rng(3)
    X, T = random.standard_normal((50, 3)).astype(np.float32), random.standard_normal((50, 1)).astype(np.float32)
    net = dl.freezeWeights(dl.dlnetwork([dl.featureInputLayer(3), dl.fullyConnectedLayer(2, Name="a"),
                                         dl.fullyConnectedLayer(1, Name="b")]), "a")

    def loss(net):
        W, c, V, d = net.Learnables.Value
        hidden = X @ W.T + c.T
        residual = hidden @ V.T + d.T - T
        grad = dl.dlupdate(np.zeros_like, net.Learnables)
        grad.Value[0] = np.full_like(W, np.nan)
        grad.Value[2], grad.Value[3] = residual.T @ hidden / 50, residual.mean(0, keepdims=True)
        return np.mean(residual ** 2) / 2, grad
    after, state, losses = run(net, loss, goal=1e-5, most=100)
    H = np.hstack([dl.predict(dl.dlnetwork(net.Layers[:2]), X), np.ones((50, 1))])
    exact = np.mean((H @ np.linalg.lstsq(H, T, rcond=None)[0] - T) ** 2) / 2
    assert losses[-1] == pytest.approx(exact, rel=1e-3)
    for old, new in zip(net.Learnables.Value[:2], after.Learnables.Value[:2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert after.Learnables.Value[2].dtype == np.float32
    assert state.Gradients.Layer == after.Learnables.Layer


def test_dlfeval_with_dlarrays():
    def model(x):
        y = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        return y, dl.dlgradient(y, x)
    x, state, _ = run(dlarray([-1.2, 1.0]), lambda x: dl.dlfeval(model, x), LineSearchMethod="strong-wolfe")
    assert isinstance(x, dlarray)
    np.testing.assert_allclose(x, [1, 1], atol=1e-6)
    assert float(state.Loss) < 1e-12


def test_the_loss_is_not_computed_twice_at_a_point_unless_it_was_changed():
    seen = []

    def loss(x):
        seen.append(x.copy())
        return rosenbrock(x)
    x, state = np.array([-1.2, 1.0]), dl.lbfgsState()
    for _ in range(6):
        x, state = dl.lbfgsupdate(x, loss, state)
    assert len({point.tobytes() for point in seen}) == len(seen)
    before = len(seen)
    dl.lbfgsupdate(x + 0.01, loss, state)[0].sum()
    assert seen[before].tolist() == (x + 0.01).tolist()


def test_histories_are_as_long_as_they_may_be():
    x, state, _ = run(np.array([-1.2, 1.0]), rosenbrock, state=dl.lbfgsState(HistorySize=3, InitialInverseHessianFactor=0.1))
    assert (len(state.StepHistory), state.HistorySize, state.InitialInverseHessianFactor) == (3, 3, 0.1)
    s, y = state.StepHistory[-1], state.GradientsDifferenceHistory[-1]
    assert state.InverseHessianFactor == pytest.approx(s @ y / (y @ y))
    assert state.StepNorm == pytest.approx(np.linalg.norm(s))
    np.testing.assert_allclose(x, [1, 1], atol=1e-5)


def test_a_line_search_that_fails_says_so():
    """A gradient of the wrong sign; too few looks."""
    x, state = dl.lbfgsupdate(np.ones(2), lambda x: (x @ x, -2 * x), dl.lbfgsState())
    assert (state.LineSearchStatus, state.StepNorm, x.tolist()) == ("failed", 0.0, [1, 1])
    x, state = dl.lbfgsupdate(np.array([-1.2, 1.0]), rosenbrock, dl.lbfgsState(), MaxNumLineSearchIterations=1)
    assert state.LineSearchStatus == "failed"
    assert state.MaxNumLineSearchIterations == 1


def test_losses_that_overflow_are_too_far():
    def loss(x):
        with np.errstate(all="ignore"):
            return np.exp(x).sum() - x.sum() + np.where(np.abs(x) > 5, np.nan, 0).sum(), np.exp(x) - 1
    x, state, _ = run(np.array([4.9, -4.9]), loss)
    np.testing.assert_allclose(x, 0, atol=1e-6)
    assert state.LineSearchStatus == "completed"


def test_at_the_minimum_nothing_moves():
    x, state = dl.lbfgsupdate(np.zeros(2), lambda x: (x @ x, 2 * x), dl.lbfgsState())
    assert (x.tolist(), state.StepNorm, state.LineSearchStatus) == ([0, 0], 0.0, "completed")


@pytest.mark.parametrize("method", LINE_SEARCHES)
def test_conditions_hold_where_a_search_completes(method):
    for _ in range(60):
        a, b, c = random.uniform(-3, 3, 3)

        def function(t, a=a, b=b, c=c):
            return (a * np.sin(b * t + c) + 0.1 * (t - 2) ** 2, a * b * np.cos(b * t + c) + 0.2 * (t - 2))
        value, slope = function(0.0)
        if slope >= 0:
            continue
        start = LinePoint(0.0, value, slope, None)
        found = LINE_SEARCHES[method](lambda t, f=function: LinePoint(t, *f(t), None), start, 40)
        assert found.completed
        assert found.trial.value <= value + DECREASE * found.trial.step * slope
        if method == "weak-wolfe":
            assert found.trial.slope >= CURVATURE * slope
        if method == "strong-wolfe":
            assert abs(found.trial.slope) <= -CURVATURE * slope


def test_states_print_copy_and_stay_as_they_are():
    state = dl.lbfgsState()
    assert "InverseHessianFactor: 1\n" in repr(state)
    assert "Loss: []" in repr(state)
    _, after = dl.lbfgsupdate(np.array([-1.2, 1.0]), rosenbrock, state)
    assert state.Loss is None
    for same in (copy.deepcopy(after), pickle.loads(pickle.dumps(after))):
        assert repr(same) == repr(after)
    with pytest.raises(dl.DltoolboxError, match="readOnly"):
        after.Loss = 3
    with pytest.raises(dl.DltoolboxError, match="readOnly"):
        after.HistorySize = 3


MISTAKES = {
    "no function": (lambda: dl.lbfgsupdate(np.ones(2), 3, dl.lbfgsState()), "notAFunction", "lambda net: dlfeval"),
    "no state": (lambda: dl.lbfgsupdate(np.ones(2), rosenbrock, []), "notAState", "solverState = lbfgsState()"),
    "one output": (lambda: dl.lbfgsupdate(np.ones(2), lambda x: x @ x, dl.lbfgsState()), "lossOutputs",
                   "return loss, gradients"),
    "three wanted": (lambda: dl.lbfgsupdate(np.ones(2), rosenbrock, dl.lbfgsState(), NumLossFunctionOutputs=3),
                     "lossOutputs", "at least 3"),
    "a vector": (lambda: dl.lbfgsupdate(np.ones(2), lambda x: (x, x), dl.lbfgsState()), "notScalar", "np.mean(loss)"),
    "NaN": (lambda: dl.lbfgsupdate(np.ones(2), lambda x: (np.nan, x), dl.lbfgsState()), "notFinite", "The loss is nan"),
    "sizes": (lambda: dl.lbfgsupdate(np.ones(2), lambda x: (1.0, np.ones(3)), dl.lbfgsState()), "sizeMismatch",
              "gradients has size 3, but parameters has size 2"),
    "another network": (lambda: dl.lbfgsupdate(np.ones(3), rosenbrock, dl.lbfgsupdate(
        np.ones(2) * 2, rosenbrock, dl.lbfgsState())[1]), "otherParameters", "2 learnables, but there are 3"),
    "method": (lambda: dl.lbfgsupdate(np.ones(2), rosenbrock, dl.lbfgsState(), LineSearchMethod="wolfe"),
               "invalidLineSearchMethod", "'weak-wolfe', 'strong-wolfe' or 'backtracking'"),
    "history": (lambda: dl.lbfgsState(HistorySize=0), "invalidHistorySize", "positive integer"),
    "factor": (lambda: dl.lbfgsState(InitialInverseHessianFactor=-1), "invalidInitialInverseHessianFactor", "positive"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_name_place_and_cure(mistake):
    call, identifier, words = MISTAKES[mistake]
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    assert caught.value.identifier.endswith(f":{identifier}")
    assert words in str(caught.value)
