"""Conformance cases of complex numbers, and of products in the frequency domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import torch
from torch import Tensor

from dltoolbox.layers import Layer
from tests.program.case import IMAGE, ODD, SIGNAL, VOLUME, Case, Theirs, make, plain, single


def cases() -> Iterator[Case]:
    for factory, label, size, modes in (
            ("spectralConvolution1dLayer", "", SIGNAL, 4), ("spectralConvolution1dLayer", "all", SIGNAL, 5),
            ("spectralConvolution2dLayer", "", ODD, 2), ("spectralConvolution2dLayer", "two", IMAGE, [3, 4]),
            ("spectralConvolution3dLayer", "", VOLUME, [2, 1, 2])):
        yield single(factory, label, size, spectral, modes, 4)
    for label, size in {"image": (4, 5, 6), "vector": (8,)}.items():
        for factory, theirs, *arguments in (("complexReluLayer", crelu), ("zreluLayer", zrelu),
                                            ("complexFullyConnectedLayer", affine, 3)):
            def body(factory: str = factory, arguments: list[int] = arguments) -> list[Layer]:
                return [make("realToComplexLayer", Name="before"), make(factory, *arguments, Name="layer"),
                        make("complexToRealLayer", Name="after")]
            yield Case(factory, label, (size,), body, of_channels(theirs))
        yield single("complexReluLayer", f"real-{label}", size, plain(torch.relu))
        yield single("zreluLayer", f"real-{label}", size, plain(torch.relu))
    first, second = "realToComplexLayer", "complexToRealLayer"
    yield Case(first, "", ((4, 3, 4),), lambda: [make(first, Name="layer"), make(second)], plain(torch.clone))
    yield Case(second, "", ((6,),), lambda: [make(first), make(second, Name="layer")], plain(torch.clone))
    yield Case("complexFullyConnectedLayer", "real", (IMAGE,), lambda: [
        make("complexFullyConnectedLayer", 3, Name="layer"), make("complexToRealLayer")], real_affine)


def of_channels(function: Callable[[Tensor, dict[str, Tensor]], Tensor]) -> Theirs:
    """What a function of complex channels makes of real and imaginary parts in turn."""
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        y = function(torch.complex(x[:, 0::2], x[:, 1::2]), p)
        return torch.stack([y.real, y.imag], 2).flatten(1, 2)
    return theirs


def crelu(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.complex(z.real.relu(), z.imag.relu())


def zrelu(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.where((z.real > 0) & (z.imag > 0), z, torch.zeros_like(z))


def affine(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    """In networks that end in output layers, images keep two spatial dimensions."""
    flat = z.permute(0, 1, *range(z.ndim - 1, 1, -1)).flatten(1)
    y = flat @ torch.view_as_complex(p["Weights"].contiguous()).T + torch.view_as_complex(p["Bias"].contiguous())[:, 0]
    return y.reshape(*y.shape, *[1] * (z.ndim - 2))


def real_affine(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    y = affine(x + 0j, p)
    return torch.stack([y.real, y.imag], 2).flatten(1, 2)


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
