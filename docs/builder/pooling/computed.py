"""What the toolbox computes for the pictures of pooling, and the list of these pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox import dlnetwork, inputLayer, layerGraph, maxPooling1dLayer, maxPooling2dLayer, predict
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.layers.base import Layer
from dltoolbox.network.lowering.lower import lower
from dltoolbox.ops.base import Attributes, Call, Op
from docs.builder.drawing import Drawing

FOLDER = Path(__file__).parents[2] / "images" / "pooling"
PICTURES: dict[str, Callable[[], Drawing]] = {}  # by name
SQUARE = np.array([[1, 3, 2, 1], [7, 5, 4, 9], [8, 2, 0, 4], [3, 3, 6, 2]], float)
LINE = np.array([3, 1, 4, 1, 5, 9, 2], float)
line_maximum = partial(maxPooling1dLayer, HasUnpoolingOutputs=True)
map_maximum = partial(maxPooling2dLayer, HasUnpoolingOutputs=True)


def enter(name: str, draw: Callable[..., Drawing], *arguments: Any) -> None:
    """Enter a picture."""
    PICTURES[name] = lambda: draw(*arguments)


def of(x: np.ndarray) -> Dims:
    return Dims.of("S" * x.ndim + "CB", *x.shape, 1, 1)


def ran(layer: Layer, x: np.ndarray, *ports: str) -> Any:
    """What a layer makes of one map; with ``indices``, counted from 0 along the rows, also where from."""
    layer.Name = "pool"
    wanted = [f"pool/{port}" for port in ports or ("out",)]
    net = dlnetwork([inputLayer([*x.shape, 1, None], "S" * x.ndim + "CB", Name="in"), layer])
    results = predict(net, x[..., None, None], Outputs=wanted, nargout=len(wanted))
    maps = [np.asarray(one)[..., 0, 0] for one in (results if len(wanted) > 1 else [results])]
    return maps if len(maps) > 1 else maps[0]


def window_of(layer: Any, x: np.ndarray) -> Window:
    window: Window = layer.window(of(x))
    return window


def taps(window: Window, axis: int, place: int) -> list[int]:
    """Elements that a window looks at along a dimension, those outside of the map included."""
    first = place * window.stride[axis] - window.padding[axis][0]
    return [first + n * window.dilation[axis] for n in range(window.size[axis])]


def asked_padding(layer: Any, x: np.ndarray) -> tuple[int, int]:
    """The padding of a line; what rounding adds is none."""
    before, after = window_of(layer, x).padding[0] if isinstance(layer.Padding, str) else layer.Padding[0]
    return before, after


def backward(op: Op, inputs: tuple[np.ndarray, ...], arriving: np.ndarray, attributes: Attributes) -> np.ndarray:
    """The gradient of an op with respect to its first input, of maps."""
    given = tuple(one[..., None, None] if one.ndim == 2 else one for one in inputs)
    call = Call(given, op.forward(*given, **attributes), (True,) + (False,) * (len(given) - 1))
    return np.asarray(op.backward(call, arriving[..., None, None], **attributes)[0])[..., 0, 0]


def through(layer: Layer, x: np.ndarray, arriving: np.ndarray) -> np.ndarray:
    """The gradient of a pooling layer with respect to a map."""
    data = inputLayer([*x.shape, 1, 1], "SSCB")
    (node,) = lower(layerGraph([data, layer])).graph.nodes
    return backward(node.op, (x,), arriving, node.attrs)
