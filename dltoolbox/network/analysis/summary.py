"""`summary`: the few lines that tell one network from another."""

from __future__ import annotations

from dltoolbox.core.display import printable, rounded
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.analysis.analysis import analysis
from dltoolbox.network.networks import Network
from dltoolbox.runtime.console import say


def summary(net: Network) -> None:
    """Print whether a network is initialised, how many learnables it has, and its inputs.

    Args:
        net: A SeriesNetwork, DAGNetwork or dlnetwork.

    Raises:
        DltoolboxError: ``dltoolbox:summary:notANetwork`` for anything else.

    Example:
        >>> summary(dlnetwork([imageInputLayer([28, 28, 1]), convolution2dLayer(5, 20), fullyConnectedLayer(10)]))
           Initialized: true
        <BLANKLINE>
           Number of learnables: 115.7k
        <BLANKLINE>
           Inputs:
              1   'imageinput'   28×28×1 images
        <BLANKLINE>
    """
    if not isinstance(net, Network):
        fail("summary:notANetwork", f"The argument of summary must be a network, but it is {show(net)}.",
             "Use analyzeNetwork(layers) for layers and layer graphs.")
    layers = {layer.Name: layer for layer in net.nodes if isinstance(layer, DataInput)}
    inputs = [(printable(f"'{name}'"),
               layers[name].description_size if name in layers else str(net.layouts.get(name, "any size")))
              for name in net.input_names()]
    width = max((len(name) for name, _ in inputs), default=0)
    lines = [f"{index:>7}   {name:<{width}}   {what}" for index, (name, what) in enumerate(inputs, 1)]
    initialized = getattr(net, "Initialized", True)
    say("\n".join([f"   Initialized: {str(initialized).lower()}", "", f"   Number of learnables: {learnable_count(net)}",
                   "", "   Inputs:", *lines, ""]))


def learnable_count(net: Network) -> str:
    """The number of learnables, ``1.2M``; of those whose sizes are certain, where a network waits for its inputs."""
    info = analysis(net)
    count = rounded(info.KnownLearnables)
    hidden = any(lowered.layer.learnables and not lowered.arrays for lowered in info.lowered.layers)
    return count if not hidden else f"at least {count}" if info.KnownLearnables else "unknown"
