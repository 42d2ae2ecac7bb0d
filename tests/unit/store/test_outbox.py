from __future__ import annotations

from dataclasses import replace

import pytest

from store import Store, outbox
from store.outbox import Kind, Message, Waiting

STATUS = Message("ns", "amf", "uid-amf", 1, Kind.STATUS, '{"phase": "Pending"}', 100.0)


def put(store: Store, message: Message) -> bool:
    return store.write(lambda tx: outbox.put(tx, message)).result()


def due(store: Store, now: float = 1000.0) -> list[Waiting]:
    return store.read(lambda reader: outbox.due(reader, now, 10))


def deliver(store: Store, waiting: Waiting) -> bool:
    return store.write(lambda tx: outbox.delivered(tx, waiting)).result()


def test_a_message_waits_until_it_is_delivered(store: Store) -> None:
    put(store, STATUS)
    (waiting,) = due(store)
    assert (waiting.message, waiting.attempts, waiting.next_at) == (STATUS, 0, 100.0)
    assert store.read(outbox.count) == 1
    assert deliver(store, waiting)
    assert due(store) == []
    assert store.read(outbox.count) == 0


@pytest.mark.parametrize("delivered", [False, True])
def test_an_older_generation_never_follows_a_newer(store: Store, delivered: bool) -> None:
    put(store, replace(STATUS, generation=2))
    if delivered:
        deliver(store, due(store)[0])
    assert not put(store, STATUS)
    assert [waiting.message.generation for waiting in due(store)] == ([] if delivered else [2])


def test_of_one_generation_the_latest_wins(store: Store) -> None:
    latest = replace(STATUS, body='{"phase": "Completed"}')
    put(store, STATUS)
    assert put(store, latest)
    assert [waiting.message for waiting in due(store)] == [latest]


def test_what_was_replaced_while_it_was_delivered_is_not_done(store: Store) -> None:
    put(store, STATUS)
    (old,) = due(store)
    put(store, replace(STATUS, body='{"phase": "Completed"}'))
    assert not deliver(store, old)
    assert len(due(store)) == 1


def test_a_late_answer_does_not_settle_a_later_message(store: Store) -> None:
    put(store, STATUS)
    (first,) = due(store)
    deliver(store, first)
    put(store, STATUS)
    assert not deliver(store, first)
    assert len(due(store)) == 1


def test_a_status_goes_before_annotations_and_both_before_events(store: Store) -> None:
    for kind in (Kind.EVENT, Kind.ANNOTATIONS, Kind.STATUS):
        put(store, replace(STATUS, kind=kind))
    order = []
    while waiting := due(store):
        assert len(waiting) == 1
        order.append(waiting[0].message.kind)
        deliver(store, waiting[0])
    assert order == [Kind.STATUS, Kind.ANNOTATIONS, Kind.EVENT]


def test_intents_do_not_wait_for_one_another(store: Store) -> None:
    put(store, STATUS)
    put(store, replace(STATUS, name="smf", uid="uid-smf", kind=Kind.EVENT))
    assert [waiting.message.name for waiting in due(store)] == ["amf", "smf"]


def test_a_failed_delivery_puts_off_all_of_its_intent(store: Store) -> None:
    put(store, STATUS)
    put(store, replace(STATUS, kind=Kind.ANNOTATIONS))
    put(store, replace(STATUS, uid="uid-smf", name="smf"))
    waiting = due(store)[0]
    assert store.write(lambda tx: outbox.failed(tx, waiting, 2000.0)).result()
    assert [left.message.name for left in due(store)] == ["smf"]
    (again,) = [left for left in due(store, now=2000.0) if left.message.name == "amf"]
    assert (again.attempts, again.next_at) == (1, 2000.0)


def test_a_failure_does_not_put_off_what_took_its_place(store: Store) -> None:
    put(store, STATUS)
    (old,) = due(store)
    put(store, STATUS)
    assert not store.write(lambda tx: outbox.failed(tx, old, 2000.0)).result()
    assert [waiting.attempts for waiting in due(store)] == [0]


def test_nothing_is_due_before_its_time(store: Store) -> None:
    assert store.read(outbox.next_due) is None
    put(store, STATUS)
    assert due(store, now=99.0) == []
    assert store.read(outbox.next_due) == 100.0


def test_nothing_is_said_of_an_intent_that_is_gone(store: Store) -> None:
    put(store, STATUS)
    put(store, replace(STATUS, kind=Kind.EVENT))
    assert store.write(lambda tx: outbox.forget(tx, "uid-amf")).result() == 2
    assert due(store) == []


def test_a_clock_set_back_makes_no_message_wait_longer(store: Store) -> None:
    message = Message("core", "amf", "uid", 1, Kind.STATUS, "{}", 50_000.0)
    store.write(lambda tx: outbox.put(tx, message)).result()
    assert store.write(lambda tx: outbox.clamp_timers(tx, 1060.0)).result() == 1
    assert store.read(outbox.next_due) == 1060.0
    assert store.write(lambda tx: outbox.clamp_timers(tx, 1060.0)).result() == 0
