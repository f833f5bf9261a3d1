"""batchnorm, layernorm, groupnorm and instancenorm against PyTorch, with options drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import compare, same_in_single, same_whatever_it_is_given

LABELS = ["SSCB", "CB", "SCBT", "CBT", "SSSCB", "BC", "TCB", "UCB", "SC", "CT"]


def drawn(seed: int) -> tuple[np.random.Generator, str, np.ndarray, np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    labels = LABELS[seed % len(LABELS)]
    sizes = {"C": 4, "B": int(rng.integers(2, 4)), "T": 3, "S": 2, "U": 2}
    X = rng.standard_normal([sizes[label] for label in labels])
    return rng, labels, X, rng.standard_normal((4, 1)), rng.standard_normal((4, 1)), float(rng.choice([1e-5, 1e-2]))


def channels_second(x: torch.Tensor, labels: str, folded: str = "") -> tuple[torch.Tensor, list[int]]:
    """B and the folded labels, C, and all others; the order in which they stand."""
    front = [at for at, label in enumerate(labels) if label in folded or label == "B"]
    order = [*front, labels.index("C"), *(at for at in range(len(labels)) if at not in front and labels[at] != "C")]
    moved = x.permute(order)
    return moved.reshape(-1, 4, *moved.shape[len(front) + 1:]), order


def put_back(y: torch.Tensor, like: torch.Tensor, order: list[int]) -> torch.Tensor:
    return y.reshape([like.shape[at] for at in order]).permute([order.index(at) for at in range(len(order))])


@pytest.mark.parametrize("seed", range(30))
def test_batchnorm_of_a_batch(seed: int) -> None:
    _, labels, X, offset, scale, epsilon = drawn(seed)
    axes = tuple(at for at, label in enumerate(labels) if label != "C")

    def theirs(x: torch.Tensor, b: torch.Tensor, g: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flat, order = channels_second(x, labels, "STU")
        y = F.batch_norm(flat, None, None, g.reshape(-1), b.reshape(-1), training=True, eps=epsilon)
        return put_back(y, x, order), x.mean(axes).reshape(4, 1), x.var(axes, correction=0).reshape(4, 1)
    compare(lambda X, b, g: dl.batchnorm(X, b, g, Epsilon=epsilon, DataFormat=labels, nargout=3), theirs, [X, offset, scale])


@pytest.mark.parametrize("seed", range(20))
def test_batchnorm_with_given_statistics(seed: int) -> None:
    rng, labels, X, offset, scale, epsilon = drawn(seed)
    mu, sigmaSq = rng.standard_normal((4, 1)), rng.random((4, 1)) + 0.5

    def theirs(x: torch.Tensor, b: torch.Tensor, g: torch.Tensor, mu: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        flat, order = channels_second(x, labels, "STU")
        b, g, mu, v = (each.reshape(-1) for each in (b, g, mu, v))
        return put_back((flat - mu) / torch.sqrt(v + epsilon) * g + b, x, order)
    compare(lambda X, b, g, mu, v: dl.batchnorm(X, b, g, mu, v, Epsilon=epsilon, DataFormat=labels), theirs,
            [X, offset, scale, mu, sigmaSq])


@pytest.mark.parametrize(("decay", "options"), [(0.1, {}), (0.3, {"MeanDecay": 0.3, "VarianceDecay": 0.3})])
def test_running_statistics(decay: float, options: dict[str, float]) -> None:
    X = np.random.default_rng(0).standard_normal((5, 3, 8))
    mu, sigmaSq = np.array([1.0, 2, 3]), np.ones((3, 1))
    Y, updatedMu, updatedSigmaSq = dl.batchnorm(dl.dlarray(X, "SCB"), np.zeros(3), np.ones(3), mu, sigmaSq, nargout=3,
                                                **options)
    np.testing.assert_allclose(updatedMu, decay * X.mean((0, 2)) + (1 - decay) * mu)
    np.testing.assert_allclose(updatedSigmaSq, decay * X.var((0, 2))[:, None] + (1 - decay) * sigmaSq)
    np.testing.assert_allclose(dl.extractdata(Y), (X - X.mean((0, 2), keepdims=True)) / np.sqrt(
        X.var((0, 2), keepdims=True) + 1e-5))
    assert isinstance(updatedMu, dl.dlarray)  # as X is one


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("over", ["auto", "channel-only", "spatial-channel", "batch-excluded"])
def test_layernorm(seed: int, over: str) -> None:
    _, labels, X, offset, scale, epsilon = drawn(seed)
    folded = {"auto": "STU" if "T" in labels else "", "channel-only": "STU", "spatial-channel": "TU", "batch-excluded": ""}

    def theirs(x: torch.Tensor, b: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        flat, order = channels_second(x, labels, folded[over])
        return put_back(F.group_norm(flat, 1, g.reshape(-1), b.reshape(-1), epsilon), x, order)
    compare(lambda X, b, g: dl.layernorm(X, b, g, Epsilon=epsilon, OperationDimension=over, DataFormat=labels), theirs,
            [X, offset, scale], twice=seed < 10)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("groups", [1, 2, "all-channels", "channel-wise"])
def test_groupnorm(seed: int, groups: int | str) -> None:
    _, labels, X, offset, scale, epsilon = drawn(seed)
    count = {"all-channels": 1, "channel-wise": 4}.get(str(groups), groups)

    def theirs(x: torch.Tensor, b: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        flat, order = channels_second(x, labels)
        if count == 4 and flat.ndim == 2:  # of one number each: nothing but the offset
            return put_back(b.reshape(-1) + 0 * flat * g.reshape(-1), x, order)
        return put_back(F.group_norm(flat, int(count), g.reshape(-1), b.reshape(-1), epsilon), x, order)
    compare(lambda X, b, g: dl.groupnorm(X, groups, b, g, Epsilon=epsilon, DataFormat=labels), theirs, [X, offset, scale],
            twice=seed < 10)


@pytest.mark.parametrize("seed", [seed for seed in range(20) if set(LABELS[seed % len(LABELS)]) & set("STU")])
def test_instancenorm(seed: int) -> None:
    _, labels, X, offset, scale, epsilon = drawn(seed)

    def theirs(x: torch.Tensor, b: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        flat, order = channels_second(x, labels)
        return put_back(F.instance_norm(flat.flatten(2), None, None, g.reshape(-1), b.reshape(-1), eps=epsilon), x, order)
    compare(lambda X, b, g: dl.instancenorm(X, b, g, Epsilon=epsilon, DataFormat=labels), theirs, [X, offset, scale],
            twice=seed < 10)


@pytest.mark.parametrize("labels", ["SCB", "CBT", "BCS", "TCU"])
@pytest.mark.parametrize("function", [dl.batchnorm, dl.layernorm, dl.instancenorm,
                                      lambda X, *rest, **options: dl.groupnorm(X, 3, *rest, **options)])
def test_kinds_of_arrays(function, labels: str) -> None:
    X = np.random.default_rng(1).standard_normal((3, 3, 3))
    same_whatever_it_is_given(function, X, labels, [1, 2, 3], np.ones((3, 1)))
    same_in_single(function, X, labels, [1, 2, 3], np.ones((3, 1)))


def test_parameters_with_labels() -> None:
    X = dl.dlarray(np.random.default_rng(0).standard_normal((4, 3, 2)), "SCB")
    Y = dl.batchnorm(X, dl.dlarray([1, 2, 3], "C"), dl.dlarray(np.ones((1, 3)), "BC"))
    np.testing.assert_allclose(np.mean(dl.extractdata(Y), (0, 2)), [1, 2, 3])
    assert dl.dims(dl.batchnorm(X, np.zeros(3), np.ones(3), dl.dlarray([0, 0, 0], "C"), [1, 1, 1], nargout=2)[1]) == "C"


def test_no_observations() -> None:
    for labels, shape in {"SCB": (4, 3, 0), "CB": (3, 0), "SSCB": (0, 2, 3, 2)}.items():
        X = np.empty(shape)
        assert dl.layernorm(X, np.zeros(3), np.ones(3), DataFormat=labels).shape == shape
        assert dl.batchnorm(X, np.zeros(3), np.ones(3), np.zeros(3), np.ones(3), DataFormat=labels).shape == shape


X = "X = dlarray(np.random.default_rng(0).standard_normal((5, 4, 3)), 'SCB'); b, g = np.zeros(4), np.ones(4); "
BAD = [  # call, identifier, a call that follows the advice
    ("batchnorm(stripdims(X), b, g)", "batchnorm:missingDataFormat", "batchnorm(stripdims(X), b, g, DataFormat='SCB')"),
    ("batchnorm(X, b, g, DataFormat='SCB')", "batchnorm:formatTwice", "batchnorm(X, b, g)"),
    ("layernorm(stripdims(X), b, g, DataFormat='SUB')", "layernorm:noChannels",
     "layernorm(stripdims(X), b, g, DataFormat='SCB')"),
    ("batchnorm(X, 0, g)", "batchnorm:offsetMismatch", "batchnorm(X, np.zeros((4, 1)), g)"),
    ("groupnorm(X, 2, b, dlarray(g, 'B'))", "groupnorm:scaleFactorMismatch", "groupnorm(X, 2, b, np.zeros((4, 1)))"),
    ("batchnorm(X, b, g, b)", "batchnorm:statisticsIncomplete", "batchnorm(X, b, g, b, g)"),
    ("batchnorm(X, b, g, np.zeros(3), g)", "batchnorm:muMismatch", "batchnorm(X, b, g, np.zeros((4, 1)), g)"),
    ("batchnorm(X, b, g, b, g, MeanDecay=0.2)", "batchnorm:decayWithoutUpdate",
     "batchnorm(X, b, g, b, g, MeanDecay=0.2, nargout=3)"),
    ("batchnorm(X[:, :, :0], b, g)", "batchnorm:emptyInput", "batchnorm(X[:, :, :0], b, g, b, g)"),
    ("groupnorm(X, 3, b, g)", "groupnorm:channelsNotDivisible", "groupnorm(X, 2, b, g)"),
    ("groupnorm(X, 'some', b, g)", "groupnorm:invalidnumGroups", "groupnorm(X, 'all-channels', b, g)"),
    ("instancenorm(X[0], b, g)", "instancenorm:noSpatialDimensions", "layernorm(X[0], b, g)"),
    ("layernorm(X, b, g, OperationDimension='time')", "layernorm:invalidOperationDimension",
     "layernorm(X, b, g, OperationDimension='spatial-channel')"),
    ("batchnorm(X, b, g, nargout=4)", "batchnorm:nargout", "batchnorm(X, b, g, nargout=3)"),
    ("batchnorm(X, ['a'], g)", "batchnorm:notNumeric", "batchnorm(X, np.asarray(b, dtype=float), g)"),
]


@pytest.mark.parametrize(("wrong", "identifier", "right"), BAD, ids=[identifier for _, identifier, _ in BAD])
def test_bad_input_and_its_cure(wrong: str, identifier: str, right: str) -> None:
    names = {name: getattr(dl, name) for name in dl.__all__} | {"np": np}
    exec(X, names)
    with pytest.raises(dl.DltoolboxError) as caught:
        eval(wrong, names)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    eval(right, names)
