"""A plan bound to memory: closures that run one part of the batch, at addresses that never change.

Binding happens twice. The first time every buffer is an array of its own (never touched, so it costs nothing), and only
sizes and lifetimes are noted; then all get their places in one arena, and the plan is bound to these. The first is left
out where a larger plan of the same steps has places for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels import BindContext, BoundKernel, Closure, Order, base, memory_format
from dltoolbox.ops import Value
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.memory import HEADROOM, Arena, Buffer, bytes_of, place
from dltoolbox.program.plan import Plan, Step, contributions, lifetimes, shape_of

MOST_WASTE = 1.125  # times the memory of a plan that a layout for several sizes may take
ROOM_TO_GROW = 1.5  # times the memory of a plan that a layout gets which has to grow for it

Interval = tuple[int, int]
Allocate = Callable[[Sequence[int], Any, tuple[Interval, ...]], np.ndarray]
ArrayPool = MutableMapping[Hashable, np.ndarray]


class Shared(dict[tuple[int, int], np.ndarray]):
    """Arrays by the number of the step, and of the array in it.

    Args:
        pool: Where programs that prepare in every run find the arrays of one another: they run one at a time.
        plan: Number of the plan in its program; others arrange filters in another way.
    """

    def __init__(self, pool: ArrayPool | None = None, plan: int = 0) -> None:
        super().__init__()
        self.pool, self.plan = {} if pool is None else pool, plan

    def take(self, number: tuple[int, int], shape: Sequence[int], dtype: DTypeLike) -> None:
        key = self.plan, number, tuple(shape), np.dtype(dtype)
        found = self.pool.get(key)
        self[number] = self.pool[key] = base.empty(shape, dtype) if found is None else found



@dataclass
class MemoryRecorder:
    """The first binding: notes what is needed."""

    buffers: list[Buffer]

    def __call__(self, shape: Sequence[int], dtype: DTypeLike, alive: tuple[Interval, ...]) -> np.ndarray:
        self.buffers.append(Buffer(bytes_of(shape, dtype), alive))
        return base.empty(shape, dtype)


class OutgrownError(Exception):
    """A plan that was to lie as another one does needs more."""


class ArenaAllocator:
    """The second: hands out the places, in the same sequence."""

    def __init__(self, arena: Arena, buffers: Sequence[Buffer]) -> None:
        self.arena, self.places = arena, iter(buffers)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike, alive: tuple[Interval, ...]) -> np.ndarray:
        place = next(self.places, None)
        if place is None or place.alive != alive or place.room < bytes_of(shape, dtype):
            raise OutgrownError
        return self.arena.view(place.offset, shape, dtype)


@dataclass
class StepMemory:
    """Extra memory of one step; see `BindContext`."""

    allocate: Allocate
    forward: int
    backward: int
    shared_arrays: Shared
    made: int = 0  # shared arrays that this binding was the first to ask for
    asked: int = 0

    def scratch(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        return self.allocate(shape, dtype, ((self.forward, self.forward), (self.backward, self.backward)))

    def keep(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        return self.allocate(shape, dtype, ((self.forward, self.backward),))

    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        self.asked += 1
        key = self.forward, self.asked
        if key not in self.shared_arrays:
            self.made += 1
            self.shared_arrays.take(key, shape, dtype)
        return self.shared_arrays[key]


@dataclass
class ShardContext:
    """The context that shards share: parameters, where their gradients go, and how to meet.

    ``shared`` is of shards with the same plan: others may arrange filters in another way, or have other steps.
    """

    arrays: Mapping[Value, np.ndarray]
    gradients: Mapping[Value, np.ndarray]
    all_reduce: Callable[[np.ndarray], None]
    shards: int
    shared: Shared


@dataclass
class Layout:
    """Places of all arrays, the same in all shards with a plan, and in smaller ones that fit in.

    Attributes:
        buffers: All arrays and their places, in the sequence of binding.
        peak: Bytes of the arena.
        shared: Bytes of shared memory.
    """

    buffers: list[Buffer]
    peak: int
    shared: int

    def holds(self, other: Layout) -> bool:
        """Whether all arrays of the other fit into the places of this one."""
        return len(self.buffers) == len(other.buffers) and all(
            mine.alive == its.alive and mine.room >= its.size
            for mine, its in zip(self.buffers, other.buffers, strict=True))

    def joined(self, other: Layout) -> Layout:
        """A layout for both: blocks of work may be larger where there is less of it. The larger of both where they differ in
        more than sizes, or would waste memory together. One that grows for a larger plan gets headroom, which costs nothing
        until it is used, so that not every larger size moves everything.
        """
        larger = max(self, other, key=lambda layout: layout.peak)
        if [buffer.alive for buffer in self.buffers] != [buffer.alive for buffer in other.buffers]:
            return larger
        joint = self._beside(other, 1.0)
        if joint.peak > larger.peak * MOST_WASTE:
            return larger
        roomy = self._beside(other, ROOM_TO_GROW) if larger is other else joint
        return roomy if roomy.peak <= joint.peak + HEADROOM else joint

    def _beside(self, other: Layout, factor: float) -> Layout:
        """A layout for this one, and the other with so many times the room."""
        buffers = [Buffer(max(a.size, int(b.size * factor)), a.alive)
                   for a, b in zip(self.buffers, other.buffers, strict=True)]
        return Layout(buffers, place(buffers), max(self.shared, other.shared))


Layouts = dict[Hashable, Layout]  # one for all sizes so far, by `structure`


def structure(plan: Plan) -> Hashable:
    """The common part of plans that may lie alike: kernels, and the memory orders of what they read."""
    return tuple((type(step.kernel), step.kernel.op, step.case.orders) for step in plan.steps)


class Shard:
    """One bound plan.

    Attributes:
        steps: Each step with its closures.
        prepare, prepare_parallel, pre_run: Closures of `BoundKernel` that exist.
        values: Every array by value, T and B as one.
        gradients: Gradients of the values that enter.
        border: What enters and leaves, and then the gradients of what enters and of what is seeded, with T and B apart.
        incoming: Where the gradients of values come from; see `contributions`.
        alive: When every array is alive.
        structure: What it has in common with plans that may lie alike.
        layout: Where everything lies.
    """

    def __init__(self, plan: Plan, around: ShardContext, layouts: Layouts) -> None:
        """``layouts`` are those of the same network at other sizes."""
        self.plan, self.around, self.layouts = plan, around, layouts
        self.incoming, self.alive = contributions(plan), lifetimes(plan)
        self.values: dict[Value, np.ndarray] = {}
        self.gradients: dict[Value, np.ndarray] = {}
        self.border: tuple[dict[Value, np.ndarray], dict[Value, np.ndarray]] = {}, {}
        self.steps: list[tuple[Step, BoundKernel]] = []
        self.prepare: list[Closure] = []
        self.pre_run: list[Closure] = []
        self.prepare_parallel: list[Closure] = []
        self.structure = structure(plan)
        self.layout = layouts.get(self.structure) or self.own_layout()

    def own_layout(self) -> Layout:
        """The layout that fits best; the one for all sizes has room for it from now on."""
        recorder, shared = MemoryRecorder([]), Shared()
        self._bind(recorder, shared)
        self.release()
        layout = Layout(recorder.buffers, place(recorder.buffers), sum(array.nbytes for array in shared.values()))
        known = self.layouts.get(self.structure)
        self.layouts[self.structure] = layout if known is None else known.joined(layout)
        return layout

    def rebind(self, arena: Arena) -> bool:
        """Bind to an arena, which must hold the layout. False where that is too small for the plan: then it has grown, and
        the arena must, too.
        """
        arena.tenants.add(self)
        try:
            self._bind(ArenaAllocator(arena, self.layout.buffers), self.around.shared)
        except OutgrownError:
            before, own = self.layout, self.own_layout()
            common = self.layouts[self.structure]
            self.layout = common if own.peak > before.peak and common.holds(own) else own
            return False
        return True

    def release(self) -> None:
        """Forget all arrays and closures."""
        self.values.clear()
        self.gradients.clear()
        self.border = {}, {}
        for closures in (self.steps, self.prepare, self.prepare_parallel, self.pre_run):
            closures.clear()
        self.around.shared.clear()

    def _bind(self, allocate: Allocate, shared: Shared) -> None:
        plan = self.plan
        self.values = self._values(allocate)
        self.gradients = self._gradients(allocate)
        graph = plan.graph
        self.border = (time_apart(self.values, {*graph.entering, *graph.targets, *plan.wanted}),
                       time_apart(self.gradients, (*graph.inputs, *plan.seeded)))
        for closures in (self.steps, self.prepare, self.prepare_parallel, self.pre_run):
            closures.clear()
        for i, step in enumerate(plan.steps):
            memory = StepMemory(allocate, i, plan.back(i), shared)
            bound = self._bind_step(i, step, memory, allocate)
            self.steps.append((step, bound))
            if memory.made:
                self.prepare += [] if bound.prepare is None else [bound.prepare]
                self.prepare_parallel += bound.prepare_parallel
            if bound.pre_run is not None:
                self.pre_run.append(bound.pre_run)

    def _values(self, allocate: Allocate) -> dict[Value, np.ndarray]:
        plan, values = self.plan, dict(self.around.arrays)
        for value, (born, dies) in self.alive.items():
            values[value] = arranged(allocate, value, plan.orders[value], plan.dtype_of(value), ((born, dies),))
        return values

    def _gradients(self, allocate: Allocate) -> dict[Value, np.ndarray]:
        """One array per value that has a gradient: from the first contribution to the step that made the value."""
        plan = self.plan
        born = {value: i for i, step in enumerate(plan.steps) for value in step.node.outputs}
        gradients: dict[Value, np.ndarray] = {loss: np.ones((), plan.dtype) for loss in plan.graph.losses}
        for value, sources in self.incoming.items():
            if value in self.around.gradients:
                gradients[value] = self.around.gradients[value]
            else:
                last = plan.back(born[value]) if value in born else plan.end
                alive = (plan.back(sources[0][0]), last)
                gradients[value] = arranged(allocate, value, plan.orders[value], plan.dtype, (alive,))
        return gradients

    def _bind_step(self, i: int, step: Step, memory: StepMemory, allocate: Allocate) -> BoundKernel:
        node, back = step.node, self.plan.back(i)
        grad_inputs: list[np.ndarray | None] = []
        sums: list[tuple[np.ndarray, np.ndarray]] = []
        by_kernel: set[int] = set()
        for number, value in enumerate(node.inputs):
            if not step.needs_input_grad or not step.needs_input_grad[number]:
                grad_inputs.append(None)
            elif self.incoming[value][0] == (i, number):  # the first to arrive is written, others are added to it
                grad_inputs.append(self.gradients[value])
            elif step.kernel.can_accumulate(number):
                grad_inputs.append(self.gradients[value])
                by_kernel.add(number)
            else:
                extra = arranged(allocate, value, self.plan.orders[value], self.plan.dtype, ((back, back),))
                grad_inputs.append(extra)
                sums.append((self.gradients[value], extra))
        grads = [self.gradients.get(value) if step.needs_input_grad else None for value in node.outputs]

        def viewed(values: Sequence[Value], arrays: Iterable[Any]) -> tuple[Any, ...]:
            return tuple(array if array is None else node.way.view(array, value.dims)
                         for value, array in zip(values, arrays, strict=True))
        computed = frozenset(number for number, value in enumerate(node.inputs) if value not in self.around.arrays)
        site = BindContext(step.case, viewed(node.inputs, map(self.values.__getitem__, node.inputs)),
                           viewed(node.outputs, map(self.values.__getitem__, node.outputs)), viewed(node.outputs, grads),
                           viewed(node.inputs, grad_inputs), memory, self.around.all_reduce, self.around.shards,
                           frozenset(by_kernel), computed)
        bound = step.kernel.bind(site)
        if sums and bound.backward:
            last = bound.backward[-1]
            bound = bound._replace(backward=(*bound.backward[:-1], added(last, sums)))
        return bound


def time_apart(arrays: Mapping[Value, np.ndarray], values: Iterable[Value]) -> dict[Value, np.ndarray]:
    """Those that there are of some arrays, with T and B apart."""
    return {value: Way.SEE.view(arrays[value], value.dims) for value in values if value in arrays}


def added(closure: Closure, sums: Sequence[tuple[np.ndarray, np.ndarray]]) -> Closure:
    """The closure, and what it found added to what was there before."""
    def run() -> None:
        closure()
        for total, more in sums:
            total += more
    return run


def arranged(allocate: Allocate, value: Value, order: Order, dtype: DTypeLike, alive: tuple[Interval, ...]) -> np.ndarray:
    """An array with the axes of the op that lies in memory in ``order``."""
    shape = shape_of(value)
    flat = allocate([shape[axis] for axis in order], dtype, alive)
    return flat.transpose(memory_format.inverse(order))
