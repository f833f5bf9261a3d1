"""`lbfgsupdate`: one iteration of limited-memory BFGS in a custom training loop, and `lbfgsState`, its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.display import aligned
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.loops.line_search import LINE_SEARCHES, LinePoint
from dltoolbox.loops.parameters import MovedParameters, as_arrays, as_vector, is_frozen, parameters_of, stripped

CURVED = 1e-10  # least curvature s·y/(y·y) of a step that is remembered: else the inverse Hessian would not stay positive


@dataclass(frozen=True)
class Remembered:
    """The part of a state that remembers the iterations so far. Vectors are in double precision, of all learnables together.

    ``steps`` and ``differences`` are the last steps and how the gradient changed in them, the oldest first; ``point`` is
    where ``loss``, ``gradients`` and ``more`` (what else the loss function returned) belong to.
    """

    factor: float
    steps: tuple[np.ndarray, ...] = ()
    differences: tuple[np.ndarray, ...] = ()
    point: np.ndarray = field(default_factory=lambda: np.empty(0))
    slope: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss: object = None
    gradients: object = None
    more: tuple[object, ...] = ()
    step_norm: float | None = None
    status: str = ""
    method: str = ""
    most: int | None = None


class lbfgsState(Configured):
    """The memory of limited-memory BFGS from iteration to iteration: ``solverState = lbfgsState()``.

    Its properties are read; `lbfgsupdate` returns a new state in every iteration.

    Args:
        HistorySize: How many of the last steps are remembered; 3 to 20 do in most cases.
        InitialInverseHessianFactor: The inverse of the Hessian in the first iteration, as a factor of the identity.

    Attributes:
        InverseHessianFactor: That factor for the next iteration.
        StepHistory: The last steps, each a vector of all learnables, the oldest first.
        GradientsDifferenceHistory: How much the gradient changed in each.
        HistoryIndices: The numbers of these in the order in which they are used, from 1 on.
        Loss: The loss after the last iteration; None before the first.
        Gradients: Its gradients, as the loss function returned them.
        AdditionalLossFunctionOutputs: What else the loss function returned.
        GradientsNorm: The length of the gradient.
        StepNorm: That of the last step.
        LineSearchStatus: ``'completed'``, or ``'failed'`` where no step met the conditions of the line search.
        LineSearchMethod: That of the last iteration.
        MaxNumLineSearchIterations: Its most looks at the loss.

    Raises:
        DltoolboxError: ``dltoolbox:lbfgsState:invalidHistorySize``, ``…:invalidInitialInverseHessianFactor``.

    Example:
        >>> lbfgsState(HistorySize=5).InverseHessianFactor
        1.0

    Source:
        MathWorks documentation of lbfgsState.
    """

    HistorySize = Property(convert.count, 10, "How many of the last steps are remembered.")
    InitialInverseHessianFactor = Property(convert.real(0, low_open=True), 1, "The inverse of the Hessian at first.")
    _memory: Remembered

    def __init__(self, /, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.__dict__["_memory"] = Remembered(self.InitialInverseHessianFactor)

    def after(self, memory: Remembered) -> lbfgsState:
        """The state of these options with another memory."""
        new = lbfgsState(HistorySize=self.HistorySize, InitialInverseHessianFactor=self.InitialInverseHessianFactor)
        new.__dict__["_memory"] = memory
        return new

    @property
    def InverseHessianFactor(self) -> float:
        return self._memory.factor

    @property
    def StepHistory(self) -> list[np.ndarray]:
        return [*self._memory.steps]

    @property
    def GradientsDifferenceHistory(self) -> list[np.ndarray]:
        return [*self._memory.differences]

    @property
    def HistoryIndices(self) -> list[int]:
        return [*range(1, len(self._memory.steps) + 1)]

    @property
    def Loss(self) -> Any:
        return self._memory.loss

    @property
    def Gradients(self) -> Any:
        return self._memory.gradients

    @property
    def AdditionalLossFunctionOutputs(self) -> list[Any]:
        return [*self._memory.more]

    @property
    def GradientsNorm(self) -> float | None:
        return None if self._memory.loss is None else float(np.linalg.norm(self._memory.slope))

    @property
    def StepNorm(self) -> float | None:
        return self._memory.step_norm

    @property
    def LineSearchStatus(self) -> str:
        return self._memory.status

    @property
    def LineSearchMethod(self) -> str:
        return self._memory.method

    @property
    def MaxNumLineSearchIterations(self) -> int | None:
        return self._memory.most

    def __repr__(self) -> str:
        count = len(self._memory.steps)
        gradients = "[]" if self._memory.loss is None else type(self._memory.gradients).__name__
        rows = [("InverseHessianFactor", f"{self.InverseHessianFactor:.5g}"), ("StepHistory", f"{{{count}×1 cell}}"),
                ("GradientsDifferenceHistory", f"{{{count}×1 cell}}"), ("HistoryIndices", str(self.HistoryIndices)),
                ("Loss", _shown(self._memory.loss)), ("Gradients", gradients),
                ("AdditionalLossFunctionOutputs", f"{{1×{len(self._memory.more)} cell}}"),
                ("GradientsNorm", _shown(self.GradientsNorm)), ("StepNorm", _shown(self.StepNorm)),
                ("LineSearchStatus", f'"{self.LineSearchStatus}"'), ("LineSearchMethod", f'"{self.LineSearchMethod}"'),
                ("MaxNumLineSearchIterations", _shown(self.MaxNumLineSearchIterations))]
        return f"  lbfgsState with properties:\n\n{aligned(rows)}"


def _shown(value: object) -> str:
    return "[]" if value is None else f"{float(np.asarray(stripped(value)).reshape(-1)[0]):.5g}"


class _Options(Configured):
    function = "lbfgsupdate"
    LineSearchMethod = Property(convert.choice(*LINE_SEARCHES), "weak-wolfe")
    MaxNumLineSearchIterations = Property(convert.count, 20)
    NumLossFunctionOutputs = Property(convert.integer(2), 2)


@returns_copy
def lbfgsupdate(net: object, lossFcn: Callable[..., Any], solverState: object, *pairs: object,
                **options: object) -> tuple[Any, lbfgsState]:
    """One iteration of limited-memory BFGS: ``net, solverState = lbfgsupdate(net, lossFcn, solverState)``.

    Args:
        net: A dlnetwork or parameters, as `adamupdate` takes them. Learnables of a dlnetwork with the learn-rate factor 0
            stay as they are; other factors do not count.
        lossFcn: A function of net that returns the loss and its gradients, and perhaps more:
            ``lambda net: dlfeval(modelLoss, net, X, T)``. It always sees the same data.
        solverState: From `lbfgsState` in the first iteration, then from the last call. It belongs to this network: where
            the network was changed in between, the loss is computed anew.
        *pairs: Name-value pairs.
        **options: ``LineSearchMethod``: ``'weak-wolfe'`` (default), ``'strong-wolfe'`` or ``'backtracking'``, which only
            asks that the loss falls enough. ``MaxNumLineSearchIterations`` (20): most looks at the loss.
            ``NumLossFunctionOutputs`` (2): how many outputs lossFcn must have; all of them are kept.

    Returns:
        net: The network or parameters after the step. Where the line search fails, the lowest point that it saw, or the
            start.
        solverState: The state for the next iteration.

    Raises:
        DltoolboxError: ``dltoolbox:lbfgsupdate:notAFunction``, ``…:notAState``, ``…:lossOutputs``, ``…:notScalar``,
            ``…:notFinite`` for a loss that is NaN or Inf where the iteration begins, ``…:otherParameters`` for the state of
            another network; and as `adamupdate` for parameters and gradients.

    Example:
        >>> def loss(x):
        ...     return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, np.array(
        ...         [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])
        >>> x, solverState = np.array([-1.2, 1.0]), lbfgsState()
        >>> while solverState.GradientsNorm is None or solverState.GradientsNorm > 1e-6:
        ...     x, solverState = lbfgsupdate(x, loss, solverState, LineSearchMethod='strong-wolfe')
        >>> x.round(4).tolist()
        [1.0, 1.0]

    Source:
        Nocedal and Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5; MathWorks documentation of lbfgsupdate.
    """
    chosen = _Options(*pairs, **options)
    if not callable(lossFcn):
        fail("lbfgsupdate:notAFunction", f"lossFcn must be a function, but it is {show(lossFcn)}.",
             "Pass a function of the network alone: lambda net: dlfeval(modelLoss, net, X, T).")
    if not isinstance(solverState, lbfgsState):
        fail("lbfgsupdate:notAState", f"solverState must come from lbfgsState, but it is {show(solverState)}.",
             "Begin with solverState = lbfgsState().")
    problem = Problem(parameters_of("lbfgsupdate", net), lossFcn, chosen.NumLossFunctionOutputs)
    memory = begun(problem, solverState._memory)
    first = problem.start
    direction = downhill(memory, memory.slope)
    if not float(direction @ memory.slope) < 0:  # rounding has spoilt the history
        memory = replace(memory, steps=(), differences=(), factor=solverState.InitialInverseHessianFactor)
        direction = downhill(memory, memory.slope)
    start = LinePoint(0.0, problem.number_of(memory.loss), float(direction @ memory.slope), None)
    if start.slope == 0:  # nowhere to go
        return net, solverState.after(replace(memory, step_norm=0.0, status="completed", method=chosen.LineSearchMethod,
                                              most=chosen.MaxNumLineSearchIterations))

    def look(step: float) -> LinePoint:
        there = problem.at(first + step * direction)
        return LinePoint(step, there.number, float(there.slope @ direction), there)
    found = LINE_SEARCHES[chosen.LineSearchMethod](look, start, chosen.MaxNumLineSearchIterations)
    status = "completed" if found.completed else "failed"
    after = replace(memory, status=status, method=chosen.LineSearchMethod, most=chosen.MaxNumLineSearchIterations,
                    step_norm=0.0)
    if found.trial is None:
        return net, solverState.after(after)
    end = found.trial.point
    assert isinstance(end, LossPoint)
    return end.parameters, solverState.after(remembering(after, memory, end, solverState))


def begun(problem: Problem, memory: Remembered) -> Remembered:
    """The memory with the loss at the present point, which is computed unless it is known."""
    if memory.loss is not None and memory.point.size != problem.start.size:
        fail("lbfgsupdate:otherParameters", f"solverState belongs to {memory.point.size} learnables, but there are "
             f"{problem.start.size}.", "Begin with solverState = lbfgsState() for every network.")
    if memory.loss is not None and np.array_equal(memory.point, problem.start):
        return memory
    here = problem.at(problem.start)
    if not np.isfinite(here.number) or not np.isfinite(here.slope).all():
        fail("lbfgsupdate:notFinite", f"The loss is {here.number} at the start of the iteration, or its gradients are "
             "not finite.",
             "Begin with other parameters, such as a new dlnetwork(layers), or scale the data.")
    return replace(memory, point=problem.start, slope=here.slope, loss=here.loss, gradients=here.gradients, more=here.more)


def downhill(memory: Remembered, slope: np.ndarray) -> np.ndarray:
    """−H·g by the two-loop recursion (algorithm 7.4)."""
    direction = -slope
    known = [(s, y, 1 / float(s @ y)) for s, y in zip(memory.steps, memory.differences, strict=True)]
    weights = []
    for s, y, inverse in reversed(known):
        weights.append(inverse * float(s @ direction))
        direction -= weights[-1] * y
    direction *= memory.factor
    for (s, y, inverse), weight in zip(known, reversed(weights), strict=True):
        direction += (weight - inverse * float(y @ direction)) * s
    return direction


def remembering(after: Remembered, before: Remembered, end: LossPoint, chosen: lbfgsState) -> Remembered:
    """The memory after a step. Where the gradient does not rise along it, which only searches without the second Wolfe
    condition allow, the loss is not convex: the history tells nothing there, and with its small factor the iterations would
    creep on, so they begin again.
    """
    s, y = end.point - before.point, end.slope - before.slope
    curvature, length, size = float(s @ y), float(y @ y), chosen.HistorySize
    steps: tuple[np.ndarray, ...] = ()
    differences, factor = steps, chosen.InitialInverseHessianFactor
    if curvature > CURVED * length > 0:
        steps, differences = (*before.steps, s)[-size:], (*before.differences, y)[-size:]
        factor = curvature / length
    return replace(after, factor=factor, steps=steps, differences=differences, point=end.point, slope=end.slope,
                   loss=end.loss, gradients=end.gradients, more=end.more, step_norm=float(np.linalg.norm(s)))


@dataclass(frozen=True)
class LossPoint:
    """A point, the parameters there, and what the loss function returned for them."""

    point: np.ndarray
    parameters: object
    loss: object
    number: float
    gradients: object
    slope: np.ndarray
    more: tuple[object, ...]


class Problem:
    """The loss as a function of a vector of all learnables."""

    def __init__(self, parameters: MovedParameters, loss: Callable[..., Any], outputs: int) -> None:
        self.parameters, self.loss, self.outputs = parameters, loss, outputs
        self.start = self._vector(parameters.arrays)
        self.frozen = [is_frozen(rate) for rate in parameters.rates]

    def _vector(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        return as_vector(arrays).astype(np.float64) if arrays else np.empty(0)

    def at(self, vector: np.ndarray) -> LossPoint:
        """The loss at a point, or the nearest that the types of the learnables have."""
        own = self.parameters.arrays
        arrays = [before.view() if frozen else new.astype(before.dtype)
                  for before, new, frozen in zip(own, as_arrays(vector, own), self.frozen, strict=True)]
        there = self.parameters.replaced(arrays)
        result = self.loss(there)
        if not isinstance(result, tuple | list) or len(result) < self.outputs:
            count = len(result) if isinstance(result, tuple | list) else 1
            fail("lbfgsupdate:lossOutputs", f"lossFcn must return at least {self.outputs} outputs, first the loss and its "
                 f"gradients, but it returned {count}.", "End it with return loss, gradients, and let dlfeval return both.")
        loss, gradients, *more = result
        column, = self.parameters.others({"gradients": gradients})
        slopes = [np.zeros(before.shape) if g is None or frozen else g
                  for g, before, frozen in zip(column, own, self.frozen, strict=True)]
        return LossPoint(self._vector(arrays), there, loss, self.number_of(loss), gradients, self._vector(slopes),
                         tuple(more))

    def number_of(self, loss: object) -> float:
        number = np.asarray(stripped(loss)) if not isinstance(loss, list | tuple | dict) else np.empty(0)
        if number.size != 1 or number.dtype.kind not in "fiu":
            fail("lbfgsupdate:notScalar", f"The loss must be one number, but it is {show(loss)}.",
                 "Add its elements up in the loss function, such as np.mean(loss).")
        return float(number.reshape(()))
