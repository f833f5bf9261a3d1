"""Fast bodies of ops. Each is tested against the op's own plain NumPy body.

Importing the families enters their kernels; of several for one op, the last entered is the first choice.
"""

import dltoolbox.kernels.attention
import dltoolbox.kernels.conv
import dltoolbox.kernels.custom
import dltoolbox.kernels.dense
import dltoolbox.kernels.elementwise
import dltoolbox.kernels.imbalanced_loss
import dltoolbox.kernels.loss
import dltoolbox.kernels.norm
import dltoolbox.kernels.pool
import dltoolbox.kernels.recurrent
import dltoolbox.kernels.winograd  # noqa: F401
from dltoolbox.kernels.base import (
    KERNELS,
    BindContext,
    BoundKernel,
    Closure,
    Kernel,
    KernelSpec,
    Order,
    OwnMemory,
    candidates,
    kernel,
    plain,
)

__all__ = ["KERNELS", "BindContext", "BoundKernel", "Closure", "Kernel", "KernelSpec", "Order", "OwnMemory", "candidates",
           "kernel", "plain"]
