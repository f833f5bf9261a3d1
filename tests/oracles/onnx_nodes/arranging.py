"""Moving and resizing: nodes of ONNX as our ops."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np

from tests.oracles.onnx_nodes.suite import Attributes, Untranslatable, op, ours, pairs, theirs, translation


@translation("Concat")
def concat(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    return (op("concat", *xs, axis=attrs["axis"]),)


@translation("Flatten")
def flatten(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Axes before the chosen one are observations. Ours runs through the first axis fastest, ONNX through the last."""
    axis = attrs.get("axis", 1) % x.ndim
    features = x.reshape(prod(x.shape[:axis]), *x.shape[axis:])
    return (op("flatten", features.transpose()).T,)


@translation("Gather")
def gather(attrs: Attributes, x: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, ...]:
    """Words are counted from 1, and there are none before the first."""
    first = np.moveaxis(x, attrs.get("axis", 0), 0)
    if (indices < 0).any():
        raise Untranslatable("words counted from the last")
    rows = op("embed", indices.reshape(1, -1) + 1, first.reshape(len(first), -1).T, known=len(first))
    rows = rows.reshape(-1, indices.size).T.reshape(*indices.shape, *first.shape[1:])
    axis, rank = attrs.get("axis", 0), indices.ndim
    return (np.moveaxis(rows, range(rank), range(axis, axis + rank)),)


def part(x: np.ndarray, start: Sequence[int], to: Sequence[int]) -> np.ndarray:
    """All axes are spatial ones."""
    y: np.ndarray = op("crop", x[..., None, None], start=tuple(start), to=tuple(to))
    return y[..., 0, 0]


@translation("Slice")
def cut(attrs: Attributes, x: np.ndarray, starts: np.ndarray, ends: np.ndarray, axes: np.ndarray | None = None,
        steps: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    if steps is not None and (steps != 1).any():
        raise Untranslatable("steps, or backwards")
    start, size = [0] * x.ndim, list(x.shape)
    for number, axis in enumerate(range(len(starts)) if axes is None else axes):
        start[axis], stop, _ = slice(int(starts[number]), int(ends[number])).indices(x.shape[axis])
        size[axis] = stop - start[axis]
    return (part(x, start, size),)


@translation("Split")
def split(attrs: Attributes, x: np.ndarray, sizes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Parts of a size, one behind the other; the last is smaller where they do not come out even."""
    axis, parts, at = attrs.get("axis", 0) % x.ndim, [], 0
    n = x.shape[axis]
    each = -(-n // attrs["outputs"]) if sizes is None else 0
    for size in [each] * (n // each) + [n % each] * (n % each > 0) if sizes is None else sizes:
        start, to = [0] * x.ndim, list(x.shape)
        start[axis], to[axis], at = at, int(size), at + int(size)
        parts.append(part(x, start, to))
    return tuple(parts)


@translation("CenterCropPad")
def centre(attrs: Attributes, x: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Parts in the middle, as of a crop layer; padding with zeros on both sides, the odd one at the end."""
    to = list(x.shape)
    for axis, size in zip(attrs.get("axes", range(x.ndim)), sizes, strict=True):
        to[axis] = int(size)
    inner = [min(n, m) for n, m in zip(x.shape, to, strict=True)]
    y = part(x, [(n - m) // 2 for n, m in zip(x.shape, inner, strict=True)], inner)
    more = [m - n for n, m in zip(inner, to, strict=True)]
    widths = tuple((n // 2, n - n // 2) for n in more)
    return (op("pad_edges", y[..., None, None], padding=widths, mode="constant")[..., 0, 0],)


@translation("Pad")
def pad(attrs: Attributes, x: np.ndarray, pads: np.ndarray, value: np.ndarray | None = None,
        axes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    modes = {b"edge": "replicate", b"reflect": "symmetric-exclude-edge", b"constant": "constant"}
    chosen = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
    widths = dict(zip(chosen, pairs([int(n) for n in pads]), strict=True))
    if attrs["mode"] not in modes or any(any(widths.get(axis, (0, 0))) for axis in (0, 1)):
        raise Untranslatable("a mode that MATLAB has not, or padding of batch or channels")
    padding = tuple(widths.get(axis, (0, 0)) for axis in range(2, x.ndim))
    extra = {} if value is None else {"value": float(value)}
    return (theirs(op("pad_edges", ours(x), padding=padding, mode=modes[attrs["mode"]], **extra)),)


@translation("Resize")
def resize(attrs: Attributes, x: np.ndarray, *rest: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """The last input holds sizes, which are integers, or scales."""
    wanted = rest[-1]
    assert wanted is not None
    ways = {b"nearest": "nearest", b"linear": "linear", b"half_pixel": "half-pixel", b"asymmetric": "asymmetric",
            b"floor": "floor", b"round_prefer_ceil": "round", b"round_prefer_floor": "round"}
    method, transform = ways.get(attrs["mode"]), ways.get(attrs.get("coordinate_transformation_mode", b"half_pixel"))
    rounding = ways.get(attrs.get("nearest_mode", b"round_prefer_floor"))
    kept = attrs.get("keep_aspect_ratio_policy", b"stretch") == b"stretch"
    if None in (method, transform, rounding) or attrs.get("antialias") or not kept:
        raise Untranslatable("a way to resize that MATLAB has not")
    given = wanted[np.argsort(attrs["axes"])] if "axes" in attrs else wanted[2:]
    by_size = given.dtype == np.int64
    to = tuple(int(n) if by_size else int(np.floor(m * n)) for n, m in zip(given, x.shape[2:], strict=True))
    factors = tuple(Fraction(n, m) if by_size else Fraction(float(f))
                    for n, m, f in zip(to, x.shape[2:], given, strict=True))
    return (theirs(op("resize", ours(x), to=to, factors=factors, method=method, transform=transform,
                                         rounding=rounding)),)


@translation("Upsample")
def upsample(attrs: Attributes, x: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, ...]:
    """What Resize was called before: in its place from the beginning, and what lies between goes to the one before."""
    return resize({"coordinate_transformation_mode": b"asymmetric", "nearest_mode": b"floor", **attrs}, x, scales)


@translation("SpaceToDepth")
def space_to_depth(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(op("space_to_depth", ours(x), block=(attrs["blocksize"],) * 2)),)


@translation("DepthToSpace")
def depth_to_space(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    order = attrs.get("mode", b"DCR").decode().lower()
    return (theirs(op("depth_to_space", ours(x), block=(attrs["blocksize"],) * 2, order=order)),)


