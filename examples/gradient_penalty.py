"""A Wasserstein GAN with gradient penalty: points on eight islands in a ring.

    python examples/gradient_penalty.py
    python examples/gradient_penalty.py --short

The discriminator's slopes are to have length 1 between real and generated points. That is part of its loss, so the gradient
of its learnables needs derivatives of a gradient: `dlgradient` with EnableHigherDerivatives. The difference of the
discriminator's means estimates the Wasserstein distance between both distributions, which falls as the generator learns.

Source: Gulrajani et al., "Improved training of Wasserstein GANs" (2017), algorithm 1.
"""

import sys

import numpy as np

from dltoolbox import *

LATENT, RADIUS, SPREAD = 4, 2, 0.1
random = np.random.default_rng(0)


def islands(count):
    """Points 2×count, each near one of eight centres on a circle."""
    angle = 2 * np.pi * random.integers(8, size=count) / 8
    centres = np.float32([RADIUS * np.cos(angle), RADIUS * np.sin(angle)])
    return centres + SPREAD * random.standard_normal((2, count), "single")


def network(inputs, outputs, activation, width):
    hidden = [layer for _ in range(3) for layer in (fullyConnectedLayer(width, WeightsInitializer="he"), activation)]
    return dlnetwork([featureInputLayer(inputs), *hidden, fullyConnectedLayer(outputs)])


def modelLossD(netD, netG, X, Z, lambda_):
    YReal = forward(netD, X)
    XGenerated = forward(netG, Z)
    YGenerated = forward(netD, XGenerated)
    distance = np.mean(YReal) - np.mean(YGenerated)

    # Slopes at random places between real and generated points.
    epsilon = random.random((1, X.shape[1]), "single")
    XInterpolated = epsilon * X + (1 - epsilon) * XGenerated
    YInterpolated = forward(netD, XInterpolated)
    slopes = dlgradient(np.sum(YInterpolated), XInterpolated, EnableHigherDerivatives=True)
    lengths = np.sqrt(np.sum(slopes**2, 0) + 1e-10)
    penalty = lambda_ * np.mean((lengths - 1) ** 2)

    loss = -distance + penalty
    return distance, np.mean(lengths), dlgradient(loss, netD.Learnables)


def modelLossG(netG, netD, Z):
    loss = -np.mean(forward(netD, forward(netG, Z)))
    return loss, dlgradient(loss, netG.Learnables)


def latent(count):
    return dlarray(random.standard_normal((LATENT, count), "single"), "CB")


def quality(netG):
    """Share of generated points near a centre, and share of islands with at least 2 % of these."""
    points = extractdata(predict(netG, latent(2000)))
    angle = 2 * np.pi * np.arange(8)[:, None] / 8
    distances = np.hypot(points[0] - RADIUS * np.cos(angle), points[1] - RADIUS * np.sin(angle))
    near = distances.min(0) < 4 * SPREAD
    return float(np.mean(near)), float(np.mean(np.bincount(distances.argmin(0)[near], minlength=8) >= 0.02 * near.sum()))


def main(short=False):
    rng(0)
    width = 32 if short else 64
    netG, netD = network(LATENT, 2, reluLayer, width), network(2, 1, leakyReluLayer(0.2), width)
    averageGradG, averageSqGradG, averageGradD, averageSqGradD = [], [], [], []
    miniBatchSize, lambda_, gradDecay, sqGradDecay = 128 if short else 256, 3, 0.5, 0.9
    learnRateD, learnRateG = (0.01, 0.003) if short else (0.001, 0.0005)
    total = 60 if short else 2000
    distances, iterationD = [], 0

    for iteration in range(1, total + 1):
        for _ in range(60 if iteration == 1 else 5):  # a lead, so that the first distance is one
            iterationD += 1
            X, Z = dlarray(islands(miniBatchSize), "CB"), latent(miniBatchSize)
            distance, length, gradientsD = dlfeval(modelLossD, netD, netG, X, Z, lambda_)
            netD, averageGradD, averageSqGradD = adamupdate(
                netD, gradientsD, averageGradD, averageSqGradD, iterationD, learnRateD, gradDecay, sqGradDecay)
        distances.append(float(distance))
        _, gradientsG = dlfeval(modelLossG, netG, netD, latent(miniBatchSize))
        netG, averageGradG, averageSqGradG = adamupdate(
            netG, gradientsG, averageGradG, averageSqGradG, iteration, learnRateG, gradDecay, sqGradDecay)
        if iteration % (total // 10) == 0:
            near, reached = quality(netG)
            print(f"iteration {iteration}: distance {np.mean(distances[-total // 10:]):.3f}, slopes {float(length):.2f}, "
                  f"{near:.0%} of the points on {8 * reached:.0f} islands")

    print(f"distance at first: {distances[0]:.3f}, at last: {np.mean(distances[-10:]):.3f}")
    return distances[0], float(np.mean(distances[-10:])), near


if __name__ == "__main__":
    main(short="--short" in sys.argv)
