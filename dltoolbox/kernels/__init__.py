"""Fast bodies of ops. Each is tested against the op's own plain NumPy body."""

from dltoolbox.kernels import convolution, normalisation, pointwise, pooling, scatter, winograd
from dltoolbox.kernels.base import KERNELS, Kernel, Workspace, choose, kernel, plain

__all__ = ["KERNELS", "Kernel", "Workspace", "choose", "convolution", "kernel", "normalisation", "plain", "pointwise",
           "pooling", "scatter", "winograd"]
