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
from dltoolbox.report.plot import BLUE, MAGENTA, RED

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _no_figures():
    yield
    pyplot.close("all")


def lines(axes):
    return [(to_hex(one.get_edgecolor()), one.get_linestyle()) for one in axes.patches]


def dots(axes):
    return axes.collections[0].get_offsets()


def test_names_stand_at_the_dots_of_their_layers():
    axes = plot(layerGraph([imageInputLayer([8, 8, 1], Name="in"), reluLayer(Name="act"), regressionLayer(Name="out")]))
    assert axes is pyplot.gca()
    assert [one.get_text() for one in axes.texts] == ["in", "act", "out"]
    assert [one.xy for one in axes.texts] == [tuple(dot) for dot in dots(axes)]
    bottom, top = axes.get_ylim()
    assert bottom > dots(axes)[2][1] > dots(axes)[1][1] > dots(axes)[0][1] > top  # from top to bottom


def test_connections_are_lines_between_dots_dashed_to_unpooling():
    lgraph = segnetLayers([64, 64, 3], 2, 3)
    axes = plot(lgraph, "Parent", pyplot.figure(figsize=(6, 12)).gca())
    at = {one.Name: tuple(dot) for one, dot in zip(lgraph.nodes, dots(axes), strict=True)}
    ends = [(tuple(one.get_path().vertices[0]), tuple(one.get_path().vertices[-1])) for one in axes.patches]
    assert ends == [(at[c.source.layer], at[c.destination.layer]) for c in lgraph.edges]
    special = [c.source.port in ("indices", "size") for c in lgraph.edges]
    assert lines(axes) == [(MAGENTA, "--") if one else (BLUE, "-") for one in special]


def test_cycles_are_red():
    lgraph = layerGraph([imageInputLayer([8, 8, 1]), additionLayer(2, Name="sum"), reluLayer(Name="back")])
    assert lines(plot(connectLayers(lgraph, "back", "sum/in2"))) == [(BLUE, "-"), (RED, "-"), (RED, "-")]


def test_names_are_left_out_where_they_could_not_be_read():
    axes = plot([imageInputLayer([8, 8, 1]), [reluLayer] * 500])
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
