"""Steps of the solvers: against the formulas, against PyTorch, and clipping by hand."""

import warnings

import numpy as np
import pytest

from dltoolbox.train.options import trainingOptions
from dltoolbox.train.solvers import clipping, learn_rate, make_solver, norm

from .models import Weights

RATE, STEPS = 0.05, 30


def parameters(dtype=np.float64):
    random = np.random.default_rng(1)
    return [Weights("a", "Weights", random.standard_normal((4, 3)).astype(dtype), 1.0, 1.0),
            Weights("a", "Bias", random.standard_normal((4, 1)).astype(dtype), 2.0, 0.0),
            Weights("b", "Weights", random.standard_normal((2, 3, 2)).astype(dtype), 0.5, 3.0)]


def gradients(step, like):
    """Different in every step, depending on the weights, so that trajectories would part if a step were wrong."""
    random = np.random.default_rng(100 + step)
    return [np.sin(w) + random.standard_normal(w.shape).astype(w.dtype) for w in like]


def run(options, dtype=np.float64, steps=STEPS):
    learnables = parameters(dtype)
    solver = make_solver(learnables, options)
    for step in range(steps):
        solver.update(gradients(step, [p.value for p in learnables]), learn_rate(options, step + 1))
    return learnables


# The formulas, written out plainly -----------------------------------------------------------------------------------
def plain_sgdm(w, gradient, rate, decay, momentum=0.9):
    before = w.copy()
    for step in range(STEPS):
        g = gradient(step, w) + decay * w
        w, before = w - rate * g + momentum * (w - before), w
    return w


def plain_rmsprop(w, gradient, rate, decay, beta=0.9, eps=1e-8):
    v = np.zeros_like(w)
    for step in range(STEPS):
        g = gradient(step, w) + decay * w
        v = beta * v + (1 - beta) * g ** 2
        w = w - rate * g / (np.sqrt(v) + eps)
    return w


def plain_adam(w, gradient, rate, decay, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, STEPS + 1):
        g = gradient(step - 1, w) + decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g ** 2
        w = w - rate * np.sqrt(1 - beta2 ** step) / (1 - beta1 ** step) * m / (np.sqrt(v) + eps)
    return w


@pytest.mark.parametrize(("name", "plain"), [("sgdm", plain_sgdm), ("rmsprop", plain_rmsprop), ("adam", plain_adam)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_trajectory_is_the_formula(name, plain, dtype):
    options = trainingOptions(name, InitialLearnRate=RATE, L2Regularization=0.01)
    trained = run(options, dtype)
    assert all(p.value.dtype == dtype for p in trained)
    for at, start in enumerate(parameters(dtype)):
        def gradient(step, w, at=at):
            # every array draws its own part of the noise, so the draws before it must be made as well
            return gradients(step, [w if i == at else p.value for i, p in enumerate(parameters(dtype))])[at]
        expected = plain(start.value, gradient, RATE * start.learn_rate_factor, 0.01 * start.l2_factor)
        np.testing.assert_allclose(trained[at].value, expected, rtol=1e-10 if dtype == np.float64 else 2e-4,
                                   atol=1e-12 if dtype == np.float64 else 2e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["sgdm", "rmsprop", "adam"])
def test_trajectory_is_torchs(name):
    import torch
    options = trainingOptions(name, InitialLearnRate=RATE, L2Regularization=0.01)
    trained = run(options)
    tensors = [torch.from_numpy(p.value.copy()).requires_grad_() for p in parameters()]
    groups = [{"params": [t], "lr": RATE * p.learn_rate_factor, "weight_decay": 0.01 * p.l2_factor}
              for t, p in zip(tensors, parameters(), strict=True)]
    make = {"sgdm": lambda: torch.optim.SGD(groups, lr=RATE, momentum=0.9),
            "rmsprop": lambda: torch.optim.RMSprop(groups, lr=RATE, alpha=0.9, eps=1e-8),
            "adam": lambda: torch.optim.Adam(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)}[name]
    optimizer = make()
    for step in range(STEPS):
        for tensor, g in zip(tensors, gradients(step, [t.detach().numpy() for t in tensors]), strict=True):
            tensor.grad = torch.from_numpy(g)
        if name == "adam":  # torch corrects √v before it adds ε; with this ε both denominators are the same
            for group in optimizer.param_groups:
                group["eps"] = 1e-8 / np.sqrt(1 - 0.999 ** (step + 1))
        optimizer.step()
    for parameter, tensor in zip(trained, tensors, strict=True):
        np.testing.assert_allclose(parameter.value, tensor.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.oracle
def test_adam_with_torchs_own_epsilon_differs_only_by_it():
    """Relative difference of one step: ε·(1/√(1 − β₂ˡ) − 1)/√v̂ ≤ 1e-8·31/√v̂; √v̂ is of order 1 here."""
    import torch
    trained = run(trainingOptions("adam", InitialLearnRate=RATE, L2Regularization=0), steps=5)
    tensors = [torch.from_numpy(p.value.copy()).requires_grad_() for p in parameters()]
    optimizer = torch.optim.Adam([{"params": [t], "lr": RATE * p.learn_rate_factor}
                                  for t, p in zip(tensors, parameters(), strict=True)], eps=1e-8)
    for step in range(5):
        for tensor, g in zip(tensors, gradients(step, [t.detach().numpy() for t in tensors]), strict=True):
            tensor.grad = torch.from_numpy(g)
        optimizer.step()
    for parameter, tensor in zip(trained, tensors, strict=True):
        np.testing.assert_allclose(parameter.value, tensor.detach().numpy(), rtol=1e-5)


def in_one_vector(learnables):
    """The same parameters, one after the other in memory, as a model keeps them."""
    vector = np.concatenate([p.value.ravel() for p in learnables])
    ends = np.cumsum([0, *(p.value.size for p in learnables)])
    for p, start, stop in zip(learnables, ends[:-1], ends[1:], strict=True):
        p.value = vector[start:stop].reshape(p.value.shape)
    return learnables


def several():
    """Parameters of several factors, one frozen, some in parts, one in the order of Fortran, one of another type."""
    random = np.random.default_rng(2)
    factors = [(1, 1), (1, 0), (1, 1), (2, 1), (2, 1), (0, 1), (1, 3), (1, 3), (1, 0), ((1, 0, 3), 1), (1, (0, 2, 1))]
    learnables = in_one_vector([Weights("fc", "Weights", random.standard_normal((3, 2 + k)), rate, l2)
                                for k, (rate, l2) in enumerate(factors)])
    return [*learnables, Weights("fc", "Weights", np.asfortranarray(random.standard_normal((4, 5))), (0, 2), (1, 2, 0, 0)),
            Weights("fc", "Weights", random.standard_normal((4, 5)).astype(np.float32))]


@pytest.mark.parametrize("stretch", [1 << 16, 7])
@pytest.mark.parametrize("options", [{}, {"GradientThreshold": 1}, {
    "GradientThreshold": 2, "GradientThresholdMethod": "global-l2norm"}], ids=["free", "clipped", "together"])
@pytest.mark.parametrize("name", ["sgdm", "rmsprop", "adam"])
def test_neighbours_in_memory_move_as_if_they_were_apart(name, options, stretch, monkeypatch):
    monkeypatch.setattr("dltoolbox.train.flat_parameters.LONGEST_SLOT_RUN", stretch)
    options = trainingOptions(name, L2Regularization=0.1, **options)
    together, apart = several(), several()
    for p in apart:
        p.value = p.value.copy(order="K")
    solvers = make_solver(together, options), make_solver(apart, options)
    same = [Weights("", "", np.empty_like(p.value)) for p in together]
    in_one_vector(same[:-1])
    for step in range(6):
        drawn = gradients(step, [p.value for p in together])
        if step == 4:
            drawn[2] = None  # a gradient may be missing now and then
        if step % 2:  # gradients lie in one vector, or apart
            for p, g in zip(same, drawn, strict=True):
                p.value[...] = 0 if g is None else g
            given = [None if g is None else p.value for p, g in zip(same, drawn, strict=True)]
        else:
            given = [None if g is None else g.copy() for g in drawn]
        solvers[0].update(given, 0.1)
        solvers[1].update(drawn, 0.1)
        for a, b in zip(together, apart, strict=True):
            np.testing.assert_allclose(a.value, b.value, rtol=1e-12 if a.value.dtype == np.float64 else 1e-5)


def test_neighbours_move_in_one_go():
    learnables = in_one_vector([Weights("fc", "Weights", np.ones((3, 2)), 1, k % 2) for k in range(40)])
    solver = make_solver(learnables, trainingOptions("adam"))
    kept = in_one_vector([Weights("fc", "Weights", np.ones((3, 2))) for _ in range(40)])
    for _ in range(2):
        solver.update([p.value for p in kept], 0.1)
    assert [run.value.size for run in solver.runs] == [240]
    assert solver.gradients.copies == []


@pytest.mark.parametrize("stretch", [1 << 16, 7])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["sgdm", "rmsprop", "adam"])
def test_a_still_column_does_not_decay(name, order, stretch, monkeypatch):
    """It gets no gradient; the others, with several factors, move as they do without it."""
    monkeypatch.setattr("dltoolbox.train.flat_parameters.LONGEST_SLOT_RUN", stretch)
    for still in (0, 2, 4):
        start = np.asarray(np.random.default_rng(3).standard_normal((6, 5)), order=order)
        pair = [Weights("e", "Weights", start.copy(order="K"), (1, 2), (1, 0, 3), at) for at in (still, None)]
        solvers = [make_solver([p], trainingOptions(name, L2Regularization=0.1, GradientThreshold=50)) for p in pair]
        for step in range(5):
            (drawn,) = gradients(step, [start])
            drawn[:, still] = 0
            for solver in solvers:
                solver.update([drawn.copy(order="K")], 0.1)
        kept, usual = (p.value for p in pair)
        np.testing.assert_array_equal(kept[:, still], start[:, still])
        assert not np.array_equal(usual[:, still], start[:, still])
        np.testing.assert_allclose(np.delete(kept, still, 1), np.delete(usual, still, 1), rtol=1e-12)


def one(value, factor=1.0, l2=1.0, dtype=np.float64):
    return [Weights("fc", "Weights", np.array(value, dtype), factor, l2)]


def test_velocity_keeps_its_length_when_the_rate_drops():
    p = one([0.0], l2=0)
    solver = make_solver(p, trainingOptions("sgdm", Momentum=0.5))
    solver.update([np.array([1.0])], 1.0)
    solver.update([np.array([1.0])], 0.1)
    assert p[0].value == pytest.approx([-1.0 - 0.1 + 0.5 * -1.0])


def test_factor_zero_freezes_and_counts_in_no_norm():
    frozen, free = one([3.0, 4.0], factor=0)[0], one([1.0])[0]
    options = trainingOptions("sgdm", L2Regularization=1, GradientThreshold=1, GradientThresholdMethod="global-l2norm")
    make_solver([frozen, free], options).update([np.array([1e6, 1e6]), np.array([-0.5])], 1.0)
    assert frozen.value.tolist() == [3, 4]
    assert free.value.tolist() == [0.5]  # −0.5 + decay 1·1 = 0.5, below the threshold


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["sgdm", "rmsprop", "adam"])
def test_rows_with_factors_of_their_own_move_as_if_each_were_a_parameter(name, order):
    random = np.random.default_rng(3)
    rates, decays, start = (1.0, 0.0, 2.0), (0.0, 1.0, 3.0), random.standard_normal((6, 5))
    options = trainingOptions(name, L2Regularization=0.1)
    whole = one(np.array(start, order=order), rates, decays)
    apart = [one(start[2 * i:2 * i + 2], rates[i], decays[i])[0] for i in range(3)]
    solvers = make_solver(whole, options), make_solver(apart, options)
    for _ in range(4):
        g = random.standard_normal(start.shape)
        solvers[0].update([g.copy()], 0.1)
        solvers[1].update([g[2 * i:2 * i + 2].copy() for i in range(3)], 0.1)
    np.testing.assert_allclose(whole[0].value, np.concatenate([p.value for p in apart]), rtol=1e-13)
    np.testing.assert_array_equal(whole[0].value[2:4], start[2:4])


def test_frozen_rows_count_in_no_norm():
    p = one([[3.0], [1.0]], (0.0, 1.0), l2=0)
    options = trainingOptions("sgdm", GradientThreshold=1)
    make_solver(p, options).update([np.array([[np.inf], [0.5]])], 1.0)
    assert p[0].value.tolist() == [[3], [0.5]]


def test_parameter_without_gradient_stays_where_nothing_decays():
    p = one([1.0])
    make_solver(p, trainingOptions("adam", L2Regularization=0)).update([None], 0.1)
    assert p[0].value.tolist() == [1.0]


@pytest.mark.parametrize("name", ["sgdm", "rmsprop", "adam"])
@pytest.mark.parametrize("threshold", [np.inf, 1e-3])
def test_parameter_without_gradient_decays_as_one_with_a_gradient_of_zero(name, threshold):
    """Whether others around it, in one vector of memory, have gradients or not."""
    options = trainingOptions(name, L2Regularization=0.1, GradientThreshold=threshold)

    def trained(unreached):
        values = np.linspace(1, 2, 12)
        learnables = [Weights("a", str(at), values[4 * at:4 * at + 4], 1.0, 1.0) for at in range(3)]
        solver = make_solver(learnables, options)
        for _ in range(5):
            solver.update([np.ones(4), unreached(), np.ones(4)], 0.1)
        return values
    np.testing.assert_allclose(trained(lambda: None), trained(lambda: np.zeros(4)), rtol=1e-14)
    assert (trained(lambda: None)[4:8] < np.linspace(1, 2, 12)[4:8]).all()


# At the limits of single precision -----------------------------------------------------------------------------------
def denormal(vector):
    return bool(((vector != 0) & (np.abs(vector) < np.finfo(vector.dtype).tiny)).any())


@pytest.mark.parametrize(("name", "more"), [
    ("sgdm", {}), ("sgdm", {"Momentum": 0.5}), ("sgdm", {"Momentum": 0}), ("sgdm", {"Momentum": 1}), ("adam", {}),
    ("adam", {"GradientDecayFactor": 0.3, "SquaredGradientDecayFactor": 0.5}), ("rmsprop", {}),
    ("adam", {"GradientDecayFactor": 0})])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_averages_of_dead_units_never_become_denormal(name, more, dtype):
    """Gradients that are zero from the second step on."""
    p = one(np.ones(5), dtype=dtype)
    solver = make_solver(p, trainingOptions(name, L2Regularization=0, **more))
    size = np.array([1, 1e-3, 1e-8, 1e-20, 0]) if dtype == np.float32 else np.array([1, 1e-150, 1e-200, 1e-300, 0])
    for step in range(2500):
        solver.update([(size if step == 0 else np.zeros(5)).astype(dtype)], 0.01)
        if step > solver.period:  # from when it has looked at them once
            assert not any(denormal(average) for run in solver.runs for average in run.averages)
    assert np.isfinite(p[0].value).all()


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_squares_that_overflow_are_a_warning(name):
    p = one(np.ones(3), dtype=np.float32)
    solver = make_solver(p, trainingOptions(name, L2Regularization=0))
    solver.update([np.full(3, 1e19, np.float32)], 0.1)
    with pytest.warns(UserWarning, match="Squared gradients overflow at iteration 2.*squaresOverflow"):
        solver.update([np.full(3, 2e19, np.float32)], 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver.update([np.full(3, 2e19, np.float32)], 0.1)  # said once


@pytest.mark.parametrize("method", ["l2norm", "global-l2norm", "absolute-value"])
@pytest.mark.parametrize("name", ["rmsprop", "adam", "sgdm"])
@pytest.mark.parametrize("size", [2e19, 3e38])
def test_thresholds_see_gradients_whose_squares_overflow(name, method, size):
    """What the warning advises: with a threshold the learnables move, whatever the gradients, and nothing is said."""
    p = one(np.ones(1000), dtype=np.float32)
    options = trainingOptions(name, L2Regularization=0, GradientThreshold=1, GradientThresholdMethod=method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_solver(p, options).update([np.full(1000, size, np.float32)], 0.1)
    small = one(np.ones(1000), dtype=np.float32)
    make_solver(small, options).update([np.full(1000, 1e3, np.float32)], 0.1)
    np.testing.assert_allclose(p[0].value, small[0].value, rtol=1e-6)
    assert (p[0].value < 1).all()


def test_weight_decay_comes_before_clipping():
    p = one([10.0])
    options = trainingOptions("sgdm", L2Regularization=1, GradientThreshold=2)
    make_solver(p, options).update([np.array([0.0])], 1.0)
    assert p[0].value.tolist() == [8.0]


def test_updates_stay_in_the_callers_array():
    p = one([[1.0, 2.0], [3.0, 4.0]])
    value = p[0].value
    for name in ("sgdm", "rmsprop", "adam"):
        make_solver(p, trainingOptions(name)).update([np.ones((2, 2))], 0.1)
    assert p[0].value is value


@pytest.mark.parametrize(("method", "expected"), [
    ("l2norm", ([[1.5, 2.0]], [0.3, 0.4])),                       # 3-4-5 shortened to 2.5; 0.5 is short enough
    ("global-l2norm", ([[3 * 2.5 / 5.024937810560445, 4 * 2.5 / 5.024937810560445]],
                       [0.3 * 2.5 / 5.024937810560445, 0.4 * 2.5 / 5.024937810560445])),  # √(25 + 0.25)
    ("absolute-value", ([[2.5, 2.5]], [0.3, 0.4])),
])
def test_clipping_by_hand(method, expected):
    g = [np.array([[3.0, 4.0]]), np.array([0.3, 0.4])]
    clipping(method, 2.5)(g)
    for got, want in zip(g, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_absolute_value_keeps_signs_and_infinite_threshold_clips_nothing():
    g = [np.array([-3.0, 0.5, 3.0])]
    clipping("absolute-value", 1)(g)
    assert g[0].tolist() == [-1, 0.5, 1]
    assert clipping("l2norm", np.inf) is None


def test_norm_of_an_exploding_float32_gradient_does_not_overflow():
    g = [np.full((10, 10), 1e30, np.float32)]
    clipping("l2norm", 1.0)(g)
    assert norm(g[0]) == pytest.approx(1, rel=1e-6)
    assert norm(np.zeros((0, 3), np.float32)) == 0
    assert norm(np.asfortranarray([[3.0, 0.0], [0.0, 4.0]])) == 5


def test_piecewise_schedule():
    options = trainingOptions("sgdm", LearnRateSchedule="piecewise", InitialLearnRate=0.4, LearnRateDropFactor=0.5,
                              LearnRateDropPeriod=2)
    assert [learn_rate(options, epoch) for epoch in range(1, 7)] == [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]
    options.LearnRateSchedule = "none"
    assert learn_rate(options, 50) == 0.4
