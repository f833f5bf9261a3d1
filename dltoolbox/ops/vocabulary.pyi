# Written by `python -m dltoolbox._stubs`; do not edit.
# ruff: noqa: E501, I001
from typing import Protocol

from dltoolbox.ops.base import Attributes, Op
from dltoolbox.ops.graph import Outputs, Value
from dltoolbox.ops.time_axis import Way
from collections.abc import Callable
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.ops.complex_numbers.spectral import Modes
from dltoolbox.ops.custom.custom import OutsideFunction
from dltoolbox.ops.custom.custom import OutsideLossFunction
from dltoolbox.ops.loss import Weights
from dltoolbox.ops.reshape import Sizes
from dltoolbox.ops.sequences.embedding import Refusal
from dltoolbox.ops.sequences.ragged import LengthRule
from fractions import Fraction
import numpy as np


class Vocabulary(Protocol):
    def record(self, op: Op, inputs: tuple[Value, ...], attrs: Attributes,
               way: Way | None = None) -> Outputs: ...

    def relu(self, x: Value, *, way: Way | None = None) -> Value:
        """max(0, x)."""

    def leaky_relu(self, x: Value, *, scale: float, way: Way | None = None) -> Value:
        """x where x ≥ 0, scale·x elsewhere."""

    def add(self, *inputs: Value, way: Way | None = None) -> Value:
        """The sum."""

    def linear_sum(self, *inputs: Value, weights: tuple[float, ...], way: Way | None = None) -> Value:
        """The sum of arrays of one size, each times a number."""

    def multiply(self, *inputs: Value, way: Way | None = None) -> Value:
        """The product."""

    def quadratic_monomials(self, x: Value, *, way: Way | None = None) -> Value:
        """Products of two channels: 1·1, 1·2, 2·2, 1·3, 2·3, 3·3, …, each pair once."""

    def times_transposed(self, a: Value, b: Value, *, way: Way | None = None) -> Value:
        """a·bᵀ of two matrices of parameters."""

    def input_normalise(self, x: Value, *statistics: Value, kind: str, way: Way | None = None) -> Value:
        """Input normalisation of one ``kind`` with stored statistics, to which no gradient flows."""

    def function(self, x: Value, *, call: Callable[[np.ndarray], np.ndarray], way: Way | None = None) -> Value:
        """A user's function of one array that keeps its size; opaque, so no gradient passes."""

    def function_of_sequences(self, x: Value, *lengths: Value, call: Callable[[np.ndarray], np.ndarray], way: Way | None = None) -> Value:
        """A user's function of one sequence after the other, in MATLAB's layout …×c×t and without padding."""

    def dropout(self, x: Value, *, probability: float, way: Way | None = None) -> tuple[Value, Value]:
        """Zero with probability p, the rest times 1/(1 − p); the second output is the mask."""

    def spatial_dropout(self, x: Value, *, probability: float, way: Way | None = None) -> tuple[Value, Value]:
        """Whole channels zero with probability p, the rest times 1/(1 − p); the second output is the mask, one per channel."""

    def concat(self, *inputs: Value, axis: int, way: Way | None = None) -> Value:
        """Arrays joined along one axis (0-based)."""

    def softmax(self, x: Value, *, way: Way | None = None) -> Value:
        """exp(x) / Σ exp(x) over the channels, shifted by the maximum so that nothing overflows."""

    def sigmoid(self, x: Value, *, way: Way | None = None) -> Value:
        """1/(1 + exp(−x))."""

    def tanh(self, x: Value, *, way: Way | None = None) -> Value:
        """The hyperbolic tangent."""

    def swish(self, x: Value, *, way: Way | None = None) -> Value:
        """x/(1 + exp(−x))."""

    def clipped_relu(self, x: Value, *, ceiling: float, way: Way | None = None) -> Value:
        """min(max(0, x), ceiling)."""

    def elu(self, x: Value, *, alpha: float, way: Way | None = None) -> Value:
        """x where x ≥ 0, alpha·(exp(x) − 1) elsewhere."""

    def softplus(self, x: Value, *, way: Way | None = None) -> Value:
        """log(1 + exp(x)) = max(0, x) + log(1 + exp(−|x|))."""

    def gelu(self, x: Value, *, approximation: str, way: Way | None = None) -> Value:
        """x·Φ(x) with the normal distribution function Φ, or with ``tanh`` its approximation by a hyperbolic tangent."""

    def prelu(self, x: Value, alpha: Value, *, way: Way | None = None) -> Value:
        """x where x > 0, alpha·x elsewhere; ``alpha`` expands against x."""

    def affine(self, x: Value, scale: Value, bias: Value, *, way: Way | None = None) -> Value:
        """scale·x + bias; both expand against x."""

    def undo_normalise(self, x: Value, *statistics: Value, kind: str, way: Way | None = None) -> Value:
        """The inverse of an input normalisation of one ``kind`` with stored statistics, to which no gradient flows."""

    def max_pool(self, x: Value, *, window: Window, way: Way | None = None) -> Value:
        """Maximum over every window."""

    def max_pool_indices(self, x: Value, *, window: Window, way: Way | None = None) -> tuple[Value, Value]:
        """Maximum over every window, and where it was found."""

    def max_pool_taps(self, x: Value, *, window: Window, way: Way | None = None) -> tuple[Value, Value]:
        """Maximum over every window, and the number of the tap that holds it: indices in 8 bits, for windows of few taps."""

    def max_unpool_taps(self, x: Value, taps: Value, *, window: Window, to: Dims, way: Way | None = None) -> Value:
        """`max_unpool` with tap numbers of a ``window`` without overlap that pooled an array of size ``to``."""

    def max_unpool(self, x: Value, indices: Value, size: Value, *, to: Dims, way: Way | None = None) -> Value:
        """Zeros of the size that ``size`` stands for, with each value of ``x`` at its index."""

    def size_of(self, x: Value, *, way: Way | None = None) -> Value:
        """The sizes of ``x`` as a vector: the value of a ``size`` port."""

    def avg_pool(self, x: Value, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None, divisor: float | None = None, way: Way | None = None) -> Value:
        """Mean over every window. ``counted`` is the padding that counts, as zeros; None: all of it."""

    def global_avg_pool(self, x: Value, *, way: Way | None = None) -> Value:
        """Mean over the spatial axes, kept with size 1."""

    def global_max_pool(self, x: Value, *, way: Way | None = None) -> Value:
        """Maximum over the spatial axes, kept with size 1; a tie sends its gradient to the first position."""

    def conv(self, x: Value, weights: Value, bias: Value, *, window: Window, way: Way | None = None) -> Value:
        """Cross-correlation of ``x`` (S…CB) with ``weights`` (S…CK) plus ``bias`` (K elements); zeros as padding."""

    def grouped_conv(self, x: Value, weights: Value, bias: Value, *, window: Window, way: Way | None = None) -> Value:
        """`conv` of every group of channels with ``weights`` (S…, C/G, K/G, G) of its own; ``bias`` has K/G×G elements."""

    def conv_transposed(self, x: Value, weights: Value, bias: Value, *, window: Window, way: Way | None = None) -> Value:
        """The adjoint of `conv`: ``weights`` S…KC, ``window.padding`` is the cropping."""

    def pad_edges(self, x: Value, *, padding: tuple[tuple[int, int], ...], mode: str, value: float = 0.0, way: Way | None = None) -> Value:
        """Padding that is not zeros: ``mode`` constant (then ``value``), or taken from the array itself: replicate,"""

    def dense(self, x: Value, weights: Value, bias: Value, *, rank: int = 0, way: Way | None = None) -> Value:
        """``weights`` (out×in) times the features of each observation, flattened column-major (h, w, c), plus ``bias``."""

    def step_mask(self, x: Value, lengths: Value, *, way: Way | None = None) -> Value:
        """1×T×B: one at real steps and zero at padded ones. Of the sequences only the sizes count."""

    def fill_ends(self, x: Value, lengths: Value, *, value: float | str, way: Way | None = None) -> Value:
        """Sequences whose padded steps hold a number, or the last real step ('edge'). No gradient passes there."""

    def mini_batch_size(self, x: Value, *, way: Way | None = None) -> Value:
        """How many sequences there are."""

    def rescale_lengths(self, lengths: Value, *, rule: LengthRule, way: Way | None = None) -> Value:
        """Lengths behind an op that changes them."""

    def cross_entropy(self, y: Value, t: Value, *, weights: Weights | None = None, way: Way | None = None) -> Value:
        """−(1/N) Σ wₖ·tₙₖ·ln yₙₖ over probabilities; N counts observations (and labelled pixels). 0 is read as tiny."""

    def softmax_cross_entropy(self, x: Value, t: Value, *, weights: Weights | None = None, way: Way | None = None) -> tuple[Value, Value]:
        """`softmax` followed by `cross_entropy`, from the scores before the softmax: exact where probabilities underflow."""

    def focal_cross_entropy(self, y: Value, t: Value, *, alpha: float, gamma: float, way: Way | None = None) -> Value:
        """−(α/N) Σ tₙₖ·(1 − yₙₖ)^γ·ln yₙₖ over probabilities; N counts observations (and labelled pixels). 0 is read as tiny."""

    def softmax_focal_cross_entropy(self, x: Value, t: Value, *, alpha: float, gamma: float, way: Way | None = None) -> tuple[Value, Value]:
        """`softmax` followed by `focal_cross_entropy`, from the scores before the softmax: exact where probabilities underflow,"""

    def generalised_dice(self, y: Value, t: Value, *, way: Way | None = None) -> Value:
        """1 − (2 Σₖ wₖ Σₘ yₖₘ·tₖₘ + ε)/(Σₖ wₖ Σₘ (yₖₘ² + tₖₘ²) + ε) of every image, a mean over those with labels."""

    def half_mse(self, y: Value, t: Value, *, way: Way | None = None) -> Value:
        """(1/2N) Σ (y − t)² with N observations: not divided by the number of responses."""

    def half_mse_of_sequences(self, y: Value, t: Value, lengths: Value, *, way: Way | None = None) -> Value:
        """(1/2N) Σₙ (1/Sₙ) Σ (y − t)² over the Sₙ steps of each of N sequences."""

    def elementwise_cross_entropy(self, y: Value, t: Value, *, independent: bool = False, way: Way | None = None) -> Value:
        """−t·ln y over probabilities, and −(1 − t)·ln(1 − y) where labels are ``independent``. 0 is read as tiny."""

    def elementwise_huber(self, y: Value, t: Value, *, transition: float = 1.0, way: Way | None = None) -> Value:
        """½d² where |d| ≤ ``transition``, and linear beyond, with d = y − t."""

    def elementwise_l1(self, y: Value, t: Value, *, way: Way | None = None) -> Value:
        """|y − t|; its gradient is 0 where they are equal."""

    def elementwise_l2(self, y: Value, t: Value, *, way: Way | None = None) -> Value:
        """(y − t)²"""

    def reduce_loss(self, x: Value, weights: Value, mask: Value, *, divisor: float, total: bool = True, way: Way | None = None) -> Value:
        """Elements times ``weights``, 0 where ``mask`` is false, divided by ``divisor``; their ``total``, or all of them."""

    def batch_norm(self, x: Value, scale: Value, offset: Value, *, epsilon: float, way: Way | None = None) -> tuple[Value, Value, Value]:
        """scale·(x − mean)/√(variance + ε) + offset with the batch's own (biased) statistics; also returns them."""

    def masked_batch_norm(self, x: Value, scale: Value, offset: Value, mask: Value, *, epsilon: float, way: Way | None = None) -> tuple[Value, Value, Value]:
        """`batch_norm` with the statistics of what stands where a mask, which is as wide as one channel, is 1; it is 0"""

    def count_values(self, x: Value, *mask: Value, way: Way | None = None) -> Value:
        """How many numbers every channel of an observation has, as 1×B; where a mask is 0, none count."""

    def batch_norm_inference(self, x: Value, scale: Value, offset: Value, mean: Value, variance: Value, *, epsilon: float, way: Way | None = None) -> Value:
        """scale·(x − mean)/√(variance + ε) + offset with stored statistics."""

    def group_norm(self, x: Value, scale: Value, offset: Value, *, groups: int, epsilon: float, spatial: bool = True, way: Way | None = None) -> Value:
        """scale·(x − mean)/√(variance + ε) + offset with the (biased) statistics of each group of channels of an observation."""

    def masked_group_norm(self, x: Value, scale: Value, offset: Value, mask: Value, *, groups: int, epsilon: float, spatial: bool = True, way: Way | None = None) -> Value:
        """`group_norm` with the statistics of what stands where a mask (…1×B) is 1; it is 0 elsewhere."""

    def cross_channel_norm(self, x: Value, *, size: int, alpha: float, beta: float, k: float, way: Way | None = None) -> Value:
        """x / (k + alpha/size·ss)^beta, where ss sums the squares over ``size`` channels around each."""

    def flatten(self, x: Value, *, way: Way | None = None) -> Value:
        """The features of each observation as one column, column-major (h, w, c)."""

    def reshape(self, x: Value, *, to: tuple[int, ...], way: Way | None = None) -> Value:
        """The features of each observation, column-major, as an array of sizes ``to``, S… and C."""

    def permute(self, x: Value, *, order: tuple[int, ...], way: Way | None = None) -> Value:
        """The spatial dimensions and the channels in another ``order``: dimension i of the output is ``order[i]`` of the input,"""

    def append_spatial_dims(self, x: Value, *, rank: int, way: Way | None = None) -> Value:
        """Further spatial dimensions of size 1, so that there are ``rank``: they stand behind those that there are."""

    def without_time(self, x: Value, *, way: Way | None = None) -> Value:
        """The only step of sequences of one step, as data without time."""

    def channel_shuffle(self, x: Value, *, groups: int, way: Way | None = None) -> Value:
        """Channels in ``groups`` of equal size: the first of every group, then the second of every group, and so on."""

    def halves(self, x: Value, *, way: Way | None = None) -> tuple[Value, Value]:
        """The first and the second half of the rows of a matrix, or of the channels of vectors."""

    def depth_to_space(self, x: Value, *, block: tuple[int, ...], order: str, way: Way | None = None) -> Value:
        """Every group of channels becomes a ``block`` of elements of one channel; see `spread_channels` for the ``order``."""

    def space_to_depth(self, x: Value, *, block: tuple[int, ...], way: Way | None = None) -> Value:
        """Every ``block`` of elements becomes channels, in the order 'dcr'; rows and columns that are left over are dropped."""

    def crop(self, x: Value, *, start: Sizes, to: Sizes, way: Way | None = None) -> Value:
        """The part of size ``to`` that begins at the 0-based position ``start``."""

    def resize(self, x: Value, *, to: Sizes, factors: tuple[Fraction, ...], method: str, transform: str, rounding: str, way: Way | None = None) -> Value:
        """Spatial axes resampled to size ``to``, each ``factors`` times as dense."""

    def adaptive_avg_pool(self, x: Value, *, to: Sizes, way: Way | None = None) -> Value:
        """Means over as many regions as ``to`` says: along an axis of n, region i reaches from ⌊i·n/to⌋ to ⌈(i + 1)·n/to⌉."""

    def max_pool_of_lengths(self, x: Value, lengths: Value, *, window: Window, way: Way | None = None) -> Value:
        """`max_pool` of sequences."""

    def max_pool_indices_of_lengths(self, x: Value, lengths: Value, *, window: Window, way: Way | None = None) -> tuple[Value, Value]:
        """`max_pool_indices` of sequences."""

    def avg_pool_of_lengths(self, x: Value, lengths: Value, *, window: Window, counted: tuple[tuple[int, int], ...] | None = None, divisor: float | None = None, way: Way | None = None) -> Value:
        """`avg_pool` of sequences with zeros behind their ends."""

    def max_unpool_of_lengths(self, x: Value, indices: Value, size: Value, lengths: Value, *, to: Dims, way: Way | None = None) -> Value:
        """`max_unpool` of sequences: what comes from windows behind the ends goes nowhere."""

    def global_avg_pool_of_lengths(self, x: Value, lengths: Value, *, way: Way | None = None) -> Value:
        """`global_avg_pool` of sequences with zeros behind their ends."""

    def pad_edges_of_lengths(self, x: Value, lengths: Value, *, padding: tuple[tuple[int, int], ...], mode: str, value: float = 0.0, way: Way | None = None) -> Value:
        """`pad_edges` of sequences, each at its own end."""

    def spectral_conv(self, x: Value, weights: Value, *, modes: Modes, way: Way | None = None) -> Value:
        """Products of the lowest frequencies of ``x`` (S…CB) with complex ``weights`` (M…CK2, real and imaginary parts) over the"""

    def spectral_conv_of_lengths(self, x: Value, weights: Value, lengths: Value, *, modes: Modes, way: Way | None = None) -> Value:
        """`spectral_conv` of every sequence alone."""

    def zrelu(self, x: Value, *, way: Way | None = None) -> Value:
        """Complex numbers whose real and imaginary parts are both at least zero; zero in the place of others."""

    def complex_dense(self, x: Value, weights: Value, bias: Value, *, real: bool, rank: int, way: Way | None = None) -> Value:
        """Complex ``weights`` (out×in×2) times the features of each observation, flattened column-major, plus ``bias``."""

    def custom(self, *inputs: Value, function: OutsideFunction, way: Way | None = None) -> tuple[Value, ...]:
        """The outputs of an outside function."""

    def custom_loss(self, y: Value, t: Value, *lengths: Value, function: OutsideLossFunction, way: Way | None = None) -> Value:
        """The loss of an outside function. Padded steps of predictions and targets hold zeros."""

    def attention(self, q: Value, k: Value, v: Value, *extras: Value, axis: int, heads: int, scale: float, causal: bool, way: Way | None = None) -> Value:
        """Values, weighted by the `weights` of their keys: ``(q, k, v[, mask][, pairs][, lengths])``."""

    def attention_scores(self, q: Value, k: Value, *extras: Value, axis: int, heads: int, scale: float, causal: bool, way: Way | None = None) -> Value:
        """The `weights` themselves, keys × queries × heads × B: ``(q, k[, mask][, lengths])`` as in `attention`."""

    def attend(self, q: Value, scores: Value, v: Value, *, axis: int, way: Way | None = None) -> Value:
        """Values weighted by scores, as `attention_scores` gives them: ``(q, scores, v)``. Of the queries, only the number of"""

    def ctc(self, y: Value, targets: Value, steps: Value, counts: Value, *, blank: int, way: Way | None = None) -> Value:
        """−ln of the probability of the labels (1×B): ``(y, targets, steps, counts)``."""

    def project(self, x: Value, weights: Value, bias: Value, *, way: Way | None = None) -> Value:
        """``weights`` (out×in) times the channels of every position, plus ``bias``."""

    def embed(self, x: Value, weights: Value, *, known: int, first: int = 1, mask: int | None = None, refusal: Refusal | None = None, way: Way | None = None) -> Value:
        """The columns of ``weights`` (channels × indices) that the indices in ``x`` name, which are whole numbers from ``first``"""

    def position_embedding(self, x: Value, weights: Value, *, axis: int, way: Way | None = None) -> Value:
        """The first columns of ``weights`` (channels × positions), one for every step of ``x``; its values do not matter."""

    def sinusoid(self, x: Value, *, size: int, way: Way | None = None) -> Value:
        """`waves` of the values of the only channel."""

    def position_sinusoid(self, x: Value, *, size: int, axis: int, way: Way | None = None) -> Value:
        """`waves` of the numbers of the steps, counted from 1; the values do not matter."""

    def prepend(self, x: Value, vector: Value, *, way: Way | None = None) -> Value:
        """A vector of one value per channel as a new first step; steps are the last spatial axis."""

    def pick_step(self, x: Value, *extras: Value, axis: int, which: str, way: Way | None = None) -> Value:
        """The first or the last step, C × B: ``(x[, mask][, lengths])``. With a mask of one channel, of the steps where it is"""

    def flatten_positions(self, x: Value, *, order: str, way: Way | None = None) -> Value:
        """All positions of a map along one spatial dimension, 'column-major' or 'row-major'."""

    def lstm(self, x: Value, h0: Value, c0: Value, input_weights: Value, recurrent_weights: Value, bias: Value, *lengths: Value, state_activation: str = 'tanh', gate_activation: str = 'sigmoid', reverse: bool = False, way: Way | None = None) -> tuple[Value, Value, Value]:
        """An LSTM over time: all hidden states (H×T×B), the last hidden state and the last cell state (H×B)."""

    def gru(self, x: Value, h0: Value, input_weights: Value, recurrent_weights: Value, bias: Value, *lengths: Value, state_activation: str = 'tanh', gate_activation: str = 'sigmoid', reset: str = 'after-multiplication', reverse: bool = False, way: Way | None = None) -> tuple[Value, Value]:
        """A GRU over time: all hidden states (H×T×B), and the last (H×B)."""

    def stochastic_pool(self, x: Value, *, window: Window, way: Way | None = None) -> tuple[Value, Value]:
        """An element of every window, drawn with a probability proportional to max(x, 0), and where it was."""

    def expected_pool(self, x: Value, *, window: Window, way: Way | None = None) -> Value:
        """The expectation of `stochastic_pool`: Σ max(x, 0)² / Σ max(x, 0) of every window; 0 where all are zero."""
