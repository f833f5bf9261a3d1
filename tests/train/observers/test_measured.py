"""What a plot of training is drawn from."""

import numpy as np
import pytest

from dltoolbox.train.observers.column import figure_text
from dltoolbox.train.observers.measured import (
    Curve,
    Measured,
    epochs_per_band,
    iterations_shown,
    outline,
    usual_limits,
)
from dltoolbox.train.observers.observer import Record, TrainingEnd


def curve_of(values):
    curve = Curve()
    for value in values:
        curve.append(value)
    return curve


def test_a_smoothed_constant_is_that_constant():
    np.testing.assert_allclose(curve_of([3.0] * 500).smooth, 3)


def test_smoothing_leaves_less_noise_and_keeps_up():
    noise = np.random.default_rng(0).standard_normal(4000)
    curve = curve_of(np.where(np.arange(4000) < 50, 10, 0) + noise)
    assert np.std(curve.smooth[2000:]) < 0.15
    assert abs(curve.smooth[49] - 10) < 1.5
    assert curve.raw.tolist() == (np.where(np.arange(4000) < 50, 10, 0) + noise).tolist()


def test_smoothing_steps_over_what_is_not_finite():
    curve = curve_of([np.nan, 2.0, np.inf, 2.0, np.nan])
    np.testing.assert_array_equal(np.isnan(curve.smooth), [True, False, False, False, False])
    np.testing.assert_allclose(curve.smooth[1:], 2)


def test_outline_of_many_values_keeps_extremes_and_the_last():
    values = np.random.default_rng(0).standard_normal(100_001)
    values[[777, 50_000]] = 50, -50
    values[1234:1240] = np.nan
    at = outline(values, 1000)
    assert at.size <= 1001
    assert {777, 50_000, 100_000} <= set(at.tolist())
    assert (np.diff(at) > 0).all()


def test_outline_of_few_values_is_all_of_them():
    np.testing.assert_array_equal(outline(np.full(7, np.nan), 10), np.arange(7))
    assert outline(np.full(5000, np.nan), 100).max() == 4999


@pytest.mark.parametrize(("raw", "validations", "expected"), [
    ([], [], (0, 1, 1)), ([np.nan], [np.inf], (0, 1, 1)), ([1, 2], [], (0, 2, 2)), ([0, 0], [0], (0, 1, 0)),
    ([1] * 200 + [500], [2], (0, 1.25, 500)), ([1] * 200, [500, 3], (0, 3.75, 500)), ([-3, 1], [], (-3, 1, 1)),
    ([-3, -2], [], (-3, -2, -2))])
def test_limits_leave_out_a_lonely_peak(raw, validations, expected):
    low, high, peak = usual_limits(np.array(raw, float), np.array(validations, float))
    assert low < high
    assert (low, high, peak) == pytest.approx(expected)


@pytest.mark.parametrize(("iteration", "iterations", "shown"), [
    (0, 1, 1), (1, 1, 1), (0, 1000, 16), (16, 1000, 16), (17, 1000, 32), (500, 1000, 500), (501, 1000, 1000),
    (1000, 1000, 1000)])
def test_the_axis_grows_by_doubling(iteration, iterations, shown):
    assert iterations_shown(iteration, iterations) == shown


@pytest.mark.parametrize(("epochs", "step"), [
    (0.1, 1), (8, 1), (9, 2), (30, 5), (40, 5), (100, 20), (1000, 200), (1e6, 200_000)])
def test_many_epochs_share_a_band(epochs, step):
    assert epochs_per_band(epochs) == step


@pytest.mark.parametrize(("value", "text"), [
    (0.12344, "0.1234"), (21081.4, "21,081"), (np.nan, "NaN"), (np.inf, "Inf"), (1e12, "1e+12"), (0, "0")])
def test_figures_in_words(value, text):
    assert figure_text(value) == text


def test_the_final_network_is_validated_once():
    measured = Measured()
    measured.append(Record(1, 1, 0.0, 0.1, 2.0, 50.0, 3.0, 40.0))
    measured.append(Record(1, 2, 0.0, 0.1, 2.0, 50.0))
    for loss, metric, iteration in ((np.nan, np.nan, 2), (2.5, 45, 1), (2.5, 45, 2), (2.5, 45, 2)):
        measured.append_final(TrainingEnd("", loss, metric, iteration))
    assert measured.validations == [(1, 3.0, 40.0), (2, 2.5, 45)]
