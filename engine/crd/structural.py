"""From pydantic models to the structural schemas that Kubernetes asks of a CustomResourceDefinition; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT = (
    "type",
    "format",
    "description",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "required",
)
"""Keywords that mean the same in both. A title says nothing new. A default would be written into every
object, and GitOps tools would see a difference that nobody made."""
PRESERVE = "x-kubernetes-preserve-unknown-fields"


def structural_schema(model: type[BaseModel]) -> Schema:
    """Returns the schema of a model: references resolved, no null, unknown fields kept where it says so.

    Raises:
        ValueError: the model has what a structural schema cannot say.
    """
    whole = model.model_json_schema(by_alias=True)
    return _converted(whole, whole.get("$defs", {}))


def _converted(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    node = _resolved(node, definitions)
    result: Schema = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        result["enum"] = [node["const"]]
    if "properties" in node:
        result["properties"] = {
            name: _converted(field, definitions) for name, field in node["properties"].items()
        }
    if "items" in node:
        result["items"] = _converted(node["items"], definitions)
    additional = node.get("additionalProperties", False)
    values = _converted(additional, definitions) if isinstance(additional, dict) else {PRESERVE: True}
    if additional and values == {PRESERVE: True}:
        result[PRESERVE] = True
    elif additional:
        result["additionalProperties"] = values
    if not result.keys() - {"description"}:
        result[PRESERVE] = True  # any value at all
    return result | {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows references and drops null from a choice; what stands beside a reference goes before it."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            inner, beside = definitions[node["$ref"].rpartition("/")[2]], "$ref"
        else:
            choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
            if len(choices) != 1:
                raise ValueError(f"a structural schema has no choice between types: {node['anyOf']}")
            inner, beside = choices[0], "anyOf"
        node = {**inner, **{key: value for key, value in node.items() if key != beside}}
    return node
