"""Sample uses of chains of ops, for kernels that run a chain as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.ops.fused import Link
from tests.ops.sample import Case, Inputs, normal
from tests.ops.samples import WINDOWS

Make = Callable[[np.random.Generator, int], Inputs]
NORM = {"epsilon": 1e-5}


def chain(label: str, make: Make, *links: Link, leaving: tuple[int, ...], differentiable: tuple[int, ...] = (0, 1, 2),
          batched: tuple[int, ...] = (0,)) -> Case:
    """One use; the first of ``leaving`` is the output that gets a gradient."""
    return Case("+".join(link.op for link in links), label, make, {"links": links, "leaving": leaving},
                differentiable=differentiable, batched=batched, joins=False)


def parameters(rng: np.random.Generator, channels: int, negative: bool) -> Inputs:
    """Scale and offset; a negative scale turns maxima into minima."""
    scale = rng.uniform(0.5, 2, (1, 1, channels))
    return scale * np.where(np.arange(channels) % 2, -1.0, 1.0) if negative else scale, normal(rng, 1, 1, channels)


def _normalised() -> Iterator[Case]:
    for label, shape, mean, negative in (("", (5, 3, 4), 0.0, False), ("negative", (4, 6, 4), 0.0, True),
                                         ("far", (4, 4, 4), 300.0, False), ("volume", (2, 3, 2, 4), 0.0, False)):
        def alone(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape, m: float = mean,
                  turned: bool = negative) -> Inputs:
            return normal(rng, *s, n) + m, *parameters(rng, 4, turned)

        def joined(rng: np.random.Generator, n: int, make: Make = alone) -> Inputs:
            x, scale, offset = make(rng, n)
            return x, scale, offset, normal(rng, *x.shape)

        norm = Link("batch_norm", NORM, (0, 1, 2))
        yield chain(label, alone, norm, Link("relu", {}, (3,)), leaving=(6, 4, 5))
        yield chain(label, joined, Link("batch_norm", NORM, (0, 1, 2)), Link("add", {}, (4, 3)), Link("relu", {}, (7,)),
                    leaving=(8, 5, 6), differentiable=(0, 1, 2, 3), batched=(0, 3))
        if len(shape) == 3:
            for name in ("2x2", "2x2-odd", "2x2-odd-padded", "3x3-same", "3x3-stride2", "gaps"):
                pool = {"window": WINDOWS[name][1]}
                relu = Link("relu", {}, (3,))
                yield chain(f"{label}-{name}", alone, norm, relu, Link("max_pool", pool, (6,)), leaving=(7, 4, 5))
                yield chain(f"{label}-{name}", alone, norm, relu, Link("max_pool_taps", pool, (6,)), leaving=(7, 8, 4, 5))

        def stored(rng: np.random.Generator, n: int, make: Make = alone) -> Inputs:
            x, scale, offset = make(rng, n)
            return x, scale, offset, normal(rng, *scale.shape), rng.uniform(0.5, 2, scale.shape)

        yield chain(label, stored, Link("batch_norm_inference", NORM, (0, 1, 2, 3, 4)), Link("relu", {}, (5,)), leaving=(6,),
                    differentiable=())


def _convolved() -> Iterator[Case]:
    for label, (spatial, window) in WINDOWS.items():
        def plain(rng: np.random.Generator, n: int, s: tuple[int, ...] = spatial, w: Window = window) -> Inputs:
            return normal(rng, *s, 3, n), normal(rng, *w.size, 3, 4), normal(rng, *(1,) * len(s), 4)

        def stored(rng: np.random.Generator, n: int, make: Make = plain) -> Inputs:
            one = (*(1,) * (len(make(rng, n)[0].shape) - 2), 4)
            return (*make(rng, n), rng.uniform(0.5, 2, one), normal(rng, *one), normal(rng, *one),
                    rng.uniform(0.5, 2, one))

        conv, norm = Link("conv", {"window": window}, (0, 1, 2)), Link("batch_norm_inference", NORM, (7, 3, 4, 5, 6))
        yield chain(label, plain, conv, Link("relu", {}, (3,)), leaving=(4,))
        yield chain(label, stored, conv, norm, leaving=(8,), differentiable=())
        yield chain(label, stored, conv, norm, Link("relu", {}, (8,)), leaving=(9,), differentiable=())


CHAINS: tuple[Case, ...] = (*_normalised(), *_convolved())
