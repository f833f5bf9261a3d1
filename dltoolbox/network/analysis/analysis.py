"""Analysis: every size, every learnable, every cost and every problem of a network, without any data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import Any, ClassVar

from dltoolbox.core import convert
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import Issue, fail
from dltoolbox.core.properties import InvalidValue, show
from dltoolbox.core.statements.copied import Sealed
from dltoolbox.core.table import Table
from dltoolbox.layers.base import Array, Learnable, State
from dltoolbox.network.analysis.compact_table import UNKNOWN_TEXT
from dltoolbox.network.analysis.cost import footprints
from dltoolbox.network.analysis.text import TABLES, analysis_text
from dltoolbox.network.analysis.tolerant import readable
from dltoolbox.network.dlnetwork import layouts_of
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.lower import ELEMENT, Lowered, LoweredLayer, lower


class NetworkAnalysis(Sealed):
    """The result of `analyzeNetwork`; ``print`` shows it as a table with a line per layer.

    ``print(info.text('long'))``, or ``f"{info:long}"``, has MATLAB's descriptions and the sizes of all arrays as well.

    Attributes:
        Name: Of the network; empty where nobody gave it one.
        TargetUsage: What the network was checked for, ``'trainNetwork'`` or ``'dlnetwork'``.
        LayerInfo: A table with a row per layer. As in MATLAB: Name, Type, ActivationSizes and ActivationFormats (lists
            where there are several outputs; empty where a problem hides them), LearnableSizes, NumLearnables, StateSizes.
            Beyond that: Index, Description, Activations, Learnables and States (as text, ``'?'`` where a problem hides
            sizes), Inputs, LearnableShare (of all learnables), MultiplyAdds, ActivationBytes and ReceptiveField.
        Issues: The problems, each with ``identifier``, ``layer``, ``index``, ``message``, ``hint`` and ``severity``.
        Connections: A table with the columns Source and Destination.
        TotalLearnables: Number of trained values; NaN where there are errors.
        KnownLearnables: Number of trained values in all layers of known size.
        FrozenLearnables: How many of them have a learn-rate factor of 0.
        TotalStates: Number of stored values that are not trained by gradients, such as statistics.
        MultiplyAdds: Of one observation, counted as a direct computation does them.
        ActivationBytes: Memory of all outputs that the layers make of one observation, in single precision.
        ParameterBytes: Memory of all learnables and states, in single precision.
        MiniBatchSize: For how many observations activations are printed.
        Display: Which table is printed, ``'compact'`` or ``'long'``.
        Histograms: Whether its page shows how the weights are distributed.
        NumLayers: Number of layers.
        NumErrors: How many of the problems are errors.
        NumWarnings: How many are warnings.
        IsValid: Whether there is no error (warnings do not count); ``ok`` is the same.
        IsComplete: Whether the sizes of all layers are known.
    """

    page: ClassVar[Callable[[NetworkAnalysis], str] | None] = None  # as HTML for notebooks: reports are made elsewhere

    _instead = "Change the layers and analyze them again: info = analyzeNetwork(layers, nargout=1)."

    def __init__(self, lgraph: LayerGraph, lowered: Lowered, issues: Sequence[Issue], names: Mapping[str, str], *,
                 name: str, usage: str, batch: int, display: str = "compact", histograms: bool = False) -> None:
        texts, kinds = (name, usage, batch, display), (lgraph, lowered, issues, names)
        if not (all(map(isinstance, kinds, (LayerGraph, Lowered, Sequence, Mapping)))
                and all(map(isinstance, texts, (str, str, int, str))) and all(isinstance(issue, Issue) for issue in issues)):
            fail("NetworkAnalysis:notAnalyzed", "A NetworkAnalysis is made by analyzeNetwork alone.",
                 "Call info = analyzeNetwork(layers, nargout=1).")
        self.Name, self.TargetUsage, self.MiniBatchSize = name, usage, batch
        self.Display, self.Histograms = display, histograms
        self.lgraph, self.lowered, self.footprints = lgraph, lowered, footprints(lowered)
        layers = lowered.layers
        sources: dict[str, list[str]] = {}
        for source, destination in lgraph.edges:
            sources.setdefault(destination.layer, []).append(lgraph.port_text(source, "outputs"))
        self.Issues = tuple(issues)
        self.Connections = lgraph.Connections
        self.outputs = [known_outputs(info) for info in layers]
        self.ports = [port_texts(info) for info in layers]  # per layer: the activations of every output port
        learnables = [number_of(info.arrays, Learnable) for info in layers]
        total = sum(learnables) or 1
        self.LayerInfo = Table(
            Name=[names.get(info.layer.Name, info.layer.Name) for info in layers],
            Type=[info.layer.type_text for info in layers],
            ActivationSizes=[alone([[1 if n is None else n for n in dims.shown_sizes] for dims in sizes], [])
                             for sizes in self.outputs],
            ActivationFormats=[alone([dims.format for dims in sizes], "") for sizes in self.outputs],
            LearnableSizes=[array_sizes(info.arrays, Learnable) for info in layers],
            NumLearnables=learnables,
            StateSizes=[array_sizes(info.arrays, State) for info in layers],
            Index=[info.index for info in layers],
            Description=[info.layer.describe() for info in layers],
            Activations=[", ".join(texts) for texts in self.ports],
            Learnables=[UNKNOWN_TEXT if info.inputs is None and not info.arrays and info.layer.learnables else
                        array_texts(info.arrays, Learnable) for info in layers],
            States=[array_texts(info.arrays, State) for info in layers],
            Inputs=[", ".join(sources.get(info.layer.Name, ())) for info in layers],
            LearnableShare=[n / total for n in learnables],
            MultiplyAdds=[footprint.multiply_adds for footprint in self.footprints],
            ActivationBytes=[footprint.activation_bytes for footprint in self.footprints],
            ReceptiveField=[str(footprint.receptive_field or "") for footprint in self.footprints])
        self._sealed = True

    @property
    def NumLayers(self) -> int:
        return len(self.LayerInfo)

    @property
    def NumErrors(self) -> int:
        return sum(issue.severity == "error" for issue in self.Issues)

    @property
    def NumWarnings(self) -> int:
        return len(self.Issues) - self.NumErrors

    @property
    def TotalLearnables(self) -> int | float:
        return self.KnownLearnables if self.IsValid else nan

    @property
    def KnownLearnables(self) -> int:
        return sum(self.LayerInfo.NumLearnables)

    @property
    def FrozenLearnables(self) -> int:
        return sum(a.count for info in self.lowered.layers for a in info.arrays
                   if isinstance(a, Learnable) and a.frozen)

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
        return ELEMENT * (self.KnownLearnables + self.TotalStates)

    @property
    def IsComplete(self) -> bool:
        return all(info.inputs is not None and UNKNOWN_TEXT not in texts
                   for info, texts in zip(self.lowered.layers, self.ports, strict=True))

    @property
    def IsValid(self) -> bool:
        return not self.NumErrors

    ok = IsValid

    def text(self, Display: str | None = None, Width: int | None = None) -> str:
        """The printed form.

        Args:
            Display: ``'compact'``, a line per layer, or ``'long'``, with descriptions and the sizes of all arrays. Default:
                as `analyzeNetwork` was called.
            Width: Columns to print in. Default: those of the terminal, 120 where there is none.

        Raises:
            DltoolboxError: ``dltoolbox:NetworkAnalysis:invalidDisplay``, ``…:invalidWidth``.
        """
        try:
            display = convert.choice(*TABLES)(self.Display if Display is None else Display)
        except InvalidValue as no:
            fail("NetworkAnalysis:invalidDisplay", f"'Display' must be {no.expected}, but it is {show(Display)}.",
                 f"Pass {no.expected}.")
        try:
            width = convert.optional(convert.integer())(Width)
        except InvalidValue as no:
            fail("NetworkAnalysis:invalidWidth", f"'Width' must be {no.expected}, but it is {show(Width)}.",
                 "Pass a number of columns, such as 80.")
        return analysis_text(self, display, width)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str | None:
        return self.page() if self.page else None

    def __format__(self, spec: str) -> str:
        return self.text(spec) if spec in TABLES else format(str(self), spec)

    def __repr__(self) -> str:
        return (f"<NetworkAnalysis of {counted(self.NumLayers, 'layer')}: {self.KnownLearnables:,} learnables, "
                f"{counted(self.NumErrors, 'error')}, {counted(self.NumWarnings, 'warning')}>")


def known_outputs(info: LoweredLayer) -> tuple[Dims, ...]:
    """The size of every output, none where a problem hides them; an output layer passes on its input."""
    ports = info.layer.outputs()
    sizes = info.outputs if ports else info.inputs
    return sizes if sizes and (not ports or len(sizes) == len(ports)) else ()


def alone(values: list[object], empty: object) -> Any:
    """The only one of some values, or all of them."""
    return values if len(values) > 1 else values[0] if values else empty


def array_sizes(arrays: Sequence[Array], kind: type[Array]) -> dict[str, list[int]]:
    """The size of every array of a kind, by its name."""
    return {a.name: list(a.shape) for a in arrays if isinstance(a, kind)}


def port_texts(info: LoweredLayer) -> list[str]:
    """The size of every output, with the ports' names where there are several."""
    ports, sizes = info.layer.outputs(), known_outputs(info)
    if not sizes:
        return [UNKNOWN_TEXT]
    return [str(sizes[0])] if len(ports) < 2 else [f"{port} {dims}" for port, dims in zip(ports, sizes, strict=True)]


def number_of(arrays: Sequence[Array], kind: type[Array]) -> int:
    """How many values the arrays of a kind hold."""
    return sum(a.count for a in arrays if isinstance(a, kind))


def array_texts(arrays: Sequence[Array], kind: type[Array]) -> str:
    """``Weights 3×3×1×8, Bias 1×1×8``."""
    return ", ".join(f"{a.name} {times(a.shape)}" for a in arrays if isinstance(a, kind))


def analysis(layers: Any, examples: Sequence[object] = (), *, usage: str = "auto", batch: int = 1, name: str = "",
             resized: bool = False, display: str = "compact", histograms: bool = False) -> NetworkAnalysis:
    """Walk a network without data and note everything; its problems are in the result and never raised.

    Args:
        layers: A layer array, a layer graph, a network, or the function of an architecture.
        examples: Example inputs as `dlnetwork` takes them.
        usage: ``'trainNetwork'``, ``'dlnetwork'``, or ``'auto'``: a dlnetwork is one, and what has no output layer is to
            become one; all else is for trainNetwork.
        batch: Number of observations for which memory is printed.
        name: Of the network; that of an architecture is known.
        display: Which table it prints, ``'compact'`` or ``'long'``.
        histograms: Whether its page shows how the weights are distributed.
        resized: Whether examples may have other sizes than input layers declare, which then hold in their place.
    """
    untrained = attribute(layers, "untrained")
    lgraph, unreadable, names, unusable = readable(untrained() if untrained else layers)
    ends_in_loss = lgraph.ends_in_loss if usage == "auto" else usage == "trainNetwork"
    sources = layouts_of(lgraph, examples, "analyzeNetwork", resized=resized)
    lowered = lower(lgraph, sources=sources, loss=ends_in_loss)
    issues = [*unreadable, *(issue for issue in lowered.issues if issue.index not in unusable)]
    issues = [replace(issue, layer=names.get(issue.layer, issue.layer)) for issue in issues]
    return NetworkAnalysis(lgraph, lowered, sorted(issues, key=lambda issue: issue.index or 0), names, batch=batch,
                           display=display, histograms=histograms, name=name or (layers.__name__ if untrained else ""),
                           usage="trainNetwork" if ends_in_loss else "dlnetwork")
