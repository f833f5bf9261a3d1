"""A valid call of everything public: what `dltoolbox.__all__` names, the methods of its objects, their properties.

Each entry makes its call afresh: the function, its arguments, and its options with values that they accept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

import numpy as np

import dltoolbox as dl
from dltoolbox.layers.base import LAYERS
from dltoolbox.network.graph.layer_graph import Connection, Port

FOLDER = Path(gettempdir()) / "dltoolbox-calls"


class Call(NamedTuple):
    """A function with arguments."""

    function: Callable[..., Any]
    args: list[Any]
    options: dict[str, Any]


Make = Callable[[], Call]
EXAMPLES: dict[str, Make] = {}
PYTHONS = {"LayerArray", "DltoolboxWarning",  # a list and a warning: Python makes them, of anything that it makes others of
           "Formattable", "Acceleratable"}  # of which classes are made, no objects
SLOW: set[str] = set()  # those of which one call takes long are drawn more rarely


def example(name: str, make: Callable[[], list[Any]], /, *, slow: bool = False, **options: Any) -> None:
    """Enter one: ``make`` gives the arguments; what follows the function's name in ``name`` tells it from others."""
    EXAMPLES[name] = lambda: Call(getattr(dl, name.split(" ")[0]), make(), {**options})
    if slow:
        SLOW.add(name)


def differentiated(x: Any, *arguments: Any, **options: Any) -> Any:
    """dlgradient where it can be called."""
    return dl.dlfeval(lambda x: dl.dlgradient(np.sum(x), x, *arguments, **options), x)


def derived(name: str, x: Any, dim: Any, *arguments: Any, **options: Any) -> Any:
    """dljacobian, dldivergence or dllaplacian where it can be called."""
    def function(x: Any) -> Any:
        x = x if isinstance(x, dl.dlarray) else dl.dlarray(x)
        return getattr(dl, name)(np.sum(x ** 2, 0) if name == "dllaplacian" else x ** 2, x, dim, *arguments, **options)
    return dl.dlfeval(function, x)


# Networks to call with ------------------------------------------------------------------------------------------------
def layers() -> list[Any]:
    return [dl.imageInputLayer([4, 4, 1], Name="in", Normalization="none"), dl.convolution2dLayer(3, 2, Name="conv"),
            dl.reluLayer(Name="act")]


def graph() -> Any:
    return dl.layerGraph([*layers(), dl.fullyConnectedLayer(2, Name="fc"), dl.softmaxLayer(Name="sm"),
                          dl.classificationLayer(Name="end")])


def net() -> Any:
    """An initialised dlnetwork with a network layer."""
    inner = dl.networkLayer([dl.fullyConnectedLayer(2, Name="fc"), dl.reluLayer(Name="act")], Name="block")
    return dl.dlnetwork([*layers(), inner])


def open_net() -> Any:
    return dl.dlnetwork([dl.convolution2dLayer(1, 2, Name="conv"), dl.reluLayer(Name="act")], Initialize=False)


def classifier(kind: Any = dl.classificationLayer) -> Any:
    return dl.assembleNetwork([
        dl.imageInputLayer([4, 4, 1], Normalization="none", Name="in"), dl.convolution2dLayer(
            1, 2, Weights=np.ones((1, 1, 1, 2)), Bias=np.zeros((1, 1, 2)), Name="conv"),
        *([] if kind is dl.pixelClassificationLayer else [
            dl.fullyConnectedLayer(2, Weights=np.ones((2, 32)), Bias=[0, 0], Name="fc")]),
        dl.softmaxLayer(Name="sm"), kind(Classes=["a", "b"], Name="end")])


def recurrent() -> Any:
    ones = np.ones((8, 2))
    lstm = dl.lstmLayer(2, InputWeights=ones, RecurrentWeights=ones, Bias=ones[:, :1], Name="lstm",
                        HiddenState=[0, 0], CellState=[0, 0])
    return dl.assembleNetwork([dl.sequenceInputLayer(2, Name="in"), lstm, dl.softmaxLayer(Name="sm"),
                               dl.classificationLayer(Classes=["a", "b"], Name="end")])


def images(count: int = 2) -> np.ndarray:
    return np.linspace(0, 1, 16 * count).reshape(4, 4, 1, count)


def labels() -> Any:
    return dl.categorical(["cat", "dog", "cat", None], ["cat", "dog", "cow"], Ordinal=True)


def pixels() -> Any:
    return dl.categorical([["a", "b"], ["b", "a"]])


# Layers ---------------------------------------------------------------------------------------------------------------
NEEDED: dict[str, dict[str, Any]] = {
    "inputLayer": {"inputSize": [8, 8, 1, None], "inputFormat": "SSCB"}, "imageInputLayer": {"inputSize": [8, 8, 1]},
    "image3dInputLayer": {"inputSize": [8, 8, 8, 1]}, "crop2dLayer": {"location": "centercrop"},
    "permuteLayer": {"dimorder": [2, 1]}, "reshapeLayer": {"sz": [2, 3]},
    "crop3dLayer": {"location": "centercrop"}, "concatenationLayer": {"dim": 1, "numInputs": 2},
    "resize2dLayer": {"Scale": 2}, "resize3dLayer": {"Scale": 2}}


def values_of(factory: str) -> tuple[list[Any], dict[str, Any]]:
    """A valid value of every argument and option of a layer."""
    from dltoolbox.core.properties import REQUIRED
    given, needed = {}, NEEDED.get(factory, {})
    for prop in LAYERS[factory].properties.values():
        given[prop.argument] = (needed.get(prop.argument, 2 if prop.default is REQUIRED else prop.default), prop.positional)
    return ([value for value, positional in given.values() if positional],
            {name: value for name, (value, positional) in given.items() if not positional})


def enter_layers() -> None:
    for factory in LAYERS:
        def make(factory: str = factory) -> Call:
            return Call(getattr(dl, factory), *values_of(factory))
        EXAMPLES[factory] = make
        for name in LAYERS[factory].properties:
            def assignment(factory: str = factory, name: str = name) -> Call:
                args, options = values_of(factory)
                one = getattr(dl, factory)(*args, **options)
                return Call(partial(setattr, one, name), [one.__dict__[name]], {})
            EXAMPLES[f"{factory}.{name} ="] = assignment


enter_layers()
example("Layer", list, Name="x")
example("neuralODELayer", lambda: [[dl.fullyConnectedLayer(2, Name="fc"), dl.tanhLayer(Name="act")], [0, 1]], Solver="ode1",
        StepSize=0.5, Name="ode")
example("networkLayer", lambda: [[dl.convolution2dLayer(3, 8, Name="conv"), dl.reluLayer(Name="act")]], Name="block")
example("placeholderLayer", list, Name="gap", NumInputs=2, InputNames=["a", "b"], NumOutputs=1, OutputNames=["out"],
        OutputSize=[4, 4, 2], OutputFormat="SSCB", StandsFor="ScalingFactorLayer")
example("findPlaceholderLayers", lambda: [dl.layerGraph([*layers(), dl.placeholderLayer(Name="gap")])], nargout=2)
example("checkLayer", lambda: [dl.reluLayer(), [4, 4, 1]], ObservationDimension=4, CheckCodegenCompatibility=False,
        nargout=1)
example("registerLayer", lambda: ["calls.Own", type("Own", (dl.Layer,), {"__module__": "calls"})])
example("registerFunction", lambda: ["calls.own", abs])
example("functionLayer", lambda: [np.tanh], NumInputs=1, InputNames=["in"], NumOutputs=1, OutputNames=["out"],
        Formattable=False, Acceleratable=False, Description="tanh", Name="act",
        GradientFcn=lambda X, Z, dLdZ: dLdZ * (1 - Z * Z))
example("ClassificationLayer", list, Classes=["a", "b"], Name="loss")
example("RegressionLayer", list, ResponseNames=["price"], Name="loss")
example("learnableParameter", lambda: [[1.0, 2.0]], LearnRateFactor=2, L2Factor=0)
example("stateParameter", lambda: [[1.0, 2.0]])
example("dlarray", lambda: [np.ones((2, 3)), "CB"])
for name in ("dims", "stripdims", "extractdata", "isdlarray"):
    example(name, lambda: [dl.dlarray(np.ones((2, 3)), "CB")])
example("finddim", lambda: [dl.dlarray(np.ones((2, 3)), "CB"), "C"])
example("dlaccelerate", lambda: [np.tanh], CheckMode="none", CheckTolerance=1e-3, CacheSize=2, Enabled=True)
example("clearCache", lambda: [dl.dlaccelerate(np.tanh)])
example("forward", lambda: [net(), np.ones((4, 4, 1, 2))], nargout=2, Outputs=["act"],
        Acceleration="auto")
example("dlfeval", lambda: [lambda *x: x, dl.dlarray([1.0, 2.0])])
EXAMPLES["dlgradient"] = lambda: Call(differentiated, [dl.dlarray([1.0, 2.0])], {
    "RetainData": True, "EnableHigherDerivatives": True, "AllowComplex": True})
example("dlupdate", lambda: [lambda w, g: w - g, net(), net().Learnables])
example("adamupdate", lambda: [net(), net().Learnables, None, None, 1, 0.001, 0.9, 0.999, 1e-8])
example("rmspropupdate", lambda: [net(), net().Learnables, None, 0.001, 0.9, 1e-8])
example("sgdmupdate", lambda: [net(), net().Learnables, [], 0.01, 0.9])
example("lbfgsState", list, HistorySize=5, InitialInverseHessianFactor=2)
example("lbfgsupdate", lambda: [net(), lambda net: (np.sum(np.square(net.Learnables.Value[0])), dl.dlupdate(
    lambda w: 2 * w, net.Learnables)), dl.lbfgsState()], LineSearchMethod="backtracking", MaxNumLineSearchIterations=5,
    NumLossFunctionOutputs=2)
example("minibatchqueue", lambda: [(np.ones((4, 4, 1, 5)), dl.categorical([*"ababa"]))], MiniBatchSize=2,
        PartialMiniBatch="discard", MiniBatchFcn="collate", MiniBatchFormat=["SSCB", "BC"], OutputCast="double",
        OutputAsDlarray=[True, False], OutputEnvironment="cpu", IterationDimension=[4, 1], PreprocessingEnvironment="serial")
for name in ("hasdata", "reset"):
    example(name, lambda: [dl.minibatchqueue(np.ones((4, 2)))])
for name in ("dljacobian", "dldivergence", "dllaplacian"):
    EXAMPLES[name] = lambda name=name: Call(partial(derived, name), [dl.dlarray(np.ones((3, 2))), 0], {
        "EnableHigherDerivatives": True})
example("dlode45", lambda: [lambda t, y, theta: theta * y, [0, 1, 2], dl.dlarray(np.ones((2, 3))), dl.dlarray(-1.0)],
        DataFormat="CB", RelativeTolerance=1e-4, AbsoluteTolerance=1e-5, InitialStepSize=0.1, MaxStepSize=0.5,
        GradientMode="adjoint")
example("networkDataLayout", lambda: [[4, 4, 1, float("nan")], "SSCB"])

# Errors ---------------------------------------------------------------------------------------------------------------
example("Issue", lambda: ["dltoolbox:x:y", "Message.", "Cure.", "layer", 1, "error"])
example("DltoolboxError", lambda: [dl.Issue("dltoolbox:x:y", "Message.")])
example("MissingExtraError", lambda: [[dl.Issue("dltoolbox:x:y", "Message.")]])

# Labels ---------------------------------------------------------------------------------------------------------------
example("categorical", lambda: [[0, 2, 1], [0, 1, 2], ["a", "b", "c"]], Ordinal=False)
for name in ("iscategorical", "isordinal", "isundefined", "categories"):
    example(name, lambda: [labels()])
example("iscategory", lambda: [labels(), ["cat", "cow"]])
example("countcats", lambda: [labels(), 1])
example("addcats", lambda: [labels(), ["cub"]], Before="dog")
example("addcats After", lambda: [labels(), ["cub"]], After="dog")
example("removecats", lambda: [labels(), ["dog"]])
example("renamecats", lambda: [labels(), ["cat"], ["cub"]])
example("reordercats", lambda: [labels(), ["cow", "cat", "dog"]])
example("mergecats", lambda: [labels(), ["cat", "dog"], "pet"])
example("setcats", lambda: [labels(), ["cat", "cub"]])
example("onehotencode", lambda: [labels(), 2, "double"], ClassNames=["cat", "dog", "cow"])
example("onehotdecode", lambda: [[[0.1, 0.9], [0.8, 0.2]], ["cat", "dog"], 2])
example("scores2label", lambda: [[[0.1, 0.9], [0.8, 0.2]], ["cat", "dog"], 2], nargout=2)
example("confusionmat", lambda: [["a", "b"], ["a", "a"]], Order=["b", "a"], nargout=2)
example("evaluateSemanticSegmentation", lambda: [pixels(), pixels()], Verbose=False)
example("SemanticSegmentationMetrics", lambda: [["a", "b"], np.array([[[2, 1], [0, 3]]])])

METHODS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "reshape": (lambda Y: Y.reshape, [2, 2]), "transpose": (lambda Y: Y.transpose, [0]), "ravel": (lambda Y: Y.ravel, []),
    "copy": (lambda Y: Y.copy, []), "tolist": (lambda Y: Y.tolist, []), "to_numpy": (lambda Y: Y.to_numpy, []),
    "astype": (lambda Y: Y.astype, [str]), "from_codes": (lambda Y: type(Y).from_codes, [[0, 1, -1], ["a", "b"], True]),
    "__getitem__": (lambda Y: partial(operator.getitem, Y), [0]),
    "__setitem__": (lambda Y: partial(operator.setitem, Y, 0), ["dog"]),
    "__contains__": (lambda Y: partial(operator.contains, Y), ["dog"]), "__len__": (lambda Y: Y.__len__, []),
    "__iter__": (lambda Y: Y.__iter__, []), "__format__": (lambda Y: Y.__format__, [""]),
    **{f"__{name}__": (lambda Y, name=name: partial(getattr(operator, name), Y), ["dog"])
       for name in ("eq", "ne", "lt", "le", "gt", "ge")}}
for name, (bound, arguments) in METHODS.items():
    EXAMPLES[f"categorical.{name}"] = lambda bound=bound, arguments=arguments: Call(bound(labels()), [*arguments], {})

# Sample data ----------------------------------------------------------------------------------------------------------
example("digitTrain4DArrayData", list, slow=True, nargout=2)
example("digitTest4DArrayData", list, slow=True, nargout=2)
example("triangleImages", lambda: [4, 8], Seed=1, nargout=2)
example("shapeVolumes", lambda: [4, 8], Seed=1, nargout=2)
example("gearboxFeatures", lambda: [4], Seed=1, nargout=2)
example("japaneseVowelsTrainData", list, nargout=2)
example("japaneseVowelsTestData", list, nargout=2)
example("waveformSequences", lambda: [4], Seed=1, nargout=2)
example("seasonalSeries", lambda: [24], Seed=1)

# Sequences and words --------------------------------------------------------------------------------------------------
example("padsequences", lambda: [[np.ones((2, 3)), np.ones((2, 1))], 2], Length="shortest", Direction="left",
        PaddingValue=1, UniformOutput=False, nargout=2)
example("wordEncoding", lambda: [["the cat sat", "a dog"]], Order="frequency", MaxNumWords=3)
example("doc2sequence", lambda: [dl.wordEncoding(["the cat sat"]), ["the cat", "a dog"]], Length=3,
        PaddingDirection="right", PaddingValue=0, UnknownWord="nan")
example("word2ind", lambda: [dl.wordEncoding(["the cat sat"]), ["cat", "sat"]])
example("ind2word", lambda: [dl.wordEncoding(["the cat sat"]), [1, 2]])

# Functions of arrays --------------------------------------------------------------------------------------------------
WEIGHTED = {"weights": [1, 2], "Mask": [[1, 0], [1, 1]], "Reduction": "none", "NormalizationFactor": "all-elements",
            "WeightsFormat": "C", "DataFormat": "CB"}
POOLING = {"Stride": 2, "Padding": 1, "PoolFormat": "SS", "DataFormat": "SSCB", "DilationFactor": 1, "Rounding": "ceil"}
example("relu", lambda: [[-1, 2]])
example("leakyrelu", lambda: [[-1, 2]], scale=0.1)
example("sigmoid", lambda: [[-1, 2]])
example("gelu", lambda: [[-1, 2]], Approximation="tanh")
example("softmax", lambda: [[[0.0, 1.0], [0.0, 1.0]]], DataFormat="CB")
example("crosschannelnorm", lambda: [images(), 3], Alpha=1, Beta=1, K=1, DataFormat="SSCB")
example("fullyconnect", lambda: [[[1, 2], [3, 4]], [[1, 1], [1, -1]], [10, 20]], DataFormat="CB")
example("dlconv", lambda: [images(), np.ones((2, 2, 1, 3)), 0], Stride=2, Padding=1, DilationFactor=1,
        PaddingValue="replicate", WeightsFormat="SSCU", DataFormat="SSCB")
example("dlconv dlarray", lambda: [dl.dlarray(np.ones((2, 3, 6)), "CBT"), dl.dlarray(np.ones((3, 2, 1)), "TCU"), 1],
        Padding="causal")
example("dltranspconv", lambda: [images(), np.ones((2, 2, 3, 1)), 0], Stride=2, Cropping=1, DilationFactor=1,
        WeightsFormat="SSUC", DataFormat="SSCB")
example("mse", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 0]]], DataFormat="CB")
example("crossentropy", lambda: [[[0.5, 0.2], [0.5, 0.8]], [[1, 0], [0, 1]]], TargetCategories="independent",
        ClassificationMode="multilabel", **WEIGHTED)
example("indexcrossentropy", lambda: [[[0.5, 0.2], [0.5, 0.8]], [1, 2]], weights=[1, 2], MaskIndex=2, Reduction="none",
        NormalizationFactor="target-included", WeightsFormat="C", DataFormat="CB")
example("mse dlarray", lambda: [dl.dlarray([[1, 2], [3, 4]], "CB"), dl.dlarray([[1, 2], [3, 0]], "CB")])
example("huber", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 0]]], TransitionPoint=1, **WEIGHTED)
example("l1loss", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 0]]], **WEIGHTED)
example("l2loss", lambda: [[[1, 2], [3, 4]], [[1, 2], [3, 0]]], **WEIGHTED)
example("maxpool", lambda: [images(), 2], **POOLING)
example("maxpool indx", lambda: [images(), 2], Stride=2, DataFormat="SSCB", nargout=3)
example("avgpool", lambda: [images(), 2], PaddingValue="mean", **POOLING)
example("avgpool sums", lambda: [images(), 2], Divisor=1, **POOLING)
example("poolingOverlap", lambda: [[[1, 5, 2], [3, 4, 0]], 2], stride=1, method="mean", pad=True)
example("poolingOverlap indx", lambda: [[[1, 5, 2], [3, 4, 0]], 2], pad=True, nargout=2)
example("maxunpool", lambda: [[[5, 7]], [[3, 8]], [2, 4, 1, 1]], DataFormat="SSCB")
example("batchnorm", lambda: [images(), [0.5], [2]], mu=[0.1], sigmaSq=[2], MeanDecay=0.2, VarianceDecay=0.2, Epsilon=1e-4,
        DataFormat="SSCB", nargout=3)
example("batchnorm prediction", lambda: [images(), [0.5], [2], [0.1], [2]], DataFormat="SSCB")
example("layernorm", lambda: [images(), [0.5], [2]], OperationDimension="channel-only", Epsilon=1e-4, DataFormat="SSCB")
example("groupnorm", lambda: [images(), 1, [0.5], [2]], Epsilon=1e-4, DataFormat="SSCB")
example("instancenorm", lambda: [images(), [0.5], [2]], Epsilon=1e-4, DataFormat="SSCB")
UNITS = {"StateActivationFunction": "softsign", "GateActivationFunction": "hard-sigmoid", "DataFormat": "CBT"}
example("lstm", lambda: [np.ones((2, 3, 4)), np.zeros((1, 3)), np.zeros((1, 1)), np.ones((4, 2)), np.ones((4, 1)),
                         np.ones(4)], nargout=3, **UNITS)
example("gru", lambda: [np.ones((2, 3, 4)), np.zeros((1, 3)), np.ones((3, 2)), np.ones((3, 1)), np.ones(6)], nargout=2,
        ResetGateMode="recurrent-bias-after-multiplication", **UNITS)
example("attention", lambda: [np.ones((2, 3, 4)), np.ones((2, 3, 5)), np.ones((4, 3, 5)), 2], Scale=0.5,
        PaddingMask=np.ones((1, 3, 5)), AttentionMask=np.ones((5, 4)), DropoutProbability=0.1, DataFormat="CBT", nargout=2)
example("embed", lambda: [[[1, 2, 2]], [[10, 20], [1, 2]]], DataFormat="CB")
example("ctc", lambda: [np.full((3, 2, 5), 1 / 3), [[[2, 3], [3, 3]]], np.ones((1, 2, 5)), [[[1, 1], [1, 0]]]],
        BlankIndex="first", DataFormat="CBT")
example("dlresize", lambda: [images()], Scale=2, Method="linear", GeometricTransformMode="asymmetric",
        NearestRoundingMode="floor", DataFormat="SSCB")
example("dlresize size", lambda: [images()], OutputSize=[3, None], DataFormat="SSCB")
example("dlmtimes", lambda: [np.ones((2, 3, 4)), np.ones((3, 2, 4))])

# Layer arrays, graphs and networks ------------------------------------------------------------------------------------
example("layerArray", lambda: [[*layers(), [dl.reluLayer]]])
example("layerGraph", lambda: [layers()])
example("LayerGraph", lambda: [layers(), [Connection(Port("in", "out"), Port("conv", "in"))]])
example("DAGNetwork", lambda: [graph()])
example("SeriesNetwork", lambda: [graph()])
example("assembleNetwork", lambda: [classifier()])
example("dlnetwork", lambda: [layers(), np.ones((4, 4, 1, 2))], Initialize=True, OutputNames=["act"])
example("dlnetwork open", lambda: [[dl.convolution2dLayer(1, 2), dl.reluLayer], dl.networkDataLayout([4, 4, 1], "SSC")])
example("initialize", lambda: [open_net(), np.ones((4, 4, 1, 2))])
example("resetState", lambda: [net()])
example("dag2dlnetwork", lambda: [classifier()])
example("addLayers", lambda: [graph(), [dl.reluLayer(Name="more")]])
example("removeLayers", lambda: [graph(), ["act"]])
example("connectLayers", lambda: [dl.addLayers(graph(), dl.reluLayer(Name="more")), "act", "more/in"])
example("disconnectLayers", lambda: [graph(), "conv/out", "act"])
example("replaceLayer", lambda: [graph(), "act", [dl.tanhLayer(Name="tanh")]], ReconnectBy="order")
example("addInputLayer", lambda: [open_net(), dl.imageInputLayer([4, 4, 1]), "conv"], Initialize=True)
example("expandLayers", lambda: [net()])
example("groupLayers", lambda: [net(), ["conv", "act"]], GroupNames="pair", Delimiter=":", Recursive=True)
example("getLayer", lambda: [net(), "block/fc"])
example("freezeWeights", lambda: [graph(), ["conv"]], FixedStatistics=True)
example("unfreezeWeights", lambda: [graph(), ["conv"]])
for name, value in (("LearnRateFactor", [0]), ("L2Factor", [0])):
    example(f"set{name}", lambda value=value: [net(), "conv", "Weights", *value])
    example(f"get{name}", lambda: [net(), "block/fc", "Bias"])
    example(f"set{name} layer", lambda value=value: [dl.fullyConnectedLayer(2), "Weights", *value])
example("analyzeNetwork", lambda: [graph()], Plots="none", TargetUsage="auto", MiniBatchSize=2, Display="long",
        Histograms=True, nargout=1)
example("analyzeNetwork example", lambda: [open_net(), images()], Plots="none")
example("summary", lambda: [net()])
example("disp", lambda: [layers()])
example("plot", lambda: [graph()], Parent=None, slow=True)
example("explain", lambda: [classifier()], MiniBatchSize=2, SequenceLength=3, Mode="predict", Precision="fast")
example("poolingToStridedConvolution", lambda: [[dl.imageInputLayer([4, 4, 1]), dl.maxPooling2dLayer(2, Name="p")]],
        ReplaceUnpooling=True, ReplaceAverage=True, nargout=2)
OBJECTS: dict[str, Callable[[], Any]] = {"LayerGraph": graph, "DAGNetwork": classifier, "dlnetwork": net}
for kind, build in OBJECTS.items():
    for name in ("Layers", "Connections", "InputNames", "OutputNames"):
        EXAMPLES[f"{kind}.{name} ="] = lambda build=build, name=name: Call(
            partial(setattr, one := build(), name), [getattr(one, name)], {})


def analysis_parts() -> list[Any]:
    info = dl.analyzeNetwork(graph(), nargout=1)
    return [info.lgraph, info.lowered, info.Issues, {}]


example("NetworkAnalysis", analysis_parts, name="", usage="trainNetwork", batch=1, display="compact", histograms=False)

# Architectures --------------------------------------------------------------------------------------------------------
for name in (name for name in dl.__all__ if hasattr(getattr(dl, name), "untrained")):
    example(name, list, slow=True, Weights="none")
example("deeplabv3plusLayers", lambda: [[64, 64, 3], 2, "resnet18"], slow=True, DownsamplingFactor=8)
example("fcnLayers", lambda: [[224, 224, 3], 2], Type="16s")
example("segnetLayers", lambda: [[32, 32, 3], 2, 2], NumConvolutionLayers=[1, 2], NumOutputChannels=4, FilterSize=3)
for name in ("unetLayers", "unet", "unet3dLayers", "unet3d"):
    size = [16] * (3 if "3d" in name else 2)
    example(name, lambda size=size: [[*size, 1], 2], EncoderDepth=2, NumFirstEncoderFilters=2, FilterSize=3,
            ConvolutionPadding="same", nargout=1)
for name in ("resnetLayers", "resnetNetwork", "resnet3dLayers", "resnet3dNetwork"):
    size = [16] * (3 if "3d" in name else 2)
    example(name, lambda size=size: [[*size, 1], 2], InitialFilterSize=3, InitialNumFilters=2, InitialStride=1,
            InitialPoolingLayer="max", ResidualBlockType="batchnorm-before-add", BottleneckType="none", StackDepth=[1, 1],
            NumFilters=[2, 4], Normalization="none", **({"Initialize": True} if "Network" in name else {}))

# Training, prediction, files ------------------------------------------------------------------------------------------
RUNNING = {"MiniBatchSize": 2, "ExecutionEnvironment": "cpu", "Acceleration": "none"}
TIMES = {"SequenceLength": "longest", "SequencePaddingDirection": "left", "SequencePaddingValue": 0}
LABELLED = {"InputDataFormats": "SSCB", "OutputDataFormats": "BC", "UniformOutput": True}
SMALL = {"MaxEpochs": 1, "Verbose": False, "MiniBatchSize": 2}
example("trainNetwork", lambda: [images(4), dl.categorical(["a", "b", "a", "b"]), graph(),
                                 dl.trainingOptions("sgdm", **SMALL)], nargout=2)
example("trainNetwork responses", lambda: [np.ones((4, 2)), [[1], [2], [3], [4]], [
    dl.featureInputLayer(2), dl.fullyConnectedLayer(1), dl.regressionLayer], dl.trainingOptions("adam", **SMALL)])
example("predict", lambda: [classifier(), images()], **RUNNING, **TIMES, ReturnCategorical=True, nargout=1)
example("predict dlnetwork", lambda: [net(), images()], **RUNNING, **TIMES, **LABELLED, Outputs=["block"], nargout=1)
example("minibatchpredict", lambda: [net(), images()], **RUNNING, **TIMES, **LABELLED, Outputs=["block"], nargout=1)
example("classify", lambda: [classifier(), images()], **RUNNING, **TIMES, nargout=2)
STEPS = {**TIMES, "SequenceLength": 2, "MiniBatchSize": 1, "ExecutionEnvironment": "cpu", "Acceleration": "none"}
example("predict sequences", lambda: [recurrent(), [np.ones((2, 3)), np.ones((2, 5))]], **STEPS)
example("classify sequences", lambda: [recurrent(), [np.ones((2, 3)), np.ones((2, 5))]], **STEPS, nargout=2)
example("predictAndUpdateState", lambda: [recurrent(), np.ones((2, 3))], **STEPS, ReturnCategorical=True, nargout=2)
example("classifyAndUpdateState", lambda: [recurrent(), [np.ones((2, 3)), np.ones((2, 1))]], **STEPS, nargout=3)
example("semanticseg", lambda: [images(), classifier(dl.pixelClassificationLayer)], **RUNNING, OutputType="uint8",
        Classes=["x", "y"], Verbose=False, WriteLocation=None, NamePrefix=None, nargout=3)
example("activations", lambda: [classifier(), images(), "conv"], **RUNNING, **TIMES, OutputAs="rows")
example("maxNumCompThreads", lambda: [1])
for name in ("canUseGPU", "canUseParallelPool"):
    example(name, list)
example("gpuDeviceCount", lambda: ["available"])
example("gpuDevice", lambda: [1])
example("gpuArray", lambda: [images()])
example("gather", lambda: [images(), images()], nargout=2)
example("parpool", lambda: [2])
example("rng", lambda: [1, "twister"])


def saved() -> list[Any]:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "saved.dlnet"
    if not path.exists():
        dl.saveNetwork(classifier(), path)
    return [path]


def saved_variables() -> Path:
    path = FOLDER / "saved.dlvars"
    FOLDER.mkdir(exist_ok=True)
    dl.saveVariables(path, iteration=3, average=[np.ones(2)])
    return path


def target(name: str) -> Path:
    FOLDER.mkdir(exist_ok=True)
    return FOLDER / name


example("saveNetwork", lambda: [classifier(), target("again.dlnet")])
example("loadNetwork", saved, Unknown="placeholder")
EXAMPLES["saveVariables"] = lambda: Call(dl.saveVariables, [target("loop.dlvars")], {"iteration": 3})
example("loadVariables", lambda: [saved_variables()])
example("poolingLayerFrom", lambda: ["pytorch"], layer="MaxPool2d", kernel_size=2, stride=2, padding=0, Name="pool")
example("poolingLayerFrom onnx", lambda: ["onnx"], op="AveragePool", kernel_shape=[2, 2], pads=[0, 1, 1, 0], ceil_mode=1)
example("poolingLayerTo", lambda: ["caffe", dl.maxPooling2dLayer(3, Stride=2, Padding=1)])
example("toPython", lambda: [classifier(), target("code.py")], Parameters=True)
example("toMATLAB", lambda: [classifier(), target("code.m")], Parameters=True)


def enter_options() -> None:
    """Every option of every solver, in the call and by assignment."""
    for solver in ("sgdm", "adam", "rmsprop"):
        def make(solver: str = solver) -> Call:
            options = dl.trainingOptions(solver)
            return Call(dl.trainingOptions, [solver], {prop.name: prop.default for prop, _ in options.values()})
        EXAMPLES[f"trainingOptions {solver}"] = make
        for prop, _ in dl.trainingOptions(solver).values():
            def assignment(solver: str = solver, name: str = prop.name, value: Any = prop.default) -> Call:
                return Call(partial(setattr, dl.trainingOptions(solver), name), [value], {})
            EXAMPLES[f"trainingOptions {solver}.{prop.name} ="] = assignment


enter_options()
