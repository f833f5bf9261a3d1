"""The catalogue of layers, made from the registry: options, ports, sizes, and what differs from MATLAB.

Which data a layer accepts, and what becomes of them, is not told but tried: the layer of the docstring's example is
analysed behind an input of each kind.
"""

from __future__ import annotations

import ast
import inspect

import numpy as np

import dltoolbox
from dltoolbox import LayerGraph, NetworkAnalysis, addLayers, analyzeNetwork, connectLayers, layerGraph
from dltoolbox.core.properties import REQUIRED, in_call_order
from dltoolbox.layers.base import LAYERS, Layer
from docs.builder import docstrings, reference

FAMILIES = {
    "inputs": "Inputs",
    "convolution": "Convolution and fully connected",
    "spectral": "Spectral convolution",
    "parts": "Complex data",
    "pooling": "Pooling and unpooling",
    "activation": "Activation and dropout",
    "normalisation": "Normalisation",
    "recurrent": "Recurrent",
    "folding": "Folding sequences",
    "attention": "Attention",
    "embedding": "Embedding",
    "combination": "Combination",
    "resizing": "Cropping and resizing",
    "arranging": "Rearranging",
    "outputs": "Outputs",
}
GUIDES = {"pooling": "[Pooling](../pooling.md) shows in pictures what every option does."}  # pages about a family
INPUTS = {  # what a layer is tried with
    "feature vectors": dltoolbox.featureInputLayer(16, Name="data"),
    "images": dltoolbox.imageInputLayer([16, 16, 16], Normalization="none", Name="data"),
    "sequences": dltoolbox.sequenceInputLayer(16, Name="data"),
    "sequences of images": dltoolbox.sequenceInputLayer([16, 16, 16], Name="data"),
    "sequences of words": dltoolbox.sequenceInputLayer(1, Name="data"),
    "volumes": dltoolbox.image3dInputLayer([16, 16, 16, 16], Normalization="none", Name="data"),
    "lines": dltoolbox.inputLayer([16, 16, None], "SCB", Name="data"),
}


def pages() -> dict[str, str]:
    """All pages of the catalogue, by path."""
    families: dict[str, list[str]] = {module: [] for module in FAMILIES}
    for factory in LAYERS:
        families.setdefault(reference.family(factory), []).append(factory)
    made = {f"layers/{module}.md": page(module, factories) for module, factories in families.items()}
    made["layers/index.md"] = overview(families)
    return made


def title_of(module: str) -> str:
    return FAMILIES.get(module, module.capitalize())


def page(module: str, factories: list[str]) -> str:
    """The layers of one family."""
    parts = [f"# {title_of(module)}", GUIDES.get(module, ""), *(entry(LAYERS[factory]) for factory in factories)]
    return "\n\n".join(filter(None, parts)) + "\n"


def overview(families: dict[str, list[str]]) -> str:
    """All layers with a line each."""
    parts = ["# Layers", f"{len(LAYERS)} layers, in families. The pages are made from the registry of layers: defaults, "
             "ports and sizes are those of the code. Which data a layer accepts was tried when the site was built."]
    for module, factories in families.items():
        parts.append(f"## [{title_of(module)}]({module}.md)")
        parts.append("| layer | what it does | accepts |\n| --- | --- | --- |\n" + "\n".join(
            f"| [`{factory}`]({module}.md#{factory}) | {line(LAYERS[factory])} | {', '.join(trials(factory)) or '–'} |"
            for factory in factories))
    return "\n\n".join(parts) + "\n"


def line(cls: type[Layer]) -> str:
    """The first sentence of a docstring, without the name of the layer that it begins with."""
    words = docstrings.first_sentence(cls)
    head, colon, tail = words.partition(": ")
    return docstrings.prose((tail[:1].upper() + tail[1:]) if colon and "layer" in head else words, lambda _: None)


def link(name: str) -> str | None:
    """Where a name is explained, seen from a page of the catalogue."""
    if name in LAYERS:
        return f"{reference.family(name)}.md#{name}"
    if name in reference.public_names():
        return f"../{reference.group_of(name).path}#{name}"
    return None


def entry(cls: type[Layer]) -> str:
    """One layer."""
    head, *rest = docstrings.sections(cls, link)
    parts = [f"## {cls.factory} {{ #{cls.factory} }}",
             f"```python\n{docstrings.signature(cls.factory, getattr(dltoolbox, cls.factory))}\n```",
             head, ports(cls), options(cls), sizes(cls.factory), *rest, differences(cls)]
    return "\n\n".join(part for part in parts if part)


def options(cls: type[Layer]) -> str:
    """The table of options, in the order of the call."""
    rows = ["**Options**", "", "| option | default | meaning |", "| --- | --- | --- |"]
    for prop in in_call_order(cls.properties):
        default = "required" if prop.default is REQUIRED else f"`{prop.default!r}`".replace("|", r"\|")
        name = f"`{prop.argument}`" + (" (by position)" if prop.positional else "")
        rows.append(f"| {name} | {default} | {docstrings.prose(prop.doc, link)} |")
    return "\n".join(rows)


def ports(cls: type[Layer]) -> str:
    """Inputs and outputs of the example."""
    layer = sample(cls.factory)
    return f"**Ports**: {names(layer.InputNames) or 'no input'} → {names(layer.OutputNames) or 'no output'}"


def names(ports: list[str]) -> str:
    return ", ".join(f"`{port}`" for port in ports)


def sizes(factory: str) -> str:
    """What the example makes of each kind of data."""
    rows = []
    for kind, info in trials(factory).items():
        table, row = info.LayerInfo, info.LayerInfo.Name.index("layer")
        learnables = ", ".join(filter(None, (table.Learnables[row], table.States[row] and f"({table.States[row]})")))
        rows.append(f"| {kind} | {size(table.Activations[table.Name.index('data')])} | {size(table.Activations[row])} | "
                    f"{learnables or '–'} |")
    if not rows:
        return ""
    return "\n".join([f"**Sizes** of `{call_in_example(factory)}`", "", "| data | input | output | learnables (states) |",
                      "| --- | --- | --- | --- |", *rows])


def size(activations: object) -> str:
    """``16(S) × 16(S) × 8(C) × 1(B)``, several outputs on lines of their own."""
    several = activations if isinstance(activations, list) else [activations]
    return "<br>".join(str(one).replace("\n", "<br>") for one in several)


def differences(cls: type[Layer]) -> str:
    """What MATLAB's layer does not have, and what it takes from nobody."""
    said = []
    if cls.beyond_matlab:
        said.append(f"{names(list(cls.beyond_matlab))} goes beyond MATLAB's layer.")
    if cls.not_in_matlab:
        said.append(f"MATLAB finds {names(list(cls.not_in_matlab))} out itself; here it can also be given.")
    return f"**Compared with MATLAB**: {' '.join(said)}" if said else ""


# Trials --------------------------------------------------------------------------------------------------------------
TRIED: dict[str, dict[str, NetworkAnalysis]] = {}


def trials(factory: str) -> dict[str, NetworkAnalysis]:
    """The analyses without errors, by the kind of data."""
    if factory not in TRIED:
        layer = sample(factory)
        layer.Name = "layer"
        usage = "dlnetwork" if layer.OutputNames else "trainNetwork"
        infos = {kind: analyzeNetwork(behind(data, layer), TargetUsage=usage, nargout=1)
                 for kind, data in INPUTS.items() if layer.InputNames}
        TRIED[factory] = {kind: info for kind, info in infos.items() if info.IsValid}
    return TRIED[factory]


def behind(data: Layer, layer: Layer) -> LayerGraph:
    """A network of an input and the layer, every port of which is fed, and what it needs in between."""
    if "indices" in layer.InputNames:
        pool = getattr(dltoolbox, f"maxPooling{layer.rank}dLayer")(2, Stride=2, HasUnpoolingOutputs=True, Name="pool")
        lgraph = layerGraph([data, pool, layer])
        return connectLayers(connectLayers(lgraph, "pool/indices", "layer/indices"), "pool/size", "layer/size")
    if "miniBatchSize" in layer.InputNames:
        lgraph = layerGraph([data, dltoolbox.sequenceFoldingLayer(Name="fold"), layer])
        return connectLayers(lgraph, "fold/miniBatchSize", "layer/miniBatchSize")
    before = [data]
    if layer.needs_probabilities:
        classes = getattr(layer, "Classes", "auto")
        before += [] if classes == "auto" else [dltoolbox.fullyConnectedLayer(len(classes), Name="scores")]
        before.append(dltoolbox.softmaxLayer(Name="probabilities"))
    if layer.complex_inputs == "needed":
        before.append(dltoolbox.realToComplexLayer(Name="complex"))
    lgraph = addLayers(layerGraph(before), layer)
    for port in layer.InputNames:
        lgraph = connectLayers(lgraph, before[-1].Name, f"layer/{port}" if len(layer.InputNames) > 1 else "layer")
    return lgraph


def sample(factory: str) -> Layer:
    """The layer of the docstring's example."""
    made = eval(call_in_example(factory), {**vars(dltoolbox), "np": np})
    assert isinstance(made, Layer), factory
    return made


def call_in_example(factory: str) -> str:
    """The first call of the factory in its docstring's example."""
    source = "\n".join(line[4:] for line in map(str.strip, (inspect.getdoc(LAYERS[factory]) or "").splitlines())
                       if line.startswith((">>> ", "... ")))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == factory:
            return ast.unparse(node)
    raise LookupError(f"the example of {factory} does not call it")
