"""One step of each solver, in place, and how the learning rate changes from epoch to epoch.

In each iteration the gradient g of every learnable w with learning-rate factor f gets the weight decay λ·L2Factor·w, is
clipped, and moves w with the rate a = base rate × f. Everything happens in the dtype of the parameter; the averages
are allocated once. A learnable of factor 0 is frozen: it does not move and contributes to no norm; so are single rows
of one that has a factor for each of several parts. One that does not reach the loss has a gradient of zero, and decays.

Averages of gradients that stay zero shrink by the same factor in every step. They are set to zero before they become
denormal numbers, with which processors are slow: a step of adam takes six times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import hypot, isinf, log, sqrt
from operator import is_
from typing import ClassVar

import numpy as np

from dltoolbox.core.errors import warn
from dltoolbox.engines.engine import Parameter
from dltoolbox.runtime.blas import libraries
from dltoolbox.train.flat_parameters import FlatGradients, Run, in_memory_order, make_runs
from dltoolbox.train.options import TrainingOptions, TrainingOptionsADAM, TrainingOptionsRMSProp, TrainingOptionsSGDM

MARGIN = 1e4  # above the smallest normal number, at which averages become zero
MOST_STEPS = 1000  # between looking for such averages

Clip = Callable[[Sequence[np.ndarray]], None]


class Solver:
    """The common part of the solvers: weight decay, clipping, and the walk over the parameters."""

    averages: ClassVar[int] = 1

    def __init__(self, parameters: Sequence[Parameter], options: TrainingOptions) -> None:
        self.slots = in_memory_order(parameters, self.averages)
        self.decay: float = options.L2Regularization
        self.clip = clipping(options.GradientThresholdMethod, options.GradientThreshold)
        self.iteration = 0
        self.period = MOST_STEPS
        self.known: tuple[np.ndarray | None, ...] = ()
        self.runs: list[Run] = []
        self.gradients = FlatGradients([], [])

    def update(self, gradients: Sequence[np.ndarray | None], learn_rate: float) -> None:
        """Move every trained parameter; ``gradients`` are overwritten."""
        self.iteration += 1
        if len(gradients) != len(self.known) or not all(map(is_, gradients, self.known)):  # the same in every iteration
            self.known = tuple(gradients)
            self.runs, self.gradients = make_runs(self.slots, gradients, self.decay)
        for to, gradient in self.gradients.copies:
            to[...] = gradient
        self.step(learn_rate)
        if self.iteration % self.period == 0:
            for run in self.runs:
                for average in run.averages:
                    flush(average)

    def step(self, learn_rate: float) -> None:
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

    def __init__(self, parameters: Sequence[Parameter], options: TrainingOptionsSGDM) -> None:
        super().__init__(parameters, options)
        self.momentum: float = options.Momentum
        self.period = steps_to_denormal(self.momentum)

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        sgdm_step(w, g, rate, averages[0], self.momentum)


class Squares(Solver):
    """The common part of solvers that divide by the root of an average of squared gradients."""

    def __init__(self, parameters: Sequence[Parameter], options: TrainingOptionsRMSProp | TrainingOptionsADAM) -> None:
        super().__init__(parameters, options)
        self.beta2: float = options.SquaredGradientDecayFactor
        self.epsilon: float = options.Epsilon
        self.overflowed = False

    def noting_overflow(self) -> AbstractContextManager[None]:
        """Within it, what overflows is noted."""
        return np.errstate(over="call", call=self.note_overflow)

    def note_overflow(self, *_: object) -> None:
        """Said once. What is divided by infinity stands still, and an average never gets rid of an infinity."""
        if not self.overflowed:
            self.overflowed = True
            warn("trainNetwork:squaresOverflow", f"Squared gradients overflow at iteration {self.iteration}; from now on "
                 "the learnables that they belong to do not move.", "Set GradientThreshold, which limits gradients before "
                 "they are squared, lower InitialLearnRate, or scale the data.")


class RMSProp(Squares):
    """v ← β₂·v + (1 − β₂)·g²;  w ← w − a·g / (√v + ε)."""

    def __init__(self, parameters: Sequence[Parameter], options: TrainingOptionsRMSProp) -> None:
        super().__init__(parameters, options)
        self.period = steps_to_denormal(self.beta2)

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        with self.noting_overflow():
            rmsprop_step(w, g, rate, scratch, averages[0], self.beta2, self.epsilon)


class ADAM(Squares):
    """m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − aₗ·m / (√v + ε),  aₗ = a·√(1 − β₂ˡ) / (1 − β₁ˡ).

    The correction for the start at zero is in the rate, as in section 2 of Kingma and Ba (2015), so ε stands outside
    it; PyTorch divides √v by √(1 − β₂ˡ) first, which multiplies ε by that root in comparison.
    """

    averages = 2

    def __init__(self, parameters: Sequence[Parameter], options: TrainingOptionsADAM) -> None:
        super().__init__(parameters, options)
        self.beta1: float = options.GradientDecayFactor
        self.period = steps_to_denormal(min(self.beta1, self.beta2))

    def move(self, w: np.ndarray, g: np.ndarray, rate: float, scratch: np.ndarray, *averages: np.ndarray) -> None:
        first, second = averages
        with self.noting_overflow():
            adam_step(w, g, rate, scratch, first, second, self.beta1, self.beta2, self.epsilon, self.iteration)


SOLVERS: dict[str, type[Solver]] = {"sgdm": SGDM, "rmsprop": RMSProp, "adam": ADAM}


def make_solver(parameters: Sequence[Parameter], options: TrainingOptions) -> Solver:
    """The solver that the training options name."""
    return SOLVERS[options.solver](parameters, options)


# One step of each, which may overwrite the gradient ------------------------------------------------------------------
Rate = float | np.ndarray  # one number for all, or one for each


def sgdm_step(w: np.ndarray, g: np.ndarray, rate: Rate, velocity: np.ndarray, momentum: float) -> None:
    """v ← γ·v − a·g;  w ← w + v."""
    velocity *= momentum
    g *= rate
    velocity -= g
    w += velocity


def rmsprop_step(w: np.ndarray, g: np.ndarray, rate: Rate, scratch: np.ndarray, second: np.ndarray, beta2: float,
                 epsilon: float) -> None:
    """v ← β₂·v + (1 − β₂)·g²;  w ← w − a·g / (√v + ε)."""
    average_squares(second, g, scratch, beta2)
    divide_by_root(g, second, epsilon, scratch)
    scratch *= rate
    w -= scratch


def adam_step(w: np.ndarray, g: np.ndarray, rate: Rate, scratch: np.ndarray, first: np.ndarray, second: np.ndarray,
              beta1: float, beta2: float, epsilon: float, iteration: int) -> None:
    """m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − aₗ·m / (√v + ε), as `ADAM` says."""
    average_squares(second, g, scratch, beta2)
    g *= 1 - beta1
    first *= beta1
    first += g
    divide_by_root(first, second, epsilon, scratch)
    scratch *= rate * sqrt(1 - beta2 ** iteration) / (1 - beta1 ** iteration)
    w -= scratch


def average_squares(average: np.ndarray, g: np.ndarray, scratch: np.ndarray, beta2: float) -> None:
    """average ← β₂·average + (1 − β₂)·g²."""
    np.square(g, out=scratch)
    scratch *= 1 - beta2
    average *= beta2
    average += scratch


def divide_by_root(numerator: np.ndarray, average: np.ndarray, epsilon: float, out: np.ndarray) -> None:
    """out ← numerator / (√average + ε)."""
    np.sqrt(average, out=out)
    out += epsilon
    np.divide(numerator, out, out=out)


def steps_to_denormal(decay: float) -> int:
    """In how many steps of a decay nothing that `flush` leaves becomes denormal."""
    if decay <= 0:
        return 1
    return MOST_STEPS if decay >= 1 else max(1, min(MOST_STEPS, int(log(MARGIN) / -log(decay))))


def flush(average: np.ndarray) -> None:
    """Set to zero what is close to the smallest normal number of its type."""
    np.copyto(average, 0, where=np.abs(average) < MARGIN * np.finfo(average.dtype).tiny)


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
                shrink(g, threshold / length)
    return clip


def _clip_together(threshold: float) -> Clip:
    """All gradients times T/L where L > T, L being the norm over all learnables."""
    def clip(gradients: Sequence[np.ndarray]) -> None:
        length = hypot(*map(norm, gradients))
        if length > threshold:
            for g in gradients:
                shrink(g, threshold / length)
    return clip


def _clip_values(threshold: float) -> Clip:
    """g ← T·sign(g) where |g| > T, per derivative."""
    def clip(gradients: Sequence[np.ndarray]) -> None:
        for g in gradients:
            np.clip(g, -threshold, threshold, out=g)
    return clip


def norm(g: np.ndarray) -> float:
    """Euclidean length, in double. BLAS scales inside, so that squares of an exploding gradient do not overflow; where the
    length itself is beyond the type, the gradient is scaled before."""
    libraries()
    from scipy.linalg.blas import dnrm2, snrm2  # here, because clipping is rare and the import takes a while
    if g.size == 0:
        return 0.0
    length = float((snrm2 if g.dtype == np.float32 else dnrm2)(g.ravel(order="K")))
    if not isinf(length):
        return length
    largest = float(np.abs(g).max())
    return length if isinf(largest) else largest * norm(g / g.dtype.type(largest))


def shrink(g: np.ndarray, factor: float) -> None:
    """g ← factor·g, also where the factor is too small for the type."""
    for part in (factor,) if factor > np.finfo(g.dtype).tiny else (sqrt(factor),) * 2:
        g *= part


def learn_rate(options: TrainingOptions, epoch: int) -> float:
    """Base learning rate of an epoch (1-based): a₀, or a₀·factor^⌊(epoch − 1)/period⌋ for 'piecewise'."""
    if options.LearnRateSchedule == "none":
        return options.InitialLearnRate
    drops = (epoch - 1) // options.LearnRateDropPeriod
    return options.InitialLearnRate * options.LearnRateDropFactor ** drops
