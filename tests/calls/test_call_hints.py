"""Whoever does what the message about a call says, gets the call through: its code is run, its names are put in."""

import os
import re

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxError

CODE = re.compile(r"(?:(\w+) = )?\b((?:dltoolbox\.)?[A-Za-z][\w.]*)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")


def variables(folder):
    """What a script has at hand."""
    branched = [dl.imageInputLayer([8, 8, 1], Name="in"), dl.convolution2dLayer(3, 2, Padding="same", Name="conv"),
              dl.additionLayer(3, Name="add"), dl.fullyConnectedLayer(2, Name="fc"), dl.softmaxLayer(Name="sm"),
              dl.classificationLayer(Classes=["a", "b"], Name="out")]
    lgraph = dl.connectLayers(dl.layerGraph(branched), "in", "add/in2")
    net = dl.assembleNetwork([dl.imageInputLayer([8, 8, 1], Mean=0, Name="in"), dl.fullyConnectedLayer(
        2, Weights=np.ones((2, 64)), Bias=[0, 0], Name="fc"), dl.softmaxLayer(Name="sm"), dl.classificationLayer(
        Classes=["a", "b"], Name="out")])
    body = dl.dlnetwork([dl.imageInputLayer([8, 8, 1], Name="in"), dl.convolution2dLayer(3, 2, Name="conv"),
                         dl.reluLayer(Name="relu")])
    info = dl.analyzeNetwork(lgraph, nargout=1)
    layers = [*net.Layers]
    return {**vars(dl), "np": np, "os": os, "folder": str(folder), "layers": layers[:-1], "chain": layers, "lgraph": lgraph,
            "net": net, "body": [dl.convolution2dLayer(3, 2)],
            "dlnet": body, "info": info, "X": np.ones((8, 8, 1, 3)), "layer": dl.imageInputLayer([8, 8, 1], Name="new"),
            "options": dl.trainingOptions("sgdm", Verbose=False)}


# Calls with a mistake. The code in the fix is run; names that it offers are put between « and ».
CALLS = [
    # layers and their options
    "maxPooling2dLayer(2, «Stirde»=2)", "reluLayer(«Nam»='r')", "convolution2dLayer(3, 8, '«Paddng»', 'same')",
    "resize2dLayer()", "inputLayer([28, 28, 1], 'SSCB')", "resnet18()", "resnet18('Weights', 'imagenet')",
    # training options
    "trainingOptions('«sgd»')", "trainingOptions('«lbfgs»')", "trainingOptions('sgdm', «MaxEpoch»=4)",
    "trainingOptions('sgdm', «MiniBatchsze»=4)", "trainingOptions('sgdm', «InitialLearningRate»=4)",
    # graphs
    "connectLayers(lgraph, '«cov»', 'add/in3')", "connectLayers(lgraph, 'conv', 'add/«in5»')",
    "connectLayers(lgraph, 'in', 'conv')", "connectLayers(lgraph, 'in', 'add/in1')", "disconnectLayers(lgraph, 'in', 'fc')",
    "connectLayers(«chain», 'in', 'fc')", "addLayers(«net», reluLayer(Name='r'))", "removeLayers(lgraph, '«softmax»')",
    "removeLayers(lgraph, '«zzz»')", "replaceLayer(lgraph, 'fc', [])", "replaceLayer(lgraph, 'add', reluLayer(Name='r'))",
    "addInputLayer((net := dlnet), layer)", "addInputLayer(dlnet, reluLayer())", "layerGraph([resnet18])",
    "getLayer(lgraph, '«conf»')",
    # networks
    "DAGNetwork((layers := chain))", "SeriesNetwork((layers := chain))", "initialize(«chain»)", "dag2dlnetwork(layers)",
    "summary(layers)",
    "NetworkAnalysis(1, 2, 3, 4, name='', usage='', batch=1)", "dlnetwork(body, [[[3]]])",
    "activations(net, X, «3.5»)", "activations(net, X, '«fcc»')", "info.LayerInfo.«Nam»", "freezeWeights(«net»)",
    "freezeWeights(lgraph, '«convv»')", "setLearnRateFactor(«net», 'fc', 'Weights', 2)",
    "setLearnRateFactor(lgraph, 'fc', '«Weigths»', 2)", "explain(dlnet, Mode='train')",
    # files and the session
    "saveNetwork(net, '«»')", "saveNetwork(net, folder + '/b/a.dlnet')", "saveNetwork(net, 3)",
    "rng(-1)", "rng(0, '«mt»')", "maxNumCompThreads(-1)",
]
ADVISED = [  # a call with a mistake, what the fix says, and what that means here
    ("reluLayer(0.1)", "Call reluLayer(Name=…)", "reluLayer(Name='a')"),
    ("convolution2dLayer(3)", "Call convolution2dLayer(filterSize, numFilters", "convolution2dLayer(3, 8)"),
    ("maxPooling2dLayer()", "Call maxPooling2dLayer(poolSize", "maxPooling2dLayer(2)"),
    ("inputLayer([28, 28, None, 1], 'SSCB')", "Pass its size", "inputLayer([28, 28, 1, None], 'SSCB')"),
    ("classificationLayer(ClassWeights=[1, 2])", "Pass Classes=[…] as well, 2 names",
     "classificationLayer(ClassWeights=[1, 2], Classes=['a', 'b'])"),
    ("classificationLayer(Classes=['a', 'b'], ClassWeights=[1])", "one weight per class",
     "classificationLayer(Classes=['a', 'b'], ClassWeights=[1, 1])"),
    ("imageInputLayer([28, 28, 3], Mean=[1, 2])", "one value per channel (1×1×3)",
     "imageInputLayer([28, 28, 3], Mean=[1, 2, 3])"),
    ("imageInputLayer([28, 28, 3], Mean=[1, 2])", "Pass a scalar", "imageInputLayer([28, 28, 3], Mean=1)"),
    ("resnetLayers([224, 224], 5, StackDepth=[3, 4], NumFilters=[64])", "equal length",
     "resnetLayers([224, 224], 5, StackDepth=[3, 4], NumFilters=[64, 128])"),
    ("unetLayers([30, 32], 2, EncoderDepth=2)", "height 28 or 32", "unetLayers([28, 32], 2, EncoderDepth=2)"),
    ("unetLayers([30, 32], 2, EncoderDepth=2)", "height 28 or 32", "unetLayers([32, 32], 2, EncoderDepth=2)"),
    ("segnetLayers([32, 32], 2, 3, NumOutputChannels=[8, 8])", "3 of them",
     "segnetLayers([32, 32], 2, 3, NumOutputChannels=8)"),
    ("trainingOptions('sgdm', OutputNetwork='best-validation')", "OutputNetwork='last-iteration'",
     "trainingOptions('sgdm', OutputNetwork='last-iteration')"),
    ("trainingOptions('sgdm', OutputNetwork='best-validation')", "Pass ValidationData=(X, Y)",
     "trainingOptions('sgdm', OutputNetwork='best-validation', ValidationData=(X, [1, 2, 3]))"),
    ("trainingOptions('sgdm', 'MaxEpochs')", "MaxEpochs=…", "trainingOptions('sgdm', MaxEpochs=3)"),
    ("trainingOptions('sgdm', Epsilon=1e-8)", "Remove it", "trainingOptions('sgdm')"),
    ("trainingOptions('sgdm', Epsilon=1e-8)", "trainingOptions('rmsprop', Epsilon=…)",
     "trainingOptions('rmsprop', Epsilon=1e-8)"),
    ("connectLayers(lgraph, 'conv', 'add')", "Name one: add/in1, add/in2", "connectLayers(lgraph, 'conv', 'add/in3')"),
    ("connectLayers(lgraph, 'conv/ot', 'add/in3')", "Its outputs are out", "connectLayers(lgraph, 'conv/out', 'add/in3')"),
    ("addLayers(lgraph, reluLayer(Name='conv'))", "or none", "addLayers(lgraph, reluLayer())"),
    ("layerGraph(['relu'])", "only layers, layer factories", "layerGraph([reluLayer])"),
    ("getLayer(layers, 'conv')", "layers[0]", "layers[0]"),
    ("dlnetwork(chain)", "Remove it", "dlnetwork(chain[:-1])"),
    ("resetState(layers)", "Pass a SeriesNetwork", "resetState(net)"),
    ("analyzeNetwork(dlnet, np.ones((9, 9, 1)), nargout=1)", "input layers need none", "analyzeNetwork(dlnet, nargout=1)"),
    ("networkDataLayout([28, 28], 'SSC')", "one label per size", "networkDataLayout([28, 28, 1], 'SSC')"),
    ("freezeWeights(5)", "only layers", "freezeWeights(layers)"),
    ("setLearnRateFactor(lgraph, 'fc')", "(net, layerName, parameterName", "setLearnRateFactor(lgraph, 'fc', 'Weights', 2)"),
    ("explain(5)", "a layer graph or a layer array", "explain(chain)"),
    ("saveNetwork(layers, 'a.dlnet')", "make a dlnetwork", "saveNetwork(dlnet, 'a.dlnet')"),
    ("toPython(net, folder + '/x.m')", "'network.py'", "toPython(net, 'network.py')"),
    ("toMATLAB(net, folder + '/x.py')", "'network.m'", "toMATLAB(net, 'network.m')"),
    ("toMATLAB(net, Parameters=True)", "toMATLAB(net, file, …)", "toMATLAB(net, 'network.m', Parameters=True)"),
    ("resnetLayers([4, 4], 2)", "Pass larger images", "resnetLayers([64, 64], 2, StackDepth=[1, 1], NumFilters=[4, 8])"),
    ("segnetLayers([32, 32], 2, 'vgg16', FilterSize=3)", "pass an encoder depth",
     "segnetLayers([32, 32], 2, 2, FilterSize=3)"),
    ("fullyconnect(np.ones((3, 4)), np.ones((2, 3)), [0, 0], DataFormat='TB')", "Label the features C",
     "fullyconnect(np.ones((3, 4)), np.ones((2, 3)), [0, 0], DataFormat='CB')"),
    ("fullyconnect(np.ones((3, 4)), np.ones((2, 5)), [0, 0], DataFormat='CB')", "K×3",
     "fullyconnect(np.ones((3, 4)), np.ones((2, 3)), [0, 0], DataFormat='CB')"),
    ("fullyconnect(np.ones((3, 4)), np.ones((2, 3)), [0] * 3, DataFormat='CB')", "one element per output",
     "fullyconnect(np.ones((3, 4)), np.ones((2, 3)), [0] * 2, DataFormat='CB')"),
    ("softmax(np.ones((3, 4)), DataFormat='SB')", "Label one dimension C", "softmax(np.ones((3, 4)), DataFormat='CB')"),
    ("softmax(np.ones((3, 4)), DataFormat='C')", "one label per dimension", "softmax(np.ones((3, 4)), DataFormat='CB')"),
    ("maxpool(X, 2, DataFormat='UUCB')", "Label them S", "maxpool(X, 2, DataFormat='SSCB')"),
    ("maxpool(X, 'global', DataFormat='SSCB', Padding=1)", "Leave Padding out", "maxpool(X, 'global', DataFormat='SSCB')"),
    ("maxpool(X, 2, DataFormat='SSCB', PoolFormat='S')", "Repeat S", "maxpool(X, 2, DataFormat='SSCB', PoolFormat='SS')"),
    ("maxpool(X, 2, DataFormat='SSCB', PoolFormat='SS', nargout=3)", "Leave PoolFormat out",
     "maxpool(X, 2, DataFormat='SSCB', nargout=3)"),
    ("maxPooling2dLayer(2, PoolSize=3)", "Leave one of them out", "maxPooling2dLayer(2)"),
    ("groupLayers(dlnet, ['in', 'conv'])", "Leave input layers out", "groupLayers(dlnet, ['conv', 'relu'])"),
    ("removeLayers(lgraph, 5)", "Pass its name", "removeLayers(lgraph, 'fc')"),
    ("dlnetwork(body, np.array(['x']))", "networkDataLayout([28, 28, 1], 'SSC')",
     "dlnetwork(body, networkDataLayout([28, 28, 1], 'SSC'))"),
    ("assembleNetwork([layers[0], fullyConnectedLayer(2), regressionLayer])", "Weights=… of size 2×64",
     "assembleNetwork([layers[0], fullyConnectedLayer(2, Weights=np.ones((2, 64)), Bias=[0, 0]), regressionLayer])"),
    ("assembleNetwork([*chain[:3], classificationLayer])", "Pass Classes=[…]",
     "assembleNetwork([*chain[:3], classificationLayer(Classes=['a', 'b'])])"),
    ("explain([reluLayer])", "addInputLayer or addLayers", "explain([imageInputLayer([8, 8, 1]), reluLayer])"),
    ("classify(net, X, nargout=3)", "2 outputs", "classify(net, X, nargout=2)"),
]


@pytest.mark.parametrize(("call", "said", "done"), ADVISED, ids=[f"{n} {row[0]}" for n, row in enumerate(ADVISED)])
def test_advice(call, said, done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = variables(tmp_path)
    with pytest.raises(DltoolboxError) as caught:
        eval(call, space)
    assert said in caught.value.issues[0].hint
    eval(done, space)


@pytest.mark.parametrize("call", CALLS)
def test_calls(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = variables(tmp_path)
    state, threads = dl.rng(), dl.maxNumCompThreads()
    try:
        text = call
        for _ in range(4):
            try:
                eval(plain(text), space)
                return
            except DltoolboxError as error:
                hint = error.issues[0].hint
            text, done = follow(text, hint, space)
            if done:
                return
        pytest.fail(f"{text}: still {hint!r}")
    finally:
        dl.rng(state)
        dl.maxNumCompThreads(threads)


def plain(text):
    return text.replace("«", "").replace("»", "")


def follow(text, hint, space):
    """The call as the hint wants it, or that nothing is left to do, as its code was run."""
    codes = [found for found in CODE.finditer(hint) if "…" not in found[0] and found[2].split(".")[0] in space]
    for found in codes:
        if found[1]:
            exec(found[0], space)
        else:
            eval(found[0], space)
    if codes:
        made = [found[1] for found in codes if found[1]]
        return re.sub("«.*?»", made[0], text) if made else text, not made or hint.startswith("Call ")
    offered = re.findall(r"'(.+?)'", hint) or re.findall(r"are (?:[\w/]+, )*([\w/]+)\.", hint)
    if "«" not in text or not offered:
        pytest.fail(f"{text}: nothing to do in {hint!r}")
    return re.sub("«.*?»", offered[0], text), False
