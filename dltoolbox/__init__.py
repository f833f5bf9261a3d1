"""dltoolbox: MATLAB-style deep learning in Python.

The flat namespace of MATLAB names: ``from dltoolbox import *`` gives a script everything it calls. Nothing is computed
here. The factories (``convolution2dLayer`` and its kin) come from the registry of layers; documented functions that are not
there yet say what to do instead (`dltoolbox.absent`).
"""

from typing import NoReturn

from dltoolbox.absent import EXPORTED, NOT_IN_THIS_RELEASE
from dltoolbox.architectures.classifiers.alexnet import alexnet
from dltoolbox.architectures.classifiers.darknet import darknet19, darknet53
from dltoolbox.architectures.classifiers.densenet import densenet201
from dltoolbox.architectures.classifiers.efficientnet import efficientnetb0
from dltoolbox.architectures.classifiers.googlenet import googlenet
from dltoolbox.architectures.classifiers.inceptionv3 import inceptionv3
from dltoolbox.architectures.classifiers.mobilenet import mobilenetv2
from dltoolbox.architectures.classifiers.resnet import resnet18, resnet50, resnet101
from dltoolbox.architectures.classifiers.shufflenet import shufflenet
from dltoolbox.architectures.classifiers.squeezenet import squeezenet
from dltoolbox.architectures.classifiers.vgg import vgg16, vgg19
from dltoolbox.architectures.classifiers.xception import xception
from dltoolbox.architectures.recipes import poolingToStridedConvolution
from dltoolbox.architectures.residual import resnet3dLayers, resnet3dNetwork, resnetLayers, resnetNetwork
from dltoolbox.architectures.segmentation.deeplab import deeplabv3plusLayers
from dltoolbox.architectures.segmentation.fcn import fcnLayers
from dltoolbox.architectures.segmentation.segnet import segnetLayers
from dltoolbox.architectures.segmentation.unet import unet, unet3d, unet3dLayers, unetLayers
from dltoolbox.autodiff.acceleration.accelerate import clearCache, dlaccelerate
from dltoolbox.autodiff.dlarray import dims, dlarray, extractdata, finddim, isdlarray, stripdims
from dltoolbox.autodiff.dlfeval import dlfeval, dlgradient
from dltoolbox.autodiff.jacobian import dldivergence, dljacobian, dllaplacian
from dltoolbox.autodiff.ode45 import dlode45
from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning, Issue, MissingExtraError
from dltoolbox.core.packages import __version__ as __version__
from dltoolbox.core.properties import did_you_mean
from dltoolbox.core.random import rng
from dltoolbox.data import (
    SemanticSegmentationMetrics,
    addcats,
    categorical,
    categories,
    confusionmat,
    countcats,
    digitTest4DArrayData,
    digitTrain4DArrayData,
    doc2sequence,
    evaluateSemanticSegmentation,
    gearboxFeatures,
    ind2word,
    iscategorical,
    iscategory,
    isordinal,
    isundefined,
    japaneseVowelsTestData,
    japaneseVowelsTrainData,
    mergecats,
    onehotdecode,
    onehotencode,
    padsequences,
    removecats,
    renamecats,
    reordercats,
    scores2label,
    seasonalSeries,
    setcats,
    shapeVolumes,
    triangleImages,
    waveformSequences,
    word2ind,
    wordEncoding,
)
from dltoolbox.data.layout import networkDataLayout
from dltoolbox.engines.in_loops import forward
from dltoolbox.engines.inference import activations, classify, minibatchpredict, predict
from dltoolbox.engines.segmentation import semanticseg
from dltoolbox.engines.updating import classifyAndUpdateState, predictAndUpdateState
from dltoolbox.exchange.archive import loadNetwork, saveNetwork
from dltoolbox.exchange.pooling.mapping import poolingLayerFrom, poolingLayerTo
from dltoolbox.exchange.registered import registerFunction, registerLayer
from dltoolbox.exchange.writers.matlab import toMATLAB
from dltoolbox.exchange.writers.python import toPython
from dltoolbox.functions.activations import crosschannelnorm, fullyconnect, gelu, leakyrelu, relu, sigmoid, softmax
from dltoolbox.functions.alignment import ctc
from dltoolbox.functions.attention import attention, embed
from dltoolbox.functions.convolution import dlconv, dltranspconv
from dltoolbox.functions.losses import crossentropy, huber, indexcrossentropy, l1loss, l2loss, mse
from dltoolbox.functions.normalisation import batchnorm, groupnorm, instancenorm, layernorm
from dltoolbox.functions.pages import dlmtimes
from dltoolbox.functions.pooling import avgpool, maxpool, maxunpool
from dltoolbox.functions.pooling_overlap import poolingOverlap
from dltoolbox.functions.recurrent import gru, lstm
from dltoolbox.functions.resizing import dlresize
from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.layers.custom.declared import learnableParameter, stateParameter
from dltoolbox.layers.custom.formats import Acceleratable, Formattable
from dltoolbox.layers.custom.function_layer import functionLayer
from dltoolbox.layers.custom.loss_layers import ClassificationLayer, RegressionLayer
from dltoolbox.layers.display import disp
from dltoolbox.loops.dlupdate import dlupdate
from dltoolbox.loops.lbfgs import lbfgsState, lbfgsupdate
from dltoolbox.loops.minibatchqueue import hasdata, minibatchqueue, next_minibatch, reset, shuffle  # noqa: F401
from dltoolbox.loops.updates import adamupdate, rmspropupdate, sgdmupdate
from dltoolbox.loops.variables import loadVariables, saveVariables
from dltoolbox.methods import give_methods
from dltoolbox.network.analysis.analysis import NetworkAnalysis
from dltoolbox.network.analysis.summary import summary
from dltoolbox.network.dlnetwork import dag2dlnetwork, dlnetwork, initialize, resetState
from dltoolbox.network.graph.layer_array import LayerArray, layerArray
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.neural_ode import neuralODELayer
from dltoolbox.network.graph.placeholders import findPlaceholderLayers, placeholderLayer
from dltoolbox.network.graph.subnetworks import expandLayers, getLayer, groupLayers, networkLayer
from dltoolbox.network.graph.surgery import (
    addInputLayer,
    addLayers,
    connectLayers,
    disconnectLayers,
    removeLayers,
    replaceLayer,
)
from dltoolbox.network.learn_rate_factors import (
    freezeWeights,
    getL2Factor,
    getLearnRateFactor,
    setL2Factor,
    setLearnRateFactor,
    unfreezeWeights,
)
from dltoolbox.network.networks import DAGNetwork, SeriesNetwork, assembleNetwork
from dltoolbox.program.explain import explain
from dltoolbox.report.analyze import analyzeNetwork
from dltoolbox.report.plot import plot
from dltoolbox.runtime.devices import canUseGPU, canUseParallelPool, gather, gpuArray, gpuDevice, gpuDeviceCount, parpool
from dltoolbox.runtime.threads import maxNumCompThreads
from dltoolbox.testing.check_layer import checkLayer
from dltoolbox.train.options import trainingOptions
from dltoolbox.train.train_network import trainNetwork

__all__ = [
    *FACTORIES, *EXPORTED, "Acceleratable", "ClassificationLayer", "DAGNetwork", "DltoolboxError", "DltoolboxWarning",
    "Formattable", "Issue", "Layer", "LayerArray", "LayerGraph", "MissingExtraError", "NetworkAnalysis", "RegressionLayer",
    "SemanticSegmentationMetrics", "SeriesNetwork", "activations", "adamupdate", "addInputLayer", "addLayers", "addcats",
    "alexnet", "analyzeNetwork", "assembleNetwork", "attention", "avgpool", "batchnorm", "canUseGPU", "canUseParallelPool",
    "categorical", "categories", "checkLayer", "classify", "classifyAndUpdateState", "clearCache", "confusionmat",
    "connectLayers", "countcats", "crosschannelnorm", "crossentropy", "ctc", "dag2dlnetwork", "darknet19", "darknet53",
    "deeplabv3plusLayers", "densenet201", "digitTest4DArrayData", "digitTrain4DArrayData", "dims", "disconnectLayers",
    "disp", "dlaccelerate", "dlarray", "dlconv", "dldivergence", "dlfeval", "dlgradient", "dljacobian", "dllaplacian",
    "dlmtimes", "dlnetwork", "dlode45", "dlresize", "dltranspconv", "dlupdate", "doc2sequence", "efficientnetb0", "embed",
    "evaluateSemanticSegmentation", "expandLayers", "explain", "extractdata", "fcnLayers", "findPlaceholderLayers",
    "finddim", "forward", "freezeWeights", "fullyconnect", "functionLayer", "gather", "gearboxFeatures", "gelu",
    "getL2Factor", "getLayer", "getLearnRateFactor", "googlenet", "gpuArray", "gpuDevice", "gpuDeviceCount", "groupLayers",
    "groupnorm", "gru", "hasdata", "huber", "inceptionv3", "ind2word", "indexcrossentropy", "initialize", "instancenorm",
    "iscategorical", "iscategory", "isdlarray", "isordinal", "isundefined", "japaneseVowelsTestData",
    "japaneseVowelsTrainData", "l1loss", "l2loss", "layerArray", "layerGraph", "layernorm", "lbfgsState", "lbfgsupdate",
    "leakyrelu", "learnableParameter", "loadNetwork", "loadVariables", "lstm", "maxNumCompThreads", "maxpool", "maxunpool",
    "mergecats", "minibatchpredict", "minibatchqueue", "mobilenetv2", "mse", "networkDataLayout", "networkLayer",
    "neuralODELayer", "onehotdecode", "onehotencode", "padsequences", "parpool", "placeholderLayer", "plot",
    "poolingLayerFrom", "poolingLayerTo", "poolingOverlap", "poolingToStridedConvolution", "predict",
    "predictAndUpdateState", "registerFunction", "registerLayer", "relu", "removeLayers", "removecats", "renamecats",
    "reordercats", "replaceLayer", "reset", "resetState", "resnet101", "resnet18", "resnet3dLayers", "resnet3dNetwork",
    "resnet50", "resnetLayers", "resnetNetwork", "rmspropupdate", "rng", "saveNetwork", "saveVariables", "scores2label",
    "seasonalSeries", "segnetLayers", "semanticseg", "setL2Factor", "setLearnRateFactor", "setcats", "sgdmupdate",
    "shapeVolumes", "shufflenet", "sigmoid", "softmax", "squeezenet", "stateParameter", "stripdims", "summary", "toMATLAB",
    "toPython", "trainNetwork", "trainingOptions", "triangleImages", "unet", "unet3d", "unet3dLayers", "unetLayers",
    "unfreezeWeights", "vgg16", "vgg19", "waveformSequences", "word2ind", "wordEncoding", "xception",
]

globals().update(FACTORIES, **NOT_IN_THIS_RELEASE, next=next_minibatch)
give_methods(globals())


def __getattr__(name: str) -> NoReturn:
    """A name that is neither here nor documented."""
    near = "" if name.startswith("_") else did_you_mean(name, {*__all__, *NOT_IN_THIS_RELEASE})
    raise AttributeError(f"module 'dltoolbox' has no attribute '{name}'. {near}".rstrip())
