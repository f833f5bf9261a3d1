"""Layer arrays: a Python list of layers, flattened and named as MATLAB does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dltoolbox.core.convert import attribute
from dltoolbox.core.errors import Issue, IssueCollector, fail
from dltoolbox.core.properties import show
from dltoolbox.core.statements.copied import CopiedList
from dltoolbox.core.statements.lost import Lost, WatchingIterator
from dltoolbox.layers.base import KEEP_LAYERS, Layer, flat, is_absent, is_factory
from dltoolbox.layers.display import layers_html, layers_text

MOST_ISSUES = 100  # that are told together; after so many, it is a list of something else


class LayerArray(CopiedList[Layer]):
    """A list of layers that prints as MATLAB's; ``net.Layers`` is one.

    What is changed in ``layers = net.Layers`` counts where ``layers`` is used. A change that nobody will see is an error,
    as in ``net.Layers[1] = layer`` or in a loop over ``net.Layers``.
    """

    label = "layerArray"
    lost = Lost("The change would be lost: Layers gives a new list each time, and nothing keeps this one.",
                f"{KEEP_LAYERS} In a layer graph use replaceLayer, addLayers or removeLayers, which return a graph.")

    def __setattr__(self, name: str, value: object) -> None:
        fail("layerArray:unknownOption", f"A layer array has no property '{name}'; its layers have theirs.",
             f"Name the layer: layers[1].{name} = …, or loop over layers.")

    def __str__(self) -> str:
        return layers_text(self) if all(isinstance(layer, Layer) for layer in self) else show([*self])

    def _repr_html_(self) -> str | None:
        """For notebooks."""
        whole = all(isinstance(layer, Layer) for layer in self)
        return layers_html(f"{len(self)}×1 Layer array", self) if whole else None

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)
        return LayerArray(got) if isinstance(key, slice) else got

    def __add__(self, other: Any) -> Any:
        return LayerArray(super().__add__(other))

    def copy(self) -> LayerArray:
        return LayerArray(self)

    def __iter__(self) -> Iterator[Layer]:
        return WatchingIterator(self, list.__getitem__(self, slice(None)), lost_in_a_loop)

    def __reversed__(self) -> Iterator[Layer]:
        return WatchingIterator(self, list.__getitem__(self, slice(None, None, -1)), lost_in_a_loop)


def lost_in_a_loop(layer: Layer, name: str, before: Mapping[str, object]) -> Issue:
    """The error at the end of a turn of ``for layer in net.Layers`` that changed the layer."""
    was = str(before.get("Name", ""))
    return Issue(f"dltoolbox:{layer.label()}:lostAssignment", f"The change of '{name}' is lost: Layers gives new copies "
                 "each time, and this one exists only in the loop.", f"{KEEP_LAYERS} "
                 f"{layer.changed_otherwise(name, was)}", was)


def layerArray(layers: object) -> LayerArray:
    """Flatten nested lists into one layer array; a factory without parentheses is called.

    Args:
        layers: A layer, or a list or tuple of layers, factories without required arguments, and such lists.

    Returns:
        A `LayerArray` of copies: the layers that were passed are never changed.

    Raises:
        DltoolboxError: ``dltoolbox:layerArray:notALayer`` for anything else, with its position.

    Example:
        >>> layerArray([imageInputLayer([8, 8, 1]), [reluLayer, softmaxLayer()]])[1].describe()
        'ReLU'
    """
    issues = IssueCollector()
    result = LayerArray()
    for index, item in enumerate(flat(layers), 1):
        with issues.collect(index=index):
            result.append(as_layer(item, index))
        if len(issues) == MOST_ISSUES:
            break
    issues.raise_if_any()
    return result


def as_layer(item: Any, index: int) -> Layer:
    """A copy of a layer, or the layer that a factory makes; ``index`` is the position that an error names."""
    if isinstance(item, Layer):
        return item.copy()
    if is_factory(item) or is_absent(item):
        made: Layer = item()
        return made
    builder = attribute(item, "untrained")
    fail("layerArray:notALayer", f"Element {index} of the layer array is {item.__name__ if builder else show(item)}, not a "
         "layer.", f"Call {item.__name__}(Weights='none') for its layers." if builder else
         "Put only layers, layer factories and lists of them into a layer array.", index=index)


def with_names(layers: Iterable[Layer], taken: Callable[[str], object] = lambda name: False) -> LayerArray:
    """Copies with names for the unnamed: ``relu`` for the only one of its kind, else ``relu_1``, ``relu_2``, ….

    ``taken`` says which names others have.
    """
    copies = LayerArray(layer.copy() for layer in layers)
    used = {layer.Name for layer in copies if layer.Name}
    unnamed = Counter(layer.default_name for layer in copies if not layer.Name)
    numbers: Counter[str] = Counter()
    for layer in copies:
        if layer.Name:
            continue
        stem = layer.default_name
        name = stem
        while (name == stem and unnamed[stem] > 1) or name in used or taken(name):
            numbers[stem] += 1
            name = f"{stem}_{numbers[stem]}"
        used.add(name)
        layer.Name = name
    return copies


def duplicated_names(layers: Iterable[Layer]) -> dict[str, list[int]]:
    """Names that occur more than once, with the 1-based positions of their layers."""
    places: dict[str, list[int]] = {}
    for index, layer in enumerate(layers, 1):
        if layer.Name:
            places.setdefault(layer.Name, []).append(index)
    return {name: at for name, at in places.items() if len(at) > 1}
