"""predict, minibatchpredict, classify and activations: a finished network applied to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import show, split_pairs
from dltoolbox.engines.environments import engine_of
from dltoolbox.engines.formats import labelled_inputs, labelled_outputs, per_observation
from dltoolbox.engines.forms import (
    as_formatted,
    as_labels,
    as_layer_output,
    as_output,
    gives_vectors,
    labels_pixels,
    output_layers,
)
from dltoolbox.engines.in_loops import LoopPredictOptions, run_in_loop
from dltoolbox.engines.networks import ready, trained
from dltoolbox.engines.options import (
    ActivationsOptions,
    ClassifyOptions,
    MiniBatchPredictOptions,
    PredictOptions,
    PredictOutputsOptions,
    data_and_layer,
)
from dltoolbox.engines.running import Output, run_network
from dltoolbox.layers.outputs import ClassOutput
from dltoolbox.network.dlnetwork import chosen_outputs, dlnetwork, required
from dltoolbox.network.networks import DAGNetwork, Network


def predict(net: Network, X: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Outputs of a network.

    Args:
        net: From `trainNetwork`, `assembleNetwork` or `loadNetwork`, or a `dlnetwork`.
        X: Images h×w×c×N (one image may come as h×w×c), volumes h×w×d×c×N, or features N×f; sequences as a list of arrays
            c×T, h×w×c×T and so on, of any lengths, one alone as such an array, those of one length also as c×N×T, h×w×c×N×T;
            any numeric type.
        *arguments: Data of further input layers, in the order of ``net.InputNames`` (or X is a list of all), then
            name-value pairs.
        nargout: Number of outputs for networks with several output layers; by default all of them.
        **options: ``MiniBatchSize`` (128), ``ExecutionEnvironment`` ('auto'), ``Acceleration`` ('auto'),
            ``ReturnCategorical`` (False: scores; True: labels for classification outputs). For a dlnetwork those of
            `minibatchpredict`. ``SequenceLength``: 'longest' (default) takes sequences whole, 'shortest' as many steps of
            each as the shortest of its mini-batch has, a number of steps in pieces of so many, which go on where the last
            one stopped. ``SequencePaddingDirection``: 'right' (default) or 'left', the end at which 'shortest' cuts.
            ``SequencePaddingValue`` has no effect: no result depends on padding, or on other sequences of a mini-batch.

    Returns:
        Scores or responses, single: N×K for vectors, h×w×c×N for maps, also where a map has one element. Sequences in the
        form in which they came: a list of K×T or h×w×c×T, one of these, or K×N×T and h×w×c×N×T. A dlnetwork gives
        vectors where its output has no spatial dimensions (format CB); any other network where images of the declared size
        lead to one element, which does not hold for pixel classification. Several outputs come as a tuple; of a dlnetwork,
        one more than it has is its State after the last step: ``Y, state = predict(net, X, nargout=2)``.

    Raises:
        DltoolboxError: ``dltoolbox:predict:inputSizeMismatch``, ``…:notNumeric``, ``…:notANetwork``; ``…:stateMismatch``
            where the network's state is that of another number of sequences; and others.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> predict(net, [[1, 1], [2, 0]]).tolist()
        [[6.0], [5.0]]
    """
    more, pairs = split_pairs(arguments)
    if isinstance(net, dlnetwork) and (net.traced is not None or any(isinstance(x, dlarray) for x in (X, *more))):
        return run_in_loop(net, [X, *more], LoopPredictOptions(*pairs, **options), nargout, training=False)
    if isinstance(net, dlnetwork):
        return predicted(net, [X, *more], PredictOutputsOptions(*pairs, **options), nargout)
    chosen = PredictOptions(*pairs, **options)
    ends = output_layers(trained(net, "predict", other=X))
    nargout = len(ends) if nargout is None else nargout
    check_nargout(nargout, len(ends), "predict")
    return outputs(layer_outputs(net, run_network(net, [X, *more], chosen).outputs, chosen), nargout, "predict")


def layer_outputs(net: Network, values: Sequence[Output], chosen: PredictOptions) -> list[Any]:
    """The values at the output layers, as scores, responses or labels."""
    sizes = engine_of(net, chosen.ExecutionEnvironment).leaving
    return [as_labels(value, end, chosen.function, pixels=end.pixelwise(declared))
            if chosen.ReturnCategorical and isinstance(end, ClassOutput) else
            as_output(value, vectors=gives_vectors(end, declared))
            for value, end, declared in zip(values, output_layers(net), sizes, strict=True)]


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
            ``UniformOutput``: True gives one array, where steps that a sequence does not have are NaN, False a list of one
            array per observation; by default a list of sequences gives a list, and anything else one array.

    Returns:
        Scores, single: N×K ('BC') where the output has no spatial dimensions, else h×w×c×N ('SSCB'); sequences as those of
        `predict`. Several outputs come as a tuple.

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
    return predicted(required(net, "minibatchpredict"), [X, *more], MiniBatchPredictOptions(*pairs, **options), nargout)


def predicted(net: dlnetwork, data: Sequence[object], chosen: PredictOutputsOptions, nargout: int | None) -> Any:
    """The outputs of a dlnetwork, or the chosen ones; after them, for predict, the state that they leave."""
    ports = chosen_outputs(ready(net, chosen.function), chosen.Outputs)
    count = len(ports or net.leaving)
    nargout = count if nargout is None else nargout
    with_state = chosen.function == "predict"  # which networks without sequences have, too, but nobody expects
    if with_state and isinstance(nargout, int) and not isinstance(nargout, bool) and nargout == count:
        with_state = bool(engine_of(net, chosen.ExecutionEnvironment).initial_states)
    check_nargout(nargout, count + with_state, chosen.function)
    data = labelled_inputs(net, data, chosen.InputDataFormats, chosen.function)
    run = run_network(net, data, chosen, [str(port) for port in ports], carry=nargout > count)
    results: list[Any] = formatted(run.outputs, chosen)
    if nargout > count:
        results.append(net.in_state(run.states).State if run.states else net.State)
    return outputs(results, nargout, chosen.function)


def formatted(values: Sequence[Output], chosen: PredictOutputsOptions) -> list[Any]:
    """The outputs of a dlnetwork in the format and form that are asked for."""
    left = chosen.SequencePaddingDirection == "left"
    made = [as_formatted(value, chosen.UniformOutput, left=left) for value in values]
    formats: Sequence[str] = [labels for _, labels in made]
    results = labelled_outputs([result for result, _ in made], formats, chosen.OutputDataFormats, chosen.function)
    if chosen.UniformOutput is False:
        formats = formats if chosen.OutputDataFormats == "auto" else chosen.OutputDataFormats
        return [per_observation(result, labels) if isinstance(result, np.ndarray) else result
                for result, labels in zip(results, formats, strict=True)]
    return [*results]


def classify(net: DAGNetwork, X: object, *arguments: object, nargout: int = 1, **options: object) -> Any:
    """Labels of a classification network: ``YPred = classify(net, X)``.

    Args:
        net: A network with one classification output.
        X: Data as for `predict`.
        *arguments: Data of further input layers, then name-value pairs.
        nargout: 2 returns the scores, too: ``YPred, scores = classify(net, X, nargout=2)``.
        **options: As `predict`, without ReturnCategorical.

    Returns:
        A categorical of N labels; with ``nargout=2`` also the scores, N×K single. Where every time step of a sequence has a
        label, a list of categorical arrays (T,) and of scores K×T, or one of each, as the sequences came.

    Raises:
        DltoolboxError: ``dltoolbox:classify:notAClassificationNetwork`` for other networks.
    """
    check_nargout(nargout, 2, "classify")
    more, pairs = split_pairs(arguments)
    chosen = ClassifyOptions(*pairs, **options)
    end = classifying(trained(net, "classify", other=X), "classify")
    return outputs(labels_and_scores(run_network(net, [X, *more], chosen).outputs[0], end, "classify"), nargout, "classify")


def classifying(net: Network, function: str) -> Any:
    """The only output layer, which must be one of classes."""
    ends = output_layers(net)
    pixels = labels_pixels(net)
    if len(ends) != 1 or not isinstance(ends[0], ClassOutput) or pixels:
        other = "predict" if function == "classify" else "predictAndUpdateState"
        use = "semanticseg(X, net)" if pixels and other == "predict" else f"{other}(net, X)"
        fail(f"{function}:notAClassificationNetwork", f"{function} needs a network with one classification output; this one "
             f"ends in {', '.join(end.Name for end in ends) or 'nothing'}.", f"Use {use}.")
    return ends[0]


def labels_and_scores(output: Output, end: Any, function: str) -> tuple[Any, Any]:
    return as_labels(output, end, function), as_output(output, vectors=True)


def activations(net: DAGNetwork, X: object, layer: str | int, *arguments: object, **options: object) -> Any:
    """Output of any layer: ``act = activations(net, X, 'conv_2')``.

    Args:
        net: A network.
        X: Data as for `predict`; the data of further input layers follow it, before ``layer``.
        layer: Name of a layer, ``'layer/port'`` for a layer with several outputs, or a 1-based index.
        *arguments: Name-value pairs.
        **options: ``OutputAs``: 'channels' (default) h×w×c×N, 'rows' N×hwc, 'columns' hwc×N; of sequences h×w×c×T, T×hwc and
            hwc×T each, or h×w×c×N×T, N×hwc×T and hwc×N×T; ``MiniBatchSize`` (128) and the options of sequences of `predict`.

    Returns:
        A single array, or a list of them for a list of sequences; outputs without spatial dimensions count as 1×1×c×N in
        networks of images.
        Indices of max pooling are 0-based, row-major and local to the channel and the observation.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``, ``…:unknownPort``; ``dltoolbox:activations:invalidLayer``.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, -2]], Bias=[0]), reluLayer,
        ...                        regressionLayer])
        >>> activations(net, [[1, 1]], 'fc').tolist()
        [[-1.0]]
    """
    data, (layer, *pairs) = data_and_layer([X, layer, *arguments])
    chosen = ActivationsOptions(*pairs, **options)
    trained(net, "activations", other=X)
    layer = net.name_of(layer, "activations")
    if not isinstance(layer, str):
        last = next(each.Name for each in reversed(net.nodes) if each.outputs())
        fail("activations:invalidLayer", f"The layer must be a name or a 1-based index, but it is {show(layer)}.",
             f"Call for example activations(net, X, {last!r}).")
    port = net.port(layer, "outputs")
    value = run_network(net, data, chosen, [str(port)]).outputs[0]
    rank = max(entrance.dims.rank for entrance in engine_of(net, chosen.ExecutionEnvironment).inputs)
    return as_layer_output(value, chosen.OutputAs, rank)
