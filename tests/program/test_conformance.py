"""Every registered layer inside a network: derivatives, PyTorch, memory orders, untouched inputs, any batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dltoolbox import maxNumCompThreads
from dltoolbox.core.random import rng as restart
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.base import LAYERS, Learnable, State
from dltoolbox.network.lowering.lower import lower
from dltoolbox.program.model import Model
from dltoolbox.testing.derivatives import differences, gradient_error, memory_orders, probes_of
from tests.program.case import Case, back, there
from tests.program.cases import CASES
from tests.program.networks import everything

pytestmark = pytest.mark.network

each = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_registered_layer_has_a_case() -> None:
    assert {case.layer for case in CASES} == set(FACTORIES) == set(LAYERS)
    assert len({str(case) for case in CASES}) == len(CASES)


def differentiated(model: Model, inputs: Any, targets: Any) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of inputs and learnables in training mode; dropout draws the same every time."""
    restart(0)
    loss, learnables, of_inputs = model.gradients(inputs, targets)
    found = {key.name: value for key, value in learnables.items()}
    of_inputs = of_inputs or [np.zeros_like(x) for x in inputs]  # behind an op without a gradient
    return loss, found | {f"x{number}": value for number, value in enumerate(of_inputs)}


def training_loss(model: Model, inputs: Any, targets: Any) -> float:
    """As `differentiated`, without the way back."""
    restart(0)
    return model.run("gradients", inputs, targets).loss


def problem(case: Case, dtype: Any, batch: int = 3) -> tuple[Model, list[np.ndarray], list[np.ndarray]]:
    model, inputs = case.model(dtype), case.inputs(batch, dtype)
    return model, inputs, case.targets(model.predict(inputs)[0].shape, dtype)


@each
def test_gradients_are_the_derivatives(case: Case) -> None:
    model, inputs, targets = problem(case, np.float64)
    loss, found = differentiated(model, inputs, targets)
    variables = {p.name: p.value for p in model.parameters} | {f"x{i}": x.copy() for i, x in enumerate(inputs)}
    still = {p.name: p.still for p in model.parameters}
    moved = [variables[f"x{i}"] for i in range(len(inputs))]
    if case.indices is not None:  # which have no neighbours
        variables = {name: value for name, value in variables.items() if name in still}
    for name, variable in variables.items():
        assert found[name].shape == variable.shape
        probes = probes_of(variable, still=still.get(name))
        expected = differences(lambda: training_loss(model, moved, targets), variable, probes)
        error, tolerance = gradient_error(found[name], expected, probes, loss)
        assert error < tolerance, name


@pytest.mark.oracle
@each
def test_agrees_with_pytorch(case: Case) -> None:
    model, inputs, targets = problem(case, np.float32)
    tensors = [torch.from_numpy(np.array(x)).requires_grad_() for x in inputs]
    arrays = {key.name: torch.from_numpy(np.array(v)).requires_grad_() for key, v in model.arrays.items()
              if key.layer == "layer"}

    def theirs(training: bool) -> torch.Tensor:
        return back(case.theirs(*map(there, tensors), arrays, training))

    (predicted,) = model.predict(inputs)
    wanted = theirs(False).detach().numpy()
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    if case.layer in ("dropoutLayer", "spatialDropoutLayer"):
        restart(0)
        mask = model.step(inputs, targets).predictions[0] / inputs[0]
        np.testing.assert_allclose(np.unique(np.round(mask, 4)), [0, 1.3333])
        arrays["mask"] = there(torch.from_numpy(mask))
    if case.layer.startswith("stochastic"):
        restart(0)
        arrays["drawn"] = there(torch.from_numpy(model.step(inputs, targets).predictions[0]))
    loss, found = differentiated(model, inputs, targets)
    their_loss = case.loss(theirs(True), torch.from_numpy(targets[0]))
    their_loss.backward()
    assert np.isclose(loss, float(their_loss.detach()), rtol=1e-4)
    variables = {f"x{i}": t for i, t in enumerate(tensors)} | {p.name: arrays[p.name] for p in model.parameters}
    largest = max(float(tensor.grad.abs().max()) for tensor in variables.values() if tensor.grad is not None)
    for name, tensor in variables.items():
        expected = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        scale = max(np.abs(expected).max(), 1e-2 * largest, 1e-3)  # that of a bias of keys is zero but for rounding
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-4 * scale)


@each
def test_memory_order_does_not_matter_and_inputs_stay(case: Case) -> None:
    model, inputs, targets = problem(case, np.float64)
    (wanted,), (loss, gradients) = model.predict(inputs), differentiated(model, inputs, targets)
    others = [memory_orders(x) for x in inputs]
    for order in others[0]:
        turned = [other[order] for other in others]
        np.testing.assert_allclose(model.predict(turned)[0], wanted, rtol=1e-12, atol=1e-12)
        again, found = differentiated(model, turned, targets)
        assert np.isclose(again, loss, rtol=1e-12)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(found[name], gradient, rtol=1e-10, atol=1e-10)
        for x, y in zip(inputs, turned, strict=True):
            np.testing.assert_array_equal(x, y)


@each
def test_a_batch_is_its_observations_joined(case: Case) -> None:
    model, inputs = case.model(np.float64), case.inputs(4)
    (together,) = model.predict(inputs)
    singles = [model.predict([x[..., at:at + 1] for x in inputs])[0] for at in range(4)]
    np.testing.assert_allclose(np.concatenate(singles, -1), together, rtol=1e-12, atol=1e-12)
    (nothing,) = model.predict([x[..., :0] for x in inputs])
    assert nothing.shape == (*together.shape[:-1], 0)


@each
def test_the_fast_program_is_the_plain_program(case: Case) -> None:
    fast, plain = case.model(np.float64), case.model(np.float64, fast=False)
    inputs = case.inputs(3)
    targets = case.targets(plain.predict(inputs)[0].shape)
    np.testing.assert_allclose(fast.predict(inputs)[0], plain.predict(inputs)[0], rtol=1e-11, atol=1e-11)
    (a, mine), (b, theirs) = differentiated(fast, inputs, targets), differentiated(plain, inputs, targets)
    assert np.isclose(a, b, rtol=1e-12)
    assert mine.keys() == theirs.keys()
    for name, gradient in theirs.items():
        np.testing.assert_allclose(mine[name], gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@each
def test_every_layer_on_several_threads(case: Case, batch: int) -> None:
    plain, inputs = case.model(np.float64, fast=False), case.inputs(batch, np.float64)
    targets = case.targets(plain.predict(inputs)[0].shape, np.float64)
    expected = everything(plain, inputs, targets)
    for threads in (1, 2, 3):
        maxNumCompThreads(threads)
        found = everything(case.model(np.float64), inputs, targets)
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * max(1, np.abs(b).max(initial=0)))


@each
def test_a_page_names_its_learnables_and_states_before_any_size_is_known(case):
    """A dlnetwork lists them by these names, whether it has values or not."""
    for info in lower(case.graph()).layers:
        assert info.layer.learnables == tuple(array.name for array in info.arrays if isinstance(array, Learnable))
        if info.layer.inputs():  # statistics of the data are no state of the network
            assert info.layer.states == tuple(array.name for array in info.arrays if isinstance(array, State))
