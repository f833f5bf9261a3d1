"""Losses: one number from predictions and targets of the same size, normalised as MATLAB's output layers do; and element by
element, to be weighted, masked and normalised in many ways.

Sources: Bishop, "Pattern Recognition and Machine Learning" (2006), sections 4.3.4 and 5.2, for the losses and their
gradients; MathWorks documentation of classificationLayer, pixelClassificationLayer and regressionLayer for the normalisers;
Lin et al., "Focal loss for dense object detection" (2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.ops.base import BOTH, IN, OPS, Arrays, Attributes, Call, Gradients, Op, normal, op
from dltoolbox.ops.sequences.lengths import full_lengths
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way

Weights = tuple[float, ...]  # one per class


class Loss(Op):
    """Predictions and targets → a scalar, the first output; only the predictions get gradients."""

    saved_for_backward = IN
    by_observation = False


class OfClasses(Loss):
    """A loss whose targets are one-hot, and all zero behind the ends of sequences."""

    across = Across(ways=(Way.FOLD,))

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        x, t = inputs
        classes = rng.integers(0, t.channels, (*(1,) * (t.rank + 1), t.batch or 0))
        hot = (classes == np.arange(t.channels)[:, None]).astype(dtypes[1])
        return normal(rng, x, dtypes[0]), np.broadcast_to(hot, t.shape)


def labelled(t: np.ndarray) -> float:
    """How many observations, pixels or voxels carry a label: targets are one-hot, and all zero where undefined."""
    return max(float(np.any(t, axis=-2).sum()), 1.0)


def weighted(t: np.ndarray, weights: Weights | None) -> np.ndarray:
    """The targets times one weight per class."""
    return t if weights is None else t * np.asarray(weights, t.dtype).reshape(-1, 1)


@op
class cross_entropy(OfClasses):
    """−(1/N) Σ wₖ·tₙₖ·ln yₙₖ over probabilities; N counts observations (and labelled pixels). 0 is read as tiny."""

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        scores, targets = super().example(rng, inputs, dtypes, attrs)
        return OPS["softmax"].forward(scores), targets

    def infer(self, y: Dims, t: Dims, *, weights: Weights | None = None) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray, *, weights: Weights | None = None) -> np.ndarray:
        logs = np.log(np.maximum(y, np.finfo(y.dtype).tiny))
        return np.asarray(-(weighted(t, weights) * logs).sum(dtype=np.float64) / labelled(t), y.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, weights: Weights | None = None) -> Gradients:
        y, t = call.inputs
        share = grad / np.asarray(labelled(t), y.dtype)
        return -share * weighted(t, weights) / np.maximum(y, np.finfo(y.dtype).tiny), None


@op
class softmax_cross_entropy(OfClasses):
    """`softmax` followed by `cross_entropy`, from the scores before the softmax: exact where probabilities underflow.

    The second output is the probabilities. Gradient: (Σₖ wₖtₖ)·y − w·t, divided by N.
    """

    saved_for_backward = BOTH

    def infer(self, x: Dims, t: Dims, *, weights: Weights | None = None) -> tuple[Dims, Dims]:
        return Dims.of(""), x

    def forward(self, x: np.ndarray, t: np.ndarray, *, weights: Weights | None = None) -> tuple[np.ndarray, np.ndarray]:
        shifted = x - x.max(-2, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(-2, keepdims=True)
        loss = -(weighted(t, weights) * (shifted - np.log(total))).sum(dtype=np.float64) / labelled(t)
        return np.asarray(loss, x.dtype), e / total

    def backward(self, call: Call, grad: np.ndarray, _: None, *, weights: Weights | None = None) -> Gradients:
        t, (_, y) = call.inputs[1], call.outputs
        tw = weighted(t, weights)
        share = grad / np.asarray(labelled(t), y.dtype)
        return (y * tw.sum(-2, keepdims=True) - tw) * share, None


class FocalLoss(OfClasses):
    """A loss −(α/N) Σ tₙₖ·(1 − yₙₖ)^γ·ln yₙₖ, where N counts labelled observations or pixels."""

    def share(self, t: np.ndarray, alpha: float, grad: np.ndarray | float = 1.0) -> np.ndarray:
        """The factor of every labelled position."""
        return np.asarray(grad * alpha / labelled(t), t.dtype)


@op
class focal_cross_entropy(FocalLoss):
    """−(α/N) Σ tₙₖ·(1 − yₙₖ)^γ·ln yₙₖ over probabilities; N counts observations (and labelled pixels). 0 is read as tiny."""

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        return OPS["cross_entropy"].example(rng, inputs, dtypes, attrs)

    def infer(self, y: Dims, t: Dims, *, alpha: float, gamma: float) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray, *, alpha: float, gamma: float) -> np.ndarray:
        logs, others = self.parts(y)
        return np.asarray(-(t * others ** gamma * logs).sum(dtype=np.float64) * self.share(t, alpha), y.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, alpha: float, gamma: float) -> Gradients:
        y, t = call.inputs
        logs, others = self.parts(y)
        slope: np.ndarray = gamma * ratio_of_logarithm(logs, others) - 1 / np.maximum(y, np.finfo(y.dtype).tiny)
        return self.share(t, alpha, grad) * t * others ** gamma * slope, None

    @staticmethod
    def parts(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln y and 1 − y."""
        return np.log(np.maximum(y, np.finfo(y.dtype).tiny)), np.maximum(1 - y, 0)


def ratio_of_logarithm(logs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """ln y/(1 − y), which tends to −1 where y tends to 1."""
    none = others == 0
    return np.where(none, -np.ones_like(logs), logs / np.where(none, np.ones_like(others), others))


def likelier(q: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """ln(1 − q), and ``logs`` in its place where q is not the smaller part."""
    return np.where(q < 0.5, np.log1p(-np.minimum(q, 0.5)), logs)


@op
class softmax_focal_cross_entropy(FocalLoss):
    """`softmax` followed by `focal_cross_entropy`, from the scores before the softmax: exact where probabilities underflow,
    and where one comes close to 1, as 1 − y is the sum of the others.

    The second output is the probabilities. Gradient, with p of the class of the label and q = 1 − p:
    (α/N)·qᵞ·(γ·p·ln p/q − 1)·(q for the class of the label, −y for the others).
    """

    saved_for_backward = BOTH

    def infer(self, x: Dims, t: Dims, *, alpha: float, gamma: float) -> tuple[Dims, Dims]:
        return Dims.of(""), x

    def forward(self, x: np.ndarray, t: np.ndarray, *, alpha: float, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        shifted = x - x.max(-2, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(-2, keepdims=True)
        y = e / total
        others = ((1 - t) * y).sum(-2, keepdims=True)
        logs = likelier(others, (t * (shifted - np.log(total))).sum(-2, keepdims=True))
        loss = -(t.any(-2, keepdims=True) * others ** gamma * logs).sum(dtype=np.float64) * self.share(t, alpha)
        return np.asarray(loss, x.dtype), y

    def backward(self, call: Call, grad: np.ndarray, _: None, *, alpha: float, gamma: float) -> Gradients:
        t, (_, y) = call.inputs[1], call.outputs
        rest = (1 - t) * y
        p, q = (t * y).sum(-2, keepdims=True), rest.sum(-2, keepdims=True)
        logs = likelier(q, np.log(np.maximum(p, np.finfo(y.dtype).tiny)))
        scale = q ** gamma * (gamma * p * ratio_of_logarithm(logs, q) - 1) * t.any(-2, keepdims=True)
        return self.share(t, alpha, grad) * scale * (t * q - rest), None


DICE_EPSILON = 1e-8  # of `generalised_dice`, above and below


@op
class generalised_dice(OfClasses):
    """1 − (2 Σₖ wₖ Σₘ yₖₘ·tₖₘ + ε)/(Σₖ wₖ Σₘ (yₖₘ² + tₖₘ²) + ε) of every image, a mean over those with labels.

    The weight wₖ = 1/(Σₘ tₖₘ)² makes up for the size of a class; see `dice_weights`. Pixels without a label do not count.

    Sources: Sudre et al., "Generalised Dice overlap as a deep learning loss function for highly unbalanced segmentations"
    (2017); MathWorks example of a pixel classification layer with Dice loss, for ε.
    """

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        return OPS["cross_entropy"].example(rng, inputs, dtypes, attrs)

    def infer(self, y: Dims, t: Dims) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        _, above, below = self.parts(y, t)
        return np.asarray((1 - above / below).sum() / self.images(t), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t = call.inputs
        weights, above, below = self.parts(y, t)
        share = (2 * weights / below * (grad / self.images(t))).astype(y.dtype)
        slope = share * (y * (above / below).astype(y.dtype) - t)
        return np.where(t.any(-2, keepdims=True), slope, np.zeros_like(y)), None

    @staticmethod
    def parts(y: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The weights, K×N, and the two sums of every image, in double."""
        space = tuple(range(y.ndim - 2))
        counts, common = (part.sum(space, dtype=np.float64) for part in (t, y * t))
        squares = np.where(t.any(-2, keepdims=True), y * y, np.zeros_like(y)).sum(space, dtype=np.float64)
        weights = dice_weights(counts)
        return (weights, 2 * (weights * common).sum(0) + DICE_EPSILON, (weights * (squares + counts)).sum(0) + DICE_EPSILON)

    @staticmethod
    def images(t: np.ndarray) -> float:
        """The number of images with labels."""
        return max(float(np.any(t, axis=tuple(range(t.ndim - 1))).sum()), 1.0)


def dice_weights(counts: np.ndarray) -> np.ndarray:
    """1/n² for the n pixels of each class (K×N); a class that an image does not have gets the largest weight of those that
    it has, as in the reference implementation of the paper's authors. Without labels all are 0.
    """
    there = counts > 0
    weights: np.ndarray = np.divide(1.0, counts ** 2, out=np.zeros_like(counts), where=there)
    return np.where(there, weights, weights.max(0, keepdims=True, initial=0.0))


@op
class half_mse(Loss):
    """(1/2N) Σ (y − t)² with N observations: not divided by the number of responses."""

    across = Across(ways=(Way.FOLD,), takes="lengths", op="half_mse_of_sequences")

    def infer(self, y: Dims, t: Dims) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.asarray(np.square(y - t).sum(dtype=np.float64) / (2 * max(y.shape[-1], 1)), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t = call.inputs
        return (y - t) * (grad / np.asarray(max(y.shape[-1], 1), y.dtype)), None


@op
class half_mse_of_sequences(Loss):
    """(1/2N) Σₙ (1/Sₙ) Σ (y − t)² over the Sₙ steps of each of N sequences."""

    way = Way.SEE

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        return *super().example(rng, inputs[:2], dtypes[:2], attrs), full_lengths(inputs[0], inputs[2], dtypes[2])

    def infer(self, y: Dims, t: Dims, lengths: Dims) -> Dims:
        return Dims.of("")

    def forward(self, y: np.ndarray, t: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        terms = np.square(self.difference(y, t, lengths)).sum(tuple(range(y.ndim - 1)), dtype=np.float64) / lengths
        return np.asarray(terms.sum() / (2 * max(lengths.size, 1)), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t, lengths = call.inputs
        return self.difference(y, t, lengths) * (grad / (lengths * lengths.size)).astype(y.dtype), None, None

    @staticmethod
    def difference(y: np.ndarray, t: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return np.where(real_steps(lengths, y.shape[-2]), y - t, np.zeros((), y.dtype))


# Element by element --------------------------------------------------------------------------------------------------
class ElementwiseLoss(Op):
    """Predictions and targets → what every element adds to a loss; only the predictions get gradients."""

    saved_for_backward = IN
    divisible = True

    def infer(self, y: Dims, t: Dims, **attrs: object) -> Dims:
        return y


@op
class elementwise_cross_entropy(ElementwiseLoss):
    """−t·ln y over probabilities, and −(1 − t)·ln(1 − y) where labels are ``independent``. 0 is read as tiny."""

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        return OPS["cross_entropy"].example(rng, inputs, dtypes, attrs)

    def forward(self, y: np.ndarray, t: np.ndarray, *, independent: bool = False) -> np.ndarray:
        tiny = np.finfo(y.dtype).tiny
        terms = -t * np.log(np.maximum(y, tiny))
        return np.asarray(terms - (1 - t) * np.log(np.maximum(1 - y, tiny)) if independent else terms)

    def backward(self, call: Call, grad: np.ndarray, *, independent: bool = False) -> Gradients:
        y, t = call.inputs
        tiny = np.finfo(y.dtype).tiny
        slope = -t / np.maximum(y, tiny)
        return grad * (slope + (1 - t) / np.maximum(1 - y, tiny) if independent else slope), None


@op
class elementwise_huber(ElementwiseLoss):
    """½d² where |d| ≤ ``transition``, and linear beyond, with d = y − t."""

    def forward(self, y: np.ndarray, t: np.ndarray, *, transition: float = 1.0) -> np.ndarray:
        d, point = np.abs(y - t), np.asarray(transition, y.dtype)
        return np.asarray(np.where(d <= point, d * d / 2, point * d - point * point / 2))

    def backward(self, call: Call, grad: np.ndarray, *, transition: float = 1.0) -> Gradients:
        y, t = call.inputs
        point = np.asarray(transition, y.dtype)
        return grad * np.clip(y - t, -point, point), None


@op
class elementwise_l1(ElementwiseLoss):
    """|y − t|; its gradient is 0 where they are equal."""

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(y - t))

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t = call.inputs
        return grad * np.sign(y - t), None


@op
class elementwise_l2(ElementwiseLoss):
    """(y − t)²"""

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.asarray(np.square(y - t))

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t = call.inputs
        return grad * 2 * (y - t), None


@op
class reduce_loss(Op):
    """Elements times ``weights``, 0 where ``mask`` is false, divided by ``divisor``; their ``total``, or all of them.

    Weights and mask expand to the size of the elements; only the elements get gradients.
    """

    saved_for_backward = IN
    by_observation = False
    across = Across(ways=(Way.FOLD,), ends=0.0)

    def infer(self, x: Dims, weights: Dims, mask: Dims, *, divisor: float, total: bool = True) -> Dims:
        return Dims.of("") if total else x

    def forward(self, x: np.ndarray, weights: np.ndarray, mask: np.ndarray, *, divisor: float,
                total: bool = True) -> np.ndarray:
        terms, share = np.where(mask, x * weights, np.zeros((), x.dtype)), np.asarray(divisor, x.dtype)
        return np.asarray(terms.sum(dtype=np.float64) / share, x.dtype) if total else terms / share

    def backward(self, call: Call, grad: np.ndarray, *, divisor: float, total: bool = True) -> Gradients:
        x, weights, mask = call.inputs
        return np.where(mask, grad / np.asarray(divisor, x.dtype) * weights, np.zeros_like(x)), None, None
