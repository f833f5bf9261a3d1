"""MATLAB's deep learning functions of arrays: pooling, activations, losses, with labels instead of layers."""

from dltoolbox.functions.activations import crosschannelnorm, fullyconnect, gelu, leakyrelu, relu, sigmoid, softmax
from dltoolbox.functions.alignment import ctc
from dltoolbox.functions.attention import attention, embed
from dltoolbox.functions.convolution import dlconv, dltranspconv
from dltoolbox.functions.losses import crossentropy, huber, indexcrossentropy, l1loss, l2loss, mse
from dltoolbox.functions.normalisation import batchnorm, groupnorm, instancenorm, layernorm
from dltoolbox.functions.pages import dlmtimes
from dltoolbox.functions.pooling import avgpool, maxpool, maxunpool
from dltoolbox.functions.recurrent import gru, lstm
from dltoolbox.functions.resizing import dlresize

__all__ = ["attention", "avgpool", "batchnorm", "crosschannelnorm", "crossentropy", "ctc", "dlconv", "dlmtimes",
           "dlresize", "dltranspconv", "embed", "fullyconnect", "gelu", "groupnorm", "gru", "huber",
           "indexcrossentropy", "instancenorm", "l1loss", "l2loss", "layernorm", "leakyrelu", "lstm", "maxpool",
           "maxunpool", "mse", "relu", "sigmoid", "softmax"]
