"""Line searches: how far to go along a direction in which a function falls.

Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 3.1, 3.5 and 3.6, with the constants that they advise
for quasi-Newton methods; Lewis and Overton, "Nonsmooth optimization via quasi-Newton methods" (2013), algorithm 2.6.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, sqrt
from typing import NamedTuple

DECREASE, CURVATURE = 1e-4, 0.9  # c₁ and c₂ of the Wolfe conditions
FARTHER, SHORTER = 2.0, 0.5  # by which a step grows or shrinks where nothing better is known


class LinePoint(NamedTuple):
    """A point on the line: the step to it, the function there, its slope along the line, and what else belongs to it."""

    step: float
    value: float
    slope: float
    point: object


class Searched(NamedTuple):
    """The point that a search found, or the lowest that it saw, and whether it meets the conditions."""

    trial: LinePoint | None
    completed: bool


Look = Callable[[float], LinePoint]  # evaluates the function at a step


class _Search:
    """The part that the methods share: the start, a limited number of looks, and the lowest point so far."""

    def __init__(self, look: Look, start: LinePoint, most: int) -> None:
        self.at, self.start, self.left = look, start, most
        self.lowest: LinePoint | None = None

    def look(self, step: float) -> LinePoint:
        """The function at a step."""
        self.left -= 1
        trial = self.at(step)
        if trial.value < (self.start if self.lowest is None else self.lowest).value:
            self.lowest = trial
        return trial

    def falls_enough(self, trial: LinePoint) -> bool:
        """The first Wolfe condition; no number is none."""
        return trial.value <= self.start.value + DECREASE * trial.step * self.start.slope

    def failed(self) -> Searched:
        return Searched(self.lowest, completed=False)


def backtracking(look: Look, start: LinePoint, most: int) -> Searched:
    """Shorter and shorter steps from 1 on, until the function falls enough."""
    search, step = _Search(look, start, most), 1.0
    while search.left > 0:
        trial = search.look(step)
        if search.falls_enough(trial):
            return Searched(trial, completed=True)
        step *= SHORTER
    return search.failed()


def weak_wolfe(look: Look, start: LinePoint, most: int) -> Searched:
    """Halving and doubling, until the function falls enough and its slope has risen enough."""
    search, step, low, high = _Search(look, start, most), 1.0, 0.0, inf
    while search.left > 0:
        trial = search.look(step)
        if not search.falls_enough(trial):
            high = step
        elif not trial.slope >= CURVATURE * start.slope:
            low = step
        else:
            return Searched(trial, completed=True)
        step = (low + high) / 2 if isfinite(high) else FARTHER * step
    return search.failed()


def strong_wolfe(look: Look, start: LinePoint, most: int) -> Searched:
    """An interval that holds a point where the function falls enough and is flat enough, then ever smaller ones."""
    search, step, before = _Search(look, start, most), 1.0, start
    while search.left > 0:
        trial = search.look(step)
        if not search.falls_enough(trial) or (before is not start and trial.value >= before.value):
            return _zoom(search, before, trial)
        if abs(trial.slope) <= -CURVATURE * start.slope:
            return Searched(trial, completed=True)
        if trial.slope >= 0:
            return _zoom(search, trial, before)
        before, step = trial, FARTHER * step
    return search.failed()


def _zoom(search: _Search, low: LinePoint, high: LinePoint) -> Searched:
    """The search inside an interval; at ``low`` the function falls enough and is lower."""
    while search.left > 0:
        step = _between(low, high)
        if step in (low.step, high.step):  # no number lies between them
            break
        trial = search.look(step)
        if not search.falls_enough(trial) or trial.value >= low.value:
            high = trial
            continue
        if abs(trial.slope) <= -CURVATURE * search.start.slope:
            return Searched(trial, completed=True)
        if trial.slope * (high.step - low.step) >= 0:
            high = low
        low = trial
    return search.failed()


def _between(a: LinePoint, b: LinePoint) -> float:
    """The minimum of the cubic through two points with their slopes (equation 3.59); the middle where there is none, or one
    too close to an end.
    """
    middle = (a.step + b.step) / 2
    if not all(map(isfinite, (b.value, b.slope))):
        return middle
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < inf:
        return middle
    d2 = sqrt(square) if b.step > a.step else -sqrt(square)
    bottom = b.slope - a.slope + 2 * d2
    best = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / bottom) if bottom else middle
    margin = 0.1 * abs(b.step - a.step)
    inside = min(a.step, b.step) + margin <= best <= max(a.step, b.step) - margin
    return best if inside else middle


LINE_SEARCHES: dict[str, Callable[[Look, LinePoint, int], Searched]] = {
    "weak-wolfe": weak_wolfe, "strong-wolfe": strong_wolfe, "backtracking": backtracking}
