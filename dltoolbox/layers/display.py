"""How layers and layer arrays print: MATLAB's property display and its table of layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltoolbox.core.display import number_text, object_text, printable, table_html
from dltoolbox.core.properties import HIDDEN, LEARNABLE, STATE, show
from dltoolbox.layers.base import Layer, flat, is_factory
from dltoolbox.runtime.console import say

HEADINGS = ("", "Hyperparameters", LEARNABLE, STATE)


def layer_text(layer: Layer) -> str:
    """``str(layer)``: the name and ports, then what it was made with, learns and stores.

    >>> print(layer_text(reluLayer(Name='act')))
      ReLULayer with properties:
    <BLANKLINE>
        Name: 'act'
    <BLANKLINE>
    """
    grouped = property_groups(layer)
    return object_text(type(layer).__name__, grouped[:-1], more=bool(grouped[-1][1]))


def property_groups(layer: Layer) -> list[tuple[str, list[tuple[str, object]]]]:
    """The properties under the headings of a display, and last those that it leaves out."""
    rows = layer.rows()
    grouped: list[tuple[str, list[tuple[str, object]]]] = [
        (group, [(name, value) for heading, name, value in rows if heading == group]) for group in (*HEADINGS, HIDDEN)]
    grouped[0][1].extend(_ports(layer, {name for _, name, _ in rows}))
    return grouped


def _ports(layer: Layer, shown: set[str]) -> list[tuple[str, object]]:
    """Number and names of the ports, on a side that has several or where an option decides on it."""
    ports: list[tuple[str, object]] = []
    if layer.NumInputs > 1:
        ports += [("NumInputs", layer.NumInputs), ("InputNames", layer.inputs())]
    if layer.NumOutputs > 1 or layer.optional_outputs:
        ports += [("NumOutputs", layer.NumOutputs), ("OutputNames", layer.outputs())]
    return [(name, value) for name, value in ports if name not in shown]


def layers_text(layers: Sequence[Layer]) -> str:
    """``str(layers)``: one line per layer with its number, name, type and description.

    >>> print(layers_text([reluLayer(Name='act'), dropoutLayer()]))
      2×1 Layer array with layers:
    <BLANKLINE>
         1   'act'   ReLU      ReLU
         2   ''      Dropout   50% dropout
    <BLANKLINE>
    """
    if not layers:
        return "  0×1 Layer array\n"
    names = [f"'{printable(layer.Name)}'" for layer in layers]
    types = [layer.type_text for layer in layers]
    name_width, type_width = max(map(len, names)), max(map(len, types))
    lines = [f"{i:>6}   {name:<{name_width}}   {kind:<{type_width}}   {layer.describe()}"
             for i, (layer, name, kind) in enumerate(zip(layers, names, types, strict=True), 1)]
    return "\n".join([f"  {len(layers)}×1 Layer array with layers:", "", *lines, ""])


def layers_html(title: str, layers: Sequence[Layer], inputs: Sequence[str] | None = None) -> str:
    """The same as a table for notebooks, with what feeds each layer where that is told."""
    rows = [[str(i), layer.Name, layer.type_text, layer.describe()] for i, layer in enumerate(layers, 1)]
    if inputs is None:
        return table_html(title, ["#", "Name", "Type", "Description"], rows, {"#"})
    return table_html(title, ["#", "Name", "Type", "Description", "Inputs"],
                      [[*row, sources] for row, sources in zip(rows, inputs, strict=True)], {"#"})


def disp(x: object) -> None:
    """Print a value as MATLAB does: a list of layers as a layer array, text without quotes, numbers in short format.

    Args:
        x: Anything; what MATLAB has no display for is printed by Python.

    Example:
        >>> disp([reluLayer(Name='act'), softmaxLayer])
          2×1 Layer array with layers:
        <BLANKLINE>
             1   'act'   ReLU      ReLU
             2   ''      Softmax   softmax
        <BLANKLINE>
    """
    if isinstance(x, (list, tuple)) and x and all(isinstance(item, Layer) or is_factory(item) for item in flat(x)):
        say(layers_text([item if isinstance(item, Layer) else item() for item in flat(x)]))
        return
    try:
        text = f"   {number_text(float(x))}" if isinstance(x, (int, float, np.integer, np.floating, np.bool_)) else str(x)
    except Exception:  # a number of hundreds of digits, an object that cannot be printed
        text = show(x)
    say(text)
