"""Whoever does what a message about data says, word for word, gets home, and with every pixel in its place."""

from itertools import permutations

import numpy as np
import pytest

import dltoolbox as dl
from tests.train.hints import follow

N, SIDES = 7, (6, 5, 4)
OPTIONS = dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False)
LETTERS = ("", "S", "HW", "HWD")
NORMALISED = {"Normalization": "none"}


def images(rank, channels, count=N):
    """Every element another number, so that none can be in a wrong place unseen."""
    shape = (*SIDES[:rank], channels, count)
    return np.arange(float(np.prod(shape))).reshape(shape) / np.prod(shape)


def input_of(rank, channels):
    factory = (None, None, dl.imageInputLayer, dl.image3dInputLayer)[rank]
    size = [*SIDES[:rank], channels]
    return factory(size, **NORMALISED) if factory else dl.inputLayer([*size, np.nan], "SCB")


def line(rank, channels):
    return [input_of(rank, channels), dl.fullyConnectedLayer(2), dl.regressionLayer]


def in_order(X, rank, order):
    """Images in another order; a dimension that is not in it has size 1."""
    usual = f"{LETTERS[rank]}CN"
    missing = tuple(axis for axis, letter in enumerate(usual) if letter not in order)
    return np.squeeze(X, missing).transpose([[letter for letter in usual if letter in order].index(letter)
                                             for letter in order])


def orders(rank, channels):
    """As other tools and people store images: channels and observations anywhere, sides swapped, no channels."""
    space = LETTERS[rank]
    inner = {space, space[::-1], "DHW" if rank == 3 else space}
    for blocks in permutations("SCN"):
        for sides in sorted(inner):
            yield "".join(sides if block == "S" else block for block in blocks)
    if channels == 1:
        yield from (order for sides in sorted(inner) for order in (f"N{sides}", f"{sides}N"))


LAYOUTS = [(rank, channels, order) for rank in (1, 2, 3) for channels in (1, 2, 3) for order in orders(rank, channels)
           if order != f"{LETTERS[rank]}CN"]
SWAPPED = [(rank, order) for rank, channels, order in LAYOUTS if channels == 2 and order.endswith("CN") and order[0] in "WD"]


@pytest.fixture(scope="module")
def networks():
    return {(rank, channels): dl.dlnetwork([input_of(rank, channels), dl.fullyConnectedLayer(2)])
            for rank in (1, 2, 3) for channels in (1, 2, 3)}


@pytest.mark.parametrize(("rank", "channels", "order"), LAYOUTS)
def test_orders_of_dimensions(rank, channels, order, networks):
    X = images(rank, channels)
    end = follow(lambda s: dl.predict(s.net, s.X), {"X": in_order(X, rank, order), "net": networks[rank, channels]},
                 meant="×".join(order))
    assert len(end["hints"]) == 1
    np.testing.assert_array_equal(end["X"], X)


def train(s):
    return dl.trainNetwork(s.X, s.Y, s.layers, OPTIONS)


@pytest.mark.parametrize(("rank", "order"), [*SWAPPED, (2, "NCHW"), (3, "NCDHW"), (1, "NSC")])
def test_orders_of_dimensions_in_training(rank, order):
    X = images(rank, 2)
    end = follow(train, {"X": in_order(X, rank, order), "Y": np.ones((N, 2)), "layers": line(rank, 2)}, "×".join(order))
    assert len(end["hints"]) == 1
    np.testing.assert_array_equal(end["X"], X)


@pytest.mark.parametrize("order", ["NHWC", "NCHW", "CHWN", "WHCN"])
def test_orders_of_validation_data(order):
    X, Y = images(2, 3), np.ones((N, 2))

    def script(s):
        return dl.trainNetwork(X, Y, line(2, 3), dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False,
                                                                    ValidationData=(s.XValidation, Y)))
    end = follow(script, {"XValidation": in_order(X, 2, order)}, "×".join(order))
    np.testing.assert_array_equal(end["XValidation"], X)


@pytest.mark.parametrize("form", [list, np.ndarray.tolist, lambda X: np.stack(list(X)), lambda X: list(X.astype(np.uint8))])
def test_lists_of_images(form):
    X = np.round(255 * images(2, 3))
    end = follow(train, {"X": form(np.moveaxis(X, -1, 0)), "Y": np.ones((N, 2)), "layers": line(2, 3)}, "N×H×W×C")
    np.testing.assert_array_equal(end["X"], X)


PREDICTIONS = {"predict": lambda s: dl.predict(s.net, s.X), "classify": lambda s: dl.classify(s.net, s.X),
               "activations": lambda s: dl.activations(s.net, s.X, "fc"),
               "semanticseg": lambda s: dl.semanticseg(s.I, s.segmenter)}


@pytest.fixture(scope="module")
def trained():
    X, Y = images(2, 1), dl.categorical(["a", "b"] * 3 + ["a"])
    net = dl.trainNetwork(X, Y, [input_of(2, 1), dl.fullyConnectedLayer(2), dl.softmaxLayer, dl.classificationLayer],
                          OPTIONS)
    segmenter = dl.trainNetwork(X, dl.categorical(np.where(X[:, :, 0] > 0.5, "a", "b")), [
        input_of(2, 1), dl.convolution2dLayer(1, 2), dl.softmaxLayer, dl.pixelClassificationLayer], OPTIONS)
    return {"net": net, "segmenter": segmenter}


@pytest.mark.parametrize("function", PREDICTIONS)
@pytest.mark.parametrize("order", ["NHW", "HWN", "NCHW", "NHWC"])
def test_orders_in_prediction(function, order, trained):
    X, name = images(2, 1), "I" if function == "semanticseg" else "X"
    end = follow(PREDICTIONS[function], {name: in_order(X, 2, order), **trained}, "×".join(order))
    np.testing.assert_array_equal(end[name], X)


# Colours and sizes ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["HWCN", "NHWC", "NCHW"])
@pytest.mark.parametrize(("have", "want"), [(1, 3), (3, 1), (4, 3), (4, 1), (2, 1), (2, 3)])
def test_other_channels(have, want, order):
    X = images(2, have)
    end = follow(train, {"X": in_order(X, 2, order), "Y": np.ones((N, 2)), "layers": line(2, want)}, "×".join(order))
    kept = X[:, :, :have - 1] if have in (2, 4) else X
    colours = kept if kept.shape[2] == want else kept.mean(2, keepdims=True) if want == 1 else np.repeat(kept, 3, 2)
    np.testing.assert_array_equal(end["X"], colours)
    assert len(end["hints"]) == 1


@pytest.mark.parametrize("order", ["HWCN", "NHWC", "NCHW", "NHW", "HWN"])
@pytest.mark.parametrize("want", [1, 3])
def test_other_sizes(want, order):
    """Also with other channels; the middle of what is resized is what was there."""
    X = np.broadcast_to(np.linspace(0, 1, 12)[:, None, None, None], (12, 10, 1, N)) + np.arange(N)
    end = follow(train, {"X": in_order(X, 2, order), "Y": np.ones((N, 2)), "layers": line(2, want)}, "×".join(order))
    assert end["X"].shape == (6, 5, want, N)
    np.testing.assert_allclose(end["X"], np.broadcast_to(np.linspace(0, 1, 6)[:, None, None, None], (6, 5, want, N)) +
                               np.arange(N), atol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.longdouble])
def test_other_sizes_of_any_type(dtype):
    end = follow(train, {"X": np.ones((12, 10, 1, N), dtype), "Y": np.ones((N, 2)), "layers": line(2, 1)})
    np.testing.assert_array_equal(end["X"], np.ones((6, 5, 1, N)))


@pytest.mark.parametrize("shape", [(6, 5, 3, N), (12, 10, 1, N), (9, 9, 3, N), (6, 5, 7, N)])
def test_new_layers_take_other_images(shape):
    """What is said of the input layer holds, too."""
    space = {"X": np.ones(shape), "Y": np.ones((N, 2)), "layers": line(2, 1)}
    end = follow(train, space, meant="For new layers,")
    assert end["layers"][0].InputSize == shape[:3]


def test_several_sizes_in_a_list():
    X = [np.ones((6 + n % 2, 5 + n, 3)) for n in range(N)]
    end = follow(train, {"X": X, "Y": np.ones((N, 2)), "layers": line(2, 3)})
    assert end["X"].shape == (6, 5, 3, N)


# Rows of pixels -------------------------------------------------------------------------------------------------------
ROWS = {
    "row by row": lambda X: np.moveaxis(X, -1, 0).reshape(N, -1),
    "row by row with": lambda X: np.moveaxis(X, -1, 0).reshape(N, -1),
    "channel by channel": lambda X: X.transpose(3, 2, 0, 1).reshape(N, -1),
    "column by column": lambda X: X.reshape(-1, N, order="F").T,
}


@pytest.mark.parametrize(("channels", "way"), [(1, "row by row"), (1, "column by column"), (3, "row by row with"),
                                               (3, "channel by channel"), (3, "column by column")])
@pytest.mark.parametrize("form", [lambda X: X, np.transpose, np.ndarray.tolist])
def test_flat_images(channels, way, form):
    X = images(2, channels)
    end = follow(train, {"X": form(ROWS[way](X)), "Y": np.ones((N, 2)), "layers": line(2, channels)}, way)
    np.testing.assert_array_equal(end["X"], X)


def test_rows_with_their_label_first():
    X = images(2, 1)
    rows = np.hstack([np.ones((N, 1)), ROWS["row by row"](X)])
    end = follow(train, {"X": rows, "Y": np.ones((N, 2)), "layers": line(2, 1)})
    np.testing.assert_array_equal(end["X"], X)


@pytest.mark.parametrize("way", ["row by row", "column by column"])
def test_one_flat_image(way, networks):
    X = images(2, 1, 1)
    flat = X.ravel("C" if way == "row by row" else "F")
    end = follow(lambda s: dl.predict(s.net, s.X), {"X": flat, "net": networks[2, 1]}, way)
    np.testing.assert_array_equal(end["X"], X)
