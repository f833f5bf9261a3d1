"""Element-wise words: activations, sums, affine maps per channel, dropout; joining arrays, and products of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from math import prod

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import Dims, Size, times
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Reach
from dltoolbox.core.random import stream
from dltoolbox.core.unknown import UNKNOWN, agreed, is_known
from dltoolbox.ops.base import IN, OPS, OUT, Arrays, Attributes, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way


class SameSize(Op):
    """An op whose output has the sizes of its first input."""

    def infer(self, x: Dims, *others: Dims, **attrs: object) -> Dims:
        return x


class WithNumbers(SameSize):
    """An op of an array and of numbers that expand against it: for each channel, each place, or all."""

    divisible = True

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        """As long as the numbers fit."""
        return (half for half in super().halved(inputs, attrs) if all(
            n in (1, m) for numbers in half[0][1:] for n, m in zip(numbers.sizes, half[0][0].sizes, strict=False)))


@op
class relu(SameSize):
    """max(0, x)."""

    saved_for_backward = OUT
    divisible = True
    any_way = True

    def forward(self, x: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.maximum(x, 0)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        return (grad * (y > 0),)


@op
class leaky_relu(SameSize):
    """x where x ≥ 0, scale·x elsewhere."""

    saved_for_backward = IN
    divisible = True
    any_way = True

    def forward(self, x: np.ndarray, *, scale: float) -> np.ndarray:
        return np.where(x >= 0, x, x * np.asarray(scale, x.dtype))

    def backward(self, call: Call, grad: np.ndarray, *, scale: float) -> Gradients:
        (x,) = call.inputs
        return (np.where(x >= 0, grad, grad * np.asarray(scale, grad.dtype)),)


class Expanding(Op):
    """An op of two or more arrays of one size; dimensions of size 1 expand."""

    divisible = True

    def infer(self, *inputs: Dims) -> Dims:
        shown = [x for x in inputs if not x.hidden]
        return Dims(shown[0].labels, tuple(map(expanded_size, zip(*(x.sizes for x in shown), strict=True))))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> tuple[Reach, ...]:
        return tuple(Reach(step=0 if n == 1 < m else 1) for n, m in zip(x.spatial, y.spatial, strict=True))


def expanded_size(sizes: tuple[Size, ...]) -> Size:
    """The size that others expand to: the one that is not 1."""
    others = [n for n in sizes if not (is_known(n) and n == 1)]
    return agreed(*others) if others else 1


@op
class add(Expanding):
    """The sum."""

    any_way = True

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        total: np.ndarray = inputs[0] + inputs[1]
        for other in inputs[2:]:
            total = total + other
        return total

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return tuple(reduce_to(grad, x.shape) for x in call.inputs)


@op
class linear_sum(SameSize):
    """The sum of arrays of one size, each times a number."""

    divisible = True
    any_way = True

    def forward(self, *inputs: np.ndarray, weights: tuple[float, ...]) -> np.ndarray:
        total: np.ndarray = inputs[0] * inputs[0].dtype.type(weights[0])
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            total = total + x * x.dtype.type(weight)
        return total

    def backward(self, call: Call, grad: np.ndarray, *, weights: tuple[float, ...]) -> Gradients:
        return tuple(grad * grad.dtype.type(weight) for weight in weights)


@op
class multiply(Expanding):
    """The product."""

    saved_for_backward = IN

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return reduce(np.multiply, inputs)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return tuple(reduce_to(reduce(np.multiply, call.inputs[:i] + call.inputs[i + 1:], grad), x.shape)
                     for i, x in enumerate(call.inputs))


@op
class quadratic_monomials(Op):
    """Products of two channels: 1·1, 1·2, 2·2, 1·3, 2·3, 3·3, …, each pair once."""

    saved_for_backward = IN

    def infer(self, x: Dims) -> Dims:
        return x.with_size("C", x.channels * (x.channels + 1) // 2)

    def forward(self, x: np.ndarray) -> np.ndarray:
        second, first = np.tril_indices(x.shape[-2])
        products: np.ndarray = x[..., first, :] * x[..., second, :]
        return products

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        dx = np.zeros_like(x)
        for n in range(x.shape[-2]):
            pairs = grad[..., n * (n + 1) // 2:(n + 1) * (n + 2) // 2, :]
            dx[..., :n + 1, :] += pairs * x[..., n:n + 1, :]
            dx[..., n, :] += (pairs * x[..., :n + 1, :]).sum(-2)
        return (dx,)


@op
class times_transposed(Op):
    """a·bᵀ of two matrices of parameters."""

    saved_for_backward = IN

    def infer(self, a: Dims, b: Dims) -> Dims:
        return Dims(a.labels, (a.sizes[0], b.sizes[0]))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        product: np.ndarray = a @ b.T
        return product

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        a, b = call.inputs
        return grad @ b, grad.T @ a


def reduce_to(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum over the axes along which an array of ``shape`` was expanded."""
    axes = tuple(i for i, (a, b) in enumerate(zip(grad.shape, shape, strict=True)) if b == 1 and a != 1)
    return sum_over(grad, axes, keepdims=True) if axes else grad


@op
class input_normalise(SameSize):
    """Input normalisation of one ``kind`` with stored statistics, to which no gradient flows.

    zerocenter x − mean; zscore (x − mean)/std; rescale-zero-one (x − min)/(max − min); rescale-symmetric the same, mapped
    to [−1, 1]. A constant feature is only shifted; see `width_of`.
    """

    any_type = True

    saved_for_backward = IN

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """The second statistic is positive, and larger than the first."""
        x, first, *spread = super().example(rng, inputs, dtypes, attrs)
        return x, first, *(np.maximum(first, 0) + np.abs(bound) + 1 for bound in spread)

    def halved(self, inputs: Sequence[Dims], attrs: Attributes) -> Iterator[tuple[tuple[Dims, ...], Attributes]]:
        """Observations alone: it is not divisible, since statistics may be those of a place."""
        return super().halved(inputs, attrs)

    def forward(self, x: np.ndarray, *statistics: np.ndarray, kind: str) -> np.ndarray:
        first, *spread = (against(statistic, x) for statistic in statistics)
        if kind == "zerocenter":
            return np.asarray(x - first)
        scaled = (x - first) / width_of(kind, first, *spread)
        return np.asarray(2 * scaled - 1 if kind == "rescale-symmetric" else scaled)

    def backward(self, call: Call, grad: np.ndarray, *, kind: str) -> Gradients:
        first, *spread = (against(statistic, grad) for statistic in call.inputs[1:])
        if kind != "zerocenter":
            grad = grad / width_of(kind, first, *spread)
            grad = 2 * grad if kind == "rescale-symmetric" else grad
        return grad, *[None] * (len(call.inputs) - 1)


ROUNDING = 1e-12  # of the magnitude: a spread below is what statistics in double are off by


def width_of(kind: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The divisor of a normalisation with two statistics: the deviation or the range, and 1 for a constant feature.

    The spread of such a feature is often a little more than zero: its values were rounded on the way, or whoever computed
    it was, as NumPy is, which finds a deviation of 3e-13 in a thousand times 14.62. What is divided by that is noise. So a
    spread is held against the magnitude of the feature, not against zero, as scikit-learn's StandardScaler does.
    """
    width = second if kind == "zscore" else second - first
    size = np.abs(first) if kind == "zscore" else np.maximum(np.abs(first), np.abs(second))
    return np.where(np.abs(width) <= ROUNDING * size, np.ones_like(width), width)


def against(statistic: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A statistic of MATLAB's shape (h×w×c, 1×1×c, c×1 or scalar) shaped to broadcast against ``x`` (…×c×n)."""
    if statistic.size == 1:
        return statistic.reshape((1,) * x.ndim)
    if statistic.size == x.shape[-2]:
        return statistic.reshape(-1, 1)
    return statistic.reshape(*x.shape[:-1], 1)


@op
class function(SameSize):
    """A user's function of one array that keeps its size; opaque, so no gradient passes.

    It gets a copy, since it may work in place, in MATLAB's layout: features come as N×f.
    """

    any_type = True
    differentiable = False
    by_observation = False

    def forward(self, x: np.ndarray, *, call: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        result = checked_result(call, x.T if x.ndim == 2 else x)
        return (result.T if x.ndim == 2 else result).astype(x.dtype)


@op
class function_of_sequences(SameSize):
    """A user's function of one sequence after the other, in MATLAB's layout …×c×t and without padding."""

    any_type = True
    differentiable = False
    by_observation = False
    way = Way.SEE
    across = Across({Way.SEE}, takes="lengths")

    def forward(self, x: np.ndarray, *lengths: np.ndarray, call: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        out = np.zeros_like(x)
        for at, steps in enumerate(lengths[0] if lengths else [x.shape[-2]] * x.shape[-1]):
            out[..., :steps, at] = checked_result(call, x[..., :steps, at])
        return out


def checked_result(call: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """The result of a user's function for a copy of an array: real numbers of the same size."""
    result = array_of(call(x.copy()))
    if result is None or result.shape != x.shape or result.dtype.kind not in "fiub":
        got = "uneven rows" if result is None else f"{result.dtype} values of size {times(result.shape)}"
        fail("function:invalidResult", f"The function returned {got} for data of size {times(x.shape)}.",
             "Return real numbers, as many as it is given and in the same places.")
    return result


def drawn_per_observation(shape: tuple[int, ...]) -> int:
    """How many single-precision numbers `dropout` draws for one observation: an even number, whole draws of 64 bits."""
    count = prod(shape[:-1])
    return count + count % 2


@op
class dropout(Op):
    """Zero with probability p, the rest times 1/(1 − p); the second output is the mask.

    Numbers are drawn observation after observation, all steps of each, so that a batch draws what its parts would one after
    the other.
    """

    saved_for_backward = OUT
    by_observation = False
    way = Way.SEE

    def infer(self, x: Dims, *, probability: float) -> tuple[Dims, Dims]:
        return x, x

    def forward(self, x: np.ndarray, *, probability: float) -> tuple[np.ndarray, np.ndarray]:
        drawn = stream("dropout").random((x.shape[-1], drawn_per_observation(x.shape)), np.float32)
        kept = drawn[:, :prod(x.shape[:-1])].reshape(x.shape[-1], *x.shape[:-1]) >= probability
        mask = np.moveaxis(kept, 0, -1) * np.asarray(1 / (1 - probability), x.dtype)
        return x * mask, mask

    def backward(self, call: Call, grad: np.ndarray, _: None, *, probability: float) -> Gradients:
        return (grad * call.outputs[1],)


@op
class spatial_dropout(Op):
    """Whole channels zero with probability p, the rest times 1/(1 − p); the second output is the mask, one per channel.

    Drawn as the elements of `dropout` are; a channel is zero at all steps.
    """

    saved_for_backward = OUT
    by_observation = False
    way = Way.SPACE

    def infer(self, x: Dims, *, probability: float) -> tuple[Dims, Dims]:
        return x, x.with_spatial((1,) * x.rank)

    def forward(self, x: np.ndarray, *, probability: float) -> tuple[np.ndarray, np.ndarray]:
        ones = np.ones((*(1,) * (x.ndim - 2), *x.shape[-2:]), x.dtype)
        mask, _ = OPS["dropout"].forward(ones, probability=probability)
        return x * mask, mask

    def backward(self, call: Call, grad: np.ndarray, _: None, *, probability: float) -> Gradients:
        return (grad * call.outputs[1],)


@op
class concat(Op):
    """Arrays joined along one axis (0-based)."""

    def infer(self, *inputs: Dims, axis: int) -> Dims:
        shown = [x for x in inputs if not x.hidden]
        sizes = [agreed(*along) for along in zip(*(x.sizes for x in shown), strict=True)]
        joined = [UNKNOWN if x.hidden else x.sizes[axis] for x in inputs]
        sizes[axis] = None if any(n is None for n in joined) else sum(n or 0 for n in joined)
        return Dims(shown[0].labels, tuple(sizes))

    def forward(self, *inputs: np.ndarray, axis: int) -> np.ndarray:
        return np.concatenate(inputs, axis)

    def backward(self, call: Call, grad: np.ndarray, *, axis: int) -> Gradients:
        ends = np.cumsum([x.shape[axis] for x in call.inputs])[:-1]
        return tuple(np.split(grad, ends, axis))


@op
class softmax(SameSize):
    """exp(x) / Σ exp(x) over the channels, shifted by the maximum so that nothing overflows."""

    saved_for_backward = OUT

    def forward(self, x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max(-2, keepdims=True, initial=-np.inf))
        values: np.ndarray = e / e.sum(-2, keepdims=True)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        return (y * (grad - (grad * y).sum(-2, keepdims=True)),)
