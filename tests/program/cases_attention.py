"""Attention and embeddings along one spatial dimension, and the same in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.program.case import Case, Theirs, make, plain, single

LINE = (5, 4)


def attended(q: Tensor, k: Tensor, v: Tensor, heads: int, causal: bool = False) -> Tensor:
    """Of B×C×S."""
    q, k, v = (x.unflatten(1, (heads, -1)).transpose(2, 3) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(2, 3).flatten(1, 2)


def itself(heads: int, causal: bool = False) -> Theirs:
    def theirs(x: Tensor, *rest: Any) -> Tensor:
        p = rest[-2]
        q, k, v = (p[f"{part}Weights"] @ x + p[f"{part}Bias"] for part in ("Query", "Key", "Value"))
        return p["OutputWeights"] @ attended(q, k, v, heads, causal) + p["OutputBias"]
    return theirs


def unknown(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
    """Data here are no whole numbers, so all are words that nobody knows."""
    return p["Weights"][:, -1].reshape(-1, *[1] * (x.ndim - 2)) + 0 * x


def indexed(zero: int, mask: int | None) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        padding = None if mask is None else mask + zero - 1
        y = F.embedding(x[:, 0].detach().long() + zero - 1, p["Weights"].T, padding_idx=padding)
        return y.movedim(-1, 1) + 0 * x
    return theirs


def waves(at: Tensor, size: int) -> Tensor:
    """On a new second axis."""
    angles = [at / 10_000 ** (2 * i / size) for i in range(size // 2)]
    return torch.stack([wave for angle in angles for wave in (angle.sin(), angle.cos())], 1)


def steps(x: Tensor) -> Tensor:
    return torch.arange(1, x.shape[-1] + 1, dtype=x.dtype).expand(x.shape[0], -1)


def patches(stride: tuple[int, ...], by_rows: bool) -> Theirs:
    def theirs(x: Tensor, p: dict[str, Tensor], training: bool) -> Tensor:
        weights = p["Weights"].permute(-1, -2, *range(len(stride)))
        y = (F.conv2d if len(stride) == 2 else F.conv3d)(x, weights, p["Bias"].flatten(), stride)
        return (y if by_rows else y.permute(0, 1, *range(y.ndim - 1, 1, -1))).flatten(2)
    return theirs


def cases() -> Iterator[Case]:
    yield single("selfAttentionLayer", "", LINE, itself(1), 1, 4)
    yield single("selfAttentionLayer", "heads", LINE, itself(2, True), 2, 6, NumValueChannels=4, OutputSize=3,
                 AttentionMask="causal", WeightLearnRateFactor=2, BiasL2Factor=1)
    yield Case("selfAttentionLayer", "mask", (LINE, (5, 1)),
               lambda: [make("selfAttentionLayer", 2, 4, HasPaddingMaskInput=True, Name="layer")], itself(2))
    yield Case("attentionLayer", "", (LINE, (7, 4), (7, 6)), lambda: [make("attentionLayer", 2, Name="layer")],
               plain(lambda q, k, v: attended(q, k, v, 2)))
    yield Case("attentionLayer", "options", (LINE, LINE, LINE),
               lambda: [make("attentionLayer", 1, Scale=0.3, AttentionMask="causal", Name="layer")],
               plain(lambda q, k, v: attended(0.6 * q, k, v, 1, True)))
    yield single("positionEmbeddingLayer", "", LINE, lambda x, p, training: p["Weights"][:, :5] + 0 * x[:, :1], 3, 7)
    yield single("positionEmbeddingLayer", "spatial", LINE, lambda x, p, training: p["Weights"] + 0 * x[:, :1], 6, 5,
                 PositionDimension="spatial", WeightL2Factor=0)
    yield single("sinusoidalPositionEncodingLayer", "", LINE, plain(lambda x: waves(steps(x), 6) + 0 * x[:, :1]), 6)
    yield single("sinusoidalPositionEncodingLayer", "values", (1,), plain(lambda x: waves(x[:, 0], 4)), 4,
                 Positions="data-values")
    yield single("patchEmbeddingLayer", "", (6, 8, 3), patches((3, 3), False), 3, 4)
    yield single("patchEmbeddingLayer", "rows", (6, 8, 3), patches((2, 5), True), [2, 5], 4, SpatialFlattenMode="row-major")
    yield single("patchEmbeddingLayer", "volume", (4, 6, 4, 2), patches((2, 3, 2), False), [2, 3, 2], 3)
    yield single("wordEmbeddingLayer", "", (4, 3, 1), unknown, 3, 5)
    for label, size, mask in (("", (4, 3, 1), None), ("mask", (1,), 3)):
        yield replace(single("embeddingLayer", label, size, indexed(0, mask), 3, 4, MaskIndex=mask), indices=(1, 4))
    yield replace(single("embeddingLayer", "zero", (4, 3, 1), indexed(1, 0), 3, 4, MaskIndex=0,
                         ZeroIndexMapping="first-vector"), indices=(0, 4))
    yield single("embeddingConcatenationLayer", "", LINE, lambda x, p, training: torch.cat(
        [p["Weights"].expand(x.shape[0], -1, 1), x], 2))
    yield single("indexing1dLayer", "", LINE, plain(lambda x: x[..., 0]))
    yield single("indexing1dLayer", "last", LINE, plain(lambda x: x[..., -1]), "last")
    yield Case("indexing1dLayer", "mask", (LINE, (5, 1)),
               lambda: [make("indexing1dLayer", "last", HasPaddingMaskInput=True, Name="layer")],
               plain(lambda x, mask: x[..., -1]))
