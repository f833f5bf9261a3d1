"""Data for networks: categorical labels and one-hot arrays."""

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
from dltoolbox.data.onehot import onehotdecode, onehotencode

__all__ = [
    "addcats",
    "categorical",
    "categories",
    "countcats",
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
    "setcats",
]
