"""Recurrent cells."""

# ruff: noqa: F401
import dltoolbox.kernels.recurrent.gru
import dltoolbox.kernels.recurrent.lstm
import dltoolbox.kernels.recurrent.numba_loops
