from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from engine.kube.backoff import Backoff
from engine.kube.errors import ForbiddenError, NotFoundError, ThrottledError, UnavailableError
from engine.kube.happenings import plain_note
from engine.kube.health import Health
from engine.kube.resources import EVENTS, NAMESPACES, network_intents
from engine.kube.versions import Seen, Versions


def test_delays_double_up_to_the_longest_and_start_again() -> None:
    backoff = Backoff(1.0, 8.0, jitter=random.Random(1))
    delays = [backoff.next() for _ in range(6)]
    bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(bound / 2 <= delay <= bound for delay, bound in zip(delays, bounds, strict=True))
    backoff.reset()
    assert backoff.next() <= 1.0


def test_two_loops_do_not_come_back_together() -> None:
    one, other = Backoff(), Backoff()
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]


def test_what_the_server_asks_for_is_the_least_delay() -> None:
    backoff = Backoff(0.1, 1.0)
    assert 7.0 <= backoff.next(ThrottledError("slow down", retry_after=7.0)) <= 7.7
    assert backoff.next(OSError("else")) <= 0.2


def test_a_failure_is_logged_when_it_changes_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    health = Health()
    health.worked("status")
    for _ in range(3):
        health.failed("status", ForbiddenError("no right"))
    health.failed("status", NotFoundError("no kind"))
    health.failed("watch", ForbiddenError("no right"), "core")
    assert health.problems == {"status": "no kind", "watch core": "no right"}
    health.worked("status")
    health.worked("watch", "core")
    assert health.problems == {}
    assert health.failures == {
        ("status", "ForbiddenError"): 3,
        ("status", "NotFoundError"): 1,
        ("watch", "ForbiddenError"): 1,
    }
    assert [record.message for record in caplog.records] == [
        "no right; trying again",
        "no kind; trying again",
        "no right; trying again",
        "status: works again, after: no kind",
        "watch: works again, after: no right",
    ]


def test_one_line_tells_of_an_outage_that_many_meet_with(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    health = Health()
    kinds = ("services", "configmaps", "nodes")
    for kind in kinds:
        health.failed("facts", UnavailableError(f"cannot watch {kind}"), kind)
    health.failed("facts", ForbiddenError("no right"), "nodes")
    for kind in kinds:
        health.worked("facts", kind)
    assert [record.message for record in caplog.records] == [
        "cannot watch services; trying again",
        "no right; trying again",
        "facts: works again, after: no right",
    ]


def test_a_version_seen_late_does_not_replace_a_newer_one() -> None:
    versions = Versions()
    versions.note("u", 2, "100")
    versions.note("u", 1, "99")
    assert versions.get("u") == Seen(2, "100")
    versions.forget("u")
    assert versions.get("u") is None


def test_paths_are_those_of_the_api() -> None:
    intents = network_intents("nephoran.com", "v1")
    assert intents.path() == "/apis/nephoran.com/v1/networkintents"
    assert intents.path("core", "a", "status") == (
        "/apis/nephoran.com/v1/namespaces/core/networkintents/a/status"
    )
    assert NAMESPACES.path("ignored", "core") == "/api/v1/namespaces/core"
    assert EVENTS.words("core", "a") == "Event core/a"


def test_a_note_tells_nothing_that_is_unique_to_one_run() -> None:
    note = (
        "cw-0123456789abcdef0123 of 6b1f3f0e-9a53-4c8e-8f3e-0d3f7c1a2b3c at 2026-01-01T00:00:00Z, "
        "trace 0123456789abcdef0123456789abcdef: 5 replicas"
    )
    assert plain_note(note) == "… of … at …, trace …: 5 replicas"
    assert len(plain_note("ä" * 2000).encode()) <= 1024


def test_the_client_comes_without_what_is_not_used_and_reads_a_kubeconfig_all_the_same(
    tmp_path: Path,
) -> None:
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {"token": "t"}}]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps({"clusters": [cluster], "contexts": [context], "users": users, "current-context": "x"})
    )
    code = (
        "import sys; from pathlib import Path; import engine.kube.source, engine.kube.inventory;"
        "from engine.kube.connection import configure;"
        "kept = {'oauthlib', 'requests', 'google.auth', 'websocket', 'kubernetes.config'} & set(sys.modules);"
        "assert not kept, kept; assert configure(Path(sys.argv[1])).host == 'http://127.0.0.1:1'"
    )
    command = [sys.executable, "-c", code, str(kubeconfig)]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[3])
