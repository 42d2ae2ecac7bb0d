"""What the porch executor makes of failures, outages and hostile answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from engine.executors.base import (
    Down,
    Retry,
    Terminal,
    Unknown,
    Up,
)
from engine.reasons import Reason
from tests.porch.conftest import Bench, change, deployment
from tests.porch.looking import STEPS, done
from tests.porch.server import says
from tests.unit.executors.messages import ALREADY_DONE, OUTAGES, PERMANENT, RETRYABLE, UNKNOWN


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


@pytest.mark.parametrize(
    ("cache", "told"), [("cr", "CR cache: one revision at a time"), ("db", "database cache")]
)
def test_a_probe_tells_the_cache_once_there_is_an_open_revision(bench: Bench, cache: str, told: str) -> None:
    bench.porch.cache = cache
    executor = bench.executor()
    before = executor.probe()
    bench.porch.add("core-smf", "by-hand")
    after = executor.probe()
    assert isinstance(before, Up)
    assert isinstance(after, Up)
    assert "cache not known before there is a revision" in before.detail
    assert told in after.detail


def test_a_probe_tells_a_missing_repository_from_a_porch_that_is_down(bench: Bench) -> None:
    executor = bench.executor()
    assert isinstance(executor.probe(), Up)
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
