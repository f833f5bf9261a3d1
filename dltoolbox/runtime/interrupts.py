"""Ctrl+C at moments when it breaks nothing.

Python raises KeyboardInterrupt between any two instructions: after some threads have been started, but not all; with half
of the learnables moved; with Numba half imported, which never works again in that process. What must not be left halfway
runs inside `held`; what takes long there says with `check` where it can end.
"""

from __future__ import annotations

# `signal` wraps these in searches for the names of numbers, which take longer than a small network does.
import _signal  # type: ignore[import-not-found]
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

_holding = False  # whether Ctrl+C comes here
_free = False  # inside `released`
_pressed = False  # and has waited since


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl+C is held back; in the main thread, the only one that gets it."""
    global _pressed
    if _pressed and current_thread() is main_thread():
        _pressed = False
        raise KeyboardInterrupt


class held:
    """Inside, Ctrl+C raises KeyboardInterrupt at calls of `check` and at the end, nowhere else.

    Within another one, that one holds. A handler of the user's own is left alone.

    Args:
        drop: Whether Ctrl+C after the last `check` is forgotten, because everything is done.
    """

    def __init__(self, drop: bool = False) -> None:
        self.drop = drop

    def __enter__(self) -> None:
        global _holding, _free
        mine = current_thread() is main_thread()
        self.freed = mine and _free
        self.first = mine and not _holding and _signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _note)
        if self.first:
            _signal.signal(signal.SIGINT, _note)  # it stays where Ctrl+C comes before the next line; the next one takes over
            _holding = True
        elif self.freed:
            _free = False

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        global _holding, _free, _pressed
        if not self.first and not self.freed:
            return
        try:
            if self.first:
                _holding = False
                _give_back()
            else:
                _free = True
        finally:
            pressed, _pressed = _pressed, False
        if pressed and kind is None and not self.drop:
            raise KeyboardInterrupt


@contextmanager
def released() -> Iterator[None]:
    """Within `held`, around what is the user's: Ctrl+C raises at once."""
    global _free
    if not _holding or current_thread() is not main_thread():
        yield
        return
    _free = True
    try:
        check()
        yield
    finally:
        _free = False


def _note(number: int, frame: object) -> None:
    global _pressed
    if _free or not _holding:
        raise KeyboardInterrupt
    _pressed = True


def _give_back() -> None:
    """Ctrl+C comes to Python's own handler again, unless somebody has set another."""
    if _signal.getsignal(signal.SIGINT) is _note:
        _signal.signal(signal.SIGINT, signal.default_int_handler)


def _start_again() -> None:
    """In a forked child, whoever held Ctrl+C back may not exist."""
    global _holding, _free, _pressed
    _holding = _free = _pressed = False
    _give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)
