"""Sequences to train on, and how long what a network makes of them is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import in_code
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.layouts import array_in_code
from dltoolbox.data.sources.sequence_forms import SequencePlace, read_sequences
from dltoolbox.data.sources.sequence_source import InputColumn, observation_count
from dltoolbox.data.sources.sequences import Sequences
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops.sequences.lengths import check_lengths
from dltoolbox.program.data_layout import ModelInput, model_inputs, named_arrays, observations, refuse_count
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
    data, names = named_arrays([X], len(places), name)
    if len(data) != len(places):
        refuse_count(places, len(data), FUNCTION)
    issues, inputs = IssueCollector(), list[InputColumn]()
    for number, (place, given, its_name) in enumerate(zip(places, data, names, strict=True)):
        with issues.collect(layer=place.name):
            others = [part for at, part in enumerate(zip(names, data, places, strict=True)) if at != number]
            inputs.append(one_input(place, given, its_name, also_kept(others, Y, f"Y{name[1:]}")))
    issues.raise_if_any()
    counts = [observation_count(column) for column in inputs]
    if len(set(counts)) > 1:
        found = listed(f"{counted(count, 'observation')} in {its_name}"
                       for its_name, count in zip(names, counts, strict=True))
        fail(f"{FUNCTION}:observationsMismatch", f"The inputs have different numbers of observations: {found}.",
             "Pass the same observations to every input.")
    return inputs


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


def lengths_behind(lgraph: LayerGraph, inputs: Sequence[InputColumn]) -> np.ndarray:
    """The numbers of steps that leave a network for sequences of these lengths; windows must fit into the shortest."""
    places = model_inputs(lgraph)
    distinct: list[np.ndarray] = []
    groups: dict[str, int] = {}
    for place, column in zip(places, inputs, strict=True):
        if isinstance(column, Sequences):
            known = [number for number, lengths in enumerate(distinct) if np.array_equal(lengths, column.lengths)]
            groups[place.name] = known[0] if known else len(distinct)
            distinct += [] if known else [column.lengths]
    sources = {place.name: place.dims.with_size("T", column.longest) for place, column in zip(places, inputs, strict=True)
               if isinstance(column, Sequences)}
    lowered = lower(lgraph, training=True, sources=sources, ragged=groups)
    lowered.issues.raise_if_any()
    check_lengths(lowered.graph, distinct)
    behind = dict(zip(lowered.graph.lengths, distinct, strict=True))
    for node in lowered.graph.nodes:
        if node.op.name == "rescale_lengths":
            behind[node.outputs[0]] = node.attrs["rule"](behind[node.inputs[0]])
    leaving = lowered.graph.results[0].lengths
    return distinct[0] if leaving is None else behind[leaving]


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
