"""Copies that a statement throws away, ``addLayers(lgraph, layer)``: what was to be changed stays as it is.

MATLAB has the same rule and shows the copy as ``ans``. Python shows nothing, and many of its objects change in place, so a
change that is lost looks like one that was made; it is refused where CPython's bytecode tells that nothing keeps the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from inspect import signature
from types import FrameType
from typing import TypeVar, cast

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import check_bound
from dltoolbox.core.statements.unpacking import after_the_call

Edit = TypeVar("Edit", bound=Callable[..., object])
TIMED = ("<timeit-src>", "<magic-timeit>")  # statements that are run for the time they take
DOTTED = "dltoolbox.methods"  # the module that calls functions as methods


def returns_copy(function: Edit) -> Edit:
    """Decorator of functions that return a changed copy of their first argument: a call that throws it away is refused."""
    name, first = function.__name__, next(iter(signature(function).parameters))

    @wraps(function)
    def call(*arguments: object, **options: object) -> object:
        try:
            result = function(*arguments, **options)
        except TypeError:
            check_bound(function, arguments, options)
            raise
        frame: FrameType | None = sys._getframe(1)
        dotted = frame is not None and frame.f_globals.get("__name__") == DOTTED
        if frame is not None and dotted:
            frame = frame.f_back
        if frame is not None and is_discarded(frame):
            kept = f"{first} = {first}.{name}(…)" if dotted else f"{first} = {name}({first}, …)"
            fail(f"{name}:lostResult", f"{name} returns a changed copy, which nothing keeps here; '{first}' itself stays "
                 "as it is.", f"Keep the copy: {kept}.")
        return result
    return cast(Edit, call)


def is_discarded(frame: FrameType) -> bool:
    """Whether the call that a user's frame is in stands as a statement of its own, whose result CPython drops at once.
    Prompts and notebooks show such a result, and keep it.
    """
    if str(frame.f_globals.get("__name__")).startswith("dltoolbox.") or frame.f_code.co_filename in TIMED:
        return False
    return after_the_call(frame)[0] == "POP_TOP"
