"""Semantic segmentation in a training loop of one's own: the rarer a class, the heavier its pixels in the loss.

    python examples/weighted_segmentation_loop.py            with and without weights
    python examples/weighted_segmentation_loop.py --short    both, briefly trained

The network pools and unpools as SegNet does: max unpooling puts every value back where the maximum was. The loss is a few
lines of NumPy on dlarrays, and `dlgradient` differentiates it. With weights, fewer pixels of triangles are missed, and more
of the background are taken for a triangle.

Sources: Badrinarayanan, Kendall and Cipolla, "SegNet: a deep convolutional encoder-decoder architecture for image
segmentation" (2017); weights by median frequency: Eigen and Fergus, "Predicting depth, surface normals and semantic labels
with a common multi-scale convolutional architecture" (2015).
"""

import sys

import numpy as np

from dltoolbox import *


def network(numFilters, numClasses):
    """Two poolings down and two unpoolings up again."""
    def block(numFilters):
        return [convolution2dLayer(3, numFilters, Padding="same"), batchNormalizationLayer, reluLayer]

    lgraph = layerGraph([
        imageInputLayer([32, 32, 1], Normalization="none"),

        block(numFilters),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool1"),
        block(2 * numFilters),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool2"),

        maxUnpooling2dLayer(Name="unpool2"),
        block(numFilters),
        maxUnpooling2dLayer(Name="unpool1"),
        block(numFilters),

        convolution2dLayer(1, numClasses),
        softmaxLayer])
    for at in "12":
        lgraph = connectLayers(lgraph, f"pool{at}/indices", f"unpool{at}/indices")
        lgraph = connectLayers(lgraph, f"pool{at}/size", f"unpool{at}/size")
    return dlnetwork(lgraph)


def weightedCrossEntropy(Y, T, weights):
    """Minus the weighted logarithm of what each pixel's own class got, a mean over all pixels; Y and T are 'SSCB'."""
    perPixel = -np.sum(dlarray(weights, "C") * T * np.log(Y + 1e-8), 2)
    return np.mean(perPixel)


def modelLoss(net, X, T, weights):
    Y, state = forward(net, X, nargout=2)
    loss = weightedCrossEntropy(Y, T, weights)
    return loss, dlgradient(loss, net.Learnables), state


def trained(X, T, weights, numEpochs):
    """A network after a loop of Adam's updates; images X are 32×32×1×N, targets T 32×32×K×N."""
    rng(0)
    net = network(8, T.shape[2])
    mbq = minibatchqueue((X, T), MiniBatchSize=16, MiniBatchFormat=["SSCB", "SSCB"])
    accelerated = dlaccelerate(modelLoss)
    averageGrad, averageSqGrad, iteration = [], [], 0
    for epoch in range(1, numEpochs + 1):
        mbq.shuffle()
        while hasdata(mbq):
            iteration += 1
            loss, gradients, net.State = dlfeval(accelerated, net, *next(mbq), weights)
            net, averageGrad, averageSqGrad = adamupdate(net, gradients, averageGrad, averageSqGrad, iteration, 0.003)
        if epoch % 5 == 0:
            print(f"  epoch {epoch}, iteration {iteration}: loss {float(loss):.4f}")
    return net


def evaluated(net, X, Y):
    """IoU of each class, and how many of its pixels are found."""
    scores = extractdata(predict(net, dlarray(np.float32(X), "SSCB")))
    found, true = scores.argmax(2), Y
    result = {}
    for at, name in enumerate(categories(Y)):
        here, there = found == at, true == name
        result[name] = (here & there).sum() / (here | there).sum(), (here & there).sum() / there.sum()
    return result


def main(short=False):
    # Noisy images of triangles, 32×32×1×N, with a label for every pixel, 32×32×N. The test images are others.
    XTrain, YTrain = triangleImages(100 if short else 200, nargout=2)
    XTest, YTest = triangleImages(100, Seed=1, nargout=2)
    classes = categories(YTrain)
    T = np.stack([YTrain == name for name in classes], 2)

    frequency = T.mean((0, 1, 3))
    inverse = np.median(frequency) / frequency
    results = {}
    for method, weights in {"equal weights": np.ones(len(classes)), "weights by frequency": inverse}.items():
        print(f"{method}: {', '.join(f'{name} {w:.3f}' for name, w in zip(classes, weights, strict=True))}")
        net = trained(XTrain, T, np.float32(weights), 5 if short else 30)
        results[method] = evaluated(net, XTest, YTest)
        for name, (iou, recall) in results[method].items():
            print(f"  {name}: IoU {iou:.4f}, found {recall:.2%} of its pixels")
    return results


if __name__ == "__main__":
    main(short="--short" in sys.argv)
