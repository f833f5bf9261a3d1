"""Fast bodies of ops. Each is tested against the op's own plain NumPy body."""

from dltoolbox.kernels import (
    channelwise,
    convolution,
    convolution_loops,
    convolution_planes,
    dense,
    elementwise,
    joining,
    losses,
    normalisation,
    normalisation_loops,
    normalised_pool,
    pointwise,
    pointwise_loops,
    pooling,
    pooling_loops,
    random,
    scatter,
    winograd,
    winograd_rows,
)
from dltoolbox.kernels.base import KERNELS, Bound, Case, Closure, Kernel, Order, OwnMemory, Site, candidates, kernel, plain

__all__ = ["KERNELS", "Bound", "Case", "Closure", "Kernel", "Order", "OwnMemory", "Site", "candidates", "channelwise",
           "convolution", "convolution_loops", "convolution_planes", "dense", "elementwise", "joining", "kernel", "losses",
           "normalisation", "normalisation_loops", "normalised_pool", "plain", "pointwise", "pointwise_loops", "pooling",
           "pooling_loops", "random", "scatter", "winograd", "winograd_rows"]
