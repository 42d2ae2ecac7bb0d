"""A structured action in a few words, for tables and messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Action = Mapping[str, Any]


def describe(action: Action, own_namespace: str = "") -> str:
    """Returns what an action does, as `scale amf to 5 (core)`; its namespace only where it is another one."""
    said = _SAYINGS.get(action["intent_type"], _other)(action)
    namespace = action.get("namespace", "?")
    return said if namespace == own_namespace else f"{said} ({namespace})"


def describe_all(actions: Sequence[Action], own_namespace: str = "") -> str:
    """Returns what several actions do, one after the other."""
    return "; ".join(describe(action, own_namespace) for action in actions)


def _scaling(action: Action) -> str:
    target = action["target"]
    if "autoscale" in action:
        auto = action["autoscale"]
        goals = [
            f"{name} {auto[field]}%"
            for name, field in (("CPU", "target_cpu_percent"), ("memory", "target_memory_percent"))
            if field in auto
        ]
        at = f" at {', '.join(goals)}" if goals else ""
        return f"autoscale {target} {auto['min_replicas']}…{auto['max_replicas']}{at}"
    if "replicas_change" in action:
        ((how, amount),) = action["replicas_change"].items()
        change = {"by": f"by {amount:+}", "percent": f"by {amount:+}%", "factor": f"times {amount}"}
        return f"scale {target} {change[how]}"
    return f"scale {target} to {action.get('replicas', '?')}"


def _deployment(action: Action) -> str:
    parts = [f"deploy {action['target']}"]
    details = action.get("deployment", {})
    if "image" in details:
        parts.append(f"from {details['image']}")
    if "version" in details:
        parts.append(f"version {details['version']}")
    if "replicas" in action:
        parts.append(f"with {action['replicas']} replicas")
    return " ".join(parts)


def _configuration(action: Action) -> str:
    return f"set {_pairs(action['settings'])} on {action['target']}"


def _network_policy(action: Action) -> str:
    policy = action["network_policy"]
    peers = ", ".join("/".join(str(peer[part]) for part in peer) for peer in policy.get("peers", ()))
    ports = ", ".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in policy.get("ports", ()))
    direction = "traffic" if policy["direction"] == "both" else policy["direction"]
    preposition = "with" if policy["direction"] == "both" else "to" if direction == "egress" else "from"
    words = [policy["action"], direction, "of", action["target"]]
    words += [preposition, peers] if peers else []
    words += ["on", ports] if ports else []
    return " ".join(words)


def _resource_limits(action: Action) -> str:
    blocks = [f"{name} {_pairs(values)}" for name, values in action["resources"].items()]
    target = "the namespace" if action["target"] == "*" else action["target"]
    return f"{target}: {'; '.join(blocks)}"


def _affinity(action: Action) -> str:
    rule = action["affinity"]
    labels = ", ".join(
        f"{key}={'|'.join(values)}" if values else key for key, values in rule.get("labels", {}).items()
    )
    where = str(rule.get("topology_key", "")).rpartition("/")[2]
    skew = f" with skew {rule['max_skew']}" if "max_skew" in rule else ""
    says = {
        "node": f"on nodes {labels}",
        "node_anti": f"off nodes {labels}",
        "pod": f"with {rule.get('with')} by {where}",
        "pod_anti": f"apart from {rule.get('with')} by {where}",
        "spread": f"spread over {where}s{skew}",
    }
    must = "" if rule["required"] else " if possible"
    return f"{action['target']} {says[rule['kind']]}{must}"


def _service_mesh(action: Action) -> str:
    parts = []
    for name, value in action["service_mesh"].items():
        title = name.replace("_", " ")
        parts.append(f"{title} {_pairs(value) if isinstance(value, Mapping) else value}")
    return f"{action['target']}: {', '.join(parts)}"


def _other(action: Action) -> str:
    """Describes an action of a type that a user teaches: its body has the type's name."""
    said = f"{action['intent_type'].replace('_', ' ')} {action['target']}"
    return f"{said}: {_pairs(body)}" if (body := action.get(action["intent_type"])) else said


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


_SAYINGS: dict[str, Callable[[Action], str]] = {
    "scaling": _scaling,
    "deployment": _deployment,
    "configuration": _configuration,
    "network_policy": _network_policy,
    "resource_limits": _resource_limits,
    "affinity": _affinity,
    "service_mesh": _service_mesh,
}
