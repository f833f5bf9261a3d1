"""dlconv, dltranspconv and fullyconnect against PyTorch, with options drawn at random, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import compare, same_in_single
from tests.autodiff.mistakes import check_mistake

CONV = [F.conv1d, F.conv2d, F.conv3d]
TRANSPOSED = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d]
EDGES = {"replicate": "edge", "symmetric-include-edge": "symmetric", "symmetric-exclude-edge": "reflect"}


class Case:
    """Sizes, labels and options of one call."""

    def __init__(self, seed: int, *, transposed: bool) -> None:
        rng = np.random.default_rng(seed)
        self.rng, self.rank = rng, seed % 3 + 1
        self.over = "S" * self.rank if seed % 4 else "S" * (self.rank - 1) + "T"  # filtered over
        self.groups = int(rng.choice([1, 1, 2, 3]))
        per_group = 1 if self.groups == 3 else 2
        self.channels, self.filters = per_group * self.groups, int(rng.integers(1, 3)) * self.groups
        others = ["B", "U"] if "T" in self.over else ["B", "T", "U"]
        labels = [*self.over, "C", *rng.permutation(others)[:rng.integers(1, 3)]]
        self.labels = "".join(rng.permutation(labels))
        self.stride, self.dilation = (tuple(int(n) for n in rng.integers(1, 3, self.rank)) for _ in range(2))
        self.size = tuple(int(n) for n in rng.integers(1, 4 if self.rank < 3 else 3, self.rank))
        extent = [(f - 1) * d + 1 for f, d in zip(self.size, self.dilation, strict=True)]
        spatial = [int(n) for n in rng.integers(1, 4, self.rank) + (1 if transposed else np.array(extent))]
        sizes = iter(self.axes(spatial))
        self.x = rng.standard_normal([next(sizes) for _ in self.labels])
        order = (self.filters // self.groups, per_group) if transposed else (per_group, self.filters // self.groups)
        self.weights = rng.standard_normal((*self.size, *order, self.groups))
        self.bias = rng.standard_normal(self.filters if rng.random() < 0.7 else ())
        names = ["U", "C"] if transposed else ["C", "U"]
        self.weights_format = "".join([*self.over, *names, "U"])
        self.named = "T" in self.over or rng.random() < 0.4
        if self.groups == 1 and not self.named:
            self.weights = self.weights[..., 0]

    def axes(self, spatial: list[int]) -> list[int]:
        """Sizes in the order of the labels."""
        along = {"C": [self.channels], "B": [2], "U": [2], "T": [2], "S": []}
        filtered = iter(spatial)
        for label in self.over:
            along[label] = (along[label] if label == "S" else []) + [next(filtered)]
        return [along[label].pop(0) for label in self.labels]

    def options(self) -> dict[str, Any]:
        named = {"WeightsFormat": self.weights_format} if self.named else {}
        return {"Stride": self.stride, "DilationFactor": self.dilation, "DataFormat": self.labels, **named}

    def as_maps(self, x: torch.Tensor) -> torch.Tensor:
        """N×C×spatial, as PyTorch has it."""
        self.order = [*(at for at, label in enumerate(self.labels) if label not in self.over + "C"),
                      self.labels.index("C"), *(at for wanted in "ST" if wanted in self.over
                                                for at, label in enumerate(self.labels) if label == wanted)]
        moved = x.permute(self.order)
        self.rest = moved.shape[:-self.rank - 1]
        return moved.reshape(-1, *moved.shape[-self.rank - 1:])

    def back(self, y: torch.Tensor) -> torch.Tensor:
        return y.reshape(*self.rest, *y.shape[1:]).permute([self.order.index(at) for at in range(len(self.order))])

    def filters_of(self, weights: torch.Tensor) -> torch.Tensor:
        """(all of one number of channels)×(one group of the other)×spatial."""
        full = weights if weights.ndim == self.rank + 3 else weights[..., None]
        moved = full.permute(self.rank + 2, self.rank + 1, self.rank, *range(self.rank))
        return moved.reshape(-1, *moved.shape[2:])

    def bias_of(self, bias: torch.Tensor) -> torch.Tensor:
        return bias.expand(self.filters)


def edge_padded(x: torch.Tensor, pairs: list[tuple[int, int]], value: float | str) -> torch.Tensor:
    if not isinstance(value, str):
        return F.pad(x, [n for pair in pairs[::-1] for n in pair], value=value)
    for axis, pair in enumerate(pairs, start=2):
        places = np.pad(np.arange(x.shape[axis]), pair, mode=EDGES[value])
        x = x.index_select(axis, torch.tensor(places))
    return x


@pytest.mark.parametrize("seed", range(120))
def test_dlconv(seed: int) -> None:
    case = Case(seed, transposed=False)
    rng, rank = case.rng, case.rank
    kind = ["number", "matrix", "same", "causal", "none"][int(rng.integers(0, 5))]
    if kind == "causal" and rank > 1:
        kind = "vector"
    if kind == "same":
        case.stride = (1,) * rank
    extent = [(f - 1) * d + 1 for f, d in zip(case.size, case.dilation, strict=True)]
    pairs = {"number": [(1, 1)] * rank, "vector": [(at, at) for at in range(rank)], "none": [(0, 0)] * rank,
             "matrix": [(at % 2, 1) for at in range(rank)], "same": [((e - 1) // 2, e // 2) for e in extent],
             "causal": [(e - 1, 0) for e in extent]}[kind]
    padding = {"number": 1, "vector": list(range(rank)), "none": 0, "matrix": np.transpose(pairs)}.get(kind, kind)
    value = [0, 0, 1.5, "replicate", "symmetric-include-edge", "symmetric-exclude-edge"][int(rng.integers(0, 6))]
    least = min(case.as_maps(torch.tensor(case.x)).shape[2:])
    if value == "symmetric-exclude-edge" and least <= max(map(max, pairs)):
        value = "replicate"

    def theirs(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        wide = edge_padded(case.as_maps(x), pairs, value)
        return case.back(CONV[rank - 1](wide, case.filters_of(w), case.bias_of(b), case.stride, 0, case.dilation,
                                        case.groups))
    compare(lambda X, w, b: dl.dlconv(X, w, b, Padding=padding, PaddingValue=value, **case.options()), theirs,
            [case.x, case.weights, case.bias], twice=seed % 2 == 0)


@pytest.mark.parametrize("seed", range(80))
def test_dltranspconv(seed: int) -> None:
    case = Case(seed, transposed=True)
    rng, rank = case.rng, case.rank
    kind = ["number", "matrix", "same", "none"][int(rng.integers(0, 4))]
    extent = [(f - 1) * d + 1 for f, d in zip(case.size, case.dilation, strict=True)]
    spatial = case.as_maps(torch.tensor(case.x)).shape[2:]
    whole = [(n - 1) * s + e for n, s, e in zip(spatial, case.stride, extent, strict=True)]
    if kind in ("number", "matrix") and min(whole) < 3:
        kind = "none"
    pairs = {"number": [(1, 1)] * rank, "matrix": [(at % 2, 1) for at in range(rank)], "none": [(0, 0)] * rank,
             "same": [((e - s) // 2, e - s - (e - s) // 2) if e >= s else (0, e - s)
                      for e, s in zip(extent, case.stride, strict=True)]}[kind]
    cropping = {"number": 1, "none": 0, "matrix": np.transpose(pairs), "same": "same"}[kind]

    def theirs(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        y = TRANSPOSED[rank - 1](case.as_maps(x), case.filters_of(w), None, case.stride, 0, 0, case.groups, case.dilation)
        y = F.pad(y, [-n for pair in pairs[::-1] for n in pair])
        return case.back(y + case.bias_of(b).reshape(-1, *[1] * rank))
    compare(lambda X, w, b: dl.dltranspconv(X, w, b, Cropping=cropping, **case.options()), theirs,
            [case.x, case.weights, case.bias], twice=seed % 2 == 0)


@pytest.mark.parametrize(("labels", "shape"), [("SSCB", (2, 3, 4, 5)), ("CB", (4, 3)), ("CBT", (4, 3, 2)), ("BC", (3, 4)),
                                               ("SCTB", (2, 3, 4, 2)), ("UCB", (2, 2, 3)), ("SC", (3, 2))])
def test_fullyconnect(labels: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape)
    features = [at for label in "SCU" for at, own in enumerate(labels) if own == label]
    rest = [at for at, own in enumerate(labels) if own in "BT"]
    W, b = rng.standard_normal((5, *(shape[at] for at in features))), rng.standard_normal((5, 1))
    letters = "abcd"[:len(shape)]
    own = "".join(letters[at] for at in features)
    behind = "".join(letters[at] for at in rest)
    first = bool(rest) and max(rest) < min(features)
    out = behind + "k" if first else "k" + behind

    def theirs(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.einsum(f"{letters},k{own}->{out}", x, w) + (b[:, 0] if first else b.reshape(-1, *[1] * len(rest)))
    compare(lambda X, W, b: dl.fullyconnect(X, W, b, DataFormat=labels), theirs, [X, W, b])
    flat = dl.fullyconnect(X, W.reshape(5, -1, order="F"), b, DataFormat=labels)
    np.testing.assert_allclose(dl.fullyconnect(X, W, b, DataFormat=labels), flat)


def test_what_arrays_may_be() -> None:
    rng = np.random.default_rng(0)
    given, W, b = rng.standard_normal((5, 4, 3, 2)), rng.standard_normal((2, 2, 3, 4)), rng.standard_normal(4)
    for X in (np.asfortranarray(given), given[::-1], given):
        wanted = dl.dlconv(X, W, b, DataFormat="SSCB")
        assert type(wanted) is np.ndarray
        labelled = dl.dlconv(dl.dlarray(X, "SSCB"), dl.dlarray(W, "SSCU"), dl.dlarray(b[:, None], "CU"))
        assert dl.dims(labelled) == "SSCB"
        np.testing.assert_allclose(labelled, dl.dlarray(wanted))
        turned = dl.dlconv(X.transpose(3, 0, 2, 1), W, b, DataFormat="BSCS")
        np.testing.assert_allclose(turned, wanted.transpose(3, 0, 2, 1))
        single = dl.dlconv(X.astype(np.float32), W, b, DataFormat="SSCB")
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, wanted, rtol=1e-4, atol=1e-4)
    same_in_single(dl.dltranspconv, rng.standard_normal((3, 2, 2)), "SCB", np.ones((3, 4, 2)), 0)
    assert dl.dlconv(X[..., :0], W, b, DataFormat="SSCB").shape == (4, 3, 4, 0)
    assert dl.dltranspconv(X[..., :0], W.transpose(0, 1, 3, 2), b, DataFormat="SSCB").shape == (6, 5, 4, 0)
    assert dl.dlconv(X[..., 0], W, b, DataFormat="SSCB").shape == (4, 3, 4)


def test_sequences_are_filtered_over_time_where_weights_say_so() -> None:
    rng = np.random.default_rng(0)
    X, W = dl.dlarray(rng.standard_normal((3, 2, 7)), "CBT"), rng.standard_normal((4, 3, 5))
    Y = dl.dlconv(X, W, 0, WeightsFormat="TCU", Padding="causal")
    assert (dl.dims(Y), Y.shape) == ("CBT", (5, 2, 7))
    wanted = F.conv1d(torch.tensor(dl.extractdata(X)).permute(1, 0, 2), torch.tensor(W).permute(2, 1, 0), padding=3)[..., :7]
    np.testing.assert_allclose(dl.extractdata(Y), wanted.permute(1, 0, 2).numpy())
    np.testing.assert_array_equal(dl.extractdata(dl.dlconv(X, dl.dlarray(W, "TCU"), 0, Padding="causal")), dl.extractdata(Y))
    each = dl.dlconv(X, rng.standard_normal((4, 1, 1, 3)), 0, WeightsFormat="TCUU")  # each channel by itself
    assert each.shape == (3, 2, 4)


def test_published_sum() -> None:
    X = np.random.RandomState(5489).random_sample(12 * 12 * 32).reshape(12, 12, 32, 1, order="F")
    Y = dl.fullyconnect(dl.dlarray(X, "SSCB"), np.ones((10, 12, 12, 32)), np.ones((10, 1)))
    assert (dl.dims(Y), Y.shape) == ("CB", (10, 1))
    np.testing.assert_allclose(dl.extractdata(Y), 2326.586, atol=5e-4)


X4, W4 = np.ones((6, 6, 3, 2)), np.ones((2, 2, 3, 4))
BAD = {  # what is wrong: the call, its identifier, a part of the advice, the call that follows it
    "no labels": (lambda: dl.dlconv(X4, W4, 0), "dlconv:missingDataFormat", "DataFormat='SSCB'",
                  lambda: dl.dlconv(X4, W4, 0, DataFormat="SSCB")),
    "labels twice": (lambda: dl.dlconv(dl.dlarray(X4, "SSCB"), W4, 0, DataFormat="SSCB"), "dlconv:formatTwice",
                     "Leave DataFormat out", lambda: dl.dlconv(dl.dlarray(X4, "SSCB"), W4, 0)),
    "no channels": (lambda: dl.dlconv(X4[:, :, 0, 0], W4, 0, DataFormat="SS"), "dlconv:noChannels", "Label one dimension C",
                    lambda: dl.dlconv(X4[:, :, 0, 0], W4[:, :, :1], 0, DataFormat="SSC")),
    "nothing to filter over": (lambda: dl.dlconv(np.ones((3, 2, 5)), np.ones((2, 3, 4)), 0, DataFormat="CBT"),
                               "dlconv:noFilteredDimensions", "WeightsFormat='TCU'",
                               lambda: dl.dlconv(np.ones((3, 2, 5)), np.ones((2, 3, 4)), 0, WeightsFormat="TCU",
                                                 DataFormat="CBT")),
    "other channels": (lambda: dl.dlconv(X4, np.ones((2, 2, 4, 4)), 0, DataFormat="SSCB"), "dlconv:weightsMismatch",
                       "channels × filters",
                       lambda: dl.dlconv(X4, W4, 0, DataFormat="SSCB")),
    "too many dimensions": (lambda: dl.dlconv(X4, np.ones((1,) * 7), 0, DataFormat="SSCB"), "dlconv:weightsMismatch",
                            "at most 5", lambda: dl.dlconv(X4, np.ones((1, 1, 3, 1, 1)), 0, DataFormat="SSCB")),
    "other bias": (lambda: dl.dlconv(X4, W4, [1, 2], DataFormat="SSCB"), "dlconv:biasMismatch", "0 for none",
                   lambda: dl.dlconv(X4, W4, 0, DataFormat="SSCB")),
    "large filters": (lambda: dl.dlconv(X4, np.ones((7, 7, 3, 4)), 0, DataFormat="SSCB"), "dlconv:windowTooLarge",
                      "add Padding", lambda: dl.dlconv(X4, np.ones((7, 7, 3, 4)), 0, Padding=1, DataFormat="SSCB")),
    "mirrored padding": (lambda: dl.dlconv(X4, W4, 0, Padding=6, PaddingValue="symmetric-exclude-edge", DataFormat="SSCB"),
                         "dlconv:paddingTooLarge", "at most 5", lambda: dl.dlconv(
                             X4, W4, 0, Padding=5, PaddingValue="symmetric-exclude-edge", DataFormat="SSCB")),
    "labels of weights twice": (lambda: dl.dlconv(X4, dl.dlarray(W4, "SSCU"), 0, WeightsFormat="SSCU", DataFormat="SSCB"),
                                "dlconv:weightsFormatTwice", "Leave WeightsFormat out",
                                lambda: dl.dlconv(X4, dl.dlarray(W4, "SSCU"), 0, DataFormat="SSCB")),
    "a batch in weights": (lambda: dl.dlconv(X4, W4, 0, WeightsFormat="SSCB", DataFormat="SSCB"),
                           "dlconv:weightsFormatMismatch", "U for the number",
                           lambda: dl.dlconv(X4, W4, 0, WeightsFormat="SSCU", DataFormat="SSCB")),
    "some of the dimensions": (lambda: dl.dlconv(X4, W4[0], 0, WeightsFormat="SCU", DataFormat="SSCB"),
                               "dlconv:weightsFormatMismatch", "as X has: 2",
                               lambda: dl.dlconv(X4, W4, 0, WeightsFormat="SSCU", DataFormat="SSCB")),
    "a word as stride": (lambda: dl.dlconv(X4, W4, 0, Stride="same", DataFormat="SSCB"), "dlconv:invalidStride", "",
                         lambda: dl.dlconv(X4, W4, 0, Stride=2, DataFormat="SSCB")),
    "causal images": (lambda: dl.dlconv(X4, W4, 0, Padding="causal", DataFormat="SSCB"), "dlconv:invalidPadding", "'same'",
                      lambda: dl.dlconv(X4, W4, 0, Padding="same", DataFormat="SSCB")),
    "text": (lambda: dl.dlconv(X4, "W", 0, DataFormat="SSCB"), "dlconv:notNumeric", "np.asarray",
             lambda: dl.dlconv(X4, np.asarray(W4, dtype=float), 0, DataFormat="SSCB")),
    "cropped away": (lambda: dl.dltranspconv(X4, np.ones((2, 2, 4, 3)), 0, Cropping=4, DataFormat="SSCB"),
                     "dltranspconv:croppingTooLarge", "Cropping=0",
                     lambda: dl.dltranspconv(X4, np.ones((2, 2, 4, 3)), 0, Cropping=0, DataFormat="SSCB")),
    "transposed weights": (lambda: dl.dltranspconv(X4, W4, 0, DataFormat="SSCB"), "dltranspconv:weightsMismatch",
                           "filters × channels",
                           lambda: dl.dltranspconv(X4, W4.transpose(0, 1, 3, 2), 0, DataFormat="SSCB"))}


@pytest.mark.parametrize("wrong", BAD)
def test_bad_inputs(wrong: str) -> None:
    check_mistake(BAD[wrong])
