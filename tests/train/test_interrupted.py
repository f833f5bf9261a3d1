"""Ctrl+C at any moment of a training: a network comes back, or with the error, and the session goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.engines.environments import ENVIRONMENTS, Environment
from dltoolbox.kernels import numba_support
from dltoolbox.program.model import Model, model_of
from dltoolbox.runtime import autotune, thread_team, threads
from dltoolbox.runtime.blas import libraries
from tests.programs import ENVIRONMENT

pytestmark = pytest.mark.filterwarnings("ignore::dltoolbox.DltoolboxWarning")

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((6, 6, 2, 18)).astype(np.float32)
Y = dl.categorical(["a", "b", "c"] * 6)
LAYERS = [dl.imageInputLayer([6, 6, 2]), dl.convolution2dLayer(3, 4), dl.batchNormalizationLayer(), dl.reluLayer(),
          dl.fullyConnectedLayer(3), dl.softmaxLayer(), dl.classificationLayer()]
POINTS = 40  # moments


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("dltoolbox.program.executable.SMALL_WORK", 0)
    before = dl.maxNumCompThreads(2)
    yield
    dl.maxNumCompThreads(before)


def run(folder: Path | None = None, **options: Any) -> Any:
    dl.rng(0)
    given = {"MaxEpochs": 2, "MiniBatchSize": 6, "Verbose": False, "ValidationData": (X, Y), "ValidationFrequency": 2,
             "OutputFcn": lambda info: False, "CheckpointPath": str(folder or ""), **options}
    return dl.trainNetwork(X, Y, LAYERS, dl.trainingOptions("adam", **given))


def interrupted_at(call: int, work: Callable[[], Any]) -> tuple[Any, int]:
    """What comes of the work, or the error, if Ctrl+C is pressed as a function of the toolbox is called the n-th time; and
    how many calls there were.
    """
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if "dltoolbox" in frame.f_code.co_filename and "interrupts" not in frame.f_code.co_filename:
            count += 1
            if count == call:
                signal.raise_signal(signal.SIGINT)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return work(), count
    except KeyboardInterrupt as interrupt:
        return interrupt, count
    finally:
        sys.settrace(before)


def assert_usable(reference: np.ndarray) -> None:
    """The session is as before: handler, locks, teams; and training gives the same bits."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert threads._inside == 0
    with thread_team.team_of(2) as two:
        arrays = [np.ones(1), np.ones(1)]
        two.run([partial(two.add_up, rank, arrays[rank]) for rank in range(2)])
        assert arrays == [2, 2]
    np.testing.assert_array_equal(dl.predict(run(), X), reference)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that were made: before there is one, there is no network to lose."""
    made: list[Any] = []

    class Noted(Model):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)
    monkeypatch.setitem(ENVIRONMENTS, "auto", Environment(Noted, model_of))
    return made


def network_of(found: Any) -> Any:
    return getattr(found, "network", None) if isinstance(found, KeyboardInterrupt) else found


def test_at_any_moment(tmp_path: Path, begun: list[Any]) -> None:
    blas = [library.get() for library in libraries()]
    reference = dl.predict(run(), X)
    _, total = interrupted_at(-1, partial(run, tmp_path))
    came_back = 0
    for n, call in enumerate(np.linspace(1, total, POINTS).astype(int)):
        begun.clear()
        libraries.cache_clear()
        found, _ = interrupted_at(int(call), partial(run, tmp_path))
        assert network_of(found) is not None or not begun
        came_back += not isinstance(found, KeyboardInterrupt)
        if network_of(found) is not None:
            assert np.isfinite(dl.predict(network_of(found), X)).all()
        if n % 10 == 0:
            assert_usable(reference)
    assert_usable(reference)
    assert came_back > POINTS // 3
    assert [library.get() for library in libraries()] == blas


def test_while_kernels_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: list[Any]) -> None:
    """No answer is remembered that was not measured to its end."""
    monkeypatch.setenv("DLTOOLBOX_TUNE", "1")
    asked: set[str | None] = set()
    measure = autotune.measure

    def measuring(*arguments: Any) -> str | None:
        found = measure(*arguments)
        asked.add(found)
        return found
    monkeypatch.setattr(autotune, "measure", measuring)
    monkeypatch.setattr(autotune, "SPAN", 0.0)
    monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path / "whole"))
    autotune.choices.cache_clear()
    _, calls = interrupted_at(-1, run)
    for number, share in enumerate(np.linspace(0.05, 0.95, 12)):
        monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path / str(number)))
        autotune.choices.cache_clear()
        begun.clear()
        found, _ = interrupted_at(int(share * calls), run)
        assert network_of(found) is not None or not begun
        autotune.choices.cache_clear()
        for file in (tmp_path / str(number)).glob("choices-*.json"):
            assert set(json.loads(file.read_text())["answers"].values()) <= asked
        assert np.isfinite(dl.predict(run(), X)).all()
    autotune.choices.cache_clear()


@pytest.mark.parametrize("how", ["signal", "raise"])
@pytest.mark.parametrize(("state", "iterations"), [("start", 0), ("iteration", 3), ("done", 6)])
def test_in_an_output_function(state: str, iterations: int, how: str) -> None:
    """There, Ctrl+C comes at once, and ends training."""
    after = []

    def pressed(info: Any) -> None:
        if info.State == state and info.Iteration == iterations:
            if how == "raise":
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)
            after.append(info)
    dl.rng(0)
    options = dl.trainingOptions("adam", MaxEpochs=2, MiniBatchSize=6, Verbose=False, OutputFcn=pressed)
    net, info = dl.trainNetwork(X, Y, LAYERS, options, nargout=2)
    assert info.OutputNetworkIteration == info.TrainingLoss.size == iterations
    assert not after
    assert np.isfinite(dl.predict(net, X)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("method", ["finalize_statistics", "evaluate"])
def test_while_finishing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All iterations are done; what is left out is said."""
    finishing = []

    def pressed(name: str, model: Any, *given: Any) -> Any:
        finishing.extend([name] if name == "finalize_statistics" else [])
        if finishing and name == method:
            signal.raise_signal(signal.SIGINT)
        return methods[name](model, *given)
    methods = {name: getattr(Model, name) for name in ("finalize_statistics", "evaluate")}
    for name in methods:
        monkeypatch.setattr(Model, name, partialmethod_of(pressed, name))
    dl.rng(0)
    options = dl.trainingOptions("adam", MaxEpochs=2, MiniBatchSize=6, Verbose=False, ValidationData=(X, Y))
    with pytest.warns(dl.DltoolboxWarning, match=r"Ctrl\+C came while training was finishing.*finishingStopped"):
        net, info = dl.trainNetwork(X, Y, LAYERS, options, nargout=2)
    assert (info.OutputNetworkIteration, np.isnan(info.FinalValidationLoss)) == (6, True)
    assert np.isfinite(dl.predict(net, X)).all()


def partialmethod_of(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda model, *given: function(name, model, *given)


CHILD = """
import signal, sys
import numpy as np
import dltoolbox as dl
count, at = 0, int(sys.argv[1])
def trace(frame, event, argument):
    global count
    count += 1
    if count == at:
        signal.raise_signal(signal.SIGINT)
X = np.random.default_rng(0).standard_normal((8, 8, 8, 32))
layers = [dl.imageInputLayer([8, 8, 8]), dl.convolution2dLayer(3, 8, Padding='same'), dl.batchNormalizationLayer(),
          dl.reluLayer(), dl.fullyConnectedLayer(1), dl.regressionLayer()]
options = dl.trainingOptions('adam', MaxEpochs=1, MiniBatchSize=32, Verbose=False)
sys.settrace(trace)
try:
    net = dl.trainNetwork(X, np.ones(32), layers, options)
except KeyboardInterrupt as interrupt:
    net = interrupt.network
sys.settrace(None)
dl.predict(net, X)
net = dl.trainNetwork(X, np.ones(32), layers, options)
from dltoolbox.kernels import numba_support
assert numba_support.available(), numba_support.failure()
print('well')
"""


@pytest.mark.skipif(not numba_support.available(), reason="needs Numba")
@pytest.mark.parametrize(("call", "cache"), [(60_000, {}), (250_000, {"NUMBA_CACHE_DIR": "here"})],
                         ids=["import", "compile"])
def test_while_numba_is_imported_or_compiles(call: int, cache: dict[str, str], tmp_path: Path) -> None:
    """In a process of its own; calls of the import, and of the first compilation, of which nothing is kept."""
    found = subprocess.run([sys.executable, "-c", CHILD, str(call)], capture_output=True, text=True, timeout=300,
                           check=False, env=ENVIRONMENT | {"DLTOOLBOX_TUNE": "0"} | cache, cwd=tmp_path)
    assert found.stdout.strip() == "well", found.stderr[-2000:]
