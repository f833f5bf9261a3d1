"""Running a plan: forward, and backward through the steps that want gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dltoolbox.ops import Call, ParameterKey, Value, as_tuple
from dltoolbox.ops.base import ghost
from dltoolbox.program.plan import Plan, Step


class Run:
    """One execution of a plan: the table of live arrays. Make one, go forward, and backward if gradients are wanted."""

    def __init__(self, plan: Plan, arrays: Mapping[ParameterKey, np.ndarray], inputs: Sequence[np.ndarray],
                 targets: Sequence[np.ndarray] = ()) -> None:
        self.plan = plan
        self.live: list[Any] = [None] * len(plan.slots)
        graph = plan.graph
        for key, value in graph.arrays.items():
            self.live[plan.slots[value]] = arrays[key]
        for value, array in [*zip(graph.inputs, inputs, strict=True), *zip(graph.targets, targets, strict=False)]:
            self.live[plan.slots[value]] = array

    def __getitem__(self, value: Value) -> np.ndarray:
        array: np.ndarray = self.live[self.plan.slots[value]]
        return array

    @property
    def loss(self) -> float:
        """The sum of the losses, after `forward`."""
        return sum(float(self[value]) for value in self.plan.graph.losses)

    @property
    def results(self) -> list[np.ndarray]:
        """What reached the output layers, after `forward`."""
        return [self[value] for value in self.plan.graph.results]

    def forward(self) -> list[np.ndarray]:
        """Run all steps; returns the wanted arrays."""
        for step in self.plan.steps:
            self.forward_step(step)
        return [self[value] for value in self.plan.wanted]

    def forward_step(self, step: Step) -> None:
        live = self.live
        results = as_tuple(step.kernel.forward(step.work, *[live[i] for i in step.inputs], **step.node.attrs))
        for slot, array in zip(step.outputs, results, strict=True):
            live[slot] = array
        for slot in step.release:
            live[slot] = ghost(live[slot])

    def backward(self) -> dict[Value, np.ndarray]:
        """Gradients of the sum of the losses with respect to every value that has one and is still of interest."""
        gradients: dict[int, np.ndarray] = {self.plan.slots[loss]: np.ones_like(self[loss])
                                            for loss in self.plan.graph.losses}
        for step in reversed(self.plan.steps):
            if step.needs:
                self.backward_step(step, gradients)
        sources = [*self.plan.graph.inputs, *self.plan.graph.arrays.values()]
        return {value: gradients[self.plan.slots[value]] for value in sources if self.plan.slots[value] in gradients}

    def backward_step(self, step: Step, gradients: dict[int, np.ndarray]) -> None:
        live = self.live
        incoming = [gradients.pop(slot, None) for slot in step.outputs]
        if incoming[0] is not None:
            call = Call(tuple(live[i] for i in step.inputs), tuple(live[i] for i in step.outputs), step.needs)
            outgoing = step.kernel.backward(step.work, call, *incoming, **step.node.attrs)
            for slot, wanted, gradient in zip(step.inputs, step.needs, outgoing, strict=True):
                if wanted and gradient is not None:
                    gradients[slot] = gradients[slot] + gradient if slot in gradients else gradient
        for slot in step.release_back:
            live[slot] = ghost(live[slot])
