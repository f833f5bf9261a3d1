"""The arguments of trainNetwork: which is which, and the data as mini-batches for the network.

``trainNetwork(X, Y, layers, options)`` passes predictors and responses, ``trainNetwork(data, layers, options)`` something
that holds both. A kind of data that can be trained on registers its type with `source_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, singledispatch
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.arrays import in_code
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.table import Table
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.arrays import ArraySource, TargetColumn
from dltoolbox.data.sources.batches import Batches
from dltoolbox.data.sources.layouts import array_in_code
from dltoolbox.data.sources.sequence_source import WHOLE, Cutting, SequenceSource, TargetsOfSequences
from dltoolbox.data.sources.sequences import Sequences
from dltoolbox.layers.base import Layer, is_factory
from dltoolbox.layers.outputs import ClassOutput, OutputLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.data_layout import ModelInput, input_layers, model_inputs, named_arrays, observations, read_each
from dltoolbox.train.options import TrainingOptions
from dltoolbox.train.sequences.inputs import also_kept, lengths_behind, sequence_inputs, with_output_mode
from dltoolbox.train.sequences.targets import Expected, check_per_sequence, labels_of_steps, responses_of_steps
from dltoolbox.train.tables import are_columns, is_table, split_table
from dltoolbox.train.targets import (
    Remove,
    encode_labels,
    encode_responses,
    finite,
    label_code,
    numeric_targets,
    refuse_empty,
)

ARGUMENT_ORDER = "The order is trainNetwork(X, Y, layers, options)."
NUMBERS = ("first", "second", "third")


class Arguments(NamedTuple):
    """Each argument in its place; ``data`` are the predictors and the responses, or what holds both."""

    data: tuple[object, ...]
    layers: Any
    options: TrainingOptions


class Task(NamedTuple):
    """The target of the data: a network, its output layer, the sizes of what reaches that, and how sequences are cut."""

    lgraph: LayerGraph
    end: OutputLayer
    size: Dims
    cutting: Cutting = WHOLE


def bind_arguments(*arguments: object) -> Arguments:
    """Options come last, layers before them, and data first. Each is of the kind that belongs there; what is in it is
    checked later.
    """
    if arguments[-1] is None and isinstance(arguments[-2], TrainingOptions):  # three were passed
        arguments = arguments[:-1]
    *data, layers, options = arguments
    if not isinstance(options, TrainingOptions):
        fail("trainNetwork:invalidOptions", f"The last argument must come from trainingOptions, but it is {what(options)}.",
             ARGUMENT_ORDER if isinstance(layers, TrainingOptions) else
             "Call trainNetwork(X, Y, layers, trainingOptions('sgdm')).")
    if not isinstance(layers, (list, tuple, Layer, LayerGraph)) and not is_factory(layers):
        fail("trainNetwork:invalidLayers", f"The {NUMBERS[len(data)]} argument must be a layer array or a layer graph, but "
             f"it is {what(layers)}.", ARGUMENT_ORDER)
    if isinstance(layers, dlnetwork):
        fail("trainNetwork:isADlnetwork", "trainNetwork takes the loss from an output layer, and a dlnetwork has none.",
             "Add one to its layer graph: lgraph = addLayers(layerGraph(net), classificationLayer(Name='output')), then "
             f"lgraph = connectLayers(lgraph, '{[*layers.OutputNames, 'softmax'][0]}', 'output').")
    if isinstance(data[0], categorical):
        fail("trainNetwork:invalidPredictors", f"The first argument must hold the predictors, but it holds labels: it is "
             f"{what(data[0])}.", ARGUMENT_ORDER)
    return Arguments(tuple(data), layers, options)


def what(value: object) -> str:
    """An argument, in messages."""
    return f"a categorical of size {times(value.shape)}" if isinstance(value, categorical) else show(value)


@singledispatch
def source_of(data: object, *responses: object, task: Task, of: str = "") -> Batches:
    """The source that holds the data, as mini-batches for a task. Data of a type that nobody has registered are arrays.

    Args:
        data: The predictors, or what holds the responses as well.
        responses: The responses, where they come apart.
        task: What the data have to fit. From training data the output layer learns the names of its classes or responses.
        of: `` of ValidationData``, in messages.
    """
    timed = any(place.dims.timed for place in model_inputs(task.lgraph))
    if is_table(data) and not (timed and responses) and (not responses or are_columns(responses[0], data)):
        return table_source(data, responses[0] if responses else None, task, f"tbl{of}")
    if not responses:
        fail("trainNetwork:missingResponses", f"The first argument must hold predictors and responses, but it is "
             f"{what(data)}.", "Pass the responses as well: trainNetwork(X, Y, layers, options).")
    if timed:
        return sequence_source(data, responses[0], task, of)
    Y, remove = responses[0], remover(task, data, responses[0], of)
    inputs = predictors(task.lgraph, data, f"X{of}", remove)
    return ArraySource(inputs, [encode_targets(task, Y, inputs[0].shape[-1], training=not of, name=f"Y{of}",
                                               remove=remove)])


def table_source(table: object, responses: object, task: Task, name: str) -> Batches:
    """A table of features as mini-batches."""
    variable = in_code(name)
    X, Y, target = split_table(table, responses, task.lgraph, variable)

    def remove(keep: str) -> str:
        if isinstance(table, Table):
            return f"{variable} must be made without them"
        return f"{variable} = {variable}.replace([np.inf, -np.inf], np.nan).dropna()"
    inputs = [finite(numeric_targets(X.T, variable), variable, remove=remove, given=X, rows=True)]
    return ArraySource(inputs, [encode_targets(task, Y, len(X), training=variable == "tbl", name=target, remove=remove)])


def sequence_source(X: object, Y: object, task: Task, of: str) -> Batches:
    """Sequences, alone or beside other data, as mini-batches."""
    inputs = sequence_inputs(task.lgraph, X, Y, f"X{of}")
    columns = [column for column in inputs if isinstance(column, Sequences)]
    code, also = in_code(f"X{of}"), also_kept([], Y, f"Y{of}")
    lengths = lengths_behind(task.lgraph, inputs, task.cutting, f"keep = [i for i, x in enumerate({code}) if "
                             f"x.shape[-1] >= {{least}}]; {code} = [{code}[i] for i in keep]{also}")
    if task.cutting.length != "longest":
        check_cutting(task.cutting, [column.lengths for column in columns] + [lengths] * task.size.timed)
    target: TargetsOfSequences
    if task.size.timed:
        expected = Expected(lengths, code, f"Y{of}", with_output_mode(task.lgraph, task.end, "last"))
        target = encode_step_targets(task, Y, expected, training=not of)
    else:
        check_per_sequence(Y, columns[0], code, f"Y{of}", with_output_mode(task.lgraph, task.end, "sequence"))
        target = encode_targets(task, Y, len(columns[0]), training=not of, name=f"Y{of}",
                                remove=partial(sequences_removed, also, code))
    return SequenceSource(inputs, [target], task.cutting)


def sequences_removed(also: str, code: str, keep: str) -> str:
    """The code that keeps the sequences of a list, and their targets, where a mask says so."""
    return f"keep = np.flatnonzero({keep}); {code} = [{code}[i] for i in keep]{also}"


def check_cutting(cutting: Cutting, lengths: Sequence[np.ndarray]) -> None:
    """Sequences that are cut together must have the same lengths, and so must what the network makes of them."""
    if any(not np.array_equal(lengths[0], other) for other in lengths):
        fail("trainNetwork:lengthsDiffer", f"SequenceLength={cutting.length!r} cuts inputs and targets at the same steps, "
             "but their numbers of steps differ.", "Use SequenceLength='longest'.")


def predictors(lgraph: LayerGraph, X: Any, name: str, remove: Remove) -> list[np.ndarray]:
    """The arrays of the input layers, checked: sizes, type, at least one observation, no NaN or Inf."""
    layers = input_layers(lgraph)

    def read(place: ModelInput, given: object, its_name: str) -> np.ndarray:
        return observations(given, place, "trainNetwork", exact=True, name=its_name)
    arrays = read_each(model_inputs(lgraph), [X], "trainNetwork", read, name)
    checked = []
    given: Any
    for array, layer, given, its_name in zip(arrays, layers, *named_arrays([X], len(layers), name), strict=True):
        if not array.size:
            refuse_empty(its_name, np.shape(given))
        label = f"{its_name} for input layer '{layer.Name}'" if len(layers) > 1 else its_name
        checked.append(finite(array, label, remove=remove, given=given, rows=not layer.dims().rank))
    return checked


def remover(task: Task, X: object, Y: object, of: str) -> Remove:
    """The call that removes observations from the given arrays, whatever their type and order."""
    layers = input_layers(task.lgraph)
    given, names = named_arrays([X], len(layers), f"X{of}")
    parts = [f"{array_in_code(name, part)}[{'' if not layer.dims().rank else '..., '}keep]"
             for part, name, layer in zip(given, names, layers, strict=False)]
    x, y = in_code(f"X{of}"), in_code(f"Y{of}")
    shape = attribute(Y, "shape") or (len(Y) if isinstance(Y, (list, tuple)) else 1,)
    last = len(shape) > 2 or any(n != 1 for n in task.size.spatial)
    kept = f"{y if attribute(Y, 'shape') is not None else f'np.asarray({y})'}[{'..., ' if last else ''}keep]"

    def remove(keep: str) -> str:
        return f"keep = {keep}; {x} = {parts[0] if len(layers) == 1 else '[' + ', '.join(parts) + ']'}; {y} = {kept}"
    return remove


def encode_targets(task: Task, Y: object, observations: int, *, training: bool, name: str,
                   remove: Remove) -> TargetColumn:
    """Targets for the output layer. In training it learns the names of its classes or responses."""
    end, size = task.end, task.size
    if not isinstance(end, ClassOutput):
        end.name_responses(size)
        return encode_responses(Y, observations, tuple(n for n in size.sizes[:-1] if n is not None), name, remove)
    target, names = encode_labels(Y, observations, classes=given_classes(end), spatial=size.spatial,
                                  pixels=end.pixelwise(size), training=training, name=name,
                                  channels=size.channels or 0, output=new_output(end), remove=remove)
    learn_classes(task, names, np.unique(target.codes), name, label_code(name, Y))
    return target


def encode_step_targets(task: Task, Y: object, expected: Expected, *, training: bool) -> TargetsOfSequences:
    """The same for targets of every time step of sequences."""
    end, size = task.end, task.size
    if not isinstance(end, ClassOutput):
        end.name_responses(size)
        return responses_of_steps(Y, expected, (*size.spatial, size.channels))
    target, names = labels_of_steps(Y, expected, classes=given_classes(end), spatial=size.spatial,
                                    pixels=end.pixelwise(size), training=training, output=new_output(end))
    seen = np.unique(np.concatenate([np.unique(part) for part in target.codes.parts]))
    learn_classes(task, names, seen, expected.name, f"[removecats(y) for y in {expected.Y}]")
    return target


def given_classes(end: ClassOutput) -> list[str] | str:
    return end.Classes if isinstance(end.Classes, str) else list(end.Classes)


def new_output(end: OutputLayer) -> str:
    """The call that makes an output layer which learns its classes anew."""
    return f"{end.label()}(Name={end.Name!r})"


def learn_classes(task: Task, names: tuple[str, ...], seen: np.ndarray, name: str, labels: str) -> None:
    """Give the output layer its classes, one per score; ``labels`` is their call without unused categories."""
    end, size = task.end, task.size
    if len(names) != size.channels:
        unused = [category for code, category in enumerate(names) if code not in seen]
        used = labels if labels.startswith("[") else f"removecats({labels})"
        drop = (f", or drop {'the category that does' if len(unused) == 1 else 'the categories that do'} not occur, "
                f"{show(unused)}, with {in_code(name)} = {used}" if unused else "")
        fail("trainNetwork:classesMismatch", f"{name} has {counted(len(names), 'class')} ({', '.join(names[:5])}"
             f"{', …' if len(names) > 5 else ''}), but {counted(size.channels, 'score')} "
             f"{'reaches' if size.channels == 1 else 'reach'} the output layer.",
             f"{widened(task, len(names))}{drop}.", layer=end.Name)
    end.Classes = names


def widened(task: Task, classes: int) -> str:
    """The layer that decides how many scores there are, as it should be."""
    layer: Layer | None = task.end
    while layer is not None:
        width = next((name for name in ("OutputSize", "NumFilters") if name in layer.properties), "")
        if width and layer is not task.end:
            new = layer.copy()
            vars(new).update({width: classes, "Weights": None, "Bias": None})
            return f"Make '{layer.Name}' {classes} wide: {new!r}"
        edges = task.lgraph.connections_of(layer.Name)
        sources = [edge.source.layer for edge in edges if edge.destination.layer == layer.Name]
        layer = task.lgraph.layer(sources[0]) if len(sources) == 1 else None
    return f"Make the last fully connected or convolution layer {classes} wide"
