"""Results that a statement unpacks, ``a, b = f(x)``: how many names it has, told while ``f`` still runs.

The caller's frame stands at the instruction that calls, and the next one says what becomes of the result. Whether it is
``f`` that this instruction calls, and not ``map`` or ``sorted``, which call ``f``, its place in the source tells: where the
text of the call begins, the function is loaded.
"""

from __future__ import annotations

import dis
import sys
from types import FrameType

CACHE = dis.opmap.get("CACHE", 0)
UNIT = 2  # bytes of an instruction


def unpacked_into(function: str) -> int:
    """How many names the statement unpacks the result of a public function into, which has called this; 0 if it does not, or
    if nothing tells.
    """
    frame: FrameType | None = sys._getframe(1)
    called = None
    while frame is not None and f"{frame.f_globals.get('__name__')}.".startswith("dltoolbox."):
        called, frame = frame, frame.f_back
    if frame is None or called is None:
        return 0
    name, argument = after_the_call(frame)
    names = {"UNPACK_SEQUENCE": argument, "UNPACK_EX": argument + 1}.get(name, 0)
    return names if names and _is_called(function, called, frame) else 0


def after_the_call(frame: FrameType) -> tuple[str, int]:
    """Name and argument of the instruction behind the call that a frame is in; an empty name where there is none."""
    code, at = frame.f_code.co_code, frame.f_lasti + UNIT
    while at < len(code) and code[at] == CACHE:
        at += UNIT
    return (dis.opname[code[at]], code[at + 1]) if at < len(code) else ("", 0)


def _is_called(function: str, called: FrameType, frame: FrameType) -> bool:
    """Whether the instruction that a frame stands at calls this function by a name."""
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
        return getattr(value, "__code__", None) is called.f_code
    return name == function
