"""A neural ordinary differential equation: a spiral is learned from pieces of its path.

    python examples/neural_ode.py
    python examples/neural_ode.py --short

The right side of y' = f(y, θ) is a small model with its parameters in a dict. `dlode45` solves the equation; gradients go
through its steps, or, with --adjoint, come from the adjoint equation.

Sources: Chen, Rubanova, Bettencourt and Duvenaud, "Neural ordinary differential equations" (2018); the spiral and the
sizes: MathWorks documentation, "Dynamical System Modeling Using Neural ODE".
"""

import sys

import numpy as np
from scipy.integrate import solve_ivp

from dltoolbox import *

A = np.array([[-0.1, -1.0], [1.0, -0.1]])
START = np.array([2.0, 0.0])
STEPS_AHEAD = 40  # of a piece


def path(tmax=15, count=2000):
    """The spiral y' = A·y, 2 × count, and its times."""
    times = np.linspace(0, tmax, count)
    return times, solve_ivp(lambda t, y: A @ y, [0, tmax], START, t_eval=times, rtol=1e-7, atol=1e-9).y


def parameters(hidden=20):
    random = np.random.default_rng(0)

    def weights(rows, columns):
        return dlarray(np.float32(random.uniform(-1, 1, (rows, columns)) * np.sqrt(6 / (rows + columns))))
    return {"fc1": {"Weights": weights(hidden, 2), "Bias": dlarray(np.zeros((hidden, 1), np.float32))},
            "fc2": {"Weights": weights(2, hidden), "Bias": dlarray(np.zeros((2, 1), np.float32))}}


def odeModel(t, y, theta):
    """The slope at y, 2 × N."""
    y = np.tanh(theta["fc1"]["Weights"] @ y + theta["fc1"]["Bias"])
    return theta["fc2"]["Weights"] @ y + theta["fc2"]["Bias"]


def modelLoss(theta, times, X0, targets, mode):
    """The mean distance in each coordinate, and its gradients; X0 is 2 × N, targets 2 × N × numel(times) − 1."""
    X = dlode45(odeModel, times, X0, theta, GradientMode=mode)
    loss = np.mean(np.abs(X - targets))
    return loss, dlgradient(loss, theta)


def relative_error(theta, start):
    """‖x − x_true‖/‖x_true‖ of a path from another place."""
    times = np.linspace(0, 15, 200)
    found = extractdata(dlode45(odeModel, times, dlarray(np.float32(start)[:, None]), theta, RelativeTolerance=1e-5))[:, 0]
    true = solve_ivp(lambda t, y: A @ y, [0, 15], start, t_eval=times[1:], rtol=1e-7, atol=1e-9).y
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def main(short=False, adjoint=False):
    t, x = path()
    times = t[:STEPS_AHEAD + 1]
    theta = parameters()
    averageGrad, averageSqGrad = [], []
    random = np.random.default_rng(1)
    iterations = 60 if short else 1500
    for iteration in range(1, iterations + 1):
        begin = random.choice(len(t) - STEPS_AHEAD, 200, replace=False)
        targets = np.stack([x[:, begin + step] for step in range(1, STEPS_AHEAD + 1)], -1)
        loss, gradients = dlfeval(modelLoss, theta, times, dlarray(np.float32(x[:, begin])), np.float32(targets),
                                  "adjoint" if adjoint else "direct")
        learnRate = 0.01 if short else 0.002
        theta, averageGrad, averageSqGrad = adamupdate(theta, gradients, averageGrad, averageSqGrad, iteration, learnRate)
        if iteration % 100 == 0 or (short and iteration % 20 == 0):
            print(f"iteration {iteration}: loss {float(loss):.4f}, relative error {relative_error(theta, START):.3f}")

    errors = {str(start): relative_error(theta, start) for start in ([2.0, 0.0], [-1.0, -1.5], [0.0, 2.0], [-2.0, 0.0])}
    for start, error in errors.items():
        print(f"path from {start}: relative error {error:.4f}")
    return errors


if __name__ == "__main__":
    main(short="--short" in sys.argv, adjoint="--adjoint" in sys.argv)
