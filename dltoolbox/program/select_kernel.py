"""Choosing among kernels by trying them on arrays of the right sizes, where there is a choice at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from dltoolbox.kernels import Closure, Kernel, KernelSpec
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops import as_tuple
from dltoolbox.ops.base import normal
from dltoolbox.ops.fused import op_of
from dltoolbox.runtime.autotune import Stage, fastest

Kinds = Sequence[np.dtype]


def choose(found: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Kernel:
    """The fastest of several kernels, forward and backward together; the first where nothing is measured."""
    if len(found) == 1 or any(0 in dims.sizes for dims in case.inputs):
        return found[0]
    whole = stage(found, case, inputs, outputs)
    name = fastest(question(case), whole.options, whole.work, smaller(found, case, inputs, outputs))
    return next(one for one in found if label(one) == name)


def label(kernel: Kernel) -> str:
    return f"{type(kernel).__name__}{f' ({kernel.accelerator})' if kernel.accelerator else ''}"


def question(case: KernelSpec) -> str:
    """Everything that the answer depends on."""
    inputs = " ".join(f"{dims}@{''.join(map(str, order))}" for dims, order in zip(case.inputs, case.orders, strict=True))
    return f"{case.op} {inputs} {dict(case.attrs)} {case.dtype} {case.needs} {case.ranks} {case.precision}"


def stage(found: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Stage:
    work = op_of(case.op).work(case.inputs, case.outputs, case.attrs)
    return Stage(work, {label(one): trial(one, case, inputs, outputs) for one in found})


def smaller(found: Sequence[Kernel], case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Iterator[Stage]:
    """The same with half as much to do, and again and again, as long as all kernels accept it."""
    op = op_of(case.op)
    while True:
        for sizes, attrs in op.halved(case.inputs, case.attrs):
            half = replace(case, inputs=sizes, outputs=as_tuple(op.infer(*sizes, **attrs)), attrs=attrs)
            if all(min(dims.shape, default=1) > 0 for dims in half.outputs) and all(one.accepts(half) for one in found):
                break
        else:
            return
        case = half
        yield stage(found, case, inputs, outputs)


def trial(kernel: Kernel, case: KernelSpec, inputs: Kinds, outputs: Kinds) -> Callable[[], Closure]:
    """Binds the kernel to an example when asked to, and returns a closure that runs it both ways."""
    def make() -> Closure:
        rng = np.random.default_rng(0)
        arrays = op_of(case.op).example(rng, case.inputs, inputs, case.attrs)
        arriving = [normal(rng, case.outputs[0], case.dtype), *[None] * (len(case.outputs) - 1)]
        bound = bind_alone(kernel, case, arrays, outputs, arriving if any(case.needs) else None)
        for closure in (bound.bound.prepare, *bound.bound.divided):
            if closure is not None:
                closure()
        calls = (bound.bound.before, *bound.bound.forward, *bound.bound.backward)

        def run() -> None:
            for call in calls:
                if call is not None:
                    call()
        return run
    return make
