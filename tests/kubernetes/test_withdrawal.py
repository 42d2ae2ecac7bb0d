"""Deletion on a real API server: a finalizer holds an intent until its packages are withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.pipeline.daemon import Daemon
from engine.telling import FINALIZER
from tests.cluster.api import NETWORK_INTENTS, Api, ApiError
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, status_of, until

Kubectl = Callable[..., str]


def finalizers(admin: Api, namespace: str, name: str) -> list[str]:
    found: list[str] = admin.get(NETWORK_INTENTS, namespace, name)["metadata"].get("finalizers", [])
    return found


def gone(admin: Api, namespace: str, name: str) -> bool:
    try:
        admin.get(NETWORK_INTENTS, namespace, name)
    except ApiError as error:
        return error.code == 404
    return False


def packages(daemon: Daemon) -> list[Path]:
    return list((daemon.settings.output.directory / "packages/main").glob("*"))


def done(admin: Api, namespace: str, start: Start, policy: str = "Withdraw") -> Daemon:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    daemon = start()
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5", deletionPolicy=policy))
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(daemon.settled)
    return daemon


def test_by_default_there_is_no_finalizer_and_packages_stay(admin: Api, namespace: str, start: Start) -> None:
    daemon = done(admin, namespace, start, "Orphan")
    assert finalizers(admin, namespace, "scale") == []
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    until(lambda: gone(admin, namespace, "scale"))
    until(daemon.settled)
    assert len(packages(daemon)) == 1


def test_packages_are_withdrawn_before_the_resource_goes(
    admin: Api, namespace: str, start: Start, kubectl: Kubectl
) -> None:
    daemon = done(admin, namespace, start)
    assert finalizers(admin, namespace, "scale") == [FINALIZER]
    kubectl("delete", "-n", namespace, "ni", "scale", "--timeout=60s")
    assert gone(admin, namespace, "scale")
    assert packages(daemon) == []


def test_while_nothing_runs_the_resource_stays(admin: Api, namespace: str, start: Start) -> None:
    done(admin, namespace, start).stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    assert not gone(admin, namespace, "scale")
    daemon = start()
    until(lambda: gone(admin, namespace, "scale"))
    assert packages(daemon) == []


def test_a_lost_store_is_no_reason_to_keep_a_resource_or_its_packages(
    admin: Api, namespace: str, start: Start, tmp_path: Path
) -> None:
    done(admin, namespace, start).stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    for path in (tmp_path / "out").glob("store.db*"):
        path.unlink()
    daemon = start()
    until(lambda: gone(admin, namespace, "scale"))
    assert packages(daemon) == []


def test_another_policy_takes_the_finalizer_away_also_while_it_holds_a_deletion(
    admin: Api, namespace: str, start: Start
) -> None:
    daemon = done(admin, namespace, start)
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"deletionPolicy": "Orphan"}})
    until(lambda: finalizers(admin, namespace, "scale") == [])
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"deletionPolicy": "Withdraw"}})
    until(lambda: finalizers(admin, namespace, "scale") == [FINALIZER])
    until(daemon.settled)
    daemon.stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"deletionPolicy": "Orphan"}})
    daemon = start()
    until(lambda: gone(admin, namespace, "scale"))
    assert len(packages(daemon)) == 1


def test_a_finalizer_of_others_is_left_to_them(admin: Api, namespace: str, start: Start) -> None:
    daemon = done(admin, namespace, start)
    both = {"metadata": {"finalizers": [FINALIZER, "example.com/hold"]}}
    admin.patch(NETWORK_INTENTS, namespace, "scale", both)
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    until(lambda: finalizers(admin, namespace, "scale") == ["example.com/hold"])
    assert packages(daemon) == []
    assert status_of(admin, namespace, "scale")["lastMessage"].startswith("deleted main/")
    until(daemon.settled)
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"metadata": {"finalizers": None}})
    until(lambda: gone(admin, namespace, "scale"))


def test_who_takes_the_finalizer_away_by_hand_keeps_the_packages(
    admin: Api, namespace: str, start: Start
) -> None:
    daemon = done(admin, namespace, start)
    daemon.stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"metadata": {"finalizers": None}})
    assert gone(admin, namespace, "scale")
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 6"))
    daemon = start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(daemon.settled)
    (package,) = packages(daemon)
    assert "replicas: 6" in (package / "deployment-amf.yaml").read_text()


def test_cleaned_up_intents_can_be_deleted_without_the_daemon(
    admin: Api, namespace: str, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = done(admin, namespace, start)
    kubeconfig = daemon.settings.kubernetes.kubeconfig
    until(lambda: "annotations" in admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"])
    daemon.stop()
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        f"source: {{kind: kubernetes}}\nkubernetes: {{kubeconfig: {kubeconfig}, namespaces: [{namespace}]}}\n"
    )

    def cleanup(*arguments: str) -> list[dict[str, Any]]:
        with pytest.raises(SystemExit) as end:
            main(["cleanup", "--settings", str(settings), "-o", "json", *arguments])
        assert not end.value.code
        items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["items"]
        return items

    assert [item["name"] for item in cleanup("--dry-run")] == ["scale"]
    assert finalizers(admin, namespace, "scale") == [FINALIZER]
    assert cleanup()[0]["finalizer"]
    metadata = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]
    assert "finalizers" not in metadata
    assert "conductor-watch/last-hash" in metadata["annotations"]
    assert len(cleanup("--annotations")) == 1
    assert "annotations" not in admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]
    assert cleanup("--annotations") == []
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    assert gone(admin, namespace, "scale")
