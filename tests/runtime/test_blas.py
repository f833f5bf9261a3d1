"""Loading SciPy's OpenBLAS where the process may take little more memory ends, and says why."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dltoolbox.runtime.blas import libraries
from tests.programs import ENVIRONMENT

PROGRAM = """
import resource
import signal
import sys

import numpy as np

from dltoolbox import digitTrain4DArrayData
from dltoolbox.runtime.blas import libraries
from dltoolbox.ops import OPS
from dltoolbox.train.solvers import norm

assert not any(name.startswith(("scipy.linalg", "scipy.special", "scipy.ndimage")) for name in sys.modules)
signal.alarm(60)
x = np.ones((3, 2), np.float32)
first_uses = [libraries, lambda: norm(x), lambda: OPS["gelu"].forward(x, approximation="none"), digitTrain4DArrayData]
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) << 10
for use in first_uses:
    for room in range(16, 97, 16):
        resource.setrlimit(resource.RLIMIT_AS, (size + (room << 20), resource.RLIM_INFINITY))
        try:
            use()
        except MemoryError as error:
            print(str(error).partition(",")[0])
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
for use in first_uses:
    use()
print(len(libraries()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
@pytest.mark.skipif(len(libraries()) < 2, reason="SciPy brings no OpenBLAS of its own")
def test_without_room_for_the_library_there_is_a_memory_error_and_later_all_is_well() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert found.stderr == ""
    *refused, loaded = found.stdout.splitlines()
    assert len(refused) == 24
    assert all(line.startswith(("Matrix products need ", "Unable to allocate")) for line in refused)
    assert sum(line.startswith("Matrix products need ") for line in refused) >= 18
    assert loaded == "2"
