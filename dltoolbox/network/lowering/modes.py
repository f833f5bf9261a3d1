"""Modes of a run: which of its two graphs a mode takes, which values a run returns, and which want gradients.

A mode means the same on every engine, however it reads the ops.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import listed
from dltoolbox.core.errors import fail
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.lower import Lowered, lower
from dltoolbox.ops import Graph, Kind, ParameterKey, Value
from dltoolbox.ops.graph import Carry, Population, StepRule

TRAINING = ("train", "statistics", "gradients")  # modes in which layers behave as in training
RETURNING = ("predict", "evaluate", "train")  # that return what leaves the network


class Taped(NamedTuple):
    """A mode that computes what leaves the network now, and later gradients, out of those of what left.

    Attributes:
        training: Whether the layers behave as in training.
        without: Learnables that want no gradients.
        inputs: Whether the data that enter want gradients.
    """

    training: bool
    without: frozenset[ParameterKey] = frozenset()
    inputs: bool = False


Mode = str | Taped

InputSizes = tuple[tuple[int | None, ...], ...]  # of one observation of every input
Groups = tuple[int | None, ...]  # of inputs whose sequences have the same lengths, per input; None: all are full


class Ends(NamedTuple):
    """The values that a run of a mode returns, those that want gradients, and those whose gradients come from outside."""

    wanted: list[Value]
    gradients_of: list[Value]
    seeded: list[Value]


def trains(mode: Mode) -> bool:
    """Whether the layers behave as in training."""
    return mode.training if isinstance(mode, Taped) else mode in TRAINING


def mode_ends(graph: Graph, mode: Mode, ports: Sequence[str] = (), frozen: Collection[ParameterKey] = (), *,
              carry: bool = False) -> Ends:
    """The search of a mode in a graph.

    Args:
        graph: The record for training or for prediction, as the mode `trains` or not.
        mode: ``'predict'``: what leaves, or the values at ``ports``. ``'evaluate'``: that and the losses. ``'train'``: also
            what states follow in every step, and gradients of the learnables but for ``frozen`` ones. ``'gradients'``: the
            losses, with gradients of all learnables and inputs. ``'statistics'``: what states of the population follow.
            `Taped`: as ``'predict'``, and as ``'train'`` without the losses; the gradients of what leaves, or of the values
            at ``ports``, come from outside.
        ports: Output ports, ``conv_1/out``.
        frozen: Learnables that training leaves as they are.
        carry: Whether the run also returns the states that the next one goes on from.
    """
    learnables = {key: value for key, value in graph.arrays.items() if key in graph.learnables}
    steps = [update.value for update in graph.updates if isinstance(update.rule, StepRule)]
    population = [value for update in graph.updates if isinstance(update.rule, Population) for value in update.values]
    results = [graph.ports[port] for port in ports] or graph.results
    if isinstance(mode, Taped):
        wanted = [*results, *steps] if mode.training else results
        gradients_of = [value for key, value in learnables.items() if key not in mode.without]
        gradients_of += graph.inputs if mode.inputs else []
    else:
        wanted, gradients_of = {
            "predict": (results, []),
            "evaluate": ([*results, *graph.losses], []),
            "train": ([*results, *graph.losses, *steps], [value for key, value in learnables.items() if key not in frozen]),
            "gradients": (graph.losses, [*learnables.values(), *graph.inputs]),
            "statistics": (population, []),
        }[mode]
    returns = isinstance(mode, Taped) or mode in RETURNING
    if carry:
        wanted = [*wanted, *(update.value for update in graph.updates if isinstance(update.rule, Carry))]
    wanted = [*wanted, *(value.lengths for value in results if value.lengths is not None and returns)]
    seeded = [value for value in results if value.kind is Kind.DATA and isinstance(mode, Taped)]
    # ports share a value where a layer passes on what it gets
    return Ends([*dict.fromkeys(wanted)], gradients_of, [*dict.fromkeys(seeded)])


def lower_for(lgraph: LayerGraph, inputs: Mapping[str, Dims], sizes: InputSizes, *, training: bool,
              groups: Groups = ()) -> Lowered:
    """The record for data of these sizes, however many, at the inputs that the network declares."""
    sources = {name: Dims(dims.labels, (*size, None)) for (name, dims), size in zip(inputs.items(), sizes, strict=True)}
    ragged = {name: group for name, group in zip(inputs, groups, strict=False) if group is not None}
    return lower(lgraph, training=training, sources=sources, ragged=ragged)


def check_problems(lowered: Lowered, ports: Sequence[str] = ()) -> None:
    """Raise the problems of a record, unless all ports can be computed: layers behind them may refuse the size."""
    graph = lowered.graph
    if graph.missing:
        fail("network:placeholders", f"{'Layer' if len(graph.missing) == 1 else 'Layers'} "
             f"{listed(map(repr, graph.missing))} {'is a placeholder' if len(graph.missing) == 1 else 'are placeholders'}: "
             "nothing says what comes out, so the network can be looked at and edited, but not run.",
             f"Put a layer in the place of each, such as lgraph = replaceLayer(layerGraph(net), '{graph.missing[0]}', "
             "layer), and make a network of the result: net = assembleNetwork(lgraph) or net = dlnetwork(lgraph).")
    if not ports or not (graph.ports.keys() >= set(ports) and computable(graph, [graph.ports[port] for port in ports])):
        lowered.issues.raise_if_any()


def computable(graph: Graph, wanted: Iterable[Value]) -> bool:
    """Whether ops lead from what enters to the values; those behind a problem may have a size that nobody computes."""
    needed = set(wanted)
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            needed.difference_update(node.outputs)
            needed.update(node.inputs)
    return needed <= {*graph.entering, *graph.targets, *graph.arrays.values()}


def takes_any_type(graph: Graph, value: Value) -> bool:
    """Whether all ops that read an input take any type there, as a normalisation does."""
    return all(node.op.any_type for node in graph.nodes if value in node.inputs)


def sizes_of(inputs: Sequence[np.ndarray]) -> InputSizes:
    """Sizes of one observation of every input."""
    return tuple(array.shape[:-1] for array in inputs)


def length_groups(lengths: Sequence[np.ndarray | None] | None) -> tuple[Groups, list[np.ndarray]]:
    """Which inputs have the same lengths, and these, each vector once."""
    if lengths is None:
        return (), []
    distinct: list[np.ndarray] = []
    groups: list[int | None] = []
    for of_input in lengths:
        if of_input is None:
            groups.append(None)
            continue
        at = next((i for i, known in enumerate(distinct) if known is of_input or np.array_equal(known, of_input)), None)
        if at is None:
            at = len(distinct)
            distinct.append(of_input)
        groups.append(at)
    return tuple(groups) if distinct else (), distinct
