"""What was there before anything was carried out is taken for done, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from engine.pipeline.daemon import Daemon
from engine.settings import KubernetesSettings, PausedSettings, ShadowSettings
from store import audit
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.cluster.surroundings import Surroundings
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, status_of, until


def scale(admin: Api, namespace: str, name: str, target: str = "amf", **spec: object) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent(name, f"scale {target} to 5", **spec))


def packages(daemon: Daemon) -> list[str]:
    folder = daemon.settings.output.directory / "packages/main"
    return sorted(path.name for path in folder.glob("*"))


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
    admin: Api, namespace: str, start: Start, tmp_path: Path
) -> None:
    for name in ("amf", "smf", "upf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    scale(admin, namespace, "old")
    daemon = start(adopt="existing")
    until(daemon.settled)
    scale(admin, namespace, "done", "smf")
    until(lambda: reason(admin, namespace, "done") == "Completed")
    until(daemon.settled)
    daemon.stop()
    for path in (tmp_path / "out").glob("store.db*"):
        path.unlink()
    scale(admin, namespace, "new", "upf")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "new") == "Completed")
    until(daemon.settled)
    assert (reason(admin, namespace, "old"), reason(admin, namespace, "done")) == ("Adopted", "Completed")
    assert len(packages(daemon)) == 2


def test_a_first_start_that_was_broken_off_adopts_the_rest(
    admin: Api, namespace: str, start: Start, tmp_path: Path
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    scale(admin, namespace, "one")
    daemon = start(adopt="existing")
    until(lambda: reason(admin, namespace, "one") == "Adopted")
    until(daemon.settled)
    daemon.stop()
    for path in (tmp_path / "out").glob("store.db*"):
        path.unlink()
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
