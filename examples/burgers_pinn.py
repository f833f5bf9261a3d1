"""A physics-informed network: Burgers' equation u_t + u·u_x = (0.01/π)·u_xx, learned without a solution of it.

    python examples/burgers_pinn.py
    python examples/burgers_pinn.py --lbfgs
    python examples/burgers_pinn.py --short

The loss is the residual of the equation at random points, whose second derivatives `dlgradient` gives, and the distance from
u(x, 0) = −sin(πx) and u(±1, t) = 0. The solution to compare with is computed by quadrature.

Sources: Raissi, Perdikaris and Karniadakis, "Physics-informed neural networks" (2019); the solution by the Cole–Hopf
transformation: Basdevant et al., "Spectral and finite difference solutions of the Burgers equation" (1986).
"""

import sys

import numpy as np

from dltoolbox import *

VISCOSITY = 0.01 / np.pi


def solution(x, t):
    """u(x, t) for t > 0: quotient of two integrals, by Gauss–Hermite quadrature."""
    nodes, weights = np.polynomial.hermite.hermgauss(100)
    y = x[:, None] - np.sqrt(4 * VISCOSITY * t)[:, None] * nodes
    f = np.exp(-np.cos(np.pi * y) / (2 * np.pi * VISCOSITY)) * weights
    return -np.sum(np.sin(np.pi * y) * f, 1) / np.sum(f, 1)


def points(count, random):
    """Places inside, and known values: at the start and at both ends."""
    inside = random.uniform([-1, 0], [1, 1], (count, 2))
    start = np.column_stack([np.linspace(-1, 1, 50), np.zeros(50)])
    ends = np.column_stack([np.repeat([-1.0, 1.0], 25), np.tile(np.linspace(0, 1, 25), 2)])
    known = np.concatenate([start, ends])
    values = np.where(known[:, 1] == 0, -np.sin(np.pi * known[:, 0]), 0)
    return inside.astype(np.float32), known.astype(np.float32), values.astype(np.float32)


def modelLoss(net, X, T, XT0, U0):
    """Residual of the equation, and distance from what is known."""
    U = forward(net, np.concatenate([X, T], 0))
    Ux, Ut = dlgradient(np.sum(U), X, T, EnableHigherDerivatives=True)
    Uxx = dlgradient(np.sum(Ux), X, EnableHigherDerivatives=True)
    residual = Ut + U * Ux - VISCOSITY * Uxx
    loss = np.mean(residual**2) + np.mean((forward(net, XT0) - U0) ** 2)
    return loss, dlgradient(loss, net.Learnables)


def network():
    hidden = [layer for _ in range(8) for layer in (fullyConnectedLayer(20), tanhLayer)]
    return dlnetwork([featureInputLayer(2), *hidden, fullyConnectedLayer(1)])


def relative_error(net):
    """‖u − u_true‖/‖u_true‖ over four times."""
    x, t = (grid.ravel() for grid in np.meshgrid(np.linspace(-1, 1, 201), [0.25, 0.5, 0.75, 1.0]))
    found = extractdata(predict(net, dlarray(np.float32([x, t]), 'CB'))).ravel()
    true = solution(x, t)
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def with_adam(net, inside, known, iterations, size=1000):
    """Mini-batches of points, with a learning rate that falls."""
    averageGrad, averageSqGrad = [], []
    random = np.random.default_rng(1)
    for iteration in range(1, iterations + 1):
        batch = inside[random.choice(len(inside), size, replace=False)]
        X, T = (dlarray(column[None], 'CB') for column in batch.T)
        loss, gradients = dlfeval(modelLoss, net, X, T, *known)
        learnRate = 0.005 * np.exp(-iteration / 2500)
        net, averageGrad, averageSqGrad = adamupdate(net, gradients, averageGrad, averageSqGrad, iteration, learnRate)
        if iteration % 1000 == 0:
            print(f"iteration {iteration}: loss {float(loss):.2e}, relative error {relative_error(net):.3f}")
    return net


def with_lbfgs(net, inside, known, iterations):
    """All points at once."""
    X, T = (dlarray(column[None], 'CB') for column in inside.T)
    state = lbfgsState()
    for iteration in range(1, iterations + 1):
        net, state = lbfgsupdate(net, lambda net: dlfeval(modelLoss, net, X, T, *known), state)
        if iteration % 100 == 0:
            print(f"iteration {iteration}: loss {float(state.Loss):.2e}, relative error {relative_error(net):.3f}")
        if state.LineSearchStatus == "failed":
            break
    return net


def main(short=False, lbfgs=False):
    rng(0)
    inside, places, values = points(1000 if short else 10000, np.random.default_rng(0))
    known = dlarray(places, 'BC'), dlarray(values[None], 'CB')
    net = network()
    if lbfgs:
        net = with_lbfgs(net, inside, known, 20 if short else 1000)
    else:
        net = with_adam(net, inside, known, 150 if short else 12000)
    error = relative_error(net)
    print(f"relative error of u: {error:.4f}")
    return error


if __name__ == "__main__":
    main(short="--short" in sys.argv, lbfgs="--lbfgs" in sys.argv)
