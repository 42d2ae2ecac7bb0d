"""A denial's complement, checked against what a NetworkPolicy means: nothing denied passes, all else does."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.krm.change import ClusterSettings
from engine.krm.complement import PROTOCOLS, all_but_peers, all_but_ports
from engine.krm.draft import Refused
from engine.krm.peers import Addresses, Internet, Peer, Pods
from engine.live.objects import selector_matches

CLUSTER = ClusterSettings(ranges=("10.244.0.0/16", "10.96.0.0/12", "fd00:10::/48"))
RANGES = [ipaddress.ip_network(text) for text in CLUSTER.ranges]
OUTSIDE = ["192.0.2.1", "192.0.2.200", "203.0.113.9", "172.16.4.4", "169.254.169.254", "2001:db8::1"]
NAMESPACES = ["core", "edge", "lab"]


def pods(namespace: str, selector: Mapping[str, Any] | None) -> Pods:
    return Pods("", namespace, None, selector, None, local=False)


labels = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["amf", "smf", "x"]), max_size=2)
requirement = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(["app", "tier"]),
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from(["amf", "smf", "x"]), min_size=1, max_size=2),
    ),
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from(["app", "tier"]),
        st.sampled_from(["Exists", "DoesNotExist"]),
    ),
)
selector = st.one_of(
    st.none(),
    st.builds(
        lambda matched, more: {"matchLabels": matched, "matchExpressions": more},
        labels,
        st.lists(requirement, max_size=1),
    ),
)
networks = st.sampled_from(["192.0.2.0/24", "203.0.113.9/32", "172.16.0.0/12", "2001:db8::/32"]).map(
    lambda text: Addresses(ipaddress.ip_network(text))
)
peer = st.one_of(st.builds(pods, st.sampled_from(NAMESPACES), selector), networks, st.just(Internet()))


def allows_pod(rules: list[dict[str, Any]], namespace: str, carried: Mapping[str, str]) -> bool:
    """Tells whether rules let a pod through, as a plugin does that also knows pods by their address."""
    named = {"kubernetes.io/metadata.name": namespace}
    return any(
        selector_matches(rule["namespaceSelector"], named)
        and selector_matches(rule.get("podSelector", {}), carried)
        for rule in rules
        if "namespaceSelector" in rule
    )


def allows_address(rules: list[dict[str, Any]], text: str) -> bool:
    address = ipaddress.ip_address(text)
    return any(
        address in ipaddress.ip_network(rule["ipBlock"]["cidr"])
        and not any(address in ipaddress.ip_network(hole) for hole in rule["ipBlock"].get("except", ()))
        for rule in rules
        if "ipBlock" in rule
    )


def denies_pod(denied: list[Peer], namespace: str, carried: Mapping[str, str]) -> bool:
    return any(
        isinstance(item, Pods)
        and item.namespace == namespace
        and selector_matches(item.selector or {}, carried)
        for item in denied
    )


def denies_address(denied: list[Peer], text: str) -> bool:
    address = ipaddress.ip_address(text)
    internet = address not in ipaddress.ip_network("169.254.0.0/16") if address.version == 4 else True
    return any(
        (isinstance(item, Addresses) and address in item.network) or (isinstance(item, Internet) and internet)
        for item in denied
    )


@given(denied=st.lists(peer, min_size=1, max_size=3), carried=labels, namespace=st.sampled_from(NAMESPACES))
def test_pods_pass_unless_they_are_denied(
    denied: list[Peer], carried: dict[str, str], namespace: str
) -> None:
    rules = all_but_peers(denied, CLUSTER)
    assert allows_pod(rules, namespace, carried) is not denies_pod(denied, namespace, carried)


@given(denied=st.lists(peer, min_size=1, max_size=3), address=st.sampled_from(OUTSIDE))
def test_outside_addresses_pass_unless_they_are_denied(denied: list[Peer], address: str) -> None:
    rules = all_but_peers(denied, CLUSTER)
    assert allows_address(rules, address) is not denies_address(denied, address)


@given(denied=st.lists(peer, min_size=1, max_size=3))
def test_where_pods_are_denied_no_pod_passes_by_its_address(denied: list[Peer]) -> None:
    rules = all_but_peers(denied, CLUSTER)
    if any(isinstance(item, Pods) for item in denied):
        assert not allows_address(rules, "10.244.3.4")
        assert not allows_address(rules, "fd00:10::4")


def test_a_family_that_the_cluster_has_no_range_of_is_left_out_where_pods_are_denied() -> None:
    rules = all_but_peers([pods("lab", None)], ClusterSettings(ranges=("10.0.0.0/8",)))
    assert not allows_address(rules, "2001:db8::1")


@given(denied=st.lists(st.tuples(st.sampled_from(PROTOCOLS), st.integers(1, 65535)), min_size=1, max_size=4))
def test_ports_pass_unless_they_are_denied(denied: list[tuple[str, int]]) -> None:
    rules = all_but_ports(denied)

    def allows(protocol: str, number: int) -> bool:
        return any(
            rule["protocol"] == protocol
            and ("port" not in rule or rule["port"] <= number <= rule.get("endPort", rule["port"]))
            for rule in rules
        )

    near = {number + step for _, number in denied for step in (-1, 0, 1)} & set(range(1, 65536))
    for protocol in PROTOCOLS:
        for number in near:
            assert allows(protocol, number) is not ((protocol, number) in denied)


def test_more_than_a_policy_can_say_is_refused() -> None:
    many = {"matchLabels": {f"label-{number}": "x" for number in range(40)}}
    with pytest.raises(Refused, match="too many peers"):
        all_but_peers([pods("core", many)], CLUSTER)
