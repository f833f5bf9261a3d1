"""Whoever does what a message about labels, responses or tables says, word for word, gets home."""

import numpy as np
import pytest

import dltoolbox as dl
from tests.train.hints import Frame, follow

N = 8
X = np.random.default_rng(0).random((6, 6, 1, N))
CODES = np.arange(N) % 2
Y = dl.categorical(CODES, [0, 1], ["a", "b"])
PIXELS = dl.categorical(np.where(X[:, :, 0] > 0.5, "a", "b"))
INPUT = dl.imageInputLayer([6, 6, 1])
FEATURES = np.random.default_rng(1).random((N, 3))


def classifier(width=2, **output):
    return [INPUT, dl.fullyConnectedLayer(width), dl.softmaxLayer, dl.classificationLayer(**output)]


def segmenter(width=2):
    return [INPUT, dl.convolution2dLayer(3, width, Padding="same"), dl.softmaxLayer, dl.pixelClassificationLayer]


def line(width=1):
    return [INPUT, dl.fullyConnectedLayer(width), dl.regressionLayer]


TO_IMAGES = [INPUT, dl.convolution2dLayer(1, 1), dl.regressionLayer]
OF_FEATURES = [dl.featureInputLayer(3), dl.fullyConnectedLayer(2), dl.softmaxLayer, dl.classificationLayer]


def quiet(**options):
    return dl.trainingOptions("sgdm", MaxEpochs=1, Verbose=False, **options)


def train(s):
    return dl.trainNetwork(s.X, s.Y, s.layers, quiet())


def trained_on(Y, layers=None, X=X, meant=""):
    """The way home, and the labels at its end."""
    end = follow(train, {"X": X, "Y": Y, "layers": layers or classifier()}, meant)
    assert end["hints"]
    return end


# Labels that are no categorical ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("labels", [CODES, CODES.astype(float), CODES.tolist(), CODES[:, None], CODES[None], CODES + 0.5])
def test_numbers_become_categories(labels):
    end = trained_on(labels, meant="If they are labels" if np.any(np.asarray(labels) % 1) else "")
    assert np.asarray(end["Y"].codes).ravel().tolist() == CODES.tolist()


def test_numbers_of_regression():
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.trainNetwork(X, np.linspace(0, 1, N), classifier(), quiet())
    assert "end the network with fullyConnectedLayer(1) and regressionLayer" in caught.value.issues[0].hint
    dl.trainNetwork(X, np.linspace(0, 1, N), [INPUT, dl.fullyConnectedLayer(1), dl.regressionLayer], quiet())


ONE_HOT = np.eye(2)[CODES]


@pytest.mark.parametrize("labels", [ONE_HOT, ONE_HOT.T, ONE_HOT.astype(int), ONE_HOT.astype(bool), ONE_HOT.tolist(),
                                    np.float32([[0.7, 0.3], [0.2, 0.8]])[CODES], ONE_HOT.T[None, None],
                                    dl.categorical(ONE_HOT), dl.categorical(ONE_HOT.astype(int).tolist())])
def test_one_hot_labels(labels):
    end = trained_on(labels)
    assert end["Y"].codes.ravel().tolist() == CODES.tolist()
    assert len(end["hints"]) == 1


@pytest.mark.parametrize("kind", [float, bool])
def test_one_hot_columns_of_a_table(kind):
    """As pandas.get_dummies makes them; the columns are the classes."""
    end = trained_on(Frame(cat=ONE_HOT[:, 0].astype(kind), dog=ONE_HOT[:, 1].astype(kind)))
    assert end["Y"].tolist() == [["cat", "dog"][code] for code in CODES]


@pytest.mark.parametrize("labels", [Y, list(Y.tolist()), np.asarray(Y), np.asarray(Y)[:, None], Y.reshape(1, -1),
                                    np.asarray(Y, object), CODES == 1])
def test_labels_that_need_no_hint(labels):
    assert follow(train, {"X": X, "Y": labels, "layers": classifier()})["hints"] == []


@pytest.mark.parametrize("K", [2, 3])
def test_one_hot_pixels(K):
    codes = np.random.default_rng(0).integers(0, K, (6, 6, N))
    end = trained_on(np.moveaxis(np.eye(K)[codes], -1, 2), segmenter(K))
    np.testing.assert_array_equal(end["Y"].codes, codes)
    end = trained_on(np.moveaxis(np.eye(K)[codes], 2, 0), segmenter(K))  # N×H×W×K, Keras' order
    np.testing.assert_array_equal(end["Y"].codes, codes)


# Labels that are missing ----------------------------------------------------------------------------------------------
MISSING = np.where(np.arange(N) == 3, "", np.asarray(Y))


@pytest.mark.parametrize("labels", [dl.categorical(MISSING), MISSING, MISSING.tolist(),
                                    np.ma.array(np.asarray(Y), mask=np.arange(N) == 3),
                                    np.where(np.arange(N) == 3, np.nan, CODES)])
@pytest.mark.parametrize("features", [False, True])
def test_observations_without_label(labels, features):
    predictors = FEATURES if features else X
    end = trained_on(labels, OF_FEATURES if features else None, predictors)
    keep = np.arange(N) != 3
    np.testing.assert_array_equal(end["X"], predictors[keep] if features else predictors[..., keep])
    assert len(end["Y"]) == N - 1


def test_one_class_and_the_rest_undefined():
    assert set(trained_on(dl.categorical(CODES, [1], ["road"]))["Y"].categories) == {"road", "background"}
    assert set(trained_on(["road", None] * 4)["Y"].categories) == {"road", "background"}
    pixels = dl.categorical(PIXELS.codes, [1], ["background"])
    assert set(trained_on(pixels, segmenter())["Y"].categories) == {"background", "other"}


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predictors_that_are_not_finite(bad, form):
    end = trained_on(Y, X=form(np.where(np.arange(N) == 3, bad, X)))
    np.testing.assert_array_equal(end["X"], X[..., np.arange(N) != 3])
    end = trained_on(Y.tolist(), OF_FEATURES, form(np.where(np.arange(N)[:, None] == 3, bad, FEATURES)))
    assert len(end["X"]) == len(end["Y"]) == N - 1
    assert trained_on(Y, X=form(np.full_like(X, bad)))["X"].max() == 0


@pytest.mark.parametrize(("responses", "layers"), [(FEATURES[:, 0], line()), (FEATURES[:, :1], line()), (FEATURES, line(3)),
                                                   (X, TO_IMAGES)])
def test_responses_that_are_not_finite(responses, layers):
    bad = responses.copy()
    bad[(3,) if responses is not X else np.s_[0, 0, 0, 3]] = np.nan
    end = trained_on(bad, layers)
    assert end["X"].shape[-1] == N - 1
    assert np.isfinite(end["Y"]).all()
    assert len(trained_on(bad.tolist(), layers)["hints"]) == 1


def test_beyond_single_precision():
    assert np.abs(trained_on(Y, X=X * 1e300)["X"]).max() == 1
    assert np.abs(trained_on(FEATURES[:, 0] * 1e300, line())["Y"]).max() == 1


# Label images ---------------------------------------------------------------------------------------------------------
RECTANGULAR = dl.categorical(np.arange(6 * 5 * N).reshape(6, 5, N) % 7 % 3)


@pytest.mark.parametrize("order", ["NHW", "NWH", "WHN", "NCHW", "NHWC", "WHCN", "CHWN"])
@pytest.mark.parametrize("form", [lambda L: L, np.asarray, lambda L: np.asarray(L).tolist(),
                                  lambda L: np.asarray(L).astype(int)])
def test_orders_of_label_images(order, form):
    layers = [dl.imageInputLayer([6, 5, 1]), dl.convolution2dLayer(1, 3), dl.softmaxLayer, dl.pixelClassificationLayer]
    usual = "HWCN" if "C" in order else "HWN"
    given = RECTANGULAR.reshape([{"H": 6, "W": 5, "C": 1, "N": N}[letter] for letter in usual])
    end = trained_on(form(given.transpose([usual.index(letter) for letter in order])), layers, np.ones((6, 5, 1, N)),
                     "×".join(order))
    labels = end["Y"] if isinstance(end["Y"], dl.categorical) else dl.categorical(end["Y"])
    np.testing.assert_array_equal(labels.codes.reshape(6, 5, N), RECTANGULAR.codes)


def test_label_images_of_another_size():
    large = dl.categorical(np.repeat(np.repeat(np.asarray(PIXELS), 2, 0), 3, 1))
    np.testing.assert_array_equal(trained_on(large, segmenter())["Y"].codes, PIXELS.codes)


def test_labels_of_images_for_pixels_and_of_pixels_for_images():
    """Layers are named that the network is to end with."""
    with pytest.raises(dl.DltoolboxError, match="convolution2dLayer") as caught:
        dl.trainNetwork(X, PIXELS, classifier(), quiet())
    assert "convolution2dLayer(1, 2), softmaxLayer and pixelClassificationLayer" in caught.value.issues[0].hint
    dl.trainNetwork(X, PIXELS, [INPUT, dl.convolution2dLayer(1, 2), dl.softmaxLayer, dl.pixelClassificationLayer], quiet())
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.trainNetwork(X, Y, segmenter(), quiet())
    named = "globalAveragePooling2dLayer, fullyConnectedLayer(2), softmaxLayer and classificationLayer"
    assert named in caught.value.issues[0].hint
    dl.trainNetwork(X, Y, [*segmenter()[:-2], dl.globalAveragePooling2dLayer, dl.fullyConnectedLayer(2), dl.softmaxLayer,
                           dl.classificationLayer], quiet())


# Classes --------------------------------------------------------------------------------------------------------------
THREE = dl.categorical(["a", "b", "c", "a"] * 2)


@pytest.mark.parametrize(("labels", "layers"), [(THREE, classifier()), (Y, classifier(3)),
                                                (dl.categorical(np.resize(THREE.codes, (6, 6, N))), segmenter())])
def test_another_number_of_classes(labels, layers):
    end = trained_on(labels, layers)
    assert set(end["result"].Layers[-1].Classes) == {*labels.categories}
    assert end["result"].Layers[1].call().arguments == end["layers"][1].call().arguments


def test_a_category_that_does_not_occur():
    end = trained_on(dl.categorical(CODES, [0, 1, 2], ["a", "b", "c"]), meant="or drop")
    assert end["Y"].categories == ["a", "b"]


@pytest.mark.parametrize("labels", [dl.categorical(CODES, [0, 1], ["x", "y"]), dl.categorical(["x", "y", "z", "x"] * 2),
                                    dl.categorical(["a", "y"] * 4)])
def test_retraining_on_other_classes(labels):
    old = dl.trainNetwork(X, Y, classifier(), quiet())
    end = trained_on(labels, old.Layers)
    assert set(end["result"].Layers[-1].Classes) == {*labels.categories}


def test_numbers_for_classes_with_names():
    end = trained_on(CODES, classifier(Classes=["a", "b"]))
    assert end["Y"].tolist() == Y.tolist()
    assert trained_on(CODES + 1, classifier(Classes=["a", "b"]))["Y"].tolist() == Y.tolist()
    assert trained_on(CODES, classifier(Classes=["0", "1"]))["Y"].tolist() == [*map(str, CODES)]


# Responses ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("responses", [FEATURES.T, FEATURES[:, None], FEATURES.reshape(N, 3, 1), FEATURES.T.reshape(3, 1, N),
                                       FEATURES.T.tolist(), FEATURES.astype(str), FEATURES.astype(object)])
def test_vectors_of_responses(responses):
    end = trained_on(responses, line(3))
    np.testing.assert_allclose(end["Y"], FEATURES)


@pytest.mark.parametrize(("width", "responses"), [(2, FEATURES), (2, FEATURES[:, 0]), (1, FEATURES)])
def test_another_number_of_responses(width, responses):
    end = trained_on(responses, line(width))
    assert dl.predict(end["result"], X).shape[1] == responses.reshape(N, -1).shape[1]
    if responses.ndim == 2 and width < 3:
        assert trained_on(responses, line(width), meant="Or choose")["Y"].shape == (N, width)


@pytest.mark.parametrize("order", ["NHW", "NCHW", "NHWC", "HWN", "CHWN"])
@pytest.mark.parametrize("form", [lambda T: T, np.ndarray.tolist])
def test_orders_of_image_responses(order, form):
    T = np.random.default_rng(2).random((6, 5, 1, N))
    given = T.transpose(["HWCN".index(letter) for letter in order]) if "C" in order else T[:, :, 0].transpose(
        ["HWN".index(letter) for letter in order])
    layers = [dl.imageInputLayer([6, 5, 1]), dl.convolution2dLayer(1, 1), dl.regressionLayer]
    np.testing.assert_array_equal(trained_on(form(given), layers, np.ones((6, 5, 1, N)), "×".join(order))["Y"], T)


def test_image_responses_of_another_size():
    assert trained_on(np.ones((12, 12, 1, N)), TO_IMAGES)["Y"].shape == (6, 6, 1, N)


def test_labels_for_regression():
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.trainNetwork(X, Y, line(), quiet())
    assert "fullyConnectedLayer(2), softmaxLayer and classificationLayer" in caught.value.issues[0].hint
    assert trained_on(dl.categorical(CODES), line(), meant="If they are numbers")["Y"].tolist() == CODES.tolist()


@pytest.mark.parametrize("complex_data", ["X", "Y"])
def test_complex_numbers(complex_data):
    end = trained_on(FEATURES[:, 0] * (1j if complex_data == "Y" else 1), line(), X * (1j if complex_data == "X" else 1))
    assert not np.iscomplexobj(end[complex_data])


# Arrays of other kinds ------------------------------------------------------------------------------------------------
class Tensor:
    """What a tensor looks like that requires gradients: NumPy cannot read it as it is."""

    def __init__(self, array, detached=False):
        self.array, self.detached = array, detached

    def detach(self):
        return Tensor(self.array, detached=True)

    def cpu(self):
        return self

    def numpy(self):
        return self.array

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def of_arrays(parts):
    made = np.empty(len(parts), object)
    made[:] = parts
    return made


@pytest.mark.parametrize("given", [Tensor(X), X.astype(str), X.astype(object), X.tolist(), X.astype(object).tolist(),
                                   of_arrays([X[..., n] for n in range(N)]), of_arrays([X[:, :, 0, n] for n in range(N)])])
def test_other_kinds_of_arrays(given):
    end = follow(train, {"X": given, "Y": Y, "layers": classifier()})
    np.testing.assert_array_equal(end["X"], X)


@pytest.mark.parametrize("given", [np.ma.array(X, mask=X > 0.9), [np.ma.array(X[..., n], mask=X[..., n] > 0.9)
                                                                  for n in range(N)]])
def test_masked_elements(given):
    end = trained_on(Y, X=given)
    np.testing.assert_array_equal(end["X"], np.where(X > 0.9, 0, X))
    masked = np.ma.array(FEATURES[:, 0], mask=CODES)
    np.testing.assert_array_equal(trained_on(masked, line())["Y"], masked.filled(0))


def test_features_as_columns():
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, FEATURES.T)["X"], FEATURES)
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, FEATURES.T.tolist())["X"], FEATURES)
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, FEATURES.ravel())["X"], FEATURES)
    images = FEATURES[:, :, None]
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, images)["X"], FEATURES)
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, FEATURES.T.reshape(1, 3, 1, N))["X"], FEATURES)


def test_another_number_of_features():
    wide = np.hstack([FEATURES, FEATURES])
    np.testing.assert_array_equal(trained_on(Y, OF_FEATURES, wide)["X"], FEATURES)
    assert trained_on(Y, OF_FEATURES, wide, meant="For new layers,")["layers"][0].InputSize == 6
    assert trained_on(Y, OF_FEATURES, FEATURES[:, :2])["layers"][0].InputSize == 2


# Validation data ------------------------------------------------------------------------------------------------------
def validate(s):
    return dl.trainNetwork(X, Y, classifier(), quiet(ValidationData=(s.XValidation, s.YValidation)))


VALIDATION = {
    "numbers": (X, CODES), "numbers from one": (X, CODES + 1), "one-hot": (X, ONE_HOT), "not finite":
    (np.where(np.arange(N) == 3, np.nan, X), Y), "no label": (X, MISSING), "an unknown class":
    (X, dl.categorical(["a", "z"] * 4)), "other names": (X, dl.categorical(["0", "1"] * 4)),
    "everything": (np.where(np.arange(N) == 3, np.nan, X).transpose(3, 0, 1, 2).tolist(), CODES.tolist())}


@pytest.mark.parametrize("case", VALIDATION)
def test_validation_data(case):
    XValidation, YValidation = VALIDATION[case]
    end = follow(validate, {"XValidation": XValidation, "YValidation": YValidation})
    assert end["hints"]
    assert {*end["YValidation"].tolist()} <= {"a", "b"}


def test_empty_validation_data():
    for predictors, labels, layers in ((X[..., :0], Y[:0], classifier()), (FEATURES[:0], Y[:0], OF_FEATURES)):
        data = FEATURES if layers is OF_FEATURES else X
        with pytest.raises(dl.DltoolboxError) as caught:
            dl.trainNetwork(data, Y, layers, quiet(ValidationData=(predictors, labels)))
        size = "6×6×1×0" if data is X else "0×3"
        assert caught.value.issues[0].message == f"X of ValidationData is empty ({size})."
        assert caught.value.issues[0].hint == "Leave ValidationData out, or pass ValidationData=[]."
    dl.trainNetwork(X, Y, classifier(), quiet(ValidationData=[]))


# Tables ---------------------------------------------------------------------------------------------------------------
COLUMNS = {"size": FEATURES[:, 0], "age": FEATURES[:, 1], "rooms": FEATURES[:, 2]}


def of_table(s):
    return dl.trainNetwork(s.tbl, s.layers, quiet())


@pytest.mark.parametrize("kind", [Frame, dl.core.table.Table])
def test_a_table_of_features(kind):
    table = kind(**COLUMNS, label=np.asarray(Y).tolist())
    dl.rng(0)
    net = dl.trainNetwork(table, OF_FEATURES, quiet(ValidationData=table))
    dl.rng(0)
    same = dl.trainNetwork(FEATURES, Y, OF_FEATURES, quiet(ValidationData=(FEATURES, Y)))
    np.testing.assert_array_equal(net.Layers[1].Weights, same.Layers[1].Weights)
    assert net.Layers[-1].Classes == ("a", "b")
    named = dl.trainNetwork(kind(label=np.asarray(Y).tolist(), **COLUMNS), "label", OF_FEATURES, quiet())
    assert named.Layers[-1].Classes == ("a", "b")
    two = dl.trainNetwork(kind(**COLUMNS), ["age", "rooms"], [dl.featureInputLayer(1), dl.fullyConnectedLayer(2),
                                                              dl.regressionLayer], quiet())
    assert dl.predict(two, FEATURES[:, :1]).shape == (N, 2)


TABLES = {"text among the predictors": Frame(city=["x"] * N, **COLUMNS, label=np.asarray(Y)),
          "two of them": Frame(city=["x"] * N, **COLUMNS, street=["x"] * N, label=np.asarray(Y)),
          "numbers as labels": Frame(**COLUMNS, label=CODES), "a column too few": Frame(size=[1.0] * N, label=np.asarray(Y)),
          "not finite": Frame(**COLUMNS | {"age": np.where(CODES * np.arange(N) == 1, np.nan, 1.0)}, label=np.asarray(Y)),
          "infinite": Frame(**COLUMNS | {"age": np.where(CODES * np.arange(N) == 1, np.inf, 1.0)}, label=np.asarray(Y))}


@pytest.mark.parametrize("case", TABLES)
def test_tables_with_problems(case):
    end = follow(of_table, {"tbl": TABLES[case], "layers": OF_FEATURES})
    assert end["hints"]
    assert len(end["result"].Layers[-1].Classes) == 2


def test_columns_of_text_in_a_table_of_predictors():
    end = trained_on(Y, OF_FEATURES, Frame(**COLUMNS, label=np.asarray(Y)))
    assert end["hints"] == ["Drop it: X.drop(columns='label')."]
    net = end["result"]
    assert follow(lambda s: dl.classify(s.net, s.X), {"X": Frame(**COLUMNS, label=np.asarray(Y)), "net": net})["hints"]
    assert follow(train, {"X": FEATURES, "Y": Frame(other=CODES, label=np.asarray(Y)), "layers": OF_FEATURES})["hints"]


def test_tables_that_cannot_be():
    for table, responses, identifier in ((Frame(**COLUMNS), ["price"], "unknownColumn"),
                                         (Frame(**COLUMNS, label=np.asarray(Y)), [], "tableOfFeatures")):
        with pytest.raises(dl.DltoolboxError) as caught:
            dl.trainNetwork(table, *responses, OF_FEATURES if responses else classifier(), quiet())
        assert caught.value.identifier == f"dltoolbox:trainNetwork:{identifier}"
