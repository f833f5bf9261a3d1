"""trainNetwork: from the user's arrays, layers and options to a trained network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import few
from dltoolbox.core.errors import DltoolboxError, fail, warn
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.data.sources.batches import Batches
from dltoolbox.data.sources.sequence_source import WHOLE, Cutting
from dltoolbox.engines.engine import Engine
from dltoolbox.engines.environments import new_engine
from dltoolbox.exchange.archive import saveNetwork
from dltoolbox.layers.inputs import DataInput
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.lower import ONE_VALUE, Lowered, LoweredLayer
from dltoolbox.network.lowering.modes import check_problems
from dltoolbox.network.networks import lower_checked
from dltoolbox.ops import ParameterKey
from dltoolbox.program.data_layout import input_layers
from dltoolbox.runtime.interrupts import held
from dltoolbox.train.arguments import Task, bind_arguments, source_of
from dltoolbox.train.input_statistics import chunk_size, normalization_statistics, without_padding
from dltoolbox.train.loop import train
from dltoolbox.train.options import TrainingOptions

Missing = tuple[DataInput, tuple[str, ...]]  # an input layer, and the names of the statistics that it lacks


def trainNetwork(X: Any, Y: Any, layers: Any, options: Any = None, *, nargout: int = 1) -> Any:
    """Train a network: ``net = trainNetwork(X, Y, layers, options)``.

    A table of features, such as a pandas DataFrame, holds predictors and responses: ``trainNetwork(tbl, layers, options)``
    learns its last column, ``trainNetwork(tbl, 'price', layers, options)`` the one that is named, or several in a list.

    Args:
        X: Images h×w×c×N, volumes h×w×d×c×N, or features N×f, of any real type; sequences as a list of N arrays c×T or
            h×w×c×T, of any lengths. A list of these for several input layers, in the order of the layer graph's InputNames.
        Y: A categorical of N labels for classification, label images h×w×N for pixel classification, or responses N×R
            or h×w×c×N for regression. For networks that give something at every time step a list with one element per
            sequence: a categorical of T labels, or responses R×T.
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
        >>> import numpy as np
        >>> X = np.arange(20.0).reshape(10, 2); Y = X @ [1.0, -1.0]
        >>> net = trainNetwork(X, Y, [featureInputLayer(2), fullyConnectedLayer(1), regressionLayer],
        ...                    trainingOptions('sgdm', MaxEpochs=2, Verbose=False))
        >>> predict(net, X).shape
        (10, 1)
    """
    check_nargout(nargout, 2, "trainNetwork", sequence=False)  # before hours of training, not after them
    data, layers, options = bind_arguments(X, Y, layers, options)
    lgraph = layerGraph(layers)
    end = the_output(lgraph)
    metric = "accuracy" if end.task == "classification" else "rmse"
    if options.Metrics not in (None, metric):
        fail("trainNetwork:metricOfOtherTask", f"Metrics is '{options.Metrics}', but layer '{end.Name}' is for {end.task}, "
             f"and trainNetwork measures '{metric}' there.", f"Pass Metrics='{metric}', or leave the option out.")
    lowered = lower_checked(lgraph)
    check_problems(lowered)  # before the data are looked at
    task = Task(lgraph, end, incoming_dims(lowered, end), Cutting(options.SequenceLength, options.SequencePaddingDirection))
    training, validation = source_of(*data, task=task), None
    if options.ValidationData is not None:
        responses = data[1:] if len(options.ValidationData) == 1 else ()  # of a table in the same columns
        validation = source_of(*options.ValidationData, *responses, task=task._replace(cutting=WHOLE),
                               of=" of ValidationData")
    given = options.ResetInputNormalization and any(statistics_of(layer) for layer in input_layers(lgraph))
    missing = forget_statistics(lgraph, options)
    if given:  # what was forgotten may have had another shape
        lowered = lower_checked(lgraph)

    make = partial(new_engine, options.ExecutionEnvironment, lgraph, precision=options.Precision, lowered=lowered)
    with held(drop=True), network_kept(make()) as model:
        for source in filter(None, (training, validation)):
            source.narrow(model.types(source.input_types))
        warn_of_single_values(model, training.input_sizes, min(options.MiniBatchSize, training.count))
        if options.CheckpointPath:
            try_to_save(model)
        initialize = partial(initialise_normalisation, model, training, missing)
        result = train(model, training, options, validation=validation,
                       metric=metric, initialize=initialize if any(names for _, names in missing) else None,
                       save=partial(save, model))
        return outputs((model.network(), result.info), nargout, "trainNetwork")


@contextmanager
def network_kept(model: Engine) -> Iterator[Engine]:
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


def the_output(lgraph: LayerGraph) -> OutputLayer:
    """The one output layer. None at all is a problem of the network that `lower_checked` reports with all others."""
    ends = [layer for layer in lgraph.nodes if isinstance(layer, OutputLayer)]
    if len(ends) > 1:
        fail("trainNetwork:severalOutputs", f"The network has {len(ends)} output layers "
             f"({', '.join(end.Name for end in ends)}), but trainNetwork trains networks with one.",
             "Remove all but one; a network with several outputs can only be assembled and predicted with.")
    if not ends:
        lower_checked(lgraph, loss=True)
    return ends[0]


def incoming_dims(lowered: Lowered, end: OutputLayer) -> Dims:
    """Sizes of what reaches the output layer."""
    info: LoweredLayer = next(lowered_layer for lowered_layer in lowered.layers if lowered_layer.layer is end)
    assert info.inputs is not None  # every layer of a checked network has its sizes
    return info.inputs[0]


def statistics_of(layer: DataInput) -> list[str]:
    """Names of the statistics that an input layer has."""
    return [name for name in layer.statistics if getattr(layer, name) is not None]


def forget_statistics(lgraph: LayerGraph, options: TrainingOptions) -> list[Missing]:
    """The statistics to compute per input layer; ResetInputNormalization forgets the given ones."""
    missing: list[Missing] = []
    for layer in input_layers(lgraph):
        if options.ResetInputNormalization:
            for name in layer.statistics:
                setattr(layer, name, None)
        given = statistics_of(layer)
        missing.append((layer, tuple(name for name in layer.statistics if name not in given)))
    return missing


def warn_of_single_values(model: Engine, sizes: Sequence[tuple[int, ...]], batch: int) -> None:
    """Of layers that normalise one value at a time in mini-batches of so many observations of these sizes."""
    nodes = model.lowered(tuple(sizes), training=True).graph.nodes
    issues = [node.layer for node in nodes if node.op.together(node.inputs[0].dims.with_size("B", batch), **node.attrs) == 1]
    if issues:
        warn(f"trainNetwork:{ONE_VALUE}", f"{few(map(repr, issues))} normalise every value by itself, so "
             "their outputs are Offset, whatever comes in, and the layers before them learn nothing.",
             "Raise MiniBatchSize for batch normalisation; normalise more than one value at a time otherwise.")


def initialise_normalisation(model: Engine, data: Batches, missing: Sequence[Missing]) -> None:
    """Compute the missing statistics of input layers from the training set and put them into the model."""
    for number, (layer, names) in enumerate(missing):
        if names:
            dimension = "channel" if layer.NormalizationDimension == "auto" else layer.NormalizationDimension
            batches = (without_padding(batch, number, timed=layer.dims().timed)
                       for batch in data.input_batches(chunk_size(data.input_sizes[number])))
            for name, value in normalization_statistics(batches, dimension, names).items():
                model.assign(ParameterKey(layer.Name, name), value)


def try_to_save(model: Engine) -> None:
    """A network that cannot be saved is refused before hours of training, not at the first checkpoint."""
    with TemporaryDirectory() as folder:
        save(model, Path(folder, "network.dlnet"))


def save(model: Engine, path: Path) -> None:
    """Write the network of this moment, for checkpoints."""
    saveNetwork(model.network(), path)
