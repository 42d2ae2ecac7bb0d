"""The definition that is served, compared with ours."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import UnavailableError
from engine.kube.followed import Followed
from engine.kube.resources import Resource, network_intents
from engine.kube.schema import Finding, Flaw, check_schema
from tests.cluster.api import CRDS, Api
from tests.cluster.surroundings import BASE

INTENTS = network_intents("nephoran.com", "v1")


@pytest.fixture
def ours() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((BASE / "crd.yaml").read_text())
    return loaded


def status_of(definition: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return schema["status"]["properties"]


def findings_of(kubeconfig: Path, resource: Resource, ours: dict[str, Any]) -> list[Finding]:
    """Checks once the API server has published what it serves."""
    schema = ours["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    followed = Followed(resource, lambda: schema, "install it: conductor-watch crd | kubectl apply -f -")
    client, deadline = Client(configure(kubeconfig)), time.monotonic() + 20
    while True:
        try:
            return check_schema(client, followed)
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_definition_of_this_release_has_no_flaw(
    namespace: str, product: Path, ours: dict[str, Any]
) -> None:
    assert findings_of(product, INTENTS, ours) == []


def test_a_field_that_the_served_definition_lacks_is_named(
    namespace: str, product: Path, ours: dict[str, Any]
) -> None:
    status_of(ours)["weather"] = {"type": "string"}
    status_of(ours)["conditions"]["items"]["properties"]["mood"] = {"type": "string"}
    (finding,) = findings_of(product, INTENTS, ours)
    assert finding.flaw is Flaw.PRUNED
    assert set(finding.fields) == {"status.weather", "status.conditions[].mood"}
    assert "conductor-watch crd | kubectl apply" in finding.message


def test_a_kind_that_is_not_served_is_told(namespace: str, product: Path, ours: dict[str, Any]) -> None:
    (finding,) = findings_of(product, network_intents("example.com", "v1"), ours)
    assert finding.flaw is Flaw.NOT_SERVED


def test_an_old_definition_without_status_is_told(
    admin: Api, namespace: str, product: Path, ours: dict[str, Any]
) -> None:
    group = f"{namespace}.example.com"
    old = copy.deepcopy(ours)
    old["metadata"] = {"name": f"networkintents.{group}"}
    old["spec"] |= {"group": group, "names": {"kind": "NetworkIntent", "plural": "networkintents"}}
    version = old["spec"]["versions"][0]
    version["subresources"] = {}
    version["additionalPrinterColumns"] = []
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    admin.create(CRDS, "", old)
    try:
        flaws: list[Flaw] = []
        while Flaw.PRUNED not in flaws:  # the API server does not serve a new kind at once
            flaws = [finding.flaw for finding in findings_of(product, network_intents(group, "v1"), ours)]
    finally:
        admin.delete(CRDS, "", old["metadata"]["name"])
    assert flaws == [Flaw.NO_STATUS, Flaw.PRUNED]
