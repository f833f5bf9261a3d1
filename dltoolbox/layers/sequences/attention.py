"""Attention: each step of a sequence, or each position along one spatial dimension, looks at all others."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, Property
from dltoolbox.layers.base import Array, Layer, Learnable, l2_factor, layer, learn_rate_factor
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.sequences.attention import MAP_AXIS, TIME_AXIS

EMBEDDING_INITIALIZERS = ("glorot", "he", "narrow-normal", "zeros", "ones")


def to_one_dimension(x: Dims) -> str:
    """Advice for data that have no steps, or several spatial dimensions: the layer that makes steps of them."""
    if x.rank > 1:
        return f"Insert patchEmbeddingLayer(1, {x.channels}) before it, which puts all positions along one dimension."
    return f"Pass sequences, through sequenceInputLayer({x.channels})."


class Stepwise(Layer):
    """A layer along the steps of sequences, or along the positions of one spatial dimension."""

    def check(self, *inputs: Dims) -> None:
        for x in inputs:
            if not x.hidden and (x.rank != 0 if x.timed else x.rank != 1):
                hint = "Insert flattenLayer before it." if x.timed else to_one_dimension(x)
                fail(f"{self.label()}:notOneDimension", f"{self.label()} works along time steps or along one spatial "
                     f"dimension, but its input is {x}.", hint, layer=self.Name)

    @staticmethod
    def axis(x: Dims) -> int:
        """The axis of the steps of such an input."""
        return TIME_AXIS if x.timed else MAP_AXIS

    def check_mask(self, mask: Dims, x: Dims) -> None:
        """A mask has one channel, and as many steps as the data."""
        axis = self.axis(x)
        sizes = {mask.sizes[axis], x.sizes[axis]}
        if mask.channels != 1 or (len(sizes) > 1 and None not in sizes):
            fail(f"{self.label()}:invalidMaskSize", f"The padding mask is {mask}, but the data are {x}.",
                 "Pass a mask with one channel and as many steps as the data: 1 where they are real, 0 where they are "
                 "padding.", layer=self.Name)


class Attention(Stepwise):
    """Scaled dot-product attention with heads, and what both layers of it can do besides."""

    ports: ClassVar[tuple[str, ...]] = ("in",)

    NumHeads = Property(convert.count, doc="Number of heads, among which the channels are divided.", positional=True,
                        argument="numHeads")
    HasPaddingMaskInput = Property(convert.flag, False, "Whether there is an input 'mask' of one channel: steps where it is "
                                   "0 are not looked at.", group="")
    HasScoresOutput = Property(convert.flag, False, "Whether there is an output 'scores', keys × queries × heads × "
                               "observations.", group="")
    AttentionMask = Property(convert.choice("none", "causal"), "none", "'causal': no step looks at later ones.", group="")
    DropoutProbability = Property(convert.real(0, 1, high_open=True), 0, "Probability that training drops a score.")

    def inputs(self) -> tuple[str, ...]:
        return (*self.ports, "mask") if self.HasPaddingMaskInput else self.ports

    def outputs(self) -> tuple[str, ...]:
        return ("out", "scores") if self.HasScoresOutput else ("out",)

    def check_heads(self, name: str, channels: int) -> None:
        """Every head gets as many channels."""
        if channels % self.NumHeads:
            code = "".join(part.capitalize() for part in name.split())
            fail(f"{self.label()}:{code[0].lower()}{code[1:]}NotDivisible", f"The {counted(channels, 'channel')} of the "
                 f"{name} cannot be divided among {counted(self.NumHeads, 'head')}.",
                 f"Choose a number of channels that {self.NumHeads} divides, such as "
                 f"{self.NumHeads * max(channels // self.NumHeads, 1)}, or another number of heads.", layer=self.Name)

    def attended(self, g: Builder, q: Value, k: Value, v: Value, mask: tuple[Value, ...], scale: float) -> tuple[Value, ...]:
        """The values that the queries get, and the scores where they are asked for, before dropout."""
        axis, heads, causal = self.axis(q.dims), self.NumHeads, self.AttentionMask == "causal"
        dropping = g.training and self.DropoutProbability > 0
        scores = [g.attention_scores(q, k, *mask, axis=axis, heads=heads, scale=scale, causal=causal)
                  for _ in range(dropping or self.HasScoresOutput)]
        if dropping:
            kept, _ = g.dropout(scores[0], probability=self.DropoutProbability)
            y = g.attend(q, kept, v, axis=axis)
        else:
            y = g.attention(q, k, v, *mask, axis=axis, heads=heads, scale=scale, causal=causal)
        return (y, *scores) if self.HasScoresOutput else (y,)


@layer("selfAttentionLayer", "Self Attention", name="selfattention")
class SelfAttentionLayer(Attention):
    """Self-attention layer: OutputWeights·attention(queries, keys, values) + OutputBias, all three made of the input.

    Queries are QueryWeights·x + QueryBias, keys and values likewise. They are divided among the heads. In each head a
    query takes the mean of all values, weighted by softmax(keysᵀ·query/√d), d the key channels of a head. Steps are those
    of sequences, or positions along one spatial dimension. A query that may look at nothing gets zeros.

    QueryWeights and KeyWeights are ``numKeyChannels×c``, ValueWeights ``NumValueChannels×c``, OutputWeights
    ``OutputSize×NumValueChannels``, biases are columns. One factor holds for all four weights, one for all biases.

    Example:
        >>> selfAttentionLayer(8, 64, AttentionMask='causal').describe()
        'Self attention with 8 heads and 64 key and query channels'

    Raises:
        DltoolboxError: ``dltoolbox:selfAttentionLayer:keysNotDivisible`` and ``…:valuesNotDivisible`` if the heads do not
            divide the channels; when the network is checked, ``…:notOneDimension`` and ``…:invalidMaskSize``.

    Source:
        Vaswani et al., "Attention is all you need" (2017); MathWorks documentation of selfAttentionLayer.
    """

    not_in_matlab = ("InputSize",)

    AttentionMask, HasPaddingMaskInput, HasScoresOutput = (
        Attention.AttentionMask, Attention.HasPaddingMaskInput, Attention.HasScoresOutput)
    InputSize = Property(convert.either("auto", convert.count), "auto", "Channels of the input.")
    NumHeads = Attention.NumHeads
    NumKeyChannels = Property(convert.count, doc="Channels of keys and queries.", positional=True, argument="numKeyChannels")
    NumValueChannels = Property(convert.either("auto", convert.count), "auto", "Channels of values; 'auto': as many as keys "
                                "have.")
    OutputSize = Property(convert.either("auto", convert.count), "auto", "Channels of the output; 'auto': as many as the "
                          "input has.")
    DropoutProbability = Attention.DropoutProbability
    WeightsInitializer = Property(convert.word_or_function(*EMBEDDING_INITIALIZERS), "glorot",
                                  "How weights start: a name or a function of the size.", group=HIDDEN)
    BiasInitializer = Property(convert.word_or_function("zeros", "narrow-normal", "ones"), "zeros",
                               "How biases start: a name or a function of the size.", group=HIDDEN)
    QueryWeights, KeyWeights, ValueWeights, OutputWeights, QueryBias, KeyBias, ValueBias, OutputBias = (
        Property(convert.array, None, f"Initial {what} of the {of}.", settable=True, group=LEARNABLE)
        for what in ("weights", "bias") for of in ("queries", "keys", "values", "output"))
    WeightLearnRateFactor, BiasLearnRateFactor = learn_rate_factor("all weights"), learn_rate_factor("all biases")
    WeightL2Factor, BiasL2Factor = l2_factor("all weights"), l2_factor("all biases", 0)

    @property
    def values_channels(self) -> int:
        return self.NumKeyChannels if isinstance(self.NumValueChannels, str) else self.NumValueChannels

    def validate(self) -> None:
        self.check_heads("keys", self.NumKeyChannels)
        self.check_heads("values", self.values_channels)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        for mask in inputs[1:]:
            self.check_mask(mask, inputs[0])

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("InputSize", inputs[0].channels, "channel")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        c, keys, values = inputs[0].channels, self.NumKeyChannels, self.values_channels
        out = c if isinstance(self.OutputSize, str) else self.OutputSize
        sizes = {"Query": (keys, c), "Key": (keys, c), "Value": (values, c), "Output": (out, values)}
        return (*(Learnable(f"{part}Weights", size, self.WeightsInitializer, size[1], size[0], self.WeightLearnRateFactor,
                            self.WeightL2Factor) for part, size in sizes.items()),
                *(Learnable(f"{part}Bias", (size[0], 1), self.BiasInitializer, size[1], size[0], self.BiasLearnRateFactor,
                            self.BiasL2Factor) for part, size in sizes.items()))

    def resolve_auto(self) -> None:
        assert self.ValueWeights is not None
        assert self.OutputWeights is not None
        self.__dict__.update(InputSize=self.ValueWeights.shape[1], NumValueChannels=self.ValueWeights.shape[0],
                             OutputSize=self.OutputWeights.shape[0])

    def build(self, g: Builder, x: Value, *mask: Value) -> Outputs:
        def linear(x: Value, part: str) -> Value:
            apply = g.dense if x.dims.timed else g.project
            return apply(x, g.learnable(f"{part}Weights"), g.learnable(f"{part}Bias"))
        q, k, v = (linear(x, part) for part in ("Query", "Key", "Value"))
        y, *scores = self.attended(g, q, k, v, mask, 1 / sqrt(self.NumKeyChannels / self.NumHeads))
        out = linear(y, "Output")
        return (out, *scores) if scores else out

    def describe(self) -> str:
        return f"Self attention with {counted(self.NumHeads, 'head')} and {self.NumKeyChannels} key and query channels"


@layer("attentionLayer", "Attention", name="attention")
class AttentionLayer(Attention):
    """Attention layer: each query takes the mean of all values, weighted by softmax(Scale·keysᵀ·query), head by head.

    The inputs are divided among the heads. Queries may have other steps than keys and values, which have the same. Steps
    are those of sequences, or positions along one spatial dimension. ``'causal'`` lets query i look at keys 1 to i. A query
    that may look at nothing gets zeros. It has no learnables.

    Example:
        >>> attentionLayer(4, HasScoresOutput=True).OutputNames
        ['out', 'scores']

    Raises:
        DltoolboxError: when the network is checked, ``dltoolbox:attentionLayer:channelsMismatch``, ``…:stepsMismatch``,
            ``…:keysNotDivisible``, ``…:valuesNotDivisible``, ``…:notOneDimension`` and ``…:invalidMaskSize``.

    Source:
        Vaswani et al., "Attention is all you need" (2017); MathWorks documentation of attentionLayer.
    """

    ports = ("query", "key", "value")

    NumHeads = Attention.NumHeads
    Scale = Property(convert.either("auto", convert.real()), "auto", "Factor on the products; 'auto': 1/√d, d the channels "
                     "of a head's keys.")
    HasPaddingMaskInput, HasScoresOutput, AttentionMask, DropoutProbability = (
        Attention.HasPaddingMaskInput, Attention.HasScoresOutput, Attention.AttentionMask, Attention.DropoutProbability)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        q, k, v, *masks = inputs
        if q.channels != k.channels:
            fail(f"{self.label()}:channelsMismatch", f"The queries have {counted(q.channels, 'channel')}, but the keys have "
                 f"{k.channels}.", f"Insert {'fullyConnectedLayer(' if k.timed else 'patchEmbeddingLayer(1, '}"
                 f"{q.channels}) before input 'key'.", layer=self.Name)
        steps = {k.sizes[self.axis(k)], v.sizes[self.axis(v)]}
        if len(steps) > 1 and None not in steps:
            fail(f"{self.label()}:stepsMismatch", f"The keys are {k}, but the values are {v}: each key belongs to a value.",
                 "Give both the same number of steps.", layer=self.Name)
        self.check_heads("keys", k.channels)
        self.check_heads("values", v.channels)
        for mask in masks:
            self.check_mask(mask, k)

    def build(self, g: Builder, q: Value, k: Value, v: Value, *mask: Value) -> Outputs:
        scale = 1 / sqrt(k.dims.channels / self.NumHeads) if isinstance(self.Scale, str) else self.Scale
        outputs = self.attended(g, q, k, v, mask, scale)
        return outputs if self.HasScoresOutput else outputs[0]

    def describe(self) -> str:
        return f"Attention with {counted(self.NumHeads, 'head')}"
