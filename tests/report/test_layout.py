"""Drawings: rows follow connections, no route crosses a node, drawings can be repeated, and any graph can be drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dltoolbox
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.report.layout import BOX, UNPOOLING_LANE, Edge, draw
from tests.report.crossings import hits, overlaps


def graph_of(lgraph):
    at = {one.Name: i for i, one in enumerate(lgraph.nodes)}
    return len(at), [Edge(at[c.source.layer], at[c.destination.layer],
                          UNPOOLING_LANE if c.source.port in ("indices", "size") else 0) for c in lgraph.edges]


ARCHITECTURES = {name: getattr(dltoolbox, name).untrained for name in dltoolbox.__all__
                 if hasattr(getattr(dltoolbox, name), "untrained")} | {
    "segnetLayers": lambda: dltoolbox.segnetLayers([64, 64, 3], 2, 4),
    "segnetLayers, vgg19": lambda: dltoolbox.segnetLayers([64, 64, 3], 2, "vgg19"),
    "unetLayers": lambda: dltoolbox.unetLayers([64, 64, 3], 2),
    "unet3dLayers": lambda: dltoolbox.unet3dLayers([64, 64, 64, 3], 2),
    "fcnLayers": lambda: dltoolbox.fcnLayers([224, 224], 2, Type="8s"),
    "deeplabv3plusLayers": lambda: dltoolbox.deeplabv3plusLayers([256, 256, 3], 2, "resnet50"),
    "resnetLayers": lambda: dltoolbox.resnetLayers([64, 64, 3], 10, StackDepth=[2, 2], NumFilters=[16, 32]),
    "resnet3dLayers": lambda: dltoolbox.resnet3dLayers([32, 32, 32, 3], 10, StackDepth=[2, 2], NumFilters=[16, 32])}


def check(count, edges):
    drawing = draw(count, edges)
    assert hits(count, edges, drawing) == []
    assert overlaps(drawing) == []
    for (source, destination, _), points in zip(edges, drawing.routes, strict=True):
        for node, (x, y) in ((source, points[0]), (destination, points[-1])):
            assert x == drawing.centres[node][0]
            assert abs(y - drawing.centres[node][1]) == BOX.height / 2
    everywhere = [point for points in [*drawing.routes, drawing.centres] for point in points]
    assert all(0 <= x <= drawing.width for x, _ in everywhere)
    return drawing


def residual(blocks):
    """A chain in which every fourth node is also connected to the fourth after it."""
    return 4 * blocks + 1, [Edge(i, i + 1) for i in range(4 * blocks)] + [Edge(4 * i, 4 * i + 4) for i in range(blocks)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_routes_of_architectures_cross_no_node(name):
    count, edges = graph_of(ARCHITECTURES[name]())
    drawing = check(count, edges)
    assert not any(drawing.cyclic)
    assert all(drawing.centres[a][1] < drawing.centres[b][1] for a, b, _ in edges)


def test_architectures_were_found():
    assert {"resnet18", "vgg16", "densenet201"} <= set(ARCHITECTURES)
    assert all(isinstance(build(), LayerGraph) for build in ARCHITECTURES.values())


@given(st.integers(1, 14).flatmap(lambda count: st.tuples(st.just(count), st.lists(
    st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), st.integers(0, 1)).map(lambda one: Edge(*one)),
    max_size=30))))
def test_any_graph_can_be_drawn(graph):
    check(*graph)


@given(st.integers(2, 14).flatmap(lambda count: st.tuples(st.just(count), st.lists(
    st.tuples(st.integers(0, count - 2), st.integers(1, count - 1)).map(lambda ab: Edge(min(ab), max(ab[0] + 1, ab[1]))),
    max_size=30))))
def test_graphs_without_cycles_run_downwards(graph):
    count, edges = graph
    drawing = check(count, edges)
    assert not any(drawing.cyclic)
    assert all(drawing.centres[a][1] < drawing.centres[b][1] for a, b, _ in edges)


def test_a_chain_is_a_straight_line():
    drawing = draw(1000, [Edge(i, i + 1) for i in range(999)])
    assert len({x for x, _ in drawing.centres}) == 1
    assert all(len(points) == 2 for points in drawing.routes)
    assert drawing.width == BOX.width


def test_residual_blocks_have_a_straight_trunk_and_narrow_skips():
    count, edges = residual(120)
    drawing = check(count, edges)
    assert len({x for x, _ in drawing.centres}) == 1
    assert drawing.width < BOX.width + BOX.beside
    assert all(len(points) == 4 for points in drawing.routes[480:])  # out, straight down, and back


def test_nested_skips_do_not_cross_one_another():
    count = 12  # an encoder and a decoder with three skips
    edges = [Edge(i, i + 1) for i in range(count - 1)] + [Edge(i, count - 1 - i) for i in range(1, 4)]
    lanes = [{x for x, _ in points[1:-1]} for points in check(count, edges).routes[count - 1:]]
    assert all(len(lane) == 1 for lane in lanes)
    outer, middle, inner = (lane.pop() for lane in lanes)
    assert outer > middle > inner or outer < middle < inner


def test_long_connections_of_one_lane_share_their_way_and_other_lanes_do_not():
    chain = [Edge(i, i + 1) for i in range(8)]
    short, long, other = check(9, [*chain, Edge(0, 4), Edge(0, 8), Edge(0, 6, 1)]).routes[8:]
    assert short[1] == long[1] != other[1]


def test_cycles_and_loops_are_marked_and_drawn():
    edges = [Edge(0, 1), Edge(1, 2), Edge(2, 1), Edge(3, 3), Edge(2, 4)]
    drawing = check(5, edges)
    assert drawing.cyclic == [False, True, True, True, False]
    assert drawing.routes[2][0][1] > drawing.routes[2][-1][1]  # upwards, from the top of 2 to the bottom of 1


def test_pieces_stand_side_by_side_and_many_of_them_in_shelves():
    two = check(4, [Edge(0, 1), Edge(2, 3)])
    assert two.centres[0][1] == two.centres[2][1]
    many = check(100, [])
    assert many.width < 12 * BOX.width
    assert len({y for _, y in many.centres}) > 5


def test_a_source_of_one_late_connection_stands_next_to_it():
    drawing = check(6, [*(Edge(i, i + 1) for i in range(4)), Edge(5, 4)])
    assert drawing.centres[5][1] == drawing.centres[3][1]


def test_far_connections_get_more_height():
    star = [Edge(0, i) for i in range(1, 12)]
    assert draw(12, star).height > draw(2, [Edge(0, 1)]).height


def test_nothing_is_drawn_as_nothing():
    drawing = draw(0, [])
    assert (drawing.centres, drawing.routes, drawing.width, drawing.height) == ([], [], 0.0, 0.0)


def test_equal_graphs_give_equal_drawings():
    count, edges = graph_of(ARCHITECTURES["resnet18"]())
    assert draw(count, edges) == draw(count, list(edges))
