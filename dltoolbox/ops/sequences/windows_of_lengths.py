"""Windows and global pooling over the time of sequences of several lengths, where zeros behind the ends are not enough.

Each is found as its namesake without ``_of_lengths`` finds it for every sequence alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Pair, Window
from dltoolbox.ops.base import IN, OUT, Arrays, Attributes, Call, Gradients, Kind, Op, normal, op, sum_over
from dltoolbox.ops.conv import pad_edges
from dltoolbox.ops.pool import ONE_STEP, avg_pool, divisors, max_unpool, scatter_add, window_winner, windowed_dims
from dltoolbox.ops.sequences.ragged import LengthRule
from dltoolbox.ops.time_axis import Way
from dltoolbox.ops.windows.spans import origins


class OfSequences(Op):
    """An op of maps whose last axis is time, (S…, T, C, B), and of lengths (B), its last input."""

    way = Way.SPACE
    saved_for_backward = IN

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Sequences without padding."""
        *others, lengths = inputs
        return *self.others(rng, others, dtypes, attrs), np.full(lengths.shape, inputs[0].spatial[-1], dtypes[-1])

    def others(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
               attrs: Attributes) -> Arrays:
        """An example of all but the lengths."""
        return tuple(normal(rng, dims, dtype) for dims, dtype in zip(inputs, dtypes, strict=False))


def real_in_maps(lengths: np.ndarray, steps: int) -> np.ndarray:
    """T×1×B: which steps are real, as maps have their axes."""
    return real_steps(lengths, steps)[:, np.newaxis]


class MaximumOfLengths(OfSequences):
    """A window maximum of sequences some of whose windows may see no real step."""

    @staticmethod
    def winner(x: np.ndarray, lengths: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Maxima and their positions; 0 and none behind the ends."""
        steps = x.shape[-3]
        best, at = window_winner(np.where(real_in_maps(lengths, steps), x, np.asarray(-np.inf, x.dtype)), window)
        real = real_in_maps(LengthRule.of_window(window)(lengths), best.shape[-3])
        return np.where(real, best, np.zeros((), x.dtype)), np.where(real & (at % steps < lengths), at, -1)


@op
class max_pool_of_lengths(MaximumOfLengths):
    """`max_pool` of sequences."""

    def infer(self, x: Dims, lengths: Dims, *, window: Window) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, lengths: np.ndarray, *, window: Window) -> np.ndarray:
        return self.winner(x, lengths, window)[0]

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, lengths = call.inputs
        return scatter_add(grad, self.winner(x, lengths, window)[1], x.shape[:window.rank]), None


@op
class max_pool_indices_of_lengths(MaximumOfLengths):
    """`max_pool_indices` of sequences."""

    kinds = (Kind.DATA, Kind.INDICES)
    saved_for_backward = OUT

    def infer(self, x: Dims, lengths: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, lengths: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        return self.winner(x, lengths, window)

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        return scatter_add(grad, call.outputs[1], call.inputs[0].shape[:window.rank]), None


@op
class avg_pool_of_lengths(OfSequences):
    """`avg_pool` of sequences with zeros behind their ends."""

    def infer(self, x: Dims, lengths: Dims, *, window: Window, **attrs: object) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, lengths: np.ndarray, *, window: Window,
                counted: tuple[tuple[int, int], ...] | None = None, divisor: float | None = None) -> np.ndarray:
        means: np.ndarray = avg_pool().forward(x, window=window, divisor=1.0) / self.divisors(x, lengths, window, counted,
                                                                                              divisor)
        return means

    def backward(self, call: Call, grad: np.ndarray, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None,
                 divisor: float | None = None) -> Gradients:
        x, lengths = call.inputs
        share = grad / self.divisors(x, lengths, window, counted, divisor)
        return *avg_pool().backward(Call((x,), None, (True,)), share, window=window, divisor=1.0), None

    @staticmethod
    def divisors(x: np.ndarray, lengths: np.ndarray, window: Window, counted: tuple[Pair, ...] | None,
                 divisor: float | None) -> np.ndarray:
        """As `dltoolbox.ops.pool.divisors`; every sequence has its own end, and counted padding behind that."""
        if divisor is not None or counted is None:
            return divisors(window, x.shape, counted, divisor).astype(x.dtype)
        others = Window(window.size[:-1], window.stride[:-1], window.padding[:-1], window.dilation[:-1])
        each = divisors(others, x.shape[:window.rank - 1], counted[:-1], None)
        each = each.reshape(*each.shape, *(1,) * 3)
        looks = looks_over_time(window, lengths, window.output(x.shape[:window.rank])[-1], counted[-1])
        counts: np.ndarray = (each * np.maximum(looks, 1)[:, np.newaxis]).astype(x.dtype)
        return counts


def looks_over_time(window: Window, lengths: np.ndarray, out: int, counted: Pair) -> np.ndarray:
    """How many steps of each sequence and of the counted padding around it every window sees: out×B."""
    first, apart = origins(window, -1, out)[:, np.newaxis] + counted[0], window.dilation[-1]
    before = np.maximum(-(first // apart), 0)
    end = np.minimum((lengths + sum(counted) - 1 - first) // apart + 1, window.size[-1])
    looks: np.ndarray = np.maximum(end - before, 0)
    return looks


@op
class max_unpool_of_lengths(OfSequences):
    """`max_unpool` of sequences: what comes from windows behind the ends goes nowhere."""

    lengths_from = 2

    def others(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
               attrs: Attributes) -> Arrays:
        return max_unpool().example(rng, inputs, dtypes[:-1], attrs)

    def infer(self, x: Dims, indices: Dims, size: Dims, lengths: Dims, *, to: Dims) -> Dims:
        return max_unpool().infer(x, indices, size, to=to)

    def forward(self, x: np.ndarray, indices: np.ndarray, size: np.ndarray, lengths: np.ndarray, *, to: Dims) -> np.ndarray:
        kept = np.where(real_in_maps(lengths, x.shape[-3]), indices, np.asarray(-1, indices.dtype))
        y: np.ndarray = max_unpool().forward(x, kept, size, to=to)
        return y

    def backward(self, call: Call, grad: np.ndarray, *, to: Dims) -> Gradients:
        x, indices, size, lengths = call.inputs
        keeps = real_in_maps(lengths, indices.shape[-3])
        dx, *_ = max_unpool().backward(Call((x, indices, size), None, (True, False, False)), grad, to=to)
        assert dx is not None
        return np.where(keeps, dx, np.zeros((), grad.dtype)), None, None, None


@op
class global_avg_pool_of_lengths(OfSequences):
    """`global_avg_pool` of sequences with zeros behind their ends."""

    def length_rule(self) -> LengthRule:
        return ONE_STEP

    def infer(self, x: Dims, lengths: Dims) -> Dims:
        return x.with_spatial((1,) * x.rank)

    def forward(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        means: np.ndarray = sum_over(x, tuple(range(x.ndim - 2)), keepdims=True) / self.elements(x, lengths)
        return means

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        x, lengths = call.inputs
        return np.broadcast_to(grad / self.elements(x, lengths), x.shape), None

    @staticmethod
    def elements(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        count: np.ndarray = (prod(x.shape[:-3]) * lengths).astype(x.dtype)
        return count


@op
class pad_edges_of_lengths(OfSequences):
    """`pad_edges` of sequences, each at its own end."""

    def length_rule(self, **attrs: Any) -> LengthRule:
        return pad_edges().length_rule(**attrs)

    def least_steps(self, *, padding: tuple[tuple[int, int], ...], mode: str, **attrs: object) -> int:
        return 1 + max(padding[-1]) if mode == "symmetric-exclude-edge" else 1

    def for_shorter(self, steps: int, attrs: Attributes) -> str:
        return "set PaddingValue='symmetric-include-edge'"

    def infer(self, x: Dims, lengths: Dims, **attrs: Any) -> Dims:
        return pad_edges().infer(x, **attrs)

    def forward(self, x: np.ndarray, lengths: np.ndarray, *, padding: tuple[tuple[int, int], ...], mode: str,
                value: float = 0.0) -> np.ndarray:
        x = pad_edges().forward(x, padding=(*padding[:-1], (0, 0)), mode=mode, value=value)
        source = self.sources(lengths, x.shape[-3] + sum(padding[-1]), padding[-1], mode)
        at = source.reshape(*(1,) * (x.ndim - 3), len(source), 1, -1)
        return np.where(at < 0, np.asarray(value, x.dtype), np.take_along_axis(x, np.maximum(at, 0), axis=-3))

    def backward(self, call: Call, grad: np.ndarray, *, padding: tuple[tuple[int, int], ...], mode: str,
                 value: float = 0.0) -> Gradients:
        x, lengths = call.inputs
        source = self.sources(lengths, grad.shape[-3], padding[-1], mode)
        total = np.zeros((*grad.shape[:-3], x.shape[-3], *grad.shape[-2:]), grad.dtype)
        by_step, arriving = np.moveaxis(total, (-3, -1), (0, 1)), np.moveaxis(grad, (-3, -1), (0, 1))
        for steps, gradient in zip(source, arriving, strict=True):
            some = np.flatnonzero(steps >= 0)
            by_step[steps[some], some] += gradient[some]
        others = Call((x,), None, (True,))
        return *pad_edges().backward(others, total, padding=(*padding[:-1], (0, 0)), mode=mode, value=value), None

    @staticmethod
    def sources(lengths: np.ndarray, steps: int, pair: tuple[int, int], mode: str) -> np.ndarray:
        """T×B: the step of the sequence that each step of the padded one repeats; −1 where it repeats none."""
        source = np.full((steps, lengths.size), -1)
        for n in np.unique(lengths):
            own = (np.pad(np.arange(n), pair, constant_values=-1) if mode == "constant" else
                   np.pad(np.arange(n), pair, mode=pad_edges.MODES[mode]))  # type: ignore[call-overload]
            source[:len(own), lengths == n] = own[:, np.newaxis]
        return source
