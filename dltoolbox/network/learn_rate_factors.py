"""The factors on learning rate and L2 decay by the name of the learnable: MATLAB's setters and getters, and freezing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.display import few
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, Property, did_you_mean, optional_first, show
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.layers.base import Factor, Layer
from dltoolbox.network.graph.layer_array import layerArray
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.networks import DAGNetwork

RATE, DECAY = "LearnRateFactor", "L2Factor"


@returns_copy
def setLearnRateFactor(layer: object, *arguments: object) -> Any:
    """Set the factor on the learning rate of a learnable; 0 freezes it.

    Args:
        layer: A layer, a layer graph or a dlnetwork. It is not changed.
        *arguments: ``parameterName, factor`` for a layer; ``layerName, parameterName, factor`` or
            ``'layerName/parameterName', factor`` for the others; within network layers, the path to the layer
            (``'block/conv'``) for its name. The learnables are ``'Weights'``, ``'Bias'``,
            ``'Offset'`` or ``'Scale'``, whichever the layer has; the factor is a non-negative number. Weights and biases of
            recurrent layers also take one factor per gate.

    Returns:
        A copy with the factor.

    Raises:
        DltoolboxError: ``dltoolbox:setLearnRateFactor:notALayer``, ``…:unknownParameter``, ``…:invalidArguments``;
            ``dltoolbox:layerGraph:unknownLayer``; and the layer's own for a factor that is none, such as
            ``dltoolbox:convolution2dLayer:invalidWeightLearnRateFactor``.

    Example:
        >>> setLearnRateFactor(fullyConnectedLayer(10), 'Weights', 0).WeightLearnRateFactor
        0.0
        >>> lgraph = layerGraph([imageInputLayer([8, 8, 1]), fullyConnectedLayer(10, Name='fc')])
        >>> setLearnRateFactor(lgraph, 'fc/Bias', 2).Layers[1].BiasLearnRateFactor
        2.0
    """
    return with_factor(layer, arguments, RATE, "setLearnRateFactor")


def getLearnRateFactor(layer: object, *arguments: object) -> Factor:
    """The factor on the learning rate of a learnable, or a tuple of those that its gates have; arguments as
    `setLearnRateFactor`, without the factor.

    Example:
        >>> getLearnRateFactor(fullyConnectedLayer(10, BiasLearnRateFactor=2), 'Bias')
        2.0
    """
    return found_factor(layer, arguments, RATE, "getLearnRateFactor")


@returns_copy
def setL2Factor(layer: object, *arguments: object) -> Any:
    """Set the factor on the L2 decay of a learnable; as `setLearnRateFactor`.

    Example:
        >>> setL2Factor(batchNormalizationLayer(), 'Scale', 0).ScaleL2Factor
        0.0
    """
    return with_factor(layer, arguments, DECAY, "setL2Factor")


def getL2Factor(layer: object, *arguments: object) -> Factor:
    """The factor on the L2 decay of a learnable; arguments as `getLearnRateFactor`.

    Example:
        >>> [getL2Factor(fullyConnectedLayer(10), name) for name in ('Weights', 'Bias')]
        [1.0, 0.0]
    """
    return found_factor(layer, arguments, DECAY, "getL2Factor")


def with_factor(owner: object, arguments: tuple[object, ...], suffix: str, function: str) -> Any:
    """A copy of a layer, or of the graph that has it, with another factor."""
    *path, factor = arguments or (None,)
    if isinstance(owner, DAGNetwork):
        fail(f"{function}:notALayer", f"The first argument of {function} is a trained network, which stays as it is.",
             "Edit its layer graph, which has the same values: lgraph = layerGraph(net).")
    layer, parameter = addressed(owner, path, function)
    new: Layer = layer.copy()
    if layer.nested is not None:
        new.nested = with_factor(layer.nested, (parameter, factor), suffix, function)
    else:
        setattr(new, factor_name(layer, parameter, suffix, function), factor)
    if isinstance(owner, LayerGraph):
        return owner.with_layers(new if other is layer else other for other in owner.nodes)
    return new


def found_factor(owner: object, arguments: tuple[object, ...], suffix: str, function: str) -> Factor:
    layer, parameter = addressed(owner, arguments, function)
    if layer.nested is not None:
        return found_factor(layer.nested, (parameter,), suffix, function)
    found: Factor = getattr(layer, factor_name(layer, parameter, suffix, function))
    return found


def addressed(owner: Any, path: Iterable[Any], function: str) -> tuple[Layer, Any]:
    """The layer and the name of its learnable that ``'Weights'``, ``'fc', 'Weights'`` or ``'fc/Weights'`` mean; for a layer
    that holds a network, what follows it in ``'block/fc/Weights'``.
    """
    names = [*path]
    if isinstance(owner, LayerGraph):
        if len(names) == 2 and isinstance(names[0], str) and isinstance(names[1], str):
            names = ["/".join(names)]
        if len(names) == 1 and isinstance(names[0], str) and "/" in names[0]:
            held = next((layer for layer in owner.nodes
                         if layer.nested is not None and names[0].startswith(f"{layer.Name}/")), None)
            if held is not None:
                return held, names[0].removeprefix(f"{held.Name}/")
            layer, _, names[0] = names[0].rpartition("/")
            return owner.nodes[owner.find(layer)], names[0]
        if len(names) == 2:
            return owner.nodes[owner.find(names[0])], names[1]
    elif not isinstance(owner, Layer):
        fail(f"{function}:notALayer", f"The first argument of {function} must be a layer, a layer graph or a dlnetwork, but "
             f"it is {show(owner)}.", "Pass one layer, such as net.Layers[1], or layerGraph(layers).")
    elif len(names) == 1:
        return owner, names[0]
    factor = ", factor" if function.startswith("set") else ""
    fail(f"{function}:invalidArguments", f"{function} does not know which learnable {show(tuple(names))} is.",
         f"Call {function}(layer, parameterName{factor}), {function}(net, layerName, parameterName{factor}) or "
         f"{function}(net, 'layerName/parameterName'{factor}).")


def factor_names(layer: Layer, suffix: str) -> dict[str, str]:
    """The properties that hold factors by the learnable: WeightLearnRateFactor of Weights, BiasLearnRateFactor of Bias. A
    layer with one factor for all weights has it for QueryWeights as well.
    """
    return {learnable: f"{stem}{suffix}" for learnable in layer.learnables or layer.properties
            for stem in (learnable, learnable.removesuffix("s"), *(kind for kind in ("Weight", "Bias")
                                                                   if kind in learnable))
            if f"{stem}{suffix}" in layer.properties}


def factor_name(layer: Layer, parameter: object, suffix: str, function: str) -> str:
    """The property that holds the factor of one learnable, in any letter case."""
    names = factor_names(layer, suffix)
    for learnable, name in names.items():
        if isinstance(parameter, str) and parameter.lower() == learnable.lower():
            return name
    fail(f"{function}:unknownParameter", f"{layer.label()} has no learnable {show(parameter)}.",
         f"Its learnables are {', '.join(names)}." if names else "It has no learnables.", layer=layer.Name)


# Freezing ------------------------------------------------------------------------------------------------------------
class _FreezeOptions(Configured):
    function = "freezeWeights"
    FixedStatistics = Property(convert.flag, False)


@returns_copy
def freezeWeights(layers: object, names: object = None, *pairs: object, **options: object) -> Any:
    """Freeze layers for transfer learning: training leaves their learnables as they are, to the bit, and faster.

    Sets all learn-rate factors to 0, as the helper of that name in MATLAB's transfer-learning examples does. No gradient is
    computed for frozen learnables, and the backward pass ends where nothing before it is trained.

    Batch normalisations go on normalising with the statistics of each mini-batch, and TrainedMean and TrainedVariance
    become those of the new data, as in MATLAB. ``FixedStatistics=True`` (an extension) holds them: frozen layers then
    compute in training what they compute in prediction.

    Args:
        layers: A layer, a layer array, a layer graph or a dlnetwork. It is not changed.
        names: Name or names of the layers to freeze; by default all.
        *pairs: Names and values of options in turn.
        **options: ``FixedStatistics`` (False).

    Returns:
        The same kind, with frozen copies of the layers.

    Raises:
        DltoolboxError: ``dltoolbox:freezeWeights:unknownLayer`` for every name that no layer has;
            ``…:isATrainedNetwork``, since trained networks stay as they are.

    Example:
        >>> layers = freezeWeights([convolution2dLayer(3, 8), batchNormalizationLayer], FixedStatistics=True)
        >>> layers[0].WeightLearnRateFactor, layers[1].ScaleLearnRateFactor, layers[1].FixedStatistics
        (0.0, 0.0, True)
    """
    names, rest = optional_first(names, pairs)
    fixed = _FreezeOptions(*rest, **options).FixedStatistics

    def freeze(layer: Layer) -> None:
        for name in factor_names(layer, RATE).values():
            setattr(layer, name, 0)
        if fixed and "FixedStatistics" in layer.properties:
            layer.FixedStatistics = True
    return revise_layers(layers, names, freeze, "freezeWeights")


@returns_copy
def unfreezeWeights(layers: object, names: object = None) -> Any:
    """Undo `freezeWeights`: learn-rate factors and FixedStatistics get their defaults; arguments as there.

    Example:
        >>> unfreezeWeights(freezeWeights(fullyConnectedLayer(10))).BiasLearnRateFactor
        1.0
    """
    def unfreeze(layer: Layer) -> None:
        for name in (*factor_names(layer, RATE).values(), "FixedStatistics"):
            if name in layer.properties:
                setattr(layer, name, layer.properties[name].default)
    return revise_layers(layers, names, unfreeze, "unfreezeWeights")


def revise_layers(layers: object, names: object, revise: Callable[[Layer], None], function: str) -> Any:
    """Layers in the form in which they came, those of these names as copies that ``revise`` has changed."""
    if isinstance(layers, DAGNetwork):
        fail(f"{function}:isATrainedNetwork", f"The first argument of {function} is a trained network, which stays as it "
             "is.", "Pass its layer graph, which has the same values: layerGraph(net).")
    nodes = [layer.copy() for layer in layers.nodes] if isinstance(layers, LayerGraph) else layerArray(layers)
    known = [layer.Name for layer in nodes]
    chosen = known if names is None else convert.each(names)
    issues = IssueCollector()
    for name in chosen:
        if not isinstance(name, str) or name not in known:
            issues.add(f"{function}:unknownLayer", f"There is no layer {show(name)}.",
                       (isinstance(name, str) and did_you_mean(name, known)) or f"The layers are {few(known)}.")
    issues.raise_if_any()
    for layer in nodes:
        if layer.Name in chosen:
            revise(layer)
            if layer.nested is not None:
                layer.nested = revise_layers(layer.nested, None, revise, function)
    if isinstance(layers, LayerGraph):
        return layers.with_layers(nodes)
    return nodes[0] if isinstance(layers, Layer) else nodes
