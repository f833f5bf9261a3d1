"""Spectral convolution: products in the frequency domain, the layers of Fourier neural operators."""

from __future__ import annotations

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, ByRank, Property
from dltoolbox.layers.base import Array, Learnable, l2_factor, layer, learn_rate_factor
from dltoolbox.layers.windowed import SpatialLayer
from dltoolbox.ops import Builder, Outputs, Value
from dltoolbox.ops.complex_numbers.spectral import modes_fit

COMPLEX_INITIALIZERS = ("complex-glorot-normal", "zeros", "ones", "narrow-normal")


class SpectralConvolution(SpatialLayer):
    """Spectral convolution in any number of dimensions."""

    over_time = True

    NumModes = Property(ByRank(convert.sizes), doc="Number of frequencies per dimension, the lowest ones from the mean on.",
                        positional=True, argument="numModes")
    HiddenSize = Property(convert.count, doc="Number of channels of the output.", positional=True, argument="hiddenSize")
    WeightsInitializer = Property(convert.word_or_function(*COMPLEX_INITIALIZERS), "complex-glorot-normal",
                                  "How Weights start: a name or a function of the size.", group=HIDDEN)
    WeightLearnRateFactor, WeightL2Factor = learn_rate_factor("Weights"), l2_factor("Weights")
    Weights = Property(convert.complex_parts, None, "Initial weights; [] lets the initialiser choose.", settable=True,
                       group=LEARNABLE)

    def check(self, *inputs: Dims) -> None:
        super().check(*inputs)
        spatial = self.slid(inputs[0])
        if not modes_fit(self.NumModes, spatial):
            fail(f"{self.label()}:tooManyModes", f"NumModes is {times(self.NumModes)}, but an input of {times(spatial)} has "
                 f"{times([m if n is None else (n + 1) // 2 for m, n in zip(self.NumModes, spatial, strict=True)])} "
                 "frequencies.", f"Set NumModes to at most {min((n + 1) // 2 for n in spatial if n is not None)}.",
                 layer=self.Name)

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        channels = inputs[0].channels
        return (Learnable("Weights", (*self.NumModes, channels, self.HiddenSize, 2), self.WeightsInitializer, channels,
                          self.HiddenSize, self.WeightLearnRateFactor, self.WeightL2Factor),)

    def build(self, g: Builder, x: Value) -> Outputs:
        return g.spectral_conv(x, g.learnable("Weights"), modes=self.NumModes, way=self.way(x.dims))

    def describe(self) -> str:
        return f"{self.HiddenSize} spectral convolutions of {times(self.NumModes)} modes"


@layer("spectralConvolution1dLayer", "1-D Spectral Convolution", name="spectralconv1d")
class SpectralConvolution1DLayer(SpectralConvolution, rank=1):
    """1-D spectral convolution layer: the lowest ``numModes`` frequencies of every channel times complex weights.

    The data are transformed over the time of sequences ``c×t``, or over the spatial dimension of ``s×c×n`` and ``s×c×t``;
    at every frequency k = 0, …, numModes − 1 the ``hiddenSize`` channels of the output are sums of those of the input times
    Weights(k), and all other frequencies are zero. At most (n + 1)/2 frequencies go with n elements. There is no bias.

    Weights are complex, ``numModes×c×hiddenSize``. They are kept as real numbers, ``numModes×c×hiddenSize×2``, real and
    imaginary parts; both forms are accepted.

    Example:
        >>> spectralConvolution1dLayer(16, 64).describe()
        '64 spectral convolutions of 16 modes'

    Raises:
        DltoolboxError: ``dltoolbox:spectralConvolution1dLayer:invalidNumModes`` and its like; when the network is checked,
            ``…:tooManyModes``.

    Source:
        MathWorks documentation of spectralConvolution1dLayer; Li et al., "Fourier neural operator for parametric partial
        differential equations" (2021); Trabelsi et al., "Deep complex networks" (2018), for the initialiser.
    """


@layer("spectralConvolution2dLayer", "2-D Spectral Convolution", name="spectralconv2d")
class SpectralConvolution2DLayer(SpectralConvolution, rank=2):
    """2-D spectral convolution layer; as `spectralConvolution1dLayer` in two dimensions.

    Frequencies are those from 0 to numModes − 1 along both dimensions, each with its opposite. Weights are complex,
    ``m1×m2×c×hiddenSize``, kept as ``m1×m2×c×hiddenSize×2``.

    Example:
        >>> spectralConvolution2dLayer([8, 6], 32).describe()
        '32 spectral convolutions of 8×6 modes'

    Source:
        MathWorks documentation of spectralConvolution2dLayer; Li et al., "Fourier neural operator for parametric partial
        differential equations" (2021).
    """


@layer("spectralConvolution3dLayer", "3-D Spectral Convolution", name="spectralconv3d")
class SpectralConvolution3DLayer(SpectralConvolution, rank=3):
    """3-D spectral convolution layer; as `spectralConvolution1dLayer` in three dimensions.

    Frequencies are those from 0 to numModes − 1 along every dimension, each with its opposite. Weights are complex,
    ``m1×m2×m3×c×hiddenSize``, kept as ``m1×m2×m3×c×hiddenSize×2``.

    Example:
        >>> spectralConvolution3dLayer(4, 16).describe()
        '16 spectral convolutions of 4×4×4 modes'

    Source:
        MathWorks documentation of spectralConvolution3dLayer; Li et al., "Fourier neural operator for parametric partial
        differential equations" (2021).
    """
