from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.krm import ClusterSettings, MergeConflict, merge
from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
Wish = dict[str, Any]
Wishes = Callable[..., Wish]
NAMESPACES = """
apiVersion: v1
kind: Namespace
metadata: {name: core}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab}
---
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: core}}
spec: {{podSelector: {{matchLabels: {{app: {app}}}}}, policyTypes: [Ingress]{rules}}}
---
"""


def policy(name: str = "there", app: str = "amf", rules: str = "") -> str:
    return POLICY.format(name=name, app=app, rules=f", {rules}" if rules else "")


@pytest.fixture(name="wish")
def _wish(act: Act) -> Wishes:
    def write(
        action: str, direction: str, target: str = "amf", namespace: str = "core", **fields: Any
    ) -> Wish:
        return act(
            "network_policy",
            target,
            namespace,
            network_policy={"action": action, "direction": direction, **fields},
        )

    return write


@pytest.fixture(name="core")
def _core(world: Callable[..., Any], workload: Write) -> Callable[[str], Any]:
    """Makes a namespace core of amf, smf and pcf, and policies given as YAML."""
    return lambda policies="": world(NAMESPACES + workload() + workload("smf") + workload("pcf") + policies)


def test_an_allowance_picks_pods_by_the_labels_that_they_have(examples: Any, wish: Wishes) -> None:
    item = examples.object(wish("allow", "ingress", "udm", peers=[{"app": "amf"}]))
    assert item["spec"]["podSelector"] == {"matchLabels": {"app": "udm", "version": "v1"}}
    assert item["spec"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": {"app": "amf"}}}]}]


def test_an_allowance_from_anywhere_names_no_peer(examples: Any, wish: Wishes) -> None:
    item = examples.object(wish("allow", "ingress", ports=[{"port": 8080}]))
    assert item["spec"]["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_an_allowance_on_open_pods_tells_what_it_cuts(core: Any, wish: Wishes) -> None:
    action = wish("allow", "egress", peers=[{"app": "smf"}], ports=[{"port": 80}])
    warnings = core().plan(action).warnings
    assert any("amf was open for egress" in warning for warning in warnings)
    assert any("DNS (port 53) is cut" in warning for warning in warnings)


def test_an_allowance_on_isolated_pods_cuts_nothing(core: Any, wish: Wishes) -> None:
    assert core(policy()).plan(wish("allow", "ingress", peers=[{"app": "smf"}])).warnings == ()


def test_a_peer_that_is_not_there_is_a_missing_fact(examples: Any, wish: Wishes) -> None:
    refusal = examples.refusal(wish("allow", "ingress", peers=[{"app": "gnb"}]))
    assert refusal.reason is Reason.MISSING_FACT
    assert "no workload gnb in namespace core" in refusal.message


def test_a_namespace_that_is_not_there_is_a_missing_fact(examples: Any, wish: Wishes) -> None:
    refusal = examples.refusal(wish("deny", "ingress", peers=[{"namespace": "nope"}]))
    assert refusal.reason is Reason.MISSING_FACT


def test_a_peer_on_the_host_network_is_refused(examples: Any, wish: Wishes) -> None:
    peers = [{"app": "node-exporter", "namespace": "monitoring"}]
    assert examples.refusal(wish("allow", "ingress", peers=peers)).reason is Reason.UNSUPPORTED


def test_an_address_with_host_bits_is_refused_with_its_block(examples: Any, wish: Wishes) -> None:
    refusal = examples.refusal(wish("allow", "ingress", peers=[{"cidr": "10.1.2.3/8"}]))
    assert refusal.reason is Reason.INVALID
    assert "10.0.0.0/8" in refusal.message


def test_a_selector_that_picks_others_too_is_refused(world: Any, workload: Write, wish: Wishes) -> None:
    twin = workload("amf-canary").replace("labels: {app: amf-canary}", "labels: {app: amf, track: canary}")
    refusal = world(workload() + twin).refusal(wish("deny", "ingress"))
    assert refusal.reason is Reason.CONFLICT
    assert "amf-canary" in refusal.message


def test_the_internet_is_neither_the_cluster_nor_link_local(examples: Any, wish: Wishes) -> None:
    cluster = ClusterSettings(ranges=("10.0.0.0/8", "fd00::/48"))
    action = wish("allow", "egress", peers=[{"cidr": "0.0.0.0/0"}])
    (rule,) = examples.object(action, cluster=cluster)["spec"]["egress"]
    assert rule["to"] == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}},
        {"ipBlock": {"cidr": "::/0", "except": ["fd00::/48"]}},
    ]


@pytest.mark.parametrize(
    ("action", "peer"), [("allow", "0.0.0.0/0"), ("deny", "0.0.0.0/0"), ("deny", "192.0.2.0/24")]
)
def test_without_the_ranges_of_the_cluster_no_complement_is_written(
    examples: Any, wish: Wishes, action: str, peer: str
) -> None:
    refusal = examples.refusal(wish(action, "egress", peers=[{"cidr": peer}]), cluster=ClusterSettings())
    assert refusal.reason is Reason.MISSING_FACT
    assert "network.clusterRanges" in refusal.message


def test_addresses_of_pods_are_not_denied_by_address(examples: Any, wish: Wishes) -> None:
    refusal = examples.refusal(wish("deny", "egress", peers=[{"cidr": "10.244.7.0/24"}]))
    assert refusal.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ("ingress: [{}]", {}),
        ("ingress: [{from: [{podSelector: {matchLabels: {app: smf}}}]}]", {"peers": [{"app": "smf"}]}),
        ("ingress: [{from: [{podSelector: {}}]}]", {"peers": [{"app": "smf"}], "ports": [{"port": 80}]}),
        ("ingress: [{ports: [{port: 80}]}]", {"ports": [{"port": 80}]}),
        ("ingress: [{ports: [{port: 1, endPort: 99}]}]", {"ports": [{"port": 80}]}),
        ("ingress: [{ports: [{port: http}]}]", {"ports": [{"port": 80}]}),
        ("ingress: [{from: [{namespaceSelector: {}}]}]", {"peers": [{"namespace": "lab"}]}),
        ("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", {"peers": [{"cidr": "192.0.2.0/24"}]}),
        ("ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/25}}]}]", {"peers": [{"cidr": "0.0.0.0/0"}]}),
        ("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", {"peers": [{"app": "smf"}]}),
    ],
)
def test_a_denial_beside_a_policy_that_may_allow_it_is_refused_naming_that(
    core: Any, wish: Wishes, rules: str, fields: dict[str, Any]
) -> None:
    refusal = core(policy(rules=rules)).refusal(wish("deny", "ingress", **fields))
    assert refusal.reason is Reason.CONFLICT
    assert "NetworkPolicy there" in refusal.message


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ("", {"peers": [{"app": "smf"}]}),
        ("ingress: [{from: [{podSelector: {matchLabels: {app: pcf}}}]}]", {"peers": [{"app": "smf"}]}),
        ("ingress: [{from: [{podSelector: {}}]}]", {"peers": [{"namespace": "lab"}]}),
        ("ingress: [{ports: [{port: 80, protocol: UDP}]}]", {"ports": [{"port": 80}]}),
        ("ingress: [{from: [{namespaceSelector: {}}]}]", {"peers": [{"cidr": "0.0.0.0/0"}]}),
        ("ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]", {"peers": [{"cidr": "0.0.0.0/0"}]}),
        (
            "ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]",
            {"peers": [{"app": "smf"}]},
        ),
    ],
)
def test_what_is_denied_already_is_said_and_not_written(
    core: Any, wish: Wishes, rules: str, fields: dict[str, Any]
) -> None:
    plan = core(policy(rules=rules)).plan(wish("deny", "ingress", **fields))
    assert plan.packages == ()
    assert "denied already by NetworkPolicy there" in plan.warnings[0]


def test_isolating_isolated_pods_adds_nothing_to_them(core: Any, wish: Wishes) -> None:
    item = core(policy()).object(wish("deny", "ingress"))
    assert "ingress" not in item["spec"]


def test_a_policy_of_other_pods_stands_in_no_way(core: Any, wish: Wishes) -> None:
    item = core(policy(app="smf", rules="ingress: [{}]")).object(wish("deny", "ingress"))
    assert item["spec"]["podSelector"] == {"matchLabels": {"app": "amf"}}


def test_every_pod_of_a_namespace_is_picked_by_nothing(core: Any, wish: Wishes) -> None:
    plan = core().plan(wish("deny", "both", "*"))
    (change,) = plan.packages
    assert change.name.startswith("core-all-")
    assert change.objects[0]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_a_denial_for_every_pod_is_refused_where_some_are_isolated(core: Any, wish: Wishes) -> None:
    refusal = core(policy()).refusal(wish("deny", "ingress", "*", peers=[{"namespace": "lab"}]))
    assert refusal.reason is Reason.CONFLICT
    assert "for each workload by name" in refusal.message


def test_policies_that_cannot_be_read_are_a_missing_fact(world: Any, workload: Write, wish: Wishes) -> None:
    refusal = world(workload(), broken="kind: NetworkPolicy\nspec: [").refusal(wish("deny", "ingress"))
    assert refusal.reason is Reason.MISSING_FACT


def test_ports_of_the_core_that_are_not_tcp_are_told(core: Any, wish: Wishes) -> None:
    plain = core().plan(wish("allow", "ingress", ports=[{"port": 8805}]))
    stated = core().plan(wish("allow", "ingress", ports=[{"port": 8805, "protocol": "UDP"}]))
    assert "port 8805 carries UDP in a 5G core, and the policy is about TCP" in plain.warnings
    assert not any("8805 carries" in warning for warning in stated.warnings)


def test_networks_where_policies_do_not_hold_are_told(examples: Any, wish: Wishes) -> None:
    upf = examples.plan(wish("deny", "ingress", "upf", "edge"))
    assert any("secondary networks (n3-net,n6-net)" in warning for warning in upf.warnings)
    exporter = examples.plan(wish("deny", "ingress", "node-exporter", "monitoring"))
    assert any("host network" in warning for warning in exporter.warnings)


def test_a_service_that_hides_sources_is_told(world: Any, workload: Write, wish: Wishes) -> None:
    service = """
apiVersion: v1
kind: Service
metadata: {name: amf, namespace: core}
spec: {type: NodePort, selector: {app: amf}, ports: [{port: 80}]}
"""
    plan = world(workload() + service).plan(wish("deny", "ingress", peers=[{"cidr": "192.0.2.0/24"}]))
    assert any("Service amf hides where outside traffic comes from" in warning for warning in plan.warnings)


def test_allowing_and_denying_a_flow_own_the_same_field(core: Any, wish: Wishes) -> None:
    ports = [{"port": 80}]
    (allowed,) = core().plan(wish("allow", "ingress", peers=[{"app": "smf"}], ports=ports)).packages
    (denied,) = core().plan(wish("deny", "ingress", peers=[{"app": "smf"}], ports=ports)).packages
    assert allowed.fields == denied.fields == ("NetworkPolicy/amf:ingress[smf:80/TCP]",)


def test_a_name_is_the_same_for_the_same_flows_only(core: Any, wish: Wishes) -> None:
    def name(**fields: Any) -> str:
        return str(core().object(wish("allow", "ingress", **fields))["metadata"]["name"])

    both = name(peers=[{"app": "smf"}, {"app": "pcf"}], ports=[{"port": 80}])
    assert name(peers=[{"app": "pcf"}, {"app": "smf"}], ports=[{"port": 80, "protocol": "TCP"}]) == both
    assert name(peers=[{"app": "smf"}], ports=[{"port": 80}]) != both


@pytest.mark.parametrize("first", ["allow", "deny"])
def test_a_denial_beside_a_policy_in_its_package_is_refused(core: Any, wish: Wishes, first: str) -> None:
    (before,) = core().plan(wish(first, "ingress", peers=[{"app": "pcf"}])).packages
    (denial,) = core().plan(wish("deny", "ingress", peers=[{"app": "smf"}])).packages
    with pytest.raises(MergeConflict, match="ingress from smf would not be denied as meant"):
        merge(merge([], before), denial)


def test_an_allowance_may_follow_an_isolation(core: Any, wish: Wishes) -> None:
    (isolation,) = core().plan(wish("deny", "both")).packages
    (allowance,) = core().plan(wish("allow", "ingress", peers=[{"app": "smf"}])).packages
    assert len(merge(merge([], isolation), allowance)) == 2


def test_an_allowance_of_what_a_policy_of_ours_denies_is_told(core: Any, wish: Wishes) -> None:
    ours = policy().replace(
        "{name: there,", "{name: there, annotations: {conductor-watch/denies: ingress from smf},"
    )
    plan = core(ours).plan(wish("allow", "ingress", peers=[{"app": "smf"}]))
    assert any("there denies ingress from smf" in warning for warning in plan.warnings)


def test_a_denial_may_be_written_again(core: Any, wish: Wishes) -> None:
    (denial,) = core().plan(wish("deny", "ingress", peers=[{"app": "smf"}])).packages
    once = merge([], denial)
    assert merge(once, denial) == once


def test_an_allowance_and_a_denial_in_one_text_see_one_another(core: Any, wish: Wishes) -> None:
    allow, deny = (wish(action, "ingress", peers=[{"app": "smf"}]) for action in ("allow", "deny"))
    refusal = core().refusal(allow, deny)
    assert (refusal.reason, refusal.action) == (Reason.CONFLICT, 1)
