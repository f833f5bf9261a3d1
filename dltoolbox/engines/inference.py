"""predict, classify, semanticseg and activations: a finished network applied to arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import DltoolboxError, fail, warn
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Configured, InvalidValue, Property, show, split_pairs
from dltoolbox.data.categorical import categorical
from dltoolbox.data.onehot import class_codes
from dltoolbox.engines.engine import Engine
from dltoolbox.engines.environments import engine_of, execution_environment
from dltoolbox.engines.formats import data_formats, labelled_inputs, labelled_outputs, per_observation, usual
from dltoolbox.layers.outputs import ClassOutput, OutputLayer, class_names
from dltoolbox.network.dlnetwork import chosen_outputs, dlnetwork, required
from dltoolbox.network.networks import DAGNetwork, Network
from dltoolbox.program.data_layout import Result, as_activations, as_rows, mended, named_arrays, network_inputs


def _of_datastores(value: object) -> None:
    """Nothing: labels are returned, and only those of a datastore would be written into files."""
    if value is not None:
        raise InvalidValue("left out for images in an array", "Only labels of the images of a datastore are written, and "
                           "there are no datastores in this release. Save what is returned, for example with np.save.",
                           "notInThisRelease")


class _Options(Configured):
    """Options that all of these functions take, and what the data are called."""

    argument = "X"

    MiniBatchSize = Property(convert.integer(1), 128)
    ExecutionEnvironment = Property(execution_environment, "auto")
    Acceleration = Property(convert.choice("auto", "mex", "none"), "auto")  # how MATLAB compiles; nothing here depends on it


class _SequenceOptions(_Options):
    """How sequences of several lengths become one array. Here all have one length, so nothing is cut and nothing padded; a
    number of steps, by which MATLAB splits sequences, is refused where there are any (`_run`).
    """

    SequenceLength = Property(convert.word_or_count("longest", "shortest"), "longest")
    SequencePaddingDirection = Property(convert.choice("right", "left"), "right")
    SequencePaddingValue = Property(convert.real(), 0)


class _Predict(_SequenceOptions):
    function = "predict"
    ReturnCategorical = Property(convert.flag, False)


class _PredictOutputs(_SequenceOptions):
    """Options of predict for a dlnetwork."""

    function = "predict"
    Outputs = Property(convert.texts, ())
    InputDataFormats = Property(data_formats, "auto")
    OutputDataFormats = Property(data_formats, "auto")
    UniformOutput = Property(convert.flag, True)


class _MiniBatchPredict(_PredictOutputs):
    function = "minibatchpredict"


class _Classify(_SequenceOptions):
    function = "classify"


class _Segment(_Options):
    function = "semanticseg"
    argument = "I"
    OutputType = Property(convert.choice("categorical", "double", "uint8"), "categorical")
    Classes = Property(class_names, "auto")
    Verbose = Property(convert.flag, True)  # of the progress through a datastore
    WriteLocation = Property(_of_datastores, None)
    NamePrefix = Property(_of_datastores, None)


class _Activations(_SequenceOptions):
    function = "activations"
    OutputAs = Property(convert.choice("channels", "rows", "columns"), "channels")


def _data_and_layer(arguments: Sequence[object]) -> tuple[list[Any], list[Any]]:
    """Arrays first, then the layer, by name or number, with what follows it."""
    layer = next((i for i, value in enumerate(arguments) if i and np.isscalar(value)), 1)
    return list(arguments[:layer]), list(arguments[layer:])


def _network(net: object, function: str, place: str = "first", other: object = None) -> DAGNetwork:
    if not isinstance(net, DAGNetwork):
        instead = ("scores2label(minibatchpredict(net, X), classNames)" if function == "classify" else
                   "minibatchpredict(net, X, Outputs=…)")
        arguments = "I, net" if function == "semanticseg" else "net, X, layer" if function == "activations" else "net, X"
        fail(f"{function}:notANetwork", f"The {place} argument of {function} must be a trained network, but it is "
             f"{show(net)}.", f"Use {instead} for a dlnetwork." if isinstance(net, dlnetwork) else
             f"Call {function}({arguments}), in this order." if isinstance(other, DAGNetwork) else
             "Train the layers with trainNetwork, or assemble them with assembleNetwork.")
    return net


def _run(net: Network, data: Sequence[object], options: _Options, ports: Sequence[str] = ()) -> list[Result]:
    """Outputs over all observations, mini-batch by mini-batch; the observation is the last axis."""
    inputs = network_inputs(net, data, options.function, exact=False, name=options.argument)
    engine = engine_of(net, options.ExecutionEnvironment)
    steps = getattr(options, "SequenceLength", "longest")
    if isinstance(steps, int) and any(entry.dims.timed for entry in engine.inputs):
        fail(f"{options.function}:notYetSupported", f"SequenceLength is {steps}, but sequences are not split in this "
             "release.", "Leave it out: the sequences are taken whole.")
    check_sizes(net, engine, inputs, ports, options, data)
    batches = [engine.results(batch, ports) for batch in mini_batches(inputs, options.MiniBatchSize)]
    for port, result in zip(ports, batches[0], strict=False):
        if "B" not in result.dims.labels:
            fail(f"{options.function}:invalidLayer", f"Port '{port}' carries a size, not activations.",
                 "Its value is the size of what enters the pooling layer.")
    return [Result(np.concatenate([part.array for part in parts], axis=-1), parts[0].dims) if len(parts) > 1 else parts[0]
            for parts in zip(*batches, strict=True)]


def check_sizes(net: Network, engine: Engine, inputs: Sequence[np.ndarray], ports: Sequence[str],
                options: _Options, data: Sequence[object]) -> None:
    """Other sizes than the input layers declare are fine unless a layer refuses them; then they are what is wrong."""
    declared = [(*entry.dims.spatial, entry.dims.channels) for entry in engine.inputs]
    if all(array.shape[:len(sizes)] == sizes for array, sizes in zip(inputs, declared, strict=True)):
        return
    listed = "; ".join(f"'{name}' takes {times(sizes)} and got {times(array.shape[:len(sizes)])}" for name, sizes, array in
                       zip(net.InputNames, declared, inputs, strict=True))
    try:
        engine.prepare(next(mini_batches(inputs, options.MiniBatchSize)), ports)
    except DltoolboxError as error:
        fail(f"{options.function}:inputSizeMismatch", f"The network does not accept data of this size: {listed}. "
             f"{error.issues[0]}", fitting_calls(engine, inputs, data, options))
    if not ports and (displaced := elsewhere(engine, [array.shape[:-1] for array in inputs], declared)):
        fail(f"{options.function}:inputSizeMismatch", f"The network does not accept data of this size: {listed}. As many "
             f"values reach {few(map(repr, displaced))}, but from other positions than its weights are for.",
             fitting_calls(engine, inputs, data, options))
    if options.function == "classify" and not net.cache.setdefault("warned of sizes", False):
        net.cache["warned of sizes"] = True
        warn("classify:otherSize", f"The network classifies data of another size than it was made for: {listed}.",
             f"{fitting_calls(engine, inputs, data, options)} What was learned at one size need not hold at another.")


def elsewhere(engine: Engine, sizes: Sequence[tuple[int, ...]], declared: Sequence[tuple[int, ...]]) -> list[str]:
    """Fully connected layers that data of other sizes, such as images with swapped sides, reach with as many features."""
    if any(entry.dims.timed for entry in engine.inputs):
        return []
    records = (engine.lowered(tuple(each), training=False).graph.nodes for each in (sizes, declared))
    here, usual = ({node.layer: node.inputs[0].dims.spatial for node in nodes if node.op.name == "dense"}
                   for nodes in records)
    return [layer for layer, spatial in here.items() if spatial != usual[layer]]


def fitting_calls(engine: Engine, inputs: Sequence[np.ndarray], data: Sequence[object], options: _Options) -> str:
    """The advice that resizes data to the sizes that the input layers declare."""
    given = zip(*named_arrays(data, len(inputs), options.argument), engine.inputs, inputs, strict=True)
    return " ".join(mended(X, place, name) for X, name, place, array in given
                    if array.shape[:place.dims.rank] != place.dims.spatial)


def mini_batches(inputs: Sequence[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """Consecutive observations; one empty mini-batch where there are none, so that sizes are known."""
    count = inputs[0].shape[-1]
    for start in range(0, max(count, 1), size):
        yield [array[..., start:start + size] for array in inputs]


def predict(net: Network, X: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Outputs of a network.

    Args:
        net: From `trainNetwork`, `assembleNetwork` or `loadNetwork`, or a `dlnetwork`.
        X: Images h×w×c×N (one image may come as h×w×c), volumes h×w×d×c×N, or features N×f; sequences of one length c×N×T,
            h×w×c×N×T and so on; any numeric type.
        *arguments: Data of further input layers, in the order of ``net.InputNames`` (or X is a list of all), then
            name-value pairs.
        nargout: Number of outputs for networks with several output layers; by default all of them.
        **options: ``MiniBatchSize`` (128), ``ExecutionEnvironment`` ('auto'), ``Acceleration`` ('auto'),
            ``ReturnCategorical`` (False: scores; True: labels for classification outputs). For a dlnetwork those of
            `minibatchpredict`. ``SequenceLength`` ('longest' or 'shortest'), ``SequencePaddingDirection`` and
            ``SequencePaddingValue`` have no effect, as all sequences have one length.

    Returns:
        Scores or responses, single: N×K for vectors, h×w×c×N for maps, also where a map has one element; K×N×T and h×w×c×N×T
        for sequences. A dlnetwork gives
        vectors where its output has no spatial dimensions (format CB); any other network where images of the declared size
        lead to one element, which does not hold for pixel classification. Several outputs come as a tuple.

    Raises:
        DltoolboxError: ``dltoolbox:predict:inputSizeMismatch``, ``…:notNumeric``, ``…:notANetwork`` and others.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> predict(net, [[1, 1], [2, 0]]).tolist()
        [[6.0], [5.0]]
    """
    more, pairs = split_pairs(arguments)
    if isinstance(net, dlnetwork):
        return predicted(net, [X, *more], _PredictOutputs(*pairs, **options), nargout)
    chosen = _Predict(*pairs, **options)
    ends = output_layers(_network(net, "predict", other=X))
    nargout = len(ends) if nargout is None else nargout
    check_nargout(nargout, len(ends), "predict")
    values = _run(net, [X, *more], chosen)
    sizes = engine_of(net, chosen.ExecutionEnvironment).leaving
    results = [labels_of(value, end) if chosen.ReturnCategorical and isinstance(end, ClassOutput) else
               as_rows(value, vectors=gives_vectors(end, declared))
               for value, end, declared in zip(values, ends, sizes, strict=True)]
    return outputs(results, nargout, "predict")


def minibatchpredict(net: dlnetwork, X: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Outputs of a dlnetwork for arrays of any number of observations, mini-batch by mini-batch.

    Args:
        net: An initialised `dlnetwork`.
        X: Data as for `predict`, for the first of ``net.InputNames``.
        *arguments: Data of further inputs, then name-value pairs.
        nargout: Number of outputs; by default all of them.
        **options: ``Outputs``: names of layers, or ``'layer/port'``, by default ``net.OutputNames``; ``MiniBatchSize``
            (128), ``ExecutionEnvironment`` ('auto'), ``Acceleration`` ('auto'), the options of sequences of `predict`;
            ``InputDataFormats`` ('auto'): labels of the dimensions of each array, where they stand in another order, as in
            'BSSC' for images N×h×w×c; ``OutputDataFormats`` ('auto'): the order of the dimensions of each output;
            ``UniformOutput`` (True; False gives a list of one array per observation).

    Returns:
        Scores, single: N×K ('BC') where the output has no spatial dimensions, else h×w×c×N ('SSCB'). Several outputs come as
        a tuple.

    Raises:
        DltoolboxError: ``dltoolbox:minibatchpredict:notADlnetwork``, ``…:notInitialized``, ``…:inputSizeMismatch``,
            ``…:formatMismatch``; ``dltoolbox:layerGraph:unknownLayer`` for Outputs.

    Example:
        >>> net = dlnetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]), reluLayer])
        >>> minibatchpredict(net, [[1, 1], [-2, -2]], Outputs=['fc', 'relu'])
        (array([[ 6.],
               [-3.]], dtype=float32), array([[6.],
               [0.]], dtype=float32))
    """
    more, pairs = split_pairs(arguments)
    return predicted(required(net, "minibatchpredict"), [X, *more], _MiniBatchPredict(*pairs, **options), nargout)


def predicted(net: dlnetwork, data: Sequence[object], chosen: _PredictOutputs, nargout: int | None) -> Any:
    """The outputs of a dlnetwork, or the chosen ones."""
    ports = chosen_outputs(ready(net, chosen.function), chosen.Outputs)
    count = len(ports or net.leaving)
    nargout = count if nargout is None else nargout
    check_nargout(nargout, count, chosen.function)
    data = labelled_inputs(net, data, chosen.InputDataFormats, chosen.function)
    values = _run(net, data, chosen, [str(port) for port in ports])
    formats: Sequence[str] = [usual(value.dims.labels) for value in values]
    results: list[Any] = labelled_outputs([as_rows(value, vectors=not value.dims.rank) for value in values], formats,
                                          chosen.OutputDataFormats, chosen.function)
    if not chosen.UniformOutput:
        formats = formats if chosen.OutputDataFormats == "auto" else chosen.OutputDataFormats
        results = [per_observation(result, labels) for result, labels in zip(results, formats, strict=True)]
    return outputs(results, nargout, chosen.function)


def ready(net: dlnetwork, function: str) -> dlnetwork:
    """The network, which must be initialised; of another one it is said what it lacks."""
    if net.Initialized:
        return net
    unset = dict.fromkeys(f"'{layer}'" for table in (net.Learnables, net.State)
                          for layer, value in zip(table.Layer, table.Value, strict=True) if not value.size)
    unsized = [port for port in (net.port_text(port, "inputs") for port in net.open_inputs()) if port not in net.layouts]
    why = (f"it has no values for the learnables or states of {few(unset)}" if unset else
           "it was edited, or made with Initialize=False" if net.nodes else "it has no layers")
    how = f"net = initialize(net, X), with an example input for {few(unsized)}" if unsized else "net = initialize(net)"
    fail(f"{function}:notInitialized", f"The dlnetwork is not initialised: {why}.",
         f"Call {how}; values that are set stay as they are." if net.nodes else
         "Add layers with addLayers, then call net = initialize(net).")


def classify(net: DAGNetwork, X: object, *arguments: object, nargout: int = 1, **options: object) -> Any:
    """Labels of a classification network: ``YPred = classify(net, X)``.

    Args:
        net: A network with one classification output.
        X: Data as for `predict`.
        *arguments: Data of further input layers, then name-value pairs.
        nargout: 2 returns the scores, too: ``YPred, scores = classify(net, X, nargout=2)``.
        **options: As `predict`, without ReturnCategorical.

    Returns:
        A categorical of N labels; with ``nargout=2`` also the scores, N×K single.

    Raises:
        DltoolboxError: ``dltoolbox:classify:notAClassificationNetwork`` for other networks.
    """
    check_nargout(nargout, 2, "classify")
    more, pairs = split_pairs(arguments)
    chosen = _Classify(*pairs, **options)
    ends = output_layers(_network(net, "classify", other=X))
    if len(ends) != 1 or not isinstance(ends[0], ClassOutput) or ends[0].per_pixel:
        use = "semanticseg(X, net)" if any(end.per_pixel for end in ends) else "predict(net, X)"
        fail("classify:notAClassificationNetwork", "classify needs a network with one classification output; this one "
             f"ends in {', '.join(end.Name for end in ends) or 'nothing'}.", f"Use {use}.")
    result = of_images(_run(net, [X, *more], chosen)[0], "classify")
    scores = as_rows(result, vectors=True)
    labels = categorical.from_codes(class_codes(scores, 1, "classify"), ends[0].Classes)
    return outputs((labels, scores), nargout, "classify")


def semanticseg(I: object, net: Network, *pairs: object, nargout: int = 1, **options: object) -> Any:  # noqa: E741
    """Labels of the pixels of images: ``C = semanticseg(I, net)``.

    Args:
        I: Images h×w×c×N (one image may come as h×w×c), or volumes.
        net: A network that ends in a pixelClassificationLayer, or a dlnetwork with one output, the scores of the classes.
        *pairs: Name-value pairs.
        nargout: 2 also returns the score of the chosen class, 3 the scores of all classes.
        **options: ``MiniBatchSize`` (128), ``OutputType`` ('categorical', 'double' or 'uint8': 1-based class numbers;
            undefined labels are NaN or 0), ``Classes`` ('auto': names of the classes as the output layer knows them; C1,
            C2, … for a dlnetwork).

    Returns:
        Labels h×w×N (h×w for one image), scores h×w×N, all scores h×w×K×N.

    Raises:
        DltoolboxError: ``dltoolbox:semanticseg:notASegmentationNetwork`` for other networks, ``…:classesMismatch``,
            ``…:notInitialized``.

    Example:
        >>> net = dlnetwork([imageInputLayer([2, 2, 1], Normalization='none'), convolution2dLayer(1, 2,
        ...                  Weights=np.reshape([1, -1], (1, 1, 1, 2)), Bias=[0, 0]), softmaxLayer])
        >>> semanticseg([[1, -1], [2, -2]], net, Classes=['high', 'low']).tolist()
        [['high', 'low'], ['high', 'low']]
    """
    check_nargout(nargout, 3, "semanticseg")
    chosen = _Segment(*pairs, **options)
    scores, names = segmented(I, net, chosen)
    codes = class_codes(scores, -2, "semanticseg")
    best = scores.max(-2)
    if scores.shape[-1] == 1:  # MATLAB drops trailing ones
        codes, best = codes[..., 0], best[..., 0]
    if chosen.OutputType == "categorical":
        labels: Any = categorical.from_codes(codes, names)
    else:
        labels = (codes + 1).astype(np.uint8)
        if chosen.OutputType == "double":
            labels = np.where(codes < 0, np.nan, codes + 1)
    return outputs((labels, best, scores), nargout, "semanticseg")


def segmented(images: object, net: Network, chosen: _Segment) -> tuple[np.ndarray, Sequence[str]]:
    """The scores of all pixels, h×w×K×N, and the names of the classes."""
    if isinstance(net, dlnetwork):
        fitting, names = len(ready(net, "semanticseg").leaving) == 1, None
    else:
        ends = output_layers(_network(net, "semanticseg", "second", images))
        fitting = len(ends) == 1 and ends[0].per_pixel
        names = ends[0].Classes if fitting else None
    result = _run(net, [images], chosen)[0] if fitting else None
    if result is None or not result.dims.rank:
        ends = output_layers(net)
        use = "classify" if len(ends) == 1 and isinstance(ends[0], ClassOutput) else "predict"
        fail("semanticseg:notASegmentationNetwork", "semanticseg needs a network with one output of classes per pixel.",
             f"Use {use}(net, I).")
    scores = of_images(result, "semanticseg").array
    count = scores.shape[-2]
    if chosen.Classes != "auto":
        names = chosen.Classes
    elif names is None:
        names = tuple(f"C{number + 1}" for number in range(count))
    if len(names) != count:
        fail("semanticseg:classesMismatch", f"There are {len(names)} Classes, but the network gives {count} scores per "
             "pixel.", f"Pass {counted(count, 'name')}.")
    return scores, names


def activations(net: DAGNetwork, X: object, layer: str | int, *arguments: object, **options: object) -> np.ndarray:
    """Output of any layer: ``act = activations(net, X, 'conv_2')``.

    Args:
        net: A network.
        X: Data as for `predict`; the data of further input layers follow it, before ``layer``.
        layer: Name of a layer, ``'layer/port'`` for a layer with several outputs, or a 1-based index.
        *arguments: Name-value pairs.
        **options: ``OutputAs``: 'channels' (default) h×w×c×N, 'rows' N×hwc, 'columns' hwc×N; ``MiniBatchSize`` (128).

    Returns:
        A single array; outputs without spatial dimensions count as 1×1×c×N in networks of images.
        Indices of max pooling are 0-based, row-major and local to the channel and the observation.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``, ``…:unknownPort``; ``dltoolbox:activations:invalidLayer``.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, -2]], Bias=[0]), reluLayer,
        ...                        regressionLayer])
        >>> activations(net, [[1, 1]], 'fc').tolist()
        [[-1.0]]
    """
    data, (layer, *pairs) = _data_and_layer([X, layer, *arguments])
    chosen = _Activations(*pairs, **options)
    _network(net, "activations", other=X)
    layer = net.name_of(layer, "activations")
    if not isinstance(layer, str):
        last = next(each.Name for each in reversed(net.nodes) if each.outputs())
        fail("activations:invalidLayer", f"The layer must be a name or a 1-based index, but it is {show(layer)}.",
             f"Call for example activations(net, X, {last!r}).")
    port = net.port(layer, "outputs")
    value = _run(net, data, chosen, [str(port)])[0]
    rank = max(entrance.dims.rank for entrance in engine_of(net, chosen.ExecutionEnvironment).inputs)
    return as_activations(value, chosen.OutputAs, rank)


def output_layers(net: Network) -> list[Any]:
    return [layer for layer in net.nodes if isinstance(layer, OutputLayer)]


def gives_vectors(end: Any, declared: Dims) -> bool:
    """Whether an output layer gives N×K: it labels no pixels, and of images of the declared size no map reaches it."""
    return not end.per_pixel and all(n == 1 for n in declared.spatial)


def of_images(result: Result, function: str) -> Result:
    """The scores of a network of images or features: labels of sequences are a vector each."""
    if result.dims.timed:
        fail(f"{function}:notYetSupported", f"{function} does not give labels of sequences yet.",
             "Call predict without ReturnCategorical for the scores of all time steps.")
    return result


def labels_of(result: Result, layer: Any) -> categorical:
    """Class scores → labels: one per observation, or h×w×N where every pixel has one."""
    codes = class_codes(of_images(result, "predict").array, -2, "predict")
    return categorical.from_codes(codes if layer.per_pixel else codes.reshape(-1), layer.Classes)
