"""Initial values: their published distributions, the user's own, and what is refused."""

from math import sqrt

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    assembleNetwork,
    classificationLayer,
    complexToRealLayer,
    convolution2dLayer,
    dlnetwork,
    fullyConnectedLayer,
    groupedConvolution2dLayer,
    imageInputLayer,
    inputLayer,
    layerGraph,
    predict,
    realToComplexLayer,
    regressionLayer,
    rng,
    softmaxLayer,
    transposedConv2dLayer,
)
from dltoolbox.layers.base import LAYERS as PAGES
from dltoolbox.network.lowering.initialise import initial_arrays
from dltoolbox.network.networks import lower_checked
from dltoolbox.ops import ParameterKey


def initial(layer, name="Weights", dtype="float64"):
    """The initial value of an array of a layer that is fed 16 channels of 8×8."""
    layer.Name = "layer"
    lgraph = layerGraph([imageInputLayer([8, 8, 16]), layer, regressionLayer])
    return initial_arrays(lower_checked(lgraph), dtype)[ParameterKey("layer", name)]


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


@pytest.mark.parametrize("factor", [[2, 2], [3, 2], [4, 5]])
def test_bilinear_start_interpolates_every_channel_by_itself(factor):
    x = np.random.default_rng(0).standard_normal((5, 6, 2, 1)).astype(np.float32)
    size = [2 * n - n % 2 for n in factor]
    up = transposedConv2dLayer(size, 2, Stride=factor, Cropping="same", WeightsInitializer="bilinear")
    found, expected = predict(dlnetwork([imageInputLayer([5, 6, 2], Normalization="none"), up]), x), x
    for axis, n in enumerate(factor):
        length = x.shape[axis]
        at = (np.arange(n * length) + 0.5) / n - 0.5  # centres of the new pixels, in old ones
        expected = np.apply_along_axis(lambda line, at=at, n=length: np.interp(at, np.arange(n), line), axis, expected)
    inner = tuple(slice(n, -n) for n in factor)  # at the border, zeros outside count
    np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-5, atol=1e-6)


def test_bilinear_filters_of_odd_size_have_one_centre():
    weights = initial(transposedConv2dLayer([1, 3], 2, WeightsInitializer="bilinear"))
    np.testing.assert_array_equal(weights[..., 1, 1], [[0.5, 1, 0.5]])
    assert weights.sum() == 2 * 2


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


def test_all_that_a_finished_network_lacks_is_reported():
    layers = [imageInputLayer([4, 4, 6], Normalization="none"), fullyConnectedLayer(2, Weights=np.ones((2, 96)), Name="fc"),
              softmaxLayer, classificationLayer(Name="end")]
    with pytest.raises(DltoolboxError) as caught:
        assembleNetwork(layers)
    assert [(issue.identifier, issue.layer) for issue in caught.value.issues] == [
        ("dltoolbox:network:missingValue", "fc"), ("dltoolbox:network:missingClasses", "end")]


def test_groups_are_settled_where_a_network_is_finished():
    weights, bias = np.ones((1, 1, 1, 2, 6)), np.zeros((1, 1, 2, 6))
    net = assembleNetwork([imageInputLayer([4, 4, 6], Normalization="none"),
                           groupedConvolution2dLayer(1, 2, "channel-wise", Weights=weights, Bias=bias), regressionLayer])
    assert (net.Layers[1].NumGroups, net.Layers[1].NumChannelsPerGroup) == (6, 1)


# Every initialiser of every layer ---------------------------------------------------------------------------------------
INITIALISERS = [(factory, name) for factory, page in PAGES.items() for name in page.properties
                if name.endswith("Initializer")]
GIVEN = {"groupedConvolution2dLayer": [3, 2, 2], "groupNormalizationLayer": [2], "selfAttentionLayer": [2, 4],
         "lstmProjectedLayer": [3, 2, 2], "gruProjectedLayer": [3, 2, 2], "embeddingConcatenationLayer": [],
         "complexFullyConnectedLayer": [3]}
ENTERING = {"CBT": ([4, None, None], "CBT"), "SSCB": ([5, 6, 4, None], "SSCB"), "SSSCB": ([5, 6, 7, 4, None], "SSSCB"),
            "words": ([1, None, None], "CBT")}


def started(factory, name, function):
    """The initial values of a layer of which one kind starts by a function."""
    cls = PAGES[factory]
    count = sum(prop.positional for prop in cls.properties.values())
    layer = cls(*GIVEN.get(factory, [3] * count), Name="layer", **{name: function})
    enters = ("words" if factory in ("wordEmbeddingLayer", "embeddingLayer") else "SSSCB" if "3d" in factory else
              "SSCB" if "2d" in factory or factory == "patchEmbeddingLayer" else "CBT")
    around = ([realToComplexLayer], [complexToRealLayer]) if factory.startswith("complex") else ([], [])
    lgraph = layerGraph([inputLayer(*ENTERING[enters]), around[0], layer, around[1], regressionLayer])
    lowered = lower_checked(lgraph)
    return lowered.layers[1 + len(around[0])].arrays, initial_arrays(lowered, "float64")


@pytest.mark.parametrize(("factory", "name"), INITIALISERS)
def test_every_initialiser_may_be_a_function_of_the_size(factory, name):
    asked = []

    def counted(size):
        asked.append(size)
        return np.arange(np.prod(size)).reshape(size)
    declared, arrays = started(factory, name, counted)
    mine = [array for array in declared if array.name.endswith(name.removesuffix("Initializer"))]
    mine = mine if name.startswith(("Weights", "Bias")) else [one for one in mine if f"{one.name}Initializer" == name]
    assert mine
    assert sorted(asked) == sorted(array.shape for array in mine)
    for array in mine:
        np.testing.assert_array_equal(arrays[ParameterKey("layer", array.name)], counted(array.shape))


@pytest.mark.parametrize(("factory", "name"), INITIALISERS)
def test_every_initialiser_says_what_it_needs(factory, name):
    for wrong in (lambda size: np.zeros((*size, 2)), lambda size: "x", lambda size: np.full(size, np.inf)):
        with pytest.raises(DltoolboxError, match=r"Layer .layer. \([23]\): The initialiser of \w+ returned ") as caught:
            started(factory, name, wrong)
        assert {*caught.value.identifiers} == {f"dltoolbox:{factory}:invalidInitializer"}
        assert "Return an array of the size that the function is called with" in str(caught.value)


@pytest.mark.parametrize("factory", sorted({factory for factory, _ in INITIALISERS}))
def test_every_learnable_has_one(factory):
    parts = [name.removesuffix("Initializer") for one, name in INITIALISERS if one == factory]
    count = sum(prop.positional for prop in PAGES[factory].properties.values())
    learnables = PAGES[factory](*GIVEN.get(factory, [3] * count)).learnables
    assert learnables
    assert [one for one in learnables if not one.endswith(tuple(parts))] == []
