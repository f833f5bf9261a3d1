"""`explain`: how a network is run, step by step, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import check_room
from dltoolbox.core.dims import times
from dltoolbox.core.display import bytes_text, counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.core.statements.copied import Sealed
from dltoolbox.network.graph.layer_array import LayerArray
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.initialise import blank_arrays
from dltoolbox.network.networks import DAGNetwork, lower_checked
from dltoolbox.ops import Node
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.executable import Program
from dltoolbox.program.model import Model, model_of
from dltoolbox.program.passes import FusedNode, multiply_adds
from dltoolbox.program.plan import shape_of

HEAD = ("", "Step", "Layers", "Kernel", "Output", "In memory", "Multiply-adds", "Bytes")


class _Explain(Configured):
    """Options of `explain`."""

    function = "explain"
    MiniBatchSize = Property(convert.integer(1), 128)
    Mode = Property(convert.choice("predict", "train"), "predict")
    Precision = Property(convert.choice("default", "fast"), "default")
    SequenceLength = Property(convert.integer(1), 1)


class Explanation(Sealed, str):
    """The text of a plan, shown as it reads."""

    _sealed = True

    def __repr__(self) -> str:
        return str(self)


def explain(net: object, *pairs: object, **options: object) -> Explanation:
    """How a network is run: steps, what is fused, chosen kernels, memory, multiply-adds.

    This function is dltoolbox's own; MATLAB has none like it. It compiles the network as the first run does, and tries
    kernels where there is a choice, but computes nothing and leaves the random streams as they are.

    Args:
        net: A network, a layer graph or a layer array.
        *pairs: Name-value pairs.
        **options: ``MiniBatchSize`` (128), ``Mode`` ('predict' or 'train'), ``Precision`` ('default' or 'fast'),
            ``SequenceLength`` (1), the time steps of sequences.

    Returns:
        The text, to print. Layers and ops joined by ``+`` are fused: they run as one step.

    Raises:
        DltoolboxError: ``dltoolbox:explain:notANetwork``, ``…:noInputLayer``, ``…:noLoss``, and what is wrong with the
            layers.

    Example:
        >>> layers = [featureInputLayer(2), fullyConnectedLayer(1), regressionLayer]
        >>> print(explain(layers, MiniBatchSize=4).splitlines()[0])
        predict, mini-batch of 4, single precision, 1 thread
    """
    chosen = _Explain(*pairs, **options)
    model = _model(net, chosen)
    program = model.program(chosen.Mode, _inputs(model, chosen))
    assert isinstance(program, Program)
    return Explanation("\n".join([*_summary(program, chosen), "", *_table(program)]))


def _inputs(model: Model, chosen: _Explain) -> list[np.ndarray]:
    """A mini-batch that takes no memory; one that would not fit into it is refused."""
    count = chosen.MiniBatchSize
    shapes = [(*(chosen.SequenceLength if n is None else n for n in entry.dims.sizes[:-1]), count) for entry in model.inputs]
    check_room(sum(map(prod, shapes)) * np.dtype(np.float32).itemsize, "explain:tooLarge",
               f"A mini-batch of {counted(count, 'observation')}", "Pass a smaller MiniBatchSize.")
    return [np.broadcast_to(np.float32(0), shape) for shape in shapes]


def _model(net: object, chosen: _Explain) -> Model:
    if isinstance(net, DAGNetwork) and (chosen.Mode, chosen.Precision) == ("predict", "default"):
        return model_of(net)
    if not isinstance(net, (LayerGraph, LayerArray, list)):
        fail("explain:notANetwork", f"explain takes a network or layers, but it got {show(net)}.",
             "Pass a trained network, a layer graph or a layer array.")
    lgraph = net if isinstance(net, LayerGraph) else layerGraph(net)
    if lgraph.nodes and all(layer.inputs() for layer in lgraph.nodes):
        fail("explain:noInputLayer", "The network has no input layer, so the size of what it runs on is not known.",
             "Give it one with addInputLayer or addLayers and connectLayers.")
    if chosen.Mode == "train" and not lgraph.ends_in_loss:
        fail("explain:noLoss", "The network has no output layer, so there is no loss whose gradients training could follow.",
             "Explain Mode='predict', or add an output layer, to a dlnetwork that of layerGraph(net).")
    lowered = lower_checked(lgraph)
    return Model(lgraph, precision=chosen.Precision, lowered=lowered, arrays=blank_arrays(lowered, np.float32))


def _summary(program: Program, chosen: _Explain) -> list[str]:
    plan = program.plan
    total = sum(multiply_adds(step.node) for shard in program.shards for step in shard.plan.steps)
    parameters = sum(prod(shape_of(plan.graph.arrays[key])) for key in plan.graph.learnables)
    timed = any(value.dims.timed for value in plan.graph.inputs)
    steps = f" with {counted(chosen.SequenceLength, 'time step')}" if timed else ""
    return [
        f"{chosen.Mode}, mini-batch of {chosen.MiniBatchSize}{steps}, single precision, {_threads(program)}",
        f"{total / 1e6:,.2f} million multiply-adds forward"
        + (", about three times as many with the gradients" if chosen.Mode == "train" else ""),
        f"{bytes_text(program.planned_bytes())} planned memory in all threads, "
        f"{bytes_text(parameters * plan.dtype.itemsize)} learnables"]


def _threads(program: Program) -> str:
    """How the threads share the work, and whose sizes the table shows."""
    if program.size == 1:
        return "1 thread"
    if len(program.shards) == 1:
        return f"{program.size} threads that share each step they can"
    parts = [b - a for a, b in pairwise(program.edges)]
    if min(parts) == max(parts):
        return f"{program.size} threads for {parts[0]} observations each (the table is of one thread)"
    return f"{program.size} threads for {min(parts)} or {max(parts)} observations each (the table is of the first thread)"


def _table(program: Program) -> list[str]:
    plan = program.plan
    rows: list[Sequence[str]] = [HEAD]
    for number, step in enumerate(plan.steps, 1):
        value = step.node.outputs[0]
        size = prod(shape_of(value)) * plan.dtype_of(value).itemsize
        kernel = step.kernel.name if step.kernel.name != "Kernel" else "plain NumPy"
        note, work = step.kernel.accelerator or step.kernel.note, multiply_adds(step.node)
        rows.append((str(number), step.node.op.name.replace("+", " + "), _layers(step.node),
                     f"{kernel}{f' ({note})' if note else ''}",
                     times(value.dims.shown_sizes) if value.dims.sizes else "scalar",
                     _order(value.dims.labels, Way.SEE.order(plan.orders[value], value.dims)),
                     f"{work:,}" if work else "", bytes_text(size)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    right = {0, 6, 7}
    lines = ["  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                       for column, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _layers(node: Node) -> str:
    """The layers that a step runs; one layer may record several ops."""
    parts = node.parts if isinstance(node, FusedNode) else [node]
    return " + ".join(dict.fromkeys(part.layer for part in parts))


def _order(labels: str, order: Sequence[int]) -> str:
    """Dimensions from the slowest to the fastest: ``S1 C S2 B``."""
    names = [f"S{labels[:axis + 1].count('S')}" if label == "S" and labels.count("S") > 1 else label
             for axis, label in enumerate(labels)]
    return " ".join(names[axis] for axis in order)
