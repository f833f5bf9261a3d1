"""Parameters of other frameworks, drawn, with sizes of maps for them, and what the framework says of them, slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.exchange.pooling import literal

Rng = np.random.Generator
LONGEST = {1: 9, 2: 6, 3: 4}  # sides of maps by number of dimensions


class Draw(NamedTuple):
    """A call of poolingLayerFrom, the map's spatial sizes, and how the framework's windows lie."""

    parameters: dict[str, Any]
    spatial: tuple[int, ...]
    kind: str
    axes: list[literal.Axis] | None  # None: all of the map is one window


def per_axis(rng: Rng, rank: int, low: int, high: int) -> list[int]:
    """A number for each dimension, one for all in half of the cases."""
    numbers = [int(n) for n in rng.integers(low, high + 1, rank)]
    return numbers[:1] * rank if rng.random() < 0.5 else numbers


def spelled(rng: Rng, numbers: list[int]) -> Any:
    """A vector in one of the forms that people write: a number, list, tuple, array, or numbers of NumPy."""
    forms: list[Callable[[list[int]], Any]] = [list, tuple, np.array, lambda ns: [np.int64(n) for n in ns]]
    if len(set(numbers)) == 1:
        forms += [lambda ns: ns[0], lambda ns: np.int32(ns[0])]
    return forms[rng.integers(len(forms))](numbers)


def side(rng: Rng, rank: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, LONGEST[rank] + 1, rank))


def sometimes(rng: Rng, given: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is its default may be left out."""
    return {name: value for name, value in given.items()
            if not (name in default and np.array_equal(value, default[name]) and rng.random() < 0.5)}


def possible(draw: Callable[[Rng], Draw | None]) -> Callable[[Rng, int], Iterator[Draw]]:
    """So many draws of which every dimension has a window."""
    def drawn(rng: Rng, count: int) -> Iterator[Draw]:
        done = 0
        while done < count:
            one = draw(rng)
            if one is not None and (one.axes is None or all(one.axes)):
                done += 1
                yield one
    return drawn


def keras(rng: Rng) -> Draw:
    rank = int(rng.choice([1, 2, 2, 3]))
    kind, spatial = str(rng.choice(["max", "average"])), side(rng, rank)
    short, long = {"max": ("MaxPool", "MaxPooling"), "average": ("AvgPool", "AveragePooling")}[kind]
    given: dict[str, Any] = {}
    if rng.random() < 0.5:
        given["data_format"] = str(rng.choice(["channels_last", "channels_first"]))
    if rng.random() < 0.05:
        return Draw({"layer": f"Global{rng.choice([short, long])}{rank}D", **given}, spatial, kind, None)
    size, stride = per_axis(rng, rank, 1, 4), per_axis(rng, rank, 1, 4)
    padding = str(rng.choice(["valid", "same", "SAME"]))
    given |= {"layer": f"{rng.choice([short, long])}{rank}D", "pool_size": spelled(rng, size),
              "strides": spelled(rng, stride), "padding": padding}
    if rng.random() < 0.2:
        stride, given["strides"] = size, None
    given = sometimes(rng, given, {"padding": "valid", "strides": None, "pool_size": 2})
    axes = [literal.keras(n, f, s, padding) for n, f, s in zip(spatial, size, stride, strict=True)]
    return Draw(given, spatial, kind, axes)


def tensorflow(rng: Rng) -> Draw | None:
    rank = int(rng.choice([1, 2, 2, 3]))
    kind, spatial = str(rng.choice(["max", "average"])), side(rng, rank)
    size, stride = per_axis(rng, rank, 1, 4), per_axis(rng, rank, 1, 4)
    last, first = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}[rank]
    layout = str(rng.choice([last, first]))

    def whole(numbers: list[Any], outside: Any) -> list[Any]:
        return [outside, outside, *numbers] if layout == first else [outside, *numbers, outside]

    def vector(numbers: list[int]) -> Any:
        return spelled(rng, numbers if rng.random() < 0.5 else whole(numbers, 1))
    op = {"max": "max_pool", "average": "avg_pool"}[kind]
    given = {"op": f"{rng.choice(['', 'tf.nn.'])}{op}{rng.choice(['', f'{rank}d'])}", "ksize": vector(size),
             "strides": vector(stride), "data_format": layout}
    if layout == last and given["op"].endswith("d"):
        given = sometimes(rng, given, {"data_format": last})
    padding: Any = [str(rng.choice(["SAME", "VALID"]))] * rank
    given["padding"] = padding[0]
    if kind == "max" and rank < 3 and rng.random() < 0.4:
        padding = [(int(rng.integers(f)), int(rng.integers(f))) for f in size]
        given["padding"] = whole([list(pair) for pair in padding], [0, 0])
    elif kind == "max" and rank == 2 and rng.random() < 0.2:
        given["op"] = "max_pool_with_argmax"
    axes = [literal.tensorflow(n, f, s, p) for n, f, s, p in zip(spatial, size, stride, padding, strict=True)]
    return Draw(given, spatial, kind, axes)


def caffe(rng: Rng) -> Draw:
    method, spatial = str(rng.choice(["MAX", "AVE", "STOCHASTIC"], p=[0.45, 0.45, 0.1])), side(rng, 2)
    kind = {"MAX": "max", "AVE": "average", "STOCHASTIC": "stochastic"}[method]
    written = method if rng.random() < 0.8 else ["MAX", "AVE", "STOCHASTIC"].index(method)
    if method != "STOCHASTIC" and rng.random() < 0.05:
        return Draw({"pool": written, "global_pooling": True}, spatial, kind, None)
    size, stride = per_axis(rng, 2, 1, 4), per_axis(rng, 2, 1, 5)
    pad = [0, 0] if method == "STOCHASTIC" or rng.random() < 0.4 else [int(rng.integers(f)) for f in size]
    rounding = str(rng.choice(["CEIL", "CEIL", "FLOOR"]))
    given: dict[str, Any] = {"pool": written, "round_mode": rounding}
    for name, square, (h, w) in (("kernel", "kernel_size", size), ("stride", "stride", stride), ("pad", "pad", pad)):
        given |= {square: h} if h == w and rng.random() < 0.7 else {f"{name}_h": h, f"{name}_w": np.int64(w)}
    if method == "MAX" and rng.random() < 0.3:
        given["top"] = rng.choice([2, 1]) if rng.random() < 0.5 else ["pool", "mask"]
    given = sometimes(rng, given, {"pool": "MAX", "round_mode": "CEIL", "stride": 1, "pad": 0})
    axes = [literal.caffe(n, f, s, p, rounding, any(pad)) for n, f, s, p in zip(spatial, size, stride, pad, strict=True)]
    return Draw(given, spatial, kind, axes)


def darknet(rng: Rng) -> Draw | None:
    spatial = side(rng, 2)
    if rng.random() < 0.02:
        return Draw({"layer": "[avgpool]"}, spatial, "average", None)
    size, stride = (int(n) for n in rng.integers(1, 5, 2))
    padding = int(rng.integers(2 * size - 1))
    if min(spatial) + padding < size:
        return None  # C would divide a negative number
    given = {"layer": str(rng.choice(["maxpool", "[maxpool]"])), "size": size, "stride": stride, "padding": padding}
    given = {name: str(value) if rng.random() < 0.3 else value for name, value in given.items()}
    given = sometimes(rng, given, {"size": stride, "stride": 1, "padding": size - 1})
    return Draw(given, spatial, "max", [literal.darknet(n, size, stride, padding) for n in spatial])


def onnx(rng: Rng) -> Draw:
    rank = int(rng.choice([1, 2, 2, 3]))
    kind, spatial = str(rng.choice(["max", "average"])), side(rng, rank)
    if rng.random() < 0.05:
        return Draw({"op": "GlobalMaxPool" if kind == "max" else "GlobalAveragePool", "rank": rank}, spatial, kind, None)
    size, stride = per_axis(rng, rank, 1, 4), per_axis(rng, rank, 1, 4)
    dilation = [1] * rank if rng.random() < 0.6 else per_axis(rng, rank, 1, 3)
    ceil_mode, counting = bool(rng.random() < 0.5), bool(kind == "average" and rng.random() < 0.5)
    auto_pad = str(rng.choice(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    pads = [(0, 0)] * rank
    if auto_pad == "NOTSET" and rng.random() < 0.7:
        pads = [(int(rng.integers((f - 1) * d + 1)), int(rng.integers((f - 1) * d + 1)))
                for f, d in zip(size, dilation, strict=True)]
    given: dict[str, Any] = {
        "op": "MaxPool" if kind == "max" else "AveragePool", "kernel_shape": size, "strides": stride,
        "dilations": dilation, "auto_pad": auto_pad if rng.random() < 0.8 else auto_pad.encode(),
        "ceil_mode": int(ceil_mode)}
    if any(map(any, pads)) or rng.random() < 0.2:
        given["pads"] = [pair[end] for end in (0, 1) for pair in pads]
    if kind == "average":
        given["count_include_pad"] = int(counting)
    elif rng.random() < 0.5:
        given |= {"storage_order": int(rng.integers(2)), "outputs": 2 if rng.random() < 0.5 else ["y", "indices"]}
    ones = [1] * rank
    given = sometimes(rng, given, {"strides": ones, "dilations": ones, "auto_pad": "NOTSET", "ceil_mode": 0,
                                   "count_include_pad": 0})
    axes = [literal.onnx(n, f, s, p, d, auto_pad, ceil_mode, counting)
            for n, f, s, p, d in zip(spatial, size, stride, pads, dilation, strict=True)]
    return Draw(given, spatial, kind, axes)


def matlab(rng: Rng) -> Draw:
    rank = int(rng.choice([1, 2, 2, 3]))
    kind, spatial = str(rng.choice(["max", "average"])), side(rng, rank)
    if rng.random() < 0.05:
        return Draw({"layer": f"global{kind.capitalize()}Pooling{rank}dLayer"}, spatial, kind, None)
    size, stride = per_axis(rng, rank, 1, 4), per_axis(rng, rank, 1, 4)
    padding: Any = ["same"] * rank
    given: dict[str, Any] = {"layer": f"{kind}Pooling{rank}dLayer", "poolSize": spelled(rng, size),
                             "Stride": spelled(rng, stride), "Padding": "same"}
    if rng.random() < 0.7:
        padding = [(int(rng.integers(f)), int(rng.integers(f))) for f in size]
        given["Padding"] = ([[p[0] for p in padding], [p[1] for p in padding]] if rank == 3 else
                            [n for pair in padding for n in pair])
    only_real = bool(kind == "average" and rng.random() < 0.5)
    if only_real:
        given["PaddingValue"] = "mean"
    elif kind == "max" and rank == 2 and all(s >= f for s, f in zip(stride, size, strict=True)):
        given["HasUnpoolingOutputs"] = True
    given = sometimes(rng, given, {"Stride": 1})
    axes = [literal.matlab(n, f, s, p, only_real) for n, f, s, p in zip(spatial, size, stride, padding, strict=True)]
    return Draw(given, spatial, kind, axes)


DRAWS = {"keras": possible(keras), "tensorflow": possible(tensorflow), "caffe": possible(caffe),
         "darknet": possible(darknet), "onnx": possible(onnx), "matlab": possible(matlab)}


def pytorch(rng: Rng) -> tuple[dict[str, Any], tuple[int, ...]]:
    """A module's parameters and sizes for which PyTorch may refuse them."""
    rank = int(rng.choice([1, 2, 2, 3]))
    kind, spatial = str(rng.choice(["MaxPool", "AvgPool"])), side(rng, rank)
    size, stride, ones = per_axis(rng, rank, 1, 4), per_axis(rng, rank, 1, 4), [1] * rank
    dilation = per_axis(rng, rank, 1, 3) if kind == "MaxPool" and rng.random() < 0.5 else ones
    padding = per_axis(rng, rank, 0, 2) if rng.random() < 0.6 else [0] * rank
    given: dict[str, Any] = {"layer": f"{kind}{rank}d", "kernel_size": spelled_for_torch(rng, size),
                             "stride": spelled_for_torch(rng, stride), "padding": spelled_for_torch(rng, padding),
                             "ceil_mode": bool(rng.random() < 0.5)}
    if rng.random() < 0.2:
        given["stride"] = None
    if kind == "MaxPool":
        given |= {"dilation": spelled_for_torch(rng, dilation), "return_indices": bool(rng.random() < 0.5)}
    else:
        given |= {"count_include_pad": bool(rng.random() < 0.5)}
        if rank > 1 and rng.random() < 0.3:
            given["divisor_override"] = int(rng.integers(1, 6))
    return sometimes(rng, given, {"padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False,
                                  "count_include_pad": True, "stride": None}), spatial


def spelled_for_torch(rng: Rng, numbers: list[int]) -> Any:
    return numbers[0] if len(set(numbers)) == 1 and rng.random() < 0.5 else tuple(numbers)
