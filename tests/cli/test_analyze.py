"""``dltoolbox analyze``: what it finds networks in, prints and writes, and its exit status."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dltoolbox as dl
from dltoolbox.cli import main
from tests.programs import ENVIRONMENT

HEAD = "from dltoolbox import *\n"
GOOD = HEAD + """\
layers = [imageInputLayer([28, 28, 1]), convolution2dLayer(3, 8, Name='conv'), reluLayer, fullyConnectedLayer(10),
          softmaxLayer, classificationLayer]
"""
NO_SOFTMAX = GOOD.replace("softmaxLayer, ", "")
WARNING = HEAD + """\
layers = [imageInputLayer([8, 8, 1]), maxPooling2dLayer(2, HasUnpoolingOutputs=True), fullyConnectedLayer(2),
          regressionLayer]
"""
OPEN = HEAD + "net = [convolution2dLayer(3, 8), reluLayer]\n"


def as_a_program(*argv, **environment):
    """In a process of its own, as continuous integration runs it."""
    return subprocess.run([sys.executable, "-m", "dltoolbox.cli", "analyze", *argv], capture_output=True,
                          env=ENVIRONMENT | environment, check=False)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; what the commands add to the search path goes afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Write files, run the command; returns its exit status, standard output and standard error."""
    def go(*argv, **files):
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        status = main(["analyze", *argv])
        return (status, *capsys.readouterr())
    return go


def test_a_script(run):
    status, out, err = run("net.py", net=GOOD)
    assert (status, err) == (0, "")
    assert out.startswith("  Network analysis: net\n")
    assert "0 errors, 0 warnings" in out


def test_the_long_table(run):
    status, out, _ = run("net.py", "--long", net=GOOD)
    assert status == 0
    assert {"Weights 3×3×1×8", "1(S) × 1(S) × 10(C) × 1(B)"} <= set(re.split(" {2,}|\n", out))
    for other in (["--quiet"], ["--compare", "net.py"], ["--json", "-"], ["--html", "-"]):
        status, out, err = run("net.py", "--long", *other)
        assert (status, out) == (2, "")
        assert "Leave out --long." in err


def test_what_a_script_prints_is_no_output_of_the_command(run):
    status, out, err = run("net.py", "--json", "-", net=GOOD + "print('training …')\n")
    assert (status, err) == (0, "training …\n")
    assert json.loads(out)["schema"] == "dltoolbox-analysis"


def test_nothing_else_is_on_standard_output(folder):
    """Neither what other programs print that a script starts, nor what goes around sys.stdout; UTF-8 on any console."""
    (folder / "net.py").write_text(GOOD + "import os, sys\nos.system('echo program')\nprint('raw', file=sys.__stdout__)\n"
                                   "sys.stdout.reconfigure(errors='replace')\n", encoding="utf-8")
    for option, start in (("--json", b"{"), ("--html", b"<!doctype html>")):
        done = as_a_program("net.py", option, "-", PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stdout[:len(start)]) == (0, start), done.stderr
        assert "28×28×1 images" in done.stdout.decode("utf-8")
        assert {b"program", b"raw"} <= set(done.stderr.split())


def test_a_reader_that_has_seen_enough_changes_no_exit_status(folder):
    (folder / "net.py").write_text(NO_SOFTMAX + "layers[1:1] = [reluLayer(Name=f'r{i}') for i in range(2000)]\n",
                                   encoding="utf-8")
    with subprocess.Popen([sys.executable, "-m", "dltoolbox.cli", "analyze", "net.py"], env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_a_script_that_analyses_itself_opens_no_page(run, monkeypatch):
    for name in ("CI", "PYTEST_CURRENT_TEST", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delattr(sys, "ps1", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    status, _, err = run("net.py", "--quiet", net=GOOD + "analyzeNetwork(layers)\n")
    assert status == 0
    assert "Network analysis" in err
    assert "Report:" not in err


def test_the_guarded_part_of_a_script_is_left_out(run):
    assert run("net.py", net=GOOD + "if __name__ == '__main__':\n    raise SystemExit(3)\n")[0] == 0


def test_a_script_sees_its_folder_and_its_arguments(run, folder):
    (folder / "parts").mkdir()
    (folder / "parts" / "widths_of_test.py").write_text("WIDTH = 8\n", encoding="utf-8")
    (folder / "parts" / "net.py").write_text(
        HEAD + "import sys\nfrom widths_of_test import WIDTH\nassert len(sys.argv) == 1 and sys.argv[0].endswith('net.py')\n"
        "layers = [featureInputLayer(WIDTH), regressionLayer]\n", encoding="utf-8")
    before = list(sys.argv)
    assert run("parts/net.py")[0] == 0
    assert sys.argv == before


@pytest.mark.parametrize("name", ["layers", "lgraph", "build"])
def test_a_name_in_a_script(run, name):
    text = GOOD + "lgraph = layerGraph(layers)\ndef build():\n    return lgraph\n"
    status, out, _ = run(f"net.py:{name}", net=text)
    assert status == 0
    assert out.startswith(f"  Network analysis: net:{name}\n")


def test_a_name_in_a_module(run):
    assert run("models_of_test:make.small", models_of_test=GOOD + "class make:\n    small = layers\n")[0] == 0


@pytest.mark.parametrize(("call", "filters"), [
    ("build()", 4), ("build(5)", 5), ("build(filters=6)", 6), ("make.build(7)", 7)])
def test_a_call_in_a_script(run, call, filters):
    text = OPEN + ("def build(filters=4):\n    return [imageInputLayer([8, 8, 1]), convolution2dLayer(3, filters)]\n"
                   "class make:\n    build = staticmethod(build)\n")
    status, out, _ = run(f"net.py:{call}", net=text)
    assert status == 0
    assert out.startswith(f"  Network analysis: net:{call}\n")
    assert f"6(S) × 6(S) × {filters}(C)" in out or f"6×6×{filters}" in out


TRAINED = HEAD + """\
layers = [featureInputLayer(2), fullyConnectedLayer(1), regressionLayer]
options = trainingOptions('sgdm', MaxEpochs=1, Verbose=False)
net = trainNetwork([[1, 2], [3, 4]], [[1], [2]], layers, options)
"""


def test_a_script_that_trains_holds_a_trained_network(run, folder):
    """And its layers, which went into it: nobody is to train once more to say which."""
    status, out, err = run("net.py", "--json", "net.json", net=TRAINED + "same = net\n")
    assert (status, err) == (0, "")
    assert out.startswith("  Network analysis: net\n")
    inputs = json.loads((folder / "net.json").read_text(encoding="utf-8"))["layers"][0]
    assert [state["name"] for state in inputs["states"]] == [] == inputs["issues"]
    assert run("net.py:layers", "--quiet")[0] == 0


def test_a_script_that_trains_twice_holds_two_networks(run, folder):
    text = TRAINED + "deep = trainNetwork([[1, 2, 3]] * 4, [[1]] * 4, [featureInputLayer(3), *layers[1:]], options)\n"
    status, out, err = run("net.py", net=text)
    assert (status, err) == (0, "")
    assert out.index("  Network analysis: net:net\n") < out.index("  Network analysis: net:deep\n")
    status, out, err = run("net.py", "--json", "deep.json", "--quiet")
    assert (status, out) == (0, "")
    assert json.loads((folder / "deep.json").read_text(encoding="utf-8"))["name"] == "net:deep"
    assert "holds 2 trained networks, net and deep" in err
    assert "pass net.py:net." in err
    status, out, err = run("net.py:net", "--json", "-")  # as it says
    assert json.loads(out)["layers"][0]["properties"][0]["value"] == "2"


def test_the_page_of_a_json_file_is_that_of_the_network(run, folder):
    run("net.py", "--json", "net.json", "--html", "net.html", net=NO_SOFTMAX)
    (folder / "net.py").unlink()
    status, out, err = run("net.json", "--html", "again.html")
    assert (status, err) == (1, "Report: again.html\n")
    assert (folder / "again.html").read_bytes() == (folder / "net.html").read_bytes()
    assert out.startswith("  Network analysis: net\n")
    assert "Errors:            1\n" in out
    assert "network:missingSoftmax" in out
    assert run("net.json", "--quiet")[1].startswith("  Problems\n")
    assert "No difference" in run("net.json", "--compare", "net.json")[1]


@pytest.mark.parametrize("options", [["--long"], ["--input", "8x8x1"], ["--usage", "dlnetwork"]])
def test_a_finished_analysis_does_not_change(run, options):
    run("net.py", "--json", "net.json", net=GOOD)
    status, _, err = run("net.json", *options)
    assert status == 2
    assert f"which {options[0]} cannot change. Leave out {options[0]}," in err


def test_a_json_file_that_somebody_has_changed(run, folder):
    run("net.py", "--json", "net.json", net=GOOD)
    changed = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    del changed["layers"][1]["factory"]
    (folder / "net.json").write_text(json.dumps(changed), encoding="utf-8")
    status, _, err = run("net.json", "--html", "net.html")
    assert status == 2
    assert "dltoolbox:analyze:noDocument" in err


def test_histograms_come_into_files_on_request(run):
    valued = GOOD.replace("fullyConnectedLayer(10)", "fullyConnectedLayer(10, Bias=[0, 1] * 5)")
    for options, expected in (((), False), (("--histograms",), True)):
        assert ('"histogram"' in run("net.py", "--json", "-", *options, net=valued)[1]) is expected


@pytest.mark.parametrize("options", [(), ("--html", "net.html")])
def test_the_page_is_opened(run, folder, monkeypatch, options):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    status, _, err = run("net.py", "--open", *options, net=GOOD)
    assert status == 0
    page = Path(err.removeprefix("Report: ").removesuffix("\n"))
    assert page.name == "net.html"
    assert page.is_absolute() == (not options)
    assert opened == [page.resolve().as_uri()]
    assert "<title>" in page.read_text(encoding="utf-8")


def test_an_architecture(run):
    status, out, _ = run("dltoolbox:squeezenet")
    assert status == 0
    assert out.startswith("  Network analysis: squeezenet\n")


def test_a_saved_network(run):
    dl.saveNetwork(dl.assembleNetwork([dl.featureInputLayer(2), dl.fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
                                       dl.regressionLayer]), "line.dlnet")
    status, out, _ = run("line.dlnet")
    assert status == 0
    assert "Network analysis: line" in out


def test_one_network_under_two_names_is_one(run):
    assert run("net.py", net=GOOD + "same = layers\n_private = [reluLayer]\n")[0] == 0


def test_a_list_with_something_else_in_it_is_a_faulty_network(run):
    status, out, _ = run("net.py", "--quiet", net=GOOD.replace("reluLayer", "'relu'"))
    assert status == 1
    assert "Element 3 of the layer array is 'relu', not a layer" in out
    assert run("net.py", net=GOOD + "blocks = [('relu', reluLayer)]\n")[0] == 0  # beside a network, it is something else


UNUSABLE = [
    ("nothing.py", "", "analyze:fileNotFound", "nothing.py"),
    ("nothing", "", "analyze:fileNotFound", "nothing"),
    ("no_such_module_of_test:layers", "", "analyze:moduleNotFound", "no_such_module_of_test"),
    ("net.py", "x = 3\nempty = []\n", "analyze:noNetwork", "net.py:name"),
    ("net.py", GOOD + "lgraph = layerGraph(layers)\n", "analyze:severalNetworks",
     "layers and lgraph. Say which: net.py:lgraph"),
    ("net.py:lyers", GOOD, "analyze:unknownName", "Did you mean 'layers'?"),
    ("net.py:byild()", GOOD + "def build():\n    return layers\n", "analyze:unknownName", "Did you mean 'build'?"),
    ("net.py:build(layers)", GOOD + "def build(layers):\n    return layers\n", "analyze:invalidCall", "'net.py:build(10)'"),
    ("net.py:build(", GOOD + "def build(n):\n    return layers\n", "analyze:invalidCall", "'net.py:build(10)'"),
    ("net.json", "", "analyze:cannotRead", "net.json"),
    ("net.py:number", GOOD + "number = 3\n", "analyze:notANetwork", "'number' of 'net.py' is 3"),
    (".", "", "analyze:fileNotFound", "'.' is a folder"),
    ("notes.ipynb", "", "analyze:notebook", "jupyter nbconvert --to script notes.ipynb"),
    ("notes.ipynb:layers", "", "analyze:notebook", "Call analyzeNetwork(layers) in it"),
    ("net.py", HEAD + "def make():\n    return [reluLayer]\n", "analyze:noNetwork", "returns one: net.py:make."),
    ("dltoolbox:resnet8", "", "analyze:unknownName", "'resnet18'"),
    ("C:\\nets\\net.py:layers", "", "analyze:fileNotFound", "There is no file 'C:\\nets\\net.py'"),
    ("net.py:text", GOOD + "def text():\n    return 'layers'\n", "analyze:notANetwork", "'layers'"),
]


@pytest.mark.parametrize(("file", "text", "identifier", "words"), UNUSABLE, ids=[one[0] + one[2] for one in UNUSABLE])
def test_what_cannot_be_read_is_exit_2(run, folder, file, text, identifier, words):
    (folder / "notes.ipynb").write_text("{}", encoding="utf-8")
    status, out, err = run(file, net=text)
    assert (status, out) == (2, "")
    assert f"[dltoolbox:{identifier}]" in err
    assert words in err


@pytest.mark.parametrize(("text", "line", "message"), [
    (HEAD + "\nlayers = [convolution2dLayer(3, 8, Stide=2)]\n", "line 3", "Did you mean 'Stride'?"),
    (HEAD + "def widths():\n    return 1 / 0\nwidths()\n", "line 3, in widths", "ZeroDivisionError"),
    ("layers = [\n", "line 1", "SyntaxError"),
    ("import no_such_package_of_test\n", "line 1", "ModuleNotFoundError"),
])
def test_errors_of_a_script_show_its_own_lines_and_none_of_ours(run, text, line, message):
    status, out, err = run("net.py", net=text)
    assert (status, out) == (2, "")
    assert f'File "net.py", {line}' in err
    assert message in err
    assert "/dltoolbox/" not in err
    assert "importlib" not in err


def test_a_module_whose_import_fails(run):
    status, _, err = run("broken_module_of_test:layers", broken_module_of_test="import no_such_package_of_test\n")
    assert status == 2
    assert "line 1" in err
    assert "No module named 'no_such_package_of_test'" in err


def test_a_function_that_fails(run):
    status, _, err = run("net.py:build", net=HEAD + "def build():\n    return convolution2dLayer()\n")
    assert status == 2
    assert 'File "net.py", line 3, in build' in err
    assert "convolution2dLayer needs 'filterSize'" in err


def test_a_script_that_ends_itself(run):
    assert run("net.py", net=GOOD + "import sys\nsys.exit(4)\n")[0] == 2
    assert run("net.py", net=GOOD + "import sys\nsys.exit()\n")[0] == 0


@pytest.mark.parametrize(("text", "fail_on", "status"), [
    (GOOD, "error", 0), (GOOD, "warning", 0), (WARNING, "error", 0), (WARNING, "warning", 1), (NO_SOFTMAX, "error", 1),
    (NO_SOFTMAX, "warning", 1), (NO_SOFTMAX, "never", 0), (WARNING, "never", 0)])
def test_exit_status(run, text, fail_on, status):
    assert run("net.py", "--fail-on", fail_on, net=text)[0] == status


def test_quiet_prints_the_problems_only(run):
    assert run("net.py", "--quiet", net=GOOD) == (0, "", "")
    status, out, err = run("net.py", "--quiet", net=NO_SOFTMAX)
    assert (status, err) == (1, "")
    assert out.startswith("  Problems\n")
    assert "network:missingSoftmax" in out


def test_sizes_of_inputs(run):
    status, out, _ = run("net.py", "--input", "8x8x3", net=OPEN)
    assert status == 0
    assert "  6×6×8  " in out
    assert "  6×6×8  " in run("net.py", "--input", "8x8", net=OPEN)[1]
    assert run("net.py", net=OPEN)[0] == 1  # without a size: nothing says what enters


def test_the_size_of_an_input_layer_may_be_replaced(run):
    status, out, _ = run("net.py", "--input", "32x40x1", net=GOOD)
    assert status == 0
    assert "  30×38×8  " in out


def test_batch(run):
    out = run("net.py", "--batch", "100", net=HEAD + "layers = [featureInputLayer(256), regressionLayer]\n")[1]
    assert "Per observation: 0 multiply-adds, 1.0 KB of activations\n    100 observations: 100.0 KB of activations\n" in out


def test_usage(run):
    assert run("net.py", "--usage", "dlnetwork", "--quiet", net=GOOD)[1].count("outputLayerNotAllowed") == 1


def test_an_array_without_an_output_layer_is_a_good_network(run, folder):
    assert run("net.py", "--fail-on", "warning", "--json", "net.json", net=GOOD.replace(", classificationLayer", ""))[0] == 0
    written = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    assert (written["usage"], written["issues"]) == ("dlnetwork", [])
    assert run("net.py", "--usage", "trainNetwork", "--quiet")[0] == 1


def test_files(run, folder):
    assert run("net.py", "--json", "net.json", "--html", "net.html", "--quiet", net=GOOD) == (0, "", "Report: net.html\n")
    found = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    assert (found["name"], found["summary"]["layers"]) == ("net", 6)
    assert "<title>" in (folder / "net.html").read_text(encoding="utf-8")
    assert run("net.py", "--html", "-")[1].lstrip().lower().startswith("<!doctype html>")


def test_compare(run):
    run("net.py", "--json", "old.json", "--quiet", net=GOOD)
    assert "No difference" in run("net.py", "--compare", "old.json", "--fail-on", "difference")[1]
    status, out, _ = run("net.py", "--compare", "old.json", "--fail-on", "difference", net=GOOD.replace("(3, 8", "(5, 8"))
    assert status == 1
    assert "FilterSize: [3 3] → [5 5]" in out
    assert run("net.py", "--compare", "old.json")[0] == 0
    status, out, _ = run("net.py", "--compare", "old.py", "--json", "-", old=GOOD)
    assert (status, json.loads(out)["schema"]) == (0, "dltoolbox-comparison")
    assert [one["name"] for one in json.loads(out)["changed"]] == ["conv", "relu", "fc"]


def test_compared_networks_find_their_own_modules(run, folder):
    """As with a checkout of last week: the modules beside both scripts have the same names."""
    for name, width in (("old", 8), ("new", 9)):
        (folder / name).mkdir()
        (folder / name / "widths_of_test.py").write_text(f"WIDTH = {width}\n", encoding="utf-8")
        (folder / name / "net.py").write_text(
            HEAD + "from widths_of_test import WIDTH\nlayers = [featureInputLayer(WIDTH), regressionLayer]\n",
            encoding="utf-8")
    status, out, _ = run("new/net.py", "--compare", "old/net.py", "--fail-on", "difference")
    assert status == 1
    assert "InputSize: 8 → 9" in out


def test_what_a_comparison_prints(run):
    run("net.py", "--json", "old.json", "--quiet", net=NO_SOFTMAX)
    status, out, _ = run("net.py", "--compare", "old.json")
    assert status == 1
    assert "No difference" in out
    assert "network:missingSoftmax" in out  # it fails for this, so it says so
    assert run("net.py", "--compare", "old.json", "--quiet")[1].startswith("  Problems\n")
    out = run("net.py", "--compare", "old.json", "--quiet", net=GOOD)[1]
    assert "Layers added" in out
    assert "Problems\n    − error" in out
    run("net.py", "--json", "old.json", "--quiet")
    assert run("net.py", "--compare", "old.json", "--quiet") == (0, "", "")


def test_a_document_of_a_shell_that_writes_utf_16(run, folder):
    run("net.py", "--json", "old.json", "--quiet", net=GOOD)
    (folder / "old.json").write_text((folder / "old.json").read_text(encoding="utf-8"), encoding="utf-16")
    assert run("net.py", "--compare", "old.json", "--fail-on", "difference")[0] == 0


@pytest.mark.parametrize("damage", [lambda found: found.pop("layers"), lambda found: found.update(summary=3),
                                    lambda found: found["layers"][0].pop("name")], ids=["layers", "summary", "name"])
def test_a_document_that_somebody_has_changed(run, folder, damage):
    run("net.py", "--json", "old.json", "--quiet", net=GOOD)
    found = json.loads((folder / "old.json").read_text(encoding="utf-8"))
    damage(found)
    (folder / "old.json").write_text(json.dumps(found), encoding="utf-8")
    status, _, errors = run("net.py", "--compare", "old.json")
    assert status == 2
    assert "dltoolbox:analyze:noDocument" in errors


@pytest.mark.parametrize(("argv", "identifier"), [
    (["--batch", "0"], "invalidBatch"), (["--input", "axb"], "invalidInput"), (["--input", "1x2x3x4x5"], "invalidInput"),
    (["--fail-on", "difference"], "nothingToCompare"), (["--json", "-", "--html", "-"], "twoOutputs"),
    (["--open", "--html", "-"], "twoOutputs"),
    (["--json", "no/such/folder.json"], "cannotWrite"), (["--compare", "no.json"], "cannotRead"),
    (["--compare", "list.json"], "noDocument"), (["--input", "8x8x8x1"], "inputSizeMismatch"),
    (["--input", "8", "--input", "9"], "wrongNumberOfInputs")])
def test_bad_options(run, folder, argv, identifier):
    (folder / "list.json").write_text("[]", encoding="utf-8")
    status, out, err = run("net.py", *argv, net=GOOD)
    assert (status, out) == (2, "")
    assert f":{identifier}]" in err


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["analyze", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for word in ("exit status:", "--fail-on", "is executed", "net.py --html net.html", "package.module:name"):
        assert word in out


def test_as_a_program(folder):
    (folder / "net.py").write_text(NO_SOFTMAX, encoding="utf-8")
    done = as_a_program("net.py", "--quiet")
    assert done.returncode == 1, done.stderr
    assert b"missingSoftmax" in done.stdout
