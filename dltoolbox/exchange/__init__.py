"""Networks in files, and as code."""

from dltoolbox.exchange.archive import loadNetwork, saveNetwork
from dltoolbox.exchange.code_matlab import toMATLAB
from dltoolbox.exchange.code_python import toPython

__all__ = ["loadNetwork", "saveNetwork", "toMATLAB", "toPython"]
