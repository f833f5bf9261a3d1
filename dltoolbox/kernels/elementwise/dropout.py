"""Dropout. One thread notes where every shard's random numbers begin; then the shards draw them at the same time."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.random import stream
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.kernels.elementwise.arithmetic import CHUNK_ELEMENTS, backward_pair, in_pieces
from dltoolbox.ops.arithmetic import drawn_per_observation


@kernel("dropout")
class Dropout(Kernel):
    """`dropout`. The generator can jump ahead, so drawing costs the one thread no more than remembering its state."""

    @property
    def by_observation(self) -> bool:
        return True

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y, mask) = site.inputs, site.outputs
        own = np.random.PCG64()
        begin: list[Any] = [None]
        numbers = drawn_per_observation(x.shape) * x.shape[-1]

        def pre_run() -> None:
            shared = stream("dropout").bit_generator
            begin[0] = shared.state
            shared.advance(numbers // 2)  # type: ignore[attr-defined]  # 64 bits make two numbers

        def restart() -> None:
            own.state = begin[0]

        def apply(x: np.ndarray, mask: np.ndarray, y: np.ndarray) -> None:
            np.multiply(x, mask, out=y)
        forward = in_turn([restart, *self.draws(site, mask, np.random.Generator(own)),
                           *in_pieces(site, apply, x, mask, y, threads=1)])
        if not site.training:
            return BoundKernel((forward,), pre_run=pre_run)
        grad, dx = backward_pair(site)
        return BoundKernel((forward,), in_pieces(site, apply, grad, mask, dx), pre_run=pre_run)

    @staticmethod
    def draws(site: BindContext, mask: np.ndarray, generator: np.random.Generator) -> list[Closure]:
        """Fill the mask, some observations at a time."""
        length, batch, probability = drawn_per_observation(mask.shape), mask.shape[-1], site.attrs["probability"]
        by_observation, features = np.moveaxis(mask, -1, 0), mask.shape[:-1]
        step = max(1, min(batch, CHUNK_ELEMENTS // max(length, 1)))
        uniform, kept = site.scratch((step, length), np.float32), site.scratch((step, length), np.bool_)
        factor = np.asarray(1 / (1 - probability), mask.dtype)

        def draw(numbers: np.ndarray, flags: np.ndarray, flags_of_features: np.ndarray, target: np.ndarray) -> None:
            generator.random(out=numbers, dtype=np.float32)
            np.greater_equal(numbers, probability, out=flags)
            np.multiply(flags_of_features, factor, out=target)
        jobs: list[Closure] = []
        for start in range(0, batch, step):
            target = by_observation[start:start + step]
            numbers, flags = uniform[:len(target)], kept[:len(target)]
            jobs.append(partial(draw, numbers, flags, flags[:, :prod(features)].reshape(target.shape), target))
        return jobs
