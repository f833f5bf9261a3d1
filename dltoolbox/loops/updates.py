"""adamupdate, sgdmupdate and rmspropupdate: one step of a solver in a custom training loop.

The rules are those of `dltoolbox.train.solvers`. All learnables of one type are moved as one vector, so that a step is a
handful of calls, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import InvalidValue, show
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.core.structures.nested import is_nothing
from dltoolbox.layers.base import factors
from dltoolbox.loops.parameters import MovedParameters, as_arrays, as_vector, is_frozen, parameters_of, rate_vector, stripped
from dltoolbox.train.flat_parameters import LONGEST_SLOT_RUN
from dltoolbox.train.solvers import Rate, adam_step, flush, rmsprop_step, sgdm_step, steps_to_denormal

MoveRule = Callable[..., None]  # of weights, gradients, rate, scratch and averages, all in place

ANY_RATE, FRACTION, POSITIVE = convert.real(0), convert.real(0, 1, high_open=True), convert.real(0, low_open=True)


@returns_copy
def adamupdate(net: object, grad: object, averageGrad: object, averageSqGrad: object, iteration: object,
               learnRate: object = 0.001, gradDecay: object = 0.9, sqGradDecay: object = 0.999,
               epsilon: object = 1e-8) -> tuple[Any, Any, Any]:
    """One step of adam: ``net, averageGrad, averageSqGrad = adamupdate(net, grad, averageGrad, averageSqGrad, iteration)``.

    Args:
        net: A dlnetwork, or parameters: an array or dlarray, or dicts, structs (`SimpleNamespace`), lists, tuples and
            tables like ``net.Learnables`` of them. Nothing that is passed is changed.
        grad: Their gradients, in the same structure, as `dlgradient` returns them.
        averageGrad: The averages of gradients that the last call returned; None or [] in the first call.
        averageSqGrad: Those of their squares.
        iteration: The number of the iteration, from 1 on.
        learnRate: The learning rate; of a dlnetwork it is multiplied by the factors of the layers, and what has the factor
            0 stays as it is.
        gradDecay: Decay of the average of gradients, from 0 to below 1.
        sqGradDecay: Decay of the average of squares.
        epsilon: Added to the root of the average of squares.

    Returns:
        net: The network or parameters after the step; dlarrays keep their labels.
        averageGrad, averageSqGrad: The averages for the next call, in the structure of the parameters.

    Raises:
        DltoolboxError: ``dltoolbox:adamupdate:structureMismatch``, ``…:sizeMismatch`` and ``…:notNumeric``, which name the
            place; ``…:invalidIteration``, ``…:invalidLearnRate`` and their kin; ``…:noGradient``; ``…:notInitialized``.

    Example:
        >>> params = {'w': np.array([1.0, -2.0])}
        >>> params, averageGrad, averageSqGrad = adamupdate(params, {'w': np.array([0.5, 4.0])}, None, None, 1)
        >>> params['w'].round(6).tolist()
        [0.999, -2.001]

    Source:
        Kingma and Ba, "Adam" (2015), with the correction of section 2, where ε stands outside it; MathWorks documentation
        of adamupdate.
    """
    label = "adamupdate"
    step = whole_number(label, "iteration", iteration)
    rate = one_number(label, "learnRate", learnRate, ANY_RATE)
    beta1 = one_number(label, "gradDecay", gradDecay, FRACTION)
    beta2 = one_number(label, "sqGradDecay", sqGradDecay, FRACTION)
    small = one_number(label, "epsilon", epsilon, POSITIVE)

    def move(w: np.ndarray, g: np.ndarray, a: Rate, scratch: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        adam_step(w, g, a, scratch, first, second, beta1, beta2, small, step)
    tidy = step % steps_to_denormal(min(beta1, beta2)) == 0
    net, first, second = moved_parameters(parameters_of(label, net), grad, rate, move,
                               {"averageGrad": averageGrad, "averageSqGrad": averageSqGrad}, tidy=tidy)
    return net, first, second


@returns_copy
def rmspropupdate(net: object, grad: object, averageSqGrad: object, learnRate: object = 0.001, sqGradDecay: object = 0.9,
                  epsilon: object = 1e-8) -> tuple[Any, Any]:
    """One step of RMSProp: ``net, averageSqGrad = rmspropupdate(net, grad, averageSqGrad)``.

    Args:
        net: A dlnetwork or parameters, as `adamupdate` takes them.
        grad: Their gradients.
        averageSqGrad: The averages of squared gradients that the last call returned; None or [] in the first call.
        learnRate: The learning rate; of a dlnetwork it is multiplied by the factors of the layers.
        sqGradDecay: Decay of the average, from 0 to below 1.
        epsilon: Added to the root of the average.

    Returns:
        net: The network or parameters after the step.
        averageSqGrad: The averages for the next call.

    Raises:
        DltoolboxError: As `adamupdate`.

    Example:
        >>> w, averageSqGrad = rmspropupdate(np.array([1.0]), np.array([2.0]), None, 0.1)
        >>> w.round(4).tolist(), averageSqGrad.round(4).tolist()
        ([0.6838], [0.4])

    Source:
        Hinton, "Neural Networks for Machine Learning", lecture 6; MathWorks documentation of rmspropupdate.
    """
    label = "rmspropupdate"
    rate = one_number(label, "learnRate", learnRate, ANY_RATE)
    beta2 = one_number(label, "sqGradDecay", sqGradDecay, FRACTION)
    small = one_number(label, "epsilon", epsilon, POSITIVE)

    def move(w: np.ndarray, g: np.ndarray, a: Rate, scratch: np.ndarray, second: np.ndarray) -> None:
        rmsprop_step(w, g, a, scratch, second, beta2, small)
    net, second = moved_parameters(parameters_of(label, net), grad, rate, move, {"averageSqGrad": averageSqGrad}, tidy=True)
    return net, second


@returns_copy
def sgdmupdate(net: object, grad: object, vel: object, learnRate: object = 0.01,
               momentum: object = 0.9) -> tuple[Any, Any]:
    """One step of gradient descent with momentum: ``net, vel = sgdmupdate(net, grad, vel)``.

    Args:
        net: A dlnetwork or parameters, as `adamupdate` takes them.
        grad: Their gradients.
        vel: The velocities that the last call returned; None or [] in the first call.
        learnRate: The learning rate; of a dlnetwork it is multiplied by the factors of the layers.
        momentum: The part of the last step that is added to this one, from 0 to 1.

    Returns:
        net: The network or parameters after the step.
        vel: The velocities for the next call: v ← momentum·v − learnRate·grad, which is added to the parameters.

    Raises:
        DltoolboxError: As `adamupdate`.

    Example:
        >>> w, vel = sgdmupdate(np.array([1.0]), np.array([2.0]), None, 0.1)
        >>> w, vel = sgdmupdate(w, np.array([2.0]), vel, 0.1)
        >>> w.round(4).tolist(), vel.round(4).tolist()
        ([0.42], [-0.38])

    Source:
        Murphy, "Machine Learning" (2012); MathWorks documentation of sgdmupdate.
    """
    label = "sgdmupdate"
    rate = one_number(label, "learnRate", learnRate, ANY_RATE)
    gamma = one_number(label, "momentum", momentum, convert.real(0, 1))

    def move(w: np.ndarray, g: np.ndarray, a: Rate, scratch: np.ndarray, velocity: np.ndarray) -> None:
        sgdm_step(w, g, a, velocity, gamma)
    net, velocity = moved_parameters(parameters_of(label, net), grad, rate, move, {"vel": vel}, tidy=True)
    return net, velocity


def moved_parameters(parameters: MovedParameters, grad: object, rate: float, move: MoveRule, averages: dict[str, object], *,
          tidy: bool) -> list[object]:
    """The parameters after a step, and the averages; ``tidy`` rids them of what is close to denormal numbers."""
    if is_nothing(grad):
        fail(f"{parameters.function}:noGradient", f"grad is {show(grad)}, so there is nowhere to go.",
             "Pass the gradients that dlgradient returned: loss, grad = dlfeval(modelLoss, net, X).")
    gradients, *states = parameters.others({"grad": grad, **averages})
    lacking = [path for path, g in zip(parameters.paths, gradients, strict=True) if g is None]
    if lacking:
        fail(f"{parameters.function}:noGradient", f"grad{lacking[0]} is empty, but {parameters.name}{lacking[0]} is to "
             "move.", "Pass an array of zeros for what has no gradient, or leave both out.")
    own = parameters.arrays
    after: list[list[np.ndarray]] = [[*own] for _ in range(1 + len(states))]
    for kind in dict.fromkeys(array.dtype for array in own):
        at = [i for i, array in enumerate(own) if array.dtype == kind]
        mine = [own[i] for i in at]
        g = as_vector([gradients[i] for i in at])  # type: ignore[misc]
        vectors = [as_vector(mine), *(averages_vector([state[i] for i in at], mine) for state in states)]
        step_all(move, rate, rate_vector([parameters.rates[i] for i in at], mine), g, vectors)
        if tidy:
            for vector in vectors[1:]:
                flush(vector)
        for column, vector in zip(after, vectors, strict=True):
            for i, array in zip(at, as_arrays(vector, mine), strict=True):
                column[i] = array
    values = [keeping_frozen(*row) for row in zip(own, after[0], parameters.rates, strict=True)]
    return [parameters.replaced(values), *(parameters.states(column) for column in after[1:])]


def step_all(move: MoveRule, rate: float, rates: np.ndarray | None, g: np.ndarray, vectors: Sequence[np.ndarray]) -> None:
    """A step in stretches that stay in the cache."""
    scratch = np.empty(min(g.size, LONGEST_SLOT_RUN), g.dtype)
    with np.errstate(all="ignore"):
        for start in range(0, g.size, LONGEST_SLOT_RUN):
            here = slice(start, min(start + LONGEST_SLOT_RUN, g.size))
            w, *averages = (vector[here] for vector in vectors)
            move(w, g[here], rate if rates is None else rate * rates[here], scratch[:w.size], *averages)


def averages_vector(state: Sequence[np.ndarray | None], arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Averages as a new vector, zeros where there are none yet."""
    return as_vector([np.zeros(own.shape, own.dtype) if average is None else average
                      for average, own in zip(state, arrays, strict=True)])


def keeping_frozen(before: np.ndarray, after: np.ndarray, rate: Any) -> np.ndarray:
    """A learnable after a step; what is frozen keeps its bits, whatever its gradient was."""
    if rate == 1:
        return after
    if is_frozen(rate):
        return before.view()
    parts = factors(rate)
    if 0 in parts:
        rows = len(before) // len(parts)
        for at, part in enumerate(parts):
            if part == 0:
                after[at * rows:(at + 1) * rows] = before[at * rows:(at + 1) * rows]
    return after


def one_number(function: str, name: str, value: object, conversion: convert.Function) -> float:
    """An option that is one number."""
    try:
        return float(conversion(value if isinstance(value, float) else stripped(value)))
    except InvalidValue as no:
        fail(f"{function}:invalid{name[0].upper()}{name[1:]}", f"{name} must be {no.expected}, but it is {show(value)}.",
             f"Pass {no.expected}, or leave it out.")


def whole_number(function: str, name: str, value: object) -> int:
    try:
        return int(convert.integer()(stripped(value)))
    except InvalidValue as no:
        fail(f"{function}:invalid{name[0].upper()}{name[1:]}", f"{name} must be {no.expected}, but it is {show(value)}.",
             f"Count from 1: {name} = {name} + 1 in every turn of the loop.")
