"""Nothing is accepted without effect: what is changed in a copy that nobody keeps is refused; what somebody keeps, changes.

Every statement is tried where scripts have it: at the top of a module, in a function, a generator and a class, and while
coverage watches.
"""

import sys
import textwrap
import warnings

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.statements import lost

LAYERS = [dl.imageInputLayer([6, 6, 1], Normalization="zerocenter", Mean=0, Name="in"),
          dl.convolution2dLayer(3, 2, Name="conv_1"), dl.reluLayer(Name="relu"), dl.fullyConnectedLayer(2, Name="fc")]
DLNET = dl.dlnetwork(LAYERS)
NET = dl.assembleNetwork([*DLNET.Layers, dl.softmaxLayer(Name="sm"), dl.classificationLayer(Classes=["a", "b"], Name="out")])

pytestmark = pytest.mark.skipif(not lost.ALONE, reason="references tell nothing in this Python")


def names():
    """What the statements see."""
    scope = {name: getattr(dl, name) for name in dl.__all__}
    return scope | {"np": np, "net": NET, "dlnet": DLNET, "lgraph": dl.layerGraph(LAYERS), "W": np.ones((3, 3, 1, 2)),
                    "layer": dl.reluLayer(Name="new"), "conv": lambda layer: layer.Name == "conv_1"}


def at_the_top(code):
    return code


def in_a_function(code):
    return f"def run():\n{textwrap.indent(code, '    ')}\nrun()"


def in_a_generator(code):
    return f"def run():\n{textwrap.indent(code, '    ')}\n    yield\nlist(run())"


def in_a_class(code):
    return f"class Run:\n{textwrap.indent(code, '    ')}"


def in_a_method(code):
    return f"class Run:\n    def run(self):\n{textwrap.indent(code, ' ' * 8)}\nRun().run()"


PLACES = [at_the_top, in_a_function, in_a_generator, in_a_class, in_a_method]


def run(code, place):
    scope = names()
    exec(compile(place(code), "<script>", "exec"), scope)
    return scope


LOST = """
net.Layers[1].Weights = W
net.Layers[1].WeightLearnRateFactor *= 2
lgraph.Layers[1].WeightLearnRateFactor = 0
dlnet.Layers[1].Name = 'other'
setattr(net.Layers[1], 'Bias', None)
getLayer(lgraph, 'conv_1').Weights = W
list(net.Layers)[1].Weights = W
dict(zip('abcd', net.Layers))['b'].Weights = W
next(filter(conv, net.Layers)).Weights = W
next(one for one in net.Layers if conv(one)).Weights = W
net.Layers[1:][0].Weights = W
(net.Layers + [layer])[1].Weights = W
for i in range(2): net.Layers[i].Name = f'my_{i}'
net.Layers[1] = layer
net.Layers[1:2] = []
del net.Layers[-1]
del net.Layers[1:]
net.Layers += [layer]
net.Layers[:2] += [layer]
net.Layers.append(layer)
net.Layers.extend([layer])
net.Layers.insert(0, layer)
net.Layers.pop()
net.Layers.remove(layer)
net.Layers.clear()
net.Layers.reverse()
net.Layers.sort(key=str)
dlnet.Learnables.Value[0] = W
dlnet.Learnables['Value'][0] = W
dlnet.Learnables.Value.append(W)
dlnet.Learnables.Value = [W]
dlnet.State.Value = []
dlnet.OutputNames[0] = 'relu'
dlnet.OutputNames.append('relu')
net.InputNames[0] = 'x'
net.OutputNames += ['x']
net.Layers[0].OutputNames[0] = 'x'
reluLayer(Name='a').Name = 'b'
dlnetwork().OutputNames = []
""".strip().splitlines()

LOOPS = [line.replace("|", "\n    ") for line in """
for one in net.Layers:|one.Name = 'x'
for one in net.Layers:|if conv(one):|    one.WeightLearnRateFactor = 0
for one in lgraph.Layers[1:]:|one.Name += '_'
for one in reversed(net.Layers):|one.Name = 'x'
for i, one in enumerate(net.Layers):|one.Name = f'layer_{i}'
for one, name in zip(net.Layers, 'abc'):|one.Name = name
for one in filter(conv, net.Layers):|one.WeightLearnRateFactor = 0
for one in (any for any in net.Layers if conv(any)):|one.WeightLearnRateFactor = 0
for one in net.Layers + [layer]:|one.Name = 'x'
[setattr(one, 'Name', 'x') for one in net.Layers]
""".strip().splitlines()]

KEPT = [line.replace("|", "\n") for line in """
layers = net.Layers|layers[1].Weights = W
layers = net.Layers|layers[1] = layer
layers = net.Layers|layers[-1:] = []|layers.append(layer)|layers += [layer]|layers.pop()|layers.insert(0, layer)
layers = net.Layers|layers.sort(key=str)|layers.reverse()|layers.extend([layer])|layers.remove(layer)|del layers[0]
layers = net.Layers|layers.clear()|layers.append(layer)
layers = net.Layers|for one in layers: one.Name = 'x'
layers = net.Layers|for i, one in enumerate(layers): one.Name = 'x'
layers = net.Layers|for one in reversed(layers): one.Name = 'x'
layers = net.Layers|for one in layers[1:]: one.Name = 'x'
layers = net.Layers|for i in range(len(layers)): layers[i].Name = 'x'
layers = net.Layers|[setattr(one, 'Name', 'x') for one in layers]
one = net.Layers[1]|one.Weights = W|one.BiasLearnRateFactor *= 2
one = net.Layers[1]|one.Weights = W
changed = getLayer(lgraph, 'conv_1')|changed.Name = 'x'
layers = list(net.Layers)|layers[1].Weights = W
layers = [*net.Layers]|layers[1].Weights = W
layers = [one for one in net.Layers if conv(one)]|layers[0].Weights = W
layers = net.Layers[:-3] + [fullyConnectedLayer(5), softmaxLayer]|layers[1].Weights = W
layers = net.Layers[:-3]|layers[1].Name = 'x'
first, *rest = net.Layers|rest[0].Weights = W|first.Name = 'x'
layers = {one.Name: one for one in net.Layers}|layers['conv_1'].Weights = W
class Holder: pass|it = Holder()|it.layers = net.Layers|it.layers[1].Weights = W|it.layers.append(layer)
class Holder: pass|it = Holder()|it.one = net.Layers[1]|it.one.Weights = W
kept = {'layers': net.Layers}|kept['layers'][1].Weights = W|kept['layers'].append(layer)
kept = []|for one in net.Layers:|    one.Name = 'x'|    kept.append(one)
kept = []|for i, one in enumerate(net.Layers):|    one.Name = 'x'|    kept.append((i, one))
kept = {}|for one, i in zip(net.Layers, 'abcdef'):|    one.Name = i|    kept[i] = one
last = None|for one in net.Layers:|    one.Name = 'x'|    last = one
for one in net.Layers:|    if conv(one):|        one.WeightL2Factor = 0|        g = replaceLayer(lgraph, 'conv_1', one)
def named(one):|    one.Name = 'x'|    return one|kept = [named(one) for one in net.Layers]
def named(one):|    one.Name = 'x'|    return one|kept = list(map(named, net.Layers))
def named(layers):|    for one in layers: one.Name = 'x'|    return layers
def every(layers):|    for one in layers: yield one|for one in every(net.Layers): one.describe()
change = lambda one: setattr(one, 'Name', 'x') or one
table = dlnet.Learnables|table.Value[0] = W|table['Value'][0] = W|table.Value = list(table.Value)|dlnet.Learnables = table
values = dlnet.Learnables.Value|values[0] = W
outputs = dlnet.OutputNames|outputs.append('relu')|other = dlnetwork(dlnet)|other.OutputNames = outputs
""".strip().splitlines()]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", LOST)
def test_what_is_lost_is_refused(code, place):
    with pytest.raises(dl.DltoolboxError) as caught:
        run(code, place)
    assert caught.value.identifier.endswith(":lostAssignment")
    assert " = " in caught.value.issues[0].hint


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", LOOPS)
def test_what_a_loop_changes_in_vain_is_refused(code, place):
    with pytest.raises(dl.DltoolboxError) as caught:
        run(code, place)
    assert caught.value.identifier.endswith(":lostAssignment")
    assert "layers = net.Layers" in caught.value.issues[0].hint


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", KEPT)
def test_what_somebody_keeps_is_changed(code, place):
    if place is not in_a_class or "def " not in code:  # functions do not see the names of their class
        run(code, place)


def test_coverage_changes_nothing():
    def trace(frame, event, arg):
        return trace
    before = sys.gettrace()
    try:
        for code in (*KEPT, *LOST[:5], *LOOPS[:3]):
            sys.settrace(trace)
            try:
                run(code, in_a_function)
                assert code in KEPT
            except dl.DltoolboxError:
                assert code not in KEPT
            finally:
                sys.settrace(before)
    finally:
        sys.settrace(before)


def test_a_loop_that_is_left_in_between_gets_a_warning():
    code = "for one in net.Layers:\n    if conv(one):\n        one.WeightLearnRateFactor = 0\n        break"
    with pytest.warns(dl.DltoolboxWarning, match="layers = net.Layers"):
        run(code, in_a_function)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for keep in ("kept = [one]", "kept = one", "other = lambda: one; kept = {1: one}"):
            run(code.replace("break", f"{keep}; break"), in_a_function)
        run(code.replace("break", "other = replaceLayer(lgraph, 'conv_1', one); break"), in_a_function)
        run(code.replace("net.Layers:", "layers:").replace("for", "layers = net.Layers\nfor", 1), in_a_function)


# What the messages say, done literally --------------------------------------------------------------------------------
WAYS = [
    ("net.Layers[1].Weights = W", ["layers = net.Layers", "layers[1].Weights = W", "net = assembleNetwork(layers)"],
     "net.Layers[1].Weights[0, 0, 0, 0] == 1"),
    ("lgraph.Layers[1].Weights = W", ["layer = getLayer(lgraph, 'conv_1')", "layer.Weights = W",
                                      "lgraph = replaceLayer(lgraph, 'conv_1', layer)"],
     "lgraph.Layers[1].Weights[0, 0, 0, 0] == 1"),
    ("lgraph.Layers[1].WeightLearnRateFactor = 0", ["lgraph = setLearnRateFactor(lgraph, 'conv_1', 'Weights', 0)"],
     "lgraph.Layers[1].WeightLearnRateFactor == 0"),
    ("lgraph.Layers[1].WeightLearnRateFactor = 0", ["lgraph = freezeWeights(lgraph, 'conv_1')"],
     "lgraph.Layers[1].WeightLearnRateFactor == 0"),
    ("for one in lgraph.Layers: one.Name += '_'", ["layer = getLayer(lgraph, 'in')", "layer.Name = 'in_'",
                                                   "lgraph = replaceLayer(lgraph, 'in', layer)"],
     "lgraph.Layers[0].Name == 'in_'"),
    ("for one in net.Layers: one.Name += '_'", ["layers = net.Layers", "for one in layers: one.Name += '_'",
                                                "net = assembleNetwork(layers)"], "net.Layers[0].Name == 'in_'"),
    ("net.Layers[2] = layer", ["layers = net.Layers", "layers[2] = layer", "net = assembleNetwork(layers)"],
     "net.Layers[2].Name == 'new'"),
    ("dlnet.Learnables.Value[0] = W", ["net = dlnet", "table = net.Learnables; table.Value[0] = W; net.Learnables = table"],
     "net.Layers[1].Weights[0, 0, 0, 0] == 1"),
    ("dlnet.OutputNames.append('relu')",
     ["net = dlnet", "names = net.OutputNames; names.append('relu'); net.OutputNames = names"],
     "net.OutputNames == ['fc', 'relu']"),
    ("net.InputNames.append('x')", ["names = net.InputNames", "names.append('x')"], "names == ['in', 'x']"),
    ("lgraph.Connections.Source[0] = 'x'", ["table = lgraph.Connections", "values = list(table.Source)", "values[0] = 'x'"],
     "values[0] == 'x'"),
    ("categorical(['b', 'a']).categories[0] = 'x'",
     ["Y = categorical(['b', 'a'])", "Y = renamecats(Y, ['x', 'b'])"], "str(Y[1]) == 'x'"),
    ("categorical(['a', 'b', 'a', 'b'])[2:][1] = 'cat'", ["Y = categorical(['a', 'b', 'a', 'b'])", "Y[3] = 'cat'"],
     "str(Y[3]) == 'cat'"),
    ("reluLayer().Name = 'b'", ["layer = reluLayer(Name='b')"], "layer.Name == 'b'"),
    ("net.Layers = []", ["lgraph = layerGraph(net)", "lgraph = addLayers(lgraph, layer)"], "len(lgraph.Layers) == 7"),
]
SHORTENED = {"W;": "…;", "'relu'": "'…'", "addLayers(lgraph, layer)": "addLayers(lgraph, …)",
             "renamecats(Y, ['x', 'b'])": "renamecats(Y, …)", "(Name='b')": "(…, Name=…)"}
SAID = ("layers = net.Layers", "net = ass", "layer = getLayer", "lgraph = ", "table = net", "names = net", "values = list",
        "Y = renamecats", "Y[3]")


@pytest.mark.parametrize(("code", "way", "reached"), WAYS)
def test_what_the_message_says_works(code, way, reached):
    scope = names() | {"dlnet": dl.dlnetwork(LAYERS)}
    with pytest.raises(dl.DltoolboxError) as caught:
        exec(code, scope)
    for line in way:
        exec(line, scope)
        said = line
        for long, short in SHORTENED.items():
            said = said.replace(long, short)
        if line.startswith(SAID) and "layerGraph" not in line:
            assert said in caught.value.issues[0].hint
    assert eval(reached, scope)
