"""What a mode looks for in a network is known without any engine."""

import pytest

from dltoolbox import (
    DltoolboxError,
    batchNormalizationLayer,
    dropoutLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    regressionLayer,
)
from dltoolbox.core.dims import Dims
from dltoolbox.network.lowering.modes import Taped, check_problems, lower_for, mode_ends, trains
from dltoolbox.ops import ParameterKey

NET = layerGraph([imageInputLayer([6, 6, 2], Normalization="none", Name="in"), batchNormalizationLayer(Name="bn"),
                  dropoutLayer(Name="drop"), maxPooling2dLayer(2, Stride=2, Name="pool"),
                  fullyConnectedLayer(3, Name="fc", WeightLearnRateFactor=0), regressionLayer])
INPUTS = {"in": Dims("SSCB", (6, 6, 2, None))}


def lowered(*, training=False, sizes=((6, 6, 2),)):
    return lower_for(NET, INPUTS, sizes, training=training)


def sought(mode, ports=(), frozen=()):
    graph = lowered(training=trains(mode)).graph
    ends = mode_ends(graph, mode, ports, frozen)
    assert isinstance(mode, Taped) or not ends.seeded
    return graph, ends.wanted, ends.gradients_of


def test_prediction_wants_what_leaves_or_what_is_asked_for():
    graph, wanted, gradients_of = sought("predict")
    assert (wanted, gradients_of) == (graph.results, [])
    graph, wanted, _ = sought("predict", ["pool/out", "pool/out", "fc/out"])
    assert wanted == [graph.ports["pool/out"], graph.ports["fc/out"]]
    graph, wanted, gradients_of = sought("evaluate")
    assert (wanted, gradients_of) == ([*graph.results, *graph.losses], [])


def test_training_wants_gradients_of_what_learns_and_what_states_follow():
    frozen = {ParameterKey("fc", "Weights")}
    graph, wanted, gradients_of = sought("train", frozen=frozen)
    mean, variance = (value for value in wanted if value not in (*graph.results, *graph.losses))
    assert mean.dims == variance.dims
    assert gradients_of == [value for key, value in graph.arrays.items() if key in graph.learnables - frozen]
    assert len(gradients_of) == 3
    graph, wanted, gradients_of = sought("gradients", frozen=frozen)
    assert wanted == graph.losses
    assert len(gradients_of) == 4 + 1
    assert len(sought("statistics")[1]) == 3  # mean, variance and count; the first and the last count twice


def test_gradients_from_outside_begin_where_something_leaves():
    weights = ParameterKey("fc", "Weights")
    graph = lowered(training=True).graph
    mode = Taped(training=True, without=frozenset({weights}), inputs=True)
    ends = mode_ends(graph, mode, ["fc/out", "pool/out", "fc/out"])
    assert ends.seeded == ends.wanted[:2] == [graph.ports["fc/out"], graph.ports["pool/out"]]
    assert len(ends.wanted) == 4  # mean and variance follow
    assert ends.gradients_of == [*(value for key, value in graph.arrays.items() if key in graph.learnables - {weights}),
                                 *graph.inputs]
    graph = lowered().graph
    assert mode_ends(graph, Taped(training=False), carry=True).wanted == graph.results


def test_graphs_are_of_open_batch_and_of_the_sizes_of_the_data():
    record = lowered(sizes=((8, 8, 2),))
    assert record.graph.ports["pool/out"].dims == Dims("SSCB", (4, 4, 2, None))


def test_problems_behind_the_ports_do_not_matter():
    record = lowered(sizes=((1, 1, 2),))
    check_problems(record, ["drop/out"])
    for ports in ((), ["fc/out"]):
        with pytest.raises(DltoolboxError, match="pool"):
            check_problems(record, ports)
