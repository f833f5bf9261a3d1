"""The ONNX backend node suite against our ops, through a small translation of nodes.

ONNX arrays are B×C×S…; ours are S…×C×B. `EXCLUDED` names what our vocabulary does not cover, each with its reason, and a
test checks that every one of them still fails: a line that has become wrong must go.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Pair, Window, same_cropping, same_padding
from dltoolbox.ops import OPS

pytestmark = pytest.mark.oracle

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # making the suite's data overflows on purpose
    from onnx.backend.test.loader import load_model_tests

    SUITE = load_model_tests(kind="node")

Arrays = Sequence[np.ndarray]
Attributes = dict[str, Any]


class Untranslatable(Exception):
    """The node asks for something that no op of ours means."""


def ours(x: np.ndarray) -> np.ndarray:
    """B×C×S… → S…×C×B."""
    return x.transpose(*range(2, x.ndim), 1, 0)


def theirs(x: np.ndarray) -> np.ndarray:
    """S…×C×B → B×C×S…"""
    return x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def pairs(pads: Sequence[int]) -> tuple[Pair, ...]:
    return tuple(zip(pads[:len(pads) // 2], pads[len(pads) // 2:], strict=True))


def window_of(attrs: Attributes, spatial: Sequence[int], size: Sequence[int] | None = None) -> Window:
    """The window of a pooling or convolution node for an input of the given size."""
    size = attrs.get("kernel_shape", size)
    plain = Window.of(size, attrs.get("strides"), dilation=attrs.get("dilations"))
    padding = pairs(attrs.get("pads", [0] * 2 * len(size)))
    if attrs.get("auto_pad", b"NOTSET") != b"NOTSET":
        padding = same_padding(spatial, plain.extent, plain.stride)
        if attrs["auto_pad"] == b"SAME_LOWER":  # the odd element goes to the beginning
            padding = tuple((after, before) for before, after in padding)
    if attrs.get("ceil_mode"):
        padding = tuple(rounded_up(*axis) for axis in zip(spatial, plain.extent, plain.stride, padding, strict=True))
    return Window(plain.size, plain.stride, padding, plain.dilation)


def rounded_up(n: int, extent: int, stride: int, padding: Pair) -> Pair:
    """Padding at the end for one more window, unless it would start behind the input."""
    before, after = padding
    rest = (n + before + after - extent) % stride
    starts = n + before + after - extent - rest + stride
    return (before, after + stride - rest) if rest and starts < n + before else padding


def max_pool(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    window = window_of(attrs, x.shape[2:])
    y, indices = OPS["max_pool_indices"].forward(ours(x), window=window)
    if attrs.get("storage_order"):
        coordinates = np.unravel_index(indices, x.shape[2:])
        indices = np.ravel_multi_index(coordinates, x.shape[2:], order="F")
    planes = np.arange(x.shape[1])[:, None] + x.shape[1] * np.arange(x.shape[0])
    return theirs(y), theirs(indices + planes * np.prod(x.shape[2:], dtype=np.int64))


def average_pool(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    window = window_of(attrs, x.shape[2:])
    counting = bool(attrs.get("count_include_pad"))
    if counting and window != window_of({**attrs, "ceil_mode": 0}, x.shape[2:]):
        raise Untranslatable("declared padding counts, but what rounding up adds does not")
    return (theirs(OPS["avg_pool"].forward(ours(x), window=window, count_padding=counting)),)


def convolve(attrs: Attributes, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    window, groups = window_of(attrs, x.shape[2:], w.shape[2:]), attrs.get("group", 1)
    bias = np.zeros(w.shape[0], x.dtype) if bias is None else bias
    if groups > 1:
        by_group = ours(w).reshape(*w.shape[2:], w.shape[1], groups, -1).swapaxes(-1, -2)
        return (theirs(OPS["grouped_conv"].forward(ours(x), by_group, bias.reshape(groups, -1).T, window=window)),)
    return (theirs(OPS["conv"].forward(ours(x), ours(w), bias, window=window)),)


def convolve_transposed(attrs: Attributes, x: np.ndarray, w: np.ndarray,
                        bias: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    if attrs.get("group", 1) != 1:
        raise Untranslatable("grouped")
    plain = Window.of(w.shape[2:], attrs.get("strides"), dilation=attrs.get("dilations"))
    extra = attrs.get("output_padding", [0] * plain.rank)
    cropping = pairs(attrs.get("pads", [0] * 2 * plain.rank))
    if "output_shape" in attrs:
        whole = plain.transposed_output(x.shape[2:])
        cropping, extra = tuple((0, a - b) for a, b in zip(whole, attrs["output_shape"], strict=True)), [0] * plain.rank
    elif attrs.get("auto_pad", b"NOTSET") == b"SAME_UPPER":
        cropping = same_cropping(plain.extent, plain.stride)
    cropping = tuple((before, after - more) for (before, after), more in zip(cropping, extra, strict=True))
    window = Window(plain.size, plain.stride, cropping, plain.dilation)
    bias = np.zeros(w.shape[1], x.dtype) if bias is None else bias
    return (theirs(OPS["conv_transposed"].forward(ours(x), ours(w), bias, window=window)),)


def max_unpool(attrs: Attributes, x: np.ndarray, indices: np.ndarray,
               shape: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """ONNX indices refer to the unpadded default output, even where a larger one is asked for."""
    window = Window.of(attrs["kernel_shape"], attrs["strides"], pairs(attrs.get("pads", [0] * 2 * (x.ndim - 2))))
    spatial = window.transposed_output(x.shape[2:])
    size = (*spatial, *x.shape[1::-1])
    local = ours(indices) % np.prod(spatial, dtype=np.int64)
    y = OPS["max_unpool"].forward(ours(x), local, np.array(size), to=Dims("S" * len(spatial) + "CB", size))
    if shape is not None:
        y = np.pad(y, [(0, int(n) - m) for n, m in zip((*shape[2:], *shape[1::-1]), size, strict=True)])
    return (theirs(y),)


def batch_norm(attrs: Attributes, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mean: np.ndarray,
               variance: np.ndarray) -> tuple[np.ndarray, ...]:
    epsilon, momentum = attrs.get("epsilon", 1e-5), attrs.get("momentum", 0.9)
    if not attrs.get("training_mode"):
        return (theirs(OPS["batch_norm_inference"].forward(ours(x), scale, offset, mean, variance, epsilon=epsilon)),)
    y, *batch = OPS["batch_norm"].forward(ours(x), scale, offset, epsilon=epsilon)
    return theirs(y), *(old * momentum + new * (1 - momentum) for old, new in zip((mean, variance), batch, strict=True))


def softmax(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    axis = attrs.get("axis", -1)
    y = OPS["softmax"].forward(np.moveaxis(x, axis, -1)[..., None])[..., 0]
    return (np.moveaxis(y, -1, axis),)


def gemm(attrs: Attributes, a: np.ndarray, b: np.ndarray, c: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    a, b = a.T if attrs.get("transA") else a, b.T if attrs.get("transB") else b
    c = np.zeros((), a.dtype) if c is None else c * np.asarray(attrs.get("beta", 1.0), a.dtype)
    if c.ndim == 2 and c.shape[0] > 1:
        raise Untranslatable("the bias differs between observations")
    weights = b.T * np.asarray(attrs.get("alpha", 1.0), a.dtype)
    return (OPS["dense"].forward(a.T, weights, np.broadcast_to(c.reshape(-1), weights.shape[0])).T,)


def dropout(attrs: Attributes, x: np.ndarray, ratio: np.ndarray | None = None,
            training: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Inference is the identity; there is no op for it."""
    if training is None or not training:
        return x, np.ones(x.shape, bool)
    y, mask = OPS["dropout"].forward(x, probability=float(0.5 if ratio is None else ratio))
    return y, mask > 0


def pad(attrs: Attributes, x: np.ndarray, pads: np.ndarray, value: np.ndarray | None = None,
        axes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    modes = {b"edge": "replicate", b"reflect": "symmetric-exclude-edge", b"constant": "constant"}
    chosen = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
    widths = dict(zip(chosen, pairs([int(n) for n in pads]), strict=True))
    if attrs["mode"] not in modes or any(any(widths.get(axis, (0, 0))) for axis in (0, 1)):
        raise Untranslatable("a mode that MATLAB has not, or padding of batch or channels")
    padding = tuple(widths.get(axis, (0, 0)) for axis in range(2, x.ndim))
    extra = {} if value is None else {"value": float(value)}
    return (theirs(OPS["pad_edges"].forward(ours(x), padding=padding, mode=modes[attrs["mode"]], **extra)),)


def add(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    if len(xs) < 2:
        raise Untranslatable("a sum of one")
    rank = max(x.ndim for x in xs)
    return (OPS["add"].forward(*(x.reshape((1,) * (rank - x.ndim) + x.shape) for x in xs)),)


def multiply(attrs: Attributes, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
    rank = max(x.ndim for x in xs)
    return (OPS["multiply"].forward(*(x.reshape((1,) * (rank - x.ndim) + x.shape) for x in xs)),)


def normalise_locally(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return (theirs(OPS["cross_channel_norm"].forward(ours(x), size=attrs["size"], alpha=attrs.get("alpha", 1e-4),
                                                     beta=attrs.get("beta", 0.75), k=attrs.get("bias", 1.0))),)


def resize(attrs: Attributes, x: np.ndarray, *rest: np.ndarray) -> tuple[np.ndarray, ...]:
    """The last input holds sizes, which are integers, or scales."""
    ways = {b"nearest": "nearest", b"linear": "linear", b"half_pixel": "half-pixel", b"asymmetric": "asymmetric",
            b"floor": "floor", b"round_prefer_ceil": "round", b"round_prefer_floor": "round"}
    method, transform = ways.get(attrs["mode"]), ways.get(attrs.get("coordinate_transformation_mode", b"half_pixel"))
    rounding = ways.get(attrs.get("nearest_mode", b"round_prefer_floor"))
    kept = attrs.get("keep_aspect_ratio_policy", b"stretch") == b"stretch"
    if None in (method, transform, rounding) or attrs.get("antialias") or not kept:
        raise Untranslatable("a way to resize that MATLAB has not")
    given = rest[-1][np.argsort(attrs["axes"])] if "axes" in attrs else rest[-1][2:]
    by_size = given.dtype == np.int64
    to = tuple(int(n) if by_size else int(np.floor(m * n)) for n, m in zip(given, x.shape[2:], strict=True))
    factors = tuple(Fraction(n, m) if by_size else Fraction(float(f))
                    for n, m, f in zip(to, x.shape[2:], given, strict=True))
    return (theirs(OPS["resize"].forward(ours(x), to=to, factors=factors, method=method, transform=transform,
                                         rounding=rounding)),)


def cross_entropy(attrs: Attributes, x: np.ndarray, labels: np.ndarray,
                  weights: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Ours divides by the number of labelled positions; ONNX's mean divides by the sum of their weights."""
    if attrs["reduction"] == b"none":
        raise Untranslatable("a loss of each position")
    classes = np.arange(x.shape[1])[:, None]
    real = labels != attrs.get("ignore_index", x.shape[1])
    targets = (np.expand_dims(ours(labels[:, None])[..., 0, :], -2) == classes).astype(x.dtype)
    targets *= np.expand_dims(ours(real[:, None])[..., 0, :], -2)
    per_class = None if weights is None else tuple(float(w) for w in weights)
    loss, y = OPS["softmax_cross_entropy"].forward(ours(x), targets, weights=per_class)
    total = loss * real.sum()
    counted = real.sum() if weights is None else weights[labels[real]].sum()
    return np.asarray(total / (counted if attrs["reduction"] == b"mean" else 1), x.dtype), np.log(theirs(y))


def depth_to_space(attrs: Attributes, x: np.ndarray) -> tuple[np.ndarray, ...]:
    order = attrs.get("mode", b"DCR").decode().lower()
    return (theirs(OPS["depth_to_space"].forward(ours(x), block=(attrs["blocksize"],) * 2, order=order)),)


def recurrent(op: str, gates: Sequence[int]) -> Callable[..., tuple[np.ndarray, ...]]:
    """A translation of a cell: X is T×B×C, parameters are directions×rows×…, and ``gates`` are ours in ONNX's order. A GRU
    of ONNX has two biases, for x and for the hidden state, or resets before that product."""
    def run(attrs: Attributes, x: np.ndarray, w: np.ndarray, r: np.ndarray, bias: np.ndarray | None = None,
            lengths: np.ndarray | None = None, h0: np.ndarray | None = None, c0: np.ndarray | None = None,
            peepholes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        if peepholes is not None or "activations" in attrs or "clip" in attrs:
            raise Untranslatable("a cell that MATLAB has not")
        batch_first, hidden = attrs.get("layout", 0), attrs["hidden_size"]
        x = x.transpose(2, 1, 0) if batch_first else x.transpose(2, 0, 1)
        both = np.zeros((len(w), 2 * w.shape[1]), x.dtype) if bias is None else bias
        if op == "gru" and not attrs.get("linear_before_reset", 0):
            both, extra = both.reshape(len(w), 2, -1).sum(1), {"reset": "before-multiplication"}
        else:
            extra = {"reset": "recurrent-bias-after-multiplication"} if op == "gru" else {}
            both = both if extra else both.reshape(len(w), 2, -1).sum(1)
        start = np.zeros((len(w), x.shape[-1], hidden), x.dtype)
        found = []
        for number, (one, other, row) in enumerate(zip(w, r, both, strict=True)):
            states = [(start if state is None else state)[number].T for state in ((h0, c0) if op == "lstm" else (h0,))]
            parameters = [part.reshape(-1, len(gates), hidden, *part.shape[1:])[:, gates].reshape(part.shape)
                          for part in (one, other, row)]
            found.append(OPS[op].forward(x, *states, *parameters, *(() if lengths is None else (lengths,)), **extra,
                                         reverse=attrs.get("direction") == b"reverse" or number == 1))
        y, *last = (np.stack(values) for values in zip(*found, strict=True))
        axes, ends = ((3, 2, 0, 1), (2, 0, 1)) if batch_first else ((2, 0, 3, 1), (0, 2, 1))
        return y.transpose(axes), *(state.transpose(ends) for state in last)
    return run


def attention(attrs: Attributes, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None,
              past_key: np.ndarray | None = None, past_value: np.ndarray | None = None,
              lengths: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """B×T×C with numbers of heads, or B×heads×T×channels. Heads of keys that several queries share are repeated."""
    window = attrs.get("left_window_size", -1), attrs.get("right_window_size", -1)
    mode, causal, flat = attrs.get("qk_matmul_output_mode", 0), bool(attrs.get("is_causal", 0)), q.ndim == 3
    if mask is not None or attrs.get("softcap") or window != (-1, -1) or (lengths is not None and causal):
        raise Untranslatable("scores that MATLAB's layer does not have")
    heads = [attrs[f"{kind}_num_heads"] for kind in ("q", "kv")] if flat else [q.shape[1], k.shape[1]]
    q, k, v = (x.reshape(*x.shape[:2], n, -1).swapaxes(1, 2) if flat else x
               for x, n in zip((q, k, v), (heads[0], *heads[1:] * 2), strict=True))
    if past_key is not None and past_value is not None:
        if causal:
            raise Untranslatable("queries that begin behind the first key")
        k, v = np.concatenate([past_key, k], 2), np.concatenate([past_value, v], 2)
    present = k, v
    k, v = (x.repeat(heads[0] // heads[1], 1) for x in (k, v))
    more = {"axis": -2, "heads": heads[0], "scale": attrs.get("scale", q.shape[-1] ** -0.5), "causal": causal}
    extras = () if lengths is None else (lengths,)

    def flattened(x: np.ndarray) -> np.ndarray:
        return x.transpose(1, 3, 2, 0).reshape(-1, x.shape[2], x.shape[0])
    y = OPS["attention"].forward(*map(flattened, (q, k, v)), *extras, **more).transpose(2, 1, 0)
    y = y if flat else y.reshape(*y.shape[:2], heads[0], -1).swapaxes(1, 2)
    scores = OPS["attention_scores"].forward(*map(flattened, (q, k)), *extras, **more).transpose(3, 2, 1, 0)
    return (y, *present, scores) if mode == 3 else (y, *present)


TRANSLATE: dict[str, Callable[..., tuple[np.ndarray, ...]]] = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda attrs, x: (theirs(OPS["global_avg_pool"].forward(ours(x))),),
    "GlobalMaxPool": lambda attrs, x: (theirs(OPS["global_max_pool"].forward(ours(x))),),
    "Conv": convolve,
    "ConvTranspose": convolve_transposed,
    "MaxUnpool": max_unpool,
    "Attention": attention,
    "LSTM": recurrent("lstm", (0, 2, 3, 1)),
    "GRU": recurrent("gru", (1, 0, 2)),
    "Relu": lambda attrs, x: (OPS["relu"].forward(x),),
    "LeakyRelu": lambda attrs, x: (OPS["leaky_relu"].forward(x, scale=attrs.get("alpha", 0.01)),),
    "Softmax": softmax,
    "BatchNormalization": batch_norm,
    "Add": add,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": lambda attrs, x: (theirs(OPS["space_to_depth"].forward(ours(x), block=(attrs["blocksize"],) * 2)),),
    "Mul": multiply,
    "LRN": normalise_locally,
    "Resize": resize,
    "Sum": add,
    "Concat": lambda attrs, *xs: (OPS["concat"].forward(*xs, axis=attrs["axis"]),),
    "Gemm": gemm,
    "Dropout": dropout,
    "Pad": pad,
    "SoftmaxCrossEntropyLoss": cross_entropy,
}

EXCLUDED = {
    "test_lstm_with_peepholes": "MATLAB has no layer with peepholes",
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True":
        "declared padding counts, what rounding up adds does not",
    "test_convtranspose_group_2": "grouped transposed convolution: MATLAB has none",
    "test_convtranspose_group_2_image_3": "grouped transposed convolution: MATLAB has none",
    "test_gemm_default_matrix_bias": "a bias that differs between observations is no fully connected layer",
    "test_training_dropout": "drawn with another generator",
    "test_training_dropout_mask": "drawn with another generator",
    "test_training_dropout_default": "drawn with another generator",
    "test_training_dropout_default_mask": "drawn with another generator",
    "test_spacetodepth_crd_mode_example": "MATLAB has one order for this direction",
    "test_wrap_pad": "MATLAB has no circular padding",
    "test_sum_one_input": "addition layers have at least two inputs",
    "test_sce_none": "our losses are one number",
    "test_sce_none_log_prob": "our losses are one number",
    "test_sce_none_weights": "our losses are one number",
    "test_sce_none_weights_log_prob": "our losses are one number",
    "test_sce_NCd1d2d3d4d5_none_no_weight": "our losses are one number",
    "test_sce_NCd1d2d3d4d5_none_no_weight_log_prob": "our losses are one number",
    "test_sce_NCd1d2d3_none_no_weight_negative_ii": "our losses are one number",
    "test_sce_NCd1d2d3_none_no_weight_negative_ii_log_prob": "our losses are one number",
}

TESTS = {test.name: test for test in SUITE
         if len(test.model.graph.node) == 1 and test.model.graph.node[0].op_type in TRANSLATE}


NOT_IN_MATLAB = ("cubic", "antialias", "align_corners", "crop_and_resize", "half_pixel_symmetric", "pytorch_half_pixel",
                 "not_larger", "not_smaller", "ceil_half_pixel")
EXCLUDED |= {name: "a way to resize that MATLAB has not" for name in TESTS
             if name.startswith("test_resize") and any(word in name for word in NOT_IN_MATLAB)}
EXCLUDED |= {f"test_resize_{name}": "of two elements equally near ONNX takes the first, MATLAB the second" for name in (
    "downsample_sizes_nearest", "upsample_sizes_nearest", "upsample_sizes_nearest_axes_2_3",
    "upsample_sizes_nearest_axes_3_2")}


SCORES_OF_ONNX = ("mask", "softcap", "past", "qk_matmul", "padded_kv", "nonpad", "window", "fp16", "bf16")
EXCLUDED |= {name: "masks per query, caches, windows, caps, scores before the softmax, or half precision" for name in TESTS
             if name.startswith("test_attention") and any(word in name for word in SCORES_OF_ONNX)
             and not name.endswith("window_default")}


def check(name: str) -> None:
    test = TESTS[name]
    (node,) = test.model.graph.node
    attrs = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    for inputs, expected in test.data_sets:
        made = TRANSLATE[node.op_type](attrs, *inputs)
        found = [y for y, name in zip(made, node.output, strict=False) if name]
        assert len(found) >= len(expected)
        for a, b in zip(found, expected, strict=False):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=test.rtol, atol=test.atol)


@pytest.mark.parametrize("name", sorted(set(TESTS) - set(EXCLUDED)))
def test_node(name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_excluded_node_still_fails(name: str) -> None:
    with pytest.raises((Untranslatable, AssertionError, RuntimeWarning)):
        check(name)


def test_the_suite_is_there() -> None:
    assert len(TESTS) > 100
    assert set(EXCLUDED) <= set(TESTS)
    assert {test.model.graph.node[0].op_type for test in TESTS.values()} == set(TRANSLATE)
