"""The networks that predict and its kin take; of others it is said what to do about them."""

from __future__ import annotations

from dltoolbox.core.display import few
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.networks import DAGNetwork


def trained(net: object, function: str, place: str = "first", other: object = None) -> DAGNetwork:
    """The trained network that a function needs; of anything else it is said what to call instead."""
    if not isinstance(net, DAGNetwork):
        instead = ("scores2label(minibatchpredict(net, X), classNames)" if function == "classify" else
                   "minibatchpredict(net, X, Outputs=…)")
        arguments = "I, net" if function == "semanticseg" else "net, X, layer" if function == "activations" else "net, X"
        fail(f"{function}:notANetwork", f"The {place} argument of {function} must be a trained network, but it is "
             f"{show(net)}.", f"Use {instead} for a dlnetwork." if isinstance(net, dlnetwork) else
             f"Call {function}({arguments}), in this order." if isinstance(other, DAGNetwork) else
             "Train the layers with trainNetwork, or assemble them with assembleNetwork.")
    return net


def ready(net: dlnetwork, function: str) -> dlnetwork:
    """The network, which must be initialised; of another one it is said what it lacks."""
    if net.Initialized:
        return net
    unset = dict.fromkeys(f"'{layer}'" for table in (net.Learnables, net.State)
                          for layer, value in zip(table.Layer, table.Value, strict=True) if not value.size)
    unsized = [port for port in (net.port_text(port, "inputs") for port in net.open_inputs()) if port not in net.layouts]
    why = (f"it has no values for the learnables or states of {few(unset)}" if unset else
           "it was edited, or made with Initialize=False" if net.nodes else "it has no layers")
    how = f"net = initialize(net, X), with an example input for {few(unsized)}" if unsized else "net = initialize(net)"
    fail(f"{function}:notInitialized", f"The dlnetwork is not initialised: {why}.",
         f"Call {how}; values that are set stay as they are." if net.nodes else
         "Add layers with addLayers, then call net = initialize(net).")
