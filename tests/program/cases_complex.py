"""Conformance cases of complex numbers, and of products in the frequency domain."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from tests.program.case import IMAGE, ODD, SIGNAL, VOLUME, Case, single


def cases() -> Iterator[Case]:
    for factory, label, size, modes in (
            ("spectralConvolution1dLayer", "", SIGNAL, 4), ("spectralConvolution1dLayer", "all", SIGNAL, 5),
            ("spectralConvolution2dLayer", "", ODD, 2), ("spectralConvolution2dLayer", "two", IMAGE, [3, 4]),
            ("spectralConvolution3dLayer", "", VOLUME, [2, 1, 2])):
        yield single(factory, label, size, spectral, modes, 4)


def spectral(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    """All frequencies of B×C×S…, and of real filters whose spectrum is given at some."""
    weights = torch.view_as_complex(p["Weights"].contiguous())
    spatial, dims = x.shape[2:], tuple(range(x.ndim - 2))
    filters = torch.zeros((*spatial, *weights.shape[-2:]), dtype=weights.dtype)
    filters[tuple(map(slice, weights.shape[:-2]))] = weights
    opposite = filters.flip(dims).roll((1,) * len(dims), dims).conj()
    share = torch.ones(prod(spatial), dtype=weights.dtype)
    share[0] = 0.5
    both = (filters + opposite) * share.reshape(*spatial, 1, 1)
    found = torch.einsum("bc...,...ck->bk...", torch.fft.fftn(x, dim=tuple(range(2, x.ndim))).to(weights.dtype), both)
    return torch.fft.ifftn(found, dim=tuple(range(2, x.ndim))).real
