"""Networks in custom loops: forward, predict and their gradients, against the training engine and the ops by themselves."""

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.program.model import Model


def random(*shape):
    return np.random.default_rng(3).random(shape, np.float32)


def classifier():
    return [dl.imageInputLayer([8, 8, 2], Normalization="none", Name="in"), dl.convolution2dLayer(3, 4, Name="conv"),
            dl.batchNormalizationLayer(Name="bn"), dl.reluLayer, dl.maxPooling2dLayer(2, Stride=2),
            dl.fullyConnectedLayer(3, Name="fc"), dl.softmaxLayer]


def loss_of(Y, T):
    return -np.sum(T * np.log(Y)) / T.shape[-1]


def test_gradients_are_those_of_training():
    """The same step as the training engine's: loss, gradients of learnables and data, running statistics."""
    net = dl.dlnetwork(classifier())
    X, T = random(8, 8, 2, 6), np.eye(3, dtype=np.float32)[:, [0, 1, 2, 2, 1, 0]]

    def model_loss(net, X, T):
        Y, state = dl.forward(net, X, nargout=2)
        loss = loss_of(Y, T)
        return loss, *dl.dlgradient(loss, net.Learnables, X), state
    loss, gradients, of_data, state = dl.dlfeval(model_loss, net, dl.dlarray(X, "SSCB"), dl.dlarray(T, "CB"))
    model = Model(dl.layerGraph([*net.Layers, dl.classificationLayer]))
    expected, of_learnables, of_inputs = model.gradients([X], [T[None, None].astype(bool)])
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    for layer, parameter, value in gradients:
        np.testing.assert_allclose(dl.extractdata(value).ravel(), of_learnables[layer, parameter].ravel(), atol=2e-6)
    np.testing.assert_allclose(dl.extractdata(of_data), of_inputs[0], atol=1e-6)
    assert (dl.dims(of_data), dl.dims(gradients.Value[0])) == ("SSCB", "")
    model.step([X], [T[None, None].astype(bool)])
    for layer, parameter, value in state:
        np.testing.assert_allclose(value.ravel(), model.arrays[layer, parameter].ravel(), atol=1e-6)


def test_outside_dlfeval_dlarrays_give_dlarrays_and_arrays_give_arrays():
    net, X = dl.dlnetwork(classifier()), random(8, 8, 2, 6)
    labelled = dl.predict(net, dl.dlarray(X, "SSCB"))
    assert (dl.dims(labelled), labelled.traced) == ("CB", False)
    np.testing.assert_allclose(dl.extractdata(labelled).T, dl.predict(net, X), atol=1e-6)
    assert isinstance(dl.forward(net, X), np.ndarray)


def test_a_network_that_runs_twice_before_its_gradient():
    """As discriminators do; each run has its own."""
    net = dl.dlnetwork([dl.featureInputLayer(3), dl.fullyConnectedLayer(4), dl.tanhLayer, dl.fullyConnectedLayer(1)])
    A, B = (dl.dlarray(random(3, n), "CB") for n in (5, 7))

    def of(net, *Xs):
        loss = sum(np.mean(dl.forward(net, X)) for X in Xs)
        return dl.dlgradient(loss, net.Learnables)
    both, first, second = dl.dlfeval(of, net, A, B), dl.dlfeval(of, net, A), dl.dlfeval(of, net, B)
    for whole, a, b in zip(both.Value, first.Value, second.Value, strict=True):
        np.testing.assert_allclose(dl.extractdata(whole), dl.extractdata(a + b), atol=1e-6)


def test_gradients_through_two_networks():
    """To the learnables of the first through the second, which wants none."""
    front = dl.dlnetwork([dl.featureInputLayer(3), dl.fullyConnectedLayer(4, Name="front"), dl.tanhLayer])
    back = dl.dlnetwork([dl.featureInputLayer(4), dl.fullyConnectedLayer(2, Name="back")])
    whole = dl.dlnetwork([*front.Layers, dl.replaceLayer(back, "featureinput", dl.reluLayer).Layers[-1]])
    X = dl.dlarray(random(3, 5), "CB")

    def of_two(front, X):
        return dl.dlgradient(np.sum(dl.predict(back, dl.forward(front, X)) ** 2), front.Learnables)

    def of_one(net, X):
        return dl.dlgradient(np.sum(dl.forward(net, X) ** 2), net.Learnables)
    for a, b in zip(dl.dlfeval(of_two, front, X).Value, dl.dlfeval(of_one, whole, X).Value, strict=False):
        np.testing.assert_allclose(dl.extractdata(a), dl.extractdata(b), atol=1e-5)


def test_several_outputs_and_states_of_sequences():
    net = dl.dlnetwork([dl.sequenceInputLayer(2), dl.lstmLayer(3, Name="lstm"), dl.fullyConnectedLayer(2, Name="fc")],
                       OutputNames=["fc", "lstm"])
    X = dl.dlarray(random(2, 4, 6), "CBT")
    out, hidden, state = dl.forward(net, X, nargout=3)
    assert (out.dims, out.shape, hidden.shape) == ("CBT", (2, 4, 6), (3, 4, 6))
    after = net
    after.State = state
    np.testing.assert_allclose(dict(zip(state.Parameter, state.Value, strict=True))["HiddenState"],
                               dl.extractdata(hidden)[..., -1], atol=1e-6)
    first, *_ = dl.predict(after, X[..., :3], nargout=3)
    assert first.shape == (2, 4, 3)


@pytest.mark.parametrize(("X", "identifier", "better"), [
    (lambda: dl.dlarray(np.ones((8, 8, 2, 5))), "formatNeeded", lambda X: dl.dlarray(X, "SSCB")),
    (lambda: dl.dlarray(np.ones((2, 5)), "CB"), "formatMismatch", lambda X: dl.dlarray(np.ones((8, 8, 2)), "SSC")),
    (lambda: dl.dlarray(np.ones((12, 8, 2, 5)), "SSCB"), "inputSizeMismatch", lambda X: X[:8])])
def test_data_that_do_not_fit(X, identifier, better):
    net = dl.dlnetwork(classifier())
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.forward(net, X())
    assert caught.value.identifier == f"dltoolbox:forward:{identifier}"
    assert dl.forward(net, better(X())).dims == "CB"
