"""The plan: steps in order, the kernel of each, the memory order of every array, and when it is alive.

A plan is made for exact sizes, batch included. It is data: `dltoolbox.program.bound_plan` binds it to memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels import Kernel, KernelSpec, Order, candidates, memory_format
from dltoolbox.ops import Graph, Kind, Node, Value
from dltoolbox.program.optimized import OptimizedGraph
from dltoolbox.program.passes import FusedNode
from dltoolbox.program.select_kernel import choose
from dltoolbox.runtime.interrupts import check

LENGTH = np.dtype(np.int32)  # of lengths of sequences


@dataclass(eq=False)
class Step:
    """One kernel at work. ``needs_input_grad`` tells which inputs want a gradient; none: the step is not differentiated."""

    node: Node
    kernel: Kernel
    case: KernelSpec

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        return self.case.needs_input_grad


@dataclass(eq=False)
class Plan:
    """Steps and values of one network at one size. Times: step i runs forward at i and back at ``2·steps − 1 − i``."""

    graph: Graph
    wanted: tuple[Value, ...]
    dtype: np.dtype
    seeded: tuple[Value, ...] = ()  # values whose gradients come from outside, before anything runs backward
    steps: list[Step] = field(default_factory=list)
    orders: dict[Value, Order] = field(default_factory=dict)
    kinds: dict[Value, np.dtype] = field(default_factory=dict)  # types of arrays, where not ``dtype``

    def dtype_of(self, value: Value) -> np.dtype:
        return self.kinds.get(value, self.dtype)

    @property
    def end(self) -> int:
        """The time after everything."""
        return 2 * len(self.steps)

    def back(self, step: int) -> int:
        """When a step runs backward."""
        return self.end - 1 - step

    @property
    def differentiated(self) -> bool:
        """Whether it has a backward pass."""
        return any(step.needs_input_grad for step in self.steps)


def shape_of(value: Value) -> tuple[int, ...]:
    """Of the array in memory, in which T and B are one."""
    return value.dims.folded.shape


def as_seen(parameter: np.ndarray, value: Value) -> np.ndarray:
    """A parameter, or its gradient, as ops see it: perhaps with more axes of size 1.

    One of a layer that data of another size reach may not fit; then no op that runs reads it.
    """
    return parameter.reshape(value.dims.shape) if prod(parameter.shape) == prod(value.dims.shape) else parameter


def kind_of(value: Value, node: Node, dtype: np.dtype) -> np.dtype:
    """Type of an array that a node makes: the program's for data, else the smallest for all indices, taps or sizes."""
    name = node.op.name.rpartition("+")[2]
    if value.kind is Kind.SIZE:
        return np.dtype(np.int64)
    if value.kind is Kind.LENGTHS:
        return LENGTH
    if value.kind is Kind.INDICES:
        if name == "max_pool_taps":
            return np.dtype(np.uint8)
        positions = node.way.dims(value.denotes).positions if value.denotes is not None else 0
        return np.dtype(np.int32 if positions <= np.iinfo(np.int32).max else np.int64)
    return dtype


def check_targets(graph: Graph, targets: Sequence[np.ndarray]) -> None:
    """Targets have the axes that the graph declares: others might broadcast, and every loss would be wrong in silence."""
    for value, array in zip(graph.targets, targets, strict=False):
        if array.shape[:-1] != value.dims.shape[:-1]:
            raise AssertionError(f"targets of size {array.shape} in the place of {value.dims}")


def make_plan(optimized: OptimizedGraph, *, dtype: DTypeLike = np.float32, types: Mapping[Value, np.dtype] | None = None,
              threads: int = 1, precision: str = "default") -> Plan:
    """Plan a graph.

    Args:
        optimized: What is to run, with all sizes known.
        dtype: Of the data.
        types: Of inputs that enter in another type, for ops that take any.
        threads: Threads that share single steps.
        precision: ``'fast'`` permits roundings ten times larger.
    """
    graph = optimized.graph
    plan = Plan(graph, optimized.wanted, np.dtype(dtype), optimized.seeded,
                kinds=dict.fromkeys(graph.lengths, LENGTH) | dict(types or {}))
    for value in graph.arrays.values():
        plan.orders[value] = tuple(range(len(shape_of(value))))
    for value in graph.entering:
        plan.orders[value] = memory_format.preferred_order(shape_of(value)) if len(shape_of(value)) > 1 else (0,)
    for node in graph.nodes:
        check()
        add_steps(plan, node, optimized.differentiated, threads, precision)
    for value in graph.targets:  # nobody reads them
        plan.orders.setdefault(value, tuple(range(len(shape_of(value)))))
    return plan


def add_steps(plan: Plan, node: Node, differentiated: set[Value], threads: int, precision: str) -> None:
    """Choose a kernel for a node; a chain that no kernel takes falls into its parts."""
    for value in node.inputs:
        if value not in plan.orders:  # targets lie as what they are compared with
            alike = len(shape_of(value)) == len(shape_of(node.inputs[0]))
            plan.orders[value] = plan.orders[node.inputs[0]] if alike else tuple(range(len(shape_of(value))))
    needs: tuple[bool, ...] = ()
    if differentiated.intersection(node.outputs):
        needs = tuple(value in differentiated for value in node.inputs)
    case = KernelSpec(node.op.name, node.input_dims, node.output_dims,
                      tuple(node.way.order(plan.orders[value], value.dims) for value in node.inputs), node.attrs, plan.dtype,
                      needs if any(needs) else (), threads, precision, node.way)
    kernels = candidates(case)
    if isinstance(node, FusedNode) and kernels[0].name == Kernel.__name__:
        for part in node.parts:
            add_steps(plan, part, differentiated, threads, precision)
        return
    plan.kinds.update((value, kind_of(value, node, plan.dtype)) for value in node.outputs)
    kernel = choose(kernels, case, [plan.dtype_of(value) for value in node.inputs],
                    [plan.dtype_of(value) for value in node.outputs])
    plan.steps.append(Step(node, kernel, case))
    plan.orders.update((value, node.way.folded_order(order, value.dims))
                       for value, order in zip(node.outputs, kernel.orders(case), strict=True))


def lifetimes(plan: Plan) -> dict[Value, tuple[int, int]]:
    """From when to when each value must be kept: to its last use, forward or by a gradient."""
    alive: dict[Value, list[int]] = {value: [-1, -1] for value in (*plan.graph.entering, *plan.graph.targets)}
    for i, step in enumerate(plan.steps):
        for value in step.node.outputs:
            alive[value] = [i, i]
        for value in step.node.inputs:
            if value in alive:
                alive[value][1] = max(alive[value][1], i)
        for value in read_by_gradient(step):
            if value in alive:
                alive[value][1] = max(alive[value][1], plan.back(i))
    for value in plan.wanted:
        if value in alive:
            alive[value][1] = plan.end
    return {value: (first, last) for value, (first, last) in alive.items()}


def read_by_gradient(step: Step) -> tuple[Value, ...]:
    if not step.needs_input_grad:
        return ()
    saved_for_backward = step.kernel.saved_for_backward
    return (*(step.node.inputs if "inputs" in saved_for_backward else ()),
            *(step.node.outputs if "outputs" in saved_for_backward else ()))


def contributions(plan: Plan) -> dict[Value, list[tuple[int, int]]]:
    """Sources of the gradient of a value: (step, number of the input), in the order of the backward run; a step behind all
    is outside.
    """
    places = {value: [(len(plan.steps), 0)] for value in plan.seeded}
    for i in reversed(range(len(plan.steps))):
        step = plan.steps[i]
        for number, (value, need) in enumerate(zip(step.node.inputs, step.needs_input_grad, strict=False)):
            if need:
                places.setdefault(value, []).append((i, number))
    return places
