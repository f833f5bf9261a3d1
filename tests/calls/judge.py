"""What becomes of a call: it returns or is refused in words of the toolbox; anything else is a fault of the toolbox."""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

import dltoolbox as dl
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_graph import LayerGraph
from tests.calls.examples import Call

ROOT = str(Path(dl.__file__).parent)
SECONDS, MEGABYTES, GIVE_UP = 5, 100, 8
PROTOCOL = {"__getitem__": (IndexError,), "__format__": (TypeError, ValueError)}  # what Python wants of these methods


@dataclass
class Verdict:
    """``kind`` is 'returned', 'refused' or 'raw'; ``faults`` are all that is wrong, none of them for a good call."""

    kind: str
    faults: list[str]
    seconds: float = 0
    megabytes: float = 0
    text: str = ""
    call: str = ""


class Hangs(BaseException):
    """Raised in a call that takes too long."""


def judge(name: str, call: Call) -> Verdict:
    """Make one call and look at everything that came of it."""
    dl.rng(0)
    dl.maxNumCompThreads("automatic")
    own = owner(call)
    before = fingerprint((call.args, call.options)), fingerprint(own)
    reset_peak()
    memory, start = resident(), time.perf_counter()
    with warnings.catch_warnings(record=True) as warned, limited():
        warnings.simplefilter("always")
        kind, fault, text = outcome(name, call)
    verdict = Verdict(kind, [fault] if fault else [], time.perf_counter() - start, peak() - memory, text)
    verdict.faults += sorted({f"{one.category.__name__}: {str(one.message)[:80]}" for one in warned
                              if not issubclass(one.category, dl.DltoolboxWarning)})
    if verdict.seconds > SECONDS:
        verdict.faults.append(f"slower than {SECONDS} s")
    if verdict.megabytes > MEGABYTES:
        verdict.faults.append(f"over {MEGABYTES} MB")
    if fingerprint((call.args, call.options)) != before[0]:
        verdict.faults.append("changed an argument")
    if own is not None and kind != "returned" and fingerprint(own) != before[1]:
        verdict.faults.append("changed the object although it refused")
    return verdict


def outcome(name: str, call: Call) -> tuple[str, str, str]:
    """What kind of end a call has, what is wrong with that, and the text of an error."""
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            result = call.function(*call.args, **call.options)
            for one in (result if isinstance(result, tuple) else (result,)):
                if type(one).__module__.startswith("dltoolbox"):
                    str(one), repr(one)
    except Hangs as hung:
        return "raw", f"hangs at {place(traceback.extract_tb(hung.__traceback__))}", ""
    except dl.DltoolboxError as error:
        bad = [issue for issue in error.issues if not issue.identifier.startswith("dltoolbox:") or not issue.message]
        text = str(error)
        return "refused", "an error without identifier" if bad else "", text
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        by_python = not any(frame.filename.startswith(ROOT) for frame in frames)  # before any line of the toolbox ran
        if by_python or isinstance(error, PROTOCOL.get(name.split(".")[-1], ())):
            return "refused", "", str(error)
        first = (str(error).splitlines() or [""])[0]
        return "raw", f"{type(error).__name__} at {place(frames)}: {first[:90]}", "".join(traceback.format_exception(error))
    return "returned", "", ""


def place(frames: Any) -> str:
    """The innermost line of the toolbox."""
    inside = [frame for frame in frames if frame.filename.startswith(ROOT)]
    return f"{inside[-1].filename.removeprefix(ROOT)[1:]}:{inside[-1].lineno}" if inside else "no line of the toolbox"


@contextmanager
def limited() -> Any:
    """Interrupt what does not end."""
    def hang(*args: Any) -> None:
        raise Hangs
    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, GIVE_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Memory ---------------------------------------------------------------------------------------------------------------
def reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> float:
    return status("VmHWM")


def resident() -> float:
    return status("VmRSS")


def status(key: str) -> float:
    """Megabytes that the kernel counts; nothing where it is not Linux's."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(key)), 0)


# Values ---------------------------------------------------------------------------------------------------------------
def owner(call: Call) -> Any:
    """The object whose method or property it is; a copy of nothing, so that a change shows."""
    function = call.function
    return function.args[0] if isinstance(function, partial) else getattr(function, "__self__", None)


def fingerprint(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """Something that changes when the value does."""
    if type(value) in (str, bytes, int, float, bool):
        return value
    if id(value) in seen or len(seen) > 40:
        return "again"
    seen = (*seen, id(value))
    if isinstance(value, np.ndarray):
        data = value.tobytes() if value.nbytes < 1e6 and not value.dtype.hasobject else id(value)
        return value.shape, str(value.dtype), value.flags.writeable, data
    if isinstance(value, (list, tuple)):
        return type(value), tuple(fingerprint(one, seen) for one in value[:1000]), len(value)
    if isinstance(value, dict):
        return tuple((key, fingerprint(one, seen)) for key, one in value.items())
    if isinstance(value, LayerGraph):
        return fingerprint([value.nodes, value.edges, getattr(value, "chosen", None), value.OutputNames], seen)
    if isinstance(value, (Layer, dl.core.properties.Configured)):
        return type(value), fingerprint(value.__dict__, seen)
    if isinstance(value, dl.categorical):
        return fingerprint([value.codes, value.categories, value.ordered], seen)
    return id(value)


