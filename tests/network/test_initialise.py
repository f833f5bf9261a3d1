"""Initial values: their published distributions, the user's own, and what is refused."""

from math import sqrt

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    assembleNetwork,
    convolution2dLayer,
    fullyConnectedLayer,
    groupedConvolution2dLayer,
    imageInputLayer,
    layerGraph,
    regressionLayer,
    rng,
    transposedConv2dLayer,
)
from dltoolbox.network.initialise import initial_arrays
from dltoolbox.network.networks import checked
from dltoolbox.ops import ParameterKey


def initial(layer, name="Weights", dtype="float64"):
    """The initial value of an array of a layer that is fed 16 channels of 8×8."""
    layer.Name = "layer"
    lgraph = layerGraph([imageInputLayer([8, 8, 16]), layer, regressionLayer])
    return initial_arrays(checked(lgraph), dtype)[ParameterKey("layer", name)]


LAYERS = {  # the layer, its fan-in and its fan-out
    "convolution": (lambda how: convolution2dLayer([3, 5], 32, WeightsInitializer=how), 15 * 16, 15 * 32),
    "transposed convolution": (lambda how: transposedConv2dLayer([3, 5], 32, WeightsInitializer=how), 15 * 16, 15 * 32),
    "grouped convolution": (lambda how: groupedConvolution2dLayer([3, 5], 32, 2, WeightsInitializer=how), 15 * 8, 15 * 32),
    "fully connected": (lambda how: fullyConnectedLayer(100, WeightsInitializer=how), 1024, 100),
}


@pytest.mark.parametrize("name", LAYERS)
def test_glorot_and_he_take_the_fans_of_the_layer(name):
    make, fan_in, fan_out = LAYERS[name]
    limit = sqrt(6 / (fan_in + fan_out))
    uniform = initial(make("glorot"))
    assert 0.99 * limit < np.abs(uniform).max() <= limit
    assert uniform.std() == pytest.approx(limit / sqrt(3), rel=0.03)
    assert initial(make("he")).std() == pytest.approx(sqrt(2 / fan_in), rel=0.03)
    assert initial(make("narrow-normal")).std() == pytest.approx(0.01, rel=0.03)


@pytest.mark.parametrize("outputs", [100, 1024, 1500])
def test_orthogonal_matrices(outputs):
    q = initial(fullyConnectedLayer(outputs, WeightsInitializer="orthogonal"))
    product = q @ q.T if outputs <= 1024 else q.T @ q
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-10)


def test_every_group_has_an_orthogonal_matrix():
    weights = initial(groupedConvolution2dLayer(3, 4, 8, WeightsInitializer="orthogonal"))
    for group in range(8):
        q = weights[..., group].reshape(-1, 4)
        np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-10)


def test_constants_functions_and_given_values():
    assert (initial(fullyConnectedLayer(3, WeightsInitializer="ones")) == 1).all()
    assert (initial(fullyConnectedLayer(3, BiasInitializer="narrow-normal"), "Bias") != 0).all()
    sizes = []
    initial(fullyConnectedLayer(3, WeightsInitializer=lambda size: (sizes.append(size), np.zeros(size))[1]))
    assert sizes == [(3, 1024)]
    assert initial(fullyConnectedLayer(3, Bias=[1, 2, 3]), "Bias").tolist() == [[1], [2], [3]]


def test_the_seed_repeats_them():
    first = initial(fullyConnectedLayer(3))
    assert not np.array_equal(initial(fullyConnectedLayer(3)), first)
    rng(0)
    assert np.array_equal(initial(fullyConnectedLayer(3)), first)


@pytest.mark.parametrize(("result", "got"), [
    (np.zeros((1024, 3)), "float64 values of size 1024×3"), ("x", "<U1 values of size 1×1"), ([[1], [1, 2]], "uneven rows"),
    (np.full((3, 1024), np.nan), "finite numbers of size 3×1024"),
])
def test_functions_must_return_what_is_needed(result, got):
    with pytest.raises(DltoolboxError, match=got) as caught:
        initial(fullyConnectedLayer(3, WeightsInitializer=lambda size: result))
    assert caught.value.identifier == "dltoolbox:fullyConnectedLayer:invalidInitializer"


def test_groups_are_settled_where_a_network_is_finished():
    weights, bias = np.ones((1, 1, 1, 2, 6)), np.zeros((1, 1, 2, 6))
    net = assembleNetwork([imageInputLayer([4, 4, 6], Normalization="none"),
                           groupedConvolution2dLayer(1, 2, "channel-wise", Weights=weights, Bias=bias), regressionLayer])
    assert (net.Layers[1].NumGroups, net.Layers[1].NumChannelsPerGroup) == (6, 1)
