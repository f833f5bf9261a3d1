"""Normalisation of arrays with labels: batchnorm, layernorm, groupnorm and instancenorm."""

from __future__ import annotations

from math import prod
from typing import Any

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, one_precision
from dltoolbox.autodiff.tape import Payload
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Property
from dltoolbox.functions.labels import LabelledLayout, LabelledOptions, data_format, real_payload, shaped, unconverted

STATISTICS_DECAY = 0.1  # weight of a batch in running statistics, unless another is given


class _Normalisation(LabelledOptions):
    """Options that all normalisations have."""

    Epsilon = Property(convert.real(0, low_open=True), 1e-5)
    DataFormat = data_format()

    def validate(self) -> None:
        if "C" not in self.DataFormat:
            fail(f"{self.label()}:noChannels", f"{self.label()} scales channels, but the labels '{self.DataFormat}' have "
                 "no C.", "Label one dimension C.")

    def operands(self, X: object, offset: object, scaleFactor: object, *others: object,
                 last: str) -> tuple[list[Payload], tuple[int, ...], LabelledLayout]:
        """X with the channels before the last axis, scale and offset, all in one precision; the size of X in the order of
        work.
        """
        x, layout = self.arranged(X, offset, scaleFactor, *others, last=last)
        behind = len(layout.labels) - 1 - layout.labels.index("C")
        channels = x.shape[x.ndim - 1 - behind]
        together = shaped(x, (*x.shape[:x.ndim - behind], prod(x.shape[x.ndim - behind:])))
        scale, shift = (self.per_channel(array, name, channels) for array, name in (
            (scaleFactor, "scaleFactor"), (offset, "offset")))
        return one_precision([together, scale, shift]), x.shape, layout

    def per_channel(self, array: object, name: str, channels: int) -> Payload:
        """A number for every channel, in whatever shape."""
        payload = real_payload(array, self.label(), name)
        labels = array.labels if isinstance(array, dlarray) else ""
        elsewhere = [label for label, n in zip(labels, payload.shape, strict=False) if n > 1 and label != "C"]
        if payload.size != channels or elsewhere:
            fail(f"{self.label()}:{name}Mismatch", f"{name} has size {times(payload.shape)}"
                 f"{f' ({labels})' if labels else ''}, but X has {counted(channels, 'channel')}.",
                 f"Pass one number per channel, such as np.zeros(({channels}, 1)).")
        return payload


class _BatchNorm(_Normalisation):
    function = "batchnorm"
    mu = Property(unconverted, None, positional=True)
    sigmaSq = Property(unconverted, None, positional=True)
    Epsilon = _Normalisation.Epsilon
    MeanDecay = Property(convert.optional(convert.real(0, 1)), None)
    VarianceDecay = Property(convert.optional(convert.real(0, 1)), None)
    DataFormat = data_format()

    def validate(self) -> None:
        super().validate()
        if (self.mu is None) != (self.sigmaSq is None):
            fail("batchnorm:statisticsIncomplete", "batchnorm was given a mean without a variance, or a variance without a "
                 "mean.", "Pass both, as in batchnorm(X, offset, scaleFactor, mu, sigmaSq), or neither.")

    def check_decays(self, updating: bool) -> None:
        given = [name for name in ("MeanDecay", "VarianceDecay") if getattr(self, name) is not None]
        if given and not updating:
            fail("batchnorm:decayWithoutUpdate", f"{' and '.join(given)} would have no effect: nothing is updated.",
                 f"Leave {'them' if len(given) > 1 else 'it'} out, or pass mu and sigmaSq and ask for the updated ones: "
                 "Y, mu, sigmaSq = batchnorm(X, offset, scaleFactor, mu, sigmaSq, nargout=3).")


class _LayerNorm(_Normalisation):
    function = "layernorm"
    OperationDimension = Property(convert.choice("auto", "channel-only", "spatial-channel", "batch-excluded"), "auto")


class _GroupNorm(_Normalisation):
    function = "groupnorm"
    numGroups = Property(convert.word_or_count("all-channels", "channel-wise"), positional=True)
    Epsilon = _Normalisation.Epsilon
    DataFormat = data_format()


class _InstanceNorm(_Normalisation):
    function = "instancenorm"

    def validate(self) -> None:
        super().validate()
        if not set(self.DataFormat) & set("STU"):
            fail("instancenorm:noSpatialDimensions", "instancenorm normalises over the dimensions labelled S, T and U, but "
                 f"X has the labels '{self.DataFormat}'.", "Use layernorm, which normalises over the channels.")


def batchnorm(X: object, offset: object, scaleFactor: object, *arguments: object, nargout: int = 1,
              **options: object) -> Any:
    """scaleFactor·(X − mean)/√(variance + Epsilon) + offset, the statistics of each channel.

    * ``Y, popMu, popSigmaSq = batchnorm(X, offset, scaleFactor, nargout=3)`` takes the mean and the (biased) variance of X
      over all dimensions but C, and returns them.
    * ``Y = batchnorm(X, offset, scaleFactor, mu, sigmaSq)`` takes those that it is given, as for prediction.
    * ``Y, mu, sigmaSq = batchnorm(X, offset, scaleFactor, mu, sigmaSq, nargout=3)`` takes those of X, and returns running
      ones: MeanDecay·mean + (1 − MeanDecay)·mu, and likewise with VarianceDecay.

    Args:
        X: Array of real numbers with a C: a formatted dlarray, or labelled by ``DataFormat``.
        offset: One number per channel, in any shape.
        scaleFactor: Likewise.
        *arguments: Optionally ``mu`` and ``sigmaSq``, one number per channel each; then name-value pairs.
        nargout: Number of outputs.
        **options: ``Epsilon`` (1e-5); ``MeanDecay`` and ``VarianceDecay`` (0.1), where statistics are updated;
            ``DataFormat`` where X has no labels.

    Returns:
        Y of the size and format of X. Statistics have the shape of scaleFactor, or of those that are updated.

    Raises:
        DltoolboxError: ``dltoolbox:batchnorm:missingDataFormat``, ``…:noChannels``, ``…:offsetMismatch`` and its like,
            ``…:statisticsIncomplete``, ``…:decayWithoutUpdate``, ``…:emptyInput``, ``…:nargout``, ``…:notNumeric``.

    Example:
        >>> Y, mu, sigmaSq = batchnorm(dlarray([[1, 3], [0, 0]], 'CB'), [0, 10], [1, 1], nargout=3)
        >>> Y.round(3).tolist(), mu.tolist(), sigmaSq.tolist()
        ([[-1.0, 1.0], [10.0, 10.0]], [2.0, 0.0], [1.0, 0.0])

    Source:
        Ioffe and Szegedy, "Batch normalization: accelerating deep network training" (2015); MathWorks documentation of
        batchnorm.
    """
    check_nargout(nargout, 3, "batchnorm")
    chosen = _BatchNorm.beside(X, *arguments, **options)
    given = [(chosen.mu, "mu"), (chosen.sigmaSq, "sigmaSq")] if chosen.mu is not None else []
    chosen.check_decays(bool(given) and nargout > 1)
    (x, scale, shift), shape, layout = chosen.operands(X, offset, scaleFactor, *(array for array, _ in given), last="CB")
    statistics = [chosen.per_channel(array, name, scale.size) for array, name in given]
    if given and nargout == 1:
        x, scale, shift, *statistics = one_precision([x, scale, shift, *statistics])
        mu, sigmaSq = (shaped(each, scale.shape) for each in statistics)
        y = apply_op("batch_norm_inference", x, scale, shaped(shift, scale.shape), mu, sigmaSq, epsilon=chosen.Epsilon)
        return layout.restore(shaped(y, shape))
    if not x.size:
        fail("batchnorm:emptyInput", f"X has size {times(x.shape)}, and nothing has no mean.",
             "Pass mu and sigmaSq, or an array with elements.")
    y, *found = apply_op("batch_norm", x, scale, shift, epsilon=chosen.Epsilon)
    if given:
        decays = [STATISTICS_DECAY if decay is None else decay for decay in (chosen.MeanDecay, chosen.VarianceDecay)]
        found = [decay * shaped(new, old.shape) + (1 - decay) * old
                 for decay, new, old in zip(decays, found, statistics, strict=True)]
    kept = [as_dlarray(each, array.labels) if isinstance(array, dlarray) else layout.result(each)
            for each, array in zip(found, (chosen.mu, chosen.sigmaSq), strict=True)]
    return outputs((layout.restore(shaped(y, shape)), *kept), nargout, "batchnorm")


def layernorm(X: object, offset: object, scaleFactor: object, *pairs: object, **options: object) -> Any:
    """scaleFactor·(X − mean)/√(variance + Epsilon) + offset, the statistics of each observation: of all of it, or step by
    step.

    Args:
        X: Array of real numbers with a C: a formatted dlarray, or labelled by ``DataFormat``.
        offset: One number per channel, in any shape.
        scaleFactor: Likewise.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``OperationDimension``: over which dimensions the mean and the (biased) variance are taken:
            'channel-only' C, 'spatial-channel' S and C, 'batch-excluded' all but B, and 'auto' (default) 'channel-only'
            where there is a T, else 'batch-excluded', as `layerNormalizationLayer`; ``Epsilon`` (1e-5); ``DataFormat``
            where X has no labels.

    Returns:
        Array of the size and format of X.

    Raises:
        DltoolboxError: ``dltoolbox:layernorm:missingDataFormat``, ``…:noChannels``, ``…:offsetMismatch``,
            ``…:scaleFactorMismatch``, ``…:invalidOperationDimension``, ``…:notNumeric``.

    Example:
        >>> layernorm(dlarray([[1], [3]], 'CB'), [0, 10], [1, 1]).round(3).tolist()
        [[-1.0], [11.0]]

    Source:
        Ba, Kiros and Hinton, "Layer normalization" (2016); MathWorks documentation of layernorm.
    """
    chosen = _LayerNorm.beside(X, *pairs, **options)
    over = chosen.OperationDimension
    if over == "auto":
        over = "channel-only" if "T" in chosen.DataFormat else "batch-excluded"
    return normalised(chosen, X, offset, scaleFactor, 1, last="CBTU" if over == "spatial-channel" else "CB",
                      spatial=over != "channel-only")


def groupnorm(X: object, numGroups: object, offset: object, scaleFactor: object, *pairs: object,
              **options: object) -> Any:
    """scaleFactor·(X − mean)/√(variance + Epsilon) + offset, the statistics of groups of channels of each observation.

    Args:
        X: Array of real numbers with a C: a formatted dlarray, or labelled by ``DataFormat``.
        numGroups: Number of groups of neighbouring channels, 'all-channels' for one, or 'channel-wise' for one per channel.
        offset: One number per channel, in any shape.
        scaleFactor: Likewise.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Epsilon`` (1e-5); ``DataFormat`` where X has no labels. The mean and the (biased) variance are taken
            over the dimensions labelled S, T and U as well.

    Returns:
        Array of the size and format of X.

    Raises:
        DltoolboxError: ``dltoolbox:groupnorm:missingDataFormat``, ``…:noChannels``, ``…:invalidnumGroups``,
            ``…:channelsNotDivisible``, ``…:offsetMismatch``, ``…:scaleFactorMismatch``, ``…:notNumeric``.

    Example:
        >>> groupnorm(dlarray([[1], [3], [4], [4]], 'CB'), 2, [0, 0, 0, 0], [1, 1, 1, 1]).round(3).tolist()
        [[-1.0], [1.0], [0.0], [0.0]]

    Source:
        Wu and He, "Group normalization" (2018); MathWorks documentation of groupnorm.
    """
    chosen = _GroupNorm.beside(X, numGroups, *pairs, **options)
    return normalised(chosen, X, offset, scaleFactor, chosen.numGroups)


def instancenorm(X: object, offset: object, scaleFactor: object, *pairs: object, **options: object) -> Any:
    """scaleFactor·(X − mean)/√(variance + Epsilon) + offset, the statistics of each channel of each observation.

    Args:
        X: Array of real numbers with a C and an S, T or U: a formatted dlarray, or labelled by ``DataFormat``.
        offset: One number per channel, in any shape.
        scaleFactor: Likewise.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``Epsilon`` (1e-5); ``DataFormat`` where X has no labels. The mean and the (biased) variance are taken
            over the dimensions labelled S, T and U.

    Returns:
        Array of the size and format of X.

    Raises:
        DltoolboxError: ``dltoolbox:instancenorm:missingDataFormat``, ``…:noChannels``, ``…:noSpatialDimensions``,
            ``…:offsetMismatch``, ``…:scaleFactorMismatch``, ``…:notNumeric``.

    Example:
        >>> instancenorm(dlarray([[1, 3], [5, 5]], 'CS'), [0, 0], [1, 1]).round(3).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]

    Source:
        Ulyanov, Vedaldi and Lempitsky, "Instance normalization" (2016); MathWorks documentation of instancenorm.
    """
    return normalised(_InstanceNorm.beside(X, *pairs, **options), X, offset, scaleFactor, "channel-wise")


def normalised(chosen: _Normalisation, X: object, offset: object, scaleFactor: object, numGroups: str | int, *,
               last: str = "CB", spatial: bool = True) -> Any:
    """Normalisation of groups of channels of an observation; what stands in ``last`` behind C is observations of its own."""
    operands, shape, layout = chosen.operands(X, offset, scaleFactor, last=last)
    channels = operands[0].shape[-2]
    words = {"all-channels": 1, "channel-wise": max(channels, 1)}
    groups = words[numGroups] if isinstance(numGroups, str) else numGroups
    if channels % groups:
        fail(f"{chosen.label()}:channelsNotDivisible", f"X has {counted(channels, 'channel')}, which {groups} groups cannot "
             "share.", f"Choose a number of groups that divides {channels}.")
    if 0 in shape:  # the mean of nothing is not defined, and nothing needs it
        return layout.restore(shaped(operands[0], shape))
    y = apply_op("group_norm", *operands, groups=groups, epsilon=chosen.Epsilon, spatial=spatial)
    return layout.restore(shaped(y, shape))
