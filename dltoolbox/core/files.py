"""Files that are written whole or not at all.

A new file is written beside the one that it replaces, under a name of its own and a lock, and takes its place when it is
complete. Who is killed in between leaves the file, without the lock: whoever next writes into that folder removes it. (A
file without a name, as Linux offers, would leave nothing, but cannot take the place of another.)
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where killed writers are rare: nothing is locked or removed
    fcntl = None  # type: ignore[assignment]

LEFT = re.compile(r"\.dltoolbox-[0-9a-f]{16}\.tmp")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A stream whose contents become those of a file in the end; after an error inside, the file is as it was.

    The file of a link is replaced, and the link stays. Permissions are kept, and the owner where that is allowed. Pipes and
    terminals, ``/dev/null`` and their like, are written into.

    Raises:
        OSError: where the file cannot be written, also for names that no file can have.
    """
    old = status(path)
    with written_into(path, old) if old and not stat.S_ISREG(old.st_mode) else replaced(path, old) as stream:
        yield stream


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """As `replacing`, in UTF-8; halves of characters, which no file can hold, as ``\\ud800``."""
    with replacing(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Facts about a file; None if there is none yet."""
    try:
        information = os.stat(path)
    except FileNotFoundError:
        information = None
    except ValueError as error:  # a zero byte, half a character
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from None
    if names_folder(os.fspath(path)) or (information and stat.S_ISDIR(information.st_mode)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return information


def names_folder(path: str) -> bool:
    """Whether a path can only be that of a folder: ``models/``, ``..``."""
    return os.path.basename(path) in ("", os.curdir, os.pardir)


@contextmanager
def replaced(path: str | os.PathLike[str], old: os.stat_result | None) -> Iterator[IO[bytes]]:
    """`replacing` for regular files and new ones."""
    target = Path(os.path.realpath(path))
    if old and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    remove_left(target.parent)
    temporary, stream = own_file(target.parent, 0o600 if old else 0o666)
    try:
        with stream:
            yield stream
            stream.flush()
            if old:
                keep_rights(stream.fileno(), old)
            os.fsync(stream.fileno())
            if fcntl is None:
                stream.close()  # Windows moves no open file
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_into(path: str | os.PathLike[str], old: os.stat_result) -> Iterator[IO[bytes]]:
    """`replacing` for what cannot be replaced. The stream can be sought in, as for files; the pipe need not be."""
    if not (stat.S_ISFIFO(old.st_mode) or stat.S_ISCHR(old.st_mode)):
        raise OSError(errno.EINVAL, "neither a file nor a pipe or terminal", os.fspath(path))
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # else a pipe that nobody reads waits for ever
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(handle, True)
    with open(handle, "wb") as target, tempfile.TemporaryFile() as stream:
        yield stream
        stream.seek(0)
        shutil.copyfileobj(stream, target)


def own_file(folder: Path, mode: int) -> tuple[Path, IO[bytes]]:
    """A new file under a name and, where there are locks, a lock of its own."""
    while True:
        path = folder / f".dltoolbox-{secrets.token_hex(8)}.tmp"
        stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode), "wb")
        if fcntl is None:
            return path, stream
        with suppress(OSError):  # some file systems have no locks; nobody removes the file there
            fcntl.flock(stream, fcntl.LOCK_EX)
        if path.exists():  # else somebody took it for a left one before the lock was there
            return path, stream
        stream.close()


def keep_rights(handle: int, old: os.stat_result) -> None:
    """Group, owner and permissions of the old file, as far as the system allows."""
    if hasattr(os, "fchown"):
        for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
            with suppress(OSError):
                os.fchown(handle, owner, group)
        with suppress(OSError):
            os.fchmod(handle, stat.S_IMODE(old.st_mode))


def remove_left(folder: Path) -> None:
    """Remove what killed writers left in a folder: nobody has a lock on it any more."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if LEFT.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError), open(entry.path, "r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)
