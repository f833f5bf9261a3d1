"""dltoolbox doctor: each warning from made-up facts, and a look at this machine."""

import json
from dataclasses import replace

import pytest

from dltoolbox import cli, doctor
from dltoolbox.doctor import Blas, Cache, Facts, judge, report
from dltoolbox.runtime.blas import Library

OPENBLAS = Blas("OpenBLAS 0.3.30", "SkylakeX", "SkylakeX", 4, "/libs/libopenblas.so")
HEALTHY = Facts(
    versions={"dltoolbox": "1.0", "Python": "3.11.7", "NumPy": "2.4.6", "SciPy": "1.17.1"}, numba="0.68.1", numba_failure="",
    platform="Linux", processor="Chip 9000", l2_bytes=1 << 20, physical=4, allowed=8, quota=None, threads=4, threads_from="",
    variables={}, numpy_blas="scipy-openblas", blas=(OPENBLAS, OPENBLAS), flops_one=100.4, flops_all=380.0, copy=40.0,
    tuning=Cache("/cache", 2000, 1, True), compiled=Cache("/compiled", 0, 0, True))


def pinned(kernels, unpinned="SkylakeX", **variables):
    return {"blas": (replace(OPENBLAS, kernels=kernels, unpinned=unpinned),), "variables": variables}


@pytest.mark.parametrize(("changes", "identifier", "words"), [
    (pinned("Haswell", OPENBLAS_CORETYPE="Haswell"), "pinnedKernels", ("Haswell", "2.6 times", "unset OPENBLAS_CORETYPE")),
    (pinned("Prescott", "Haswell", OPENBLAS_CORETYPE="Prescott"), "pinnedKernels", ("Prescott", "costs speed")),
    (pinned("ARMV8", "NEOVERSEV1", OPENBLAS_CORETYPE="ARMV8"), "pinnedKernels", ("NEOVERSEV1",)),
    (pinned("SkylakeX", OPENBLAS_L2_SIZE="512"), "pinnedCache", ("512 KB", "1024 KB", "unset OPENBLAS_L2_SIZE")),
    ({"blas": (), "numpy_blas": "mkl-dynamic"}, "otherBlas", ("mkl-dynamic", "MKL_NUM_THREADS=1")),
    ({"blas": (), "numpy_blas": "accelerate"}, "otherBlas", ("VECLIB_MAXIMUM_THREADS=1",)),
    ({"blas": (), "numpy_blas": "unknown"}, "otherBlas", ("OMP_NUM_THREADS=1",)),
    ({"blas": (), "numpy_blas": "openblas", "variables": {"OPENBLAS_NUM_THREADS": "2"}}, "otherBlas",
     ("OPENBLAS_NUM_THREADS=1",)),
    ({"numba_failure": "ImportError: Numba needs NumPy 2.3 or less"}, "brokenNumba", ("needs NumPy 2.3", "pip install")),
    ({"tuning": Cache("/cache", 0, 0, False)}, "cacheNotWritable", ("/cache", "DLTOOLBOX_CACHE")),
    ({"tuning": Cache(None, 0, 0, False)}, "cacheNotWritable", ("no home", "DLTOOLBOX_CACHE")),
    ({"compiled": Cache(None, 0, 0, False)}, "compiledNotWritable", ("NUMBA_CACHE_DIR",)),
    ({"quota": 1.5}, "quota", ("1.5 of 4 cores", "--cpus")),
    ({"threads": 1, "threads_from": "OMP_NUM_THREADS", "variables": {"OMP_NUM_THREADS": "1"}}, "fewThreads",
     ("1 of 4 cores", "DLTOOLBOX_NUM_THREADS=4")),
])
def test_each_warning_has_its_cure(changes, identifier, words):
    facts = replace(HEALTHY, **changes)
    issue, = judge(facts)
    assert issue.identifier == f"dltoolbox:doctor:{identifier}"
    assert issue.severity == "warning"
    text = " ".join(report(facts, [issue]).split())
    assert all(word in text for word in (*words, issue.hint))


@pytest.mark.parametrize("changes", [
    {},
    pinned("SkylakeX", OPENBLAS_CORETYPE="SkylakeX"),
    pinned("Zen", "Haswell", OPENBLAS_CORETYPE="Zen"),  # the same kernels by another name
    pinned("Cooperlake", "Haswell", OPENBLAS_CORETYPE="Cooperlake"),  # newer than OpenBLAS knew
    pinned("Haswell", "", OPENBLAS_CORETYPE="Haswell"),  # what it would choose could not be found out
    pinned("Haswell", "Haswell"),
    pinned("SkylakeX", OPENBLAS_L2_SIZE="1024"),
    {"variables": {"OPENBLAS_L2_SIZE": "512"}, "l2_bytes": 0},
    {"blas": (), "numpy_blas": "accelerate", "variables": {"VECLIB_MAXIMUM_THREADS": "1"}},
    {"numba": "", "numba_failure": "not installed", "compiled": Cache(None, 0, 0, False)},
    {"numba_failure": "switched off by DLTOOLBOX_NUMBA=0", "compiled": Cache(None, 0, 0, False)},
    {"quota": 4.0},
    {"threads": 2, "threads_from": "DLTOOLBOX_NUM_THREADS", "variables": {"DLTOOLBOX_NUM_THREADS": "2"}},
    {"threads": 4, "threads_from": "OMP_NUM_THREADS", "variables": {"OMP_NUM_THREADS": "4"}},
])
def test_what_is_right_is_no_warning(changes):
    assert judge(replace(HEALTHY, **changes)) == []


def test_the_report_shows_every_fact():
    text = report(HEALTHY, [])
    for part in ("dltoolbox         1.0", "Python            3.11.7", "0.68.1", "Chip 9000",
                 "4 physical, 8 logical processors", "no quota", "OpenBLAS 0.3.30, kernels for SkylakeX, 4 threads",
                 "100 GFLOP/s on one thread, 380 on 4", "40.0 GB/s", "/cache (1 file, 2 kB)",
                 "/compiled (0 files, 0 kB)", "0 warnings"):
        assert part in text
    assert "environment" not in text


@pytest.mark.parametrize(("changes", "part"), [
    ({"numba": "", "numba_failure": "not installed"}, 'Numba             not installed: pip install "dltoolbox[fast]"'),
    ({"numba_failure": "OSError: no LLVM"}, "0.68.1, OSError: no LLVM"),
    ({"quota": 2.5}, "a quota of 2.5"),
    ({"threads": 2, "threads_from": "maxNumCompThreads"}, "2 (by maxNumCompThreads)"),
    ({"variables": {"DLTOOLBOX_TUNE": "0"}}, "switched off by DLTOOLBOX_TUNE=0; /cache"),
    ({"variables": {"DLTOOLBOX_TUNE": "random:7"}}, "drawn at random by DLTOOLBOX_TUNE=random:7; /cache"),
    ({"variables": {"OMP_NUM_THREADS": "4"}}, "OMP_NUM_THREADS=4"),
    ({"tuning": Cache("/cache", 0, 0, False)}, "not writable"),
    ({"tuning": Cache(None, 0, 0, False)}, "measured choices  nowhere"),
    ({"blas": (), "numpy_blas": "mkl"}, "mkl, which cannot be looked into"),
])
def test_the_report_of_unusual_facts(changes, part):
    facts = replace(HEALTHY, **changes)
    assert part in report(facts, judge(facts))


@pytest.fixture
def facts(monkeypatch):
    """What the command will find."""
    def give(**changes):
        monkeypatch.setattr(doctor, "collect_facts", lambda: replace(HEALTHY, **changes))
    return give


@pytest.mark.parametrize(("argv", "quota", "status"), [
    (["doctor"], None, 0), (["doctor"], 1.5, 0), (["doctor", "--strict"], None, 0), (["doctor", "--strict"], 1.5, 1),
    (["doctor", "--strict", "--json"], 1.5, 1)])
def test_warnings_count_only_when_strict(facts, capsys, argv, quota, status):
    facts(quota=quota)
    assert cli.main(argv) == status
    assert capsys.readouterr().out


def test_json_says_the_same(facts, capsys):
    facts(quota=1.5, tuning=Cache(None, 0, 0, False))
    assert cli.main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["NumPy"] == "2.4.6"
    assert found["blas"][0]["kernels"] == "SkylakeX"
    assert found["quota"] == 1.5
    assert [one["identifier"].split(":")[-1] for one in found["warnings"]] == ["quota", "cacheNotWritable"]
    assert all(one["message"] and one["cure"] for one in found["warnings"])


def test_this_machine(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "SECONDS", 0.001)
    monkeypatch.setattr(doctor, "SIDE", 64)
    monkeypatch.setattr(doctor, "COPIED", 1 << 16)
    monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path / "not" / "yet"))
    found = doctor.collect_facts()
    assert found.physical >= 1
    assert min(found.flops_one, found.flops_all, found.copy) > 0
    assert found.tuning == Cache(str(tmp_path / "not" / "yet"), 0, 0, True)
    assert not list(tmp_path.iterdir())
    assert report(found, judge(found))
    assert json.loads(doctor.as_text_of_json(found, judge(found)))


def test_a_cache_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    assert not doctor.cache_at(tmp_path / "file" / "cache", "*").writable
    assert doctor.cache_at(tmp_path, "*") == Cache(str(tmp_path), 9, 1, True)


def test_what_openblas_would_choose_is_asked_in_a_process_without_its_variables(monkeypatch):
    libraries = doctor.libraries()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    assert len(doctor.unpinned()) == len(libraries)
    assert "Nehalem" not in doctor.unpinned()
    monkeypatch.setattr(doctor.sys, "executable", "no such program")
    assert doctor.unpinned() == []
    monkeypatch.setattr(doctor, "libraries", lambda: (Library(lambda: 2, print, "Nehalem", "OpenBLAS 1"),))
    assert doctor.blas() == (Blas("OpenBLAS 1", "Nehalem", "", 2, ""),)
