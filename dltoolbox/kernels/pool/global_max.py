"""Maximum over all positions."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, kernel
from dltoolbox.kernels.long_rows import LongRows


@kernel("global_max_pool")
class GlobalMax(Kernel):
    """`global_max_pool`. Its gradient goes to what equals the maximum, where that is one element of each channel; with ties
    or NaN, the op's body finds the first.
    """

    def accepts(self, case: KernelSpec) -> bool:
        return case.inputs[0].rank > 0

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,), (dx,), order = site.inputs, site.outputs, site.grad_inputs or (None,), site.case.orders[0]
        plain = super().bind(site)
        if not LongRows.fit(order, x, *([] if dx is None else [dx])):
            return plain
        rows = LongRows(x.shape, order)
        top, kept = site.scratch((rows.width,)), site.keep(x.shape[-2:]) if site.training else None
        data, result = rows.of(x), y.reshape(x.shape[-2:])
        find = self.finding(site, rows, result, top)

        def forward() -> None:
            find()
            if kept is not None:
                np.copyto(kept, result)
        if dx is None or kept is None:
            return BoundKernel((forward,))
        arriving, into = site.grad_outputs[0], rows.of(dx)
        assert arriving is not None
        share, grad = site.scratch((rows.width,)), arriving.reshape(x.shape[-2:])
        equal = site.scratch((rows.count, rows.width), np.bool_)
        numbers = site.scratch((rows.width,), np.intp)

        def backward() -> None:
            rows.written_out(kept, top)
            np.equal(data, top, out=equal)
            np.add.reduce(equal, axis=0, dtype=np.intp, out=numbers)
            if (np.add.reduce(rows.seen(numbers), axis=(0, 2)) != 1).any():
                plain.backward[0]()
                return
            rows.written_out(grad, share)
            np.multiply(equal, share, out=into)
        return BoundKernel((forward,), (backward,))

    def finding(self, site: BindContext, rows: LongRows, result: np.ndarray, top: np.ndarray) -> Closure:
        data = rows.of(site.inputs[0])

        def find() -> None:
            np.maximum.reduce(data, axis=0, out=top)
            rows.reduced(top, np.maximum, result)
        return find
