"""The loop: what it calls when, when it stops, and which network it leaves behind."""

import re

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError, DltoolboxWarning
from dltoolbox.core.random import rng
from dltoolbox.data.sources.arrays import ArraySource, OneHot
from dltoolbox.train.loop import train
from dltoolbox.train.options import trainingOptions

from .models import Linear, NoStatistics, Softmax

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((3, 50)).astype(np.float32)
SLOPE = np.array([[1.0, -2.0, 0.5]], np.float32)
DATA = ArraySource([X], [SLOPE @ X + 1])
HELD_OUT = ArraySource([X[:, :25] + 0.1], [SLOPE @ (X[:, :25] + 0.1) + 1])


def quiet(solver="sgdm", **options):
    return trainingOptions(solver, **{"Verbose": False, "MiniBatchSize": 10, "MaxEpochs": 4, **options})


def weights(model):
    return [p.value.copy() for p in model.parameters]


def test_regression_is_learned():
    model = Linear(3, 1)
    info, reason = train(model, DATA, quiet(MaxEpochs=60, L2Regularization=0), metric="rmse")
    np.testing.assert_allclose(model.parameters[0].value, SLOPE, atol=1e-3)
    assert reason == "Max epochs completed."
    assert info.TrainingRMSE[-1] < 1e-3
    assert info.TrainingLoss.shape == (300,)
    assert info.OutputNetworkIteration == 300
    assert np.isnan(info.ValidationLoss).all()
    assert np.isnan(info.FinalValidationLoss)


def test_classification_is_learned_and_unlabelled_observations_are_ignored():
    codes = (X[0] > 0).astype(int)
    codes[::10] = -1
    model = Softmax(3, 2)
    data = ArraySource([X], [OneHot(codes, 2)])
    info, _ = train(model, data, quiet(MaxEpochs=100, InitialLearnRate=0.5), validation=data)
    assert info.FinalValidationAccuracy > 95
    assert set(vars(info)) == {
        "TrainingLoss", "TrainingAccuracy", "ValidationLoss", "ValidationAccuracy", "BaseLearnRate",
        "FinalValidationLoss", "FinalValidationAccuracy", "OutputNetworkIteration"}


@pytest.mark.oracle
def test_whole_training_is_torchs():
    """Loss scale, dropped remainder and decay: the steps of a plain torch loop over the same mini-batches."""
    import torch
    rng(0)
    model = Linear(3, 1, np.float64)
    start = weights(model)
    wide = X[:, :47].astype(np.float64)
    data = ArraySource([wide], [SLOPE @ wide + 1], dtype=np.float64)
    train(model, data, quiet("adam", InitialLearnRate=0.05, L2Regularization=0.01, Shuffle="every-epoch"), metric="rmse")
    layer = torch.nn.Linear(3, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(start[0]))
        layer.bias.copy_(torch.from_numpy(start[1][:, 0]))
    optimizer = torch.optim.Adam([{"params": [layer.weight], "weight_decay": 0.01}, {"params": [layer.bias]}], lr=0.05)
    assert len(model.seen) == 16  # 4 epochs of 4: the 7 left over are dropped
    for step, x in enumerate(model.seen):
        for group in optimizer.param_groups:
            group["eps"] = 1e-8 / np.sqrt(1 - 0.999 ** (step + 1))
        error = layer(torch.from_numpy(x.T.copy())) - torch.from_numpy((SLOPE @ x + 1).T.copy())
        optimizer.zero_grad()
        (0.5 * error.square().sum() / 10).backward()
        optimizer.step()
    np.testing.assert_allclose(model.parameters[0].value, layer.weight.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(model.parameters[1].value[:, 0], layer.bias.detach().numpy(), rtol=1e-9)


def test_rng_repeats_a_training():
    def once():
        rng(0)
        model = Linear(3, 1)
        train(model, DATA, quiet(Shuffle="every-epoch"), metric="rmse")
        return weights(model)
    for a, b in zip(once(), once(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_printed_table(capsys):
    options = quiet(Verbose=True, VerboseFrequency=6, ValidationFrequency=8, InitialLearnRate=1e-4)
    announced = []
    train(Linear(3, 1), DATA, options, validation=HELD_OUT, metric="rmse", initialize=lambda: announced.append(1))
    lines = capsys.readouterr().out.splitlines()
    assert announced == [1]
    assert lines[:2] == ["Training on single CPU.", "Initializing input data normalization."]
    assert lines[2] == lines[5] == lines[-2] == f"|{'=' * 118}|"
    assert lines[-1] == "Training finished: Max epochs completed."
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[6:-2]]
    assert [(row[0], row[1]) for row in rows] == [
        ("1", "1"), ("2", "6"), ("2", "8"), ("3", "12"), ("4", "16"), ("4", "18"), ("4", "20")]
    assert [bool(row[4]) for row in rows] == [True, False, True, False, True, False, True]  # validated
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[2]) and row[-1] == "1.0000e-04" for row in rows)


def test_no_normalisation_line_without_normalisation(capsys):
    train(Linear(3, 1), DATA, quiet(Verbose=True, MaxEpochs=1), metric="rmse")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Training on single CPU."
    assert lines[1] == f"|{'=' * 88}|"


def test_validation_is_the_mean_over_all_observations():
    model = NoStatistics(3, 1)
    info, _ = train(model, DATA, quiet(MiniBatchSize=10, ValidationFrequency=7), validation=HELD_OUT, metric="rmse")
    validated = np.flatnonzero(~np.isnan(info.ValidationLoss)) + 1
    assert validated.tolist() == [1, 7, 14, 20]
    error = model.scores(HELD_OUT.inputs[0]) - HELD_OUT.targets[0]  # 25 observations: batches of 10, 10 and 5
    assert info.FinalValidationLoss == pytest.approx(0.5 * np.square(error).mean(), rel=1e-5)
    assert info.FinalValidationRMSE == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-5)
    assert info.ValidationLoss[-1] == info.FinalValidationLoss


class Scripted(Linear):
    """Its validation losses are given."""

    def __init__(self, losses):
        super().__init__(3, 1)
        self.losses = iter(losses)

    def evaluate(self, inputs, targets):
        return next(self.losses), [targets[0]]

    def finalize_statistics(self, batches):
        pass


def test_patience_counts_larger_or_equal():
    model = Scripted([5, 4, 4, 6, 3, 3, 3, 3, 9])
    options = quiet(ValidationFrequency=1, ValidationPatience=3, MiniBatchSize=50, MaxEpochs=50)
    info, reason = train(model, DATA, options, validation=ArraySource([X], [SLOPE @ X]), metric="rmse")
    assert reason == "Met validation criterion."
    assert info.ValidationLoss.tolist() == [5, 4, 4, 6, 3, 3, 3, 3]
    assert info.OutputNetworkIteration == 8


@pytest.mark.parametrize(("choice", "iteration"), [("best-validation", 3), ("auto", 5), ("last-iteration", 5)])
def test_output_network(choice, iteration):
    pair = (X.T, (SLOPE @ X).T)
    options = quiet(ValidationFrequency=1, MiniBatchSize=50, MaxEpochs=5, OutputNetwork=choice, ValidationData=pair)
    seen = []
    options.OutputFcn = lambda info: seen.append(weights(model)) if info.State == "iteration" else None
    model = Scripted([5, 4, 1, np.nan, 6])
    info, _ = train(model, DATA, options, validation=ArraySource([X], [SLOPE @ X]), metric="rmse")
    assert info.OutputNetworkIteration == iteration
    assert info.FinalValidationLoss == info.ValidationLoss[iteration - 1]
    for got, expected in zip(weights(model), seen[iteration - 1], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_best_validation_needs_data():
    options = quiet(ValidationData=(X, X), OutputNetwork="best-validation")
    with pytest.raises(DltoolboxError, match="validationDataRequired"):
        train(Linear(3, 1), DATA, options, metric="rmse")


def test_learning_rates_are_recorded():
    options = quiet(LearnRateSchedule="piecewise", InitialLearnRate=0.1, LearnRateDropPeriod=3)
    info, _ = train(Linear(3, 1), DATA, options, metric="rmse")
    np.testing.assert_allclose(info.BaseLearnRate, [0.1] * 15 + [0.01] * 5)


# Output functions ----------------------------------------------------------------------------------------------------
def test_output_function_sees_every_iteration():
    calls = []
    train(Linear(3, 1), DATA, quiet(MaxEpochs=1, OutputFcn=calls.append, ValidationFrequency=3), validation=HELD_OUT,
          metric="rmse")
    assert [c.State for c in calls] == ["start", *["iteration"] * 5, "done"]
    start, first, second = calls[:3]
    assert (start.Epoch, start.Iteration, start.TrainingLoss, start.BaseLearnRate) == (0, 0, [], [])
    assert (first.Epoch, first.Iteration, first.BaseLearnRate) == (1, 1, 0.01)
    assert first.ValidationLoss > 0
    assert first.ValidationRMSE > 0
    assert second.ValidationLoss == []
    assert second.TrainingRMSE > 0
    assert calls[-1].Iteration == 5
    assert set(vars(first)) == {"Epoch", "Iteration", "TimeSinceStart", "TrainingLoss", "ValidationLoss",
                                "BaseLearnRate", "TrainingRMSE", "ValidationRMSE", "State"}


def test_output_function_stops_and_all_of_them_are_called():
    calls = []
    stop = [lambda info: info.Iteration == 4, calls.append]
    info, reason = train(NoStatistics(3, 1), DATA, quiet(OutputFcn=stop), validation=HELD_OUT, metric="rmse")
    assert reason == "Stopped manually."
    assert info.TrainingLoss.size == 4
    assert [c.Iteration for c in calls] == [0, 1, 2, 3, 4, 4]
    assert info.FinalValidationLoss == info.ValidationLoss[3]  # validated at the end


def test_output_function_can_stop_before_the_first_iteration():
    model = NoStatistics(3, 1)
    before = weights(model)
    info, reason = train(model, DATA, quiet(OutputFcn=lambda info: True), validation=HELD_OUT, metric="rmse")
    assert (reason, info.TrainingLoss.size, info.OutputNetworkIteration) == ("Stopped manually.", 0, 0)
    assert info.FinalValidationLoss > 0
    assert all((a == b).all() for a, b in zip(weights(model), before, strict=True))


def test_keyboard_interrupt_returns_the_network():
    class Interrupted(Linear):
        def step(self, inputs, targets):
            if len(self.seen) == 7:
                raise KeyboardInterrupt
            return super().step(inputs, targets)
    info, reason = train(Interrupted(3, 1), DATA, quiet(), validation=HELD_OUT, metric="rmse")
    assert (reason, info.TrainingLoss.size, info.OutputNetworkIteration) == ("Stopped manually.", 7, 7)
    assert info.FinalValidationLoss > 0


# Losses that are not finite ------------------------------------------------------------------------------------------
class Breaking(NoStatistics):
    """Its gradient is infinite in one iteration, so the next loss is not finite."""

    def __init__(self, at):
        super().__init__(3, 1)
        self.at, self.history = at, []

    def step(self, inputs, targets):
        self.history.append(weights(self))
        result = super().step(inputs, targets)
        if len(self.history) == self.at:
            result.gradients[0][...] = np.inf
        return result


def test_the_network_before_the_bad_step_comes_back():
    model = Breaking(at=6)
    with pytest.warns(DltoolboxWarning, match=r"loss is NaN at iteration 7.*after iteration 5.*lossNotFinite"):
        info, reason = train(model, DATA, quiet(), validation=HELD_OUT, metric="rmse")
    assert reason == "Training loss is NaN."
    assert info.OutputNetworkIteration == 5
    assert np.isfinite(info.TrainingLoss[:6]).all()
    assert np.isnan(info.TrainingLoss[6:]).all()
    assert info.TrainingLoss.size == 7
    assert np.isfinite(info.FinalValidationLoss)
    assert model.mean == pytest.approx(running_mean(model.seen[:6]))  # the states, too
    for got, good in zip(weights(model), model.history[5], strict=True):
        np.testing.assert_array_equal(got, good)


def running_mean(seen):
    mean = 0.0
    for x in seen:
        mean = 0.9 * mean + 0.1 * float(x.mean())
    return mean


def test_a_bad_last_step_is_noticed():
    model = Breaking(at=20)
    with pytest.warns(DltoolboxWarning, match=r"iteration 20 made learnables NaN or Inf.*after iteration 19"):
        info, reason = train(model, DATA, quiet(), metric="rmse")
    assert reason == "Max epochs completed."
    assert info.OutputNetworkIteration == 19
    assert all(np.isfinite(w).all() for w in weights(model))


def test_a_bad_start_keeps_the_initial_network():
    model = Linear(3, 1)
    start = weights(model)
    data = ArraySource([np.full((3, 10), np.inf)], [np.ones((1, 10))])
    with pytest.warns(DltoolboxWarning, match="initial network"):
        info, _ = train(model, data, quiet(BatchNormalizationStatistics="moving"), metric="rmse")
    assert info.OutputNetworkIteration == 0
    assert model.mean == 0
    assert all((a == b).all() for a, b in zip(weights(model), start, strict=True))


def test_an_exploding_training_warns_only_once():
    model = Linear(3, 1)
    with pytest.warns(DltoolboxWarning) as caught:
        train(model, DATA, quiet(InitialLearnRate=1e6, MaxEpochs=100), metric="rmse")
    assert len(caught) == 1
    assert all(np.isfinite(w).all() for w in weights(model))


# Statistics and checkpoints ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("choice", "sizes"), [("auto", [16, 16, 16, 2]), ("population", [16, 16, 16, 2]),
                                               ("moving", [])])
def test_batch_normalisation_statistics(choice, sizes):
    model = Linear(3, 1)
    train(model, DATA, quiet(MiniBatchSize=16, BatchNormalizationStatistics=choice), metric="rmse")
    assert model.finalized == sizes


def test_new_statistics_are_validated_again():
    class Changing(Linear):
        def evaluate(self, inputs, targets):
            loss, predictions = super().evaluate(inputs, targets)
            return (100.0 if self.finalized else loss), predictions
    info, _ = train(Changing(3, 1), DATA, quiet(), validation=HELD_OUT, metric="rmse")
    assert info.ValidationLoss[-1] < 100
    assert info.FinalValidationLoss == 100


@pytest.mark.parametrize(("unit", "frequency", "iterations"), [("epoch", 1, [5, 10, 15, 20]), ("epoch", 3, [15]),
                                                               ("iteration", 8, [8, 16])])
def test_checkpoints(tmp_path, unit, frequency, iterations):
    options = quiet(CheckpointPath=str(tmp_path), CheckpointFrequency=frequency, CheckpointFrequencyUnit=unit)
    saved = []
    train(Linear(3, 1), DATA, options, metric="rmse", save=saved.append)
    pattern = r"net_checkpoint__(\d+)__\d{4}_\d\d_\d\d__\d\d_\d\d_\d\d\.\w+"
    assert [int(re.fullmatch(pattern, path.name)[1]) for path in saved] == iterations
    assert {path.parent for path in saved} == {tmp_path}


def test_checkpoint_problems_come_before_training(tmp_path):
    for path, save, identifier in ((tmp_path / "none", print, "checkpointPathNotFound"),
                                   (tmp_path, None, "checkpointsNotSupported")):
        model = Linear(3, 1)
        with pytest.raises(DltoolboxError, match=identifier):
            train(model, DATA, quiet(CheckpointPath=str(path)), metric="rmse", save=save)
        assert model.seen == []
