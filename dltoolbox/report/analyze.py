"""`analyzeNetwork`: the analysis, printed, and as a page in the browser."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from dltoolbox.core import convert
from dltoolbox.core.display import table_html
from dltoolbox.core.nargout import check_nargout
from dltoolbox.core.packages import require
from dltoolbox.core.properties import Configured, Property, split_pairs
from dltoolbox.network.analysis.analysis import NetworkAnalysis, analysis
from dltoolbox.network.analysis.compact_table import ALIGNED_RIGHT, compact_columns
from dltoolbox.network.analysis.text import TABLES
from dltoolbox.report.document import document
from dltoolbox.runtime.console import display_is_there, in_notebook, say

LARGEST_FRAMED = 2_000_000  # characters of a page that a notebook keeps in itself
FRAME_HEIGHT = 640


class _AnalyzeOptions(Configured):
    function = "analyzeNetwork"
    Plots = Property(convert.choice("auto", "network-analyzer", "none"), "auto")
    TargetUsage = Property(convert.choice("auto", "trainNetwork", "dlnetwork"), "auto")
    MiniBatchSize = Property(convert.integer(1), 1)
    Display = Property(convert.choice(*TABLES), "compact")
    Histograms = Property(convert.flag, default=False)


def analyzeNetwork(layers: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Check a network as training would, and list the size, the learnables and the cost of every layer. Needs no data.

    All problems are found at once, each where it is made. A problem never raises an error here, not even a duplicated name
    or an element that is not a layer: the analysis goes on with the rest.

    Args:
        layers: A layer array (a list; unnamed layers get names), a layer graph, a network, or the function of an
            architecture, such as ``densenet201``.
        *arguments: Example inputs, arrays or `networkDataLayout` objects, one per input, in the order of InputNames:
            where no input layer says what enters. Then names and values of options in turn, as MATLAB writes them.
        nargout: None prints the analysis and returns it; 1 only returns it; 0 only prints it.
        **options: ``TargetUsage``: ``'trainNetwork'`` wants input and output layers and is the default where there is an
            output layer, ``'dlnetwork'`` wants none and is the default elsewhere. ``MiniBatchSize`` (1): for how many
            observations the memory of activations is printed. ``Display``: ``'compact'``, the default, prints a line per
            layer, ``'long'`` its description and the size of every learnable as well. ``Plots``: ``'network-analyzer'``
            writes the report as a page and opens it in the browser, ``'none'`` does not; by default a desktop session opens
            it, except where only the result is wanted (``nargout=1``). ``Histograms`` (False): whether that page shows how
            the weights of a trained network are distributed.

    Returns:
        A `NetworkAnalysis`.

    Raises:
        DltoolboxError: ``dltoolbox:analyzeNetwork:wrongNumberOfInputs``, ``…:formatNeeded``, ``…:sizeNeeded``,
            ``…:inputSizeMismatch`` for example inputs that do not fit; ``…:invalidTargetUsage`` and its like.

    Example:
        >>> info = analyzeNetwork([imageInputLayer([28, 28, 1]), fullyConnectedLayer(10), softmaxLayer,
        ...                        classificationLayer], nargout=1)
        >>> info.TotalLearnables, info.LayerInfo.Activations[1], info.IsValid
        (7850, '1(S) × 1(S) × 10(C) × 1(B)', True)
        >>> print(analyzeNetwork([imageInputLayer([8, 8, 1]), maxPooling2dLayer(9), regressionLayer], nargout=1).Issues[0])
        Layer 'maxpool' (2): The window of 9×9 is larger than the padded input of 8×8 (input 8×8, padding [0  0  0  0]). \
Reduce PoolSize, add Padding, or reduce the input less in the layers before. [dltoolbox:maxPooling2dLayer:windowTooLarge]
    """
    if nargout is not None:
        check_nargout(nargout, 1, "analyzeNetwork", least=0)
    examples, pairs = split_pairs(arguments)
    chosen = _AnalyzeOptions(*pairs, **options)
    info = analysis(layers, examples, usage=chosen.TargetUsage, batch=chosen.MiniBatchSize, display=chosen.Display,
                    histograms=chosen.Histograms)
    if nargout != 1:
        say(info)
    if chosen.Plots == "network-analyzer" or (chosen.Plots == "auto" and nargout != 1 and desktop()):
        show_page(info)
    return None if nargout == 0 else info


def framed(info: NetworkAnalysis) -> str:
    """The page for the output of a notebook, in a frame of its own; of a very large network the table alone."""
    from dltoolbox.report.html import render
    page = render(document(info, histograms=info.Histograms), batch=info.MiniBatchSize)
    if len(page) > LARGEST_FRAMED:
        columns = compact_columns(info)
        return table_html(repr(info)[1:-1], list(columns), list(zip(*columns.values(), strict=True)), ALIGNED_RIGHT)
    return (f'<iframe srcdoc="{escape(page)}" title="Network analysis" allow="clipboard-write" '
            f'sandbox="allow-scripts allow-downloads" style="width: 100%; height: {FRAME_HEIGHT}px; border: 0; '
            'border-radius: 6px"></iframe>')


NetworkAnalysis.page = framed


def desktop() -> bool:
    """Whether somebody sits in front of this session and has a browser: no server, no test, no pipe, no notebook."""
    away = ("CI", "PYTEST_CURRENT_TEST", "SSH_CONNECTION", "SSH_TTY")
    if in_notebook() or any(os.environ.get(name) for name in away) or not (hasattr(sys, "ps1") or sys.stdout.isatty()):
        return False
    return display_is_there()


def show_page(info: NetworkAnalysis) -> None:
    """Show the page in the notebook, or write it into the folder for temporary files, where it stays for the browser."""
    if in_notebook():
        require("IPython.display", needed_by="analyzeNetwork").display(info)
        return
    from dltoolbox.report.html import write
    page = write(document(info, histograms=info.Histograms), temporary_page(info.Name), batch=info.MiniBatchSize)
    say(f"  Report: {page}")
    open_page(page)


def temporary_page(name: str) -> Path:
    """The default file of a page."""
    plain = re.sub(r"[^\w-]+", "_", name) or "network"
    return Path(tempfile.mkdtemp(prefix="dltoolbox-"), f"{plain}.html")


def open_page(page: Path) -> None:
    import webbrowser
    webbrowser.open(page.resolve().as_uri())
