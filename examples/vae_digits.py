"""A variational autoencoder: digits become 20 numbers each with a known distribution, and numbers drawn from it new digits.

    python examples/vae_digits.py
    python examples/vae_digits.py --picture digits.png
    python examples/vae_digits.py --short

The encoder gives means and logarithms of variances. The numbers are drawn by means of normal noise that comes in as an
argument, so that gradients go through both. A picture of test images, their reconstructions and new digits is drawn by
Matplotlib.

Source: Kingma and Welling, "Auto-encoding variational Bayes" (2014), with the divergence of appendix B.
"""

import sys

import numpy as np

from dltoolbox import *

LATENT = 20
random = np.random.default_rng(0)


def encoder(width):
    return dlnetwork([
        imageInputLayer([28, 28, 1], Normalization="none"),
        convolution2dLayer(3, width, Stride=2, Padding="same"),
        reluLayer,
        convolution2dLayer(3, 2 * width, Stride=2, Padding="same"),
        reluLayer,
        fullyConnectedLayer(2 * LATENT)])


def decoder(width):
    return dlnetwork([
        featureInputLayer(LATENT),
        fullyConnectedLayer(7 * 7 * 2 * width),
        reluLayer,
        reshapeLayer(7, 7, 2 * width, []),
        transposedConv2dLayer(4, width, Stride=2, Cropping=1),
        reluLayer,
        transposedConv2dLayer(4, 1, Stride=2, Cropping=1),
        sigmoidLayer])


def sampling(statistics, noise):
    """Numbers with the mean and variance that the encoder found: a layer without learnables is plain code."""
    mu, logSigmaSq = statistics[:LATENT], statistics[LATENT:]
    return mu + np.exp(logSigmaSq / 2) * noise, mu, logSigmaSq


def elboLoss(Y, X, mu, logSigmaSq):
    """Error of the reconstruction, and divergence of the numbers' distribution from the standard normal one, per image."""
    reconstruction = np.sum((Y - X) ** 2) / X.shape[3]
    divergence = np.mean(-0.5 * np.sum(1 + logSigmaSq - mu**2 - np.exp(logSigmaSq), 0))
    return reconstruction + divergence, reconstruction, divergence


def modelLoss(netE, netD, X, noise):
    Z, mu, logSigmaSq = sampling(forward(netE, X), noise)
    loss, reconstruction, divergence = elboLoss(forward(netD, Z), X, mu, logSigmaSq)
    gradientsE, gradientsD = dlgradient(loss, netE.Learnables, netD.Learnables)
    return loss, reconstruction, divergence, gradientsE, gradientsD


def normal(count):
    return dlarray(random.standard_normal((LATENT, count), "single"), "CB")


def reconstructed(netE, netD, images):
    """Images again, from the means of their numbers."""
    mu = predict(netE, dlarray(images, "SSCB"))[:LATENT]
    return extractdata(predict(netD, mu))


def montage(images, file):
    """Images 28×28×1×N in a file, 16 in a row."""
    try:
        from matplotlib.image import imsave
    except ModuleNotFoundError:
        print("Matplotlib is not installed: no picture.")
        return
    rows = images.reshape(28, 28, -1, 16).transpose(2, 0, 3, 1).reshape(-1, 16 * 28)
    imsave(file, np.kron(rows, np.ones((2, 2))), cmap="gray", vmin=0, vmax=1)


def main(short=False, picture=None):
    XTrain, XTest = digitTrain4DArrayData(), digitTest4DArrayData()
    if short:
        XTrain, XTest = XTrain[..., :2560], XTest[..., :320]
    rng(0)
    netE, netD = (encoder(8), decoder(8)) if short else (encoder(32), decoder(32))
    mbq = minibatchqueue(XTrain, MiniBatchSize=32 if short else 128, PartialMiniBatch="discard", MiniBatchFormat="SSCB")
    averageGradE, averageSqGradE, averageGradD, averageSqGradD = [], [], [], []
    learnRate = 0.003 if short else 0.001

    iteration = 0
    for epoch in range(1, 6 if short else 41):
        mbq.shuffle()
        while hasdata(mbq):
            iteration += 1
            X = next(mbq)
            loss, reconstruction, divergence, gradientsE, gradientsD = dlfeval(modelLoss, netE, netD, X, normal(X.shape[3]))
            netE, averageGradE, averageSqGradE = adamupdate(
                netE, gradientsE, averageGradE, averageSqGradE, iteration, learnRate)
            netD, averageGradD, averageSqGradD = adamupdate(
                netD, gradientsD, averageGradD, averageSqGradD, iteration, learnRate)
        print(f"epoch {epoch}: loss {float(loss):.1f} = {float(reconstruction):.1f} + {float(divergence):.1f}")

    # Squared errors of test images, as parts of what the mean of the training images makes.
    again = reconstructed(netE, netD, XTest)
    error = np.sum((again - XTest) ** 2) / np.sum((XTest - XTrain.mean(3, keepdims=True)) ** 2)
    print(f"test images: {error:.3f} of the variance is lost")
    if picture:
        new = extractdata(predict(netD, normal(64)))
        pairs = np.concatenate([XTest[..., :16], again[..., :16], XTest[..., 16:32], again[..., 16:32]], 3)
        montage(np.concatenate([pairs, new], 3), picture)
    return error, float(divergence)


if __name__ == "__main__":
    file = sys.argv[sys.argv.index("--picture") + 1] if "--picture" in sys.argv else None
    main(short="--short" in sys.argv, picture=file)
