"""What lies on each other in a drawing."""

from itertools import pairwise

from dltoolbox.report.layout import BOX


def hits(count, edges, drawing, box=BOX):
    """Edges and nodes that lie on each other, other than at the edge's ends; a swing may use all of its rectangle."""
    found = []
    for edge, points in zip(edges, drawing.routes, strict=True):
        for (x0, y0), (x1, y1) in pairwise(points):
            found += [(edge, node) for node, (x, y) in enumerate(drawing.centres) if node not in edge[:2]
                      and max(x0, x1) > x - box.width / 2 and min(x0, x1) < x + box.width / 2
                      and max(y0, y1) > y - box.height / 2 and min(y0, y1) < y + box.height / 2]
    return found


def overlaps(drawing, box=BOX):
    places = sorted(drawing.centres)
    return [(a, b) for i, a in enumerate(places) for b in places[i + 1:]
            if abs(a[0] - b[0]) < box.width and abs(a[1] - b[1]) < box.height]
