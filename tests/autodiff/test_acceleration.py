"""Accelerated functions: replays equal the function itself for other values, and what cannot be replayed is noticed."""

import warnings

import numpy as np
import pytest

import dltoolbox as dl

FUNCTIONS = {
    "powers": lambda x, y: x ** 2 + np.abs(x) ** 1.5 + 2.0 ** y,
    "maximum": np.maximum,
    "clip": lambda x, y: np.clip(x, -0.5, 0.5) * y,
    "where": lambda x, y: np.where(x > y, x * y, y),
    "sorted": lambda x, y: np.sort(x, 0) * y,
    "largest": lambda x, y: np.max(x, 1) + y[:, 0],
    "taken": lambda x, y: np.take_along_axis(x, np.argsort(y, 0), 0) * y,
    "indexed": lambda x, y: x[1:, ::2] * y[:-1, ::2],
    "chosen": lambda x, y: x[np.argmax(y, 0), [0, 1, 2, 3]] * y[0],
    "joined": lambda x, y: np.concatenate([x, y[::-1]]),
    "norm": lambda x, y: np.linalg.norm(x * y, axis=0),
    "products": lambda x, y: x @ y.T @ x,
    "solved": lambda x, y: np.linalg.solve(x @ x.T + 5 * np.eye(3), y),
    "deviations": lambda x, y: np.std(x, 0) / (1 + np.var(y)),
    "sums": lambda x, y: np.cumsum(x * y, 1),
    "words": lambda x, y: np.exp(np.sin(x)) / (1 + np.tanh(y)),
    "einsum": lambda x, y: np.einsum("ij,kj->ik", x, y),
    "padded": lambda x, y: np.pad(x, 1)[1:-1, 1:-1] * y,
    "rounded": lambda x, y: x * np.floor(3 * y) + y,
    "labelled": lambda x, y: dl.dlarray(x, "CB") + dl.dlarray(y[:, 0], "C"),
}


def assigned(x, y):
    z = x * 1
    z[1] = y[0]
    return z * z


FUNCTIONS["assigned"] = assigned


def data(seed):
    random = np.random.default_rng(seed)
    return [dl.dlarray(random.standard_normal((3, 4))) for _ in range(2)]


def with_gradient(function):
    def loss(x, y):
        z = np.sum(function(x, y) ** 2)
        return z, dl.dlgradient(z, x, y)
    return loss


@pytest.mark.parametrize("name", FUNCTIONS)
def test_replays_equal_the_function(name):
    loss = with_gradient(FUNCTIONS[name])
    accelerated = dl.dlaccelerate(loss)
    for seed in range(3):
        plain, replayed = (dl.dlfeval(f, *data(seed)) for f in (loss, accelerated))
        for a, b in zip([plain[0], *plain[1]], [replayed[0], *replayed[1]], strict=True):
            np.testing.assert_allclose(dl.extractdata(b), dl.extractdata(a), rtol=1e-12, atol=1e-12)
            assert a.dims == b.dims
    assert accelerated.HitRate == pytest.approx(200 / 3)


def test_gradients_from_outside():
    """An accelerated function in a larger one; twice differentiated, too."""
    accelerated = dl.dlaccelerate(lambda x, y: np.sin(x) * y)

    def loss(x, y, f):
        g = dl.dlgradient(np.sum(f(x, y) ** 2), x, EnableHigherDerivatives=True)
        return dl.dlgradient(np.sum(g ** 2) + np.sum(f(x, y)), x, y)
    for seed in range(3):
        plain, replayed = (dl.dlfeval(loss, *data(seed), f) for f in (accelerated.Function, accelerated))
        for a, b in zip(plain, replayed, strict=True):
            np.testing.assert_allclose(dl.extractdata(b), dl.extractdata(a), atol=1e-12)


def test_large_arrays_in_blocks_and_results_of_ones_own():
    accelerated = dl.dlaccelerate(lambda x, b: (np.tanh(x * 2 + b) * np.exp(-x * x) + 1 / (1 + x * x), x.T + 1))
    results = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        x, b = (dl.dlarray(random.standard_normal(shape, np.float32)) for shape in ((40, 9000), (40, 1)))
        results.append((accelerated(x, b), accelerated.Function(x, b)))
    for replayed, plain in results:
        for a, b in zip(replayed, plain, strict=True):
            np.testing.assert_allclose(dl.extractdata(a), dl.extractdata(b), rtol=1e-6)


def network():
    return dl.dlnetwork([dl.imageInputLayer([6, 6, 1], Normalization="none"), dl.convolution2dLayer(3, 4),
                         dl.batchNormalizationLayer, dl.reluLayer, dl.fullyConnectedLayer(2), dl.softmaxLayer])


def model_loss(net, X, T):
    Y, state = dl.forward(net, X, nargout=2)
    loss = -np.sum(T * np.log(Y)) / 5
    return loss, dl.dlgradient(loss, net.Learnables), state


def test_networks_with_new_values_and_states():
    accelerated, first = dl.dlaccelerate(model_loss), network()
    nets = [first, dl.dlnetwork(first)]
    for seed in range(4):
        X = dl.dlarray(np.random.default_rng(seed).random((6, 6, 1, 5), np.float32), "SSCB")
        T = dl.dlarray(np.eye(2, dtype=np.float32)[:, [0, 1, 1, 0, 1]], "CB")
        for at, f in enumerate((model_loss, accelerated)):
            _, gradients, state = dl.dlfeval(f, nets[at], X, T)
            nets[at].State = state
            nets[at], _ = dl.sgdmupdate(nets[at], gradients, [], 0.1)
        for a, b in zip(*([*net.Learnables.Value, *net.State.Value] for net in nets), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert accelerated.HitRate == 75


def test_dropout_draws_afresh():
    net = dl.dlnetwork([dl.featureInputLayer(50), dl.dropoutLayer(0.5)])
    accelerated = dl.dlaccelerate(lambda net, X: dl.forward(net, X))
    X = dl.dlarray(np.ones((50, 4)), "CB")
    drawn = [dl.extractdata(accelerated(net, X)) for _ in range(3)]
    assert accelerated.HitRate > 60
    assert not np.array_equal(drawn[1], drawn[2])


def test_constants_around_the_function():
    scale = 2.0
    accelerated = dl.dlaccelerate(lambda x, factor: x * scale * factor)
    x = dl.dlarray([1.0])
    assert [float(accelerated(x, factor)) for factor in (1, 2, 1)] == [2, 4, 2]
    scale = 3.0
    assert float(accelerated(x, 1)) == 3
    assert accelerated.HitRate == 25


def decides(x):
    return x if np.sum(x) > 0 else -x


def draws(x):
    return x * np.random.random(x.shape)  # noqa: NPY002


def takes_out(x):
    return x * float(np.max(x))


@pytest.mark.parametrize("function", [decides, draws, takes_out])
def test_what_depends_on_values_is_noticed_and_runs_as_it_is(function):
    accelerated = dl.dlaccelerate(function)
    with pytest.warns(UserWarning, match=r"cannot be accelerated: what it does depends on .*\. It runs as it is\."):
        accelerated(dl.dlarray([1.0, -3.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = accelerated(dl.dlarray([4.0, -1.0]))
    assert accelerated.HitRate == 0
    if function is not draws:
        assert result.tolist() == function(dl.dlarray([4.0, -1.0])).tolist()


def test_choices_by_where_can_be_accelerated():
    """The advice of the warning."""
    accelerated = dl.dlaccelerate(lambda x: np.where(np.sum(x) > 0, x, -x))
    for x in ([1.0, -3.0], [4.0, -1.0], [-4.0, 1.0]):
        assert accelerated(dl.dlarray(x)).tolist() == decides(dl.dlarray(x)).tolist()
    assert accelerated.HitRate > 60


def test_check_mode():
    count = [0.0]

    class Counter:
        def __call__(self, x):
            count[0] += 1
            return x * count[0]
    accelerated = dl.dlaccelerate(Counter(), CheckMode="tolerance")
    x = dl.dlarray([1.0, 2.0])
    accelerated(x)
    with pytest.raises(dl.DltoolboxError, match="clearCache") as caught:
        accelerated(x)
    assert caught.value.identifier == "dltoolbox:dlaccelerate:checkFailed"
    steady = dl.dlaccelerate(np.exp, CheckMode="tolerance")
    assert [steady(x).tolist() for _ in range(2)] == [np.exp([1.0, 2.0]).tolist()] * 2


def test_the_cache():
    accelerated = dl.dlaccelerate(np.exp, CacheSize=2)
    for count in (1, 2, 3, 1):
        accelerated(dl.dlarray(np.ones(count)))
    assert (accelerated.HitRate, accelerated.Occupancy) == (0, 100)
    dl.clearCache(accelerated)
    assert accelerated.Occupancy == 0
    accelerated.Enabled = False
    accelerated(dl.dlarray([1.0]))
    assert accelerated.Occupancy == 0
