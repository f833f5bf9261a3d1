"""Gradients of users' methods from the tape: a method without a gradient of its own runs on traced arrays, and its trace is
kept from forward to backward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from dltoolbox.autodiff.apply import RUNS_TRACED, SECOND, Use
from dltoolbox.autodiff.tape import TAPE, Payload, Traced, gradients_of, leaf, origin_of, raw_values, record
from dltoolbox.core.errors import fail
from dltoolbox.ops.base import Arrays, Attributes, Gradients
from dltoolbox.ops.custom.custom import Results, filled_targets

if TYPE_CHECKING:
    from dltoolbox.layers.custom.user_layer import UserLayer


@contextmanager
def tracing() -> Iterator[None]:
    """Nothing but one method is noted, whatever goes on around it: a dlfeval in the method
    is not the outermost one, and values that shall leave the trace do so without a warning.
    """
    before = TAPE.noting, TAPE.opaque
    TAPE.noting, TAPE.opaque = True, True
    TAPE.depth += 1
    try:
        yield
    finally:
        TAPE.depth -= 1
        TAPE.noting, TAPE.opaque = before


class Trace:
    """The way of a method from traced inputs to its results."""

    def __init__(self, inputs: Sequence[Payload], results: Sequence[Payload]) -> None:
        self.inputs, self.results = inputs, results

    def gradients(self, grads: Sequence[np.ndarray | None]) -> Gradients:
        """Gradients of the results → those of the inputs that are traced. All results are differentiated together."""
        pairs = [(y, g) for y, g in zip(self.results, grads, strict=True) if g is not None and origin_of(y)]
        pulls = [lambda _g, _y, seed=g: seed for _, g in pairs]
        joined = record("results", np.zeros(()), [y for y, _ in pairs], pulls)
        found = iter(gradients_of(joined, [x for x in self.inputs if isinstance(x, Traced)], retain=True))
        return tuple(gradient_or_zeros(next(found), x.value) if isinstance(x, Traced) else None for x in self.inputs)


def gradient_or_zeros(gradient: np.ndarray | None, x: np.ndarray) -> np.ndarray:
    """The gradient of what may have none."""
    return np.zeros_like(x) if gradient is None else gradient


def traced_call(run: Callable[[Sequence[Payload]], Sequence[Payload]], inputs: Arrays, needs: Sequence[bool]) -> Results:
    """The results of a function of payloads, with its trace as the memory."""
    with tracing():
        given = [leaf(x) if need else x for x, need in zip(inputs, needs, strict=True)]
        results = run(given)
    return Results(tuple(map(raw_values, results)), Trace(given, results))


# Beyond first derivatives --------------------------------------------------------------------------------------------
def inline_custom(inputs: Sequence[Payload], attrs: Attributes) -> Sequence[Payload] | None:
    """The methods of a layer as a part of the trace around them."""
    function = attrs["function"]
    return tuple(function.run(inputs, traced=True)[0]) if function.taped else None


def inline_custom_loss(inputs: Sequence[Payload], attrs: Attributes) -> Payload | None:
    function = attrs["function"]
    y, t, *lengths = inputs
    return function.run(y, filled_targets(*map(raw_values, (t, *lengths)))) if function.taped else None


def refuse_second(use: Use) -> NoReturn:
    """A gradient that a class gives is not on the tape."""
    layer: UserLayer = use.attrs["function"].layer
    method = next(name for name in ("backward", "backwardLoss") if layer.has(name))
    told = layer.told(method)
    fail("dlgradient:notTwiceDifferentiable", f"The gradient that {told} gives cannot be differentiated again.",
         f"Leave {told.partition(' ')[0]} out, so that the gradient comes from the tape, or leave EnableHigherDerivatives "
         "out where first derivatives are enough.", layer=layer.Name)


RUNS_TRACED |= {"custom": inline_custom, "custom_loss": inline_custom_loss}
SECOND |= {"custom": refuse_second, "custom_loss": refuse_second}
