"""Networks in files."""

from dltoolbox.exchange.archive import loadNetwork, saveNetwork

__all__ = ["loadNetwork", "saveNetwork"]
