"""The analysis as one HTML file that needs nothing else: graph, layer table, problems, and what each layer does.

Everything is in the file: style, script, and the analysis document with the drawing of the graph as JSON. The page is
made of it by the script; see `assets/`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

from dltoolbox.core.display import printable
from dltoolbox.core.errors import fail
from dltoolbox.core.files import write_text
from dltoolbox.core.properties import show
from dltoolbox.report.blocks import blocks_of, folded_drawings, spatial
from dltoolbox.report.document import ANALYSIS_SCHEMA, ANALYSIS_VERSION, identity
from dltoolbox.report.layout import UNPOOLING_LANE, Box, Drawing, Edge, draw
from dltoolbox.report.ushape import u_shaped

SCRIPTS = tuple(f"{script}.js" for script in ("data", "format", "heat", "blocks", "graph", "view", "paper", "table",
                                              "columns", "panes", "save", "details", "report"))

# Kinds of layers, which have a colour each, by words in the names of their factories; the first that occurs counts.
KINDS = {
    "input": ("nputLayer",),
    "output": ("lassificationLayer", "regressionLayer", "LossLayer"),
    "fully connected": ("fullyConnected",),
    "convolution": ("onvolution", "Conv"),
    "normalisation": ("ormalization",),
    "unpooling": ("Unpooling",),
    "pooling": ("Pooling",),
    "attention": ("ttentionLayer", "mbedding", "ncodingLayer"),
    "joining": ("addition", "oncatenation", "multiplication"),
    "activation": ("elu", "Relu", "softmax", "sigmoid", "tanh", "swish", "softplus", "quadratic"),
    "dropout": ("ropout",),
    "recurrent": ("lstm", "gru"),
    "reshaping": ("crop", "resize", "depthToSpace", "spaceToDepth", "flatten", "huffle", "indexing", "olding", "permute",
                  "reshape"),
}
NODE_LETTER, NODE_SIDES = 7.0, 34.0  # width of a letter of a name, and of what stands beside it in a node
NARROWEST_NODE, WIDEST_NODE = 132.0, 216.0


def render(document: Mapping[str, Any], *, batch: int = 1) -> str:
    """The page of an analysis.

    Args:
        document: An analysis document of schema ``dltoolbox-analysis``, version 1, made by `dltoolbox.report.document` or
            read by `json.load`. It is not changed.
        batch: For how many observations the memory of activations is shown, until the reader types another number.

    Returns:
        The text of an HTML file, which loads nothing from anywhere.

    Raises:
        DltoolboxError: ``dltoolbox:report:unknownSchema`` for anything else.
    """
    check_document(document)
    edges, box = page_edges(document), page_box(document)
    kinds = [kind(layer["factory"]) for layer in document["layers"]]
    drawing, is_u = network_drawing(document, edges, box)
    blocks = [] if is_u else blocks_of(document, edges, kinds)
    data = {"analysis": document, "kinds": kinds, "drawing": numbers(drawing, box), "batch": batch,
            "blocks": folded_drawings(blocks, edges, len(kinds), box)}
    parts = {"title": html.escape(f"{document['name'] or 'Network'}: analysis"), "style": asset("report.css"),
             "script": "\n".join(map(asset, SCRIPTS)), "data": embedded(data)}
    return printable(re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], asset("template.html")))


def write(document: Mapping[str, object], path: str | Path, *, batch: int = 1) -> Path:
    """Write the page of an analysis to a file, in UTF-8; returns the path. Arguments and errors as `render`."""
    target = Path(path)
    write_text(target, render(document, batch=batch))
    return target


def check_document(document: object) -> None:
    """Refuse anything but an analysis document of this version."""
    came = identity(document)
    if came != (ANALYSIS_SCHEMA, ANALYSIS_VERSION):
        fail("report:unknownSchema", f"The report is made of a document of schema '{ANALYSIS_SCHEMA}', "
             f"version {ANALYSIS_VERSION}, but "
             + (f"schema {show(came[0])}, version {show(came[1])} was given." if came else f"{show(document)} was given."),
             "Make it with this version of dltoolbox: dltoolbox analyze … --json.")


def page_edges(document: Mapping[str, Any]) -> list[Edge]:
    """The connections of a document, by position of their layers."""
    at = {layer["name"]: i for i, layer in enumerate(document["layers"])}
    return [Edge(at[wire["source"]], at[wire["destination"]], UNPOOLING_LANE if wire["kind"] != "data" else 0)
            for wire in document["connections"]]


def page_box(document: Mapping[str, Any]) -> Box:
    """Boxes that are wide enough for most names."""
    longest = max((len(text) for layer in document["layers"] for text in (layer["name"], layer["type"])), default=0)
    return Box(width=min(WIDEST_NODE, max(NARROWEST_NODE, NODE_LETTER * longest + NODE_SIDES)))


def network_drawing(document: Mapping[str, Any], edges: list[Edge], box: Box) -> tuple[Drawing, bool]:
    """The drawing of the graph of a document, and whether it is a U."""
    sizes = [spatial(layer) for layer in document["layers"]]
    u_drawing = u_shaped(len(sizes), edges, [prod(size) if size else None for size in sizes], box)
    return u_drawing or draw(len(sizes), edges, box), u_drawing is not None


def numbers(drawing: Drawing, box: Box) -> dict[str, Any]:
    """A drawing as JSON, in whole units: centres as x, y; routes as x, y, x, y, …"""
    return {"size": [round(drawing.width), round(drawing.height)], "box": [round(box.width), round(box.height)],
            "centres": [[round(x), round(y)] for x, y in drawing.centres],
            "routes": [[round(value) for point in points for value in point] for points in drawing.routes],
            "cyclic": [i for i, cyclic in enumerate(drawing.cyclic) if cyclic]}


def kind(factory: str) -> str:
    """The kind of layer that a factory makes.

    >>> kind("maxUnpooling2dLayer"), kind("clippedReluLayer"), kind("myLayer")
    ('unpooling', 'activation', 'other')
    """
    return next((name for name, words in KINDS.items() if any(word in factory for word in words)), "other")


def embedded(data: object) -> str:
    """JSON that can stand in a script element: nothing in it ends the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def asset(name: str) -> str:
    return resources.files("dltoolbox.report").joinpath("assets", name).read_text(encoding="utf-8")
