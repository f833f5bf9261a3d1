"""``--compare`` with documents that somebody has changed: status 2 and a sentence, whatever they hold."""

import json
import random

import pytest

from dltoolbox import cli
from tests.exchange.mutate import mutate_text, with_change

NETWORK = """from dltoolbox import *
layers = [imageInputLayer([8, 8, 1]), convolution2dLayer(3, 4), maxPooling2dLayer(9), fullyConnectedLayer(3), softmaxLayer,
          classificationLayer]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents")
    (path / "net.py").write_text(NETWORK)
    assert cli.main(["analyze", str(path / "net.py"), "--quiet", "--json", str(path / "good.json")]) == 1
    return path


def compared(folder, text):
    (folder / "other.json").write_bytes(text)
    return cli.main(["analyze", str(folder / "net.py"), "--quiet", "--compare", str(folder / "other.json")])


@pytest.mark.parametrize("value", ["many", [], {}, None, 1.5, True, 10**400])
@pytest.mark.parametrize("key", ["learnables", "activationBytes"])
def test_totals_that_are_no_numbers(key, value, folder, capsys):
    found = json.loads((folder / "good.json").read_bytes())
    found["summary"][key] = value
    assert compared(folder, json.dumps(found).encode()) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"", b"\xff", b"null"],
                         ids=lambda text: repr(text[:9]))
def test_texts_that_are_no_documents(text, folder):
    assert compared(folder, text) == 2


def test_any_change_is_refused_or_compared(folder):
    good = (folder / "good.json").read_bytes()
    for number in range(150):
        draw = random.Random(number)
        text = with_change(with_change(good, draw), draw) if number % 5 else mutate_text(good, draw)
        assert compared(folder, text) in (1, 2), number
