"""Twins of attention and embeddings; B×C×S, or B×C×S…"""

from __future__ import annotations

from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.generate.twin import Run, column_major, twin


def attended(one: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """What queries get, and the weights, B × heads × keys × queries."""
    q, k, v = (x.unflatten(1, (one.NumHeads, -1)) for x in (q, k, v))
    products = k.transpose(2, 3) @ (q * scale)
    kept = torch.ones_like(products, dtype=torch.bool)
    if one.AttentionMask == "causal":
        kept = kept.triu()
    if mask is not None:
        kept = kept & (mask.transpose(1, 2)[:, None] != 0)
    some = kept.any(2, keepdim=True)
    weights = products.masked_fill(~(kept | ~some), -torch.inf).softmax(2) * some
    return (v @ weights).flatten(1, 2), weights


def leaving(one: Any, y: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
    return (y, weights) if one.HasScoresOutput else (y,)


@twin("selfAttentionLayer")
def self_attention(one: Any, p: Any, run: Run, x: Tensor, *mask: Tensor) -> tuple[Tensor, ...]:
    def linear(x: Tensor, part: str) -> Tensor:
        return p[f"{part}Weights"] @ x + p[f"{part}Bias"]
    q, k, v = (linear(x, part) for part in ("Query", "Key", "Value"))
    y, weights = attended(one, q, k, v, mask[0] if mask else None, 1 / sqrt(one.NumKeyChannels / one.NumHeads))
    return leaving(one, linear(y, "Output"), weights)


@twin("attentionLayer")
def attention(one: Any, p: Any, run: Run, q: Tensor, k: Tensor, v: Tensor, *mask: Tensor) -> tuple[Tensor, ...]:
    scale = 1 / sqrt(k.shape[1] / one.NumHeads) if one.Scale == "auto" else one.Scale
    return leaving(one, *attended(one, q, k, v, mask[0] if mask else None, scale))


@twin("positionEmbeddingLayer", exact=True)
def position_embedding(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return p["Weights"][:, :x.shape[2]].expand(len(x), -1, -1)


@twin("sinusoidalPositionEncodingLayer")
def waves(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    spatial = one.Positions != "data-values" and x.ndim == 3
    at = torch.arange(1, x.shape[2] + 1, dtype=x.dtype).expand(len(x), -1) if spatial else x[:, 0]
    angles = [at / 10_000 ** (channel / one.OutputSize) for channel in range(0, one.OutputSize, 2)]
    return torch.stack([wave for angle in angles for wave in (angle.sin(), angle.cos())], 1)


@twin("patchEmbeddingLayer")
def patches(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    rank = x.ndim - 2
    convolve = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    stride = (one.PatchSize,) * rank if isinstance(one.PatchSize, int) else one.PatchSize
    weights = p["Weights"].permute(-1, -2, *range(rank)).contiguous()
    y = convolve(x, weights, p["Bias"].flatten(), stride)
    if one.SpatialFlattenMode == "row-major":
        return y.flatten(2)
    return column_major(y.flatten(0, 1)[:, None]).reshape(*y.shape[:2], -1)


@twin("embeddingConcatenationLayer", exact=True)
def token(one: Any, p: Any, run: Run, x: Tensor) -> Tensor:
    return torch.cat([p["Weights"].expand(len(x), -1, 1), x], 2)


@twin("indexing1dLayer", exact=True)
def indexing(one: Any, p: Any, run: Run, x: Tensor, *mask: Tensor) -> Tensor:
    if not mask:
        return x[..., 0 if one.Index == "first" else -1]
    rows = []
    for values, real in zip(x, mask[0][:, 0] != 0, strict=True):
        at = real.nonzero().flatten()
        rows.append(values[:, at[0 if one.Index == "first" else -1]] if len(at) else torch.zeros_like(values[:, 0]))
    return torch.stack(rows) if rows else x[..., 0]
