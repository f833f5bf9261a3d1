"""The API reference: the flat namespace in MATLAB's groups, made from the docstrings."""

from __future__ import annotations

import re
from dataclasses import dataclass

import dltoolbox
from dltoolbox.absent import INSTEAD, NOT_IN_THIS_RELEASE
from dltoolbox.layers.base import LAYERS
from docs.builder import docstrings


@dataclass(frozen=True)
class Group:
    """Public names that stand on one page: those of some modules, by the longest prefix that fits."""

    page: str
    title: str
    about: str
    modules: tuple[str, ...]

    @property
    def path(self) -> str:
        """The page's address in the documents."""
        return f"reference/{self.page}.md"


GROUPS = (
    Group("build", "Build and edit networks", "Layer arrays, layer graphs and networks, and their surgery.",
          ("network",)),
    Group("analyse", "Analyse and display", "What a network is, costs and has wrong with it.",
          ("report", "network.analysis", "layers.display", "program.explain")),
    Group("train", "Train", "Options and training.", ("train",)),
    Group("predict", "Predict and evaluate", "Labels, scores, activations and figures of merit.",
          ("engines", "data.metrics")),
    Group("architectures", "Published architectures", "Classifiers and encoder–decoders as layer graphs without weights.",
          ("architectures",)),
    Group("save", "Save and export", "Networks as files, and as Python and MATLAB code.", ("exchange",)),
    Group("categorical", "Categorical arrays and labels", "Labels as MATLAB keeps them.", ("data",)),
    Group("data", "Sample data", "Data sets that come with the package or are drawn on request.",
          ("data.samples", "data.sequence_samples")),
    Group("loops", "Custom training loops", "Gradients of one's own functions, networks in them, mini-batches and updates.",
          ("autodiff", "loops", "engines.in_loops")),
    Group("arrays", "Functions on arrays", "What layers compute, as functions of arrays and dlarrays.", ("functions",)),
    Group("settings", "Randomness, devices and errors", "The random streams, threads and devices, and what is raised.",
          ("core", "runtime")),
    Group("base", "Layers as objects", "What all layers have in common.", ("layers.base",)),
    Group("custom", "Layers of your own", "What classes of layers are derived from, what they declare, how to check them.",
          ("layers.custom", "testing")),
)
OTHER = Group("other", "Further names", "", ("",))


def group_of(name: str) -> Group:
    """The group of a public name."""
    module = getattr(dltoolbox, name).__module__.removeprefix("dltoolbox.") + "."
    prefixes = {prefix: group for group in (*GROUPS, OTHER) for prefix in group.modules}
    return prefixes[max((p for p in prefixes if not p or module.startswith(f"{p}.")), key=len)]


def public_names() -> list[str]:
    """Whatever is exported and there; layers are listed by the catalogue."""
    return [name for name in dltoolbox.__all__ if name not in LAYERS and name not in NOT_IN_THIS_RELEASE]


def pages() -> dict[str, str]:
    """All pages of the reference, by path."""
    members: dict[Group, list[str]] = {}
    for name in sorted(public_names(), key=str.lower):
        members.setdefault(group_of(name), []).append(name)
    there = {name: f"{group.path}#{name}" for group, names in members.items() for name in names}
    there |= {factory: f"layers/{family(factory)}.md#{factory}" for factory in LAYERS}

    def link(name: str) -> str | None:
        return f"../{there[name]}" if name in there else None

    made = {group.path: page(group, names, link) for group, names in members.items()}
    made["reference/absent.md"] = absent()
    made["reference/index.md"] = overview([group for group in (*GROUPS, OTHER) if group in members], members)
    return made


def plain(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([][*_|<>])", r"\\\1", text)


def absent() -> str:
    """What MATLAB documents and this release does not have, with what to do instead."""
    rows = "\n".join(f"| {', '.join(f'`{name}`' for name in names.split())} | {plain(hint)} |"
                     for hint, names in INSTEAD.items())
    return f"""# Not in this release

These functions and layers of MATLAB exist by name, so that a script that calls one is told what to do instead: they raise
`dltoolbox:notInThisRelease`.

| names | instead |
| --- | --- |
{rows}
"""


def family(factory: str) -> str:
    """The page of the catalogue that a layer is on: its module."""
    return LAYERS[factory].__module__.rpartition(".")[2]


def page(group: Group, names: list[str], link: docstrings.Link) -> str:
    """One page: every name with its call and its docstring."""
    parts = [f"# {group.title}", group.about]
    for name in names:
        thing = getattr(dltoolbox, name)
        parts.append(f"## {name} {{ #{name} }}\n\n```python\n{docstrings.signature(name, thing)}\n```\n\n"
                     + "\n\n".join(docstrings.sections(thing, link)))
    return "\n\n".join(parts) + "\n"


def overview(groups: list[Group], members: dict[Group, list[str]]) -> str:
    """All names on one page, with a line each."""
    parts = ["# API reference", "Everything that `from dltoolbox import *` brings, in the groups of MATLAB's documentation. "
             "[Layers](../layers/index.md) have a catalogue of their own.",
             "Options are written `Name=value` or `'Name', value`, in any letter case. What MATLAB has beyond this is "
             "[not in this release](absent.md)."]
    for group in groups:
        parts.append(f"## [{group.title}]({group.page}.md)")
        parts.append("| name | what it does |\n| --- | --- |\n" + "\n".join(
            f"| [`{name}`]({group.page}.md#{name}) | {summary(name)} |" for name in members[group]))
    return "\n\n".join(parts) + "\n"


def summary(name: str) -> str:
    """A line about a name, for a table."""
    line = docstrings.prose(docstrings.first_sentence(getattr(dltoolbox, name)), lambda _: None)
    return line.replace("|", r"\|")
