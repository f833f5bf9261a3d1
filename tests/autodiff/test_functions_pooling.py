"""maxpool, avgpool and maxunpool of dlarrays against PyTorch, with options drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import compare, same_in_single, same_whatever_it_is_given
from tests.autodiff.mistakes import check_mistake

MAXIMUM = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
MEAN = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]


class Case:
    """Sizes, labels and options of one call."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rank = seed % 3 + 1
        self.pooled = "S" * (self.rank - 1) + "T" if seed % 4 == 0 else "S" * self.rank
        others = rng.permutation([label for label in "CBTU" if label not in self.pooled])[:rng.integers(1, 4)]
        self.labels = "".join(rng.permutation([*self.pooled, *others]))
        self.size, self.stride = (tuple(int(n) for n in rng.integers(1, 4, self.rank)) for _ in range(2))
        self.kind = ["none", "number", "matrix", "same"][int(rng.integers(0, 4))]
        pairs = {"none": [(0, 0)] * self.rank, "number": [(1, 1)] * self.rank, "matrix": [(1, 0)] * self.rank}
        if self.kind in ("number", "matrix") and min(self.size) == 1:
            self.kind = "none"
        spatial = iter([int(n) for n in rng.integers(3, 6, self.rank)])
        if self.kind == "same":
            self.stride = (1,) * self.rank
        same = [((n - 1) // 2, n // 2) for n in self.size]
        self.pairs = {**pairs, "same": same}[self.kind]
        self.x = rng.permutation(4000) / 1000 - 2  # distinct, so that there is one maximum
        shape = [next(spatial) if label in self.pooled else 2 for label in self.labels]
        self.x = self.x[:int(np.prod(shape))].reshape(shape)
        flat = [n for pair in self.pairs for n in pair]
        self.padding: Any = {"none": 0, "number": 1, "same": "same", "matrix": flat if self.rank < 3 else np.transpose(
            self.pairs)}[self.kind]

    def options(self) -> dict[str, Any]:
        named = {"PoolFormat": self.pooled} if "T" in self.pooled else {}
        return {"Stride": self.stride, "Padding": self.padding, "DataFormat": self.labels, **named}

    def as_maps(self, x: torch.Tensor) -> torch.Tensor:
        self.order = [*(at for at, label in enumerate(self.labels) if label not in self.pooled),
                      *(at for wanted in "ST" if wanted in self.pooled
                        for at, label in enumerate(self.labels) if label == wanted)]
        moved = x.permute(self.order)
        self.rest = moved.shape[:-self.rank]
        return moved.reshape(-1, 1, *moved.shape[-self.rank:])

    def back(self, y: torch.Tensor) -> torch.Tensor:
        return y.reshape(*self.rest, *y.shape[2:]).permute([self.order.index(at) for at in range(len(self.order))])

    def wide(self, x: torch.Tensor, value: float) -> torch.Tensor:
        return F.pad(x, [n for pair in self.pairs[::-1] for n in pair], value=value)


@pytest.mark.parametrize("seed", range(60))
def test_maxpool(seed: int) -> None:
    case = Case(seed)
    pool = MAXIMUM[case.rank - 1]
    compare(lambda X: dl.maxpool(X, case.size, **case.options()),
            lambda x: case.back(pool(case.wide(case.as_maps(x), -np.inf), case.size, case.stride)), [case.x])
    if "T" not in case.pooled:
        Y, indx, size = dl.maxpool(dl.dlarray(case.x), case.size, nargout=3, **case.options())
        back = dl.maxunpool(Y, indx, size, DataFormat=case.labels)
        stored = [at for wanted in "SCBTU" for at, label in enumerate(case.labels) if label == wanted]
        found = dl.extractdata(back).transpose(stored).ravel(order="F")[np.unique(dl.extractdata(indx).astype(int)) - 1]
        assert set(found) == set(dl.extractdata(Y).ravel())
        np.testing.assert_array_equal(np.unique(found), np.unique(dl.extractdata(Y)))


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("value", [0, "mean"])
def test_avgpool(seed: int, value: float | str) -> None:
    case = Case(seed)

    def theirs(x: torch.Tensor) -> torch.Tensor:
        maps, pool = case.as_maps(x), MEAN[case.rank - 1]
        y = pool(case.wide(maps, 0), case.size, case.stride)
        if value == "mean":
            y = y / pool(case.wide(torch.ones_like(maps), 0), case.size, case.stride)
        return case.back(y)
    compare(lambda X: dl.avgpool(X, case.size, PaddingValue=value, **case.options()), theirs, [case.x], twice=seed % 2 == 0)


@pytest.mark.parametrize("labels", ["SS", "SSC", "SSCB", "SCB", "SSSC", "BSSC", "SSCBT", "SSB"])
def test_maxunpool(labels: str) -> None:
    X = np.random.default_rng(0).permutation(4000)[:4 ** len(labels)].reshape((4,) * len(labels)) / 100.0
    _, indx, size = dl.maxpool(X, 2, Stride=2, DataFormat=labels, nargout=3)
    Y = dl.extractdata(dl.maxpool(dl.dlarray(X), 2, Stride=2, DataFormat=labels))
    stored = [at for wanted in "SCBTU" for at, label in enumerate(labels) if label == wanted]
    turned = [X.shape[at] for at in stored]
    places = np.ravel_multi_index(np.unravel_index(indx.transpose(stored).ravel() - 1, turned, order="F"), turned)

    def theirs(y: torch.Tensor) -> torch.Tensor:
        flat = torch.zeros(X.size, dtype=y.dtype).index_put((torch.tensor(places),), y.permute(stored).reshape(-1))
        return flat.reshape(turned).permute([stored.index(at) for at in range(len(stored))])
    compare(lambda Y: dl.maxunpool(Y, indx, size, DataFormat=labels), theirs, [Y])
    labelled = dl.dlarray(X, labels)
    Y, places_too, size = dl.maxpool(labelled, 2, Stride=2, nargout=3)
    assert dl.dims(places_too) == dl.dims(Y)
    back = dl.maxunpool(Y, places_too, labelled.shape)
    assert (dl.dims(back), back.shape) == (dl.dims(labelled), labelled.shape)
    np.testing.assert_array_equal(dl.maxpool(back, 2, Stride=2), Y)


def test_published_unpooling() -> None:
    X = np.random.RandomState(5489).random_sample(36).reshape(6, 6, 1, 1, order="F")
    Y, indx, size = dl.maxpool(dl.dlarray(X, "SSCB"), 2, Stride=2, nargout=3)
    assert dl.extractdata(Y)[..., 0, 0].round(4).tolist() == [[0.9058, 0.9595, 0.7577], [0.9649, 0.8003, 0.7431],
                                                              [0.9706, 0.9340, 0.8235]]
    assert dl.extractdata(indx).ravel(order="F").tolist() == [2, 10, 12, 20, 15, 24, 26, 27, 36]
    assert size.tolist() == [6, 6, 1, 1]
    back = dl.extractdata(dl.maxunpool(Y, indx, size))
    assert np.count_nonzero(back) == 9
    np.testing.assert_array_equal(back[back > 0], X[back > 0])


def test_what_arrays_may_be() -> None:
    X = np.random.default_rng(0).standard_normal((6, 5, 3, 2))
    for function in (dl.maxpool, dl.avgpool):
        same_whatever_it_is_given(function, X, "SUCB", 2, Stride=2)
        same_in_single(function, X, "SSCB", 2)
        assert dl.dims(function(dl.dlarray(X, "SCBT"), "global", PoolFormat="T")) == "SCBT"


BAD = {
    "no labels": (lambda: dl.maxpool(dl.dlarray(np.ones((4, 4))), 2), "maxpool:missingDataFormat", "dlarray(X, 'SSCB')",
                  lambda: dl.maxpool(dl.dlarray(np.ones((4, 4)), "SSCB"), 2)),
    "labels twice": (lambda: dl.avgpool(dl.dlarray(np.ones((4, 4)), "SS"), 2, DataFormat="SS"), "avgpool:formatTwice",
                     "Leave DataFormat out", lambda: dl.avgpool(dl.dlarray(np.ones((4, 4)), "SS"), 2)),
    "over time": (lambda: dl.maxpool(dl.dlarray(np.ones((3, 2, 4)), "CBT"), 2), "maxpool:noPoolingDimensions",
                  "PoolFormat='T'", lambda: dl.maxpool(dl.dlarray(np.ones((3, 2, 4)), "CBT"), 2, PoolFormat="T")),
    "other labels of indices": (
        lambda: dl.maxunpool(dl.dlarray([[5.0]], "SS"), dl.dlarray([[1]], "CB"), [2, 2]), "maxunpool:formatMismatch",
        "the labels of X", lambda: dl.maxunpool(dl.dlarray([[5.0]], "SS"), dl.dlarray([[1]], "SS"), [2, 2])),
    "other indices": (lambda: dl.maxunpool(dl.dlarray([[5.0]], "SS"), [[1, 2]], [2, 2]), "maxunpool:sizeMismatch",
                      "that maxpool returned", lambda: dl.maxunpool(dl.dlarray([[5.0]], "SS"), [[1]], [2, 2]))}


@pytest.mark.parametrize("wrong", BAD)
def test_bad_inputs(wrong: str) -> None:
    check_mistake(BAD[wrong])
