from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.krm import PackageChange, Removal, merge
from engine.krm.merge import any_of_both, merge_object

Item = dict[str, Any]


def item(spec: Item, kind: str = "Deployment", name: str = "amf") -> Item:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def change(*objects: Item, fields: tuple[str, ...] = (), removals: tuple[Removal, ...] = ()) -> PackageChange:
    return PackageChange("main", "core", "amf", "core-amf", tuple(objects), fields, removals)


def pod(**spec: Any) -> Item:
    return item({"template": {"spec": spec}})


def merged_pod(before: Item, after: Item) -> Item:
    (result,) = merge([before], change(after))
    return dict(result["spec"]["template"]["spec"])


def test_what_a_change_does_not_mention_stays() -> None:
    (result,) = merge([item({"replicas": 3, "paused": True})], change(item({"replicas": 5})))
    assert result["spec"] == {"replicas": 5, "paused": True}


def test_objects_stand_in_the_order_of_their_files() -> None:
    objects = merge([item({}, "Service")], change(item({}, "ConfigMap", "b"), item({}, "ConfigMap", "a")))
    assert [(found["kind"], found["metadata"]["name"]) for found in objects] == [
        ("ConfigMap", "a"),
        ("ConfigMap", "b"),
        ("Service", "amf"),
    ]


def test_containers_merge_by_name() -> None:
    before = pod(containers=[{"name": "amf", "image": "a:1"}, {"name": "side", "image": "s:1"}])
    after = pod(containers=[{"name": "side", "resources": {"limits": {"cpu": "1"}}}])
    assert merged_pod(before, after)["containers"] == [
        {"name": "amf", "image": "a:1"},
        {"name": "side", "image": "s:1", "resources": {"limits": {"cpu": "1"}}},
    ]


def test_constraints_of_a_spread_merge_by_topology_and_strength() -> None:
    def constraint(key: str, skew: int) -> Item:
        return {"topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "maxSkew": skew}

    before = pod(topologySpreadConstraints=[constraint("zone", 1), constraint("host", 1)])
    after = pod(topologySpreadConstraints=[constraint("zone", 2)])
    assert merged_pod(before, after)["topologySpreadConstraints"] == [
        constraint("zone", 2),
        constraint("host", 1),
    ]


def test_terms_about_pods_add_up() -> None:
    def affinity(*keys: str) -> Item:
        terms = [{"topologyKey": key} for key in keys]
        return pod(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})

    merged = merged_pod(affinity("zone"), affinity("host", "zone"))
    terms = merged["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert [term["topologyKey"] for term in terms] == ["zone", "host"]


def test_selectors_are_replaced_as_a_whole() -> None:
    before = item({"selector": {"matchLabels": {"app": "a", "old": "x"}}})
    (result,) = merge([before], change(item({"selector": {"matchLabels": {"app": "a"}}})))
    assert result["spec"]["selector"] == {"matchLabels": {"app": "a"}}


def test_other_lists_are_replaced() -> None:
    (result,) = merge([item({"policyTypes": ["Ingress"]})], change(item({"policyTypes": ["Egress"]})))
    assert result["spec"]["policyTypes"] == ["Egress"]


def test_a_removed_field_takes_an_object_that_says_nothing_more_with_it() -> None:
    removal = Removal("Deployment", "amf", ("spec", "replicas"))
    assert merge([item({"replicas": 3})], change(removals=(removal,))) == []
    kept = merge([item({"replicas": 3, "paused": True})], change(removals=(removal,)))
    assert [found["spec"] for found in kept] == [{"paused": True}]
    assert merge([item({"paused": True})], change(removals=(removal,))) == [item({"paused": True})]


def test_neither_the_package_nor_the_change_is_changed_or_shared() -> None:
    before, after = (
        pod(containers=[{"name": "amf", "args": ["a"]}]),
        pod(containers=[{"name": "new", "args": []}]),
    )
    kept = copy.deepcopy((before, after))
    (result,) = merge([before], change(after))
    for container in result["spec"]["template"]["spec"]["containers"]:
        container["args"].append("changed")
    assert (before, after) == kept


expression = st.builds(
    lambda key, value: {"key": key, "operator": "In", "values": [value]},
    st.sampled_from("abc"),
    st.sampled_from("xy"),
)
terms = st.lists(
    st.builds(lambda found: {"matchExpressions": found}, st.lists(expression, min_size=1, max_size=2)),
    min_size=1,
    max_size=3,
)


def holds(found: list[Item], labels: dict[str, str]) -> bool:
    return any(
        all(labels.get(asked["key"]) in asked["values"] for asked in term["matchExpressions"])
        for term in found
    )


@given(base=terms, patch=terms, labels=st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")))
def test_merged_terms_hold_where_both_hold(
    base: list[Item], patch: list[Item], labels: dict[str, str]
) -> None:
    assert holds(any_of_both(base, patch), labels) is (holds(base, labels) and holds(patch, labels))


plain = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "containers", "subsets"]), inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(st.sampled_from(["a", "b", "c"]), plain, max_size=3)


@given(base=maps, patch=maps)
def test_merging_the_same_again_changes_nothing(base: Item, patch: Item) -> None:
    once = merge_object(base, patch)
    assert merge_object(once, patch) == once


def test_a_plan_folds_actions_on_one_target_into_one_package(examples: Any, act: Callable[..., Item]) -> None:
    plan = examples.plan(
        act("scaling", "amf", replicas=5),
        act("resource_limits", "amf", resources={"limits": {"cpu": "2"}}),
        act("scaling", "smf", replicas=2),
        act("scaling", "o-du", "ran", replicas=2),
    )
    assert [(found.namespace, found.target) for found in plan.packages] == [
        ("core", "amf"),
        ("core", "smf"),
        ("ran", "o-du"),
    ]
    (workload,) = plan.packages[0].objects
    assert workload["spec"]["replicas"] == 5
    assert workload["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "2"}}
    assert plan.packages[0].fields == (
        "Deployment/amf:spec.replicas",
        "Deployment/amf:spec.template.spec.containers[amf].resources.limits.cpu",
    )


def test_one_action_that_cannot_be_rendered_leaves_nothing_of_the_intent(
    examples: Any, act: Callable[..., Item]
) -> None:
    refusal = examples.refusal(act("scaling", "amf", replicas=5), act("scaling", "upf", "edge", replicas=5))
    assert refusal.action == 1


def test_a_peer_that_the_same_text_deploys_is_there(examples: Any, act: Callable[..., Item]) -> None:
    deploys = act("deployment", "chf", deployment={"image": "a/chf:1"})
    policy = {"action": "allow", "direction": "ingress", "peers": [{"app": "chf"}]}
    plan = examples.plan(deploys, act("network_policy", "pcf", network_policy=policy))
    (rule,) = plan.packages[1].objects[0]["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "chf"}}}]


def test_a_text_that_says_a_field_twice_is_refused(examples: Any, act: Callable[..., Item]) -> None:
    refusal = examples.refusal(act("scaling", "amf", replicas=3), act("scaling", "amf", replicas=5))
    assert (refusal.reason.value, refusal.action) == ("Ambiguous", 1)
    assert "Deployment/amf:spec.replicas of core twice" in refusal.message


def test_a_text_that_says_the_same_twice_says_it_once(examples: Any, act: Callable[..., Item]) -> None:
    action = act("scaling", "amf", replicas=3)
    assert examples.plan(action, dict(action)) == examples.plan(action)


OURS = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: amf, namespace: core, labels: {app.kubernetes.io/managed-by: conductor-watch}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: amf}
  maxReplicas: 8
"""


def test_what_a_package_of_ours_brought_in_may_leave_with_it(
    world: Any, act: Callable[..., Item], workload: Callable[..., str]
) -> None:
    bounds = {"min_replicas": 2, "max_replicas": 9}
    written = world(workload() + OURS).object(act("scaling", "amf", replicas=2, autoscale=bounds))
    assert "annotations" not in written["metadata"]


def test_no_workload_ever_leaves_with_its_package(
    world: Any, act: Callable[..., Item], workload: Callable[..., str]
) -> None:
    label = "metadata: {name: amf, labels: {app.kubernetes.io/managed-by: conductor-watch},"
    written = world(workload().replace("metadata: {name: amf,", label)).object(
        act("scaling", "amf", replicas=2)
    )
    assert written["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
