"""The stub of the flat namespace is current."""

from dltoolbox import _stubs


def test_stub_is_current():
    assert _stubs.PATH.read_text(encoding="utf-8") == _stubs.stub(), "run python -m dltoolbox._stubs"


def test_checking_never_writes(tmp_path, monkeypatch, capsys):
    path = tmp_path / "__init__.pyi"
    path.write_text("stale", encoding="utf-8")
    monkeypatch.setattr(_stubs, "PATH", path)
    assert _stubs.write_stub(["--check"]) == 1
    assert path.read_text(encoding="utf-8") == "stale"
    assert "run python -m dltoolbox._stubs" in capsys.readouterr().err
    assert _stubs.write_stub([]) == 0
    assert _stubs.write_stub(["--check"]) == 0
