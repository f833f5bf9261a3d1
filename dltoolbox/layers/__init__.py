"""One class per layer. Importing this package fills the registry; the factories are made from it."""

from dltoolbox.layers import (
    activation,
    arranging,
    combination,
    convolution,
    inputs,
    normalisation,
    outputs,
    pooling,
    resizing,
)
from dltoolbox.layers.base import LAYERS, Factory, Layer
from dltoolbox.layers.complex_numbers import parts, spectral
from dltoolbox.layers.custom import user_layer
from dltoolbox.layers.sequences import attention, embedding, folding, recurrent

FACTORIES = {name: Factory(cls) for name, cls in LAYERS.items()}

__all__ = ["FACTORIES", "Layer", "activation", "arranging", "attention", "combination", "convolution", "embedding",
           "folding", "inputs", "normalisation", "outputs", "parts", "pooling", "recurrent", "resizing", "spectral",
           "user_layer"]
