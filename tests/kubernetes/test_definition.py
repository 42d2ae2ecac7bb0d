"""A real API server takes the definition of NetworkIntent, and keeps, refuses and shows what it should."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from engine.crd import definition
from engine.network_intent import IntentSpec
from tests.cluster.api import CRDS, NETWORK_INTENTS, Api, ApiError, Resource
from tests.cluster.surroundings import ROOT, wait_until_served

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
TEXT = "scale amf to 3 replicas"
VALID: dict[str, dict[str, Any]] = {
    "the text alone": {"intent": TEXT},
    "as long as may be": {"intent": "é" * 1000},
    "all": {
        "intent": TEXT,
        "targetNamespace": "core",
        "priority": 10,
        "suspend": True,
        "dryRun": True,
        "constraints": {"minReplicas": 0, "maxReplicas": 9, "allowedNamespaces": ["core"]},
        "parameters": {"ticket": {"number": 7, "tags": ["a"]}},
    },
    "a field of tomorrow": {"intent": TEXT, "escalation": {"mode": "Page"}},
}
INVALID: dict[str, dict[str, Any]] = {
    "no text": {},
    "an empty text": {"intent": ""},
    "a blank text": {"intent": " \t\n "},
    "a text too long": {"intent": "é" * 1001},
    "a text that is a number": {"intent": 7},
    "a namespace that is no name": {"intent": TEXT, "targetNamespace": "Core_1"},
    "a namespace too long": {"intent": TEXT, "targetNamespace": "a" * 64},
    "a priority too low": {"intent": TEXT, "priority": -1},
    "a priority too high": {"intent": TEXT, "priority": 11},
    "a priority between": {"intent": TEXT, "priority": 1.5},
    "suspend as text": {"intent": TEXT, "suspend": "yes"},
    "fewer replicas than none": {"intent": TEXT, "constraints": {"minReplicas": -1}},
    "namespaces that are no list": {"intent": TEXT, "constraints": {"allowedNamespaces": "core"}},
    "parameters that are no map": {"intent": TEXT, "parameters": ["a"]},
}


def intent(name: str = "amf", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": name},
        "spec": {"intent": TEXT},
        **fields,
    }


def try_to_create(admin: Api, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    path = NETWORK_INTENTS.path(namespace)
    return admin.call("POST", path, intent(spec=spec), dryRun="All", fieldValidation="Strict")


@pytest.fixture(scope="module")
def statuses(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The statuses of a day in a 5G core, as the product writes them."""
    place = tmp_path_factory.mktemp("day")
    shutil.copytree(ROOT / "examples", place / "examples")
    command = "from engine.cli import main; main()"
    arguments = ["run", "--settings", "examples/settings.yaml", "--once", "--no-table"]
    subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=place,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=True,
        capture_output=True,
    )
    found = [yaml.safe_load(path.read_text()) for path in sorted(place.glob("**/status/*/*.yaml"))]
    assert len(found) > 20
    return found


def test_the_definition_is_structural_and_served(admin: Api) -> None:
    served = admin.get(CRDS, "", "networkintents.nephoran.com")
    conditions = {item["type"]: item["status"] for item in served["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert served["status"]["acceptedNames"]["shortNames"] == ["ni"]


@pytest.mark.parametrize("spec", VALID.values(), ids=list(VALID))
def test_what_the_models_take_the_server_takes_whole(
    admin: Api, namespace: str, spec: dict[str, Any]
) -> None:
    IntentSpec.model_validate(spec)
    assert try_to_create(admin, namespace, spec)["spec"] == spec


@pytest.mark.parametrize("spec", INVALID.values(), ids=list(INVALID))
def test_what_the_models_refuse_the_server_refuses(admin: Api, namespace: str, spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IntentSpec.model_validate(spec)
    with pytest.raises(ApiError) as refused:
        try_to_create(admin, namespace, spec)
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")


def test_a_blank_text_is_refused_with_what_to_write(admin: Api, namespace: str) -> None:
    with pytest.raises(ApiError, match="say what is wanted, as in 'scale amf to 5 replicas'"):
        try_to_create(admin, namespace, {"intent": "  "})


def test_a_mistyped_limit_reaches_the_product_which_refuses_it(admin: Api, namespace: str) -> None:
    spec = {"intent": TEXT, "constraints": {"maxReplica": 3}}
    stored = try_to_create(admin, namespace, spec)["spec"]
    assert stored == spec
    with pytest.raises(ValidationError, match="maxReplica"):
        IntentSpec.model_validate(stored)


def test_a_status_is_written_only_to_its_subresource(admin: Api, namespace: str) -> None:
    made = admin.create(NETWORK_INTENTS, namespace, intent(status={"phase": "Completed"}))
    assert "status" not in made
    changed = made | {"spec": {"intent": "scale amf to 9 replicas"}, "status": {"phase": "Pending"}}
    after = admin.replace(NETWORK_INTENTS, changed, "status")
    assert after["status"] == {"phase": "Pending"}
    assert after["spec"] == made["spec"]
    assert after["metadata"]["generation"] == 1


def test_an_unknown_field_of_the_status_is_pruned(admin: Api, namespace: str) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent())
    status = {"status": {"phase": "Pending", "surprise": 1}}
    after = admin.patch(NETWORK_INTENTS, namespace, "amf", status, "status")
    assert after["status"] == {"phase": "Pending"}


def test_every_status_of_the_examples_is_kept_whole(
    admin: Api, namespace: str, statuses: list[dict[str, Any]]
) -> None:
    for number, status in enumerate(statuses):
        made = admin.create(NETWORK_INTENTS, namespace, intent(f"example-{number}"))
        assert admin.replace(NETWORK_INTENTS, made | {"status": status}, "status")["status"] == status


def test_conditions_of_others_stand_beside_ours(admin: Api, namespace: str) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent())
    path = NETWORK_INTENTS.path(namespace, "amf", "status")
    for manager, kind in (("ours", "Ready"), ("theirs", "Audited")):
        condition = {
            "type": kind,
            "status": "True",
            "reason": "Fine",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        body = intent(status={"conditions": [condition]})
        del body["spec"]
        after = admin.call("PATCH", path, body, content="application/apply-patch+yaml", fieldManager=manager)
    assert [item["type"] for item in after["status"]["conditions"]] == ["Ready", "Audited"]


def test_get_shows_what_became_of_an_intent(
    admin: Api, namespace: str, statuses: list[dict[str, Any]]
) -> None:
    status = next(item for item in statuses if item["phase"] == "Completed" and "packages" in item)
    status = status | {"nextRetryTime": "2027-01-01T00:00:00Z"}
    made = admin.create(NETWORK_INTENTS, namespace, intent())
    admin.replace(NETWORK_INTENTS, made | {"status": status}, "status")
    table = admin.call("GET", NETWORK_INTENTS.path(namespace), accept=TABLE)
    columns = [column["name"] for column in table["columnDefinitions"]]
    cells = dict(zip(columns, table["rows"][0]["cells"], strict=True))
    action = status["interpretation"]["actions"][0]
    assert columns[:8] == ["Name", "Phase", "Reason", "Type", "Target", "Message", "Next retry", "Age"]
    assert (cells["Phase"], cells["Reason"]) == ("Completed", status["conditions"][0]["reason"])
    assert (cells["Type"], cells["Target"]) == (action["intent_type"], action["target"])
    assert (cells["Message"], cells["Next retry"]) == (status["lastMessage"], "2027-01-01T00:00:00Z")
    assert cells["Intent"] == TEXT


def test_another_group_version_and_plural_are_served_too(admin: Api, namespace: str) -> None:
    other = Resource("wishes.example.org/v1beta1", "wishes")
    made = definition("wishes.example.org", "v1beta1", "wishes")
    made["spec"]["names"] |= {"shortNames": ["wi"], "categories": []}  # other tests find theirs by them
    admin.apply(CRDS, made)
    try:
        body = intent() | {"apiVersion": "wishes.example.org/v1beta1"}
        wait_until_served(admin, other)
        assert admin.create(other, namespace, body)["metadata"]["generation"] == 1
    finally:
        admin.delete(CRDS, "", "wishes.wishes.example.org")


def test_kubectl_finds_intents_by_their_short_name(
    kubectl: Callable[..., str], admin: Api, namespace: str
) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent())
    shown = json.loads(kubectl("get", "ni", "-n", namespace, "-o", "json"))
    assert [item["metadata"]["name"] for item in shown["items"]] == ["amf"]
    assert "A wish about the network" in kubectl("explain", "ni")
