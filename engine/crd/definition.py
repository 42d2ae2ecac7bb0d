"""The CustomResourceDefinition itself: names, columns, and the rules that the models check in Python."""

from __future__ import annotations

from typing import Any

from engine.crd.status import Status
from engine.crd.structural import PRESERVE, Schema, structural_schema
from engine.network_intent import GROUP, KIND, VERSION, IntentSpec

PLURAL = "networkintents"
_SINGULAR = "networkintent"
_SHORT_NAME = "ni"
CATEGORY = "conductor-watch"
"""By which `kubectl` finds the resource whatever its group is: `kubectl get conductor-watch`."""

_RULES: dict[tuple[str, ...], list[dict[str, str]]] = {
    ("intent",): [
        {
            "rule": "self.trim() != ''",
            "message": "the intent is blank; say what is wanted, as in 'scale amf to 5 replicas'",
        }
    ],
}
"""By field of the spec, what its model checks in Python, as CEL that every version since 1.26 knows."""
_COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Reason", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].reason'},
    {"name": "Type", "type": "string", "jsonPath": ".status.interpretation.actions[*].intent_type"},
    {"name": "Target", "type": "string", "jsonPath": ".status.interpretation.actions[*].target"},
    {"name": "Message", "type": "string", "jsonPath": ".status.lastMessage"},
    # As text: a date column shows how long ago it was, and this one is to come.
    {"name": "Next retry", "type": "string", "jsonPath": ".status.nextRetryTime"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Intent", "type": "string", "jsonPath": ".spec.intent", "priority": 1},
    {
        "name": "Published",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Published")].status',
        "priority": 1,
    },
    {"name": "Attempts", "type": "integer", "jsonPath": ".status.attempts", "priority": 1},
)
"""What `kubectl get` shows, those of priority 1 with `-o wide`; of several actions the first."""


def definition(group: str = GROUP, version: str = VERSION, plural: str = PLURAL) -> dict[str, Any]:
    """Returns the CustomResourceDefinition as a plain object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": plural,
                "singular": _SINGULAR,
                "shortNames": [_SHORT_NAME],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [dict(column) for column in _COLUMNS],
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }


def _schema() -> Schema:
    return {
        "type": "object",
        "description": "A wish about the network, in plain language.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec(),
            "status": structural_schema(Status),
        },
    }


def _spec() -> Schema:
    spec = structural_schema(IntentSpec)
    # A mistyped limit would be pruned, and lost in silence; kept, it is refused with the name that was meant.
    spec["properties"]["constraints"][PRESERVE] = True
    for path, found in _RULES.items():
        node = spec
        for step in path:
            node = node["properties"][step]
        node["x-kubernetes-validations"] = found
    return spec
