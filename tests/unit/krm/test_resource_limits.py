from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]


def limit(act: Act, target: str, namespace: str = "core", **parts: dict[str, str]) -> dict[str, Any]:
    return act("resource_limits", target, namespace, resources=parts)


def container_of(item: dict[str, Any]) -> dict[str, Any]:
    (container,) = item["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_of_several_containers_the_targets_namesake_is_meant(examples: Any, act: Act) -> None:
    item = examples.object(limit(act, "near-rt-ric", "ran", limits={"memory": "3Gi"}))
    assert container_of(item)["name"] == "near-rt-ric"


def test_without_a_namesake_the_containers_are_listed(world: Any, act: Act, workload: Write) -> None:
    manifests = workload(containers="- {name: proxy, image: p}").replace(
        "{name: amf, image", "{name: main, image"
    )
    refusal = world(manifests).refusal(limit(act, "amf", limits={"cpu": "1"}))
    assert refusal.reason is Reason.AMBIGUOUS
    assert "main, proxy" in refusal.message


def test_a_limit_under_the_live_request_is_refused(examples: Any, act: Act) -> None:
    refusal = examples.refusal(limit(act, "amf", limits={"memory": "256Mi"}))
    assert refusal.reason is Reason.INVALID
    assert "512Mi" in refusal.message


def test_a_limit_with_its_request_may_go_under_the_live_request(examples: Any, act: Act) -> None:
    item = examples.object(limit(act, "amf", limits={"memory": "256Mi"}, requests={"memory": "0.25Gi"}))
    assert container_of(item)["resources"] == {"limits": {"memory": "256Mi"}, "requests": {"memory": "256Mi"}}


def test_pods_do_not_leave_guaranteed_unsaid(examples: Any, act: Act) -> None:
    leaving = examples.plan(limit(act, "udr", limits={"memory": "3Gi"}))
    assert any("leave the class Guaranteed" in warning for warning in leaving.warnings)
    alike = examples.plan(limit(act, "udr", limits={"memory": "3Gi"}, requests={"memory": "3072Mi"}))
    assert not any("Guaranteed" in warning for warning in alike.warnings)


def test_a_request_that_follows_from_the_limit_is_told(world: Any, act: Act, workload: Write) -> None:
    plan = world(workload()).plan(limit(act, "amf", limits={"cpu": "2"}))
    assert any("takes the limit, 2, as request too" in warning for warning in plan.warnings)


def test_a_request_that_an_autoscaler_measures_against_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(limit(act, "upf", "edge", requests={"cpu": "5"}, limits={"cpu": "5"}))
    assert any("HorizontalPodAutoscaler upf measures cpu" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("parts", "target"),
    [
        ({"quota": {"cpu": "4"}}, "amf"),
        ({"limits": {"cpu": "4"}}, "*"),
        ({"quota": {"cpu": "4"}, "limits": {"cpu": "1"}}, "*"),
    ],
)
def test_quota_is_for_namespaces_and_limits_are_for_workloads(
    examples: Any, act: Act, parts: dict[str, dict[str, str]], target: str
) -> None:
    assert examples.refusal(limit(act, target, **parts)).reason is Reason.UNSUPPORTED


def test_a_namespace_without_a_quota_gets_one_on_limits(examples: Any, act: Act) -> None:
    item = examples.object(limit(act, "*", quota={"cpu": "100", "pods": "80", "ephemeral-storage": "1Ti"}))
    assert item["spec"] == {"hard": {"limits.cpu": "100", "limits.ephemeral-storage": "1Ti", "pods": "80"}}
    assert "annotations" not in item["metadata"]


QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {{name: {name}, namespace: core}}
spec: {{hard: {{{hard}}}{extra}}}
---
"""


def quota(name: str, hard: str, extra: str = "") -> str:
    return QUOTA.format(name=name, hard=hard, extra=extra)


def test_of_several_quotas_the_one_that_bounds_it_is_edited(world: Any, act: Act, workload: Write) -> None:
    manifests = workload() + quota("a", "pods: 9") + quota("b", "limits.cpu: 9")
    item = world(manifests).object(limit(act, "*", quota={"cpu": "20"}))
    assert item["metadata"]["name"] == "b"


def test_quotas_that_both_bound_it_are_refused_with_the_list(world: Any, act: Act, workload: Write) -> None:
    manifests = workload() + quota("a", "limits.cpu: 9") + quota("b", "limits.cpu: 9")
    refusal = world(manifests).refusal(limit(act, "*", quota={"cpu": "20"}))
    assert refusal.reason is Reason.AMBIGUOUS
    assert "a, b" in refusal.message


def test_a_quota_of_a_scope_is_not_the_namespaces(world: Any, act: Act, workload: Write) -> None:
    manifests = workload() + quota("a", "pods: 9", ", scopes: [BestEffort]")
    item = world(manifests).object(limit(act, "*", quota={"pods": "20"}))
    assert item["metadata"]["name"] == "namespace-quota"


def test_workloads_that_a_quota_would_keep_out_are_listed(world: Any, act: Act, workload: Write) -> None:
    plan = world(workload() + workload("smf", kind="StatefulSet")).plan(
        limit(act, "*", quota={"memory": "1Ti"})
    )
    assert any("Deployment amf, StatefulSet smf" in warning for warning in plan.warnings)


def test_a_quota_under_the_usage_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(limit(act, "*", "ran", quota={"cpu": "16"}))
    assert "namespace ran uses 28 of limits.cpu: with 16 no new pod starts" in plan.warnings


def test_what_kubernetes_cannot_keep_is_refused(examples: Any, act: Act) -> None:
    assert examples.refusal(limit(act, "amf", limits={"cpu": "1.0005"})).reason is Reason.INVALID


def test_a_statefulset_that_updates_by_hand_restarts_nothing(world: Any, act: Act, workload: Write) -> None:
    manifests = workload(kind="StatefulSet").replace(
        "  selector:", "  updateStrategy: {type: OnDelete}\n  selector:", 1
    )
    assert world(manifests).plan(limit(act, "amf", limits={"cpu": "2"})).restarts == ()


def test_pods_that_are_none_do_not_restart(world: Any, act: Act, workload: Write) -> None:
    assert world(workload(replicas=0)).plan(limit(act, "amf", limits={"cpu": "2"})).restarts == ()


def test_a_restart_says_of_what_how_many_and_why(examples: Any, act: Act) -> None:
    plan = examples.plan(limit(act, "amf", limits={"cpu": "2"}))
    (restart,) = plan.restarts
    assert str(restart) == "restarts 3 pods of Deployment core/amf: spec.containers[amf].resources"
    assert plan.warnings[-1] == str(restart)


def test_limits_as_they_are_restart_nothing(examples: Any, act: Act) -> None:
    assert examples.plan(limit(act, "amf", limits={"memory": "1Gi"})).restarts == ()
