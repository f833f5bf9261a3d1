"""Sample uses of every op, shared by the tests of ops and of kernels: inputs, attributes, and what to vary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window, rounded_up
from dltoolbox.ops import OPS, Call, Op, as_tuple, fused
from dltoolbox.ops.base import ghost
from dltoolbox.ops.sequences.ragged import LengthRule
from tests.ops import (
    samples_activation,
    samples_attention,
    samples_complex,
    samples_custom,
    samples_recurrent,
    samples_spatial,
    samples_windows,
)
from tests.ops.sample import Case, Inputs, counting, distinct, frozen, normal, one_hot

# spatial size of the input, window: every kind that a windowed op must get right
WINDOWS: dict[str, tuple[tuple[int, ...], Window]] = {
    "1d": ((7,), Window.of((3,), (2,), ((1, 0),))),
    "1d-dilated": ((9,), Window.of((3,), (1,), ((1, 2),), (2,))),
    "2x2": ((6, 8), Window.of((2, 2), (2, 2))),
    "2x2-odd": ((7, 5), Window.of((2, 2), (2, 2))),
    "2x2-odd-padded": ((5, 7), Window.of((2, 2), (2, 2), ((0, 1), (1, 0)))),
    "1x1": ((4, 3), Window.of((1, 1))),
    "1x1-stride2": ((5, 4), Window.of((1, 1), (2, 2))),
    "3x3-same": ((5, 6), Window.of((3, 3), (1, 1), ((1, 1), (1, 1)))),
    "3x3-stride2": ((7, 8), Window.of((3, 3), (2, 2), ((1, 1), (0, 1)))),
    "asymmetric": ((5, 7), Window.of((3, 2), (2, 1), ((0, 1), (1, 0)))),
    "dilated": ((9, 8), Window.of((3, 2), (1, 2), ((1, 1), (0, 1)), (2, 3))),
    "gaps": ((9, 7), Window.of((2, 2), (3, 3))),
    "whole": ((4, 3), Window.of((4, 3))),
    "2x2x2": ((4, 4, 6), Window.of((2, 2, 2), (2, 2, 2))),
    "ceil": ((6, 5), Window.of((3, 2), (2, 3), rounded_up(((1, 0), (0, 1)), (3, 2), (2, 3), "ceil"))),
    "3d-general": ((4, 5, 3), Window.of((2, 3, 2), (1, 2, 1), ((1, 0), (0, 1), (1, 1)), (1, 1, 2))),
}

# the same of poolings some of whose windows see nothing but padding
EMPTY: dict[str, tuple[tuple[int, ...], Window]] = {
    "1d-gaps": ((2,), Window.of((2,), (1,), ((3, 2),), (4,))),
    "caffe": ((3, 7), Window.of((2, 3), (4, 3), rounded_up(((0, 0), (0, 0)), (2, 3), (4, 3), "caffe"))),
    "gaps": ((1, 5), Window.of((2, 2), (1, 3), ((2, 2), (0, 0)), (3, 1))),
    "3d": ((2, 1, 5), Window.of((2, 2, 1), (3, 1, 3), ((0, 2), (2, 1), (0, 2)), (1, 3, 1))),
    "nothing but gaps": ((1, 1), Window.of((2, 2), (1, 1), ((1, 1), (1, 1)), (2, 2))),
}

# spatial size of the *small* side, window whose padding is the cropping
TRANSPOSED: dict[str, tuple[tuple[int, ...], Window]] = {
    "1d": ((4,), Window.of((3,), (2,), ((1, 0),))),
    "2x2": ((3, 4), Window.of((2, 2), (2, 2))),
    "4x4-stride2": ((3, 2), Window.of((4, 4), (2, 2), ((1, 1), (1, 1)))),
    "3x3-stride1": ((4, 3), Window.of((3, 3), (1, 1), ((1, 1), (0, 2)))),
    "asymmetric": ((3, 4), Window.of((3, 2), (2, 1), ((0, 1), (1, 0)))),
    "gaps": ((3, 2), Window.of((2, 1), (3, 2))),
    "gaps-same": ((3, 2), Window.of((1, 2), (3, 3), ((-1, -1), (0, -1)))),
    "dilated": ((3, 3), Window.of((2, 3), (1, 2), ((1, 0), (0, 1)), (2, 2))),
    "3d": ((2, 3, 2), Window.of((2, 3, 2), (2, 1, 2), ((0, 1), (1, 1), (0, 0)))),
}


def dims_of(x: np.ndarray, *, timed: bool = False) -> Dims:
    """S…CB for data, S…CTB for sequences, and B for their lengths."""
    if timed:
        return Dims("S" * (x.ndim - 3) + "CTB" if x.ndim > 1 else "B", x.shape)
    if x.ndim < 2:
        return Dims("B" if x.dtype == np.int32 else "U" * x.ndim, x.shape)
    return Dims("S" * (x.ndim - 2) + "CB", x.shape)


def _windowed() -> Iterator[Case]:
    for label, (spatial, window) in WINDOWS.items():
        def pooled(rng: np.random.Generator, n: int, s: tuple[int, ...] = spatial) -> Inputs:
            return (distinct(rng, *s, 3, n),)

        def convolved(rng: np.random.Generator, n: int, s: tuple[int, ...] = spatial, w: Window = window) -> Inputs:
            return normal(rng, *s, 3, n), normal(rng, *w.size, 3, 4), normal(rng, 4)

        yield Case("max_pool", label, pooled, {"window": window})
        yield Case("max_pool_indices", label, pooled, {"window": window})
        yield Case("max_pool_taps", label, pooled, {"window": window})
        if not window.overlapping:
            yield Case("max_unpool_taps", label, lambda rng, n, s=spatial, w=window: _tapped(rng, n, s, w), {
                "window": window, "to": Dims("S" * len(spatial) + "CB", (*spatial, 3, None))}, batched=(0, 1))
        yield Case("avg_pool", label, pooled, counting(window, False))
        if window.padded:
            yield Case("avg_pool", f"{label}-counting", pooled, counting(window, True))
            some = tuple((max(before - 1, 0), after) for before, after in window.padding)
            yield Case("avg_pool", f"{label}-counting-some", pooled, {"window": window, "counted": some})
        yield Case("avg_pool", f"{label}-divided", pooled, {"window": window, "divisor": 2.5})
        yield Case("stochastic_pool", label, pooled, {"window": window}, differentiable=(), joins=False)
        yield Case("expected_pool", label, pooled, {"window": window})
        yield Case("conv", label, convolved, {"window": window}, differentiable=(0, 1, 2))
        yield Case("max_unpool", label, lambda rng, n, s=spatial, w=window: _unpooled(rng, n, s, w),
                   {"to": Dims("S" * len(spatial) + "CB", (*spatial, 3, None))}, batched=(0, 1))
    for label, (spatial, window) in TRANSPOSED.items():
        def spread(rng: np.random.Generator, n: int, s: tuple[int, ...] = spatial, w: Window = window) -> Inputs:
            return normal(rng, *s, 4, n), normal(rng, *w.size, 3, 4), normal(rng, 3)

        yield Case("conv_transposed", label, spread, {"window": window}, differentiable=(0, 1, 2))
    yield Case("conv", "1x1-padded", lambda r, n: (normal(r, 3, 4, 2, n), normal(r, 1, 1, 2, 3), normal(r, 1, 1, 3)),
               {"window": Window.of((1, 1), padding=((1, 1), (0, 2)))}, differentiable=(0, 1, 2))


def _unpooled(rng: np.random.Generator, n: int, spatial: tuple[int, ...], window: Window) -> Inputs:
    """A map to unpool, with the indices of a real pooling; overlapping windows give repeated indices."""
    _, indices = OPS["max_pool_indices"].forward(distinct(rng, *spatial, 3, n), window=window)
    return normal(rng, *indices.shape), indices, np.array((*spatial, 3, n))


def _tapped(rng: np.random.Generator, n: int, spatial: tuple[int, ...], window: Window) -> Inputs:
    """The same with tap numbers."""
    _, taps = OPS["max_pool_taps"].forward(distinct(rng, *spatial, 3, n), window=window)
    return normal(rng, *taps.shape), taps


def _elementwise() -> Iterator[Case]:
    def image(rng: np.random.Generator, n: int) -> Inputs:
        return (distinct(rng, 3, 2, 4, n),)

    for name in ("relu", "softmax", "global_avg_pool", "global_max_pool"):
        yield Case(name, "", image)
    yield Case("softmax", "vector", lambda rng, n: (normal(rng, 5, n),))
    yield Case("leaky_relu", "", image, {"scale": 0.1})
    yield Case("function", "", image, {"call": np.tanh}, differentiable=())
    yield Case("function_of_sequences", "", image, {"call": np.tanh}, differentiable=())
    yield Case("dropout", "", image, {"probability": 0.25}, differentiable=(), joins=False)
    yield Case("size_of", "", image, differentiable=(), joins=False)
    yield Case("add", "", lambda r, n: tuple(normal(r, 3, 2, 4, n) for _ in range(3)), differentiable=(0, 1, 2),
               batched=(0, 1, 2))
    yield Case("add", "expanding", lambda r, n: (normal(r, 3, 2, 4, n), normal(r, 1, 1, 4, n)), differentiable=(0, 1),
               batched=(0, 1))
    yield Case("concat", "", lambda r, n: (normal(r, 3, 2, 1, n), normal(r, 3, 2, 4, n), normal(r, 3, 2, 2, n)),
               {"axis": 2}, differentiable=(0, 1, 2), batched=(0, 1, 2))
    yield Case("dense", "", lambda r, n: (normal(r, 3, 2, 4, n), normal(r, 5, 24), normal(r, 5, 1)),
               differentiable=(0, 1, 2))
    for rank, shape in ((2, (3, 2, 4)), (3, (3, 2, 2, 2)), (2, (1, 1, 24))):
        yield Case("dense", f"keeping the rank, {'×'.join(map(str, shape))}", lambda r, n, shape=shape: (
            normal(r, *shape, n), normal(r, 5, 24), normal(r, 5, 1)), {"rank": rank}, differentiable=(0, 1, 2))
    yield Case("dense", "vector", lambda r, n: (normal(r, 6, n), normal(r, 5, 6), normal(r, 5, 1)),
               differentiable=(0, 1, 2))
    for kind in ("zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"):
        for label, shape in {"scalar": (), "channels": (1, 1, 4), "elements": (3, 2, 4)}.items():
            yield Case("input_normalise", f"{kind}-{label}",
                       lambda r, n, s=shape, k=kind: (normal(r, 3, 2, 4, n), *_spread(r, s)[:1 if k == "zerocenter" else 2]),
                       {"kind": kind})
    for mode in ("replicate", "symmetric-include-edge", "symmetric-exclude-edge", "constant"):
        yield Case("pad_edges", mode, lambda r, n: (normal(r, 4, 5, 2, n),), {"padding": ((3, 0), (1, 2)), "mode": mode})


def _spread(rng: np.random.Generator, shape: tuple[int, ...]) -> Inputs:
    """Two statistics, the second larger than the first."""
    low = np.asarray(normal(rng, *shape))
    return low, np.asarray(low + rng.uniform(0.5, 2, shape))


def _statistics() -> Iterator[Case]:
    for label, shape in {"vector": (4,), "image": (5, 3, 4), "volume": (2, 3, 2, 4)}.items():
        def parameters(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            one = (*(1,) * (len(s) - 1), 4)
            return normal(rng, *s, n) * 2 + 3, rng.uniform(0.5, 2, one), normal(rng, *one)

        def stored(rng: np.random.Generator, n: int, make: Callable[..., Inputs] = parameters) -> Inputs:
            x, scale, offset = make(rng, n)
            return x, scale, offset, normal(rng, *scale.shape), rng.uniform(0.5, 2, scale.shape)

        def masked(rng: np.random.Generator, n: int, make: Callable[..., Inputs] = parameters) -> Inputs:
            x, scale, offset = make(rng, n)
            return x, scale, offset, shown(rng, *(1,) * (x.ndim - 1), n)

        yield Case("masked_batch_norm", label, masked, {"epsilon": 1e-5}, differentiable=(0, 1, 2), batched=(0, 3),
                   joins=False)
        yield Case("batch_norm", label, parameters, {"epsilon": 1e-5}, differentiable=(0, 1, 2), joins=False)
        yield Case("batch_norm_inference", label, stored, {"epsilon": 1e-5}, differentiable=(0, 1, 2))
        yield Case("count_values", label, lambda r, n, s=shape: (normal(r, *s, n),), differentiable=())


def shown(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A mask that shows the first position of every observation, and some others."""
    mask = rng.random(shape) < 0.6
    mask[(0,) * (len(shape) - 1)] = True
    return mask.astype(np.float64)


def _losses() -> Iterator[Case]:
    for label, shape in {"vectors": (5,), "pixels": (3, 4, 5)}.items():
        def scores(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            return normal(rng, *s, n), one_hot(rng, *s, n)

        def probabilities(rng: np.random.Generator, n: int, make: Callable[..., Inputs] = scores) -> Inputs:
            x, targets = make(rng, n)
            return OPS["softmax"].forward(x), targets

        for weights in (None, (0.5, 1.0, 2.0, 1.5, 0.7)):
            name, attrs = label + ("-weighted" if weights else ""), {"weights": weights}
            yield Case("softmax_cross_entropy", name, scores, attrs, batched=(0, 1), joins=False)
            yield Case("cross_entropy", name, probabilities, attrs, batched=(0, 1), joins=False)
        for gamma in (2, 0.7):
            attrs = {"alpha": 0.25, "gamma": gamma}
            yield Case("softmax_focal_cross_entropy", f"{label}-{gamma}", scores, attrs, batched=(0, 1), joins=False)
            yield Case("focal_cross_entropy", f"{label}-{gamma}", probabilities, attrs, batched=(0, 1), joins=False)
        def apart(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            targets = normal(rng, *s, n)
            return targets + distinct(rng, *s, n), targets

        def kept(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            return normal(rng, *s, n), rng.uniform(0.5, 2, (*(1,) * (len(s) - 1), s[-1], 1)), rng.random((*s, n)) < 0.7

        for independent in (False, True):
            yield Case("elementwise_cross_entropy", label + "-independent" * independent, probabilities,
                       {"independent": independent}, batched=(0, 1))
        for transition in (1.0, 0.5):
            yield Case("elementwise_huber", f"{label}-{transition}", apart, {"transition": transition}, batched=(0, 1))
        yield Case("elementwise_l1", label, apart, batched=(0, 1))
        yield Case("elementwise_l2", label, apart, batched=(0, 1))
        for total in (True, False):
            yield Case("reduce_loss", label + ("" if total else "-all"), kept, {"divisor": 3, "total": total},
                       batched=(0, 2), joins=not total)
    for label, shape in {"pixels": (3, 4, 5), "voxels": (2, 4, 3, 2), "many": (16, 17, 2)}.items():
        def segmented(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            targets = one_hot(rng, *s, n)
            targets[..., 1:2] = 0  # an image without labels
            return OPS["softmax"].forward(normal(rng, *s, n)), targets

        yield Case("generalised_dice", label, segmented, batched=(0, 1), joins=False)
    yield Case("half_mse", "", lambda r, n: (normal(r, 3, n), normal(r, 3, n)), batched=(0, 1), joins=False)


def _sequences() -> Iterator[Case]:
    for label, shape in {"vectors": (3,), "maps": (2, 3)}.items():
        def ragged(rng: np.random.Generator, n: int, s: tuple[int, ...] = shape) -> Inputs:
            return normal(rng, *s, 5, n), rng.integers(1, 6, n).astype(np.int32)

        def compared(rng: np.random.Generator, n: int, make: Callable[..., Inputs] = ragged) -> Inputs:
            y, lengths = make(rng, n)
            return y, normal(rng, *y.shape), lengths

        yield Case("step_mask", label, ragged, differentiable=(), batched=(0, 1), sequences=True)
        for value in (0.0, 1.5, "edge"):
            yield Case("fill_ends", f"{label}-{value}", ragged, {"value": value}, batched=(0, 1), sequences=True)
        yield Case("half_mse_of_sequences", label, compared, batched=(0, 1, 2), joins=False, sequences=True)
    yield Case("mini_batch_size", "", lambda r, n: (normal(r, 3, 5, n),), differentiable=(), joins=False, sequences=True)
    yield Case("rescale_lengths", "", lambda r, n: (r.integers(1, 6, n).astype(np.int32),), {"rule": LengthRule(2, 1, 3)},
               differentiable=(), sequences=True)


CASES: tuple[Case, ...] = (*_windowed(), *_elementwise(), *_statistics(), *_losses(), *_sequences(),
                           *samples_activation.cases(), *samples_spatial.cases(), *samples_recurrent.cases(),
                           *samples_attention.cases(), *samples_windows.cases(), *samples_complex.cases(),
                           *samples_custom.cases())


def input_dims(case: Case, inputs: Inputs) -> tuple[Dims, ...]:
    """As a program labels them: parameters and sizes are U…"""
    known = {i: Dims(case.labels[i], x.shape) for i, x in enumerate(inputs) if i in case.labels}
    return tuple(known.get(i) or (dims_of(x, timed=case.sequences) if i in case.batched else Dims("U" * x.ndim, x.shape))
                 for i, x in enumerate(inputs))


def op_of(case: Case) -> Op:
    """The op, or the op that a chain of ops is."""
    return fused.op_of(case.op)


def observations(case: Case, inputs: Inputs, at: slice) -> Inputs:
    """The inputs of some observations; the sizes given to `max_unpool` follow."""
    chosen = tuple(x[..., at] if i in case.batched else x for i, x in enumerate(inputs))
    if case.op.startswith("max_unpool") and "taps" not in case.op:
        chosen = (*chosen[:2], np.array((*inputs[2][:-1], chosen[0].shape[-1])), *chosen[3:])
    return chosen


def layouts(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The same values in other memory orders, read-only."""
    if not x.ndim:
        yield from ((name, x) for name in ("C", "Fortran", "spaced", "reversed"))
        return
    yield "C", frozen(np.ascontiguousarray(x))
    yield "Fortran", frozen(np.array(x, order="F"))
    spaced = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    spaced[tuple(slice(None, None, 2) for _ in x.shape)] = x
    yield "spaced", frozen(spaced[tuple(slice(None, None, 2) for _ in x.shape)])
    backwards = np.ascontiguousarray(np.flip(x))
    yield "reversed", frozen(np.flip(backwards))


def recorded(case: Case, inputs: Inputs, outputs: Any) -> Call:
    """The call as the op's gradient will see it: whatever it does not read is a ghost."""
    op = OPS[case.op]
    needs = tuple(i in case.differentiable for i in range(len(inputs)))
    kept = as_tuple(outputs)
    return Call(inputs if "inputs" in op.saved_for_backward else tuple(ghost(x) for x in inputs),
                kept if "outputs" in op.saved_for_backward else tuple(ghost(y) for y in kept), needs)


def gradients(case: Case, inputs: Inputs, cotangents: Sequence[np.ndarray | None], batch: int) -> tuple[Any, ...]:
    """Forward, then backward on what the op says it reads."""
    attrs = case.attributes(batch)
    outputs = OPS[case.op].forward(*inputs, **attrs)
    return OPS[case.op].backward(recorded(case, inputs, outputs), *cotangents, **attrs)


def cotangent(case: Case, y: Any, seed: int = 9) -> list[np.ndarray | None]:
    """A gradient for every output that has one; None for indices, masks and statistics."""
    rng = np.random.default_rng(seed)
    outputs = as_tuple(y)
    grads: list[np.ndarray | None] = [np.asarray(rng.standard_normal(outputs[0].shape), outputs[0].dtype)]
    return grads + [None] * (len(outputs) - 1)
