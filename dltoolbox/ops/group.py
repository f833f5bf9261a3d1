"""A chain of ops as one op: what a fused kernel means.

The program joins neighbouring ops where a kernel for the whole chain exists. The joint op's own body runs the bodies of
its links one after the other, so every fused kernel has an oracle without anybody writing one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.ops.base import IN, OPS, Call, Gradients, Op, as_tuple


class Link(NamedTuple):
    """One op of a chain. ``inputs`` are numbers in the chain's list of arrays: first what enters it, then every output of
    every link in turn.
    """

    op: str
    attrs: Mapping[str, Any]
    inputs: tuple[int, ...]


class Group(Op):
    """A chain named ``a+b+c``; ``leaving`` are the numbers of the arrays that it returns."""

    reads = IN

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    def forward(self, *inputs: np.ndarray, links: Sequence[Link], leaving: Sequence[int]) -> tuple[np.ndarray, ...]:
        arrays, _ = self._run(inputs, links)
        return tuple(arrays[i] for i in leaving)

    def backward(self, call: Call, *grads: np.ndarray | None, links: Sequence[Link],
                 leaving: Sequence[int]) -> Gradients:
        arrays, spans = self._run(call.inputs, links)
        found: dict[int, np.ndarray] = {i: g for i, g in zip(leaving, grads, strict=True) if g is not None}
        needed = {i for i, need in enumerate(call.needs) if need}
        for link, outputs in zip(links, spans, strict=True):
            if needed.intersection(link.inputs):
                needed.update(outputs)
        for link, outputs in zip(reversed(links), reversed(spans), strict=True):
            incoming = [found.pop(i, None) for i in outputs]
            if incoming[0] is None:
                continue
            inner = Call(tuple(arrays[i] for i in link.inputs), tuple(arrays[i] for i in outputs),
                         tuple(i in needed for i in link.inputs))
            for i, gradient in zip(link.inputs, OPS[link.op].backward(inner, *incoming, **link.attrs), strict=True):
                if gradient is not None and i in needed:
                    found[i] = found[i] + gradient if i in found else gradient
        return tuple(found.get(i) for i in range(len(call.inputs)))

    @staticmethod
    def _run(inputs: Sequence[np.ndarray], links: Sequence[Link]) -> tuple[list[np.ndarray], list[range]]:
        """All arrays, and the numbers of each link's outputs among them."""
        arrays, spans = list(inputs), []
        for link in links:
            outputs = as_tuple(OPS[link.op].forward(*(arrays[i] for i in link.inputs), **link.attrs))
            spans.append(range(len(arrays), len(arrays) + len(outputs)))
            arrays.extend(outputs)
        return arrays, spans


@cache
def group(name: str) -> Group:
    """The op of a chain."""
    return Group(name)
