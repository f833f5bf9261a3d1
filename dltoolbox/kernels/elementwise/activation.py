"""Activations piece by piece: the op's own body on pieces that stay in cache, shared by the threads."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, kernel
from dltoolbox.kernels.elementwise.arithmetic import backward_pair, in_pieces
from dltoolbox.ops import OPS, Call
from dltoolbox.ops.activation import Elementwise


@kernel(*(name for name, op in OPS.items() if isinstance(op, Elementwise)))
class InPieces(Kernel):
    """An op of one element at a time. Its temporaries are as small as the pieces."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,), body, attrs = site.inputs, site.outputs, OPS[self.op], site.attrs

        def forward(x: np.ndarray, y: np.ndarray) -> None:
            np.copyto(y, body.forward(x, **attrs))

        def backward(x: np.ndarray, y: np.ndarray, grad: np.ndarray, dx: np.ndarray) -> None:
            (gradient,) = body.backward(Call((x,), (y,), (True,)), grad, **attrs)
            assert gradient is not None
            np.copyto(dx, gradient)
        return BoundKernel(in_pieces(site, forward, x, y),
                           in_pieces(site, backward, x, y, *backward_pair(site)) if site.training else ())
