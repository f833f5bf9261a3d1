"""Building blocks of many architectures: inputs, convolutions without a bias, and ends that turn features into classes."""

from __future__ import annotations

from dltoolbox.layers.activation import DropoutLayer, ReLULayer, SoftmaxLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.convolution import Convolution2DLayer, FullyConnectedLayer, GroupedConvolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.outputs import ClassificationOutputLayer

IMAGENET_CLASSES = 1000  # of ImageNet
MEAN = (123.675, 116.28, 103.53)  # of its red, green and blue, in grey levels, as PyTorch and Keras use them
DEVIATION = (58.395, 57.12, 57.375)
FAST_BIAS = {"BiasLearnRateFactor": 2}  # in the recipes of Caffe


def standardised_images(name: str) -> Layer:
    """224×224×3 images of 0 to 255, standardised by mean and deviation of ImageNet."""
    return ImageInputLayer([224, 224, 3], Normalization="zscore", Mean=[[MEAN]], StandardDeviation=[[DEVIATION]], Name=name)


def rescaled_images(size: int, name: str, how: str = "rescale-symmetric") -> Layer:
    """Square colour images of 0 to 255, rescaled to [-1, 1], or to [0, 1] with ``'rescale-zero-one'``."""
    return ImageInputLayer([size, size, 3], Normalization=how, Min=0, Max=255, Name=name)


def conv_without_bias(size: object, filters: int, name: str, **options: object) -> Layer:
    """A convolution whose bias stays zero, as published ones have none where batch normalisation follows.

    Layers of this kind always have a bias, as in MATLAB. It starts at zero and does not learn, so the network computes
    and trains the published function; its values count as learnables all the same.
    """
    return Convolution2DLayer(size, filters, BiasInitializer="zeros", BiasLearnRateFactor=0, Name=name, **options)


def grouped_without_bias(size: object, filters: int, groups: int, name: str, **options: object) -> Layer:
    """As `conv_without_bias` in groups, each of so many filters."""
    return GroupedConvolution2DLayer(size, filters, groups, BiasInitializer="zeros", BiasLearnRateFactor=0, Name=name,
                                     **options)


def depthwise_without_bias(size: object, channels: int, name: str, **options: object) -> Layer:
    """A convolution of every channel by itself, as `conv_without_bias`."""
    return grouped_without_bias(size, 1, channels, name, **options)


def connected(i: int, **options: object) -> list[Layer]:
    """Fully connected layer i, with its options, ReLU and dropout, as AlexNet and VGG end with two of."""
    return [FullyConnectedLayer(4096, Name=f"fc{i}", **options), ReLULayer(Name=f"relu{i}"),
            DropoutLayer(0.5, Name=f"drop{i}")]


def classifier(fully_connected: str, softmax: str, output: str, **options: object) -> list[Layer]:
    """The usual end, by the names of its layers: scores of the classes of ImageNet, probabilities, loss.

    The options are those of the fully connected layer.
    """
    return [FullyConnectedLayer(IMAGENET_CLASSES, Name=fully_connected, **options), *probabilities(softmax, output)]


def probabilities(softmax: str, output: str) -> list[Layer]:
    """Softmax and the classification output, by their names."""
    return [SoftmaxLayer(Name=softmax), ClassificationOutputLayer(Name=output)]
