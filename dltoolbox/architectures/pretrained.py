"""The one way in to architectures that MATLAB ships with trained weights: here they come without."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps

from dltoolbox.core import convert
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, signature
from dltoolbox.network.graph.layer_graph import LayerGraph

TRAINED_ON = {"googlenet": ("imagenet", "places365")}  # in MATLAB; all others on ImageNet alone
UNTRAINED_HINT = ("Call {name}(Weights='none') for the untrained layer graph. docs/pretrained.md shows how to put in "
                  "weights from PyTorch or any other source of arrays.")

ARGUMENTS = """Args:
    *pairs, **options: ``Weights``: ``'none'`` for the untrained layer graph. ``'imagenet'``, the default as in MATLAB, is
        refused: docs/pretrained.md says how to put in trained weights.

Returns:
    A `LayerGraph`.

Raises:
    DltoolboxError: ``dltoolbox:{name}:noPretrainedWeights``.

"""


def _weights(name: str) -> convert.Convert[str]:
    """MATLAB's words; whatever else came, the only one that gives layers here is 'none'."""
    known = convert.choice("none", *TRAINED_ON.get(name, ("imagenet",)))

    @convert.annotated(convert.annotation_of(known))
    def conversion(value: object) -> str:
        try:
            return known(value)
        except InvalidValue as no:
            raise InvalidValue(no.expected, UNTRAINED_HINT.format(name=name)) from None
    return conversion


def architecture(build: Callable[[], LayerGraph]) -> Callable[..., LayerGraph]:
    """Decorator: ``resnet18('Weights', 'none')`` calls the function; asking for trained weights says where to get them.

    Its docstring gets what all of them have in common. It carries the function as ``untrained``, so that `analyzeNetwork`
    takes ``resnet18`` without parentheses.
    """
    name = build.__name__

    class Options(Configured):
        function = name
        Weights = Property(_weights(name), "imagenet")

    @wraps(build, assigned=("__module__", "__name__", "__qualname__"), updated=())
    def made(*pairs: object, **options: object) -> LayerGraph:
        chosen = Options(*pairs, **options)
        if chosen.Weights != "none":
            fail(f"{name}:noPretrainedWeights", f"dltoolbox has no pretrained weights of {name}: it ships no weights and "
                 "downloads nothing.", UNTRAINED_HINT.format(name=name))
        return build()

    made.__doc__ = (inspect.getdoc(build) or "").replace("Example:", f"{ARGUMENTS.format(name=name)}Example:", 1)
    made.__signature__ = signature(Options.properties)  # type: ignore[attr-defined]
    made.untrained = build  # type: ignore[attr-defined]
    return made
