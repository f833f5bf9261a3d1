"""The compact table of the layers: a line for each, with the size of what leaves it, its learnables and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import rounded
from dltoolbox.layers.base import Learnable
from dltoolbox.network.graph.layer_graph import NO_DATA
from dltoolbox.network.lowering.lower import LoweredLayer

GAP = "  "
NONE, UNKNOWN_TEXT = "-", "?"
ALIGNED_RIGHT = ("#", "Param #", "Mult-adds")
NARROWEST = {"Inputs": 8, "Type": 10}  # columns that are cut where there is little room, the first one first
LEFT_OUT = ("Inputs", "Type", "Mult-adds")  # and those that go where even that is too wide
SHORTEST_NAME = 24  # names are cut only after all that


def compact_table(info: Any, width: int) -> str:
    """One line per layer in at most ``width`` columns; names and sizes have room before all others."""
    columns = compact_columns(info)
    widths = fitted({name: max(map(len, (name, *cells))) for name, cells in columns.items()}, width)
    head = {name: name for name in widths}
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    rule = GAP.join("─" * n for n in widths.values())
    lines = [GAP.join(shown(row[name], n, right=name in ALIGNED_RIGHT) for name, n in widths.items())
             for row in (head, *rows)]
    return "\n".join(f"{GAP}{line}".rstrip() for line in (lines[0], rule, *lines[1:]))


def compact_columns(info: Any) -> dict[str, list[str]]:
    """Column → cell per layer. ``!`` marks a layer with a problem, parentheses learnables that are all frozen.

    Where the layers do not simply follow one another, a column has the numbers of those that feed each.
    """
    table, marked = info.LayerInfo, {issue.index for issue in info.Issues}
    layers = list(zip(info.lowered.layers, info.outputs, strict=True))
    columns = {"#": [f"{'! ' if i in marked else ''}{i}" for i in table.Index],
               "Name": list(table.Name),
               "Type": list(table.Type),
               "Activations": [compact_sizes(layer, sizes) for layer, sizes in layers],
               "Param #": [learnables_text(layer, text) for (layer, _), text in zip(layers, table.Learnables, strict=True)],
               "Mult-adds": [work_text(layer, sizes, work) for (layer, sizes), work in
                             zip(layers, table.MultiplyAdds, strict=True)]}
    sources = source_numbers(info)
    return columns | ({"Inputs": sources} if sources != [NONE, *map(str, table.Index[:-1])] else {})


def source_numbers(info: Any) -> list[str]:
    """The sources of each layer, by number; an output that is not the first of its layer with its name, ``4, 3/indices``."""
    layers = {layer.layer.Name: layer for layer in info.lowered.layers}
    fed: dict[str, list[str]] = {name: [] for name in layers}
    for source, destination in info.lgraph.edges:
        layer = layers[source.layer]
        port = "" if source.port == layer.layer.outputs()[0] else f"/{source.port}"
        fed[destination.layer].append(f"{layer.index}{port}")
    return [", ".join(sources) or NONE for sources in fed.values()]


def compact_sizes(layer: LoweredLayer, outputs: Sequence[Dims]) -> str:
    """The size of every output of one observation, ``28×28×8``; where maxima came from, and such, is left out."""
    ports = layer.layer.outputs() or ("",) * len(outputs)
    sizes = [compact_size(dims) for port, dims in zip(ports, outputs, strict=False) if port not in NO_DATA]
    return ", ".join(sizes) or UNKNOWN_TEXT


def compact_size(dims: Dims) -> str:
    """``28×28×8``, of sequences ``12×T``, or ``12×20(T)`` where their length is known.

    >>> compact_size(Dims.of("SSCB", 28, 28, 8, None)), compact_size(Dims.of("CTB", 12, None, None))
    ('28×28×8', '12×T')
    """
    sizes = ["T" if n is None else f"{n}({label})" if label == "T" else str(n) for label, n in dims.shown if label != "B"]
    return "×".join(sizes) or "1"


def learnables_text(layer: LoweredLayer, sizes: str) -> str:
    """The number of learnables, in parentheses if all are frozen."""
    learnables = [array for array in layer.arrays if isinstance(array, Learnable)]
    if UNKNOWN_TEXT in sizes:
        return UNKNOWN_TEXT
    count = f"{sum(array.count for array in learnables):,}" if learnables else NONE
    return f"({count})" if learnables and all(array.frozen for array in learnables) else count


def work_text(layer: LoweredLayer, outputs: Sequence[Dims], work: int) -> str:
    """Multiply-adds, unknown where a size is."""
    known = layer.inputs is not None and outputs and all(dims.known for dims in (*layer.inputs, *outputs))
    return (rounded(work) if work else NONE) if known else UNKNOWN_TEXT


def fitted(natural: dict[str, int], width: int) -> dict[str, int]:
    """The widths of the columns that are shown. Columns are cut and left out in the order of what they are worth."""
    widths = dict(natural)

    def too_wide() -> int:
        return sum(n + len(GAP) for n in widths.values()) - width
    for gone in (None, *LEFT_OUT):
        if gone:
            widths.pop(gone, None)
        widths |= {name: natural[name] for name in NARROWEST if name in widths}
        for name, least in NARROWEST.items():
            if name in widths and too_wide() > 0:
                widths[name] = min(natural[name], max(least, widths[name] - too_wide()))
        if too_wide() <= 0:
            return widths
    return widths | {"Name": min(natural["Name"], max(SHORTEST_NAME, widths["Name"] - too_wide()))}


def shown(text: str, width: int, *, right: bool) -> str:
    """A cell of a width; text that is longer ends in ``…``."""
    text = text if len(text) <= width else f"{text[:width - 1]}…"
    return text.rjust(width) if right else text.ljust(width)
