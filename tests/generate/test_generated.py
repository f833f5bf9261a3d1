"""Random networks against their twins in PyTorch, and the generator itself: what it draws, finds and shrinks."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.layers.base import LAYERS
from dltoolbox.ops import OPS
from tests.generate.compare import verdict
from tests.generate.draw import NOT_DRAWN, ONE_VALUE, OPTIONS_NOT_DRAWN, doubled, draw
from tests.generate.network import Network, Part, make, network
from tests.generate.shrink import same_cause, shrunk
from tests.generate.turns import turn
from tests.generate.twin import TWINS
from tests.programs import ENVIRONMENT

pytestmark = pytest.mark.oracle

SEED, COUNT, PART = 2026, 300, 20
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_generated_networks_equal_their_twins(first: int, tmp_path: Path) -> None:
    """In all modes, on 1 to 3 threads; ``python -m tests.generate --seed 2026 --first … --count 1`` shrinks what differs."""
    different = {}
    for number in range(first, first + PART):
        with turn(SEED, number, "all", 0, tmp_path) as (_, threads):
            found = verdict(draw(SEED, number), threads)
        different |= {number: found.differences} if found.differences else {}
    assert not different


def test_every_layer_is_drawn_with_every_option() -> None:
    """Or it stands in NOT_DRAWN with the reason. New layers need a twin, and a move that draws them."""
    drawn = [part.layer for number in range(4 * COUNT) for part in draw(SEED, number).parts]
    assert {layer.factory for layer in drawn} == set(TWINS) - set(NOT_DRAWN) == set(LAYERS) - set(NOT_DRAWN)
    options = {(layer.factory, prop.name) for layer in drawn for prop, _ in layer.values() if not layer.is_default(prop)}
    every = {(factory, name) for factory in set(TWINS) - set(NOT_DRAWN)
             for name in {*LAYERS[factory].properties} - {*OPTIONS_NOT_DRAWN, *ONE_VALUE.get(factory, ())}}
    assert every - options == {  # arrays get random values
        (layer.factory, "Scale") for layer in drawn if "Normalization" in layer.factory and hasattr(layer, "Scale")}


def test_a_network_is_decided_by_its_seed_and_number() -> None:
    assert str(draw(3, 7)) == str(draw(3, 7)) != str(draw(3, 8))
    assert str(draw(3, 7)) != str(draw(4, 7))


def test_what_is_printed_makes_the_same_network() -> None:
    names = {**FACTORIES, "np": np, "network": network, "doubled": doubled}
    for number in range(50):
        text = str(draw(SEED, number))
        assert str(eval(text, names)) == text


def chain(*layers: Layer, batch: int = 1) -> Network:
    for at, layer in enumerate(layers):
        layer.Name = f"l{at}"
    return Network(tuple(Part(layer, (f"l{at - 1}/out",) if at else ()) for at, layer in enumerate(layers)), batch)


def broken(monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network of nine layers; every tanh is a little off."""
    right = OPS["tanh"].forward
    monkeypatch.setattr(OPS["tanh"], "forward", lambda x: right(x) + np.asarray(1e-3, x.dtype))
    return chain(
        make("imageInputLayer", [4, 4, 2], Normalization="none"), make("convolution2dLayer", 3, 6, Padding="same"),
        make("batchNormalizationLayer"), make("reluLayer"), make("tanhLayer"), make("maxPooling2dLayer", 2, Stride=2),
        make("convolution2dLayer", 1, 3), make("softmaxLayer"), make("pixelClassificationLayer", Classes=list("abc")),
        batch=9)


def test_a_difference_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    net = broken(monkeypatch)
    found = verdict(net).differences
    assert found
    small = shrunk(net, same_cause(found, verdict))
    assert [part.layer.factory for part in small.parts] == ["imageInputLayer", "tanhLayer"]
    assert (small.batch, small.parts[0].layer.InputSize) == (1, (1, 1, 1))


def test_an_error_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    net = broken(monkeypatch)
    monkeypatch.setattr(OPS["tanh"], "forward", lambda x: 1 / 0)
    assert [one.cause for one in verdict(net).differences] == ["ZeroDivisionError when running in float64 in "
                                                               "test_generated.py, <lambda>"]


def test_wrong_sizes_are_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    net = chain(make("imageInputLayer", [5, 4, 2]), make("reluLayer"))
    assert not verdict(net).differences
    monkeypatch.setitem(TWINS, "reluLayer", lambda one, p, run, x: x[:, :, :1])
    assert [one.what for one in verdict(net).differences] == ["sizes", "prediction in float64"]


def test_rounding_before_a_kink_is_no_difference() -> None:
    """The normalised values of one observation are 0 but for rounding, so a ReLU behind may pass them on or not."""
    net = chain(make("featureInputLayer", 3), make("batchNormalizationLayer"), make("reluLayer"), make("regressionLayer"))
    assert not any(verdict(replace(net, values=values)).differences for values in range(5))


def test_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.generate", "--seed", "1", "--count", "4", "--every", "2", "--mode",
                           "first", "--numba", "0"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "go on with --first 2" in done.stdout
    assert "4 networks" in done.stdout
    assert "0 different" in done.stdout
