"""Differences between two networks, from their documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import bytes_text
from dltoolbox.core.packages import __version__
from dltoolbox.report.document import Document

COMPARISON_SCHEMA, COMPARISON_VERSION = "dltoolbox-comparison", 1
TOTALS = {"layers": "Layers", "connections": "Connections", "learnables": "Learnables",
          "frozenLearnables": "Frozen learnables", "states": "States", "multiplyAdds": "Multiply-adds",
          "activationBytes": "Activations", "parameterBytes": "Parameters", "errors": "Errors", "warnings": "Warnings"}
NONE_TEXT = "(none)"


def comparison(before: Document, after: Document) -> Document:
    """The differences of two documents as a document of its own; layers are matched by their names.

    A layer that lost its name but nothing else counts as renamed. Values of learnables are not compared, only their sizes.

    Returns:
        ``identical``; ``added``, ``removed`` and ``renamed`` layers; ``changed`` ones with what changed in them, before and
        after; added and removed ``connections`` and ``issues``; ``totals`` that changed.

    Example:
        >>> one, other = ([imageInputLayer([8, 8, 1]), convolution2dLayer(n, 4), regressionLayer] for n in (3, 5))
        >>> from dltoolbox.report.document import document
        >>> found = comparison(*(document(analyzeNetwork(layers, nargout=1)) for layers in (one, other)))
        >>> found['changed'][0]['changes'][0]
        {'what': 'FilterSize', 'before': '[3 3]', 'after': '[5 5]'}
    """
    old, new = ({layer["name"]: layer for layer in side["layers"]} for side in (before, after))
    renamed = _renamed([old[name] for name in old if name not in new], [new[name] for name in new if name not in old])
    kept = {name: name for name in old if name in new} | renamed
    differences: Document = {
        "added": [_brief(layer) for name, layer in new.items() if name not in kept.values()],
        "removed": [_brief(layer) for name, layer in old.items() if name not in kept],
        "renamed": [{"before": name, "after": now} for name, now in renamed.items()],
        "changed": [{"name": now, "type": new[now]["type"], "changes": changes} for name, now in kept.items()
                    if (changes := _changes(_facts(old[name]), _facts(new[now])))],
        "connections": _difference((_wire(wire, renamed) for wire in before["connections"]),
                                   (_wire(wire, {}) for wire in after["connections"])),
        "issues": _difference((_problem(issue, renamed) for issue in before["issues"]),
                              (_problem(issue, {}) for issue in after["issues"])),
        "totals": [{"what": label, "before": before["summary"][key], "after": after["summary"][key]}
                   for key, label in TOTALS.items() if before["summary"][key] != after["summary"][key]]}
    identical = not any(any(part.values()) if isinstance(part, dict) else part for part in differences.values())
    return {"schema": COMPARISON_SCHEMA, "version": COMPARISON_VERSION, "producer": f"dltoolbox {__version__}",
            "before": before["name"], "after": after["name"], "identical": identical, **differences}


def _brief(layer: Document) -> Document:
    return {"name": layer["name"], "type": layer["type"], "description": layer["description"]}


def _renamed(gone: list[Document], come: list[Document]) -> dict[str, str]:
    """Old name → new name of layers that are equal in everything else, the first of equals first."""
    result = {}
    for layer in gone:
        twin = next((other for other in come if other["type"] == layer["type"] and _facts(other) == _facts(layer)), None)
        if twin:
            come.remove(twin)
            result[layer["name"]] = twin["name"]
    return result


def _facts(layer: Document) -> dict[str, str]:
    """Everything of a layer that a comparison tells, by name."""
    facts = {"type": layer["type"], **{prop["name"]: prop["value"] for prop in layer["properties"]}}
    facts |= {f"output '{port['port']}'": _dims_text(port["dims"]) for port in layer["outputs"]}
    for array in (*layer["learnables"], *layer["states"]):
        facts[f"size of {array['name']}"] = times(array["size"]) + (" (frozen)" if array.get("frozen") else "")
    return facts


def _dims_text(dims: Document | None) -> str:
    return "?" if dims is None else str(Dims(dims["labels"], tuple(dims["sizes"])))


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Document]:
    return [{"what": what, "before": old.get(what, NONE_TEXT), "after": new.get(what, NONE_TEXT)}
            for what in dict.fromkeys((*old, *new)) if old.get(what) != new.get(what)]


def _wire(wire: Document, renamed: Mapping[str, str]) -> str:
    source, destination = (renamed.get(wire[side], wire[side]) for side in ("source", "destination"))
    return f"{source}/{wire['sourcePort']} → {destination}/{wire['destinationPort']}"


def _problem(issue: Document, renamed: Mapping[str, str]) -> str:
    layer = renamed.get(issue["layer"], issue["layer"])
    place = f"layer '{layer}': " if layer else ""
    return f"{issue['severity']} {place}{issue['message']} [{issue['identifier']}]"


def _difference(old: Iterable[str], new: Iterable[str]) -> dict[str, list[str]]:
    """Items that only one side has, in its order."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    return {"added": [item for item in after if item not in before],
            "removed": [item for item in before if item not in after]}


def comparison_text(differences: Document) -> str:
    """A comparison as a command prints it."""
    lines = [f"  {differences['after']} compared with {differences['before']}"]
    if differences["identical"]:
        return "\n".join([*lines, "", "    No difference in layers, connections, sizes and problems."])
    blocks = {"Totals": [f"{total['what']}: {_amount(total, 'before')} → {_amount(total, 'after')}{_growth(total)}"
                         for total in differences["totals"]],
              "Layers added": [_line(layer) for layer in differences["added"]],
              "Layers removed": [_line(layer) for layer in differences["removed"]],
              "Layers renamed": [f"{pair['before']} → {pair['after']}" for pair in differences["renamed"]],
              "Layers changed": [line for layer in differences["changed"] for line in (
                  f"{layer['name']} ({layer['type']})",
                  *(f"  {change['what']}: {change['before']} → {change['after']}" for change in layer["changes"]))],
              "Connections": _signed(differences["connections"]), "Problems": _signed(differences["issues"])}
    for heading, block in blocks.items():
        if block:
            lines += ["", f"  {heading}", *(f"    {line}" for line in block)]
    return "\n".join(lines)


def _amount(total: Document, side: str) -> str:
    return bytes_text(total[side]) if total["what"] in ("Activations", "Parameters") else f"{total[side]:,}"


def _growth(total: Document) -> str:
    return f" ({100 * (total['after'] / total['before'] - 1):+.1f} %)" if total["before"] else ""


def _line(layer: Document) -> str:
    return f"{layer['name']} ({layer['type']}): {layer['description']}"


def _signed(part: dict[str, list[str]]) -> list[str]:
    return [*(f"− {text}" for text in part["removed"]), *(f"+ {text}" for text in part["added"])]
