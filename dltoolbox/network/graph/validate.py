"""Problems of a layer graph that need no sizes: missing ends, open and doubly connected ports, cycles, missing softmax.

Each problem is reported once, where it is made: a port that is open because the input or output layer is missing is no
problem of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from dltoolbox.core.display import listed
from dltoolbox.core.errors import IssueCollector
from dltoolbox.layers.base import LAYERS, Layer
from dltoolbox.layers.inputs import NormalisedInput
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import BATCH_SIZE, NO_DATA, UNPOOLING, LayerGraph

REMOVE = "Remove it: the loss is passed to the training function."  # of an output layer


class Wiring:
    """Sources of every input port, and the output ports that are used.

    ``fed`` are open inputs where data enter without an input layer; ``loss`` says whether the network needs output layers.
    """

    def __init__(self, lgraph: LayerGraph, fed: Collection[Port] = (), *, loss: bool = True) -> None:
        self.lgraph, self.fed, self.loss = lgraph, fed, loss
        self.incoming: dict[Port, list[Port]] = {}
        for source, destination in lgraph.edges:
            self.incoming.setdefault(destination, []).append(source)
        self.used = {source for source, _ in lgraph.edges}
        self.feeds: dict[str, list[Port]] = {}  # the input ports that a layer feeds
        for source, destination in lgraph.edges:
            self.feeds.setdefault(source.layer, []).append(destination)
        self.wants_indices = any(set(UNPOOLING) & set(self.open_inputs(layer)) for layer in lgraph.nodes)

    def sources(self, layer: Layer, port: str) -> list[Port]:
        return self.incoming.get(Port(layer.Name, port), [])

    def source_text(self, port: Port | None) -> str:
        return self.lgraph.port_text(port, "outputs") if port else "source"

    @cached_property
    def names(self) -> set[str]:
        return {layer.Name for layer in self.lgraph.nodes}

    def free_name(self, stem: str) -> str:
        """A name for a new layer that no layer has."""
        return next(name for name in (stem, *(f"{stem}_{n}" for n in range(1, len(self.names) + 1)))
                    if name not in self.names)

    @cached_property
    def poolings(self) -> list[Layer]:
        return [layer for layer in self.lgraph.nodes if layer.optional_outputs]

    @cached_property
    def pairs(self) -> dict[str, Layer]:
        """The max pooling layer that each unpooling layer with open ports undoes: the last one before that is left, or that
        of its other port. Those that pass indices come first, where there are enough of them.
        """
        nodes = self.lgraph.nodes
        poolings = {layer.Name: layer for layer in self.poolings}
        taken = {source.layer for sources in self.incoming.values() for source in sources if source.port in UNPOOLING}
        free = {name for name in poolings if name not in taken}
        ready = {name for name in free if set(UNPOOLING) <= set(poolings[name].outputs())}
        lost = [layer for layer in nodes if set(UNPOOLING) <= set(self.open_inputs(layer))]
        free = {name for name in free if name in ready or len(ready) < len(lost)}
        pairs, stacks, last = dict[str, Layer](), dict[int, list[Layer]](), dict[int, Layer]()
        for layer in nodes:
            stack = stacks.setdefault(layer.rank, [])
            if layer.Name in poolings:
                last[layer.rank] = layer
                stack += [layer] if layer.Name in free else []
            elif set(UNPOOLING) & set(self.open_inputs(layer)):
                own = [poolings[source.layer] for port in UNPOOLING for source in self.sources(layer, port)
                       if source.layer in poolings]
                left = own[0] if own else stack.pop() if stack else last.get(layer.rank)
                pairs |= {layer.Name: left} if left else {}
        return pairs

    def open_inputs(self, layer: Layer) -> list[str]:
        return [port for port in layer.inputs() if not self.sources(layer, port) and Port(layer.Name, port) not in self.fed]

    def open_outputs(self, layer: Layer) -> list[str]:
        return [port for port in layer.outputs() if Port(layer.Name, port) not in self.used]


def check_structure(lgraph: LayerGraph, issues: IssueCollector, fed: Collection[Port] = (), *, loss: bool = True) -> None:
    """Add every problem that the connections alone show; arguments as `Wiring`."""
    if not lgraph.nodes:
        issues.add("network:empty", "The network has no layers.",
                   f"Pass at least an input layer and {'an output' if loss else 'another'} layer.")
        return
    wiring = Wiring(lgraph, fed, loss=loss)
    explained = missing_ends(wiring, issues)
    matches = likely_sources(wiring, explained)
    explained |= {source for source in matches.values() if source}
    explained |= {Port(source.layer, "out") for source, target in lgraph.edges
                  if source.port in NO_DATA and target.port not in NO_DATA}  # indices taken for data: one problem, there
    for index, layer in enumerate(lgraph.nodes, 1):
        check_inputs(wiring, layer, index, issues, matches)
        check_outputs(wiring, layer, index, issues, explained)
        if loss:
            check_softmax(wiring, layer, index, issues)
    if not loss:
        check_no_output_layers(lgraph.nodes, issues)


def check_no_output_layers(layers: Iterable[Layer], issues: IssueCollector, hint: str = REMOVE) -> None:
    """Networks that do not end in losses have no output layers; each is a problem."""
    for index, layer in enumerate(layers, 1):
        if isinstance(layer, OutputLayer):
            issues.add("network:outputLayerNotAllowed", "A dlnetwork has no output layers.", hint, layer=layer.Name,
                       index=index)


def missing_ends(wiring: Wiring, issues: IssueCollector) -> set[Port]:
    """Report a missing input or output layer; returns the open ports where it would have been connected."""
    nodes, explained = wiring.lgraph.nodes, set()
    if not wiring.fed and all(layer.inputs() for layer in nodes):
        issues.add("network:missingInputLayer", "The network has no input layer.",
                   f"Start it with {one_of(NormalisedInput)}{'' if wiring.loss else ', or pass example inputs'}.")
        heads = [layer for layer in nodes if len(wiring.open_inputs(layer)) == len(layer.inputs())]
        explained |= {Port(layer.Name, layer.inputs()[0]) for layer in heads[:1]}
    if wiring.loss and all(layer.outputs() for layer in nodes):
        issues.add("network:missingOutputLayer", "The network has no output layer.",
                   f"End it with {one_of(OutputLayer)}.")
        tails = [layer for layer in nodes if len(wiring.open_outputs(layer)) == len(layer.outputs())]
        explained |= {Port(layer.Name, layer.outputs()[0]) for layer in tails[-1:]}
    return explained


def likely_sources(wiring: Wiring, explained: set[Port]) -> dict[Port, Port | None]:
    """Every open input for data, with the nearest open output before it: one forgotten connection is one problem."""
    spare: list[Port] = []
    matches: dict[Port, Port | None] = {}
    for layer in wiring.lgraph.nodes:
        for port in wiring.open_inputs(layer):
            if port not in NO_DATA and Port(layer.Name, port) not in explained:
                matches[Port(layer.Name, port)] = spare.pop() if spare else None
        spare += [Port(layer.Name, port) for port in wiring.open_outputs(layer)
                  if port not in NO_DATA and Port(layer.Name, port) not in explained]
    late = [port for port in spare if not wiring.lgraph.named(port.layer).inputs()]  # input layers that stand behind
    return {port: source or (late.pop(0) if late else None) for port, source in matches.items()}


def check_inputs(wiring: Wiring, layer: Layer, index: int, issues: IssueCollector,
                 matches: Mapping[Port, Port | None]) -> None:
    """Every input needs exactly one connection."""
    for port in layer.inputs():
        sources = wiring.sources(layer, port)
        if len(sources) > 1:
            issues.add("network:inputConnectedTwice", f"Input '{port}' is connected to {len(sources)} outputs: "
                       f"{listed(map(str, sources))}.",
                       f"Keep one connection, or add the outputs in an {one_of(done='added')}.",
                       layer=layer.Name, index=index)
    data = {port: matches[Port(layer.Name, port)] for port in layer.inputs() if Port(layer.Name, port) in matches}
    end = wiring.lgraph.nodes[index - 2] if index > 1 else layer
    into_end = wiring.sources(end, "in")
    if [*data.values()] == [None] and isinstance(end, OutputLayer) and wiring.loss and into_end:
        issues.add("network:unconnectedInput", f"{ports_text('Input', [*data])} not connected to any output: '{end.Name}' "
                   "before it is an output layer, which ends the network.", f"Use removeLayers(lgraph, '{end.Name}') and "
                   f"connectLayers(lgraph, '{wiring.source_text(into_end[0])}', '{layer.Name}/{next(iter(data))}').",
                   layer=layer.Name, index=index)
    elif data:
        calls = [f"connectLayers(lgraph, '{wiring.source_text(source)}', '{layer.Name}/{port}')"
                 for port, source in data.items()]
        choose = "" if all(data.values()) else ", with the layer that is to feed it in place of 'source'"
        issues.add("network:unconnectedInput", f"{ports_text('Input', [*data])} not connected to any output.",
                   f"Use {listed(calls)}{choose}{'' if wiring.loss else ', or pass example inputs'}.", layer=layer.Name,
                   index=index)
    lost = [port for port in wiring.open_inputs(layer) if port in UNPOOLING]
    if lost:
        unpooling_without_indices(wiring, layer, index, issues, lost)
    if BATCH_SIZE in wiring.open_inputs(layer):
        unfolding_without_size(wiring, layer, index, issues)


def unfolding_without_size(wiring: Wiring, layer: Layer, index: int, issues: IssueCollector) -> None:
    """The number of sequences comes from the last folding layer before."""
    before = [node for node in wiring.lgraph.nodes[:index - 1] if BATCH_SIZE in node.outputs()]
    folding = before[-1].Name if before else wiring.free_name("fold")
    first = "Use " if before else f"Insert sequenceFoldingLayer(Name='{folding}') before it, then use "
    issues.add("network:unfoldingWithoutSize", f"{ports_text('Input', [BATCH_SIZE])} not connected, so the layer cannot "
               "know how many sequences there are.", f"{first}connectLayers(lgraph, '{folding}/{BATCH_SIZE}', "
               f"'{layer.Name}/{BATCH_SIZE}').", layer=layer.Name, index=index)


def unpooling_without_indices(wiring: Wiring, layer: Layer, index: int, issues: IssueCollector, lost: list[str]) -> None:
    """The commonest problem of unpooling, with the calls that repair it."""
    pooling = wiring.pairs.get(layer.Name)
    factory, name = layer.label().replace("Unp", "P"), pooling.Name if pooling else wiring.free_name("pool")
    if pooling is None:
        without = f" There is no {factory} before it."
        first = f"Insert {factory}(2, Stride=2, HasUnpoolingOutputs=True, Name='{name}') before it or earlier, then use "
    else:
        without, ready = "", set(lost) <= set(pooling.outputs())
        first = "Use " if ready else f"Set HasUnpoolingOutputs=True in the max pooling layer '{name}', then use "
    calls = listed(f"connectLayers(lgraph, '{name}/{port}', '{layer.Name}/{port}')" for port in lost)
    other = next((p for p in wiring.poolings if p.rank != layer.rank), None)
    if pooling is None and other is not None:
        without += f" '{other.Name}' is a {other.label()}."
        calls = calls.replace(f"'{name}/", f"'{other.Name}/")
        first = (f"Replace the layer by {other.label().replace('P', 'Unp')}(Name='{layer.Name}'), set "
                 f"HasUnpoolingOutputs=True in '{other.Name}', then use ")
    issues.add("network:unpoolingWithoutIndices", f"{ports_text('Input', lost)} not connected, so the layer cannot know "
               f"where the maxima came from.{without}", f"{first}{calls}.", layer=layer.Name, index=index)


def check_outputs(wiring: Wiring, layer: Layer, index: int, issues: IssueCollector, explained: set[Port]) -> None:
    """An output that nobody reads is a problem; indices that nobody reads only cost time."""
    unconnected = wiring.open_outputs(layer)
    data = [port for port in unconnected if port not in NO_DATA and Port(layer.Name, port) not in explained]
    if data and wiring.loss:
        what = ports_text("Output", data) if len(layer.outputs()) > 1 else "Its output is"
        head = next(iter(wiring.lgraph.nodes[index:]), layer)
        fed = wiring.feeds.get(head.Name, []) if not head.inputs() else []
        why, fix = "", "Connect it with connectLayers, or remove the layer: " + f"removeLayers(lgraph, '{layer.Name}')."
        switch = next((name for name in layer.properties if name.startswith("Has") and "Output" in name
                       and getattr(layer, name)), "")
        if switch and layer.outputs()[0] not in data:
            fix = f"Use connectLayers, or set {switch}=False."
        if len(data) == len(fed) == 1:
            why = f": '{head.Name}' behind it is an input layer, which begins the network"
            fix = (f"Use removeLayers(lgraph, '{head.Name}') and connectLayers(lgraph, '{layer.Name}/{data[0]}', "
                   f"'{wiring.lgraph.port_text(fed[0], 'inputs')}').")
        issues.add("network:unconnectedOutput", f"{what} not connected to any layer{why}.", fix, layer=layer.Name,
                   index=index)
    elif set(UNPOOLING) <= set(unconnected) and not wiring.wants_indices:
        issues.add("network:unusedUnpoolingOutputs", f"{ports_text('Output', UNPOOLING)} not connected to any layer.",
                   "Connect them to a max unpooling layer, or set HasUnpoolingOutputs=False.", layer=layer.Name, index=index,
                   severity="warning")


def check_softmax(wiring: Wiring, layer: Layer, index: int, issues: IssueCollector) -> None:
    """Cross-entropy is of probabilities, so a classification output must follow a softmax."""
    if not layer.needs_probabilities:
        return
    sources = wiring.sources(layer, "in")
    before = [wiring.lgraph.named(source.layer) for source in sources]
    if len(before) == 1 and not before[0].gives_probabilities:
        softmax = one_of(gives_probabilities=True)
        issues.add("network:missingSoftmax", f"A {layer.label()} needs probabilities and must follow a {softmax}, but it "
                   f"follows '{before[0].Name}' ({before[0].type_text}).", softmax_fix(wiring, before[0], softmax),
                   layer=layer.Name, index=index)


def softmax_fix(wiring: Wiring, last: Layer, softmax: str) -> str:
    """How probabilities come of what the last layer gives: a softmax that is there must come last, and an activation, which
    limits the scores, gives way to one.
    """
    behind, at = dict[str, None](), last  # on a cycle, back where it was
    while (at.Name not in behind and not (at.learnables or at.gives_probabilities)
           and len(feeding := wiring.sources(at, "in")) == 1):
        behind[at.Name] = None
        at = wiring.lgraph.named(feeding[0].layer)
    if at.gives_probabilities:
        them = "it" if len(behind) == 1 else "them"
        return (f"Move {listed(map(repr, reversed(behind)))} in front of '{at.Name}', or remove {them}: the softmax comes "
                "last.")
    if last.activation:
        return f"Replace '{last.Name}' by {softmax}: replaceLayer(lgraph, '{last.Name}', {softmax}(Name='{last.Name}'))."
    return f"Insert {softmax} after '{last.Name}'."


def one_of(kind: type[Layer] = Layer, **traits: object) -> str:
    """``imageInputLayer or featureInputLayer``: the layers of a kind with these traits, those of pixels last."""
    names = [name for name, page in LAYERS.items() if issubclass(page, kind)
             and all(getattr(page, trait, None) == value for trait, value in traits.items())]
    *most, last = sorted(names, key=lambda name: getattr(LAYERS[name], "per_pixel", False))
    return f"{', '.join(most)} or {last}" if most else last


def ports_text(side: str, names: Sequence[str]) -> str:
    """``Input 'in' is`` or ``Inputs 'indices' and 'size' are``."""
    return f"{side}{'s' if len(names) > 1 else ''} {listed(map(repr, names))} {'are' if len(names) > 1 else 'is'}"


def execution_order(lgraph: LayerGraph, issues: IssueCollector) -> list[int]:
    """Positions of the layers so that sources come first, else in the graph's order; layers on cycles are left out."""
    position = {layer.Name: i for i, layer in enumerate(lgraph.nodes)}
    waits = [0] * len(lgraph.nodes)
    feeds: list[list[int]] = [[] for _ in lgraph.nodes]
    for source, destination in lgraph.edges:
        waits[position[destination.layer]] += 1
        feeds[position[source.layer]].append(position[destination.layer])
    order = execution_positions([i for i, count in enumerate(waits) if count == 0], waits, feeds)
    stuck = dict.fromkeys(sorted(set(range(len(waits))) - set(order)))
    sources: dict[int, list[int]] = {i: [] for i in stuck}  # on or behind cycles, too; the first layer last
    for i in reversed(stuck):
        for target in feeds[i]:
            sources[target].append(i)
    edges = {(c.source.layer, c.destination.layer): c for c in reversed(lgraph.edges)} if stuck else {}
    while stuck:
        cycle = find_cycle(stuck, sources)
        names = [lgraph.nodes[i].Name for i in cycle]
        issues.add("network:cycle", f"The layers form a cycle: {' → '.join([*names, names[0]])}.",
                   "Remove one of these connections, for example with "
                   f"{disconnect_call(lgraph, edges[names[-1], names[0]])}.", layer=names[0], index=cycle[0] + 1)
        for i in cycle:  # what only waits for this cycle is on no other
            waits[i] = 0
        freed, on_cycle = execution_positions(cycle, waits, feeds), set(cycle)
        order += [i for i in freed if i not in on_cycle]
        for i in freed:
            del stuck[i]
    return order


def execution_positions(ready: list[int], waits: list[int], feeds: list[list[int]]) -> list[int]:
    """Positions in execution order, from those that wait for nothing; counts down ``waits`` of all that follow."""
    ready, order = sorted(ready), []
    while ready:
        at = heapq.heappop(ready)
        order.append(at)
        for target in feeds[at]:
            waits[target] -= 1
            if waits[target] == 0:
                heapq.heappush(ready, target)
    return order


def disconnect_call(lgraph: LayerGraph, edge: Connection) -> str:
    """The call that removes a connection."""
    return (f"disconnectLayers(lgraph, '{lgraph.port_text(edge.source, 'outputs')}', "
            f"'{lgraph.port_text(edge.destination, 'inputs')}')")


def find_cycle(stuck: Mapping[int, None], sources: Mapping[int, list[int]]) -> list[int]:
    """One cycle among layers that wait for each other, from its first layer on; forgets sources that are not stuck."""
    path: dict[int, None] = {}
    at = next(iter(stuck))
    while at not in path:
        path[at] = None
        while sources[at][-1] not in stuck:
            sources[at].pop()
        at = sources[at][-1]
    walked = list(path)
    cycle = walked[walked.index(at):][::-1]
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]
