"""The plain program: the ops' own NumPy bodies, one after the other, with arrays that come and go. The oracle of every
compiled one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.ops import Call, Graph, Node, ParameterKey, Value, as_tuple
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.executable import Outcome
from dltoolbox.program.optimized import OptimizedGraph
from dltoolbox.program.plan import LENGTH, as_seen, check_targets


class PlainProgram:
    """Runs a graph; arguments as for `make_plan`."""

    def __init__(self, optimized: OptimizedGraph, arrays: Mapping[ParameterKey, np.ndarray], *,
                 dtype: DTypeLike = np.float32, types: Mapping[Value, np.dtype] | None = None) -> None:
        self.graph, self.wanted, self.differentiated = optimized.graph, optimized.wanted, optimized.differentiated
        self.seeded = optimized.seeded
        self.live: dict[Value, Any] = {}  # between `begin` and `finish`
        self.arrays, self.dtype = arrays, np.dtype(dtype)
        self.types: dict[Value, np.dtype] = dict.fromkeys(self.graph.lengths, LENGTH) | dict(types or {})

    @property
    def bytes(self) -> int:
        """Approximate memory kept from run to run."""
        return self.graph.bytes

    def run(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray] = (), *, constant: bool = False) -> Outcome:
        """One pass, forward and, where gradients are wanted, backward; see `Program.run`."""
        check_targets(self.graph, targets)
        live = self.forward(inputs, targets)
        return self.outcome(live, self.backward(live))

    def begin(self, inputs: Sequence[np.ndarray], *, constant: bool = False) -> Outcome:
        """The forward pass alone; see `Program.begin`."""
        self.live = self.forward(inputs)
        return self.outcome(self.live, {})

    def finish(self, seeds: Sequence[np.ndarray | None]) -> Outcome:
        """The backward pass after `begin`; see `Program.finish`."""
        live, self.live = self.live, {}
        return self.outcome(live, self.backward(live, seeds))

    def outcome(self, live: Mapping[Value, Any], gradients: Mapping[Value, np.ndarray]) -> Outcome:
        """The result of a run."""
        graph = self.graph
        return Outcome(graph, {value: Way.SEE.view(live[value], value.dims) for value in self.wanted},
                       {key: gradients[value].reshape(self.arrays[key].shape) for key, value in graph.arrays.items()
                        if value in gradients},
                       [Way.SEE.view(gradients.get(value, np.zeros_like(live[value])), value.dims) for value in graph.inputs]
                       if self.differentiated.intersection(graph.inputs) else [])

    def forward(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray] = ()) -> dict[Value, Any]:
        """The array of every value."""
        graph = self.graph
        live: dict[Value, Any] = {value: as_seen(self.arrays[key], value) for key, value in graph.arrays.items()}
        for value, array in [*zip(graph.entering, inputs, strict=True), *zip(graph.targets, targets, strict=False)]:
            live[value] = Way.SEE.folded(np.array(array, self.types.get(value, self.dtype)), value.dims)

        def run_op(node: Node, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(map(self.narrowed, as_tuple(node.op.forward(*arrays, **node.attrs))))
        interpret(graph, live, run_op)
        return live

    def narrowed(self, output: Any) -> Any:
        """The output in the program's type: statistics and inputs in double may have widened it."""
        return output.astype(self.dtype, copy=False) if output.dtype.kind == "f" else output

    def backward(self, live: Mapping[Value, Any], seeds: Sequence[np.ndarray | None] = ()) -> dict[Value, np.ndarray]:
        """Gradients of the sum of the losses, or from those of the seeded values."""
        gradients = {loss: np.ones_like(live[loss]) for loss in self.graph.losses if loss in self.differentiated}
        gradients |= {value: np.zeros_like(live[value]) if seed is None else
                      Way.SEE.folded(np.array(seed, live[value].dtype), value.dims)
                      for value, seed in zip(self.seeded, seeds, strict=bool(seeds))}
        for node in reversed(self.graph.nodes):
            needs = tuple(value in self.differentiated for value in node.inputs)
            if not any(needs) or not self.differentiated.intersection(node.outputs):
                continue
            incoming = viewed(node, node.outputs, {value: gradients.pop(value, None) for value in node.outputs})
            if all(gradient is None for gradient in incoming):  # whoever reads these values has no gradient for them
                continue
            call = Call(viewed(node, node.inputs, live), viewed(node, node.outputs, live), needs)
            for value, need, gradient in zip(node.inputs, needs, node.op.backward(call, *incoming, **node.attrs),
                                             strict=True):
                if need and gradient is not None:
                    gradient = node.way.folded(gradient, value.dims)
                    gradients[value] = gradients[value] + gradient if value in gradients else gradient
        return gradients


def interpret(graph: Graph, live: MutableMapping[Value, Any],
              run_op: Callable[[Node, tuple[Any, ...]], tuple[Any, ...]]) -> None:
    """Run the nodes of a graph of known sizes one after the other, on payloads of any type with the shape of arrays and
    their methods ``reshape`` and ``swapaxes``.

    Args:
        graph: What is run.
        live: The payloads of all values that enter, as they are stored, T and B as one (`Way.folded`); those of all others
            are added.
        run_op: A node and its inputs as its op sees them → its outputs, as the op gives them.
    """
    for node in graph.nodes:
        outputs = run_op(node, viewed(node, node.inputs, live))
        live.update((value, node.way.folded(output, value.dims))
                    for value, output in zip(node.outputs, outputs, strict=True))


def viewed(node: Node, values: Sequence[Value], arrays: Mapping[Value, Any]) -> tuple[Any, ...]:
    """Arrays, where there are any, as the op of a node sees them."""
    return tuple(array if (array := arrays[value]) is None else node.way.view(array, value.dims) for value in values)
