"""Draws the pictures of the gallery from what the examples give: ``python -m docs.builder.pictures [NAME …]``.

Every example runs in full; the networks that it trains are caught, and its data are asked for again. Pictures are kept with
the documents, since the long forms take minutes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dltoolbox
from dltoolbox import (
    classify,
    confusionmat,
    digitTest4DArrayData,
    gearboxFeatures,
    predict,
    semanticseg,
    shapeVolumes,
    triangleImages,
)

ROOT = Path(__file__).parents[2]
BLUE, ORANGE, GREY = "#2f6fde", "#e8590c", "#8a94a6"
PICTURES: dict[str, Callable[[list[Any], Any], None]] = {}


def picture(draw: Callable[[list[Any], Any], None]) -> Callable[[list[Any], Any], None]:
    """Enter a function that draws the picture of the example of its name."""
    PICTURES[draw.__name__] = draw
    return draw


def trained(name: str) -> list[Any]:
    """The networks that an example trains, in order."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    networks: list[Any] = []

    def caught(*arguments: object, **options: object) -> object:
        networks.append(dltoolbox.trainNetwork(*arguments, **options))
        return networks[-1]

    module.trainNetwork = caught  # type: ignore[attr-defined]
    module.main()
    return networks


@picture
def digits_classification(networks: list[Any], figure: Any) -> None:
    """Test digits with their labels, the wrong ones in orange, and the confusions."""
    images, labels = digitTest4DArrayData(nargout=2)
    predicted = classify(networks[0], images)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    wrong = np.flatnonzero(predicted != labels)[:6]
    for axes, index in zip(left.subplots(4, 6).flat, [*range(18), *wrong], strict=True):
        axes.imshow(images[:, :, 0, index], cmap="gray_r")
        axes.set_title(str(predicted[index]), fontsize=9, pad=2, color=BLUE if predicted[index] == labels[index] else ORANGE)
        axes.axis("off")
    confusion(right.subplots(), confusionmat(labels, predicted), labels.categories)


@picture
def digit_rotation_regression(networks: list[Any], figure: Any) -> None:
    """Digits turned upright by the predicted angle, and predicted against true angles."""
    from scipy.ndimage import rotate

    images, _, angles = digitTest4DArrayData(nargout=3)
    predicted = predict(networks[0], images)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    grid = left.subplots(2, 6)
    for cell, title in zip(grid[:, 0], ("as they come", "turned back by the prediction"), strict=True):
        cell.text(0, 1.08, title, fontsize=9, transform=cell.transAxes).set_in_layout(False)
    for (above, below), index in zip(grid.T, np.argsort(-np.abs(angles.ravel()))[:200:34], strict=True):
        above.imshow(images[:, :, 0, index], cmap="gray_r")
        below.imshow(rotate(images[:, :, 0, index], -predicted[index, 0], reshape=False), cmap="gray_r", vmin=0, vmax=1)
        above.axis("off")
        below.axis("off")
    axes = right.subplots()
    axes.plot(angles, predicted, ".", color=BLUE, markersize=2, alpha=0.4)
    axes.plot([-45, 45], [-45, 45], color=ORANGE)
    axes.set(xlabel="true angle", ylabel="predicted angle", aspect="equal")


@picture
def segnet_unpooling(networks: list[Any], figure: Any) -> None:
    """Images, true labels, and the labels of both networks."""
    images, labels = triangleImages(100, Seed=1, nargout=2)
    rows = [("image", images[:, :, 0]), ("truth", labels == "triangle"),
            *((name, semanticseg(images, net) == "triangle")
              for name, net in zip(("unpooling", "transposed"), networks, strict=False))]
    for axes, (name, row) in zip(figure.subplots(4, 8), rows, strict=True):
        for cell, index in zip(axes, range(8), strict=True):
            cell.imshow(row[..., index], cmap="gray" if name == "image" else "Blues", interpolation="nearest")
            cell.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name, fontsize=8)


@picture
def tabular_features(networks: list[Any], figure: Any) -> None:
    """Scores of the test machines, by truth."""
    X, Y, _ = gearboxFeatures(nargout=3)
    X, Y = X[177:], Y[177:]
    label = Y.categories[-1]
    _, scores = classify(networks[0], X, nargout=2)
    order = np.argsort(scores[:, -1])
    axes = figure.subplots()
    colours = [ORANGE if Y[index] == label else BLUE for index in order]
    axes.bar(range(len(order)), scores[order, -1], color=colours)
    axes.axhline(0.5, color=GREY, linewidth=1)
    axes.set(xlabel="test machines, in order of their score", ylabel=f"score of '{label}'")
    axes.legend(handles=[axes.bar(0, 0, color=colour, label=name)
                         for colour, name in ((BLUE, Y.categories[0]), (ORANGE, label))], title="truth")


@picture
def transfer_learning(networks: list[Any], figure: Any) -> None:
    """The confusions of the network with transfer, and of the one without."""
    images, labels = digitTest4DArrayData(nargout=2)
    chosen = np.isin(labels.tolist(), ["5", "6", "7", "8", "9"])
    images, labels = images[..., chosen], dltoolbox.removecats(labels[chosen])
    titles = ("with transfer", "from scratch")
    for axes, net, title in zip(figure.subplots(1, 2), networks[1:], titles, strict=True):
        predicted = classify(net, images)
        confusion(axes, confusionmat(labels, predicted), labels.categories)
        axes.set_title(f"{title}: {(predicted == labels).mean():.0%}")


@picture
def volume_classification(networks: list[Any], figure: Any) -> None:
    """Slices through test volumes, with their labels."""
    volumes, labels = shapeVolumes(150, Seed=1, nargout=2)
    predicted = classify(networks[0], volumes)
    chosen = [int(np.flatnonzero(labels == name)[0]) for name in labels.categories]
    for row, index in zip(figure.subplots(3, 8), chosen, strict=True):
        for axes, depth in zip(row, range(1, 16, 2), strict=True):
            axes.imshow(volumes[:, :, depth, 0, index], cmap="gray", vmin=volumes.min(), vmax=volumes.max())
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(str(predicted[index]), fontsize=11, color=BLUE if predicted[index] == labels[index] else ORANGE)


def confusion(axes: Any, matrix: np.ndarray, names: list[str]) -> None:
    """A confusion matrix with its numbers."""
    axes.imshow(matrix / matrix.sum(1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            axes.text(column, row, count, ha="center", va="center", fontsize=7, color="w" if row == column else "k")
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="predicted", ylabel="true")
    axes.set_xticklabels(names)
    axes.set_yticklabels(names)


def main(names: list[str]) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    for name in names or PICTURES:
        figure = plt.figure(figsize=(7.6, 3.4), layout="constrained")
        PICTURES[name](trained(name), figure)
        figure.savefig(ROOT / "docs" / "gallery" / f"{name}.png", dpi=110, pil_kwargs={"optimize": True})
        plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
