"""``dltoolbox analyze`` of scripts that do what no script should: status 2 and a sentence."""

import subprocess
import sys

import pytest


def analyze(script, tmp_path):
    (tmp_path / "net.py").write_text(script)
    return subprocess.run([sys.executable, "-m", "dltoolbox.cli", "analyze", str(tmp_path / "net.py")], capture_output=True,
                          text=True, check=False, timeout=120)


@pytest.mark.parametrize("script", ["class Odd(BaseException): pass\nraise Odd('x')", "raise GeneratorExit",
                                    "raise ValueError('\\ud800')", "x = 1\0", f"x = {'(' * 5000}"])
def test_scripts_that_fail(script, tmp_path):
    found = analyze(script, tmp_path)
    assert found.returncode == 2
    assert found.stderr.endswith("dltoolbox analyze: the code of the network failed.\n")


def test_a_script_that_closes_its_output(tmp_path):
    found = analyze("import sys\nsys.stdout.close()\nlayers = 1\n", tmp_path)
    assert found.returncode == 2
    assert "analyze:noNetwork" in found.stderr
