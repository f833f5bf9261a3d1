"""`plot` draws every layer, name and connection with Matplotlib, as the report lays them out."""

import sys

import matplotlib as mpl
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex

from dltoolbox import (
    DltoolboxError,
    MissingExtraError,
    additionLayer,
    assembleNetwork,
    connectLayers,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    plot,
    regressionLayer,
    reluLayer,
    segnetLayers,
)
from dltoolbox.report.plot import GREY, RED, kind_colour

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _no_figures():
    yield
    pyplot.close("all")


def lines(axes):
    """Paths of connections by colour."""
    return {to_hex(one.get_edgecolor()[0]): one.get_paths() for one in axes.collections[:-1]}


def dots(axes):
    return axes.collections[-1].get_offsets()


def overlapping(axes):
    """Names that cover one another."""
    axes.figure.canvas.draw()
    boxes = [one.get_window_extent() for one in axes.texts]
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1:] if a.overlaps(b)]


def test_names_stand_at_the_dots_of_their_layers():
    axes = plot(layerGraph([imageInputLayer([8, 8, 1], Name="in"), reluLayer(Name="act"), regressionLayer(Name="out")]))
    assert axes is pyplot.gca()
    assert [one.get_text() for one in axes.texts] == ["in", "act", "out"]
    assert [one.xy for one in axes.texts] == [tuple(dot) for dot in dots(axes)]
    bottom, top = axes.get_ylim()
    assert bottom > dots(axes)[2][1] > dots(axes)[1][1] > dots(axes)[0][1] > top  # from top to bottom


def test_it_draws_into_a_figure_of_its_own():
    mine = pyplot.gca()
    axes = plot([imageInputLayer([8, 8, 1]), reluLayer, regressionLayer])
    assert axes.figure is not mine.figure
    assert not mine.has_data()
    assert axes is pyplot.gca()
    assert plot([reluLayer]).figure is not axes.figure


def test_dots_have_the_colours_of_kinds_and_a_legend_says_which():
    axes = plot([imageInputLayer([8, 8, 1]), fullyConnectedLayer(2), reluLayer, regressionLayer])
    kinds = ["input", "fully connected", "activation", "output"]
    assert [to_hex(one) for one in axes.collections[-1].get_facecolors()] == [kind_colour(one) for one in kinds]
    assert [one.get_text() for one in axes.figure.legends[0].get_texts()] == kinds
    axes.figure.canvas.draw()
    assert axes.figure.legends[0].get_window_extent().y1 <= axes.texts[-1].get_window_extent().y0
    assert kind_colour("what is to come") == kind_colour("other")


def test_connections_are_lines_between_dots_dashed_to_unpooling():
    lgraph = segnetLayers([64, 64, 3], 2, 3)
    axes = plot(lgraph, "Parent", pyplot.figure(figsize=(6, 12)).gca())
    at = {one.Name: tuple(dot) for one, dot in zip(lgraph.nodes, dots(axes), strict=True)}
    drawn = lines(axes)
    assert [one.get_linestyle()[0][1] is not None for one in axes.collections[:-1]] == [False, True]
    special = [c.source.port in ("indices", "size") for c in lgraph.edges]
    data = [c for c, one in zip(lgraph.edges, special, strict=True) if not one]
    ends = [(tuple(one.vertices[0]), tuple(one.vertices[-1])) for one in drawn[GREY]]
    assert ends == [(at[c.source.layer], at[c.destination.layer]) for c in data]
    across = drawn[kind_colour("unpooling")]
    assert len(across) == sum(special)
    assert all(len({y for _, y in one.vertices}) == 1 for one in across)  # level, as in the report


def test_cycles_are_red():
    lgraph = layerGraph([imageInputLayer([8, 8, 1]), additionLayer(2, Name="sum"), reluLayer(Name="back")])
    drawn = lines(plot(connectLayers(lgraph, "back", "sum/in2")))
    assert {colour: len(paths) for colour, paths in drawn.items()} == {GREY: 1, RED: 2}


def test_deep_networks_are_cut_into_columns_in_which_every_name_can_be_read():
    axes = plot([imageInputLayer([8, 8, 1]), [reluLayer] * 200, regressionLayer])
    assert len(axes.texts) == len(dots(axes)) == 202
    assert len({x for x, _ in dots(axes)}) > 2
    assert axes.texts[0].get_fontsize() > 4.5
    assert overlapping(axes) == []
    width, height = axes.figure.get_size_inches()
    assert width <= 16
    assert height <= 11


def test_names_are_left_out_where_they_could_not_be_read():
    axes = plot([imageInputLayer([8, 8, 1]), [reluLayer] * 500], Parent=pyplot.figure(figsize=(4, 3)).gca())
    assert len(axes.texts) == 0
    assert len(dots(axes)) == 501


def test_networks_layer_arrays_and_empty_graphs_are_drawn():
    layers = [imageInputLayer([2, 2, 1], Normalization="none"), fullyConnectedLayer(1, Weights=[[1, 2, 3, 4]], Bias=[0]),
              regressionLayer]
    axes = pyplot.subplots(1, 3)[1]
    for network, ax in zip((assembleNetwork(layers), layers, layerGraph()), axes, strict=True):
        assert plot(network, Parent=ax) is ax
    assert [len(dots(ax)) for ax in axes] == [3, 3, 0]


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"'matplotlib'.*dltoolbox\[plot\]") as error:
        plot(layerGraph([reluLayer]))
    assert error.value.identifier == "dltoolbox:plot:missingExtra"


def test_an_unknown_option_is_refused():
    with pytest.raises(DltoolboxError, match="Parent") as error:
        plot(layerGraph([reluLayer]), Parrent=None)
    assert error.value.identifier == "dltoolbox:plot:unknownOption"
