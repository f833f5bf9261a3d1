"""Links behind a convolution in a chain: a normalisation with stored statistics, which disappears into the filters, and a
ReLU, which is applied to every block of the output while it is still in cache."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec
from dltoolbox.kernels.elementwise.arithmetic import in_pieces

EPILOGUES = ("conv+relu", "conv+batch_norm_inference", "conv+batch_norm_inference+relu")


class Ending:
    """The links after a convolution at ``site``; none where the op is a convolution alone.

    Attributes:
        weights, bias: What to convolve with: the parameters, or arrays in shared memory that ``prepare`` fills.
        prepare: Folds the normalisation into them: w·f and (b − mean)·f + offset with f = scale/√(variance + ε).
        relu: Whether the output is rectified.
    """

    def __init__(self, site: BindContext) -> None:
        names = site.case.op.split("+")
        self.relu = names[-1] == "relu"
        self.weights, self.bias = site.inputs[1:3]
        self.prepare: Closure | None = None
        if "batch_norm_inference" in names:
            epsilon = site.attrs["links"][names.index("batch_norm_inference")].attrs["epsilon"]
            self.prepare = self._fold(site, epsilon)

    def _fold(self, site: BindContext, epsilon: float) -> Closure:
        weights, bias, scale, offset, mean, variance = site.inputs[1:7]
        self.weights, self.bias = site.shared(weights.shape), site.shared(bias.shape)

        def fold() -> None:
            factor = scale.reshape(-1) / np.sqrt(variance.reshape(-1).astype(np.float64) + epsilon)
            np.multiply(weights, factor, out=self.weights, casting="unsafe")
            shifted = (bias.reshape(-1) - mean.reshape(-1)) * factor + offset.reshape(-1)
            self.bias[...] = shifted.reshape(bias.shape)
        return fold

    def rectify(self, block: np.ndarray) -> Closure | None:
        """A closure that rectifies a block of the output in place; None where there is no ReLU."""
        if not self.relu:
            return None
        return partial(np.maximum, block, zero_row(block.shape[-1], block.dtype), out=block)

    def gate(self, site: BindContext) -> tuple[Closure, ...]:
        """Closures that clear the arriving gradient where the ReLU was closed."""
        if not self.relu:
            return ()
        grad, y = site.grad_outputs[0], site.outputs[0]
        assert grad is not None

        def close(y: np.ndarray, grad: np.ndarray, positive: np.ndarray) -> None:
            np.greater(y, 0, out=positive)
            np.multiply(grad, positive, out=grad)
        return in_pieces(site, close, y, grad, temporaries=[np.bool_], threads=1)


def window_of(use: BindContext | KernelSpec) -> Window:
    """The window of the convolution, alone or first of a chain."""
    window = (use.attrs["links"][0].attrs if "links" in use.attrs else use.attrs)["window"]
    assert isinstance(window, Window)
    return window


@lru_cache(maxsize=64)
def zero_row(length: int, dtype: np.dtype) -> np.ndarray:
    """Zeros that many blocks are compared with: a maximum with a row is faster than with a scalar."""
    return np.zeros(length, dtype)
