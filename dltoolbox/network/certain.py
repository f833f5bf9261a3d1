"""What can be known behind a fault.

Where a fault hides a size, the walk is done twice more, each time with another guess in its place. What both come to in
the same words does not depend on the guesses: so it is certain, and so are the sizes that are equal in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from dltoolbox.network.lowering import Lowered

GUESSES = ((1009, 2), (2003, 6))  # start and step: large, so that windows fit, and never equal


def with_certain(lowered: Lowered, again: Callable[[Iterator[int]], Lowered]) -> Lowered:
    """Add issues and sizes that are certain in spite of the faults; ``again`` is the same walk with guesses."""
    if all(info.inputs is not None and info.outputs is not None for info in lowered.layers):
        return lowered
    one, other = (again(count(start, step)) for start, step in GUESSES)
    lowered.issues.issues += [issue for issue in one.issues
                              if issue in other.issues.issues and issue not in lowered.issues.issues]
    for info, here, there in zip(lowered.layers, one.layers, other.layers, strict=True):
        if info.outputs is None and here.outputs == there.outputs:
            info.outputs = here.outputs
        if info.inputs is None and here.inputs == there.inputs:
            info.inputs = here.inputs
        if not info.arrays and here.arrays == there.arrays:
            info.arrays = here.arrays
    for port, value in one.graph.ports.items():
        if port not in lowered.graph.ports and value.dims == other.graph.ports[port].dims:
            lowered.graph.ports[port] = value
    return lowered
