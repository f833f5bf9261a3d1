"""Quick forms of activations, and their twins: how accurate the fitted GELU is, and what they make of infinities and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from dltoolbox.core.dims import Dims
from dltoolbox.kernels import KERNELS, Kernel, KernelSpec, numba_support
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call
from tests.ops.test_activation import USES

SINGLE = np.dtype(np.float32)
FITTED: dict[str, Any] = {"approximation": "none"}


def usable_for(op: str, attrs: dict[str, Any], dims: Dims, dtype: np.dtype) -> list[Kernel]:
    return [one for one in KERNELS[op] if (not one.accelerator or numba_support.available())
            and one.accepts(spec_of(op, attrs, dims, dtype))]


def spec_of(op: str, attrs: dict[str, Any], dims: Dims, dtype: np.dtype) -> KernelSpec:
    return KernelSpec(op, (dims,), (dims,), (tuple(range(len(dims.sizes))),), attrs, dtype, (True,))


def tried(one: Kernel, attrs: dict[str, Any], x: np.ndarray) -> Trial:
    trial = bind_alone(one, spec_of(one.op, attrs, Dims.of("CB", *x.shape), x.dtype), [x], grads=[np.ones_like(x)])
    trial.forward()
    trial.backward()
    return trial


GELUS = [pytest.param(one, id=type(one).__name__) for one in usable_for("gelu", FITTED, Dims.of("CB", 1, 1), SINGLE)]


def dense(kind: type[np.floating[Any]] = np.float32) -> np.ndarray:
    """Numbers from −100 to 100, and many where the function bends and where it fades away."""
    parts = [np.linspace(-100, 100, 2_000_001), np.linspace(-8, 8, 1_600_001), np.geomspace(1e-30, 1e-3, 1000),
             -np.geomspace(1e-30, 1e-3, 1000)]
    return np.concatenate(parts).astype(kind).reshape(1, -1)


@pytest.mark.parametrize("one", GELUS)
def test_the_fitted_gelu_is_accurate(one: Kernel) -> None:
    x = dense()
    trial, exact = tried(one, FITTED, x), x.astype(float)
    below, density = ndtr(exact), np.exp(-0.5 * exact * exact) / np.sqrt(2 * np.pi)
    (y,), (slope,) = trial.site.outputs, trial.site.grad_inputs
    for found, wanted, least in ((y, exact * below, 2e-7), (slope, below + exact * density, 5e-7)):
        assert found is not None
        error = np.abs(found - wanted)
        worst = x[error > np.maximum(3e-6 * np.abs(wanted), least)]
        assert worst.size == 0, f"{worst.size} numbers from {worst.min()} to {worst.max()}, off by up to {error.max()}"


@pytest.mark.parametrize("attrs", [FITTED, {"approximation": "tanh"}], ids=str)
def test_gelu_in_double_and_by_its_tanh_are_those_of_the_op(attrs: dict[str, Any]) -> None:
    kinds = [np.float64, np.float32] if attrs["approximation"] == "tanh" else [np.float64]
    for kind in kinds:
        x = np.linspace(-8, 8, 4001, dtype=kind).reshape(1, -1)
        for one in usable_for("gelu", attrs, Dims.of("CB", *x.shape), x.dtype):
            np.testing.assert_array_equal(tried(one, attrs, x).site.outputs[0], OPS["gelu"].forward(x, **attrs))


FAR = np.array([-np.inf, -1e30, -89, -87.5, -5, -0.0, 0.0, 1, 87.5, 89, 1e30, np.inf, np.nan]).reshape(-1, 1)
KINDS = [pytest.param(one, attrs, kind, id=f"{type(one).__name__}-{op}-{attrs}-{kind}")
         for kind in (np.float32, np.float64) for op, attrs in USES
         for one in usable_for(op, attrs, Dims.of("CB", *FAR.shape), np.dtype(kind))]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("one", "attrs", "kind"), KINDS)
def test_infinities_and_nan_are_those_of_the_op(one: Kernel, attrs: dict[str, Any], kind: type) -> None:
    x = FAR.astype(kind)
    y = OPS[one.op].forward(x, **attrs)
    (slope,) = OPS[one.op].backward(Call((x,), (y,), (True,)), np.ones_like(x), **attrs)
    trial = tried(one, attrs, x)
    for found, wanted in ((trial.site.outputs[0], y), (trial.site.grad_inputs[0], slope)):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
