"""Calls in a process of their own, which may die or hang: the next one goes on behind the call that did it."""

from __future__ import annotations

import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from tests.calls.bad_calls import drawn
from tests.calls.judge import GIVE_UP, Verdict, judge

ADDRESS_SPACE = 6 << 30
ENVIRONMENT = {"DLTOOLBOX_TUNE": "0", "DLTOOLBOX_NUMBA": "0", "DLTOOLBOX_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
               "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


def child(seed: int, start: int, count: int) -> None:
    """Judge some calls; a line before and after each."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    for number in range(start, start + count):
        print(number, file=out, flush=True)
        bad = drawn(seed, number)
        verdict = judge(bad.name, bad.call)
        print(json.dumps(vars(verdict) | {"text": "", "call": str(bad)}), file=out, flush=True)


def verdicts(seed: int, start: int, count: int) -> Iterator[tuple[int, Verdict]]:
    """Every call with its verdict; files that some of them write go with the folder that they run in."""
    at, end = start, start + count
    variables = os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    while at < end:
        command = [sys.executable, "-m", "tests.calls", "--child", "--seed", str(seed), "--start", str(at), "--count",
                   str(end - at)]
        with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables, cwd=folder, text=True) as process:
            for number, verdict in conversation(process, at):
                yield number, verdict
                at = number + 1
            process.kill()


def conversation(process: subprocess.Popen[str], at: int) -> Iterator[tuple[int, Verdict]]:
    """What a child says, until it has nothing more to say, dies or hangs."""
    assert process.stdout is not None
    begun = False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(2 * GIVE_UP):
            line = process.stdout.readline()
            if not line:
                break
            if line[0] == "{":
                yield at, Verdict(**json.loads(line))
                begun = False
            else:
                at, begun = int(line), True
        else:
            yield at, Verdict("raw", ["hangs and cannot be interrupted"])
            return
    if begun or process.wait():
        yield at, Verdict("raw", [f"ends the process with {process.wait()}"])
