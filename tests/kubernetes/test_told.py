"""What people and other tools see of an intent beside its status: annotations, Events, what kubectl shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.kube import happenings
from engine.settings import ExecutionSettings, KubernetesSettings
from engine.telling import LAST_HASH, NEXT_RETRY, RETRY_COUNT
from tests.cluster.api import NETWORK_INTENTS, Api, Resource
from tests.cluster.surroundings import Rules, without
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, status_of, until

EVENTS = Resource("events.k8s.io/v1", "events")
Kubectl = Callable[..., str]


def annotations(admin: Api, namespace: str, name: str) -> dict[str, str]:
    found: dict[str, str] = admin.get(NETWORK_INTENTS, namespace, name)["metadata"].get("annotations", {})
    return found


def events(admin: Api, namespace: str, name: str) -> list[dict[str, Any]]:
    return [item for item in admin.list(EVENTS, namespace) if item["regarding"]["name"] == name]


def done(admin: Api, namespace: str, start: Start) -> Any:
    """Has an intent carried out, and everything told that there is to tell of it."""
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    daemon = start()
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    until(lambda: any(item["reason"] == "Completed" for item in events(admin, namespace, "scale")))
    until(daemon.settled)
    return daemon


def test_annotations_say_what_was_done_last(admin: Api, namespace: str, start: Start) -> None:
    done(admin, namespace, start)
    status = status_of(admin, namespace, "scale")
    assert annotations(admin, namespace, "scale") == {LAST_HASH: status["specHash"], RETRY_COUNT: "0"}


def test_an_annotation_says_when_the_next_look_is(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    daemon = start(execution=ExecutionSettings(retry_seconds=[3600]))
    (daemon.settings.output.directory / "revisions").write_text("in the way")
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    until(lambda: annotations(admin, namespace, "scale").get(RETRY_COUNT) == "1")
    next_retry = status_of(admin, namespace, "scale")["nextRetryTime"]
    assert annotations(admin, namespace, "scale")[NEXT_RETRY] == next_retry


def test_what_others_write_stays_and_a_forged_annotation_changes_nothing(
    admin: Api, namespace: str, start: Start
) -> None:
    daemon = done(admin, namespace, start)
    status = status_of(admin, namespace, "scale")
    forged = {LAST_HASH: "forged", RETRY_COUNT: "99", "team": "core"}
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"metadata": {"annotations": forged}})
    until(daemon.settled)
    daemon.stop()
    again = start()
    until(again.settled)
    assert status_of(admin, namespace, "scale") == status
    assert annotations(admin, namespace, "scale") == forged
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"intent": "scale amf to 7"}})
    until(lambda: annotations(admin, namespace, "scale")[LAST_HASH] not in ("forged", status["specHash"]))
    assert annotations(admin, namespace, "scale")["team"] == "core"
    until(lambda: reason(admin, namespace, "scale") == "Completed")  # progress may come first


def test_only_fields_of_ours_are_ours(admin: Api, namespace: str, start: Start) -> None:
    done(admin, namespace, start)
    managers = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["managedFields"]
    ours = {item["manager"]: item for item in managers if item["manager"].startswith("conductor-watch")}
    assert ours["conductor-watch"]["subresource"] == "status"
    assert set(ours["conductor-watch"]["fieldsV1"]) == {"f:status"}
    named = ours["conductor-watch-annotations"]["fieldsV1"]
    assert set(named) == {"f:metadata"}
    assert set(named["f:metadata"]["f:annotations"]) == {f"f:{LAST_HASH}", f"f:{RETRY_COUNT}"}


def test_nothing_is_written_in_a_steady_state(admin: Api, namespace: str, start: Start) -> None:
    daemon = done(admin, namespace, start)
    before = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"]
    time.sleep(3)
    assert daemon.settled()
    assert admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"] == before


def test_describe_shows_what_happened_without_ids_and_wait_ends(
    admin: Api, namespace: str, start: Start, kubectl: Kubectl
) -> None:
    done(admin, namespace, start)
    kubectl("wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, "ni/scale")
    shown = kubectl("describe", "-n", namespace, "ni", "scale")
    assert "published main/" in shown.partition("Events:")[2]
    assert "Completed" in shown.partition("Events:")[2]
    uid = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["uid"]
    notes = [item["note"] for item in events(admin, namespace, "scale")]
    status = status_of(admin, namespace, "scale")
    unique = (uid, status["traceID"], status["specHash"], status["packages"][0]["workspace"])
    assert not [note for note in notes if any(word in note for word in unique)]


def test_a_refusal_is_a_warning(admin: Api, namespace: str, start: Start) -> None:
    start()
    admin.create(NETWORK_INTENTS, namespace, intent("vague", "scale amf"))
    until(lambda: bool(events(admin, namespace, "vague")))
    (event,) = events(admin, namespace, "vague")
    assert (event["type"], event["reason"]) == ("Warning", "Ambiguous")


def test_without_the_right_to_events_everything_else_is_shown(
    admin: Api, namespace: str, start: Start, account: Callable[[Rules], Path]
) -> None:
    less = account(without("events"))
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    start(kubernetes=KubernetesSettings(kubeconfig=less, namespaces=[namespace]))
    for number in range(3):
        admin.create(NETWORK_INTENTS, namespace, intent(f"scale-{number}", f"scale amf to {number + 3}"))
    until(lambda: all(annotations(admin, namespace, f"scale-{number}") for number in range(3)))


def test_an_annotation_asks_for_a_new_look_and_makes_no_second_effect(
    admin: Api, namespace: str, start: Start, kubectl: Kubectl
) -> None:
    daemon = done(admin, namespace, start)
    before = status_of(admin, namespace, "scale")
    kubectl("annotate", "-n", namespace, "ni", "scale", "conductor-watch/requested-at=noon")
    until(lambda: status_of(admin, namespace, "scale").get("lastHandledReconcileAt") == "noon")
    until(daemon.settled)
    after = status_of(admin, namespace, "scale")
    assert after["packages"] == before["packages"]
    assert len(list((daemon.settings.output.directory / "revisions/main").glob("*/*"))) == 1


def test_an_annotation_ends_the_wait_for_a_retry(
    admin: Api, namespace: str, start: Start, kubectl: Kubectl
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    daemon = start(execution=ExecutionSettings(retry_seconds=[3600]))
    obstacle = daemon.settings.output.directory / "revisions"
    obstacle.write_text("in the way")
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    until(lambda: reason(admin, namespace, "scale") == "BackingOff")
    obstacle.unlink()
    kubectl("annotate", "-n", namespace, "ni", "scale", "conductor-watch/requested-at=noon")
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    assert status_of(admin, namespace, "scale")["lastHandledReconcileAt"] == "noon"


def test_events_that_are_too_many_are_counted(
    admin: Api, namespace: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = happenings.EventRates(each=1, each_seconds=3600.0)
    monkeypatch.setattr(happenings, "EventRates", lambda: few)
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    daemon = start()

    def dropped() -> float:
        return daemon.metrics.registry.get_sample_value("conductor_events_dropped_total") or 0.0

    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    until(lambda: bool(events(admin, namespace, "scale")))
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"intent": "scale amf to 6"}})
    until(lambda: dropped() >= 1)
    assert len(events(admin, namespace, "scale")) == 1
