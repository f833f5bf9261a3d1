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
from dltoolbox.data.padding import padsequences
from dltoolbox.data.samples import (
    digitTest4DArrayData,
    digitTrain4DArrayData,
    gearboxFeatures,
    shapeVolumes,
    triangleImages,
)
from dltoolbox.data.sequence_samples import (
    japaneseVowelsTestData,
    japaneseVowelsTrainData,
    seasonalSeries,
    waveformSequences,
)
from dltoolbox.data.words import doc2sequence, ind2word, word2ind, wordEncoding

__all__ = [
    "SemanticSegmentationMetrics",
    "addcats",
    "categorical",
    "categories",
    "confusionmat",
    "countcats",
    "digitTest4DArrayData",
    "digitTrain4DArrayData",
    "doc2sequence",
    "evaluateSemanticSegmentation",
    "gearboxFeatures",
    "ind2word",
    "iscategorical",
    "iscategory",
    "isordinal",
    "isundefined",
    "japaneseVowelsTestData",
    "japaneseVowelsTrainData",
    "mergecats",
    "onehotdecode",
    "onehotencode",
    "padsequences",
    "removecats",
    "renamecats",
    "reordercats",
    "scores2label",
    "seasonalSeries",
    "setcats",
    "shapeVolumes",
    "triangleImages",
    "waveformSequences",
    "word2ind",
    "wordEncoding",
]
