"""The modes in which tests can run: each does what it says, and none touches the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dltoolbox.kernels import KERNELS, BindContext, BoundKernel, Kernel, base, numba_support
from dltoolbox.network.graph.layer_graph import layerGraph
from dltoolbox.program.model import Model
from dltoolbox.runtime import autotune
from tests import modes
from tests.program.networks import images, make, segnet
from tests.programs import ENVIRONMENT

OPTIONS = dict.fromkeys("abc")


def test_no_test_writes_to_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    own = autotune.cache_folder()
    assert own is not None
    assert ENVIRONMENT["DLTOOLBOX_CACHE"] == os.environ["DLTOOLBOX_CACHE"] == str(own)
    monkeypatch.delenv("DLTOOLBOX_CACHE")
    assert autotune.cache_folder() != own


@pytest.mark.skipif(not numba_support.available(), reason="without Numba this network leaves nothing to choose")
def test_measured_choices_go_to_the_given_folder(tmp_path: Path) -> None:
    before = autotune.cache_folder()
    with modes.mode("default", tmp_path):
        model = Model(segnet(), np.float32)
        model.predict([images(model.lgraph, 2, np.float32)])
    assert list(tmp_path.glob("choices-*.json"))
    assert autotune.cache_folder() == before


def test_random_kernels_are_all_drawn_sometime_and_the_same_for_one_seed() -> None:
    drawn = []
    for seed in range(30):
        with modes.random_kernels(seed):
            drawn.append(autotune.fastest("q", OPTIONS))
            assert [autotune.fastest("q", OPTIONS) for _ in range(3)] == drawn[-1:] * 3
    assert set(drawn) == set(OPTIONS)
    with modes.random_kernels(1):
        assert {autotune.fastest(f"q{number}", OPTIONS) for number in range(30)} == set(OPTIONS)


class Careless(Kernel):
    """Adds what it finds in its memory, times 0, to its results."""

    kind = "scratch"

    def bind(self, site: BindContext) -> BoundKernel:
        extra, bound = getattr(site, self.kind)((1,)), super().bind(site)

        def forward() -> None:
            bound.forward[0]()
            site.outputs[0][...] += 0 * extra
            extra[...] = 0  # a second run would find this
        return bound._replace(forward=(forward,))


class CarelessBackward(Careless):
    def bind(self, site: BindContext) -> BoundKernel:
        (extra, bound), (dx,) = (site.scratch((1,)), Kernel.bind(self, site)), site.grad_inputs

        def forward() -> None:
            bound.forward[0]()
            extra[...] = 0

        def backward() -> None:
            bound.backward[0]()
            np.add(dx, 0 * extra, out=dx)
        return bound._replace(forward=(forward,), backward=(backward,))


class Forgetful(Careless):
    """Leaves a part of its result as it was."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,) = site.inputs, site.outputs
        return super().bind(site)._replace(forward=(lambda: np.maximum(x[1:], 0, out=y[1:]),))


def small(kernel: type[Kernel], monkeypatch: pytest.MonkeyPatch) -> tuple[Model, np.ndarray]:
    monkeypatch.setitem(KERNELS, "relu", [kernel("relu")])
    layers = [make("featureInputLayer", 4), make("fullyConnectedLayer", 3, Name="fc"), make("reluLayer"),
              make("regressionLayer")]
    return Model(layerGraph(layers), np.float32), np.ones((4, 2), np.float32)


@pytest.mark.parametrize("kind", ["scratch", "keep", "result"])
def test_what_relies_on_its_memory_shows_in_every_run(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Forgetful if kind == "result" else type("Kernel", (Careless,), {"kind": kind})
    with modes.poisoned():
        model, X = small(kernel, monkeypatch)
        for _ in range(2):
            assert np.isnan(model.predict([X])[0]).any()


def test_scratch_is_poisoned_between_forward_and_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    with modes.poisoned():
        model, X = small(CarelessBackward, monkeypatch)
        _, found, _ = model.gradients([X], [np.zeros((3, 2), np.float32)])
        assert all(np.isnan(gradient).all() for gradient in found.values())


def test_what_is_taken_is_poisoned() -> None:
    with modes.poisoned():
        assert base.empty((3,), np.int32).tolist() == [np.iinfo(np.int32).max] * 3
        assert np.isnan(base.OwnMemory().scratch((2, 2), np.float64)).all()
