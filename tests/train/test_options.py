"""trainingOptions: every option, its default, what it refuses and how it prints."""

import inspect

import numpy as np
import pytest

from dltoolbox.core.errors import DltoolboxError
from dltoolbox.train.options import OPTIONS_BY_SOLVER, trainingOptions

DISPLAYED = [
    "Momentum", "InitialLearnRate", "MaxEpochs", "LearnRateSchedule", "LearnRateDropFactor", "LearnRateDropPeriod",
    "MiniBatchSize", "Shuffle", "CheckpointFrequency", "CheckpointFrequencyUnit", "SequenceLength",
    "PreprocessingEnvironment", "L2Regularization", "GradientThresholdMethod", "GradientThreshold", "Verbose",
    "VerboseFrequency", "ValidationData", "ValidationFrequency", "ValidationPatience", "ObjectiveMetricName",
    "CheckpointPath", "ExecutionEnvironment", "OutputFcn", "Metrics", "Plots", "SequencePaddingValue",
    "SequencePaddingDirection", "InputDataFormats", "TargetDataFormats", "ResetInputNormalization",
    "BatchNormalizationStatistics", "OutputNetwork", "Acceleration",
]


def problems(*args, **kwargs):
    with pytest.raises(DltoolboxError) as caught:
        trainingOptions(*args, **kwargs)
    return [name.removeprefix("dltoolbox:trainingOptions:") for name in caught.value.identifiers]


@pytest.mark.parametrize(("solver", "expected"), [
    ("sgdm", {"InitialLearnRate": 0.01, "Momentum": 0.9}),
    ("rmsprop", {"InitialLearnRate": 0.001, "SquaredGradientDecayFactor": 0.9, "Epsilon": 1e-8}),
    ("adam", {"InitialLearnRate": 0.001, "GradientDecayFactor": 0.9, "SquaredGradientDecayFactor": 0.999,
              "Epsilon": 1e-8}),
])
def test_defaults_of_each_solver(solver, expected):
    options = trainingOptions(solver)
    assert {name: getattr(options, name) for name in expected} == expected
    assert (options.MaxEpochs, options.MiniBatchSize, options.L2Regularization) == (30, 128, 1e-4)
    assert (options.Shuffle, options.GradientThreshold, options.ValidationPatience) == ("once", np.inf, np.inf)


def test_both_call_forms_any_case_and_alias():
    one = trainingOptions("SGDM", "maxepochs", 5, "shuffle", "NEVER", OutputNetwork="last-iteration")
    assert (one.MaxEpochs, one.Shuffle, one.OutputNetwork) == (5, "never", "last-iteration")
    best = trainingOptions("adam", ValidationData=[np.zeros(3), np.zeros(3)], OutputNetwork="best-validation-loss")
    assert best.OutputNetwork == "best-validation"


def test_options_can_be_changed_and_are_checked_again():
    options = trainingOptions("adam")
    options.MaxEpochs = 7
    assert options.MaxEpochs == 7
    with pytest.raises(DltoolboxError, match="invalidMaxEpochs"):
        options.MaxEpochs = 0
    with pytest.raises(DltoolboxError, match="Did you mean 'MaxEpochs'"):
        options.MaxEpoch = 3
    assert options.MaxEpochs == 7


@pytest.mark.parametrize(("name", "value"), [
    ("InitialLearnRate", 0), ("InitialLearnRate", -1), ("InitialLearnRate", np.nan), ("InitialLearnRate", "fast"),
    ("Momentum", 1.5), ("Momentum", -0.1), ("LearnRateSchedule", "stepwise"), ("LearnRateSchedule", 3),
    ("LearnRateDropFactor", 2), ("LearnRateDropPeriod", 0), ("L2Regularization", -1e-4),
    ("GradientThresholdMethod", "l1norm"), ("GradientThreshold", 0), ("MaxEpochs", 2.5), ("MaxEpochs", True),
    ("MiniBatchSize", 0), ("Shuffle", "always"), ("ValidationData", np.zeros(3)), ("ValidationData", (1, 2, 3)),
    ("ValidationFrequency", 0), ("ValidationPatience", 0), ("ValidationPatience", 1.5), ("Verbose", "yes"),
    ("VerboseFrequency", -1), ("OutputFcn", 3), ("OutputFcn", [print, 3]), ("ExecutionEnvironment", "tpu"),
    ("OutputNetwork", "first"), ("BatchNormalizationStatistics", "none"), ("ResetInputNormalization", 2),
    ("CheckpointPath", 3), ("CheckpointFrequency", 0), ("CheckpointFrequencyUnit", "hour"), ("Plots", "yes"),
    ("SequencePaddingDirection", "up"), ("SequencePaddingValue", np.nan), ("Acceleration", "mex"),
    ("PreprocessingEnvironment", "gpu"), ("ObjectiveMetricName", 3), ("DispatchInBackground", "x"),
    ("WorkerLoad", -1), ("WorkerLoad", "all"), ("WorkerLoad", ["1", "2"]), ("WorkerLoad", [0, 0]), ("WorkerLoad", 1.5),
    ("WorkerLoad", [1, np.nan]), ("WorkerLoad", True), ("SequenceLength", 0), ("SequenceLength", "middle"),
    ("Metrics", "acuracy"),
    ("CategoricalInputEncoding", "hot"), ("CategoricalTargetEncoding", "hot"), ("Precision", "double"),
])
def test_invalid_values(name, value):
    assert problems("sgdm", **{name: value}) == [f"invalid{name}"]


@pytest.mark.parametrize("value", [1, -0.5, np.nan])
@pytest.mark.parametrize("name", ["GradientDecayFactor", "SquaredGradientDecayFactor"])
def test_decay_factors_are_below_one(name, value):
    assert problems("adam", **{name: value}) == [f"invalid{name}"]


def test_epsilon_is_positive():
    assert problems("rmsprop", Epsilon=0) == ["invalidEpsilon"]


@pytest.mark.parametrize(("name", "value"), [
    ("Metrics", "fscore"),
    ("Metrics", ["accuracy", "rmse"]), ("ObjectiveMetricName", "accuracy"), ("LearnRateSchedule", "cosine"),
    ("LearnRateSchedule", lambda epoch: 0.1), ("LearnRateSchedule", ["warmup", "cosine"]),
    ("InputDataFormats", "SSCB"), ("TargetDataFormats", ["CB"]), ("CategoricalInputEncoding", "one-hot"),
    ("CategoricalTargetEncoding", "one-hot"),
])
def test_documented_but_not_yet_supported(name, value):
    assert problems("adam", **{name: value}) == ["notYetSupported"]


@pytest.mark.parametrize(("name", "value", "stored"), [
    ("WorkerLoad", [1, 2], (1, 2)), ("WorkerLoad", np.arange(3), (0, 1, 2)), ("WorkerLoad", 0.5, 0.5),
    ("WorkerLoad", [], None), ("WorkerLoad", 4, 4), ("PreprocessingEnvironment", "background", "background"),
    ("PreprocessingEnvironment", "PARALLEL", "parallel"), ("DispatchInBackground", True, True),
    ("SequenceLength", "shortest", "shortest"), ("SequenceLength", 20, 20), ("SequencePaddingDirection", "left", "left"),
    ("SequencePaddingValue", 1, 1),
    *(("ExecutionEnvironment", word, word) for word in ("gpu", "multi-gpu", "parallel", "parallel-auto", "parallel-cpu",
                                                        "parallel-gpu")),
])
def test_options_that_change_no_result_are_accepted(name, value, stored, recwarn):
    assert getattr(trainingOptions("adam", name, value), name) == stored
    assert not recwarn  # options are inert: what is warned of is what runs


def test_precision_is_an_option_of_its_own():
    assert trainingOptions("sgdm").Precision == "default"
    assert trainingOptions("adam", "precision", "FAST").Precision == "fast"


def test_supported_spellings_of_the_defaults():
    options = trainingOptions("adam", ExecutionEnvironment="CPU", Metrics=[], WorkerLoad=1, ValidationData=[],
                              OutputFcn=[], SequencePaddingValue=0, Acceleration="none", Verbose=0)
    assert (options.ExecutionEnvironment, options.Metrics, options.OutputFcn, options.Verbose) == (
        "cpu", None, None, False)


@pytest.mark.parametrize(("solver", "name", "owner"), [
    ("adam", "Momentum", "'sgdm'"), ("sgdm", "Epsilon", "'rmsprop' and 'adam'"),
    ("rmsprop", "gradientdecayfactor", "'adam'"),
    ("sgdm", "SquaredGradientDecayFactor", "'rmsprop' and 'adam'"), ("adam", "HistorySize", "'lbfgs'"),
    ("adam", "MaxIterations", "'lbfgs' and 'lm'"), ("adam", "InitialDampingFactor", "'lm'"),
])
def test_option_of_another_solver_says_whose(solver, name, owner):
    for call in ({"args": (solver, name, 0.5), "kw": {}}, {"args": (solver,), "kw": {name: 0.5}}):
        with pytest.raises(DltoolboxError, match=owner) as caught:
            trainingOptions(*call["args"], **call["kw"])
        assert caught.value.identifiers == ("dltoolbox:trainingOptions:optionOfOtherSolver",)


def test_all_problems_at_once_with_suggestions():
    with pytest.raises(DltoolboxError, match="Did you mean 'MiniBatchSize'") as caught:
        trainingOptions("adam", Momentum=0.9, MiniBatchSizes=3, MaxEpochs=-1, Metrics="auc")
    assert [name.rsplit(":", 1)[1] for name in caught.value.identifiers] == [
        "optionOfOtherSolver", "unknownOption", "invalidMaxEpochs", "notYetSupported"]


@pytest.mark.parametrize(("solver", "identifier"), [
    ("lbfgs", "solverNotAvailable"), ("LM", "solverNotAvailable"), ("sgd", "unknownSolver"), (3, "unknownSolver")])
def test_solver_names(solver, identifier):
    assert problems(solver) == [identifier]


def test_odd_number_of_pair_items():
    assert problems("adam", "MaxEpochs") == ["invalidArguments"]


def test_best_validation_needs_validation_data():
    assert problems("adam", OutputNetwork="best-validation") == ["validationDataRequired"]


def test_display_is_matlabs():
    text = str(trainingOptions("sgdm", ValidationData=(np.zeros((28, 28, 1, 10), np.uint8), np.zeros(10)),
                               OutputFcn=print))
    lines = text.splitlines()
    assert lines[:5] == ["  TrainingOptionsSGDM with properties:", "",
                         "                        Momentum: 0.9000",
                         "                InitialLearnRate: 0.0100",
                         "                       MaxEpochs: 30"]
    for line in ("L2Regularization: 1.0000e-04", "GradientThreshold: Inf", "Verbose: 1", "Plots: 'none'",
                 "Metrics: []", "CheckpointPath: ''", "OutputFcn: @print",
                 "ValidationData: {[28×28×1×10 uint8]  [10×1 double]}"):
        assert line in [one.strip() for one in lines]
    assert [line.split(":")[0].strip() for line in lines[2:]][:len(DISPLAYED)] == DISPLAYED


def test_repr_is_one_line_of_python():
    options = trainingOptions("adam", InitialLearnRate=1e-4, Shuffle="never")
    assert repr(options) == "trainingOptions('adam', InitialLearnRate=0.0001, Shuffle='never')"
    assert repr(eval(repr(options))) == repr(options)
    with_data = trainingOptions("sgdm", ValidationData=(np.zeros((4, 2)), np.zeros(4)), OutputFcn=[print])
    assert repr(with_data) == "trainingOptions('sgdm', ValidationData=(<4×2 double>, <4×1 double>), OutputFcn=(print,))"


def test_signature_and_docstring_name_every_option():
    parameters = inspect.signature(trainingOptions).parameters
    every = {name for cls in OPTIONS_BY_SOLVER.values() for name in cls.properties}
    assert {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY} == every
    assert parameters["MaxEpochs"].default == 30
    assert parameters["InitialLearnRate"].default is ...  # differs between the solvers
    for name in every:
        assert f"\n    {name} : default" in trainingOptions.__doc__
