"""network_policy: flows to and from pods, allowed or denied, where policies can only ever add up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.complement import all_but_peers, all_but_ports
from engine.krm.draft import Draft, Refused, known, listing, live_workload, sole_selector, whole
from engine.krm.merge import DENIES
from engine.krm.peers import Internet, Peer, parse_network, peer_rules, peer_words, peers_of
from engine.krm.reach import Flow, may_allow
from engine.live.inventory import Object
from engine.live.objects import name_of, pod_spec, pod_template
from engine.live.view import EVERY_POD, LiveView
from engine.reasons import Reason

_DIRECTIONS = {"ingress": ("ingress",), "egress": ("egress",), "both": ("ingress", "egress")}
_PEERS = {"ingress": "from", "egress": "to"}
_DNS_PORT = 53
_PROTOCOLS = {38412: "SCTP", 2152: "UDP", 8805: "UDP"}
"""What the ports of N2, N3 and N4 carry."""
_SECONDARY_NETWORKS = "k8s.v1.cni.cncf.io/networks"

Wish = Mapping[str, Any]
Ports = tuple[tuple[str, int], ...]


def render(action: Mapping[str, Any], view: LiveView, cluster: ClusterSettings) -> tuple[Draft, ...]:
    """Renders an allowance, an isolation or a denial.

    Raises:
        Refused: a peer is not known; a policy of somebody else allows what is to be denied; the complement
            of a denial cannot be told.
    """
    wish: Wish = action["network_policy"]
    selector = sole_selector(view)
    peers = peers_of(wish, view)
    ports = tuple((port.get("protocol", "TCP"), int(port["port"])) for port in wish.get("ports", ()))
    name = _policy_name(view.target, wish)
    spec: JsonObject = {"podSelector": selector, "policyTypes": []}
    warnings = list(_general_warnings(ports, view))
    for direction in _DIRECTIONS[wish["direction"]]:
        isolating = known(view.target_policies(direction), "policies", view)
        others = [policy for policy in isolating if name_of(policy) != name]
        if wish["action"] == "allow":
            rules = [_rule(direction, peer_rules(peers, cluster), _port_rules(ports))]
            warnings.extend(_undone_by_allowing(direction, peers, ports, others, view))
        else:
            flow = Flow(direction, peers, ports, tuple(map(parse_network, cluster.ranges)))
            denial = _denial(flow, others, view, cluster)
            if denial is None:
                said = _flow_words(flow, view)
                warnings.append(f"{said} is denied already by NetworkPolicy {listing(others)}")
                continue
            rules = denial
            warnings.extend(_cut_by_denying(flow, others, view))
        spec["policyTypes"].append(direction.capitalize())
        spec |= {direction: rules} if rules else {}
    if not spec["policyTypes"]:
        return (Draft(view.target, (), (), tuple(warnings)),)
    item = _policy(wish["action"], name, spec, _words(wish["direction"], peers, ports), view)
    return (Draft(view.target, (item,), tuple(_fields(wish, view.target)), tuple(warnings)),)


def _policy(action: str, name: str, spec: JsonObject, said: str, view: LiveView) -> JsonObject:
    """Returns the policy; one that denies says what, as its rules only say what is left."""
    present = known(view.policies, "policies", view)
    item = whole("networking.k8s.io/v1", "NetworkPolicy", view, name, present, spec=spec)
    if action == "deny":
        item["metadata"]["annotations"] = {DENIES: said}
    return item


def _fields(wish: Wish, target: str) -> Iterator[str]:
    """Yields the flows that the policy decides, so that allowing one and denying it own the same field."""
    ports = sorted(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in wish.get("ports", ()))
    peers = sorted(
        "/".join(peer[part] for part in sorted(peer, reverse=True)) for peer in wish.get("peers", ())
    )
    for direction in _DIRECTIONS[wish["direction"]]:
        for peer in peers or ["*"]:
            for port in ports or ["*"]:
                yield f"NetworkPolicy/{target}:{direction}[{peer}:{port}]"


def _denial(
    flow: Flow, policies: Sequence[Object], view: LiveView, cluster: ClusterSettings
) -> list[JsonObject] | None:
    """Returns the rules that leave everything but the flow; None where it is denied already.

    Over pods that a policy isolates, any rule would add a flow: there, nothing is written but an isolation.

    Raises:
        Refused: Conflict, naming the policies that allow the flow.
    """
    allowing = [policy for policy in policies if may_allow(policy, flow)]
    if allowing:
        message = (
            f"{_flow_words(flow, view)} cannot be denied beside NetworkPolicy {listing(allowing)}, "
            "which may allow it: policies add up, and none takes away; change or withdraw that one first"
        )
        raise Refused(Reason.CONFLICT, message)
    if not flow.peers and not flow.ports:
        return []
    if policies and view.target == EVERY_POD:
        message = (
            f"some pods of namespace {view.namespace} are isolated by NetworkPolicy {listing(policies)} and "
            "others are not; deny it for each workload by name"
        )
        raise Refused(Reason.CONFLICT, message)
    if policies:
        return None
    by_peers = [_rule(flow.direction, all_but_peers(flow.peers, cluster), [])] if flow.peers else []
    by_ports = [_rule(flow.direction, [], all_but_ports(flow.ports))] if flow.ports else []
    return [*by_peers, *by_ports]


def _rule(direction: str, peers: list[JsonObject], ports: list[JsonObject]) -> JsonObject:
    rule: JsonObject = {_PEERS[direction]: peers} if peers else {}
    return {**rule, "ports": ports} if ports else rule


def _port_rules(ports: Ports) -> list[JsonObject]:
    return [{"port": number, "protocol": protocol} for protocol, number in ports]


def _policy_name(target: str, wish: Wish) -> str:
    """Returns a name that says what the policy does; a hash tells those of other peers and ports apart.

    The dot keeps the policies of every pod apart from those of a workload named `all`.
    """
    who = "all." if target == EVERY_POD else f"{target}-"
    name = f"{who}{wish['action']}-{wish['direction']}"
    details = {field: sorted(map(_canonical, wish[field])) for field in ("peers", "ports") if wish.get(field)}
    return f"{name}-{hashlib.sha256(_canonical(details).encode()).hexdigest()[:8]}" if details else name


def _canonical(value: Any) -> str:
    if isinstance(value, Mapping) and "port" in value:
        value = {"protocol": "TCP", **value}
    return json.dumps(value, sort_keys=True)


def _words(direction: str, peers: Sequence[Peer], ports: Ports) -> str:
    way = {"ingress": " from ", "egress": " to ", "both": " from and to "}[direction]
    flow = "ingress and egress" if direction == "both" else direction
    return f"{flow}{way + peer_words(peers) if peers else ''}{' on ' + _port_words(ports) if ports else ''}"


def _flow_words(flow: Flow, view: LiveView) -> str:
    target = f"every pod of namespace {view.namespace}" if view.target == EVERY_POD else view.target
    return f"{target}: {_words(flow.direction, flow.peers, flow.ports)}"


def _port_words(ports: Ports) -> str:
    return ", ".join(f"{number}/{protocol}" for protocol, number in ports) or "every port"


def _general_warnings(ports: Ports, view: LiveView) -> Iterator[str]:
    for protocol, number in ports:
        expected = _PROTOCOLS.get(number, protocol)
        if expected != protocol:
            yield f"port {number} carries {expected} in a 5G core, and the policy is about {protocol}"
    workloads = view.workloads or () if view.target == EVERY_POD else (live_workload(view),)
    for workload in workloads:
        if pod_spec(workload).get("hostNetwork"):
            yield f"{name_of(workload)} is on the host network, where policies do not hold"
        annotations = pod_template(workload).get("metadata", {}).get("annotations") or {}
        if _SECONDARY_NETWORKS in annotations:
            networks = annotations[_SECONDARY_NETWORKS]
            yield f"{name_of(workload)}: policies do not hold on its secondary networks ({networks})"


def _undone_by_allowing(
    direction: str, peers: Sequence[Peer], ports: Ports, policies: Sequence[Object], view: LiveView
) -> Iterator[str]:
    """Tells what an allowance stops where pods were open, and which denials it passes by elsewhere."""
    for policy in policies:
        denies = (policy["metadata"].get("annotations") or {}).get(DENIES)
        if denies:
            yield f"NetworkPolicy {name_of(policy)} denies {denies}; what is allowed here passes all the same"
    if policies or not (peers or ports):
        return
    way = "is reached by" if direction == "ingress" else "reaches"
    yield (
        f"{view.target} was open for {direction}: from now on it only {way} {peer_words(peers)} on "
        f"{_port_words(ports)}, and everything else is cut{_services_words(direction, view)}"
    )
    if direction == "egress" and all(number != _DNS_PORT for _, number in ports):
        yield f"{view.target}: DNS (port {_DNS_PORT}) is cut, so names no longer resolve; allow it as well"


def _cut_by_denying(flow: Flow, policies: Sequence[Object], view: LiveView) -> Iterator[str]:
    """Tells what else a denial stops, and where it may not be seen to hold."""
    everything = not flow.peers and not flow.ports
    if flow.direction == "egress" and not policies:
        dns = any(number == _DNS_PORT for _, number in flow.ports) and not flow.peers
        if everything or dns:
            yield f"{view.target}: DNS (port {_DNS_PORT}) is cut with it, so names no longer resolve"
    if everything and not policies and flow.direction == "ingress" and _services_words("ingress", view):
        yield f"{view.target}: everything that reaches it is cut{_services_words('ingress', view)}"
    if flow.ports and not policies:
        yield f"{view.target}: what is neither TCP, UDP nor SCTP, as ping, may be cut with it"
    if any(isinstance(peer, Internet) for peer in flow.peers):
        yield f"{view.target}: nodes count as the internet unless network.clusterRanges holds their addresses"
    if flow.direction == "ingress" and flow.peers:
        yield from _hidden_sources(view)


def _services_words(direction: str, view: LiveView) -> str:
    services = view.target_services() or ()
    return f", also by way of Service {listing(services)}" if services and direction == "ingress" else ""


def _hidden_sources(view: LiveView) -> Iterator[str]:
    for service in view.target_services() or ():
        spec = service["spec"]
        if spec.get("type") in ("NodePort", "LoadBalancer") and spec.get("externalTrafficPolicy") != "Local":
            yield (
                f"Service {name_of(service)} hides where outside traffic comes from (externalTrafficPolicy "
                "is not Local), so the policy may not see the peer's address"
            )
