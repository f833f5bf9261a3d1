"""Data for networks: categorical labels, one-hot arrays and sample data sets."""

from dltoolbox.data.categorical import categorical
from dltoolbox.data.category_functions import (
    addcats,
    categories,
    countcats,
    iscategorical,
    iscategory,
    isordinal,
    isundefined,
    mergecats,
    removecats,
    renamecats,
    reordercats,
    setcats,
)
from dltoolbox.data.metrics import SemanticSegmentationMetrics, confusionmat, evaluateSemanticSegmentation
from dltoolbox.data.onehot import onehotdecode, onehotencode, scores2label
from dltoolbox.data.samples import (
    digitTest4DArrayData,
    digitTrain4DArrayData,
    gearboxFeatures,
    shapeVolumes,
    triangleImages,
)

__all__ = [
    "SemanticSegmentationMetrics",
    "addcats",
    "categorical",
    "categories",
    "confusionmat",
    "countcats",
    "digitTest4DArrayData",
    "digitTrain4DArrayData",
    "evaluateSemanticSegmentation",
    "gearboxFeatures",
    "iscategorical",
    "iscategory",
    "isordinal",
    "isundefined",
    "mergecats",
    "onehotdecode",
    "onehotencode",
    "removecats",
    "renamecats",
    "reordercats",
    "scores2label",
    "setcats",
    "shapeVolumes",
    "triangleImages",
]
