"""Updates of learnables: against PyTorch's optimisers, in every structure, with factors; nothing that came is changed."""

import copy
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core.structures.nested import leaves_of, matched, rebuilt

Pair = namedtuple("Pair", "Weights Bias")
random = np.random.default_rng(0)


def arrays(dtype=np.float64):
    return [random.standard_normal(shape).astype(dtype) for shape in ((3, 4), (5,), (2, 1, 3), ())]


# As every structure ---------------------------------------------------------------------------------------------------
STRUCTURES = {
    "dict": lambda a, b, c, d: {"fc1": {"Weights": a, "Bias": b}, "fc2": {"Weights": c, "Bias": d}},
    "struct": lambda a, b, c, d: SimpleNamespace(fc1=SimpleNamespace(Weights=a, Bias=b), rest=[c, d]),
    "list": lambda a, b, c, d: [a, [b, c], d],
    "tuple": lambda a, b, c, d: (a, Pair(b, c), d),
    "table": lambda a, b, c, d: dl.core.table.EditableTable(Layer=["x"] * 4, Parameter=[*"abcd"], Value=[a, b, c, d]),
    "values": lambda a, b, c, d: dl.core.table.EditableTable(Value=[a, b, c, d]),
    "dlarrays": lambda a, b, c, d: {"a": dlarray(a, "SC"), "b": [dlarray(b), c], "d": dlarray(d)},
}
ADAM, RMSPROP, SGDM = (0.02, 0.8, 0.95, 1e-3), (0.02, 0.8, 1e-3), (0.02, 0.7)
UPDATES = {"adam": (dl.adamupdate, 2, ADAM), "rmsprop": (dl.rmspropupdate, 1, RMSPROP), "sgdm": (dl.sgdmupdate, 1, SGDM)}


def in_torch(solver, starts, steps):
    import torch

    ws = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in starts]
    if solver == "adam":
        optimizer = torch.optim.Adam(ws, lr=ADAM[0], betas=ADAM[1:3])
    elif solver == "rmsprop":
        optimizer = torch.optim.RMSprop(ws, lr=RMSPROP[0], alpha=RMSPROP[1], eps=RMSPROP[2])
    else:
        optimizer = torch.optim.SGD(ws, lr=SGDM[0], momentum=SGDM[1])
    for number, gradients in enumerate(steps, 1):
        for w, g in zip(ws, gradients, strict=True):
            w.grad = torch.tensor(g, dtype=torch.float64)
        if solver == "adam":  # which divides the root by √(1 − β₂ˡ) before ε is added
            optimizer.param_groups[0]["eps"] = ADAM[3] / np.sqrt(1 - ADAM[2] ** number)
        optimizer.step()
    return [w.detach().numpy() for w in ws]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("solver", UPDATES)
def test_as_pytorch_in_every_structure(solver, structure):
    pytest.importorskip("torch")
    make = STRUCTURES[structure]
    starts, steps = arrays(), [arrays() for _ in range(7)]
    expected = in_torch(solver, starts, steps)
    update, count, options = UPDATES[solver]
    parameters, states = make(*starts), [None] * count
    for number, gradients in enumerate(steps, 1):
        came = copy.deepcopy([parameters, states])
        new = update(parameters, make(*gradients), *states, *([number] if solver == "adam" else []), *options)
        for old, kept in zip(leaves(came), leaves([parameters, states]), strict=True):
            np.testing.assert_array_equal(old, kept)  # nothing that came is changed
        parameters, *states = new
    for got, wanted in zip(leaves(parameters), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
    assert matched("f", {"parameters": make(*starts), "after": parameters, "state": states[0]}).paths
    for old, *after in zip(*(leaves_of("f", "x", x).columns[0] for x in (make(*starts), parameters, *states)), strict=True):
        for new in after:
            assert type(new) is type(old) or np.ndim(old) == 0
            assert getattr(new, "labels", None) == getattr(old, "labels", None)


def leaves(x):
    return [np.array(leaf) for leaf in leaves_of("f", "x", [one for one in x if one is not None] if isinstance(x, list)
                                                 else x).columns[0] if leaf is not None]


# Networks -------------------------------------------------------------------------------------------------------------
def network(**options):
    inner = dl.networkLayer([dl.fullyConnectedLayer(2, Name="fc"), dl.reluLayer(Name="act")], Name="block")
    return dl.dlnetwork([dl.imageInputLayer([4, 4, 1], Normalization="none", Name="in"),
                         dl.convolution2dLayer(3, 2, Name="conv", **options), dl.batchNormalizationLayer(Name="bn"), inner])


def gradients_of(net, scale=1.0):
    return dl.dlupdate(lambda w: scale * np.ones_like(w), net.Learnables)


def test_a_network_moves_as_its_table():
    net = network()
    table, grad = net.Learnables, gradients_of(net)
    before = [value.copy() for value in table.Value]
    average = square = averages = squares = None
    for iteration in range(1, 4):
        net, average, square = dl.adamupdate(net, grad, average, square, iteration, 0.1)
        table, averages, squares = dl.adamupdate(table, grad, averages, squares, iteration, 0.1)
    for a, b, start in zip(net.Learnables.Value, table.Value, before, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, start - 0.3, rtol=1e-5, atol=1e-6)
        assert not a.flags.writeable
    for a, b in zip([*average.Value, *square.Value], [*averages.Value, *squares.Value], strict=True):
        np.testing.assert_array_equal(a, b)
    assert average.Layer == table.Layer
    assert net.Layers[3].Network.Layers[0].Bias.shape == (2, 1)


@pytest.mark.parametrize("solver", UPDATES)
def test_factors_and_what_is_frozen(solver):
    update, count, _ = UPDATES[solver]
    net = network(WeightLearnRateFactor=0, BiasLearnRateFactor=2)
    grad = gradients_of(net)
    grad.Value[0] = np.full_like(grad.Value[0], np.nan)
    more = [1] if solver == "adam" else []
    after, *_ = update(net, grad, *[None] * count, *more)
    moved = {f"{layer}.{name}": np.abs(new - old).max() for layer, name, new, old in zip(
        net.Learnables.Layer, net.Learnables.Parameter, after.Learnables.Value, net.Learnables.Value, strict=True)}
    assert moved["conv.Weights"] == 0
    assert moved["conv.Bias"] == pytest.approx(2 * moved["bn.Offset"], rel=1e-4)
    assert after.structure is net.structure
    again, *_ = update(dl.freezeWeights(net), grad, *[None] * count, *more)
    for new, old in zip(again.Learnables.Value, net.Learnables.Value, strict=True):
        np.testing.assert_array_equal(new, old)


def test_frozen_gates():
    net = dl.dlnetwork([dl.sequenceInputLayer(1), dl.lstmLayer(2, BiasLearnRateFactor=[0, 1, 2, 1])])
    old, grad = net.Learnables.Value[2], gradients_of(net)
    grad.Value[2][:2] = np.inf
    after, _ = dl.sgdmupdate(net, grad, [])
    np.testing.assert_allclose((old - after.Learnables.Value[2]).ravel(), np.repeat([0, 0.01, 0.02, 0.01], 2), atol=1e-8)
    assert (after.Learnables.Value[2][:2] == old[:2]).all()


def test_idioms_of_loops():
    """Clipping by value and by norm, weight decay, a learning rate that drops, double precision, rows of a table."""
    net = network()
    grad = gradients_of(net, 100.0)
    clipped = dl.dlupdate(lambda g: np.clip(g, -2, 2), grad)
    assert {float(value.max()) for value in clipped.Value} == {2.0}

    def threshold(g):
        norm = np.sqrt(np.sum(g ** 2))
        return g * (3 / norm) if norm > 3 else g
    for value in dl.dlupdate(threshold, grad).Value:
        assert np.linalg.norm(value) == pytest.approx(3, rel=1e-5)
    decayed = dl.dlupdate(lambda g, w: g + 0.1 * w, grad, net.Learnables)
    np.testing.assert_allclose(decayed.Value[0], 100 + 0.1 * net.Learnables.Value[0], rtol=1e-6)
    np.testing.assert_array_equal(decayed.Value[0], dl.dlupdate(lambda g, w: g + 0.1 * w, grad, net).Value[0])
    vel, rate, w = None, 0.1, np.array([1.0])
    for iteration in range(1, 5):
        if iteration % 2 == 0:
            rate = rate * 0.1
        w, vel = dl.sgdmupdate(w, np.ones(1), vel, rate, 0)
    assert w.tolist() == pytest.approx([1 - 0.1 - 0.01 - 0.01 - 0.001])
    double = dl.dlupdate(np.float64, net)
    assert {value.dtype for value in double.Learnables.Value} == {np.dtype(np.float64)}
    double, average, _ = dl.adamupdate(double, grad, [], [], 1)
    assert {value.dtype for value in [*double.Learnables.Value, *average.Value]} == {np.dtype(np.float64)}
    parts = [net.Learnables.Value[0], net.Learnables.Value[1]]
    assert len(dl.sgdmupdate(parts, grad.Value[:2], None)[0]) == 2
    assert dl.sgdmupdate(3, 1, None, 0.5) == (2.5, -0.5)


def test_dlupdate_with_several_outputs():
    net = network()
    after, table = dl.dlupdate(lambda w, g: (w - g, 2 * g), net, gradients_of(net))
    assert isinstance(after, dl.dlnetwork)
    np.testing.assert_array_equal(after.Learnables.Value[0], net.Learnables.Value[0] - 1)
    assert table.Value[1].tolist() == (2 * np.ones((1, 1, 2))).tolist()
    a, b = dl.dlupdate(lambda x: (x + 1, x.shape), {"w": dlarray(np.ones(3), "C")})
    assert (dl.dims(a["w"]), b) == ("C", {"w": (3,)})
    assert dl.dlupdate(lambda x: 2 * x, [1, [2.0]]) == [2, [4.0]]


def test_averages_of_dead_learnables_do_not_become_denormal():
    w, vel = np.zeros(3, np.float32), np.full(3, 1e-33, np.float32)
    w, vel = dl.sgdmupdate(w, np.zeros(3, np.float32), vel)
    tiny = np.finfo(np.float32).tiny
    for _ in range(50):
        w, vel = dl.sgdmupdate(w, np.zeros(3, np.float32), vel)
    assert ((vel == 0) | (np.abs(vel) >= tiny)).all()


def test_squares_that_overflow_are_silent():
    w, square = dl.rmspropupdate(np.ones(1, np.float32), np.full(1, 1e30, np.float32), None)
    assert (w.tolist(), square.tolist()) == ([1], [np.inf])


# Mistakes -------------------------------------------------------------------------------------------------------------
W, G = {"fc1": {"Weights": np.ones((2, 3)), "Bias": np.ones(2)}}, {"fc1": {"Weights": np.ones((2, 3)), "Bias": np.ones(2)}}
MISTAKES = {
    "another size": (lambda: dl.adamupdate(W, {"fc1": {"Weights": np.ones((3, 2)), "Bias": np.ones(2)}}, [], [], 1),
                     "sizeMismatch", "grad.fc1.Weights has size 3×2, but parameters.fc1.Weights has size 2×3"),
    "a field that lacks": (lambda: dl.sgdmupdate(W, {"fc1": {"Weights": np.ones((2, 3))}}, []), "structureMismatch",
                           "grad.fc1 lacks grad.fc1.Bias"),
    "a field too many": (lambda: dl.sgdmupdate({"a": 1.0}, {"a": 1.0, "b": 2.0}, []), "structureMismatch",
                         "grad also has grad.b"),
    "another kind": (lambda: dl.sgdmupdate(W, {"fc1": np.ones(3)}, []), "structureMismatch",
                     "parameters.fc1 is a struct of 2 elements, but grad.fc1 is the leaf"),
    "text": (lambda: dl.sgdmupdate({"a": "b"}, {"a": 1.0}, []), "notNumeric",
             "parameters.a must be an array of real numbers"),
    "complex": (lambda: dl.sgdmupdate(np.ones(1, complex), np.ones(1), []), "notNumeric", "parameters must be an array"),
    "no gradient": (lambda: dl.adamupdate(W, None, [], [], 1), "noGradient", "grad is None"),
    "an empty gradient": (lambda: dl.adamupdate(W, {"fc1": {"Weights": np.ones((2, 3)), "Bias": []}}, [], [], 1),
                          "noGradient", "grad.fc1.Bias is empty"),
    "iteration 0": (lambda: dl.adamupdate(W, G, [], [], 0), "invalidIteration", "iteration must be a positive integer"),
    "a negative rate": (lambda: dl.adamupdate(W, G, [], [], 1, -0.1), "invalidLearnRate", "non-negative"),
    "a decay of 1": (lambda: dl.adamupdate(W, G, [], [], 1, 0.1, 1.0), "invalidGradDecay", r"[0, 1)"),
    "epsilon 0": (lambda: dl.rmspropupdate(W, G, [], 0.1, 0.9, 0), "invalidEpsilon", "a positive number"),
    "averages of others": (lambda: dl.adamupdate(W, G, {"fc1": {"Weights": np.ones(2), "Bias": np.ones(2)}}, [], 1),
                           "sizeMismatch", "averageGrad.fc1.Weights has size 2"),
    "not initialised": (lambda: dl.adamupdate(dl.dlnetwork(dl.reluLayer, Initialize=False), [], [], [], 1),
                        "notInitialized", "not initialised"),
    "a layer graph": (lambda: dl.adamupdate(dl.layerGraph([dl.reluLayer]), [], [], [], 1), "notADlnetwork", "dlnetwork"),
    "no function": (lambda: dl.dlupdate(2, W), "notAFunction", "must be a function"),
    "outputs": (lambda: dl.dlupdate(lambda x: (x, x) if x.ndim > 1 else x, W), "numberOfOutputs", "1 and 2 arrays"),
    "another size back": (lambda: dl.dlupdate(np.ravel, network()), "sizeMismatch", "net.conv.Weights"),
    "it holds itself": (lambda: dl.dlupdate(np.ravel, _endless()), "tooDeep", "levels"),
}


def _endless():
    items = [1.0]
    items.append(items)
    return items


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_name_place_and_cure(mistake):
    call, identifier, words = MISTAKES[mistake]
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    assert caught.value.identifier.endswith(f":{identifier}")
    assert words in str(caught.value)


def test_advice_is_followed():
    """What the messages above tell: zeros for what has no gradient, both left out, what was returned passed again."""
    zeros = {"fc1": {"Weights": np.ones((2, 3)), "Bias": np.zeros(2)}}
    after, average, square = dl.adamupdate(W, zeros, [], [], 1)
    assert after["fc1"]["Bias"].tolist() == [1, 1]
    assert dl.adamupdate(after, dl.dlupdate(np.zeros_like, W), average, square, 2)[0]["fc1"]["Weights"].max() < 1
    net = dl.dlnetwork(dl.fullyConnectedLayer(1), Initialize=False)
    net = dl.initialize(net, np.ones((1, 2)))
    assert dl.adamupdate(net, net.Learnables, [], [], 1)[0].Initialized
    assert dl.dlnetwork(dl.layerGraph([dl.reluLayer]), np.ones((1, 2))).Initialized


def test_a_call_that_keeps_nothing_is_refused():
    with pytest.raises(dl.DltoolboxError, match="lostResult"):
        exec("dl.sgdmupdate(w, w, [])", {"dl": dl, "w": np.ones(1)})


def test_rebuilt_is_the_inverse_of_matched():
    for make in STRUCTURES.values():
        x = make(*arrays())
        found = leaves_of("f", "x", x)
        again = rebuilt(x, iter(found.columns[0]))
        assert [id(leaf) for leaf in leaves_of("f", "x", again).columns[0]] == [id(leaf) for leaf in found.columns[0]]
        assert type(again) is type(x)
