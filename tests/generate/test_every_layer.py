"""Every layer by itself against its twin in PyTorch, over generated options and formats, in double precision: predictions,
losses, gradients of inputs and learnables, and statistics that move.
"""

from __future__ import annotations

from functools import cache

import pytest

from dltoolbox.layers.base import LAYERS
from tests import modes
from tests.generate.draw import ONE_VALUE, OPTIONS_NOT_DRAWN
from tests.generate.single import EVERY, WAYS, Both, Single, drawn
from tests.generate.twin import TWINS

pytestmark = pytest.mark.oracle

COUNT = 2300  # cases at least
WITHOUT: dict[str, str] = {}  # layers that PyTorch has no equivalent of, and why
DRAWN = sorted(set(LAYERS) - set(WITHOUT))
EACH = -(-COUNT // len(DRAWN))


@cache
def cases(factory: str) -> list[Single]:
    return [drawn(factory, number) for number in range(EACH)]


@pytest.mark.parametrize("factory", DRAWN)
def test_a_layer_equals_its_twin(factory: str) -> None:
    """Plain kernels: compiled loops of every case would take longer than all the rest."""
    different = {}
    with modes.environment(DLTOOLBOX_NUMBA="0"):
        for number, case in enumerate(cases(factory)):
            found = list(Both(case).differences())
            different |= {f"{number}: {case}": found} if found else {}
    assert not different


def test_there_are_as_many_cases_as_promised() -> None:
    assert EACH * len(DRAWN) >= COUNT
    assert set(WITHOUT) <= set(LAYERS)


def test_every_layer_is_drawn_in_every_way() -> None:
    """Without time, with time beside the axes and in place of one, but for what `WAYS` says."""
    seen = {factory: {case.way for case in cases(factory)} for factory in DRAWN}
    assert seen == {factory: WAYS.get(factory, EVERY) for factory in DRAWN}
    assert {case.net.batch for case in cases("reluLayer")} >= {1, 2, 3}


def test_every_layer_is_drawn_with_every_option() -> None:
    """Or `OPTIONS_NOT_DRAWN` says why not; all arrays get random values. New layers need a twin and a move."""
    missing = {}
    for factory in DRAWN:
        layers = [part.layer for case in cases(factory) for part in case.net.parts if part.layer.factory == factory]
        drawn_options = {prop.name for layer in layers for prop, _ in layer.values() if not layer.is_default(prop)}
        arrays = {name for layer in layers for name in (*layer.learnables, *layer.states)}
        options = {name for name in {*LAYERS[factory].properties} - {*OPTIONS_NOT_DRAWN} - arrays
                   if not name.endswith(("Initializer", "L2Factor"))}
        options -= ONE_VALUE.get(factory, set())
        missing |= {factory: options - drawn_options} if options - drawn_options else {}
    assert not missing


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that is off in the last digits, and one with another gradient."""
    right = TWINS["tanhLayer"]
    for wrong in (lambda x: x * (1 + 1e-8), lambda x: x + 1e-8 * (x - x.detach())):
        monkeypatch.setitem(TWINS, "tanhLayer", lambda *arguments, wrong=wrong: wrong(right(*arguments)))
        assert list(Both(cases("tanhLayer")[0]).differences())
