"""Samples of complex numbers as real and imaginary parts, and of products in the frequency domain."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from tests.ops.sample import Case, Inputs, distinct, normal

SPECTRA: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # spatial size, modes
    "1d": ((9,), (3,)), "1d-all": ((7,), (4,)), "1d-even": ((8,), (4,)), "one": ((1,), (1,)), "2d": ((7, 6), (4, 2)),
    "2d-mean": ((3, 5), (1, 1)), "over-time": ((1, 8), (3,)), "3d": ((4, 5, 3), (2, 1, 2))}


def cases() -> Iterator[Case]:
    yield Case("zrelu", "", lambda r, n: (distinct(r, 3, 2, 4, n),))
    yield Case("zrelu", "vector", lambda r, n: (distinct(r, 6, n),))
    for label, x in {"vector": (6,), "image": (3, 2, 4)}.items():
        for rank, real in ((0, False), (2, False), (0, True)):
            wide = prod(x) if real else prod(x) // 2
            yield Case("complex_dense", f"{label}-{rank}-{'real' if real else 'complex'}", lambda r, n, x=x, wide=wide: (
                normal(r, *x, n), normal(r, 3, wide, 2), normal(r, 3, 1, 2)), {"rank": rank, "real": real},
                differentiable=(0, 1, 2))
    for label, (spatial, modes) in SPECTRA.items():
        def data(r: np.random.Generator, n: int, s: tuple[int, ...] = spatial, m: tuple[int, ...] = modes) -> Inputs:
            return normal(r, *s, 3, n), normal(r, *m, 3, 2, 2)

        def sequences(r: np.random.Generator, n: int, s: tuple[int, ...] = spatial, m: tuple[int, ...] = modes) -> Inputs:
            x, weights = data(r, n, s, m)
            return x, weights, r.integers(2 * m[-1] - 1, s[-1] + 1, n).astype(np.int32)

        yield Case("spectral_conv", label, data, {"modes": modes}, differentiable=(0, 1))
        if len(spatial) > 1:
            yield Case("spectral_conv_of_lengths", label, sequences, {"modes": modes}, differentiable=(0, 1), batched=(0, 2),
                       labels={0: "S" * len(spatial) + "CB", 2: "B"})
