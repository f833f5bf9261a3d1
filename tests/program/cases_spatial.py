"""Conformance cases of layers that join inputs, normalise across channels, or pool whole maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.program.case import IMAGE, ODD, VECTOR, VOLUME, Case, Size, Theirs, make, plain, single


def cases() -> Iterator[Case]:
    yield from products()
    yield from normalised()
    yield single("globalAveragePooling3dLayer", "", VOLUME, plain(lambda x: x.mean((2, 3, 4), keepdim=True)))
    yield single("globalMaxPooling3dLayer", "", VOLUME, plain(lambda x: x.amax((2, 3, 4), keepdim=True)))


def products() -> Iterator[Case]:
    def multiplied(label: str, *sizes: Size) -> Case:
        return Case("multiplicationLayer", label, sizes, lambda: [make("multiplicationLayer", len(sizes), Name="layer")],
                    plain(lambda *x: reduce(torch.mul, x)))

    yield multiplied("2", IMAGE, IMAGE)
    yield multiplied("3", VECTOR, VECTOR, VECTOR)
    yield multiplied("channels", IMAGE, (1, 1, 3))
    yield multiplied("expanding", (1, 8, 1), (6, 1, 3), IMAGE)
    yield multiplied("volumes", VOLUME, VOLUME)


def normalised() -> Iterator[Case]:
    def locally(size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2) -> Theirs:
        """PyTorch's even windows reach further back, MATLAB's further forward."""
        def theirs(x: Tensor) -> Tensor:
            return F.local_response_norm(x.flip(1), size, alpha, beta, k).flip(1)
        return plain(theirs)

    name = "crossChannelNormalizationLayer"
    yield single(name, "default", (4, 3, 7), locally(5), 5)
    yield single(name, "even", (4, 3, 7), locally(4, 0.5, 1.5, 0.1), 4, Alpha=0.5, Beta=1.5, K=0.1)
    yield single(name, "wide", ODD, locally(7, 2, 0.5, 1), 7, Alpha=2, Beta=0.5, K=1)
    yield single(name, "volume", VOLUME, locally(2, 0.7), 2, Alpha=0.7)
