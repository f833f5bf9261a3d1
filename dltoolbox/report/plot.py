"""`plot`: a layer graph drawn with Matplotlib, with the rows and routes of the report."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType
from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.packages import require
from dltoolbox.core.properties import Configured, InvalidValue, Property
from dltoolbox.network.graph.layer_graph import UNPOOLING, LayerGraph, layerGraph
from dltoolbox.report.layout import UNPOOLING_LANE, Box, Drawing, Edge, Point, draw

LETTER_POINTS, DOT, ROW_GAP = 5.2, 10.0, 9.0  # points of a letter, of a layer and between two rows at full size
LARGEST_FONT, SMALLEST_FONT = 9.0, 3.5  # font sizes; where names would be smaller, there are none
BLUE, RED, MAGENTA = "#0072bd", "#d62728", "#b0267c"


def _axes(value: object) -> Any:
    """Axes to draw into, of Matplotlib or of what behaves like them; None for the current ones."""
    if value is None or callable(convert.attribute(value, "get_window_extent")):
        return value
    raise InvalidValue("Matplotlib axes")


class _PlotOptions(Configured):
    function = "plot"
    Parent = Property(_axes, None)


def plot(lgraph: object, *pairs: object, **options: object) -> Any:
    """Draw the layers and connections of a network, each layer as a dot with its name; needs Matplotlib.

    Connections to the ``indices`` and ``size`` inputs of unpooling layers are dashed, and those on a cycle are red. Names
    are as large as the axes have room for; in a small figure of a deep network there are none.

    Args:
        lgraph: A layer graph or a network; a layer array is drawn as the graph that it makes.
        *pairs: Names and values of options in turn, as MATLAB writes them.
        **options: ``Parent``: the Matplotlib axes to draw into; by default the current ones.

    Returns:
        The Matplotlib axes.

    Raises:
        MissingExtraError: ``dltoolbox:plot:missingExtra`` without Matplotlib; ``pip install "dltoolbox[plot]"`` brings it.

    Example:
        >>> axes = plot(layerGraph([imageInputLayer([28, 28, 1]), reluLayer, regressionLayer]))  # doctest: +SKIP
    """
    chosen = _PlotOptions(*pairs, **options)
    pyplot = matplotlib("pyplot")
    graph = lgraph if isinstance(lgraph, LayerGraph) else layerGraph(lgraph)
    axes = pyplot.gca() if chosen.Parent is None else chosen.Parent
    names = [layer.Name for layer in graph.nodes]
    unpooling = [c.source.port in UNPOOLING for c in graph.edges]
    drawing = plot_drawing(graph, names, unpooling)
    scale = drawing_scale(axes, drawing)
    at = dict(zip(names, drawing.centres, strict=True))
    for c, points, dashed, cyclic in zip(graph.edges, drawing.routes, unpooling, drawing.cyclic, strict=True):
        colour, style = RED if cyclic else MAGENTA if dashed else BLUE, "--" if dashed else "-"
        add_line(axes, [at[c.source.layer], *points, at[c.destination.layer]], colour, style)
        axes.plot(*points[-1], marker="v" if points[-1][1] > points[-2][1] else "^", markersize=3.5 * scale, color=colour)
    axes.scatter([x for x, _ in drawing.centres], [y for _, y in drawing.centres], s=max(1.5, 4.5 * scale)**2, color=BLUE,
                 zorder=3)
    axes.set_xlim(-DOT, drawing.width + DOT)
    axes.set_ylim(drawing.height + DOT, -DOT)
    axes.set_xticks([])
    axes.set_yticks([])
    if LARGEST_FONT * scale >= SMALLEST_FONT:
        for name, centre in zip(names, drawing.centres, strict=True):
            axes.annotate(name, centre, xytext=(5 * scale, 0), textcoords="offset points", va="center",
                          fontsize=LARGEST_FONT * scale)
    return axes


def matplotlib(module: str) -> ModuleType:
    """A module of Matplotlib; without Matplotlib, the error that names the extra that brings it."""
    require("matplotlib", extra="plot", needed_by="plot")
    return require(f"matplotlib.{module}", extra="plot", needed_by="plot")


def plot_drawing(graph: LayerGraph, names: list[str], unpooling: list[bool]) -> Drawing:
    """The layout, with room for a name to the right of each dot."""
    at = {name: i for i, name in enumerate(names)}
    edges = [Edge(at[c.source.layer], at[c.destination.layer], UNPOOLING_LANE if special else 0)
             for c, special in zip(graph.edges, unpooling, strict=True)]
    width = 2 * LETTER_POINTS * max(map(len, names), default=0) + DOT
    return draw(len(names), edges, Box(width, DOT, ROW_GAP, ROW_GAP))


def drawing_scale(axes: Any, drawing: Drawing) -> float:
    """How large the axes can show it, up to 1 for full size."""
    box, points = axes.get_window_extent(), 72 / axes.figure.dpi
    return float(min(1.0, points * box.height / (drawing.height + 2 * DOT), points * box.width / (drawing.width + 2 * DOT)))


def add_line(axes: Any, points: list[Point], colour: str, style: str) -> None:
    """A line through the points of a route, swung where it changes sides."""
    paths, patches = matplotlib("path"), matplotlib("patches")
    corners, codes = [points[0]], [paths.Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 == x1 or y0 == y1:
            corners, codes = [*corners, (x1, y1)], [*codes, paths.Path.LINETO]
        else:
            middle = (y0 + y1) / 2
            corners += [(x0, middle), (x1, middle), (x1, y1)]
            codes += [paths.Path.CURVE4] * 3
    line = paths.Path(corners, codes)
    axes.add_patch(patches.PathPatch(line, fill=False, edgecolor=colour, linestyle=style, linewidth=0.9))
