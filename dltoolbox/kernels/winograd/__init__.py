"""Winograd's minimal filtering: 3×3 convolutions with fewer multiplications."""

# ruff: noqa: F401
import dltoolbox.kernels.winograd.batch_inner
import dltoolbox.kernels.winograd.channels_last
