"""Sample uses of activations and of the words around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.ops.sample import Case, Inputs, distinct, normal


def image(rng: np.random.Generator, n: int) -> Inputs:
    return (distinct(rng, 3, 2, 4, n),)


def vector(rng: np.random.Generator, n: int) -> Inputs:
    return (distinct(rng, 5, n),)


def large(rng: np.random.Generator, n: int) -> Inputs:
    """Far beyond what an exponential can hold in single precision."""
    return (100 * distinct(rng, 3, 2, 4, n),)


def cases() -> Iterator[Case]:
    for label, make in {"": image, "vector": vector, "large": large}.items():
        for name in ("sigmoid", "tanh", "swish", "softplus"):
            yield Case(name, label, make)
        yield Case("clipped_relu", label, make, {"ceiling": 1.0})
        yield Case("elu", label, make, {"alpha": 0.7})
        for approximation in ("none", "tanh"):
            yield Case("gelu", f"{approximation}{label and '-'}{label}", make, {"approximation": approximation})
    yield Case("elu", "negative", image, {"alpha": -0.5})
    for label, shape in {"scalar": (1, 1), "channels": (1, 1, 4), "rows": (3, 1), "elements": (3, 2, 4)}.items():
        yield Case("prelu", label, lambda r, n, s=shape: (distinct(r, 3, 2, 4, n), normal(r, *s)), differentiable=(0, 1))
        yield Case("affine", label, lambda r, n, s=shape: (normal(r, 3, 2, 4, n), normal(r, *s), normal(r, 1, 2)),
                   differentiable=(0, 1, 2))
    for label, least in (("gentle", 0.1), ("steep", 1.0)):
        yield Case("prelu", label, lambda r, n, a=least: (distinct(r, 3, 2, 4, n), r.uniform(a, a + 0.9, (1, 1, 4))),
                   differentiable=(0, 1))
    yield Case("prelu", "features", lambda r, n: (distinct(r, 5, n), normal(r, 5, 1)), differentiable=(0, 1))
    yield Case("affine", "none", lambda r, n: (normal(r, 5, n), np.asarray(2.0), np.asarray(-1.0)),
               differentiable=(0, 1, 2))
    for kind in ("zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"):
        for label, size in {"scalar": (), "channels": (1, 1, 4), "rows": (3, 1), "elements": (3, 2, 4)}.items():
            yield Case("undo_normalise", f"{kind}-{label}", lambda r, n, s=size, k=kind: (
                normal(r, 3, 2, 4, n), *(np.asarray(normal(r, *s)) for _ in range(1 + (k != "zerocenter")))), {"kind": kind})
    yield Case("undo_normalise", "vector", lambda r, n: (normal(r, 5, n), normal(r, 5, 1), normal(r, 5, 1)),
               {"kind": "zscore"})
    yield Case("spatial_dropout", "", image, {"probability": 0.25}, differentiable=(), joins=False)
    yield Case("flatten", "image", image)
    yield Case("flatten", "vector", vector)
    yield Case("flatten", "volume", lambda r, n: (normal(r, 2, 3, 2, 4, n),))
    for label, shape, to in (("image", (3, 2, 4), (4, 2, 3)), ("vector", (12,), (2, 3, 1, 2)),
                             ("volume", (2, 3, 2, 4), (6, 8))):
        yield Case("reshape", label, lambda r, n, s=shape: (normal(r, *s, n),), {"to": to})
    for order in ((1, 0, 2), (2, 0, 1), (2, 1, 0)):
        yield Case("permute", "".join(map(str, order)), lambda r, n: (normal(r, 3, 2, 4, n),), {"order": order})
    yield Case("permute", "volume", lambda r, n: (normal(r, 3, 2, 4, 5, n),), {"order": (1, 3, 0, 2)})
    yield Case("permute", "signal", lambda r, n: (normal(r, 3, 2, n),), {"order": (1, 0)})
    for label, make in {"": image, "vector": vector, "one": lambda r, n: (normal(r, 2, 1, n),)}.items():
        yield Case("quadratic_monomials", label, make)
    for groups in (1, 2, 3, 6):
        yield Case("channel_shuffle", f"{groups}", lambda r, n: (normal(r, 3, 2, 6, n),), {"groups": groups})
    yield Case("channel_shuffle", "vector", lambda r, n: (normal(r, 6, n),), {"groups": 3})
