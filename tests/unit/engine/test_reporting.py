"""The reporter over a real store: what follows from a status, in which order, and what holds back what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.pipeline.reporting import YIELD_SECONDS, Body, Reporter, SinkDownError, ignore
from engine.reasons import Reason
from engine.status import Notice, Report, Target, build_status
from store import Store, intents, outbox
from store.intents import Intent
from store.outbox import Kind, Message

NOW = 1_000_000.0


@dataclass
class Shown:
    """Sinks that keep what they are given, and fail where told to."""

    said: list[tuple[Kind, str, Body | None]] = field(default_factory=list)
    down: set[Kind] = field(default_factory=set)

    def show(self, kind: Kind, target: Target, body: Body | None) -> None:
        if kind in self.down:
            raise SinkDownError("down", 5.0)
        self.said.append((kind, target.name, body))

    def sinks(self, *kinds: Kind) -> Any:
        return {kind: lambda target, body, kind=kind: self.show(kind, target, body) for kind in kinds}

    def order(self) -> list[tuple[Kind, str]]:
        return [(kind, name) for kind, name, _ in self.said]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as opened:
        yield opened


def status(reason: Reason = Reason.COMPLETED, **more: Any) -> dict[str, Any]:
    return build_status(Report(1, reason, "said", NOW, spec_hash="hash", **more))


def put(store: Store, name: str, body: dict[str, Any] | None, generation: int = 1) -> None:
    message = Message("core", name, f"uid-{name}", generation, Kind.STATUS, json.dumps(body), NOW)
    store.write(lambda tx: outbox.put(tx, message)).result()


def reporter(store: Store, shown: Shown, *kinds: Kind, now: float = NOW) -> Reporter:
    return Reporter(store, shown.sinks(*(kinds or Kind)), lambda: now, ignore)


def test_every_status_goes_before_any_annotation_and_every_annotation_before_any_event(store: Store) -> None:
    shown = Shown()
    for name in ("amf", "smf"):
        put(store, name, status())
    assert reporter(store, shown).deliver() == 6
    assert [kind for kind, _ in shown.order()] == [kind for kind in Kind for _ in range(2)]


def test_annotations_and_event_say_what_the_status_says(store: Store) -> None:
    shown = Shown()
    put(store, "amf", status(Reason.BACKING_OFF, attempts=2, next_retry=NOW + 60))
    reporter(store, shown).deliver()
    _, (_, _, annotations), (_, _, event) = shown.said
    assert annotations is not None
    assert annotations["annotations"] == {
        "conductor-watch/last-hash": "hash",
        "conductor-watch/retry-count": "2",
        "conductor-watch/next-retry": "1970-01-12T13:47:40Z",
    }
    assert event == {"type": "Warning", "reason": "BackingOff", "action": "Reconcile", "note": "said"}


def test_what_was_told_of_a_generation_is_not_told_again(store: Store) -> None:
    shown = Shown()
    put(store, "amf", status())
    reporter(store, shown).deliver()
    put(store, "amf", status())
    reporter(store, shown).deliver()
    assert [kind for kind, _ in shown.order()] == [*Kind, Kind.STATUS]


def test_annotations_that_cannot_be_written_hold_back_no_status(store: Store) -> None:
    shown = Shown(down={Kind.ANNOTATIONS})
    for name in ("amf", "smf"):
        put(store, name, status())
    assert reporter(store, shown).deliver() == 2
    assert shown.order() == [(Kind.STATUS, "amf"), (Kind.STATUS, "smf")]
    shown.down.clear()
    assert reporter(store, shown, now=NOW + 6).deliver() == 4
    assert store.read(outbox.count) == 0


def test_where_only_statuses_are_shown_nothing_follows_from_them(store: Store) -> None:
    shown = Shown()
    put(store, "amf", status())
    assert reporter(store, shown, Kind.STATUS).deliver() == 1
    assert store.read(outbox.count) == 0


def test_nothing_follows_from_the_end_of_an_intent(store: Store) -> None:
    shown = Shown()
    put(store, "amf", None)
    assert reporter(store, shown).deliver() == 1
    assert shown.said == [(Kind.STATUS, "amf", None)]


def test_while_intents_wait_what_follows_from_statuses_waits_too_but_not_for_long(store: Store) -> None:
    shown = Shown()
    put(store, "amf", status())
    for later, said in ((0.0, [Kind.STATUS]), (YIELD_SECONDS, list(Kind))):
        sinks = shown.sinks(*Kind)
        Reporter(store, sinks, lambda later=later: NOW + later, ignore, busy=lambda: True).deliver()
        assert [kind for kind, _ in shown.order()] == said


def test_a_notice_says_how_long_ago_the_intent_changed(store: Store) -> None:
    notices: list[Notice] = []
    known = Intent("core", "amf", "uid-amf", 1, "hash", "{}", "amf.yaml", NOW - 2.0)
    store.write(lambda tx: intents.put(tx, known)).result()
    for name in ("amf", "smf"):
        put(store, name, status())
    Reporter(store, Shown().sinks(Kind.STATUS), lambda: NOW, notices.append, workers=2).deliver()
    assert {notice.name: notice.seconds for notice in notices} == {"amf": 2.0, "smf": None}
