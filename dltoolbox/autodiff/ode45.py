"""`dlode45`: differential equations whose right side is a model, and whose solution is differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.autodiff.containers import mapped
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, values_of
from dltoolbox.autodiff.labels import in_order
from dltoolbox.autodiff.tape import (
    TAPE,
    Origin,
    Payload,
    Pull,
    TapeEntry,
    Traced,
    gradients_of,
    leaf,
    noting,
    origin_of,
    raw_values,
    record,
)
from dltoolbox.core import convert
from dltoolbox.core.dims import DISPLAY, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show

# Source of the coefficients: Dormand and Prince, "A family of embedded Runge-Kutta formulae" (1980); of the polynomials
# between steps: Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I" (1993), section II.6.
NODES = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1)
RUNGE_KUTTA: tuple[tuple[float, ...], ...] = (
    (), (1 / 5,), (3 / 40, 9 / 40), (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
BETWEEN = np.array([  # of each stage: factors of θ, θ², θ³ and θ⁴, for the part θ of a step
    [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
    [0, 0, 0, 0],
    [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
    [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
    [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
    [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
    [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423]])
MODES = ("direct", "adjoint", "adjoint-seminorm")


def _labels(value: object) -> str:
    """Labels, or none."""
    if not isinstance(value, str) or set(value.upper()) - set(DISPLAY) or any(value.upper().count(c) > 1 for c in "CBT"):
        raise InvalidValue("a text of the labels S, C, B, T and U, with C, B and T at most once",
                           "Pass one label per dimension, such as DataFormat='CB'.")
    return value.upper()


class _Ode(Configured):
    function = "dlode45"
    DataFormat = Property(_labels, "")
    GradientMode = Property(convert.choice(*MODES), "direct")
    InitialStepSize = Property(convert.optional(convert.real(0, low_open=True)), None)
    MaxStepSize = Property(convert.optional(convert.real(0, low_open=True)), None)
    RelativeTolerance = Property(convert.real(0, low_open=True), 1e-3)
    AbsoluteTolerance = Property(convert.real(0, low_open=True), 1e-6)


class Steps(NamedTuple):
    """How large steps may be, and how wrong."""

    first: float | None
    most: float | None
    relative: float
    absolute: float


OdeState = Sequence[Payload]
Slope = Callable[[float, OdeState], OdeState]


def dlode45(odefun: Callable[..., Any], tspan: object, Y0: object, theta: object, *pairs: object,
            **options: object) -> dlarray:
    """The solution of y' = f(t, y, θ) from an initial value on; gradients go through, to the value and to θ.

    Args:
        odefun: The right side: a function of the time, a number, of y, a dlarray like ``Y0``, and of ``theta``. It returns a
            dlarray of the size of y.
        tspan: Times, all rising or all falling: [t0, tf] gives the solution at tf, [t0, t1, …, tf] that at t1, …, tf.
        Y0: The value at t0: a dlarray with or without labels, or an array of numbers.
        theta: What the model learns: a dlarray, or dlarrays in lists, dicts, structs and tables.
        *pairs: Options as name-value pairs.
        **options: ``DataFormat``: labels of ``Y0`` without labels, in its order, which the result has then;
            ``RelativeTolerance`` (1e-3) and ``AbsoluteTolerance`` (1e-6): of the error of a step; ``InitialStepSize``
            (from the slope at the beginning): of the first step that is tried; ``MaxStepSize`` (a tenth of the interval);
            ``GradientMode`` ("direct"): gradients go back through the steps; "adjoint": they solve the adjoint equation
            backwards in time, which takes no memory for steps; "adjoint-seminorm": likewise, in steps that do not look at
            the error of the gradient of θ.

    Returns:
        A dlarray. With two times, it has the size and labels of ``Y0``. With more, it has one dimension more, T, which
        stands at the end where there are no labels.

    Raises:
        DltoolboxError: ``dltoolbox:dlode45:invalidFunction``, ``…:invalidTspan``, ``…:invalidY0``, ``…:invalidSlope``,
            ``…:timeLabel``, ``…:stepTooSmall``, and those of invalid options.

    Example:
        >>> Y = dlode45(lambda t, y, theta: theta * y, [0, 1], dlarray([1.0]), dlarray(-2.0))
        >>> round(float(Y), 3)
        0.135

    Source:
        MathWorks documentation of dlode45; Dormand and Prince (1980); of the steps, Shampine and Reichelt, "The MATLAB ODE
        suite" (1997); of adjoint gradients, Chen, Rubanova, Bettencourt and Duvenaud, "Neural ordinary differential
        equations" (2018); of the seminorm, Kidger, Chen and Lyons, "Hey, that's not an ODE" (2021).
    """
    chosen = _Ode(*pairs, **options)
    if not callable(odefun):
        fail("dlode45:invalidFunction", f"odefun must be a function, but it is {show(odefun)}.",
             "Pass a function of the time, y and theta: lambda t, y, theta: theta * y.")
    moments, start = checked_times(tspan), checked_start(Y0, chosen.DataFormat)
    if "T" in start.labels and len(moments) > 2:
        fail("dlode45:timeLabel", f"Y0 has the format '{start.labels}', but T is the dimension of the {len(moments) - 1} "
             "times that the result has.", "Take the labels off: dlode45(odefun, tspan, stripdims(Y0), theta).")
    steps = Steps(chosen.InitialStepSize, chosen.MaxStepSize, chosen.RelativeTolerance, chosen.AbsoluteTolerance)
    if chosen.GradientMode == "direct":
        def slope(t: float, state: OdeState) -> OdeState:
            return [checked_slope(odefun(t, as_dlarray(state[0], start.labels), theta), start).payload]
        found = [state[0] for state in solved(slope, moments, [start.payload], steps)]
    else:
        found = with_adjoint(odefun, moments, start, theta, steps, whole=chosen.GradientMode == "adjoint")
    return at_all_times(found, start, chosen.DataFormat)


def at_all_times(found: Sequence[Payload], start: dlarray, fmt: str) -> dlarray:
    """The values at the times that were asked for."""
    labels = start.labels
    if len(found) == 1:
        return as_dlarray(found[0], labels)
    whole = np.stack(found, -1)
    return as_dlarray(*in_order(whole, labels + "T", "dlode45")) if labels else as_dlarray(whole, "")


# Input ---------------------------------------------------------------------------------------------------------------
def checked_times(tspan: object) -> list[float]:
    """Times, as numbers."""
    given = convert.array(values_of(tspan) if isinstance(tspan, dlarray) else tspan)
    if given is None or given.size < 2 or not np.isfinite(given).all() or not (
            np.all(np.diff(given.ravel()) > 0) or np.all(np.diff(given.ravel()) < 0)):
        fail("dlode45:invalidTspan", f"tspan must be two or more times, all rising or all falling, but it is {show(tspan)}.",
             "Pass beginning and end, such as [0, 1], or all times, such as np.linspace(0, 1, 11).")
    times_given: list[float] = given.ravel().tolist()
    return times_given


def checked_start(Y0: object, fmt: str) -> dlarray:
    """The initial value as a dlarray of numbers."""
    if not isinstance(Y0, dlarray):
        Y0 = dlarray(Y0)
    if fmt and Y0.labels and fmt != Y0.labels:
        fail("dlode45:formatMismatch", f"Y0 has the format '{Y0.labels}', but DataFormat is '{fmt}'.",
             "Leave DataFormat out: it is for arrays without labels.")
    start = dlarray(Y0, fmt) if fmt and not Y0.labels else Y0
    if start.dtype.kind != "f":
        fail("dlode45:invalidY0", "Y0 must be numbers, but it is logical.", "Convert it: dlarray(Y0).astype(float).")
    return start


def checked_slope(slope: object, start: dlarray) -> dlarray:
    """A slope of the right type and size."""
    if not isinstance(slope, dlarray) or slope.shape != start.shape:
        given = f"a dlarray of size {times(slope.shape)}" if isinstance(slope, dlarray) else show(slope)
        fail("dlode45:invalidSlope", f"odefun must give a dlarray of the size of y, {times(start.shape)}, but it gives "
             f"{given}.", "Compute the slope from y, and let it have the size of y.")
    return slope if slope.dtype == start.dtype else as_dlarray(slope.payload.astype(start.dtype), slope.labels)


# Steps ---------------------------------------------------------------------------------------------------------------
def combined(arrays: Sequence[Payload], weights: Sequence[float]) -> Payload:
    """Σ w·x in one entry of the tape; arrays that are weighted with 0 are left out."""
    used = [(x, float(w)) for x, w in zip(arrays, weights, strict=False) if w]
    first, weight = used[0]
    value = raw_values(first) * weight
    for x, w in used[1:]:
        value = value + raw_values(x) * w
    if not TAPE.noting or not any(origin_of(x) for x, _ in used):
        return value
    return record("combination", value, [x for x, _ in used], [times_weight(w) for _, w in used])


def times_weight(weight: float) -> Pull:
    return lambda g, _: g * weight


def solved(slope: Slope, moments: Sequence[float], state: OdeState, steps: Steps,
           measured: int | None = None) -> list[OdeState]:
    """The states at all moments but the first. ``measured``: how many arrays of a state steps are made small for."""
    t, end = moments[0], moments[-1]
    way = 1.0 if end > t else -1.0
    largest = min(steps.most or abs(end - t) / 10, abs(end - t))
    stages = [slope(t, state)]
    size = min(largest, steps.first or first_step(state, stages[0], steps, measured, largest))
    found: list[OdeState] = []
    failed = False
    while len(found) < len(moments) - 1:
        smallest = 16 * np.spacing(abs(t))
        size = min(largest, max(size, smallest))
        size = abs(end - t) if 1.1 * size >= abs(end - t) else size
        h, after = way * size, end if size == abs(end - t) else t + way * size
        reached = stages_of(slope, t, h, state, stages)
        error = error_of(stages, state, reached, size, steps, measured)
        if not error <= steps.relative:  # NaN is too large
            if size <= smallest or (not np.isfinite(error) and size < 1e-12 * abs(end - moments[0])):
                fail("dlode45:stepTooSmall", f"At t = {t:.6g} the error stays too large in steps as small as {size:.2g}, or "
                     "is not a number.", "The solution may grow without bounds there: end tspan before, raise "
                     "RelativeTolerance, or check what odefun gives.")
            size = size * (0.5 if failed or not np.isfinite(error) else max(0.1, 0.8 * (steps.relative / error) ** 0.2))
            failed, stages = True, stages[:1]
            continue
        while len(found) < len(moments) - 1 and way * (moments[len(found) + 1] - after) <= 0:
            part = (moments[len(found) + 1] - t) / (after - t)
            found.append(reached if part == 1 else between(state, stages, h, part))
        if not failed:
            size = size * min(5.0, 0.8 * (steps.relative / error) ** 0.2) if error else size * 5
        t, state, stages, failed = after, reached, stages[-1:], False
    return found


def stages_of(slope: Slope, t: float, h: float, state: OdeState, stages: list[OdeState]) -> OdeState:
    """Adds the stages of a step to its first one; the end of the step."""
    for node, factors in zip(NODES[1:], RUNGE_KUTTA[1:], strict=True):
        place = [combined([y, *(k[at] for k in stages)], [1, *(h * a for a in factors)]) for at, y in enumerate(state)]
        stages.append(slope(t + h * node, place))
    return place


def between(state: OdeState, stages: Sequence[OdeState], h: float, part: float) -> OdeState:
    """The solution within a step."""
    factors = h * (BETWEEN @ part ** np.arange(1, 5))
    return [combined([y, *(k[at] for k in stages)], [1, *factors.tolist()]) for at, y in enumerate(state)]


def error_of(stages: Sequence[OdeState], before: OdeState, after: OdeState, size: float, steps: Steps,
             measured: int | None) -> float:
    """The largest error of an element, relative to the element, or to a threshold where it is small."""
    threshold, worst = steps.absolute / steps.relative, 0.0
    with noting(False):
        for at, (one, other) in enumerate(zip(before[:measured], after[:measured], strict=True)):
            one, other = raw_values(one), raw_values(other)
            if one.size:
                error = combined([raw_values(k[at]) for k in stages], ERROR)
                scale = np.maximum(np.maximum(np.abs(one), np.abs(other)), threshold)
                worst = np.maximum(worst, size * np.max(np.abs(error) / scale))  # NaN stays
    return float(worst)


def first_step(state: OdeState, slope: OdeState, steps: Steps, measured: int | None, largest: float) -> float:
    """A step in which the slope at the beginning does not lead too far."""
    threshold = steps.absolute / steps.relative
    rates = [np.max(np.abs(raw_values(k)) / np.maximum(np.abs(raw_values(y)), threshold), initial=0.0)
             for y, k in zip(state[:measured], slope[:measured], strict=True)]
    rate = float(max(rates)) / (0.8 * steps.relative ** 0.2)
    return 1 / rate if rate * largest > 1 else largest


# Adjoint gradients ---------------------------------------------------------------------------------------------------
class AdjointEntry(TapeEntry):
    """A solution whose gradient solves the adjoint equation: a' = −aᵀ·∂f/∂y backwards in time, and −∫ aᵀ·∂f/∂θ dt."""

    __slots__ = ("backward",)

    def __init__(self, inputs: Sequence[Payload], backward: Callable[[Sequence[Payload]], list[Payload]]) -> None:
        super().__init__("dlode45", tuple(map(origin_of, inputs)), ())
        self.backward: Callable[[Sequence[Payload]], list[Payload]] | None = backward

    def pull(self, gradients: Sequence[Payload], needs: Sequence[bool], *, again: bool) -> Sequence[Payload]:
        if again:
            fail("dlgradient:notTwiceDifferentiable", "The adjoint gradient of dlode45 cannot be differentiated again.",
                 "Pass GradientMode='direct' to dlode45, or leave EnableHigherDerivatives out.")
        assert self.backward is not None
        return self.backward(gradients)

    def discard(self) -> None:
        self.backward = None

    @property
    def discarded(self) -> bool:
        return self.backward is None


def with_adjoint(odefun: Callable[..., Any], moments: Sequence[float], start: dlarray, theta: object, steps: Steps, *,
                 whole: bool) -> list[Payload]:
    """Values at all moments but the first, in one entry of the tape; ``whole``: steps look at all of the gradient."""
    parameters: list[dlarray] = []
    mapped(parameters.append, theta)

    def slope(t: float, y: Payload, own: Sequence[Payload]) -> dlarray:
        fresh = iter([as_dlarray(p, each.labels) for p, each in zip(own, parameters, strict=True)])
        return checked_slope(odefun(t, as_dlarray(y, start.labels), mapped(lambda _: next(fresh), theta)), start)

    values = [raw_values(each.payload) for each in parameters]
    with noting(False):
        found = [raw_values(state[0]) for state in solved(
            lambda t, state: [raw_values(slope(t, state[0], values).payload)], moments, [raw_values(start.payload)], steps)]
    inputs = [start.payload, *(each.payload for each in parameters)]
    if not TAPE.noting or not any(map(origin_of, inputs)):
        return [Traced(y) if TAPE.noting and any(isinstance(x, Traced) for x in inputs) else y for y in found]
    learnt = [at for at, each in enumerate(parameters) if origin_of(each.payload)]

    def backwards(t: float, state: OdeState) -> OdeState:
        y, a, *_ = state
        with noting(True):
            own = [leaf(value) if at in learnt else value for at, value in enumerate(values)]
            place = leaf(y)
            f = slope(t, place, own).payload
            asked = [place, *(own[at] for at in learnt)]
            pulled = gradients_of(f, asked, seed=a) if isinstance(f, Traced) else [None] * len(asked)
        turned = [np.zeros(x.shape, x.dtype) if g is None else -g for g, x in zip(pulled, asked, strict=True)]
        return [raw_values(f), *turned]

    def backward(gradients: Sequence[Payload]) -> list[Payload]:
        arriving = [*gradients, *[None] * (len(found) - len(gradients))]
        a = np.zeros_like(found[0])
        sums = [np.zeros_like(values[at]) for at in learnt]
        for at in range(len(found) - 1, -1, -1):
            a = a if arriving[at] is None else a + arriving[at]
            state = [found[at], a, *sums]
            _, a, *sums = solved(backwards, [moments[at + 1], moments[at]], state, steps, None if whole else 2)[-1]
        of_parameters = dict(zip(learnt, sums, strict=True))
        return [a, *(of_parameters.get(at) for at in range(len(parameters)))]

    entry = AdjointEntry(inputs, backward)
    return [Traced(y, Origin(entry, at)) for at, y in enumerate(found)]
