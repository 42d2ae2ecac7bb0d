"""Whether an existing NetworkPolicy lets a flow through; where that cannot be told, it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.krm.peers import EVERYWHERE, LINK_LOCAL, Addresses, Internet, Network, Peer, Pods, parse_network
from engine.live.inventory import Object
from engine.live.objects import selector_matches

_PEERS = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True, slots=True)
class Flow:
    """Traffic that is to be denied.

    Attributes:
        direction: `ingress` or `egress`.
        peers: with whom; none for anybody.
        ports: protocol and number of each; none for all.
        ranges: the cluster's own addresses; empty where not known.
    """

    direction: str
    peers: tuple[Peer, ...]
    ports: tuple[tuple[str, int], ...]
    ranges: tuple[Network, ...]


def may_allow(policy: Object, flow: Flow) -> bool:
    """Tells whether a policy may let any of the flow through."""
    for rule in policy["spec"].get(flow.direction) or ():
        allowed = rule.get(_PEERS[flow.direction]) or ()
        meets = (
            not allowed
            or not flow.peers
            or any(_meet(theirs, peer, policy, flow) for theirs in allowed for peer in flow.peers)
        )
        if meets and _ports_meet(rule.get("ports") or (), flow.ports):
            return True
    return False


def _ports_meet(allowed: Sequence[Mapping[str, Any]], ports: tuple[tuple[str, int], ...]) -> bool:
    if not allowed or not ports:
        return True
    return any(_port_meets(entry, protocol, number) for entry in allowed for protocol, number in ports)


def _port_meets(entry: Mapping[str, Any], protocol: str, number: int) -> bool:
    if (entry.get("protocol") or "TCP") != protocol:
        return False
    port = entry.get("port")
    if port is None or isinstance(port, str):  # a name stands for a number that only the pods know
        return True
    return bool(port <= number <= (entry.get("endPort") or port))


def _meet(allowed: Mapping[str, Any], peer: Peer, policy: Object, flow: Flow) -> bool:
    if "ipBlock" in allowed:
        return _block_meets(allowed["ipBlock"], peer, flow.ranges)
    if not isinstance(peer, Pods):
        return _may_be_pods(peer, flow.ranges)
    namespaces = allowed.get("namespaceSelector")
    if namespaces is None:
        if peer.namespace != policy["metadata"]["namespace"]:
            return False
    elif peer.namespace_labels is not None and not selector_matches(namespaces, peer.namespace_labels):
        return False
    return peer.labels is None or selector_matches(allowed.get("podSelector") or {}, peer.labels)


def _may_be_pods(peer: Addresses | Internet, ranges: tuple[Network, ...]) -> bool:
    """Tells whether addresses may be those of pods: the internet never is."""
    if isinstance(peer, Internet):
        return False
    return not ranges or _touches(peer.network, ranges)


def _block_meets(block: Mapping[str, Any], peer: Peer, ranges: tuple[Network, ...]) -> bool:
    cidr = parse_network(block["cidr"])
    excepted = [parse_network(text) for text in block.get("except") or ()]
    match peer:
        case Addresses(network):
            wanted: Sequence[Network] = (network,)
        case Internet():
            return not any(_inside(cidr, network) for network in (*ranges, LINK_LOCAL))
        case Pods():
            wanted = ranges or EVERYWHERE
    return any(
        _touches(network, (cidr,)) and not any(_inside(network, hole) for hole in excepted)
        for network in wanted
    )


def _touches(network: Network, others: Sequence[Network]) -> bool:
    return any(network.version == other.version and network.overlaps(other) for other in others)


def _inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
