"""What a schema cannot say of an action: how its values stand to one another, and what they come to.

Each check takes an action that fits the schema, and yields what it finds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from engine.contract.problem import Problem
from engine.contract.quantities import amount, milliseconds

Action = Mapping[str, Any]


def semantic_problems(action: Action) -> list[Problem]:
    """Returns what is wrong with the values of an action that fits the schema, sorted by field."""
    return sorted(problem for check in _CHECKS for problem in check(action))


def _autoscale(action: Action) -> Iterator[Problem]:
    if (autoscale := action.get("autoscale")) is None:
        return
    least, most = autoscale["min_replicas"], autoscale["max_replicas"]
    if least > most:
        yield Problem("autoscale.min_replicas", f"{least} is more than max_replicas, {most}")
    if action["replicas"] != least:
        yield Problem(
            "replicas", f"{action['replicas']} is not min_replicas, {least}: autoscaling starts there"
        )


def _cidrs(action: Action) -> Iterator[Problem]:
    for index, peer in enumerate(action.get("network_policy", {}).get("peers", ())):
        if "cidr" in peer and (fault := _cidr_fault(peer["cidr"])):
            yield Problem(f"network_policy.peers[{index}].cidr", fault)


def _cidr_fault(cidr: str) -> str:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return f"{cidr} is no range of addresses: use one such as 10.0.0.0/8 or fd00::/8"
    address = ipaddress.ip_address(cidr.partition("/")[0])
    if address != network.network_address:
        return f"{cidr} is an address within {network}: use {network}, or {address}/{network.max_prefixlen}"
    return ""


def _ports(action: Action) -> Iterator[Problem]:
    seen = set()
    for index, entry in enumerate(action.get("network_policy", {}).get("ports", ())):
        port = (entry["port"], entry.get("protocol", "TCP"))
        if port in seen:
            yield Problem(f"network_policy.ports[{index}]", f"{port[0]}/{port[1]} is there twice")
        seen.add(port)


def _quantities(action: Action) -> Iterator[Problem]:
    resources = action.get("resources", {})
    for part, quantities in resources.items():
        for name, quantity in quantities.items():
            field = f"resources.{part}.{name}"
            if part == "limits" and amount(quantity) == 0:
                yield Problem(field, "a limit of 0 lets nothing run")
            if name == "cpu" and amount(quantity) * 1000 % 1:
                yield Problem(field, f"{quantity} is finer than 1m, the smallest share of a core")
            if name in {"memory", "ephemeral-storage"} and amount(quantity) % 1:
                yield Problem(field, f"{quantity} is no whole number of bytes")


def _requests_within_limits(action: Action) -> Iterator[Problem]:
    resources = action.get("resources", {})
    limits = resources.get("limits", {})
    for name, request in resources.get("requests", {}).items():
        if name in limits and amount(request) > amount(limits[name]):
            yield Problem(f"resources.requests.{name}", f"{request} is more than the limit, {limits[name]}")


def _traffic_split(action: Action) -> Iterator[Problem]:
    split = action.get("service_mesh", {}).get("traffic_split")
    if split is not None and (total := sum(split.values())) != 100:  # noqa: PLR2004 - percent
        yield Problem("service_mesh.traffic_split", f"adds up to {total} percent, not to 100")


def _durations(action: Action) -> Iterator[Problem]:
    mesh = action.get("service_mesh", {})
    durations = {
        "timeout": mesh.get("timeout"),
        "retries.per_try_timeout": mesh.get("retries", {}).get("per_try_timeout"),
        "circuit_breaker.ejection_time": mesh.get("circuit_breaker", {}).get("ejection_time"),
        "fault.delay": mesh.get("fault", {}).get("delay"),
    }
    for field, duration in durations.items():
        if duration is not None and milliseconds(duration) == 0:
            yield Problem(f"service_mesh.{field}", "must be longer than 0")


def _fault(action: Action) -> Iterator[Problem]:
    fault = action.get("service_mesh", {}).get("fault")
    if fault is not None and fault.keys() == {"percent"}:
        yield Problem("service_mesh.fault", "says how much, but neither delay nor abort_status")


_CHECKS = (
    _autoscale,
    _cidrs,
    _ports,
    _quantities,
    _requests_within_limits,
    _traffic_split,
    _durations,
    _fault,
)
