"""What changed between two networks, from their documents."""

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
    old, new = ({one["name"]: one for one in side["layers"]} for side in (before, after))
    renamed = _renamed([old[name] for name in old if name not in new], [new[name] for name in new if name not in old])
    kept = {name: name for name in old if name in new} | renamed
    found: Document = {
        "added": [_brief(one) for name, one in new.items() if name not in kept.values()],
        "removed": [_brief(one) for name, one in old.items() if name not in kept],
        "renamed": [{"before": name, "after": now} for name, now in renamed.items()],
        "changed": [{"name": now, "type": new[now]["type"], "changes": changes} for name, now in kept.items()
                    if (changes := _changes(_facts(old[name]), _facts(new[now])))],
        "connections": _difference((_wire(one, renamed) for one in before["connections"]),
                                   (_wire(one, {}) for one in after["connections"])),
        "issues": _difference((_problem(one, renamed) for one in before["issues"]),
                              (_problem(one, {}) for one in after["issues"])),
        "totals": [{"what": label, "before": before["summary"][key], "after": after["summary"][key]}
                   for key, label in TOTALS.items() if before["summary"][key] != after["summary"][key]]}
    identical = not any(any(part.values()) if isinstance(part, dict) else part for part in found.values())
    return {"schema": COMPARISON_SCHEMA, "version": COMPARISON_VERSION, "producer": f"dltoolbox {__version__}",
            "before": before["name"], "after": after["name"], "identical": identical, **found}


def _brief(layer: Document) -> Document:
    return {"name": layer["name"], "type": layer["type"], "description": layer["description"]}


def _renamed(gone: list[Document], come: list[Document]) -> dict[str, str]:
    """Old name → new name of layers that are equal in everything else, the first of equals first."""
    result = {}
    for one in gone:
        twin = next((other for other in come if other["type"] == one["type"] and _facts(other) == _facts(one)), None)
        if twin:
            come.remove(twin)
            result[one["name"]] = twin["name"]
    return result


def _facts(layer: Document) -> dict[str, str]:
    """Everything of a layer that a comparison tells, by name."""
    facts = {"type": layer["type"], **{one["name"]: one["value"] for one in layer["properties"]}}
    facts |= {f"output '{one['port']}'": _dims_text(one["dims"]) for one in layer["outputs"]}
    for one in (*layer["learnables"], *layer["states"]):
        facts[f"size of {one['name']}"] = times(one["size"]) + (" (frozen)" if one.get("frozen") else "")
    return facts


def _dims_text(dims: Document | None) -> str:
    return "?" if dims is None else str(Dims(dims["labels"], tuple(dims["sizes"])))


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Document]:
    return [{"what": what, "before": old.get(what, NONE_TEXT), "after": new.get(what, NONE_TEXT)}
            for what in dict.fromkeys((*old, *new)) if old.get(what) != new.get(what)]


def _wire(one: Document, renamed: Mapping[str, str]) -> str:
    source, destination = (renamed.get(one[side], one[side]) for side in ("source", "destination"))
    return f"{source}/{one['sourcePort']} → {destination}/{one['destinationPort']}"


def _problem(one: Document, renamed: Mapping[str, str]) -> str:
    layer = renamed.get(one["layer"], one["layer"])
    place = f"layer '{layer}': " if layer else ""
    return f"{one['severity']} {place}{one['message']} [{one['identifier']}]"


def _difference(old: Iterable[str], new: Iterable[str]) -> dict[str, list[str]]:
    """What only one side has, in the order of that side."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    return {"added": [one for one in after if one not in before], "removed": [one for one in before if one not in after]}


def comparison_text(found: Document) -> str:
    """A comparison as a command prints it."""
    lines = [f"  {found['after']} compared with {found['before']}"]
    if found["identical"]:
        return "\n".join([*lines, "", "    No difference in layers, connections, sizes and problems."])
    blocks = {"Totals": [f"{one['what']}: {_amount(one, 'before')} → {_amount(one, 'after')}{_growth(one)}"
                         for one in found["totals"]],
              "Layers added": [_line(one) for one in found["added"]],
              "Layers removed": [_line(one) for one in found["removed"]],
              "Layers renamed": [f"{one['before']} → {one['after']}" for one in found["renamed"]],
              "Layers changed": [line for one in found["changed"] for line in (
                  f"{one['name']} ({one['type']})",
                  *(f"  {change['what']}: {change['before']} → {change['after']}" for change in one["changes"]))],
              "Connections": _signed(found["connections"]), "Problems": _signed(found["issues"])}
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
    return [*(f"− {one}" for one in part["removed"]), *(f"+ {one}" for one in part["added"])]
