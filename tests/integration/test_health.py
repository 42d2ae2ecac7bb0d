"""What a daemon says of itself over HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from engine import scheduler
from engine.settings import MetricsSettings
from tests.integration.conftest import Workplace

Get = Callable[[str], tuple[int, str]]


@pytest.fixture
def get(workplace: Workplace) -> Get:
    """Asks the daemon that is started next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workplace.settings = workplace.settings.model_copy(update={"metrics": MetricsSettings(port=port)})

    def ask(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return ask


def checks(said: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(said)["checks"]}


def test_a_daemon_that_is_well_is_alive_and_ready(workplace: Workplace, get: Get) -> None:
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start()
    workplace.until(daemon.settled)
    assert get("/livez") == (200, "ok\n")
    assert get("/readyz") == (200, "ok\n")
    found = checks(get("/readyz?format=json")[1])
    assert {"source", "store", "rules", "lexicon", "settings", "backend directory"} <= found.keys()
    assert {check["level"] for check in found.values()} == {"ok"}
    assert "[+]store ok: " in get("/readyz?verbose")[1]
    assert "tick work" in get("/livez?verbose")[1]
    text = get("/metrics")[1]
    assert 'conductor_check{check="store"} 0.0' in text
    assert 'conductor_rule_seconds_count{rule="' in text


def test_before_everything_was_seen_it_is_not_ready(
    workplace: Workplace, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = workplace.start()
    workplace.until(daemon.source.synced.is_set)
    monkeypatch.setattr(daemon.source, "synced", threading.Event())
    status, said = get("/readyz")
    assert status == 503
    assert "[-]source failed: not everything" in said


def test_rules_that_cannot_be_used_leave_it_ready_and_are_told(workplace: Workplace, get: Get) -> None:
    daemon = workplace.start()
    workplace.write("rules/site.yaml", "apiVersion: conductor-watch/v1\nkind: RuleSet\nrulez: []\n")
    workplace.until(lambda: "rules" in daemon.problems())
    status, said = get("/readyz")
    assert status == 200
    assert "[!]rules warning: " in said
    assert "rulez" in said
    text = get("/metrics")[1]
    assert "conductor_rules_valid 0.0" in text
    assert 'conductor_reloads_total{of="rules",outcome="refused"} 1.0' in text
    workplace.write(
        "rules/site.yaml", "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {name: s}\nrules: []\n"
    )
    workplace.until(lambda: "rules" not in daemon.problems())
    assert "conductor_rules_valid 1.0" in get("/metrics")[1]


def test_a_store_that_cannot_be_written_makes_it_not_ready(workplace: Workplace, get: Get) -> None:
    daemon = workplace.start()
    go_on = threading.Event()
    daemon.store.write(lambda _: go_on.wait(60))  # the disk hangs
    try:
        daemon.ticker.wake("examine")
        workplace.until(lambda: get("/readyz")[0] == 503, seconds=60)
        assert "[-]store failed: a write to " in get("/readyz")[1]
    finally:
        go_on.set()
    daemon.ticker.wake("examine")
    workplace.until(lambda: get("/readyz")[0] == 200, seconds=60)


def test_ticks_that_are_stuck_make_it_dead(
    workplace: Workplace, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = workplace.start()
    workplace.until(daemon.settled)
    monkeypatch.setattr(scheduler, "STUCK_SECONDS", -1e6)  # every tick is later than that
    status, said = get("/livez")
    assert status == 503
    assert "[-]tick work failed: " in said


def test_a_tick_that_takes_long_and_gets_on_is_alive() -> None:
    tick = scheduler.Tick("work", lambda: None, 1.0)
    began = tick.last_run
    assert not tick.stuck(began + scheduler.STUCK_SECONDS)
    assert tick.stuck(began + scheduler.STUCK_SECONDS + 2)
    tick.beat()
    assert not tick.stuck(time.monotonic() + scheduler.STUCK_SECONDS)
