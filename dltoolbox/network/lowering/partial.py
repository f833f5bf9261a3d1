"""What can be known behind a fault.

Where a fault hides a size, the walk is done twice more, each time with another guess in its place. What both come to in
the same words does not depend on the guesses: so it is certain, and so are the sizes that are equal in both. Layers that
join inputs are also asked whether these fit if all that is not certain did; where they do not, what seemed certain of
their outputs is not, and all is done again without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import Issue, IssueCollector
from dltoolbox.network.lowering.lower import Guesses, Lowered, LoweredLayer

GUESSES = ((1009, 2, max), (2003, 6, min))  # start and step, large, so that windows fit, and never equal; and the rank
ANY = 720720  # stands for sizes that may fit: large, and nearly every small number divides it


def with_certain(walk: Callable[..., Lowered]) -> Lowered:
    """A walk, and the issues and sizes that are certain in spite of its faults; ``walk`` takes what `lower` does."""
    silent: set[str] = set()
    while True:
        lowered = walk(silent=silent)
        if all(info.inputs is not None and info.outputs is not None for info in lowered.layers):
            return lowered
        one, other = (walk(guesses=Guesses(*of), silent=silent) for of in GUESSES)
        there_too = set(other.issues)
        found = [issue for issue in one.issues if issue in there_too]
        claims = set()
        for info, here, there in zip(lowered.layers, one.layers, other.layers, strict=True):
            if info.inputs is None and here.inputs != there.inputs and (faults := misfits(here, there)):
                found += faults
                claims.add(info.layer.Name)
            take_equal(info, here, there)
        if claims <= silent:
            break
        silent |= claims  # they seemed to be certain of what leaves them, so what follows is not
    told = {(issue.index, issue.identifier) for issue in lowered.issues}
    lowered.issues.issues += [issue for issue in found if (issue.index, issue.identifier) not in told]
    for port, value in one.graph.ports.items():
        if port not in lowered.graph.ports and port in other.graph.ports and value.dims == other.graph.ports[port].dims:
            lowered.graph.ports[port] = value
    return lowered


def take_equal(info: LoweredLayer, here: LoweredLayer, there: LoweredLayer) -> None:
    """Fill what is not known of a layer with what both walks found."""
    if info.outputs is None and here.outputs == there.outputs:
        info.outputs = here.outputs
    if info.inputs is None and here.inputs == there.inputs:
        info.inputs = here.inputs
    if not info.arrays and here.arrays == there.arrays:
        info.arrays = here.arrays


def misfits(here: LoweredLayer, there: LoweredLayer) -> list[Issue]:
    """Faults of a layer of several inputs that remain if all sizes that are not certain fit; formats are certain."""
    a, b = here.inputs or (), there.inputs or ()
    if len(a) < 2 or [x.labels for x in a] != [x.labels for x in b]:
        return []
    differing = {axis for x, y in zip(a, b, strict=True)
                 for axis, n, m in zip(axes(x), x.sizes, y.sizes, strict=True) if n != m}
    found = IssueCollector()
    with found.collect(layer=here.layer.Name, index=here.index):
        here.layer.check(*(Dims(x.labels, tuple(
            ANY if axis in differing else n for axis, n in zip(axes(x), x.sizes, strict=True))) for x in a))
    return [replace(issue, message=issue.message.replace(str(ANY), "?")) for issue in found]


def axes(x: Dims) -> list[tuple[str, int]]:
    """What tells the dimensions of data apart: its label, and which one of that label it is."""
    return [(label, x.labels[:i].count(label)) for i, label in enumerate(x.labels)]
