"""A few hundred mutated files in every run of the tests; any number by hand, see `tests.exchange.mutate`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")

BROKEN = {"RAW": "1 / 0", "MEMORY": "np.ones(200 << 20)", "SLOW": "time.sleep(9)", "loads": "None",
          "dltoolbox:loadNetwork": "loadNetwork('no')"}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=300,
                          cwd=Path(__file__).parents[2])


def test_mutated_files_load_or_are_refused() -> None:
    found = python("-m", "tests.exchange.mutate", "--seed", "0", "--count", "250")
    assert found.returncode == 0, found.stdout + found.stderr
    lines = found.stdout.splitlines()[1:]
    assert sum(int(line.split()[0]) for line in lines) == 250
    assert any(line.endswith(" loads") for line in lines)
    assert any(line.endswith(":corruptFile") for line in lines)


def test_the_limits_are_noticed() -> None:
    calls = "; ".join(f"print(mutate.limited(lambda: {code}).split()[0])" for code in BROKEN.values())
    found = python("-c", "import time, signal, numpy as np, tests.exchange.mutate as mutate; "
                   "from dltoolbox import loadNetwork; "
                   "mutate.SECONDS = 0.5; signal.signal(signal.SIGALRM, mutate.too_slow); " + calls)
    for line, expected in zip(found.stdout.split(), BROKEN, strict=True):
        assert line.startswith(expected), found
