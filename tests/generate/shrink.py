"""From a network that differs to the smallest that still does: fewer layers, fewer observations, plainer options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import torch

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.properties import REQUIRED
from tests.generate.draw import dims, entering_shape
from tests.generate.network import Network, Part, make
from tests.generate.twin import Run
from tests.generate.twin_network import applied

SECONDS = 60.0  # that shrinking one network may take


def shrunk(net: Network, fails: Callable[[Network], bool], seconds: float = SECONDS) -> Network:
    """The first smaller network that still fails, again and again."""
    end = monotonic() + seconds
    going = True
    while going:
        going = False
        for smaller in smaller_ones(net):
            if monotonic() > end:
                return net
            if makes_sense(smaller) and fails(smaller):
                net, going = smaller, True
                break
    return net


def makes_sense(net: Network) -> bool:
    """Whether the twin can run it."""
    held, run = dict[str, torch.Tensor](), Run(loss=bool(net.outputs))
    try:
        for part in net.parts:
            inputs = [held[source] for source in part.sources] or [torch.zeros(entering_shape(part))]
            if not part.layer.outputs():
                continue
            arrays = {one.name: torch.zeros(one.shape) for one in part.layer.arrays(*map(dims, inputs))}
            outputs = applied(part, arrays, run, inputs)
            if not all(y.numel() for y in outputs):
                return False
            held.update(zip(part.ports(), outputs, strict=True))
    except (RuntimeError, ValueError, LookupError, TypeError, ZeroDivisionError, DltoolboxError):
        return False
    return bool(held)


def smaller_ones(net: Network) -> Iterator[Network]:
    """Candidates, those that leave out most first."""
    yield from without_parts(net)
    for batch in sorted({1, 2, 3, net.batch // 2, net.batch - 1}):
        if 0 < batch < net.batch:
            yield replace(net, batch=batch)
    for at, part in enumerate(net.parts):
        for layer in plainer(part.layer):
            yield with_part(net, at, Part(layer, part.sources))


def without_parts(net: Network) -> Iterator[Network]:
    """One layer less, its readers fed by one of its inputs; or everything behind some layer, or some output, less."""
    for at, part in enumerate(net.parts):
        if not part.sources:
            continue
        for source in dict.fromkeys(part.sources):
            if part.layer.outputs():
                yield cleared(replace(net, parts=tuple(
                    Part(other.layer, tuple(source if one.startswith(f"{part.name}/") else one for one in other.sources))
                    for other in net.parts if other is not part)))
        if not part.layer.outputs():
            yield cleared(with_part(net, at, None))
            if part.layer.factory != "regressionLayer":
                yield with_part(net, at, Part(make("regressionLayer", Name=part.name), part.sources))


def with_part(net: Network, at: int, part: Part | None) -> Network:
    return replace(net, parts=(*net.parts[:at], *([] if part is None else [part]), *net.parts[at + 1:]))


def cleared(net: Network) -> Network:
    """Without what leads to no output layer; a dlnetwork keeps everything."""
    if not net.outputs:
        return net
    needed: set[str] = set()
    for part in reversed(net.parts):
        if not part.layer.outputs() or part.name in needed:
            needed.update([part.name, *(source.split("/")[0] for source in part.sources)])
    return replace(net, parts=tuple(part for part in net.parts if part.name in needed))


def plainer(layer: Any) -> Iterator[Any]:
    """The layer with one property at its default, or with a smaller number in it."""
    for prop, _ in layer.values():
        if prop.name == "Name":
            continue
        written = layer.as_written(prop.name)
        for other in ([] if prop.default is REQUIRED or layer.is_default(prop) else [prop.default]) + less(written):
            changed = {one.name: layer.as_written(one.name) for one, _ in layer.values()} | {prop.name: other}
            try:
                yield type(layer)(**{name: one for name, one in changed.items() if one is not None})
            except (DltoolboxError, TypeError):
                continue


def less(value: Any) -> list[Any]:
    """Smaller numbers in place of one, in any depth of lists."""
    if isinstance(value, bool) or not isinstance(value, (int, list)):
        return []
    if isinstance(value, int):
        return [n for n in dict.fromkeys((1, value // 2, value - 1)) if 0 < n < value]
    return [[*value[:at], other, *value[at + 1:]] for at, one in enumerate(value) for other in less(one)]


def same_cause(found: Any, judge: Callable[[Network], Any]) -> Callable[[Network], bool]:
    """Whether a network differs in what this one did."""
    wanted = {one.cause for one in found}
    return lambda other: any(one.cause in wanted for one in judge(other).differences)


