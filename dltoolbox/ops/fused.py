"""A chain of ops as one op: what a fused kernel means.

The program joins neighbouring ops where a kernel for the whole chain exists. The joint op's own body runs the bodies of
its links one after the other, so every fused kernel has an oracle without anybody writing one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import IN, OPS, A, Arrays, Attributes, Call, Gradients, Op, as_tuple


class Link(NamedTuple):
    """One op of a chain. ``inputs`` are numbers in the chain's list of arrays: first what enters it, then every output of
    every link in turn.
    """

    op: str
    attrs: Attributes
    inputs: tuple[int, ...]


class Group(Op):
    """A chain named ``a+b+c``; ``leaving`` are the numbers of the arrays that it returns."""

    saved_for_backward = IN

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    @property
    def divisible(self) -> bool:  # type: ignore[override]
        return all(OPS[part].divisible for part in self.name.split("+"))

    def infer(self, *inputs: Dims, links: Sequence[Link], leaving: Sequence[int]) -> tuple[Dims, ...]:
        arrays, _ = self._sizes(inputs, links)
        return tuple(arrays[i] for i in leaving)

    def work(self, inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Attributes) -> int:
        arrays, spans = self._sizes(inputs, attrs["links"])
        return sum(OPS[link.op].work([arrays[i] for i in link.inputs], [arrays[i] for i in span], link.attrs)
                   for link, span in zip(attrs["links"], spans, strict=True))

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """The arrays that each link takes."""
        sizes, _ = self._sizes(inputs, attrs["links"])
        kinds = [*dtypes, *[dtypes[0]] * (len(sizes) - len(inputs))]
        arrays: dict[int, np.ndarray] = {}
        for link in attrs["links"]:
            arrays.update(zip(link.inputs, OPS[link.op].example(
                rng, [sizes[i] for i in link.inputs], [kinds[i] for i in link.inputs], link.attrs), strict=True))
        return tuple(arrays[i] for i in range(len(inputs)))

    def forward(self, *inputs: np.ndarray, links: Sequence[Link], leaving: Sequence[int]) -> tuple[np.ndarray, ...]:
        arrays, _ = self._run(inputs, links)
        return tuple(arrays[i] for i in leaving)

    def backward(self, call: Call, *grads: np.ndarray | None, links: Sequence[Link],
                 leaving: Sequence[int]) -> Gradients:
        arrays, spans = self._run(call.inputs, links)
        gradients: dict[int, np.ndarray] = {i: g for i, g in zip(leaving, grads, strict=True) if g is not None}
        needed = {i for i, need in enumerate(call.needs_input_grad) if need}
        for link, outputs in zip(links, spans, strict=True):
            if needed.intersection(link.inputs):
                needed.update(outputs)
        for link, outputs in zip(reversed(links), reversed(spans), strict=True):
            incoming = [gradients.pop(i, None) for i in outputs]
            if incoming[0] is None:
                continue
            inner = Call(tuple(arrays[i] for i in link.inputs), tuple(arrays[i] for i in outputs),
                         tuple(i in needed for i in link.inputs))
            for i, gradient in zip(link.inputs, OPS[link.op].backward(inner, *incoming, **link.attrs), strict=True):
                if gradient is not None and i in needed:
                    gradients[i] = gradients[i] + gradient if i in gradients else gradient
        return tuple(gradients.get(i) for i in range(len(call.inputs)))

    @staticmethod
    def _sizes(inputs: Sequence[Dims], links: Sequence[Link]) -> tuple[list[Dims], list[range]]:
        """Of all arrays, and the numbers of each link's outputs among them."""
        return _through(inputs, links, lambda op: op.infer)

    @staticmethod
    def _run(inputs: Sequence[np.ndarray], links: Sequence[Link]) -> tuple[list[np.ndarray], list[range]]:
        """All arrays, and the numbers of each link's outputs among them."""
        return _through(inputs, links, lambda op: op.forward)


def _through(inputs: Sequence[A], links: Sequence[Link], what: Callable[[Op], Callable[..., A | tuple[A, ...]]]) -> tuple[
        list[A], list[range]]:
    """Everything that a method of the links makes of what enters, and the numbers of each link's part."""
    reaches, spans = list(inputs), []
    for link in links:
        made = as_tuple(what(OPS[link.op])(*(reaches[i] for i in link.inputs), **link.attrs))
        spans.append(range(len(reaches), len(reaches) + len(made)))
        reaches.extend(made)
    return reaches, spans


@cache
def group(name: str) -> Group:
    """The op of a chain."""
    return Group(name)


def op_of(name: str) -> Op:
    """The op of that name, or the chain ``a+b+c``."""
    return group(name) if "+" in name else OPS[name]
