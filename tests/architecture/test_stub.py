"""The stubs of the flat namespace and of the ops as methods are current."""

import pytest

from dltoolbox import _stubs


@pytest.mark.parametrize("path", _stubs.STUBS, ids=lambda path: path.name)
def test_stub_is_current(path):
    assert path.read_text(encoding="utf-8") == _stubs.STUBS[path](), "run python -m dltoolbox._stubs"


@pytest.mark.parametrize("text", _stubs.STUBS.values(), ids=lambda text: text.__name__)
def test_checking_never_writes(text, tmp_path, monkeypatch, capsys):
    path = tmp_path / "__init__.pyi"
    path.write_text("stale", encoding="utf-8")
    monkeypatch.setattr(_stubs, "STUBS", {path: text})
    assert _stubs.write_stubs(["--check"]) == 1
    assert path.read_text(encoding="utf-8") == "stale"
    assert "run python -m dltoolbox._stubs" in capsys.readouterr().err
    assert _stubs.write_stubs([]) == 0
    assert _stubs.write_stubs(["--check"]) == 0
