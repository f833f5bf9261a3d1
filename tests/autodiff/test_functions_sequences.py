"""lstm, gru, attention, embed and ctc against PyTorch, with options drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from tests.autodiff.against_torch import close, compare, same_in_single, same_whatever_it_is_given

Tensor = torch.Tensor
STATES = {"tanh": torch.tanh, "softsign": F.softsign, "relu": torch.relu}
GATES = {"sigmoid": torch.sigmoid, "hard-sigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)}


def lstm_of_tensors(x: Tensor, h: Tensor, c: Tensor, W: Tensor, R: Tensor, b: Tensor, state: Any, gate: Any) -> Any:
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = (W @ x[:, t] + R @ h + b).chunk(4)
        c = gate(f) * c + gate(i) * state(g)
        h = gate(o) * state(c)
        outputs.append(h)
    return torch.stack(outputs, 1), h, c


def gru_of_tensors(x: Tensor, h: Tensor, W: Tensor, R: Tensor, b: Tensor, state: Any, gate: Any, reset: str) -> Any:
    outputs, n = [], R.shape[1]
    b, *more = b.reshape(-1, 3 * n, 1)
    for t in range(x.shape[1]):
        a, d = W @ x[:, t] + b, R @ h + sum(more)
        r, z = gate(a[:2 * n] + d[:2 * n]).chunk(2)
        inner = R[2 * n:] @ (r * h) if reset == "before-multiplication" else r * d[2 * n:]
        h = z * h + (1 - z) * state(a[2 * n:] + inner)
        outputs.append(h)
    return torch.stack(outputs, 1), h


def parameters(rng: np.random.Generator, gates: int, features: int, hidden: int, biases: int = 1) -> list[np.ndarray]:
    return [rng.standard_normal(shape) for shape in (
        (gates * hidden, features), (gates * hidden, hidden), (biases * gates * hidden, 1))]


@pytest.mark.parametrize("seed", range(24))
def test_lstm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, hidden, steps, batch = 2, int(rng.integers(1, 4)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    state, gate = str(rng.choice([*STATES])), str(rng.choice([*GATES]))
    arrays = [rng.standard_normal((features, steps, batch)), rng.standard_normal((hidden, batch)),
              rng.standard_normal((hidden, 1)), *parameters(rng, 4, features, hidden)]
    compare(lambda X, H, C, W, R, b: dl.lstm(X, H, C, W, R, b, StateActivationFunction=state, GateActivationFunction=gate,
                                             DataFormat="CTB", nargout=3),
            lambda x, h, c, W, R, b: lstm_of_tensors(x, h, c.expand(hidden, batch), W, R, b, STATES[state], GATES[gate]),
            arrays)


@pytest.mark.parametrize("seed", range(24))
def test_gru(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, hidden, steps, batch = 2, int(rng.integers(1, 4)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    state, gate = str(rng.choice([*STATES])), str(rng.choice([*GATES]))
    reset = ["after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication"][seed % 3]
    arrays = [rng.standard_normal((features, steps, batch)), rng.standard_normal((hidden, batch)),
              *parameters(rng, 3, features, hidden, 1 + reset.startswith("rec"))]
    compare(lambda X, H, W, R, b: dl.gru(X, H, W, R, b, StateActivationFunction=state, GateActivationFunction=gate,
                                         ResetGateMode=reset, DataFormat="CTB", nargout=2),
            lambda x, h, W, R, b: gru_of_tensors(x, h, W, R, b, STATES[state], GATES[gate], reset), arrays)


def test_lstm_and_gru_are_those_of_pytorch() -> None:
    """The order of the gates of PyTorch is ours; a GRU there has both biases, and its update gate counts for the new state
    what ours counts for the old one, as here.
    """
    rng = np.random.default_rng(0)
    X, zero = rng.standard_normal((3, 5, 2)), np.zeros((4, 1))
    for gates, module, options in ((4, torch.nn.LSTM(3, 4).double(), {}), (3, torch.nn.GRU(3, 4).double(), {
            "ResetGateMode": "recurrent-bias-after-multiplication"})):
        W, R, b, b2 = (p.detach().numpy() for p in module.parameters())
        wanted = module(torch.tensor(X.transpose(1, 2, 0)))[0].permute(2, 0, 1)
        if gates == 4:
            close(dl.lstm(dl.dlarray(X, "CTB"), zero, zero, W, R, b + b2), wanted.permute(0, 2, 1))
        else:
            close(dl.gru(dl.dlarray(X, "CTB"), zero, W, R, np.concatenate([b, b2]), **options), wanted.permute(0, 2, 1))


@pytest.mark.parametrize("labels", ["CTB", "CBT", "TCB", "BTC", "CT", "CB", "SCBT", "STB", "SSCB"])
def test_labels_of_recurrent_units(labels: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2,) * len(labels))
    features = 2 ** sum(label in "SC" for label in labels)
    W, R, b = parameters(rng, 4, features, 3)
    H = rng.standard_normal((3, 1))
    for function, arguments in ((dl.lstm, (H, H, W, R, b)), (dl.gru, (H, W[:9], R[:9], b[:9]))):
        Y, *states = function(dl.dlarray(X, labels), dl.dlarray(H, "CB"), *arguments[1:], nargout=2)
        plain = function(X, *arguments, DataFormat=labels)
        wanted = [label for label in labels if label != "S"] if "C" in labels else list("CTB")
        assert dl.dims(Y) == "".join(label for label in "CBT" if label in wanted)
        np.testing.assert_array_equal(dl.extractdata(Y), dl.extractdata(dl.dlarray(plain, "".join(wanted))))
        assert dl.dims(states[0]) == "CB"
        turned = function(X.transpose(), *arguments, DataFormat=labels[::-1])
        if "S" not in labels:
            np.testing.assert_array_equal(turned.transpose(), plain)


def test_features_are_flattened_column_major() -> None:
    rng = np.random.default_rng(0)
    X, H = rng.standard_normal((2, 3, 4, 5, 6)), np.zeros((2, 1))
    W, R, b = parameters(rng, 3, 24, 2)
    flat = X.reshape(24, 5, 6, order="F")
    np.testing.assert_allclose(dl.gru(X, H, W, R, b, DataFormat="SSCTB"), dl.gru(flat, H, W, R, b, DataFormat="CTB"))


# Attention -----------------------------------------------------------------------------------------------------------
def attention_of_tensors(q: Tensor, k: Tensor, v: Tensor, heads: int, kept: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Of channels × steps × observations; ``kept`` is B × keys × queries."""
    q, k, v = (x.permute(2, 0, 1).unflatten(1, (heads, -1)) for x in (q, k, v))
    scores = torch.einsum("bhck,bhcq->bhkq", k, q) * scale
    hidden = ~kept[:, None]
    weights = torch.where(kept.any(1)[:, None, None], scores.masked_fill(hidden, -1e30).softmax(2), 0.0)
    y = torch.einsum("bhck,bhkq->bhcq", v, weights).flatten(1, 2)
    return y.permute(1, 2, 0), weights.permute(2, 3, 1, 0)


@pytest.mark.parametrize("seed", range(48))
def test_attention(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heads, batch, queries, keys = (int(rng.integers(1, n)) for n in (4, 4, 6, 6))
    depth = int(rng.integers(1, 4))
    q, k = (rng.standard_normal((depth * heads, n, batch)) for n in (queries, keys))
    v = rng.standard_normal((2 * heads, keys, batch))
    kept = np.ones((batch, keys, queries), bool)
    options: dict[str, Any] = {}
    if seed % 2:
        channels = 1 if seed % 4 == 1 else depth * heads
        options["PaddingMask"] = np.repeat(rng.random((1, keys, batch)) < 0.7, channels, 0)
        kept &= options["PaddingMask"][0].T[:, :, None]
    if seed % 3 == 1:
        options["AttentionMask"] = "causal"
        kept &= np.arange(keys)[:, None] <= np.arange(queries)
    elif seed % 3 == 2:
        options["AttentionMask"] = rng.random((keys, queries) if seed % 5 else (keys, queries, batch)) < 0.7
        mask = options["AttentionMask"]
        kept &= mask if mask.ndim == 2 else mask.transpose(2, 0, 1)
    scale = 1 / np.sqrt(depth)
    if seed % 7 == 0:
        options["Scale"] = scale = 0.3
    compare(lambda q, k, v: dl.attention(q, k, v, heads, DataFormat="CTB", nargout=2, **options),
            lambda q, k, v: attention_of_tensors(q, k, v, heads, torch.tensor(kept), scale), [q, k, v])


def test_attention_is_that_of_pytorch() -> None:
    q, k, v = np.random.default_rng(0).standard_normal((3, 6, 4, 2))
    by_heads = [torch.tensor(x).permute(2, 0, 1).unflatten(1, (3, 2)).transpose(2, 3) for x in (q, k, v)]
    wanted = F.scaled_dot_product_attention(*by_heads, is_causal=True).transpose(2, 3).flatten(1, 2).permute(1, 2, 0)
    close(dl.attention(q, k, v, 3, AttentionMask="causal", DataFormat="CTB"), wanted)


def test_attention_as_published() -> None:
    """Sizes and labels of the first example of the documentation."""
    rng = np.random.default_rng(0)
    queries = dl.dlarray(rng.random((100, 32, 64)), "CBT")
    keys, values = dl.dlarray(rng.random((100, 32, 80))), dl.dlarray(rng.random((120, 32, 80)))
    Y, weights = dl.attention(queries, keys, values, 5, nargout=2)
    assert (Y.shape, dl.dims(Y), weights.shape, dl.dims(weights)) == ((120, 32, 64), "CBT", (80, 64, 5, 32), "")
    np.testing.assert_allclose(np.sum(dl.extractdata(weights), 0), 1)


@pytest.mark.parametrize("labels", ["CTB", "CBT", "SCB", "CBU", "TC"])
def test_labels_of_attention(labels: str) -> None:
    X = np.random.default_rng(0).standard_normal((4, 4, 4)[:len(labels)])
    same_whatever_it_is_given(lambda X, **options: dl.attention(X, X, X, 2, **options), X, labels)
    same_in_single(lambda X, **options: dl.attention(X, X, X, 2, **options), X, labels)


def test_dropout_of_attention() -> None:
    rng = np.random.default_rng(0)
    X = dl.dlarray(rng.standard_normal((4, 6, 3)), "CTB")

    def loss(X: dl.dlarray) -> Any:
        Y, weights = dl.attention(X, X, X, 2, DropoutProbability=0.5, nargout=2)
        return Y, weights, dl.dlgradient(np.sum(Y * Y), X, EnableHigherDerivatives=True)
    dl.rng(0)
    Y, weights, gradient = dl.dlfeval(loss, X)
    np.testing.assert_allclose(np.sum(dl.extractdata(weights), 0), 1)  # those before dropout
    assert np.any(dl.extractdata(dl.attention(X, X, X, 2)) != dl.extractdata(Y))
    dl.rng(0)
    again, _, found = dl.dlfeval(loss, X)
    np.testing.assert_array_equal(dl.extractdata(again), dl.extractdata(Y))
    np.testing.assert_array_equal(dl.extractdata(found), dl.extractdata(gradient))


# Embedding -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("labels", "shape"), [("CB", (1, 5)), ("CBT", (1, 3, 4)), ("BC", (5, 1)), ("BT", (3, 4)),
                                               ("B", (6,)), ("SSCB", (2, 3, 1, 2)), ("UTB", (2, 3, 2)), ("TC", (4, 1))])
def test_embed(labels: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X, weights = rng.integers(1, 5, shape).astype(float), rng.standard_normal((3, 4))
    at = labels.find("C")

    def theirs(w: Tensor) -> Tensor:
        y = F.embedding(torch.tensor(X.astype(int)) - 1, w.T)
        return y if at < 0 else y.transpose(at, -1)[..., 0]
    compare(lambda W: dl.embed(X, W, DataFormat=labels), theirs, [weights])
    if "C" in labels:
        same_whatever_it_is_given(dl.embed, X, labels, weights)
    assert dl.embed(X, weights.astype(np.float32), DataFormat=labels).dtype == np.float32


def test_embed_as_published() -> None:
    """Weights from a fresh random stream; the first example of the documentation."""
    weights = np.random.RandomState(5489).random_sample(30).reshape(10, 3, order="F")
    Y = dl.embed(dl.dlarray([2, 1, 2, 1, 1], "BC"), weights)
    printed = [[0.1576, 0.8147], [0.9706, 0.9058], [0.9572, 0.1270], [0.4854, 0.9134], [0.8003, 0.6324],
               [0.1419, 0.0975], [0.4218, 0.2785], [0.9157, 0.5469], [0.7922, 0.9575], [0.9595, 0.9649]]
    assert dl.dims(Y) == "CB"
    np.testing.assert_allclose(dl.extractdata(Y), np.array(printed)[:, [0, 1, 0, 1, 1]], atol=5e-5)


def test_embed_adds_channels_in_their_place() -> None:
    Y = dl.embed(dl.dlarray(np.ones((5, 7)), "BT"), np.ones((3, 2)))
    assert (dl.dims(Y), Y.shape) == ("CBT", (3, 5, 7))


# Labels at unknown steps ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(32))
def test_ctc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes, batch, most = int(rng.integers(2, 6)), int(rng.integers(1, 4)), int(rng.integers(0, 4))
    steps = 2 * most + int(rng.integers(1, 4))
    name, blank = [("first", 1), ("last", classes), (2, 2)][seed % 3]
    counts = rng.integers(0, most + 1, batch)
    lengths = rng.integers(np.maximum(2 * counts, 1), steps + 1)
    labels = rng.choice(np.delete(np.arange(1, classes + 1), blank - 1), (most, batch))
    scores = rng.standard_normal((classes, steps, batch))
    left = seed % 2  # padding at the beginning
    YMask, targetsMask = (np.arange(n)[:, None] >= n - k if left else np.arange(n)[:, None] < k
                          for n, k in ((steps, lengths), (most, counts)))

    def theirs(x: Tensor) -> Tensor:
        logs = x.log_softmax(0).permute(1, 2, 0)
        parts = [logs[steps - n:, b] if left else logs[:n, b] for b, n in enumerate(lengths)]
        targets = [labels[most - n:, b] if left else labels[:n, b] for b, n in enumerate(counts)]
        losses = [F.ctc_loss(part[:, None], torch.tensor(target - 1).reshape(1, -1), (len(part),), (len(target),),
                             blank=blank - 1, reduction="sum") for part, target in zip(parts, targets, strict=True)]
        return sum(losses) / batch
    compare(lambda x: dl.ctc(dl.softmax(x, DataFormat="CTB"), labels[None], YMask[None], targetsMask[None], BlankIndex=name,
                             DataFormat="CTB"), theirs, [scores], twice=False)


def test_ctc_of_labelled_arrays() -> None:
    rng = np.random.default_rng(0)
    X, XMask = dl.padsequences([rng.random((10, 50)), rng.random((10, 45))], 2, nargout=2)
    targets, targetsMask = dl.padsequences([np.array([[2, 3, 5, 7, 9, 2, 3, 5, 3, 2, 3]]), np.array(
        [[2, 3, 3, 3, 4, 4, 4, 6, 8, 8, 8, 10, 3]])], 2, nargout=2)
    X = dl.softmax(dl.dlarray(X, "CTB"))
    loss = dl.ctc(dl.stripdims(X), *(x.transpose(0, 2, 1) for x in (targets, XMask, targetsMask)), DataFormat="CBT")
    labelled = dl.ctc(X, *(dl.dlarray(x, "CTB") for x in (targets, XMask, targetsMask)))
    assert labelled.shape == ()
    assert dl.dims(labelled) == ""
    assert float(loss) == pytest.approx(float(labelled), rel=1e-12)


def test_ctc_cannot_be_differentiated_twice() -> None:
    def twice(Y: dl.dlarray) -> Any:
        loss = dl.ctc(Y, [[2]], [[1, 1]], [[1]])
        return dl.dlgradient(loss, Y, EnableHigherDerivatives=True)
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.dlfeval(twice, dl.dlarray([[0.2, 0.5], [0.8, 0.5]], "CT"))
    assert caught.value.identifier == "dltoolbox:dlgradient:notTwiceDifferentiable"


NAMES = {name: getattr(dl, name) for name in dl.__all__} | {"np": np}
NAMES |= {"X": dl.dlarray(np.ones((2, 4, 3)) / 2, "CBT"), "H": np.zeros((5, 4)), "W": np.ones((20, 2)),
          "R": np.ones((20, 5)), "b": np.ones(20), "L": np.full((1, 4, 1), 2), "M": np.ones((1, 4, 3)),
          "N": np.ones((1, 4, 1)), "E": np.ones((3, 2))}
BAD = [  # call, identifier, a call that follows the advice
    ("lstm(stripdims(X), H, H, W, R, b)", "lstm:missingDataFormat", "lstm(stripdims(X), H, H, W, R, b, DataFormat='CBT')"),
    ("lstm(stripdims(X), H, H, W, R, b, DataFormat='UBT')", "lstm:noFeatures",
     "lstm(stripdims(X), H, H, W, R, b, DataFormat='CBT')"),
    ("lstm(X, H[:3], H, W, R, b)", "lstm:H0Mismatch", "lstm(X, np.zeros((5, 4)), H, W, R, b)"),
    ("lstm(X, H, H.T, W, R, b)", "lstm:C0Mismatch", "lstm(X, H, np.zeros((5, 4)), W, R, b)"),
    ("lstm(X, H, H, W.T, R, b)", "lstm:weightsMismatch", "lstm(X, H, H, np.ones((20, 2)), R, b)"),
    ("lstm(X, H, H, W, R.T, b)", "lstm:recurrentWeightsMismatch", "lstm(X, H, H, W, np.ones((20, 5)), b)"),
    ("gru(X, H, W, R, b)", "gru:recurrentWeightsMismatch", "gru(X, H, W[:15], R[:15], b[:15])"),
    ("gru(X, H, W[:15], R[:15], b[:15], ResetGateMode='recurrent-bias-after-multiplication')", "gru:biasMismatch",
     "gru(X, H, W[:15], R[:15], np.ones(30), ResetGateMode='recurrent-bias-after-multiplication')"),
    ("lstm(X, H, H, W, R, b, GateActivationFunction='tanh')", "lstm:invalidGateActivationFunction",
     "lstm(X, H, H, W, R, b, GateActivationFunction='sigmoid')"),
    ("attention(X, X, X, 3)", "attention:keysNotDivisible", "attention(X, X, X, 2)"),
    ("attention(stripdims(X), X, X, 1, DataFormat='SSC')", "attention:notOneDimension",
     "attention(stripdims(X), X, X, 1, DataFormat='CBT')"),
    ("attention(X, X[:1], X, 1)", "attention:channelsMismatch", "attention(X, X, X, 1)"),
    ("attention(X, X[..., :2], X, 1)", "attention:stepsMismatch", "attention(X, X[..., :2], X[..., :2], 1)"),
    ("attention(X, X[:, :2], X[:, :2], 1)", "attention:observationsMismatch", "attention(X, X, X, 1)"),
    ("attention(X, X, X, 1, PaddingMask=np.ones((1, 3, 4)))", "attention:paddingMaskMismatch",
     "attention(X, X, X, 1, PaddingMask=np.ones((1, 4, 3)))"),
    ("attention(X, X, X, 1, PaddingMask=2 * M)", "attention:invalidPaddingMask",
     "attention(X, X, X, 1, PaddingMask=2 * M > 0)"),
    ("attention(X, X, X, 1, AttentionMask=np.ones((4, 4)))", "attention:attentionMaskMismatch",
     "attention(X, X, X, 1, AttentionMask=np.ones((3, 3)))"),
    ("attention(X, X, X, 1, AttentionMask='lower')", "attention:invalidAttentionMask",
     "attention(X, X, X, 1, AttentionMask='causal')"),
    ("embed(dlarray([0, 1], 'B'), E)", "embed:indexOutOfRange", "embed(dlarray([1, 2], 'B'), E)"),
    ("embed(dlarray([[1], [2]], 'CB'), E)", "embed:severalChannels", "embed(dlarray([[1], [2]], 'TB'), E)"),
    ("embed(dlarray([1, 2], 'B'), [1, 2])", "embed:invalidWeights", "embed(dlarray([1, 2], 'B'), [[1, 2]])"),
    ("ctc(X, L, M, N, BlankIndex=3)", "ctc:blankOutOfRange", "ctc(X, L, M, N, BlankIndex=1)"),
    ("ctc(X, L, M, N, BlankIndex='last')", "ctc:blankInTargets", "ctc(X, L, M, N, BlankIndex=1)"),
    ("ctc(X, 3 * L, M, N)", "ctc:invalidTargets", "ctc(X, L, M, N)"),
    ("ctc(X, 3 * L, M, N)", "ctc:invalidTargets", "ctc(X, 3 * L, M, 0 * N)"),
    ("ctc(X, L, N, N)", "ctc:YMaskMismatch", "ctc(X, L, np.ones((2, 4, 3)), N)"),
    ("ctc(X, L, M, M)", "ctc:targetsMaskMismatch", "ctc(X, L, M, np.ones(L.shape))"),
    ("ctc(X, L[:, :2], M, N)", "ctc:targetsMismatch", "ctc(X, L, M, N)"),
    ("ctc(X, L, 2 * M, N)", "ctc:invalidYMask", "ctc(X, L, 2 * M > 0, N)"),
    ("ctc(X, np.repeat(L, 3, 2), M, np.repeat(N, 3, 2))", "ctc:sequenceTooShort", "ctc(X, L, M, N)"),
    ("ctc(dlarray(np.ones((2, 3)), 'CB'), L, M, N)", "ctc:invalidLabels",
     "ctc(dlarray(np.ones((2, 3)), 'CT'), [[2]], [[1, 1, 1]], [[1]])"),
]


@pytest.mark.parametrize(("wrong", "identifier", "right"), BAD)
def test_bad_input_and_its_cure(wrong: str, identifier: str, right: str) -> None:
    with pytest.raises(dl.DltoolboxError) as caught:
        eval(wrong, NAMES)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    eval(right, NAMES)
