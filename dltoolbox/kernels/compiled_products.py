"""BLAS's product as compiled loops call it: it can add to what is there, and the interpreter lock is not taken.

NumPy's own OpenBLAS is called where it is found: it may be newer than the one that SciPy brings, and twice as fast for
small matrices. A call takes pointers, as in Fortran, so ``flags`` and sizes are arrays of BLAS's integers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from dltoolbox.runtime.blas import routine


@cache
def gemm(dtype: np.dtype) -> Callable[..., None]:
    """C = alpha·op(A)·op(B) + beta·C of matrices that lie column by column (Lawson et al., "Basic linear algebra
    subprograms", 1979; Dongarra et al., 1990)."""
    from numba.extending import get_cython_function_address
    name = "sgemm" if dtype == np.float32 else "dgemm"
    found = routine(name)
    address = get_cython_function_address("scipy.linalg.cython_blas", name) if found is None else found.address
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)


@cache
def flags() -> np.ndarray:
    """The letters n and t, for matrices to be taken as they are or transposed, in integers whose first byte they are."""
    found = routine("sgemm")
    integers = np.dtype(np.int32 if found is None else found.integers)
    return np.array([ord("n"), ord("t")], integers.newbyteorder("<")).view(integers)
