"""The peers of a network policy as the cluster knows them: pods by their labels, addresses, the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.draft import Refused
from engine.live.objects import NAMESPACE_NAME_LABEL, labels_of, pod_labels, pod_selector, pod_spec
from engine.live.view import LiveView
from engine.reasons import Reason

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
EVERYWHERE: tuple[Network, Network] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
"""Node-local services and cloud metadata: no part of the internet."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of one workload, or of a whole namespace.

    Attributes:
        workload: whose they are; empty for every pod of the namespace.
        namespace: where they are.
        namespace_labels: of that namespace; None where not known.
        selector: what picks them; None for every pod of the namespace.
        labels: what they carry; None for every pod of the namespace.
        local: whether the text left their namespace out, so that it is the policy's own.
    """

    workload: str
    namespace: str
    namespace_labels: Mapping[str, str] | None
    selector: Mapping[str, Any] | None
    labels: Mapping[str, str] | None
    local: bool


@dataclass(frozen=True, slots=True)
class Addresses:
    """A block of addresses outside the cluster's pods."""

    network: Network


@dataclass(frozen=True, slots=True)
class Internet:
    """Every address that is neither of the cluster nor link-local."""


Peer: TypeAlias = Pods | Addresses | Internet


def peers_of(wish: Mapping[str, Any], view: LiveView) -> tuple[Peer, ...]:
    """Returns the peers that a text names; none for anybody.

    Raises:
        Refused: a peer is not known, or its address cannot be.
    """
    return tuple(_peer(peer, view) for peer in wish.get("peers", ()))


def _peer(peer: Mapping[str, str], view: LiveView) -> Peer:
    if "cidr" in peer:
        network = parse_network(peer["cidr"])
        return Internet() if network in EVERYWHERE else Addresses(network)
    namespace = peer.get("namespace", view.namespace)
    labels = _namespace_labels(namespace, view)
    local = "namespace" not in peer
    if "app" not in peer:
        return Pods("", namespace, labels, None, None, local=False)
    workload = view.others.get((namespace, peer["app"]))
    if workload is None:
        absent = (
            f"there is no workload {peer['app']} in namespace {namespace} ({view.origin}), so its pods "
            "cannot be picked; correct the name, or name its namespace"
        )
        raise Refused(Reason.MISSING_FACT, view.unknown.get(f"{namespace}/{peer['app']}", absent))
    if pod_spec(workload).get("hostNetwork"):
        message = (
            f"the pods of {peer['app']} are on the host network, where no policy tells them from their "
            "nodes; name the addresses of the nodes"
        )
        raise Refused(Reason.UNSUPPORTED, message)
    return Pods(peer["app"], namespace, labels, pod_selector(workload), pod_labels(workload), local)


def _namespace_labels(namespace: str, view: LiveView) -> Mapping[str, str] | None:
    own = namespace == view.namespace
    item = view.namespace_object if own else view.namespaces.get(namespace)
    if item is not None:
        return labels_of(item)
    if own or namespace in view.unknown:
        return None
    message = f"there is no namespace {namespace} ({view.origin}); correct the name, or create it first"
    raise Refused(Reason.MISSING_FACT, message)


def parse_network(text: str) -> Network:
    """Returns a block of addresses.

    Raises:
        Refused: Invalid, with the block that may be meant.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        try:
            meant = f"; {ipaddress.ip_network(text, strict=False)} is the block that it lies in"
        except ValueError:
            meant = ""
        raise Refused(Reason.INVALID, f"{text} is no block of addresses{meant}") from error


def cluster_ranges(cluster: ClusterSettings, purpose: str) -> tuple[Network, ...]:
    """Returns the cluster's own ranges.

    Raises:
        Refused: MissingFact, where the settings do not state them.
    """
    if not cluster.ranges:
        message = f"{purpose} needs the address ranges of the cluster; state them as network.clusterRanges"
        raise Refused(Reason.MISSING_FACT, message)
    return tuple(parse_network(text) for text in cluster.ranges)


def peer_rules(peers: Sequence[Peer], cluster: ClusterSettings) -> list[JsonObject]:
    """Returns the peers as a NetworkPolicy writes them.

    Raises:
        Refused: MissingFact, for the internet without the ranges of the cluster.
    """
    rules: list[JsonObject] = []
    for peer in peers:
        match peer:
            case Addresses(network):
                rules.append({"ipBlock": {"cidr": str(network)}})
            case Internet():
                ranges = cluster_ranges(cluster, "telling the internet from the cluster")
                rules.extend(address_blocks((*ranges, LINK_LOCAL), families_of(ranges)))
            case Pods():
                rules.append(_pods_rule(peer))
    return rules


def _pods_rule(peer: Pods) -> JsonObject:
    rule: JsonObject = {} if peer.selector is None else {"podSelector": dict(peer.selector)}
    if not peer.local:
        rule["namespaceSelector"] = {"matchLabels": {NAMESPACE_NAME_LABEL: peer.namespace}}
    return rule


def address_blocks(excepted: Sequence[Network], families: frozenset[int]) -> list[JsonObject]:
    """Returns every address of these families (4, 6) but the excepted ones."""
    blocks = []
    for everything in EVERYWHERE:
        if everything.version not in families:
            continue
        same = [network for network in excepted if network.version == everything.version]
        kept_out = [str(network) for network in ipaddress.collapse_addresses(same)]  # type: ignore[type-var]
        block: JsonObject = {"cidr": str(everything)}
        blocks.append({"ipBlock": {**block, "except": kept_out} if kept_out else block})
    return blocks


def families_of(ranges: Sequence[Network]) -> frozenset[int]:
    """Returns the families of a cluster's ranges; one without ranges is one that it does not have."""
    return frozenset(network.version for network in ranges)


def peer_words(peers: Sequence[Peer]) -> str:
    """Returns the peers for a message."""

    def words(peer: Peer) -> str:
        match peer:
            case Addresses(network):
                return str(network)
            case Internet():
                return "the internet"
            case Pods(workload=""):
                return f"namespace {peer.namespace}"
            case Pods():
                return peer.workload if peer.local else f"{peer.workload} of namespace {peer.namespace}"

    return ", ".join(map(words, peers)) or "anybody"
