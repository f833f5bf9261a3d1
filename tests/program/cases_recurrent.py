"""Conformance cases of recurrent layers: PyTorch's modules where they have the options, else the formulas, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from tests.program.case import Case, Theirs, make, source

CHANNELS, STEPS, HIDDEN = 3, 4, 5
Arrays = dict[str, Tensor]
STATE: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "softsign": F.softsign, "relu": F.relu}
GATE: dict[str, Callable[[Tensor], Tensor]] = {"sigmoid": torch.sigmoid,
                                               "hard-sigmoid": lambda x: (0.2 * x + 0.5).clip(0, 1)}


class WithStates(Case):
    """The states enter at ports of their own."""

    def graph(self) -> LayerGraph:
        lgraph = layerGraph([source(self.sizes[0], "x0", timed=True), *self.body(), self.end()])
        for number, size in enumerate(self.sizes[1:], 1):
            lgraph = addLayers(lgraph, source(size, f"x{number}"))
            lgraph = connectLayers(lgraph, f"x{number}", f"layer/{self.body()[-1].inputs()[number]}")
        return lgraph


def cases() -> Iterator[Case]:
    yield case("lstmLayer", "", of_torch(torch.nn.LSTM))
    yield case("lstmLayer", "last", of_torch(torch.nn.LSTM, last=True), OutputMode="last")
    yield case("lstmLayer", "softsign", steps(long_short("softsign", "hard-sigmoid")), StateActivationFunction="softsign",
               GateActivationFunction="hard-sigmoid")
    yield case("lstmLayer", "relu", steps(long_short("relu", "sigmoid")), StateActivationFunction="relu")
    yield case("bilstmLayer", "", of_torch(torch.nn.LSTM, both=True))
    yield case("bilstmLayer", "last", of_torch(torch.nn.LSTM, both=True, last=True), OutputMode="last")
    yield case("gruLayer", "", of_torch(torch.nn.GRU))
    yield case("gruLayer", "last", of_torch(torch.nn.GRU, last=True), OutputMode="last")
    yield case("gruLayer", "two biases", of_torch(torch.nn.GRU), ResetGateMode="recurrent-bias-after-multiplication")
    yield case("gruLayer", "before", steps(gated(before=True)), ResetGateMode="before-multiplication")
    yield case("gruLayer", "softsign", steps(gated("softsign", "hard-sigmoid")), StateActivationFunction="softsign",
               GateActivationFunction="hard-sigmoid")
    yield case("lstmProjectedLayer", "", projected(of_torch(torch.nn.LSTM)), 2, 2)
    yield case("gruProjectedLayer", "last", projected(of_torch(torch.nn.GRU, last=True)), 3, 1, OutputMode="last")
    yield case("gruProjectedLayer", "two biases", projected(of_torch(torch.nn.GRU)), 3, 1,
               ResetGateMode="recurrent-bias-after-multiplication")
    for layer, count, theirs in (("lstmLayer", 2, of_torch(torch.nn.LSTM)), ("gruLayer", 1, of_torch(torch.nn.GRU)),
                                 ("bilstmLayer", 2, of_torch(torch.nn.LSTM, both=True))):
        yield WithStates(layer, "states", ((CHANNELS, STEPS), *[(HIDDEN * (1 + (layer[0] == "b")),)] * count),
                         lambda layer=layer: [make(layer, HIDDEN, HasStateInputs=True, Name="layer")], theirs, timed=True)


def case(layer: str, label: str, theirs: Theirs, *sizes: int, **options: Any) -> Case:
    return Case(layer, label, ((CHANNELS, STEPS),), lambda: [make(layer, HIDDEN, *sizes, Name="layer", **options)], theirs,
                timed=True)


def initial(given: tuple[Tensor, ...], p: Arrays, batch: int) -> list[Tensor]:
    """The states, B×H: those that enter, or the layer's own."""
    names = [name for name in ("HiddenState", "CellState") if name in p]
    return [*given] or [p[name].T.expand(batch, -1) for name in names]


def of_torch(module: type[torch.nn.RNNBase], *, both: bool = False, last: bool = False) -> Theirs:
    """A module of PyTorch with the layer's arrays: its rows stand in our order."""
    def theirs(x: Tensor, *others: Any) -> Tensor:
        *given, p, _ = others
        directions = 1 + both
        made = module(x.shape[-1], HIDDEN, batch_first=True, bidirectional=both)
        state = [torch.stack(h.chunk(directions, 1)) for h in initial(tuple(given), p, len(x))]
        weights = {}
        for suffix, w, r, b in zip(("", "_reverse"), *(p[name].chunk(directions) for name in (
                "InputWeights", "RecurrentWeights", "Bias")), strict=False):
            biases = b.flatten().chunk(2) if len(b) == 2 * len(w) else (b.flatten(), torch.zeros(len(w)))
            weights |= {f"{name}_l0{suffix}": value for name, value in {
                "weight_ih": w, "weight_hh": r, "bias_ih": biases[0], "bias_hh": biases[1]}.items()}
        y, left = torch.func.functional_call(made, weights, (x, tuple(state) if len(state) > 1 else state[0]))
        hidden = left[0] if len(state) > 1 else left
        return torch.cat([*hidden], 1) if last else y
    return theirs


Step = Callable[[Tensor, list[Tensor], Arrays], list[Tensor]]


def steps(step: Step) -> Theirs:
    """One step after the other; the first state is the output."""
    def theirs(x: Tensor, p: Arrays, training: bool) -> Tensor:
        states, outputs = initial((), p, len(x)), []
        for t in range(x.shape[1]):
            states = step(x[:, t], states, p)
            outputs.append(states[0])
        return torch.stack(outputs, 1)
    return theirs


def long_short(state: str, gate: str) -> Step:
    def step(x: Tensor, states: list[Tensor], p: Arrays) -> list[Tensor]:
        h, c = states
        i, f, g, o = (x @ p["InputWeights"].T + h @ p["RecurrentWeights"].T + p["Bias"].T).chunk(4, 1)
        c = GATE[gate](f) * c + GATE[gate](i) * STATE[state](g)
        return [GATE[gate](o) * STATE[state](c), c]
    return step


def gated(state: str = "tanh", gate: str = "sigmoid", *, before: bool = False) -> Step:
    def step(x: Tensor, states: list[Tensor], p: Arrays) -> list[Tensor]:
        (h,) = states
        weighted = (x @ p["InputWeights"].T + p["Bias"].T).chunk(3, 1)
        of_r, of_z, of_g = p["RecurrentWeights"].chunk(3)
        r, z = GATE[gate](weighted[0] + h @ of_r.T), GATE[gate](weighted[1] + h @ of_z.T)
        g = STATE[state](weighted[2] + ((r * h) @ of_g.T if before else r * (h @ of_g.T)))
        return [(1 - z) * g + z * h]
    return step


def projected(theirs: Theirs) -> Theirs:
    """The same with the products of the weights and the projectors."""
    def whole(x: Tensor, p: Arrays, training: bool) -> Tensor:
        return theirs(x, {**p, "InputWeights": p["InputWeights"] @ p["InputProjector"].T,
                          "RecurrentWeights": p["RecurrentWeights"] @ p["OutputProjector"].T}, training)
    return whole
