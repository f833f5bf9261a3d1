"""Dotted calls: functions as methods of the object that they take first, as in ``net.predict(X)``; one table says which.

Rooms below may not know the functions of rooms above, so the package hands out the methods when all functions are there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from opcode import opmap
from types import FrameType
from typing import Any

from dltoolbox.core.errors import fail
from dltoolbox.data.categorical import categorical
from dltoolbox.layers.base import Layer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_array import LayerArray
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.networks import DAGNetwork, Network

# Functions that look at an object, and those that return a changed copy of it.
READING: dict[type, str] = {
    LayerGraph: "analyzeNetwork assembleNetwork getLayer plot toMATLAB toPython",
    Network: "explain predict saveNetwork summary",
    DAGNetwork: "activations classify dag2dlnetwork",
    dlnetwork: "getL2Factor getLearnRateFactor minibatchpredict",
    LayerArray: "analyzeNetwork assembleNetwork dlnetwork layerGraph plot toMATLAB toPython",
    Layer: "getL2Factor getLearnRateFactor",
    categorical: "countcats iscategory isordinal isundefined",
}
EDITING: dict[type, str] = {
    LayerGraph: "addLayers connectLayers disconnectLayers freezeWeights removeLayers replaceLayer unfreezeWeights",
    Network: "resetState",
    dlnetwork: "addInputLayer expandLayers groupLayers initialize setL2Factor setLearnRateFactor",
    LayerArray: "freezeWeights unfreezeWeights",
    Layer: "setL2Factor setLearnRateFactor",
    categorical: "addcats mergecats removecats renamecats reordercats setcats",
}


def give_methods(functions: Mapping[str, Any]) -> None:
    """Enter the functions of these names as methods of the classes."""
    for table in (READING, EDITING):
        for cls, names in table.items():
            for name in names.split():
                setattr(cls, name, as_method(functions[name], edits=table is EDITING))


def as_method(function: Callable[..., Any], *, edits: bool) -> Callable[..., Any]:
    """The function with the object in its first place; one that edits refuses to have its result thrown away."""
    @wraps(function)
    def method(self: object, *arguments: object, **options: object) -> Any:
        result = function(self, *arguments, **options)
        if edits and is_discarded(sys._getframe(1)):
            name = function.__name__
            fail(f"{name}:lostResult", f"{name} returns a changed copy, which nothing keeps here; what it was called on "
                 "stays as it is.", f"Keep the copy, as in x = x.{name}(…).")
        return result

    first, *others = inspect.signature(function).parameters.values()
    method.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [first.replace(name="self", kind=first.POSITIONAL_ONLY, default=first.empty, annotation=first.empty), *others])
    return method


CACHE, POP_TOP = opmap.get("CACHE", -1), opmap["POP_TOP"]


def is_discarded(frame: FrameType) -> bool:
    """Whether the call that the frame is in stands as a statement of its own, whose result CPython drops at once. Prompts
    and notebooks show such a result, and keep it.
    """
    code, at = frame.f_code.co_code, frame.f_lasti + 2  # each instruction and each cache behind it takes two bytes
    while at < len(code) and code[at] == CACHE:
        at += 2
    return at < len(code) and code[at] == POP_TOP
