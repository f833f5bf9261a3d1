"""Encoder–decoders are drawn as a U, other networks are not."""

import pytest

import dltoolbox as dl
from dltoolbox.report.document import document
from dltoolbox.report.html import network_drawing, page_box, page_edges
from dltoolbox.report.layout import BOX, Edge
from dltoolbox.report.ushape import topological, u_shaped
from tests.report.crossings import hits, overlaps


def drawing_of(layers):
    made = document(dl.analyzeNetwork(layers, nargout=1, Plots="none"))
    edges, box = page_edges(made), page_box(made)
    return (*network_drawing(made, edges, box), edges, box)


@pytest.mark.parametrize("make", [
    lambda: dl.unetLayers([64, 64, 3], 2, EncoderDepth=3), lambda: dl.unet3dLayers([32, 32, 32, 1], 2, EncoderDepth=2),
    lambda: dl.segnetLayers([64, 64, 3], 2, 3)], ids=["unet", "unet3d", "segnet"])
def test_what_connects_levels_is_level_and_crosses_no_layer(make):
    drawing, is_u, edges, box = drawing_of(make())
    assert is_u
    assert hits(len(drawing.centres), edges, drawing, box) == []
    assert overlaps(drawing, box) == []
    falls = [drawing.centres[edge.source][1] < drawing.centres[edge.destination][1] for edge in edges]
    level = [edge for edge in edges if drawing.centres[edge.source][1] == drawing.centres[edge.destination][1]]
    bent = [edge for edge in level if len(drawing.routes[edges.index(edge)]) > 2]
    assert len(bent) <= 1  # at the bottom of a SegNet the last pool leads to the first unpooling below both
    assert len(level) >= 2
    assert 0.3 < sum(falls) / len(falls) < 0.7
    everywhere = [point for points in [*drawing.routes, drawing.centres] for point in points]
    assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in everywhere)


@pytest.mark.parametrize("make", [
    lambda: dl.resnet18(Weights="none"), lambda: [dl.imageInputLayer([8, 8, 1]), dl.reluLayer, dl.regressionLayer],
    list, lambda: dl.fcnLayers([224, 224], 2, Type="32s")], ids=["resnet18", "chain", "nothing", "fcn 32s"])
def test_other_networks_run_downwards(make):
    assert not drawing_of(make())[1]


def test_levels_that_cross_make_no_u():
    chain = [Edge(i, i + 1) for i in range(6)]
    sizes = [64, 16, 4, 4, 4, 16, 64]
    assert u_shaped(7, [*chain, Edge(0, 6), Edge(1, 5)], sizes)
    assert u_shaped(7, [*chain, Edge(0, 5), Edge(1, 6)], sizes) is None
    assert u_shaped(7, [*chain, Edge(0, 6)], sizes) is None  # one level
    assert u_shaped(7, [*chain, Edge(0, 6), Edge(1, 5), Edge(6, 0)], sizes) is None  # a cycle
    assert u_shaped(7, [*chain, Edge(0, 6), Edge(1, 5)], [None] * 7) is None


def test_sides_have_the_usual_distances():
    chain = [Edge(i, i + 1) for i in range(6)]
    drawing = u_shaped(7, [*chain, Edge(0, 6), Edge(1, 5)], [64, 16, 4, 4, 4, 16, 64])
    assert len({x for x, _ in drawing.centres}) == 2
    assert drawing.width == 2 * BOX.width + 3 * BOX.beside


def test_nodes_follow_what_leads_to_them():
    assert topological(4, [Edge(3, 0), Edge(0, 2), Edge(3, 1), Edge(1, 2)]) == [3, 0, 1, 2]
    assert topological(3, [Edge(0, 1), Edge(1, 2), Edge(2, 1)]) == [0]
