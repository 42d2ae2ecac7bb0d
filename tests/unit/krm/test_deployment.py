from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.krm import ClusterSettings
from engine.krm.image import Image, parse_image
from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: core}\n---\n"


def deploy(act: Act, target: str, namespace: str = "core", **fields: Any) -> dict[str, Any]:
    return act("deployment", target, namespace, **fields)


def image_of(item: dict[str, Any]) -> str:
    (container,) = item["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", Image("nginx")),
        ("core/amf:2.7", Image("core/amf", "2.7")),
        ("registry.example.com:5000/amf", Image("registry.example.com:5000/amf")),
        ("localhost:5000/a/b:1@sha256:ab", Image("localhost:5000/a/b", "1", "sha256:ab")),
    ],
)
def test_an_image_is_read_by_its_parts_and_written_as_it_was(text: str, parts: Image) -> None:
    assert parse_image(text) == parts
    assert str(parts) == text


@pytest.mark.parametrize(
    ("details", "image"),
    [
        ({"version": "2.8.0"}, "registry.example.com/core5g/smf:2.8.0"),
        ({"image": "other/smf:3"}, "other/smf:3"),
        ({"image": "other/smf", "version": "3"}, "other/smf:3"),
        ({"image": "other/smf:v3", "version": "3"}, "other/smf:v3"),
    ],
)
def test_a_workload_that_is_there_gets_a_new_image_only(
    examples: Any, act: Act, details: dict[str, str], image: str
) -> None:
    item = examples.object(deploy(act, "smf", deployment=details))
    assert image_of(item) == image
    assert item["spec"].keys() == {"template"}


def test_a_tag_spelled_otherwise_than_the_running_one_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(deploy(act, "smf", deployment={"version": "v2.8.0"}))
    assert "smf runs the tag 2.7.2; v2.8.0 is written as it was said" in plan.warnings


def test_leaving_a_pinned_digest_is_told(world: Any, act: Act, workload: Write) -> None:
    plan = world(workload(image="registry.example.com/amf@sha256:ab")).plan(
        deploy(act, "amf", deployment={"version": "2"})
    )
    assert any("pinned digest" in warning for warning in plan.warnings)


def test_an_image_of_another_version_is_refused(examples: Any, act: Act) -> None:
    refusal = examples.refusal(deploy(act, "smf", deployment={"image": "a/smf:1", "version": "2"}))
    assert refusal.reason is Reason.INVALID


def test_stated_replicas_scale_what_is_there(examples: Any, act: Act) -> None:
    item = examples.object(deploy(act, "smf", replicas=5, deployment={"version": "2.8.0"}))
    assert item["spec"]["replicas"] == 5
    refusal = examples.refusal(deploy(act, "upf", "edge", replicas=5, deployment={"version": "2.8.0"}))
    assert refusal.reason is Reason.CONFLICT


def test_deploying_what_is_there_without_saying_what_is_refused(examples: Any, act: Act) -> None:
    refusal = examples.refusal(deploy(act, "smf"))
    assert refusal.reason is Reason.MISSING_FACT
    assert "is there already" in refusal.message


def test_a_new_workload_needs_an_image_that_is_known(examples: Any, act: Act) -> None:
    refusal = examples.refusal(deploy(act, "nginx", "lab", replicas=2))
    assert refusal.reason is Reason.MISSING_FACT
    assert "'deploy nginx from image …'" in refusal.message


@pytest.mark.parametrize(("details", "image"), [({}, "a/nginx:1.27"), ({"version": "1.28"}, "a/nginx:1.28")])
def test_the_catalog_knows_images(examples: Any, act: Act, details: dict[str, str], image: str) -> None:
    cluster = ClusterSettings(catalog={"nginx": "a/nginx:1.27"})
    item = examples.object(deploy(act, "nginx", "lab", deployment=details), cluster=cluster)
    assert image_of(item) == image


def test_a_new_workload_is_restricted_and_never_deleted_with_its_package(examples: Any, act: Act) -> None:
    item = examples.object(deploy(act, "nginx", "lab", deployment={"image": "a/nginx:1"}))
    pod = item["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert item["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
    assert "replicas" not in item["spec"]
    selected = item["spec"]["selector"]["matchLabels"].items()
    assert selected <= item["spec"]["template"]["metadata"]["labels"].items()


def test_a_new_statefulset_comes_with_its_headless_service(examples: Any, act: Act) -> None:
    action = deploy(act, "kafka", "lab", target_kind="StatefulSet", deployment={"image": "a/kafka:1"})
    (change,) = examples.plan(action).packages
    service, workload = change.objects
    assert service["spec"]["clusterIP"] == "None"
    assert workload["spec"]["serviceName"] == service["metadata"]["name"] == "kafka"


def test_a_service_in_the_way_of_a_new_statefulset_is_refused(world: Any, act: Act) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: kafka, namespace: core}\nspec: {}\n---\n"
    action = deploy(act, "kafka", target_kind="StatefulSet", deployment={"image": "a/kafka:1"})
    assert world(NAMESPACE + service).refusal(action).reason is Reason.CONFLICT


def test_a_daemonset_has_no_replicas(examples: Any, act: Act) -> None:
    action = deploy(act, "a", "lab", target_kind="DaemonSet", replicas=2, deployment={"image": "a/a:1"})
    assert examples.refusal(action).reason is Reason.INVALID


def test_a_namespace_that_is_not_there_is_a_missing_fact(examples: Any, act: Act) -> None:
    refusal = examples.refusal(deploy(act, "nginx", "nope", deployment={"image": "a/nginx:1"}))
    assert refusal.reason is Reason.MISSING_FACT
    assert "no namespace nope" in refusal.message


def test_an_image_without_a_version_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(deploy(act, "nginx", "lab", deployment={"image": "a/nginx"}))
    assert any("whatever is latest" in warning for warning in plan.warnings)


def test_a_workload_that_cannot_be_read_is_not_made_anew(world: Any, act: Act) -> None:
    broken = world(NAMESPACE, broken="kind: Deployment\nspec: [")
    refusal = broken.refusal(deploy(act, "amf", deployment={"image": "a/amf:1"}))
    assert refusal.reason is Reason.MISSING_FACT
    assert "broken.yaml" in refusal.message
