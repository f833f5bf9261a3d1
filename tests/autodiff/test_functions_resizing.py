"""dlresize and dlmtimes against PyTorch."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import compare, same_in_single, same_whatever_it_is_given

MODES = {("nearest", "half-pixel", "round"): "nearest-exact", ("nearest", "asymmetric", "floor"): "nearest",
         ("linear", "half-pixel", "round"): ""}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@pytest.mark.parametrize(("rank", "way", "to"), list(product((1, 2, 3), MODES, ("Scale", "OutputSize"))))
def test_dlresize(rank: int, way: tuple[str, str, str], to: str) -> None:
    rng = np.random.default_rng(rank)
    X = rng.standard_normal((*rng.integers(2, 6, rank), 2, 2))
    mode = MODES[way] or LINEAR[rank]
    if to == "Scale":
        scale = [float(x) for x in rng.choice([0.5, 1, 1.5, 2, 3], rank)]
        there = {"scale_factor": scale, "recompute_scale_factor": False}
        here = {"Scale": scale}
    else:
        size = [int(n) for n in rng.integers(1, 9, rank)]
        there, here = {"size": size}, {"OutputSize": size}
    order = [rank + 1, rank, *range(rank)]
    options = dict(zip(("Method", "GeometricTransformMode", "NearestRoundingMode"), way, strict=True))
    compare(lambda x: dl.dlresize(x, DataFormat="S" * rank + "CB", **here, **options),
            lambda x: F.interpolate(x.permute(order), mode=mode, **there).permute(*range(2, rank + 2), 1, 0), [X])


@pytest.mark.parametrize("labels", ["SSCB", "SCBT", "BSC", "SST", "SS", "USC"])
def test_labels(labels: str) -> None:
    X = np.random.default_rng(0).standard_normal((3, 4, 2, 2)[:len(labels)])
    rank = labels.count("S")
    for options in ({"Scale": 2.0}, {"OutputSize": [5] * rank, "Method": "linear"}):
        same_whatever_it_is_given(dl.dlresize, X, labels, **options)
        same_in_single(dl.dlresize, X, labels, **options)


def test_dlresize_is_the_layer() -> None:
    X = np.random.default_rng(0).standard_normal((5, 4, 3, 2)).astype(np.float32)
    for options in ({"Scale": [1.5, 0.5]}, {"OutputSize": [7, None]}, {"Scale": 2, "NearestRoundingMode": "onnx-10"}):
        net = dl.dlnetwork([dl.imageInputLayer([5, 4, 3], Normalization="none"), dl.resize2dLayer(**options)])
        np.testing.assert_array_equal(dl.dlresize(X, DataFormat="SSCB", **options), dl.predict(net, X))


PAGES = [((3, 4), (4, 5)), ((3, 4, 8, 2), (4, 5, 8, 2)), ((5, 6, 3, 2), (6, 5)), ((2, 3), (3, 2, 4)), ((1, 1), (3, 2, 2)),
         ((3, 2), ()), ((1, 4, 3), (4, 1, 3)), ((2, 3, 0), (3, 2, 0))]


@pytest.mark.parametrize(("a", "b"), PAGES)
def test_dlmtimes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal(a), rng.standard_normal(b)

    def theirs(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if a.numel() == 1 or b.numel() == 1:
            return a.reshape(()) * b if a.numel() == 1 else a * b.reshape(())
        a, b = (x.permute(*range(2, x.ndim), 0, 1) for x in (a, b))
        y = a @ b
        return y.permute(y.ndim - 2, y.ndim - 1, *range(y.ndim - 2))
    compare(dl.dlmtimes, theirs, [A, B])
    assert type(dl.dlmtimes(A, B)) is np.ndarray


def test_a_scalar_times_an_array_with_labels() -> None:
    Y = dl.dlmtimes(2, dl.dlarray(np.ones((3, 2)), "CB"))
    assert (dl.dims(Y), Y.tolist()) == ("CB", [[2, 2]] * 3)
    assert dl.dlmtimes(np.ones((2, 3), np.float32), dl.dlarray(np.ones((3, 2)))).dtype == np.float32


NAMES = {name: getattr(dl, name) for name in dl.__all__} | {"np": np, "X": dl.dlarray(np.ones((4, 4, 3, 2)), "SSCB"),
                                                            "A": np.ones((2, 3, 4))}
BAD = [  # call, identifier, a call that follows the advice
    ("dlresize(stripdims(X), Scale=2)", "dlresize:missingDataFormat", "dlresize(stripdims(X), Scale=2, DataFormat='SSCB')"),
    ("dlresize(X)", "dlresize:oneSizeNeeded", "dlresize(X, Scale=2)"),
    ("dlresize(X, Scale=2, OutputSize=[2, 2])", "dlresize:oneSizeNeeded", "dlresize(X, Scale=2)"),
    ("dlresize(X[0, 0], Scale=2)", "dlresize:noSpatialDimensions", "dlresize(dlarray(X[0, 0], 'SC'), Scale=2)"),
    ("dlresize(X, Scale=[1, 2, 3])", "dlresize:invalidScale", "dlresize(X, Scale=[1, 2])"),
    ("dlresize(X, OutputSize=[0, 2])", "dlresize:invalidOutputSize", "dlresize(X, OutputSize=[14, 14])"),
    ("dlresize(X, Scale=0.1)", "dlresize:outputEmpty", "dlresize(X, Scale=0.25)"),
    ("dlresize(X[:0], Scale=2)", "dlresize:emptyInput", "dlresize(X, Scale=2)"),
    ("dlresize(X, Scale=2, Method='cubic')", "dlresize:invalidMethod", "dlresize(X, Scale=2, Method='linear')"),
    ("dlmtimes(X, X)", "dlmtimes:formatted", "dlmtimes(stripdims(X), stripdims(X))"),
    ("dlmtimes(A, A)", "dlmtimes:innerMismatch", "dlmtimes(A, np.ones((3, 2, 4)))"),
    ("dlmtimes(A, np.ones((3, 2, 5)))", "dlmtimes:pagesMismatch", "dlmtimes(A, np.ones((3, 2)))"),
    ("dlmtimes(A, np.ones(3))", "dlmtimes:vector", "dlmtimes(A, np.ones(3).reshape(-1, 1))"),
    ("dlmtimes(A, 'x')", "dlmtimes:notNumeric", "dlmtimes(A, np.asarray(2, dtype=float))"),
]


@pytest.mark.parametrize(("wrong", "identifier", "right"), BAD)
def test_bad_input_and_its_cure(wrong: str, identifier: str, right: str) -> None:
    with pytest.raises(dl.DltoolboxError) as caught:
        eval(wrong, NAMES)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    eval(right, NAMES)
