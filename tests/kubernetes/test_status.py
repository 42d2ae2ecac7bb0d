"""Statuses, annotations and Events against a real API server: fenced, never lost, never a storm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.kube.client import Client, Times
from engine.kube.connection import configure
from engine.kube.errors import ForbiddenError, InvalidError, UnavailableError, WebhookError
from engine.kube.happenings import EventRates, Happening, KubernetesEvents
from engine.kube.resources import network_intents
from engine.kube.status import Delivery, KubernetesStatus, NotLeadingError
from engine.kube.versions import Versions
from engine.reasons import Reason
from engine.status import Report, Target, build_status
from engine.telling import FINALIZER
from tests.cluster.api import NETWORK_INTENTS, Api, Resource
from tests.cluster.surroundings import without
from tests.kubernetes.proxy import FaultProxy

INTENTS = network_intents("nephoran.com", "v1")
EVENTS = Resource("events.k8s.io/v1", "events")
WEBHOOKS = Resource("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations")
TIMES = Times()
DONE = Happening("Normal", "Completed", "Reconcile", "scaled amf to 3 replicas")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(admin: Api, namespace: str) -> dict[str, Any]:
    return create(admin, namespace)


@pytest.fixture
def target(made: dict[str, Any]) -> Target:
    return target_of(made)


@pytest.fixture
def writer(proxy: FaultProxy, product: Path, clock: Clock) -> KubernetesStatus:
    return KubernetesStatus(proxy.client(product, TIMES), INTENTS, Versions(), monotonic=clock)


def create(admin: Api, namespace: str) -> dict[str, Any]:
    body = {"apiVersion": INTENTS.api_version, "kind": INTENTS.kind, "metadata": {"name": "amf"}}
    return admin.create(NETWORK_INTENTS, namespace, body | {"spec": {"intent": "scale amf to 3"}})


def target_of(body: dict[str, Any]) -> Target:
    metadata = body["metadata"]
    return Target(metadata["namespace"], metadata["name"], metadata["uid"], metadata["generation"])


def status_of(admin: Api, target: Target) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(NETWORK_INTENTS, target.namespace, target.name).get("status", {})
    return found


def whole_status(generation: int) -> dict[str, Any]:
    packages = [
        {"repository": "main", "name": "core-amf", "workspace": "cw-1", "lifecycle": "Proposed"}
        | {"revision": 1, "resourceName": "main.core-amf.cw-1"}
    ]
    decision = {"rule": "r", "rules": [["r"]], "executor": "porch", "rulesDigest": "d", "warnings": ["w"]}
    assumed = [{"action": 0, "field": "namespace", "value": "core", "why": "the intent's own"}]
    words = [{"target": ["amf"], "replicas": ["3"]}]
    actions = [{"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 3}]
    report = Report(
        generation,
        Reason.COMPLETED,
        "scaled amf to 3 replicas",
        1_000_000.0,
        spec_hash="h",
        trace_id="t",
        attempts=1,
        next_retry=1_000_030.0,
        interpretation={"actions": actions, "words": words, "assumed": assumed},
        decision=decision,
        packages=packages,
    )
    return build_status(report)


def test_a_whole_status_is_kept_as_it_was_written(
    admin: Api, writer: KubernetesStatus, target: Target
) -> None:
    status = whole_status(1)
    assert writer.write(target, status) is Delivery.WRITTEN
    assert status_of(admin, target) == status


def test_a_field_that_is_no_longer_told_goes(admin: Api, writer: KubernetesStatus, target: Target) -> None:
    writer.write(target, {"phase": "Pending", "nextRetryTime": "2026-01-01T00:00:00Z"})
    writer.write(target, {"phase": "Completed"})
    assert status_of(admin, target) == {"phase": "Completed"}


def test_the_same_status_again_changes_nothing(admin: Api, writer: KubernetesStatus, target: Target) -> None:
    writer.write(target, {"phase": "Completed"})
    before = admin.get(NETWORK_INTENTS, target.namespace, target.name)["metadata"]["resourceVersion"]
    writer.write(target, {"phase": "Completed"})
    assert admin.get(NETWORK_INTENTS, target.namespace, target.name)["metadata"]["resourceVersion"] == before


def test_a_version_that_is_known_is_not_read_again(
    proxy: FaultProxy, writer: KubernetesStatus, target: Target
) -> None:
    writer.write(target, {"phase": "Processing"})
    writer.write(target, {"phase": "Completed"})
    assert [method for method, _, _ in proxy.requests] == ["GET", "PATCH", "PATCH"]


def test_an_intent_that_is_gone_needs_no_status(admin: Api, writer: KubernetesStatus, target: Target) -> None:
    writer.write(target, {"phase": "Processing"})
    admin.delete(NETWORK_INTENTS, target.namespace, target.name)
    assert writer.write(target, {"phase": "Completed"}) is Delivery.GONE
    assert writer.annotate(target, {"conductor-watch/last-hash": "x"}) is Delivery.GONE
    assert admin.list(NETWORK_INTENTS, target.namespace) == []


def test_another_intent_of_the_same_name_is_left_alone(
    admin: Api, writer: KubernetesStatus, target: Target
) -> None:
    writer.write(target, {"phase": "Processing"})
    admin.delete(NETWORK_INTENTS, target.namespace, target.name)
    create(admin, target.namespace)
    assert writer.write(target, {"phase": "Completed"}) is Delivery.GONE
    assert writer.annotate(target, {"conductor-watch/last-hash": "x"}) is Delivery.GONE
    assert status_of(admin, target) == {}


def test_a_newer_generation_is_not_told_of_an_older_one(
    admin: Api, writer: KubernetesStatus, target: Target
) -> None:
    writer.write(target, {"phase": "Processing"})
    admin.patch(NETWORK_INTENTS, target.namespace, target.name, {"spec": {"intent": "scale amf to 4"}})
    assert writer.write(target, {"phase": "Completed"}) is Delivery.STALE
    assert status_of(admin, target) == {"phase": "Processing"}


def test_a_label_that_somebody_sets_loses_no_status(
    admin: Api, writer: KubernetesStatus, target: Target
) -> None:
    writer.write(target, {"phase": "Processing"})
    labels = {"metadata": {"labels": {"team": "core"}}}
    admin.patch(NETWORK_INTENTS, target.namespace, target.name, labels)
    assert writer.write(target, {"phase": "Completed"}) is Delivery.WRITTEN
    assert status_of(admin, target) == {"phase": "Completed"}


def test_who_does_not_lead_writes_nothing(
    admin: Api, proxy: FaultProxy, product: Path, target: Target
) -> None:
    client = proxy.client(product, TIMES)
    follower = KubernetesStatus(client, INTENTS, Versions(), leads=lambda: False)
    with pytest.raises(NotLeadingError):
        follower.write(target, {"phase": "Completed"})
    assert proxy.asked("write") == []
    assert client.health.problems == {}


def test_a_leader_that_slept_through_its_lease_overwrites_nothing(
    admin: Api, proxy: FaultProxy, product: Path, writer: KubernetesStatus, target: Target
) -> None:
    answers: list[bool] = []

    def leads() -> bool:
        """Still leads when asked first; then sleeps, and another one leads and writes."""
        answers.append(not answers)
        if answers == [True]:
            writer.write(target, {"phase": "Completed"})
        return answers[-1]

    sleeper = KubernetesStatus(proxy.client(product, TIMES), INTENTS, Versions(), leads=leads)
    with pytest.raises(NotLeadingError):
        sleeper.write(target, {"phase": "Pending"})
    assert answers == [True, False]
    assert status_of(admin, target) == {"phase": "Completed"}


def test_a_missing_right_is_told_once_and_not_asked_for_all_the_time(
    admin: Api,
    proxy: FaultProxy,
    account: Callable[..., Path],
    target: Target,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = proxy.client(account(without("networkintents/status")), TIMES)
    writer = KubernetesStatus(client, INTENTS, Versions(), monotonic=clock)
    with pytest.raises(ForbiddenError, match=r"cannot apply the status of NetworkIntent .*/amf: .*forbidden"):
        writer.write(target, {"phase": "Completed"})
    calls = len(proxy.requests)
    for _ in range(50):
        with pytest.raises(UnavailableError, match=r"nothing is sent for 0\.\d s: .*forbidden") as refused:
            writer.write(target, {"phase": "Completed"})
    assert refused.value.retry_after is not None
    assert 0.2 < refused.value.retry_after <= 0.5
    assert len(proxy.requests) == calls
    assert "forbidden" in client.health.problems["status"]
    assert client.health.failures == {("status", "ForbiddenError"): 1}
    assert sum("forbidden" in record.message for record in caplog.records) == 1
    clock.now += 1
    with pytest.raises(ForbiddenError):
        writer.write(target, {"phase": "Completed"})
    assert sum("forbidden" in record.message for record in caplog.records) == 1


@contextmanager
def webhook_that_is_down(admin: Api, namespace: str, resource: str) -> Iterator[str]:
    """Has changes of a resource in a namespace wait for a webhook that cannot be reached; yields its name."""
    rule = {
        "apiGroups": ["nephoran.com"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": [resource],
    }
    name = f"{namespace}.example.com"
    webhook = {
        "name": name,
        "rules": [rule],
        "clientConfig": {"url": "https://127.0.0.1:1/check"},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
    }
    admin.create(WEBHOOKS, "", {"metadata": {"name": name}, "webhooks": [webhook]})
    try:
        yield name
    finally:
        admin.delete(WEBHOOKS, "", name)


def test_a_webhook_that_is_down_delays_a_status_and_is_named(
    admin: Api, proxy: FaultProxy, writer: KubernetesStatus, target: Target, clock: Clock
) -> None:
    with webhook_that_is_down(admin, target.namespace, "networkintents/status") as name:
        failed = until_raised(lambda: writer.write(target, {"phase": "Processing"}), clock)
    assert (failed.webhook, failed.down) == (name, True)
    with pytest.raises(UnavailableError, match="nothing is sent"):
        writer.write(target, {"phase": "Completed"})
    assert until_taken(lambda: writer.write(target, {"phase": "Completed"}), clock) is Delivery.WRITTEN
    assert status_of(admin, target) == {"phase": "Completed"}


def test_a_webhook_that_keeps_annotations_and_finalizers_out_is_named_and_keeps_no_status_out(
    admin: Api, proxy: FaultProxy, writer: KubernetesStatus, target: Target, clock: Clock
) -> None:
    def annotate() -> Delivery:
        return writer.annotate(target, {"conductor-watch/last-hash": "x"}, [FINALIZER])

    with webhook_that_is_down(admin, target.namespace, "networkintents") as name:
        failed = until_raised(annotate, clock)
        assert (failed.webhook, failed.down) == (name, True)
        assert name in str(writer._client.health.problems["annotations"])
        with pytest.raises(UnavailableError, match="nothing is sent"):
            annotate()
        assert writer.write(target, {"phase": "Completed"}) is Delivery.WRITTEN
    assert until_taken(annotate, clock) is Delivery.WRITTEN
    assert "annotations" not in writer._client.health.problems
    assert admin.get(NETWORK_INTENTS, target.namespace, target.name)["metadata"]["finalizers"] == [FINALIZER]


def until_raised(write: Callable[[], Delivery], clock: Clock) -> WebhookError:
    """Writes until the API server has noticed the webhook."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        clock.now += 10
        try:
            write()
        except WebhookError as error:
            return error
    pytest.fail("the webhook was never called")


def until_taken(write: Callable[[], Delivery], clock: Clock) -> Delivery:
    """Writes until the API server has noticed that the webhook is gone."""
    deadline = time.monotonic() + 60
    while True:
        clock.now += 100  # longer than it ever rests
        try:
            return write()
        except WebhookError:
            assert time.monotonic() < deadline


def test_a_status_that_the_schema_does_not_take_is_about_one_intent_only(
    admin: Api, proxy: FaultProxy, writer: KubernetesStatus, target: Target
) -> None:
    for wrong in ({"phase": "Nonsense"}, {"history": "none"}):
        with pytest.raises(InvalidError, match=r"status\.(phase|history)"):
            writer.write(target, wrong)
    assert list(writer._client.health.problems) == [f"status {target.namespace}/amf"]
    assert writer.write(target, {"phase": "Completed"}) is Delivery.WRITTEN


def test_annotations_of_others_stay_and_ours_that_are_not_told_go(
    admin: Api, writer: KubernetesStatus, target: Target
) -> None:
    admin.patch(NETWORK_INTENTS, target.namespace, target.name, {"metadata": {"annotations": {"a": "1"}}})
    first = {"conductor-watch/last-hash": "x", "conductor-watch/next-retry": "later"}
    assert writer.annotate(target, first) is Delivery.WRITTEN
    assert writer.write(target, {"phase": "Completed"}) is Delivery.WRITTEN
    assert writer.annotate(target, {"conductor-watch/last-hash": "y"}) is Delivery.WRITTEN
    found = admin.get(NETWORK_INTENTS, target.namespace, target.name)
    assert found["metadata"]["annotations"] == {"a": "1", "conductor-watch/last-hash": "y"}
    assert found["metadata"]["generation"] == 1
    assert found["status"] == {"phase": "Completed"}


def test_a_happening_is_told_once_and_then_counted(
    admin: Api, product: Path, target: Target, clock: Clock
) -> None:
    events = KubernetesEvents(Client(configure(product)), INTENTS, instance="pod-1", clock=clock)
    assert events.tell(target, DONE)
    assert not events.tell(target, DONE)
    clock.now += 301
    assert events.tell(target, DONE)
    (event,) = admin.list(EVENTS, target.namespace)
    assert event["series"]["count"] == 3
    assert (event["reason"], event["note"]) == ("Completed", DONE.note)
    assert event["regarding"]["uid"] == target.uid


def test_another_process_tells_no_happening_twice(
    admin: Api, product: Path, target: Target, clock: Clock
) -> None:
    for _ in range(2):
        events = KubernetesEvents(Client(configure(product)), INTENTS, instance="pod-1", clock=clock)
        events.tell(target, DONE)
    assert len(admin.list(EVENTS, target.namespace)) == 1


def test_an_expired_event_is_told_anew(admin: Api, product: Path, target: Target, clock: Clock) -> None:
    events = KubernetesEvents(Client(configure(product)), INTENTS, instance="pod-1", clock=clock)
    events.tell(target, DONE)
    (event,) = admin.list(EVENTS, target.namespace)
    admin.delete(EVENTS, target.namespace, event["metadata"]["name"])
    clock.now += 301
    assert events.tell(target, DONE)
    assert len(admin.list(EVENTS, target.namespace)) == 1


def test_an_intent_tells_no_more_than_its_bucket_allows(
    admin: Api, product: Path, target: Target, clock: Clock
) -> None:
    rates = EventRates(each=3, each_seconds=10.0)
    events = KubernetesEvents(Client(configure(product)), INTENTS, instance="p", rates=rates, clock=clock)
    told = [
        events.tell(target, Happening("Warning", "Invalid", "Read", f"word {number}")) for number in range(10)
    ]
    assert told == [True] * 3 + [False] * 7
    assert events.dropped == 7
    clock.now += 10
    assert events.tell(target, DONE)
    assert len(admin.list(EVENTS, target.namespace)) == 4
