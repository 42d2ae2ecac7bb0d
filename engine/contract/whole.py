"""The contract in force: the base schema, extended by the types that users teach."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from engine.contract.problem import Problem
from engine.contract.semantics import semantic_problems
from engine.contract.structure import Structure, base_schema

_BODIES = (
    "replicas",
    "autoscale",
    "deployment",
    "settings",
    "network_policy",
    "resources",
    "affinity",
    "service_mesh",
)
"""The fields in which the built-in types say what is to be."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What actions may say."""

    _schema: Mapping[str, Any] = field(repr=False)
    _structure: Structure = field(repr=False, compare=False)

    @classmethod
    def of(cls, taught: Mapping[str, Mapping[str, Any]] | None = None) -> Contract:
        """Returns the base contract, extended by types.

        Args:
            taught: for each type, the JSON schema of its body, the field of an action that has its name.
        """
        schema = base_schema()
        for name, body in (taught or {}).items():
            _add(schema, name, body, [*_BODIES, *(other for other in taught or {} if other != name)])
        if taught:
            # What is extended here is no longer the document that is published under the base's name.
            schema.pop("$id")
        return cls(schema, Structure(schema))

    def schema(self) -> dict[str, Any]:
        """Returns a copy of the JSON schema of an action."""
        return deepcopy(dict(self._schema))

    def validate(self, action: Mapping[str, Any]) -> tuple[Problem, ...]:
        """Returns all that is wrong with an action, sorted by field; empty if it fits the contract.

        Values are compared with one another only in an action that has the right shape.
        """
        return tuple(self._structure.problems(action) or semantic_problems(action))

    def said_problems(self, action: Mapping[str, Any]) -> list[str]:
        """Returns what is wrong with an action in words, as rules are told it."""
        return [f"{problem.field}: {problem.message}" for problem in self.validate(action)]


def _add(schema: dict[str, Any], name: str, body: Mapping[str, Any], others: list[str]) -> None:
    """Adds a type: its body is required in its own actions and stands in no others."""
    schema["properties"]["intent_type"]["enum"].append(name)
    schema["properties"][name] = deepcopy(dict(body))
    absent: dict[str, Any] = {other: {"not": {}} for other in others}
    schema["allOf"].append(
        {
            "if": {"properties": {"intent_type": {"const": name}}, "required": ["intent_type"]},
            "then": {
                "required": [name],
                "properties": {"target": {"$ref": "#/definitions/label"}, **absent},
            },
            "else": {"properties": {name: {"not": {}}}},
        }
    )
