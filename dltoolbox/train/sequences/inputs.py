"""Sequences to train on, and how long what a network makes of them is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import in_code
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.layouts import array_in_code
from dltoolbox.data.sources.sequence_forms import SequencePlace, read_sequences
from dltoolbox.data.sources.sequence_source import Cutting, InputColumn
from dltoolbox.data.sources.sequences import Sequences
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops import Graph
from dltoolbox.ops.sequences.lengths import check_lengths
from dltoolbox.program.data_layout import ModelInput, model_inputs, named_arrays, observations, read_each
from dltoolbox.train.sequences.targets import FUNCTION, check_finite
from dltoolbox.train.targets import finite, refuse_empty


def sequence_inputs(lgraph: LayerGraph, X: object, Y: object, name: str) -> list[InputColumn]:
    """The data of all inputs of a network, checked: sizes, types, numbers of observations, no NaN or Inf.

    Args:
        lgraph: The network; some of its inputs are sequences.
        X: The predictors: sequences, or a list with the data of each input.
        Y: The targets as they came, for calls that remove observations.
        name: What to call the predictors in messages.
    """
    places = model_inputs(lgraph)
    all_given = [*zip(*named_arrays([X], len(places), name)[::-1], places, strict=False)]

    def read(place: ModelInput, given: object, its_name: str) -> InputColumn:
        others = [part for part in all_given if part[0] != its_name]
        return one_input(place, given, its_name, also_kept(others, Y, f"Y{name[1:]}"))
    return read_each(places, [X], FUNCTION, read, name)


def one_input(place: ModelInput, given: object, name: str, also: str) -> InputColumn:
    """The data of one input, sequences or not."""
    if place.dims.timed:
        asked = SequencePlace(place.sizes, FUNCTION, name, str(place), place.min_length, place.split_complex, also=also)
        sequences = read_sequences(given, asked)
        check_finite(sequences, name, also)
        return sequences
    array = observations(given, place, FUNCTION, exact=True, name=name)
    if not array.size:
        refuse_empty(name, array.shape)

    def remove(keep: str) -> str:
        code = in_code(name)
        index = "..., keep" if place.dims.rank else "keep"
        return f"keep = np.flatnonzero({keep}); {code} = {array_in_code(name, given)}[{index}]{also}"
    return finite(array, name, remove=remove, given=given, rows=not place.dims.rank)


def also_kept(others: Sequence[tuple[str, object, ModelInput]], Y: object, name: str) -> str:
    """The code that keeps the observations ``keep`` of the other inputs and of the targets."""
    parts = []
    for other, given, place in others:
        code = in_code(other)
        index = "..., keep, :" if place.dims.timed else "..., keep" if place.dims.rank else "keep"
        parts.append(f"{code} = [{code}[i] for i in keep]" if place.dims.timed and isinstance(given, (list, tuple)) else
                     f"{code} = {code}[{index}]")
    Y_code = in_code(name)
    parts.append(f"{Y_code} = {Y_code}[keep]" if isinstance(Y, (np.ndarray, categorical)) else
                 f"{Y_code} = [{Y_code}[i] for i in keep]")
    return "".join(f"; {part}" for part in parts)


def lengths_behind(lgraph: LayerGraph, inputs: Sequence[InputColumn], cutting: Cutting, leave_out: str) -> np.ndarray:
    """The numbers of steps that leave a network for sequences of these lengths; windows must fit into the shortest.

    Args:
        lgraph: The network.
        inputs: The data of all inputs.
        cutting: How sequences are cut.
        leave_out: The code that keeps the observations ``keep``.
    """
    columns = {place.name: column for place, column in zip(model_inputs(lgraph), inputs, strict=True)
               if isinstance(column, Sequences)}
    distinct = [*{column.lengths.tobytes(): column.lengths for column in columns.values()}.values()]
    groups = {name: next(at for at, lengths in enumerate(distinct) if np.array_equal(lengths, column.lengths))
              for name, column in columns.items()}
    sources = {place.name: place.dims.with_size("T", columns[place.name].longest) for place in model_inputs(lgraph)
               if place.name in columns}
    lowered = lower(lgraph, training=True, sources=sources, ragged=groups)
    lowered.issues.raise_if_any()
    check_windows(lowered.graph, distinct, leave_out)
    if not isinstance(cutting.length, str):
        check_windows_of_pieces(lowered.graph, distinct, cutting.length)
    behind = dict(zip(lowered.graph.lengths, distinct, strict=True))
    for node in lowered.graph.nodes:
        if node.op.name == "rescale_lengths":
            behind[node.outputs[0]] = node.attrs["rule"](behind[node.inputs[0]])
    leaving = lowered.graph.results[0].lengths
    return distinct[0] if leaving is None else behind[leaving]


def check_windows(graph: Graph, lengths: Sequence[np.ndarray], leave_out: str) -> None:
    """Windows must fit into every sequence; where they fit into some, the call that keeps these is said."""
    try:
        check_lengths(graph, lengths)
    except DltoolboxError as error:
        issue = error.issues[0]
        enough = next((least for least in np.unique(lengths[0]).tolist() if fit(graph, [np.array([least])])), 0)
        if len(lengths) > 1 or not enough:
            raise
        short = np.flatnonzero(lengths[0] < enough)
        fail(issue.identifier.removeprefix("dltoolbox:"), f"{issue.message} {counted(short.size, 'sequence')} of "
             f"{lengths[0].size} {'is' if short.size == 1 else 'are'} shorter; the first is observation {short[0] + 1}.",
             f"Leave them out: {leave_out.format(least=enough)}. {issue.hint.partition(', or ')[2].capitalize()}".strip(),
             layer=issue.layer)


def check_windows_of_pieces(graph: Graph, lengths: Sequence[np.ndarray], steps: int) -> None:
    """Windows must fit into every piece of so many steps, and into what is left at the ends."""
    pieces = [np.minimum(each, np.where(each % steps, each % steps, steps)) for each in lengths]
    if not fit(graph, pieces):
        least = counted(int(pieces[0].min()), "step")
        fail(f"{FUNCTION}:piecesTooShort", f"SequenceLength={steps} leaves pieces of {least}, less than the windows of "
             "the network need.", "Use SequenceLength='longest'.")


def fit(graph: Graph, lengths: Sequence[np.ndarray]) -> bool:
    """Whether something comes out of every window for sequences of these lengths."""
    try:
        check_lengths(graph, lengths)
    except DltoolboxError:
        return False
    return True


def with_output_mode(lgraph: LayerGraph, end: Layer, mode: str) -> str:
    """Advice that makes a network give its last step, or all: the layer that decides on it, as it should be."""
    what = "one target per sequence" if mode == "last" else "a target per time step"
    layer: Layer | None = end
    while layer is not None:
        if "OutputMode" in layer.properties:
            new = layer.copy()
            vars(new).update(OutputMode=mode)
            return f"To learn {what}, set OutputMode='{mode}' in layer '{layer.Name}': {new!r}."
        sources = [edge.source.layer for edge in lgraph.connections_of(layer.Name) if edge.destination.layer == layer.Name]
        layer = lgraph.layer(sources[0]) if len(sources) == 1 else None
    if mode == "last":
        return f"To learn {what}, insert globalAveragePooling1dLayer before the last fully connected layer."
    return f"To learn {what}, leave out the layer that drops the time steps."
