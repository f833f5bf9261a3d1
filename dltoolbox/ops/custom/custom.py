"""An outside function as an op: whatever it computes, the machinery sees its sizes, its arrays and its gradient.

It sees the whole mini-batch and all time steps at once, since nothing is known of what it does with them. Padded steps of
sequences of several lengths hold zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import BOTH, IN, Arrays, Call, Gradients, Op, op
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way


class Results(NamedTuple):
    """The outputs of an outside function, and what it wants to find again when its gradient is asked for."""

    outputs: Arrays
    memory: object = None


class OutsideFunction(Protocol):
    """All that is known of an outside function. Arrays have the axes of ops: S… C T B.

    ``taped`` says whether its gradient comes from the tape.
    """

    @property
    def taped(self) -> bool: ...

    def sizes(self, *inputs: Dims) -> tuple[Dims, ...]:
        """Sizes of the outputs; raises where it does not accept the inputs."""

    def forward(self, *inputs: np.ndarray, needs: Sequence[bool] = ()) -> Results:
        """The outputs, for inputs that it must not change; ``needs`` says for which of them a gradient will be asked."""

    def backward(self, call: Call, grads: Sequence[np.ndarray | None], memory: object) -> Gradients:
        """Gradients of the inputs, in the sense of `Op.backward`; ``memory`` is what forward left."""


class OutsideLossFunction(Protocol):
    """All that is known of a loss from outside."""

    @property
    def taped(self) -> bool: ...

    def forward(self, y: np.ndarray, t: np.ndarray, *, needs: bool = False) -> Results:
        """The loss of a mini-batch, a number; ``needs`` says whether its gradient will be asked for."""

    def backward(self, y: np.ndarray, t: np.ndarray, memory: object) -> np.ndarray:
        """Its gradient with respect to the predictions; ``memory`` is what forward left."""


@op
class custom(Op):
    """The outputs of an outside function."""

    saved_for_backward = BOTH
    by_observation = False
    way = Way.SEE
    across = Across(ways=(Way.SEE,), ends=0, all_inputs=True)

    def infer(self, *inputs: Dims, function: OutsideFunction) -> tuple[Dims, ...]:
        return function.sizes(*inputs)

    def forward(self, *inputs: np.ndarray, function: OutsideFunction) -> Arrays:
        return function.forward(*inputs).outputs

    def backward(self, call: Call, *grads: np.ndarray | None, function: OutsideFunction) -> Gradients:
        """The kernel keeps the memory of the forward call; here, where nothing is kept, the function is called again."""
        return function.backward(call, grads, function.forward(*call.inputs, needs=call.needs_input_grad).memory)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> None:
        """An element of the output may see all of the input."""

    def together(self, *inputs: Dims, function: OutsideFunction) -> None:
        """It does not normalise, as far as anybody knows."""


@op
class custom_loss(Op):
    """The loss of an outside function. Padded steps of predictions and targets hold zeros."""

    saved_for_backward = IN
    by_observation = False
    way = Way.SEE
    across = Across(ways=(Way.SEE,), ends=0, takes="lengths")

    def infer(self, y: Dims, t: Dims, *lengths: Dims, function: OutsideLossFunction) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray, *lengths: np.ndarray, function: OutsideLossFunction) -> np.ndarray:
        return np.asarray(function.forward(y, filled_targets(t, *lengths)).outputs[0], y.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, function: OutsideLossFunction) -> Gradients:
        y, t, *lengths = call.inputs
        filled = filled_targets(t, *lengths)
        memory = function.forward(y, filled, needs=True).memory
        return np.asarray(function.backward(y, filled, memory), y.dtype) * grad, None, *[None] * len(lengths)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> None:
        """The loss sees all predictions."""


def filled_targets(t: np.ndarray, *lengths: np.ndarray) -> np.ndarray:
    """Targets with zeros behind the ends of sequences."""
    return np.where(real_steps(lengths[0], t.shape[-2]), t, np.zeros((), t.dtype)) if lengths else t
