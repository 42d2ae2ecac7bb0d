"""What stands in the way of the whole product on a real API server is told, in words and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from engine.pipeline.daemon import Daemon
from engine.serving import Question
from engine.settings import (
    KubernetesSettings,
    LiveSettings,
    OutputSettings,
    RulesSettings,
    Settings,
    SourceSettings,
    StoreSettings,
)
from engine.vitals import Check, Level
from tests.cluster.api import Api, Resource
from tests.cluster.surroundings import without
from tests.kubernetes.test_product import until

EVENTS = Resource("events.k8s.io/v1", "events")
Start = Callable[[Path], Daemon]


@pytest.fixture
def start(tmp_path: Path, namespace: str) -> Iterator[Start]:
    """Starts a daemon on the test's namespace, under some account."""
    started: list[Daemon] = []

    def make(kubeconfig: Path) -> Daemon:
        (tmp_path / "rules").mkdir(exist_ok=True)
        settings = Settings(
            rules=RulesSettings(paths=[tmp_path / "rules"], poll_seconds=0.2),
            source=SourceSettings(kind="kubernetes"),
            live=LiveSettings(kind="kubernetes"),
            kubernetes=KubernetesSettings(kubeconfig=kubeconfig, namespaces=[namespace]),
            output=OutputSettings(directory=tmp_path / "out"),
            store=StoreSettings(path=tmp_path / "out" / "store.db"),
        )
        daemon = Daemon(settings)
        started.append(daemon)
        daemon.start()
        return daemon

    yield make
    for daemon in started:
        daemon.stop()


def check(daemon: Daemon, name: str) -> Check | None:
    return next((check for check in daemon.examiner.vitals().checks if check.name == name), None)


def test_with_the_rights_and_the_definition_of_the_deployment_it_gets_ready(
    start: Start, product: Path
) -> None:
    daemon = start(product)
    page = daemon.examiner.pages(daemon.metrics)["/readyz"]
    until(lambda: check(daemon, "rights") is not None and page(Question({}, "")).body == b"ok\n")


def test_without_the_right_to_write_statuses_it_is_not_ready_and_says_why(
    start: Start, account: Callable[..., Path]
) -> None:
    daemon = start(account(without("networkintents/status")))
    until(lambda: check(daemon, "rights") is not None)
    found = check(daemon, "rights")
    assert found is not None
    assert found.level is Level.FAILED
    assert "patch networkintents/status.nephoran.com" in found.detail
    assert daemon.examiner.pages(daemon.metrics)["/readyz"](Question({}, "")).status == 503
    until(lambda: b"conductor_rights_missing 1.0" in generate_latest(daemon.metrics.registry))


def test_rules_that_cannot_be_used_are_told_by_an_event_on_the_pod(
    admin: Api,
    namespace: str,
    start: Start,
    product: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POD_NAME", "conductor-watch-0")
    monkeypatch.setenv("POD_NAMESPACE", namespace)
    monkeypatch.setenv("POD_UID", "00000000-0000-0000-0000-000000000001")
    daemon = start(product)
    (tmp_path / "rules/site.yaml").write_text("apiVersion: conductor-watch/v1\nkind: RuleSet\nrulez: []\n")
    events: list[dict[str, Any]] = []

    def told() -> bool:
        events[:] = [item for item in admin.list(EVENTS, namespace) if item["reason"] == "ReloadFailed"]
        return bool(events)

    until(told)
    assert events[0]["type"] == "Warning"
    assert events[0]["regarding"]["kind"] == "Pod"
    assert events[0]["regarding"]["name"] == "conductor-watch-0"
    assert "rulez" in events[0]["note"]
    until(lambda: b"conductor_rules_valid 0.0" in generate_latest(daemon.metrics.registry))
