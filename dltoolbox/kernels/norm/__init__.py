"""Normalisation, also together with what follows it."""

# ruff: noqa: F401
import dltoolbox.kernels.norm.by_group
import dltoolbox.kernels.norm.by_position
import dltoolbox.kernels.norm.fused_pool
import dltoolbox.kernels.norm.masked
import dltoolbox.kernels.norm.numba_by_group
import dltoolbox.kernels.norm.numba_loops
import dltoolbox.kernels.norm.numpy_passes
