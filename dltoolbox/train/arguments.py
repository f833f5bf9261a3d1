"""The arguments of trainNetwork: which is which, and the data as mini-batches for the network.

``trainNetwork(X, Y, layers, options)`` passes predictors and responses, ``trainNetwork(data, layers, options)`` something
that holds both. A kind of data that can be trained on registers its type with `source_of`.
"""

from __future__ import annotations

from functools import singledispatch
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
from dltoolbox.layers.base import Layer, is_factory
from dltoolbox.layers.outputs import ClassOutput, OutputLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.data_layout import input_layers, named_arrays, network_inputs
from dltoolbox.train.options import TrainingOptions
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
    """The target of the data: a network, its output layer, and the sizes of what reaches that."""

    lgraph: LayerGraph
    end: OutputLayer
    size: Dims


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
    if is_table(data) and (not responses or are_columns(responses[0], data)):
        return table_source(data, responses[0] if responses else None, task, f"tbl{of}")
    if not responses:
        fail("trainNetwork:missingResponses", f"The first argument must hold predictors and responses, but it is "
             f"{what(data)}.", "Pass the responses as well: trainNetwork(X, Y, layers, options).")
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


def predictors(lgraph: LayerGraph, X: Any, name: str, remove: Remove) -> list[np.ndarray]:
    """The arrays of the input layers, checked: sizes, type, at least one observation, no NaN or Inf."""
    layers = input_layers(lgraph)
    arrays = network_inputs(lgraph, [X], "trainNetwork", exact=True, name=name)
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
    _, end, size = task
    if not isinstance(end, ClassOutput):
        end.name_responses(size)
        return encode_responses(Y, observations, tuple(n for n in size.sizes[:-1] if n is not None), name, remove)
    target, names = encode_labels(Y, observations, classes=end.Classes if end.Classes == "auto" else list(end.Classes),
                                  spatial=size.spatial, pixels=end.per_pixel, training=training, name=name,
                                  channels=size.channels or 0, output=f"{end.label()}(Name={end.Name!r})", remove=remove)
    if len(names) != size.channels:
        unused = [category for code, category in enumerate(names) if not (target.codes == code).any()]
        drop = (f", or drop {'the category that does' if len(unused) == 1 else 'the categories that do'} not occur, "
                f"{show(unused)}, with {in_code(name)} = removecats({label_code(name, Y)})" if unused else "")
        fail("trainNetwork:classesMismatch", f"{name} has {counted(len(names), 'class')} ({', '.join(names[:5])}"
             f"{', …' if len(names) > 5 else ''}), but {counted(size.channels, 'score')} "
             f"{'reaches' if size.channels == 1 else 'reach'} the output layer.",
             f"{widened(task, len(names))}{drop}.", layer=end.Name)
    end.Classes = names
    return target


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
