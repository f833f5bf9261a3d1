"""Every example runs in its short form and gives sane results."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ENVIRONMENT

pytestmark = pytest.mark.network

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def in_short(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(short=True)


def accuracy_above(least):
    return lambda result: least < result <= 1


def sane_regression(result):
    accuracy, rmse = result
    return accuracy > 0.35 and rmse < 22  # always predicting 0: 0.22 and 26.3


def sane_segmentation(result):
    return sorted(result) == ["max unpooling", "transposed convolution"] and all(
        len(values) == 1 and 0.6 < values[0] <= 1 for values in result.values())


def both_above(least):
    return lambda result: len(result) == 2 and all(least < accuracy <= 1 for accuracy in result.values())


def better_than_naive(result):
    return result["one step ahead"] < result["closed loop"] < min(
        result["as the month before"], result["as the last month known"])


def transfer_that_helps(result):
    transferred, untaught, unchanged = result
    return unchanged and transferred > max(0.5, untaught - 0.05)


def slopes_that_moved(result):
    accuracy, slopes = result
    return accuracy > 0.9 and bool((abs(slopes - 0.25) > 1e-3).any())


def digits_of_about_as_much_ink(result):
    (scoreG, scoreD), ink = result
    return 0 < scoreG < 0.6 and 0.45 < scoreD < 1 and 0.2 < ink < 2  # untrained: 3.7


def better_than_the_mean(result):
    lost, divergence = result
    return 0 < lost < 0.9 and divergence > 1


def distance_that_falls(result):
    first, last, near = result
    return 0.8 < first < 3 and abs(last) < 0.8 * first and 0 <= near <= 1


def weights_that_find_more(result):
    equal, weighted = (result[method]["triangle"] for method in ("equal weights", "weights by frequency"))
    return 0.5 < equal[0] < 1 and 0.5 < weighted[0] < 1 and weighted[1] > equal[1]


EXPECTED = {
    "burgers_pinn": lambda error: 0 < error < 1,
    "custom_layers": slopes_that_moved,
    "custom_training_loop": accuracy_above(0.6),
    "digit_rotation_regression": sane_regression,
    "digits_classification": accuracy_above(0.6),
    "gan_digits": digits_of_about_as_much_ink,
    "gradient_penalty": distance_that_falls,
    "neural_ode": lambda errors: len(errors) == 4 and all(0 < error < 0.5 for error in errors.values()),
    "segnet_unpooling": sane_segmentation,
    "sequence_classification": both_above(0.9),
    "sequence_forecasting": better_than_naive,
    "sequence_tagging": accuracy_above(0.75),
    "siamese_digits": accuracy_above(0.62),
    "tabular_features": accuracy_above(0.7),
    "transfer_learning": transfer_that_helps,
    "vae_digits": better_than_the_mean,
    "video_classification": accuracy_above(0.6),
    "volume_classification": accuracy_above(0.4),
    "weighted_segmentation_loop": weights_that_find_more,
}


def test_every_example_is_tested():
    assert sorted(EXPECTED) == SCRIPTS


@pytest.mark.parametrize("name", EXPECTED)
def test_short_form(name, capsys):
    result = in_short(name)
    assert EXPECTED[name](result), result
    out = capsys.readouterr().out
    assert "nan" not in out.lower()
    assert max(map(len, out.splitlines())) <= 120


def test_the_short_form_is_what_the_command_line_runs():
    done = subprocess.run([sys.executable, EXAMPLES / "tabular_features.py", "--short"], capture_output=True, timeout=120,
                          encoding="utf-8", env=ENVIRONMENT | {"PYTHONUTF8": "1"}, check=True)
    assert re.search(r"^\| +5 \|", done.stdout, re.M)
    assert not re.search(r"^\| +6 \|", done.stdout, re.M)
    assert not done.stderr
