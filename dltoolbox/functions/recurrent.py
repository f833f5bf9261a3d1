"""Recurrent units along the time of arrays with labels: lstm and gru."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.autodiff.apply import apply_op
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, one_precision
from dltoolbox.autodiff.tape import Payload
from dltoolbox.core import convert
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Property
from dltoolbox.functions.labels import LabelledLayout, LabelledOptions, axes_in_order, data_format, real_payload, shaped

GATES = {"lstm": ("input", "forget", "candidate", "output"), "gru": ("reset", "update", "candidate")}


class _Recurrent(LabelledOptions):
    """Options of recurrent units, and what they need of their arrays."""

    StateActivationFunction = Property(convert.choice("tanh", "softsign", "relu"), "tanh")
    GateActivationFunction = Property(convert.choice("sigmoid", "hard-sigmoid"), "sigmoid")
    DataFormat = data_format()

    def validate(self) -> None:
        if "U" in self.DataFormat or not set(self.DataFormat) & set("SC"):
            fail(f"{self.label()}:noFeatures", f"{self.label()} takes the dimensions labelled S and C as features of every "
                 f"time step, but the labels are '{self.DataFormat}'.", "Label the features C, the steps T, and use no U.")

    def sequences(self, X: object, *others: object) -> tuple[Payload, LabelledLayout]:
        """X as features × steps × observations; S and C are flattened column-major."""
        x, layout = self.arranged(X, *others, last="TB")
        count = sum(label in "SC" for label in self.DataFormat)
        flat = axes_in_order(x, (*reversed(range(count)), *range(count, x.ndim)))
        at = count + ("T" in self.DataFormat)
        return shaped(flat, (prod(x.shape[:count]), prod(x.shape[count:at]), prod(x.shape[at:]))), layout

    def state(self, array: object, name: str, hidden: int, batch: int) -> Payload:
        """An initial state as hidden units × observations; one for all is given to each."""
        payload = real_payload(array, self.label(), name)
        if isinstance(array, dlarray) and "CB" in (array.labels, array.labels[::-1]):
            payload = axes_in_order(payload, [array.labels.index(label) for label in "CB"])
        columns = payload.shape[1] if payload.ndim == 2 else 1
        if payload.ndim not in (1, 2) or payload.shape[0] != hidden or columns not in (1, batch):
            fail(f"{self.label()}:{name}Mismatch", f"{name} has size {times(payload.shape)}, but there are "
                 f"{counted(hidden, 'hidden unit')} and {counted(batch, 'observation')}.",
                 f"Pass an array of size {hidden}×{batch}, such as np.zeros(({hidden}, {batch})), or {hidden}×1 for all.")
        column = shaped(payload, (hidden, columns))
        return column if columns == batch else np.broadcast_to(column, (hidden, batch))

    def parameters(self, weights: object, recurrentWeights: object, bias: object, features: int,
                   biases: int = 1) -> tuple[Payload, Payload, Payload, int]:
        """The weights and the bias of all gates, and the number of hidden units."""
        label, gates = self.label(), len(GATES[self.label()])
        W, R, b = (real_payload(array, label, name) for array, name in (
            (weights, "weights"), (recurrentWeights, "recurrentWeights"), (bias, "bias")))
        hidden = R.shape[-1] if R.ndim else 0
        if R.ndim != 2 or not hidden or R.shape[0] != gates * hidden:
            self.refuse("recurrentWeights", R, f"they must have {gates} rows per hidden unit, of the gates "
                        f"{', '.join(GATES[label])}, and a column per hidden unit",
                        f"Pass an array of size {gates}·H×H for H hidden units.")
        if W.shape != (gates * hidden, features):
            self.refuse("weights", W, f"X has {counted(features, 'feature')} per time step, and recurrentWeights "
                        f"{counted(hidden, 'hidden unit')}", f"Pass an array of size {gates * hidden}×{features}.")
        if b.size != biases * gates * hidden:
            self.refuse("bias", b, f"there are {counted(hidden, 'hidden unit')}",
                        f"Pass a column of {biases * gates * hidden} numbers.")
        return W, R, shaped(b, (b.size, 1)), hidden

    def refuse(self, name: str, array: Payload, but: str, fix: str) -> None:
        verb = "has" if name == "bias" else "have"
        fail(f"{self.label()}:{name}Mismatch", f"{name} {verb} size {times(array.shape)}, but {but}.", fix)

    def returned(self, results: Sequence[Payload], layout: LabelledLayout, states: Sequence[object],
                 nargout: int) -> Any:
        """Outputs at every step with the dimensions of X, one for all features; states labelled as those were."""
        y, *last = results
        stored = ["C", *(label for label in "TB" if label in self.DataFormat)]
        features = self.DataFormat.index("C" if "C" in self.DataFormat else "S")
        wanted = ["C" if at == features else label for at, label in enumerate(self.DataFormat)
                  if at == features or label in "TB"]
        sizes = {"C": y.shape[0], "T": y.shape[1], "B": y.shape[2]}
        back = axes_in_order(shaped(y, [sizes[label] for label in stored]), [stored.index(label) for label in wanted])
        ends = [as_dlarray(end, "CB" if state.labels else "") if isinstance(state, dlarray) else layout.result(end)
                for end, state in zip(last, states, strict=True)]
        return outputs((layout.result(back, "".join(wanted)), *ends), nargout, self.label())


class _Lstm(_Recurrent):
    function = "lstm"


class _Gru(_Recurrent):
    function = "gru"
    ResetGateMode = Property(convert.choice("after-multiplication", "before-multiplication",
                                            "recurrent-bias-after-multiplication"), "after-multiplication")
    DataFormat = data_format()


def lstm(X: object, H0: object, C0: object, weights: object, recurrentWeights: object, bias: object, *pairs: object,
         nargout: int = 1, **options: object) -> Any:
    """A long short-term memory along time: ``Y, hiddenState, cellState = lstm(X, H0, C0, weights, recurrentWeights, bias,
    nargout=3)``.

    i, f, o = σ(W x + R h + b), g = φ(W x + R h + b), c ← f·c + i·g, h ← o·φ(c), with the rows of each gate.

    Args:
        X: Sequences, a formatted dlarray such as 'CBT', or labelled by ``DataFormat``. S and C are flattened column-major;
            without T, it is one time step.
        H0: Hidden state at the beginning, H×B, or H×1 for all observations.
        C0: Cell state at the beginning, likewise.
        weights: 4H×features: rows of the input gate, the forget gate, the candidate and the output gate.
        recurrentWeights: 4H×H, likewise.
        bias: 4H numbers.
        *pairs: Name-value pairs, instead of keywords.
        nargout: Number of outputs.
        **options: ``StateActivationFunction``: 'tanh' (default), 'softsign' or 'relu'; ``GateActivationFunction``:
            'sigmoid' (default) or 'hard-sigmoid'; ``DataFormat`` where X has no labels.

    Returns:
        Y: Hidden states of all steps, H in the place of the features of X.
        hiddenState: The last, H×B; with the labels 'CB' if H0 has labels.
        cellState: Likewise.

    Raises:
        DltoolboxError: ``dltoolbox:lstm:missingDataFormat``, ``…:noFeatures``, ``…:weightsMismatch``,
            ``…:recurrentWeightsMismatch``, ``…:biasMismatch``, ``…:H0Mismatch``, ``…:C0Mismatch``, ``…:nargout``,
            ``…:notNumeric``.

    Example:
        >>> X = dlarray(np.ones((2, 5, 7)), 'CBT')  # two features, five observations, seven steps
        >>> W, R, b = np.ones((12, 2)), np.ones((12, 3)), np.zeros(12)
        >>> Y, H, C = lstm(X, np.zeros((3, 1)), np.zeros((3, 1)), W, R, b, nargout=3)
        >>> dims(Y), Y.shape, H.shape
        ('CBT', (3, 5, 7), (3, 5))

    Source:
        Hochreiter and Schmidhuber, "Long short-term memory" (1997); MathWorks documentation of lstm.
    """
    check_nargout(nargout, 3, "lstm")
    chosen = _Lstm.beside(X, *pairs, **options)
    x, layout = chosen.sequences(X, H0, C0, weights, recurrentWeights, bias)
    W, R, b, hidden = chosen.parameters(weights, recurrentWeights, bias, x.shape[0])
    h, c = (chosen.state(array, name, hidden, x.shape[2]) for array, name in ((H0, "H0"), (C0, "C0")))
    results = apply_op("lstm", *one_precision([x, h, c, W, R, b]), state_activation=chosen.StateActivationFunction,
                       gate_activation=chosen.GateActivationFunction)
    return chosen.returned(results, layout, (H0, C0), nargout)


def gru(X: object, H0: object, weights: object, recurrentWeights: object, bias: object, *pairs: object, nargout: int = 1,
        **options: object) -> Any:
    """Gated recurrent units along time: ``Y, hiddenState = gru(X, H0, weights, recurrentWeights, bias, nargout=2)``.

    r, z = σ(W x + R h + b), g = φ(W x + … + b), h ← z·h + (1 − z)·g, with the rows of each gate. ``ResetGateMode`` says what
    stands for …: r·(R h), R (r·h), or r·(R h + b').

    Args:
        X: Sequences, a formatted dlarray such as 'CBT', or labelled by ``DataFormat``. S and C are flattened column-major;
            without T, it is one time step.
        H0: Hidden state at the beginning, H×B, or H×1 for all observations.
        weights: 3H×features: rows of the reset gate, the update gate and the candidate.
        recurrentWeights: 3H×H, likewise.
        bias: 3H numbers; 6H with 'recurrent-bias-after-multiplication': b, then b', which is added to R h in all gates.
        *pairs: Name-value pairs, instead of keywords.
        nargout: Number of outputs.
        **options: ``ResetGateMode``: 'after-multiplication' (default), 'before-multiplication' or
            'recurrent-bias-after-multiplication'; ``StateActivationFunction``: 'tanh' (default), 'softsign' or 'relu';
            ``GateActivationFunction``: 'sigmoid' (default) or 'hard-sigmoid'; ``DataFormat`` where X has no labels.

    Returns:
        Y: Hidden states of all steps, H in the place of the features of X.
        hiddenState: The last, H×B; with the labels 'CB' if H0 has labels.

    Raises:
        DltoolboxError: ``dltoolbox:gru:missingDataFormat``, ``…:noFeatures``, ``…:weightsMismatch``,
            ``…:recurrentWeightsMismatch``, ``…:biasMismatch``, ``…:H0Mismatch``, ``…:nargout``, ``…:notNumeric``.

    Example:
        >>> X = dlarray(np.ones((2, 5, 7)), 'CBT')
        >>> Y = gru(X, np.zeros((3, 1)), np.ones((9, 2)), np.ones((9, 3)), np.zeros(9))
        >>> dims(Y), Y.shape
        ('CBT', (3, 5, 7))

    Source:
        Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014); MathWorks documentation of gru.
    """
    check_nargout(nargout, 2, "gru")
    chosen = _Gru.beside(X, *pairs, **options)
    x, layout = chosen.sequences(X, H0, weights, recurrentWeights, bias)
    biases = 2 if chosen.ResetGateMode == "recurrent-bias-after-multiplication" else 1
    W, R, b, hidden = chosen.parameters(weights, recurrentWeights, bias, x.shape[0], biases)
    h = chosen.state(H0, "H0", hidden, x.shape[2])
    results = apply_op("gru", *one_precision([x, h, W, R, b]), reset=chosen.ResetGateMode,
                       state_activation=chosen.StateActivationFunction, gate_activation=chosen.GateActivationFunction)
    return chosen.returned(results, layout, (H0,), nargout)
