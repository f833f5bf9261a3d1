"""Dotted calls: functions as methods of the object that they take first, as in ``net.predict(X)``; one table says which.

Rooms below may not know the functions of rooms above, so the package hands out the methods when all functions are there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from dltoolbox.data.categorical import categorical
from dltoolbox.data.words import wordEncoding
from dltoolbox.layers.base import Layer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_array import LayerArray
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.networks import DAGNetwork, Network

DOTTED_CALLS: dict[type, str] = {
    LayerGraph: "addLayers analyzeNetwork assembleNetwork connectLayers disconnectLayers freezeWeights getLayer plot "
                "removeLayers replaceLayer toMATLAB toPython unfreezeWeights",
    Network: "explain predict predictAndUpdateState resetState saveNetwork summary",
    DAGNetwork: "activations classify classifyAndUpdateState dag2dlnetwork",
    dlnetwork: "adamupdate addInputLayer expandLayers forward getL2Factor getLearnRateFactor groupLayers initialize "
               "lbfgsupdate minibatchpredict rmspropupdate setL2Factor setLearnRateFactor sgdmupdate",
    LayerArray: "analyzeNetwork assembleNetwork dlnetwork freezeWeights layerGraph plot toMATLAB toPython unfreezeWeights",
    Layer: "getL2Factor getLearnRateFactor setL2Factor setLearnRateFactor",
    categorical: "addcats countcats iscategory isordinal isundefined mergecats removecats renamecats reordercats setcats",
    wordEncoding: "doc2sequence ind2word word2ind",
}


def give_methods(functions: Mapping[str, Any]) -> None:
    """Enter the functions of these names as methods of the classes."""
    for cls, names in DOTTED_CALLS.items():
        for name in names.split():
            setattr(cls, name, as_method(functions[name]))


def as_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the object in its first place."""
    @wraps(function)
    def method(self: object, *arguments: object, **options: object) -> Any:
        return function(self, *arguments, **options)

    first, *others = inspect.signature(function).parameters.values()
    method.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [first.replace(name="self", kind=first.POSITIONAL_ONLY, default=first.empty, annotation=first.empty), *others])
    return method
