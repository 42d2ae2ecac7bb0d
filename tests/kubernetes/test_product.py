"""The whole product on a real API server, under its own account: watch, decide, write, report."""

from __future__ import annotations

import time
from pathlib import Path

from tests.cluster.api import NETWORK_INTENTS, Api
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, until


def test_an_intent_is_watched_decided_written_and_reported(
    admin: Api, namespace: str, start: Start, tmp_path: Path
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf", 3))
    start()
    admin.create(NETWORK_INTENTS, namespace, intent("double", "double the amf"))
    until(lambda: reason(admin, namespace, "double") == "Completed")
    status = admin.get(NETWORK_INTENTS, namespace, "double")["status"]
    assert (status["phase"], status["observedGeneration"]) == ("Completed", 1)
    assert status["interpretation"]["actions"][0]["replicas"] == 6
    assert status["packages"][0]["lifecycle"] == "Published"
    (package,) = (tmp_path / "out/packages/main").iterdir()
    assert "replicas: 6" in (package / "deployment-amf.yaml").read_text()


def test_an_edit_is_a_new_generation(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"intent": "scale amf to 7"}})
    until(lambda: admin.get(NETWORK_INTENTS, namespace, "scale")["status"].get("observedGeneration") == 2)
    until(lambda: reason(admin, namespace, "scale") == "Completed")


def test_a_refusal_is_reported_and_lifted_by_the_facts(admin: Api, namespace: str, start: Start) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "RuleRefused")
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    until(lambda: reason(admin, namespace, "scale") == "Completed")


def test_a_restart_writes_nothing(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    first = start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(first.settled)
    first.stop()
    before = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"]
    second = start()
    until(second.settled)
    time.sleep(2)
    assert admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"] == before


def test_an_intent_deleted_while_nothing_ran_is_found_and_made_again_is_new(
    admin: Api, namespace: str, start: Start
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    first = start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(first.settled)
    first.stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 6"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    actions = admin.get(NETWORK_INTENTS, namespace, "scale")["status"]["interpretation"]["actions"]
    assert actions[0]["replicas"] == 6
