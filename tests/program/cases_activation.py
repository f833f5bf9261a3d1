"""Conformance cases of activations, dropout, inputs without normalisation, and layers that move elements."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.program.case import IMAGE, VECTOR, VOLUME, Case, plain, single


def cases() -> Iterator[Case]:
    for label, size in {"image": IMAGE, "vector": VECTOR, "volume": VOLUME}.items():
        yield single("clippedReluLayer", label, size, plain(lambda x: F.hardtanh(x, 0, 0.83)), 0.83)
        yield single("eluLayer", label, size, plain(lambda x: F.elu(x, 0.5)), 0.5)
        yield single("tanhLayer", label, size, plain(torch.tanh))
        yield single("sigmoidLayer", label, size, plain(torch.sigmoid))
        yield single("swishLayer", label, size, plain(F.silu))
        yield single("softplusLayer", label, size, plain(F.softplus))
        yield single("identityLayer", label, size, plain(torch.clone))
        yield single("flattenLayer", label, size, plain(flat))
    yield single("geluLayer", "", IMAGE, plain(F.gelu))
    yield single("geluLayer", "tanh", IMAGE, plain(lambda x: F.gelu(x, approximate="tanh")), Approximation="tanh")
    yield single("channelShuffleLayer", "", (4, 3, 6), plain(lambda x: F.channel_shuffle(x, 3)), 3)
    yield single("channelShuffleLayer", "volume", VOLUME, plain(lambda x: F.channel_shuffle(x, 2)), 2)


def flat(x: Tensor) -> Tensor:
    """Column-major: h fastest."""
    return x.permute(0, 1, *range(x.ndim - 1, 1, -1)).flatten(1)
