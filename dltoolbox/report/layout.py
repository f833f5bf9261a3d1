"""Layered drawing of a network: nodes in rows, connections from row to row, routed around every node.

Rows follow from longest paths; a connection over several rows gets a place of its own in each; few crossings are sought
by sorting rows by the barycentres of their neighbours; and chains of nodes are drawn as straight lines, the longest one
and the long connections first.

Source: K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system structures, 1981; straight
blocks as in U. Brandes, B. Köpf, Fast and simple horizontal coordinate assignment, 2001.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, sqrt
from statistics import median
from typing import NamedTuple

SWEEPS = 12  # over all rows, in search of fewer crossings
EFFORT = 200_000  # nodes and places that the sweeps visit; drawings of very many get fewer sweeps
PULLS = 6  # sweeps that draw blocks towards their neighbours
UNPOOLING_LANE = 1  # of connections that carry indices and sizes; data have lane 0
LANE = 14.0  # room for a connection between two nodes of a row
FAR, SLOPE, DEEPEST = 300.0, 12.0, 80.0  # what lies further to the side than FAR gets 1 more height per SLOPE, up to DEEPEST

Point = tuple[float, float]


class Edge(NamedTuple):
    """A connection between two nodes, by 0-based position; connections of one lane may share their way."""

    source: int
    destination: int
    lane: int = 0


class Box(NamedTuple):
    """Size of every node and the least distance between two of a row and between two rows."""

    width: float = 168.0
    height: float = 40.0
    beside: float = 24.0
    below: float = 34.0


BOX = Box()


@dataclass
class Drawing:
    """Positions of everything, with the origin at the upper left.

    Attributes:
        centres: The centre of each node.
        routes: The points of each edge. Between two points of equal x it runs straight, else it swings from one row to
            the next and stays between their heights, where no node lies.
        cyclic: Whether each edge lies on a cycle.
        width: Of the whole drawing.
        height: Of the whole drawing.
    """

    centres: list[Point] = field(default_factory=list)
    routes: list[list[Point]] = field(default_factory=list)
    cyclic: list[bool] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def draw(count: int, edges: Iterable[Edge], box: Box = BOX) -> Drawing:
    """Lay out a directed graph, which may have cycles and several pieces.

    Args:
        count: Number of nodes.
        edges: The connections, in any order.
        box: Sizes and distances.

    Returns:
        A `Drawing`. The same graph gives the same drawing.

    Example:
        >>> drawing = draw(3, [Edge(0, 1), Edge(1, 2), Edge(0, 2)])
        >>> [y for _, y in drawing.centres]
        [20.0, 94.0, 168.0]
        >>> drawing.centres[0][0] == drawing.centres[1][0] == drawing.centres[2][0]
        True
    """
    arcs = [Edge(*edge) for edge in edges]
    pieces, group = pieces_of(count, arcs), cycles_of(count, arcs)
    result = Drawing([(0.0, 0.0)] * count, [[] for _ in arcs], [])
    result.cyclic = [group[a.source] == group[a.destination] for a in arcs]
    members: list[list[int]] = [[] for _ in range(max(pieces, default=-1) + 1)]
    inner: list[list[int]] = [[] for _ in members]
    for node, number in enumerate(pieces):
        members[number].append(node)
    for number, arc in enumerate(arcs):
        inner[pieces[arc.source]].append(number)
    drawn = []
    for nodes, numbers in zip(members, inner, strict=True):
        local = {node: i for i, node in enumerate(nodes)}
        drawn.append(draw_piece(len(nodes), [Edge(local[arcs[i].source], local[arcs[i].destination], arcs[i].lane)
                                             for i in numbers], box))
    for drawing, nodes, numbers, (left, top) in zip(drawn, members, inner, shelves(drawn, box), strict=True):
        for node, (x, y) in zip(nodes, drawing.centres, strict=True):
            result.centres[node] = (x + left, y + top)
        for number, route in zip(numbers, drawing.routes, strict=True):
            result.routes[number] = [(x + left, y + top) for x, y in route]
        result.width = max(result.width, left + drawing.width)
        result.height = max(result.height, top + drawing.height)
    return result


def pieces_of(count: int, arcs: Sequence[Edge]) -> list[int]:
    """Per node the number of its piece; pieces are numbered in the order of their first nodes."""
    parent = list(range(count))

    def first(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for arc in arcs:
        low, high = sorted((first(arc.source), first(arc.destination)))
        parent[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(first(node), len(numbers)) for node in range(count)]


def cycles_of(count: int, arcs: Sequence[Edge]) -> list[int]:
    """Per node a number that it shares with the nodes on a cycle with it, and with no other (S. R. Kosaraju)."""
    entering: list[list[int]] = [[] for _ in range(count)]
    for arc in arcs:
        entering[arc.destination].append(arc.source)
    group = [-1] * count
    for root in reversed(search(count, arcs)[1]):
        stack = [root] if group[root] < 0 else []
        while stack:
            node = stack.pop()
            group[node] = root
            stack += [source for source in entering[node] if group[source] < 0]
    return group


def shelves(drawn: Sequence[Drawing], box: Box) -> list[Point]:
    """Places of the pieces: side by side, and in a new shelf below where they would get wider than a screen."""
    limit = max(4 * (box.width + box.beside), max((drawing.width for drawing in drawn), default=0.0),
                sqrt(sum(drawing.width * drawing.height for drawing in drawn)))
    places, x, y, tallest = [], 0.0, 0.0, 0.0
    for drawing in drawn:
        if x and x + drawing.width > limit:
            x, y, tallest = 0.0, y + tallest + box.below, 0.0
        places.append((x, y))
        x += drawing.width + 2 * box.beside
        tallest = max(tallest, drawing.height)
    return places


@dataclass
class Rows:
    """A piece cut into rows: nodes, and behind them the places of long connections, all numbered through."""

    count: int  # of nodes; larger numbers are places
    rank: list[int]
    up: list[list[int]]
    down: list[list[int]]
    paths: list[list[int]]  # per edge the nodes and places it runs over, from the upper end to the lower
    turned: list[bool]  # per edge whether it runs upwards
    order: list[list[int]] = field(default_factory=list)

    @property
    def position(self) -> list[int]:
        """Of each node or place within its row."""
        place = [0] * len(self.rank)
        for row in self.order:
            for i, member in enumerate(row):
                place[member] = i
        return place


def draw_piece(count: int, arcs: Sequence[Edge], box: Box) -> Drawing:
    """The drawing of one connected piece."""
    rows = layered_rows(count, arcs)
    arrange(rows)
    x = straighten(rows, box)
    tops = heights(rows, x, box)
    left = min(x[i] - (box.width / 2 if i < count else 0) for i in range(len(x)))
    x = [at - left for at in x]
    routes = [route(path, rows, x, tops, box) if len(path) > 1 else loop_path(x[path[0]], tops[rows.rank[path[0]]], box)
              for path in rows.paths]
    for i, turned in enumerate(rows.turned):
        if turned:
            routes[i].reverse()
    centres = [(x[i], tops[rows.rank[i]] + box.height / 2) for i in range(count)]
    right = max([a + box.width / 2 for a, _ in centres] + [a for points in routes for a, _ in points])
    return Drawing(centres, routes, [], right, tops[-1] + box.height)


# Rows --------------------------------------------------------------------------------------------------------------------

def layered_rows(count: int, arcs: Sequence[Edge]) -> Rows:
    """Rows of longest paths, with a place in every row that a connection passes."""
    turned = search(count, arcs)[0]
    downward = [(a.destination, a.source) if back else (a.source, a.destination)
                for a, back in zip(arcs, turned, strict=True)]
    rank = ranks(count, sorted({edge for edge in downward if edge[0] != edge[1]}))
    rows = Rows(count, rank, [], [], [], turned)
    places: dict[tuple[int, ...], list[int]] = {}
    for arc, back, (top, bottom) in zip(arcs, turned, downward, strict=True):
        # Connections of one lane that leave one node share their places; those that were turned do not.
        shared = places.setdefault((top, arc.lane, bottom if back else -1), [])
        while len(shared) < rank[bottom] - rank[top] - 1:
            shared.append(len(rank))
            rank.append(rank[top] + len(shared))
        rows.paths.append([top, *shared[:rank[bottom] - rank[top] - 1], bottom] if top != bottom else [top])
    rows.up, rows.down = [[] for _ in rank], [[] for _ in rank]
    for upper, lower in dict.fromkeys(step for path in rows.paths for step in pairwise(path)):
        rows.down[upper].append(lower)
        rows.up[lower].append(upper)
    return rows


def search(count: int, arcs: Sequence[Edge]) -> tuple[list[bool], list[int]]:
    """A search in depth: which edges lead back to where it came from, so that without them there is no cycle, and the
    nodes in the order in which it is done with them."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    entered = [False] * count
    for number, arc in enumerate(arcs):
        leaving[arc.source].append(number)
        entered[arc.destination] = True
    back, done = [False] * len(arcs), []
    met, open_ = [False] * count, [False] * count
    for root in sorted(range(count), key=lambda node: entered[node]):
        if met[root]:
            continue
        met[root] = open_[root] = True
        stack = [(root, iter(leaving[root]))]
        while stack:
            node, rest = stack[-1]
            for number in rest:
                to = arcs[number].destination
                back[number] = open_[to] and to != node
                if not met[to]:
                    met[to] = open_[to] = True
                    stack.append((to, iter(leaving[to])))
                    break
            else:
                open_[node] = False
                done.append(node)
                stack.pop()
    return back, done


def ranks(count: int, arcs: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each node: below all that feed it, and not further above what it feeds than it has to be."""
    after: list[list[int]] = [[] for _ in range(count)]
    before: list[list[int]] = [[] for _ in range(count)]
    for a, b in arcs:
        after[a].append(b)
        before[b].append(a)
    waiting = [len(edges) for edges in before]
    sequence = [node for node in range(count) if not waiting[node]]
    rank = [0] * count
    for node in sequence:  # grows while it is walked
        for to in after[node]:
            rank[to] = max(rank[to], rank[node] + 1)
            waiting[to] -= 1
            if not waiting[to]:
                sequence.append(to)
    for node in reversed(sequence):
        if len(after[node]) > len(before[node]):  # moving it down shortens more than it lengthens
            rank[node] = min(rank[to] for to in after[node]) - 1
    least = min(rank)
    return [rank_of - least for rank_of in rank]


# Order within rows -------------------------------------------------------------------------------------------------------

def arrange(rows: Rows) -> None:
    """Order the rows: as a search in depth meets them, then by barycentres while that removes crossings."""
    rows.order = first_order(rows)
    best, fewest = [list(row) for row in rows.order], crossings(rows)
    for sweep in range(max(2, min(SWEEPS, EFFORT // len(rows.rank)))):
        if not fewest:
            break
        sort_rows(rows, downwards=sweep % 2 == 0)
        swap_neighbours(rows)
        now = crossings(rows)
        if now < fewest:
            best, fewest = [list(row) for row in rows.order], now
    rows.order = best


def first_order(rows: Rows) -> list[list[int]]:
    order: list[list[int]] = [[] for _ in range(max(rows.rank) + 1)]
    seen = [False] * len(rows.rank)
    for root in sorted(range(rows.count), key=lambda node: rows.rank[node]):
        stack = [root]
        while stack:
            node = stack.pop()
            if not seen[node]:
                seen[node] = True
                order[rows.rank[node]].append(node)
                stack.extend(reversed(rows.down[node]))
    return order


def crossings(rows: Rows) -> int:
    """How often connections cross between rows."""
    place, total = rows.position, 0
    for row in rows.order[:-1]:
        passed: list[int] = []
        for member in row:
            ends = sorted(place[to] for to in rows.down[member])
            total += sum(len(passed) - bisect_left(passed, end + 1) for end in ends)
            for end in ends:
                insort(passed, end)
    return total


def sort_rows(rows: Rows, *, downwards: bool) -> None:
    """Sort each row by the mean position of its neighbours in the row before; what has none keeps its position."""
    numbers = range(1, len(rows.order)) if downwards else range(len(rows.order) - 2, -1, -1)
    beside = rows.up if downwards else rows.down
    place = rows.position
    for r in numbers:
        row = rows.order[r]
        means = {member: sum(place[n] for n in beside[member]) / len(beside[member]) if beside[member] else place[member]
                 for member in row}
        row.sort(key=lambda member, means=means: means[member])  # type: ignore[misc]
        for i, member in enumerate(row):
            place[member] = i


def swap_neighbours(rows: Rows) -> None:
    """Exchange two that stand next to each other wherever that removes a crossing."""
    place = rows.position

    def crossed(a: int, b: int) -> int:
        return sum(place[m] > place[n] for side in (rows.up, rows.down) for m in side[a] for n in side[b])

    for row in rows.order:
        for i in range(len(row) - 1):
            a, b = row[i], row[i + 1]
            if crossed(b, a) < crossed(a, b):
                row[i], row[i + 1] = b, a
                place[a], place[b] = i + 1, i


# Coordinates -------------------------------------------------------------------------------------------------------------

def straighten(rows: Rows, box: Box) -> list[float]:
    """The x of each node and place: blocks of chains, packed to the left, then drawn towards their neighbours."""
    steps = [(upper, lower) for upper in range(len(rows.down)) for lower in rows.down[upper]]
    trunk = longest_path(rows)
    block = vertical_blocks(rows, steps, trunk)
    distance: dict[tuple[int, int], float] = {}  # least distance of two blocks, the left one first
    for row in rows.order:
        for a, b in pairwise(row):
            half = sum(box.width / 2 if node < rows.count else 0 for node in (a, b))
            free = box.beside if a < rows.count and b < rows.count else LANE
            key = (block[a], block[b])
            distance[key] = max(distance.get(key, 0.0), half + free)
    right: dict[int, list[tuple[int, float]]] = {head: [] for head in dict.fromkeys(block)}
    left: dict[int, list[tuple[int, float]]] = {head: [] for head in right}
    for (a, b), apart in distance.items():
        right[a].append((b, apart))
        left[b].append((a, apart))
    sequence, x = packed(right, left)
    beside: dict[int, list[int]] = {head: [] for head in right}
    for upper, lower in steps:
        if block[upper] != block[lower]:
            beside[block[upper]].append(block[lower])
            beside[block[lower]].append(block[upper])
    movable = [head for head in sequence if beside[head] and head != block[trunk[0]]]
    for pull in range(PULLS):
        for head in movable if pull % 2 else reversed(movable):
            wanted = median(x[other] for other in beside[head])
            least = max((x[other] + apart for other, apart in left[head]), default=-inf)
            most = min((x[other] - apart for other, apart in right[head]), default=inf)
            x[head] = max(least, min(wanted, most))
    return [x[member] for member in block]


def longest_path(rows: Rows) -> list[int]:
    """The nodes and places of a path over as many nodes as possible."""
    length, before = [1] * len(rows.rank), [-1] * len(rows.rank)
    for row in rows.order:
        for member in row:
            for upper in rows.up[member]:
                if length[upper] + (member < rows.count) > length[member] or before[member] < 0:
                    length[member], before[member] = length[upper] + (member < rows.count), upper
    path = [max(range(rows.count), key=lambda node: length[node])]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    return path


def vertical_blocks(rows: Rows, steps: Iterable[tuple[int, int]], trunk: Sequence[int]) -> list[int]:
    """The block of each node and place: its uppermost member. Steps within blocks do not cross one another."""
    place = rows.position
    on_trunk = {(upper, lower) for lower, upper in pairwise(trunk)}
    by_row: list[list[tuple[int, int]]] = [[] for _ in rows.order]
    for step in steps:
        by_row[rows.rank[step[0]]].append(step)

    def urgency(step: tuple[int, int]) -> tuple[int, int, int]:
        upper, lower = step
        bends = (upper < rows.count) + (lower < rows.count)  # long connections should not have any on their way
        lonely = len(rows.down[upper]) == 1 == len(rows.up[lower])
        return (0 if step in on_trunk else 1 if not bends else 2 if lonely else 3, abs(place[upper] - place[lower]),
                place[upper])

    block = list(range(len(rows.rank)))
    for row in by_row:
        taken: list[tuple[int, int]] = []  # positions of the steps taken, sorted in both rows
        for upper, lower in sorted(row, key=urgency):
            a, b = place[upper], place[lower]
            at = bisect_left(taken, (a, -1))
            fits = (at == 0 or taken[at - 1][1] < b) and (at == len(taken) or (taken[at][0] > a and taken[at][1] > b))
            if fits:
                taken.insert(at, (a, b))
                block[lower] = upper
    for row_of in rows.order:  # from the top, so that the uppermost is known
        for member in row_of:
            block[member] = block[block[member]]
    return block


def packed(right: dict[int, list[tuple[int, float]]],
           left: dict[int, list[tuple[int, float]]]) -> tuple[list[int], dict[int, float]]:
    """Blocks from left to right, and the x of each as far to the left as possible."""
    waiting = {head: len(before) for head, before in left.items()}
    sequence = [head for head, count in waiting.items() if not count]
    x = dict.fromkeys(right, 0.0)
    for head in sequence:  # grows while it is walked
        for other, apart in right[head]:
            x[other] = max(x[other], x[head] + apart)
            waiting[other] -= 1
            if not waiting[other]:
                sequence.append(other)
    return sequence, x


def heights(rows: Rows, x: Sequence[float], box: Box) -> list[float]:
    """The top of each row; where connections run far to the side, the next row is further below."""
    tops = [0.0]
    for row in rows.order[:-1]:
        far = max((abs(x[member] - x[to]) for member in row for to in rows.down[member]), default=0.0)
        tops.append(tops[-1] + box.height + box.below + min(DEEPEST, max(0.0, far - FAR) // SLOPE))
    return tops


def route(path: Sequence[int], rows: Rows, x: Sequence[float], tops: Sequence[float], box: Box) -> list[Point]:
    """The points of an edge from the bottom of its upper end to the top of its lower end, straight through each row."""
    points: list[Point] = []
    for member in path:
        top = tops[rows.rank[member]]
        points += [(x[member], top), (x[member], top + box.height)]
    points = points[1:-1]
    return [point for i, point in enumerate(points)
            if i in (0, len(points) - 1) or not points[i - 1][0] == point[0] == points[i + 1][0]]


def loop_path(x: float, top: float, box: Box) -> list[Point]:
    """The way of an edge from a node around to itself."""
    aside, above, below = x + (box.width + box.beside) / 2, top - box.below / 4, top + box.height + box.below / 4
    return [(x, top + box.height), (x, below), (aside, below), (aside, above), (x, above), (x, top)]
