"""The sample data sets: sizes, ranges, counts, determinism, and that their labels say what the data show."""

import numpy as np
import pytest
from scipy import ndimage

from dltoolbox.data import (
    countcats,
    digitTest4DArrayData,
    digitTrain4DArrayData,
    gearboxFeatures,
    samples,
    shapeVolumes,
    triangleImages,
)

SYNTHETIC = [triangleImages, shapeVolumes, gearboxFeatures]


@pytest.fixture(scope="module")
def digits():
    return digitTrain4DArrayData(nargout=3), digitTest4DArrayData(nargout=3)


def test_digits_sizes_and_ranges(digits):
    for X, Y, angles in digits:
        assert X.shape == (28, 28, 1, 5000)
        assert X.dtype == np.float32
        assert X.flags.c_contiguous
        assert X.min() == 0
        assert 0.9 < X.max() <= 1
        assert Y.categories == list("0123456789")
        assert countcats(Y).tolist() == [500] * 10
        assert angles.shape == (5000, 1)
        assert np.array_equal(angles, angles.round())
        assert (angles.min(), angles.max()) == (-45, 45)


def test_digits_outputs_and_determinism(digits, refused):
    X, Y, _ = digits[0]
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    again, labels = digitTrain4DArrayData(nargout=2)
    assert np.array_equal(again, X)
    assert (labels == Y).all()
    assert np.array_equal(digitTest4DArrayData(), digits[1][0])
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    with refused("digitTrain4DArrayData:nargout"):
        digitTrain4DArrayData(nargout=4)
    with refused("digitTest4DArrayData:nargout"):
        digitTest4DArrayData(nargout=0)


def test_digits_order_is_mixed(digits):
    for _, Y, _ in digits:
        batches = Y.codes[:4992].reshape(-1, 128)
        assert min(len(set(batch)) for batch in batches.tolist()) >= 9


def test_digits_train_and_test_are_disjoint():
    plans = [samples._digit_plan(half) for half in (0, 1)]
    assert not set(plans[0][0]) & set(plans[1][0])
    for sources, angles in plans:
        assert len(set(zip(sources, angles, strict=True))) == 5000
        assert np.bincount(sources).max() <= 2


@pytest.mark.parametrize("half", [0, 1])
def test_digits_show_their_source_at_their_angle(digits, half):
    X, Y, angles = digits[half]
    sources, planned = samples._digit_plan(half)
    with np.load(samples.DIGITS_FILE) as file:
        originals, labels = file["images"][sources] / 255, file["labels"][sources]
    assert np.array_equal(planned, angles[:, 0])
    assert np.array_equal(labels, Y.codes)
    for at in np.flatnonzero(np.abs(angles[:, 0]) >= 30)[:50]:
        back, further = (_turned(X[:, :, 0, at], sign * angles[at, 0]) for sign in (-1, 1))
        assert np.corrcoef(back.ravel(), originals[at].ravel())[0, 1] > 0.9
        assert np.corrcoef(further.ravel(), originals[at].ravel())[0, 1] < 0.8


def _turned(image, degrees):
    """The image turned counterclockwise, written down from the definition: each pixel fetches its source."""
    angle, middle = np.deg2rad(degrees), (np.array(image.shape) - 1) / 2
    up, right = middle[0] - np.arange(28)[:, None], np.arange(28)[None, :] - middle[1]
    source_right = np.cos(angle) * right + np.sin(angle) * up
    source_up = np.cos(angle) * up - np.sin(angle) * right
    return ndimage.map_coordinates(image, [middle[0] - source_up, middle[1] + source_right], order=1)


def test_positive_angles_turn_counterclockwise():
    hand = np.zeros((2, 28, 28), np.float32)
    hand[:, 13:15, 14:26] = 1  # points to the right
    up, down = samples._rotated(hand, np.array([45, -45]))
    assert up[8, 19] > 0.5 > up[19, 19]
    assert down[19, 19] > 0.5 > down[8, 19]


@pytest.mark.parametrize("make", SYNTHETIC)
def test_synthetic_determinism(make):
    first, labels = make(9, nargout=2)
    again, same = make(9, Seed=0, nargout=2)
    assert np.array_equal(first, again)
    assert (labels == same).all()
    assert np.array_equal(make(9), first)
    assert not np.array_equal(make(9, Seed=1), first)
    assert first.dtype == np.float32
    assert first.flags.c_contiguous


@pytest.mark.parametrize("make", SYNTHETIC)
@pytest.mark.parametrize(("arguments", "options", "reason"), [
    ((0,), {}, "invalidNum"), ((2.5,), {}, "invalidNum"), (("many",), {}, "invalidNum"),
    ((5,), {"Seed": -1}, "invalidSeed"), ((5,), {"nargout": 4}, "nargout"),
])
def test_synthetic_refusals(make, arguments, options, reason):
    with pytest.raises(ValueError, match=rf"\[dltoolbox:{make.__name__}:{reason}"):
        make(*arguments, **options)


def test_synthetic_size_refusals(refused):
    with refused("triangleImages:invalidImageSize"):
        triangleImages(2, 4)
    with refused("shapeVolumes:invalidVolumeSize"):
        shapeVolumes(2, [16, 16])


def test_triangles():
    X, labels = triangleImages(50, 24, nargout=2)
    assert X.shape == (24, 24, 1, 50)
    assert labels.shape == (24, 24, 50)
    assert labels.categories == ["triangle", "background"]
    assert X.min() >= 0
    assert X.max() <= 1
    inside = labels == "triangle"
    area = inside.mean(axis=(0, 1))
    assert area.min() > 0.02
    assert area.max() < 0.4
    assert X[:, :, 0][inside].mean() > 0.6 > 0.2 > X[:, :, 0][~inside].mean()
    for axis in (0, 1):  # a convex shape: no row or column leaves and enters it again
        assert (np.diff(inside.astype(int), axis=axis) == 1).sum(axis=axis).max() == 1


def test_volumes():
    X, Y = shapeVolumes(90, nargout=2)
    assert X.shape == (16, 16, 16, 1, 90)
    assert Y.categories == ["cross", "cube", "sphere"]
    assert countcats(Y).tolist() == [30, 30, 30]
    assert X.min() >= 0
    assert X.max() <= 1
    filled = {name: [] for name in Y.categories}
    for n, label in enumerate(Y):
        solid = ndimage.median_filter(X[:, :, :, 0, n], 3) > 0.35
        box = solid[ndimage.find_objects(solid.astype(int))[0]]
        filled[str(label)].append(box.mean())
    assert np.mean(filled["cube"]) > np.mean(filled["sphere"]) + 0.15 > np.mean(filled["cross"]) + 0.3


def test_volume_sizes():
    assert shapeVolumes(1, 8).shape == (8, 8, 8, 1, 1)
    assert triangleImages(1, 8).shape == (8, 8, 1, 1)
    assert gearboxFeatures(1).shape == (1, 10)


def test_gearbox_features_tell_the_faults():
    X, Y, names = gearboxFeatures(nargout=3)
    assert X.shape == (208, len(names))
    assert np.isfinite(X).all()
    assert countcats(Y).tolist() == [104, 104]
    spread = X.std(axis=0)
    assert spread.max() > 100 * spread.min()
    center, unseen = X.mean(axis=0), gearboxFeatures(500, Seed=1, nargout=2)
    weights, *_ = np.linalg.lstsq((X - center) / spread, np.where(Y == "Tooth Fault", 1, -1), rcond=None)
    accuracy = np.mean(((unseen[0] - center) / spread @ weights > 0) == (unseen[1] == "Tooth Fault"))
    assert accuracy > 0.9
