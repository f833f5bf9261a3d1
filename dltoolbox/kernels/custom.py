"""An outside function, called in place: what it wants to remember from forward to backward stays in the closures."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, kernel
from dltoolbox.ops.base import Call


@kernel("custom")
class CallOutside(Kernel):
    """`custom`."""

    def bind(self, site: BindContext) -> BoundKernel:
        function = site.attrs["function"]
        kept: list[object] = []

        def forward() -> None:
            kept.clear()
            results = function.forward(*site.inputs)
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
