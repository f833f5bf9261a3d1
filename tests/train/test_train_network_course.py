"""The course of a training through trainNetwork: history, validation, schedules, stopping, divergence, checkpoints."""

import re

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    DltoolboxWarning,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    featureInputLayer,
    fullyConnectedLayer,
    predict,
    regressionLayer,
    rng,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.exchange.archive import loadNetwork

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((50, 3))
Y = X @ [1.0, -2.0, 0.5] + 1
CLASSES = categorical(Y > 1, [False, True], ["small", "large"])
LINE = [featureInputLayer(3), fullyConnectedLayer(1), regressionLayer]
CLASSIFIER = [featureInputLayer(3), fullyConnectedLayer(2), softmaxLayer, classificationLayer]


@pytest.fixture(autouse=True)
def seed():
    rng(0)


def quiet(solver="sgdm", **options):
    return trainingOptions(solver, **{"Verbose": False, "MiniBatchSize": 10, "MaxEpochs": 4, **options})


def test_without_nargout_only_the_network_comes_back():
    net = trainNetwork(X, Y, LINE, quiet())
    assert predict(net, X).shape == (50, 1)
    assert len(trainNetwork(X, Y, LINE, quiet(), nargout=2)) == 2


def test_info_of_classification():
    net, info = trainNetwork(X, CLASSES, CLASSIFIER, quiet(ValidationData=(X[:20], CLASSES[:20]), ValidationFrequency=8),
                             nargout=2)
    assert list(vars(info)) == ["TrainingLoss", "TrainingAccuracy", "ValidationLoss", "ValidationAccuracy", "BaseLearnRate",
                                "FinalValidationLoss", "FinalValidationAccuracy", "OutputNetworkIteration"]
    assert {len(value) for value in list(vars(info).values())[:5]} == {20}
    assert (np.flatnonzero(~np.isnan(info.ValidationLoss)) + 1).tolist() == [1, 8, 16, 20]
    scores = predict(net, X[:20])[np.arange(20), CLASSES.codes[:20]]
    assert info.FinalValidationLoss == pytest.approx(-np.log(scores).mean(), rel=1e-5)
    assert info.FinalValidationAccuracy == pytest.approx(100 * np.mean(scores > 0.5))
    assert info.OutputNetworkIteration == 20


def test_info_of_regression():
    _, info = trainNetwork(X, Y, LINE, quiet(), nargout=2)
    assert list(vars(info)) == ["TrainingLoss", "TrainingRMSE", "ValidationLoss", "ValidationRMSE", "BaseLearnRate",
                                "FinalValidationLoss", "FinalValidationRMSE", "OutputNetworkIteration"]
    np.testing.assert_allclose(info.TrainingLoss, 0.5 * info.TrainingRMSE ** 2, rtol=1e-5)
    assert np.isnan(info.ValidationLoss).all()


def test_validation_labels_are_matched_by_name():
    """Validation data may lack classes, and list them in another order."""
    held_out = categorical(["large"] * 5, ["large", "small"])
    chosen = np.flatnonzero(CLASSES.codes == 1)[:5]
    _, info = trainNetwork(X, CLASSES, CLASSIFIER, quiet(ValidationData=(X[chosen], held_out), MaxEpochs=30), nargout=2)
    assert info.FinalValidationAccuracy > 90


def test_patience_stops():
    held_out = (X, -Y)  # the better the fit, the worse the validation
    options = quiet(ValidationData=held_out, ValidationFrequency=1, ValidationPatience=3, MaxEpochs=50,
                    InitialLearnRate=0.05)
    _, info = trainNetwork(X, Y, LINE, options, nargout=2)
    assert info.TrainingLoss.size < 20
    best = np.argmin(info.ValidationLoss)
    assert info.TrainingLoss.size == best + 1 + 3
    assert info.OutputNetworkIteration == best + 4


def test_best_validation_network_is_returned():
    options = quiet(ValidationData=(X, -Y), ValidationFrequency=1, OutputNetwork="best-validation", InitialLearnRate=0.05)
    net, info = trainNetwork(X, Y, LINE, options, nargout=2)
    best = np.argmin(info.ValidationLoss)
    assert info.OutputNetworkIteration == best + 1 < 20
    loss = 0.5 * np.square(predict(net, X)[:, 0] + Y).mean()
    assert loss == pytest.approx(info.ValidationLoss[best], rel=1e-5)
    assert info.FinalValidationLoss == info.ValidationLoss[best]


def test_piecewise_schedule():
    options = quiet(LearnRateSchedule="piecewise", LearnRateDropPeriod=2, LearnRateDropFactor=0.5, MaxEpochs=5)
    _, info = trainNetwork(X, Y, LINE, options, nargout=2)
    np.testing.assert_allclose(info.BaseLearnRate, np.repeat([0.01, 0.01, 0.005, 0.005, 0.0025], 5))


def test_output_function_stops_training():
    seen = []

    def stop(info):
        seen.append((info.State, info.Iteration))
        return info.Iteration == 3
    _, info = trainNetwork(X, Y, LINE, quiet(OutputFcn=stop), nargout=2)
    assert seen == [("start", 0), ("iteration", 1), ("iteration", 2), ("iteration", 3), ("done", 3)]
    assert info.TrainingLoss.size == info.OutputNetworkIteration == 3


def test_divergence_returns_the_last_good_network():
    options = quiet(InitialLearnRate=1e10, MaxEpochs=30)
    layers = [featureInputLayer(3), fullyConnectedLayer(4), batchNormalizationLayer, fullyConnectedLayer(1), regressionLayer]
    with pytest.warns(DltoolboxWarning, match=r"loss is (NaN|Inf) at iteration \d+.*Lower InitialLearnRate.*lossNotFinite"):
        net, info = trainNetwork(X, Y, layers, options, nargout=2)
    assert np.isfinite(info.TrainingLoss[:-1]).all()
    assert not np.isfinite(info.TrainingLoss[-1])
    assert info.OutputNetworkIteration == info.TrainingLoss.size - 2
    assert all(np.isfinite(net.Layers[at].Weights).all() for at in (1, 3))
    assert np.isfinite(net.Layers[2].TrainedVariance).all()


@pytest.mark.parametrize("statistics", ["population", "moving"])
def test_statistics_that_overflow_bring_the_last_good_network_back(statistics):
    """Normalisation hides the overflow from the loss."""
    layers = [featureInputLayer(3), fullyConnectedLayer(4), batchNormalizationLayer(Name="norm"), fullyConnectedLayer(1),
              regressionLayer]
    options = quiet(MaxEpochs=1, BatchNormalizationStatistics=statistics, ValidationData=(X, Y))
    with pytest.warns(DltoolboxWarning, match=r"Layer 'norm': TrainedVariance is NaN or Inf.*returns the initial network.*"
                      "statisticsNotFinite") as caught:
        net, info = trainNetwork(X * 1e30, Y, layers, options, nargout=2)
    assert len(caught) == 1
    assert (info.OutputNetworkIteration, info.TrainingLoss.size) == (0, 5)
    assert np.isfinite(info.FinalValidationLoss)
    assert np.isfinite(net.Layers[2].TrainedVariance).all()


def test_statistics_that_overflow_late_bring_back_the_network_before():
    """The last observations are too large; only the pass over all data sees them."""
    layers = [featureInputLayer(3, Normalization="none"), batchNormalizationLayer(Name="norm"), fullyConnectedLayer(1),
              regressionLayer]
    large = np.where(np.arange(55)[:, None] < 50, np.resize(X, (55, 3)), 1e30)
    options = quiet(MaxEpochs=2, Shuffle="never")  # five full mini-batches; the rest is dropped
    with pytest.warns(DltoolboxWarning, match=r"norm.*NaN or Inf.*after iteration 9.*statisticsNotFinite"):
        net, info = trainNetwork(large, np.resize(Y, 55), layers, options, nargout=2)
    assert info.OutputNetworkIteration == 9
    assert np.isfinite(net.Layers[1].TrainedVariance).all()


@pytest.mark.parametrize("answer", [np.array([True, False]), [], "no", 2, np.zeros(0), {"stop": True}], ids=repr)
def test_an_output_function_answers_with_a_logical_scalar(answer):
    def progress(info):
        return answer if info.Iteration == 3 else None
    with pytest.raises(DltoolboxError, match=r"progress returned .*Return one logical value") as caught:
        trainNetwork(X, Y, LINE, quiet(OutputFcn=progress))
    assert caught.value.identifier == "dltoolbox:trainNetwork:invalidOutputFcnResult"
    assert predict(caught.value.network, X).shape == (50, 1)


@pytest.mark.parametrize("answer", [True, np.True_, np.array(True), np.array([[True]]), 1, 1.0], ids=repr)
def test_an_output_function_may_stop_with_any_logical_scalar(answer):
    _, info = trainNetwork(X, Y, LINE, quiet(OutputFcn=lambda info: answer if info.Iteration == 2 else np.False_), nargout=2)
    assert info.TrainingLoss.size == 2


def test_a_network_that_is_spoilt_when_an_error_comes_is_not_lost():
    """The last step made it NaN; the last good one comes with the error."""
    options = quiet(InitialLearnRate=1e38, MaxEpochs=1)
    options.OutputFcn = lambda info: info.Iteration == 1 and 1 / 0
    with pytest.raises(ZeroDivisionError) as caught:
        trainNetwork(X * 1e5, Y, LINE, options)
    assert np.isfinite(caught.value.network.Layers[1].Weights).all()


def test_warnings_point_at_the_script():
    with pytest.warns(DltoolboxWarning) as caught:
        trainNetwork(X, Y * 1e30, LINE, quiet())
    assert caught[0].filename == __file__


def test_table_is_printed(capsys):
    layers = [featureInputLayer(3, Normalization="zscore"), *LINE[1:]]
    trainNetwork(X, Y, layers, quiet(Verbose=True, VerboseFrequency=10))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Training on single CPU.", "Initializing input data normalization."]
    assert [int(line.split("|")[2]) for line in lines[6:-2]] == [1, 10, 20]
    assert lines[-1] == "Training finished: Max epochs completed."
    trainNetwork(X, Y, LINE, quiet())
    assert capsys.readouterr().out == ""


# Checkpoints ---------------------------------------------------------------------------------------------------------
def test_checkpoints_can_be_loaded_and_trained_on(tmp_path):
    net = trainNetwork(X, CLASSES, CLASSIFIER, quiet(CheckpointPath=str(tmp_path), CheckpointFrequency=2))
    files = sorted(tmp_path.iterdir(), key=lambda path: int(path.name.split("__")[1]))
    assert [int(path.name.split("__")[1]) for path in files] == [10, 20]
    assert all(re.fullmatch(r"net_checkpoint__\d+__\d{4}(_\d\d){2}__\d\d(_\d\d){2}\.dlnet", path.name) for path in files)
    middle, last = map(loadNetwork, files)
    np.testing.assert_array_equal(predict(last, X), predict(net, X))
    assert not np.array_equal(predict(middle, X), predict(net, X))
    assert middle.Layers[-1].Classes == ("small", "large")
    _, info = trainNetwork(X, CLASSES, middle, quiet(MaxEpochs=1), nargout=2)
    assert info.TrainingLoss.size == 5


def test_an_error_in_the_course_of_training_carries_the_network():
    X = np.arange(20.0, dtype=np.float32).reshape(10, 2)

    def fail_at_three(info):
        if info.Iteration == 3:
            raise RuntimeError("disk full")

    options = trainingOptions("sgdm", MaxEpochs=5, MiniBatchSize=10, Verbose=False, OutputFcn=fail_at_three)
    with pytest.raises(RuntimeError, match="disk full") as caught:
        trainNetwork(X, X[:, :1], [featureInputLayer(2), fullyConnectedLayer(1), regressionLayer], options)
    assert predict(caught.value.network, X).shape == (10, 1)
    assert "attribute 'network'" in caught.value.__notes__[0]
