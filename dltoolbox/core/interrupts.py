"""Ctrl+C at moments when it breaks nothing.

Python raises KeyboardInterrupt between any two instructions: after some threads have been started, but not all; with half
of the learnables moved; with Numba half imported, which never works again in that process. What must not be left halfway
runs inside `held`; what takes long there says with `check` where it can end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

_pressed = False  # Ctrl+C, inside `held`


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
        self.first = current_thread() is main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.first:
            signal.signal(signal.SIGINT, _note)

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        global _pressed
        if not self.first:
            return
        try:
            _exchange(_note, signal.default_int_handler)
        finally:
            pressed, _pressed = _pressed, False
        if pressed and kind is None and not self.drop:
            raise KeyboardInterrupt


@contextmanager
def released() -> Iterator[None]:
    """Within `held`, around what is the user's: Ctrl+C raises at once."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not _note:
        yield
        return
    try:
        _exchange(_note, signal.default_int_handler)
        check()
        yield
    finally:
        _exchange(signal.default_int_handler, _note)


def _note(number: int, frame: Any) -> None:
    global _pressed
    _pressed = True


def _exchange(present: Any, other: Any) -> None:
    """Replace the handler of Ctrl+C, unless somebody else has done so."""
    if signal.getsignal(signal.SIGINT) is present:
        signal.signal(signal.SIGINT, other)


def _start_afresh() -> None:
    """In a forked child, whoever held Ctrl+C back may not exist."""
    global _pressed
    _pressed = False
    _exchange(_note, signal.default_int_handler)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
