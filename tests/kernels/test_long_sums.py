"""Sums of some hundred thousand numbers in single precision: no op and no kernel of one may lose digits to their number.

All terms are 1.1, so that every rounding of a sum taken one after the other goes the same way for long.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import KERNELS, Kernel, KernelSpec
from dltoolbox.kernels.base import plain
from dltoolbox.kernels.testing import bind_alone
from dltoolbox.ops import OPS, Call, as_tuple
from tests.kernels.test_kernels import ORDERS, usable
from tests.ops.samples import dims_of

SIDES = (512, 500)


class Use(NamedTuple):
    op: str
    shapes: tuple[tuple[int, ...], ...]
    attrs: dict[str, Any]
    differentiable: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.op}-{'-'.join('×'.join(map(str, shape)) for shape in self.shapes)}"


def uses() -> Iterator[Use]:
    image, vectors, scale = (*SIDES, 2, 1), (3, 1 << 18), (1, 1, 2)
    small = (32, 32, 2, 250)
    for x in (image, small):
        yield Use("global_avg_pool", (x,), {}, (0,))
        yield Use("adaptive_avg_pool", (x,), {"to": (2, 1)}, (0,))
        yield Use("batch_norm", (x, scale, scale), {"epsilon": 1e-5}, (0, 1, 2))
        yield Use("batch_norm_inference", (x, *[scale] * 4), {"epsilon": 1e-5}, (0, 1, 2))
        yield Use("group_norm", (x, scale, scale), {"epsilon": 1e-5, "groups": 1}, (0, 1, 2))
        yield Use("add", (x, (1, 1, 2, x[-1])), {}, (0, 1))
        yield Use("multiply", (x, (1, 1, 2, x[-1])), {}, (0, 1))
        for size in (1, 3):
            window = {"window": Window.of((size, size), padding=((size // 2,) * 2,) * 2)}
            yield Use("conv", (x, (size, size, 2, 4), (1, 1, 4)), window, (0, 1, 2))
            yield Use("grouped_conv", (x, (size, size, 1, 1, 2), (1, 1, 1, 2)), window, (0, 1, 2))
        yield Use("half_mse", (x, x), {}, (0,))
        yield Use("cross_entropy", (x, x), {}, (0,))
        yield Use("softmax_cross_entropy", (x, x), {}, (0,))
        yield Use("softmax_focal_cross_entropy", (x, x), {"alpha": 0.25, "gamma": 2}, (0,))
        yield Use("generalised_dice", (x, x), {}, (0,))
    yield Use("batch_norm", (vectors, (3, 1), (3, 1)), {"epsilon": 1e-5}, (0, 1, 2))
    yield Use("dense", (vectors, (2, 3), (2, 1)), {}, (0, 1, 2))
    yield Use("dense", ((*SIDES, 1, 2), (2, SIDES[0] * SIDES[1]), (2, 1)), {}, (0, 1, 2))


USES = list(uses())
PAIRS = [pytest.param(kernel, number, id=f"{type(kernel).__name__}-{use}") for number, use in enumerate(USES)
         for kernel in [plain(use.op), *(usable(use.op) if use.op in KERNELS else ())]]


@lru_cache(maxsize=1)  # the kernels of a use follow one another
def exact(number: int) -> tuple[list[np.ndarray], tuple[Any, ...], list[Any], tuple[Any, ...]]:
    """Inputs, outputs, the gradients that arrive, and those of the inputs, in double precision."""
    use = USES[number]
    inputs = [np.full(shape, 1.1, np.float32) for shape in use.shapes]
    if "entropy" in use.op or "dice" in use.op:
        inputs[1] = np.broadcast_to(np.float32([1, 0]).reshape(2, 1), use.shapes[1]).copy()
    op, needs = OPS[use.op], tuple(i in use.differentiable for i in range(len(inputs)))
    doubles = [x.astype(np.float64) for x in inputs]
    wanted = as_tuple(op.forward(*doubles, **use.attrs))
    grads = [np.full(wanted[0].shape, 1.1), *[None] * (len(wanted) - 1)]
    return inputs, wanted, grads, tuple(op.backward(Call(doubles, wanted, needs), *grads, **use.attrs))


@pytest.mark.parametrize("order", ["rows", "channels last"])
@pytest.mark.parametrize(("kernel", "number"), PAIRS)
def test_sums_do_not_lose_digits(kernel: Kernel, number: int, order: str) -> None:
    use, (inputs, wanted, grads, slopes) = USES[number], exact(number)
    needs = tuple(i in use.differentiable for i in range(len(inputs)))
    case = KernelSpec(use.op, tuple(map(dims_of, inputs)), tuple(map(dims_of, wanted)),
                      tuple(ORDERS[order](x.ndim) if i == 0 else tuple(range(x.ndim)) for i, x in enumerate(inputs)),
                      use.attrs, np.dtype(np.float32), needs)
    if not kernel.accepts(case):
        pytest.skip("the kernel does not take this case")
    trial = bind_alone(kernel, case, inputs, grads=[g if g is None else g.astype(np.float32) for g in grads])
    pairs = [*zip(trial.forward(), wanted, strict=True), *zip(trial.backward(), slopes, strict=True)]
    for found, exactly in pairs:
        if found is not None and exactly is not None and found.size < inputs[0].size:  # what is summed is small
            np.testing.assert_allclose(found, exactly, rtol=0, atol=8e-6 * np.abs(exactly).max(initial=1e-4))


@pytest.mark.parametrize("kernel", [plain("global_avg_pool"), *usable("global_avg_pool")],
                         ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("order", ["rows", "channels last"])
def test_a_mean_of_nine_million_is_right_to_the_last_digit(kernel: Kernel, order: str) -> None:
    x = np.full((3000, 3000, 1, 1), 1.1, np.float32)
    case = KernelSpec("global_avg_pool", (dims_of(x),), (dims_of(x[:1, :1]),), (ORDERS[order](4),), {}, x.dtype)
    (y,) = bind_alone(kernel, case, [x]).forward()
    np.testing.assert_allclose(y, 1.1, rtol=1.2e-7)
