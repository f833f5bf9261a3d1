"""Inference on sequences: forms in and out, mini-batches and neighbours, pieces, labels, activations, formats, bad data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from dltoolbox import (
    activations,
    additionLayer,
    addLayers,
    assembleNetwork,
    categorical,
    classificationLayer,
    classify,
    concatenationLayer,
    connectLayers,
    convolution1dLayer,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling1dLayer,
    layerGraph,
    lstmLayer,
    maxNumCompThreads,
    maxPooling1dLayer,
    minibatchpredict,
    pixelClassificationLayer,
    predict,
    regressionLayer,
    reluLayer,
    rng,
    semanticseg,
    sequenceInputLayer,
    softmaxLayer,
)
from dltoolbox.core.errors import DltoolboxError

LENGTHS = (5, 9, 3, 9, 1, 7, 4)
RANDOM = np.random.default_rng(0)
X = [RANDOM.standard_normal((3, steps)).astype(np.float32) for steps in LENGTHS]
FILMS = [RANDOM.standard_normal((6, 5, 2, steps)).astype(np.float32) for steps in (4, 2, 6)]
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


def network(*layers: Any, first: Any = None) -> dlnetwork:
    rng(1)
    return dlnetwork([first or sequenceInputLayer(3, Name="in"), *layers])


def trained(net: dlnetwork, end: Any) -> Any:
    return assembleNetwork([*net.Layers, end])


@pytest.fixture(scope="module")
def nets() -> dict[str, Any]:
    """Networks by what they give: numbers or scores, for every step or for every sequence."""
    steps = network(lstmLayer(4, Name="lstm"), fullyConnectedLayer(2, Name="fc"), softmaxLayer(Name="scores"))
    last = network(convolution1dLayer(3, 4, Padding="same"), reluLayer, lstmLayer(4, OutputMode="last", Name="lstm"),
                   fullyConnectedLayer(2, Name="fc"), softmaxLayer(Name="scores"))
    films = network(convolution2dLayer(3, 2, Padding="same", Name="conv"), softmaxLayer,
                    first=sequenceInputLayer([6, 5, 2], Name="in"))
    end = classificationLayer(Classes=["a", "b"], Name="end")
    return {"steps": steps, "last": last, "films": films, "tagger": trained(steps, end), "classifier": trained(last, end),
            "regression": trained(steps, regressionLayer(Name="end")),
            "pixels": trained(films, pixelClassificationLayer(Classes=["a", "b"], Name="end"))}


def same(got: Any, wanted: Any) -> None:
    """Lists of arrays, or arrays, that hold the same numbers or labels."""
    assert type(got) is type(wanted)
    for one, other in zip(got, wanted, strict=True) if isinstance(got, list) else [(got, wanted)]:
        if isinstance(one, categorical):
            assert one.shape == other.shape
            assert one.tolist() == other.tolist()
        else:
            np.testing.assert_allclose(one, other, **CLOSE)


# Forms and mini-batches -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["steps", "regression", "last", "classifier"])
def test_a_list_in_a_list_out_one_in_one_out(nets: Any, kind: str) -> None:
    net, whole = nets[kind], predict(nets[kind], X)
    alone = [predict(net, x) for x in X]
    objects = np.empty(len(X), object)
    objects[:] = X
    if kind in ("last", "classifier"):
        assert whole.shape == (7, 2)
        same(whole, np.concatenate(alone))
    else:
        assert [y.shape for y in whole] == [(2, steps) for steps in LENGTHS]
        assert all(y.flags.c_contiguous for y in whole)
        same(whole, alone)
    for other in (tuple(X), objects, [x.astype(float) for x in X], [np.asfortranarray(x) for x in X],
                  [np.repeat(x, 2, 1)[:, ::2] for x in X]):
        same(predict(net, other), whole)
    for size in (1, 2, 3, 100):
        same(predict(net, X, MiniBatchSize=size), whole)
    array = np.stack([X[1], X[3]], axis=1)  # c×N×T, of one length
    together = predict(net, array)
    same(together, whole[[1, 3]] if whole is not None and kind in ("last", "classifier") else
         np.stack([whole[1], whole[3]], axis=1))


def test_neighbours_do_not_matter(nets: Any) -> None:
    """Not their number, lengths or values, however large."""
    others = [np.full((3, 12), 1e6, np.float32), X[2], np.full((3, 1), -1e6, np.float32)]
    for kind in ("steps", "last"):
        same(predict(nets[kind], others)[1], predict(nets[kind], [X[2]])[0])


def test_labels(nets: Any) -> None:
    scores, each = predict(nets["tagger"], X), classify(nets["tagger"], X)
    assert [labels.shape for labels in each] == [(steps,) for steps in LENGTHS]
    for labels, score in zip(each, scores, strict=True):
        assert labels.tolist() == [["a", "b"][code] for code in score.argmax(axis=0)]
    labels, again = classify(nets["tagger"], X[1], nargout=2)
    assert isinstance(labels, categorical)
    same(labels, each[1])
    same(again, scores[1])
    array = np.stack([X[1], X[3]], axis=1)
    assert classify(nets["tagger"], array).tolist() == [each[1].tolist(), each[3].tolist()]
    same(predict(nets["tagger"], X, ReturnCategorical=True), each)
    of_all = classify(nets["classifier"], X)
    assert of_all.shape == (7,)
    same(predict(nets["classifier"], X, ReturnCategorical=True), of_all)
    assert classify(nets["classifier"], X[0]).shape == (1,)


def test_films_and_their_pixels(nets: Any) -> None:
    whole = predict(nets["films"], FILMS)
    assert [y.shape for y in whole] == [(6, 5, 2, 4), (6, 5, 2, 2), (6, 5, 2, 6)]
    same(whole, [predict(nets["films"], film) for film in FILMS])
    labels, best, scores = semanticseg(FILMS, nets["pixels"], nargout=3)
    assert [each.shape for each in labels] == [(6, 5, 4), (6, 5, 2), (6, 5, 6)]
    same(scores, whole)
    same(best, [y.max(axis=2) for y in whole])
    assert labels[0].tolist() == np.array(["a", "b"])[whole[0].argmax(axis=2)].tolist()
    assert semanticseg(FILMS[0], nets["pixels"], OutputType="uint8").tolist() == (whole[0].argmax(axis=2) + 1).tolist()
    same(predict(nets["pixels"], FILMS, ReturnCategorical=True), labels)
    assert predict(nets["films"], [film[:, :4] for film in FILMS])[1].shape == (6, 4, 2, 2)


def test_lengths_that_layers_change() -> None:
    net = network(maxPooling1dLayer(2, Stride=2, Name="pool"))
    Y = predict(net, [x for x in X if x.shape[1] > 1])
    assert [y.shape for y in Y] == [(3, steps // 2) for steps in LENGTHS if steps > 1]
    np.testing.assert_array_equal(Y[0][:, 1], X[0][:, 2:4].max(axis=1))
    assert predict(network(globalAveragePooling1dLayer), X).shape == (7, 3)


# Options --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["sequence", "last"])
@pytest.mark.parametrize("size", [128, 3])
def test_pieces_go_on_where_the_last_one_stopped(mode: str, size: int) -> None:
    net = network(lstmLayer(3), reluLayer, lstmLayer(4, OutputMode=mode), fullyConnectedLayer(2))
    whole = predict(net, X)
    for steps in (1, 2, 4, 9, 50):
        for direction in ("right", "left"):
            same(predict(net, X, SequenceLength=steps, SequencePaddingDirection=direction, MiniBatchSize=size), whole)
    same(predict(net, X[1], SequenceLength=2), predict(net, X[1]))


def test_the_shortest_of_a_mini_batch(nets: Any) -> None:
    first, last = ([x[:, :4] for x in X[:2]], [x[:, -4:] for x in X[:2]])
    given = [X[0], X[1], X[6]]
    for direction, wanted in (("right", first), ("left", last)):
        got = predict(nets["steps"], given, SequenceLength="shortest", SequencePaddingDirection=direction)
        same(got[:2], [predict(nets["steps"], x) for x in wanted])
    in_twos = predict(nets["steps"], X[:3], SequenceLength="shortest", MiniBatchSize=2)
    assert [y.shape[1] for y in in_twos] == [5, 5, 3]
    same(predict(nets["steps"], X, SequencePaddingValue=5), predict(nets["steps"], X))


@pytest.mark.parametrize("kind", ["steps", "last"])
def test_uniform_output(nets: Any, kind: str) -> None:
    whole = minibatchpredict(nets[kind], X)
    if kind == "last":
        same(minibatchpredict(nets[kind], X, UniformOutput=False), [*whole])
        return
    padded = minibatchpredict(nets[kind], X, UniformOutput=True)
    left = minibatchpredict(nets[kind], X, UniformOutput=True, SequencePaddingDirection="left")
    assert padded.shape == left.shape == (2, 7, 9)
    for number, (y, steps) in enumerate(zip(whole, LENGTHS, strict=True)):
        np.testing.assert_array_equal(padded[:, number, :steps], y)
        np.testing.assert_array_equal(left[:, number, 9 - steps:], y)
        assert np.isnan(padded[:, number, steps:]).all()
        assert np.isnan(left[:, number, :9 - steps]).all()
    assert minibatchpredict(nets[kind], X[0], UniformOutput=True).shape == (2, 1, 5)
    same(minibatchpredict(nets[kind], X[0], UniformOutput=False), [minibatchpredict(nets[kind], X[0])])
    array = np.stack([X[1], X[3]], axis=1)
    same(minibatchpredict(nets[kind], array, UniformOutput=False), [whole[1], whole[3]])


@pytest.mark.parametrize("labels", ["TCB", "TC", "BTC"])
def test_formats_of_lists(nets: Any, labels: str) -> None:
    whole = minibatchpredict(nets["steps"], X)
    turned = minibatchpredict(nets["steps"], [x.T for x in X], InputDataFormats=labels, OutputDataFormats=labels)
    same(turned, [y.T for y in whole])
    same(minibatchpredict(nets["steps"], X[0].T, InputDataFormats="TC"), whole[0])
    same(minibatchpredict(nets["steps"], np.stack([X[1], X[3]], 2), InputDataFormats="CTB", OutputDataFormats="CTB"),
         np.stack([whole[1], whole[3]], 2))


def test_sequences_and_features_together() -> None:
    lgraph = layerGraph([sequenceInputLayer(3, Name="in"), lstmLayer(4, OutputMode="last", Name="lstm"),
                         concatenationLayer(1, 2, Name="cat"), fullyConnectedLayer(2, Name="fc")])
    lgraph = connectLayers(addLayers(lgraph, featureInputLayer(2, Name="features")), "features", "cat/in2")
    rng(1)
    net, features = dlnetwork(lgraph), RANDOM.standard_normal((7, 2))
    whole = predict(net, X, features)
    assert whole.shape == (7, 2)
    same(whole, np.concatenate([predict(net, [X[n]], features[n:n + 1]) for n in range(7)]))
    same(predict(net, X, features, SequenceLength=2, MiniBatchSize=4), whole)
    same(predict(net, [X, features]), whole)
    with pytest.raises(DltoolboxError, match="7 observations in X1 and 6 observations in X2") as caught:
        predict(net, X, features[:6])
    assert caught.value.identifier == "dltoolbox:predict:observationsMismatch"


def test_two_inputs_of_sequences() -> None:
    lgraph = layerGraph([sequenceInputLayer(3, Name="in"), additionLayer(2, Name="add"), lstmLayer(2)])
    rng(1)
    net = dlnetwork(connectLayers(addLayers(lgraph, sequenceInputLayer(3, Name="other")), "other", "add/in2"))
    whole = predict(net, X, X)
    same(whole, [predict(net, x, x) for x in X])
    same(predict(net, X, X, SequenceLength=3), whole)
    with pytest.raises(DltoolboxError, match="different lengths") as caught:
        predict(net, X, X[::-1], SequenceLength=3)
    assert "Leave SequenceLength out" in caught.value.issues[0].hint


@pytest.mark.parametrize("how", ["channels", "columns", "rows"])
def test_activations(nets: Any, how: str) -> None:
    net = nets["pixels"]
    for layer in ("conv", 3):
        whole = activations(net, FILMS, layer, OutputAs="channels")
        got = activations(net, FILMS, layer, OutputAs=how)
        columns = [y.reshape(-1, y.shape[-1], order="F") for y in whole]
        same(got, {"channels": whole, "columns": columns, "rows": [y.T for y in columns]}[how])
        same(activations(net, FILMS[0], layer, OutputAs=how), got[0])
        array = activations(net, np.stack([FILMS[0], FILMS[0]], axis=-2), layer, OutputAs=how)
        same(array, np.stack([columns[0]] * 2) if how == "rows" else np.stack([got[0]] * 2, axis=-2))
    hidden = activations(nets["tagger"], X, "lstm")
    assert [y.shape for y in hidden] == [(4, steps) for steps in LENGTHS]
    same(activations(nets["tagger"], X, "lstm", MiniBatchSize=2), hidden)
    of_last = activations(nets["classifier"], X, "fc", OutputAs=how)
    assert of_last.shape == ((2, 7) if how == "columns" else (7, 2))


def test_flattened_films() -> None:
    rng(1)
    net = assembleNetwork([*dlnetwork([sequenceInputLayer([6, 5, 2]), flattenLayer(Name="flat"), lstmLayer(2)]).Layers,
                           regressionLayer])
    flat = activations(net, FILMS, "flat", OutputAs="columns")
    same(flat, [film.reshape(-1, film.shape[-1], order="F") for film in FILMS])


# What is wrong, and the fix that the hint names -----------------------------------------------------------------------
TWO = np.stack([X[1], X[3]], axis=1)  # c×N×T


@pytest.mark.parametrize(("data", "meaning", "fix", "wanted"), [
    ([X[0].T, X[1].T], "T×C", "[x.T for x in X]", [X[0], X[1]]), (X[1].T, "T×C", "X.T", X[1]),
    (TWO.transpose(1, 2, 0), "N×T×C", "X.transpose(2, 0, 1)", TWO),
    (TWO.transpose(2, 1, 0), "T×N×C", "np.swapaxes(X, 0, 2)", TWO),
    (TWO.transpose(1, 0, 2), "N×C×T", "np.moveaxis(X, 0, -2)", TWO)])
@pytest.mark.parametrize("function", [predict, classify])
def test_other_orders(nets: Any, function: Any, data: Any, meaning: str, fix: str, wanted: Any) -> None:
    with pytest.raises(DltoolboxError) as caught:
        function(nets["classifier"], data)
    assert caught.value.identifier == f"dltoolbox:{function.__name__}:inputSizeMismatch"
    assert meaning in str(caught.value)
    assert fix in caught.value.issues[0].hint
    same(function(nets["classifier"], eval(fix, {"np": np, "X": data})), function(nets["classifier"], wanted))


@pytest.mark.parametrize(("data", "identifier", "hint"), [
    ([], "emptyData", "at least one"), ([X[0], np.ones((3, 0))], "emptySequence", "keep = "),
    ([X[0], "text"], "notNumeric", "arrays of numbers"), ([X[0], X[0] * 1j], "complexData", "np.abs"),
    ([X[0], np.ones((4, 5))], "inputSizeMismatch", "")])
def test_refusals(nets: Any, data: Any, identifier: str, hint: str) -> None:
    for function in (predict, minibatchpredict):
        with pytest.raises(DltoolboxError, match=f"dltoolbox:{function.__name__}:{identifier}") as caught:
            function(nets["steps"], data)
        assert hint in caught.value.issues[0].hint


def test_too_short_for_a_window() -> None:
    net = network(convolution1dLayer(4, 2, Name="conv"))
    with pytest.raises(DltoolboxError, match="conv"):
        predict(net, X)
    long = [x for x in X if x.shape[1] >= 4]
    assert [y.shape[1] for y in predict(net, long)] == [x.shape[1] - 3 for x in long]
    with pytest.raises(DltoolboxError, match=r"pieces of at most 3 steps.*Leave SequenceLength out") as caught:
        predict(net, long, SequenceLength=3)
    assert caught.value.identifier == "dltoolbox:predict:piecesTooShort"


@pytest.mark.parametrize(("form", "wrong"), [("list", "other"), ("list", "mixed"), ("one", "other"), ("array", "other")])
def test_images_of_other_sizes(form: str, wrong: str) -> None:
    rng(1)
    net = assembleNetwork([*network(flattenLayer, fullyConnectedLayer(2), first=sequenceInputLayer([6, 5, 2])).Layers,
                           regressionLayer])
    films = [np.repeat(np.repeat(film, 2, 0), 3, 1) for film in FILMS]
    data = {"list": films[:1] + FILMS[1:] if wrong == "mixed" else films, "one": films[0],
            "array": np.stack([films[0], films[0]], axis=-2)}[form]
    with pytest.raises(DltoolboxError, match="12×15×2") as caught:
        predict(net, data)
    assert caught.value.identifier == "dltoolbox:predict:inputSizeMismatch"
    hint = caught.value.issues[0].hint
    fix = hint[hint.index("X = ") + 4:].rstrip(".")
    resized = eval(fix, {"scipy": scipy, "X": data})
    assert np.shape(predict(net, resized)[0]) == np.shape(predict(net, {
        "list": FILMS, "one": FILMS[0], "array": np.stack([FILMS[0], FILMS[0]], axis=-2)}[form])[0])


def test_threads_and_precision(nets: Any) -> None:
    threads, whole = maxNumCompThreads(), predict(nets["last"], X)
    try:
        for number in (1, 2, 3):
            maxNumCompThreads(number)
            same(predict(nets["last"], [x.astype(np.float64) for x in X]), whole)
    finally:
        maxNumCompThreads(threads)
