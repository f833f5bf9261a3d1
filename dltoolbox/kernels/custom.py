"""Outside functions, called in place: what they want to remember from forward to backward stays in the closures."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, kernel
from dltoolbox.ops.base import Call
from dltoolbox.ops.custom.custom import filled_targets


class CallOutside(Kernel):
    """A function whose gradient is its own."""

    taped = False

    def accepts(self, case: KernelSpec) -> bool:
        return bool(case.attrs["function"].taped and any(case.needs_input_grad)) is self.taped


@kernel("custom")
class CallFunction(CallOutside):
    """`custom`."""

    def bind(self, site: BindContext) -> BoundKernel:
        function = site.attrs["function"]
        needs = site.case.needs_input_grad if site.training else ()
        kept: list[object] = []

        def forward() -> None:
            kept.clear()
            results = function.forward(*site.inputs, needs=needs)
            for target, result in zip(site.outputs, results.outputs, strict=True):
                np.copyto(target, result, casting="same_kind")
            if site.training:
                kept.append(results.memory)

        def backward() -> None:
            call = Call(site.inputs, site.outputs, site.case.needs_input_grad)
            gradients = function.backward(call, site.grad_outputs, kept.pop())
            for target, result in zip(site.grad_inputs, gradients, strict=True):
                if target is not None:
                    target[...] = result
        return BoundKernel((forward,), (backward,) if site.training else ())


@kernel("custom_loss")
class CallLoss(CallOutside):
    """`custom_loss`."""

    def bind(self, site: BindContext) -> BoundKernel:
        function = site.attrs["function"]
        y, t, *lengths = site.inputs
        kept: list[object] = []

        def forward() -> None:
            kept.clear()
            results = function.forward(y, filled_targets(t, *lengths), needs=site.training)
            site.outputs[0][...] = results.outputs[0]
            if site.training:
                kept.append(results.memory)

        def backward() -> None:
            target, (grad,) = site.grad_inputs[0], site.grad_outputs
            gradient = function.backward(y, filled_targets(t, *lengths), kept.pop())
            if target is not None and grad is not None:
                target[...] = gradient * grad
        return BoundKernel((forward,), (backward,) if site.training else ())


@kernel("custom")
class TapedFunction(CallFunction):
    """`custom`, of a function whose gradient is that of its trace."""

    taped, note = True, "gradient from the tape"


@kernel("custom_loss")
class TapedLoss(CallLoss):
    """`custom_loss`, likewise."""

    taped, note = True, "gradient from the tape"
