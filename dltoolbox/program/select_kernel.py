"""Choosing among kernels by trying them on arrays of the right sizes, where there is a choice at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.kernels import Closure, Kernel, KernelSpec
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops import as_tuple
from dltoolbox.ops.base import normal
from dltoolbox.ops.fused import Link, op_of
from dltoolbox.ops.time_axis import Way
from dltoolbox.runtime.autotune import Stage, fastest

Kinds = Sequence[np.dtype]


def choose(kernels: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Kernel:
    """The fastest of several kernels, forward and backward together; the first where nothing is measured."""
    if len(kernels) == 1 or any(0 in dims.sizes for dims in case.inputs):
        return kernels[0]
    name = fastest(question(case), kernel_trials(kernels, case, inputs, outputs),
                   lambda: (work(case), smaller(kernels, case, inputs, outputs)))
    return next(kernel for kernel in kernels if label(kernel) == name)


def label(kernel: Kernel) -> str:
    return f"{type(kernel).__name__}{f' ({kernel.accelerator})' if kernel.accelerator else ''}"


def question(case: KernelSpec) -> str:
    """Everything that the answer depends on. Numbers of observations and steps are one of their class: what is fastest for
    100 is so for 99, and sequences of all lengths are not to be measured one by one.
    """
    inputs = " ".join(f"{size_class(dims, case.way)}@{''.join(map(str, order))}"
                      for dims, order in zip(case.inputs, case.orders, strict=True))
    return (f"{case.op} {inputs} {attribute_text(case.attrs, case.way)} {case.dtype} {case.needs_input_grad} {case.threads} "
            f"{case.precision}")


def attribute_text(value: object, way: Way) -> str:
    """An attribute with its sizes by their classes."""
    if isinstance(value, Dims):
        return size_class(value, way)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {attribute_text(item, way)}' for key, item in value.items())}}}"
    if type(value) in (tuple, Link):
        return f"({', '.join(attribute_text(item, way) for item in value)})"  # type: ignore[attr-defined]
    return str(value)


def size_class(dims: Dims, way: Way) -> str:
    """``28(S) × 28(S) × 1(C) × ≤128(B)``: B and T, also as a spatial dimension, up to the next power of two."""
    steps = dims.labels.rfind("S") if way is Way.SPACE and dims.labels.endswith("B") else -1
    return " × ".join(f"≤{1 << (n - 1).bit_length()}({label})" if n and (label in "TB" or at == steps) else f"{n}({label})"
                      for at, (label, n) in enumerate(zip(dims.labels, dims.sizes, strict=True)))


def work(case: KernelSpec) -> int:
    return op_of(case.op).work(case.inputs, case.outputs, case.attrs)


def kernel_trials(kernels: Sequence[Kernel], case: KernelSpec, inputs: Kinds,
                  outputs: Kinds) -> dict[str, Callable[[], Closure]]:
    return {label(kernel): trial(kernel, case, inputs, outputs) for kernel in kernels}


def stage(kernels: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Stage:
    return Stage(work(case), kernel_trials(kernels, case, inputs, outputs))


def smaller(kernels: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Iterator[Stage]:
    """The same with half as much to do, and again and again, as long as all kernels accept it."""
    op = op_of(case.op)
    while True:
        for sizes, attrs in op.halved(case.inputs, case.attrs):
            half = replace(case, inputs=sizes, outputs=as_tuple(op.infer(*sizes, **attrs)), attrs=attrs)
            some = all(min(dims.shape, default=1) > 0 for dims in half.outputs)
            if some and all(kernel.accepts(half) for kernel in kernels):
                break
        else:
            return
        case = half
        yield stage(kernels, case, inputs, outputs)


def trial(kernel: Kernel, case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Callable[[], Closure]:
    """Binds the kernel to an example when asked to, and returns a closure that runs it both ways."""
    def make() -> Closure:
        rng = np.random.default_rng(0)
        arrays = op_of(case.op).example(rng, case.inputs, inputs, case.attrs)
        arriving = [normal(rng, case.outputs[0], case.dtype), *[None] * (len(case.outputs) - 1)]
        bound = bind_alone(kernel, case, arrays, outputs, arriving if any(case.needs_input_grad) else None)
        for closure in (bound.bound.prepare, *bound.bound.prepare_parallel):
            if closure is not None:
                closure()
        calls = (bound.bound.pre_run, *bound.bound.forward, *bound.bound.backward)

        def run() -> None:
            for call in calls:
                if call is not None:
                    call()
        return run
    return make
