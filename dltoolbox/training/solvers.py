"""One step of each solver, in place.

In each iteration the gradient g of every learnable w with learning-rate factor f gets the weight decay λ·L2Factor·w, is
clipped, and moves w with the rate a = base rate × f. Everything happens in the dtype of the parameter; the averages
are allocated once. A learnable of factor 0 is frozen: it does not move and contributes to no norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot, isinf, sqrt
from operator import is_
from typing import Any, ClassVar

import numpy as np

from dltoolbox.core.blas import libraries
from dltoolbox.training.protocols import Parameter
from dltoolbox.training.runs import Gradients, Run, in_memory_order, make_runs

Clip = Callable[[Sequence[np.ndarray]], None]


class Solver:
    """What the solvers share: weight decay, clipping, and the walk over the parameters."""

    averages: ClassVar[int] = 1

    def __init__(self, parameters: Sequence[Parameter], options: Any) -> None:
        self.slots = in_memory_order(parameters, self.averages)
        self.decay: float = options.L2Regularization
        self.clip = clipping(options.GradientThresholdMethod, options.GradientThreshold)
        self.iteration = 0
        self.known: tuple[np.ndarray | None, ...] = ()
        self.runs: list[Run] = []
        self.gradients = Gradients([], [])

    def update(self, gradients: Sequence[np.ndarray | None], learn_rate: float) -> None:
        """Move every trained parameter that has a gradient; ``gradients`` are overwritten."""
        self.iteration += 1
        if len(gradients) != len(self.known) or not all(map(is_, gradients, self.known)):  # the same in every iteration
            self.known = tuple(gradients)
            self.runs, self.gradients = make_runs(self.slots, gradients, self.decay)
        for to, gradient in self.gradients.copies:
            to[...] = gradient
        if self.clip is None:
            for run in self.runs:
                self.add_decay(run)
                self.go(run, learn_rate)
            return
        for run in self.runs:
            self.add_decay(run)
        self.clip(self.gradients.each)
        for run in self.runs:
            self.go(run, learn_rate)

    def add_decay(self, run: Run) -> None:
        if run.decay is not None:
            np.multiply(run.value, run.decay, out=run.scratch)
            np.add(run.gradient, run.scratch, out=run.gradient)

    def go(self, run: Run, learn_rate: float) -> None:
        self.move(run.value, run.gradient, learn_rate * run.rate_factor, run.scratch, *run.averages)

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        """Change ``w`` along its final gradient; may overwrite ``g`` and ``scratch``."""
        raise NotImplementedError


class SGDM(Solver):
    """v ← γ·v − a·g;  w ← w + v.  The velocity v is the last displacement, so it keeps its length when a drops."""

    def __init__(self, parameters: Sequence[Parameter], options: Any) -> None:
        super().__init__(parameters, options)
        self.momentum: float = options.Momentum

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        velocity, = averages
        velocity *= self.momentum
        g *= rate
        velocity -= g
        w += velocity


class RMSProp(Solver):
    """v ← β₂·v + (1 − β₂)·g²;  w ← w − a·g / (√v + ε)."""

    def __init__(self, parameters: Sequence[Parameter], options: Any) -> None:
        super().__init__(parameters, options)
        self.beta2: float = options.SquaredGradientDecayFactor
        self.epsilon: float = options.Epsilon

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        second, = averages
        average_squares(second, g, self.beta2, scratch)
        divide_by_root(g, second, self.epsilon, scratch)
        scratch *= rate
        w -= scratch


class ADAM(Solver):
    """m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − aₗ·m / (√v + ε),  aₗ = a·√(1 − β₂ˡ) / (1 − β₁ˡ).

    The correction for the start at zero is in the rate, as in section 2 of Kingma and Ba (2015), so ε stands outside
    it; PyTorch divides √v by √(1 − β₂ˡ) first, which multiplies ε by that root in comparison.
    """

    averages = 2

    def __init__(self, parameters: Sequence[Parameter], options: Any) -> None:
        super().__init__(parameters, options)
        self.beta1: float = options.GradientDecayFactor
        self.beta2: float = options.SquaredGradientDecayFactor
        self.epsilon: float = options.Epsilon

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        first, second = averages
        average_squares(second, g, self.beta2, scratch)
        g *= 1 - self.beta1
        first *= self.beta1
        first += g
        divide_by_root(first, second, self.epsilon, scratch)
        scratch *= rate * sqrt(1 - self.beta2 ** self.iteration) / (1 - self.beta1 ** self.iteration)
        w -= scratch


SOLVERS: dict[str, type[Solver]] = {"sgdm": SGDM, "rmsprop": RMSProp, "adam": ADAM}


def make_solver(parameters: Sequence[Parameter], options: Any) -> Solver:
    """The solver that the training options name."""
    return SOLVERS[options.solver](parameters, options)


def average_squares(average: np.ndarray, g: np.ndarray, beta: float, scratch: np.ndarray) -> None:
    """average ← β·average + (1 − β)·g²."""
    np.square(g, out=scratch)
    scratch *= 1 - beta
    average *= beta
    average += scratch


def divide_by_root(numerator: np.ndarray, average: np.ndarray, epsilon: float, out: np.ndarray) -> None:
    """out ← numerator / (√average + ε)."""
    np.sqrt(average, out=out)
    out += epsilon
    np.divide(numerator, out, out=out)


# Clipping ------------------------------------------------------------------------------------------------------------
def clipping(method: str, threshold: float) -> Clip | None:
    """The in-place clipping of a list of gradients that GradientThresholdMethod names, if there is a threshold."""
    if isinf(threshold):
        return None
    return {"l2norm": _clip_each, "global-l2norm": _clip_together, "absolute-value": _clip_values}[method](threshold)


def _clip_each(threshold: float) -> Clip:
    """g ← g·T/‖g‖ where ‖g‖ > T, per learnable."""
    def clip(gradients: Sequence[np.ndarray]) -> None:
        for g in gradients:
            if (length := norm(g)) > threshold:
                g *= threshold / length
    return clip


def _clip_together(threshold: float) -> Clip:
    """All gradients times T/L where L > T, L being the norm over all learnables."""
    def clip(gradients: Sequence[np.ndarray]) -> None:
        length = hypot(*map(norm, gradients))
        if length > threshold:
            for g in gradients:
                g *= threshold / length
    return clip


def _clip_values(threshold: float) -> Clip:
    """g ← T·sign(g) where |g| > T, per derivative."""
    def clip(gradients: Sequence[np.ndarray]) -> None:
        for g in gradients:
            np.clip(g, -threshold, threshold, out=g)
    return clip


def norm(g: np.ndarray) -> float:
    """Euclidean length; BLAS scales inside, so that the squares of an exploding float32 gradient do not overflow."""
    libraries()
    from scipy.linalg.blas import dnrm2, snrm2  # here, because clipping is rare and the import takes a while
    if g.size == 0:
        return 0.0
    return float((snrm2 if g.dtype == np.float32 else dnrm2)(g.ravel(order="K")))
