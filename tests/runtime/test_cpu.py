"""Cores and quotas, read from made-up files of a system."""

import math
import sys

import pytest

from dltoolbox.runtime import cpu

INTEL = "processor\t: 0\nmodel name\t: Chip 9000\ncpu family\t: 6\nmodel\t\t: 85\n\nprocessor\t: 1\nmodel name\t: Other\n"


def system(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def siblings(*groups):
    """Two logical processors per core and the like: ``siblings((0, 2), (1, 3))``."""
    return {f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": ",".join(map(str, group)) + "\n"
            for group in groups for cpu in group}


def test_the_processor_has_a_name_and_numbers(tmp_path):
    assert cpu.processor(system(tmp_path, {"proc/cpuinfo": INTEL})) == "Chip 9000 (family 6, model 85)"


@pytest.mark.parametrize("text", [None, "", "Features : fp asimd\n"])
def test_a_processor_without_a_name_still_has_one(tmp_path, text):
    assert cpu.processor(system(tmp_path, {} if text is None else {"proc/cpuinfo": text}))


@pytest.mark.skipif(sys.platform == "darwin", reason="asks macOS itself")
@pytest.mark.parametrize(("allowed", "cores"), [
    ((0, 1, 2, 3), 2), ((0, 1), 2), ((0, 2), 1), ((3,), 1), ((7, 8), 2), ((), 1)])
def test_threads_of_one_core_count_once_and_unknown_ones_by_themselves(tmp_path, allowed, cores):
    assert cpu.physical_cores(allowed, system(tmp_path, siblings((0, 2), (1, 3)))) == cores


@pytest.mark.skipif(sys.platform == "darwin", reason="asks macOS itself")
@pytest.mark.parametrize(("text", "size"), [("1024K\n", 1 << 20), ("48K", 48 << 10), ("", 0), ("much", 0), (None, 0)])
def test_the_size_of_the_cache_of_a_core(tmp_path, text, size):
    file = "sys/devices/system/cpu/cpu0/cache/index2/size"
    assert cpu.l2_cache(system(tmp_path, {} if text is None else {file: text})) == size


QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/box/a\n3:cpuset:/\n0::/\n"}
V2 = {"proc/self/cgroup": "0::/box/a\n"}


@pytest.mark.parametrize(("files", "granted"), [
    ({}, math.inf),
    (V2, math.inf),
    (V2 | {"sys/fs/cgroup/box/a/cpu.max": "max 100000\n"}, math.inf),
    (V2 | {"sys/fs/cgroup/box/a/cpu.max": "150000 100000\n"}, 1.5),
    (V2 | {"sys/fs/cgroup/box/a/cpu.max": "400000 100000\n", "sys/fs/cgroup/box/cpu.max": "200000 100000\n"}, 2),
    (V2 | {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
    (V2 | {"sys/fs/cgroup/box/a/cpu.max": "nonsense"}, math.inf),
    (V1, math.inf),
    (V1 | {f"sys/fs/cgroup/cpu/box/a/{QUOTA}": "-1", f"sys/fs/cgroup/cpu/box/a/{PERIOD}": "100000"}, math.inf),
    (V1 | {f"sys/fs/cgroup/cpu/box/a/{QUOTA}": "300000", f"sys/fs/cgroup/cpu/box/a/{PERIOD}": "100000"}, 3),
    (V1 | {f"sys/fs/cgroup/cpu,cpuacct/{QUOTA}": "1000", f"sys/fs/cgroup/cpu,cpuacct/{PERIOD}": "500"}, 2),
    ({"proc/self/cgroup": "no colons\n0::/../elsewhere\n", "sys/fs/cgroup/elsewhere/cpu.max": "7 1"}, 7),
])
def test_the_smallest_quota_of_all_groups_counts(tmp_path, files, granted):
    assert cpu.quota(system(tmp_path, files)) == granted


@pytest.mark.parametrize(("granted", "cores"), [(math.inf, 4), (9, 4), (3.9, 3), (0.5, 1)])
def test_the_quota_bounds_the_cores(monkeypatch, granted, cores):
    monkeypatch.setattr(cpu, "physical_cores", lambda allowed: 4)
    monkeypatch.setattr(cpu, "quota", lambda: granted)
    assert cpu.cores() == cores


def test_this_machine_has_a_core():
    assert 1 <= cpu.cores() <= len(cpu.allowed_cpus())
