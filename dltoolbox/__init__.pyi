# Written by `python -m dltoolbox._stubs`; do not edit.
# ruff: noqa: E501, I001, RUF022
from collections.abc import Callable, Sequence
from typing import Any, Literal, NoReturn

from numpy.typing import ArrayLike

from dltoolbox.architectures.classifiers.alexnet import alexnet as alexnet
from dltoolbox.architectures.classifiers.darknet import darknet19 as darknet19
from dltoolbox.architectures.classifiers.darknet import darknet53 as darknet53
from dltoolbox.architectures.classifiers.densenet import densenet201 as densenet201
from dltoolbox.architectures.classifiers.efficientnet import efficientnetb0 as efficientnetb0
from dltoolbox.architectures.classifiers.googlenet import googlenet as googlenet
from dltoolbox.architectures.classifiers.inceptionv3 import inceptionv3 as inceptionv3
from dltoolbox.architectures.classifiers.mobilenet import mobilenetv2 as mobilenetv2
from dltoolbox.architectures.classifiers.resnet import resnet101 as resnet101
from dltoolbox.architectures.classifiers.resnet import resnet18 as resnet18
from dltoolbox.architectures.classifiers.resnet import resnet50 as resnet50
from dltoolbox.architectures.classifiers.shufflenet import shufflenet as shufflenet
from dltoolbox.architectures.classifiers.squeezenet import squeezenet as squeezenet
from dltoolbox.architectures.classifiers.vgg import vgg16 as vgg16
from dltoolbox.architectures.classifiers.vgg import vgg19 as vgg19
from dltoolbox.architectures.classifiers.xception import xception as xception
from dltoolbox.architectures.recipes import poolingToStridedConvolution as poolingToStridedConvolution
from dltoolbox.architectures.residual import resnet3dLayers as resnet3dLayers
from dltoolbox.architectures.residual import resnet3dNetwork as resnet3dNetwork
from dltoolbox.architectures.residual import resnetLayers as resnetLayers
from dltoolbox.architectures.residual import resnetNetwork as resnetNetwork
from dltoolbox.architectures.segmentation.deeplab import deeplabv3plusLayers as deeplabv3plusLayers
from dltoolbox.architectures.segmentation.fcn import fcnLayers as fcnLayers
from dltoolbox.architectures.segmentation.segnet import segnetLayers as segnetLayers
from dltoolbox.architectures.segmentation.unet import unet as unet
from dltoolbox.architectures.segmentation.unet import unet3d as unet3d
from dltoolbox.architectures.segmentation.unet import unet3dLayers as unet3dLayers
from dltoolbox.architectures.segmentation.unet import unetLayers as unetLayers
from dltoolbox.autodiff.acceleration.accelerate import clearCache as clearCache
from dltoolbox.autodiff.acceleration.accelerate import dlaccelerate as dlaccelerate
from dltoolbox.autodiff.dlarray import dims as dims
from dltoolbox.autodiff.dlarray import dlarray as dlarray
from dltoolbox.autodiff.dlarray import extractdata as extractdata
from dltoolbox.autodiff.dlarray import finddim as finddim
from dltoolbox.autodiff.dlarray import isdlarray as isdlarray
from dltoolbox.autodiff.dlarray import stripdims as stripdims
from dltoolbox.autodiff.dlfeval import dlfeval as dlfeval
from dltoolbox.autodiff.dlfeval import dlgradient as dlgradient
from dltoolbox.autodiff.jacobian import dldivergence as dldivergence
from dltoolbox.autodiff.jacobian import dljacobian as dljacobian
from dltoolbox.autodiff.jacobian import dllaplacian as dllaplacian
from dltoolbox.autodiff.ode45 import dlode45 as dlode45
from dltoolbox.core.errors import DltoolboxError as DltoolboxError
from dltoolbox.core.errors import DltoolboxWarning as DltoolboxWarning
from dltoolbox.core.errors import Issue as Issue
from dltoolbox.core.errors import MissingExtraError as MissingExtraError
from dltoolbox.core.random import rng as rng
from dltoolbox.data.categorical import categorical as categorical
from dltoolbox.data.category_functions import addcats as addcats
from dltoolbox.data.category_functions import categories as categories
from dltoolbox.data.category_functions import countcats as countcats
from dltoolbox.data.category_functions import iscategorical as iscategorical
from dltoolbox.data.category_functions import iscategory as iscategory
from dltoolbox.data.category_functions import isordinal as isordinal
from dltoolbox.data.category_functions import isundefined as isundefined
from dltoolbox.data.category_functions import mergecats as mergecats
from dltoolbox.data.category_functions import removecats as removecats
from dltoolbox.data.category_functions import renamecats as renamecats
from dltoolbox.data.category_functions import reordercats as reordercats
from dltoolbox.data.category_functions import setcats as setcats
from dltoolbox.data.layout import networkDataLayout as networkDataLayout
from dltoolbox.data.metrics import SemanticSegmentationMetrics as SemanticSegmentationMetrics
from dltoolbox.data.metrics import confusionmat as confusionmat
from dltoolbox.data.metrics import evaluateSemanticSegmentation as evaluateSemanticSegmentation
from dltoolbox.data.onehot import onehotdecode as onehotdecode
from dltoolbox.data.onehot import onehotencode as onehotencode
from dltoolbox.data.onehot import scores2label as scores2label
from dltoolbox.data.padding import padsequences as padsequences
from dltoolbox.data.samples import digitTest4DArrayData as digitTest4DArrayData
from dltoolbox.data.samples import digitTrain4DArrayData as digitTrain4DArrayData
from dltoolbox.data.samples import gearboxFeatures as gearboxFeatures
from dltoolbox.data.samples import shapeVolumes as shapeVolumes
from dltoolbox.data.samples import triangleImages as triangleImages
from dltoolbox.data.sequence_samples import japaneseVowelsTestData as japaneseVowelsTestData
from dltoolbox.data.sequence_samples import japaneseVowelsTrainData as japaneseVowelsTrainData
from dltoolbox.data.sequence_samples import seasonalSeries as seasonalSeries
from dltoolbox.data.sequence_samples import waveformSequences as waveformSequences
from dltoolbox.data.words import doc2sequence as doc2sequence
from dltoolbox.data.words import ind2word as ind2word
from dltoolbox.data.words import word2ind as word2ind
from dltoolbox.data.words import wordEncoding as wordEncoding
from dltoolbox.engines.in_loops import forward as forward
from dltoolbox.engines.inference import activations as activations
from dltoolbox.engines.inference import classify as classify
from dltoolbox.engines.inference import minibatchpredict as minibatchpredict
from dltoolbox.engines.inference import predict as predict
from dltoolbox.engines.segmentation import semanticseg as semanticseg
from dltoolbox.engines.updating import classifyAndUpdateState as classifyAndUpdateState
from dltoolbox.engines.updating import predictAndUpdateState as predictAndUpdateState
from dltoolbox.exchange.archive import loadNetwork as loadNetwork
from dltoolbox.exchange.archive import saveNetwork as saveNetwork
from dltoolbox.exchange.pooling.mapping import poolingLayerFrom as poolingLayerFrom
from dltoolbox.exchange.pooling.mapping import poolingLayerTo as poolingLayerTo
from dltoolbox.exchange.registered import registerFunction as registerFunction
from dltoolbox.exchange.registered import registerLayer as registerLayer
from dltoolbox.exchange.writers.matlab import toMATLAB as toMATLAB
from dltoolbox.exchange.writers.python import toPython as toPython
from dltoolbox.functions.activations import crosschannelnorm as crosschannelnorm
from dltoolbox.functions.activations import fullyconnect as fullyconnect
from dltoolbox.functions.activations import gelu as gelu
from dltoolbox.functions.activations import leakyrelu as leakyrelu
from dltoolbox.functions.activations import relu as relu
from dltoolbox.functions.activations import sigmoid as sigmoid
from dltoolbox.functions.activations import softmax as softmax
from dltoolbox.functions.alignment import ctc as ctc
from dltoolbox.functions.attention import attention as attention
from dltoolbox.functions.attention import embed as embed
from dltoolbox.functions.convolution import dlconv as dlconv
from dltoolbox.functions.convolution import dltranspconv as dltranspconv
from dltoolbox.functions.losses import crossentropy as crossentropy
from dltoolbox.functions.losses import huber as huber
from dltoolbox.functions.losses import indexcrossentropy as indexcrossentropy
from dltoolbox.functions.losses import l1loss as l1loss
from dltoolbox.functions.losses import l2loss as l2loss
from dltoolbox.functions.losses import mse as mse
from dltoolbox.functions.normalisation import batchnorm as batchnorm
from dltoolbox.functions.normalisation import groupnorm as groupnorm
from dltoolbox.functions.normalisation import instancenorm as instancenorm
from dltoolbox.functions.normalisation import layernorm as layernorm
from dltoolbox.functions.pages import dlmtimes as dlmtimes
from dltoolbox.functions.pooling import avgpool as avgpool
from dltoolbox.functions.pooling import maxpool as maxpool
from dltoolbox.functions.pooling import maxunpool as maxunpool
from dltoolbox.functions.pooling_overlap import poolingOverlap as poolingOverlap
from dltoolbox.functions.recurrent import gru as gru
from dltoolbox.functions.recurrent import lstm as lstm
from dltoolbox.functions.resizing import dlresize as dlresize
from dltoolbox.layers.activation import ClippedReLULayer as _ClippedReLULayer
from dltoolbox.layers.activation import DropoutLayer as _DropoutLayer
from dltoolbox.layers.activation import ELULayer as _ELULayer
from dltoolbox.layers.activation import GELULayer as _GELULayer
from dltoolbox.layers.activation import LeakyReLULayer as _LeakyReLULayer
from dltoolbox.layers.activation import PReLULayer as _PReLULayer
from dltoolbox.layers.activation import QuadraticLayer as _QuadraticLayer
from dltoolbox.layers.activation import ReLULayer as _ReLULayer
from dltoolbox.layers.activation import ScalingLayer as _ScalingLayer
from dltoolbox.layers.activation import SigmoidLayer as _SigmoidLayer
from dltoolbox.layers.activation import SoftmaxLayer as _SoftmaxLayer
from dltoolbox.layers.activation import SoftplusLayer as _SoftplusLayer
from dltoolbox.layers.activation import SpatialDropoutLayer as _SpatialDropoutLayer
from dltoolbox.layers.activation import SwishLayer as _SwishLayer
from dltoolbox.layers.activation import TanhLayer as _TanhLayer
from dltoolbox.layers.arranging import ChannelShuffleLayer as _ChannelShuffleLayer
from dltoolbox.layers.arranging import DepthToSpace2DLayer as _DepthToSpace2DLayer
from dltoolbox.layers.arranging import FlattenLayer as _FlattenLayer
from dltoolbox.layers.arranging import IdentityLayer as _IdentityLayer
from dltoolbox.layers.arranging import PermuteLayer as _PermuteLayer
from dltoolbox.layers.arranging import ReshapeLayer as _ReshapeLayer
from dltoolbox.layers.arranging import SpaceToDepthLayer as _SpaceToDepthLayer
from dltoolbox.layers.base import Layer as Layer
from dltoolbox.layers.combination import AdditionLayer as _AdditionLayer
from dltoolbox.layers.combination import ConcatenationLayer as _ConcatenationLayer
from dltoolbox.layers.combination import DepthConcatenationLayer as _DepthConcatenationLayer
from dltoolbox.layers.combination import MultiplicationLayer as _MultiplicationLayer
from dltoolbox.layers.complex_numbers.parts import ComplexFullyConnectedLayer as _ComplexFullyConnectedLayer
from dltoolbox.layers.complex_numbers.parts import ComplexReLULayer as _ComplexReLULayer
from dltoolbox.layers.complex_numbers.parts import ComplexToRealLayer as _ComplexToRealLayer
from dltoolbox.layers.complex_numbers.parts import RealToComplexLayer as _RealToComplexLayer
from dltoolbox.layers.complex_numbers.parts import ZReLULayer as _ZReLULayer
from dltoolbox.layers.complex_numbers.spectral import SpectralConvolution1DLayer as _SpectralConvolution1DLayer
from dltoolbox.layers.complex_numbers.spectral import SpectralConvolution2DLayer as _SpectralConvolution2DLayer
from dltoolbox.layers.complex_numbers.spectral import SpectralConvolution3DLayer as _SpectralConvolution3DLayer
from dltoolbox.layers.convolution import Convolution1DLayer as _Convolution1DLayer
from dltoolbox.layers.convolution import Convolution2DLayer as _Convolution2DLayer
from dltoolbox.layers.convolution import Convolution3DLayer as _Convolution3DLayer
from dltoolbox.layers.convolution import FullyConnectedLayer as _FullyConnectedLayer
from dltoolbox.layers.convolution import GroupedConvolution2DLayer as _GroupedConvolution2DLayer
from dltoolbox.layers.convolution import TransposedConvolution1DLayer as _TransposedConvolution1DLayer
from dltoolbox.layers.convolution import TransposedConvolution2DLayer as _TransposedConvolution2DLayer
from dltoolbox.layers.convolution import TransposedConvolution3DLayer as _TransposedConvolution3DLayer
from dltoolbox.layers.custom.declared import learnableParameter as learnableParameter
from dltoolbox.layers.custom.declared import stateParameter as stateParameter
from dltoolbox.layers.custom.formats import Acceleratable as Acceleratable
from dltoolbox.layers.custom.formats import Formattable as Formattable
from dltoolbox.layers.custom.function_layer import functionLayer as functionLayer
from dltoolbox.layers.custom.loss_layers import ClassificationLayer as ClassificationLayer
from dltoolbox.layers.custom.loss_layers import RegressionLayer as RegressionLayer
from dltoolbox.layers.display import disp as disp
from dltoolbox.layers.inputs import FeatureInputLayer as _FeatureInputLayer
from dltoolbox.layers.inputs import Image3DInputLayer as _Image3DInputLayer
from dltoolbox.layers.inputs import ImageInputLayer as _ImageInputLayer
from dltoolbox.layers.inputs import InputLayer as _InputLayer
from dltoolbox.layers.inputs import SequenceInputLayer as _SequenceInputLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer as _BatchNormalizationLayer
from dltoolbox.layers.normalisation import CrossChannelNormalizationLayer as _CrossChannelNormalizationLayer
from dltoolbox.layers.normalisation import GroupNormalizationLayer as _GroupNormalizationLayer
from dltoolbox.layers.normalisation import InstanceNormalizationLayer as _InstanceNormalizationLayer
from dltoolbox.layers.normalisation import InverseNormalizationLayer as _InverseNormalizationLayer
from dltoolbox.layers.normalisation import LayerNormalizationLayer as _LayerNormalizationLayer
from dltoolbox.layers.outputs import ClassificationOutputLayer as _ClassificationOutputLayer
from dltoolbox.layers.outputs import DicePixelClassificationLayer as _DicePixelClassificationLayer
from dltoolbox.layers.outputs import FocalLossLayer as _FocalLossLayer
from dltoolbox.layers.outputs import PixelClassificationLayer as _PixelClassificationLayer
from dltoolbox.layers.outputs import RegressionOutputLayer as _RegressionOutputLayer
from dltoolbox.layers.pooling import AveragePooling1DLayer as _AveragePooling1DLayer
from dltoolbox.layers.pooling import AveragePooling2DLayer as _AveragePooling2DLayer
from dltoolbox.layers.pooling import AveragePooling3DLayer as _AveragePooling3DLayer
from dltoolbox.layers.pooling import GlobalAveragePooling1DLayer as _GlobalAveragePooling1DLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer as _GlobalAveragePooling2DLayer
from dltoolbox.layers.pooling import GlobalAveragePooling3DLayer as _GlobalAveragePooling3DLayer
from dltoolbox.layers.pooling import GlobalMaxPooling1DLayer as _GlobalMaxPooling1DLayer
from dltoolbox.layers.pooling import GlobalMaxPooling2DLayer as _GlobalMaxPooling2DLayer
from dltoolbox.layers.pooling import GlobalMaxPooling3DLayer as _GlobalMaxPooling3DLayer
from dltoolbox.layers.pooling import MaxPooling1DLayer as _MaxPooling1DLayer
from dltoolbox.layers.pooling import MaxPooling2DLayer as _MaxPooling2DLayer
from dltoolbox.layers.pooling import MaxPooling3DLayer as _MaxPooling3DLayer
from dltoolbox.layers.pooling import MaxUnpooling1DLayer as _MaxUnpooling1DLayer
from dltoolbox.layers.pooling import MaxUnpooling2DLayer as _MaxUnpooling2DLayer
from dltoolbox.layers.pooling import MaxUnpooling3DLayer as _MaxUnpooling3DLayer
from dltoolbox.layers.pooling import StochasticPooling1DLayer as _StochasticPooling1DLayer
from dltoolbox.layers.pooling import StochasticPooling2DLayer as _StochasticPooling2DLayer
from dltoolbox.layers.pooling import StochasticPooling3DLayer as _StochasticPooling3DLayer
from dltoolbox.layers.resizing import AdaptiveAveragePooling2DLayer as _AdaptiveAveragePooling2DLayer
from dltoolbox.layers.resizing import Crop2DLayer as _Crop2DLayer
from dltoolbox.layers.resizing import Crop3DLayer as _Crop3DLayer
from dltoolbox.layers.resizing import Resize2DLayer as _Resize2DLayer
from dltoolbox.layers.resizing import Resize3DLayer as _Resize3DLayer
from dltoolbox.layers.sequences.attention import AttentionLayer as _AttentionLayer
from dltoolbox.layers.sequences.attention import SelfAttentionLayer as _SelfAttentionLayer
from dltoolbox.layers.sequences.embedding import EmbeddingConcatenationLayer as _EmbeddingConcatenationLayer
from dltoolbox.layers.sequences.embedding import EmbeddingLayer as _EmbeddingLayer
from dltoolbox.layers.sequences.embedding import Indexing1DLayer as _Indexing1DLayer
from dltoolbox.layers.sequences.embedding import PatchEmbeddingLayer as _PatchEmbeddingLayer
from dltoolbox.layers.sequences.embedding import PositionEmbeddingLayer as _PositionEmbeddingLayer
from dltoolbox.layers.sequences.embedding import SinusoidalPositionEncodingLayer as _SinusoidalPositionEncodingLayer
from dltoolbox.layers.sequences.embedding import WordEmbeddingLayer as _WordEmbeddingLayer
from dltoolbox.layers.sequences.folding import SequenceFoldingLayer as _SequenceFoldingLayer
from dltoolbox.layers.sequences.folding import SequenceUnfoldingLayer as _SequenceUnfoldingLayer
from dltoolbox.layers.sequences.recurrent import BiLSTMLayer as _BiLSTMLayer
from dltoolbox.layers.sequences.recurrent import GRULayer as _GRULayer
from dltoolbox.layers.sequences.recurrent import GRUProjectedLayer as _GRUProjectedLayer
from dltoolbox.layers.sequences.recurrent import LSTMLayer as _LSTMLayer
from dltoolbox.layers.sequences.recurrent import LSTMProjectedLayer as _LSTMProjectedLayer
from dltoolbox.loops.dlupdate import dlupdate as dlupdate
from dltoolbox.loops.lbfgs import lbfgsState as lbfgsState
from dltoolbox.loops.lbfgs import lbfgsupdate as lbfgsupdate
from dltoolbox.loops.minibatchqueue import hasdata as hasdata
from dltoolbox.loops.minibatchqueue import minibatchqueue as minibatchqueue
from dltoolbox.loops.minibatchqueue import reset as reset
from dltoolbox.loops.updates import adamupdate as adamupdate
from dltoolbox.loops.updates import rmspropupdate as rmspropupdate
from dltoolbox.loops.updates import sgdmupdate as sgdmupdate
from dltoolbox.loops.variables import loadVariables as loadVariables
from dltoolbox.loops.variables import saveVariables as saveVariables
from dltoolbox.network.analysis.analysis import NetworkAnalysis as NetworkAnalysis
from dltoolbox.network.analysis.summary import summary as summary
from dltoolbox.network.dlnetwork import dag2dlnetwork as dag2dlnetwork
from dltoolbox.network.dlnetwork import dlnetwork as dlnetwork
from dltoolbox.network.dlnetwork import initialize as initialize
from dltoolbox.network.dlnetwork import resetState as resetState
from dltoolbox.network.graph.layer_array import LayerArray as LayerArray
from dltoolbox.network.graph.layer_array import layerArray as layerArray
from dltoolbox.network.graph.layer_graph import LayerGraph as LayerGraph
from dltoolbox.network.graph.layer_graph import layerGraph as layerGraph
from dltoolbox.network.graph.neural_ode import neuralODELayer as neuralODELayer
from dltoolbox.network.graph.placeholders import findPlaceholderLayers as findPlaceholderLayers
from dltoolbox.network.graph.placeholders import placeholderLayer as placeholderLayer
from dltoolbox.network.graph.subnetworks import expandLayers as expandLayers
from dltoolbox.network.graph.subnetworks import getLayer as getLayer
from dltoolbox.network.graph.subnetworks import groupLayers as groupLayers
from dltoolbox.network.graph.subnetworks import networkLayer as networkLayer
from dltoolbox.network.graph.surgery import addInputLayer as addInputLayer
from dltoolbox.network.graph.surgery import addLayers as addLayers
from dltoolbox.network.graph.surgery import connectLayers as connectLayers
from dltoolbox.network.graph.surgery import disconnectLayers as disconnectLayers
from dltoolbox.network.graph.surgery import removeLayers as removeLayers
from dltoolbox.network.graph.surgery import replaceLayer as replaceLayer
from dltoolbox.network.learn_rate_factors import freezeWeights as freezeWeights
from dltoolbox.network.learn_rate_factors import getL2Factor as getL2Factor
from dltoolbox.network.learn_rate_factors import getLearnRateFactor as getLearnRateFactor
from dltoolbox.network.learn_rate_factors import setL2Factor as setL2Factor
from dltoolbox.network.learn_rate_factors import setLearnRateFactor as setLearnRateFactor
from dltoolbox.network.learn_rate_factors import unfreezeWeights as unfreezeWeights
from dltoolbox.network.networks import DAGNetwork as DAGNetwork
from dltoolbox.network.networks import SeriesNetwork as SeriesNetwork
from dltoolbox.network.networks import assembleNetwork as assembleNetwork
from dltoolbox.program.explain import explain as explain
from dltoolbox.report.analyze import analyzeNetwork as analyzeNetwork
from dltoolbox.report.plot import plot as plot
from dltoolbox.runtime.devices import canUseGPU as canUseGPU
from dltoolbox.runtime.devices import canUseParallelPool as canUseParallelPool
from dltoolbox.runtime.devices import gather as gather
from dltoolbox.runtime.devices import gpuArray as gpuArray
from dltoolbox.runtime.devices import gpuDevice as gpuDevice
from dltoolbox.runtime.devices import gpuDeviceCount as gpuDeviceCount
from dltoolbox.runtime.devices import parpool as parpool
from dltoolbox.runtime.threads import maxNumCompThreads as maxNumCompThreads
from dltoolbox.testing.check_layer import checkLayer as checkLayer
from dltoolbox.train.options import trainingOptions as trainingOptions
from dltoolbox.train.train_network import trainNetwork as trainNetwork

__version__: str
__all__ = [
    "Acceleratable", "ClassificationLayer", "DAGNetwork", "DltoolboxError", "DltoolboxWarning", "Formattable", "Issue",
    "Layer", "LayerArray", "LayerGraph", "MissingExtraError", "NetworkAnalysis", "RegressionLayer",
    "SemanticSegmentationMetrics", "SeriesNetwork", "TrainingInfo", "accuracyMetric", "activations", "adamupdate",
    "adaptiveAveragePooling2dLayer", "addInputLayer", "addLayers", "addcats", "additionLayer", "alexnet",
    "analyzeNetwork", "anchorBoxLayer", "arrayDatastore", "assembleNetwork", "attention", "attentionLayer", "aucMetric",
    "augment", "augmentedImageDatastore", "averagePooling1dLayer", "averagePooling2dLayer", "averagePooling3dLayer",
    "avgpool", "batchNormalizationLayer", "batchnorm", "bilstmLayer", "bisenetv2", "canUseGPU", "canUseParallelPool",
    "categorical", "categories", "channelShuffleLayer", "checkLayer", "chickenpox_dataset", "classificationLayer",
    "classify", "classifyAndUpdateState", "clearCache", "clippedReluLayer", "complexFullyConnectedLayer",
    "complexReluLayer", "complexToRealLayer", "compressNetworkUsingProjection", "concatenationLayer", "confusionchart",
    "confusionmat", "connectLayers", "convolution1dLayer", "convolution2dLayer", "convolution3dLayer",
    "cosineLearnRate", "countEachLabel", "countcats", "crop2dLayer", "crop3dLayer", "crossChannelNormalizationLayer",
    "crosschannelnorm", "crossentropy", "ctc", "cvpartition", "cwtLayer", "cyclicalLearnRate", "dag2dlnetwork",
    "darknet19", "darknet53", "deepDreamImage", "deepNetworkDesigner", "deeplabv3plus", "deeplabv3plusLayers",
    "densenet201", "depthConcatenationLayer", "depthToSpace2dLayer", "dicePixelClassificationLayer",
    "digitTest4DArrayData", "digitTrain4DArrayData", "dims", "disconnectLayers", "disp", "dlaccelerate", "dlarray",
    "dlconv", "dldivergence", "dlfeval", "dlgradient", "dljacobian", "dllaplacian", "dlmtimes", "dlnetwork", "dlode45",
    "dlquantizer", "dlresize", "dltranspconv", "dlupdate", "doc2sequence", "drise", "dropoutLayer", "efficientnetb0",
    "eluLayer", "embed", "embeddingConcatenationLayer", "embeddingLayer", "estimateNetworkOutputBounds",
    "evaluateSemanticSegmentation", "expandLayers", "explain", "exponentialLearnRate", "exportNetworkToTensorFlow",
    "exportONNXNetwork", "extractdata", "fScoreMetric", "fcnLayers", "featureInputLayer", "fileDatastore",
    "findPlaceholderLayers", "finddim", "flattenLayer", "focalLossLayer", "forward", "freezeParameters",
    "freezeWeights", "fullyConnectedLayer", "fullyconnect", "functionLayer", "functionToLayerGraph", "gather",
    "gearboxFeatures", "gelu", "geluLayer", "getL2Factor", "getLayer", "getLearnRateFactor",
    "globalAveragePooling1dLayer", "globalAveragePooling2dLayer", "globalAveragePooling3dLayer",
    "globalMaxPooling1dLayer", "globalMaxPooling2dLayer", "globalMaxPooling3dLayer", "googlenet", "gpuArray",
    "gpuDevice", "gpuDeviceCount", "gradCAM", "groupLayers", "groupNormalizationLayer", "groupSubPlot",
    "groupedConvolution2dLayer", "groupnorm", "gru", "gruLayer", "gruProjectedLayer", "hasdata", "huber", "icwtLayer",
    "identityLayer", "image3dInputLayer", "imageDataAugmenter", "imageDatastore", "imageInputLayer", "imageLIME",
    "imagePretrainedNetwork", "importCaffeLayers", "importCaffeNetwork", "importKerasLayers", "importKerasNetwork",
    "importNetworkFromKeras", "importNetworkFromONNX", "importNetworkFromPyTorch", "importNetworkFromTensorFlow",
    "importONNXLayers", "importONNXNetwork", "inceptionresnetv2", "inceptionv3", "ind2word", "indexcrossentropy",
    "indexing1dLayer", "initialize", "inputLayer", "instanceNormalizationLayer", "instancenorm",
    "inverseNormalizationLayer", "iscategorical", "iscategory", "isdlarray", "isordinal", "istftLayer", "isundefined",
    "japaneseVowelsTestData", "japaneseVowelsTrainData", "l1loss", "l2loss", "labeloverlay", "layerArray", "layerGraph",
    "layerNormalizationLayer", "layernorm", "lbfgsState", "lbfgsupdate", "leakyReluLayer", "leakyrelu",
    "learnableParameter", "loadNetwork", "loadVariables", "lstm", "lstmLayer", "lstmProjectedLayer", "mapeMetric",
    "maxNumCompThreads", "maxPooling1dLayer", "maxPooling2dLayer", "maxPooling3dLayer", "maxUnpooling1dLayer",
    "maxUnpooling2dLayer", "maxUnpooling3dLayer", "maxpool", "maxunpool", "mergecats", "minibatchpredict",
    "minibatchqueue", "mobilenetv2", "modwtLayer", "mse", "multiplicationLayer", "nasnetlarge", "nasnetmobile",
    "networkDataLayout", "networkLayer", "neuralODELayer", "neuronPCA", "numpartitions", "occlusionSensitivity",
    "onehotdecode", "onehotencode", "padsequences", "parpool", "patchEmbeddingLayer", "permuteLayer",
    "piecewiseLearnRate", "pixelClassificationLayer", "pixelLabelDatastore", "pixelLabelImageDatastore",
    "placeholderLayer", "plot", "plotconfusion", "pointCloudInputLayer", "polynomialLearnRate", "poolingLayerFrom",
    "poolingLayerTo", "poolingOverlap", "poolingToStridedConvolution", "positionEmbeddingLayer", "precisionMetric",
    "predict", "predictAndUpdateState", "preluLayer", "quadraticLayer", "rSquaredMetric",
    "randomPatchExtractionDatastore", "rcnnBoxRegressionLayer", "readall", "readimage", "realToComplexLayer",
    "recallMetric", "recordMetrics", "regionProposalLayer", "registerFunction", "registerLayer", "regressionLayer",
    "relu", "reluLayer", "removeLayers", "removecats", "renamecats", "reordercats", "replaceLayer", "reset",
    "resetState", "reshapeLayer", "resize2dLayer", "resize3dLayer", "resnet101", "resnet18", "resnet3dLayers",
    "resnet3dNetwork", "resnet50", "resnetLayers", "resnetNetwork", "rmseMetric", "rmspropupdate", "rng", "rocmetrics",
    "roiAlignLayer", "roiInputLayer", "roiMaxPooling2dLayer", "rpnClassificationLayer", "rpnSoftmaxLayer",
    "saveNetwork", "saveVariables", "scalingLayer", "scores2label", "seasonalSeries", "segnetLayers",
    "selfAttentionLayer", "semanticseg", "sequenceFoldingLayer", "sequenceInputLayer", "sequenceUnfoldingLayer",
    "setL2Factor", "setLearnRateFactor", "setcats", "sgdmupdate", "shapeVolumes", "shufflenet", "sigmoid",
    "sigmoidLayer", "signalDatastore", "sinusoidalPositionEncodingLayer", "softmax", "softmaxLayer", "softplusLayer",
    "spaceToDepthLayer", "spatialDropoutLayer", "spatialTransformerLayer", "spectralConvolution1dLayer",
    "spectralConvolution2dLayer", "spectralConvolution3dLayer", "splitEachLabel", "squeezenet", "ssdMergeLayer",
    "stateParameter", "stftLayer", "stochasticPooling1dLayer", "stochasticPooling2dLayer", "stochasticPooling3dLayer",
    "stripdims", "summary", "swishLayer", "tanhLayer", "taylorPrunableNetwork", "testnet", "toMATLAB", "toPython",
    "trainNetwork", "trainingOptions", "trainingProgressMonitor", "trainnet", "transposedConv1dLayer",
    "transposedConv2dLayer", "transposedConv3dLayer", "triangleImages", "unet", "unet3d", "unet3dLayers", "unetLayers",
    "unfreezeWeights", "updateInfo", "verifyNetworkRobustness", "vgg16", "vgg19", "visionTransformer",
    "warmupLearnRate", "waveformSequences", "word2ind", "wordEmbeddingLayer", "wordEncoding", "xception",
    "yolov2OutputLayer", "yolov2ReorgLayer", "yolov2TransformLayer", "yscale", "zreluLayer",
]

def reluLayer(
    *pairs: Any,
    Name: str = '',
) -> _ReLULayer:
    """Rectified linear unit layer: max(0, x), element by element."""

def leakyReluLayer(
    scale: float | str = 0.01,
    *pairs: Any,
    Name: str = '',
) -> _LeakyReLULayer:
    """Leaky rectified linear unit layer: x where x ≥ 0, scale·x elsewhere."""

def softmaxLayer(
    *pairs: Any,
    Name: str = '',
) -> _SoftmaxLayer:
    """Softmax layer: exp(x) / Σ exp(x) over the channels, for every pixel and observation."""

def dropoutLayer(
    probability: float | str = 0.5,
    *pairs: Any,
    Name: str = '',
) -> _DropoutLayer:
    """Dropout layer: in training, zero with the given probability and 1/(1 − probability) times x otherwise."""

def spatialDropoutLayer(
    probability: float | str = 0.5,
    *pairs: Any,
    Name: str = '',
) -> _SpatialDropoutLayer:
    """Spatial dropout layer: in training, whole channels of an observation are zero with the given probability."""

def clippedReluLayer(
    ceiling: float,
    *pairs: Any,
    Name: str = '',
) -> _ClippedReLULayer:
    """Clipped rectified linear unit layer: min(max(0, x), ceiling), element by element."""

def eluLayer(
    alpha: float | str = 1,
    *pairs: Any,
    Name: str = '',
) -> _ELULayer:
    """Exponential linear unit layer: x where x ≥ 0, alpha·(exp(x) − 1) elsewhere."""

def tanhLayer(
    *pairs: Any,
    Name: str = '',
) -> _TanhLayer:
    """Hyperbolic tangent layer."""

def sigmoidLayer(
    *pairs: Any,
    Name: str = '',
) -> _SigmoidLayer:
    """Sigmoid layer: 1/(1 + exp(−x))."""

def swishLayer(
    *pairs: Any,
    Name: str = '',
) -> _SwishLayer:
    """Swish layer: x/(1 + exp(−x))."""

def geluLayer(
    *pairs: Any,
    Approximation: Literal['none', 'tanh'] | str = 'none',
    Name: str = '',
) -> _GELULayer:
    """Gaussian error linear unit layer: x·Φ(x) = x/2·(1 + erf(x/√2))."""

def softplusLayer(
    *pairs: Any,
    Name: str = '',
) -> _SoftplusLayer:
    """Softplus layer: log(1 + exp(x)), a smooth rectifier whose output is positive."""

def preluLayer(
    *pairs: Any,
    Alpha: ArrayLike = 0.25,
    AlphaLearnRateFactor: float = 1,
    AlphaL2Factor: float = 1,
    Name: str = '',
) -> _PReLULayer:
    """Parametrised rectified linear unit layer: x where x > 0, Alpha·x elsewhere, with Alpha learned."""

def scalingLayer(
    *pairs: Any,
    Scale: ArrayLike = 1,
    Bias: ArrayLike = 0,
    Name: str = '',
) -> _ScalingLayer:
    """Scaling layer: Scale·x + Bias, with constants that training leaves as they are."""

def quadraticLayer(
    *pairs: Any,
    Name: str = '',
) -> _QuadraticLayer:
    """Quadratic layer: the products of two channels, each pair once, as channels."""

def identityLayer(
    *pairs: Any,
    Name: str = '',
) -> _IdentityLayer:
    """Identity layer: passes its input on unchanged."""

def flattenLayer(
    *pairs: Any,
    Name: str = '',
) -> _FlattenLayer:
    """Flatten layer: the spatial dimensions and the channels of each observation as channels only, column-major."""

def permuteLayer(
    dimorder: Sequence[int],
    *pairs: Any,
    Name: str = '',
) -> _PermuteLayer:
    """Permute layer: dimension i of the output is dimension ``dimorder(i)`` of the input."""

def reshapeLayer(
    sz: int | Sequence[Any],
    *pairs: Any,
    OperationDimension: Literal['all', 'spatial-channel'] | str = 'all',
    Name: str = '',
) -> _ReshapeLayer:
    """Reshape layer: the elements of every observation, column-major, as an array of another size."""

def channelShuffleLayer(
    numGroups: int,
    *pairs: Any,
    Name: str = '',
) -> _ChannelShuffleLayer:
    """Channel shuffle layer: the first channel of every group, then the second of every group, and so on."""

def spaceToDepthLayer(
    blockSize: int | Sequence[int],
    *pairs: Any,
    Name: str = '',
) -> _SpaceToDepthLayer:
    """Space to depth layer: every block of h×w elements becomes h·w times as many channels."""

def depthToSpace2dLayer(
    blockSize: int | Sequence[int],
    *pairs: Any,
    Mode: Literal['dcr', 'crd'] | str = 'dcr',
    Name: str = '',
) -> _DepthToSpace2DLayer:
    """2-D depth to space layer: every h·w channels become a block of h×w elements of one channel."""

def additionLayer(
    numInputs: int,
    *pairs: Any,
    Name: str = '',
) -> _AdditionLayer:
    """Addition layer: the element-wise sum of its inputs; dimensions of size 1 expand."""

def multiplicationLayer(
    numInputs: int,
    *pairs: Any,
    Name: str = '',
) -> _MultiplicationLayer:
    """Multiplication layer: the element-wise product of its inputs; dimensions of size 1 expand."""

def depthConcatenationLayer(
    numInputs: int,
    *pairs: Any,
    Name: str = '',
) -> _DepthConcatenationLayer:
    """Depth concatenation layer: joins its inputs along the channels; their other sizes must be equal."""

def concatenationLayer(
    dim: int,
    numInputs: int,
    *pairs: Any,
    Name: str = '',
) -> _ConcatenationLayer:
    """Concatenation layer: joins its inputs along dimension ``dim`` (1 is the first); their other sizes must be equal."""

def convolution1dLayer(
    filterSize: int,
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int = 1,
    DilationFactor: int = 1,
    Padding: Literal['same', 'causal'] | int | Sequence[Any] = 0,
    PaddingValue: float | Literal['symmetric-include-edge', 'symmetric-exclude-edge', 'replicate'] | str = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _Convolution1DLayer:
    """1-D convolution layer: ``numFilters`` filters slide over the time of sequences ``c×t``, or over space."""

def convolution2dLayer(
    filterSize: int | Sequence[int],
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int | Sequence[int] = 1,
    DilationFactor: int | Sequence[int] = 1,
    Padding: Literal['same'] | int | Sequence[Any] = 0,
    PaddingValue: float | Literal['symmetric-include-edge', 'symmetric-exclude-edge', 'replicate'] | str = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _Convolution2DLayer:
    """2-D convolution layer: ``numFilters`` filters slide over an ``h×w×c×n`` input."""

def convolution3dLayer(
    filterSize: int | Sequence[int],
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int | Sequence[int] = 1,
    DilationFactor: int | Sequence[int] = 1,
    Padding: Literal['same'] | int | Sequence[Any] = 0,
    PaddingValue: float | Literal['symmetric-include-edge', 'symmetric-exclude-edge', 'replicate'] | str = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _Convolution3DLayer:
    """3-D convolution layer: filters slide over an ``h×w×d×c×n`` input; as `convolution2dLayer` in three dimensions."""

def groupedConvolution2dLayer(
    filterSize: int | Sequence[int],
    numFiltersPerGroup: int,
    numGroups: Literal['channel-wise'] | int,
    *pairs: Any,
    NumChannelsPerGroup: Literal['auto'] | int = 'auto',
    Stride: int | Sequence[int] = 1,
    DilationFactor: int | Sequence[int] = 1,
    Padding: Literal['same'] | int | Sequence[Any] = 0,
    PaddingValue: float | Literal['symmetric-include-edge', 'symmetric-exclude-edge', 'replicate'] | str = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _GroupedConvolution2DLayer:
    """2-D grouped convolution layer: the channels are divided into groups, each with filters of its own."""

def fullyConnectedLayer(
    outputSize: int,
    *pairs: Any,
    InputSize: Literal['auto'] | int = 'auto',
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _FullyConnectedLayer:
    """Fully connected layer: ``Weights·x + Bias`` over all features of an observation."""

def transposedConv1dLayer(
    filterSize: int,
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int = 1,
    Cropping: Literal['same'] | int | Sequence[Any] = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _TransposedConvolution1DLayer:
    """1-D transposed convolution layer: lengthens sequences ``c×t``, or space, by its stride."""

def transposedConv2dLayer(
    filterSize: int | Sequence[int],
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int | Sequence[int] = 1,
    Cropping: Literal['same'] | int | Sequence[Any] = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones', 'bilinear'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _TransposedConvolution2DLayer:
    """2-D transposed convolution layer: enlarges an ``h×w×c×n`` input by its stride."""

def transposedConv3dLayer(
    filterSize: int | Sequence[int],
    numFilters: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Stride: int | Sequence[int] = 1,
    Cropping: Literal['same'] | int | Sequence[Any] = 0,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _TransposedConvolution3DLayer:
    """3-D transposed convolution layer: enlarges an ``h×w×d×c×n`` input; as `transposedConv2dLayer` in three dimensions."""

def inputLayer(
    inputSize: Sequence[float | None],
    inputFormat: str,
    *pairs: Any,
    Name: str = '',
) -> _InputLayer:
    """Input layer: takes data of any supported format as they are, without normalisation."""

def imageInputLayer(
    inputSize: Sequence[int],
    *pairs: Any,
    Normalization: Literal['zerocenter', 'zscore', 'rescale-symmetric', 'rescale-zero-one', 'none'] | str | Callable[..., Any] = 'zerocenter',
    NormalizationDimension: Literal['auto', 'channel', 'element', 'all'] | str = 'auto',
    Mean: ArrayLike | None = None,
    StandardDeviation: ArrayLike | None = None,
    Min: ArrayLike | None = None,
    Max: ArrayLike | None = None,
    SplitComplexInputs: bool = False,
    DataAugmentation: Any = 'none',
    Name: str = '',
) -> _ImageInputLayer:
    """Image input layer: takes ``h×w×c×n`` images and normalises them."""

def image3dInputLayer(
    inputSize: Sequence[int],
    *pairs: Any,
    Normalization: Literal['zerocenter', 'zscore', 'rescale-symmetric', 'rescale-zero-one', 'none'] | str | Callable[..., Any] = 'zerocenter',
    NormalizationDimension: Literal['auto', 'channel', 'element', 'all'] | str = 'auto',
    Mean: ArrayLike | None = None,
    StandardDeviation: ArrayLike | None = None,
    Min: ArrayLike | None = None,
    Max: ArrayLike | None = None,
    SplitComplexInputs: bool = False,
    Name: str = '',
) -> _Image3DInputLayer:
    """3-D image input layer: takes ``h×w×d×c×n`` volumes and normalises them as `imageInputLayer` does."""

def featureInputLayer(
    numFeatures: int,
    *pairs: Any,
    NormalizationDimension: Literal['auto', 'channel', 'element', 'all'] | str = 'auto',
    Mean: ArrayLike | None = None,
    StandardDeviation: ArrayLike | None = None,
    Min: ArrayLike | None = None,
    Max: ArrayLike | None = None,
    SplitComplexInputs: bool = False,
    Normalization: Literal['zerocenter', 'zscore', 'rescale-symmetric', 'rescale-zero-one', 'none'] | str | Callable[..., Any] = 'none',
    Name: str = '',
) -> _FeatureInputLayer:
    """Feature input layer: takes ``n×f`` tables of features, one row per observation."""

def sequenceInputLayer(
    inputSize: int | Sequence[int],
    *pairs: Any,
    NormalizationDimension: Literal['auto', 'channel', 'element', 'all'] | str = 'auto',
    Mean: ArrayLike | None = None,
    StandardDeviation: ArrayLike | None = None,
    Min: ArrayLike | None = None,
    Max: ArrayLike | None = None,
    SplitComplexInputs: bool = False,
    MinLength: int = 1,
    Normalization: Literal['zerocenter', 'zscore', 'rescale-symmetric', 'rescale-zero-one', 'none'] | str | Callable[..., Any] = 'none',
    Name: str = '',
) -> _SequenceInputLayer:
    """Sequence input layer: takes sequences of any lengths, of vectors (``c×t`` each) or images (``h×w×c×t``)."""

def batchNormalizationLayer(
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    MeanDecay: float = 0.1,
    VarianceDecay: float = 0.1,
    Epsilon: float = 1e-05,
    TrainedMean: ArrayLike | None = None,
    TrainedVariance: ArrayLike | None = None,
    Offset: ArrayLike | None = None,
    Scale: ArrayLike | None = None,
    OffsetInitializer: Literal['zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'zeros',
    ScaleInitializer: Literal['ones', 'zeros', 'narrow-normal'] | str | Callable[..., Any] = 'ones',
    OffsetLearnRateFactor: float = 1,
    ScaleLearnRateFactor: float = 1,
    OffsetL2Factor: float = 1,
    ScaleL2Factor: float = 1,
    FixedStatistics: bool = False,
    Name: str = '',
) -> _BatchNormalizationLayer:
    """Batch normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset per channel."""

def groupNormalizationLayer(
    numGroups: Literal['all-channels'] | Literal['channel-wise'] | int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Epsilon: float = 1e-05,
    Offset: ArrayLike | None = None,
    Scale: ArrayLike | None = None,
    OffsetInitializer: Literal['zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'zeros',
    ScaleInitializer: Literal['ones', 'zeros', 'narrow-normal'] | str | Callable[..., Any] = 'ones',
    OffsetLearnRateFactor: float = 1,
    ScaleLearnRateFactor: float = 1,
    OffsetL2Factor: float = 1,
    ScaleL2Factor: float = 1,
    Name: str = '',
) -> _GroupNormalizationLayer:
    """Group normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each group of channels."""

def instanceNormalizationLayer(
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Epsilon: float = 1e-05,
    Offset: ArrayLike | None = None,
    Scale: ArrayLike | None = None,
    OffsetInitializer: Literal['zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'zeros',
    ScaleInitializer: Literal['ones', 'zeros', 'narrow-normal'] | str | Callable[..., Any] = 'ones',
    OffsetLearnRateFactor: float = 1,
    ScaleLearnRateFactor: float = 1,
    OffsetL2Factor: float = 1,
    ScaleL2Factor: float = 1,
    Name: str = '',
) -> _InstanceNormalizationLayer:
    """Instance normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each channel."""

def layerNormalizationLayer(
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    Epsilon: float = 1e-05,
    OperationDimension: Literal['auto', 'channel-only', 'spatial-channel', 'batch-excluded'] | str = 'auto',
    Offset: ArrayLike | None = None,
    Scale: ArrayLike | None = None,
    OffsetInitializer: Literal['zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'zeros',
    ScaleInitializer: Literal['ones', 'zeros', 'narrow-normal'] | str | Callable[..., Any] = 'ones',
    OffsetLearnRateFactor: float = 1,
    ScaleLearnRateFactor: float = 1,
    OffsetL2Factor: float = 1,
    ScaleL2Factor: float = 1,
    Name: str = '',
) -> _LayerNormalizationLayer:
    """Layer normalisation layer: Scale·(x − mean)/√(variance + Epsilon) + Offset, the statistics of each observation."""

def crossChannelNormalizationLayer(
    windowChannelSize: int,
    *pairs: Any,
    Alpha: float = 0.0001,
    Beta: float = 0.75,
    K: float = 2,
    Name: str = '',
) -> _CrossChannelNormalizationLayer:
    """Cross-channel (local response) normalisation layer: x / (K + Alpha·ss/windowChannelSize)^Beta."""

def inverseNormalizationLayer(
    dim: Literal['channel'] | int | str = 'channel',
    *pairs: Any,
    Normalization: Literal['zscore', 'zerocenter', 'rescale-symmetric', 'rescale-zero-one', 'none'] | str = 'zscore',
    Mean: ArrayLike | None = None,
    StandardDeviation: ArrayLike | None = None,
    Min: ArrayLike | None = None,
    Max: ArrayLike | None = None,
    Name: str = '',
) -> _InverseNormalizationLayer:
    """Inverse normalisation layer: takes predictions of normalised responses back to the responses."""

def classificationLayer(
    *pairs: Any,
    Classes: Literal['auto'] | Sequence[Any] = 'auto',
    ClassWeights: Literal['none'] | Sequence[float] = 'none',
    Name: str = '',
) -> _ClassificationOutputLayer:
    """Classification output layer: cross-entropy −(1/N) Σₙ Σₖ wₖ·tₙₖ·ln yₙₖ of N observations and K exclusive classes."""

def pixelClassificationLayer(
    *pairs: Any,
    Classes: Literal['auto'] | Sequence[Any] = 'auto',
    ClassWeights: Literal['none'] | Sequence[float] = 'none',
    Name: str = '',
) -> _PixelClassificationLayer:
    """Pixel classification layer: weighted cross-entropy over pixels, divided by the number of labelled pixels."""

def dicePixelClassificationLayer(
    *pairs: Any,
    Classes: Literal['auto'] | Sequence[Any] = 'auto',
    Name: str = '',
) -> _DicePixelClassificationLayer:
    """Dice pixel classification layer: generalised Dice loss, in which small classes count as much as large ones."""

def focalLossLayer(
    *pairs: Any,
    Classes: Literal['auto'] | Sequence[Any] = 'auto',
    Alpha: float = 0.25,
    Gamma: float = 2,
    Name: str = '',
) -> _FocalLossLayer:
    """Focal loss layer: cross-entropy in which what is classified well counts little, for classes of very different sizes."""

def regressionLayer(
    *pairs: Any,
    ResponseNames: str | Sequence[str] = (),
    Name: str = '',
) -> _RegressionOutputLayer:
    """Regression output layer: half the squared error, ½ Σᵢ (tᵢ − yᵢ)², a mean over observations."""

def maxPooling1dLayer(
    poolSize: int,
    *pairs: Any,
    Stride: int = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _MaxPooling1DLayer:
    """1-D max pooling layer: the maximum of every window over the time of sequences ``c×t``, or over space."""

def maxPooling2dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _MaxPooling2DLayer:
    """2-D max pooling layer: the maximum of every window of an ``h×w×c×n`` input."""

def maxPooling3dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _MaxPooling3DLayer:
    """3-D max pooling layer: the maximum of every window of an ``h×w×d×c×n`` input."""

def stochasticPooling1dLayer(
    poolSize: int,
    *pairs: Any,
    Stride: int = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _StochasticPooling1DLayer:
    """1-D stochastic pooling layer over the time of sequences ``c×t``, or over space; as `stochasticPooling2dLayer`."""

def stochasticPooling2dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _StochasticPooling2DLayer:
    """2-D stochastic pooling layer: in training one element of every window of an ``h×w×c×n`` input, drawn at random."""

def stochasticPooling3dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    HasUnpoolingOutputs: bool = False,
    Name: str = '',
) -> _StochasticPooling3DLayer:
    """3-D stochastic pooling layer: as `stochasticPooling2dLayer` for an ``h×w×d×c×n`` input. Beyond MATLAB."""

def maxUnpooling1dLayer(
    *pairs: Any,
    Name: str = '',
) -> _MaxUnpooling1DLayer:
    """1-D max unpooling layer, the partner of ``maxPooling1dLayer(…, HasUnpoolingOutputs=True)``. Beyond MATLAB."""

def maxUnpooling2dLayer(
    *pairs: Any,
    Name: str = '',
) -> _MaxUnpooling2DLayer:
    """2-D max unpooling layer: puts each value back where the maximum came from; everything else is 0."""

def maxUnpooling3dLayer(
    *pairs: Any,
    Name: str = '',
) -> _MaxUnpooling3DLayer:
    """3-D max unpooling layer, the partner of ``maxPooling3dLayer(…, HasUnpoolingOutputs=True)``. Beyond MATLAB."""

def averagePooling1dLayer(
    poolSize: int,
    *pairs: Any,
    Stride: int = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    PaddingValue: Literal['mean'] | float = 0,
    Divisor: Literal['auto'] | float = 'auto',
    Name: str = '',
) -> _AveragePooling1DLayer:
    """1-D average pooling layer: the mean of every window over the time of sequences ``c×t``, or over space."""

def averagePooling2dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    PaddingValue: Literal['mean'] | float = 0,
    Divisor: Literal['auto'] | float = 'auto',
    Name: str = '',
) -> _AveragePooling2DLayer:
    """2-D average pooling layer: the mean of every window of an ``h×w×c×n`` input."""

def averagePooling3dLayer(
    poolSize: int | Sequence[int],
    *pairs: Any,
    Stride: int | Sequence[int] = 1,
    Padding: Literal['same', 'same-lower'] | int | Sequence[Any] = 0,
    DilationFactor: int | Sequence[int] = 1,
    Rounding: Literal['floor', 'ceil', 'caffe'] | str = 'floor',
    PaddingValue: Literal['mean'] | float = 0,
    Divisor: Literal['auto'] | float = 'auto',
    Name: str = '',
) -> _AveragePooling3DLayer:
    """3-D average pooling layer: the mean of every window of an ``h×w×d×c×n`` input; as `averagePooling2dLayer`."""

def globalAveragePooling1dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalAveragePooling1DLayer:
    """1-D global average pooling layer: the mean over the time of sequences ``c×t``, which leaves ``c`` features."""

def globalAveragePooling2dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalAveragePooling2DLayer:
    """2-D global average pooling layer: the mean over both spatial dimensions, ``1×1×c×n``."""

def globalAveragePooling3dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalAveragePooling3DLayer:
    """3-D global average pooling layer: the mean over the three spatial dimensions, ``1×1×1×c×n``."""

def globalMaxPooling1dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalMaxPooling1DLayer:
    """1-D global max pooling layer: the maximum over the time of sequences ``c×t``, which leaves ``c`` features."""

def globalMaxPooling2dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalMaxPooling2DLayer:
    """2-D global max pooling layer: the maximum over both spatial dimensions, ``1×1×c×n``."""

def globalMaxPooling3dLayer(
    *pairs: Any,
    Name: str = '',
) -> _GlobalMaxPooling3DLayer:
    """3-D global max pooling layer: the maximum over the three spatial dimensions, ``1×1×1×c×n``."""

def crop2dLayer(
    location: Literal['centercrop'] | Sequence[int],
    *pairs: Any,
    Name: str = '',
) -> _Crop2DLayer:
    """2-D crop layer: the part of input ``in`` that has the height and width of input ``ref``."""

def crop3dLayer(
    cropLocation: Literal['centercrop'] | Sequence[int] | str = 'centercrop',
    *pairs: Any,
    Name: str = '',
) -> _Crop3DLayer:
    """3-D crop layer: the part of input ``in`` that has the spatial size of input ``ref``; as `crop2dLayer`."""

def resize2dLayer(
    *pairs: Any,
    Scale: float | Sequence[float] | None = None,
    OutputSize: Sequence[float | None] | None = None,
    EnableReferenceInput: bool = False,
    Method: Literal['nearest', 'bilinear'] | str = 'nearest',
    GeometricTransformMode: Literal['half-pixel', 'asymmetric'] | str = 'half-pixel',
    NearestRoundingMode: Literal['round', 'floor', 'onnx-10'] | str = 'round',
    Name: str = '',
) -> _Resize2DLayer:
    """2-D resize layer: resamples an ``h×w×c×n`` input by ``Scale``, to ``OutputSize``, or to the size of input ``ref``."""

def resize3dLayer(
    *pairs: Any,
    Scale: float | Sequence[float] | None = None,
    OutputSize: Sequence[float | None] | None = None,
    EnableReferenceInput: bool = False,
    Method: Literal['nearest', 'trilinear'] | str = 'nearest',
    GeometricTransformMode: Literal['half-pixel', 'asymmetric'] | str = 'half-pixel',
    NearestRoundingMode: Literal['round', 'floor', 'onnx-10'] | str = 'round',
    Name: str = '',
) -> _Resize3DLayer:
    """3-D resize layer: resamples an ``h×w×d×c×n`` input; as `resize2dLayer` in three dimensions."""

def adaptiveAveragePooling2dLayer(
    outputSize: int | Sequence[int],
    *pairs: Any,
    Name: str = '',
) -> _AdaptiveAveragePooling2DLayer:
    """2-D adaptive average pooling layer: the means of outputSize regions, whatever the size of the input."""

def spectralConvolution1dLayer(
    numModes: int,
    hiddenSize: int,
    *pairs: Any,
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['complex-glorot-normal', 'zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'complex-glorot-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _SpectralConvolution1DLayer:
    """1-D spectral convolution layer: the lowest ``numModes`` frequencies of every channel times complex weights."""

def spectralConvolution2dLayer(
    numModes: int | Sequence[int],
    hiddenSize: int,
    *pairs: Any,
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['complex-glorot-normal', 'zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'complex-glorot-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _SpectralConvolution2DLayer:
    """2-D spectral convolution layer; as `spectralConvolution1dLayer` in two dimensions."""

def spectralConvolution3dLayer(
    numModes: int | Sequence[int],
    hiddenSize: int,
    *pairs: Any,
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['complex-glorot-normal', 'zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'complex-glorot-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _SpectralConvolution3DLayer:
    """3-D spectral convolution layer; as `spectralConvolution1dLayer` in three dimensions."""

def complexToRealLayer(
    *pairs: Any,
    OperationDimension: str = 'C',
    Name: str = '',
) -> _ComplexToRealLayer:
    """Complex-to-real layer: c complex channels become 2c real ones, real and imaginary parts in turn."""

def realToComplexLayer(
    *pairs: Any,
    OperationDimension: str = 'C',
    Name: str = '',
) -> _RealToComplexLayer:
    """Real-to-complex layer: 2c real channels become c complex ones, the inverse of `complexToRealLayer`."""

def complexReluLayer(
    *pairs: Any,
    Name: str = '',
) -> _ComplexReLULayer:
    """Complex ReLU layer: max(0, x) of real parts and of imaginary parts."""

def zreluLayer(
    *pairs: Any,
    Name: str = '',
) -> _ZReLULayer:
    """Z-ReLU layer: x where its real and imaginary parts are both at least zero, 0 elsewhere."""

def complexFullyConnectedLayer(
    outputSize: int,
    dim: Literal['spatial-channel'] | str | str = 'spatial-channel',
    *pairs: Any,
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['complex-glorot-normal', 'zeros', 'ones', 'narrow-normal'] | str | Callable[..., Any] = 'complex-glorot-normal',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _ComplexFullyConnectedLayer:
    """Complex fully connected layer: ``Weights·x + Bias`` with complex numbers, over all features of an observation."""

def selfAttentionLayer(
    numHeads: int,
    numKeyChannels: int,
    *pairs: Any,
    AttentionMask: Literal['none', 'causal'] | str = 'none',
    HasPaddingMaskInput: bool = False,
    HasScoresOutput: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    NumValueChannels: Literal['auto'] | int = 'auto',
    OutputSize: Literal['auto'] | int = 'auto',
    DropoutProbability: float = 0,
    QueryWeights: ArrayLike | None = None,
    KeyWeights: ArrayLike | None = None,
    ValueWeights: ArrayLike | None = None,
    OutputWeights: ArrayLike | None = None,
    QueryBias: ArrayLike | None = None,
    KeyBias: ArrayLike | None = None,
    ValueBias: ArrayLike | None = None,
    OutputBias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _SelfAttentionLayer:
    """Self-attention layer: OutputWeights·attention(queries, keys, values) + OutputBias, all three made of the input."""

def attentionLayer(
    numHeads: int,
    *pairs: Any,
    Scale: Literal['auto'] | float = 'auto',
    HasPaddingMaskInput: bool = False,
    HasScoresOutput: bool = False,
    AttentionMask: Literal['none', 'causal'] | str = 'none',
    DropoutProbability: float = 0,
    Name: str = '',
) -> _AttentionLayer:
    """Attention layer: each query takes the mean of all values, weighted by softmax(Scale·keysᵀ·query), head by head."""

def wordEmbeddingLayer(
    dimension: int,
    numWords: int,
    *pairs: Any,
    OOVMode: Literal['map-to-last', 'error'] | str = 'map-to-last',
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['narrow-normal', 'glorot', 'he', 'orthogonal', 'zeros', 'ones'] | str | Callable[..., Any] = 'narrow-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _WordEmbeddingLayer:
    """Word embedding layer: for every word index, counted from 1, the column of Weights that belongs to it."""

def embeddingLayer(
    outputSize: int,
    maxIndex: int,
    *pairs: Any,
    MaskIndex: int | None = None,
    ZeroIndexMapping: Literal['error', 'first-vector'] | str = 'error',
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'narrow-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _EmbeddingLayer:
    """Embedding layer: for every index, such as the number of a category, the column of Weights that belongs to it."""

def positionEmbeddingLayer(
    outputSize: int,
    maxPosition: int,
    *pairs: Any,
    PositionDimension: Literal['auto', 'temporal', 'spatial'] | str = 'auto',
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'narrow-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _PositionEmbeddingLayer:
    """Position embedding layer: a learned vector for every position, whatever the input holds there."""

def sinusoidalPositionEncodingLayer(
    outputSize: int,
    *pairs: Any,
    Positions: Literal['auto', 'temporal-indices', 'spatial-indices', 'data-values'] | str = 'auto',
    Name: str = '',
) -> _SinusoidalPositionEncodingLayer:
    """Sinusoidal position encoding layer: sines and cosines of every position in ``outputSize`` channels."""

def patchEmbeddingLayer(
    patchSize: int | Sequence[int],
    outputSize: int,
    *pairs: Any,
    NumChannels: Literal['auto'] | int = 'auto',
    SpatialFlattenMode: Literal['column-major', 'row-major'] | str = 'column-major',
    Weights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    WeightLearnRateFactor: float = 1,
    BiasLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    BiasL2Factor: float = 0,
    Name: str = '',
) -> _PatchEmbeddingLayer:
    """Patch embedding layer: a vector for every patch of an image; the patches lie side by side along one dimension."""

def embeddingConcatenationLayer(
    *pairs: Any,
    Weights: ArrayLike | None = None,
    WeightsInitializer: Literal['glorot', 'he', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'narrow-normal',
    WeightLearnRateFactor: float = 1,
    WeightL2Factor: float = 1,
    Name: str = '',
) -> _EmbeddingConcatenationLayer:
    """Embedding concatenation layer: a learned vector as a new first step, such as the class token of a transformer."""

def indexing1dLayer(
    index: Literal['first', 'last'] | str | str = 'first',
    *pairs: Any,
    HasPaddingMaskInput: bool = False,
    Name: str = '',
) -> _Indexing1DLayer:
    """1-D indexing layer: the first or the last step of a sequence, or position along one spatial dimension."""

def sequenceFoldingLayer(
    *pairs: Any,
    Name: str = '',
) -> _SequenceFoldingLayer:
    """Sequence folding layer: every time step of every sequence is an observation of its own behind it."""

def sequenceUnfoldingLayer(
    *pairs: Any,
    Name: str = '',
) -> _SequenceUnfoldingLayer:
    """Sequence unfolding layer: the sequences that a sequenceFoldingLayer took apart."""

def lstmLayer(
    numHiddenUnits: int,
    *pairs: Any,
    HasStateInputs: bool = False,
    HasStateOutputs: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    OutputMode: Literal['sequence', 'last'] | str = 'sequence',
    StateActivationFunction: Literal['tanh', 'softsign', 'relu'] | str = 'tanh',
    GateActivationFunction: Literal['sigmoid', 'hard-sigmoid'] | str = 'sigmoid',
    InputWeights: ArrayLike | None = None,
    RecurrentWeights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    HiddenState: ArrayLike | None = None,
    CellState: ArrayLike | None = None,
    InputWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    RecurrentWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    BiasInitializer: Literal['unit-forget-gate', 'narrow-normal', 'ones', 'zeros'] | str | Callable[..., Any] = 'unit-forget-gate',
    InputWeightsLearnRateFactor: float | Sequence[float] = 1,
    RecurrentWeightsLearnRateFactor: float | Sequence[float] = 1,
    BiasLearnRateFactor: float | Sequence[float] = 1,
    InputWeightsL2Factor: float | Sequence[float] = 1,
    RecurrentWeightsL2Factor: float | Sequence[float] = 1,
    BiasL2Factor: float | Sequence[float] = 0,
    Name: str = '',
) -> _LSTMLayer:
    """LSTM layer: long short-term memory over the steps of a sequence of ``c`` channels."""

def bilstmLayer(
    numHiddenUnits: int,
    *pairs: Any,
    HasStateInputs: bool = False,
    HasStateOutputs: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    OutputMode: Literal['sequence', 'last'] | str = 'sequence',
    StateActivationFunction: Literal['tanh', 'softsign', 'relu'] | str = 'tanh',
    GateActivationFunction: Literal['sigmoid', 'hard-sigmoid'] | str = 'sigmoid',
    InputWeights: ArrayLike | None = None,
    RecurrentWeights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    HiddenState: ArrayLike | None = None,
    CellState: ArrayLike | None = None,
    InputWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    RecurrentWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    BiasInitializer: Literal['unit-forget-gate', 'narrow-normal', 'ones', 'zeros'] | str | Callable[..., Any] = 'unit-forget-gate',
    InputWeightsLearnRateFactor: float | Sequence[float] = 1,
    RecurrentWeightsLearnRateFactor: float | Sequence[float] = 1,
    BiasLearnRateFactor: float | Sequence[float] = 1,
    InputWeightsL2Factor: float | Sequence[float] = 1,
    RecurrentWeightsL2Factor: float | Sequence[float] = 1,
    BiasL2Factor: float | Sequence[float] = 0,
    Name: str = '',
) -> _BiLSTMLayer:
    """Bidirectional LSTM layer: one LSTM from the first step to the last, one back, and what both leave at each step."""

def gruLayer(
    numHiddenUnits: int,
    *pairs: Any,
    HasStateInputs: bool = False,
    HasStateOutputs: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    OutputMode: Literal['sequence', 'last'] | str = 'sequence',
    StateActivationFunction: Literal['tanh', 'softsign', 'relu'] | str = 'tanh',
    GateActivationFunction: Literal['sigmoid', 'hard-sigmoid'] | str = 'sigmoid',
    ResetGateMode: Literal['after-multiplication', 'before-multiplication', 'recurrent-bias-after-multiplication'] | str = 'after-multiplication',
    InputWeights: ArrayLike | None = None,
    RecurrentWeights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    HiddenState: ArrayLike | None = None,
    InputWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    RecurrentWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    InputWeightsLearnRateFactor: float | Sequence[float] = 1,
    RecurrentWeightsLearnRateFactor: float | Sequence[float] = 1,
    BiasLearnRateFactor: float | Sequence[float] = 1,
    InputWeightsL2Factor: float | Sequence[float] = 1,
    RecurrentWeightsL2Factor: float | Sequence[float] = 1,
    BiasL2Factor: float | Sequence[float] = 0,
    Name: str = '',
) -> _GRULayer:
    """GRU layer: gated recurrent units over the steps of a sequence of ``c`` channels."""

def lstmProjectedLayer(
    numHiddenUnits: int,
    outputProjectorSize: int,
    inputProjectorSize: int,
    *pairs: Any,
    HasStateInputs: bool = False,
    HasStateOutputs: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    OutputMode: Literal['sequence', 'last'] | str = 'sequence',
    StateActivationFunction: Literal['tanh', 'softsign', 'relu'] | str = 'tanh',
    GateActivationFunction: Literal['sigmoid', 'hard-sigmoid'] | str = 'sigmoid',
    InputWeights: ArrayLike | None = None,
    RecurrentWeights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    HiddenState: ArrayLike | None = None,
    CellState: ArrayLike | None = None,
    InputProjector: ArrayLike | None = None,
    OutputProjector: ArrayLike | None = None,
    InputWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    RecurrentWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    BiasInitializer: Literal['unit-forget-gate', 'narrow-normal', 'ones', 'zeros'] | str | Callable[..., Any] = 'unit-forget-gate',
    InputWeightsLearnRateFactor: float | Sequence[float] = 1,
    RecurrentWeightsLearnRateFactor: float | Sequence[float] = 1,
    BiasLearnRateFactor: float | Sequence[float] = 1,
    InputWeightsL2Factor: float | Sequence[float] = 1,
    RecurrentWeightsL2Factor: float | Sequence[float] = 1,
    BiasL2Factor: float | Sequence[float] = 0,
    InputProjectorInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    OutputProjectorInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    InputProjectorLearnRateFactor: float = 1,
    OutputProjectorLearnRateFactor: float = 1,
    InputProjectorL2Factor: float = 1,
    OutputProjectorL2Factor: float = 1,
    Name: str = '',
) -> _LSTMProjectedLayer:
    """Projected LSTM layer: an LSTM whose weights are products of two narrow matrices, so that there are fewer learnables."""

def gruProjectedLayer(
    numHiddenUnits: int,
    outputProjectorSize: int,
    inputProjectorSize: int,
    *pairs: Any,
    HasStateInputs: bool = False,
    HasStateOutputs: bool = False,
    InputSize: Literal['auto'] | int = 'auto',
    OutputMode: Literal['sequence', 'last'] | str = 'sequence',
    StateActivationFunction: Literal['tanh', 'softsign', 'relu'] | str = 'tanh',
    GateActivationFunction: Literal['sigmoid', 'hard-sigmoid'] | str = 'sigmoid',
    ResetGateMode: Literal['after-multiplication', 'before-multiplication', 'recurrent-bias-after-multiplication'] | str = 'after-multiplication',
    InputWeights: ArrayLike | None = None,
    RecurrentWeights: ArrayLike | None = None,
    Bias: ArrayLike | None = None,
    HiddenState: ArrayLike | None = None,
    InputProjector: ArrayLike | None = None,
    OutputProjector: ArrayLike | None = None,
    InputWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'glorot',
    RecurrentWeightsInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    BiasInitializer: Literal['zeros', 'narrow-normal', 'ones'] | str | Callable[..., Any] = 'zeros',
    InputWeightsLearnRateFactor: float | Sequence[float] = 1,
    RecurrentWeightsLearnRateFactor: float | Sequence[float] = 1,
    BiasLearnRateFactor: float | Sequence[float] = 1,
    InputWeightsL2Factor: float | Sequence[float] = 1,
    RecurrentWeightsL2Factor: float | Sequence[float] = 1,
    BiasL2Factor: float | Sequence[float] = 0,
    InputProjectorInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    OutputProjectorInitializer: Literal['glorot', 'he', 'orthogonal', 'narrow-normal', 'zeros', 'ones'] | str | Callable[..., Any] = 'orthogonal',
    InputProjectorLearnRateFactor: float = 1,
    OutputProjectorLearnRateFactor: float = 1,
    InputProjectorL2Factor: float = 1,
    OutputProjectorL2Factor: float = 1,
    Name: str = '',
) -> _GRUProjectedLayer:
    """Projected GRU layer: a GRU whose weights are products of two narrow matrices, so that there are fewer learnables."""

def visionTransformer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. resnet18(Weights='none') and its kin classify images without attention."""

def functionToLayerGraph(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. functionLayer(lambda X: 2 * X) makes a layer of a function."""

def stftLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass images or sequences."""

def istftLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass images or sequences."""

def cwtLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass images or sequences."""

def icwtLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass images or sequences."""

def modwtLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass images or sequences."""

def roiInputLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def pointCloudInputLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def yolov2OutputLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def yolov2TransformLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def rcnnBoxRegressionLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def rpnClassificationLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def rpnSoftmaxLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def regionProposalLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def roiAlignLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def roiMaxPooling2dLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def anchorBoxLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def ssdMergeLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."""

def yolov2ReorgLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. spaceToDepthLayer(2) rearranges maps likewise."""

def spatialTransformerLayer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def estimateNetworkOutputBounds(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def verifyNetworkRobustness(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def compressNetworkUsingProjection(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def neuronPCA(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def taylorPrunableNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def dlquantizer(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There is no replacement in this release."""

def trainnet(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainNetwork(X, Y, [*layers[:-1], classificationLayer], options) trains for cross-entropy; with regressionLayer at the end, for mean squared error. dag2dlnetwork(net) makes a dlnetwork of the result."""

def TrainingInfo(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def trainingProgressMonitor(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def recordMetrics(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def updateInfo(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def groupSubPlot(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def yscale(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def show(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def close(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."""

def testnet(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. The accuracy is np.mean(classify(net, X) == Y)."""

def accuracyMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. The accuracy is np.mean(classify(net, X) == Y)."""

def fScoreMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it from confusionmat(Y, YPred), where rows are true classes."""

def precisionMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it from confusionmat(Y, YPred), where rows are true classes."""

def recallMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it from confusionmat(Y, YPred), where rows are true classes."""

def aucMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it from the scores predict(net, X), for example with scikit-learn."""

def rocmetrics(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it from the scores predict(net, X), for example with scikit-learn."""

def rmseMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it with NumPy from the responses and predict(net, X)."""

def mapeMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it with NumPy from the responses and predict(net, X)."""

def rSquaredMetric(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Compute it with NumPy from the responses and predict(net, X)."""

def piecewiseLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def warmupLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def polynomialLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def exponentialLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def cosineLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def cyclicalLearnRate(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves the learning rate every ten epochs."""

def confusionchart(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. confusionmat(Y, YPred) gives the numbers, with true classes in rows."""

def plotconfusion(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. confusionmat(Y, YPred) gives the numbers, with true classes in rows."""

def gradCAM(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. activations(net, X, 'conv') shows what a layer computes."""

def occlusionSensitivity(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. activations(net, X, 'conv') shows what a layer computes."""

def imageLIME(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. activations(net, X, 'conv') shows what a layer computes."""

def deepDreamImage(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. activations(net, X, 'conv') shows what a layer computes."""

def drise(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. activations(net, X, 'conv') shows what a layer computes."""

def imageDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read the images into one array h×w×c×N, np.stack(images, axis=-1), and make their labels categorical(labels)."""

def pixelLabelDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read the label images into one array: categorical(np.stack(labelImages, axis=-1), [0, 1], ['rest', 'cell'])."""

def fileDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read the files into one array, np.stack(arrays, axis=-1), and pass that."""

def randomPatchExtractionDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read the files into one array, np.stack(arrays, axis=-1), and pass that."""

def signalDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read the signals into a list of arrays, channels×steps, of any lengths, and pass that."""

def arrayDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def pixelLabelImageDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def readall(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def readimage(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def numpartitions(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def partition(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def combine(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def transform(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def read(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def preview(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def subset(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."""

def augmentedImageDatastore(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Change copies of the images before training: np.concatenate([X, X[:, ::-1]], axis=-1) adds mirrored ones, whose labels follow likewise."""

def imageDataAugmenter(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Change copies of the images before training: np.concatenate([X, X[:, ::-1]], axis=-1) adds mirrored ones, whose labels follow likewise."""

def augment(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Change copies of the images before training: np.concatenate([X, X[:, ::-1]], axis=-1) adds mirrored ones, whose labels follow likewise."""

def countEachLabel(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. countcats(Y) counts the labels of each category."""

def splitEachLabel(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Choose at random with order = np.random.default_rng(0).permutation(len(Y)), then for example X[..., order[:n]] and Y[order[:n]] for training."""

def cvpartition(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Choose at random with order = np.random.default_rng(0).permutation(len(Y)), then for example X[..., order[:n]] and Y[order[:n]] for training."""

def training(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Choose at random with order = np.random.default_rng(0).permutation(len(Y)), then for example X[..., order[:n]] and Y[order[:n]] for training."""

def test(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Choose at random with order = np.random.default_rng(0).permutation(len(Y)), then for example X[..., order[:n]] and Y[order[:n]] for training."""

def imread(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Read images as arrays h×w×c with Pillow, imageio or Matplotlib."""

def imresize(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. scipy.ndimage.zoom(image, [2, 2, 1]) makes an image h×w×c twice as large."""

def labeloverlay(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. Draw it with Matplotlib: the image, and over it the codes of the labels with alpha=0.5."""

def chickenpox_dataset(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. seasonalSeries() is a synthetic series of 498 months that rises and falls with the year likewise."""

def imagePretrainedNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. resnet18(Weights='none') and its kin make untrained layers. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def inceptionresnetv2(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. inceptionv3(Weights='none') is of the same family."""

def nasnetmobile(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. mobilenetv2(Weights='none') and efficientnetb0(Weights='none') are as economical."""

def nasnetlarge(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. xception(Weights='none') is a network of that size."""

def deeplabv3plus(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. deeplabv3plusLayers([64, 64, 3], 2, 'resnet18') makes the layers for trainNetwork."""

def bisenetv2(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. unet([64, 64, 3], 2, EncoderDepth=2) segments images as well."""

def importNetworkFromONNX(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importONNXNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importONNXLayers(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importKerasNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importKerasLayers(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importNetworkFromKeras(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importCaffeNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importCaffeLayers(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importNetworkFromPyTorch(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def importNetworkFromTensorFlow(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."""

def exportONNXNetwork(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. toMATLAB(net, 'net.m', Parameters=True) writes code that rebuilds the network in MATLAB, which can export it."""

def exportNetworkToTensorFlow(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. toMATLAB(net, 'net.m', Parameters=True) writes code that rebuilds the network in MATLAB, which can export it."""

def deepNetworkDesigner(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. analyzeNetwork(lgraph) shows a network; replaceLayer(lgraph, 'conv', dropoutLayer) edits it."""

def freezeParameters(*arguments: Any, **options: Any) -> NoReturn:
    """Not in this release. freezeWeights(layers) keeps learnables from being trained."""
