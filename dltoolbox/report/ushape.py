"""Encoder–decoders drawn as a U: the encoder runs down on the left, the decoder climbs on the right, and what connects a
level of one to the same level of the other runs straight across.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from dltoolbox.report.layout import BOX, Box, Drawing, Edge, Point, cycles_of, draw, pieces_of

LEAST_LEVELS = 2  # connections across, at different sizes, that make a U
LEAST_RISE = 4  # how much larger a map has to be at the end of the decoder than at its beginning
ASUNDER = 3.0  # distance of the two sides, in distances of nodes side by side
BASE = 0.7  # how far below the lowest node the sides are connected, in distances of rows


def u_shaped(count: int, edges: Sequence[Edge], extents: Sequence[int | None], box: Box = BOX) -> Drawing | None:
    """Lay out an encoder–decoder.

    Args:
        count: Number of nodes.
        edges: The connections.
        extents: Per node, how many positions the map has that it passes on; None where that is not known.
        box: Sizes and distances.

    Returns:
        A `Drawing`, or None where the sizes do not fall and rise again with connections across, or where one of these
        would run through a node.

    Example:
        >>> edges = [Edge(i, i + 1) for i in range(6)] + [Edge(0, 6), Edge(1, 5)]
        >>> drawing = u_shaped(7, edges, [64, 16, 4, 4, 4, 16, 64])
        >>> drawing.centres[0][1] == drawing.centres[6][1] < drawing.centres[1][1] == drawing.centres[5][1]
        True
    """
    turn = turning_edge(count, edges, extents)
    if turn is None:
        return None
    right = descendants(count, edges, edges[turn].destination)
    across = [i for i, (a, b, _) in enumerate(edges) if (a in right) != (b in right) and i != turn]
    levels = {extents[edges[i].destination] for i in across
              if edges[i].lane or extents[edges[i].source] == extents[edges[i].destination]}
    if len(levels) < LEAST_LEVELS:
        return None
    sides = [[node for node in range(count) if (node in right) is on_right] for on_right in (False, True)]
    drawn = [drawn_side(nodes, edges, box, turned=nodes is sides[1]) for nodes in sides]
    result = sides_joined(count, edges, turn, across, sides, drawn, box)
    return None if result is None or is_crossed(edges, result, box) else result


def turning_edge(count: int, edges: Sequence[Edge], extents: Sequence[int | None]) -> int | None:
    """The one connection that leads from the smallest maps back to larger ones, where there is one."""
    known = [extent for extent in extents if extent]
    if not known or max(pieces_of(count, edges)) > 0:
        return None
    group = cycles_of(count, edges)
    rising = [i for i, (a, b, lane) in enumerate(edges)
              if not lane and extents[a] == min(known) and (extents[b] or 0) > min(known)]
    largest = max((extent for node in descendants(count, edges, edges[rising[0]].destination) if (extent := extents[node])),
                  default=0) if rising else 0
    usable = len(rising) == 1 and largest >= LEAST_RISE * min(known) and len(set(group)) == count
    return rising[0] if usable else None


def descendants(count: int, edges: Sequence[Edge], node: int) -> set[int]:
    """A node and all that it leads to."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    for a, b, _ in edges:
        leaving[a].append(b)
    met, stack = {node}, [node]
    while stack:
        for to in leaving[stack.pop()]:
            if to not in met:
                met.add(to)
                stack.append(to)
    return met


def drawn_side(nodes: Sequence[int], edges: Sequence[Edge], box: Box, *, turned: bool) -> tuple[Drawing, list[int]]:
    """The drawing of one side, and which edges it has; turned, its connections run upwards."""
    at = {node: i for i, node in enumerate(nodes)}
    inner = [i for i, (a, b, _) in enumerate(edges) if a in at and b in at]
    arcs = [Edge(at[edges[i].destination], at[edges[i].source], edges[i].lane) if turned
            else Edge(at[edges[i].source], at[edges[i].destination], edges[i].lane) for i in inner]
    return draw(len(nodes), arcs, box), inner


def sides_joined(count: int, edges: Sequence[Edge], turn: int, across: Sequence[int], sides: Sequence[Sequence[int]],
           drawn: Sequence[tuple[Drawing, list[int]]], box: Box) -> Drawing | None:
    """Both sides beside each other, their rows moved so that what leads across is level; None where they cannot be."""
    rows = [sorted({y for _, y in drawing.centres}) for drawing, _ in drawn]
    row_of: dict[int, int] = {}
    for side in (0, 1):
        for node, (_, y) in zip(sides[side], drawn[side][0].centres, strict=True):
            row_of[node] = rows[side].index(y)
    pairs = sorted({(row_of[edges[i].source], row_of[edges[i].destination]) for i in across})
    if any(a >= b or c >= d for (a, c), (b, d) in pairwise(pairs)):
        return None
    levels = level_rows(pairs, [len(side) for side in rows])
    pitch = box.height + box.below
    result = Drawing([(0.0, 0.0)] * count, [[] for _ in edges], [False] * len(edges))
    for side, (drawing, inner) in enumerate(drawn):
        left = (drawn[0][0].width + ASUNDER * box.beside) * side
        moved = {y + half: levels[side][i] * pitch + box.height / 2 + half
                 for i, y in enumerate(rows[side]) for half in (-box.height / 2, 0.0, box.height / 2)}
        for node, (x, y) in zip(sides[side], drawing.centres, strict=True):
            result.centres[node] = (x + left, moved[y])
        for number, points in zip(inner, drawing.routes, strict=True):
            route = [(x + left, moved[y]) for x, y in points]
            result.routes[number] = route[::-1] if side else route
        result.width = left + drawing.width
    for i in across:
        (x0, y), (x1, _) = (result.centres[node] for node in edges[i][:2])
        result.routes[i] = [(x0 + box.width / 2, y), (x1 - box.width / 2, y)]
    lowest = max(y for _, y in result.centres) + box.height / 2 + BASE * box.below
    (x0, y0), (x1, y1) = (result.centres[node] for node in edges[turn][:2])
    result.routes[turn] = [(x0, y0 + box.height / 2), (x0, lowest), (x1, lowest), (x1, y1 + box.height / 2)]
    result.height = lowest
    return result


def level_rows(pairs: Sequence[tuple[int, int]], counts: Sequence[int]) -> list[list[int]]:
    """Per side, the level of each of its rows: equal for both rows of a pair, with the rows before close above it."""
    levels: list[list[int]] = [[], []]
    for pair in pairs:
        level = max(pair[side] - len(levels[side]) + (levels[side][-1] + 1 if levels[side] else 0) for side in (0, 1))
        for side in (0, 1):
            levels[side] += range(level - pair[side] + len(levels[side]), level + 1)
    for side in (0, 1):
        first = levels[side][-1] + 1
        levels[side] += range(first, first + counts[side] - len(levels[side]))
    return levels


def is_crossed(edges: Sequence[Edge], drawing: Drawing, box: Box) -> bool:
    """Whether any connection runs through a node other than its ends."""
    def crosses(ends: tuple[int, int], a: Point, b: Point) -> bool:
        (left, right), (top, bottom) = sorted((a[0], b[0])), sorted((a[1], b[1]))
        return any(left < x + box.width / 2 and right > x - box.width / 2 and top < y + box.height / 2
                   and bottom > y - box.height / 2 and node not in ends for node, (x, y) in enumerate(drawing.centres))

    return any(crosses((edge.source, edge.destination), a, b)
               for edge, points in zip(edges, drawing.routes, strict=True) for a, b in pairwise(points))


def topological(count: int, arcs: Sequence[Edge]) -> list[int]:
    """The nodes, each after all that lead to it, else by number; those on cycles are left out."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b, _ in arcs:
        leaving[a].append(b)
        waiting[b] += 1
    ready = [node for node in range(count) if not waiting[node]]
    heapify(ready)
    order = []
    while ready:
        order.append(heappop(ready))
        for to in leaving[order[-1]]:
            waiting[to] -= 1
            if not waiting[to]:
                heappush(ready, to)
    return order
