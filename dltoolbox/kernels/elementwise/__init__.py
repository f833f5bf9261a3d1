"""Activations, sums, dropout and joining: element by element, in pieces that stay in cache."""

# ruff: noqa: F401
import dltoolbox.kernels.elementwise.activation
import dltoolbox.kernels.elementwise.arithmetic
import dltoolbox.kernels.elementwise.dropout
import dltoolbox.kernels.elementwise.joining
import dltoolbox.kernels.elementwise.moving
import dltoolbox.kernels.elementwise.numba_activation
import dltoolbox.kernels.elementwise.numba_loops
import dltoolbox.kernels.elementwise.numba_per_channel
import dltoolbox.kernels.elementwise.per_channel
