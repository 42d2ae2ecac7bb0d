from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.krm import MergeConflict, merge
from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}, namespace: core{extra}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {target}}}
  minReplicas: 2
  maxReplicas: 8
---
"""


def hpa(name: str = "amf", target: str = "amf", extra: str = "") -> str:
    return HPA.format(name=name, target=target, extra=extra)


def autoscale(act: Act, target: str = "amf", **fields: int) -> dict[str, Any]:
    bounds = {"min_replicas": 2, "max_replicas": 9, **fields}
    return act("scaling", target, replicas=2, autoscale=bounds)


def test_a_target_that_is_not_there_is_never_written(examples: Any, act: Act) -> None:
    refusal = examples.refusal(act("scaling", "nope", replicas=2))
    assert refusal.reason is Reason.MISSING_FACT
    assert "no Deployment, StatefulSet or DaemonSet named nope in namespace core" in refusal.message


def test_a_daemonset_cannot_scale(examples: Any, act: Act) -> None:
    refusal = examples.refusal(act("scaling", "node-exporter", "monitoring", replicas=2))
    assert refusal.reason is Reason.INVALID


def test_a_statefulset_scales_as_what_it_is(examples: Any, act: Act) -> None:
    item = examples.object(act("scaling", "udr", replicas=5))
    assert (item["kind"], item["spec"]) == ("StatefulSet", {"replicas": 5})


@pytest.mark.parametrize(
    ("replicas", "sentence"), [(5, "between 5 and 10"), (12, "between 12 and 12"), (0, "between 1 and 10")]
)
def test_a_fixed_count_is_refused_under_an_autoscaler_with_what_to_write(
    examples: Any, act: Act, replicas: int, sentence: str
) -> None:
    refusal = examples.refusal(act("scaling", "upf", "edge", replicas=replicas))
    assert refusal.reason is Reason.CONFLICT
    assert f"'autoscale upf {sentence} replicas in namespace edge'" in refusal.message


def test_autoscaling_keeps_the_metrics_that_the_text_does_not_name(examples: Any, act: Act) -> None:
    action = act("scaling", "upf", "edge", replicas=3, autoscale={"min_replicas": 3, "max_replicas": 9})
    assert examples.object(action)["spec"] == {"minReplicas": 3, "maxReplicas": 9}


def test_autoscaling_adopts_an_autoscaler_of_another_name(world: Any, act: Act, workload: Write) -> None:
    item = world(workload() + hpa("scaler")).object(autoscale(act))
    assert item["metadata"]["name"] == "scaler"


def test_an_autoscaler_that_something_writes_is_refused_with_the_owner(
    world: Any, act: Act, workload: Write
) -> None:
    owner = ", ownerReferences: [{kind: ScaledObject, name: amf-keda, controller: true}]"
    refusal = world(workload() + hpa(extra=owner)).refusal(autoscale(act))
    assert refusal.reason is Reason.CONFLICT
    assert "ScaledObject amf-keda" in refusal.message


def test_two_autoscalers_for_one_target_are_refused(world: Any, act: Act, workload: Write) -> None:
    refusal = world(workload() + hpa("a") + hpa("b")).refusal(autoscale(act))
    assert "a, b" in refusal.message


def test_the_name_of_another_targets_autoscaler_is_not_taken(world: Any, act: Act, workload: Write) -> None:
    refusal = world(workload() + workload("smf") + hpa("amf", "smf")).refusal(autoscale(act))
    assert refusal.reason is Reason.CONFLICT
    assert "HorizontalPodAutoscaler amf for something else" in refusal.message


def test_a_goal_that_was_not_said_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(autoscale(act))
    assert any("80 % CPU, the default of Kubernetes" in warning for warning in plan.warnings)


def test_a_count_that_may_fall_back_is_told(examples: Any, act: Act) -> None:
    assert any("falls back to 1" in warning for warning in examples.plan(autoscale(act)).warnings)


def test_a_share_of_a_request_that_is_not_there_is_warned_about(
    world: Any, act: Act, workload: Write
) -> None:
    plan = world(workload()).plan(autoscale(act, target_memory_percent=70))
    assert any("request none; set a memory request" in warning for warning in plan.warnings)


def test_an_autoscaler_that_cannot_be_read_is_a_missing_fact(world: Any, act: Act, workload: Write) -> None:
    broken = world(workload(), broken="kind: HorizontalPodAutoscaler\nspec: [")
    refusal = broken.refusal(act("scaling", "amf", replicas=2))
    assert refusal.reason is Reason.MISSING_FACT
    assert "broken.yaml" in refusal.message


def test_autoscaling_takes_a_count_stated_before_out_of_the_package(examples: Any, act: Act) -> None:
    (count,) = examples.plan(act("scaling", "amf", replicas=5)).packages
    (scaler,) = examples.plan(autoscale(act)).packages
    before = merge([], count)
    after = merge(before, scaler)
    assert [item["kind"] for item in after] == ["HorizontalPodAutoscaler"]


def test_a_count_beside_an_autoscaler_in_the_package_is_refused(examples: Any, act: Act) -> None:
    (scaler,) = examples.plan(autoscale(act)).packages
    (count,) = examples.plan(act("scaling", "amf", replicas=5)).packages
    with pytest.raises(MergeConflict, match="5 replicas for Deployment amf"):
        merge(merge([], scaler), count)


def test_a_count_after_an_autoscale_in_one_text_is_refused(examples: Any, act: Act) -> None:
    refusal = examples.refusal(autoscale(act), act("scaling", "amf", replicas=5))
    assert (refusal.reason, refusal.action) == (Reason.CONFLICT, 1)
