"""What becomes of a result: the statement ``a, b = f(x)`` unpacks it, ``f(x)`` throws it away.

The caller's frame stands at the instruction that calls, and the next one says it while ``f`` still runs. Whether it is ``f``
that this instruction calls, and not ``map`` or ``sorted``, which call ``f``, its place in the source tells: where the text
of the call begins, the function is loaded.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable
from functools import wraps
from types import CodeType, FrameType
from typing import NamedTuple, ParamSpec, TypeVar

from dltoolbox.core.errors import fail, warn

P = ParamSpec("P")
R = TypeVar("R")
OF_A_CACHE = dis.opmap.get("CACHE", -1)
UNIT = 2  # bytes of an instruction


class _Caller(NamedTuple):
    """The frame that called the toolbox, and the code of the function that it called."""

    frame: FrameType
    called: CodeType


def unpacked_into(function: str) -> int:
    """How many names the statement unpacks the result of a public function into, which has called this; 0 if it does not, or
    if nothing tells.
    """
    caller = _caller(sys._getframe(1))
    if caller is None:
        return 0
    name, count = _next_instruction(caller.frame)
    names = {"UNPACK_SEQUENCE": count, "UNPACK_EX": count + 1}.get(name, 0)
    return names if names and _is_called(function, caller) else 0


def returns_a_copy(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a function that returns a changed copy of its first argument; who throws that away gets a warning."""
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # of the call itself
                fail(f"{name}:invalidArguments", f"{error}.", f"Call {name}({', '.join(parameters)}).")
            raise
        frame = sys._getframe(1)
        discarded = not _of_the_toolbox(frame) and _next_instruction(frame)[0] == "POP_TOP"
        if discarded and _is_called(name, _Caller(frame, sys._getframe(0).f_code)):
            warn(f"{name}:lostResult", f"{name} returns a changed copy, which nothing keeps here; {first} stays as it is.",
                 f"Keep the copy: {first} = {name}({first}, …).")
        return result

    name, parameters = function.__name__, [*inspect.signature(function).parameters]
    first = parameters[0]
    return call


def _of_the_toolbox(frame: FrameType) -> bool:
    return f"{frame.f_globals.get('__name__')}.".startswith("dltoolbox.")


def _caller(frame: FrameType | None) -> _Caller | None:
    called = None
    while frame is not None and _of_the_toolbox(frame):
        called, frame = frame.f_code, frame.f_back
    return None if frame is None or called is None else _Caller(frame, called)


def _next_instruction(frame: FrameType) -> tuple[str, int]:
    """Name and argument of the instruction after the one that a frame stands at."""
    code, at = frame.f_code.co_code, frame.f_lasti + UNIT
    while at < len(code) and code[at] == OF_A_CACHE:
        at += UNIT
    return (dis.opname[code[at]], code[at + 1]) if at < len(code) else ("", 0)


def _is_called(function: str, caller: _Caller) -> bool:
    """Whether the instruction that a frame stands at calls this function by a name."""
    frame = caller.frame
    instructions = [one for one in dis.get_instructions(frame.f_code) if one.offset <= frame.f_lasti]
    call = instructions.pop()  # what follows it up to f_lasti is a cache
    if not call.opname.startswith("CALL") or call.positions is None or call.positions.col_offset is None:
        return False
    start = call.positions[0], call.positions[2]
    loads = [one for one in instructions if one.opname.startswith("LOAD_") and one.opname != "LOAD_CONST"
             and one.positions is not None and (one.positions[0], one.positions[2]) == start]
    if not loads or not isinstance(name := loads[-1].argval, str):
        return False
    if len(loads) == 1 and name != function:  # import … as …
        value = frame.f_locals.get(name, frame.f_globals.get(name))
        return getattr(value, "__code__", None) is caller.called
    return name == function
