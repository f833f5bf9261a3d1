"""Fast bodies of ops. Each is tested against the op's own plain NumPy body."""

from dltoolbox.kernels import (
    convolution,
    dense,
    joining,
    losses,
    normalisation,
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

__all__ = ["KERNELS", "Bound", "Case", "Closure", "Kernel", "Order", "OwnMemory", "Site", "candidates", "convolution",
           "dense", "joining", "kernel", "losses", "normalisation", "normalised_pool", "plain", "pointwise",
           "pointwise_loops", "pooling", "pooling_loops", "random", "scatter", "winograd", "winograd_rows"]
