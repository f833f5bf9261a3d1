"""Batch normalisation kernels where float32 is at its limits, and where a batch is cut into shards that meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

from dltoolbox.kernels import KERNELS, Kernel, KernelSpec
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.testing import Trial, bind_alone
from dltoolbox.ops import OPS, Call
from tests.kernels.test_kernels import expected, usable, use_of
from tests.ops.chains import CHAINS
from tests.ops.samples import cotangent, dims_of, observations, op_of

BATCH_NORMS = usable("batch_norm")
ORDERS = {"rows": rows_order, "channels_last": channels_last_order}
EPSILON = 1e-5


def sample(shape: tuple[int, ...], mean: float, spread: float) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) * spread + mean).astype(np.float32)


def bound(kernel: Kernel, x: np.ndarray, order: str, grad: np.ndarray | None = None, scale: float = 1.5) -> Trial:
    """The kernel at ``x``, with one scale and an offset of −0.5."""
    parameters = [np.full(x.shape[-2], value, x.dtype) for value in (scale, -0.5)]
    axes = (ORDERS[order](x.ndim), (0,), (0,))
    case = KernelSpec("batch_norm", tuple(dims_of(a) for a in (x, *parameters)), tuple(dims_of(a) for a in (x, *parameters)),
                      axes, {"epsilon": EPSILON}, x.dtype, (True,) * 3)
    return bind_alone(kernel, case, [x, *parameters], grads=None if grad is None else [grad, None, None])


def exact(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(a.astype(np.float64) for a in arrays)


@pytest.mark.parametrize("kernel", BATCH_NORMS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("mean", "spread"), [(0, 1), (1e3, 1), (1e4, 0.5), (-3e5, 10), (1e-8, 1e-8)])
@pytest.mark.parametrize("shape", [(14, 13, 5, 16), (3, 40, 9), (5, 64)])
def test_statistics_at_the_limits(kernel: Kernel, shape: tuple[int, ...], mean: float, spread: float, order: str) -> None:
    grad = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    trial = bound(kernel, sample(shape, mean, spread), order, grad)
    y, m, v = trial.forward()
    inputs = exact(trial.site.inputs)
    wanted = OPS["batch_norm"].forward(*inputs, epsilon=EPSILON)
    np.testing.assert_allclose(m, wanted[1], rtol=1e-6, atol=1e-6 * spread)
    np.testing.assert_allclose(v, wanted[2], rtol=1e-4, atol=1e-15)
    np.testing.assert_allclose(y, wanted[0], atol=1e-4)
    gradients = OPS["batch_norm"].backward(Call(inputs, wanted, (True,) * 3), grad.astype(np.float64), None, None,
                                           epsilon=EPSILON)
    for a, b in zip(trial.backward(), gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


@pytest.mark.parametrize("kernel", BATCH_NORMS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(("rows", "mean"), [(20, 1e4), (400, 3e4)])
def test_a_first_row_far_from_the_mean(kernel: Kernel, rows: int, mean: float) -> None:
    """A dark border must not ruin the variance."""
    x = sample((rows, 20, 3, 8), mean, 1)
    x[0] = 0
    variance = bound(kernel, x, "rows").forward()[2]
    np.testing.assert_allclose(variance, x.astype(np.float64).var((0, 1, 3)), rtol=1e-4)


@pytest.mark.parametrize("kernel", BATCH_NORMS, ids=lambda one: type(one).__name__)
def test_a_constant_channel_has_no_variance(kernel: Kernel) -> None:
    y, mean, variance = bound(kernel, np.full((6, 5, 2, 4), 7, np.float32), "rows").forward()
    assert mean.tolist() == [7, 7]
    assert variance.tolist() == [0, 0]
    np.testing.assert_array_equal(y, -0.5)


BEHIND = [pytest.param(kernel, chain, id=f"{type(kernel).__name__}-{chain}") for chain in CHAINS
          for kernel in KERNELS.get(chain.op, []) if chain.op in ("batch_norm+relu", "batch_norm+add+relu")
          and kernel.accepts(use_of(chain, 2))]


@pytest.mark.parametrize(("kernel", "chain"), BEHIND)
def test_gates_far_from_zero(kernel: Kernel, chain: Any) -> None:
    """What a ReLU lets through is the same on the way back, in batches of long rows too."""
    first, *others = chain.inputs(65)
    inputs = [first + 1e4, *others]
    op, attrs = op_of(chain), chain.attributes(65)
    outputs = op.forward(*inputs, **attrs)
    grads = [cotangent(chain, outputs[0])[0], None, None]
    case = use_of(chain, 65)
    wanted = op.backward(Call(tuple(inputs), outputs, case.needs_input_grad), *grads, **attrs)
    trial = bind_alone(kernel, case, inputs, grads=grads)
    np.testing.assert_allclose(trial.forward()[0], outputs[0], atol=1e-6)
    for found, expected_one in zip(trial.backward(), wanted, strict=True):
        if found is not None:
            np.testing.assert_allclose(found, expected_one, rtol=1e-6, atol=1e-6 * np.abs(expected_one).max())


def together(trials: Sequence[Trial], action: Callable[[Trial], Any]) -> None:
    """Run an action on every shard in a thread of its own; their meetings add up."""
    barrier, waiting = Barrier(len(trials)), []

    def all_reduce(array: np.ndarray) -> None:
        waiting.append(array)
        barrier.wait()
        total = sum(waiting)
        barrier.wait()
        array[...] = total
        if barrier.wait() == 0:
            waiting.clear()
        barrier.wait()

    errors: list[BaseException] = []

    def work(trial: Trial) -> None:
        try:
            action(trial)
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    for trial in trials:
        trial.site.all_reduce = all_reduce
    threads = [Thread(target=work, args=(trial,)) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


SHARDED = [pytest.param(kernel, chain, id=f"{type(kernel).__name__}-{chain}") for chain in CHAINS
           for kernel in KERNELS.get(chain.op, [])
           if chain.op.partition("+")[0] == "batch_norm" and kernel.accepts(use_of(chain, 2))]


@pytest.mark.parametrize(("kernel", "chain"), SHARDED)
def test_shards_of_different_sizes_agree_with_the_whole_batch(kernel: Kernel, chain: Any) -> None:
    outputs, gradients, grads = expected(chain, 5, np.float64)
    inputs, trials = chain.inputs(5), []
    cuts = slice(0, 2), slice(2, 5)
    for cut in cuts:
        part = [None if g is None else g[..., cut] for g in grads]
        kinds = [y.dtype for y in outputs]
        whole = use_of(chain, cut.stop - cut.start)
        trials.append(bind_alone(kernel, whole, observations(chain, inputs, cut), kinds, part))
    together(trials, Trial.forward)
    together(trials, Trial.backward)
    for cut, trial in zip(cuts, trials, strict=True):
        for found, wanted in zip(trial.site.outputs, outputs, strict=True):
            batched = found.ndim > 1 and found.shape[-2] == 4
            np.testing.assert_allclose(found, wanted[..., cut] if batched else wanted, rtol=1e-10, atol=1e-10)
        for i in chain.batched:
            np.testing.assert_allclose(trial.site.grad_inputs[i], gradients[i][..., cut], rtol=1e-9, atol=1e-9)
    for i in set(chain.differentiable) - set(chain.batched):
        total = sum(trial.site.grad_inputs[i] for trial in trials)
        np.testing.assert_allclose(total, gradients[i], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kernel", usable("group_norm"), ids=lambda kernel: type(kernel).__name__)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("mean", "spread"), [(0, 1), (3.9, 1), (5, 1), (1e4, 1), (0, 0), (7, 0)])
def test_groups_far_from_zero_keep_their_digits(kernel: Kernel, order: str, mean: float, spread: float) -> None:
    """From four deviations on, data are centred before they are squared."""
    attrs = {"groups": 3, "epsilon": EPSILON}
    for shape in ((9, 7, 6, 1), (9, 7, 6, 8), (40, 6, 12), (5, 4, 3, 6, 9)):
        x = sample(shape, mean, spread)
        inputs = [x, *(sample((6,), 1, 0.2) for _ in range(2))]
        dims = tuple(dims_of(a) for a in inputs)
        case = KernelSpec("group_norm", dims, dims[:1], (ORDERS[order](x.ndim), (0,), (0,)), attrs, x.dtype, (True,) * 3)
        if not kernel.accepts(case):
            continue
        grad = sample(shape, 0, 1)
        trial = bind_alone(kernel, case, inputs, grads=[grad])
        found = [*trial.forward(), *trial.backward()]
        y = OPS["group_norm"].forward(*exact(inputs), **attrs)
        wanted = [y, *OPS["group_norm"].backward(Call(exact(inputs), (y,), (True,) * 3), grad.astype(float), **attrs)]
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=3e-5, atol=3e-5 * max(1, np.abs(b).max()))
