"""Fast bodies of ops. Each is tested against the op's own plain NumPy body."""

from dltoolbox.kernels import convolution, normalisation, normalised_pool, pointwise, pooling, scatter, winograd
from dltoolbox.kernels.base import KERNELS, Bound, Case, Closure, Kernel, Order, OwnMemory, Site, candidates, kernel, plain

__all__ = ["KERNELS", "Bound", "Case", "Closure", "Kernel", "Order", "OwnMemory", "Site", "candidates", "convolution",
           "kernel", "normalisation", "normalised_pool", "plain", "pointwise", "pooling", "scatter", "winograd"]
