"""Stochastic pooling: the op's own body, with numbers that every shard draws from where its own begin."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core.random import stream
from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, kernel
from dltoolbox.ops.arithmetic import drawn_per_observation
from dltoolbox.ops.pool import scatter_add
from dltoolbox.ops.windows.stochastic import drawn_elements, numbers_of


@kernel("stochastic_pool")
class StochasticPool(Kernel):
    """`stochastic_pool`."""

    @property
    def by_observation(self) -> bool:
        return True

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y, at), window = site.inputs, site.outputs, site.attrs["window"]
        own, begin = np.random.PCG64(), list[Any]()
        count = drawn_per_observation(y.shape)
        uniform, generator = site.scratch((y.shape[-1], count), np.float32), np.random.Generator(own)

        def pre_run() -> None:
            shared = stream("dropout").bit_generator
            begin[:] = [shared.state]
            shared.advance(uniform.size // 2)  # type: ignore[attr-defined]  # 64 bits make two numbers

        def forward() -> None:
            own.state = begin[0]
            generator.random(out=uniform, dtype=np.float32)
            with np.errstate(all="ignore"):
                found, places = drawn_elements(x, window, numbers_of(uniform, y.shape))
            np.copyto(y, found)
            np.copyto(at, places, casting="unsafe")

        (dx,), grad = site.grad_inputs, site.grad_outputs[0]
        if dx is None or grad is None:
            return BoundKernel((forward,), pre_run=pre_run)
        target, arriving = dx, grad
        return BoundKernel((forward,), (lambda: np.copyto(target, scatter_add(arriving, at, x.shape[:window.rank])),),
                           pre_run=pre_run)
