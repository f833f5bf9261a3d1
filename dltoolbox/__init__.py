"""dltoolbox: MATLAB-style deep learning in Python.

The flat namespace of MATLAB names: ``from dltoolbox import *`` gives a script everything it calls. Nothing is computed
here. The factories (``convolution2dLayer`` and its kin) come from the registry of layers.
"""

from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning, Issue, MissingExtraError
from dltoolbox.core.random import rng
from dltoolbox.data import (
    addcats,
    categorical,
    categories,
    countcats,
    digitTest4DArrayData,
    digitTrain4DArrayData,
    gearboxFeatures,
    iscategorical,
    iscategory,
    isordinal,
    isundefined,
    mergecats,
    onehotdecode,
    onehotencode,
    removecats,
    renamecats,
    reordercats,
    setcats,
    shapeVolumes,
    triangleImages,
)
from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.network.layerarray import LayerArray, layerArray
from dltoolbox.network.layergraph import (
    LayerGraph,
    addLayers,
    connectLayers,
    disconnectLayers,
    layerGraph,
    removeLayers,
    replaceLayer,
)
from dltoolbox.network.networks import DAGNetwork, SeriesNetwork, assembleNetwork
from dltoolbox.program.inference import activations, classify, predict, semanticseg
from dltoolbox.training.options import trainingOptions
from dltoolbox.training.train_network import trainNetwork

__version__ = "0.1.0"

__all__ = [
    *FACTORIES, "DAGNetwork", "DltoolboxError", "DltoolboxWarning", "Issue", "Layer", "LayerArray", "LayerGraph",
    "MissingExtraError", "SeriesNetwork", "activations", "addLayers", "addcats",
    "assembleNetwork", "categorical", "categories", "classify", "connectLayers", "countcats",
    "digitTest4DArrayData", "digitTrain4DArrayData", "disconnectLayers", "gearboxFeatures", "iscategorical",
    "iscategory", "isordinal", "isundefined", "layerArray", "layerGraph",
    "mergecats", "onehotdecode", "onehotencode", "predict", "removeLayers", "removecats", "renamecats", "reordercats",
    "replaceLayer", "rng", "semanticseg", "setcats", "shapeVolumes", "trainNetwork", "trainingOptions",
    "triangleImages",
]

globals().update(FACTORIES)
