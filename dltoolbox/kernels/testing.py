"""A kernel on its own: bound to a site outside any program, to be tested or measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, Order, OwnMemory
from dltoolbox.kernels.memory_format import inverse


@dataclass
class Trial:
    """A kernel bound to arrays of its own; fill ``site.inputs`` and ``site.grad_outputs`` and run."""

    kernel: Kernel
    site: BindContext
    bound: BoundKernel
    memory: OwnMemory

    def forward(self) -> tuple[np.ndarray, ...]:
        """Prepare and run forward; returns the outputs."""
        for closure in (self.bound.prepare, *self.bound.prepare_parallel, self.bound.pre_run):
            if closure is not None:
                closure()
        for band in self.bound.forward:
            band()
        return self.site.outputs

    def backward(self) -> tuple[np.ndarray | None, ...]:
        """Run backward; returns the gradients of the inputs."""
        for band in self.bound.backward:
            band()
        return self.site.grad_inputs


def bind_alone(kernel: Kernel, case: KernelSpec, inputs: Sequence[np.ndarray], dtypes: Sequence[np.dtype] | None = None,
               grads: Sequence[np.ndarray | None] | None = None, all_reduce: Callable[[np.ndarray], None] | None = None,
               shards: int = 1, accumulate_into: frozenset[int] = frozenset()) -> Trial:
    """Bind a kernel to copies of ``inputs``, in the memory orders that the case names, and to new outputs.

    Args:
        kernel: It must accept the case.
        case: Sizes, orders, attributes and needs.
        inputs: One array per input, with the axes of the op.
        dtypes: Of the outputs; the case's own by default.
        grads: Gradients of the outputs, copied; zeros by default where the kernel is to be trained.
        all_reduce: How it adds arrays up with other shards, of which there are ``shards`` in all.
        accumulate_into: Inputs whose gradients it adds to what lies in ``site.grad_inputs``.
    """
    given = tuple(lay(x, order) for x, order in zip(inputs, case.orders, strict=True))
    shapes = [dims.shape for dims in case.outputs]
    kinds = list(dtypes) if dtypes is not None else [case.dtype] * len(shapes)
    orders = kernel.orders(case)
    outputs = tuple(lay(np.zeros(shape, kind), order) for shape, kind, order in zip(shapes, kinds, orders, strict=True))
    if not any(case.needs_input_grad):
        incoming: tuple[np.ndarray | None, ...] = (None,) * len(outputs)
    elif grads is None:
        incoming = tuple(np.zeros_like(y) if y.dtype == case.dtype else None for y in outputs)
    else:
        incoming = tuple(None if g is None else lay(g, order) for g, order in zip(grads, orders, strict=True))
    wanted = case.needs_input_grad or (False,) * len(given)
    grad_inputs = tuple(lay(np.zeros_like(x), order) if need else None
                        for x, order, need in zip(given, case.orders, wanted, strict=True))
    memory = OwnMemory()
    site = BindContext(case, given, outputs, incoming, grad_inputs, memory, all_reduce or (lambda array: None), shards,
                       accumulate_into)
    return Trial(kernel, site, kernel.bind(site), memory)


def lay(x: np.ndarray, order: Order) -> np.ndarray:
    """A copy that lies in memory in ``order``."""
    return np.array(x.transpose(order), order="C", copy=True).transpose(inverse(order))
