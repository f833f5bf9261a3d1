"""predictAndUpdateState and classifyAndUpdateState: predictions that the next ones go on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dltoolbox.core.display import few
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import split_pairs
from dltoolbox.engines.environments import engine_of
from dltoolbox.engines.forms import as_formatted, output_layers
from dltoolbox.engines.inference import classifying, labels_and_scores, layer_outputs
from dltoolbox.engines.networks import ready, trained
from dltoolbox.engines.options import ClassifyOptions, PredictOptions, RunOptions
from dltoolbox.engines.running import Output, run_network
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.networks import DAGNetwork, Network


class UpdatePredictOptions(PredictOptions):
    function = "predictAndUpdateState"


class UpdateClassifyOptions(ClassifyOptions):
    function = "classifyAndUpdateState"


def predictAndUpdateState(net: Network, X: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Outputs of a recurrent network, and the network in the state that the sequences leave it in.

    A later call with the network that is returned goes on where this one stopped. Calls for one step at a time give what one
    call for all steps gives.

    Args:
        net: A network with recurrent layers. It is not changed.
        X: Sequences as for `predict`: as many as in the call before, in the same order.
        *arguments: Data of further input layers, then name-value pairs.
        nargout: Number of outputs: 1 and one for each output layer, by default all of them.
        **options: As `predict`.

    Returns:
        updatedNet: The same network in another state; weights and compiled programs are shared.
        Y: What `predict` returns, one for each output layer.

    Raises:
        DltoolboxError: ``dltoolbox:predictAndUpdateState:noState`` for networks without recurrent layers;
            ``…:stateMismatch`` for another number of sequences than in the call before; as `predict` else.

    Example:
        >>> net = dlnetwork([sequenceInputLayer(1), lstmLayer(4)])
        >>> X = seasonalSeries(24)
        >>> after, first = predictAndUpdateState(net, X[:, :20])
        >>> after, rest = predictAndUpdateState(after, X[:, 20:])
        >>> bool(abs(rest - predict(net, X)[:, 20:]).max() < 1e-6)
        True
    """
    more, pairs = split_pairs(arguments)
    chosen = UpdatePredictOptions(*pairs, **options)
    ends: Sequence[Any] = (ready(net, chosen.function).leaving if isinstance(net, dlnetwork) else
                           output_layers(trained(net, chosen.function, other=X)))
    nargout = len(ends) + 1 if nargout is None else nargout
    check_nargout(nargout, len(ends) + 1, chosen.function)
    after, values = updated(net, [X, *more], chosen)
    made = ([as_formatted(value, None, left=False)[0] for value in values] if isinstance(net, dlnetwork) else
            layer_outputs(net, values, chosen))
    return outputs((after, *made), nargout, chosen.function)


def classifyAndUpdateState(net: DAGNetwork, X: object, *arguments: object, nargout: int | None = None,
                           **options: object) -> Any:
    """Labels of a recurrent classification network, and the network in the state that the sequences leave it in.

    As `predictAndUpdateState`, with labels as `classify` gives them.

    Args:
        net: A network with recurrent layers and one classification output. It is not changed.
        X: Sequences as for `predict`: as many as in the call before, in the same order.
        *arguments: Data of further input layers, then name-value pairs.
        nargout: Number of outputs, 1 to 3. Default: 2.
        **options: As `classify`.

    Returns:
        updatedNet: The same network in another state.
        YPred: The labels.
        scores: The scores.

    Raises:
        DltoolboxError: As `predictAndUpdateState` and `classify`.

    Example:
        >>> layers = [sequenceInputLayer(1), lstmLayer(4), fullyConnectedLayer(2), softmaxLayer, classificationLayer]
        >>> X = seasonalSeries(24)
        >>> Y = categorical(["low", "high"] * 12)
        >>> net = trainNetwork(X, Y, layers, trainingOptions("adam", MaxEpochs=1, Verbose=False))
        >>> net, labels = classifyAndUpdateState(net, X)
        >>> labels.shape
        (24,)
    """
    more, pairs = split_pairs(arguments)
    chosen = UpdateClassifyOptions(*pairs, **options)
    nargout = 2 if nargout is None else nargout
    check_nargout(nargout, 3, chosen.function)
    end = classifying(trained(net, chosen.function, other=X), chosen.function)
    after, values = updated(net, [X, *more], chosen)
    return outputs((after, *labels_and_scores(values[0], end, chosen.function)), nargout, chosen.function)


def updated(net: Network, data: Sequence[object], chosen: RunOptions) -> tuple[Network, list[Output]]:
    """The network in the state after the data, and what left it."""
    if not engine_of(net, chosen.ExecutionEnvironment).initial_states:
        kinds = dict.fromkeys(layer.type_text for layer in net.nodes if layer.inputs() and layer.outputs())
        plain = chosen.function.removesuffix("AndUpdateState")
        fail(f"{chosen.function}:noState", f"{chosen.function} needs a layer that goes on from what it has seen, such as "
             f"lstmLayer, but the network has {few(kinds) or 'no layers of that kind'} alone.", f"Use {plain}(net, X).")
    run = run_network(net, data, chosen, carry=True)
    return net.in_state(run.states), run.outputs
