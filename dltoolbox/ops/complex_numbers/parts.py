"""Complex numbers inside networks: real and imaginary parts in turn, as twice as many channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import complex_of_parts, parts_of_complex
from dltoolbox.core.dims import Dims, features
from dltoolbox.ops.arithmetic import SameSize
from dltoolbox.ops.base import IN, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.complex_numbers.spectral import as_complex, as_parts
from dltoolbox.ops.conv import column_major, unflatten


@op
class zrelu(SameSize):
    """Complex numbers whose real and imaginary parts are both at least zero; zero in the place of others."""

    saved_for_backward = IN
    divisible = True

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.where(self.outside(x), np.zeros((), x.dtype), x)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return (np.where(self.outside(call.inputs[0]), np.zeros((), grad.dtype), grad),)

    @staticmethod
    def outside(x: np.ndarray) -> np.ndarray:
        negative = (x[..., 0::2, :] < 0) | (x[..., 1::2, :] < 0)
        return np.repeat(negative, 2, axis=-2)


@op
class complex_dense(Op):
    """Complex ``weights`` (out×in×2) times the features of each observation, flattened column-major, plus ``bias``.

    ``real`` says that the features have no imaginary parts. The result has ``rank`` spatial dimensions of size 1.
    """

    saved_for_backward = IN

    def infer(self, x: Dims, weights: Dims, bias: Dims, *, real: bool, rank: int) -> Dims:
        return features(rank, 2 * (weights.sizes[0] or 0), x.batch)

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return 2 * inputs[1].elements  # four for each product of complex numbers

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *, real: bool, rank: int) -> np.ndarray:
        y = np.matmul(as_complex(weights), column_major(x if real else complex_of_parts(x))) + as_complex(bias)
        return parts_of_complex(y.reshape(*[1] * rank, *y.shape))

    def backward(self, call: Call, grad: np.ndarray, *, real: bool, rank: int) -> Gradients:
        x, weights, bias = call.inputs
        x = x if real else complex_of_parts(x)
        dy = complex_of_parts(grad.reshape(grad.shape[rank:]))
        dx = dw = None
        if call.needs_input_grad[0]:
            dx = unflatten(np.matmul(as_complex(weights).conj().T, dy), x.shape)
            dx = dx.real if real else parts_of_complex(dx)
        if call.needs_input_grad[1]:
            dw = as_parts(np.matmul(dy, column_major(x).conj().T))
        return dx, dw, sum_over(as_parts(dy), 1).reshape(bias.shape) if call.needs_input_grad[2] else None
