"""Documented MATLAB functions that this release does not have: each is there by name, and says what to do instead.

A name leaves this file when its function is built; a test holds it against the names of the documentation. The calls in the
hints work as they stand, which a test proves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from dltoolbox.core.errors import fail

NO_REPLACEMENT = "There is no replacement in this release."
ARRAYS = "There are no datastores. Data are arrays: trainNetwork(X, Y, layers, options)."
PILE = "Read the files into one array, np.stack(arrays, axis=-1), and pass that."
SIGNAL_LIST = "Read the signals into a list of arrays, channels×steps, of any lengths, and pass that."
SCHEDULE = ("trainingOptions('sgdm', LearnRateSchedule='piecewise', LearnRateDropFactor=0.5, LearnRateDropPeriod=10) halves "
            "the learning rate every ten epochs.")
HISTORY = "net, info = trainNetwork(X, Y, layers, options, nargout=2) returns losses, accuracies and learning rates."
COUNTS = "Compute it from confusionmat(Y, YPred), where rows are true classes."
RESPONSES = "Compute it with NumPy from the responses and predict(net, X)."
CHANGED = ("Change copies of the images before training: np.concatenate([X, X[:, ::-1]], axis=-1) adds mirrored ones, "
           "whose labels follow likewise.")
SHUFFLED = ("Choose at random with order = np.random.default_rng(0).permutation(len(Y)), then for example X[..., order[:n]] "
            "and Y[order[:n]] for training.")
WEIGHTS = "docs/pretrained.md shows how to put weights from PyTorch, or any other arrays, into the layers of this toolbox."
EXPORT = "toMATLAB(net, 'net.m', Parameters=True) writes code that rebuilds the network in MATLAB, which can export it."
UNTRAINED = "resnet18(Weights='none') and its kin make untrained layers. " + WEIGHTS
CUSTOM = "functionLayer(lambda X: 2 * X) makes a layer of a function."
LOOK = "activations(net, X, 'conv') shows what a layer computes."
SIGNALS = ("Transform the signals before the network, for example with np.fft.rfft(signal) or scipy.signal, and pass "
           "images or sequences.")
SEGMENT = "There are no object detectors. Semantic segmentation is there: unetLayers([32, 32, 1], 2)."
CONFUSION = "confusionmat(Y, YPred) gives the numbers, with true classes in rows."
SAMPLE_DATA = "seasonalSeries() is a synthetic series of 498 months that rises and falls with the year likewise."


INSTEAD = {  # hint: names
    "resnet18(Weights='none') and its kin classify images without attention.": "visionTransformer",
    CUSTOM: "functionToLayerGraph",
    SIGNALS: "stftLayer istftLayer cwtLayer icwtLayer modwtLayer",
    SEGMENT: "roiInputLayer pointCloudInputLayer yolov2OutputLayer yolov2TransformLayer rcnnBoxRegressionLayer "
             "rpnClassificationLayer rpnSoftmaxLayer regionProposalLayer roiAlignLayer roiMaxPooling2dLayer anchorBoxLayer "
             "ssdMergeLayer",
    "spaceToDepthLayer(2) rearranges maps likewise.": "yolov2ReorgLayer",
    NO_REPLACEMENT:
        "spatialTransformerLayer estimateNetworkOutputBounds verifyNetworkRobustness compressNetworkUsingProjection "
        "neuronPCA taylorPrunableNetwork dlquantizer",

    # Training and evaluation
    "trainNetwork(X, Y, [*layers[:-1], classificationLayer], options) trains for cross-entropy; with regressionLayer at the "
    "end, for mean squared error. dag2dlnetwork(net) makes a dlnetwork of the result.": "trainnet",
    HISTORY: "TrainingInfo trainingProgressMonitor recordMetrics updateInfo groupSubPlot yscale show close",
    "The accuracy is np.mean(classify(net, X) == Y).": "testnet accuracyMetric",
    COUNTS: "fScoreMetric precisionMetric recallMetric",
    "Compute it from the scores predict(net, X), for example with scikit-learn.": "aucMetric rocmetrics",
    RESPONSES: "rmseMetric mapeMetric rSquaredMetric",
    SCHEDULE: "piecewiseLearnRate warmupLearnRate polynomialLearnRate exponentialLearnRate cosineLearnRate "
              "cyclicalLearnRate",
    CONFUSION: "confusionchart plotconfusion",
    LOOK: "gradCAM occlusionSensitivity imageLIME deepDreamImage drise",

    # Data
    "Read the images into one array h×w×c×N, np.stack(images, axis=-1), and make their labels categorical(labels).":
        "imageDatastore",
    "Read the label images into one array: categorical(np.stack(labelImages, axis=-1), [0, 1], ['rest', 'cell']).":
        "pixelLabelDatastore",
    PILE: "fileDatastore randomPatchExtractionDatastore",
    SIGNAL_LIST: "signalDatastore",
    ARRAYS: "arrayDatastore pixelLabelImageDatastore readall readimage numpartitions partition combine transform "
            "read preview subset",
    CHANGED: "augmentedImageDatastore imageDataAugmenter augment",
    "countcats(Y) counts the labels of each category.": "countEachLabel",
    SHUFFLED: "splitEachLabel cvpartition training test",
    "Read images as arrays h×w×c with Pillow, imageio or Matplotlib.": "imread",
    "scipy.ndimage.zoom(image, [2, 2, 1]) makes an image h×w×c twice as large.": "imresize",
    "Draw it with Matplotlib: the image, and over it the codes of the labels with alpha=0.5.": "labeloverlay",
    SAMPLE_DATA: "chickenpox_dataset",

    # Networks
    UNTRAINED: "imagePretrainedNetwork",
    "inceptionv3(Weights='none') is of the same family.": "inceptionresnetv2",
    "mobilenetv2(Weights='none') and efficientnetb0(Weights='none') are as economical.": "nasnetmobile",
    "xception(Weights='none') is a network of that size.": "nasnetlarge",
    "deeplabv3plusLayers([64, 64, 3], 2, 'resnet18') makes the layers for trainNetwork.": "deeplabv3plus",
    "unet([64, 64, 3], 2, EncoderDepth=2) segments images as well.": "bisenetv2",
    WEIGHTS: "importNetworkFromONNX importONNXNetwork importONNXLayers importKerasNetwork importKerasLayers "
             "importNetworkFromKeras importCaffeNetwork importCaffeLayers importNetworkFromPyTorch "
             "importNetworkFromTensorFlow",
    EXPORT: "exportONNXNetwork exportNetworkToTensorFlow",
    "analyzeNetwork(lgraph) shows a network; replaceLayer(lgraph, 'conv', dropoutLayer) edits it.": "deepNetworkDesigner",
    "freezeWeights(layers) keeps learnables from being trained.": "freezeParameters",
}

# What scripts call their own things, or have from Python, NumPy, Matplotlib and random: ``from dltoolbox import *`` leaves
# them alone. Whoever calls one has met the name of its first argument before, which has said what to do.
COMMON = {"close", "combine", "imread", "imresize", "partition", "preview", "read", "show", "subset", "test",
          "training", "transform"}

# What is there, and is left alone likewise: it is called as ``mbq.shuffle()``, and ``next(mbq)`` is Python's own.
KEPT_BACK = {"next", "shuffle"}


def absent_function(name: str, instead: str) -> Callable[..., NoReturn]:
    """A function that is not there yet, and says so when it is called."""
    def function(*arguments: object, **options: object) -> NoReturn:
        fail("notInThisRelease", f"{name} is not in this release of dltoolbox.", instead)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Not in this release. {instead}"
    function.__module__ = "dltoolbox"  # where users find it
    function.absent = True  # type: ignore[attr-defined]
    function.__test__ = False  # type: ignore[attr-defined]  # 'testnet' in a test file is no test
    return function


NOT_IN_THIS_RELEASE = {name: absent_function(name, instead) for instead, names in INSTEAD.items() for name in names.split()}
EXPORTED = [name for name in NOT_IN_THIS_RELEASE if name not in COMMON]
