"""Convolution and its adjoint: im2col and matrix products, and compiled loops."""

# ruff: noqa: F401
import dltoolbox.kernels.conv.conv
import dltoolbox.kernels.conv.depthwise
import dltoolbox.kernels.conv.numba_2d
import dltoolbox.kernels.conv.numba_3d
