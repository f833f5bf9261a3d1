"""A compiled network: the batch cut into shards, one per thread, that run at the same time and meet where they must.

With one observation there is nothing to cut: the threads then share every step that its kernel can divide, and meet
between steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dltoolbox.kernels import Closure
from dltoolbox.ops import Graph, ParameterKey, Value
from dltoolbox.program.memory import Arena, FlatArrays
from dltoolbox.program.plan import Plan, dtype_of, shape_of
from dltoolbox.program.shard import Shard, Shared, Surroundings
from dltoolbox.program.team import Team, team_of

SMALL_WORK = 1 << 21  # below, threads cost more than they bring; counted as `Plan.work`


@dataclass
class Outcome:
    """What a run found. Arrays of observations are new; gradients of parameters are overwritten by the next run."""

    graph: Graph
    values: Mapping[Value, np.ndarray]
    gradients: Mapping[ParameterKey, np.ndarray]
    input_gradients: Sequence[np.ndarray]

    def __getitem__(self, value: Value) -> np.ndarray:
        return self.values[value]

    @property
    def loss(self) -> float:
        """The sum of the losses."""
        return sum(float(self.values[value]) for value in self.graph.losses)

    @property
    def results(self) -> list[np.ndarray]:
        """What reached the output layers."""
        return [self.values[value] for value in self.graph.results]


class Program:
    """Shards of one network for one batch size, and the memory that they run in.

    Args:
        plan_of: Makes the plan for a number of observations and of threads per step.
        batch: Number of observations.
        threads: How many threads may work.
        arrays: Parameters and states.
        gradients: For every thread, where gradients of parameters go; none in inference.
        arenas: For every thread, its memory; at least ``threads`` of them.
    """

    def __init__(self, plan_of: Callable[[int, int], Plan], batch: int, threads: int,
                 arrays: Mapping[ParameterKey, np.ndarray], gradients: Sequence[FlatArrays],
                 arenas: Sequence[Arena]) -> None:
        self.arenas, self.gradients = arenas, gradients
        whole = plan_of(batch, 1)
        threads = 1 if whole.work < SMALL_WORK else threads
        count = max(1, min(threads, batch)) if whole.by_observation else 1
        self.edges = [batch * i // count for i in range(count + 1)]
        self.size = threads if count == 1 else count
        sizes = [b - a for a, b in zip(self.edges, self.edges[1:], strict=False)]
        plans = {batch: whole} if self.size == 1 else {}
        for size in sizes:
            if size not in plans:
                plans[size] = plan_of(size, self.size if count == 1 else 1)
        self.team: Team | None = None
        shared: Shared = {}
        self.shards: list[Shard] = [self._shard(rank, plans[size], len(sizes), arrays, shared) for rank, size in enumerate(sizes)]
        self.prepared = False
        self.generations: tuple[int, ...] = ()

    def _shard(self, rank: int, plan: Plan, count: int, arrays: Mapping[ParameterKey, np.ndarray], shared: Shared) -> Shard:
        graph = plan.graph
        into = self.gradients[rank] if self.gradients else {}
        gradients = {value: into[key] for key, value in graph.arrays.items() if key in into}
        return Shard(plan, Surroundings({value: arrays[key] for key, value in graph.arrays.items()}, gradients,
                                        partial(self._add_up, rank) if count > 1 else lambda array: None, count, shared))

    def _add_up(self, rank: int, array: np.ndarray) -> None:
        assert self.team is not None
        self.team.add_up(rank, array)

    @property
    def plan(self) -> Plan:
        """The plan of the first shard."""
        return self.shards[0].plan

    @property
    def peak(self) -> int:
        """Bytes of planned memory, in all threads together."""
        return sum(shard.peak for shard in self.shards)

    @property
    def graph(self) -> Graph:
        return self.plan.graph

    # Running ---------------------------------------------------------------------------------------------------------
    @property
    def is_settled(self) -> bool:
        """Whether it is bound to the arenas as they are now, and these are large enough."""
        return self.generations == tuple(arena.generation for arena in self.arenas[:len(self.shards)])

    def release(self) -> None:
        """Let go of all planned memory, until the next run."""
        self.generations, self.prepared = (), False
        for shard in self.shards:
            shard.release()

    def settle(self) -> None:
        """Bind to the arenas, where that is not done or they have moved."""
        for arena, shard in zip(self.arenas, self.shards, strict=False):
            arena.reserve(shard.peak)
        if not self.is_settled:
            for arena, shard in zip(self.arenas, self.shards, strict=False):
                shard.settle(arena)
            self.generations = tuple(arena.generation for arena in self.arenas[:len(self.shards)])
            self.prepared = False

    def run(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray] = (), *, constant: bool = False) -> Outcome:
        """One pass, forward and, if the plan has gradients, backward.

        Args:
            inputs: Arrays of any type and memory order, the observation last.
            targets: Likewise; none where nothing reads them.
            constant: Whether the parameters are those of the last run.
        """
        self.settle()
        results = [self._room_for(value) for value in self.plan.wanted]
        entering = [self._room_for(value) for value in self.plan.graph.inputs] if self._input_gradients else []
        for shard in self.shards:
            for closure in shard.before:
                closure()
        with team_of(self.size) as team:
            self.team = team
            fresh = not (constant and self.prepared)
            team.run([partial(self._work, team, rank, fresh, inputs, targets, results, entering)
                      for rank in range(self.size)])
        self.prepared = True
        graph = self.plan.graph
        for value in graph.losses:
            if value in self.plan.wanted:
                at = self.plan.wanted.index(value)
                results[at] = np.asarray(sum(float(shard.values[shard.plan.wanted[at]]) for shard in self.shards), np.float64)
        found = {key: self.gradients[0][key] for key, value in graph.arrays.items() if self.gradients and value in self.shards[0].incoming}
        return Outcome(graph, dict(zip(self.plan.wanted, results, strict=True)), found, entering)

    @property
    def _input_gradients(self) -> bool:
        return any(value in self.shards[0].incoming for value in self.plan.graph.inputs)

    def _room_for(self, value: Value) -> np.ndarray:
        """A new array for a result of all observations; vectors lie observation by observation, as predict returns them."""
        shape = shape_of(value)
        if value.dims.labels.endswith("B"):
            shape = (*shape[:-1], self.edges[-1])
        maker = next((step.node for step in self.plan.steps if value in step.node.outputs), None)
        dtype = dtype_of(value, maker, self.plan.dtype)
        return np.empty(shape[::-1], dtype).T if len(shape) == 2 else np.empty(shape, dtype)

    def _work(self, team: Team, rank: int, fresh: bool, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray],
              results: Sequence[np.ndarray], entering: Sequence[np.ndarray]) -> None:
        """What one thread does in a run."""
        if fresh:
            closures = [closure for shard in self.shards for closure in shard.prepare]
            for closure in closures[rank::self.size]:
                closure()
            if closures:
                team.meet(rank)
        if len(self.shards) == 1:
            if rank == 0:
                self._load(0, inputs, targets)
            for closure in self._divided(team, rank):
                closure()
            if rank == 0:
                self._store(0, results, entering)
            return
        self._load(rank, inputs, targets)
        shard = self.shards[rank]
        for _, bound in shard.steps:
            bound.forward[0]()
        for _, bound in reversed(shard.steps):
            if bound.backward:
                bound.backward[0]()
        self._store(rank, results, entering)
        if shard.around.gradients:
            team.meet(rank)
            self._add_gradients(rank)

    def _divided(self, team: Team, rank: int) -> Iterator[Closure]:
        """The closures of one rank where all share one shard, with meetings around the steps that several run."""
        (shard,) = self.shards
        alone = True  # whether rank 0 has worked alone since the last meeting
        for bands in (*(bound.forward for _, bound in shard.steps), *(bound.backward for _, bound in reversed(shard.steps))):
            if len(bands) < 2 or self.size == 1:
                yield from bands if rank == 0 else ()
                alone = True
                continue
            if alone:
                yield partial(team.meet, rank)
            yield from bands[rank:rank + 1]
            yield partial(team.meet, rank)
            alone = False

    def _load(self, rank: int, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
        """Copy this shard's observations to where the plan wants them, whatever type and order they have."""
        shard, here = self.shards[rank], slice(self.edges[rank], self.edges[rank + 1])
        graph = shard.plan.graph
        for value, array in [*zip(graph.inputs, inputs, strict=True), *zip(graph.targets, targets, strict=False)]:
            np.copyto(shard.values[value], array[..., here], casting="unsafe")

    def _store(self, rank: int, results: Sequence[np.ndarray], entering: Sequence[np.ndarray]) -> None:
        """Copy this shard's results out of planned memory."""
        shard, here = self.shards[rank], slice(self.edges[rank], self.edges[rank + 1])
        for value, target in zip(shard.plan.wanted, results, strict=True):
            if value.dims.labels.endswith("B"):
                target[..., here] = shard.values[value]
            elif rank == 0:
                target[...] = shard.values[value]
        for value, target in zip(shard.plan.graph.inputs, entering, strict=False):
            target[..., here] = shard.gradients[value]

    def _add_gradients(self, rank: int) -> None:
        """Add the gradients of all shards into the first's, each thread a part of the vector."""
        total, *others = [one.vector for one in self.gradients[:len(self.shards)]]
        here = slice(total.size * rank // self.size, total.size * (rank + 1) // self.size)
        for other in others:
            total[here] += other[here]
