"""A custom loop with the numbers of trainNetwork takes its path; and loops over parts of tables."""

import numpy as np
import pytest

import dltoolbox as dl

LEARN_RATE, FACTOR, MOMENTUM, EPOCHS = 0.05, 0.5, 0.8, 5


def start():
    """A network with initial weights, two mini-batches, and a rest that both leave out."""
    dl.rng(4)
    net = dl.dlnetwork([
        dl.imageInputLayer([9, 8, 2], Normalization="none"),
        dl.convolution2dLayer(3, 4, Padding="same"), dl.batchNormalizationLayer, dl.reluLayer,
        dl.maxPooling2dLayer(2, Stride=2),
        dl.convolution2dLayer(3, 5), dl.batchNormalizationLayer, dl.reluLayer, dl.fullyConnectedLayer(3), dl.softmaxLayer])
    random = np.random.default_rng(5)
    return net, random.standard_normal((9, 8, 2, 35)).astype(np.float32), dl.categorical([*"abc" * 12][:35])


def modelLoss(net, X, T):
    Y, state = dl.forward(net, X, nargout=2)
    loss = -np.sum(T * np.log(Y)) / T.shape[1]
    return loss, dl.dlgradient(loss, net.Learnables), state


def in_a_loop(accelerated):
    """The loss of every iteration, and the values after every epoch."""
    net, X, Y = start()
    mbq = dl.minibatchqueue((X, dl.onehotencode(Y, 2)), MiniBatchSize=16, MiniBatchFormat=["SSCB", "BC"],
                            PartialMiniBatch="discard")
    step = dl.dlaccelerate(modelLoss) if accelerated else modelLoss
    velocity, losses, epochs = [], [], []
    for epoch in range(EPOCHS):
        mbq.reset()
        while mbq.hasdata():
            loss, gradients, net.State = dl.dlfeval(step, net, *next(mbq))
            net, velocity = dl.sgdmupdate(net, gradients, velocity, LEARN_RATE * FACTOR**epoch, MOMENTUM)
            losses.append(float(loss))
        epochs.append(values_of(net))
    return losses, epochs


def values_of(net):
    return {(layer, name): np.asarray(value) for table in (net.Learnables, net.State) for layer, name, value in table}


def by_trainnetwork(epochs):
    net, X, Y = start()
    options = dl.trainingOptions(
        "sgdm", InitialLearnRate=LEARN_RATE, LearnRateSchedule="piecewise", LearnRateDropPeriod=1,
        LearnRateDropFactor=FACTOR, Momentum=MOMENTUM, L2Regularization=0, MaxEpochs=epochs,
        MiniBatchSize=16, Shuffle="never", Verbose=False, BatchNormalizationStatistics="moving", GradientThreshold=np.inf)
    trained, info = dl.trainNetwork(X, Y, [*net.Layers, dl.classificationLayer], options, nargout=2)
    return info.TrainingLoss, {
        (layer.Name, name): np.asarray(getattr(layer, name)) for layer in trained.Layers
        for name in ("Weights", "Bias", "Scale", "Offset", "TrainedMean", "TrainedVariance") if hasattr(layer, name)}


@pytest.mark.parametrize("accelerated", [False, True], ids=["plain", "accelerated"])
def test_the_same_weights_after_every_epoch(accelerated):
    losses, epochs = in_a_loop(accelerated)
    for epoch in range(1, EPOCHS + 1):
        known, values = by_trainnetwork(epoch)
        np.testing.assert_allclose(losses[:2 * epoch], known, rtol=1e-5)
        assert values.keys() == epochs[epoch - 1].keys()
        for key, value in values.items():
            own = epochs[epoch - 1][key].reshape(value.shape)
            np.testing.assert_allclose(own, value, rtol=0, atol=1e-5, err_msg=str(key))
    moved = max(np.abs(epochs[-1][key] - epochs[0][key]).max() for key in epochs[0])
    assert moved > 0.01


def test_part_of_the_learnables_moves():
    net, X, Y = start()
    X, T = dl.dlarray(X, "SSCB"), dl.dlarray(dl.onehotencode(Y, 2), "BC")

    def ofPart(net, X, T):
        loss = -np.sum(T * np.log(dl.forward(net, X))) / T.shape[1]
        return dl.dlgradient(loss, net.Learnables[:2], RetainData=True), dl.dlgradient(loss, net.Learnables)
    part, whole = dl.dlfeval(ofPart, net, X, T)
    assert (part.Layer, part.Parameter) == (whole.Layer[:2], ["Weights", "Bias"])
    for one, other in zip(part.Value, whole.Value[:2], strict=True):
        np.testing.assert_array_equal(one, other)

    learnables = net.Learnables
    moved, averageGrad, averageSqGrad = dl.adamupdate(learnables[:2], part, [], [], 1, 0.1)
    _, expected, _ = dl.adamupdate(net, whole, [], [], 1, 0.1)
    assert (moved.Layer, len(averageGrad), len(averageSqGrad)) == (learnables.Layer[:2], 2, 2)
    np.testing.assert_array_equal(averageGrad.Value[0], expected.Value[0])
    learnables.Value[:2] = moved.Value
    before = net.Learnables
    net.Learnables = learnables
    changed = [not np.array_equal(a, b) for a, b in zip(before.Value, net.Learnables.Value, strict=True)]
    assert changed == [True, True] + [False] * (len(changed) - 2)
