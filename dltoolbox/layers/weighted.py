"""The parents of every layer with weights and a bias."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.properties import HIDDEN, LEARNABLE, ByRank, Property
from dltoolbox.layers.base import Array, Layer, Learnable
from dltoolbox.layers.factors import l2_factor, learn_rate_factor

WEIGHT_INITIALIZERS = ("glorot", "he", "orthogonal", "narrow-normal", "zeros", "ones")
BIAS_INITIALIZERS = ("zeros", "narrow-normal", "ones")


class Weighted(Layer):
    """Weights and a bias: initialisers, values, and the factors on their learning rate and L2 decay."""

    size_in: ClassVar[tuple[str, int]] = ("NumChannels", -2)  # property for the size of the input, its axis in Weights

    WeightsInitializer = Property(convert.word_or_function(*WEIGHT_INITIALIZERS), "glorot",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    BiasInitializer = Property(convert.word_or_function(*BIAS_INITIALIZERS), "zeros",
                               "How Bias starts: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, BiasLearnRateFactor = learn_rate_factor("Weights"), learn_rate_factor("Bias")
    WeightL2Factor, BiasL2Factor = l2_factor("Weights"), l2_factor("Bias", 0)
    Weights = Property(convert.array, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group=LEARNABLE)
    Bias = Property(convert.array, None, "Initial bias; [] lets the initialiser choose.", settable=True, group=LEARNABLE)

    def weights_and_bias(self, weights: tuple[int, ...], bias: tuple[int, ...], fan_in: int, fan_out: int, *,
                         grouped: bool = False) -> tuple[Array, ...]:
        return (Learnable("Weights", weights, self.WeightsInitializer, fan_in, fan_out, self.WeightLearnRateFactor,
                          self.WeightL2Factor, grouped),
                Learnable("Bias", bias, self.BiasInitializer, fan_in, fan_out, self.BiasLearnRateFactor,
                          self.BiasL2Factor, grouped))

    def given_channels(self) -> Any:
        """The channels that the description prints: from Weights where they are given in full, else as declared."""
        name, axis = self.size_in
        in_full = self.Weights is not None and self.Weights.ndim == self.rank + 2
        return self.Weights.shape[axis] if in_full else self.__dict__[name]

    def settle(self) -> None:
        name, axis = self.size_in
        self.__dict__[name] = self.Weights.shape[axis]


class Filters(Weighted):
    """Filters over all channels: their size and number, and the channels of the input."""

    FilterSize = Property(ByRank(convert.sizes), doc="Size of the filters per dimension.", positional=True,
                          argument="filterSize")
    NumChannels = Property(convert.either("auto", convert.count), "auto", "Channels of the input.")
    NumFilters = Property(convert.count, doc="Number of filters: the channels of the output.", positional=True,
                          argument="numFilters")

    def filters_and_bias(self, channels: int) -> tuple[Array, ...]:
        """Weights for an input of so many channels; ``size_in`` says where they stand in the size."""
        taps, order = prod(self.FilterSize), (channels, self.NumFilters)
        weights = (*self.FilterSize, *(order if self.size_in[1] == -2 else order[::-1]))
        return self.weights_and_bias(weights, (*[1] * self.rank, self.NumFilters), taps * channels, taps * self.NumFilters)

    def filters_text(self) -> str:
        """``8 3×3×16``: number and size of the filters, with their channels where they are known."""
        channels = self.given_channels()
        return f"{self.NumFilters} {times(self.FilterSize if channels == 'auto' else (*self.FilterSize, channels))}"
