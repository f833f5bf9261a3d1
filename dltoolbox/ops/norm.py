"""Batch normalisation, with the statistics of the batch (training) or with stored ones (inference), normalisation of
groups of channels, and by neighbouring channels.

Sources: Ioffe and Szegedy, "Batch Normalization" (2015), algorithms 1 and 2; Wu and He, "Group Normalization" (2018);
Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), section 3.3.
The gradients are the usual closed forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.ops.base import BOTH, IN, Arrays, Attributes, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way
from dltoolbox.ops.windows.spans import plus, reduced, seen

WIDE = 32  # channels, beyond which adding them one by one takes longer


def all_but_channels(x: np.ndarray) -> tuple[int, ...]:
    """Every axis but the channels."""
    return (*range(x.ndim - 2), x.ndim - 1)


def per_channel(values: np.ndarray) -> np.ndarray:
    """A channel vector of any of MATLAB's shapes, shaped to broadcast against S…CB."""
    return values.reshape(-1, 1)


@op
class batch_norm(Op):
    """scale·(x − mean)/√(variance + ε) + offset with the batch's own (biased) statistics; also returns them."""

    saved_for_backward = BOTH
    by_observation = False
    divisible = True
    any_way = True
    across = Across(ways=(Way.FOLD, Way.SPACE), takes="mask", op="masked_batch_norm")

    def infer(self, x: Dims, scale: Dims, offset: Dims, *, epsilon: float) -> tuple[Dims, Dims, Dims]:
        return x, scale, scale

    def together(self, x: Dims, **attrs: object) -> int | None:
        return None if x.batch is None or None in x.spatial else prod(x.spatial) * x.batch

    def forward(self, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, *,
                epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean = x.mean(all_but_channels(x), keepdims=True, dtype=np.float64)  # two passes in double: safe for |mean| ≫ std
        variance = np.square(x - mean).mean(all_but_channels(x), keepdims=True)
        y = (x - mean) / np.sqrt(variance + epsilon) * per_channel(scale) + per_channel(offset)
        shape = scale.shape
        return y.astype(x.dtype), mean.reshape(shape).astype(x.dtype), variance.reshape(shape).astype(x.dtype)

    def backward(self, call: Call, grad: np.ndarray, d_mean: np.ndarray | None, d_variance: np.ndarray | None, *,
                 epsilon: float) -> Gradients:
        """In networks no gradient comes from the statistics; functions of arrays may go on computing with them."""
        (x, scale, offset), (_, mean, variance) = call.inputs, call.outputs
        deviation = np.sqrt(per_channel(variance) + np.asarray(epsilon, x.dtype))
        normal = (x - per_channel(mean)) / deviation
        d_offset = sum_over(grad, all_but_channels(x))
        d_scale = sum_over(grad * normal, all_but_channels(x))
        count = max(x.size // max(x.shape[-2], 1), 1)
        dx = per_channel(scale) / deviation * (
            grad - per_channel(d_offset) / count - normal * per_channel(d_scale) / count)
        if d_mean is not None and d_mean.any():
            dx = dx + per_channel(d_mean) / count
        if d_variance is not None and d_variance.any():
            dx = dx + (x - per_channel(mean)) * per_channel(d_variance) * 2 / count
        return dx.astype(x.dtype), d_scale.reshape(scale.shape), d_offset.reshape(offset.shape)


@op
class masked_batch_norm(Op):
    """`batch_norm` with the statistics of what stands where a mask, which is as wide as one channel, is 1; it is 0
    elsewhere.
    """

    saved_for_backward = BOTH
    by_observation = False
    divisible = True

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        *others, mask = super().example(rng, inputs, dtypes, attrs)
        return *others, np.ones_like(mask)

    def infer(self, x: Dims, scale: Dims, offset: Dims, mask: Dims, *, epsilon: float) -> tuple[Dims, Dims, Dims]:
        return x, scale, scale

    def forward(self, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mask: np.ndarray, *,
                epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        axes, count = all_but_channels(x), self.count(x, mask)
        mean = (x * mask).sum(axes, keepdims=True, dtype=np.float64) / count
        variance = np.square((x - mean) * mask).sum(axes, keepdims=True) / count
        y = ((x - mean) / np.sqrt(variance + epsilon) * per_channel(scale) + per_channel(offset)) * mask
        shape = scale.shape
        return y.astype(x.dtype), mean.reshape(shape).astype(x.dtype), variance.reshape(shape).astype(x.dtype)

    def backward(self, call: Call, grad: np.ndarray, *_: None, epsilon: float) -> Gradients:
        (x, scale, offset, mask), (_, mean, variance) = call.inputs, call.outputs
        grad = grad * mask
        deviation = np.sqrt(per_channel(variance) + np.asarray(epsilon, x.dtype))
        normal = (x - per_channel(mean)) * mask / deviation
        d_offset = sum_over(grad, all_but_channels(x))
        d_scale = sum_over(grad * normal, all_but_channels(x))
        dx = per_channel(scale) / deviation * mask * (
            grad - (per_channel(d_offset) + normal * per_channel(d_scale)) / self.count(x, mask))
        return dx.astype(x.dtype), d_scale.reshape(scale.shape), d_offset.reshape(offset.shape), None

    @staticmethod
    def count(x: np.ndarray, mask: np.ndarray) -> float:
        """How many numbers of a channel count."""
        return float(mask.sum(dtype=np.float64) * (x.size // (x.shape[-2] * max(mask.size, 1))))


@op
class count_values(Op):
    """How many numbers every channel of an observation has, as 1×B; where a mask is 0, none count."""

    across = Across(ways=(Way.FOLD,), takes="mask")
    differentiable = False

    def infer(self, x: Dims, *mask: Dims) -> Dims:
        return Dims.of("CB", 1, x.batch)

    def forward(self, x: np.ndarray, *mask: np.ndarray) -> np.ndarray:
        each = x.size // max(x.shape[-2] * x.shape[-1], 1)
        counts: np.ndarray = each * (mask[0] if mask else np.ones((1, x.shape[-1]), x.dtype))
        return counts


@op
class batch_norm_inference(Op):
    """scale·(x − mean)/√(variance + ε) + offset with stored statistics."""

    saved_for_backward = IN
    divisible = True
    any_way = True

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        *others, variance = super().example(rng, inputs, dtypes, attrs)
        return *others, np.square(variance)

    def infer(self, x: Dims, scale: Dims, offset: Dims, mean: Dims, variance: Dims, *, epsilon: float) -> Dims:
        return x

    def forward(self, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mean: np.ndarray, variance: np.ndarray, *,
                epsilon: float) -> np.ndarray:
        factor = scale / np.sqrt(variance + np.asarray(epsilon, variance.dtype))
        values: np.ndarray = x * per_channel(factor) + per_channel(offset - mean * factor)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, epsilon: float) -> Gradients:
        x, scale, offset, mean, variance = call.inputs
        deviation = np.sqrt(variance + np.asarray(epsilon, variance.dtype))
        normal = (x - per_channel(mean)) / per_channel(deviation)
        d_scale = sum_over(grad * normal, all_but_channels(x)).reshape(scale.shape)
        d_offset = sum_over(grad, all_but_channels(x)).reshape(offset.shape)
        of_mean, of_variance = call.needs_input_grad[3:]  # in networks neither; functions of arrays may ask
        return (grad * per_channel(scale / deviation), d_scale, d_offset,
                -(d_offset * (scale / deviation)).reshape(mean.shape) if of_mean else None,
                (d_scale * scale / deviation ** 2 / -2).reshape(variance.shape) if of_variance else None)


@op
class group_norm(Op):
    """scale·(x − mean)/√(variance + ε) + offset with the (biased) statistics of each group of channels of an observation.

    ``spatial`` says whether they are taken over the spatial axes as well, or for every position by itself.
    """

    saved_for_backward = IN
    divisible = True
    across = Across(takes="mask", op="masked_group_norm")

    def infer(self, x: Dims, scale: Dims, offset: Dims, *, groups: int, epsilon: float, spatial: bool = True) -> Dims:
        return x

    def together(self, x: Dims, *, groups: int, spatial: bool = True, **attrs: object) -> int | None:
        if spatial and None in x.spatial:
            return None
        return x.channels // groups * (prod(x.spatial) if spatial else 1)

    def forward(self, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, *, groups: int, epsilon: float,
                spatial: bool = True) -> np.ndarray:
        values: np.ndarray = self.normal(x, groups, epsilon, spatial)[0] * per_channel(scale) + per_channel(offset)
        return values

    def backward(self, call: Call, grad: np.ndarray, *, groups: int, epsilon: float, spatial: bool = True) -> Gradients:
        x, scale, offset = call.inputs
        normal, deviation, axes = self.normal(x, groups, epsilon, spatial)
        along = sum_over(grad * normal, all_but_channels(x))
        dn, n = (in_groups(array, groups) for array in (grad * per_channel(scale), normal))
        dx = (dn - dn.mean(axes, keepdims=True) - n * (dn * n).mean(axes, keepdims=True)) / deviation
        total = sum_over(grad, all_but_channels(x))
        return dx.reshape(x.shape).astype(x.dtype), along.reshape(scale.shape), total.reshape(offset.shape)

    @staticmethod
    def normal(x: np.ndarray, groups: int, epsilon: float, spatial: bool) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        """x of mean 0 and variance 1, its deviation by group, and the axes of a group."""
        parts = in_groups(x, groups)
        axes = (*range(x.ndim - 2 if spatial else 0), x.ndim - 1)
        mean = parts.mean(axes, keepdims=True, dtype=np.float64)  # two passes in double: safe for |mean| ≫ std
        deviation = np.sqrt(np.square(parts - mean).mean(axes, keepdims=True) + epsilon)
        return ((parts - mean) / deviation).reshape(x.shape).astype(x.dtype), deviation, axes


@op
class masked_group_norm(Op):
    """`group_norm` with the statistics of what stands where a mask (…1×B) is 1; it is 0 elsewhere."""

    saved_for_backward = IN
    way = Way.SPACE

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        *others, mask = super().example(rng, inputs, dtypes, attrs)
        return *others, np.ones_like(mask)

    def infer(self, x: Dims, scale: Dims, offset: Dims, mask: Dims, *, groups: int, epsilon: float,
              spatial: bool = True) -> Dims:
        return x

    def forward(self, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mask: np.ndarray, *, groups: int, epsilon: float,
                spatial: bool = True) -> np.ndarray:
        parts = in_groups(x, groups)
        mean, deviation, *_ = self.statistics(parts, mask, epsilon, spatial)
        normal = ((parts - mean) / deviation).reshape(x.shape)
        return np.asarray((normal * per_channel(scale) + per_channel(offset)) * mask, x.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, groups: int, epsilon: float, spatial: bool = True) -> Gradients:
        x, scale, offset, mask = call.inputs
        grad = grad * mask
        parts, dn = in_groups(x, groups), in_groups(grad * per_channel(scale), groups)
        mean, deviation, count, real, axes = self.statistics(parts, mask, epsilon, spatial)
        n = (parts - mean) * real / deviation
        dx = real / deviation * (dn - (dn.sum(axes, keepdims=True) + n * (dn * n).sum(axes, keepdims=True)) / count)
        along = sum_over(grad * n.reshape(x.shape).astype(x.dtype), all_but_channels(x))
        total = sum_over(grad, all_but_channels(x))
        return dx.reshape(x.shape).astype(x.dtype), along.reshape(scale.shape), total.reshape(offset.shape), None

    @staticmethod
    def statistics(parts: np.ndarray, mask: np.ndarray, epsilon: float, spatial: bool
                   ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
        """Mean, deviation and number of values by group, the mask of the parts, and the axes of a group. Position by
        position, all count.
        """
        real = mask[..., np.newaxis, :] if spatial else np.ones((), mask.dtype)
        axes = (*range(parts.ndim - 3 if spatial else 0), parts.ndim - 2)
        count = np.broadcast_to(real, parts.shape).sum(axes, keepdims=True, dtype=np.float64)
        mean = (parts * real).sum(axes, keepdims=True, dtype=np.float64) / count
        deviation = np.sqrt(np.square((parts - mean) * real).sum(axes, keepdims=True) / count + epsilon)
        return mean, deviation, count, real, axes


def in_groups(x: np.ndarray, groups: int) -> np.ndarray:
    """The channels as groups × channels of a group."""
    return x.reshape(*x.shape[:-2], groups, x.shape[-2] // groups, x.shape[-1])


def sum_over_channels(x: np.ndarray, back: int, forward: int) -> np.ndarray:
    """Σ over the channels from ``back`` before to ``forward`` behind each, as far as there are any."""
    total, channels = np.zeros_like(x), x.shape[-2]
    if back + forward > WIDE:
        spans = seen(Window.of((back + 1 + forward,), None, ((back, forward),)), 0, channels, channels)
        return reduced((x,), x.ndim - 2, spans, plus, (0,))[0]
    for shift in range(-min(back, channels), min(forward, channels) + 1):
        here = slice(max(-shift, 0), channels - max(shift, 0))
        total[..., here, :] += x[..., max(shift, 0):channels + min(shift, 0), :]
    return total


@op
class cross_channel_norm(Op):
    """x / (k + alpha/size·ss)^beta, where ss sums the squares over ``size`` channels around each.

    The window reaches ⌊(size − 1)/2⌋ channels back and ⌊size/2⌋ forward. At the edges fewer channels are summed, but the
    divisor stays.
    """

    saved_for_backward = IN

    def infer(self, x: Dims, *, size: int, alpha: float, beta: float, k: float) -> Dims:
        return x

    def forward(self, x: np.ndarray, *, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
        return np.asarray(x / self.base(x, size, alpha, k) ** beta)

    def backward(self, call: Call, grad: np.ndarray, *, size: int, alpha: float, beta: float, k: float) -> Gradients:
        (x,) = call.inputs
        base = self.base(x, size, alpha, k)
        direct = grad / base ** beta
        through = sum_over_channels(direct * x / base, size // 2, (size - 1) // 2)  # the window, seen from the other side
        return (direct - 2 * alpha / size * beta * x * through,)

    @staticmethod
    def base(x: np.ndarray, size: int, alpha: float, k: float) -> np.ndarray:
        return k + alpha / size * sum_over_channels(np.square(x), (size - 1) // 2, size // 2)
