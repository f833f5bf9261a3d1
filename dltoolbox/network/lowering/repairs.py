"""Fixes that only the whole network shows: sizes under which branches meet, the pooling that an unpooling undoes, the layer
that counts the classes.

Every fix was tried: the network was walked with it, and the problem was gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted, few, listed
from dltoolbox.core.errors import Issue
from dltoolbox.core.unknown import is_known
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import Combination, cropping, widening
from dltoolbox.layers.inputs import DataInput
from dltoolbox.layers.windowed import DIMENSIONS, SpatialLayer
from dltoolbox.network.graph.history import Port
from dltoolbox.network.graph.layer_graph import UNPOOLING, LayerGraph

if TYPE_CHECKING:
    from dltoolbox.network.lowering.lower import Lowered, LoweredLayer

MOST_STEP = 64  # by how much an input size is changed at most
MOST_LAYERS = 3000  # that are walked to find a fix
Rerun = Callable[[LayerGraph, Mapping[str, Dims]], "Lowered"]


def repair(lgraph: LayerGraph, lowered: Lowered, sources: Mapping[str, Dims], rerun: Rerun) -> None:
    """Put what the whole network shows into the problems of its layers."""
    trials: Trials | None = None
    for at, issue in enumerate(lowered.issues.issues):
        if issue.index and issue.identifier.rpartition(":")[2] in FIXES:
            trials = trials or Trials(lgraph, lowered, sources, rerun)
            lowered.issues.issues[at] = trials.repaired(issue, lowered.layers[issue.index - 1])


class Trials:
    """A network that is walked again with other sizes and options, until no budget is left."""

    def __init__(self, lgraph: LayerGraph, lowered: Lowered, sources: Mapping[str, Dims], rerun: Rerun) -> None:
        self.lgraph, self.lowered, self.sources, self.rerun = lgraph, lowered, sources, rerun
        self.layers = {info.layer.Name: info for info in lowered.layers}
        self.feeding: dict[str, dict[str, str]] = {}  # per layer and port
        for source, destination in lgraph.edges:
            self.feeding.setdefault(destination.layer, {})[destination.port] = source.layer
        self.errors = errors_of(lowered)
        self.budget = MOST_LAYERS
        entering = {layer.Name: layer.dims() for layer in lgraph.nodes if isinstance(layer, DataInput)} | dict(sources)
        self.entering = {name: dims for name, dims in entering.items() if dims.rank}
        self.fits: dict[tuple[int, ...], bool] = {}

    def repaired(self, issue: Issue, info: LoweredLayer) -> Issue:
        """The same problem with its cause and a fix that works, where one is found."""
        message, hint = FIXES[issue.identifier.rpartition(":")[2]](self, issue, info)
        return replace(issue, message=issue.message + message, hint=hint or issue.hint)

    def branches_meet(self, issue: Issue, info: LoweredLayer) -> tuple[str, str]:
        """The layers that leave rows over, and sizes or padding under which the branches meet."""
        if not isinstance(info.layer, Combination) or not different_boxes(info.inputs or ()) or self.budget < 0:
            return "", ""
        reached = [self.before(source) for source in self.feeding.get(info.layer.Name, {}).values()]
        self.budget -= sum(map(len, reached))
        own = set[str]().union(*reached).difference(set[str].intersection(*reached))
        branches = [each for each in self.lowered.layers if each.layer.Name in own]
        return left_over(branches, info), self.other_size(issue, info, branches) or self.same_padding(issue, branches)

    def before(self, name: str) -> set[str]:
        """A layer and all that it depends on."""
        reached, waiting = set[str](), [name]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting += self.feeding.get(at, {}).values()
        return reached

    def works(self, issue: Issue, lgraph: LayerGraph, sources: Mapping[str, Dims]) -> bool:
        """Whether a problem is gone and no other is new."""
        self.budget -= len(lgraph.nodes)
        if self.budget < 0:
            return False
        return errors_of(self.rerun(lgraph, {**self.sources, **sources})) <= self.errors - {(issue.layer, issue.identifier)}

    # Other sizes of what enters ------------------------------------------------------------------------------------------
    def other_size(self, issue: Issue, info: LoweredLayer, branches: list[LoweredLayer]) -> str:
        """The nearest sizes of the data for which the branches meet."""
        shapes = {dims.spatial for dims in self.entering.values()}
        if len(shapes) != 1 or not (any(map(enlarges, branches)) or nearly_equal(info.inputs or ())):
            return ""
        (shape,) = shapes
        step = min(max((max(shape) // min(out.spatial) for each in branches for out in each.outputs or ()
                        if out.rank == len(shape) and is_known(*out.spatial) and None not in out.spatial), default=1),
                   MOST_STEP)
        sizes = []
        for way in (-1, 1):
            near = [next((n + way * i for i in range(step + 1) if n + way * i > n // 2 and self.fit(
                issue, (n + way * i,) * len(shape))), 0) for n in shape]
            if all(near) and self.fit(issue, tuple(near)):
                sizes.append(tuple(near))
        if not sizes:
            return ""
        channels = next(iter(self.entering.values())).channels
        shown = " or ".join(str([*size, channels]) for size in sizes)
        crop = crop_text(info)
        return (f"Use an input size of {shown}, the nearest that {'fits' if len(sizes) == 1 else 'fit'}."
                f"{f' Or {crop}' if crop else ''}")

    def fit(self, issue: Issue, shape: tuple[int, ...]) -> bool:
        if shape not in self.fits:
            self.fits[shape] = self.works(issue, self.lgraph, {name: dims.with_spatial(shape)
                                                               for name, dims in self.entering.items()})
        return self.fits[shape]

    # Padding -------------------------------------------------------------------------------------------------------------
    def same_padding(self, issue: Issue, branches: list[LoweredLayer]) -> str:
        """Windows of the branches that must not shrink their maps. Those that are rounded up take no 'same'."""
        shrinking = [each.layer for each in branches if each.layer.__dict__.get("Padding", "same") != "same"
                     and each.layer.__dict__.get("Rounding", "floor") == "floor" and changes_size(each)]
        if not shrinking:
            return ""
        names = {layer.Name for layer in shrinking}
        layers = [with_same_padding(layer) if layer.Name in names else layer for layer in self.lgraph.nodes]
        lgraph = self.lgraph.with_structure(layers, self.lgraph.edges)
        return f"Set Padding='same' in {few(map(repr, sorted(names)))}." if self.works(issue, lgraph, {}) else ""

    # Other layers --------------------------------------------------------------------------------------------------------
    def unpooling_fits(self, issue: Issue, info: LoweredLayer) -> tuple[str, str]:
        """Another pooling whose maps have the size of the one to unpool, or a layer that gives it this size."""
        first = any(other is not issue and (other.index or 0) < (issue.index or 0) for other in self.lowered.issues)
        wait = "Fix the problems of the layers before it first." if first else ""
        if info.inputs is None:
            return "", wait
        x, indices, _ = info.inputs
        name, incoming = info.layer.Name, {c.destination: c.source for c in self.lgraph.edges}
        old = {port: incoming[Port(name, port)] for port in UNPOOLING}
        for pooling in self.lowered.layers:
            if pooling.outputs and pooling.outputs[0] == x and set(UNPOOLING) <= set(pooling.layer.outputs()):
                new = {port: Port(pooling.layer.Name, port) for port in UNPOOLING}
                changed = self.lgraph.with_structure(self.lgraph.nodes, [
                    c._replace(source=new[c.destination.port]) if c.destination.layer == name and c.destination.port in new
                    else c for c in self.lgraph.edges])
                if self.works(issue, changed, {}):
                    calls = [rewiring(self.lgraph, old[port], new[port], Port(name, port)) for port in UNPOOLING]
                    return "", f"Use {'; '.join(calls)}."
        if x.spatial == indices.spatial:
            return "", f"Insert {widening(x.rank, indices.channels or 1)} before input 'in'."
        if x.channels == indices.channels and x.labels == indices.labels:
            return "", f"Insert resize{x.rank}dLayer(OutputSize={[*indices.spatial]}) before input 'in'."
        return "", wait

    def classes_counted(self, issue: Issue, info: LoweredLayer) -> tuple[str, str]:
        """The layer that gives one score per class; behind it, everything has one input and nothing to learn."""
        at = self.layers[info.layer.Name].layer
        classes = len(getattr(at, "Classes", ()))
        while len(feeding := self.feeding.get(at.Name, {})) == 1:
            at = self.layers[next(iter(feeding.values()))].layer
            width = next((name for name in CHANNEL_COUNTS if name in type(at).properties and at.learnables), "")
            if width:
                changed = at.copy()
                changed.__dict__[width] = classes
                lgraph = self.lgraph.with_structure([changed if layer is at else layer for layer in self.lgraph.nodes],
                                                    self.lgraph.edges)
                works = self.works(issue, lgraph, {})
                return "", f"{issue.hint[:-1]}; otherwise set {width}={classes} in '{at.Name}'." if works else ""
        return "", ""


    def steps_kept(self, issue: Issue, info: LoweredLayer) -> tuple[str, str]:
        """The layer in which time steps end, and the option that keeps them."""
        reached = self.before(info.layer.Name)
        ends = [each.layer for each in self.lowered.layers if each.layer.Name in reached and each.inputs and each.outputs
                and each.inputs[0].timed and not each.outputs[0].timed]
        if not ends:
            return "", ""
        at = ends[-1]
        text, away = f" They end at '{at.Name}'.", f"Move '{at.Name}' behind this layer, or remove it."
        if "OutputMode" not in type(at).properties:
            return text, away
        changed = at.copy()
        changed.__dict__["OutputMode"] = "sequence"
        lgraph = self.lgraph.with_structure([changed if layer is at else layer for layer in self.lgraph.nodes],
                                            self.lgraph.edges)
        return text, f"Set OutputMode='sequence' in '{at.Name}'." if self.works(issue, lgraph, {}) else away


CHANNEL_COUNTS = ("OutputSize", "NumFilters")  # properties that say how many channels leave a layer with learnables
FIXES = {"inputSizeMismatch": Trials.branches_meet, "sizeMismatch": Trials.unpooling_fits,
         "classesMismatch": Trials.classes_counted, "noTimeSteps": Trials.steps_kept}


def rewiring(lgraph: LayerGraph, old: Port, new: Port, destination: Port) -> str:
    """The calls that let another output feed an input."""
    target = lgraph.port_text(destination, "inputs")
    return (f"disconnectLayers(lgraph, '{lgraph.port_text(old, 'outputs')}', '{target}') and connectLayers(lgraph, "
            f"'{lgraph.port_text(new, 'outputs')}', '{target}')")


def different_boxes(inputs: tuple[Dims, ...]) -> bool:
    """Whether the inputs are of one format and their spatial sizes differ."""
    return len({x.labels for x in inputs}) == 1 < len({x.spatial for x in inputs}) and None not in inputs[0].spatial


def errors_of(lowered: Lowered) -> set[tuple[str, str]]:
    return {(issue.layer, issue.identifier) for issue in lowered.issues if issue.severity == "error"}


def with_same_padding(layer: Layer) -> Layer:
    changed = layer.copy()
    changed.__dict__["Padding"] = "same"
    return changed


def changes_size(info: LoweredLayer) -> bool:
    return bool(info.inputs and info.outputs and info.inputs[0].spatial != info.outputs[0].spatial)


def enlarges(info: LoweredLayer) -> bool:
    return bool(info.inputs and info.outputs and info.outputs[0].spatial > info.inputs[0].spatial)


def nearly_equal(inputs: tuple[Dims, ...]) -> bool:
    """Whether no side is twice as long as another: then rounding may have made the difference."""
    return all(max(sizes) < 2 * min(sizes) for sizes in zip(*(x.spatial for x in inputs), strict=True))


def left_over(branches: list[LoweredLayer], joint: LoweredLayer) -> str:
    """`` At 'pool', 1 row and 1 column are left over.``, for the branches of a layer."""
    told = [f" {text} left over at '{each.layer.Name}' ({times(each.inputs[0].spatial)} → {times(each.outputs[0].spatial)})."
            for each in branches if each.inputs and each.outputs and (text := unread(each.layer, each.inputs[0]))]
    return "".join(told[:3])


def unread(layer: Layer, x: Dims) -> str:
    """``1 row and 1 column are``: what no window of a layer reads."""
    if not isinstance(layer, SpatialLayer) or layer.way(x) is None:
        return ""
    parts = [(rule.left_over, noun) for rule, noun in zip(layer.size_rules(x), DIMENSIONS.values(), strict=False)
             if rule.left_over]
    if not parts:
        return ""
    return f"{listed(counted(n, noun) for n, noun in parts)} {'is' if parts == [(1, parts[0][1])] else 'are'}"


def crop_text(info: LoweredLayer) -> str:
    """How to cut the larger inputs of a layer to the size of the smallest."""
    inputs = dict(zip(info.layer.inputs(), info.inputs or (), strict=False))
    smallest = tuple(map(min, zip(*(x.spatial for x in inputs.values()), strict=True)))
    like = next((port for port, x in inputs.items() if x.spatial == smallest), "")
    larger = [port for port, x in inputs.items() if x.spatial != smallest]
    text = cropping(larger, like, len(smallest)) if like and len(smallest) in (2, 3) else ""
    return text[:1].lower() + text[1:]
