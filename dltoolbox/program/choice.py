"""Choosing among kernels by trying them on arrays of the right sizes, where there is a choice at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.kernels import Case, Closure, Kernel
from dltoolbox.kernels.trial import bind_alone
from dltoolbox.kernels.tuning import fastest
from dltoolbox.program.memory import LARGE_SHARED


def choose(found: Sequence[Kernel], case: Case, inputs: Sequence[np.dtype[Any]], outputs: Sequence[np.dtype[Any]]) -> Kernel:
    """The fastest of several kernels, forward and backward together; the first where measuring is switched off."""
    if len(found) == 1:
        return found[0]
    options = {label(one): trial(one, case, inputs, outputs) for one in found}
    name = fastest(question(case), options)
    return next(one for one in found if label(one) == name)


def label(kernel: Kernel) -> str:
    return f"{type(kernel).__name__}{f' ({kernel.accelerator})' if kernel.accelerator else ''}"


def question(case: Case) -> str:
    """Everything that the answer depends on."""
    inputs = " ".join(f"{dims}@{''.join(map(str, order))}" for dims, order in zip(case.inputs, case.orders, strict=True))
    return f"{case.op} {inputs} {dict(case.attrs)} {case.dtype} {case.needs} {case.ranks} {case.precision}"


def trial(kernel: Kernel, case: Case, inputs: Sequence[np.dtype[Any]],
          outputs: Sequence[np.dtype[Any]]) -> Callable[[], Closure]:
    """Binds the kernel to made-up arrays when asked to, and returns a closure that runs it both ways."""
    def make() -> Closure:
        rng = np.random.default_rng(0)
        arrays = [made_up(rng, dims, kind if kind != case.dtype else None, case, positive=i > 0 and "B" not in dims.labels)
                  for i, (dims, kind) in enumerate(zip(case.inputs, inputs, strict=True))]
        arriving = [made_up(rng, case.outputs[0], None, case), *[None] * (len(case.outputs) - 1)]
        bound = bind_alone(kernel, case, arrays, outputs, arriving if any(case.needs) else None)
        first = [closure for closure in (bound.bound.prepare, *bound.bound.divided) if closure is not None]
        for closure in first:
            closure()
        kept = case.needs or bound.memory.largest_shared <= LARGE_SHARED
        calls = (*(() if kept else first), bound.bound.before, *bound.bound.forward, *bound.bound.backward)

        def run() -> None:
            for call in calls:
                if call is not None:
                    call()
        return run
    return make


def made_up(rng: np.random.Generator, dims: Dims, kind: np.dtype[Any] | None, case: Case, *,
            positive: bool = False) -> np.ndarray:
    """Normal numbers (scales and variances: ``positive``), the same at every first position, so that nothing large is made
    before the kernel's own copy; zeros where indices or tap numbers are expected.
    """
    shape = [int(n or 0) for n in dims.sizes]
    if kind is not None:
        return np.broadcast_to(np.zeros((), kind), shape)
    part = rng.standard_normal([1, *shape[1:]] if len(shape) > 2 else shape, np.float32).astype(case.dtype)
    return np.broadcast_to(np.abs(part) if positive else part, shape)
