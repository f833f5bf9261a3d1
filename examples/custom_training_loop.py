"""Classify digits in a training loop of one's own, with a learning rate that no option offers: it decays with time.

    python examples/custom_training_loop.py
    python examples/custom_training_loop.py --short

The loop does what `trainNetwork` does: mini-batches, gradients of a loss, an update with momentum, the state of batch
normalisation. Everything in it can be changed.

Sources: the network and its numbers: MathWorks documentation, "Train Network Using Custom Training Loop".
"""

import sys

import numpy as np

from dltoolbox import *


def network(numClasses):
    """No loss layer: the loop computes the loss. The images are numbers from 0 to 1 and stay as they are."""
    return dlnetwork([
        imageInputLayer([28, 28, 1], Normalization="none"),

        convolution2dLayer(5, 20),
        batchNormalizationLayer,
        reluLayer,

        convolution2dLayer(3, 20, Padding=1),
        batchNormalizationLayer,
        reluLayer,

        convolution2dLayer(3, 20, Padding=1),
        batchNormalizationLayer,
        reluLayer,

        fullyConnectedLayer(numClasses),
        softmaxLayer])


def preprocessMiniBatch(X, Y):
    """Images as they are, and a column of zeros and a one for each label."""
    return X, onehotencode(Y, 1)


def modelLoss(net, X, T):
    """The loss of a mini-batch, its gradients, and the state that batch normalisation has after it."""
    Y, state = forward(net, X, nargout=2)
    loss = crossentropy(Y, T)
    return loss, dlgradient(loss, net.Learnables), state


def accuracy_of(net, X, Y):
    """The part of the images that the network reads, mini-batch by mini-batch."""
    scores = [extractdata(predict(net, dlarray(np.float32(X[..., at:at + 500]), "SSCB")))
              for at in range(0, len(Y), 500)]
    YPred = onehotdecode(np.concatenate(scores, 1), categories(Y), 1)
    return (YPred == Y).mean()


def main(short=False):
    XTrain, YTrain = digitTrain4DArrayData(nargout=2)
    XTest, YTest = digitTest4DArrayData(nargout=2)
    if short:
        XTrain, YTrain = XTrain[..., :800], YTrain[:800]
        XTest, YTest = XTest[..., :300], YTest[:300]

    numEpochs = 2 if short else 10
    initialLearnRate, decay, momentum = 0.01, 0.01, 0.9

    rng(0)
    net = network(len(categories(YTrain)))
    mbq = minibatchqueue(
        (XTrain, YTrain),
        MiniBatchSize=32 if short else 128,
        MiniBatchFcn=preprocessMiniBatch,
        MiniBatchFormat=["SSCB", "CB"])

    # The first call takes the function as it is and keeps what it does; later ones repeat it faster.
    accelerated = dlaccelerate(modelLoss)
    velocity, iteration = [], 0
    for epoch in range(1, numEpochs + 1):
        mbq.shuffle()
        losses = []
        while hasdata(mbq):
            iteration += 1
            X, T = next(mbq)
            loss, gradients, net.State = dlfeval(accelerated, net, X, T)
            learnRate = initialLearnRate / (1 + decay * iteration)
            net, velocity = sgdmupdate(net, gradients, velocity, learnRate, momentum)
            losses.append(float(loss))
        print(f"epoch {epoch}, iteration {iteration}: learning rate {learnRate:.4f}, mean loss {np.mean(losses):.4f}, "
              f"test accuracy {accuracy_of(net, XTest, YTest):.4f}")

    accuracy = accuracy_of(net, XTest, YTest)
    print(f"accuracy = {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main(short="--short" in sys.argv)
