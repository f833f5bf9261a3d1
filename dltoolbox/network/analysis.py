"""`analyzeNetwork`: every size, every learnable and every fault of a network, without any data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

from dltoolbox.core import convert
from dltoolbox.core.errors import Issue, IssueCollector, fail
from dltoolbox.core.formats import Dims, times
from dltoolbox.core.nargout import outputs
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.core.table import Table
from dltoolbox.layers.base import Array, Layer, Learnable, State, flat, is_factory
from dltoolbox.network.analysis_text import analysis_text
from dltoolbox.network.footprint import ELEMENT, footprints
from dltoolbox.network.layerarray import as_layer, duplicated_names, with_names
from dltoolbox.network.layergraph import LayerGraph, add_duplicates, sequence
from dltoolbox.network.lowering import Lowered, LoweredLayer, lower

UNKNOWN = "?"


class NetworkAnalysis:
    """What `analyzeNetwork` found; ``print`` shows it as a table.

    Attributes:
        Name: Of the network; empty where nobody gave it one.
        TargetUsage: What the network was checked for, ``'trainNetwork'`` or ``'dlnetwork'``.
        LayerInfo: A table with a row per layer: Index, Name, Type, Description, Activations, Learnables, NumLearnables,
            States, Inputs, MultiplyAdds, ActivationBytes and ReceptiveField. Sizes that a fault hides are ``'?'``.
        Issues: The problems, each with ``identifier``, ``layer``, ``index``, ``message``, ``cure`` and ``severity``.
        Connections: A table with the columns Source and Destination.
        TotalLearnables: Number of trained values in all layers of known size.
        FrozenLearnables: How many of them have a learn-rate factor of 0.
        TotalStates: Number of stored values that are not trained by gradients, such as statistics.
        MultiplyAdds: Of one observation, counted as a direct computation does them.
        ActivationBytes: Memory of all outputs that the layers make of one observation, in single precision.
        ParameterBytes: Memory of all learnables and states, in single precision.
        MiniBatchSize: For how many observations activations are printed.
        NumLayers: Number of layers.
        IsValid: Whether there is no error (warnings do not count); ``ok`` is the same.
        IsComplete: Whether the sizes of all layers are known.
    """

    def __init__(self, lgraph: LayerGraph, lowered: Lowered, issues: Sequence[Issue], names: Mapping[str, str], *,
                 name: str = "", usage: str = "trainNetwork", batch: int = 1) -> None:
        self.Name, self.TargetUsage, self.MiniBatchSize = name, usage, batch
        self.lgraph, self.lowered, self.footprints = lgraph, lowered, footprints(lowered)
        layers = lowered.layers
        sources: dict[str, list[str]] = {}
        for source, destination in lgraph.edges:
            sources.setdefault(destination.layer, []).append(lgraph.port_text(source, "outputs"))
        self.Issues = tuple(issues)
        self.Connections = lgraph.Connections
        self.ports = [port_texts(info) for info in layers]  # per layer: the activations of every output port
        self.LayerInfo = Table(
            Index=[info.index for info in layers],
            Name=[names.get(info.layer.Name, info.layer.Name) for info in layers],
            Type=[info.layer.type_text for info in layers],
            Description=[info.layer.describe() for info in layers],
            Activations=[", ".join(texts) for texts in self.ports],
            Learnables=[array_texts(info.arrays, Learnable) for info in layers],
            NumLearnables=[number_of(info.arrays, Learnable) for info in layers],
            States=[array_texts(info.arrays, State) for info in layers],
            Inputs=[", ".join(sources.get(info.layer.Name, ())) for info in layers],
            MultiplyAdds=[one.multiply_adds for one in self.footprints],
            ActivationBytes=[one.activation_bytes for one in self.footprints],
            ReceptiveField=[str(one.receptive_field or "") for one in self.footprints])

    @property
    def NumLayers(self) -> int:
        return len(self.LayerInfo)

    @property
    def TotalLearnables(self) -> int:
        return sum(self.LayerInfo.NumLearnables)

    @property
    def FrozenLearnables(self) -> int:
        return sum(prod(a.shape) for info in self.lowered.layers for a in info.arrays if is_frozen(a))

    @property
    def TotalStates(self) -> int:
        return sum(number_of(info.arrays, State) for info in self.lowered.layers)

    @property
    def MultiplyAdds(self) -> int:
        return sum(self.LayerInfo.MultiplyAdds)

    @property
    def ActivationBytes(self) -> int:
        return sum(self.LayerInfo.ActivationBytes)

    @property
    def ParameterBytes(self) -> int:
        return ELEMENT * (self.TotalLearnables + self.TotalStates)

    @property
    def IsComplete(self) -> bool:
        return all(UNKNOWN not in texts for texts in self.ports)

    @property
    def IsValid(self) -> bool:
        return not any(issue.severity == "error" for issue in self.Issues)

    ok = IsValid

    def __str__(self) -> str:
        return analysis_text(self)

    def __repr__(self) -> str:
        errors = sum(issue.severity == "error" for issue in self.Issues)
        return (f"<NetworkAnalysis of {self.NumLayers} layers: {self.TotalLearnables:,} learnables, {errors} errors, "
                f"{len(self.Issues) - errors} warnings>")


def port_texts(info: LoweredLayer) -> list[str]:
    """The size of every output, with the ports' names where there are several; an output layer passes on its input."""
    ports = info.layer.outputs()
    sizes = info.outputs if ports else info.inputs
    if not sizes or (ports and len(sizes) != len(ports)):
        return [UNKNOWN]
    return [str(sizes[0])] if len(ports) < 2 else [f"{port} {dims}" for port, dims in zip(ports, sizes, strict=True)]


def number_of(arrays: Sequence[Array], kind: type[Array]) -> int:
    """How many values the arrays of a kind hold."""
    return sum(prod(a.shape) for a in arrays if isinstance(a, kind))


def is_frozen(array: Array) -> bool:
    """Whether training leaves a learnable as it is."""
    return isinstance(array, Learnable) and array.learn_rate_factor == 0


def array_texts(arrays: Sequence[Array], kind: type[Array]) -> str:
    """``Weights 3×3×1×8, Bias 1×1×8``."""
    return ", ".join(f"{a.name} {times(a.shape)}" for a in arrays if isinstance(a, kind))


class _Options(Configured):
    function = "analyzeNetwork"
    Plots = Property(convert.choice("none"), "none")
    TargetUsage = Property(convert.choice("trainNetwork", "dlnetwork"), "trainNetwork")


def analyzeNetwork(layers: Any, *pairs: Any, nargout: int | None = None, **options: Any) -> Any:
    """Check a network as training would, and list the size and the learnables of every layer. Needs no data.

    All problems are found at once, each where it is made. A fault never raises an error here, not even a duplicated name
    or an element that is no layer: the analysis goes on with the rest.

    Args:
        layers: A layer array (a list; unnamed layers get names), a `LayerGraph`, or a trained network.
        *pairs: Names and values of options in turn, as MATLAB writes them.
        nargout: None prints the analysis and returns it; 1 only returns it; 0 only prints it.
        **options: ``Plots='none'``: there is no window. ``TargetUsage='trainNetwork'`` (the default) wants input and
            output layers; ``'dlnetwork'`` wants no output layers.

    Returns:
        A `NetworkAnalysis`.

    Example:
        >>> info = analyzeNetwork([imageInputLayer([28, 28, 1]), fullyConnectedLayer(10), softmaxLayer,
        ...                        classificationLayer], nargout=1)
        >>> info.TotalLearnables, info.LayerInfo.Activations[1], info.IsValid
        (7850, '10(C) × 1(B)', True)
        >>> print(analyzeNetwork([imageInputLayer([8, 8, 1]), maxPooling2dLayer(9), regressionLayer], nargout=1).Issues[0])
        Layer 'maxpool' (2): The window of 9×9 is larger than the padded input of 8×8 (input 8×8, padding [0  0  0  0]). \
Reduce PoolSize, add Padding, or reduce the input less in the layers before. [dltoolbox:maxPooling2dLayer:windowTooLarge]
    """
    chosen = _Options(*pairs, **options)
    if nargout not in (None, 0):
        outputs((None,), nargout, "analyzeNetwork")
    result = _analysed(_readable(layers), without_loss=chosen.TargetUsage == "dlnetwork")
    if nargout != 1:
        print(result)
    return None if nargout == 0 else result


class _Readable(NamedTuple):
    """A layer graph in which every layer has a name of its own, and what had to be repaired for that."""

    lgraph: LayerGraph
    issues: IssueCollector
    names: dict[str, str]  # name in the graph → the name that the user gave
    unusable: set[int]  # 1-based positions of elements that are no layers


def _readable(layers: Any) -> _Readable:
    """A layer graph, a network, or a layer array with whatever stands in it."""
    found = IssueCollector()
    if isinstance(layers, LayerGraph):
        return _Readable(layers, found, {}, set())
    items = list(flat(layers))
    kept: list[Layer] = []
    unusable: set[int] = set()
    for index, item in enumerate(items, 1):
        with found.collect(index=index):
            kept.append(as_layer(item, index))
        if len(kept) < index:
            kept.append(_Unusable(item, first=index == 1, last=index == len(items)))
            unusable.add(index)
    named = with_names(kept)
    add_duplicates(named, found)
    names: dict[str, str] = {}
    for name, places in duplicated_names(named).items():
        for index in places[1:]:
            named[index - 1].Name = f"{name} ({index})"
            names[named[index - 1].Name] = name
    return _Readable(LayerGraph(named, sequence(named)), found, names, unusable)


class _Unusable(Layer):
    """Stands in a layer array for an element that is no layer, so that its neighbours are not blamed for it."""

    type_text, default_name = "No layer", "element"
    gives_probabilities = True  # nobody knows, so nothing is said against it

    def __init__(self, item: Any, *, first: bool, last: bool) -> None:
        super().__init__()
        self.__dict__["ends"] = (() if first else ("in",), () if last else ("out",))
        self.__dict__["text"] = f"{item.__name__} without its arguments" if is_factory(item) else show(item)

    def inputs(self) -> tuple[str, ...]:
        return self.__dict__["ends"][0]

    def outputs(self) -> tuple[str, ...]:
        return self.__dict__["ends"][1]

    def check(self, *inputs: Dims) -> None:
        fail("layerArray:notALayer", "There is no layer here.")  # silences what follows; reported before

    def describe(self) -> str:
        return self.__dict__["text"]


def _analysed(readable: _Readable, *, without_loss: bool) -> NetworkAnalysis:
    lgraph, issues, names, unusable = readable
    lowered = lower(lgraph, loss=not without_loss)
    found = [*issues, *(issue for issue in lowered.issues if issue.index not in unusable)]
    found = [replace(issue, layer=names.get(issue.layer, issue.layer)) for issue in found]
    return NetworkAnalysis(lgraph, lowered, sorted(found, key=lambda issue: issue.index or 0), names,
                           usage="dlnetwork" if without_loss else "trainNetwork")
