"""Several outputs, as MATLAB's own Python engine returns them: ``X, Y = f(..., nargout=2)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail


def outputs(values: Sequence[Any], nargout: int, function: str) -> Any:
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
    most = len(values)
    if isinstance(nargout, bool) or not isinstance(nargout, (int, np.integer)) or not 1 <= nargout <= most:
        permitted = "1" if most == 1 else f"an integer from 1 to {most}"
        fail(f"{function}:nargout", f"nargout of {function} must be {permitted}, but it is {nargout!r}.",
             f"{function} has {counted(most, 'output')}.")
    return values[0] if nargout == 1 else tuple(values[:nargout])
