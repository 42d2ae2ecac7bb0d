"""What the values of each intent type mean: drafts to the fields of the contract.

One function a type, by the annotation guide. Nothing here looks at words; the grammar has named the values.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from nlp.draft import Draft, Workload, impossible, inner, places_of, unclear, workload
from nlp.quantity import to_number
from nlp.reading import JSON
from nlp.values import Assign, Value

MAX_REPLICAS = 10_000
MAX_PORT = 65_535
INTERNET = "0.0.0.0/0"
_HOST = "kubernetes.io/hostname"
_PLACES = {
    "zones": "topology.kubernetes.io/zone",
    "regions": "topology.kubernetes.io/region",
    "hosts": "kubernetes.io/hostname",
}
_DURATION = re.compile(r"\d+(?:ms|s|m|h)\Z")
_QUANTITY = re.compile(r"\d+(?:\.\d+)?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?\Z")


def scaling(draft: Draft) -> None:
    """A number of replicas, a change of it, or a range to keep within."""
    if any(name.startswith("autoscale.") for name in draft.found):
        _autoscale(draft)
        return
    changes = [name for name in draft.found if name.startswith("replicas_change.")]
    replicas = draft.one("replicas")
    if (replicas is not None and changes) or len(changes) > 1:
        raise unclear("the number of replicas is said in two ways; say it once")
    if replicas is not None:
        draft.put("replicas", _replicas(replicas), replicas)
        return
    if not changes:
        raise unclear("the number of replicas is missing; say how many, as in 'to 5 replicas'")
    change = draft.one(changes[0])
    if change is not None:
        _change(draft, changes[0].removeprefix("replicas_change."), change)


def _replicas(said: Assign) -> int:
    where = places_of((said,))
    if not isinstance(said.value, int):
        raise impossible(f"{said.value} replicas cannot be; say a whole number", where)
    if not 0 <= said.value <= MAX_REPLICAS:
        raise impossible(f"{said.value} replicas cannot be; say a number from 0 to {MAX_REPLICAS}", where)
    return said.value


def _change(draft: Draft, how: str, change: Assign) -> None:
    """Writes a relative change; what is taken away is stated as a positive number too ("by 2")."""
    where = places_of((change,))
    value = change.value
    if isinstance(value, tuple | str) or value <= 0:
        raise impossible(f"a change of {value} cannot be; say a number above 0", where)
    if how == "to_percent":
        draft.put("replicas_change", {"factor": _plain(Decimal(str(value)) / 100)}, change)
    elif how == "factor":
        draft.put("replicas_change", {"factor": value}, change)
    elif how.endswith("percent"):
        if value > 100:  # noqa: PLR2004
            raise impossible(f"a change by {value} percent cannot be; say 1 to 100", where)
        draft.put("replicas_change", {"percent": -value if how == "fewer_percent" else value}, change)
    else:
        if not isinstance(value, int) or value > MAX_REPLICAS:
            raise impossible(f"a change by {value} replicas cannot be; say a whole number", where)
        draft.put("replicas_change", {"by": -value if how == "fewer" else value}, change)


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _autoscale(draft: Draft) -> None:
    low, high = draft.one("autoscale.min_replicas"), draft.one("autoscale.max_replicas")
    both = draft.one("autoscale.range")
    if both is not None and isinstance(both.value, tuple):
        low, high = (both._replace(value=bound) for bound in both.value if isinstance(bound, int))
    if low is None or high is None:
        raise unclear("autoscaling needs a minimum and a maximum; say 'between 2 and 10 replicas'")
    bounds = [_replicas(low), _replicas(high)]
    if bounds[0] < 1:
        raise impossible("autoscaling keeps at least 1 replica", places_of((low,)))
    if bounds[0] > bounds[1]:
        raise impossible(f"the minimum {bounds[0]} is above the maximum {bounds[1]}", places_of((low, high)))
    draft.put("replicas", bounds[0], low)
    draft.put("autoscale.min_replicas", bounds[0], low)
    draft.put("autoscale.max_replicas", bounds[1], high)
    for name in ("autoscale.target_cpu_percent", "autoscale.target_memory_percent"):
        percent = draft.one(name)
        if percent is not None:
            draft.put(name, _percent(percent, least=1), percent)


def _percent(said: Assign, least: int = 0) -> int:
    where = places_of((said,))
    if not isinstance(said.value, int):
        raise impossible(f"{said.value} percent cannot be; say a whole number", where)
    if not least <= said.value <= 100:  # noqa: PLR2004
        raise impossible(f"{said.value} percent cannot be; say {least} to 100", where)
    return said.value


def deployment(draft: Draft) -> None:
    """A workload, with its image, version and replicas where said."""
    replicas = draft.one("replicas")
    if replicas is not None:
        draft.put("replicas", _replicas(replicas), replicas)
    for name in ("image", "version"):
        said = draft.one(f"deployment.{name}")
        if said is not None and isinstance(said.value, str):
            draft.put(f"deployment.{name}", said.value, said)


def configuration(draft: Draft) -> None:
    """Keys and their values."""
    settings: dict[str, JSON] = {}
    for setting in draft.all("settings[]"):
        parts = inner(setting.value)
        _add_setting(draft, settings, parts["key"], parts["value"])
    key, value = draft.one("setting.key"), draft.one("setting.value")
    if key is not None and value is not None:
        _add_setting(draft, settings, key, value)
    elif key is not None or value is not None or not settings:
        raise unclear("a setting needs a key and a value; say 'set LOG_LEVEL to debug'")
    draft.put("settings", settings)


def _add_setting(draft: Draft, settings: dict[str, JSON], key: Assign, value: Assign) -> None:
    name, text = str(key.value), str(value.value)
    if settings.get(name, text) != text:
        raise unclear(f"{name} is set to {settings[name]} and to {text}; say one", places_of((key, value)))
    settings[name] = text
    draft.places[f"settings.{name}"] = places_of((key, value))


def network_policy(draft: Draft) -> None:
    """A policy at the receiver, unless the text is about egress."""
    action = draft.scalar("network_policy.action")
    if action is None:
        raise unclear("say whether to allow or to deny the traffic")
    draft.put("network_policy.action", action, *draft.all("network_policy.action"))
    direction, target, peers = _sides(draft)
    draft.target = target
    draft.put("network_policy.direction", direction, *draft.all("network_policy.direction"))
    if peers:
        draft.put("network_policy.peers", [_peer(peer) for peer in peers])
        draft.places["network_policy.peers"] = tuple(place for peer in peers for place in peer.places)
    _ports(draft)


def flows(found: dict[str, list[Assign]]) -> list[dict[str, list[Assign]]]:
    """Splits traffic with several receivers (or, where it is about egress, senders) into one flow each."""
    between = found.get("flow.between[]", [])
    if len(between) == 2:  # noqa: PLR2004
        others = {name: values for name, values in found.items() if name != "flow.between[]"}
        return [
            {**others, "flow.from[]": [sender], "flow.to[]": [receiver]}
            for sender, receiver in (between, between[::-1])
        ]
    egress = any(one.value == "egress" for one in found.get("network_policy.direction", []))
    near = "flow.from[]" if egress else "flow.to[]"
    if "target" in found or len(found.get(near, [])) < 2 or not _selects(workload(found[near][0])):  # noqa: PLR2004
        return [found]
    return [{**found, near: [one]} for one in found[near]]


def _sides(draft: Draft) -> tuple[str, Workload, list[Workload]]:
    """Returns the direction, the pods that the policy selects, and those at the other side."""
    senders = [workload(one) for one in draft.all("flow.from[]")]
    receivers = [workload(one) for one in draft.all("flow.to[]")]
    direction = draft.scalar("network_policy.direction")
    own = draft.target
    if direction is None:
        if receivers and not senders and _selects(own) and not _selects(receivers[0]):
            direction = "egress"
        elif senders and receivers:
            direction = "ingress" if _selects(receivers[0]) else "egress"
        else:
            direction = "egress" if receivers and own.places else "ingress"
    if direction == "both":
        return "both", own, senders + receivers
    near, far = (senders, receivers) if direction == "egress" else (receivers, senders)
    if not own.places and len(near) == 1:
        own = near[0] if near[0].name or near[0].cidr else replace(near[0], everything=True)
    elif near:
        raise unclear("the policy would sit at two workloads; name one")
    return str(direction), own, far


def _selects(one: Workload) -> bool:
    return bool(one.name or one.everything or one.pronoun or (one.namespace and not one.cidr))


def _peer(peer: Workload) -> JSON:
    if peer.cidr:
        try:
            ipaddress.ip_network(peer.cidr, strict=False)
        except ValueError as error:
            raise impossible(f"{peer.cidr} is no address range", peer.places) from error
        return {"cidr": peer.cidr}
    if peer.pronoun:
        raise unclear("say the name of the other workload", peer.places)
    found: dict[str, JSON] = {}
    if peer.name:
        found["app"] = _workload_name(peer)
    if peer.namespace:
        found["namespace"] = namespace_name(peer.namespace, peer.namespace_places)
    if not found:
        raise unclear("say which pods are meant: a workload, a namespace or an address range", peer.places)
    return found


def _ports(draft: Draft) -> None:
    protocol = draft.scalar("protocol")
    said: list[tuple[Value, Value, Assign]] = []
    for source in draft.all("network_policy.ports[]"):
        parts = inner(source.value)
        own = parts.get("protocol")
        said.append((parts["port"].value, own.value if own else "", source))
    for source in draft.all("ports"):
        if isinstance(source.value, tuple):
            said.extend((number, "", source) for number in source.value if isinstance(number, int))
    if protocol and not said:
        raise unclear("a protocol without a port; say the port")
    ports: list[JSON] = []
    for number, own_protocol, source in said:
        if not isinstance(number, int) or not 1 <= number <= MAX_PORT:
            raise impossible(f"there is no port {number}; say 1 to {MAX_PORT}", places_of((source,)))
        port: dict[str, JSON] = {"port": number}
        if own_protocol or protocol:
            port["protocol"] = str(own_protocol or protocol)
        else:
            draft.assume(f"network_policy.ports[{len(ports)}].protocol", "TCP", "no protocol was said")
        if port not in ports:
            ports.append(port)
    if ports:
        draft.put("network_policy.ports", ports, *(source for _, _, source in said))


def resource_limits(draft: Draft) -> None:
    """Requests, limits, or the quota of a namespace; limits where the text says neither."""
    default = draft.scalar("bound")
    quota = draft.target.everything or default == "quota"
    for name in list(draft.found):
        _, _, rest = name.partition("resources.")
        bound, _, resource = rest.partition(".")
        said = draft.one(name) if resource else None
        if said is None or not isinstance(said.value, str):
            continue
        if bound == "unsaid" or quota:
            bound = "quota" if quota else str(default or "limits")
            if not quota and default is None:
                draft.assume(f"resources.limits.{resource}", said.value, "neither request nor limit was said")
        if not _QUANTITY.match(said.value):
            raise impossible(f"{said.value} of {resource} cannot be", places_of((said,)))
        before = draft.fields.get("resources")
        known = before.get(bound) if isinstance(before, dict) else None
        if isinstance(known, dict) and known.get(resource, said.value) != said.value:
            raise unclear(f"the {resource} is said twice; say it once", places_of((said,)))
        draft.put(f"resources.{bound}.{resource}", said.value, said)
    _check_resources(draft)


def _check_resources(draft: Draft) -> None:
    resources = draft.fields.get("resources")
    if not isinstance(resources, dict):
        raise unclear("say how much: an amount with its unit, as in '2 CPUs' or '4Gi'")
    if "quota" in resources:
        draft.target = Workload(everything=True, namespace=draft.target.namespace, places=draft.target.places)
        return
    requests, limits = resources.get("requests"), resources.get("limits")
    if "pods" in (limits or {}) or "pods" in (requests or {}):
        raise unclear("a number of pods is a quota of a namespace; name the namespace, not a workload")
    if not isinstance(requests, dict) or not isinstance(limits, dict):
        return
    for resource, amount in requests.items():
        limit = limits.get(resource)
        if limit is not None and to_number(str(amount)) > to_number(str(limit)):
            raise impossible(f"the {resource} request {amount} is above its limit {limit}")


def affinity(draft: Draft) -> None:
    """Where pods may run: by node labels, by other pods, or spread."""
    kind = draft.one("affinity.kind")
    if kind is None:
        raise unclear("say where the pods are to run")
    preferred = draft.all("preferred")
    draft.put("affinity.kind", str(kind.value), kind)
    draft.put("affinity.required", not preferred, *preferred)
    labels: dict[str, list[JSON]] = {}
    for label in draft.all("affinity.labels[]"):
        parts = inner(label.value)
        values = labels.setdefault(str(parts["key"].value), [])
        if "value" in parts and str(parts["value"].value) not in values:
            values.append(str(parts["value"].value))
    sources = draft.all("affinity.labels[]")
    for name, key in _PLACES.items():
        for place in draft.all(name):
            labels.setdefault(key, []).append(str(place.value))
            sources = [*sources, place]
    if labels:
        draft.put("affinity.labels", dict[str, JSON](labels), *sources)
    _topology(draft, str(kind.value))


def _topology(draft: Draft, kind: str) -> None:
    topology, skew = draft.one("affinity.topology_key"), draft.one("affinity.max_skew")
    other = draft.all("affinity.with")
    if kind in ("pod", "pod_anti"):
        if len(other) > 1:
            raise unclear("say one other workload", places_of(other))
        name = _workload_name(workload(other[0])) if other else draft.target.name
        if not name or (kind == "pod" and name == draft.target.name):
            raise unclear("say the other workload")
        draft.put("affinity.with", name, *other)
    if kind in ("pod", "pod_anti", "spread"):
        key = str(topology.value) if topology else _HOST
        draft.put("affinity.topology_key", key, *((topology,) if topology else ()))
        if topology is None:
            draft.assume("affinity.topology_key", key, "no topology was said")
    if skew is not None:
        if not isinstance(skew.value, int) or skew.value < 1:
            raise impossible(f"a skew of {skew.value} cannot be; say 1 or more", places_of((skew,)))
        draft.put("affinity.max_skew", skew.value, skew)


def service_mesh(draft: Draft) -> None:
    """mTLS, traffic split, timeout, retries, circuit breaker, fault."""
    mode = draft.one("service_mesh.mtls")
    if mode is not None:
        draft.put("service_mesh.mtls", str(mode.value), mode)
    _split(draft)
    for name in ("timeout", "retries.per_try_timeout", "circuit_breaker.ejection_time", "fault.delay"):
        said = draft.one(f"service_mesh.{name}")
        if said is not None:
            if not _DURATION.match(str(said.value)):
                raise impossible(f"a duration of {said.value} cannot be", places_of((said,)))
            draft.put(f"service_mesh.{name}", str(said.value), said)
    for name, least, most in (
        ("retries.attempts", 0, 100),
        ("circuit_breaker.consecutive_errors", 1, None),
        ("circuit_breaker.max_connections", 1, None),
        ("circuit_breaker.max_pending_requests", 1, None),
        ("fault.abort_status", 200, 599),
        ("fault.percent", 0, 100),
    ):
        said = draft.one(f"service_mesh.{name}")
        if said is not None:
            draft.put(f"service_mesh.{name}", _bounded(said, name, least, most), said)
    mesh = draft.fields.get("service_mesh")
    if not isinstance(mesh, dict):
        raise unclear("say what the mesh is to do: mTLS mode, split, timeout, retries, breaker or fault")
    retries, fault = mesh.get("retries"), mesh.get("fault")
    if isinstance(retries, dict) and "attempts" not in retries:
        raise unclear("say how many retries")
    if isinstance(fault, dict) and not {"delay", "abort_status"} & set(fault):
        raise unclear("say the fault: a delay or a status")


def _bounded(said: Assign, name: str, least: int, most: int | None) -> int:
    value = said.value
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        bounds = f"{least} to {most}" if most is not None else f"{least} or more"
        what = name.rpartition(".")[2].replace("_", " ")
        raise impossible(f"{what} {value} cannot be; say {bounds}", places_of((said,)))
    return value


def _split(draft: Draft) -> None:
    shares = draft.all("shares[]")
    versions = [str(one.value) for one in draft.all("versions[]")]
    percents = draft.all("percents")
    split: dict[str, JSON] = {}
    rest = [str(one.value) for one in draft.all("rest")]
    for share in shares:
        parts = inner(share.value)
        version = str(parts["version"].value)
        if version in split:
            raise unclear(f"{version} is said twice", places_of((share,)))
        split[version] = _percent(parts["percent"])
    if versions:
        split.update(_zipped(draft, versions, percents))
    if not split and not rest:
        return
    sources = (*shares, *draft.all("versions[]"), *percents, *draft.all("rest"))
    if len(rest) > 1:
        raise unclear("the rest goes to one version; say which", places_of(sources))
    if rest:
        left = 100 - sum(value for value in split.values() if isinstance(value, int))
        if rest[0] in split or not split:
            raise unclear(f"{rest[0]} is said twice", places_of(sources))
        if left < 0:
            raise impossible("the shares are more than 100 percent", places_of(sources))
        split[rest[0]] = left
    if len(split) == 1:
        raise unclear("say where the rest of the traffic goes", places_of(sources))
    total = sum(value for value in split.values() if isinstance(value, int))
    if total != 100:  # noqa: PLR2004
        raise impossible(f"the shares add up to {total} percent, not 100", places_of(sources))
    draft.put("service_mesh.traffic_split", split, *sources)


def _zipped(draft: Draft, versions: list[str], percents: list[Assign]) -> dict[str, JSON]:
    if len(set(versions)) != len(versions):
        raise unclear("a version is said twice")
    numbers: list[int] = []
    for one in percents:
        if isinstance(one.value, tuple):
            numbers.extend(number for number in one.value if isinstance(number, int))
        else:
            numbers.append(_percent(one))
    if not numbers and draft.all("even"):
        if 100 % len(versions):
            raise unclear(f"100 percent do not divide equally by {len(versions)}; say the shares")
        numbers = [100 // len(versions)] * len(versions)
    if len(numbers) != len(versions):
        raise unclear("say a share for each version")
    return dict(zip(versions, numbers, strict=True))


def namespace_name(name: str, places: tuple[tuple[int, int], ...]) -> str:
    """Checks the name of a namespace.

    Raises:
        Rejected: it is no DNS-1123 name.
    """
    return _dns_name(name, "namespace", places)


def _workload_name(one: Workload) -> str:
    return _dns_name(one.name, "workload", one.places)


def _dns_name(name: str, what: str, places: tuple[tuple[int, int], ...]) -> str:
    if len(name) > 63 or not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name):  # noqa: PLR2004
        raise impossible(f"{name!r} is no {what} name: small letters, digits and dashes, at most 63", places)
    return name


def target_name(one: Workload) -> str:
    """Checks the name of a target; `*` is every pod.

    Raises:
        Rejected: none is said, or it is no DNS-1123 name.
    """
    if one.everything:
        return "*"
    if not one.name:
        raise unclear("the workload is missing; say which one", one.places)
    return _workload_name(one)


MEANINGS: dict[str, Callable[[Draft], None]] = {
    "scaling": scaling,
    "deployment": deployment,
    "configuration": configuration,
    "network_policy": network_policy,
    "resource_limits": resource_limits,
    "affinity": affinity,
    "service_mesh": service_mesh,
}
ROOTS = {
    "autoscale": "scaling",
    "replicas_change": "scaling",
    "deployment": "deployment",
    "settings[]": "configuration",
    "setting": "configuration",
    "flow": "network_policy",
    "ports": "network_policy",
    "protocol": "network_policy",
    "shares[]": "service_mesh",
    "network_policy": "network_policy",
    "resources": "resource_limits",
    "affinity": "affinity",
    "service_mesh": "service_mesh",
}
"""The type that a field belongs to, by its first part; other fields belong to the clause's own type."""
