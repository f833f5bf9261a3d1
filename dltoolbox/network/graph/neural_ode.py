"""The layer that solves a differential equation whose right side is a network: `neuralODELayer`."""

from __future__ import annotations

from math import ceil, copysign

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.layers.base import Layer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.graph.subnetworks import NetworkLayer, numbered
from dltoolbox.ops import Builder, Outputs, Value

FIXED = "Set Solver='ode1' (Euler) or Solver='rk4' (Runge and Kutta), both with fixed steps of StepSize."
MOST_SOLVER_STEPS = 10_000


@convert.annotated("Sequence[float]")
def _interval(value: object) -> tuple[float, float]:
    """Beginning and end."""
    given = convert.array(value)
    if given is None or given.size < 2 or given.ndim != 1 or not (np.all(np.diff(given) > 0) or np.all(np.diff(given) < 0)):
        raise InvalidValue("a vector of increasing or decreasing numbers", "Pass beginning and end, such as [0, 1].")
    if given.size > 2:
        raise InvalidValue("[t0, tf]", f"Pass [{given[0]:g}, {given[-1]:g}] for the solution at the end; those in between "
                           "are not there yet.", "notYetSupported")
    return float(given[0]), float(given[1])


@convert.annotated("str")
def _gradient_mode(value: object) -> str:
    """Gradients of what the solver does."""
    if isinstance(value, str) and value.lower() == "adjoint":
        raise InvalidValue("'direct'", "Leave it 'direct': gradients go back through the steps of the solver.",
                           "notYetSupported")
    return convert.choice("direct")(value)


class SolverSum(Layer):
    """A step of a solver: the values at its inputs, each times a number, added up."""

    factory = "neuralODELayer"

    Factors = Property(convert.array, None, "A number for each input.")

    def inputs(self) -> tuple[str, ...]:
        return numbered("in", 1 if self.Factors is None else self.Factors.size)

    def check(self, *inputs: Dims) -> None:
        if any(x != inputs[0] for x in inputs if not x.hidden and not inputs[0].hidden):
            wrong = next(x for x in inputs if x != inputs[0])
            fail(f"{self.label()}:networkSizeMismatch", f"The network gets {inputs[0]}, but gives {wrong}: it is to give "
                 "the derivative of what it gets.", "End it in a layer that gives the size of its input.")

    def build(self, g: Builder, *inputs: Value) -> Outputs:
        assert self.Factors is not None
        return g.linear_sum(*inputs, weights=tuple(self.Factors.tolist()))


class NeuralODELayer(NetworkLayer):
    """A layer that solves a differential equation; see `neuralODELayer`."""

    factory, type_text, default_name, repeats = "neuralODELayer", "Neural ODE", "neuralode", True

    TimeInterval = Property(_interval, doc="Beginning and end, [t0, tf].", positional=True, argument="tspan", group="")
    Solver = Property(convert.choice("ode45", "ode1", "rk4"), "ode45",
                      "'ode1' (Euler) or 'rk4' (Runge and Kutta), with fixed steps.")
    StepSize = Property(convert.either("auto", convert.real(0, low_open=True)), "auto", "Size of the steps; 'auto': a tenth "
                        "of the interval.")
    GradientMode = Property(_gradient_mode, "direct", "'direct': gradients go back through the steps.")

    def validate(self) -> None:
        net = self.Network
        if self.Solver == "ode45":
            fail(f"{self.label()}:notYetSupported", "Steps that adapt (Solver='ode45', the default) are not there yet.",
                 FIXED, layer=self.Name)
        if len(net.open_inputs()) != 1 or len(net.leaving) != 1:
            fail(f"{self.label()}:oneInputNeeded", f"The network has {len(net.open_inputs())} inputs and {len(net.leaving)} "
                 "outputs; needed is one of each.", "Pass a network of one input and one output; time as a second input is "
                 "not there yet.", layer=self.Name)
        if len(self.steps()) > MOST_SOLVER_STEPS:
            fail(f"{self.label()}:tooManySteps", f"StepSize {self.StepSize:g} takes more than {MOST_SOLVER_STEPS:,} steps.",
                 "Set a larger StepSize.", layer=self.Name)

    def steps(self) -> list[float]:
        """Sizes of the steps, the last of which ends at the end."""
        begin, end = self.TimeInterval
        if self.StepSize == "auto":
            return [(end - begin) / 10] * 10
        size = min(float(self.StepSize), abs(end - begin))
        count = min(ceil(abs(end - begin) / size - 1e-9), MOST_SOLVER_STEPS + 1)
        last = abs(end - begin) - (count - 1) * size
        return [copysign(step, end - begin) for step in (*[size] * (count - 1), last)]

    def written_out(self) -> LayerGraph:
        """The network once for every look at it, all with the arrays of the first, and the sums between them."""
        return Unrolled(self.Network, self.steps(), self.Solver).graph

    def describe(self) -> str:
        begin, end = self.TimeInterval
        return f"Neural ODE from {begin:g} to {end:g} in {len(self.steps())} steps"


class Unrolled:
    """The steps of a solver as one layer graph."""

    def __init__(self, net: dlnetwork, steps: list[float], solver: str) -> None:
        self.net, self.looks = net, 0
        start = SolverSum(Factors=[1.0], Name="start")
        self.nodes: list[Layer] = [start]
        self.edges: list[Connection] = []
        y = Port("start", "out")
        for step in steps:
            y = self.euler(y, step) if solver == "ode1" else self.runge_kutta(y, step)
        self.graph = LayerGraph(self.nodes, self.edges)

    def euler(self, y: Port, h: float) -> Port:
        return self.sum(1.0, y, h, self.slope(y))

    def runge_kutta(self, y: Port, h: float) -> Port:
        first = self.slope(y)
        second = self.slope(self.sum(1.0, y, h / 2, first))
        third = self.slope(self.sum(1.0, y, h / 2, second))
        fourth = self.slope(self.sum(1.0, y, h, third))
        return self.sum(1.0, y, h / 6, first, h / 3, second, h / 3, third, h / 6, fourth)

    def sum(self, *terms: float | Port) -> Port:
        """Factors and ports in turn."""
        ports = [term for term in terms[1::2] if isinstance(term, Port)]
        layer = SolverSum(Factors=[*terms[0::2]], Name=f"step@{len(self.nodes)}")
        self.nodes.append(layer)
        self.edges += [Connection(port, Port(layer.Name, name)) for port, name in zip(ports, layer.inputs(), strict=True)]
        return Port(layer.Name, "out")

    def slope(self, y: Port) -> Port:
        """The value of the network at y."""
        self.looks += 1
        names = {layer.Name: f"{layer.Name}@{self.looks}" if self.looks > 1 else layer.Name for layer in self.net.nodes}
        for layer in self.net.nodes:
            copy = layer.copy()
            copy.Name = names[layer.Name]
            copy.__dict__["shares"] = layer.Name if self.looks > 1 else ""
            self.nodes.append(copy)
        self.edges += [Connection(*(Port(names[port.layer], port.port) for port in edge)) for edge in self.net.edges]
        (entry,), (leaving,) = self.net.open_inputs(), self.net.leaving
        self.edges.append(Connection(y, Port(names[entry.layer], entry.port)))
        return Port(names[leaving.layer], leaving.port)


def neuralODELayer(net: object, tspan: object, *pairs: object, **options: object) -> NeuralODELayer:
    """A layer that solves y' = net(y) from tspan[0] to tspan[1], beginning with its input, and gives y at the end.

    Steps are fixed: those of Euler (``'ode1'``) or of Runge and Kutta (``'rk4'``, which MATLAB does not have); adaptive ones
    (``'ode45'``, MATLAB's default) are refused, so ``Solver`` is to be given. All steps look at the same learnables, whose
    gradients go back through every step. Learnables and problems inside are named ``layer:inner``.

    Args:
        net: A dlnetwork, a layer array or a layer graph, without input layers, of one input and one output of the same size.
        tspan: Beginning and end of the interval, [t0, tf]; tf may be before t0.
        *pairs: Names and values of options in turn.
        **options: ``Solver``: 'ode1' or 'rk4'. ``StepSize`` ('auto': a tenth of the interval), the last step may be smaller.
            ``GradientMode`` ('direct'). ``Name`` ('').

    Returns:
        A `NeuralODELayer`; ``layer.Network`` is the network.

    Raises:
        DltoolboxError: ``dltoolbox:neuralODELayer:invalidNetwork``, ``…:invalidTimeInterval``, ``…:notYetSupported``; when
            the network is checked, ``…:networkSizeMismatch``, ``…:oneInputNeeded`` and ``…:tooManySteps``.

    Example:
        >>> decay = fullyConnectedLayer(1, Weights=[[-1]], Bias=0)
        >>> ode = neuralODELayer([decay], [0, 1], Solver='rk4', StepSize=0.25)
        >>> print(predict(dlnetwork([featureInputLayer(1), ode]), [[1]]).round(3))
        [[0.368]]
    """
    return NeuralODELayer(net, tspan, *pairs, **options)
