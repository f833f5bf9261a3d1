"""No kernel is without tests: each has a sample that it accepts, or a file of tests that names it."""

from __future__ import annotations

from dltoolbox.kernels import KERNELS
from dltoolbox.ops import OPS
from tests.kernels import test_convolution_numba_2d, test_convolution_numba_3d, test_recurrent, test_winograd
from tests.kernels.test_kernels import PAIRS, usable


def test_every_kernel_has_an_op_and_a_sample() -> None:
    assert {part for name in KERNELS for part in name.split("+")} <= set(OPS)
    pairs = [*PAIRS, *test_convolution_numba_2d.PAIRS, *test_convolution_numba_3d.PAIRS, *test_recurrent.PAIRS]
    tested = {pair.values[0] for pair in pairs} | test_winograd.covered()
    assert [(name, kernel.name) for name in KERNELS for kernel in usable(name) if kernel not in tested] == []
