"""Versions of a layer graph that share what they have in common.

Whoever edits a graph gets a changed copy, and a network of thousands of layers may be built by as many edits. So a version
is not a copy: it is the history of all edits up to one of them, and the next edit goes on with that history. To change an
earlier version starts a history of its own, and so does every edit of a history that is mostly past.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from dltoolbox.layers.base import Layer

T = TypeVar("T")
LOCK = Lock()


class Port(NamedTuple):
    """One port of a layer: ``pool1/indices``."""

    layer: str
    port: str

    def __str__(self) -> str:
        return f"{self.layer}/{self.port}"


class Connection(NamedTuple):
    """From an output port to an input port."""

    source: Port
    destination: Port


@dataclass(slots=True)
class Entry(Generic[T]):
    """A layer or a connection, and the numbers of the edits that made it and took it away."""

    value: T
    made: int
    gone: int | None = None

    def there(self, edit: int) -> bool:
        return self.made <= edit and (self.gone is None or edit < self.gone)


class Edit(NamedTuple):
    """One edit: layers at the end, layers that go with all their connections, and layers in the place of those of the
    same name; then connections at the end, and those that go.
    """

    added: Sequence[Layer] = ()
    removed: Collection[str] = ()
    replaced: Mapping[str, Layer] = MappingProxyType({})
    connected: Sequence[Connection] = ()
    disconnected: Collection[Connection] = ()


class History:
    """The layers by name, in order, with all that stood in the place of each; the connections, also by layer and input."""

    def __init__(self, layers: Iterable[Layer], connections: Iterable[Connection]) -> None:
        self.edits, self.past = 0, 0
        self.layers: dict[str, list[Entry[Layer]]] = {}
        self.connections: list[Entry[Connection]] = []
        self.by_place: dict[str | Port, list[Entry[Connection]]] = {}
        self.add(Edit(tuple(layers), connected=tuple(connections)))

    @property
    def now(self) -> Version:
        return Version(self, self.edits)

    def add(self, edit: Edit) -> None:
        for layer in edit.added:
            self.layers[layer.Name] = [Entry(layer, self.edits)]
        for connection in edit.connected:
            entry = Entry(connection, self.edits)
            self.connections.append(entry)
            places: set[str | Port] = {connection.source.layer, connection.destination.layer, connection.destination}
            for place in places:
                self.by_place.setdefault(place, []).append(entry)

    def change(self, edit: Edit) -> None:
        self.edits += 1
        for name in (*edit.removed, *edit.replaced):
            self.end(self.layers[name][-1])
        for name, layer in edit.replaced.items():
            self.layers[name].append(Entry(layer, self.edits))
        for name in edit.removed:
            for entry in self.by_place.get(name, ()):
                self.end(entry)
        for connection in edit.disconnected:
            for entry in self.by_place[connection.destination]:
                if entry.value == connection:
                    self.end(entry)
        self.add(edit)

    def end(self, entry: Entry[T]) -> None:
        if entry.gone is None:
            entry.gone = self.edits
            self.past += 1


class Version(NamedTuple):
    """A history up to one of its edits."""

    history: History
    edit: int

    def layers(self) -> tuple[Layer, ...]:
        with LOCK:
            return tuple(entry.value for entries in self.history.layers.values() for entry in self.there(entries))

    def connections(self) -> tuple[Connection, ...]:
        with LOCK:
            return tuple(entry.value for entry in self.there(self.history.connections))

    def layer(self, name: str) -> Layer | None:
        return next((entry.value for entry in self.there(reversed(self.history.layers.get(name, ())))), None)

    def connections_of(self, place: str | Port) -> list[Connection]:
        with LOCK:
            return [entry.value for entry in self.there(self.history.by_place.get(place, ()))]

    def there(self, entries: Iterable[Entry[T]]) -> Iterator[Entry[T]]:
        return (entry for entry in entries if entry.there(self.edit))

    def changed(self, edit: Edit) -> Version:
        """The version after one more edit."""
        with LOCK:
            mine = self.history
            goes_on = (self.edit == mine.edits and mine.past <= len(mine.layers) + len(mine.connections) - mine.past
                       and not any(layer.Name in mine.layers for layer in edit.added))
            if goes_on:
                mine.change(edit)
                return mine.now
        fresh = History(self.layers(), self.connections())
        fresh.change(edit)
        return fresh.now
