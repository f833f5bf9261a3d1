"""Ops of the vocabulary on the tape: the plain forward and gradient that every op has.

Where gradients are to be differentiated again, an op's `second form` takes over (`dltoolbox.autodiff.second`): the same
function in NumPy's words or in ops whose gradients are such words. Where there is none, that is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import opaque
from dltoolbox.autodiff.tape import (
    TAPE,
    Origin,
    Payload,
    TapeEntry,
    Traced,
    array_or_recorded,
    gradients_of,
    noting,
    origin_of,
    raw_values,
    record,
)
from dltoolbox.core.errors import fail
from dltoolbox.ops.base import OPS, Arrays, Attributes, Call, Op, as_tuple

SecondForm = Callable[["Use"], Sequence[Payload]]
SECOND: dict[str, SecondForm] = {}  # by op
Inline = Callable[[Sequence[Payload], Attributes], Any]
RUNS_TRACED: dict[str, Inline] = {}  # by op: its body, where that runs on traced arrays; None from it: it does not


class Use(NamedTuple):
    """A use of an op whose gradient is to be traced.

    Attributes:
        inputs: Traced where they were; arrays that the gradient does not read are ghosts of their size.
        outputs: Likewise.
        gradients: Of the outputs; None where there is none.
        needs: Which inputs need a gradient.
        attrs: The attributes.
    """

    inputs: Sequence[Payload]
    outputs: Sequence[Payload]
    gradients: Sequence[Payload]
    needs: Sequence[bool]
    attrs: Attributes


class OpEntry(TapeEntry):
    """A use of an op. It holds what `Op.saved_for_backward` says."""

    __slots__ = ("attrs", "inputs", "op", "outputs")

    def __init__(self, op: Op, inputs: Sequence[Payload], outputs: Arrays, attrs: Attributes) -> None:
        super().__init__(op.name, tuple(map(origin_of, inputs)), ())
        reads = op.saved_for_backward
        self.op, self.attrs = op, attrs
        self.inputs: Sequence[Payload] | None = tuple(inputs if "inputs" in reads else map(size_alone, inputs))
        self.outputs: Sequence[Payload] = tuple(outputs if "outputs" in reads else map(size_alone, outputs))

    def pull(self, gradients: Sequence[Payload], needs: Sequence[bool], *, again: bool) -> Sequence[Payload]:
        assert self.inputs is not None
        missing = [None] * (len(self.outputs) - len(gradients))
        if again:
            return self.pull_again([*gradients, *missing], needs)
        complete = [np.zeros(y.shape, y.dtype) if g is None and y.dtype.kind == "f" else g
                    for g, y in zip([*gradients, *missing], self.outputs, strict=True)]
        call = Call(tuple(map(raw_values, self.inputs)), self.outputs, tuple(needs))
        found: Sequence[Payload] = opaque(self.op.backward, call, *complete, **self.attrs)
        return self.with_missing(found, complete, needs) if any(
            need and g is None for need, g in zip(needs, found, strict=True)) else found

    def with_missing(self, found: Sequence[Payload], gradients: Sequence[Payload],
                     needs: Sequence[bool]) -> Sequence[Payload]:
        """Gradients that networks never ask the op for, as those of targets, from its second form."""
        with noting(True):
            more = self.pull_again(gradients, needs) if self.op.name in SECOND else [None] * len(needs)
        if any(need and g is None and h is None for need, g, h in zip(needs, found, more, strict=True)):
            at = next(i for i, (need, g, h) in enumerate(zip(needs, found, more, strict=True))
                      if need and g is None and h is None)
            fail("dlgradient:noGradientOfInput", f"{self.name} has no gradient with respect to its input {at + 1}.",
                 "Take that array out of the trace, with extractdata, if no gradient shall go through.")
        return [raw_values(h) if g is None else g for g, h in zip(found, more, strict=True)]

    def pull_again(self, gradients: Sequence[Payload], needs: Sequence[bool]) -> Sequence[Payload]:
        """Gradients that are on the tape themselves."""
        second = SECOND.get(self.op.name)
        if second is None:
            fail("dlgradient:notTwiceDifferentiable", f"The gradient of {self.name} cannot be differentiated again.",
                 "Leave EnableHigherDerivatives out where first derivatives are enough, or write this step with functions "
                 "of NumPy, whose gradients can be.")
        outputs = [Traced(y, Origin(self, at)) if hasattr(y, "dtype") and y.dtype.kind == "f" else y
                   for at, y in enumerate(self.outputs)]
        assert self.inputs is not None
        return second(Use(self.inputs, outputs, gradients, needs, self.attrs))

    def discard(self) -> None:
        self.inputs, self.outputs = None, ()

    @property
    def discarded(self) -> bool:
        return self.inputs is None


def size_alone(x: Payload) -> np.ndarray:
    """A stand-in of the same size and type that occupies no memory."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape)


def composed(function: Callable[..., Any]) -> SecondForm:
    """The second form of an op, given as the same function in words that can be differentiated: it is computed anew."""
    def second(use: Use) -> Sequence[Payload]:
        return pulled(function, use.inputs, use.attrs, use.gradients, use.needs)
    return second


def pulled(function: Callable[..., Any], inputs: Sequence[Payload], attrs: Attributes, gradients: Sequence[Payload],
           needs: Sequence[bool]) -> list[Payload]:
    """Traced gradients of a function of traced arrays."""
    inputs = [itself(x) if need else x for x, need in zip(inputs, needs, strict=True)]
    outputs = as_tuple(function(*inputs, **attrs))
    total: list[Payload] = [None] * len(inputs)
    wanted = [x for x, need in zip(inputs, needs, strict=True) if need]
    for y, g in zip(outputs, gradients, strict=False):
        if g is None or not isinstance(y, Traced):
            continue
        found = iter(gradients_of(y, wanted, seed=g, again=True))
        for at, need in enumerate(needs):
            part = next(found) if need else None
            if part is not None:
                total[at] = part if total[at] is None else total[at] + part
    return total


def itself(x: Traced) -> Traced:
    """The same array at a place of its own on the tape, so that its gradient is apart from those of others that it is, or
    that are made of it.
    """
    return record("", x.value, (x,), (lambda g, _: g,))


def apply_op(name: str, *inputs: Payload, **attrs: Any) -> Any:
    """An op on arrays or traced ones; several outputs come as a tuple.

    >>> apply_op("relu", np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return applied(OPS[name], inputs, attrs)


def applied(op: Op, inputs: Sequence[Payload], attrs: Attributes) -> Any:
    """`apply_op` of an op itself."""
    inline = RUNS_TRACED.get(op.name)
    if inline is not None and TAPE.noting and any(map(origin_of, inputs)):
        computed = inline(inputs, attrs)
        if computed is not None:
            return computed
    values = tuple(map(raw_values, inputs))
    result = opaque(op.forward, *values, **attrs)
    if not TAPE.noting or not any(isinstance(x, Traced) for x in inputs):
        return result
    outputs = tuple(map(array_or_recorded, as_tuple(result)))
    if any(map(origin_of, inputs)) and op.differentiable:
        entry = OpEntry(op, inputs, outputs, attrs)
        traced = tuple(Traced(y, Origin(entry, at) if y.dtype.kind == "f" else None) for at, y in enumerate(outputs))
    else:
        traced = tuple(map(Traced, outputs))
    return traced if isinstance(result, tuple) else traced[0]
