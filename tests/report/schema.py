"""As much of JSON Schema as docs/analysis-schema.json uses, and stricter: what a schema does not list is a fault."""

import re

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
         "number": (int, float)}
KNOWN = {"$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required", "items", "enum",
         "const", "anyOf", "allOf", "minimum", "maximum", "pattern"}


def faults(value, schema, root, at="$"):
    """Every place where a value is not what the schema says, as text."""
    unknown = set(schema) - KNOWN
    assert not unknown, f"this check does not know {unknown}"
    if "$ref" in schema:
        schema = resolved(schema, root)
    if "allOf" in schema:
        schema = joined([resolved(one, root) for one in schema["allOf"]])
    if "anyOf" in schema:
        tried = [faults(value, one, root, at) for one in schema["anyOf"]]
        return [] if not all(tried) else min(tried, key=len)
    found = []
    if "type" in schema and not is_kind(value, schema["type"]):
        return [f"{at} is {value!r}, not of type {schema['type']}"]
    if ("const" in schema and value != schema["const"]) or value not in schema.get("enum", [value]):
        found.append(f"{at} is {value!r}")
    if isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{at} is {value!r}, out of range")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at} is {value!r}, which does not match")
    if isinstance(value, dict):
        properties = schema["properties"]
        found += [f"{at} has no {name}" for name in schema["required"] if name not in value]
        found += [f"{at} has {name}, which the schema does not list" for name in value if name not in properties]
        found += [fault for name in value if name in properties
                  for fault in faults(value[name], properties[name], root, f"{at}.{name}")]
    if isinstance(value, list):
        found += [fault for i, one in enumerate(value) for fault in faults(one, schema["items"], root, f"{at}[{i}]")]
    return found


def is_kind(value, kind):
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def resolved(schema, root):
    return root["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def joined(schemas):
    return {"type": "object", "required": [name for one in schemas for name in one["required"]],
            "properties": {name: value for one in schemas for name, value in one["properties"].items()}}
