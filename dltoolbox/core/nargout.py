"""Several outputs, as MATLAB's own Python engine returns them: ``X, Y = f(..., nargout=2)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show


def outputs(values: Sequence[object], nargout: int, function: str) -> Any:
    """The first ``nargout`` of the values: the value itself for 1, a tuple for more.

    Args:
        values: Everything the function can return, in MATLAB's order.
        nargout: How many outputs the caller asked for.
        function: The caller's name for the message and the identifier.

    Raises:
        DltoolboxError: ``dltoolbox:<function>:nargout`` when ``nargout`` is no integer from 1 to the number of values.

    Example:
        >>> outputs(("X", "Y"), 1, "demo"), outputs(("X", "Y"), 2, "demo")
        ('X', ('X', 'Y'))
    """
    check_nargout(nargout, len(values), function)
    return values[0] if nargout == 1 else tuple(values[:nargout])


def check_nargout(nargout: object, most: int, function: str, least: int = 1) -> None:
    """Raise for a number of outputs that the function does not have; asked first, before anything is computed."""
    if isinstance(nargout, bool) or not isinstance(nargout, (int, np.integer)) or not least <= nargout <= most:
        permitted = "1" if most == least else f"an integer from {least} to {most}"
        fail(f"{function}:nargout", f"nargout of {function} must be {permitted}, but it is {show(nargout)}.",
             f"{function} has {counted(most, 'output')}.")
