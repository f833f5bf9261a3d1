"""Networks in files, and as code."""

from dltoolbox.exchange.archive import loadNetwork, saveNetwork
from dltoolbox.exchange.pooling.mapping import poolingLayerFrom, poolingLayerTo
from dltoolbox.exchange.writers.matlab import toMATLAB
from dltoolbox.exchange.writers.python import toPython

__all__ = ["loadNetwork", "poolingLayerFrom", "poolingLayerTo", "saveNetwork", "toMATLAB", "toPython"]
