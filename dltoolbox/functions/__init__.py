"""MATLAB's deep learning functions of arrays: pooling, activations, losses, with labels instead of layers."""

from dltoolbox.functions.activations import crosschannelnorm, fullyconnect, leakyrelu, relu, softmax
from dltoolbox.functions.losses import crossentropy, huber, l1loss, l2loss, mse
from dltoolbox.functions.pooling import avgpool, maxpool, maxunpool

__all__ = ["avgpool", "crosschannelnorm", "crossentropy", "fullyconnect", "huber", "l1loss", "l2loss", "leakyrelu",
           "maxpool", "maxunpool", "mse", "relu", "softmax"]
