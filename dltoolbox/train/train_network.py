"""trainNetwork: from the user's arrays, layers and options to a trained network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import DltoolboxError, fail, warn
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import show
from dltoolbox.data.categorical import categorical
from dltoolbox.exchange.archive import saveNetwork
from dltoolbox.layers.base import Layer, is_factory
from dltoolbox.layers.inputs import DataInput
from dltoolbox.layers.outputs import ClassOutput, OutputLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.lower import ONE_VALUE, Lowered, LoweredLayer
from dltoolbox.network.networks import lower_checked
from dltoolbox.ops import ParameterKey
from dltoolbox.program.data_layout import input_layers, network_inputs
from dltoolbox.program.model import Model, sizes_of
from dltoolbox.runtime.interrupts import held
from dltoolbox.train.dataset import Dataset
from dltoolbox.train.input_statistics import normalization_statistics
from dltoolbox.train.loop import train
from dltoolbox.train.options import TrainingOptions
from dltoolbox.train.targets import encode_labels, encode_responses, finite, numeric


def trainNetwork(X: Any, Y: Any, layers: Any, options: TrainingOptions, *, nargout: int = 1) -> Any:
    """Train a network: ``net = trainNetwork(X, Y, layers, options)``.

    Args:
        X: Images h×w×c×N, volumes h×w×d×c×N, or features N×f, of any real type; a list of arrays for several input
            layers, in the order of the layer graph's InputNames.
        Y: A categorical of N labels for classification, label images h×w×N for pixel classification, or responses N×R
            or h×w×c×N for regression.
        layers: A layer array or layer graph with one output layer; a trained network continues from its weights.
        options: From `trainingOptions`.
        nargout: 2 returns the training history, too: ``net, info = trainNetwork(…, nargout=2)``.

    Returns:
        A `SeriesNetwork` for a plain sequence of layers, else a `DAGNetwork`. ``info`` has TrainingLoss,
        TrainingAccuracy or TrainingRMSE, the validation figures and BaseLearnRate, one element per iteration.
        Nothing that was passed is changed.

    Raises:
        DltoolboxError: every problem of the network at once; ``dltoolbox:trainNetwork:…`` for data and options. An error
            that ends training in its course has the network so far in its attribute ``network``. Ctrl+C returns it.

    Example:
        >>> X = np.arange(20.0).reshape(10, 2); Y = X @ [1.0, -1.0]
        >>> net = trainNetwork(X, Y, [featureInputLayer(2), fullyConnectedLayer(1), regressionLayer],
        ...                    trainingOptions('sgdm', MaxEpochs=2, Verbose=False))
        >>> predict(net, X).shape
        (10, 1)
    """
    check_nargout(nargout, 2, "trainNetwork")  # before hours of training, not after them
    check_arguments(X, layers, options)
    lgraph = layerGraph(layers)
    refuse_sequences(lgraph)
    end = the_output(lgraph)
    lowered = lower_checked(lgraph)
    size = arriving(lowered, end)
    inputs = predictors(lgraph, X)
    target = encode(end, size, Y, inputs[0].shape[-1])
    more, held_out = None, []
    if options.ValidationData is not None:
        more = predictors(lgraph, options.ValidationData[0], "X of ValidationData")
        held_out = [encode(end, size, options.ValidationData[1], more[0].shape[-1], name="Y of ValidationData")]
    given = options.ResetInputNormalization and any(statistics_of(layer) for layer in input_layers(lgraph))
    missing = forget_statistics(lgraph, options)
    if given:  # what was forgotten may have had another shape
        lowered = lower_checked(lgraph)

    def initialize() -> None:
        for layer, data in zip(input_layers(lgraph), inputs, strict=True):
            initialise_normalisation(model, layer, data, missing.get(layer.Name, ()))

    with held(drop=True), network_kept(Model(lgraph, precision=options.Precision, lowered=lowered)) as model:
        warn_of_single_values(model, inputs, min(options.MiniBatchSize, inputs[0].shape[-1]))
        if options.CheckpointPath:
            try_to_save(model)
        result = train(model, Dataset(inputs, [target], types=model.types(inputs)), options,
                       validation=None if more is None else Dataset(more, held_out, types=model.types(more)),
                       metric="accuracy" if end.task == "classification" else "rmse",
                       initialize=initialize if any(missing.values()) else None, save=lambda path: save(model, path))
        return outputs((model.network(), result.info), nargout, "trainNetwork")


@contextmanager
def network_kept(model: Model) -> Iterator[Model]:
    """An error in the middle of training (in an OutputFcn, say) carries the network of that moment: ``error.network``. So
    does a KeyboardInterrupt that training did not take as a wish to stop.
    """
    try:
        yield model
    except BaseException as error:
        with suppress(DltoolboxError):  # a network that holds NaN is no loss
            error.network = model.network()  # type: ignore[attr-defined]
            error.add_note("The network at this moment is kept in the attribute 'network' of this error.")
        raise


def check_arguments(X: object, layers: object, options: object) -> None:
    """Each argument is of the kind that belongs there; what is in it is checked later."""
    def what(value: object) -> str:
        return f"a categorical of size {times(value.shape)}" if isinstance(value, categorical) else show(value)
    order = "The order is trainNetwork(X, Y, layers, options)."
    if not isinstance(options, TrainingOptions):
        fail("trainNetwork:invalidOptions", f"The last argument must come from trainingOptions, but it is {what(options)}.",
             order if isinstance(layers, TrainingOptions) else "Call trainNetwork(X, Y, layers, trainingOptions('sgdm')).")
    if not isinstance(layers, (list, tuple, Layer, LayerGraph)) and not is_factory(layers):
        fail("trainNetwork:invalidLayers", f"The third argument must be a layer array or a layer graph, but it is "
             f"{what(layers)}.", order)
    if isinstance(layers, dlnetwork):
        fail("trainNetwork:isADlnetwork", "trainNetwork takes the loss from an output layer, and a dlnetwork has none.",
             "Add one to its layer graph: lgraph = addLayers(layerGraph(net), classificationLayer(Name='output')), then "
             f"lgraph = connectLayers(lgraph, '{[*layers.OutputNames, 'softmax'][0]}', 'output').")
    if isinstance(X, categorical):
        fail("trainNetwork:invalidPredictors", f"The first argument must hold the predictors, but it holds labels: it is "
             f"{what(X)}.", order)


def refuse_sequences(lgraph: LayerGraph) -> None:
    """Training counts observations, not yet their time steps."""
    for layer in input_layers(lgraph):
        if layer.dims().timed:
            fail("trainNetwork:notYetSupported", f"Input layer '{layer.Name}' takes sequences, which trainNetwork does not "
                 "train on yet.", "Use data without time steps (T).", layer=layer.Name)


def the_output(lgraph: LayerGraph) -> OutputLayer:
    """The one output layer. None at all is a problem of the network that `lower_checked` reports with all others."""
    ends = [one for one in lgraph.nodes if isinstance(one, OutputLayer)]
    if len(ends) > 1:
        fail("trainNetwork:severalOutputs", f"The network has {len(ends)} output layers "
             f"({', '.join(end.Name for end in ends)}), but trainNetwork trains networks with one.",
             "Remove all but one; a network with several outputs can only be assembled and predicted with.")
    if not ends:
        lower_checked(lgraph, loss=True)
    return ends[0]


def arriving(lowered: Lowered, end: OutputLayer) -> Dims:
    """Sizes of what reaches the output layer."""
    info: LoweredLayer = next(one for one in lowered.layers if one.layer is end)
    assert info.inputs is not None  # every layer of a checked network has its sizes
    return info.inputs[0]


def predictors(lgraph: LayerGraph, X: object, name: str = "X") -> list[np.ndarray]:
    """The arrays of the input layers, checked: sizes, type, at least one observation, no NaN or Inf."""
    layers = input_layers(lgraph)
    try:
        arrays = network_inputs(lgraph, [X], "trainNetwork", exact=True)
    except DltoolboxError as error:
        if name == "X":
            raise
        raise DltoolboxError(replace(one, message=f"{name}: {one.message}") for one in error.issues) from None
    names = [f"{name} for input layer '{one.Name}'" if len(layers) > 1 else name for one in layers]
    return [finite(numeric(array, its), its) for array, its in zip(arrays, names, strict=True)]


def encode(end: OutputLayer, size: Dims, Y: object, observations: int, *, name: str = "Y") -> Any:
    """Targets for the output layer. In training it learns the names of its classes or responses."""
    if isinstance(end, ClassOutput):
        target, names = encode_labels(Y, observations, classes=end.Classes if end.Classes == "auto" else list(end.Classes),
                                      spatial=size.spatial, pixels=end.per_pixel, training=name == "Y", name=name)
        if len(names) != size.channels:
            unused = [one for code, one in enumerate(names) if not (target.codes == code).any()]
            drop = f", or drop the categories that do not occur, {show(unused)}, with Y = removecats(Y)" if unused else ""
            fail("trainNetwork:classesMismatch", f"{name} has {counted(len(names), 'class')} ({', '.join(names[:5])}"
                 f"{', …' if len(names) > 5 else ''}), but {size.channels} scores reach the output layer.",
                 f"Make the last fully connected or convolution layer {len(names)} wide{drop}.", layer=end.Name)
        end.Classes = names
        return target
    end.name_responses(size)
    return encode_responses(Y, observations, tuple(n for n in size.sizes[:-1] if n is not None), name)


def statistics_of(layer: DataInput) -> list[str]:
    """Names of the statistics that an input layer has."""
    return [name for name in layer.statistics if getattr(layer, name) is not None]


def forget_statistics(lgraph: LayerGraph, options: TrainingOptions) -> dict[str, tuple[str, ...]]:
    """Names of the statistics to compute per input layer; ResetInputNormalization forgets the given ones."""
    missing: dict[str, tuple[str, ...]] = {}
    for layer in input_layers(lgraph):
        if options.ResetInputNormalization:
            for name in layer.statistics:
                setattr(layer, name, None)
        given = statistics_of(layer)
        missing[layer.Name] = tuple(name for name in layer.statistics if name not in given)
    return missing


def warn_of_single_values(model: Model, inputs: Sequence[np.ndarray], batch: int) -> None:
    """Of layers that normalise one value at a time in mini-batches of this size."""
    nodes = model.lowered(sizes_of(inputs), training=True).graph.nodes
    found = [node.layer for node in nodes if node.op.together(node.inputs[0].dims.with_size("B", batch), **node.attrs) == 1]
    if found:
        warn(f"trainNetwork:{ONE_VALUE}", f"{few(map(repr, found))} normalise every value by itself, so "
             "their outputs are Offset, whatever comes in, and the layers before them learn nothing.",
             "Raise MiniBatchSize for batch normalisation; normalise more than one value at a time otherwise.")


def initialise_normalisation(model: Model, layer: DataInput, data: np.ndarray, names: Sequence[str]) -> None:
    """Compute statistics of the training set and put them into the model."""
    if names:
        dimension = "channel" if layer.NormalizationDimension == "auto" else layer.NormalizationDimension
        for name, value in normalization_statistics(data, dimension, names).items():
            state = model.arrays[ParameterKey(layer.Name, name)]
            state[...] = value.reshape(state.shape)


def try_to_save(model: Model) -> None:
    """A network that cannot be saved is refused before hours of training, not at the first checkpoint."""
    with TemporaryDirectory() as folder:
        save(model, Path(folder, "network.dlnet"))


def save(model: Model, path: Path) -> None:
    """Write the network of this moment, for checkpoints."""
    saveNetwork(model.network(), path)
