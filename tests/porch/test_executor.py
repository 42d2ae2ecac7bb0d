"""The porch executor over the real HTTP client, on a porch that answers as the real one was heard to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import yaml

from engine.executors.base import (
    Absent,
    Done,
    Down,
    Effect,
    PackageRef,
    Retry,
    Revision,
    Terminal,
    Unknown,
    Up,
    Withdrawal,
)
from engine.executors.porch.model import EFFECTS, label
from engine.reasons import Reason
from tests.porch.conftest import Bench, change, config_map, deployment
from tests.porch.server import Porch, hangs_up, says
from tests.unit.executors.messages import ALREADY_DONE, OUTAGES, PERMANENT, RETRYABLE, UNKNOWN

STEPS = {
    "made": "POST /packagerevisions",
    "written": "PATCH /packagerevisionresources",
    "proposed": "PATCH /packagerevisions/",
    "published": "PATCH /approval",
}


def done(outcome: object) -> tuple[Revision, ...]:
    assert isinstance(outcome, Done), outcome
    return outcome.revisions


def files(porch: Porch, revision: Revision) -> dict[str, Any]:
    """The files of a revision, parsed."""
    return {path: yaml.safe_load(text) for path, text in porch.files[revision.resource_name].items()}


def wishes(porch: Porch, revision: Revision) -> str:
    return str(files(porch, revision)["Kptfile"]["metadata"]["annotations"][EFFECTS])


@pytest.mark.parametrize(
    ("lifecycle", "writes"),
    [
        ("Draft", ["POST", "PATCH"]),
        ("Proposed", ["POST", "PATCH", "PATCH"]),
        ("Published", ["POST", "PATCH", "PATCH", "PATCH"]),
    ],
)
def test_a_revision_goes_as_far_as_was_decided(bench: Bench, lifecycle: str, writes: list[str]) -> None:
    effect = bench.effect(change(deployment(5)), lifecycle=lifecycle)
    (revision,) = done(bench.executor().execute(effect))
    assert revision == Revision(
        "main",
        "core-amf",
        effect.workspace,
        int(lifecycle == "Published"),
        lifecycle,
        f"main.core-amf.{effect.workspace}",
    )
    assert bench.porch.lifecycles() == [lifecycle]
    assert bench.porch.writes() == writes


def test_a_new_package_holds_what_was_decided_and_nothing_else(bench: Bench) -> None:
    (revision,) = done(bench.executor().execute(bench.effect(change(deployment(5)))))
    found = files(bench.porch, revision)
    assert found.pop("Kptfile")["metadata"]["name"] == "core-amf"
    assert found == {"deployment-amf.yaml": deployment(5)}


def test_a_later_revision_is_made_from_the_newest_published_one_and_keeps_what_others_wrote(
    bench: Bench,
) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    text = "# why it is so\napiVersion: v1\nkind: Secret\nmetadata: {name: amf}\n"
    bench.porch.files[by_hand]["secret.yaml"] = text
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(bench.effect(change(deployment(6)), generation=2)))
    assert revision.revision == 3
    assert bench.porch.files[revision.resource_name]["secret.yaml"] == text
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(6)


def test_a_package_that_says_it_already_gets_no_revision(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    (same,) = done(executor.execute(bench.effect(change(deployment(5)), generation=2)))
    assert same == replace(first, changed=False)
    assert len(bench.porch.of_package()) == 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_is_unknown_and_read_back_to_one_revision(
    bench: Bench, step: str, carried_out: bool
) -> None:
    effect = bench.effect(change(deployment(5)))
    bench.porch.fail(STEPS[step], hangs_up, done=carried_out)
    executor = bench.executor()
    assert isinstance(executor.execute(effect), Unknown)
    seen = executor.read_back(effect)
    assert isinstance(seen, Done) == (step == "published" and carried_out)
    (revision,) = done(executor.execute(effect))
    assert (revision.revision, revision.lifecycle) == (1, "Published")
    assert bench.porch.lifecycles() == ["Published"]
    assert done(executor.read_back(effect)) == (revision,)


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("calls", range(1, 13))
def test_killed_at_any_call_the_next_process_makes_one_revision_of_each_effect(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, calls: int, carried_out: bool
) -> None:
    first = bench.effect(change(deployment(5)), change(deployment(3, "smf"), "core-smf"))
    second = bench.effect(change(deployment(6)), generation=2)
    executor = bench.executor()
    send, left = executor._api._client._send, calls

    def killed(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left and not carried_out:
            raise KilledError
        answer = send(*arguments, **named)
        if not left:
            raise KilledError
        return answer

    monkeypatch.setattr(executor._api._client, "_send", killed)
    for effect in (first, second):
        try:
            done(executor.execute(effect))
        except KilledError:
            executor = bench.executor()
            if isinstance(executor.read_back(effect), Absent):
                done(executor.execute(effect))
    found = [(item["spec"]["packageName"], item["spec"]["lifecycle"]) for item in bench.porch.of_package()]
    assert sorted(found) == [("core-amf", "Published")] * 2 + [("core-smf", "Published")]


@pytest.mark.parametrize("generation", [1, 2])
def test_a_draft_whose_making_broke_off_in_porch_is_filled(bench: Bench, generation: int) -> None:
    executor, source = bench.executor(), ""
    if generation == 2:
        (first,) = done(executor.execute(bench.effect(change(deployment(4)))))
        source = first.resource_name
    effect = bench.effect(change(deployment(5)), generation=generation)
    begun = bench.porch.add("core-amf", effect.workspace, source=source)
    bench.porch.files[begun].clear()
    (revision,) = done(executor.execute(effect))
    assert revision.resource_name == begun
    found = files(bench.porch, revision)
    assert found["deployment-amf.yaml"] == deployment(5)
    assert found["Kptfile"]["metadata"]["name"] == "core-amf"


@pytest.mark.parametrize("lost", ["Kptfile", "deployment-amf.yaml", "configmap-amf.yaml"])
@pytest.mark.parametrize("lifecycle", ["Proposed", "Published"])
def test_a_proposal_that_porch_lost_files_of_is_made_whole_before_it_is_published(
    bench: Bench, lifecycle: str, lost: str
) -> None:
    executor = bench.executor()
    (before,) = done(executor.execute(bench.effect(change(config_map(a="b")), intent="core/config")))
    effect = bench.effect(change(deployment(5)), lifecycle=lifecycle)
    call = "PATCH /approval" if lifecycle == "Published" else "PATCH /packagerevisions/"
    bench.porch.fail(call, hangs_up, done=lifecycle == "Proposed")
    assert isinstance(executor.execute(effect), Unknown)
    del bench.porch.files[f"main.core-amf.{effect.workspace}"][lost]
    assert executor.read_back(effect) == Absent()
    (revision,) = done(executor.execute(effect))
    assert done(executor.read_back(effect)) == (revision,)
    found = files(bench.porch, revision)
    assert (found["deployment-amf.yaml"], found["configmap-amf.yaml"]) == (deployment(5), config_map(a="b"))
    assert (
        found["Kptfile"]["metadata"]["annotations"]
        != files(bench.porch, before)["Kptfile"]["metadata"]["annotations"]
    )


@pytest.mark.parametrize("lost", ["Kptfile", "deployment-amf.yaml", "configmap-amf.yaml"])
def test_a_shared_proposal_that_porch_lost_files_of_is_made_whole(bench: Bench, lost: str) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    done(executor.execute(one))
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (shared,) = done(executor.execute(other))
    del bench.porch.files[shared.resource_name][lost]
    (revision,) = done(executor.execute(other))
    assert done(executor.read_back(one)) == (revision,) == done(executor.read_back(other))
    found = files(bench.porch, revision)
    assert (found["deployment-amf.yaml"], found["configmap-amf.yaml"]) == (deployment(5), config_map(a="b"))
    assert bench.porch.lifecycles() == ["Proposed"]


def test_a_write_goes_only_over_the_revision_as_it_was_seen(bench: Bench) -> None:
    done(bench.executor().execute(bench.effect(change(deployment(5)))))
    bodies = [body for body in bench.porch.bodies if body and "tasks" not in body["spec"]]
    assert len(bodies) == 3
    assert all(body["metadata"]["resourceVersion"] for body in bodies)


@pytest.mark.parametrize("step", ["written", "proposed", "published"])
def test_a_change_by_somebody_else_is_looked_at_and_gone_on_from(bench: Bench, step: str) -> None:
    code, said = RETRYABLE["a stale version"]
    bench.porch.fail(STEPS[step], says(code, said))
    (revision,) = done(bench.executor().execute(bench.effect(change(deployment(5)))))
    assert revision.lifecycle == "Published"


def test_what_somebody_published_since_is_not_undone(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    effect = bench.effect(change(deployment(6)), generation=2)
    bench.porch.fail(STEPS["proposed"], hangs_up)
    assert isinstance(executor.execute(effect), Unknown)
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.files[by_hand]["notes.md"] = "kept"
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(effect))
    assert bench.porch.files[revision.resource_name]["notes.md"] == "kept"
    assert revision.revision == 3


def test_files_that_come_late_are_waited_for(bench: Bench) -> None:
    bench.porch.fail(
        STEPS["written"], says(404, RETRYABLE["resources that are not there, or not yet"][1]), times=2
    )
    done(bench.executor().execute(bench.effect(change(deployment(5)))))
    assert bench.porch.writes().count("POST") == 1


def cases(table: dict[str, tuple[int, str]]) -> list[Any]:
    return [pytest.param(code, said, id=case) for case, (code, said) in table.items() if code]


@pytest.mark.parametrize(("code", "said"), cases(RETRYABLE) + cases(ALREADY_DONE))
def test_a_failure_that_passes_is_gone_on_from_in_the_same_try(bench: Bench, code: int, said: str) -> None:
    bench.porch.fail(STEPS["proposed"], says(code, said))
    done(bench.executor().execute(bench.effect(change(deployment(5)))))
    assert bench.porch.lifecycles() == ["Published"]


@pytest.mark.parametrize(("code", "said"), cases(RETRYABLE))
def test_a_failure_that_stays_is_a_failed_try(bench: Bench, code: int, said: str) -> None:
    bench.porch.fail(STEPS["proposed"], says(code, said), times=9)
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Retry)
    assert (outcome.counts, outcome.reason) == (True, Reason.BACKING_OFF)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("code", "said"), cases(OUTAGES))
def test_an_outage_uses_up_no_retry_and_is_gone_on_from(
    bench: Bench, step: str, code: int, said: str
) -> None:
    effect = bench.effect(change(deployment(5)))
    bench.porch.fail(STEPS[step], says(code, said))
    outcome = bench.executor().execute(effect)
    assert isinstance(outcome, Retry)
    assert (outcome.counts, outcome.reason) == (False, Reason.BACKEND_DOWN)
    done(bench.executor().execute(effect))
    assert bench.porch.lifecycles() == ["Published"]


@pytest.mark.parametrize(("code", "said"), cases(PERMANENT))
def test_what_cannot_come_right_ends(bench: Bench, code: int, said: str) -> None:
    bench.porch.fail(STEPS["written"], says(code, said))
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Terminal)
    assert " ".join(said.split())[30:60] in outcome.message


@pytest.mark.parametrize(("code", "said"), cases(UNKNOWN))
def test_what_may_have_happened_is_unknown(bench: Bench, code: int, said: str) -> None:
    bench.porch.fail(STEPS["published"], says(code, said), done=True)
    executor, effect = bench.executor(), bench.effect(change(deployment(5)))
    assert isinstance(executor.execute(effect), Unknown)
    done(executor.read_back(effect))


def test_a_read_back_of_a_porch_that_is_away_stays_unknown(bench: Bench) -> None:
    bench.porch.fail("GET /packagerevisions", says(*OUTAGES["porch-server is down"]))
    assert isinstance(bench.executor().read_back(bench.effect(change(deployment(5)))), Unknown)


def test_an_aggregator_that_answers_in_plain_words_is_understood(bench: Bench) -> None:
    code, said = OUTAGES["porch-server is down"]

    def plain(handler: Any) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", "text/plain; charset=utf-8")
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said.encode())

    bench.porch.fail("GET /packagerevisions", plain)
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Retry)
    assert said in outcome.message


def test_a_porch_that_cannot_be_reached_is_an_outage(bench: Bench) -> None:
    bench.porch.url = "http://127.0.0.1:1"
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Retry)
    assert not outcome.counts
    assert isinstance(bench.executor().probe(), Down)


@contextmanager
def full() -> Iterator[str]:
    """The address of something that listens, and takes no connection."""
    with ExitStack() as held, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(50):
            client = held.enter_context(socket.socket())
            client.settimeout(0.5)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                break
        else:
            pytest.fail("every connection was taken")
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_porch_that_takes_no_connection_is_an_outage_in_time(bench: Bench) -> None:
    with full() as bench.porch.url:
        executor = bench.executor(seconds=0.3)
        outcome = executor.execute(bench.effect(change(deployment(5))))
        assert isinstance(outcome, Retry)
        assert (outcome.reason, outcome.counts) == (Reason.BACKEND_DOWN, False)
        assert isinstance(executor.probe(), Down)


def silent(handler: Any) -> None:
    """Says nothing until the client has gone."""
    handler.close_connection = True
    handler.connection.settimeout(60)
    handler.connection.recv(1)


def half_an_answer(handler: Any) -> None:
    """Promises much, and says nothing more."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    silent(handler)


def endless(piece: bytes, pause: float = 0.0) -> Any:
    def answer(handler: Any) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()
        rest = threading.Event()
        try:
            while True:
                handler.wfile.write(piece)
                rest.wait(pause)
        except OSError:
            return

    return answer


def answering(data: bytes, content: str = "application/json", code: int = 200, **headers: str) -> Any:
    def answer(handler: Any) -> None:
        handler.send_response(code)
        for name, value in {"Content-Type": content, "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


HOSTILE = {
    "silence": silent,
    "half an answer": half_an_answer,
    "an endless answer": endless(b" " * 65536),
    "an answer that drips": endless(b" ", 0.02),
    "no JSON": answering(b"<html>hello</html>", "text/html"),
    "not UTF-8": answering(b'{"a": "\xff\xfe"}'),
    "nothing": answering(b""),
    "a list": answering(b"[]"),
    "another object": answering(b'{"kind": "Pod", "metadata": {"name": "a"}}'),
    "wrong types": answering(b'{"metadata": 1, "spec": [], "items": [7]}'),
    "a name that is a path": answering(
        b'{"metadata": {"name": "../../secrets/a", "resourceVersion": "1"}, '
        b'"spec": {"repository": "main", "packageName": "p", "lifecycle": "Draft"}}'
    ),
    "endless nesting": answering(b"[" * 200_000),
    "a redirect": answering(b"", code=307, Location="http://127.0.0.1:1/elsewhere"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("step", STEPS)
def test_a_hostile_answer_ends_in_time_and_is_never_taken_for_success(
    bench: Bench, step: str, answer: Any
) -> None:
    effect = bench.effect(change(deployment(5)))
    bench.porch.fail(STEPS[step], answer, times=9)
    outcome = bench.executor(seconds=0.3).execute(effect)
    assert isinstance(outcome, Unknown | Retry)
    assert len(outcome.message) < 2000
    bench.porch.faults.clear()
    done(bench.executor().execute(effect))
    assert bench.porch.lifecycles() == ["Published"]


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_list_is_no_answer(bench: Bench, answer: Any) -> None:
    bench.porch.fail("GET /packagerevisions", answer, times=9)
    executor, effect = bench.executor(seconds=0.3), bench.effect(change(deployment(5)))
    assert isinstance(executor.execute(effect), Unknown | Retry)
    assert isinstance(executor.read_back(effect), Unknown)
    assert bench.porch.writes() == []


def test_somebody_elses_open_revision_is_waited_for(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    theirs = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    effect = bench.effect(change(deployment(6)), generation=2)
    outcome = executor.execute(effect)
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.counts) == (Reason.PACKAGE_BUSY, False)
    assert theirs in outcome.message
    bench.porch.move(theirs, "Published")
    (revision,) = done(executor.execute(effect))
    assert revision.revision == 3


def test_a_proposal_of_ours_gives_way_to_one_that_holds_both(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    assert [item["metadata"]["name"] for item in bench.porch.of_package()] == [revision.resource_name]
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    assert one.workspace in wishes(bench.porch, revision)
    assert done(executor.read_back(one)) == (revision,)


def test_a_proposal_of_an_older_generation_goes_with_all_that_it_said(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    new = bench.effect(change(deployment(6)), generation=2, lifecycle="Proposed")
    done(executor.execute(old))
    (revision,) = done(executor.execute(new))
    assert [item["metadata"]["name"] for item in bench.porch.of_package()] == [revision.resource_name]
    assert "configmap-amf.yaml" not in files(bench.porch, revision)
    assert isinstance(executor.read_back(old), Absent)


def test_an_older_generation_goes_out_of_a_proposal_that_others_share(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    other = bench.effect(change(deployment(5)), intent="core/scale", lifecycle="Proposed")
    new = bench.effect(change(config_map(c="d")), generation=2, lifecycle="Proposed")
    for effect in (old, other, new):
        (revision,) = done(executor.execute(effect))
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(c="d")
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert [wish.split()[1] for wish in wishes(bench.porch, revision).split(",")] == [
        "core/scale@1",
        "core/amf@2",
    ]


def test_a_shared_proposal_is_waited_for_where_nobody_knows_what_the_others_wished(bench: Bench) -> None:
    executor = bench.executor()
    old = bench.effect(change(config_map(a="b")), lifecycle="Proposed")
    other = bench.effect(change(deployment(5)), intent="core/scale", lifecycle="Proposed")
    new = bench.effect(change(config_map(c="d")), generation=2, lifecycle="Proposed")
    done(executor.execute(old))
    done(executor.execute(other))
    del bench.decided[other.workspace]
    outcome = executor.execute(new)
    assert isinstance(outcome, Retry)
    assert outcome.reason == Reason.PACKAGE_BUSY


def test_a_rejected_proposal_is_not_proposed_again_with_the_next(bench: Bench) -> None:
    executor = bench.executor()
    (rejected,) = done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    bench.porch.move(rejected.resource_name, "Draft")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (revision,) = done(executor.execute(other))
    assert "deployment-amf.yaml" not in files(bench.porch, revision)
    assert bench.porch.lifecycles() == ["Proposed"]


@pytest.mark.parametrize("published", [True, False])
def test_what_others_may_only_propose_is_not_published_along(bench: Bench, published: bool) -> None:
    executor = bench.executor()
    if published:
        done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    shared = bench.effect(change(config_map(c="d")), intent="core/shared", lifecycle="Proposed")
    done(executor.execute(shared))
    done(executor.execute(bench.effect(change(deployment(7)), generation=2, lifecycle="Proposed")))
    other = bench.effect(change(config_map(a="b")), intent="core/config")
    outcome = executor.execute(other)
    assert isinstance(outcome, Retry)
    assert outcome.reason == Reason.PACKAGE_BUSY
    assert bench.porch.lifecycles() == ["Proposed"] + ["Published"] * published


def test_of_several_packages_none_is_proposed_before_all_are_rendered(bench: Bench) -> None:
    effect = bench.effect(change(deployment(5)), change(deployment(3, "smf"), "core-smf", "edge"))
    bench.porch.render = lambda files: {"error": "no"} if "deployment-smf.yaml" in files else {}
    assert isinstance(bench.executor().execute(effect), Terminal)
    assert set(bench.porch.lifecycles()) == {"Draft"}
    bench.porch.render = lambda _: {}
    assert [item.lifecycle for item in done(bench.executor().execute(effect))] == ["Published"] * 2


def test_a_function_that_complains_and_ends_well_is_a_failure(bench: Bench) -> None:
    complaint = {"message": "data.namespace should not be empty", "severity": "error"}
    said = {"result": {"exitCode": 0, "items": [{"image": "set-namespace:v0.4", "results": [complaint]}]}}
    bench.porch.render = lambda _: said
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Terminal)
    assert "set-namespace:v0.4: data.namespace should not be empty" in outcome.message
    assert bench.porch.lifecycles() == ["Draft"]


def test_a_function_that_only_informs_is_none(bench: Bench) -> None:
    informs = {"message": "done", "severity": "info"}
    bench.porch.render = lambda _: {"result": {"items": [{"image": "a", "results": [informs]}]}}
    done(bench.executor().execute(bench.effect(change(deployment(5)))))


def test_a_function_that_changes_what_was_written_is_a_conflict(bench: Bench) -> None:
    def pipeline(files: dict[str, str]) -> dict[str, Any]:
        files["deployment-amf.yaml"] = files["deployment-amf.yaml"].replace("replicas: 5", "replicas: 1")
        return {}

    bench.porch.render = pipeline
    outcome = bench.executor().execute(bench.effect(change(deployment(5))))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.CONFLICT


def test_too_large_a_package_is_refused_before_it_is_sent(bench: Bench) -> None:
    large = config_map(a="x" * (6 * 1024 * 1024))
    outcome = bench.executor().execute(bench.effect(change(large)))
    assert isinstance(outcome, Terminal)
    assert "too large" in outcome.message
    assert bench.porch.writes() == ["POST"]


def test_a_file_that_nobody_can_read_is_told(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(5)))))
    bench.porch.files[first.resource_name]["broken.yaml"] = "a: [1"
    outcome = executor.execute(bench.effect(change(deployment(6)), generation=2))
    assert isinstance(outcome, Terminal)
    assert "broken.yaml" in outcome.message


@pytest.mark.parametrize("name", ["Core_AMF", "a" * 64, "a/b", "../up", "ünï", "-", "", "a.b"])
def test_a_name_that_porch_does_not_take_is_shortened_the_same_each_time(name: str) -> None:
    made = label(name)
    assert made == label(name) == label(made)
    assert made != label(name + "x")
    assert 0 < len(made) <= 63


def test_packages_of_names_that_porch_does_not_take_are_written(bench: Bench) -> None:
    names = ["Core_AMF", "a" * 64]
    for number, name in enumerate(names):
        effect = bench.effect(change(deployment(5), name), generation=number + 1)
        (revision,) = done(bench.executor().execute(effect))
        assert revision.package == label(name)


def writes_at_once(bench: Bench, cache: str, *repositories: str) -> int:
    """How many writes porch has under way at once, at most, of effects that are carried out at once."""
    bench.porch.cache, bench.porch.seconds = cache, 0.05
    executor = bench.executor(cache="detect")
    done(executor.execute(bench.effect(change(deployment(1), "first"), intent="core/first")))
    effects: list[Effect] = [
        bench.effect(change(deployment(5), f"core-{number}", repository), intent=f"core/{number}")
        for number, repository in enumerate(repositories)
    ]
    with ThreadPoolExecutor(len(effects)) as pool:
        for outcome in pool.map(executor.execute, effects):
            done(outcome)
    return bench.porch.most


def test_with_the_cr_cache_one_revision_is_written_at_a_time_in_a_repository(bench: Bench) -> None:
    assert writes_at_once(bench, "cr", "main", "main", "main") == 1


def test_with_the_cr_cache_repositories_do_not_wait_for_one_another(bench: Bench) -> None:
    assert writes_at_once(bench, "cr", "main", "edge", "main", "edge") == 2


def test_with_the_database_cache_many_are_written_at_a_time(bench: Bench) -> None:
    assert writes_at_once(bench, "db", "main", "main", "main", "main") > 1


def test_a_probe_tells_a_missing_repository_from_a_porch_that_is_down(bench: Bench) -> None:
    executor = bench.executor()
    assert executor.probe() == Up("porch in namespace default")
    bench.porch.repositories = ("edge",)
    seen = executor.probe()
    assert isinstance(seen, Up)
    assert seen.problems == ("the repository main is not registered in namespace default",)
    bench.porch.fail("GET /apis/porch.kpt.dev/v1alpha1", says(*OUTAGES["porch-server is down"]))
    assert isinstance(executor.probe(), Down)


def test_a_probe_says_why_a_repository_is_not_ready(bench: Bench) -> None:
    status = {"conditions": [{"type": "Ready", "status": "False", "message": "authentication required"}]}
    body = {"metadata": {"name": "main"}, "status": status}
    bench.porch.fail("GET /repositories/main", answering(str(body).replace("'", '"').encode()))
    seen = bench.executor().probe()
    assert isinstance(seen, Up)
    assert seen.problems == ("the repository main is not ready: authentication required",)


def test_a_proposal_that_cannot_be_extended_stays_proposed_as_it_was(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    (before,) = done(executor.execute(one))
    was = dict(bench.porch.files[before.resource_name])
    bench.porch.render = lambda files: {"error": "no"} if "configmap-amf.yaml" in files else {}
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    assert isinstance(executor.execute(other), Terminal)
    assert bench.porch.lifecycles() == ["Proposed"]
    assert bench.porch.files[before.resource_name] == was


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_proposal_is_not_lost_where_extending_it_breaks_off(
    bench: Bench, step: int, carried_out: bool
) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    for _ in range(step - 1):
        bench.porch.fail("PATCH /packagerevision", None)
    bench.porch.fail("PATCH /packagerevision", hangs_up, done=carried_out)
    assert isinstance(executor.execute(other), Unknown)
    if isinstance(executor.read_back(other), Absent):
        done(executor.execute(other))
    (revision,) = done(executor.read_back(one))
    assert done(executor.read_back(other)) == (revision,)
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    assert bench.porch.lifecycles() == ["Proposed"]


def test_a_proposal_begun_before_something_was_published_is_made_anew_with_all_that_it_held(
    bench: Bench,
) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (proposed,) = done(executor.execute(one))
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.files[by_hand]["notes.md"] = "kept"
    bench.porch.move(by_hand, "Published")
    (revision,) = done(executor.execute(other))
    assert revision.resource_name != proposed.resource_name
    assert bench.porch.lifecycles() == ["Proposed", "Published", "Published"]
    assert bench.porch.files[revision.resource_name]["notes.md"] == "kept"
    assert files(bench.porch, revision)["deployment-amf.yaml"] == deployment(5)
    assert done(executor.read_back(one)) == (revision,)


def test_a_revision_is_tracked_into_the_one_that_holds_its_effect_by_now(bench: Bench) -> None:
    executor = bench.executor()
    (first,) = done(executor.execute(bench.effect(change(deployment(4)), intent="core/first")))
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    (proposed,) = done(executor.execute(one))
    assert executor.track(proposed, one.workspace) == proposed
    by_hand = bench.porch.add("core-amf", "by-hand", source=first.resource_name)
    bench.porch.move(by_hand, "Published")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    (shared,) = done(executor.execute(other))
    assert executor.track(proposed, one.workspace) == shared
    bench.porch.move(shared.resource_name, "Published")
    seen = executor.track(shared, one.workspace)
    assert isinstance(seen, Revision)
    assert (seen.lifecycle, seen.revision) == ("Published", 3)


def test_an_effect_is_taken_out_of_a_proposal_that_others_share(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    done(executor.discard(revision, one.workspace))
    assert bench.porch.lifecycles() == ["Proposed"]
    assert "deployment-amf.yaml" not in files(bench.porch, revision)
    assert files(bench.porch, revision)["configmap-amf.yaml"] == config_map(a="b")
    done(executor.discard(revision, other.workspace))
    assert bench.porch.of_package() == []
    done(executor.discard(revision, other.workspace))


def test_nothing_is_taken_out_where_nobody_knows_what_the_others_wished(bench: Bench) -> None:
    executor = bench.executor()
    one = bench.effect(change(deployment(5)), lifecycle="Proposed")
    other = bench.effect(change(config_map(a="b")), intent="core/config", lifecycle="Proposed")
    done(executor.execute(one))
    (revision,) = done(executor.execute(other))
    del bench.decided[other.workspace]
    assert isinstance(executor.discard(revision, one.workspace), Retry)
    assert bench.porch.lifecycles() == ["Proposed"]


def withdrawal(*packages: str) -> Withdrawal:
    refs = tuple(PackageRef("main", name) for name in packages)
    return Withdrawal("core/amf", 2, "f" * 64, "cw-" + "f" * 20, refs)


def test_a_withdrawn_package_is_proposed_for_deletion_and_what_is_open_of_it_goes(bench: Bench) -> None:
    executor = bench.executor()
    done(executor.execute(bench.effect(change(deployment(5)))))
    done(executor.execute(bench.effect(change(deployment(6)), generation=2)))
    done(executor.execute(bench.effect(change(deployment(7)), generation=3, lifecycle="Proposed")))
    (revision,) = done(executor.withdraw(withdrawal("core-amf", "core-gone")))
    assert (revision.revision, revision.lifecycle) == (2, "DeletionProposed")
    assert bench.porch.lifecycles() == ["DeletionProposed"] * 2
    assert done(executor.withdraw(withdrawal("core-amf"))) == (revision,)


def test_a_package_that_is_to_be_deleted_begins_with_nothing(bench: Bench) -> None:
    executor = bench.executor()
    done(executor.execute(bench.effect(change(config_map(a="b")))))
    done(executor.withdraw(withdrawal("core-amf")))
    (revision,) = done(executor.execute(bench.effect(change(deployment(5)), generation=2)))
    assert set(files(bench.porch, revision)) == {"Kptfile", "deployment-amf.yaml"}


def test_of_the_published_revisions_the_newest_are_kept(bench: Bench) -> None:
    executor = bench.executor(keep=2)
    for generation in range(1, 6):
        done(executor.execute(bench.effect(change(deployment(generation)), generation=generation)))
    assert [item["spec"]["revision"] for item in bench.porch.of_package()] == [4, 5]


def test_an_old_revision_that_cannot_be_deleted_stays_and_stops_nothing(bench: Bench) -> None:
    executor = bench.executor(keep=2)
    code, said = PERMANENT["a deletion of what others were cloned from"]
    bench.porch.fail("DELETE /packagerevisions", says(code, said), times=9)
    for generation in range(1, 5):
        done(executor.execute(bench.effect(change(deployment(generation)), generation=generation)))


@pytest.mark.parametrize("known", [True, False, None])
@pytest.mark.parametrize("lifecycle", ["Draft", "Proposed"])
def test_only_what_nobody_wishes_or_a_broken_try_left_is_left_over(
    bench: Bench, lifecycle: str, known: bool | None
) -> None:
    executor = bench.executor()
    (revision,) = done(executor.execute(bench.effect(change(deployment(5)), lifecycle="Proposed")))
    bench.porch.move(revision.resource_name, lifecycle)
    year = 365 * 86400.0
    found = executor.leftovers(lambda *_: known, time.time() + year)
    assert len(found) == (known is False or (known is None and lifecycle == "Draft"))
    assert executor.leftovers(lambda *_: False, 0.0) == []
    for item in found:
        done(executor.collect(item))
    assert len(bench.porch.of_package()) == 1 - len(found)
