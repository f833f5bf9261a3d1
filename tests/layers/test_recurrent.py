"""Recurrent layers in networks: how they start, factors per gate, states, several lengths, and what they refuse."""

import re
from math import sqrt

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import (
    DltoolboxError,
    addLayers,
    analyzeNetwork,
    bilstmLayer,
    connectLayers,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    flattenLayer,
    freezeWeights,
    fullyConnectedLayer,
    getL2Factor,
    getLearnRateFactor,
    globalAveragePooling1dLayer,
    gruLayer,
    gruProjectedLayer,
    imageInputLayer,
    layerGraph,
    loadNetwork,
    lstmLayer,
    lstmProjectedLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    replaceLayer,
    rng,
    saveNetwork,
    sequenceInputLayer,
    setL2Factor,
    setLearnRateFactor,
    toMATLAB,
    toPython,
    trainingOptions,
    unfreezeWeights,
)
from dltoolbox.network.lowering.initialise import initial_arrays
from dltoolbox.network.networks import lower_checked
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from dltoolbox.train.solvers import make_solver

CHANNELS, HIDDEN = 12, 20
MAKERS = {
    "lstm": lambda **o: lstmLayer(HIDDEN, Name="r", **o), "bilstm": lambda **o: bilstmLayer(HIDDEN, Name="r", **o),
    "gru": lambda **o: gruLayer(HIDDEN, Name="r", **o),
    "two biases": lambda **o: gruLayer(HIDDEN, Name="r", ResetGateMode="recurrent-bias-after-multiplication", **o),
    "projected lstm": lambda **o: lstmProjectedLayer(HIDDEN, 7, 5, Name="r", **o),
    "projected gru": lambda **o: gruProjectedLayer(HIDDEN, 7, 5, Name="r", **o)}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
each_forward = pytest.mark.parametrize("make", [make for kind, make in MAKERS.items() if kind != "bilstm"],
                                       ids=[kind for kind in MAKERS if kind != "bilstm"])


def graph(*layers):
    return layerGraph([sequenceInputLayer(CHANNELS), *layers, regressionLayer])


def initial(layer, name):
    rng(0)
    return initial_arrays(lower_checked(graph(layer)), "float64")[ParameterKey("r", name)]


def sequences(steps=6, batch=3, channels=CHANNELS, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, steps, batch))


# How they start ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "rows"), [("lstm", 4), ("bilstm", 8), ("gru", 3)])
def test_glorot_and_he_count_all_gates(kind, rows):
    limit = sqrt(6 / (CHANNELS + rows * HIDDEN))
    weights = initial(MAKERS[kind](), "InputWeights")
    assert 0.97 * limit < np.abs(weights).max() <= limit
    assert weights.std() == pytest.approx(limit / sqrt(3), rel=0.06)
    for name, fan in (("InputWeights", CHANNELS), ("RecurrentWeights", HIDDEN)):
        assert initial(MAKERS[kind](**{f"{name}Initializer": "he"}), name).std() == pytest.approx(sqrt(2 / fan), rel=0.06)


@pytest.mark.parametrize(("kind", "names"), [
    ("lstm", ["RecurrentWeights"]), ("bilstm", ["RecurrentWeights"]), ("gru", ["RecurrentWeights"]),
    ("projected lstm", ["RecurrentWeights", "InputProjector", "OutputProjector"]),
    ("projected gru", ["RecurrentWeights", "InputProjector", "OutputProjector"])])
def test_recurrent_weights_and_projectors_are_orthogonal(kind, names):
    """Those of each direction by itself."""
    for name in names:
        for matrix in np.split(initial(MAKERS[kind](), name), 2 if kind == "bilstm" else 1):
            np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-10)


def test_forget_gates_are_open_at_the_start():
    zeros, ones = np.zeros((HIDDEN, 1)), np.ones((HIDDEN, 1))
    gates = [zeros, ones, zeros, zeros]
    np.testing.assert_array_equal(initial(MAKERS["lstm"](), "Bias"), np.concatenate(gates))
    np.testing.assert_array_equal(initial(MAKERS["bilstm"](), "Bias"), np.concatenate(gates * 2))
    np.testing.assert_array_equal(initial(MAKERS["projected lstm"](), "Bias"), np.concatenate(gates))


@each
def test_other_starts(make):
    assert (initial(make(BiasInitializer="ones"), "Bias") == 1).all()
    assert not initial(make(BiasInitializer="zeros"), "Bias").any()
    assert initial(make(InputWeightsInitializer="narrow-normal"), "InputWeights").std() == pytest.approx(0.01, rel=0.2)
    sizes = []
    initial(make(RecurrentWeightsInitializer=lambda size: (sizes.append(size), np.zeros(size))[1]), "RecurrentWeights")
    assert sizes == [initial(make(), "RecurrentWeights").shape]
    with pytest.raises(DltoolboxError, match="initialiser of RecurrentWeights returned float64 values of size 2×2"):
        initial(make(RecurrentWeightsInitializer=lambda size: np.zeros((2, 2))), "RecurrentWeights")


# Factors -------------------------------------------------------------------------------------------------------------
def moved(layer, decay=0.0):
    """By how much the arrays of a layer move in one step of SGDM, starting alike, and the gradients of the loss alone."""
    rng(0)
    model = Model(graph(layer), np.float64)
    before = {p.name: p.value.copy() for p in model.parameters}
    x = sequences()
    step = model.step([x], [sequences(channels=model.predict([x])[0].shape[0], seed=1)])
    gradients = {p.name: None if g is None else g.copy() for p, g in zip(model.parameters, step.gradients, strict=True)}
    make_solver(model.parameters, trainingOptions("sgdm", L2Regularization=decay)).update(step.gradients, 0.1)
    return {p.name: p.value - before[p.name] for p in model.parameters}, gradients, before


FACTORS = {"lstm": [1, 0, 2, 0.5], "bilstm": [0, 1, 2, 3, 4, 5, 6, 7], "gru": [3, 0, 1], "two biases": [0, 2, 1],
           "projected lstm": [0, 0, 1, 3], "projected gru": [2, 1, 0]}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_gate_moves_by_its_own_factors(kind):
    rates, decays = FACTORS[kind], FACTORS[kind][::-1]
    options = {f"{name}{what}": factors for name in ("InputWeights", "RecurrentWeights", "Bias")
               for what, factors in (("LearnRateFactor", rates), ("L2Factor", decays))}
    moves, gradients, before = moved(MAKERS[kind](**options), decay=0.3)
    for name in ("InputWeights", "RecurrentWeights", "Bias"):
        repeat = len(before[name]) // len(rates) // HIDDEN  # two biases have the same factors
        rate, decay = (np.repeat(np.tile(f, repeat), HIDDEN)[:, None] for f in (rates, decays))
        expected = -0.1 * rate * (gradients[name] + 0.3 * decay * before[name])
        np.testing.assert_allclose(moves[name], expected, rtol=1e-9, atol=1e-14)
        assert not moves[name][rate[:, 0] == 0].any()


def test_a_layer_whose_factors_are_all_zero_is_frozen():
    frozen = {f"{name}LearnRateFactor": [0] * 4 for name in ("InputWeights", "RecurrentWeights", "Bias")}
    _, gradients, _ = moved(MAKERS["lstm"](**frozen))
    assert set(gradients.values()) == {None}


def test_factors_survive_surgery_archives_and_code(tmp_path):
    layer = setL2Factor(setLearnRateFactor(lstmLayer(3, Name="r"), "RecurrentWeights", [1, 2, 3, 4]), "bias", [0, 1, 0, 0])
    assert layer.RecurrentWeightsLearnRateFactor == (1, 2, 3, 4) == getLearnRateFactor(layer, "RecurrentWeights")
    assert getL2Factor(layer, "Bias") == (0, 1, 0, 0)
    lgraph = setLearnRateFactor(layerGraph([sequenceInputLayer(2, Name="in"), layer]), "r/InputWeights", [0, 0, 0, 5])
    lgraph = replaceLayer(lgraph, "in", sequenceInputLayer(2, Name="in2"))
    net = dlnetwork(lgraph)
    saveNetwork(net, tmp_path / "net.dlnet")
    loaded = loadNetwork(tmp_path / "net.dlnet")
    script = {}
    exec(toPython(lgraph), script)  # our own text
    for found in (net.Layers[1], loaded.Layers[1], script["layers"][1]):
        assert found.InputWeightsLearnRateFactor == (0, 0, 0, 5)
        assert (found.RecurrentWeightsLearnRateFactor, found.BiasL2Factor) == ((1, 2, 3, 4), (0, 1, 0, 0))
    assert '"InputWeightsLearnRateFactor",[0 0 0 5]' in re.sub(r"\s*\.\.\.\n\s*", "", toMATLAB(lgraph))
    assert freezeWeights(layer).RecurrentWeightsLearnRateFactor == 0
    assert unfreezeWeights(freezeWeights(layer)).RecurrentWeightsLearnRateFactor == 1


# States --------------------------------------------------------------------------------------------------------------
@each_forward
@pytest.mark.parametrize("fast", [True, False])
def test_a_decoder_goes_on_where_the_encoder_stopped(make, fast):
    """States through ports, of two layers with the same arrays, are states from step to step; gradients as well."""
    whole = Model(graph(make()), np.float64, fast=fast)
    x, t = sequences(), sequences(channels=HIDDEN, seed=1)
    t[:, :4] = whole.predict([x])[0][:, :4]  # no loss there, so that all gradients come through the states
    encoder, decoder = make(HasStateOutputs=True), make(HasStateInputs=True)
    encoder.Name, decoder.Name = "encoder", "decoder"
    lgraph = layerGraph([sequenceInputLayer(CHANNELS, Name="first"), encoder, regressionLayer(Name="out1")])
    lgraph = addLayers(lgraph, [sequenceInputLayer(CHANNELS, Name="second"), decoder, regressionLayer(Name="out2")])
    for port in encoder.state_ports:
        lgraph = connectLayers(lgraph, f"encoder/{port}", f"decoder/{port}")
    apart = Model(lgraph, np.float64, fast=fast)
    for key, value in whole.arrays.items():
        for name in ("encoder", "decoder"):
            if ParameterKey(name, key.name) in apart.arrays:
                apart.assign(ParameterKey(name, key.name), value)
    parts = [x[:, :4], x[:, 4:]]
    np.testing.assert_allclose(np.concatenate(apart.predict(parts), 1), whole.predict([x])[0], rtol=1e-11, atol=1e-12)
    _, found, inputs = apart.gradients(parts, [t[:, :4], t[:, 4:]])
    _, expected, of_input = whole.gradients([x], [t])
    for key, value in expected.items():
        both = sum(found[ParameterKey(name, key.name)] for name in ("encoder", "decoder"))
        np.testing.assert_allclose(both, 3 * value, rtol=1e-8, atol=1e-11)  # a mean over 2 steps in the place of 6
    np.testing.assert_allclose(np.concatenate(inputs, 1), 3 * of_input[0], rtol=1e-8, atol=1e-11)


@each
def test_the_last_hidden_state_is_the_output_of_mode_last(make):
    lgraph = layerGraph([sequenceInputLayer(CHANNELS), make(OutputMode="last", HasStateOutputs=True)])
    model = Model(dlnetwork(lgraph), np.float64)
    out, hidden = model.predict([sequences()], ["r/out", "r/hidden"])
    np.testing.assert_array_equal(out, hidden)
    assert out.shape == (make().channels, 3)


def test_both_directions_end_where_they_do():
    model = Model(dlnetwork([sequenceInputLayer(CHANNELS), bilstmLayer(4, Name="r", HasStateOutputs=True)]), np.float64)
    y, hidden = model.predict([sequences()], ["r/out", "r/hidden"])
    np.testing.assert_array_equal(hidden, np.concatenate([y[:4, -1], y[4:, 0]]))


@each
def test_runs_begin_with_the_states_of_the_layer(make):
    layer, random = make(), np.random.default_rng(2)
    for name in layer.states:
        setattr(layer, name, random.standard_normal((layer.channels, 1)))
    rng(0)
    one = Model(dlnetwork([sequenceInputLayer(CHANNELS), layer]), np.float64)
    rng(0)
    zero = Model(dlnetwork([sequenceInputLayer(CHANNELS), make()]), np.float64)
    x = sequences()
    assert np.abs(one.predict([x])[0] - zero.predict([x])[0]).max() > 0.01
    for name in layer.states:  # one column each
        setattr(layer, name, np.repeat(getattr(layer, name), 3, 1))
    rng(0)
    several = Model(dlnetwork([sequenceInputLayer(CHANNELS), layer]), np.float64)
    np.testing.assert_array_equal(several.predict([x])[0], one.predict([x])[0])
    with pytest.raises(DltoolboxError, match="belongs to 3 sequences, but there are 2"):
        several.predict([x[..., :2]])


@each_forward
def test_a_run_goes_on_where_the_one_before_stopped(make):
    model, x = Model(dlnetwork([sequenceInputLayer(CHANNELS), make()]), np.float64), sequences()
    parts = [model.results([x[:, :2]], carry=True), model.results([x[:, 2:]], continues=np.arange(3), carry=True)]
    np.testing.assert_allclose(np.concatenate([y.array for y, in parts], 1), model.predict([x])[0], rtol=1e-12, atol=1e-13)
    assert {key.name: value.shape for key, value in model.carried.items()} == dict.fromkeys(make().states, (HIDDEN, 3))


# Several lengths -----------------------------------------------------------------------------------------------------
@each
@pytest.mark.parametrize("mode", ["sequence", "last"])
def test_sequences_of_several_lengths_come_out_as_if_they_were_alone(make, mode):
    model, x = Model(graph(make(OutputMode=mode), fullyConnectedLayer(2)), np.float64), sequences()
    lengths = np.array([2, 6, 1], np.int32)
    real = np.arange(6)[:, None] < lengths
    x = np.where(real, x, 1e3)
    t = sequences(channels=2, seed=1) if mode == "sequence" else sequences(channels=2, seed=1)[:, 0]
    t = t * real if mode == "sequence" else t
    (found,) = model.results([x], lengths=[lengths])
    loss, learnables, (of_input,) = model.gradients([x], [t], lengths=[lengths])
    total, sums = 0.0, dict.fromkeys(learnables, 0.0)
    for at, n in enumerate(lengths):
        alone, wanted = x[:, :n, at:at + 1], t[:, :n, at:at + 1] if mode == "sequence" else t[:, at:at + 1]
        y = model.predict([alone])[0]
        here = found.array[:, :n, at:at + 1] if mode == "sequence" else found.array[:, at:at + 1]
        np.testing.assert_allclose(here, y, rtol=1e-10, atol=1e-12)
        own, gradients, (dx,) = model.gradients([alone], [wanted])
        total += own / 3
        sums = {key: value + gradients[key] / 3 for key, value in sums.items()}
        np.testing.assert_allclose(of_input[:, :n, at:at + 1], dx / 3, rtol=1e-9, atol=1e-12)
        assert not of_input[:, n:, at].any()
    assert loss == pytest.approx(total, rel=1e-10)
    for key, value in learnables.items():
        np.testing.assert_allclose(value, sums[key], rtol=1e-8, atol=1e-11)


@each
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 1)])
def test_one_step_and_one_sequence(make, size):
    layers = graph(make(OutputMode="last", StateActivationFunction="softsign"))
    fast, plain = (Model(layers, np.float64, fast=fast) for fast in (True, False))
    plain.restore(fast.snapshot())
    x, t = sequences(*size), sequences(*size, channels=make().channels, seed=1)[:, 0]
    (a, mine, (dx,)), (b, theirs, (expected,)) = fast.gradients([x], [t]), plain.gradients([x], [t])
    assert a == pytest.approx(b, rel=1e-12)
    np.testing.assert_allclose(dx, expected, rtol=1e-10, atol=1e-13)
    for key, value in theirs.items():
        np.testing.assert_allclose(mine[key], value, rtol=1e-10, atol=1e-13)


def test_states_that_enter_at_ports_are_no_states_of_the_network():
    net = dlnetwork([sequenceInputLayer(2), lstmLayer(3, Name="r", HasStateOutputs=True)])
    assert list(net.State.Parameter) == ["HiddenState", "CellState"]
    lgraph = layerGraph([sequenceInputLayer(2), lstmLayer(3, Name="r", HasStateInputs=True)])
    for port in ("hidden", "cell"):
        lgraph = connectLayers(addLayers(lgraph, featureInputLayer(3, Name=port)), port, f"r/{port}")
    assert len(dlnetwork(lgraph).State.Parameter) == 0


def test_a_factor_that_would_be_lost_says_how_to_set_it():
    net = dlnetwork([sequenceInputLayer(2), lstmLayer(3, Name="r")])
    with pytest.raises(DltoolboxError, match=r"setLearnRateFactor\(lgraph, 'r', 'RecurrentWeights', 0\)"):
        net.Layers[1].RecurrentWeightsLearnRateFactor = 0


# Networks ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["lstm", "bilstm", "gru", "projected lstm"])
def test_it_learns_what_was_at_the_first_step(kind):
    """The sign of the first of nine steps, told at the end."""
    rng(1)
    make = {"lstm": lstmLayer, "bilstm": bilstmLayer, "gru": gruLayer, "projected lstm": lambda n, **o: lstmProjectedLayer(
        n, 6, 1, **o)}[kind]
    lgraph = layerGraph([sequenceInputLayer(1), make(8, OutputMode="last"), fullyConnectedLayer(1), regressionLayer])
    model, random = Model(lgraph), np.random.default_rng(0)
    x = random.standard_normal((1, 9, 64)).astype(np.float32)
    t = np.sign(x[:, 0])
    solver = make_solver(model.parameters, trainingOptions("adam", InitialLearnRate=0.02))
    for _ in range(150):
        solver.update(model.step([x], [t]).gradients, 0.02)
    assert np.mean(np.sign(model.predict([x])[0]) == t) > 0.85  # by chance 0.5


@each
def test_analysis_and_code(make, tmp_path):
    layer = make(OutputMode="last", GateActivationFunction="hard-sigmoid", StateActivationFunction="softsign")
    layers = [sequenceInputLayer(CHANNELS, Name="in"), layer, fullyConnectedLayer(2, Name="fc")]
    info = analyzeNetwork(dlnetwork(layers), nargout=1)
    assert info.Issues == ()
    assert info.LayerInfo.Activations[1] == f"{layer.channels}(C) × 1(B)"
    net = dlnetwork(layers)
    assert net.Layers[1].InputSize == CHANNELS
    saveNetwork(net, tmp_path / "net.dlnet")
    again = loadNetwork(tmp_path / "net.dlnet")
    assert [*again.Layers] == [*net.Layers]
    toPython(net, tmp_path / "net.py", Parameters=True)
    script = {"__file__": str(tmp_path / "net.py")}
    exec((tmp_path / "net.py").read_text(encoding="utf-8"), script)  # our own text
    assert [*script["net"].Layers] == [*net.Layers]
    text = re.sub(r"\s*\.\.\.\n\s*", "", toMATLAB(net))
    assert f'{layer.label()}(20,' in text
    assert "InputSize" not in text
    assert "HiddenState" not in text


def test_multiply_adds_are_those_of_a_step():
    lgraph = layerGraph([sequenceInputLayer(12, Name="in"), lstmLayer(20, Name="r"), bilstmLayer(5), fullyConnectedLayer(9)])
    info = analyzeNetwork(dlnetwork(lgraph), nargout=1)
    assert info.LayerInfo.MultiplyAdds[1:3] == [80 * (12 + 20), 2 * 20 * (20 + 5)]


def test_two_directions_have_twice_the_channels():
    assert bilstmLayer(5).size_formula() == (("channels", "2·5 = 10"),)
    assert lstmLayer(5).size_formula() == ()


# Refusals, and what helps --------------------------------------------------------------------------------------------
def problem(layers):
    with pytest.raises(DltoolboxError) as caught:
        lower_checked(layerGraph(layers), loss=False)
    return caught.value.identifier.removeprefix("dltoolbox:"), str(caught.value), caught.value.issues[0].hint


@pytest.mark.parametrize("first", [featureInputLayer(12), imageInputLayer([8, 6, 3])])
def test_data_without_steps(first):
    identifier, text, hint = problem([first, gruLayer(5, Name="g")])
    assert identifier == "gruLayer:noTimeSteps"
    assert "walks over the time steps of sequences, but its input has none" in text
    advised = eval(hint.partition(": ")[2].removesuffix("."), vars(dl))
    lower_checked(layerGraph(advised), loss=False)


def test_steps_that_end_before():
    """The layer behind one that gives the last step alone."""
    layers = [sequenceInputLayer(12), lstmLayer(8, OutputMode="last", Name="first"), fullyConnectedLayer(4), gruLayer(5)]
    identifier, text, hint = problem(layers)
    assert identifier == "gruLayer:noTimeSteps"
    assert "has none: 4(C) × 1(B). They end at 'first'." in text
    assert hint == "Set OutputMode='sequence' in 'first'."
    lower_checked(layerGraph([layers[0], lstmLayer(8, OutputMode="sequence", Name="first"), *layers[2:]]), loss=False)
    hint = problem([sequenceInputLayer(12), globalAveragePooling1dLayer(Name="mean"), gruLayer(5)])[2]
    assert hint == "Move 'mean' behind this layer, or remove it."


def test_states_that_nobody_reads():
    layers = [sequenceInputLayer(12), lstmLayer(5, HasStateOutputs=True, Name="r"), regressionLayer]
    with pytest.raises(DltoolboxError, match="Outputs 'hidden' and 'cell' are not connected to any layer") as caught:
        lower_checked(layerGraph(layers))
    assert caught.value.issues[0].hint == "Use connectLayers, or set HasStateOutputs=False."
    lower_checked(layerGraph([layers[0], lstmLayer(5, HasStateOutputs=False, Name="r"), layers[2]]))


def test_recurrent_layers_are_no_poolings():
    """Nothing that an unpooling layer could undo."""
    layers = [sequenceInputLayer([4, 4, 1]), maxUnpooling2dLayer(Name="u"), flattenLayer, lstmLayer(5), lstmLayer(5),
              regressionLayer]
    with pytest.raises(DltoolboxError) as caught:
        lower_checked(layerGraph(layers))
    assert "lstm" not in str(caught.value)


def test_images_behind_a_problem():
    layers = [imageInputLayer([4, 4, 1]), convolution2dLayer(9, 2), gruLayer(3)]
    with pytest.raises(DltoolboxError) as caught:
        lower_checked(layerGraph(layers), loss=False)
    assert [issue.hint for issue in caught.value.issues][1:] == [
        "Let sequences in by sequenceInputLayer, and insert flattenLayer before this layer."]


def test_images_per_step():
    layers = [sequenceInputLayer([8, 6, 3]), lstmLayer(5)]
    identifier, text, hint = problem(layers)
    assert (identifier, hint) == ("lstmLayer:invalidInputFormat", "Insert flattenLayer before it.")
    assert "needs a vector per time step, but its input is 8(S) × 6(S) × 3(C)" in text
    lower_checked(layerGraph([layers[0], flattenLayer, layers[1]]), loss=False)


def with_states(*feeding, state="out"):
    lgraph = layerGraph([sequenceInputLayer(12, Name="in"), lstmLayer(5, HasStateInputs=True, Name="r")])
    lgraph = addLayers(lgraph, [*feeding])
    last = lgraph.Layers[-1].Name
    for port in ("hidden", "cell"):
        lgraph = connectLayers(lgraph, f"{last}/{port}" if state == "same" else last, f"r/{port}")
    return lgraph


def test_states_of_another_size():
    identifier, text, hint = problem(with_states(featureInputLayer(7)))
    assert identifier == "lstmLayer:stateSizeMismatch"
    assert "Input 'hidden' of lstmLayer takes a state of size 5(C) × 1(B), but it is connected to 7(C) × 1(B)." in text
    assert hint == "Insert fullyConnectedLayer(5) before input 'hidden'."
    lower_checked(with_states(featureInputLayer(7), fullyConnectedLayer(5)), loss=False)


def test_sequences_in_the_place_of_states():
    identifier, text, hint = problem(with_states(sequenceInputLayer(5, Name="other")))
    assert identifier == "lstmLayer:stateSizeMismatch"
    assert "connected to 5(C) × 1(B) × 1(T)" in text
    assert hint == "Connect output 'hidden' of another lstmLayer with 5 hidden units and HasStateOutputs=True."
    feeding = [sequenceInputLayer(5, Name="other"), lstmLayer(5, HasStateOutputs=True, Name="s")]
    lower_checked(with_states(*feeding, state="same"), loss=False)


@pytest.mark.parametrize(("options", "identifier"), [
    ({"InputSize": 3}, "lstmLayer:inputSizeMismatch"), ({"Bias": np.zeros(3)}, "lstmLayer:invalidBiasSize"),
    ({"HiddenState": np.zeros((3, 1))}, "lstmLayer:invalidHiddenStateSize"),
    ({"InputWeights": np.zeros((4, 12))}, "lstmLayer:invalidInputWeightsSize")])
def test_values_that_do_not_go_with_the_input(options, identifier):
    assert problem([sequenceInputLayer(12), lstmLayer(5, **options)])[0] == identifier


def test_older_names():
    assert lstmLayer(OutputSize=5) == lstmLayer(5)
    assert lstmLayer(5).OutputSize == 5
