"""What the values of each intent type mean: drafts to the fields of the contract.

One function a type, by the annotation guide. Nothing here looks at words; the grammar has named the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from nlp.dns_names import workload_name
from nlp.draft import Draft, Workload, impossible, inner, places_of, unclear, unsupported, workload
from nlp.mesh import service_mesh
from nlp.percent import percent as percent_of
from nlp.policies import network_policy
from nlp.quantity import to_number
from nlp.reading import JSON
from nlp.values import Assign

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
    if isinstance(value, tuple | str) or value == 0 or (value < 0 and not how.startswith("signed")):
        raise impossible(f"a change of {value} cannot be; say a number above 0", where)
    if how == "to_percent":
        draft.put("replicas_change", {"factor": _plain(Decimal(str(value)) / 100)}, change)
    elif how == "factor":
        draft.put("replicas_change", {"factor": value}, change)
    elif how.endswith("percent"):
        if abs(value) > 100:  # noqa: PLR2004
            raise impossible(f"a change by {value} percent cannot be; say 1 to 100", where)
        draft.put("replicas_change", {"percent": -value if how == "fewer_percent" else value}, change)
    else:
        if not isinstance(value, int) or abs(value) > MAX_REPLICAS:
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
            draft.put(name, percent_of(percent, least=1), percent)


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
    after = draft.one("setting.after")
    if after is not None and value is None and key is not None and key.end <= after.start:
        value = after
    if key is not None and value is not None:
        _add_setting(draft, settings, key, value)
    elif key is not None or value is not None or after is not None or not settings:
        raise unclear("a setting needs a key and a value; say 'set LOG_LEVEL to debug'")
    draft.put("settings", settings)


def _add_setting(draft: Draft, settings: dict[str, JSON], key: Assign, value: Assign) -> None:
    name, text = str(key.value), str(value.value)
    if settings.get(name, text) != text:
        raise unclear(f"{name} is set to {settings[name]} and to {text}; say one", places_of((key, value)))
    settings[name] = text
    draft.places[f"settings.{name}"] = places_of((key, value))


def resource_limits(draft: Draft) -> None:
    """Requests, limits, or the quota of a namespace; limits where the text says neither."""
    default = draft.scalar("bound")
    quota = draft.target.everything or default == "quota"
    apiece = [*draft.all("apiece"), *(one for one in draft.all("target") if "apiece" in inner(one.value))]
    if quota and apiece:
        raise unclear("a quota is of a namespace as a whole; name the workload to limit", places_of(apiece))
    for name in list(draft.found):
        _, _, rest = name.partition("resources.")
        bound, _, resource = rest.partition(".")
        said = draft.one(name) if resource else None
        if said is None or not isinstance(said.value, str) or resource == "before":
            continue
        resource = _resource(draft, resource, said)
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


def _resource(draft: Draft, read: str, amount: Assign) -> str:
    """Returns the resource that an amount is of, where it was named apart: bytes may be of storage too."""
    named = draft.scalar("resource")
    if named is None or named == read or (named == "ephemeral-storage" and read == "memory"):
        return str(named or read)
    raise unclear(f"{amount.value} is no amount of {named}; say one that is", places_of((amount,)))


def _check_resources(draft: Draft) -> None:
    resources = draft.fields.get("resources")
    if not isinstance(resources, dict):
        raise unclear("say how much: an amount with its unit, as in '2 CPUs' or '4Gi'")
    if "quota" in resources:
        draft.target = Workload(everything=True, namespace=draft.target.namespace, places=draft.target.places)
        return
    requests, limits = resources.get("requests"), resources.get("limits")
    if any(isinstance(bound, dict) and "pods" in bound for bound in (requests, limits)):
        raise unclear("a number of pods is a quota of a namespace; name the namespace, not a workload")
    if isinstance(requests, dict) and isinstance(limits, dict):
        check_bounds(requests, limits)


def check_bounds(requests: Mapping[str, JSON], limits: Mapping[str, JSON]) -> None:
    """Compares requests and limits by resource.

    Raises:
        Rejected: a request is above its limit.
    """
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
    if len(labels) > 1 and draft.all("affinity.either"):
        raise unsupported(
            "nodes by one label or by another cannot be asked for; name one", places_of(sources)
        )
    if labels:
        draft.put("affinity.labels", dict[str, JSON](labels), *sources)
    elif str(kind.value) in ("node", "node_anti"):
        raise unclear("say which nodes, as in 'nodes labelled disktype=ssd'")
    _topology(draft, str(kind.value))


def _topology(draft: Draft, kind: str) -> None:
    topology, skew = draft.one("affinity.topology_key"), draft.one("affinity.max_skew")
    other = draft.all("affinity.with")
    if kind in ("pod", "pod_anti"):
        if len(other) > 1:
            raise unclear("say one other workload", places_of(other))
        name = workload_name(workload(other[0])) if other else draft.target.name
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
    "preferred": "affinity",
    **dict.fromkeys(_PLACES, "affinity"),
    "service_mesh": "service_mesh",
}
"""The type that a field belongs to, by its first part; other fields belong to the clause's own type."""
