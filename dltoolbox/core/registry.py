"""The one list of layers: factory name → class. Namespace, displays, archives and tests follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dltoolbox.core.errors import fail

LAYERS: dict[str, type[Any]] = {}

C = TypeVar("C", bound=type)


def layer(factory: str, type_text: str, *, name: str) -> Callable[[C], C]:
    """Class decorator: enter a layer page.

    Args:
        factory: MATLAB's name of the function that makes it, ``maxPooling2dLayer``; also its tag in saved networks.
        type_text: The type that displays print, ``2-D Max Pooling``.
        name: Stem of the automatic name, ``maxpool``.
    """
    def enter(cls: C) -> C:
        if factory in LAYERS:
            raise AssertionError(f"two layers are called {factory}")
        cls.factory, cls.type_text, cls.default_name = factory, type_text, name  # type: ignore[attr-defined]
        LAYERS[factory] = cls
        return cls
    return enter


def find(factory: str) -> type[Any]:
    """The class of a factory name; an unknown one is an error (archives may name anything)."""
    if factory not in LAYERS:
        fail("registry:unknownLayer", f"There is no layer '{factory}' in this version of dltoolbox.",
             "Update dltoolbox, or replace the layer.")
    return LAYERS[factory]
