"""Recurrent layers: LSTM and GRU, in one direction or both, with projected weights or plain ones."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted, listed
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import HIDDEN, LEARNABLE, STATE, Property
from dltoolbox.layers.base import Array, Factor, Layer, Learnable, Row, State, l2_factor, layer, learn_rate_factor
from dltoolbox.ops import Builder, Outputs, Value

INITIALIZERS = ("glorot", "he", "orthogonal", "narrow-normal", "zeros", "ones")
Values = tuple[Value, ...]


def initializer(learnable: str, names: tuple[str, ...], default: str) -> Property[str | convert.Function]:
    return Property(convert.word_or_function(*names), default, f"How {learnable} starts: a name or a function of the size.",
                    group=HIDDEN)


def given(learnable: str) -> Property[np.ndarray | None]:
    return Property(convert.array, None, f"Initial {learnable}; [] lets the initialiser choose.", settable=True,
                    group=LEARNABLE)


def initial_state(of: str) -> Property[np.ndarray | None]:
    return Property(convert.array, None, f"Initial {of} state, one column for all observations or one each; [] is zeros.",
                    settable=True, group=STATE)


class PerGate(NamedTuple):
    """The same factor of the three learnables."""

    InputWeights: Property[Factor]
    RecurrentWeights: Property[Factor]
    Bias: Property[Factor]


def learn_rate_factors(gates: int) -> PerGate:
    return PerGate(*(learn_rate_factor(name, gates) for name in PerGate._fields))


def l2_factors(gates: int) -> PerGate:
    return PerGate(*(l2_factor(name, int(name != "Bias"), gates) for name in PerGate._fields))


class RecurrentLayer(Layer):
    """Units that see the input of a step and what they left at the step before.

    A class says in which ``directions`` it walks, how many ``gates`` a unit has in each, and the states that it carries from
    step to step. Weights and bias have a row per direction, gate and unit, in this order, the last the fastest.
    """

    formats = ("CB",)
    timeless = ("hidden", "cell")
    not_in_matlab = ("InputSize",)
    directions: ClassVar[int] = 1
    gates: ClassVar[int]
    carried: ClassVar[tuple[str, ...]] = ("HiddenState",)

    HasStateInputs = Property(convert.flag, False, "Whether states enter at ports of their own.", group="")
    HasStateOutputs = Property(convert.flag, False, "Whether states leave at ports of their own.", group="")
    InputSize = Property(convert.either("auto", convert.count), "auto", "Channels of the input.")
    NumHiddenUnits = Property(convert.count, doc="Number of hidden units: the channels of the output, in each direction.",
                              positional=True, argument="numHiddenUnits", older=("OutputSize",))
    OutputMode = Property(convert.choice("sequence", "last"), "sequence",
                          "Whether the output has all steps, or the last one alone.")
    StateActivationFunction = Property(convert.choice("tanh", "softsign", "relu"), "tanh",
                                       "Function of the candidate and the cell state.")
    GateActivationFunction = Property(convert.choice("sigmoid", "hard-sigmoid"), "sigmoid",
                                      "Function of the gates; 'hard-sigmoid' is 0.2·x + 0.5, cut to [0, 1].")
    InputWeightsInitializer = initializer("InputWeights", INITIALIZERS, "glorot")
    RecurrentWeightsInitializer = initializer("RecurrentWeights", INITIALIZERS, "orthogonal")
    BiasInitializer = initializer("Bias", ("zeros", "narrow-normal", "ones"), "zeros")
    InputWeights, RecurrentWeights, Bias = given("InputWeights"), given("RecurrentWeights"), given("Bias")
    HiddenState = initial_state("hidden")

    # Ports and arrays --------------------------------------------------------------------------------------------------
    @property
    def states(self) -> tuple[str, ...]:
        """None where states come from other layers."""
        return () if self.HasStateInputs else self.carried

    @property
    def state_ports(self) -> tuple[str, ...]:
        return tuple(name.removesuffix("State").lower() for name in self.carried)

    def inputs(self) -> tuple[str, ...]:
        return ("in", *self.state_ports) if self.HasStateInputs else ("in",)

    def outputs(self) -> tuple[str, ...]:
        return ("out", *self.state_ports) if self.HasStateOutputs else ("out",)

    @property
    def channels(self) -> int:
        """Of the output, and of each state."""
        return self.NumHiddenUnits * self.directions

    def validate(self) -> None:
        if self.HasStateInputs and (both := [name for name in self.carried if getattr(self, name) is not None]):
            fail(f"{self.label()}:stateGivenTwice", f"{listed(both)} cannot be set where states enter at ports.",
                 f"Leave out {listed(both)}, or HasStateInputs.", layer=self.Name)

    def check(self, *inputs: Dims) -> None:
        x, *states = inputs
        if not x.timed and not x.hidden and (x.known or x.rank):  # a vector of unknown size may have unknown steps, too
            first = f"sequenceInputLayer({[*x.spatial, x.channels] if x.rank else x.channels})"
            steps = [first, "flattenLayer", repr(self)] if x.rank else [first, repr(self)]
            fail(f"{self.label()}:noTimeSteps", f"{self.label()} walks over the time steps of sequences, but its input has "
                 f"none: {x}.", f"Let sequences in: [{', '.join(steps)}]." if x.known else
                 "Let sequences in by sequenceInputLayer, and insert flattenLayer before this layer.", layer=self.Name)
        if x.rank:
            fail(f"{self.label()}:invalidInputFormat", f"{self.label()} needs a vector per time step, but its input is {x}.",
                 "Insert flattenLayer before it.", layer=self.Name)
        for port, state in zip(self.state_ports, states, strict=False):
            self.check_state(port, state)

    def check_state(self, port: str, state: Dims) -> None:
        """A state is one vector per observation."""
        if not state.hidden and (state.timed or state.rank or state.channels != self.channels):
            units = counted(self.NumHiddenUnits, "hidden unit")
            fail(f"{self.label()}:stateSizeMismatch", f"Input '{port}' of {self.label()} takes a state of size "
                 f"{self.channels}(C) × 1(B), but it is connected to {state}.",
                 f"Connect output '{port}' of another {self.label()} with {units} and HasStateOutputs=True."
                 if state.timed or state.rank else
                 f"Insert fullyConnectedLayer({self.channels}) before input '{port}'.", layer=self.Name)

    def check_parameters(self, *inputs: Dims) -> None:
        self.check_declared_size("InputSize", inputs[0].channels, "channel")

    def arrays(self, *inputs: Dims) -> tuple[Array, ...]:
        return (*self.weights(inputs[0].channels), *(State(name, (self.channels, 1), carried=True) for name in self.states))

    def weights(self, inputs: int) -> tuple[Learnable, ...]:
        """The learnables for an input of so many channels."""
        rows = self.gates * self.channels
        return (self.learned("InputWeights", (rows, inputs)), self.learned("RecurrentWeights", (rows, self.NumHiddenUnits)),
                self.learned("Bias", (rows, 1)))

    def learned(self, name: str, shape: tuple[int, int]) -> Learnable:
        """A matrix from as many values as it has columns to as many as it has rows."""
        return Learnable(name, shape, getattr(self, f"{name}Initializer"), shape[1], shape[0],
                         getattr(self, f"{name}LearnRateFactor"), getattr(self, f"{name}L2Factor"), stacked=self.directions)

    def resolve_auto(self) -> None:
        assert self.InputWeights is not None
        self.__dict__["InputSize"] = self.InputWeights.shape[1]

    # Meaning -----------------------------------------------------------------------------------------------------------
    def build(self, g: Builder, x: Value, *states: Value) -> Outputs:
        assert x.dims.timed, "behind a problem, nothing can be told"
        before = states or tuple(g.carried(name, self.channels) for name in self.carried)
        weights = self.effective_weights(g)
        if self.directions == 1:
            y, *after = self.walk(g, x, before, weights, reverse=False)
        else:
            both = zip(zip(*map(g.halves, before), strict=True), zip(*map(g.halves, weights), strict=True), strict=True)
            runs = [self.walk(g, x, *own, reverse=reverse) for own, reverse in zip(both, (False, True), strict=True)]
            y, *after = (g.concat(*pair, axis=0) for pair in zip(*runs, strict=True))
        if not states:
            for name, value in zip(self.carried, after, strict=True):
                g.carry(name, value)
        out = after[0] if self.OutputMode == "last" else y
        return (out, *after) if self.HasStateOutputs else out

    def effective_weights(self, g: Builder) -> Values:
        """The matrices that multiply the input and the hidden state, and the bias."""
        return g.learnable("InputWeights"), g.learnable("RecurrentWeights"), g.learnable("Bias")

    def walk(self, g: Builder, x: Value, states: Values, weights: Values, *, reverse: bool) -> Values:
        """One direction: what leaves every step, and the states that the last one left."""
        raise NotImplementedError

    # Text --------------------------------------------------------------------------------------------------------------
    def describe(self) -> str:
        return f"{self.type_text} with {counted(self.NumHiddenUnits, 'hidden unit')}"

    def size_formula(self, *inputs: Dims) -> tuple[tuple[str, str], ...]:
        n = self.NumHiddenUnits
        return (("channels", f"{self.directions}·{n} = {self.channels}"),) if self.directions > 1 else ()

    def rows(self) -> list[Row]:
        """All ports stand behind the name."""
        name, *rest = super().rows()
        ports = ("InputNames", self.inputs()), ("OutputNames", self.outputs()), (
            "NumInputs", self.NumInputs), ("NumOutputs", self.NumOutputs)
        return [name, *(("", *port) for port in ports), *rest]


class LongShortTermMemory(RecurrentLayer):
    """Input gate, forget gate, cell candidate and output gate around a cell."""

    gates = 4
    carried = ("HiddenState", "CellState")

    BiasInitializer = initializer("Bias", ("unit-forget-gate", "narrow-normal", "ones", "zeros"), "unit-forget-gate")
    InputWeightsLearnRateFactor, RecurrentWeightsLearnRateFactor, BiasLearnRateFactor = learn_rate_factors(4)
    InputWeightsL2Factor, RecurrentWeightsL2Factor, BiasL2Factor = l2_factors(4)
    CellState = initial_state("cell")

    def walk(self, g: Builder, x: Value, states: Values, weights: Values, *, reverse: bool) -> Values:
        hidden, cell = states
        return g.lstm(x, hidden, cell, *weights, state_activation=self.StateActivationFunction,
                      gate_activation=self.GateActivationFunction, reverse=reverse)


@layer("lstmLayer", "LSTM", name="lstm")
class LSTMLayer(LongShortTermMemory):
    """LSTM layer: long short-term memory over the steps of a sequence of ``c`` channels.

    At every step i, f, o = σ(W·x + R·h + b) and g = φ(W·x + R·h + b), each with its own rows of InputWeights W,
    RecurrentWeights R and Bias b; then the cell state c ← f·c + i·g and the hidden state h ← o·φ(c), which is the output.
    Rows are those of the input gate i, the forget gate f, the cell candidate g and the output gate o: W is ``4H×c``, R
    ``4H×H``, b ``4H×1``, and the states ``H×1``, for H hidden units. σ is GateActivationFunction, φ
    StateActivationFunction.

    ``OutputMode='last'`` gives the hidden state behind the last step of each sequence. With ``HasStateInputs=True`` the
    states enter at the ports ``hidden`` and ``cell``, with ``HasStateOutputs=True`` they leave there. The factors are one
    number, or one per gate.

    Example:
        >>> lstmLayer(150, OutputMode='last').describe()
        'LSTM with 150 hidden units'

    Raises:
        DltoolboxError: ``dltoolbox:lstmLayer:invalidNumHiddenUnits`` and its like, ``…:stateGivenTwice``; when the network
            is checked, ``…:noTimeSteps``, ``…:invalidInputFormat``, ``…:stateSizeMismatch``, ``…:inputSizeMismatch``.

    Source:
        Hochreiter and Schmidhuber, "Long short-term memory" (1997); Gers, Schmidhuber and Cummins, "Learning to forget"
        (2000); MathWorks documentation of lstmLayer.
    """


@layer("bilstmLayer", "BiLSTM", name="biLSTM")
class BiLSTMLayer(LongShortTermMemory):
    """Bidirectional LSTM layer: one LSTM from the first step to the last, one back, and what both leave at each step.

    As `lstmLayer`, with twice the rows and twice the channels in output and states: those of the forward direction come
    first. ``OutputMode='last'`` gives what the forward one left at the last step, and the backward one at the first. The
    factors are one number, or one per gate and direction.

    Example:
        >>> bilstmLayer(100).describe()
        'BiLSTM with 100 hidden units'

    Source:
        Graves and Schmidhuber, "Framewise phoneme classification with bidirectional LSTM" (2005); MathWorks documentation of
        bilstmLayer.
    """

    directions = 2

    InputWeightsLearnRateFactor, RecurrentWeightsLearnRateFactor, BiasLearnRateFactor = learn_rate_factors(8)
    InputWeightsL2Factor, RecurrentWeightsL2Factor, BiasL2Factor = l2_factors(8)


class GatedRecurrentUnit(RecurrentLayer):
    """Reset gate, update gate and candidate."""

    gates = 3

    ResetGateMode = Property(
        convert.choice("after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication"),
        "after-multiplication", "The place of the reset gate: after or before the multiplication by RecurrentWeights, or "
        "after it with a bias of its own.")
    InputWeightsLearnRateFactor, RecurrentWeightsLearnRateFactor, BiasLearnRateFactor = learn_rate_factors(3)
    InputWeightsL2Factor, RecurrentWeightsL2Factor, BiasL2Factor = l2_factors(3)

    @property
    def biases(self) -> int:
        """One for the weighted input, and perhaps one for the weighted state."""
        return 2 if self.ResetGateMode == "recurrent-bias-after-multiplication" else 1

    def learned(self, name: str, shape: tuple[int, int]) -> Learnable:
        """Both biases have the factors of their gates."""
        made = super().learned(name, shape)
        if name != "Bias" or self.biases == 1:
            return made
        rate, decay = (factor * 2 if isinstance(factor, tuple) else factor
                       for factor in (made.learn_rate_factor, made.l2_factor))
        return Learnable(name, (2 * shape[0], 1), made.initializer, learn_rate_factor=rate, l2_factor=decay)

    def walk(self, g: Builder, x: Value, states: Values, weights: Values, *, reverse: bool) -> Values:
        return g.gru(x, *states, *weights, state_activation=self.StateActivationFunction,
                     gate_activation=self.GateActivationFunction, reset=self.ResetGateMode, reverse=reverse)


@layer("gruLayer", "GRU", name="gru")
class GRULayer(GatedRecurrentUnit):
    """GRU layer: gated recurrent units over the steps of a sequence of ``c`` channels.

    At every step r, z = σ(W·x + R·h + b), g = φ(W·x + b + …) and h ← (1 − z)·g + z·h, which is the output, each with its own
    rows of InputWeights W, RecurrentWeights R and Bias b; … is r·(R·h) for ``ResetGateMode='after-multiplication'``,
    R·(r·h) for ``'before-multiplication'``, and r·(R·h + b') for ``'recurrent-bias-after-multiplication'``, where Bias
    holds b and, below it, b', which is then added to R·h everywhere. Rows are those of the reset gate r, the update gate z
    and the candidate g: W is ``3H×c``, R ``3H×H``, b ``3H×1`` or ``6H×1``, and the state ``H×1``, for H hidden units. The
    factors are one number, or one per gate. The other options are those of `lstmLayer`.

    Example:
        >>> gruLayer(100, HasStateOutputs=True).OutputNames
        ['out', 'hidden']

    Source:
        Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014); MathWorks documentation of gruLayer.
    """


class Projected(RecurrentLayer):
    """Weights that are products: what they multiply is projected first, to fewer channels."""

    OutputProjectorSize = Property(convert.count, doc="Channels to which the hidden state is projected.", positional=True,
                                   argument="outputProjectorSize")
    InputProjectorSize = Property(convert.count, doc="Channels to which the input is projected.", positional=True,
                                  argument="inputProjectorSize")
    OutputMode = RecurrentLayer.OutputMode
    StateActivationFunction = RecurrentLayer.StateActivationFunction
    GateActivationFunction = RecurrentLayer.GateActivationFunction
    InputProjectorInitializer = initializer("InputProjector", INITIALIZERS, "orthogonal")
    OutputProjectorInitializer = initializer("OutputProjector", INITIALIZERS, "orthogonal")
    InputProjectorLearnRateFactor = learn_rate_factor("InputProjector")
    OutputProjectorLearnRateFactor = learn_rate_factor("OutputProjector")
    InputProjectorL2Factor, OutputProjectorL2Factor = l2_factor("InputProjector"), l2_factor("OutputProjector")
    InputProjector, OutputProjector = given("InputProjector"), given("OutputProjector")

    def weights(self, inputs: int) -> tuple[Learnable, ...]:
        rows = self.gates * self.NumHiddenUnits
        return (self.learned("InputWeights", (rows, self.InputProjectorSize)),
                self.learned("RecurrentWeights", (rows, self.OutputProjectorSize)), self.learned("Bias", (rows, 1)),
                self.learned("InputProjector", (inputs, self.InputProjectorSize)),
                self.learned("OutputProjector", (self.NumHiddenUnits, self.OutputProjectorSize)))

    def effective_weights(self, g: Builder) -> Values:
        return (g.times_transposed(g.learnable("InputWeights"), g.learnable("InputProjector")),
                g.times_transposed(g.learnable("RecurrentWeights"), g.learnable("OutputProjector")), g.learnable("Bias"))

    def resolve_auto(self) -> None:
        assert self.InputProjector is not None
        self.__dict__["InputSize"] = self.InputProjector.shape[0]

    def describe(self) -> str:
        return (f"{self.type_text} layer with {counted(self.NumHiddenUnits, 'hidden unit')}, an output projector size of "
                f"{self.OutputProjectorSize}, and an input projector size of {self.InputProjectorSize}")


@layer("lstmProjectedLayer", "Projected LSTM", name="lstmprojected")
class LSTMProjectedLayer(Projected, LongShortTermMemory):
    """Projected LSTM layer: an LSTM whose weights are products of two narrow matrices, so that there are fewer learnables.

    In place of W and R of `lstmLayer` stand InputWeights·InputProjectorᵀ and RecurrentWeights·OutputProjectorᵀ.
    InputProjector is ``c×q`` and InputWeights ``4H×q`` with the input projector size q, OutputProjector is ``H×p`` and
    RecurrentWeights ``4H×p`` with the output projector size p.

    Example:
        >>> lstmProjectedLayer(100, 30, 16).describe()
        'Projected LSTM layer with 100 hidden units, an output projector size of 30, and an input projector size of 16'

    Source:
        MathWorks documentation of lstmProjectedLayer.
    """


@layer("gruProjectedLayer", "Projected GRU", name="gruprojected")
class GRUProjectedLayer(Projected, GatedRecurrentUnit):
    """Projected GRU layer: a GRU whose weights are products of two narrow matrices, so that there are fewer learnables.

    As `lstmProjectedLayer`, with the three gates of `gruLayer`.

    Example:
        >>> gruProjectedLayer(100, 30, 16).describe()
        'Projected GRU layer with 100 hidden units, an output projector size of 30, and an input projector size of 16'

    Source:
        MathWorks documentation of gruProjectedLayer.
    """

    ResetGateMode = GatedRecurrentUnit.ResetGateMode
