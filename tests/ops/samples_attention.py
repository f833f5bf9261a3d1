"""Samples of attention, embeddings and CTC: steps of time, (C, T, B), and positions of a map, (S, C, B)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tests.ops.sample import Case, Inputs, normal

TIME, SPACE = -2, -3


def data(rng: np.random.Generator, axis: int, channels: int, steps: int, n: int) -> np.ndarray:
    return normal(rng, *((channels, steps) if axis == TIME else (steps, channels)), n)


def mask(rng: np.random.Generator, axis: int, steps: int, n: int) -> np.ndarray:
    """Some steps are padding, the second is real."""
    kept = (rng.random((steps, n)) < 0.6).astype(np.float64)
    kept[min(1, steps - 1)] = 1
    return kept[np.newaxis] if axis == TIME else kept[:, np.newaxis]


def lengths(rng: np.random.Generator, steps: int, n: int) -> np.ndarray:
    return rng.integers(1, steps + 1, n).astype(np.int32)


def extras(rng: np.random.Generator, kinds: Sequence[str], axis: int, steps: int, n: int) -> Inputs:
    made = {"mask": lambda: mask(rng, axis, steps, n), "lengths": lambda: lengths(rng, steps, n),
            "pairs": lambda: (rng.random((steps, 4, 1, n)) < 0.6).astype(np.float64)}
    return tuple(made[kind]() for kind in kinds)


# queries, keys, channels of keys, channels of values, heads, further inputs, causal
ATTENTION = {
    "one-head": (3, 3, 4, 4, 1, (), False), "heads": (5, 5, 6, 9, 3, (), False), "across": (4, 7, 2, 4, 2, (), False),
    "causal": (5, 5, 4, 2, 2, (), True), "one-step": (1, 1, 2, 2, 2, (), True), "mask": (4, 4, 4, 4, 2, ("mask",), False),
    "lengths": (3, 6, 4, 4, 2, ("lengths",), False), "all": (6, 6, 4, 6, 2, ("mask", "lengths"), True),
    "pairs": (4, 5, 4, 4, 2, ("mask", "pairs"), False), "long": (70, 65, 8, 8, 2, ("lengths",), True),
}


def cases() -> Iterator[Case]:
    for label, (queries, keys, c, v, heads, kinds, causal) in ATTENTION.items():
        for axis in (TIME, SPACE):
            def three(r: np.random.Generator, n: int, q: int = queries, k: int = keys, c: int = c, v: int = v,
                      kinds: Sequence[str] = kinds, axis: int = axis) -> Inputs:
                return (data(r, axis, c, q, n), data(r, axis, c, k, n), data(r, axis, v, k, n),
                        *extras(r, kinds, axis, k, n))

            def two(r: np.random.Generator, n: int, make: object = three) -> Inputs:
                q, k, _, *rest = make(r, n)  # type: ignore[operator]
                return q, k, *rest

            attrs = {"axis": axis, "heads": heads, "scale": 0.7, "causal": causal}
            name = f"{label}-{'time' if axis == TIME else 'space'}"
            count = 3 + len(kinds)
            yield Case("attention", name, three, attrs, differentiable=(0, 1, 2), batched=tuple(range(count)))
            if label != "long":
                yield Case("attention_scores", name, two, attrs, differentiable=(0, 1), batched=tuple(range(count - 1)))
    for axis in (TIME, SPACE):
        yield Case("attend", "time" if axis == TIME else "space", lambda r, n, axis=axis: (
            data(r, axis, 3, 4, n), normal(r, 5, 4, 2, n), data(r, axis, 6, 5, n)), {"axis": axis},
            differentiable=(1, 2), batched=(0, 1, 2))
    yield from embedded()
    yield from aligned()


# classes, steps, most labels, the blank
ALIGNED = {"short": (4, 3, 1, 1), "repeated": (3, 9, 4, 1), "last": (5, 8, 3, 5), "middle": (4, 7, 3, 2),
           "none": (3, 4, 0, 1)}


def aligned() -> Iterator[Case]:
    """Sequences of several lengths, of which the first needs every step."""
    for label, (classes, steps, most, blank) in ALIGNED.items():
        def unaligned(r: np.random.Generator, n: int, c: int = classes, t: int = steps, k: int = most,
                      blank: int = blank) -> Inputs:
            y = np.exp(normal(r, c, t, n))
            targets = r.choice(np.delete(np.arange(1.0, c + 1), blank - 1), (k, n))
            counts = r.integers(0, k + 1, n)
            counts[:1] = k
            return (y / y.sum(0), targets, r.integers(np.maximum(2 * counts - 1, 0), t + 1).astype(np.int32),
                    counts.astype(np.int32))
        yield Case("ctc", label, unaligned, {"blank": blank}, batched=(0, 1, 2, 3))


def embedded() -> Iterator[Case]:
    yield Case("project", "", lambda r, n: (normal(r, 3, 4, n), normal(r, 5, 4), normal(r, 5, 1)), differentiable=(0, 1, 2))
    for label, shape in {"vector": (1,), "line": (6, 1), "map": (3, 4, 1)}.items():
        for columns in (4, 5):  # five: one for what is no word
            yield Case("embed", f"{label}-{columns}", lambda r, n, s=shape, c=columns: (
                r.integers(1 if c == 4 else -1, c + 1, (*s, n)).astype(np.float64), normal(r, 3, c)), {"known": 4},
                differentiable=(1,))
    for first, mask in ((0, None), (0, 0), (1, 3)):
        yield Case("embed", f"{first}-{mask}", lambda r, n, f=first: (
            r.integers(f, 5, (6, 1, n)).astype(np.float64), normal(r, 3, 5 - f)),
            {"known": 4, "first": first, "mask": mask}, differentiable=() if mask is not None else (1,))
    for name, axis, shape in (("time", TIME, (3, 5)), ("time-map", TIME, (2, 3, 5)), ("space", SPACE, (5, 3))):
        yield Case("position_embedding", name, lambda r, n, s=shape: (normal(r, *s, n), normal(r, 4, 6)), {"axis": axis},
                   differentiable=(1,))
        yield Case("position_sinusoid", name, lambda r, n, s=shape: (normal(r, *s, n),), {"axis": axis, "size": 6},
                   differentiable=())
    yield Case("sinusoid", "vector", lambda r, n: (normal(r, 1, n),), {"size": 4})
    yield Case("sinusoid", "map", lambda r, n: (normal(r, 2, 3, 1, n),), {"size": 6})
    yield Case("prepend", "line", lambda r, n: (normal(r, 5, 3, n), normal(r, 3, 1)), differentiable=(0, 1))
    yield Case("prepend", "map", lambda r, n: (normal(r, 2, 5, 3, n), normal(r, 3, 1)), differentiable=(0, 1))
    for axis in (TIME, SPACE):
        for which in ("first", "last"):
            for kinds in ((), ("mask",), ("lengths",)):
                yield Case("pick_step", f"{which}-{'-'.join((*kinds, 'time' if axis == TIME else 'space'))}",
                           lambda r, n, axis=axis, kinds=kinds: (data(r, axis, 3, 5, n), *extras(r, kinds, axis, 5, n)),
                           {"axis": axis, "which": which}, batched=tuple(range(1 + len(kinds))))
    for order in ("column-major", "row-major"):
        yield Case("flatten_positions", order, lambda r, n: (normal(r, 3, 4, 2, n),), {"order": order})
    yield Case("flatten_positions", "volume", lambda r, n: (normal(r, 3, 2, 4, 2, n),), {"order": "column-major"})
