"""Random uses of every op and chain that has a kernel: any geometry that the layers allow, and some more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window, rounded_up
from dltoolbox.ops import OPS
from dltoolbox.ops.fused import Link
from tests.ops.chains import NORM, chain, parameters
from tests.ops.sample import Case, Inputs, counting, normal, one_hot
from tests.ops.samples import CASES, shown
from tests.ops.samples_attention import SPACE, TIME, data, extras
from tests.ops.samples_recurrent import ACTIVATIONS, RESETS, cell

Draw = np.random.Generator
CHANNELS = (1, 2, 3, 4, 5, 8, 16, 17, 32, 33)
WORK = 3e5  # products or comparisons of one observation


def pick(rng: Draw, *choices: Any) -> Any:
    return choices[rng.integers(len(choices))]


def small(rng: Draw, most: int) -> int:
    """1 … most, small ones more often."""
    return int(min(rng.integers(1, most + 1), rng.integers(1, most + 1)))


def rank_of(rng: Draw) -> int:
    return int(rng.choice([1, 2, 2, 2, 3]))


def geometry(rng: Draw, pooling: bool, overlapping: bool = True) -> tuple[tuple[int, ...], Window]:
    """A map and a window that fits it. Poolings may be rounded up, and then a window may see nothing."""
    while True:
        rank = rank_of(rng)
        spatial = tuple(small(rng, 9 if rank < 3 else 6) for _ in range(rank))
        size = [int(rng.integers(1, 6 if rank < 3 else 4)) for _ in range(rank)]
        dilation = [pick(rng, 1, 1, 1, 2, 3, 4) for _ in range(rank)] if rng.random() < 0.4 else [1] * rank
        stride = [int(rng.integers(1, 5)) for _ in range(rank)] if rng.random() < 0.7 else [1] * rank
        if not overlapping:
            dilation, stride = [1] * rank, [f + pick(rng, 0, 0, 1) for f in size]
        most = [f - 1 if pooling else (f - 1) * d + 3 for f, d in zip(size, dilation, strict=True)]
        padding = [(int(rng.integers(n + 1)), int(rng.integers(n + 1))) if rng.random() < 0.7 else (0, 0) for n in most]
        extent = Window.of(size, dilation=dilation).extent
        padding = rounded_up(padding, extent, stride, pick(rng, "floor", "ceil", "caffe") if pooling else "floor")
        window = Window.of(size, stride, padding, dilation)
        if window.fits(spatial):
            return spatial, window


def transposed_geometry(rng: Draw) -> tuple[tuple[int, ...], Window]:
    """A small map and a window whose padding is the cropping, which may be negative."""
    while True:
        rank = rank_of(rng)
        spatial = tuple(small(rng, 6) for _ in range(rank))
        size, stride = ([int(rng.integers(1, 6 if rank < 3 else 4)) for _ in range(rank)] for _ in range(2))
        dilation = [pick(rng, 1, 1, 1, 2, 3) for _ in range(rank)]
        crops = [(int(rng.integers(-2, (f - 1) * d + 2)), int(rng.integers(-2, (f - 1) * d + 2)))
                 for f, d in zip(size, dilation, strict=True)]
        window = Window.of(size, stride, crops, dilation)
        if min(window.transposed_output(spatial)) > 0:
            return spatial, window


def special(rng: Draw, values: np.ndarray) -> np.ndarray:
    """As they are, or with ties, or with values that are not finite."""
    kind = pick(rng, "plain", "plain", "ties", "special")
    if kind == "ties":
        return np.round(values)
    if kind == "special":
        values = values.copy()
        values[rng.random(values.shape) < 0.1] = pick(rng, np.nan, np.inf, -np.inf)
    return values


def convolution(rng: Draw, op: str) -> Case:
    spatial, window = transposed_geometry(rng) if op == "conv_transposed" else geometry(rng, False)
    if op != "conv_transposed" and rng.random() < 0.15:  # what Winograd's algorithm serves
        window, spatial = Window.of((3, 3), padding=[(pick(rng, 0, 1, 2), pick(rng, 0, 1, 2)) for _ in range(2)]), (
            int(rng.integers(3, 10)), int(rng.integers(3, 10)))
    while True:
        channels, filters, groups = (pick(rng, *CHANNELS) for _ in range(3))
        if op == "grouped_conv":
            channels, filters = pick(rng, (1, 1), (1, 2), (2, 1), (3, 2))
        if window.taps * channels * filters * prod(spatial) < WORK:
            break
    sizes = {"conv_transposed": (filters, channels), "grouped_conv": (channels, filters, groups)}
    total = channels * groups if op == "grouped_conv" else channels
    bias = (filters, groups) if op == "grouped_conv" else (filters,)

    def make(r: Draw, n: int) -> Inputs:
        return (normal(r, *spatial, total, n), normal(r, *window.size, *sizes.get(op, (channels, filters))),
                normal(r, *(1,) * window.rank, *bias))

    def stored(r: Draw, n: int) -> Inputs:
        one = (*(1,) * window.rank, filters)
        return (*make(r, n), r.uniform(0.5, 2, one), normal(r, *one), normal(r, *one), r.uniform(0.5, 2, one))
    if "+" not in op:
        return Case(op, f"{spatial} {total} channels", make, {"window": window}, differentiable=(0, 1, 2))
    conv, norm = Link("conv", {"window": window}, (0, 1, 2)), Link("batch_norm_inference", NORM, (7, 3, 4, 5, 6))
    if op == "conv+relu":
        return chain(f"{spatial} {total} channels", make, conv, Link("relu", {}, (3,)), leaving=(4,))
    links = (conv, norm, Link("relu", {}, (8,)))[:op.count("+") + 1]
    return chain(f"{spatial} {total} channels", stored, *links, leaving=(len(links) + 6,), differentiable=())


def pooling(rng: Draw, op: str) -> Case:
    """Also of what normalisation and ReLU leave, and back by taps or indices."""
    spatial, window = geometry(rng, True, op != "max_unpool_taps")
    channels, seed = pick(rng, *CHANNELS[:8]), int(rng.integers(1 << 30))
    pool, to = {"window": window}, Dims("S" * len(spatial) + "CB", (*spatial, channels, None))

    def mapped(r: Draw, n: int) -> Inputs:
        values = r.permutation(prod(spatial) * channels * n) / 10 + 0.05 - prod(spatial) * channels * n / 20
        return (special(np.random.default_rng(seed), values.reshape(*spatial, channels, n)),)

    def unpooled(r: Draw, n: int) -> Inputs:
        found, at = OPS["max_pool_taps" if op == "max_unpool_taps" else "max_pool_indices"].forward(
            normal(r, *spatial, channels, n), window=window)
        kind = at.dtype if op == "max_unpool_taps" else np.int32
        size = () if op == "max_unpool_taps" else (np.array((*spatial, channels, n)),)
        return special(np.random.default_rng(seed), normal(r, *found.shape)), at.astype(kind), *size

    def normalised(r: Draw, n: int) -> Inputs:
        return normal(r, *spatial, channels, n), *(x.reshape((1,) * len(spatial) + (channels,))
                                                   for x in parameters(r, channels, bool(seed % 2)))
    label = f"{spatial} {channels} channels"
    if op == "avg_pool":
        return Case(op, label, lambda r, n: (normal(r, *spatial, channels, n),),
                    counting(window, bool(seed % 2)) | ({"divisor": 2.5} if seed % 5 == 0 else {}))
    if op == "max_unpool":
        return Case(op, label, unpooled, {"to": to}, batched=(0, 1))
    if op == "max_unpool_taps":
        return Case(op, label, unpooled, {**pool, "to": to}, batched=(0, 1))
    if "+" in op:
        last, leaving = op.rpartition("+")[2], (7, 4, 5) if op.endswith("max_pool") else (7, 8, 4, 5)
        return chain(label, normalised, Link("batch_norm", NORM, (0, 1, 2)), Link("relu", {}, (3,)), Link(last, pool, (6,)),
                     leaving=leaving)
    return Case(op, label, mapped, pool)


def shape(rng: Draw) -> tuple[int, ...]:
    rank = int(rng.integers(0, 4))
    return (*(small(rng, 9 if rank < 3 else 5) for _ in range(rank)), pick(rng, *CHANNELS))


def normalisation(rng: Draw, op: str) -> Case:
    full, negative = shape(rng), bool(rng.integers(2))
    full = (*full[:-1], max(full[-1], 4)) if op == "group_norm" else full  # gradients of few values are mostly rounding
    one = (*(1,) * (len(full) - 1), full[-1])

    def alone(r: Draw, n: int) -> Inputs:
        return normal(r, *full, n) + 3, *(x.reshape(one) for x in parameters(r, full[-1], negative))

    def joined(r: Draw, n: int) -> Inputs:
        return *alone(r, n), normal(r, *full, n)

    def stored(r: Draw, n: int) -> Inputs:
        return *alone(r, n), normal(r, *one), r.uniform(0.5, 2, one)
    if op == "masked_batch_norm":
        return Case(op, str(full), lambda r, n: (*alone(r, n), shown(r, *one, n)[..., :1, :]), NORM,
                    differentiable=(0, 1, 2), batched=(0, 3), joins=False)
    label, norm = str(full), Link("batch_norm", NORM, (0, 1, 2))
    if op == "group_norm":
        return Case(op, label, alone, {"groups": 1, "epsilon": 1e-3, "spatial": False}, differentiable=(0, 1, 2))
    if op == "batch_norm+relu":
        return chain(label, alone, norm, Link("relu", {}, (3,)), leaving=(6, 4, 5))
    if op == "batch_norm+add+relu":
        return chain(label, joined, norm, Link("add", {}, (4, 3)), Link("relu", {}, (7,)), leaving=(8, 5, 6),
                     differentiable=(0, 1, 2, 3), batched=(0, 3))
    if op == "batch_norm_inference+relu":
        return chain(label, stored, Link("batch_norm_inference", NORM, (0, 1, 2, 3, 4)), Link("relu", {}, (5,)),
                     leaving=(6,), differentiable=())
    return Case(op, label, stored if op == "batch_norm_inference" else alone, NORM, differentiable=(0, 1, 2), joins=False)


def plain(rng: Draw, op: str) -> Case:
    """Ops without a window."""
    full, count, axis = shape(rng), int(rng.integers(2, 5)), int(rng.integers(3))
    if op.startswith("global") and len(full) == 1:
        full = (2, *full)
    if op in ("add", "multiply"):
        return Case(op, str(full), lambda r, n: tuple(normal(r, *full, n) for _ in range(count)),
                    differentiable=tuple(range(count)), batched=tuple(range(count)))
    if op == "concat":
        axis %= len(full)
        widths = [small(rng, 5) for _ in range(count)]
        return Case(op, f"{full} along {axis} by {widths}", lambda r, n: tuple(
            normal(r, *full[:axis], width, *full[axis + 1:], n) for width in widths), {"axis": axis},
            differentiable=tuple(range(count)), batched=tuple(range(count)))
    if op == "dense":
        wide = pick(rng, *CHANNELS)
        return Case(op, f"{full} to {wide}", lambda r, n: (normal(r, *full, n), normal(r, wide, prod(full)),
                                                          normal(r, wide, 1)), differentiable=(0, 1, 2))
    if op == "undo_normalise":
        kind, each = pick(rng, "zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"), pick(
            rng, (1,) * len(full), (*(1,) * (len(full) - 1), full[-1]), (full[0], *(1,) * (len(full) - 1)), full)
        return Case(op, f"{kind} {full} by {each}", lambda r, n: (normal(r, *full, n), *(
            normal(r, *each) for _ in range(1 + (kind != "zerocenter")))), {"kind": kind})
    if op == "input_normalise":
        kind = pick(rng, "zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric")
        each, number = pick(rng, (), (*(1,) * (len(full) - 1), full[-1]), full), 1 if kind == "zerocenter" else 2
        return Case(op, f"{kind} {full} by {each}", lambda r, n: (normal(r, *full, n), *(
            np.asarray(sign * r.uniform(0.5, 2, each)) for sign in (-1, 1)[:number])), {"kind": kind})
    samples = [sample for sample in CASES if sample.op == op]
    if op in ("adaptive_avg_pool", "crop", "resize"):
        return moved_map(rng, op, full if len(full) > 1 else (4, *full))
    if op in ("custom", "custom_loss", "reshape", "permute", "embed", "position_sinusoid"):  # attributes go with sizes
        return samples[int(rng.integers(len(samples)))]
    if op in ("affine", "prelu"):
        each = pick(rng, (1,) * len(full), (*(1,) * (len(full) - 1), full[-1]), full)
        return replace(samples[0], label=f"{full} by {each}", make=lambda r, n: (normal(r, *full, n), *(
            normal(r, *each) for _ in range(2 if op == "affine" else 1))))
    return replace(samples[0], label=str(full), make=lambda r, n: (normal(r, *full, n),))


def moved_map(rng: Draw, op: str, full: tuple[int, ...]) -> Case:
    """Other spatial sizes."""
    sizes = full[:-1]
    to = tuple(small(rng, n if op == "crop" else 9) for n in sizes)
    attrs: dict[str, Any] = {"to": to}
    if op == "crop":
        attrs["start"] = tuple(int(rng.integers(n - part + 1)) for n, part in zip(sizes, to, strict=True))
    if op == "resize":
        attrs |= {"factors": tuple(Fraction(m, n) for m, n in zip(to, sizes, strict=True)),
                  "method": pick(rng, "nearest", "linear"), "transform": pick(rng, "half-pixel", "asymmetric"),
                  "rounding": pick(rng, "round", "floor", "onnx-10")}
    return Case(op, f"{full} to {to}", lambda r, n: (normal(r, *full, n),), attrs)


def loss(rng: Draw, op: str) -> Case:
    full = (*shape(rng)[:-1], int(rng.integers(2, 6)))
    weights, steps = tuple(rng.uniform(0.5, 2, full[-1]).tolist()) if rng.integers(2) else None, small(rng, 9)

    def apart(r: Draw, n: int) -> Inputs:
        y, t = (normal(r, *full, steps, n) for _ in range(2))
        return y, t, r.integers(1, steps + 1, n).astype(np.int32)

    def compared(r: Draw, n: int) -> Inputs:
        x = normal(r, *full, n)
        if op == "half_mse":
            return x, normal(r, *full, n)
        return x if op.startswith("softmax") else OPS["softmax"].forward(x), one_hot(r, *full, n)
    if op == "half_mse_of_sequences":
        return Case(op, f"{full} {steps} steps", apart, batched=(0, 1, 2), joins=False, sequences=True)
    if op in ("half_mse", "cross_entropy", "softmax_cross_entropy"):
        return Case(op, str(full), compared, {} if op == "half_mse" else {"weights": weights}, batched=(0, 1), joins=False)
    sample = next(sample for sample in CASES if sample.op == op)
    if "gamma" in sample.attrs:
        gamma = pick(rng, 2, 2, 1, 0.5, 0.7, 3)
        return replace(sample, label=f"{full}, gamma {gamma}", make=compared, attrs={**sample.attrs, "gamma": gamma})
    return replace(sample, label=str(full), make=compared)


def recurrent(rng: Draw, op: str) -> Case:
    reset = {"reset": pick(rng, *RESETS)} if op == "gru" else {}
    state, gate = pick(rng, *ACTIVATIONS, ACTIVATIONS[0], ACTIVATIONS[0])
    sizes = (pick(rng, *CHANNELS), small(rng, 9), pick(rng, *CHANNELS))
    return cell(op, str(sizes), sizes, bool(rng.integers(2)), **reset, reverse=bool(rng.integers(2)), state_activation=state,
                gate_activation=gate)


def attention(rng: Draw, op: str) -> Case:
    """Over time or space, of as many keys as queries or not, with a mask, lengths, both or none."""
    axis, causal, heads = pick(rng, TIME, SPACE), bool(rng.integers(2)), small(rng, 4)
    queries = small(rng, 40)
    keys = queries if causal else small(rng, 40)
    narrow, wide = heads * small(rng, 6), heads * small(rng, 6)
    kinds = pick(rng, (), (), ("mask",), *([("lengths",), ("mask", "lengths")] if axis == TIME else []))

    def make(r: Draw, n: int) -> Inputs:
        return (data(r, axis, narrow, queries, n), data(r, axis, narrow, keys, n), data(r, axis, wide, keys, n),
                *extras(r, kinds, axis, keys, n))
    return Case(op, f"{queries}×{keys} {narrow} {wide} channels, {heads} heads, {kinds}", make,
                {"axis": axis, "heads": heads, "scale": 0.7, "causal": causal}, differentiable=(0, 1, 2),
                batched=tuple(range(3 + len(kinds))))


def family(op: str) -> Callable[[Draw, str], Case]:
    if ("max_pool" in op and not op.startswith("global")) or op in ("avg_pool", "max_unpool", "max_unpool_taps"):
        return pooling
    if op == "grouped_conv" or op.startswith("conv"):
        return convolution
    if op in ("lstm", "gru"):
        return recurrent
    if op == "attention":
        return attention
    if op.endswith(("entropy", "mse", "mse_of_sequences", "dice")):
        return loss
    return normalisation if "norm" in op and op not in ("input_normalise", "undo_normalise") else plain
