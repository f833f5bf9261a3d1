"""One output that is unpacked as if it were several is an error before anything is computed, and nothing else is. A changed
copy that is thrown away gets a warning.
"""

import inspect
import textwrap
import warnings
from functools import partial

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.statements.results import unpacked_into
from dltoolbox.methods import EDITING
from tests.calls.examples import EXAMPLES, classifier, images

FUNCTIONS = [name for name in dl.__all__ if inspect.isfunction(getattr(dl, name)) and name in EXAMPLES and (
    name == "poolingToStridedConvolution" or
    getattr(inspect.signature(getattr(dl, name)).parameters.get("nargout"), "default", None) == 1)]
NET, X = classifier(), images(2)


SCOPE = {"dl": dl, "np": np, "net": NET, "X": X, "partial": partial, "classify": dl.classify,
         "trainNetwork": dl.trainNetwork, "digitTrain4DArrayData": dl.digitTrain4DArrayData}
PLACES = ["{}", "def run():\n{}\nrun()", "class Run:\n{}", "def run():\n{}\n    yield\nlist(run())"]


def run(code, places=PLACES, **names):
    for place in places:
        script = place.format(textwrap.indent(code, "    " if place != "{}" else ""))
        exec(compile(script, "<script>", "exec"), SCOPE | names)


def refused(code, **names):
    for place in PLACES:
        with pytest.raises(dl.DltoolboxError) as caught:
            run(code, [place], **names)
        assert caught.value.identifier.endswith(":nargoutNeeded")
    return caught.value.issues[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_with_several_outputs_asks_for_nargout(name, capsys):
    call = EXAMPLES[name]()
    options = {option: value for option, value in call.options.items() if option != "nargout"}
    issue = refused("first, second = f(*args, **options)", f=call.function, args=call.args, options=options)
    assert f"{name}(…, nargout=2)" in issue.hint
    assert capsys.readouterr().out == ""  # nothing has begun


@pytest.mark.parametrize("code", [
    "YPred, scores = classify(net, X)", "[YPred, scores] = dl.classify(net, X)", "YPred, *rest = classify(net, X)",
    "YPred, scores = classify(net, X, MiniBatchSize=3)", "YPred, scores = classify(net, X if True else 3)",
    "YPred, scores = classify(\n    net,\n    np.stack([x for x in X]),\n)", "f = classify\nYPred, scores = f(net, X)",
    "X4, Y = digitTrain4DArrayData()", "other, info = trainNetwork(X, ['a', 'b'], net.Layers, dl.trainingOptions('sgdm'))",
    "YPred, scores, more = classify(net, X)"])
def test_it_is_seen_however_it_is_written(code):
    refused(code)


@pytest.mark.parametrize("code", [
    "a, b = list(classify(net, X))", "a, b = map(partial(classify, net), [X, X])",
    "a, b = list(map(partial(classify, net), [X, X]))", "a, b = [classify(net, x) for x in (X, X)]",
    "a, b = sorted([X, X], key=lambda x: len(classify(net, x)))", "a, b = classify(net, X), 3",
    "def mine(net, X):\n    return dl.classify(net, X), 1\na, b = mine(net, X)",
    "def wrapped(f):\n    return lambda *args: f(*args)\na, b = wrapped(classify)(net, X)",
    "for a, b in zip(classify(net, X), X): pass", "a, b = classify(net, X, nargout=2)", "a, b = dl.predict(net, X)",
    "a = b = classify(net, X)", "(a,) = classify(net, X),", "a, b = np.array(classify(net, X))",
    "a, b = (classify(net, X) + '') if False else (1, 2)"])
def test_other_statements_are_not_meant(code):
    run(code)


def test_what_the_hint_says_works():
    hint = refused("YPred, scores = classify(net, X)").hint
    assert hint == ("Ask for 2 outputs with nargout=2: … = classify(…, nargout=2). To unpack the first output itself, write "
                    "a, b = list(classify(…)).")
    run("YPred, scores = classify(net, X, nargout=2)\nassert scores.shape == (2, 2)")
    run("a, b = list(classify(net, X))\nassert str(a) == 'a'")
    assert "list(" not in refused("other, info = trainNetwork(X, ['a', 'b'], net.Layers, dl.trainingOptions('sgdm'))").hint


def test_without_frames_nothing_is_refused():
    scope = {"unpacked_into": unpacked_into, "__name__": "dltoolbox.nowhere"}
    assert eval("unpacked_into('f')", scope) == 0


EDITORS = sorted({name for names in EDITING.values() for name in names.split()} - {"resetState"})


@pytest.mark.parametrize("name", EDITORS)
def test_a_copy_that_is_thrown_away_gets_a_warning(name):
    call = EXAMPLES[name]()
    scope = {"args": call.args, "options": call.options, name: call.function}
    for code in (f"{name}(*args, **options)", f"for _ in 'a': {name}(*args, **options)"):
        with pytest.warns(dl.DltoolboxWarning, match=f"= {name}\\(") as caught:
            exec(code, scope)
        assert "lostResult" in str(caught[0].message)


@pytest.mark.parametrize("code", ["x = {}", "[{}]", "print({}) if False else {}", "(lambda: {})()",
                                  "list(map(lambda _: {}, 'a'))", "def f():\n    return {}\nf()", "assert {}"])
def test_a_copy_that_somebody_takes_gets_none(code):
    scope = {"addLayers": dl.addLayers, "layer": dl.reluLayer(), "lgraph": dl.layerGraph([dl.featureInputLayer(3)])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code.replace("else {}", "else 1").replace("{}", "addLayers(lgraph, layer)"), scope)
