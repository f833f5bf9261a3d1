"""`plot`: the graph of a network, drawn with Matplotlib in the layout of the report."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from types import ModuleType
from typing import Any, NamedTuple

from dltoolbox.core import convert
from dltoolbox.core.packages import require
from dltoolbox.core.properties import Configured, InvalidValue, Property
from dltoolbox.network.analysis.analysis import analysis
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.report.document import Document, document
from dltoolbox.report.html import KINDS, asset, kind, network_drawing, page_edges
from dltoolbox.report.layout import Box, Drawing, Point

LETTER_POINTS, DOT, ROW_GAP = 5.2, 10.0, 9.0  # points of a letter, of a layer and between two rows at full size
LARGEST_FONT, SMALLEST_FONT = 9.0, 3.5  # font sizes; where names would be smaller, there are none
LARGEST_FIGURE = (15.0, 10.0)  # inches
SMALLEST_FIGURE = (4.2, 1.0)
LEGEND, LEGEND_WIDTH = 0.25, 1.35  # inches of a row of what the colours mean, and of a column
MOST_COLUMNS = 40
GREY, RED = "#7d8a9a", "#d62728"  # of connections, and of those on a cycle
OTHER = "other"  # the kind of layers that are of none


def _axes(value: object) -> Any:
    """Axes to draw into, of Matplotlib or of what behaves like them; None for new ones."""
    if value is None or callable(convert.attribute(value, "get_window_extent")):
        return value
    raise InvalidValue("Matplotlib axes")


class _PlotOptions(Configured):
    function = "plot"
    Parent = Property(_axes, None)


class Strips(NamedTuple):
    """A drawing cut between rows into columns side by side.

    Attributes:
        tops: Where each column begins in the drawing.
        width: Of one column.
        height: Of the tallest one.
        left: What is left out at the left, where only the free halves of boxes lie.
    """

    tops: list[float]
    width: float
    height: float
    left: float

    def column(self, y: float) -> int:
        return max(0, bisect_right(self.tops, y) - 1)

    def place(self, point: Point, column: int) -> Point:
        return point[0] - self.left + column * self.width, point[1] - self.tops[column]


def plot(lgraph: object, *pairs: object, **options: object) -> Any:
    """Draw the layers and connections of a network, each layer as a dot with its name; needs Matplotlib.

    The layout is that of the report, and dots have the colours that it gives to kinds of layers. Connections to the
    ``indices`` and ``size`` inputs of unpooling layers are dashed, and those on a cycle are red. A deep network is cut
    between rows into columns side by side, so that its names can be read; where there is no room for them, as in the axes
    of a small figure, they are left out.

    Args:
        lgraph: A layer graph or a network; a layer array is drawn as the graph that it makes.
        *pairs: Names and values of options in turn, as MATLAB writes them.
        **options: ``Parent``: the Matplotlib axes to draw into; by default those of a new figure, of the size that the
            network needs.

    Returns:
        The Matplotlib axes; ``axes.figure`` is the figure.

    Raises:
        MissingExtraError: ``dltoolbox:plot:missingExtra`` without Matplotlib; ``pip install "dltoolbox[plot]"`` brings it.

    Example:
        >>> axes = plot(layerGraph([imageInputLayer([28, 28, 1]), reluLayer, regressionLayer]))  # doctest: +SKIP
    """
    chosen = _PlotOptions(*pairs, **options)
    pyplot = matplotlib("pyplot")
    made = document(analysis(lgraph if isinstance(lgraph, LayerGraph) else layerGraph(lgraph)))
    drawing, columns, room = plot_drawing(made, chosen.Parent)
    scale = scale_of(columns, room)
    axes = chosen.Parent
    if axes is None:
        marks, side_by_side = legend_marks(made), legend_columns(columns, scale)
        axes = new_axes(pyplot, columns, scale, LEGEND * ceil(len(marks) / side_by_side))
        add_legend(axes.figure, marks, side_by_side)
    add_connections(axes, made, drawing, columns, scale)
    add_layers(axes, made, drawing, columns, scale)
    axes.set_xlim(-DOT, len(columns.tops) * columns.width + DOT)
    axes.set_ylim(columns.height + DOT, -DOT)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def matplotlib(module: str) -> ModuleType:
    """A module of Matplotlib; without Matplotlib, the error that names the extra that brings it."""
    require("matplotlib", extra="plot", needed_by="plot")
    return require(f"matplotlib.{module}", extra="plot", needed_by="plot")


# Layout ------------------------------------------------------------------------------------------------------------------

def plot_drawing(made: Document, parent: Any) -> tuple[Drawing, Strips, tuple[float, float]]:
    """The layout, with room for names to the right of dots, the columns that show it largest, and the room in points."""
    longest = max((len(layer["name"]) for layer in made["layers"]), default=0)
    box = Box(2 * LETTER_POINTS * longest + DOT, DOT, ROW_GAP, ROW_GAP)
    drawing, is_u = network_drawing(made, page_edges(made), box)
    if parent is None:
        room = 72 * LARGEST_FIGURE[0], 72 * LARGEST_FIGURE[1]
    else:
        extent, points = parent.get_window_extent(), 72 / parent.figure.dpi
        room = extent.width * points, extent.height * points
    choices = [strips_of(drawing, box, count) for count in range(1, 2 if is_u else MOST_COLUMNS + 1)]
    return drawing, max(choices, key=lambda columns: scale_of(columns, room)), room


def strips_of(drawing: Drawing, box: Box, count: int) -> Strips:
    """The drawing in so many columns, with about as many rows in each."""
    rows = sorted({y - box.height / 2 for _, y in drawing.centres})
    tops = rows[::max(1, ceil(len(rows) / count))] or [0.0]
    ends = [*tops[1:], drawing.height + box.below]
    everywhere = [x for x, _ in drawing.centres] + [x for route in drawing.routes for x, _ in route]
    left = min(everywhere, default=0.0)
    width = drawing.width - left + (2 * DOT if len(tops) > 1 else 0.0)
    return Strips([0.0, *tops[1:]], width, max(end - top for top, end in zip(tops, ends, strict=True)) - box.below, left)


def scale_of(columns: Strips, room: tuple[float, float]) -> float:
    """How large the room can show it, up to 1 for full size."""
    width, height = len(columns.tops) * columns.width + 2 * DOT, columns.height + 2 * DOT
    return min(1.0, room[0] / width, room[1] / height)


def pieces_of_route(points: Sequence[Point], columns: Strips) -> list[tuple[Point, Point]]:
    """The parts of a route in the columns in which they lie, from the upper end of each to the lower or back.

    What leads to another column ends below the last row of one and begins again above the first row of the next.
    """
    parts: list[tuple[Point, Point]] = []
    for a, b in pairwise(points):
        top, bottom = sorted((a[1], b[1]))
        first = columns.column(top)
        last = max(first, bisect_right(columns.tops, bottom - 1e-6) - 1)
        for column in range(first, last + 1):
            span = [min(max(y, columns.tops[column] - ROW_GAP * (column > first)),
                        columns.tops[column + 1] if column < last else bottom) for y in (a[1], b[1])]
            parts.append((columns.place((a[0], span[0]), column), columns.place((b[0], span[1]), column)))
        after = last + 1
        if after < len(columns.tops) and bottom == columns.tops[after]:
            x = (a if a[1] > b[1] else b)[0]
            ends = columns.place((x, bottom - ROW_GAP), after), columns.place((x, bottom), after)
            parts.append(ends if b[1] > a[1] else ends[::-1])
    return parts


# Drawing -----------------------------------------------------------------------------------------------------------------

def new_axes(pyplot: Any, columns: Strips, scale: float, legend: float) -> Any:
    """The axes that fill a new figure, of the size that the drawing needs, above so many inches for the legend."""
    size = (len(columns.tops) * columns.width + 2 * DOT) * scale / 72, (columns.height + 2 * DOT) * scale / 72
    width, height = (max(least, needed) for least, needed in zip(SMALLEST_FIGURE, size, strict=True))
    figure = pyplot.figure(figsize=(width, height + legend))
    axes = figure.add_axes((0.0, legend / (height + legend), 1.0, height / (height + legend)), frameon=False)
    axes.set_aspect("equal", adjustable="box", anchor="N")
    return axes


def add_connections(axes: Any, made: Document, drawing: Drawing, columns: Strips, scale: float) -> None:
    """A collection of lines and one of arrow heads for each colour and style."""
    path, collections = matplotlib("path").Path, matplotlib("collections")
    paths: dict[tuple[str, str], list[Any]] = {}
    heads: dict[tuple[str, str], list[Point]] = {}
    for edge, points, cyclic in zip(page_edges(made), drawing.routes, drawing.cyclic, strict=True):
        level = points[0][1] == points[-1][1] == drawing.centres[edge.source][1]
        if level:  # in a U, from behind the name to the dot
            points = [(drawing.centres[edge.source][0] + LETTER_POINTS * len(made["layers"][edge.source]["name"]) + DOT,
                       points[0][1]), (drawing.centres[edge.destination][0] - DOT, points[-1][1])]
        whole = [*([] if level else [drawing.centres[edge.source]]), *points, drawing.centres[edge.destination]]
        parts = pieces_of_route(whole, columns)
        corners: list[Point] = []
        codes: list[int] = []
        for a, b in parts:
            middle = (a[1] + b[1]) / 2
            straight = a[0] == b[0] or a[1] == b[1]
            corners += [a, b] if straight else [a, (a[0], middle), (b[0], middle), b]
            codes += [path.MOVETO, *([path.LINETO] if straight else [path.CURVE4] * 3)]
        colour = RED if cyclic else kind_colour("unpooling") if edge.lane else GREY
        paths.setdefault((colour, "--" if edge.lane else "-"), []).append(path(corners, codes))
        (x0, y0), (x1, y1) = parts[-2] if len(parts) > 1 else parts[-1]
        marker = (">" if x1 > x0 else "<") if y0 == y1 else "v" if y1 > y0 else "^"
        heads.setdefault((colour, marker), []).append((x1, y1))
    for (colour, style), drawn in paths.items():
        axes.add_collection(collections.PathCollection(drawn, facecolors="none", edgecolors=colour, linestyles=style,
                                                       linewidths=0.9))
    for (colour, marker), ends in heads.items():
        axes.plot([x for x, _ in ends], [y for _, y in ends], linestyle="", marker=marker, markersize=3.5 * scale,
                  color=colour)


def add_layers(axes: Any, made: Document, drawing: Drawing, columns: Strips, scale: float) -> None:
    """The dots, and their names where they can be read."""
    places = [columns.place(centre, columns.column(centre[1])) for centre in drawing.centres]
    colours = [kind_colour(kind(layer["factory"])) for layer in made["layers"]]
    axes.scatter([x for x, _ in places], [y for _, y in places], s=max(1.5, 6 * scale)**2, color=colours or None, zorder=3)
    if LARGEST_FONT * scale < SMALLEST_FONT:
        return
    for layer, place in zip(made["layers"], places, strict=True):
        axes.annotate(layer["name"], place, xytext=(6 * scale, 0), textcoords="offset points", va="center",
                      fontsize=LARGEST_FONT * scale)


def legend_marks(made: Document) -> list[Any]:
    """A dot for each kind of layers that there is."""
    lines = matplotlib("lines")
    present = dict.fromkeys(kind(layer["factory"]) for layer in made["layers"])
    return [lines.Line2D([], [], linestyle="", marker="o", markersize=5, color=kind_colour(name), label=name)
            for name in present]


def legend_columns(columns: Strips, scale: float) -> int:
    """How many entries of the legend stand side by side."""
    return int(max(SMALLEST_FIGURE[0], len(columns.tops) * columns.width * scale / 72) / LEGEND_WIDTH)


def add_legend(figure: Any, marks: list[Any], columns: int) -> None:
    if marks:
        figure.legend(handles=marks, loc="lower center", ncols=columns, frameon=False, fontsize=8, handletextpad=0.1,
                      columnspacing=1.0, borderpad=0.2)


def kind_colour(name: str) -> str:
    """The colour of a kind of layers on a light page.

    >>> kind_colour("convolution")
    '#2563c9'
    """
    colours: dict[str, str] = dict(re.findall(r"--([\w-]+): light-dark\((#\w+)", asset("report.css")))
    return colours[(name if name in KINDS else OTHER).replace(" ", "-")]
