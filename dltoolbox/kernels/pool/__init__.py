"""Pooling and unpooling."""

# ruff: noqa: F401
import dltoolbox.kernels.pool.global_max
import dltoolbox.kernels.pool.numba_loops
import dltoolbox.kernels.pool.resampling
import dltoolbox.kernels.pool.stochastic
import dltoolbox.kernels.pool.unpool
import dltoolbox.kernels.pool.windows
