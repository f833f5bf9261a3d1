"""Networks that run forward now and backward later give the gradients that a step of training gives, in any sequence."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import ref

import numpy as np
import pytest

from dltoolbox import addLayers, connectLayers, dlnetwork, layerGraph, maxNumCompThreads
from dltoolbox.autodiff.apply import applied
from dltoolbox.autodiff.tape import gradients_of, leaf
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.random import rng as restart
from dltoolbox.core.random import stream
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.networks import DAGNetwork
from dltoolbox.ops import Call, Node, ParameterKey, as_tuple
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.executable import Program
from dltoolbox.program.model import Model
from dltoolbox.program.taped import runs as runs_module
from dltoolbox.program.taped.model import TapedGradients
from dltoolbox.program.taped.runs import TapedRuns, runs_of
from tests import modes
from tests.program.networks import digits, finished, images, make, one_hot, residual, scrambled, segnet

LENGTHS = np.array([5, 2, 4, 3], np.int32)


def recurrent(**options: Any) -> LayerGraph:
    return layerGraph([make("sequenceInputLayer", 3, Name="in"), make("lstmLayer", 4, Name="lstm", **options),
                       make("batchNormalizationLayer", Name="bn"), make("gruLayer", 3, Name="gru"),
                       make("convolution1dLayer", 2, 3, Padding="causal", Name="conv"),
                       make("fullyConnectedLayer", 2, Name="fc"), make("regressionLayer")])


def vectors(*more: Any) -> LayerGraph:
    return layerGraph([make("featureInputLayer", 3, Name="in"), make("fullyConnectedLayer", 8, Name="fc1"),
                       make("reluLayer", Name="relu"), *more, make("fullyConnectedLayer", 2, Name="fc2"),
                       make("regressionLayer", Name="out")])


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest, every_network_is_worth_several_threads: None) -> int:
    maxNumCompThreads(request.param)
    return int(request.param)


def runs_and_values(net: LayerGraph, **options: Any) -> tuple[TapedRuns, dict[ParameterKey, np.ndarray]]:
    runs = TapedRuns(net, np.float64, **options)
    return runs, dict(runs.values)


def seeds_of(runs: TapedRuns, run: Any, targets: Any) -> list[np.ndarray]:
    """Gradients of the losses of a network with respect to what reaches its output layers."""
    graph = runs.lowered.graph
    losses = {node.outputs[0]: node for node in graph.nodes}
    seeds = []
    for loss, result, target in zip(graph.losses, run.results, targets, strict=True):
        node, dims = losses[loss], result.dims
        inputs = [node.way.view(Way.SEE.folded(array, dims), dims) for array in (result.array, target)]
        if len(node.inputs) > 2:
            inputs.append(result.lengths)
        y = node.op.forward(*inputs, **node.attrs)
        gradient = node.op.backward(Call(tuple(inputs), (y,), (True, False, False)), np.ones_like(y), **node.attrs)[0]
        seeds.append(Way.SEE.view(node.way.folded(gradient, dims), dims))
    return seeds


def alike(a: Any, b: Any, tolerance: float = 1e-9) -> None:
    assert a.learnables.keys() == b.learnables.keys()
    for key, value in a.learnables.items():
        np.testing.assert_allclose(value, b.learnables[key], rtol=tolerance, atol=tolerance, err_msg=str(key))
    for one, other in zip(a.inputs, b.inputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def drawn(run: Any, seed: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(result.array.shape) for result in run.results]


NETWORKS = {"digits": digits, "residual": residual, "segnet": segnet}


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=[*NETWORKS])
def test_gradients_and_statistics_are_those_of_a_step(network: Any, fast: bool, threads: int) -> None:
    net = finished(network())
    model = Model(net, np.float64)
    x = images(net, 5)
    targets = [one_hot(y.shape) for y in model.predict([x])]
    runs, values = runs_and_values(net, fast=fast)
    run = runs.forward(values, [x], training=True, input_gradients=True)
    found = run.backward(seeds_of(runs, run, targets))
    _, learnables, entering = model.gradients([x], targets)
    alike(TapedGradients(learnables, entering), found)
    step = model.step([x], targets)
    np.testing.assert_allclose(run.results[0].array, step.predictions[0], rtol=1e-9, atol=1e-12)
    assert run.results[0].dims.shape == step.predictions[0].shape
    moved = {key for key in model.states if key.name.startswith("Trained")}
    assert moved == run.states.keys() != set()
    for key in moved:
        np.testing.assert_allclose(run.states[key], model.arrays[key], rtol=1e-9)
        assert np.array_equal(values[key], getattr(next(one for one in net.nodes if one.Name == key.layer), key.name))


def test_sequences_of_several_lengths_with_states(threads: int) -> None:
    net = finished(recurrent())
    runs, values = runs_and_values(net)
    plain, _ = runs_and_values(net, fast=False)
    rng, model = np.random.default_rng(0), Model(net, np.float64)
    x, target = rng.standard_normal((3, 5, 4)), rng.standard_normal((2, 5, 4))
    target[:, np.arange(5)[:, None] >= LENGTHS] = 0
    run = runs.forward(values, [x], training=True, lengths=[LENGTHS], input_gradients=True)
    _, learnables, entering = model.gradients([x], [target], lengths=[LENGTHS])
    seeds = seeds_of(runs, run, [target]) if len(runs.lowered.graph.losses) else []
    np.testing.assert_array_equal(run.results[0].lengths, LENGTHS)
    spoilt = np.where(np.arange(5)[:, None] < LENGTHS, sequence_seed(run, target), np.nan)
    assert np.isnan(spoilt).any()
    alike(TapedGradients(learnables, entering), run.backward([spoilt]))
    assert len(seeds) == 1
    for training in (True, False):
        states = {key: rng.standard_normal((len(value), 4)) for key, value in values.items()
                  if key in runs.lowered.graph.carried}
        assert len(states) == 3
        both = [one.forward(values, [x], training=training, lengths=[LENGTHS], states=states, carry=True,
                            input_gradients=True) for one in (runs, plain)]
        alike(*(one.backward(drawn(one)) for one in both))
        assert states.keys() <= both[0].states.keys() == both[1].states.keys()
        for key, value in both[0].states.items():
            np.testing.assert_allclose(value, both[1].states[key], rtol=1e-9, atol=1e-12)
    whole = model.results([x], lengths=[LENGTHS], states=states)[0].array
    np.testing.assert_allclose(both[0].results[0].array[:, :2], whole[:, :2], rtol=1e-9)


def sequence_seed(run: Any, target: np.ndarray) -> np.ndarray:
    """Half the squared differences, summed over channels and divided by all sequences and their steps (regressionLayer)."""
    return (run.results[0].array - target) / LENGTHS / LENGTHS.size


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_runs_wait_at_the_same_time(order: tuple[int, int], threads: int) -> None:
    net = finished(digits())
    runs, values = runs_and_values(net)
    data = [images(net, 4, seed=seed) for seed in (1, 2)]
    wanted = []
    for x in data:
        run = runs.forward(values, [x], training=True)
        wanted.append(run.backward(drawn(run)))
    assert len(runs.models) == 1
    waiting = [runs.forward(values, [x], training=True) for x in data]
    assert len(runs.models) == 2
    for number in order:
        alike(wanted[number], waiting[number].backward(drawn(waiting[number])), 0)


def test_gradients_belong_to_who_asked_for_them() -> None:
    net = finished(vectors())
    runs, values = runs_and_values(net)
    x = np.random.default_rng(0).standard_normal((3, 4))
    run = runs.forward(values, [x], training=True, input_gradients=True)
    first = run.backward(drawn(run))
    kept = TapedGradients({key: value.copy() for key, value in first.learnables.items()}, [first.inputs[0].copy()])
    run = runs.forward(values, [2 * x], training=True, input_gradients=True)
    run.backward(drawn(run, 4))
    alike(first, kept, 0)


def test_runs_that_are_dropped_give_their_memory_back() -> None:
    net = finished(vectors())
    runs, values = runs_and_values(net)
    x = np.ones((3, 4))
    for _ in range(5):
        runs.forward(values, [x], training=True)
    assert len(runs.models) == 1
    for _ in range(5):
        run = runs.forward(values, [x], training=True)
        run.backward(drawn(run))
        run = runs.forward(values, [x], training=False, gradients=False)
        assert run.backward([np.ones((2, 4))]) == ({}, [])
    for _ in range(2):
        both = [runs.forward(values, [x], training=True) for _ in range(2)]
        assert len(runs.models) == 2
        del both


def test_too_many_runs_that_wait_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "MOST_MODELS", 2)
    net = finished(vectors(make("dropoutLayer", 0.5)))
    runs, values = runs_and_values(net)
    xs = [np.random.default_rng(seed).standard_normal((3, 4)) for seed in range(5)]
    restart(0)
    wanted = []
    for x in xs:
        run = runs.forward(values, [x], training=True)
        wanted.append((run.results[0].array, run.backward(drawn(run))))
    restart(0)
    waiting = [runs.forward(values, [x], training=True) for x in xs]
    for run, (y, gradients) in [*zip(waiting, wanted, strict=True)][::-1]:
        np.testing.assert_array_equal(run.results[0].array, y)
        alike(gradients, run.backward(drawn(run)), 0)
    assert len(runs.models) == 2


def test_a_second_backward_draws_the_same_numbers(threads: int) -> None:
    net = finished(vectors(make("dropoutLayer", 0.5), make("batchNormalizationLayer", Name="bn")))
    runs, values = runs_and_values(net)
    x = np.random.default_rng(0).standard_normal((3, 6))
    run = runs.forward(values, [x], training=True)
    other = runs.forward(values, [x], training=True)
    assert not np.array_equal(run.results[0].array, other.results[0].array)
    first = run.backward(drawn(run))
    before = stream("dropout").bit_generator.state
    alike(first, run.backward(drawn(run)), 0)
    assert stream("dropout").bit_generator.state == before
    doubled = run.backward([2 * seed for seed in drawn(run)])
    alike(TapedGradients({key: 2 * value for key, value in first.learnables.items()}, []), doubled)
    other.backward(drawn(other))


def test_values_are_brought_in_where_they_changed() -> None:
    net = finished(vectors())
    runs, values = runs_and_values(net)
    x, key = np.random.default_rng(0).standard_normal((3, 4)), ParameterKey("fc2", "Bias")

    def output(version: object = None, **changes: np.ndarray) -> np.ndarray:
        given = {**values, **({key: changes["bias"]} if changes else {})}
        return runs.forward(given, [x], training=False, gradients=False, version=version).results[0].array
    first, bias = output(), np.array(values[key])
    np.testing.assert_allclose(output(bias=bias + 1), first + 1)
    np.testing.assert_allclose(output(), first)
    own = bias.copy()
    output(bias=own)
    own += 2  # in place: nobody would see it in the identity of the array
    np.testing.assert_allclose(output(bias=own), first + 2)
    view = own.view()
    view.flags.writeable = False  # of what somebody else may write to
    output(bias=view)
    own += 1
    np.testing.assert_allclose(output(bias=view), first + 3)
    output(version=1)
    np.testing.assert_allclose(output(version=1, bias=bias + 1), first)  # as promised
    np.testing.assert_allclose(output(version=2, bias=bias + 1), first + 1)


def test_filters_are_not_arranged_again_for_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    net = finished(digits())
    runs, values = runs_and_values(net)
    prepared: list[bool] = []
    prepare = Program._prepare
    monkeypatch.setattr(Program, "_prepare", lambda self, rank: (prepared.append(True), prepare(self, rank)))
    x, results = images(net, 2), []
    values = {key: constant(value) for key, value in values.items()}
    for number in range(4):
        if number == 2:
            values[ParameterKey("fc", "Bias")] = constant(values[ParameterKey("fc", "Bias")] * 1.0)
        run = runs.forward(values, [x], training=True)
        results.append(run.backward(drawn(run)))
        alike(results[0], results[-1], 0)
    assert len(prepared) == 2


def constant(value: np.ndarray) -> np.ndarray:
    copy = np.array(value)
    copy.flags.writeable = False
    return copy


def several() -> dlnetwork:
    """Two inputs and three outputs; one of them is an input, one does not depend on the other input."""
    lgraph = layerGraph([make("featureInputLayer", 3, Name="a", Normalization="none"),
                         make("fullyConnectedLayer", 4, Name="fc"), make("additionLayer", 2, Name="add"),
                         make("reluLayer", Name="end")])
    lgraph = addLayers(lgraph, [make("featureInputLayer", 4, Name="b", Normalization="none"),
                                make("tanhLayer", Name="tanh")])
    return dlnetwork(connectLayers(lgraph, "b", "add/in2"), OutputNames=["tanh", "end", "a"])


def test_several_results_and_ports(threads: int) -> None:
    net = several()
    runs, values = runs_and_values(net)
    plain, _ = runs_and_values(net, fast=False)
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((3, 5)), rng.standard_normal((4, 5))]
    for ports in ((), ("fc/out", "end/out", "fc/out"), ("tanh/out",), ("a/out",)):
        both = [one.forward(values, x, training=True, ports=ports, input_gradients=True) for one in (runs, plain)]
        seeds = drawn(both[0])
        assert len(both[0].results) == (len(ports) or 3)
        alike(*(one.backward(seeds) for one in both))
        alike(*(one.backward([*seeds[:-1], None]) for one in both))
    run = runs.forward(values, x, training=True, ports=("tanh/out",), input_gradients=True)
    found = run.backward([np.ones((4, 5))])
    assert not found.learnables
    np.testing.assert_allclose(found.inputs[1], 1 - np.tanh(x[1]) ** 2)
    np.testing.assert_array_equal(found.inputs[0], np.zeros((3, 5)))
    run = runs.forward(values, x, training=True, ports=("fc/out", "fc/out"))
    np.testing.assert_allclose(run.backward([np.ones((4, 5)), np.full((4, 5), 2)]).learnables[ParameterKey("fc", "Bias")],
                               np.full((4, 1), 15))
    run = runs.forward(values, x, training=True, without={ParameterKey("fc", "Weights")})
    assert [*run.backward(drawn(run)).learnables] == [ParameterKey("fc", "Bias")]
    run = runs.forward(values, x, training=False, gradients=False, input_gradients=True)
    found = run.backward(drawn(run))
    assert not found.learnables
    assert len(found.inputs) == 2
    with pytest.raises(AssertionError, match="size"):
        runs.forward(values, x, training=True).backward([np.ones((4, 4)), None, None])


@pytest.mark.parametrize("count", [0, 1])
def test_few_observations(count: int, threads: int) -> None:
    for lgraph in (vectors(), residual()):
        net = finished(lgraph)
        both = [TapedRuns(net, np.float64, fast=fast) for fast in (True, False)]
        values, x = both[0].values, images(net, count)
        made = [runs.forward(values, [x], training=False, input_gradients=True) for runs in both]
        assert made[0].results[0].array.shape[-1] == count
        alike(*(run.backward(drawn(run)) for run in made))


def test_problems_are_those_of_a_model() -> None:
    net = finished(segnet())
    runs, values = runs_and_values(net)
    with pytest.raises(DltoolboxError, match="pool1"):
        runs.forward(values, [np.ones((1, 1, 3, 1))], training=True)


def test_networks_share_their_runs_as_long_as_only_values_differ() -> None:
    net = dlnetwork([make("featureInputLayer", 3, Name="in"), make("fullyConnectedLayer", 2, Name="fc")])
    key, x = ParameterKey("fc", "Bias"), np.ones((3, 1), np.float32)
    other = net.with_learnables({key: np.array([[1], [2]], np.float32)})
    assert runs_of(other) is runs_of(net)
    outputs = [runs_of(one).forward(runs_of(one).values_of(one), [x], training=False).results[0].array
               for one in (net, other)]
    np.testing.assert_allclose(outputs[1] - outputs[0], [[1], [2]], atol=1e-6)
    changed = dlnetwork(net)
    changed.Learnables = other.Learnables
    assert runs_of(changed) is not runs_of(net)
    before = runs_of(changed)
    changed.Learnables = net.Learnables
    assert runs_of(changed) is before
    changed.OutputNames = ["in"]
    assert runs_of(changed) is not before
    more = connectLayers(addLayers(net, make("reluLayer", Name="more")), "fc", "more")
    assert runs_of(more.initialize()) is not runs_of(net)
    assert runs_of(net, np.float64) is not runs_of(net)


def test_memory_goes_with_the_networks() -> None:
    net = dlnetwork([make("featureInputLayer", 3, Name="in"), make("fullyConnectedLayer", 2, Name="fc")])
    runs = runs_of(net)
    run = runs.forward(runs.values_of(net), [np.ones((3, 2))], training=True)
    alive = [ref(runs), ref(runs.models[0]), ref(runs.models[0].arenas[0])]
    other = net.with_learnables({})
    del net, runs
    assert None not in [one() for one in alive]
    del other
    assert [*run.backward([np.ones((2, 2))]).learnables.values()][1].tolist() == [[2], [2]]
    del run
    assert [one() for one in alive] == [None] * 3


def test_complex_results_have_complex_gradients() -> None:
    """Of a number L they are ∂L/∂re + i·∂L/∂im."""
    net = finished(layerGraph([make("featureInputLayer", 4, Name="in", Normalization="none"),
                               make("realToComplexLayer", Name="before"),
                               make("complexFullyConnectedLayer", 3, Name="fc"), make("complexReluLayer", Name="relu"),
                               make("complexToRealLayer", Name="after"), make("regressionLayer")]))
    runs, values = runs_and_values(net)
    x, seed = np.random.default_rng(0).standard_normal((4, 5)), np.random.default_rng(1).standard_normal((6, 5))
    real = runs.forward(values, [x], training=True, input_gradients=True)
    complex_run = runs.forward(values, [x], training=True, input_gradients=True, ports=("relu/out",))
    y = complex_run.results[0].array
    np.testing.assert_array_equal(np.stack([y.real, y.imag], 1).reshape(6, 5), real.results[0].array)
    alike(real.backward([seed]), complex_run.backward([seed[0::2] + 1j * seed[1::2]]), 1e-12)


def test_threads_may_run_one_network() -> None:
    net = finished(vectors())
    runs, values = runs_and_values(net)
    xs = [np.random.default_rng(number).standard_normal((3, 2 + number)) for number in range(4)]
    wanted = []
    for x in xs:
        run = runs.forward(values, [x], training=True)
        wanted.append(run.backward(drawn(run)))

    def both(x: np.ndarray) -> TapedGradients:
        run = runs.forward(values, [x], training=True)
        return run.backward(drawn(run))
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(wanted * 5, pool.map(both, xs * 5), strict=True):
            alike(one, other, 1e-12)


def test_traced_arrays_can_be_followed() -> None:
    """As second derivatives need it: the gradients of traced arrays are those of the compiled network."""
    net = finished(recurrent())
    runs, values = runs_and_values(net)
    x = np.random.default_rng(0).standard_normal((3, 5, 4))
    run = runs.forward(values, [x], training=True, input_gradients=True)
    traced = {key: leaf(value.astype(np.float64)) for key, value in values.items()}
    (y,) = run.interpret(lambda node, payloads: as_tuple(applied(node.op, payloads, node.attrs)), traced, [data := leaf(x)])
    np.testing.assert_allclose(y.value, run.results[0].array, rtol=1e-9)
    (seed,) = drawn(run)
    found = run.backward([seed])
    gradients = gradients_of(y, [data, *(traced[key] for key in found.learnables)], seed=seed)
    for one, other in zip(gradients, [*found.inputs, *found.learnables.values()], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-11)


def run_plainly(node: Node, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return as_tuple(node.op.forward(*arrays, **node.attrs))


@pytest.mark.parametrize("training", [True, False])
def test_a_run_can_be_followed_node_by_node(training: bool) -> None:
    """Behind a convolution over time, every way to look at T is there."""
    net = finished(layerGraph([*recurrent().nodes[:-2], make("dropoutLayer", 0.5), *recurrent().nodes[-2:]]))
    runs, values = runs_and_values(net)
    x = np.random.default_rng(0).standard_normal((3, 5, 4))
    run = runs.forward(values, [x], training=training, lengths=[LENGTHS])
    before = stream("dropout").bit_generator.state
    (found,) = run.interpret(run_plainly, values, [x])
    assert stream("dropout").bit_generator.state == before
    real = np.arange(5)[:, None] < LENGTHS
    np.testing.assert_allclose(found[:, real], run.results[0].array[:, real], rtol=1e-9)


def waves(count: int) -> Iterator[tuple[DAGNetwork, np.ndarray]]:
    for number in range(count):
        net = scrambled(Model(vectors(make("dropoutLayer", 0.3))), number).network()
        yield net, np.random.default_rng(number).standard_normal((3, 4 + number))


def test_memory_may_hold_anything(threads: int) -> None:
    for net, x in waves(2):
        results = []
        for poisoned in (False, True):
            with modes.poisoned() if poisoned else pytest.MonkeyPatch.context():
                restart(1)
                runs, values = runs_and_values(net)
                waiting = [runs.forward(values, [x], training=True, input_gradients=True) for _ in range(2)]
                results.append([run.backward(drawn(run)) for run in waiting])
        for one, other in zip(*results, strict=True):
            alike(one, other, 0)
