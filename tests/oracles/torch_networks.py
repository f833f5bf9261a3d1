"""The same training in PyTorch: a network read off our layers, MATLAB's update equations, and the curve of the loss.

PyTorch computes forward and backward; the steps are written out here, because `torch.optim` puts ε of Adam elsewhere.
"""

from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F

from dltoolbox import (
    batchNormalizationLayer,
    classificationLayer,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    maxPooling2dLayer,
    reluLayer,
    softmaxLayer,
)

L2_FACTORS = {"Weights": 1, "Bias": 0, "Scale": 1, "Offset": 1}  # MATLAB's defaults
RATE_FACTORS = {"Weights": 1, "Bias": 1, "Scale": 1, "Offset": 1}


def digits_layers(seed=0, filters=(8, 16, 32), **options):
    """The digits network with given weights; biases and offsets are not 0, so that a decay of them shows."""
    random = np.random.default_rng(seed)
    layers, channels, side = [imageInputLayer([28, 28, 1])], 1, 28
    for at, number in enumerate(filters):
        if at:
            layers.append(maxPooling2dLayer(2, Stride=2))
            side //= 2
        limit = sqrt(6 / (9 * (channels + number)))
        layers += [convolution2dLayer(3, number, Padding="same", Bias=random.normal(0, 0.1, (1, 1, number)),
                                      Weights=random.uniform(-limit, limit, (3, 3, channels, number)), **options),
                   batchNormalizationLayer(Offset=random.normal(0, 0.1, (1, 1, number)),
                                           Scale=random.uniform(0.5, 1.5, (1, 1, number))),
                   reluLayer()]
        channels = number
    features = side * side * channels
    limit = sqrt(6 / (features + 10))
    return [*layers, fullyConnectedLayer(10, Weights=random.uniform(-limit, limit, (10, features)),
                                         Bias=random.normal(0, 0.1, (10, 1)), **options),
            softmaxLayer(), classificationLayer()]


class Twin:
    """The network of a plain array of layers; ``learnables`` by position of the layer and name."""

    def __init__(self, layers, dtype=torch.float64):
        self.layers = layers
        self.learnables = {(at, name): torch.tensor(np.asarray(getattr(one, name)), dtype=dtype, requires_grad=True)
                           for at, one in enumerate(layers) for name in L2_FACTORS
                           if getattr(one, name, None) is not None}

    def flat(self, at, name):
        return self.learnables[at, name].flatten()

    def scores(self, x):
        """Scores before the softmax, of normalised images N×C×H×W, in training mode."""
        for at, one in enumerate(self.layers):
            if one.factory == "convolution2dLayer":
                weights = self.learnables[at, "Weights"].permute(3, 2, 0, 1)
                x = F.conv2d(x, weights, self.flat(at, "Bias"), padding="same")
            elif one.factory == "batchNormalizationLayer":
                x = F.batch_norm(x, None, None, self.flat(at, "Scale"), self.flat(at, "Offset"), True, eps=one.Epsilon)
            elif one.factory == "reluLayer":
                x = F.relu(x)
            elif one.factory == "maxPooling2dLayer":
                x = F.max_pool2d(x, one.PoolSize, one.Stride)
            elif one.factory == "fullyConnectedLayer":  # MATLAB flattens column by column
                x = F.linear(x.transpose(2, 3).flatten(1), self.learnables[at, "Weights"], self.flat(at, "Bias"))
        return x

    def loss_and_gradients(self, x, labels):
        loss = F.cross_entropy(self.scores(x), labels)
        return loss.item(), torch.autograd.grad(loss, list(self.learnables.values()))


class Steps:
    """MATLAB's updates of a twin; the averages are the velocity, or those of the gradients and of their squares."""

    def __init__(self, twin, options, l2, rates):
        self.twin, self.options, self.l2, self.rates = twin, options, l2, rates
        self.averages = {key: (torch.zeros_like(w), torch.zeros_like(w)) for key, w in twin.learnables.items()}
        self.iteration = 0

    @torch.no_grad()
    def take(self, gradients):
        self.iteration += 1
        move = getattr(self, self.options.solver)
        for (key, w), g in zip(self.twin.learnables.items(), gradients, strict=True):
            decayed = g + self.options.L2Regularization * self.l2[key[1]] * w
            w += move(decayed, self.options.InitialLearnRate * self.rates[key[1]], *self.averages[key])

    def sgdm(self, g, rate, velocity, _):
        velocity.copy_(self.options.Momentum * velocity - rate * g)
        return velocity

    def rmsprop(self, g, rate, _, squares):
        beta = self.options.SquaredGradientDecayFactor
        squares.copy_(beta * squares + (1 - beta) * g ** 2)
        return -rate * g / (squares.sqrt() + self.options.Epsilon)

    def adam(self, g, rate, mean, squares):
        beta1, beta2 = self.options.GradientDecayFactor, self.options.SquaredGradientDecayFactor
        mean.copy_(beta1 * mean + (1 - beta1) * g)
        squares.copy_(beta2 * squares + (1 - beta2) * g ** 2)
        corrected = rate * sqrt(1 - beta2 ** self.iteration) / (1 - beta1 ** self.iteration)
        return -corrected * mean / (squares.sqrt() + self.options.Epsilon)


def zero_centred(X, dtype=torch.float64):
    """Images H×W×1×N as N×1×H×W, less the mean of all of them."""
    images = torch.tensor(np.ascontiguousarray(X.transpose(3, 2, 0, 1)), dtype=torch.float64)
    return (images - images.mean()).to(dtype)


def curve(layers, X, codes, options, dtype=torch.float64, l2=L2_FACTORS, rates=RATE_FACTORS):
    """Loss of every iteration with Shuffle='never'; an incomplete last mini-batch is dropped."""
    twin = Twin(layers, dtype)
    steps = Steps(twin, options, l2, rates)
    images, labels, losses = zero_centred(X, dtype), torch.tensor(np.asarray(codes), dtype=torch.long), []
    size = options.MiniBatchSize
    for _ in range(options.MaxEpochs):
        for at in range(0, len(labels) - size + 1, size):
            loss, gradients = twin.loss_and_gradients(images[at:at + size], labels[at:at + size])
            steps.take(gradients)
            losses.append(loss)
    return np.array(losses)
