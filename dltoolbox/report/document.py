"""An analysis as plain data: what the JSON file holds, the HTML report shows and a comparison compares.

docs/analysis.md describes it, docs/analysis-schema.json says it to programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import value_text
from dltoolbox.core.errors import Issue
from dltoolbox.core.packages import __version__
from dltoolbox.core.properties import HIDDEN
from dltoolbox.core.unknown import is_known
from dltoolbox.layers.base import Array, Learnable, State
from dltoolbox.layers.display import property_groups
from dltoolbox.network.analysis.analysis import NetworkAnalysis
from dltoolbox.network.analysis.cost import Footprint, ReceptiveField, port_values
from dltoolbox.network.graph.history import Port
from dltoolbox.network.graph.layer_graph import NO_DATA
from dltoolbox.network.lowering.lower import LoweredLayer

ANALYSIS_SCHEMA, ANALYSIS_VERSION = "dltoolbox-analysis", 1
BINS = 32  # of a histogram
UNSHOWN = "More properties"  # heading of those that a display leaves out

Document = dict[str, Any]


def document(info: NetworkAnalysis, *, histograms: bool = False) -> Document:
    """The analysis as dictionaries, lists, text and numbers; equal networks give equal documents.

    Args:
        info: From `analyzeNetwork`.
        histograms: Whether learnables that have values also have a histogram of them; the values are never in it.

    Returns:
        A dictionary that `json.dumps` writes. Names of layers are unique in it: one that several layers share has the
        number of the layer behind it, ``conv (4)``.

    Example:
        >>> info = analyzeNetwork([imageInputLayer([28, 28, 1]), convolution2dLayer(3, 8, Padding=1), regressionLayer],
        ...                       nargout=1)
        >>> document(info)['layers'][1]['formula']
        [{'dimensions': 'height, width', 'text': 'floor((28 − 3 + 1 + 1)/1) + 1 = 28'}]
    """
    return {"schema": ANALYSIS_SCHEMA, "version": ANALYSIS_VERSION, "producer": f"dltoolbox {__version__}",
            "name": info.Name or "network", "usage": info.TargetUsage, "summary": _totals(info),
            "layers": _LayerEntries(info, histograms=histograms).entries(),
            "connections": [{"source": c.source.layer, "sourcePort": c.source.port, "destination": c.destination.layer,
                             "destinationPort": c.destination.port, "kind": _kind_by_name(c.source.port)}
                            for c in info.lgraph.edges],
            "issues": [_issue(info, issue) for issue in info.Issues]}


def identity(value: object) -> tuple[Any, Any] | None:
    """Schema and version of what may be a document."""
    return (value.get("schema"), value.get("version")) if isinstance(value, Mapping) else None


def _totals(info: NetworkAnalysis) -> Document:
    return {"layers": info.NumLayers, "connections": len(info.Connections), "errors": info.NumErrors,
            "warnings": info.NumWarnings, "learnables": info.KnownLearnables,
            "frozenLearnables": info.FrozenLearnables, "states": info.TotalStates, "multiplyAdds": info.MultiplyAdds,
            "activationBytes": info.ActivationBytes, "parameterBytes": info.ParameterBytes, "complete": info.IsComplete}


def _issue(info: NetworkAnalysis, issue: Issue) -> Document:
    layer = info.lgraph.nodes[issue.index - 1].Name if issue.index else issue.layer or None
    return {"identifier": issue.identifier, "severity": issue.severity, "layer": layer, "index": issue.index,
            "message": issue.message, "cure": issue.hint}


def _kind_by_name(port: str) -> str:
    return port if port in NO_DATA else "data"


def _dims(dims: Dims | None) -> Document | None:
    """None also where a problem hides some size: what is partly told would be read as open."""
    return {"labels": dims.format, "sizes": dims.shown_sizes} if dims and is_known(*dims.sizes) else None


def _array(array: Array) -> Document:
    return {"name": array.name, "size": list(array.shape), "count": array.count}


def _histogram(layer: object, name: str) -> Document:
    """How the values of a learnable are distributed; empty where it has none."""
    value = getattr(layer, name, None)
    values = np.asarray([] if value is None else value, np.float64).ravel()
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {}
    counts, edges = np.histogram(finite, BINS)
    return {"histogram": {"least": float(edges[0]), "most": float(edges[-1]), "mean": float(finite.mean()),
                          "deviation": float(finite.std()), "notFinite": int(values.size - finite.size),
                          "counts": counts.tolist()}}


def _json_number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def _field(field: ReceptiveField | None) -> Document | None:
    if field is None:
        return None
    return {"size": list(field.size), "stride": [_json_number(step) for step in field.stride], "whole": field.whole}


class _LayerEntries:
    """Writes the entries of the layers; remembers what all of them ask for."""

    def __init__(self, info: NetworkAnalysis, *, histograms: bool) -> None:
        self.info, self.graph, self.histograms = info, info.lowered.graph, histograms
        self.feeding: dict[Port, Port] = {}
        for connection in info.lgraph.edges:
            self.feeding.setdefault(connection.destination, connection.source)
        self.issues: dict[int | None, list[int]] = {}
        for number, issue in enumerate(info.Issues):
            self.issues.setdefault(issue.index, []).append(number)

    def entries(self) -> list[Document]:
        info = self.info
        return [self.entry(*of) for of in zip(
            info.lowered.layers, info.footprints, info.LayerInfo.LearnableShare, strict=True)]

    def entry(self, lowered: LoweredLayer, footprint: Footprint, share: float) -> Document:
        layer = lowered.layer
        learnables = [_array(a) | {"frozen": a.frozen} | (_histogram(layer, a.name) if self.histograms else {})
                      for a in lowered.arrays if isinstance(a, Learnable)]
        formula = layer.size_formula(*lowered.inputs) if lowered.inputs else ()
        return {"index": lowered.index, "name": layer.Name, "type": layer.type_text, "factory": layer.factory,
                "description": layer.describe(), "inputs": self.inputs(lowered), "outputs": self.outputs(lowered),
                "learnables": learnables,
                "states": [_array(a) for a in lowered.arrays if isinstance(a, State)],
                "properties": _properties(layer), "learnableCount": sum(entry["count"] for entry in learnables),
                "learnableShare": share, "multiplyAdds": footprint.multiply_adds,
                "activationBytes": footprint.activation_bytes, "receptiveField": _field(footprint.receptive_field),
                "formula": [{"dimensions": names, "text": text} for names, text in formula],
                "issues": self.issues.get(lowered.index, [])}

    def inputs(self, lowered: LoweredLayer) -> list[Document]:
        entries = []
        for number, port in enumerate(lowered.layer.inputs()):
            source = self.feeding.get(Port(lowered.layer.Name, port))
            value = self.graph.ports.get(str(source))
            dims = lowered.inputs[number] if lowered.inputs else value.dims if value else None
            entries.append({"port": port, "source": source and source.layer, "sourcePort": source and source.port,
                            "dims": _dims(dims)})
        return entries

    def outputs(self, lowered: LoweredLayer) -> list[Document]:
        values = port_values(self.graph, lowered)
        dims = lowered.outputs or [None if value is None else value.dims for value in values]  # folded sequences as layers see them
        return [{"port": port, "dims": _dims(size), "kind": value.kind if value else _kind_by_name(port)}
                for port, value, size in zip(lowered.layer.outputs(), values, dims, strict=True)]


def _properties(layer: Any) -> list[Document]:
    """Every property as the display of the layer prints it, also those that it leaves out."""
    return [{"name": name, "value": value_text(value), "group": UNSHOWN if group == HIDDEN else group}
            for group, pairs in property_groups(layer) for name, value in pairs if name != "Name"]
