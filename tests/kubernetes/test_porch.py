"""The porch executor through a real API server, which aggregates a small porch as it does the real one.

The API server finds out who calls, and whether they may, before it passes a call on, and answers by itself
where porch does not.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.executors.base import Absent, Done, Down, Retry, Revision, Up
from engine.executors.porch import executor as executing
from engine.reasons import Reason
from tests.cluster.api import CRDS, NAMESPACES, Api, ApiError, Resource
from tests.cluster.server import ApiServer, free_ports
from tests.cluster.surroundings import Rules, Surroundings, wait_until_served
from tests.kubernetes.documented import rules_of
from tests.porch.conftest import Bench, change, config_map, deployment
from tests.porch.server import Porch, hangs_up, says, serving
from tests.unit.executors.messages import RETRYABLE

API_SERVICES = Resource("apiregistration.k8s.io/v1", "apiservices")
SERVICES = Resource("v1", "services")
REPOSITORIES = Resource("config.porch.kpt.dev/v1alpha1", "repositories")
NAME = "v1alpha1.porch.kpt.dev"
SECONDS = 60.0
_LOOK_SECONDS = 5.0
"""More than a look takes: what it finds is not stored where the object has changed meanwhile."""


@dataclass
class Aggregated:
    """A small porch behind an API server."""

    admin: Api
    porch: Porch
    tls: ssl.SSLContext

    def __post_init__(self) -> None:
        self._running = ExitStack()
        (self._port,) = free_ports(1)

    def start(self) -> None:
        """Serves porch, on the same port each time."""
        self._running.enter_context(serving(self.porch, self._port, self.tls))

    def stop(self) -> None:
        """Cuts off whoever calls."""
        self._running.close()

    def register(self) -> None:
        """Has the API server pass calls on to porch."""
        service = {"type": "ExternalName", "externalName": "127.0.0.1"}
        self.admin.create(SERVICES, "default", {"metadata": {"name": "porch"}, "spec": service})
        spec = {
            "group": "porch.kpt.dev",
            "version": "v1alpha1",
            "service": {"namespace": "default", "name": "porch", "port": self._port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
        }
        self.admin.create(API_SERVICES, "", {"metadata": {"name": NAME}, "spec": spec})

    def until(self, available: str) -> None:
        """Waits until the API server has found out that porch is there, or that it is not."""
        deadline, due = time.monotonic() + SECONDS, 0.0
        while self._available() != available:
            now = time.monotonic()
            assert now < deadline, self.admin.get(API_SERVICES, "", NAME)
            if now > due:  # it looks anew where the object changes, else only now and then
                self.admin.patch(API_SERVICES, "", NAME, {"metadata": {"annotations": {"at": str(now)}}})
                due = now + _LOOK_SECONDS
            time.sleep(0.05)

    def until_passed_on(self) -> None:
        """Waits until calls get to porch."""
        self.until("True")
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.admin.call("GET", "/apis/porch.kpt.dev/v1alpha1")
            except ApiError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def _available(self) -> str:
        conditions = self.admin.get(API_SERVICES, "", NAME).get("status", {}).get("conditions", [])
        return next((item["status"] for item in conditions if item["type"] == "Available"), "")


def repositories() -> dict[str, Any]:
    """Returns the definition of repositories, with any fields."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "repositories", "singular": "repository", "kind": "Repository"}
    spec = {"group": "config.porch.kpt.dev", "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "repositories.config.porch.kpt.dev"},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def aggregated(own_servers: Callable[[], ApiServer]) -> Iterator[Aggregated]:
    server = own_servers()
    admin = server.admin
    # The API server makes it, some time after it is ready.
    admin.apply(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    admin.apply(CRDS, repositories())
    wait_until_served(admin, REPOSITORIES)
    repository = {
        "apiVersion": REPOSITORIES.api_version,
        "kind": "Repository",
        "metadata": {"name": "main"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    admin.create(REPOSITORIES, "default", repository)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*server.certificate)
    made = Aggregated(admin, Porch(), tls)
    made.start()
    made.register()
    yield made
    made.stop()


@pytest.fixture
def executors(
    aggregated: Aggregated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Rules], Bench]:
    """Makes benches of accounts with some rights, on an empty porch."""
    monkeypatch.setattr(executing, "_LOOK_SECONDS", 0.01)
    porch = aggregated.porch
    for kept in (porch.revisions, porch.files, porch.calls, porch.bodies, porch.faults):
        kept.clear()
    aggregated.until_passed_on()
    surroundings = Surroundings(aggregated.admin, tmp_path / "accounts")
    return lambda rules: Bench(porch, surroundings.account("default", rules))


@pytest.fixture
def bench(executors: Callable[[Rules], Bench]) -> Bench:
    """One with the rights that the documentation tells to give."""
    return executors(rules_of("porch.md", "conductor-watch-porch"))


def done(outcome: object) -> tuple[Revision, ...]:
    assert isinstance(outcome, Done), outcome
    return outcome.revisions


def test_packages_are_made_changed_and_published_with_the_rights_that_are_documented(bench: Bench) -> None:
    executor = bench.executor()
    assert isinstance(executor.probe(), Up)
    first = bench.effect(change(deployment(5)))
    assert isinstance(executor.read_back(first), Absent)
    (one,) = done(executor.execute(first))
    (two,) = done(executor.execute(bench.effect(change(deployment(6)), generation=2)))
    assert (one.revision, two.revision, two.lifecycle) == (1, 2, "Published")
    assert bench.porch.lifecycles() == ["Published", "Published"]
    assert done(executor.read_back(first))


def test_a_proposal_is_extended_and_discarded(bench: Bench) -> None:
    executor = bench.executor()
    effect = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (proposed,) = done(executor.execute(effect))
    (same,) = done(executor.execute(other))
    assert (proposed.lifecycle, same.resource_name) == ("Proposed", proposed.resource_name)
    done(executor.discard(same, other.workspace))
    done(executor.discard(same, effect.workspace))
    assert bench.porch.lifecycles() == []


@pytest.mark.parametrize("said", ["a stale version", "two writers of one package"])
def test_a_change_by_somebody_else_is_gone_on_from(bench: Bench, said: str) -> None:
    bench.porch.fail("PATCH /packagerevisions/", says(*RETRYABLE[said]))
    (revision,) = done(bench.executor().execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    assert revision.lifecycle == "Proposed"
    assert bench.porch.lifecycles() == ["Proposed"]
    assert bench.porch.faults[0].times == 0


def test_an_answer_that_is_lost_behind_the_api_server_is_found_again(bench: Bench) -> None:
    executor = bench.executor()
    effect = bench.effect(change(deployment(5)))
    bench.porch.fail("POST /packagerevisions", hangs_up, done=True)
    assert not isinstance(executor.execute(effect), Done)
    (revision,) = done(executor.execute(effect))
    assert (revision.revision, bench.porch.lifecycles()) == (1, ["Published"])


def test_a_porch_that_is_down_is_an_outage_and_what_was_begun_goes_on(
    aggregated: Aggregated, bench: Bench
) -> None:
    executor = bench.executor()
    effect = bench.effect(change(deployment(5)))
    aggregated.stop()
    try:
        for noticed in (False, True):
            if noticed:
                aggregated.until("False")
            outcome = executor.execute(effect)
            assert isinstance(outcome, Retry)
            assert (outcome.reason, outcome.counts) == (Reason.BACKEND_DOWN, False)
            assert isinstance(executor.probe(), Down)
    finally:
        aggregated.start()
    aggregated.until_passed_on()
    done(executor.execute(effect))
    assert bench.porch.lifecycles() == ["Published"]


def test_a_right_that_is_missing_is_told_and_uses_up_no_retry(executors: Callable[[Rules], Bench]) -> None:
    rules = rules_of("porch.md", "conductor-watch-porch")
    bench = executors([rule for rule in rules if rule["resources"] != ["packagerevisions/approval"]])
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.BACKEND_DOWN, False)
    assert "packagerevisions/approval" in outcome.message
    assert bench.porch.lifecycles() == ["Proposed"]
