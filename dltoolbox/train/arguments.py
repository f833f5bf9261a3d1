"""The arguments of trainNetwork: which is which, and the data as mini-batches for the network.

``trainNetwork(X, Y, layers, options)`` passes predictors and responses, ``trainNetwork(data, layers, options)`` something
that holds both. A kind of data that can be trained on registers its type with `source_of`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.arrays import ArraySource, TargetColumn
from dltoolbox.data.sources.batches import Batches
from dltoolbox.layers.base import Layer, is_factory
from dltoolbox.layers.outputs import ClassOutput, OutputLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.data_layout import input_layers, network_inputs
from dltoolbox.train.options import TrainingOptions
from dltoolbox.train.targets import encode_labels, encode_responses, finite, numeric_targets

ARGUMENT_ORDER = "The order is trainNetwork(X, Y, layers, options)."
NUMBERS = ("first", "second", "third")


class Arguments(NamedTuple):
    """Each argument in its place; ``data`` are the predictors and the responses, or what holds both."""

    data: tuple[object, ...]
    layers: Any
    options: TrainingOptions


class Task(NamedTuple):
    """What the data have to fit: a network, its output layer, and the sizes of what reaches that."""

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
    """What holds the data, as mini-batches for a task. Data of a type that nobody has registered are arrays.

    Args:
        data: The predictors, or what holds the responses as well.
        responses: The responses, where they come apart.
        task: What the data have to fit. From training data the output layer learns the names of its classes or responses.
        of: `` of ValidationData``, in messages.
    """
    if not responses:
        fail("trainNetwork:missingResponses", f"The first argument must hold predictors and responses, but it is "
             f"{what(data)}.", "Pass the responses as well: trainNetwork(X, Y, layers, options).")
    inputs = predictors(task.lgraph, data, f"X{of}")
    return ArraySource(inputs, [encode_targets(task, responses[0], inputs[0].shape[-1], name=f"Y{of}")])


def predictors(lgraph: LayerGraph, X: object, name: str) -> list[np.ndarray]:
    """The arrays of the input layers, checked: sizes, type, at least one observation, no NaN or Inf."""
    layers = input_layers(lgraph)
    try:
        arrays = network_inputs(lgraph, [X], "trainNetwork", exact=True)
    except DltoolboxError as error:
        if name == "X":
            raise
        raise DltoolboxError(replace(issue, message=f"{name}: {issue.message}") for issue in error.issues) from None
    names = [f"{name} for input layer '{layer.Name}'" if len(layers) > 1 else name for layer in layers]
    return [finite(numeric_targets(array, its_name), its_name) for array, its_name in zip(arrays, names, strict=True)]


def encode_targets(task: Task, Y: object, observations: int, *, name: str) -> TargetColumn:
    """Targets for the output layer. In training it learns the names of its classes or responses."""
    _, end, size = task
    if not isinstance(end, ClassOutput):
        end.name_responses(size)
        return encode_responses(Y, observations, tuple(n for n in size.sizes[:-1] if n is not None), name)
    target, names = encode_labels(Y, observations, classes=end.Classes if end.Classes == "auto" else list(end.Classes),
                                  spatial=size.spatial, pixels=end.per_pixel, training=name == "Y", name=name)
    if len(names) != size.channels:
        unused = [category for code, category in enumerate(names) if not (target.codes == code).any()]
        drop = f", or drop the categories that do not occur, {show(unused)}, with Y = removecats(Y)" if unused else ""
        fail("trainNetwork:classesMismatch", f"{name} has {len(names)} classes ({', '.join(names[:5])}"
             f"{', …' if len(names) > 5 else ''}), but {size.channels} scores reach the output layer.",
             f"Make the last fully connected or convolution layer {len(names)} wide{drop}.", layer=end.Name)
    end.Classes = names
    return target
