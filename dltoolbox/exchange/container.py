"""The file format under saved networks: a zip of JSON and ``.npy`` members that can be read without trusting it.

Members are stored, not compressed, so no file is larger inside than outside; arrays are read by their header and never
unpickled; nothing is extracted to disk. Writing gives the same bytes for the same contents, and a file is replaced only
when the new one is complete.
"""

from __future__ import annotations

import errno
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.files import replacing

ARRAY_TYPES = ("<f2", "<f4", "<f8", "|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8")
LARGEST_JSON = 8 << 20  # bytes: about twelve thousand convolutions
MOST_VALUES = 600_000  # in it: read, each takes up to a hundred bytes
MOST_STORED_DIMENSIONS = 16
MAGIC = b"\x93NUMPY\1\0"
NPY_HEADER = re.compile(rb"{'descr': '(<f[248]|<[iu][248]|[|][biu]1)', 'fortran_order': (True|False), "
                        rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), } *\n")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, EOFError, OverflowError, KeyError, IndexError,
               RuntimeError, NotImplementedError, UnicodeError)  # what zipfile and numpy raise for damaged contents


class Damaged(Exception):
    """The contents are not what was written; the text says what is wrong."""


class Oversized(Exception):
    """The description is longer than a reader accepts."""


class ContainerReader:
    """Members of a container, checked one by one. Use `open_container`."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.archive = archive
        self.asked = 0  # for whoever counts what the contents ask for
        infos = archive.infolist()
        self.members = {info.filename: info for info in infos}
        if len(self.members) < len(infos):
            raise Damaged("two members have the same name")
        if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.file_size != info.compress_size
               for info in infos):
            raise Damaged("members are compressed or encrypted")
        if sum(info.file_size for info in infos) > size:
            raise Damaged("the members claim to be larger than the file")

    def read(self, name: str, limit: int | None = None) -> bytes:
        info = self.members.get(name)
        if info is None:
            raise Damaged(f"member '{name}' is missing")
        if limit is not None and info.file_size > limit:
            raise Damaged(f"member '{name}' is too large")
        with damaged_where_unreadable(f"member '{name}' cannot be read"):
            return self.archive.read(info)

    def json(self, name: str) -> Any:
        text = self.read(name, LARGEST_JSON)
        if too_many_values(text):
            raise Damaged(f"member '{name}' is too large")
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Damaged(f"member '{name}' is not JSON text ({error})") from error

    def array(self, name: str) -> np.ndarray:
        """A read-only array; nothing is allocated before the header was held against the number of bytes."""
        data = self.read(name)
        start = 10 + int.from_bytes(data[8:10], "little")
        header = NPY_HEADER.fullmatch(data[10:start])
        if data[:8] != MAGIC or header is None:
            raise Damaged(f"array '{name}' has no valid header")
        dtype, shape = np.dtype(header[1].decode()), tuple(map(int, re.findall(rb"\d+", header[3])))
        if len(shape) > MOST_STORED_DIMENSIONS:
            raise Damaged(f"array '{name}' has {counted(len(shape), 'dimension')}")
        if max(shape, default=0) > len(data) or prod(shape) * dtype.itemsize != len(data) - start:
            raise Damaged(f"array '{name}' has another size than its header says")
        if dtype.kind == "b" and max(data[start:], default=0) > 1:
            raise Damaged(f"array '{name}' holds what is neither true nor false")
        return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if header[2] == b"True" else "C")


def too_many_values(text: bytes) -> bool:
    """Whether JSON may hold more values than are read: counted before any is made."""
    return sum(map(text.count, (b"[", b"{", b",", b":"))) > MOST_VALUES


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@contextmanager
def damaged_where_unreadable(what: str) -> Iterator[None]:
    """Turns what libraries raise for damaged contents into `Damaged`; a seek to a forged place is an invalid argument."""
    try:
        yield
    except _UNREADABLE as error:
        raise Damaged(f"{what} ({error})") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise Damaged(f"{what} ({error})") from error


@contextmanager
def open_container(path: Path) -> Iterator[ContainerReader]:
    """Open a container; raises `Damaged`, or OSError when the file cannot be read."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        with damaged_where_unreadable("it has no valid directory"):
            archive = zipfile.ZipFile(file)
        with archive:
            yield ContainerReader(archive, size)


def write_container(path: Path, description: object, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a JSON member and arrays. An existing file is replaced at the end, or stays as it was.

    Raises:
        Oversized: for more JSON than a reader accepts.
        OSError: where the file cannot be written.
    """
    text = json.dumps(description, ensure_ascii=False, allow_nan=False, indent=1)
    encoded = text.encode("utf-8", "backslashreplace")  # halves of characters, as JSON has them
    if len(encoded) > LARGEST_JSON or too_many_values(encoded):
        raise Oversized
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(name), encoded)
        for member, array in arrays.items():
            with archive.open(_entry(member), "w", force_zip64=array.nbytes >= 1 << 30) as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)


def _entry(name: str) -> zipfile.ZipInfo:
    """A member without anything that depends on the time, the machine or the user."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info
