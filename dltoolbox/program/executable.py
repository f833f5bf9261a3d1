"""A compiled network: the batch cut into shards, one per thread, that run at the same time and meet where they must.

With one observation there is nothing to cut, and with few it may not pay: the threads then share every step that its
kernel can divide, and meet between steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np

from dltoolbox.kernels import Closure, base
from dltoolbox.ops import Graph, ParameterKey, Value
from dltoolbox.program.bound_plan import ArrayPool, Layout, Layouts, Shard, ShardContext, Shared
from dltoolbox.program.memory import Arena, FlatArrays
from dltoolbox.program.optimized import OptimizedGraph
from dltoolbox.program.plan import Plan, as_seen, check_targets
from dltoolbox.runtime.interrupts import check
from dltoolbox.runtime.thread_team import Team, team_of

STEP_BYTES = 1 << 15  # of a step that is planned and bound, at most about
SMALL_WORK = 1 << 24  # below, threads cost more than they bring (1–2 ms of work); counted as `OptimizedGraph.work`

CallName = tuple[str, int]
StepCalls = tuple[CallName, tuple[Closure, ...]]


@dataclass
class Outcome:
    """Results of a run. Arrays of observations are new; gradients of parameters are overwritten by the next run."""

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
        """The outputs of the network: what reached its output layers, or its open outputs."""
        return [self.values[value] for value in self.graph.results]


class Meeting:
    """The meeting point of the threads of a run. Shards know it instead of their program, so nothing refers in a circle and
    memory is given back as soon as a program is forgotten.
    """

    team: Team | None = None

    def wait(self, rank: int) -> None:
        """Until everybody is here."""
        assert self.team is not None
        self.team.meet(rank)

    def add_up(self, rank: int, array: np.ndarray) -> None:
        """Replace everybody's array by the sum of all."""
        assert self.team is not None
        self.team.add_up(rank, array)


class Program:
    """Shards of one network for one batch size, and the memory that they run in.

    Args:
        optimized: What is to run.
        entering: Sizes of the data, the number of observations last.
        plan_of: Makes the plan of a graph with known sizes for a number of threads per step.
        threads: How many threads may work.
        arrays: Parameters and states.
        gradients: For every thread, where gradients of parameters go; none in inference.
        arenas: For every thread, its memory; at least ``threads`` of them.
        layouts: Of the same network at other sizes.
        pool: Of arranged filters, where every run arranges them.
    """

    def __init__(self, optimized: OptimizedGraph, entering: Sequence[Sequence[int]],
                 plan_of: Callable[[OptimizedGraph, int], Plan], threads: int, arrays: Mapping[ParameterKey, np.ndarray],
                 gradients: Sequence[FlatArrays], arenas: Sequence[Arena], layouts: Layouts, pool: ArrayPool | None) -> None:
        self.arenas, self.gradients, self.pool, batch = arenas, gradients, pool, entering[0][-1]
        threads = threads if threads > 1 and optimized.has_work(SMALL_WORK, entering) else 1
        shared = threads == 1 or not optimized.by_observation or (
            not gradients and optimized.at(entering).reads_mostly_weights)
        count = 1 if shared else max(1, min(threads, batch))
        self.edges = [batch * i // count for i in range(count + 1)]
        self.size = threads if count == 1 else count
        sizes = [b - a for a, b in zip(self.edges, self.edges[1:], strict=False)]
        plans = {size: plan_of(optimized.at([(*shape[:-1], size) for shape in entering]), self.size if count == 1 else 1)
                 for size in sorted(set(sizes))}
        if count > 1 and not all(step.kernel.by_observation for plan in plans.values() for step in plan.steps):
            raise AssertionError("a kernel cannot work on a part of the batch, although its op says so")
        self.meeting = Meeting()
        self.times: list[tuple[int, CallName, float]] | None = None  # of every call, where somebody wants to know
        self._fresh = True
        around = self._surroundings(arrays, plans, sizes)
        by_size = sorted(range(count), key=lambda rank: -sizes[rank])  # the layout of the largest may do for all
        shards = {rank: Shard(plans[sizes[rank]], around[rank], layouts) for rank in by_size}
        self.shards = [shards[rank] for rank in range(count)]
        self.prepared = False
        self.generations: tuple[int, ...] = ()

    def _surroundings(self, arrays: Mapping[ParameterKey, np.ndarray], plans: Mapping[int, Plan],
                      sizes: Sequence[int]) -> list[ShardContext]:
        """The context that all shards share."""
        shared = {size: Shared(self.pool, number) for number, size in enumerate(plans)}
        contexts = []
        for rank, size in enumerate(sizes):
            parameters = plans[size].graph.arrays
            into = self.gradients[rank] if self.gradients else {}
            gradients = {value: as_seen(into[key], value) for key, value in parameters.items() if key in into}
            all_reduce = partial(self.meeting.add_up, rank) if len(sizes) > 1 else meet_nobody
            contexts.append(ShardContext({value: as_seen(arrays[key], value) for key, value in parameters.items()},
                                         gradients, all_reduce, len(sizes), shared[size]))
        return contexts

    @property
    def plan(self) -> Plan:
        """The plan of the first shard."""
        return self.shards[0].plan

    def planned_bytes(self) -> int:
        """Planned memory that it needs, in all threads together. Lets go of what is bound: the next run binds it again."""
        self.release()
        return sum(layout.peak for layout in self._own_layouts())

    def _own_layouts(self) -> list[Layout]:
        """The layout of every shard that fits best."""
        own_layouts = {shard.plan: shard.own_layout() for shard in {shard.plan: shard for shard in self.shards}.values()}
        return [own_layouts[shard.plan] for shard in self.shards]

    @property
    def bytes(self) -> int:
        """Approximate memory that it alone keeps from run to run: filters that are prepared once, views and closures."""
        shared = {id(shard.plan): shard.layout.shared for shard in self.shards if self.pool is None}
        return sum(shared.values()) + STEP_BYTES * sum(len(shard.plan.steps) for shard in self.shards)

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

    def rebind(self) -> None:
        """Bind to the arenas, where that is not done or they have moved."""
        while True:
            for arena, shard in zip(self.arenas, self.shards, strict=False):
                arena.reserve(shard.layout.peak)
            if self.is_settled:
                return
            for shard in self.shards:
                shard.around.shared.clear()
            if all(shard.rebind(arena) for arena, shard in zip(self.arenas, self.shards, strict=False)):
                self.generations = tuple(arena.generation for arena in self.arenas[:len(self.shards)])
                self.prepared = False

    def run(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray] = (), *, constant: bool = False) -> Outcome:
        """One pass, forward and, if the plan has gradients, backward.

        Args:
            inputs: Arrays of any type and memory order, the observation last: data, lengths and states (`Graph.entering`).
            targets: Likewise; none where nothing reads them.
            constant: Whether the parameters are those of the last run.
        """
        check_targets(self.graph, targets)
        results, entering = self._ready(constant=constant), self._room_for_gradients()

        def both(rank: int) -> None:
            self._forward(rank, inputs, targets, results)
            self._backward(rank, entering)
        self._with_team(both)
        self.prepared = True
        self._add_losses(results)
        return self._outcome(results, entering)

    def begin(self, inputs: Sequence[np.ndarray], *, constant: bool = False) -> Outcome:
        """The forward pass alone; arguments as for `run`. Until `finish`, nothing else may run in the memory."""
        results = self._ready(constant=constant)
        self._with_team(lambda rank: self._forward(rank, inputs, (), results))
        self.prepared = True
        return Outcome(self.graph, dict(zip(self.plan.wanted, results, strict=True)), {}, [])

    def finish(self, seeds: Sequence[np.ndarray | None]) -> Outcome:
        """The backward pass after `begin`, from the gradients of the ``seeded`` values; None: zeros."""
        entering = self._room_for_gradients()

        def backward(rank: int) -> None:
            self._seed(rank, seeds)
            self._backward(rank, entering)
        self._with_team(backward)
        return self._outcome((), entering)

    @property
    def seeded(self) -> tuple[Value, ...]:
        """Values whose gradients `finish` takes."""
        return self.plan.seeded

    def _ready(self, *, constant: bool) -> list[np.ndarray]:
        """Bound and with its random numbers noted; room for the results."""
        self.rebind()
        for shard in self.shards:
            for closure in shard.pre_run:
                closure()
        self._fresh = not (constant and self.prepared)
        return [self._room_for(value) for value in self.plan.wanted]

    def _room_for_gradients(self) -> list[np.ndarray]:
        """New arrays for the gradients of what enters, if any are wanted."""
        return [self._room_for(value) for value in self.graph.inputs] if self._input_gradients else []

    def _with_team(self, work: Callable[[int], None]) -> None:
        """Run it on all threads, each with its number."""
        with team_of(self.size) as self.meeting.team:
            self.meeting.team.run([partial(work, rank) for rank in range(self.size)])

    def _outcome(self, results: Sequence[np.ndarray], entering: Sequence[np.ndarray]) -> Outcome:
        incoming = self.shards[0].incoming
        gradients = {} if not self.gradients else {
            key: self.gradients[0][key] for key, value in self.graph.arrays.items() if value in incoming}
        return Outcome(self.graph, dict(zip(self.plan.wanted, results, strict=bool(results))), gradients, entering)

    def _add_losses(self, results: list[np.ndarray]) -> None:
        """A loss is the sum of the shards' parts."""
        for at, value in enumerate(self.plan.wanted):
            if value in self.graph.losses:
                parts = (float(shard.values[shard.plan.wanted[at]]) for shard in self.shards)
                results[at] = np.asarray(sum(parts), np.float64)

    @property
    def _input_gradients(self) -> bool:
        return any(value in self.shards[0].incoming for value in self.plan.graph.inputs)

    def _room_for(self, value: Value) -> np.ndarray:
        """A new array for a result of all observations; vectors lie observation by observation, as predict returns them."""
        shape, dtype = value.dims.shape, self.plan.dtype_of(value)
        if value.dims.labels.endswith("B"):
            shape = (*shape[:-1], self.edges[-1])
        return base.empty(shape[::-1], dtype).T if len(shape) == 2 else base.empty(shape, dtype)

    def _forward(self, rank: int, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray],
                 results: Sequence[np.ndarray]) -> None:
        """The work of one thread until the results are there."""
        if self._fresh:
            self._prepare(rank)
        self._load(rank, inputs, targets)
        self._call(rank, self._calls(rank, forward_of))
        if rank < len(self.shards):
            self._store(rank, results)

    def _backward(self, rank: int, entering: Sequence[np.ndarray]) -> None:
        """The rest of it."""
        self._call(rank, self._calls(rank, backward_of))
        if rank < len(self.shards):
            self._store_gradients(rank, entering)
        if len(self.shards) > 1 and self.shards[0].around.gradients:
            self.meeting.wait(rank)
            self._add_gradients(rank)

    def _call(self, rank: int, calls: Iterator[tuple[CallName, Closure]]) -> None:
        if self.times is None:
            for _, closure in calls:
                check()
                closure()
            return
        for name, closure in calls:
            start = perf_counter()
            closure()
            self.times.append((rank, name, perf_counter() - start))

    def _prepare(self, rank: int) -> None:
        """Arrays that depend on parameters alone and can be kept; the threads share them."""
        for kind in ("prepare", "prepare_parallel"):
            closures = [closure for shard in self.shards for closure in getattr(shard, kind)]
            for closure in closures[rank::self.size]:
                closure()
            if closures and self.size > 1:
                self.meeting.wait(rank)

    def _calls(self, rank: int, steps_of: Callable[[Shard], Iterator[StepCalls]]) -> Iterator[tuple[CallName, Closure]]:
        """The calls of a thread, in order: all steps of its shard, or its part of the steps of the only one, with meetings
        around the steps that several threads run.
        """
        shard = self.shards[rank] if len(self.shards) > 1 else self.shards[0]
        together = len(self.shards) == 1 and self.size > 1
        meeting = ("meet", 0), partial(self.meeting.wait, rank)
        alone = steps_of is backward_of  # whether rank 0 has worked alone since the last meeting
        for name, bands in steps_of(shard):
            if not together or len(bands) == 1:
                if rank == 0 or not together:
                    yield from ((name, band) for band in bands)
                alone = True
                continue
            if alone:
                yield meeting
            yield from ((name, band) for band in bands[rank:rank + 1])
            yield meeting
            alone = False

    def _load(self, rank: int, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
        """Copy this shard's observations, or this thread's rows of those that all share, to where the plan wants them,
        whatever type and order they have.
        """
        shared = len(self.shards) == 1
        shard = self.shards[0 if shared else rank]
        graph = shard.plan.graph
        for value, array in [*zip(graph.entering, inputs, strict=True), *zip(graph.targets, targets, strict=False)]:
            target = shard.border[0][value]
            if shared:
                part = slice(len(target) * rank // self.size, len(target) * (rank + 1) // self.size)
                np.copyto(target[part], array[part], casting="unsafe")
            else:
                np.copyto(target, array[..., self.edges[rank]:self.edges[rank + 1]], casting="unsafe")
        if shared and self.size > 1:
            self.meeting.wait(rank)

    def _seed(self, rank: int, seeds: Sequence[np.ndarray | None]) -> None:
        """Copy this shard's part of gradients to where the plan wants them."""
        if rank < len(self.shards):
            shard, here = self.shards[rank], slice(self.edges[rank], self.edges[rank + 1])
            for value, seed in zip(shard.plan.seeded, seeds, strict=True):
                target = shard.border[1][value]
                if seed is None or not (rank == 0 or value.dims.labels.endswith("B")):
                    target[...] = 0
                else:
                    np.copyto(target, seed[..., here] if value.dims.labels.endswith("B") else seed, casting="unsafe")

    def _store(self, rank: int, results: Sequence[np.ndarray]) -> None:
        """Copy this shard's results out of planned memory."""
        shard, here = self.shards[rank], slice(self.edges[rank], self.edges[rank + 1])
        for value, target in zip(shard.plan.wanted, results, strict=True):
            if value.dims.labels.endswith("B"):
                target[..., here] = shard.border[0][value]
            elif rank == 0:
                target[...] = shard.border[0][value]

    def _store_gradients(self, rank: int, entering: Sequence[np.ndarray]) -> None:
        """The same with the gradients of what entered."""
        shard, here = self.shards[rank], slice(self.edges[rank], self.edges[rank + 1])
        gradients = shard.border[1]
        for value, target in zip(shard.plan.graph.inputs, entering, strict=False):
            target[..., here] = gradients.get(value, 0)  # no loss depends on an input of which only the size counts

    def _add_gradients(self, rank: int) -> None:
        """Add the gradients of all shards into the first's, each thread a part of the vector."""
        total, *others = [gradient.vector for gradient in self.gradients[:len(self.shards)]]
        here = slice(total.size * rank // self.size, total.size * (rank + 1) // self.size)
        for other in others:
            total[here] += other[here]


def forward_of(shard: Shard) -> Iterator[StepCalls]:
    """The closures of all steps, as (("forward", number of the step), bands)."""
    for number, (_, bound) in enumerate(shard.steps):
        yield ("forward", number), bound.forward


def backward_of(shard: Shard) -> Iterator[StepCalls]:
    """Those of their gradients, the last step first."""
    for number, (_, bound) in reversed(list(enumerate(shard.steps))):
        if bound.backward:
            yield ("backward", number), bound.backward


def meet_nobody(array: np.ndarray) -> None:
    """A shard alone has nobody to meet."""
