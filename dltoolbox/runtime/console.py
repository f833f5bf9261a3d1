"""Places in which a session shows things: standard output, whose reader may go away and which may not have every character,
a notebook, a display.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_unread() -> Iterator[None]:
    """Ends what is done inside when nobody reads the output any more: ``head``, for one, has soon seen enough."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere


def in_notebook() -> bool:
    """Whether a notebook shows what this process returns."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def display_is_there() -> bool:
    """Whether windows can open on this machine."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def say(text: object, *, flush: bool = False) -> None:
    """Print; characters that a console does not have, ``×`` for one, become ``?`` instead of an error."""
    try:
        print(text, flush=flush)
    except UnicodeEncodeError as error:
        print(str(text).encode(error.encoding, "replace").decode(error.encoding), flush=flush)
