"""The twins of spectral convolutions, and of layers of complex data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.twin import Run, column_major, lying, twin


@twin("spectralConvolution1dLayer", "spectralConvolution2dLayer", "spectralConvolution3dLayer")
def spectral(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    """A sum of waves: every frequency and its opposite, the mean once."""
    weights, spatial = torch.view_as_complex(p["Weights"].contiguous()), tuple(range(2, x.ndim))
    places = torch.meshgrid(*(torch.arange(n, dtype=x.dtype) / n for n in x.shape[2:]), indexing="ij")
    y = torch.zeros(1, dtype=x.dtype)
    for modes in np.ndindex(*one.NumModes):
        turns = 2 * np.pi * sum(n * where for n, where in zip(modes, places, strict=True))
        wave = torch.complex(torch.cos(turns), torch.sin(turns))
        weight = (x * wave.conj()).sum(spatial) @ weights[modes]
        share = (2 if any(modes) else 1) / places[0].numel()
        y = y + (weight.reshape(*weight.shape, *[1] * len(spatial)) * wave).real * share
    return y


@twin("realToComplexLayer", exact=True)
def to_complex(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.complex(x[:, 0::2], x[:, 1::2])


@twin("complexToRealLayer", exact=True)
def to_real(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.stack([x.real, x.imag], 2).flatten(1, 2)


@twin("complexReluLayer", exact=True)
def complex_relu(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.complex(F.relu(x.real), F.relu(x.imag)) if x.is_complex() else F.relu(x)


@twin("zreluLayer", exact=True)
def zrelu(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    if not x.is_complex():
        return F.relu(x)
    return torch.where((x.real < 0) | (x.imag < 0), torch.zeros_like(x), x)


@twin("complexFullyConnectedLayer")
def complex_fully_connected(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    weights, bias = (torch.view_as_complex(lying(p[name])) for name in ("Weights", "Bias"))
    y = column_major(x).to(weights.dtype) @ weights.T + bias[:, 0]
    return y.reshape(*y.shape, *[1] * (x.ndim - 2 if run.loss else 0))
