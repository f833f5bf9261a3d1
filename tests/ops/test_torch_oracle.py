"""Every op that PyTorch has, too, forward and backward in float32 against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dltoolbox.ops import OPS, as_tuple
from tests.ops.sample import Case
from tests.ops.samples import CASES, TRANSPOSED, WINDOWS, cotangent, gradients
from tests.torch_losses import dice, focal

pytestmark = pytest.mark.oracle

Tensor = torch.Tensor


def there(x: np.ndarray) -> Tensor:
    """S…CB → BCS…; vectors of features stay as they are, transposed."""
    return torch.from_numpy(np.array(x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))))


def back(t: Tensor) -> np.ndarray:
    """BCS… → S…CB."""
    return t.detach().numpy().transpose(*range(2, t.ndim), 1, 0)


def filters(weights: Tensor) -> Tensor:
    """S…CK → KCS…, which serves both kinds of convolution (the transposed one reads it as input × output)."""
    return weights.permute(weights.ndim - 1, weights.ndim - 2, *range(weights.ndim - 2))


def data(x: Tensor) -> Tensor:
    return x.permute(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def undata(x: Tensor) -> Tensor:
    return x.permute(*range(2, x.ndim), 1, 0)


def padded(x: Tensor, window: Any, value: float) -> Tensor:
    """PyTorch pads symmetrically only, so padding is made beforehand."""
    pairs = [n for pair in reversed(window.padding) for n in pair]
    return F.pad(x, pairs, value=value)


def max_pool(x: Tensor, *, window: Any) -> tuple[Tensor, Tensor]:
    """Values and indices into the unpadded input; -1 where there is nothing but padding."""
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[window.rank - 1]
    spatial = x.shape[:window.rank]
    big = padded(data(x), window, -np.inf)
    y, at = pool(big, window.size, window.stride, 0, window.dilation, return_indices=True)
    coordinates = np.unravel_index(at.numpy(), big.shape[2:])
    inside = [c - p[0] for c, p in zip(coordinates, window.padding, strict=True)]
    index = np.ravel_multi_index(tuple(inside), spatial, mode="clip")
    return undata(y), undata(torch.from_numpy(np.where(y.detach().numpy() == -np.inf, -1, index)))


def mean_pool(x: Tensor, *, window: Any, counted: Any = None, divisor: float | None = None) -> Tensor:
    """Sums by a depthwise convolution, so that dilation is covered, divided by the counts."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[window.rank - 1]
    big, ones = padded(data(x), window, 0), torch.ones_like(data(x))
    if counted is not None:
        ones = F.pad(ones, [n for pair in reversed(counted) for n in pair], value=1)
        rest = [(a - c, b - d) for (a, b), (c, d) in zip(window.padding, counted, strict=True)]
        counted = F.pad(ones, [n for pair in reversed(rest) for n in pair])
    else:
        counted = padded(ones, window, 1)
    kernel = torch.ones((big.shape[1], 1, *window.size), dtype=x.dtype)
    total, count = (convolve(t, kernel, None, window.stride, 0, window.dilation, big.shape[1]) for t in (big, counted))
    return undata(total / (divisor or count.clamp(min=1)))


def expected_pool(x: Tensor, *, window: Any) -> Tensor:
    """The mean of squares over the mean."""
    squares, sums = (mean_pool(each, window=window) for each in (x.relu() ** 2, x.relu()))
    return torch.where(sums == 0, sums, squares / torch.where(sums == 0, 1, sums))


def conv(x: Tensor, weights: Tensor, bias: Tensor, *, window: Any) -> Tensor:
    convolve = (F.conv1d, F.conv2d, F.conv3d)[window.rank - 1]
    return undata(convolve(padded(data(x), window, 0), filters(weights), bias.reshape(-1), window.stride, 0,
                           window.dilation))


def grouped_conv(x: Tensor, weights: Tensor, bias: Tensor, *, window: Any) -> Tensor:
    convolve = (F.conv1d, F.conv2d, F.conv3d)[window.rank - 1]
    *spatial, channels, _, groups = range(weights.ndim)
    by_filter = weights.permute(groups, groups - 1, channels, *spatial).flatten(0, 1)
    return undata(convolve(padded(data(x), window, 0), by_filter, bias.reshape(-1, weights.shape[groups]).T.flatten(),
                           window.stride, 0, window.dilation, weights.shape[groups]))


def conv_transposed(x: Tensor, weights: Tensor, bias: Tensor, *, window: Any) -> Tensor:
    convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[window.rank - 1]
    whole = convolve(data(x), filters(weights), None, window.stride, 0, 0, 1, window.dilation)
    return undata(padded(whole, negated(window), 0)) + bias.reshape(-1, 1)


def negated(window: Any) -> Any:
    """The window whose padding cuts off what cropping cuts off."""
    return type(window)(window.size, window.stride, tuple((-a, -b) for a, b in window.padding), window.dilation)


def unpool(x: Tensor, indices: Tensor, size: Tensor, *, to: Any) -> Tensor:
    spatial = [int(n) for n in size[:to.rank]]
    flat = torch.zeros((int(np.prod(spatial)) + 1, *x.shape[to.rank:]), dtype=x.dtype)  # the last for what goes nowhere
    flat = flat.scatter(0, indices.flatten(0, to.rank - 1) % len(flat), x.flatten(0, to.rank - 1))
    return flat[:-1].reshape(*spatial, *x.shape[to.rank:])


def batch_norm(x: Tensor, scale: Tensor, offset: Tensor, *, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    y = F.batch_norm(data(x), None, None, scale.reshape(-1), offset.reshape(-1), training=True, eps=epsilon)
    others = [i for i in range(x.ndim) if i != x.ndim - 2]
    return undata(y), x.mean(others).reshape(scale.shape), x.var(others, correction=0).reshape(scale.shape)


def normalise(x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, variance: Tensor, *, epsilon: float) -> Tensor:
    return undata(F.batch_norm(data(x), mean.reshape(-1), variance.reshape(-1), scale.reshape(-1), offset.reshape(-1),
                               eps=epsilon))


def dense(x: Tensor, weights: Tensor, bias: Tensor, *, rank: int = 0) -> Tensor:
    columns = x.permute(*range(x.ndim - 2, -1, -1), x.ndim - 1).flatten(0, -2)
    return F.linear(columns.T, weights, bias.reshape(-1)).T[(None,) * rank]


def likelihood(logs: Tensor, t: Tensor, weights: Any) -> Tensor:
    """Mean over the labelled positions, not over their weights."""
    classes = torch.where(t.sum(-2) > 0, t.argmax(-2), -100)
    chosen = None if weights is None else torch.tensor(weights, dtype=logs.dtype)
    rows = logs.movedim(-2, -1).flatten(0, -2)
    total = F.nll_loss(rows, classes.flatten(), chosen, ignore_index=-100, reduction="sum")
    return total / (classes >= 0).sum()


def cross_entropy(y: Tensor, t: Tensor, *, weights: Any) -> Tensor:
    return likelihood(y.log(), t, weights)


def softmax_cross_entropy(x: Tensor, t: Tensor, *, weights: Any) -> tuple[Tensor, Tensor]:
    return likelihood(x.log_softmax(-2), t, weights), x.softmax(-2)


def softmax_focal(x: Tensor, t: Tensor, *, alpha: float, gamma: float) -> tuple[Tensor, Tensor]:
    return focal(x.softmax(-2), t, alpha, gamma), x.softmax(-2)


def reduce_loss(x: Tensor, weights: Tensor, mask: Tensor, *, divisor: float, total: bool) -> Tensor:
    terms = torch.where(mask, x * weights, 0.0) / divisor
    return terms.sum() if total else terms


def expanded(values: Tensor, x: Tensor) -> Tensor:
    """With a size of 1 for every trailing axis that is missing."""
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim))


def cross_channel_norm(x: Tensor, *, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """PyTorch's even windows reach further back, MATLAB's further forward."""
    flat = x.reshape(-1, *x.shape[-2:]).permute(2, 1, 0)
    y = F.local_response_norm(flat.flip(1), size, alpha, beta, k).flip(1)
    return y.permute(2, 1, 0).reshape(x.shape)


def group_norm(x: Tensor, scale: Tensor, offset: Tensor, *, groups: int, epsilon: float, spatial: bool = True) -> Tensor:
    flat = data(x) if spatial else x.movedim(-2, -1).flatten(0, -2)
    y = F.group_norm(flat, groups, scale.flatten(), offset.flatten(), epsilon)
    return undata(y) if spatial else y.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2]).movedim(-1, -2)


def crop(x: Tensor, *, start: Any, to: Any) -> Tensor:
    for axis, (at, n) in enumerate(zip(start, to, strict=True)):
        x = x.narrow(axis, at, n)
    return x


def interpolation(method: str, transform: str, rounding: str, rank: int = 2) -> str | None:
    """PyTorch's word for a way to resize, where it has one."""
    words = {("nearest", "half-pixel", "round"): "nearest-exact", ("nearest", "asymmetric", "floor"): "nearest",
             ("linear", "half-pixel", "round"): "bilinear" if rank == 2 else "trilinear"}
    return words.get((method, transform, rounding))


def resize(x: Tensor, *, to: Any, factors: Any, **way: str) -> Tensor:
    mode = interpolation(**way, rank=len(to))
    return undata(F.interpolate(data(x), scale_factor=[float(f) for f in factors], mode=mode))


def adaptive_avg_pool(x: Tensor, *, to: Any) -> Tensor:
    return undata((F.adaptive_avg_pool2d if len(to) == 2 else F.adaptive_avg_pool3d)(data(x), to))


def depth_to_space(x: Tensor, *, block: Any, order: str) -> Tensor:
    """By blocks of indices: `pixel_shuffle` knows square blocks in the order 'crd' only."""
    taps = list(np.ndindex(*block))
    channels = x.shape[-2] // len(taps)
    at = np.arange(x.shape[-2]).reshape((len(taps), channels) if order == "dcr" else (channels, len(taps)))
    parts = [x[..., list(one), :] for one in (at if order == "dcr" else at.T)]
    y = torch.zeros((*(n * b for n, b in zip(x.shape, block, strict=False)), channels, x.shape[-1]), dtype=x.dtype)
    for tap, part in zip(taps, parts, strict=True):
        y[tuple(slice(t, None, b) for t, b in zip(tap, block, strict=True))] = part
    return y


def complex_channels(x: Tensor) -> Tensor:
    return torch.complex(x[..., 0::2, :], x[..., 1::2, :])


def zrelu(x: Tensor) -> Tensor:
    z = complex_channels(x)
    kept = torch.where((z.real >= 0) & (z.imag >= 0), z, torch.zeros_like(z))
    return torch.stack([kept.real, kept.imag], -2).flatten(-3, -2)


def complex_dense(x: Tensor, weights: Tensor, bias: Tensor, *, rank: int, real: bool) -> Tensor:
    z = x + 0j if real else complex_channels(x)
    flat = z.permute(*range(z.ndim - 2, -1, -1), z.ndim - 1).flatten(0, -2)
    y = torch.view_as_real(torch.view_as_complex(weights) @ flat + torch.view_as_complex(bias))
    return y.permute(0, 2, 1).flatten(0, 1)[(None,) * rank]


def spectral_conv(x: Tensor, weights: Tensor, *, modes: Any) -> Tensor:
    """Real filters whose spectrum is given at some frequencies, in all of S…CB."""
    some, dims = torch.view_as_complex(weights), tuple(range(x.ndim - 2 - len(modes), x.ndim - 2))
    some = some.reshape(*[1] * (x.ndim - some.ndim), *some.shape)
    filters = torch.zeros((*x.shape[:-2], *some.shape[-2:]), dtype=some.dtype)
    filters[tuple(map(slice, some.shape[:-2]))] = some
    opposite = filters.flip(dims).roll([1] * len(dims), dims).conj()
    share = torch.ones(x.shape[:-2])
    share[(0,) * (x.ndim - 2)] = 0.5
    both = (filters + opposite) * share[..., None, None]
    found = torch.einsum("...cb,...ck->...kb", torch.fft.fftn(x + 0j, dim=dims), both)
    return torch.fft.ifftn(found, dim=dims).real


def space_to_depth(x: Tensor, *, block: Any) -> Tensor:
    ends = [n // b * b for n, b in zip(x.shape, block, strict=False)]
    return torch.cat([x[tuple(slice(t, end, b) for t, end, b in zip(tap, ends, block, strict=True))]
                      for tap in np.ndindex(*block)], -2)


def stepwise(x: Tensor, axis: int, heads: int = 1) -> Tensor:
    """B × heads × steps × channels."""
    moved = x.movedim(-1, 0) if axis == -3 else x.movedim(-1, 0).transpose(1, 2)
    return moved.unflatten(2, (heads, -1)).transpose(1, 2)


def unstepwise(x: Tensor, axis: int) -> Tensor:
    y = x.transpose(1, 2).flatten(2)
    return (y if axis == -3 else y.transpose(1, 2)).movedim(0, -1)


def kept_keys(q: Tensor, k: Tensor, extras: Any, axis: int, causal: bool) -> Tensor:
    """B × 1 × queries × keys."""
    keys = torch.arange(k.shape[2])
    kept = torch.ones(q.shape[0], 1, q.shape[2], k.shape[2], dtype=torch.bool)
    if causal:
        kept = kept & (keys <= torch.arange(q.shape[2])[:, None])
    for extra in extras:
        kept = kept & (keys < extra[:, None, None, None] if extra.ndim == 1 else extra.permute(3, 2, 1, 0) != 0
                       if extra.ndim == 4 else stepwise(extra, axis).transpose(2, 3) != 0)
    return kept


def attention(q: Tensor, k: Tensor, v: Tensor, *extras: Tensor, axis: int, heads: int, scale: float,
              causal: bool) -> Tensor:
    q, k, v = (stepwise(x, axis, heads) for x in (q, k, v))
    kept = kept_keys(q, k, extras, axis, causal)
    some = kept.any(-1, keepdim=True)  # where there is no key, the mean of none is zero
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=kept | ~some, scale=scale)
    return unstepwise(torch.where(some, y, 0.0), axis)


def attention_scores(q: Tensor, k: Tensor, *extras: Tensor, axis: int, heads: int, scale: float, causal: bool) -> Tensor:
    q, k = (stepwise(x, axis, heads) for x in (q, k))
    kept = kept_keys(q, k, extras, axis, causal)
    some = kept.any(-1, keepdim=True)
    scores = (q @ k.transpose(2, 3) * scale).masked_fill(~(kept | ~some), -torch.inf).softmax(-1)
    return torch.where(some, scores, 0.0).permute(3, 2, 1, 0)


def attend(q: Tensor, scores: Tensor, v: Tensor, *, axis: int) -> Tensor:
    return unstepwise(scores.permute(3, 2, 1, 0) @ stepwise(v, axis, scores.shape[2]), axis)


def embed(x: Tensor, weights: Tensor, *, known: int, first: int = 1, mask: int | None = None) -> Tensor:
    index = x[..., 0, :].long()
    index = torch.where((index >= first) & (index <= known), index - first, weights.shape[1] - 1)
    return F.embedding(index, weights.T, padding_idx=None if mask is None else mask - first).movedim(-1, -2)


def undo_normalise(x: Tensor, first: Tensor, *second: Tensor, kind: str) -> Tensor:
    first, *second = (expanded(one, x) for one in (first, *second))
    if kind == "zerocenter":
        return x + first
    if kind == "zscore":
        return torch.addcmul(first, x, second[0])
    return torch.lerp(first, second[0], x if kind == "rescale-zero-one" else (x + 1) / 2)


def position_embedding(x: Tensor, weights: Tensor, *, axis: int) -> Tensor:
    table = F.embedding(torch.arange(x.shape[axis]), weights.T)
    shape = (*x.shape[:-3], *(table.T if axis == -2 else table).shape, x.shape[-1])
    return (table.T if axis == -2 else table)[..., None].expand(shape)


def sinusoid(x: Tensor, *, size: int) -> Tensor:
    angles = x / 10_000 ** (torch.arange(0, size, 2) / size)[:, None]
    return torch.stack([angles.sin(), angles.cos()], -2).flatten(-3, -2)


def pick(x: Tensor, *extras: Tensor, axis: int, which: str) -> Tensor:
    steps = x.movedim(axis, 0)
    found = []
    for b in range(x.shape[-1]):
        real = list(range(len(steps)))
        for extra in extras:
            real = [t for t in real if (t < extra[b] if extra.ndim == 1 else extra.movedim(axis, 0)[t, 0, b] != 0)]
        found.append(steps[real[0 if which == "first" else -1], :, b] if real else torch.zeros_like(steps[0, :, b]))
    return torch.stack(found, -1)


def flatten_positions(x: Tensor, *, order: str) -> Tensor:
    rank = x.ndim - 2
    return (x.permute(*range(rank - 1, -1, -1), rank, rank + 1) if order == "column-major" else x).flatten(0, rank - 1)


MEANINGS: dict[str, Callable[..., Any]] = {
    "attention": attention,
    "attention_scores": attention_scores,
    "attend": attend,
    "project": lambda x, weights, bias: weights @ x + bias.reshape(-1, 1),
    "embed": embed,
    "undo_normalise": undo_normalise,
    "position_embedding": position_embedding,
    "sinusoid": sinusoid,
    "position_sinusoid": lambda x, *, size, axis: position_embedding(
        x, sinusoid(torch.arange(1.0, x.shape[axis] + 1)[None], size=size), axis=axis),
    "prepend": lambda x, vector: torch.cat([vector.expand(*x.shape[:-3], 1, -1, x.shape[-1]), x], -3),
    "pick_step": pick,
    "flatten_positions": flatten_positions,
    "max_pool": lambda x, **attrs: max_pool(x, **attrs)[0],
    "max_pool_indices": max_pool,
    "avg_pool": mean_pool,
    "expected_pool": expected_pool,
    "conv": conv,
    "grouped_conv": grouped_conv,
    "conv_transposed": conv_transposed,
    "max_unpool": unpool,
    "dense": dense,
    "batch_norm": batch_norm,
    "batch_norm_inference": normalise,
    "relu": F.relu,
    "leaky_relu": lambda x, *, scale: F.leaky_relu(x, scale),
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "swish": F.silu,
    "clipped_relu": lambda x, *, ceiling: F.hardtanh(x, 0, ceiling),
    "elu": lambda x, *, alpha: F.elu(x, alpha),
    "softplus": F.softplus,
    "gelu": lambda x, *, approximation: F.gelu(x, approximate=approximation),
    "prelu": lambda x, alpha: torch.where(x > 0, x, expanded(alpha, x) * x),
    "affine": lambda x, scale, bias: x * expanded(scale, x) + expanded(bias, x),
    "flatten": lambda x: x.permute(*range(x.ndim - 2, -1, -1), x.ndim - 1).flatten(0, -2),
    "reshape": lambda x, *, to: x.permute(*range(x.ndim - 1, -1, -1)).reshape(x.shape[-1], *to[::-1]).permute(
        *range(len(to), -1, -1)),
    "permute": lambda x, *, order: x.permute(*order, -1),
    "quadratic_monomials": lambda x: torch.stack([x[..., i, :] * x[..., j, :] for j in range(x.shape[-2])
                                                  for i in range(j + 1)], -2),
    "channel_shuffle": lambda x, *, groups: undata(F.channel_shuffle(data(x)[..., None], groups)[..., 0]),
    "softmax": lambda x: x.softmax(-2),
    "add": lambda *xs: sum(xs[1:], xs[0]),
    "without_time": lambda x: x[..., 0, :],
    "append_spatial_dims": lambda x, *, rank: x[(..., *[None] * (rank + 2 - x.ndim), slice(None), slice(None))],
    "group_norm": group_norm,
    "crop": crop,
    "depth_to_space": depth_to_space,
    "space_to_depth": space_to_depth,
    "resize": resize,
    "adaptive_avg_pool": adaptive_avg_pool,
    "halves": lambda x: x.tensor_split(2),
    "times_transposed": lambda a, b: a @ b.T,
    "linear_sum": lambda *xs, weights: sum(x * weight for x, weight in zip(xs, weights, strict=True)),
    "multiply": lambda *xs: reduce(torch.mul, xs),
    "cross_channel_norm": cross_channel_norm,
    "concat": lambda *xs, axis: torch.cat(xs, axis),
    "global_avg_pool": lambda x: x.mean(tuple(range(x.ndim - 2)), keepdim=True),
    "global_max_pool": lambda x: x.amax(tuple(range(x.ndim - 2)), keepdim=True),
    "cross_entropy": cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
    "focal_cross_entropy": focal,
    "softmax_focal_cross_entropy": softmax_focal,
    "generalised_dice": dice,
    "elementwise_cross_entropy": lambda y, t, independent: (
        F.binary_cross_entropy(y, t, reduction="none") if independent else -t * y.log()),
    "elementwise_huber": lambda y, t, transition: F.huber_loss(y, t, reduction="none", delta=transition),
    "elementwise_l1": lambda y, t: F.l1_loss(y, t, reduction="none"),
    "elementwise_l2": lambda y, t: F.mse_loss(y, t, reduction="none"),
    "reduce_loss": reduce_loss,
    "spectral_conv": spectral_conv, "zrelu": zrelu, "complex_dense": complex_dense,
    "half_mse": lambda y, t: F.mse_loss(y, t, reduction="sum") / (2 * y.shape[-1]),
}


def comparable() -> Iterator[Case]:
    for case in CASES:
        # of repeated indices PyTorch keeps any one; see the named tests
        way = {name: case.attrs[name] for name in ("method", "transform", "rounding")} if case.op == "resize" else None
        known = way is None or interpolation(**way) is not None  # the other ways are judged by ONNX
        if case.op in MEANINGS and known and not (case.op == "max_unpool" and WINDOWS[case.label][1].overlapping):
            yield case


@pytest.mark.parametrize("case", tuple(comparable()), ids=str)
def test_agrees_with_pytorch(case: Case) -> None:
    batch = 3
    inputs = case.inputs(batch, np.float32)
    ours = as_tuple(OPS[case.op].forward(*inputs, **case.attributes(batch)))
    tensors = [torch.from_numpy(np.array(x)).requires_grad_(i in case.differentiable) for i, x in enumerate(inputs)]
    theirs = as_tuple(MEANINGS[case.op](*tensors, **case.attributes(batch)))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-4, atol=1e-5)
    grads = cotangent(case, ours)
    if not case.differentiable:
        return
    theirs[0].backward(torch.from_numpy(grads[0]))
    found = gradients(case, inputs, grads, batch)
    for number in case.differentiable:
        expected = tensors[number].grad.numpy()
        np.testing.assert_allclose(found[number], expected, rtol=1e-4, atol=1e-4 * max(np.abs(expected).max(), 1e-3))


def test_what_pytorch_cannot_judge_is_listed() -> None:
    no_equivalent = {"input_normalise", "pad_edges", "function", "function_of_sequences", "dropout", "spatial_dropout",
                     "size_of", "max_pool_taps", "max_unpool_taps", "custom", "custom_loss",
                     "stochastic_pool"}
    in_other_files = {name for name, op in OPS.items() if ".sequences." in type(op).__module__} | {
        "half_mse_of_sequences", "masked_batch_norm", "masked_group_norm", "count_values", "spectral_conv_of_lengths"}
    assert set(MEANINGS) | no_equivalent | in_other_files == set(OPS)


@pytest.mark.parametrize("fill", ["ties", "nan", "zeros"])
@pytest.mark.parametrize("label", [k for k, (_, w) in WINDOWS.items() if not w.padded])
def test_ties_and_nan_go_where_pytorch_sends_them(label: str, fill: str) -> None:
    spatial, window = WINDOWS[label]
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (*spatial, 2, 3)).astype(np.float32) * (fill != "zeros")
    if fill == "nan":
        x[rng.random(x.shape) < 0.05] = np.nan
    y, indices = OPS["max_pool_indices"].forward(x, window=window)
    theirs, at = max_pool(torch.from_numpy(x), window=window)
    np.testing.assert_array_equal(y, theirs.numpy())
    first = ~np.isnan(y)  # of several NaN PyTorch keeps the last; the first is our rule, as for any tie
    np.testing.assert_array_equal(indices[first], at.numpy()[first])


@pytest.mark.parametrize("label", [k for k, (_, w) in TRANSPOSED.items() if all(a == b for a, b in w.padding)])
def test_transposed_convolution_agrees_with_the_module(label: str) -> None:
    """Through the public module, which crops symmetrically only."""
    spatial, window = TRANSPOSED[label]
    module = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)[window.rank - 1]
    layer = module(4, 3, window.size, window.stride, tuple(p[0] for p in window.padding), dilation=window.dilation)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((*spatial, 4, 2)).astype(np.float32)
    weights = layer.weight.detach().numpy()
    ours = OPS["conv_transposed"].forward(x, weights.transpose(*range(2, weights.ndim), 1, 0),
                                          layer.bias.detach().numpy(), window=window)
    np.testing.assert_allclose(ours, back(layer(there(x))), rtol=1e-4, atol=1e-5)
