"""Attention between steps of arrays with labels, and embedding of indices."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import one_precision
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.functions.labels import LabelledLayout, LabelledOptions, data_format, real_payload, shaped, unconverted
from dltoolbox.ops.sequences.attention import TIME_AXIS
from dltoolbox.ops.sequences.embedding import Refusal


def _attention_mask(value: object) -> Any:
    """'none', 'causal', or an array, whose size is looked at later."""
    if isinstance(value, str) and value.lower() not in ("none", "causal"):
        raise InvalidValue("'none', 'causal', or an array of logical values, keys × queries")
    return value.lower() if isinstance(value, str) else value


class _Attention(LabelledOptions):
    function = "attention"
    numHeads = Property(convert.count, positional=True)
    Scale = Property(convert.either("auto", convert.real()), "auto")
    PaddingMask = Property(unconverted, None)
    AttentionMask = Property(_attention_mask, "none")
    DropoutProbability = Property(convert.real(0, 1, high_open=True), 0)
    DataFormat = data_format()

    def validate(self) -> None:
        steps = [label for label in self.DataFormat if label in "STU"]
        if "C" not in self.DataFormat or len(steps) != 1:
            fail("attention:notOneDimension", "attention works along one dimension labelled T, S or U, with channels, but "
                 f"the labels are '{self.DataFormat}'.", "Label for example 'CBT'; put the positions of images along one "
                 "dimension first.")

    def three(self, queries: object, keys: object, values: object) -> tuple[list[Payload], LabelledLayout]:
        """Queries, keys and values as channels × steps × observations, checked against each other."""
        x, layout = self.arranged(queries, keys, values, first="C", last="B", what="queries")
        q, k, v = ((shaped(each, (*each.shape, 1)) if each.ndim == 2 else each) for each in (
            x, layout.like_x(keys, "keys"), layout.like_x(values, "values")))
        if q.shape[0] != k.shape[0]:
            fail("attention:channelsMismatch", f"The queries have {counted(q.shape[0], 'channel')}, but the keys have "
                 f"{k.shape[0]}.", "Give both as many.")
        if k.shape[1] != v.shape[1]:
            fail("attention:stepsMismatch", f"There are {counted(k.shape[1], 'key')}, but {counted(v.shape[1], 'value')}.",
                 "Give every key a value.")
        if not q.shape[2] == k.shape[2] == v.shape[2]:
            fail("attention:observationsMismatch", f"Queries, keys and values have {q.shape[2]}, {k.shape[2]} and "
                 f"{v.shape[2]} observations.", "Give all as many.")
        for name, each in (("keys", k), ("values", v)):
            if each.shape[0] % self.numHeads:
                fail(f"attention:{name}NotDivisible", f"The {counted(each.shape[0], 'channel')} of the {name} cannot be "
                     f"divided among {counted(self.numHeads, 'head')}.", "Choose a number of heads that divides them.")
        return one_precision([q, k, v]), layout

    def masks(self, layout: LabelledLayout, k: Payload, queries: int) -> list[np.ndarray]:
        """The masks that there are, as the ops take them."""
        found = []
        if self.PaddingMask is not None:
            mask = as_logical(raw_values(layout.like_x(self.PaddingMask, "PaddingMask")), "attention", "PaddingMask")
            mask = shaped(mask, (*mask.shape, 1)) if mask.ndim == 2 else mask
            steps, batch = mask.shape[1:]
            if mask.shape[0] not in (1, k.shape[0]) or steps != k.shape[1] or batch not in (1, k.shape[2]) or (
                    (mask != mask[:1]).any()):
                fail("attention:paddingMaskMismatch", f"PaddingMask has size {times(mask.shape)} as channels × steps × "
                     f"observations, but the keys have {times(k.shape)}.", "Pass a mask of the size of the keys, or of one "
                     "channel, which is the same in all channels: 1 where a step is real, 0 where it is padding.")
            found.append(np.broadcast_to(mask[:1], (1, *k.shape[1:])).astype(k.dtype))
        if not isinstance(self.AttentionMask, str):
            pairs = as_logical(raw_values(real_payload(self.AttentionMask, "attention", "AttentionMask")), "attention",
                           "AttentionMask")
            if pairs.ndim not in (2, 3) or pairs.shape[:2] != (k.shape[1], queries) or (
                    pairs.ndim == 3 and pairs.shape[2] not in (1, k.shape[2])):
                fail("attention:attentionMaskMismatch", f"AttentionMask has size {times(pairs.shape)}, but there are "
                     f"{counted(k.shape[1], 'key')}, {queries} queries and "
                     f"{counted(k.shape[2], 'observation')}.",
                     f"Pass an array of size {k.shape[1]}×{queries}, or one for every observation, "
                     f"{k.shape[1]}×{queries}×{k.shape[2]}: 1 where a query may look at a key.")
            each = pairs.reshape(*pairs.shape[:2], 1, -1)
            found.append(np.broadcast_to(each, (*each.shape[:3], k.shape[2])).astype(k.dtype))
        return found


def as_logical(array: np.ndarray, function: str, name: str) -> np.ndarray:
    """An array of zeros and ones, as logical values."""
    if not np.isin(array, (0, 1)).all():
        fail(f"{function}:invalid{name}", f"{name} must hold logical values, zeros and ones.",
             f"Pass for example {name} > 0.")
    return np.asarray(array != 0)


def attention(queries: object, keys: object, values: object, numHeads: object, *pairs: object, nargout: int = 1,
              **options: object) -> Any:
    """Dot-product attention: each query takes the mean of all values, weighted by softmax(Scale·keysᵀ·query).

    Channels are divided among the heads. A query that may look at nothing gets zeros.

    Args:
        queries: Array with channels and one dimension of steps (T, S or U): a formatted dlarray such as 'CBT', or labelled
            by ``DataFormat``.
        keys: As many channels, perhaps other steps. A dlarray with labels, or its dimensions are those of the queries.
        values: As many steps as the keys, likewise.
        numHeads: Number of heads, which divides the channels.
        *pairs: Name-value pairs, instead of keywords.
        nargout: 2 also returns the weights.
        **options: ``Scale``: 'auto' (default), 1/√d for d channels of a head's keys, or a number; ``PaddingMask``: of the
            size of the keys, or of one channel: 0 for keys that nobody looks at; ``AttentionMask``: 'none' (default),
            'causal': query i looks at keys 1 to i, or an array of keys × queries (× observations), 0 for what is not looked
            at; ``DropoutProbability`` (0): of each weight; `rng` seeds it; ``DataFormat`` where the queries have no labels.

    Returns:
        Y: As the queries, with the channels of the values.
        weights: Before dropout, without labels: keys × queries × heads × observations.

    Raises:
        DltoolboxError: ``dltoolbox:attention:missingDataFormat``, ``…:notOneDimension``, ``…:channelsMismatch``,
            ``…:stepsMismatch``, ``…:observationsMismatch``, ``…:keysNotDivisible``, ``…:valuesNotDivisible``,
            ``…:paddingMaskMismatch``, ``…:attentionMaskMismatch``, ``…:invalidPaddingMask`` and its like,
            ``…:formatMismatch``, ``…:nargout``, ``…:notNumeric``.

    Example:
        >>> X = dlarray(np.eye(2), 'CT')
        >>> Y, weights = attention(X, X, X, 1, AttentionMask='causal', nargout=2)
        >>> Y.round(3).tolist(), weights.shape
        ([[1.0, 0.33], [0.0, 0.67]], (2, 2, 1, 1))

    Source:
        Vaswani et al., "Attention is all you need" (2017), section 3.2; MathWorks documentation of attention.
    """
    check_nargout(nargout, 2, "attention")
    chosen = _Attention.beside(queries, numHeads, *pairs, **options)
    (q, k, v), layout = chosen.three(queries, keys, values)
    extras = chosen.masks(layout, k, q.shape[1])
    scale = 1 / sqrt(max(k.shape[0] // chosen.numHeads, 1)) if isinstance(chosen.Scale, str) else chosen.Scale
    attrs = {"axis": TIME_AXIS, "heads": chosen.numHeads, "scale": scale,
             "causal": isinstance(chosen.AttentionMask, str) and chosen.AttentionMask == "causal"}
    weights = None
    if nargout == 2 or chosen.DropoutProbability:
        weights = apply_op("attention_scores", q, k, *extras, **attrs)
    if chosen.DropoutProbability:
        kept, _ = apply_op("dropout", weights, probability=chosen.DropoutProbability)
        y = apply_op("attend", q, kept, v, axis=TIME_AXIS)
    else:
        y = apply_op("attention", q, k, v, *extras, **attrs)
    y = y if "B" in chosen.DataFormat else shaped(y, y.shape[:2])
    return outputs((layout.restore(y), layout.result(weights)), nargout, "attention")


OUT_OF_RANGE = ("Pass whole numbers from 1 on, as word2ind gives them; one more column of the weights can be the vector of "
                "all that is unknown.")


class _Embed(LabelledOptions):
    function = "embed"

    def validate(self) -> None:
        if "C" not in self.DataFormat:
            self.__dict__["DataFormat"] += "C"  # a dimension of size 1 behind the others, which MATLAB's arrays all have


def embed(X: object, weights: object, *pairs: object, **options: object) -> Any:
    """The columns of the weights that the indices in X name: ``Y = embed(X, weights)``.

    Args:
        X: Whole numbers from 1 on, with a C of size 1, or none: a formatted dlarray, or labelled by ``DataFormat``.
        weights: Embedding dimension × number of indices.
        *pairs: Name-value pairs, instead of keywords.
        **options: ``DataFormat`` where X has no labels.

    Returns:
        Array of the format of X, with the embedding dimension along C; where X has no C, it is the last, or, with labels,
        in its place in the order S, C, B, T, U.

    Raises:
        DltoolboxError: ``dltoolbox:embed:missingDataFormat``, ``…:severalChannels``, ``…:invalidWeights``,
            ``…:indexOutOfRange``, ``…:notNumeric``.

    Example:
        >>> embed(dlarray([2, 1, 2], 'B'), [[10, 20], [1, 2]])
          2(C) × 3(B) dlarray
        <BLANKLINE>
            20    10    20
             2     1     2

    Source:
        MathWorks documentation of embed.
    """
    chosen = _Embed.beside(X, *pairs, **options)
    x, layout = chosen.arranged(X, weights, last="CB")
    W = real_payload(weights, "embed", "weights")
    timed = "B" in chosen.DataFormat
    x = x if timed else shaped(x, (*x.shape, 1))
    if x.shape[-2] != 1:
        fail("embed:severalChannels", f"X has {counted(x.shape[-2], 'channel')}, but every index stands alone: its channels "
             "are those of the weights.", "Label the dimension of several indices T, S or U.")
    if W.ndim != 2 or not W.size:
        fail("embed:invalidWeights", f"weights have size {times(W.shape)}, but must be a matrix with a column for every "
             "index.", "Pass an array of size embedding dimension × number of indices.")
    y = apply_op("embed", x, W, known=W.shape[1], refusal=Refusal("embed:indexOutOfRange", OUT_OF_RANGE))
    return layout.restore(y if timed else shaped(y, y.shape[:-1]))
