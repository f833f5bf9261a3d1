"""The command dltoolbox: help, version, bad usage and the demo."""

import io
import subprocess
import sys

import pytest

import dltoolbox
from dltoolbox import demo
from dltoolbox.cli import COMMANDS, main, parser
from tests.programs import ENVIRONMENT


@pytest.fixture
def fake_demo(monkeypatch):
    calls = []
    monkeypatch.setattr(demo, "run_demo", lambda short: calls.append(short))
    return calls


def exit_of(*argv):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    return ended.value.code


def test_version(capsys):
    assert exit_of("--version") == 0
    assert capsys.readouterr().out == f"dltoolbox {dltoolbox.__version__}\n"


@pytest.mark.parametrize(("argv", "word"), [(["--help"], "demo --short"), (["demo", "--help"], "max unpooling")])
def test_help(capsys, argv, word):
    assert exit_of(*argv) == 0
    assert word in capsys.readouterr().out


@pytest.mark.parametrize(("argv", "words"), [
    (["dmeo"], "'dmeo' is not a command. Did you mean 'demo'?"), (["analyse", "net.py"], "Did you mean 'analyze'?"),
    (["net.py", "--quiet"], "Did you mean: dltoolbox analyze net.py --quiet"),
    (["models:build"], "Did you mean: dltoolbox analyze models:build"),
    (["run"], "Use one of demo, analyze and doctor.")])
def test_an_unknown_command(capsys, argv, words):
    assert exit_of(*argv) == 2
    assert words in capsys.readouterr().err


def test_python_dash_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "dltoolbox", "--version"], capture_output=True, text=True, env=ENVIRONMENT,
                          check=True)
    assert done.stdout == f"dltoolbox {dltoolbox.__version__}\n"


def test_all_commands_are_known():
    (commands,) = [action for action in parser()._actions if action.dest == "command"]
    assert tuple(commands.choices) == COMMANDS


@pytest.mark.parametrize(("argv", "word"), [(["demo", "--fast"], "--fast"), (["--fast"], "usage")])
def test_bad_usage_is_exit_2_with_help(capsys, argv, word):
    assert exit_of(*argv) == 2
    assert word in capsys.readouterr().err


def test_no_command_is_exit_2_with_the_whole_help(capsys):
    assert main([]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "demo --short" in shown.err


@pytest.mark.parametrize(("argv", "short"), [(["demo"], False), (["demo", "--short"], True)])
def test_demo_is_run(fake_demo, argv, short):
    assert main(argv) == 0
    assert fake_demo == [short]


def test_interrupted(monkeypatch, capsys):
    def stop(short):
        raise KeyboardInterrupt
    monkeypatch.setattr(demo, "run_demo", stop)
    assert main(["demo"]) == 130
    assert "Stopped" in capsys.readouterr().err


def test_a_console_without_the_characters(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(demo, "run_demo", lambda short: print("28×28", flush=True))
    assert main(["demo"]) == 0
    assert console.buffer.getvalue().strip() == b"28?28"


def test_a_closed_pipe_is_no_error():
    """As in ``dltoolbox demo | head -1``."""
    code = ("import sys; from dltoolbox import cli, demo; demo.run_demo = lambda short: print('x' * 200_000, flush=True);"
            "sys.exit(cli.main(['demo']))")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=ENVIRONMENT) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_demo_shows_everything(capsys):
    accuracy, iou = demo.run_demo(short=True)
    assert accuracy > 0.6
    assert iou > 0.6
    out = capsys.readouterr().out
    for part in ("15×1 Layer array", "/indices", "Mini-batch",
                 "Total learnables", "Training finished", "accuracy = ", "MeanIoU", "█"):
        assert part in out
    assert "return l" not in out
    assert max(map(len, out.splitlines())) <= 120
