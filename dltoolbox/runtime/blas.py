"""The BLAS libraries of NumPy and SciPy: which they are, how fast their kernels can be, and on how many threads they work.

Wheels bring an OpenBLAS each, found by its file name; a system BLAS or Accelerate is not found, and left alone.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy

PREFIXES, SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")
LOADED = ctypes.DEFAULT_MODE | getattr(os, "RTLD_NOLOAD", 0)  # only the copy that is loaded already
BUFFER, MOST_BUFFERS = 48 << 20, 64  # bytes of address space that OpenBLAS takes for each thread, and for how many


class Library(NamedTuple):
    """One OpenBLAS that this process has loaded."""

    get: Callable[[], int]
    set: Callable[[int], None]
    core: str = ""  # the processor that its kernels are made for: ``SkylakeX``
    version: str = ""
    file: str = ""
    names: tuple[str, str] = ("", "")  # what stands before and behind the names of its routines: ``scipy_`` and ``64_``


@cache
def libraries() -> tuple[Library, ...]:
    """The OpenBLAS libraries of NumPy and SciPy, loaded if they were not.

    To be called before anything of SciPy is imported that loads its library.

    Raises:
        MemoryError: There is no room to load one.
    """
    files = [file for package in (np, scipy) for folder in folders(package.__name__, Path(str(package.__file__)).parent)
             for file in sorted(folder.glob("*openblas*"))]
    return tuple(library for library in map(opened, files) if library is not None)


class Routine(NamedTuple):
    """A routine of BLAS as Fortran calls it: its address, and the type of its integers."""

    address: int
    integers: type[np.signedinteger[Any]]


def routine(name: str) -> Routine | None:
    """That of NumPy's own library: ``sgemm``; None where it is not found."""
    for library in libraries()[:1]:
        before, behind = library.names
        found = getattr(ctypes.CDLL(library.file, mode=LOADED), f"{before}{name}_{behind}", None)
        address = ctypes.cast(found, ctypes.c_void_p).value if found else None
        if address and Path(library.file).parent in folders(np.__name__, Path(str(np.__file__)).parent):
            return Routine(address, np.int64 if behind.startswith("64") else np.int32)
    return None


def folders(name: str, package: Path) -> tuple[Path, Path]:
    """Folders in which wheels keep their libraries: beside the package (Linux, Windows) or inside it (macOS)."""
    return package.parent / f"{name}.libs", package / ".dylibs"


def opened(file: Path) -> Library | None:
    try:
        library = ctypes.CDLL(str(file), mode=LOADED)
    except OSError:
        ensure_room(file)
        try:
            library = ctypes.CDLL(str(file))
        except OSError:
            return None
    for prefix in PREFIXES:
        for suffix in SUFFIXES:
            get, put, core, config = (getattr(library, f"{prefix}_{verb}{suffix}", None) for verb in (
                "get_num_threads", "set_num_threads", "get_corename", "get_config"))
            if get is not None and put is not None:
                return Library(get, put, text_of(core), version(text_of(config)), str(file),
                               (prefix.removesuffix("openblas"), suffix))
    return None


def ensure_room(file: Path) -> None:
    """Raises MemoryError where OpenBLAS would find no memory for its buffers as it is loaded: it would try for ever."""
    room = 2 * file.stat().st_size + min(os.cpu_count() or 1, MOST_BUFFERS) * BUFFER
    try:
        mmap.mmap(-1, room).close()
    except OSError:
        raise MemoryError(f"Matrix products need {room >> 20} MB of address space, more than this process may still take. "
                          "Raise its limit: ulimit -v unlimited") from None


def text_of(function: Callable[[], bytes] | None) -> str:
    if function is None:
        return ""
    function.restype = ctypes.c_char_p  # type: ignore[attr-defined]
    return (function() or b"").decode(errors="replace")


def version(config: str) -> str:
    """``OpenBLAS 0.3.30`` of the text that describes a build."""
    return " ".join(config.split()[:2])


def settings() -> dict[str, str]:
    """The environment variables that change how OpenBLAS works."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith("OPENBLAS_")}
