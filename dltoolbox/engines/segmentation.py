"""semanticseg: the class of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.data.categorical import categorical
from dltoolbox.data.sources.sequences import SequenceForm
from dltoolbox.engines.forms import codes_of_parts, in_form, labels_pixels, output_layers
from dltoolbox.engines.networks import ready, trained
from dltoolbox.engines.options import SegmentOptions
from dltoolbox.engines.running import run_network
from dltoolbox.layers.outputs import ClassOutput
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.networks import Network
from dltoolbox.program.data_layout import Result


def semanticseg(I: object, net: Network, *pairs: object, nargout: int = 1, **options: object) -> Any:  # noqa: E741
    """Labels of the pixels of images: ``C = semanticseg(I, net)``.

    Args:
        I: Images h×w×c×N (one image may come as h×w×c), or volumes; sequences of them, as `predict` takes them.
        net: A network that ends in labels of pixels, such as a pixelClassificationLayer, or a dlnetwork with one output,
            the scores of the classes.
        *pairs: Name-value pairs.
        nargout: 2 also returns the score of the chosen class, 3 the scores of all classes.
        **options: ``MiniBatchSize`` (128), ``OutputType`` ('categorical', 'double' or 'uint8': 1-based class numbers;
            undefined labels are NaN or 0), ``Classes`` ('auto': names of the classes as the output layer knows them; C1,
            C2, … for a dlnetwork).

    Returns:
        Labels h×w×N (h×w for one image), scores h×w×N, all scores h×w×K×N; for sequences a list of h×w×T, or h×w×N×T, and
        so on.

    Raises:
        DltoolboxError: ``dltoolbox:semanticseg:notASegmentationNetwork`` for other networks, ``…:classesMismatch``,
            ``…:notInitialized``.

    Example:
        >>> net = dlnetwork([imageInputLayer([2, 2, 1], Normalization='none'), convolution2dLayer(1, 2,
        ...                  Weights=np.reshape([1, -1], (1, 1, 1, 2)), Bias=[0, 0]), softmaxLayer])
        >>> semanticseg([[1, -1], [2, -2]], net, Classes=['high', 'low']).tolist()
        [['high', 'low'], ['high', 'low']]
    """
    check_nargout(nargout, 3, "semanticseg")
    chosen = SegmentOptions(*pairs, **options)
    scores, names, form = segmented(I, net, chosen)
    best = [each.max(-2) for each in scores]
    codes = codes_of_parts(scores, "semanticseg")
    if form is None and scores[0].shape[-1] == 1:  # MATLAB drops trailing ones
        codes, best = [codes[0][..., 0]], [best[0][..., 0]]
    whole: SequenceForm = form or "one"
    shaped = in_form(codes, whole)
    labels = ([classes_as(each, names, chosen.OutputType) for each in shaped] if isinstance(shaped, list) else
              classes_as(shaped, names, chosen.OutputType))
    return outputs((labels, in_form(best, whole), in_form(scores, whole)), nargout, "semanticseg")


def classes_as(codes: np.ndarray, names: Sequence[str], kind: str) -> Any:
    """Codes of classes as labels, or as 1-based numbers."""
    if kind == "categorical":
        return categorical.from_codes(codes, names)
    return np.where(codes < 0, np.nan, codes + 1) if kind == "double" else (codes + 1).astype(np.uint8)


def segmented(images: object, net: Network,
              chosen: SegmentOptions) -> tuple[Sequence[np.ndarray], Sequence[str], SequenceForm | None]:
    """The scores of all pixels, h×w×K×N, or h×w×K×T of each sequence and the form of these, and the names of the classes."""
    if isinstance(net, dlnetwork):
        fitting, names = len(ready(net, "semanticseg").leaving) == 1, None
    else:
        ends = output_layers(trained(net, "semanticseg", "second", images))
        fitting = len(ends) == 1 and labels_pixels(net)
        names = ends[0].Classes if fitting else None
    result = run_network(net, [images], chosen).outputs[0] if fitting else None
    if result is None or not result.dims.rank:
        ends = output_layers(net)
        use = "classify" if len(ends) == 1 and isinstance(ends[0], ClassOutput) else "predict"
        fail("semanticseg:notASegmentationNetwork", "semanticseg needs a network with one output of classes per pixel.",
             f"Use {use}(net, I).")
    scores = [result.array] if isinstance(result, Result) else result.parts
    count = scores[0].shape[-2]
    if chosen.Classes != "auto":
        names = chosen.Classes
    elif names is None:
        names = tuple(f"C{number + 1}" for number in range(count))
    if len(names) != count:
        fail("semanticseg:classesMismatch", f"There are {len(names)} Classes, but the network gives {count} scores per "
             "pixel.", f"Pass {counted(count, 'name')}.")
    return scores, names, None if isinstance(result, Result) else result.form
