"""The live objects around one action, looked up once and frozen: `gather` is the only input here.

A None is not known, which is never the same as absent or empty; `unknown` says why, by the fact's name. What
follows from the objects (which Services select the target, which policies isolate it) is asked of the view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from engine.live.inventory import Inventory, Object, UnknownFact
from engine.live.objects import (
    ConfigMapUse,
    config_map_uses,
    name_of,
    pod_labels,
    policy_directions,
    selector_matches,
)
from rules.snapshot import Origin

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
EVERY_POD = "*"
"""The target that stands for every pod of the namespace."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """What is known of the world around one action.

    Attributes:
        origin: where the objects come from.
        digest: of the inventory at that time.
        namespace: the name of the action's namespace.
        target: the name of its target, or `*`.
        namespace_object: the Namespace.
        workload: the target's live object; None where it is absent or, if `unknown` says so, not known.
        workloads: every Deployment, StatefulSet and DaemonSet of the namespace, and so on for each kind.
        others: the workloads that the action names beside its target, by namespace and name.
        namespaces: the Namespaces that it names beside its own.
        unknown: for each of these fields that is not known, why.
    """

    origin: Origin
    digest: str
    namespace: str
    target: str
    namespace_object: Object | None = None
    workload: Object | None = None
    workloads: tuple[Object, ...] | None = None
    autoscalers: tuple[Object, ...] | None = None
    services: tuple[Object, ...] | None = None
    config_maps: tuple[Object, ...] | None = None
    policies: tuple[Object, ...] | None = None
    quotas: tuple[Object, ...] | None = None
    nodes: tuple[Object, ...] | None = None
    virtual_services: tuple[Object, ...] | None = None
    destination_rules: tuple[Object, ...] | None = None
    peer_authentications: tuple[Object, ...] | None = None
    others: Mapping[tuple[str, str], Object | None] = field(default_factory=dict)
    namespaces: Mapping[str, Object | None] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)

    def target_autoscalers(self) -> tuple[Object, ...] | None:
        """Returns the HorizontalPodAutoscalers that rule the target's replicas."""
        if self.autoscalers is None or self.workload is None:
            return None
        kind, name = self.workload["kind"], name_of(self.workload)

        def rules_it(autoscaler: Object) -> bool:
            target = autoscaler["spec"]["scaleTargetRef"]
            return bool(target["kind"] == kind and target["name"] == name)

        return tuple(autoscaler for autoscaler in self.autoscalers if rules_it(autoscaler))

    def target_services(self) -> tuple[Object, ...] | None:
        """Returns the Services that select the target's pods."""
        if self.services is None or self.workload is None:
            return None
        labels = pod_labels(self.workload)

        def selects(service: Object) -> bool:
            selector = service["spec"].get("selector") or {}
            return bool(selector) and all(labels.get(key) == value for key, value in selector.items())

        return tuple(service for service in self.services if selects(service))

    def target_policies(self, direction: str) -> tuple[Object, ...] | None:
        """Returns the NetworkPolicies that isolate the target's pods for `ingress` or `egress`.

        For `*` these are all that isolate any pod of the namespace.
        """
        if self.policies is None or (self.workload is None and self.target != EVERY_POD):
            return None
        labels = pod_labels(self.workload) if self.workload is not None else None

        def isolates(policy: Object) -> bool:
            selected = labels is None or selector_matches(policy["spec"].get("podSelector") or {}, labels)
            return selected and direction in policy_directions(policy)

        return tuple(policy for policy in self.policies if isolates(policy))

    def target_config_maps(self) -> tuple[ConfigMapUse, ...] | None:
        """Returns how the target's pods use ConfigMaps, in the order of their template."""
        return None if self.workload is None else config_map_uses(self.workload)


def gather(action: Mapping[str, Any], inventory: Inventory) -> LiveView:
    """Looks up all that one action needs to be decided and rendered; raises nothing for what is unknown.

    Args:
        action: by the contract, or with `replicas_change` in place of `replicas`.
        inventory: of the origin that knows the action's namespace.
    """
    namespace, target = action["namespace"], action["target"]
    ask = _Lookup(inventory, namespace)
    return LiveView(
        origin=inventory.origin,
        digest=inventory.digest,
        namespace=namespace,
        target=target,
        namespace_object=ask.namespace("namespace_object", namespace),
        workload=None
        if target == EVERY_POD
        else ask.workload("workload", namespace, target, action.get("target_kind", "")),
        workloads=ask.objects("workloads", *WORKLOAD_KINDS),
        autoscalers=ask.objects("autoscalers", "HorizontalPodAutoscaler"),
        services=ask.objects("services", "Service"),
        config_maps=ask.objects("config_maps", "ConfigMap"),
        policies=ask.objects("policies", "NetworkPolicy"),
        quotas=ask.objects("quotas", "ResourceQuota"),
        nodes=ask.nodes(),
        virtual_services=ask.objects("virtual_services", "VirtualService"),
        destination_rules=ask.objects("destination_rules", "DestinationRule"),
        peer_authentications=ask.objects("peer_authentications", "PeerAuthentication"),
        others={key: ask.workload("/".join(key), *key) for key in _named_workloads(action)},
        namespaces={name: ask.namespace(name, name) for name in _named_namespaces(action)},
        unknown=ask.unknown,
    )


class _Lookup:
    """Asks the inventory and notes why an answer is not known."""

    def __init__(self, inventory: Inventory, namespace: str) -> None:
        self.unknown: dict[str, str] = {}
        self._inventory = inventory
        self._namespace = namespace

    def objects(self, fact: str, *kinds: str) -> tuple[Object, ...] | None:
        try:
            return tuple(chain.from_iterable(self._inventory.list(kind, self._namespace) for kind in kinds))
        except UnknownFact as unknown:
            self.unknown[fact] = str(unknown)
            return None

    def nodes(self) -> tuple[Object, ...] | None:
        """Nodes that nobody lists are nodes that nobody knows: no cluster runs without one."""
        try:
            nodes = self._inventory.list("Node", "")
        except UnknownFact as unknown:
            self.unknown["nodes"] = str(unknown)
            return None
        if not nodes:
            self.unknown["nodes"] = f"the {self._inventory.origin} lists no Nodes"
        return nodes or None

    def namespace(self, fact: str, name: str) -> Object | None:
        try:
            return self._inventory.get("Namespace", "", name)
        except UnknownFact as unknown:
            self.unknown[fact] = str(unknown)
            return None

    def workload(self, fact: str, namespace: str, name: str, stated_kind: str = "") -> Object | None:
        """Finds the workload of a name, of whatever kind; the stated kind where there are several."""
        try:
            found = [self._inventory.get(kind, namespace, name) for kind in WORKLOAD_KINDS]
        except UnknownFact as unknown:
            self.unknown[fact] = str(unknown)
            return None
        live = [workload for workload in found if workload is not None]
        if len(live) > 1:
            live = [workload for workload in live if workload["kind"] == stated_kind] or live
        if len(live) > 1:
            kinds = " and a ".join(workload["kind"] for workload in live)
            self.unknown[fact] = (
                f"there is a {kinds} named {name} in namespace {namespace}; say which is meant"
            )
            return None
        return live[0] if live else None


def _named_workloads(action: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Names the peers of a policy and the companion of an affinity, each with its namespace."""
    own = action["namespace"]
    named = {
        (peer.get("namespace", own), peer["app"])
        for peer in action.get("network_policy", {}).get("peers", ())
        if "app" in peer
    }
    companion = action.get("affinity", {}).get("with")
    return named | {(own, companion)} if companion else named


def _named_namespaces(action: Mapping[str, Any]) -> set[str]:
    peers = action.get("network_policy", {}).get("peers", ())
    return {peer["namespace"] for peer in peers if "namespace" in peer}
