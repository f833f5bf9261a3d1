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
from numpy.typing import DTypeLike

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, in_turn, kernel
from dltoolbox.kernels.blocking import cut, shares
from dltoolbox.kernels.elementwise.arithmetic import threads_for
from dltoolbox.ops.base import BOTH
from dltoolbox.ops.sequences.attention import TIME_AXIS

SCORES = 1 << 16  # of a block, which stay in cache from one pass to the next
COPIED_ELEMENTS = 1 << 18  # elements of an array that are copied at a time
TOGETHER = 16  # observations that are copied together at least: they lie side by side, in one line of the cache
FEWEST_QUERIES = 16  # of a block: products of fewer columns are slow


class ScoreBlock(NamedTuple):
    """Some matrices, of one observation and head each, some queries, and the keys that these may see."""

    matrices: slice
    queries: slice
    keys: slice
    whole: bool  # whether there are no other queries

    def of(self, x: np.ndarray, steps: str) -> np.ndarray:
        """The part of matrices × channels × steps."""
        return x[self.matrices, ..., getattr(self, steps)]


class Rooms:
    """Scratch of one thread by name. Nothing is wasted where the first that is taken under a name is the largest."""

    def __init__(self, site: BindContext) -> None:
        self._site = site
        self._flat: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> np.ndarray:
        if name not in self._flat or self._flat[name].size < prod(shape):
            self._flat[name] = self._site.scratch((prod(shape),), dtype)
        return self._flat[name][:prod(shape)].reshape(shape)


class AttentionStage:
    """The attention of some observations and heads: copies of what enters, and the blocks of the work."""

    def __init__(self, site: BindContext, rooms: Rooms, batch: slice, heads: slice) -> None:
        self.site, self.rooms, self.batch, self.heads = site, rooms, batch, heads
        self.axis, self.count, self.causal = site.attrs["axis"], site.attrs["heads"], site.attrs["causal"]
        self.q, self.k, self.v = map(self.part, site.inputs[:3])
        self.extras = site.inputs[3:]
        self.dtype = site.dtype
        self.scale = self.dtype.type(site.attrs["scale"])
        self.lowest = -np.finfo(self.dtype).max / 4
        self.largest: dict[str, np.ndarray] = {}

    def part(self, x: np.ndarray) -> np.ndarray:
        """B × heads × channels × steps of an array of the site, a view."""
        moved = np.moveaxis(x, -1, 0) if self.axis == TIME_AXIS else x.transpose(2, 1, 0)
        split = moved.reshape(len(moved), self.count, moved.shape[1] // self.count, moved.shape[2])
        return split[self.batch, self.heads]

    def copy(self, name: str, x: np.ndarray) -> np.ndarray:
        """Room for matrices × channels × steps like a part."""
        return self.rooms.take(name, (x.shape[0] * x.shape[1], *x.shape[2:]))

    def per_query(self, name: str) -> np.ndarray:
        return self.rooms.take(name, (self.q.shape[0] * self.q.shape[1], self.q.shape[-1]))

    def blocks(self) -> Iterator[ScoreBlock]:
        matrices, keys, queries = self.q.shape[0] * self.q.shape[1], self.k.shape[-1], self.q.shape[-1]
        columns = cut(queries, max(SCORES // max(keys, 1), FEWEST_QUERIES))
        for mine in cut(matrices, SCORES // max(keys * columns[0].stop, 1)):
            for part in columns:
                yield ScoreBlock(mine, part, slice(min(keys, part.stop) if self.causal else keys), len(columns) == 1)

    def scores(self, name: str, block: ScoreBlock) -> np.ndarray:
        """Room for the scores of a block: matrices × keys × queries."""
        matrices, queries = (part.stop - part.start for part in (block.matrices, block.queries))
        if name not in self.largest:
            self.largest[name] = self.rooms.take(name, (max(map(block_size, self.blocks())),))
        return self.largest[name][:block_size(block)].reshape(matrices, block.keys.stop, queries)

    def entering(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Copies of queries, keys and values."""
        return self.copy("q", self.q), self.copy("k", self.k), self.copy("v", self.v)

    def loads(self) -> list[Closure]:
        """Write them; queries come scaled."""
        q, k, v = self.entering()
        return [partial(np.multiply, self.q, self.scale, out=q.reshape(self.q.shape)), load(k, self.k), load(v, self.v)]

    def added(self, block: ScoreBlock, left: np.ndarray, right: np.ndarray, total: np.ndarray) -> list[Closure]:
        """``total += left @ rightᵀ`` for the keys of a block."""
        target, turned = block.of(total, "keys"), right.swapaxes(1, 2)
        if block.whole:
            return [partial(np.matmul, left, turned, out=target)]
        part = self.rooms.take("part", total[block.matrices].shape)[..., :target.shape[-1]]
        return [partial(np.matmul, left, turned, out=part), partial(np.add, target, part, out=target)]

    def masks(self, steps: list[Closure]) -> Masks:
        """The masks; what writes them joins the steps."""
        late = None
        if self.causal:
            later = np.arange(self.k.shape[-1])[:, None] > np.arange(self.q.shape[-1])
            late = np.where(later, self.dtype.type(-np.inf), self.dtype.type(0))
        if not self.extras:
            return Masks(None, late)
        room = self.rooms.take("hidden", (*self.k.shape[:2], self.k.shape[-1]))
        kept = self.rooms.take("kept", (len(room), room.shape[-1]), np.bool_)
        numbers, minus = np.arange(room.shape[-1]), self.dtype.type(-np.inf)

        def write() -> None:
            kept.fill(True)
            for extra in self.extras:
                seen = (numbers < extra[self.batch, np.newaxis] if extra.ndim == 1 else
                        (extra[0].T if self.axis == TIME_AXIS else extra[:, 0].T)[self.batch] != 0)
                np.logical_and(kept, seen, out=kept)
            room[...] = np.where(kept, self.dtype.type(0), minus)[:, np.newaxis]
        steps.append(write)
        return Masks(room.reshape(-1, room.shape[-1], 1), late)


def block_size(block: ScoreBlock) -> int:
    """The number of its scores."""
    return int((block.matrices.stop - block.matrices.start) * block.keys.stop * (block.queries.stop - block.queries.start))


def load(target: np.ndarray, source: np.ndarray) -> Closure:
    return partial(np.copyto, target.reshape(source.shape), source)


class Masks(NamedTuple):
    """−∞ where keys are not to be seen: matrices × keys × 1, and keys × queries; None where all are."""

    hidden: np.ndarray | None
    later: np.ndarray | None

    def scores(self, block: ScoreBlock, s: np.ndarray, q: np.ndarray, k: np.ndarray) -> list[Closure]:
        """Write the products of keys and queries, −∞ where they are not to be seen."""
        steps: list[Closure] = [partial(np.matmul, block.of(k, "keys").swapaxes(1, 2), block.of(q, "queries"), out=s)]
        if self.later is not None:
            steps.append(partial(np.add, s, self.later[block.keys, block.queries], out=s))
        if self.hidden is not None:
            steps.append(partial(np.add, s, self.hidden[block.matrices, block.keys], out=s))
        return steps


@kernel("attention")
class AttentionBlocks(Kernel):
    """`attention`, forward and backward block by block. Threads that share it divide the heads."""

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH

    def accepts(self, case: KernelSpec) -> bool:
        """Masks of pairs only come from functions of arrays, which call no kernels."""
        return all(len(dims.sizes) < 4 for dims in case.inputs)

    def bind(self, site: BindContext) -> BoundKernel:
        x, threads = site.inputs[0], threads_for(site, site.inputs[0].size)
        each = max(TOGETHER, COPIED_ELEMENTS // max(prod(x.shape[:-1]), 1))
        kept = site.keep((x.shape[-1], site.attrs["heads"], x.shape[site.attrs["axis"]])) if site.training else None
        forward, backward = [], []
        for heads in shares(site.attrs["heads"], threads):
            rooms = Rooms(site)
            batches = cut(x.shape[-1], each) if heads.stop > heads.start else []
            stages = [AttentionStage(site, rooms, batch, heads) for batch in batches]
            forward.append(in_turn(self.forward(stage, kept) for stage in stages))
            backward.append(in_turn(self.backward(stage, kept) for stage in stages if kept is not None))
        nothing = [partial(target.fill, 0) for target in site.grad_inputs[3:] if target is not None]  # for masks
        backward[0] = in_turn([*nothing, backward[0]])
        return BoundKernel(tuple(forward), tuple(backward) if site.training else ())

    @staticmethod
    def forward(stage: AttentionStage, kept: np.ndarray | None) -> Closure:
        target = stage.part(stage.site.outputs[0])
        (q, k, v), y, steps = stage.entering(), stage.copy("y", target), stage.loads()
        masks, tiny = stage.masks(steps), np.finfo(stage.dtype).tiny
        top, total = stage.per_query("top"), stage.per_query("total")
        for block in stage.blocks():
            s = stage.scores("scores", block)
            highest, sums, result = block.of(top, "queries"), block.of(total, "queries"), block.of(y, "queries")
            steps += [*masks.scores(block, s, q, k), partial(np.maximum.reduce, s, axis=1, out=highest),
                      partial(np.maximum, highest, stage.lowest, out=highest),
                      partial(np.subtract, s, highest[:, np.newaxis], out=s), partial(np.exp, s, out=s),
                      partial(np.add.reduce, s, axis=1, out=sums), partial(np.maximum, sums, tiny, out=sums),
                      partial(np.matmul, block.of(v, "keys"), s, out=result),
                      partial(np.divide, result, sums[:, np.newaxis], out=result)]
        steps.append(partial(np.copyto, target, y.reshape(target.shape)))
        if kept is not None:
            logs = kept[stage.batch, stage.heads]
            steps += [partial(np.log, total, out=total),
                      partial(np.add, top.reshape(logs.shape), total.reshape(logs.shape), out=logs)]
        return in_turn(steps)

    @staticmethod
    def backward(stage: AttentionStage, kept: np.ndarray) -> Closure:
        site = stage.site
        assert site.grad_outputs[0] is not None
        arriving, y = stage.part(site.grad_outputs[0]), stage.part(site.outputs[0])
        (q, k, v), steps = stage.entering(), stage.loads()
        grad, product = stage.copy("grad", arriving), stage.copy("y", y)
        logs, delta, masks = stage.per_query("top"), stage.per_query("total"), stage.masks(steps)
        dq, dk, dv = (stage.copy(f"d{name}", x) for name, x in (("q", stage.q), ("k", stage.k), ("v", stage.v)))
        steps += [load(grad, arriving), load(product, y), load(logs, kept[stage.batch, stage.heads]),
                  partial(np.multiply, product, grad, out=product), partial(np.add.reduce, product, axis=1, out=delta),
                  partial(dk.fill, 0), partial(dv.fill, 0)]
        for block in stage.blocks():
            p, dp = stage.scores("scores", block), stage.scores("slopes", block)
            own = block.of(grad, "queries")
            steps += [*masks.scores(block, p, q, k),
                      partial(np.subtract, p, block.of(logs, "queries")[:, np.newaxis], out=p), partial(np.exp, p, out=p),
                      *stage.added(block, own, p, dv), partial(np.matmul, block.of(v, "keys").swapaxes(1, 2), own, out=dp),
                      partial(np.subtract, dp, block.of(delta, "queries")[:, np.newaxis], out=dp),
                      partial(np.multiply, dp, p, out=dp),
                      partial(np.matmul, block.of(k, "keys"), dp, out=block.of(dq, "queries")),
                      *stage.added(block, block.of(q, "queries"), dp, dk)]
        steps.append(partial(np.multiply, dq, stage.scale, out=dq))
        for target, found in zip(site.grad_inputs[:3], (dq, dk, dv), strict=True):
            if target is not None:
                place = stage.part(target)
                steps.append(partial(np.copyto, place, found.reshape(place.shape)))
        return in_turn(steps)
