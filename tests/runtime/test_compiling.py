"""Compiling waits until it pays: a first script ends as early as without Numba."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.kernels import numba_support
from dltoolbox.program.executable import Program
from dltoolbox.runtime import compiling
from tests.programs import ENVIRONMENT

numba_only = pytest.mark.skipif(not numba_support.available(), reason="needs Numba")


@pytest.fixture
def default(monkeypatch, tmp_path):
    """What a user has who installed Numba and computed nothing yet; returns what starts a new process."""
    monkeypatch.delenv("DLTOOLBOX_NUMBA", raising=False)
    monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path))
    monkeypatch.setattr(compiling, "find_spec", lambda name: SimpleNamespace())
    monkeypatch.setattr(compiling, "atexit", SimpleNamespace(register=lambda function: None))
    compiling.waiting.cache_clear()
    yield compiling.waiting.cache_clear
    compiling.waiting.cache_clear()


def test_it_pays_when_as_much_was_computed_as_compiling_costs(default):
    assert not compiling.compiling_pays()
    compiling.spend(compiling.PRICE - 1)
    assert not compiling.compiling_pays()
    compiling.spend(1)
    assert compiling.compiling_pays()


def test_processes_count_together(default, tmp_path):
    for process in range(3):
        assert not compiling.compiling_pays(), process
        compiling.spend(compiling.PRICE / 2.5)
        if not compiling.compiling_pays():
            compiling.waiting().save()  # as at the end of a process
        default()
    assert compiling.compiling_pays()
    assert compiling.waiting() is None
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"nan", b"-3", b"yesterday"])
def test_a_damaged_file_counts_as_none(default, content):
    compiling.waiting().spend(compiling.PRICE)
    compiling.waiting().file.write_bytes(content)
    default()
    assert not compiling.compiling_pays()
    compiling.spend(compiling.PRICE)
    default()
    assert compiling.compiling_pays()


def test_a_folder_that_cannot_be_written_is_no_error(default, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path / "file" / "below"))
    default()
    compiling.spend(compiling.PRICE)
    assert compiling.compiling_pays()


@pytest.mark.parametrize("variable", ["0", "1"])
def test_who_says_what_he_wants_does_not_wait(default, monkeypatch, variable):
    monkeypatch.setenv("DLTOOLBOX_NUMBA", variable)
    default()
    assert compiling.waiting() is None


def test_without_numba_nothing_is_counted(default, monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    default()
    compiling.spend(100.0)
    assert not list(tmp_path.iterdir())


@numba_only
@pytest.mark.network
def test_kernels_change_in_the_middle_of_a_training_and_nothing_else(default, monkeypatch):
    """The first mini-batch runs on NumPy alone, the others on compiled loops too; results are those of NumPy."""
    monkeypatch.setenv("DLTOOLBOX_TUNE", "0")  # the first choice is a twin where there is one
    X, Y = dl.digitTrain4DArrayData(nargout=2)
    layers = [dl.imageInputLayer([28, 28, 1]), dl.convolution2dLayer(3, 4), dl.batchNormalizationLayer, dl.reluLayer,
              dl.maxPooling2dLayer(2, Stride=2), dl.fullyConnectedLayer(10), dl.softmaxLayer, dl.classificationLayer]
    options = dl.trainingOptions("sgdm", MaxEpochs=1, MiniBatchSize=16, Shuffle="never", Verbose=False)
    accelerators = []

    def recorded(program, *data, **options):
        accelerators.append({step.kernel.accelerator for step in program.plan.steps})
        return run(program, *data, **options)
    run = Program.run
    monkeypatch.setattr(Program, "run", recorded)

    def weights(price):
        monkeypatch.setattr(compiling, "PRICE", price)
        default()
        dl.rng(0)
        return dl.trainNetwork(X[..., :64], Y[:64], layers, options).Layers[1].Weights

    never, runs = weights(1e9), len(accelerators)
    soon = weights(1e-9)
    assert accelerators[:runs + 1] == [{""}] * (runs + 1)
    assert all("numba" in used for used in accelerators[runs + 1:])
    assert len(accelerators) == 2 * runs > 6
    np.testing.assert_allclose(soon, never, atol=1e-5)


@numba_only
def test_the_first_compilation_is_announced_once_per_process_and_what_is_on_disk_never(tmp_path):
    (tmp_path / "loops.py").write_text("from dltoolbox.kernels.numba_support import loop\n"
                                       "@loop\ndef more(x):\n    return x + 1\n@loop\ndef less(x):\n    return x - 1\n"
                                       "print(more(1.5) + less(1.5))\n", encoding="utf-8")
    runs = [subprocess.run([sys.executable, "loops.py"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
                           env=ENVIRONMENT | {"DLTOOLBOX_NUMBA": "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONUTF8": "1"},
                           check=True) for _ in range(2)]
    assert [run.stdout for run in runs] == ["3.0\n"] * 2
    assert [run.stderr for run in runs] == ["Compiling kernels (once per machine) …\n", ""]
