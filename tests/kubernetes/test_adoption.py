"""What was there before anything was carried out is taken for done, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.modes import KubernetesMode
from engine.pipeline.daemon import Daemon
from engine.pipeline.journal import Journal
from engine.settings import KubernetesSettings, PausedSettings, ShadowSettings
from store import Store, audit
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.cluster.surroundings import Rules, Surroundings, manifests, product_roles
from tests.kubernetes.running import (
    DEPLOYMENTS,
    Start,
    deployment,
    intent,
    reason,
    settings_of,
    status_of,
    until,
)


def scale(admin: Api, namespace: str, name: str, target: str = "amf", **spec: object) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent(name, f"scale {target} to 5", **spec))


def packages(daemon: Daemon) -> list[str]:
    folder = daemon.settings.output.directory / "packages/main"
    return sorted(path.name for path in folder.glob("*"))


def lose(daemon: Daemon) -> None:
    daemon.stop()
    for path in daemon.settings.store.path.parent.glob("store.db*"):
        path.unlink()


def test_what_was_there_is_adopted_and_what_comes_later_is_carried_out(
    admin: Api, namespace: str, start: Start
) -> None:
    for name in ("amf", "smf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    scale(admin, namespace, "old")
    daemon = start(adopt=None)
    until(lambda: reason(admin, namespace, "old") == "Adopted")
    status = status_of(admin, namespace, "old")
    assert status["phase"] == "Completed"
    assert {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"
    until(daemon.settled)
    scale(admin, namespace, "new", "smf")
    until(lambda: reason(admin, namespace, "new") == "Completed")
    assert len(packages(daemon)) == 1


def test_an_adopted_intent_is_carried_out_once_it_wishes_something_else(
    admin: Api, namespace: str, start: Start
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    scale(admin, namespace, "old", suspend=True)
    daemon = start(adopt="existing", paused=PausedSettings(everything=True))
    until(lambda: reason(admin, namespace, "old") == "Adopted")
    until(daemon.settled)
    daemon.stop()
    daemon = start(adopt="existing")
    admin.patch(NETWORK_INTENTS, namespace, "old", {"spec": {"suspend": False}})
    until(lambda: status_of(admin, namespace, "old")["observedGeneration"] == 2)
    assert reason(admin, namespace, "old") == "Adopted"
    admin.patch(NETWORK_INTENTS, namespace, "old", {"spec": {"intent": "scale amf to 6"}})
    until(lambda: reason(admin, namespace, "old") == "Completed")
    assert len(packages(daemon)) == 1


def test_after_a_lost_store_what_is_new_is_carried_out_and_what_was_adopted_is_not(
    admin: Api, namespace: str, start: Start
) -> None:
    for name in ("amf", "smf", "upf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    scale(admin, namespace, "old")
    daemon = start(adopt="existing")
    until(daemon.settled)
    scale(admin, namespace, "done", "smf")
    until(lambda: reason(admin, namespace, "done") == "Completed")
    until(daemon.settled)
    lose(daemon)
    scale(admin, namespace, "new", "upf")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "new") == "Completed")
    until(daemon.settled)
    assert (reason(admin, namespace, "old"), reason(admin, namespace, "done")) == ("Adopted", "Completed")
    assert len(packages(daemon)) == 2


def test_a_first_start_that_was_broken_off_adopts_the_rest(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    scale(admin, namespace, "one")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "one") == "Adopted")
    until(daemon.settled)
    lose(daemon)
    scale(admin, namespace, "other")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "other") == "Adopted")
    assert packages(daemon) == []


def test_a_namespace_that_is_added_is_adopted_too(
    admin: Api, namespace: str, surroundings: Surroundings, start: Start
) -> None:
    other = surroundings.namespace()
    account = surroundings.account(namespace, None)
    admin.create(DEPLOYMENTS, other, deployment("amf"))
    scale(admin, other, "old")
    daemon = start(adopt="existing")
    until(daemon.settled)
    daemon.stop()
    both = KubernetesSettings(kubeconfig=account, namespaces=[namespace, other])
    daemon = start(adopt="existing", kubernetes=both)
    until(lambda: reason(admin, other, "old") == "Adopted")
    assert packages(daemon) == []


def test_in_shadow_what_was_there_is_looked_at_and_nothing_is_reported(
    admin: Api, namespace: str, start: Start
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    scale(admin, namespace, "old")
    daemon = start(adopt="existing", shadow=ShadowSettings(namespaces=["*"]))

    def decided() -> bool:
        entries = daemon.store.read(lambda reader: audit.of_intent(reader, namespace, "old", limit=10))
        return any(entry.entry.kind == "Decided" and "shadow" in entry.entry.body for entry in entries)

    until(decided)
    assert status_of(admin, namespace, "old") == {}


@pytest.fixture
def in_pod(
    monkeypatch: pytest.MonkeyPatch, namespace: str, account: Callable[[Rules], Path], start: Start
) -> Callable[[], Daemon]:
    """Starts daemons as in a pod, which may keep a Lease."""
    monkeypatch.setenv("POD_NAMESPACE", namespace)
    (lease,) = (item["rules"] for item in manifests("rbac.yaml") if item["kind"] == "Role")
    rules = [rule for role in product_roles() for rule in role["rules"]]
    kubernetes = KubernetesSettings(kubeconfig=account([*rules, *lease]), namespaces=[namespace])
    return lambda: start(adopt="existing", kubernetes=kubernetes)


def test_what_was_wished_since_the_first_start_is_carried_out_though_the_store_is_lost_before_any_report(
    admin: Api, namespace: str, in_pod: Callable[[], Daemon]
) -> None:
    daemon = in_pod()
    until(daemon.settled)
    lose(daemon)
    time.sleep(1.1)  # times of Kubernetes are whole seconds
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    scale(admin, namespace, "new")
    daemon = in_pod()
    until(lambda: reason(admin, namespace, "new") == "Completed")
    assert len(packages(daemon)) == 1


def test_what_was_adopted_stays_so_though_store_and_status_are_lost(
    admin: Api, namespace: str, in_pod: Callable[[], Daemon]
) -> None:
    for name in ("amf", "smf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    scale(admin, namespace, "old")
    daemon = in_pod()
    until(lambda: reason(admin, namespace, "old") == "Adopted")
    scale(admin, namespace, "new", "smf")
    until(lambda: reason(admin, namespace, "new") == "Completed")
    until(daemon.settled)
    lose(daemon)
    admin.patch(NETWORK_INTENTS, namespace, "old", {"status": None}, "status")
    daemon = in_pod()
    until(lambda: reason(admin, namespace, "old") == "Adopted")
    assert len(packages(daemon)) == 1


@pytest.mark.parametrize("all_listed", [True, False])
def test_a_first_start_that_was_killed_adopts_nothing_that_came_after_it(
    admin: Api,
    namespace: str,
    product: Path,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    all_listed: bool,
) -> None:
    """What a killed first start leaves is an inbox; where it had not listed all, it is listed again."""
    for name in ("amf", "smf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    scale(admin, namespace, "old")
    settings = settings_of(namespace, product, tmp_path)
    mode = KubernetesMode(settings)
    store = Store.open(settings.store.path)
    source = mode.source(store, kept=lambda: None, redact=str, clock=time.time)
    with monkeypatch.context() as patched:
        if not all_listed:
            patched.setattr(Journal, "listed", lambda *_: None)
        source.start()
        until(source.synced.is_set)
        source.stop(5)
    store.close(5)
    mode.close()
    time.sleep(1.1)  # times of Kubernetes are whole seconds
    scale(admin, namespace, "new", "smf")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "new") == "Completed")
    until(lambda: reason(admin, namespace, "old") == "Adopted")
    assert len(packages(daemon)) == 1
