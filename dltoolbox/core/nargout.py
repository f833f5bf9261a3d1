"""Several outputs, as MATLAB's own Python engine returns them: ``X, Y = f(..., nargout=2)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.core.statements.unpacking import unpacked_into


def outputs(values: Sequence[object], nargout: int, function: str) -> Any:
    """The first ``nargout`` of the values: the value itself for 1, a tuple for more.

    Args:
        values: Everything the function can return, in MATLAB's order.
        nargout: How many outputs the caller asked for.
        function: The caller's name for the message and the identifier.

    Raises:
        DltoolboxError: ``dltoolbox:<function>:nargout`` when ``nargout`` is not an integer from 1 to the number of values.

    Example:
        >>> outputs(("X", "Y"), 1, "demo"), outputs(("X", "Y"), 2, "demo")
        ('X', ('X', 'Y'))
    """
    check_nargout(nargout, len(values), function)
    return values[0] if nargout == 1 else tuple(values[:nargout])


def check_nargout(nargout: object, most: int, function: str, least: int = 1, *, sequence: bool = True) -> None:
    """Raise for a number of outputs that the function does not have, and where one output is unpacked as if it were several;
    asked first, before anything is computed.

    Args:
        nargout: How many outputs the caller asked for.
        most: How many there are.
        function: The caller's name for the message and the identifier.
        least: The smallest number that it takes.
        sequence: Whether the first output alone can be unpacked.
    """
    if isinstance(nargout, bool) or not isinstance(nargout, (int, np.integer)) or not least <= nargout <= most:
        permitted = "1" if most == least else f"an integer from {least} to {most}"
        fail(f"{function}:nargout", f"nargout of {function} must be {permitted}, but it is {show(nargout)}.",
             f"{function} has {counted(most, 'output')}.")
    if nargout == 1 < most and (names := unpacked_into(function)):
        single = f" To unpack the first output itself, write a, b = list({function}(…))." if sequence else ""
        ask = f"Ask for {counted(names, 'output')} with nargout={names}: … = {function}(…, nargout={names})."
        fail(f"{function}:nargoutNeeded", f"{function} returns one output unless nargout asks for more, but the statement "
             f"unpacks {counted(names, 'name')}.",
             (ask if 1 < names <= most else f"{function} has {counted(most, 'output')}; ask for them with nargout={most}.")
             + single)
