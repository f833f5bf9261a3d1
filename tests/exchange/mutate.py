"""Saved networks, mutated: whatever a file holds, it loads and can be used, or an error of ours says why not.

By hand: ``python -m tests.exchange.mutate --seed 1 --count 10000``. Each file is read in this process under limits of time
and memory, and nothing of it may be executed; what breaks a rule is kept, and named with its number.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dltoolbox import (
    additionLayer,
    analyzeNetwork,
    convolution2dLayer,
    dlnetwork,
    imageInputLayer,
    networkDataLayout,
    networkLayer,
    placeholderLayer,
    reluLayer,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.exchange import loadNetwork, saveNetwork
from tests.exchange.archives import Members, members
from tests.exchange.networks import NETWORKS
from tests.exchange.own_layers import of_own_layers

SECONDS, BYTES = 5, 100 << 20
LONGEST = 4 << 20  # bytes of a description
FORBIDDEN = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
             "socket.connect")
JUNK: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 7, 2**31 - 1, 2**31, 2**53, 2**63, 2**70, 10**9, 10**30, 10**400, 0.5, -0.0, 1e308,
    5e-324, "", "x", "in", "out", "auto", "same", "\ud800", "a/b", "../../x", "x" * 2000, [], {}, [[]], {"tuple": []},
    {"tuple": [1, 2]}, {"tuple": [{"tuple": [1, 1]}, {"tuple": [0, 2]}]}, {"array": "arrays/0.npy"}, {"array": ""},
    {"array": "network.json"}, {"float": "nan"}, {"float": "inf"}, {"float": "-inf"}, {"network": {}}, {"__import__": "os"},
    {"function": "os.system"}, {"function": "tests.centre"}, {"list": [1, {"list": []}]}, {"dict": [["a", 1]]},
    {"dict": [[{"list": []}, 1]]})


class TooSlow(BaseException):
    pass


class Executed(BaseException):
    pass


# The parts of a description ------------------------------------------------------------------------------------------
def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a JSON value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        found += [(one, key) for key in keys]
        waiting += [one[key] for key in keys]
    return found


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = {"tuple": [value]}
    return value


def tweaked(value: Any, draw: random.Random, found: list[tuple[Any, Any]]) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        value = value if abs(value) < 10**300 else 1
        return draw.choice([-value, value + 1, value - 1, value * 10, value * 10**6, value * 10**9, float(value),
                            str(value)])
    if isinstance(value, str):
        others = [one[key] for one, key in found if isinstance(one[key], str)]
        return draw.choice([draw.choice(others), value.upper(), value + "x", value * 50, value[:-1], f"{value}/in"])
    if isinstance(value, list) and value:
        return draw.choice([value[::-1], value[1:], value + value, value * draw.choice([3, 100, 1000]), [value]])
    return copy.deepcopy(draw.choice(JUNK))


def mutate_value(description: Any, draw: random.Random) -> None:
    """One structural change."""
    found = places(description)
    one, key = draw.choice(found)
    other, another = draw.choice(found)
    what = draw.randrange(8)
    if what == 0:
        one[key] = copy.deepcopy(draw.choice(JUNK))
    elif what in (1, 2):
        one[key] = tweaked(one[key], draw, found)
    elif what == 3:
        del one[key]
    elif what == 4:
        one[key], other[another] = json.loads(json.dumps([other[another], one[key]]))
    elif what == 5:
        one[key] = json.loads(json.dumps(other[another]))
    elif what == 6:
        one[key] = nested(one[key], draw.choice([1, 2, 30, 300]))
    elif isinstance(one, dict):
        one[draw.choice([str(another), key.lower(), "", "layers", "Name"])] = one.pop(key)
    else:
        one.insert(key, json.loads(json.dumps(other[another])))


def with_change(text: bytes, draw: random.Random) -> bytes:
    """The description with one change, if it can be written and is not too long."""
    description = json.loads(text)
    try:
        if places(description):
            mutate_value(description, draw)
        changed = json.dumps(description).encode()
    except (RecursionError, ValueError):
        return text
    return changed if len(changed) < LONGEST else text


def mutate_text(text: bytes, draw: random.Random) -> bytes:
    """JSON with something in it that no object would be written as."""
    at = draw.randrange(len(text))
    insert = draw.choice([b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 10_000, b'{"a":' * 3000, b"\\ud800", b"\xff",
                          b"\0", b'"layers":[],', b"\xef\xbb\xbf", b",", b"}", b"]" * 50, b"[]," * 20_000, b"1," * 20_000])
    return draw.choice([text[:at] + insert + text[at:], text[:at], text.replace(b":", b":" + insert, 1), insert + text,
                        text.replace(b"1", insert, 1), text.decode(errors="replace").encode("utf-16")])


# Arrays and the container --------------------------------------------------------------------------------------------
def mutate_array(data: bytes, draw: random.Random) -> bytes:
    """The header or the numbers of a member."""
    shape = draw.choice(["()", "(0,)", "(-1,)", "(True,)", "(0, 100000000000000000000)", "(1000000000000,)", "(1.0,)",
                         "(" + "1, " * 40 + ")", "(2, 2, 2)", "[2]", "'x'", "(1)" * 2000, "(" * 200 + ")" * 200, "9" * 5000])
    kind = draw.choice(["'<f4'", "'>f8'", "'|O'", "'<i8'", "'<f2'", "'<M8[s]'", "'|S9'", "[('a', '<f4')]", "'|V9'"])
    text = draw.choice([f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}",
                        f"{{'descr': {kind}, 'fortran_order': True, 'shape': (2,), }}", "__import__('os').getcwd()",
                        "{" * 500, ""]).encode()
    header = b"\x93NUMPY" + draw.choice([b"\1\0", b"\2\0", b"\3\0", b"\0\0"]) + struct.pack("<H", len(text) & 0xffff) + text
    rest = draw.choice([data[128:], b"", bytes(8), bytes(10_000)])
    special = struct.pack("<f", draw.choice([np.nan, np.inf, -1, 0, 3e38, 1e-45]))
    return draw.choice([header + rest, data[:draw.randrange(len(data) + 1)], data + bytes(draw.randrange(1, 9)),
                        data[:-4] + special, flipped(data, draw)])


def flipped(data: bytes, draw: random.Random, most: int = 20) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randrange(1, most)):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def mutate_members(contents: Members, draw: random.Random) -> None:
    """Members that are missing, too many, or hold something else."""
    name, other = draw.choice(list(contents)), draw.choice(list(contents))
    what = draw.randrange(5)
    if what == 0:
        del contents[name]
    elif what == 1:
        contents[draw.choice(["x", "arrays/99.npy", "../../x", "/x", "network.json/", "\ud7ff"])] = contents[name]
    elif what == 2:
        contents[name], contents[other] = contents[other], contents[name]
    elif name != "network.json":
        contents[name] = mutate_array(contents[name], draw)
    else:
        contents[name] = mutate_text(contents[name], draw)


def zipped(contents: Members, draw: random.Random) -> bytes:
    """The archive, sometimes with compressed or repeated members or a bomb."""
    stream, what = io.BytesIO(), draw.randrange(12)
    how = {0: zipfile.ZIP_DEFLATED, 1: zipfile.ZIP_BZIP2, 2: zipfile.ZIP_LZMA}.get(what, zipfile.ZIP_STORED)
    if what == 0:
        contents[draw.choice(list(contents) or ["x"])] = bytes(20_000_000)
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", how) as archive:
        warnings.simplefilter("ignore")
        for name, data in contents.items():
            for _ in range(2 if what == 3 else 1):
                archive.writestr(name, data)
    return stream.getvalue()


def mutate_container(data: bytes, draw: random.Random) -> bytes:
    """Bytes of the whole file: cut, turned over, or sizes and places that lie."""
    changed, what = bytearray(data), draw.randrange(5)
    if what == 0:
        return data[:draw.randrange(len(data))]
    if what == 1:
        return flipped(data, draw)
    if what == 2:
        return draw.choice([b"x", b"PK\3\4", bytes(1000)]) + data
    if what == 3:
        return data + draw.choice([b"x", bytes(70_000), data])
    for _ in range(draw.randrange(1, 4)):  # fields behind the signatures of local headers, directory and its end
        signature = draw.choice([b"PK\3\4", b"PK\1\2", b"PK\5\6"])
        starts = [i for i in range(len(data) - 3) if data[i:i + 4] == signature] or [0]
        at = draw.choice(starts) + 4 + draw.randrange(40)
        number = draw.choice([0, 1, 8, 0xff, 0xffff, 0xffffffff, 0x7fffffff, draw.getrandbits(32)])
        changed[at:at + 4] = struct.pack("<I", number)
    return bytes(changed)


def mutated(good: bytes, draw: random.Random, path: Path) -> None:
    """Write a mutated file."""
    path.write_bytes(good)
    contents, level = members(path), draw.choices(["value", "members", "container"], [6, 3, 2])[0]
    if level == "value":
        for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
            contents["network.json"] = with_change(contents["network.json"], draw)
    elif level == "members":
        mutate_members(contents, draw)
    data = zipped(contents, draw)
    path.write_bytes(mutate_container(data, draw) if level == "container" else data)


# Judging -------------------------------------------------------------------------------------------------------------
def bases(folder: Path) -> list[bytes]:
    """Files that saveNetwork wrote: trained networks, and dlnetworks of every kind."""
    maps = networkDataLayout([6, 6, 4], "SSC")
    block = networkLayer([convolution2dLayer(3, 2, Padding="same"), networkLayer([reluLayer], Name="deep")], Name="block")
    nets = [make() for make in NETWORKS.values()]
    nets += [dlnetwork([imageInputLayer([6, 6, 2]), block, reluLayer]), dlnetwork([additionLayer(2), reluLayer], maps, maps),
             dlnetwork([convolution2dLayer(3, 4), reluLayer], Initialize=False), of_own_layers(),
             dlnetwork([imageInputLayer([6, 6, 2]), placeholderLayer(OutputSize=[3, 3, 4], Name="p"), reluLayer])]
    files = []
    for net in nets:
        saveNetwork(net, folder / "base")
        files.append((folder / "base").read_bytes())
    return files


def used(path: Path) -> None:
    """What somebody does with a file, with placeholders for what is not defined."""
    try:
        net = loadNetwork(path)
    except DltoolboxError as error:
        if error.identifier not in ("dltoolbox:loadNetwork:unknownLayer", "dltoolbox:loadNetwork:otherClass"):
            raise
        net = loadNetwork(path, Unknown="placeholder")
    str(analyzeNetwork(net, nargout=1))
    str(net), str(net.Layers), [str(one) for one in net.Layers]
    saveNetwork(net, path.with_name("again"))
    loadNetwork(path.with_name("again"), Unknown="placeholder")


def limited(action: Callable[[], None]) -> str:
    """What came of an action within the limits: an identifier, nothing, or, in capitals, the rule that it broke."""
    with open("/proc/self/statm", encoding="ascii") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (present + BYTES, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        action()
    except DltoolboxError as error:
        return error.identifier
    except TooSlow:
        return "SLOW"
    except MemoryError:
        return "MEMORY"
    except Executed:
        return "EXECUTED"
    except BaseException:
        return f"RAW {traceback.format_exc()}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return "loads"


def too_slow(*_: Any) -> None:
    raise TooSlow


def run(seed: int, count: int, start: int, keep: Path | None) -> Counter[str]:
    """Outcomes of so many files; those that break a rule are printed, and written to ``keep``."""
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = bases(folder)
        signal.signal(signal.SIGALRM, too_slow)
        watching = [False]

        def watch(event: str, _: Any) -> None:
            if watching[0] and event.startswith(FORBIDDEN):
                raise Executed(event)
        sys.addaudithook(watch)
        used(written(folder / "net", files[0]))  # everything is imported before the memory is limited
        for number in range(start, start + count):
            draw = random.Random(f"{seed} {number}")
            mutated(draw.choice(files), draw, folder / "net")
            begun, watching[0] = time.process_time(), True
            outcome = limited(lambda: used(folder / "net"))
            watching[0] = False
            slowest = max(slowest, time.process_time() - begun)
            outcomes[outcome.split()[0]] += 1
            if outcome.split()[0].isupper():
                print(f"{seed} {number}: {outcome}", flush=True)
                if keep:
                    written(keep / f"{seed}-{number}", (folder / "net").read_bytes())
    print(f"slowest: {slowest:.2f} s of processor time")
    return outcomes


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--start", type=int, default=0, help="number of the first file, to repeat one")
    parser.add_argument("--keep", type=Path, help="folder for files that break a rule")
    given = parser.parse_args()
    os.environ.setdefault("DLTOOLBOX_TUNE", "0")
    outcomes = run(given.seed, given.count, given.start, given.keep)
    for outcome, count in outcomes.most_common():
        print(f"{count:>8} {outcome}")
    return int(any(outcome.isupper() for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
