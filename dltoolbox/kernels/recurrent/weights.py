"""Weights as the loops over time read them: by gate, transposed, and cut so that products with few rows are small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure, in_turn
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT
from dltoolbox.runtime.blas import libraries

SMALL_PRODUCT_CORES = ("SkylakeX", "Cooperlake", "Sapphirerapids")
PACKED_CHUNKS = (16, 32)  # columns that are multiplied at a time: a multiple of the one, and at least the other


class Gate(NamedTuple):
    """The number of a gate in the layer's weights, and by what its columns are scaled: the logistic function is a hyperbolic
    tangent of half its argument."""

    number: int
    scale: float


def side_by_side(gates: Sequence[Gate]) -> list[tuple[int, int, int]]:
    """Where gates stand one after the other in the layer's weights as well: (place, number of the first, how many)."""
    runs: list[tuple[int, int, int]] = []
    for at, gate in enumerate(gates):
        if runs and gate.number == runs[-1][1] + runs[-1][2]:
            runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
        else:
            runs.append((at, gate.number, 1))
    return runs


def chunk_of(columns: int, rows: int, depth: int) -> int:
    """How many columns to multiply at a time by so many rows: all, unless BLAS is faster with small products."""
    return divisor(columns, SMALL_PRODUCT // max(rows * depth, 1), *PACKED_CHUNKS) if small_products() else columns


@cache
def small_products() -> bool:
    """Whether BLAS multiplies small matrices without packing them first."""
    return any(library.core in SMALL_PRODUCT_CORES for library in libraries())


def by_chunk(product: np.ndarray, chunk: int) -> np.ndarray:
    """(rows, columns) → (chunks, rows, chunk), a view."""
    rows, columns = product.shape
    return product.reshape(rows, columns // chunk, chunk).transpose(1, 0, 2)


class PackedWeights:
    """The weights of a cell: filled once where they are parameters, in every run where other steps compute them.

    Attributes:
        of_input: (C + 1, gates·H), the last row the bias.
        of_hidden: (chunks, H, chunk), with a last row where there is a recurrent bias.
        back: The same for the product that goes back to the hidden state (chunks, gates·H, chunk); in training only.
        to_input: For the product that goes back to x (gates·H, C); if that has a gradient.
        fill: A closure that fills them.
        prepared: Whether it is to run before the others, instead of with them.
    """

    def __init__(self, site: BindContext, parameters: Sequence[np.ndarray], batch: int, of_input: Sequence[Gate],
                 of_hidden: Sequence[Gate], computed: bool) -> None:
        weights, recurrent, bias = parameters
        self.prepared = not computed
        take = site.shared if self.prepared else site.keep
        channels, width, each = weights.shape[1], recurrent.shape[1], len(weights)
        again = bias.reshape(-1)[each:]  # the recurrent bias
        depth, columns = width + bool(again.size), len(of_hidden) * width
        chunk, chunk_back = chunk_of(width, batch, depth), chunk_of(width, batch, columns)
        self.of_input = take((channels + 1, len(of_input) * width), site.dtype)
        self.of_hidden = take((columns // chunk, depth, chunk), site.dtype)
        jobs: list[Closure] = []
        to_input = site.training and site.case.needs_input_grad[0]
        if to_input:
            self.to_input = take((len(of_input) * width, channels), site.dtype)
        def part(number: int) -> slice:
            return slice(number * width, (number + 1) * width)
        for at, gate in enumerate(of_input):
            rows = part(gate.number)
            jobs += [scaled(weights[rows].T, gate.scale, self.of_input[:-1, part(at)]),
                     scaled(bias.reshape(-1)[rows], gate.scale, self.of_input[-1, part(at)])]
            if to_input:
                jobs.append(partial(np.copyto, self.to_input[part(at)], weights[rows]))
        for at, gate in enumerate(of_hidden):
            rows, number = part(gate.number), width // chunk
            packed = self.of_hidden[at * number:(at + 1) * number]
            jobs.append(scaled(recurrent[rows].reshape(-1, chunk, width).swapaxes(1, 2), gate.scale, packed[:, :width]))
            if again.size:
                jobs.append(scaled(again[rows].reshape(-1, chunk), gate.scale, packed[:, width]))
        if site.training:
            self.back = take((width // chunk_back, columns, chunk_back), site.dtype)
            for at, gate in enumerate(of_hidden):
                jobs.append(partial(np.copyto, self.back[:, part(at)], by_chunk(recurrent[part(gate.number)], chunk_back)))
        self.fill = in_turn(jobs)


def scaled(source: np.ndarray, scale: float, target: np.ndarray) -> Closure:
    job: Callable[..., object] = partial(np.copyto, target, source)
    return job if scale == 1 else partial(np.multiply, source, target.dtype.type(scale), out=target)
