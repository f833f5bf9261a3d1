"""Attention in blocks whose scores fit the cache: memory grows with the number of steps, not with its square.

Queries, keys and values are copied head by head, channels × steps, so that products are those of small matrices that BLAS
takes as they lie, and sums over keys run along long rows. Forward keeps the logarithm of the softmax's denominator, one
number per query; backward finds the weights again from it, which takes no longer than reading them back would.

Source of the way back: Dao et al., "FlashAttention: fast and memory-efficient exact attention with IO-awareness" (2022),
appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.kernels.blocking import cut, shares
from dltoolbox.kernels.elementwise.arithmetic import threads_for
from dltoolbox.ops.base import BOTH
from dltoolbox.ops.sequences.attention import TIME_AXIS

SCORES = 1 << 16  # of a block, which stay in cache from one pass to the next
COPIED = 1 << 18  # elements of an array that are copied at a time
TOGETHER = 16  # observations that are copied together at least: they lie side by side, in one line of the cache
FEWEST_QUERIES = 16  # of a block: products of fewer columns are slow


class Block(NamedTuple):
    """Some matrices, of one observation and head each, some queries, and the keys that these may see."""

    matrices: slice
    queries: slice
    keys: slice
    whole: bool  # whether there are no other queries

    def of(self, x: np.ndarray, steps: str) -> np.ndarray:
        """The part of matrices × channels × steps."""
        return x[self.matrices, ..., getattr(self, steps)]


class Stage:
    """The attention of some observations and heads: copies of what enters, and the blocks of the work."""

    def __init__(self, site: BindContext, batch: slice, heads: slice) -> None:
        self.site, self.batch, self.heads = site, batch, heads
        self.axis, self.count, self.causal = site.attrs["axis"], site.attrs["heads"], site.attrs["causal"]
        self.q, self.k, self.v = map(self.part, site.inputs[:3])
        self.extras = site.inputs[3:]
        self.dtype = site.dtype
        self.scale = self.dtype.type(site.attrs["scale"])
        self.lowest = -np.finfo(self.dtype).max / 4

    def part(self, x: np.ndarray) -> np.ndarray:
        """B × heads × channels × steps of an array of the site, a view."""
        moved = np.moveaxis(x, -1, 0) if self.axis == TIME_AXIS else x.transpose(2, 1, 0)
        split = moved.reshape(len(moved), self.count, moved.shape[1] // self.count, moved.shape[2])
        return split[self.batch, self.heads]

    def copy(self, x: np.ndarray) -> np.ndarray:
        """Room for matrices × channels × steps like a part."""
        return self.site.scratch((x.shape[0] * x.shape[1], *x.shape[2:]))

    def blocks(self) -> Iterator[Block]:
        matrices, keys, queries = self.q.shape[0] * self.q.shape[1], self.k.shape[-1], self.q.shape[-1]
        columns = cut(queries, max(SCORES // max(keys, 1), FEWEST_QUERIES))
        for mine in cut(matrices, SCORES // max(keys * columns[0].stop, 1)):
            for part in columns:
                yield Block(mine, part, slice(min(keys, part.stop) if self.causal else keys), len(columns) == 1)

    def scores(self) -> np.ndarray:
        """Room for those of the largest block."""
        return self.site.scratch((max((_size(block) * (block.matrices.stop - block.matrices.start)
                                       for block in self.blocks()), default=0),))

    def hidden(self) -> tuple[np.ndarray | None, list[Closure]]:
        """−∞ for the keys that are not to be seen, matrices × keys × 1, and what writes it; None where all are."""
        if not self.extras:
            return None, []
        room = self.site.scratch((*self.k.shape[:2], self.k.shape[-1]))
        kept = self.site.scratch((len(room), room.shape[-1]), np.bool_)
        steps, minus = np.arange(room.shape[-1]), self.dtype.type(-np.inf)

        def write() -> None:
            kept.fill(True)
            for extra in self.extras:
                seen = (steps < extra[self.batch, np.newaxis] if extra.ndim == 1 else
                        (extra[0].T if self.axis == TIME_AXIS else extra[:, 0].T)[self.batch] != 0)
                np.logical_and(kept, seen, out=kept)
            room[...] = np.where(kept, self.dtype.type(0), minus)[:, np.newaxis]
        return room.reshape(-1, room.shape[-1], 1), [write]

    def later(self) -> np.ndarray | None:
        """−∞ where a key is later than the query, keys × queries."""
        if not self.causal:
            return None
        late = np.arange(self.k.shape[-1])[:, None] > np.arange(self.q.shape[-1])
        return np.where(late, self.dtype.type(-np.inf), self.dtype.type(0))


def _size(block: Block) -> int:
    return int(block.keys.stop * (block.queries.stop - block.queries.start))


def shaped(room: np.ndarray, block: Block) -> np.ndarray:
    """Matrices × keys × queries in a flat array."""
    matrices = block.matrices.stop - block.matrices.start
    return room[:matrices * _size(block)].reshape(matrices, block.keys.stop, -1)


def load(target: np.ndarray, source: np.ndarray) -> Closure:
    return partial(np.copyto, target.reshape(source.shape), source)


def masked_scores(block: Block, room: np.ndarray, q: np.ndarray, k: np.ndarray, hidden: np.ndarray | None,
                  later: np.ndarray | None) -> tuple[np.ndarray, list[Closure]]:
    """The products of keys and queries, −∞ where they are not to be seen, and what computes them."""
    s = shaped(room, block)
    steps: list[Closure] = [partial(np.matmul, block.of(k, "keys").swapaxes(1, 2), block.of(q, "queries"), out=s)]
    if later is not None:
        steps.append(partial(np.add, s, later[block.keys, block.queries], out=s))
    if hidden is not None:
        steps.append(partial(np.add, s, hidden[block.matrices, block.keys], out=s))
    return s, steps


@kernel("attention")
class Attention(Kernel):
    """`attention`, forward and backward block by block. Threads that share it divide the heads."""

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH

    def bind(self, site: BindContext) -> BoundKernel:
        threads = threads_for(site, site.inputs[0].size)
        x = site.inputs[0]
        each = max(TOGETHER, COPIED // max(prod(x.shape[:-1]), 1))
        kept = site.keep((x.shape[-1], site.attrs["heads"], x.shape[site.attrs["axis"]])) if site.training else None
        forward, backward = [], []
        for heads in shares(site.attrs["heads"], threads):
            stages = [Stage(site, batch, heads) for batch in cut(x.shape[-1], each)] if heads.stop > heads.start else []
            forward.append(in_turn(self.forward(stage, kept) for stage in stages))
            backward.append(in_turn(self.backward(stage, kept) for stage in stages if kept is not None))
        return BoundKernel(tuple(forward), tuple(backward) if site.training else ())

    @staticmethod
    def forward(stage: Stage, kept: np.ndarray | None) -> Closure:
        q, k, v = (stage.copy(x) for x in (stage.q, stage.k, stage.v))
        target = stage.part(stage.site.outputs[0])
        y, room, later = stage.copy(target), stage.scores(), stage.later()
        hidden, steps = stage.hidden()
        top, total = (stage.site.scratch((len(q), q.shape[-1])) for _ in range(2))
        tiny = np.finfo(stage.dtype).tiny
        steps += [partial(np.multiply, stage.q, stage.scale, out=q.reshape(stage.q.shape)), load(k, stage.k),
                  load(v, stage.v)]
        for block in stage.blocks():
            s, products = masked_scores(block, room, q, k, hidden, later)
            highest, sums, result = block.of(top, "queries"), block.of(total, "queries"), block.of(y, "queries")
            steps += [*products, partial(np.maximum.reduce, s, axis=1, out=highest),
                      partial(np.maximum, highest, stage.lowest, out=highest),
                      partial(np.subtract, s, highest[:, np.newaxis], out=s), partial(np.exp, s, out=s),
                      partial(np.add.reduce, s, axis=1, out=sums), partial(np.maximum, sums, tiny, out=sums),
                      partial(np.matmul, block.of(v, "keys"), s, out=result),
                      partial(np.divide, result, sums[:, np.newaxis], out=result)]
        steps.append(partial(np.copyto, target, y.reshape(target.shape)))
        if kept is not None:
            logs = kept[stage.batch, stage.heads]
            steps += [partial(np.log, total, out=total), partial(np.add, top.reshape(logs.shape), total.reshape(logs.shape),
                                                                 out=logs)]
        return in_turn(steps)

    @staticmethod
    def backward(stage: Stage, kept: np.ndarray) -> Closure:
        site = stage.site
        q, k, v = (stage.copy(x) for x in (stage.q, stage.k, stage.v))
        assert site.grad_outputs[0] is not None
        arriving, y = stage.part(site.grad_outputs[0]), stage.part(site.outputs[0])
        grad, product, delta = stage.copy(arriving), stage.copy(y), site.scratch((len(q), q.shape[-1]))
        logs, later = site.scratch(delta.shape), stage.later()
        weights, slopes = stage.scores(), stage.scores()
        hidden, steps = stage.hidden()
        dq, dk, dv = (stage.copy(x) for x in (stage.q, stage.k, stage.v))
        steps += [partial(np.multiply, stage.q, stage.scale, out=q.reshape(stage.q.shape)), load(k, stage.k),
                  load(v, stage.v), load(grad, arriving), load(product, y), load(logs, kept[stage.batch, stage.heads]),
                  partial(np.multiply, product, grad, out=product), partial(np.add.reduce, product, axis=1, out=delta),
                  partial(dk.fill, 0), partial(dv.fill, 0)]
        for block in stage.blocks():
            p, products = masked_scores(block, weights, q, k, hidden, later)
            dp, own = shaped(slopes, block), block.of(grad, "queries")
            steps += [*products, partial(np.subtract, p, block.of(logs, "queries")[:, np.newaxis], out=p),
                      partial(np.exp, p, out=p), *added(stage, block, own, p, dv),
                      partial(np.matmul, block.of(v, "keys").swapaxes(1, 2), own, out=dp),
                      partial(np.subtract, dp, block.of(delta, "queries")[:, np.newaxis], out=dp),
                      partial(np.multiply, dp, p, out=dp),
                      partial(np.matmul, block.of(k, "keys"), dp, out=block.of(dq, "queries")),
                      *added(stage, block, block.of(q, "queries"), dp, dk)]
        steps.append(partial(np.multiply, dq, stage.scale, out=dq))
        for target, found in zip(site.grad_inputs[:3], (dq, dk, dv), strict=True):
            if target is not None:
                place = stage.part(target)
                steps.append(partial(np.copyto, place, found.reshape(place.shape)))
        return in_turn(steps)


def added(stage: Stage, block: Block, left: np.ndarray, right: np.ndarray, total: np.ndarray) -> list[Closure]:
    """``total += left @ rightᵀ`` for the keys of a block."""
    target, turned = block.of(total, "keys"), right.swapaxes(1, 2)
    if block.whole:
        return [partial(np.matmul, left, turned, out=target)]
    part = stage.site.scratch(target.shape)
    return [partial(np.matmul, left, turned, out=part), partial(np.add, target, part, out=target)]
