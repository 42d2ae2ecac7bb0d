"""What the product's account may do, and that a missing right is found before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.errors import UnavailableError
from engine.kube.examining import GRANT, Examination
from engine.kube.followed import followed
from engine.kube.rights import Right, missing_rights, needed_rights, roles_for
from engine.settings import Settings, StructuredSettings
from engine.vitals import Level
from tests.cluster.api import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Api, Resource
from tests.cluster.surroundings import without
from tests.kubernetes.running import until

INTENTS = followed(Settings())
BOTH = followed(Settings(structured=StructuredSettings(enabled=True)))
KINDS = {
    "ClusterRole": CLUSTER_ROLES,
    "ClusterRoleBinding": CLUSTER_ROLE_BINDINGS,
    "Role": Resource("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Resource("rbac.authorization.k8s.io/v1", "rolebindings"),
}


def needed(*namespaces: str) -> list[Right]:
    return needed_rights([kind.resource for kind in INTENTS], namespaces or ("",))


def missing(client: Client, *namespaces: str) -> list[str]:
    return [str(right) for right in missing_rights(client, needed(*namespaces))]


def examination(client: Client) -> Examination:
    return Examination(client, INTENTS, ("",))


def look(looked: Examination) -> None:
    """Looks until there is an answer: while definitions of other tests come and go, none is published."""

    def answered() -> bool:
        looked.look()
        return bool(looked.checks)

    until(answered)


def test_the_roles_of_the_deployment_are_enough(namespace: str, product: Path) -> None:
    client = Client(configure(product))
    assert missing(client) == []
    assert missing(client, namespace, "default") == []


def test_a_right_that_is_missing_is_named(namespace: str, account: Callable[..., Path]) -> None:
    client = Client(configure(account(without("networkintents/status"))))
    assert missing(client) == ["patch networkintents/status.nephoran.com"]
    assert missing(client, namespace) == [
        f"patch networkintents/status.nephoran.com in namespace {namespace}"
    ]


def test_the_role_that_is_offered_for_a_missing_right_grants_it(
    admin: Api, namespace: str, account: Callable[..., Path]
) -> None:
    client = Client(configure(account(without("networkintents/status"))))
    lacking = missing_rights(client, needed(namespace))
    for item in roles_for(lacking, client.whoami()):
        admin.create(KINDS[item["kind"]], namespace, item)
    for _ in range(600):  # the API server takes a role up in a moment
        if not missing(client, namespace):
            break
        Event().wait(0.1)
    assert missing(client, namespace) == []


def test_a_missing_right_is_told_once_in_the_log_and_always_in_readiness(
    namespace: str, account: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    looked = examination(Client(configure(account(without("networkintents/status")))))
    assert looked.checks == ()
    look(looked)
    looked.look()
    rights, schema = looked.checks
    assert (rights.name, rights.level) == ("rights", Level.FAILED)
    assert "patch networkintents/status.nephoran.com" in rights.detail
    assert schema.level is Level.OK
    assert looked.rights_missing == 1
    assert [record.message for record in caplog.records if "may not patch" in record.message] == [
        f"the account may not patch networkintents/status.nephoran.com; {GRANT}"
    ]


def test_without_the_right_to_tell_events_it_works_all_the_same(
    namespace: str, account: Callable[..., Path]
) -> None:
    looked = examination(Client(configure(account(without("events")))))
    look(looked)
    assert looked.checks[0].level is Level.WARNING


def test_an_outage_changes_nothing_of_what_was_found(namespace: str, product: Path) -> None:
    client = Client(configure(product))
    now = [0.0]
    looked = Examination(client, INTENTS, ("",), monotonic=lambda: now[0])
    look(looked)
    before = looked.checks

    def fail(*_: object, **__: object) -> None:
        raise UnavailableError("it is away")

    client.create = fail  # type: ignore[method-assign]
    now[0] = 1e6
    looked.look()
    assert looked.checks == before
    assert "examination" in client.health.problems
