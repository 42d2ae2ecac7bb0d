"""A new look that an annotation asks for, over a real store: what it starts afresh, and how often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import report
from engine.pipeline.intake import Intake
from engine.reasons import Reason
from engine.status import ready_reason
from store import Event, EventKind, Package, Store, audit, inbox, work
from store.work import State, Work

UID = "uid-scale"


class Place:
    """An intake over a store, at a time that the test sets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1_000_000.0
        self.intake = Intake(store, lambda: self.now, lambda *_: None, (), lambda: True, adopt=False)

    def edit(self, asked: str = "", text: str = "scale amf to 5", **body: Any) -> None:
        annotations = {"conductor-watch/requested-at": asked} if asked else {}
        metadata = {"namespace": "core", "name": "scale", "annotations": annotations}
        whole = {"metadata": metadata, "spec": {"intent": text}, **body}
        event = Event("test", EventKind.UPSERT, "core", "scale", UID, "1", json.dumps(whole), self.now)
        self.store.write(lambda tx: inbox.put(tx, event)).result()
        self.intake.take()

    def item(self) -> Work:
        found = self.store.read(lambda reader: work.current(reader, "core", "scale"))
        assert found is not None
        return found

    def status(self) -> dict[str, Any]:
        return self.store.read(lambda reader: report.status_of(reader, UID)) or {}

    def refuse(self) -> None:
        item, now = self.item(), self.now
        why: dict[str, Any] = {"reason": Reason.RULE_REFUSED.value, "message": "no"}

        def end(tx: Any) -> None:
            after = work.terminal(tx, item, basis="rules", now=now, **why)
            report.put_status(tx, after, report.from_outcome(after, {}, Reason.RULE_REFUSED, "no", now))

        self.store.write(end).result()

    def decide(self) -> Work:
        item, now = self.item(), self.now
        decided = {"effect_key": "key", "executor": "directory", "priority": 5, "basis": "rules"}
        packages = [Package("main", "core-amf")]
        return self.store.write(
            lambda tx: work.decide(tx, item, packages=packages, now=now, **decided)
        ).result()

    def claim(self) -> Work:
        (claim,) = self.store.write(lambda tx: work.claim(tx, self.now, 1)).result()
        return claim.work

    def wake(self) -> None:
        self.store.write(lambda tx: work.wake_due(tx, self.now)).result()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Store.open(tmp_path / "store.db") as store:
        made = Place(store)
        made.edit()
        yield made


def test_a_refused_intent_is_looked_at_again(place: Place) -> None:
    place.refuse()
    place.edit("noon")
    assert (place.item().state, place.item().rank is not None) == (State.SEEN, True)
    assert place.item().generation == 1


@pytest.mark.parametrize("change", [{}, {"text": "scale amf to 5"}])
def test_the_same_value_asks_for_nothing(place: Place, change: dict[str, str]) -> None:
    place.edit("noon")
    place.refuse()
    place.edit("noon", **change)
    assert place.item().state is State.TERMINAL


def test_retries_start_afresh(place: Place) -> None:
    place.decide()
    claimed, now = place.claim(), place.now
    again = {"reason": "BackingOff", "message": "full", "next_at": now + 600, "counted": True}
    place.store.write(lambda tx: work.retry(tx, claimed, now=now, **again)).result()
    assert place.item().attempts == 1
    place.edit("noon")
    assert (place.item().state, place.item().attempts, place.item().next_at) == (State.DECIDED, 0, None)


def test_what_is_done_is_not_done_again_and_says_that_it_was_asked(place: Place) -> None:
    place.decide()
    claimed, now = place.claim(), place.now

    def confirm(tx: Any) -> None:
        after = work.confirm(tx, claimed, reason="Completed", message="done", now=now)
        report.put_status(tx, after, report.from_outcome(after, {}, Reason.COMPLETED, "done", now))

    place.store.write(confirm).result()
    place.edit("noon")
    assert place.item().state is State.CONFIRMED
    assert (ready_reason(place.status()), place.status()["lastHandledReconcileAt"]) == ("Completed", "noon")


def test_what_is_being_done_goes_on(place: Place) -> None:
    place.decide()
    claimed = place.claim()
    place.edit("noon")
    assert place.item() == claimed


def test_whoever_asks_too_often_waits_and_is_told_until_when(place: Place) -> None:
    for number in range(5):
        place.refuse()
        place.edit(f"request {number}")
    place.refuse()
    place.edit("one too many")
    status = place.status()
    assert (status["phase"], ready_reason(status)) == ("Pending", "RateLimited")
    assert status["nextRetryTime"] == "1970-01-12T13:46:50Z"
    assert status["lastHandledReconcileAt"] == "request 4"
    place.edit("yet another")
    place.now += 10
    place.wake()
    assert (place.item().state, place.item().rank is not None) == (State.SEEN, True)
    place.refuse()
    assert place.status()["lastHandledReconcileAt"] == "yet another"


def test_after_a_lost_store_a_request_that_was_not_answered_is(tmp_path: Path) -> None:
    with Store.open(tmp_path / "lost.db") as store:
        place = Place(store)
        place.edit()
        done = report.from_outcome(place.item(), {}, Reason.COMPLETED, "done", place.now)
        place.store.write(lambda tx: report.put_status(tx, place.item(), done)).result()
        status = place.status()
    with Store.open(tmp_path / "new.db") as store:
        place = Place(store)
        place.edit("noon", status=status)
        assert place.item().state is State.CONFIRMED
        assert place.status()["lastHandledReconcileAt"] == "noon"


def test_who_asked_when_is_kept(place: Place) -> None:
    place.refuse()
    place.edit("x" * 1000)
    entries = place.store.read(lambda reader: audit.of_intent(reader, "core", "scale", limit=10))
    (asked,) = [entry for entry in entries if entry.entry.kind == "Requested"]
    assert json.loads(asked.entry.body) == {"requestedAt": "x" * 256}
