"""What stays allowed where something is denied: policies only ever allow, so a denial is its complement.

Right only for pods that no policy isolates yet: before, they are open to everything, so the complement adds
no flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.draft import Refused
from engine.krm.peers import (
    EVERYWHERE,
    LINK_LOCAL,
    Addresses,
    Internet,
    Network,
    Peer,
    Pods,
    address_blocks,
    cluster_ranges,
    families_of,
)
from engine.live.objects import NAMESPACE_NAME_LABEL, requirements
from engine.reasons import Reason

PROTOCOLS = ("TCP", "UDP", "SCTP")
"""All that a NetworkPolicy knows; what it says of ports leaves ICMP to the network plugin."""
_LAST_PORT = 65535
_MOST_CLAUSES = 32
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


@dataclass(frozen=True, slots=True)
class _Clause:
    """Pods that are allowed: of one namespace, or of all but some, and with these labels.

    Attributes:
        only: the one namespace; None for all but those in `but`.
        labels: requirements that all have to hold.
    """

    only: str | None
    but: frozenset[str]
    labels: tuple[Mapping[str, Any], ...]

    def and_also(self, other: _Clause) -> _Clause | None:
        """Returns the pods that both allow; None where there can be none."""
        only = self.only or other.only
        but = self.but | other.but
        if only is not None and (only in but or {self.only, other.only} - {None, only}):
            return None
        labels = (*self.labels, *(item for item in other.labels if item not in self.labels))
        return _Clause(only, frozenset() if only else but, labels)

    def rule(self) -> JsonObject:
        """Returns the clause as a peer of a NetworkPolicy."""
        names: JsonObject = {}
        if self.only:
            names = {"matchLabels": {NAMESPACE_NAME_LABEL: self.only}}
        elif self.but:
            expression = {"key": NAMESPACE_NAME_LABEL, "operator": "NotIn", "values": sorted(self.but)}
            names = {"matchExpressions": [expression]}
        rule: JsonObject = {"namespaceSelector": names}
        if self.labels:
            rule["podSelector"] = {"matchExpressions": [dict(item) for item in self.labels]}
        return rule


def all_but_peers(denied: Sequence[Peer], cluster: ClusterSettings) -> list[JsonObject]:
    """Returns the peers that stay allowed where these are denied.

    Raises:
        Refused: the ranges of the cluster are not known, addresses are those of pods, or it is too much.
    """
    ranges = cluster_ranges(cluster, "denying some peers and not others")
    clauses = [_Clause(None, frozenset(), ())]
    for peer in denied:
        if isinstance(peer, Pods):
            both = (clause.and_also(other) for clause in clauses for other in _not_pods(peer))
            clauses = list(dict.fromkeys(clause for clause in both if clause is not None))
        if len(clauses) > _MOST_CLAUSES:
            raise Refused(Reason.UNSUPPORTED, "too many peers to deny at once; deny them by namespace")
    return [*(clause.rule() for clause in clauses), *_not_addresses(denied, ranges)]


def _not_pods(peer: Pods) -> Iterator[_Clause]:
    """Yields what the pods are not: of another namespace, or without one of the labels that pick them."""
    yield _Clause(None, frozenset({peer.namespace}), ())
    for requirement in requirements(peer.selector or {}):
        opposite = {**requirement, "operator": _OPPOSITE[requirement["operator"]]}
        yield _Clause(peer.namespace, frozenset(), (_Frozen(opposite),))


class _Frozen(dict[str, Any]):
    """A requirement that can be compared and counted as one."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash((self["key"], self["operator"], tuple(self.get("values") or ())))


def _not_addresses(denied: Sequence[Peer], ranges: tuple[Network, ...]) -> list[JsonObject]:
    """Returns the addresses that stay allowed; those of pods only where no pods are denied."""
    networks = [peer.network for peer in denied if isinstance(peer, Addresses)]
    for network in networks:
        if any(network.version == own.version and network.overlaps(own) for own in ranges):
            message = (
                f"{network} holds addresses of the cluster's own pods or Services, which policies do not "
                "pick by address; name the workload or the namespace"
            )
            raise Refused(Reason.UNSUPPORTED, message)
    pods_denied = any(isinstance(peer, Pods) for peer in denied)
    if any(isinstance(peer, Internet) for peer in denied):
        kept = (LINK_LOCAL,) if pods_denied else (*ranges, LINK_LOCAL)
        return [{"ipBlock": {"cidr": str(network)}} for network in kept]
    if pods_denied:
        return address_blocks([*networks, *ranges], families_of(ranges))
    return address_blocks(networks, families_of(EVERYWHERE))


def all_but_ports(denied: Sequence[tuple[str, int]]) -> list[JsonObject]:
    """Returns the ports that stay allowed where these are denied.

    Args:
        denied: protocol and number of each.
    """
    allowed: list[JsonObject] = []
    for protocol in PROTOCOLS:
        numbers = sorted(number for name, number in denied if name == protocol)
        if not numbers:
            allowed.append({"protocol": protocol})
            continue
        starts = (1, *(number + 1 for number in numbers))
        ends = (*(number - 1 for number in numbers), _LAST_PORT)
        for first, last in zip(starts, ends, strict=True):
            if first <= last:
                span = {"port": first} if first == last else {"port": first, "endPort": last}
                allowed.append({"protocol": protocol, **span})
    return allowed
