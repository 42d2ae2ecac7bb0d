from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.kube.client import Times
from engine.kube.errors import ForbiddenError, UnavailableError
from engine.kube.watching import Change, Reflector, read_changes
from tests.unit.kube.scripted import (
    FAST,
    INTENTS,
    ScriptedApi,
    added,
    bookmark,
    client_of,
    deleted,
    error,
    eventually,
    hang,
    intent,
    listing,
    modified,
    replay,
    status,
    stream,
)


class Notes:
    """Notes what it is told; fails as often as it is told to."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []
        self.changes: list[str] = []
        self.versions: list[str] = []
        self.errors: list[Exception] = []
        self.failures = 0

    def listed(self, pages: Iterator[list[dict[str, Any]]]) -> None:
        self.lists.append([item["metadata"]["name"] for page in pages for item in page])

    def changed(self, changes: list[Change]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        self.changes += [f"{'-' if change.deleted else '+'}{change.version}" for change in changes]

    def reached(self, version: str) -> None:
        self.versions.append(version)

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def notes() -> Notes:
    return Notes()


class Following:
    def __init__(self, api: ScriptedApi, notes: Notes, *, version: str = "", times: Times = FAST) -> None:
        self.reflector = Reflector(client_of(api, times), INTENTS, "core", notes, resume=lambda: version)

    def __enter__(self) -> Reflector:
        self.reflector.start()
        return self.reflector

    def __exit__(self, *_: object) -> None:
        self.reflector.stop()
        self.reflector.join(60)
        assert not self.reflector._thread.is_alive()


def versions_asked(api: ScriptedApi) -> list[str]:
    return [request.query["resourceVersion"] for request in api.asked("watch")]


def test_a_list_is_followed_by_a_watch_from_its_version(api: ScriptedApi, notes: Notes) -> None:
    api.lists.append(listing(intent("a", 7), version="40", more="next"))
    api.lists.append(listing(intent("b", 8), version="40"))
    api.watches.append(stream(modified(intent("a", 41)), deleted(intent("b", 42)), then="hang"))
    with Following(api, notes) as reflector:
        eventually(lambda: notes.changes == ["+41", "-42"])
        assert reflector.synced.is_set()
    assert notes.lists == [["a", "b"]]
    assert [request.query.get("continue") for request in api.asked("list")] == [None, "next"]
    assert versions_asked(api) == ["40"]
    assert api.asked("watch")[0].query["allowWatchBookmarks"] == "true"
    assert int(api.asked("watch")[0].query["timeoutSeconds"]) <= FAST.watch


def test_a_410_as_http_status_lists_once_and_goes_on(api: ScriptedApi, notes: Notes) -> None:
    api.watches.append(status(410, "too old resource version", "Expired"))
    api.lists.extend([listing(version="10"), listing(intent("a", 19), version="20")])
    with Following(api, notes):
        eventually(lambda: versions_asked(api) == ["10", "20"])
        time.sleep(0.2)
    assert notes.lists == [[], ["a"]]
    assert versions_asked(api) == ["10", "20"]


def test_a_410_as_event_keeps_what_came_before_it(api: ScriptedApi, notes: Notes) -> None:
    api.lists.extend([listing(version="10"), listing(version="20")])
    api.watches.append(stream(added(intent("a", 11)), error(410), then="hang"))
    with Following(api, notes):
        eventually(lambda: versions_asked(api) == ["10", "20"])
    assert notes.changes == ["+11"]
    assert len(notes.lists) == 2


def test_a_server_that_always_answers_410_is_asked_ever_more_seldom(api: ScriptedApi, notes: Notes) -> None:
    api.lists.extend([listing(version="10")] * 200)
    api.watches.extend([stream(added(intent("a", 11)), error(410))] * 200)
    with Following(api, notes, times=replace(FAST, first_delay=0.05, longest_delay=10.0)):
        began = time.monotonic()
        eventually(lambda: len(api.asked("watch")) >= 6)
    assert time.monotonic() - began > 0.5  # five delays of 0.05 s would be half of that


def test_bookmarks_alone_move_the_version(api: ScriptedApi, notes: Notes) -> None:
    api.lists.append(listing(version="10"))
    api.watches.append(stream(bookmark(500), bookmark(90_000)))
    with Following(api, notes):
        eventually(lambda: versions_asked(api) == ["10", "90000"])
    assert len(api.asked("list")) == 1
    assert notes.changes == []


def test_a_silent_server_is_left_after_the_read_timeout(api: ScriptedApi, notes: Notes) -> None:
    api.lists.append(listing(version="10"))
    api.watches.extend([stream(added(intent("a", 11)), then="hang"), hang])
    with Following(api, notes, times=replace(FAST, silence=0.2)):
        eventually(lambda: len(versions_asked(api)) >= 3)
    assert versions_asked(api)[:3] == ["10", "11", "11"]
    assert all(isinstance(problem, UnavailableError) for problem in notes.errors)


@pytest.mark.parametrize("then", ["end", "reset"])
def test_an_event_that_was_cut_off_comes_again(api: ScriptedApi, notes: Notes, then: str) -> None:
    api.lists.append(listing(version="10"))
    api.watches.append(stream(added(intent("a", 11)), added(intent("b", 12)), cut=20, then=then))
    api.watches.append(replay(added(intent("a", 11)), added(intent("b", 12))))
    with Following(api, notes):
        eventually(lambda: notes.changes == ["+11", "+12"])
    # A reset may throw away what had arrived.
    assert versions_asked(api) in ((["10", "11"],) if then == "end" else (["10", "11"], ["10", "10"]))


def test_a_last_line_without_newline_is_an_event(api: ScriptedApi, notes: Notes) -> None:
    api.lists.append(listing(version="10"))
    api.watches.append(stream(added(intent("a", 11)), added(intent("b", 12)), cut=1))
    with Following(api, notes):
        eventually(lambda: versions_asked(api) == ["10", "12"])
    assert notes.changes == ["+11", "+12"]


def test_retry_after_is_waited_for(api: ScriptedApi, notes: Notes) -> None:
    api.lists.extend(
        [status(503, "starting"), status(429, "slow down", headers={"Retry-After": "1"}), listing()]
    )
    with Following(api, notes) as reflector:
        assert reflector.synced.wait(60)
    first, second, third = api.asked("list")
    assert second.at - first.at < 0.5
    assert third.at - second.at >= 1.0


def test_what_the_follower_could_not_keep_comes_again(api: ScriptedApi, notes: Notes) -> None:
    notes.failures = 2
    api.lists.append(listing(version="10"))
    api.watches.extend([stream(added(intent("a", 11)), then="hang")] * 3)
    with Following(api, notes):
        eventually(lambda: notes.changes == ["+11"])
    assert versions_asked(api) == ["10", "10", "10"]
    assert "11" in notes.versions
    assert [str(problem) for problem in notes.errors] == ["the disk is full"] * 2


def test_a_kept_version_is_gone_on_from_without_a_list(api: ScriptedApi, notes: Notes) -> None:
    api.probes.append(listing(version="900"))
    with Following(api, notes, version="800") as reflector:
        assert reflector.synced.wait(60)
        eventually(lambda: versions_asked(api) == ["800"])
    assert notes.lists == []
    assert api.asked("list") == []


def test_a_server_that_was_restored_is_listed_anew(api: ScriptedApi, notes: Notes) -> None:
    api.probes.append(listing(version="300"))
    api.lists.append(listing(intent("a", 200), version="300"))
    with Following(api, notes, version="800"):
        eventually(lambda: versions_asked(api) == ["300"])
    assert notes.lists == [["a"]]


def test_a_missing_right_is_told_and_its_granting_noticed(api: ScriptedApi, notes: Notes) -> None:
    message = 'networkintents.nephoran.com is forbidden: User "cw" cannot list resource'
    api.lists.extend([status(403, message, "Forbidden"), listing()])
    with Following(api, notes) as reflector:
        assert reflector.synced.wait(60)
    assert [type(problem) for problem in notes.errors] == [ForbiddenError]
    assert "cannot list networkintents.nephoran.com in namespace core" in str(notes.errors[0])


def test_a_stop_ends_a_watch_that_waits(api: ScriptedApi, notes: Notes) -> None:
    api.lists.append(listing(version="10"))
    api.watches.append(stream(added(intent("a", 11)), then="hang"))
    times = replace(FAST, silence=3600.0, read=3600.0)
    reflector = Reflector(client_of(api, times), INTENTS, "core", notes)
    reflector.start()
    eventually(lambda: notes.changes == ["+11"])
    reflector.stop()
    reflector.join(60)
    assert not reflector._thread.is_alive()
    assert notes.errors == []


def test_threads_end_with_their_reflectors(api: ScriptedApi, notes: Notes) -> None:
    before = threading.active_count()
    api.lists.extend([listing()] * 5)
    reflectors = [Reflector(client_of(api), INTENTS, f"n{index}", notes) for index in range(5)]
    for reflector in reflectors:
        reflector.start()
    eventually(lambda: len(api.asked("watch")) == 5)
    for reflector in reflectors:
        reflector.stop()
    for reflector in reflectors:
        reflector.join(60)
    eventually(lambda: threading.active_count() <= before)


def test_an_event_of_an_unknown_type_is_passed_over() -> None:
    changes, problem = read_changes([b'{"type": "RENAMED", "object": {}}', b"", b'{"type": "BOOK'], "watch")
    assert changes == []
    assert isinstance(problem, UnavailableError)
