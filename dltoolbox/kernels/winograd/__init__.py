"""Winograd's minimal filtering: 3×3 convolutions with fewer multiplications."""

import dltoolbox.kernels.winograd.conv  # noqa: F401
