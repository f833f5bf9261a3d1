"""The way back: gradients through a pooling, unpooling, and how an encoder and a decoder are paired."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dltoolbox import (
    LayerGraph,
    analyzeNetwork,
    averagePooling2dLayer,
    connectLayers,
    convolution2dLayer,
    imageInputLayer,
    layerGraph,
    maxpool,
    maxPooling2dLayer,
    maxunpool,
    maxUnpooling2dLayer,
)
from dltoolbox.ops import OPS
from docs.builder.drawing import Drawing, hue
from docs.builder.pooling.computed import SQUARE, backward, enter, of, through
from docs.builder.pooling.maps import hues_of, kinds_of

SIZE = 30  # of cells
ARRIVING = np.array([[1, 2], [4, 8]], float)
SHARED = np.array([[1, 9, 2, 1], [0, 5, 4, 3], [6, 2, 7, 4], [3, 3, 2, 8]], float)  # 3×3 windows share the 9
OTHERS = np.array([[10, 20], [30, 40]], float)
PAIRS = {"PoolSize 2, Stride=2": (2, 2, SQUARE), "PoolSize 3, Stride=1": (3, 1, SHARED)}


def in_a_row(title: str, maps: list[tuple[str, np.ndarray, np.ndarray, np.ndarray | None]]) -> Drawing:
    """Maps in a row: what each is, its numbers, its colours, and the linear indices in the corners of its cells."""
    rows = max(len(values) for _, values, _, _ in maps)
    d = Drawing(sum(values.shape[1] for _, values, _, _ in maps) * SIZE + 64, rows * SIZE + 50)
    d.line_of_text(10, title, "code")
    x, middle = 2.0, 46 + rows * SIZE / 2
    for number, (label, values, kinds, indices) in enumerate(maps):
        y, width = middle - values.shape[0] * SIZE / 2, values.shape[1] * SIZE
        d.text(x + width / 2, y - 10, label, "small faint")
        d.matrix(x, y, values, kinds, size=SIZE, corners=indices)
        if number < len(maps) - 1:
            d.arrow(x + width + 6, middle, 18)
        x += width + 30
    return d


def indices_of(values: np.ndarray) -> np.ndarray:
    """Linear indices, down the columns from 1."""
    return np.arange(1, values.size + 1).reshape(values.shape, order="F")


def winners(x: np.ndarray, size: int, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, indx, input_size = maxpool(x, size, Stride=stride, DataFormat="SSCB", nargout=3)
    return np.asarray(y), np.asarray(indx), np.asarray(input_size)


def colours(indx: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Elements that win somewhere, filled, and all pooled elements, each in the colour of where it comes from."""
    numbers = list(dict.fromkeys(indx.ravel()))
    pooled = np.array([f"t{hue(numbers.index(at))} thick" for at in indx.ravel()], object).reshape(indx.shape)
    return np.array([f"w{hue(numbers.index(at))}" if at in numbers else "" for at in indices_of(x).ravel()],
                    object).reshape(x.shape), pooled


def pale(kinds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The same colours, paler, where values are not zero."""
    return np.array([f"{kind} thick".replace("w", "t") if kind and value else "" for kind, value in
                     zip(kinds.ravel(), values.ravel(), strict=True)], object).reshape(values.shape)


# Gradients -----------------------------------------------------------------------------------------------------------
def of_maximum(title: str, size: int, stride: int, x: np.ndarray) -> Drawing:
    leaving = through(maxPooling2dLayer(size, Stride=stride), x, ARRIVING)
    elements, pooled = colours(winners(x, size, stride)[1], x)
    return in_a_row(f"max, {title}", [("x", x, elements, None), ("∂L/∂y", ARRIVING, pooled, None),
                                   ("∂L/∂x", leaving, pale(elements, leaving), None)])


def of_average(title: str, size: int, stride: int, x: np.ndarray) -> Drawing:
    layer = averagePooling2dLayer(size, Stride=stride)
    leaving = through(layer, x, ARRIVING)
    kinds = kinds_of(layer, x)
    return in_a_row(f"average, {title}", [("x", x, kinds, None), ("∂L/∂y", ARRIVING, hues_of(ARRIVING.shape), None),
                                       ("∂L/∂x", leaving, kinds, None)])


# Unpooling -----------------------------------------------------------------------------------------------------------
def unpooling(title: str, size: int, stride: int, x: np.ndarray) -> Drawing:
    """Maxima go back to where they were."""
    y, indx, input_size = winners(x, size, stride)
    elements, pooled = colours(indx, x)
    back = np.asarray(maxunpool(y, indx, input_size, DataFormat="SSCB"))[:, :, 0, 0]
    return in_a_row(title, [("x", x, elements, indices_of(x)), ("y, indx", y, pooled, indx),
                            ("unpooled", back, pale(elements, back), indices_of(x))])


def unpooling_others(title: str, size: int, stride: int, x: np.ndarray) -> Drawing:
    """Other values than the maxima go to the same places."""
    _, indx, input_size = winners(x, size, stride)
    elements, pooled = colours(indx, x)
    back = np.asarray(maxunpool(OTHERS, indx, input_size, DataFormat="SSCB"))[:, :, 0, 0]
    return in_a_row(title, [("x", x, elements, indices_of(x)), ("z, indx", OTHERS, pooled, indx),
                            ("unpooled", back, pale(elements, back), indices_of(x))])


def of_both(title: str, size: int, stride: int, x: np.ndarray) -> Drawing:
    """Back through unpooling, every element fetches the gradient of its place; the pooling sends it on to the same place."""
    y, indx, input_size = winners(x, size, stride)
    local = np.ravel_multi_index(np.unravel_index(indx - 1, x.shape, order="F"), x.shape)
    arriving = np.arange(10.0, 10 + x.size).reshape(x.shape)
    between = backward(OPS["max_unpool"], (y, local, input_size), arriving, {"to": of(x)})
    leaving = through(maxPooling2dLayer(size, Stride=stride), x, between)
    elements, pooled = colours(indx, x)
    return in_a_row(f"back through both, {title}", [
        ("∂L/∂unpooled", arriving, elements, indices_of(x)), ("∂L/∂y", between, pooled, indx),
        ("∂L/∂x", leaving, pale(elements, leaving), indices_of(x))])


for TITLE, CASE in PAIRS.items():
    SUFFIX = "" if CASE[1] > 1 else "-overlap"
    enter(f"gradient-max{SUFFIX}", of_maximum, TITLE, *CASE)
    enter(f"unpool{SUFFIX}", unpooling if CASE[1] > 1 else unpooling_others, TITLE, *CASE)
    enter(f"gradient-unpool{SUFFIX}", of_both, TITLE, *CASE)
TITLE, CASE = next(iter(PAIRS.items()))
enter("gradient-average", of_average, TITLE, *CASE)


# Encoder and decoder -------------------------------------------------------------------------------------------------
def encoder_decoder() -> LayerGraph:
    """A network with odd sizes, so that the size of a map cannot be known from the pooled one."""
    lgraph = layerGraph([
        imageInputLayer([25, 25, 3], Name="image"), convolution2dLayer(3, 8, Padding="same", Name="conv1"),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool1"),
        convolution2dLayer(3, 16, Padding="same", Name="conv2"),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool2"), maxUnpooling2dLayer(Name="unpool2"),
        convolution2dLayer(3, 8, Padding="same", Name="conv3"), maxUnpooling2dLayer(Name="unpool1"),
        convolution2dLayer(3, 2, Padding="same", Name="conv4")])
    for number in "12":
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"pool{number}/{port}", f"unpool{number}/{port}")
    return lgraph


def pairing() -> Drawing:
    """The encoder runs down, the decoder up, and positions cross from one to the other."""
    table = analyzeNetwork(encoder_decoder(), nargout=1).LayerInfo
    sizes = {name: "×".join(map(str, (several[0] if isinstance(several[0], list) else several)[:3]))
             for name, several in zip(table.Name, table.ActivationSizes, strict=True)}
    down, up = ["image", "conv1", "pool1", "conv2", "pool2"], ["conv4", "unpool1", "conv3", "unpool2"]
    wide, high, step, right = 118, 38, 62, 240
    d = Drawing(right + wide + 2, len(down) * step + 8)
    boxes = {name: (2, 2 + row * step) for row, name in enumerate(down)}
    boxes |= {name: (right, 2 + (row + 1) * step) for row, name in enumerate(up)}
    for name, (x, y) in boxes.items():
        kind = {"1": "t1", "2": "t2"}[name[-1]] if "pool" in name else ""
        d.rect(x, y, wide, high, kind)
        d.text(x + wide / 2, y + 12, name, "strong small")
        d.text(x + wide / 2, y + 27, sizes[name], "small faint")
    for above, below in pairwise(down):
        (x, y), (_, end) = boxes[above], boxes[below]
        d.arrow_along([(x + wide / 2, y + high + 3), (x + wide / 2, end - 3)])
    for above, below in pairwise(up):
        (x, end), (_, y) = boxes[above], boxes[below]
        d.arrow_along([(x + wide / 2, y - 3), (x + wide / 2, end + high + 3)])
    (x, y), (other, _) = boxes["pool2"], boxes["unpool2"]
    d.arrow_along([(x + wide / 2, y + high + 3), (x + wide / 2, y + high + 16), (other + wide / 2, y + high + 16),
                   (other + wide / 2, y + high + 3)])
    for number, colour in (("1", 1), ("2", 2)):
        (x, y), (other, _) = boxes[f"pool{number}"], boxes[f"unpool{number}"]
        for port, at in (("indices", 13), ("size", 31)):
            d.text((x + wide + other) / 2, y + at - 7, port, "small faint")
            d.arrow_along([(x + wide + 4, y + at), (other - 4, y + at)], f"s{colour} dashed")
    return d


enter("pairing", pairing)
