"""A generative adversarial network: one network draws digits, another tells them from real ones.

    python examples/gan_digits.py
    python examples/gan_digits.py --picture digits.png
    python examples/gan_digits.py --short

Both networks learn in one step: the trace of the discriminator on generated images gives the gradients of both. A picture
of generated digits is drawn by Matplotlib.

Sources: Goodfellow et al., "Generative adversarial nets" (2014); layers and solver after Radford, Metz and Chintala,
"Unsupervised representation learning with deep convolutional generative adversarial networks" (2016).
"""

import sys

import numpy as np

from dltoolbox import *

LATENT = 64
random = np.random.default_rng(0)


def generator(width):
    """64 random numbers become an image with values from −1 to 1: 7×7, 14×14, 28×28."""
    return dlnetwork([
        featureInputLayer(LATENT),
        fullyConnectedLayer(7 * 7 * 2 * width),
        reshapeLayer(7, 7, 2 * width, []),
        batchNormalizationLayer,
        reluLayer,
        transposedConv2dLayer(4, width, Stride=2, Cropping=1),
        batchNormalizationLayer,
        reluLayer,
        transposedConv2dLayer(4, 1, Stride=2, Cropping=1),
        tanhLayer])


def discriminator(width):
    """The probability that an image is real."""
    return dlnetwork([
        imageInputLayer([28, 28, 1], Normalization="none"),
        dropoutLayer(0.25),
        convolution2dLayer(4, width, Stride=2, Padding=1),
        leakyReluLayer(0.2),
        convolution2dLayer(4, 2 * width, Stride=2, Padding=1),
        batchNormalizationLayer,
        leakyReluLayer(0.2),
        convolution2dLayer(7, 1),
        sigmoidLayer])


def modelLoss(netG, netD, X, Z, flipFactor):
    """Losses, gradients, states and scores of both networks. Some real images pass for generated ones, by flipFactor."""
    YReal, stateD = forward(netD, X, nargout=2)
    XGenerated, stateG = forward(netG, Z, nargout=2)
    YGenerated = forward(netD, XGenerated)

    scoreD = (np.mean(YReal) + np.mean(1 - YGenerated)) / 2
    scoreG = np.mean(YGenerated)

    flipped = random.random(YReal.shape) < flipFactor
    YReal = np.where(flipped, 1 - YReal, YReal)
    lossD = -np.mean(np.log(YReal + 1e-7)) - np.mean(np.log(1 - YGenerated + 1e-7))
    lossG = -np.mean(np.log(YGenerated + 1e-7))

    gradientsG = dlgradient(lossG, netG.Learnables, RetainData=True)  # the next line needs the trace again
    gradientsD = dlgradient(lossD, netD.Learnables)
    return lossG, lossD, gradientsG, gradientsD, stateG, stateD, scoreG, scoreD


def montage(images, file):
    """64 images in a file."""
    try:
        from matplotlib.image import imsave
    except ModuleNotFoundError:
        print("Matplotlib is not installed: no picture.")
        return
    rows = images[:, :, 0, :64].reshape(28, 28, 8, 8).transpose(2, 0, 3, 1).reshape(8 * 28, 8 * 28)
    imsave(file, np.kron(rows, np.ones((3, 3))), cmap="gray", vmin=-1, vmax=1)


def main(short=False, picture=None):
    XTrain = 2 * digitTrain4DArrayData() - 1
    if short:
        XTrain = XTrain[..., :1280]
    rng(0)
    netG, netD = (generator(8), discriminator(8)) if short else (generator(16), discriminator(16))
    mbq = minibatchqueue(XTrain, MiniBatchSize=128, PartialMiniBatch="discard", MiniBatchFormat="SSCB")
    averageGradG, averageSqGradG, averageGradD, averageSqGradD = [], [], [], []
    learnRate, gradDecay, sqGradDecay, flipFactor = 0.004 if short else 0.001, 0.5, 0.999, 0.1
    ZValidation = dlarray(random.standard_normal((LATENT, 64), "single"), "CB")
    scores = []

    iteration = 0
    for epoch in range(1, 5 if short else 36):
        mbq.shuffle()
        while hasdata(mbq):
            iteration += 1
            X = next(mbq)
            Z = dlarray(random.standard_normal((LATENT, 128), "single"), "CB")
            lossG, lossD, gradientsG, gradientsD, netG.State, netD.State, scoreG, scoreD = dlfeval(
                modelLoss, netG, netD, X, Z, flipFactor)
            netD, averageGradD, averageSqGradD = adamupdate(
                netD, gradientsD, averageGradD, averageSqGradD, iteration, learnRate, gradDecay, sqGradDecay)
            netG, averageGradG, averageSqGradG = adamupdate(
                netG, gradientsG, averageGradG, averageSqGradG, iteration, learnRate, gradDecay, sqGradDecay)
            scores.append([float(scoreG), float(scoreD)])
        mean = np.mean(scores[-10:], 0)
        print(f"epoch {epoch}: score of the generator {mean[0]:.2f}, of the discriminator {mean[1]:.2f}, "
              f"losses {float(lossG):.2f}, {float(lossD):.2f}")

    # By now batch normalisation uses the means of the training.
    drawn = extractdata(predict(netG, ZValidation))
    ink, inkOfReal = np.mean(drawn > 0), np.mean(XTrain > 0)
    print(f"ink: {ink:.3f} of the pixels, {inkOfReal:.3f} in real digits")
    if picture:
        montage(drawn, picture)
    return mean, ink / inkOfReal


if __name__ == "__main__":
    file = sys.argv[sys.argv.index("--picture") + 1] if "--picture" in sys.argv else None
    main(short="--short" in sys.argv, picture=file)
