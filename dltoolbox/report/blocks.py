"""Blocks of a deep network: stages of one size, and in them what lies between a fork and where its branches join.

Each is a run of layers that follow one another in execution order, so that the network with its blocks as single nodes has
no cycle. What the branches of a network are called does not matter, except for the names of its blocks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dltoolbox.report.layout import Box, Edge, draw
from dltoolbox.report.ushape import topological

FEWEST_LAYERS = 24  # of a network that is cut into blocks
LEAST_STAGE, LEAST_BLOCK = 4, 3  # layers
LONGEST_BLOCK = 60  # layers between a fork and its join; more are cut where their names change
MOSTLY = 0.6  # share of the layers of a block whose names begin alike, from which on it is called so
SHORTEST_WORD = 3  # letters that names have in common
ENDS = ("input", "output")  # kinds of layers that are part of no block
SEPARATORS = re.compile(r"[^A-Za-z0-9]+")

Unit = list[int]  # layers, by 0-based position, in execution order


@dataclass
class Block:
    """Layers that are drawn as one.

    Attributes:
        name: What their names have in common, else a number.
        layers: Their 0-based positions, in execution order.
        parent: The number of the block that this one is a part of; -1 of none.
    """

    name: str
    layers: Unit
    parent: int = -1


def blocks_of(document: Mapping[str, Any], edges: Sequence[Edge], kinds: Sequence[str]) -> list[Block]:
    """Blocks of a network, those around others first; none of a small network, or where they would not make it shorter."""
    layers = document["layers"]
    order = topological(len(layers), edges)
    if not FEWEST_LAYERS <= len(layers) == len(order):
        return []
    names = [layer["name"] for layer in layers]
    found: list[Block] = []
    for stage in stages(units_of(order, edges, kinds, names), [spatial(layer) for layer in layers], kinds):
        together = [node for unit in stage for node in unit]
        parent = -1
        if len(stage) > 1 and len(together) >= LEAST_STAGE:
            number = 1 + sum(block.parent < 0 for block in found)
            found.append(Block(block_name(names, together) or f"Stage {number}", together))
            parent = len(found) - 1
        for unit in stage:
            if len(unit) >= LEAST_BLOCK:
                join = next((node for node in reversed(unit) if kinds[node] == "joining"), unit[-1])
                found.append(Block(block_name(names, unit) or names[join], unit, parent))
    number_alike(found)
    outer = [block for block in found if block.parent < 0]
    return found if len(outer) > 1 and 2 * sum(len(block.layers) - 1 for block in outer) >= len(layers) else []


def number_alike(blocks: Sequence[Block]) -> None:
    """Blocks side by side that are called alike get numbers."""
    counts = Counter((block.parent, block.name) for block in blocks)
    numbers: Counter[tuple[int, str]] = Counter()
    for block in blocks:
        key = (block.parent, block.name)
        if counts[key] > 1:
            numbers[key] += 1
            block.name += f" ({numbers[key]})"


def units_of(order: Sequence[int], edges: Sequence[Edge], kinds: Sequence[str], names: Sequence[str]) -> list[Unit]:
    """The network as a chain: single layers, and from each fork the layers up to its join with what activates them."""
    place = {node: i for i, node in enumerate(order)}
    reach = [i for i, _ in enumerate(order)]
    for a, b, _ in edges:
        reach[place[a]] = max(reach[place[a]], place[b])
    units: list[Unit] = []
    current: Unit = []
    furthest = 0
    for i, node in enumerate(order):
        current.append(node)
        if furthest <= i:
            joins = len(current) > 1
            after = not joins and units and len(units[-1]) > 1 and kinds[node] == "activation"
            if after:
                units[-1] += current
            else:
                units += shortened(current, names)
            current = []
        furthest = max(furthest, reach[i])
    return units


def shortened(unit: Unit, names: Sequence[str]) -> list[Unit]:
    """A unit, or if it is too long, its parts whose layers have similar names."""
    if len(unit) <= LONGEST_BLOCK:
        return [unit]
    runs = [list(run) for _, run in groupby(unit, key=lambda node: beginning(names[node]))]
    return [part for run in runs for part in ([run] if len(run) >= LEAST_BLOCK else [[node] for node in run])]


def stages(units: Sequence[Unit], sizes: Sequence[tuple[int, ...]], kinds: Sequence[str]) -> list[list[Unit]]:
    """Runs of units whose last layers pass on maps of one size; what comes in and goes out is by itself."""
    result: list[list[Unit]] = []
    before: object = None
    for unit in units:
        size: object = object() if kinds[unit[-1]] in ENDS else sizes[unit[-1]] or before
        if result and size == before:
            result[-1].append(unit)
        else:
            result.append([unit])
        before = size
    return result


def spatial(layer: Mapping[str, Any]) -> tuple[int, ...]:
    """The spatial sizes of what a layer passes on; empty where they are not known."""
    dims = layer["outputs"][0]["dims"] if layer["outputs"] else None
    sizes = [size for size, label in zip(dims["sizes"], dims["labels"], strict=True) if label == "S"] if dims else []
    return () if None in sizes else tuple(sizes)


def beginning(name: str) -> str:
    return SEPARATORS.split(name)[0]


def block_name(names: Sequence[str], members: Unit) -> str:
    """The prefix that most names share, up to the end of a word; empty if they have none."""
    inside = [names[node] for node in members]
    word, count = Counter(map(beginning, inside)).most_common(1)[0]
    if len(word) < SHORTEST_WORD or count < MOSTLY * len(inside):
        return ""
    alike = [name for name in inside if beginning(name) == word]
    common = next((i for i, letters in enumerate(zip(*alike, strict=False)) if len(set(letters)) > 1), min(map(len, alike)))
    return re.sub(r"[^A-Za-z0-9]+$", "", alike[0][:common])


# Drawings ----------------------------------------------------------------------------------------------------------------

def folded_drawings(blocks: Sequence[Block], edges: Sequence[Edge], count: int, box: Box) -> dict[str, Any] | None:
    """The drawings that a page unfolds: of the network with its blocks as nodes, and of each block.

    A drawing has items, layers by their number from 1 and blocks by theirs below 0, and ways from item to item: from, to,
    lane, points. What enters a block comes from item 0, which is drawn above, and what leaves it goes to item 0 below.
    """
    if not blocks:
        return None
    inside = {number: {node: node + 1 for node in block.layers} for number, block in enumerate(blocks)}
    inside[-1] = {node: node + 1 for node in range(count)}  # per block, which item of it each layer is part of
    for number, block in enumerate(blocks):
        inside[block.parent].update(dict.fromkeys(block.layers, -number - 1))
    return {"top": level(inside[-1], edges, box, ends=False),
            "groups": [{"name": block.name, "parent": block.parent, "layers": [node + 1 for node in sorted(block.layers)],
                        "drawing": level(inside[number], edges, box)} for number, block in enumerate(blocks)]}


def level(item_of: Mapping[int, int], edges: Sequence[Edge], box: Box, *, ends: bool = True) -> dict[str, Any]:
    """The drawing of the items that layers are part of."""
    items = list(dict.fromkeys(item_of.values()))
    at = {item: i for i, item in enumerate(items)}
    entry, leave = len(items), len(items) + 1
    ends_of = {(at.get(item_of.get(edge.source, 0), entry), at.get(item_of.get(edge.destination, 0), leave), edge.lane)
               for edge in edges}
    arcs = [Edge(a, b, lane) for a, b, lane in sorted(ends_of) if a != b and (a, b) != (entry, leave)]
    drawing = draw(len(items) + 2 * ends, arcs, box)
    codes = [*items, 0, 0]
    return {"size": [round(drawing.width), round(drawing.height)], "items": items,
            "centres": [[round(x), round(y)] for x, y in drawing.centres],
            "ways": [[codes[a], codes[b], lane, [round(value) for point in points for value in point]]
                     for (a, b, lane), points in zip(arcs, drawing.routes, strict=True)]}
