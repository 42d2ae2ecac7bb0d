from __future__ import annotations

import threading
from dataclasses import replace

from store import Event, EventKind, Store, inbox

EVENT = Event("directory", EventKind.UPSERT, "ns", "amf", "uid-amf", "amf.yaml", "{}", 100.0)
MALFORMED = Event("directory", EventKind.MALFORMED, "", "", "", "broken.yaml", "{}", 100.0)


def put(store: Store, event: Event) -> int:
    return store.write(lambda tx: inbox.put(tx, event)).result()


def pending(store: Store) -> list[tuple[int, Event]]:
    return store.read(lambda reader: inbox.pending(reader, 100))


def test_events_come_out_as_they_went_in_and_in_order(store: Store) -> None:
    events = [EVENT, replace(EVENT, name="smf", kind=EventKind.DELETE), MALFORMED]
    numbers = [put(store, event) for event in events]
    assert pending(store) == list(zip(numbers, events, strict=True))
    assert store.read(lambda reader: inbox.pending(reader, 1)) == [(numbers[0], EVENT)]


def test_a_thousand_edits_of_one_intent_are_one_event(store: Store) -> None:
    numbers = [put(store, replace(EVENT, body=f'{{"edit": {n}}}')) for n in range(1000)]
    assert pending(store) == [(numbers[-1], replace(EVENT, body='{"edit": 999}'))]
    assert len(set(numbers)) == 1000


def test_a_deletion_takes_the_place_of_an_edit(store: Store) -> None:
    put(store, EVENT)
    put(store, replace(EVENT, kind=EventKind.DELETE))
    assert [event.kind for _, event in pending(store)] == [EventKind.DELETE]


def test_malformed_manifests_are_told_apart_by_where_they_are(store: Store) -> None:
    put(store, MALFORMED)
    put(store, replace(MALFORMED, origin="other.yaml"))
    put(store, replace(MALFORMED, body='{"tried": "again"}'))
    assert [(event.origin, event.body) for _, event in pending(store)] == [
        ("other.yaml", "{}"),
        ("broken.yaml", '{"tried": "again"}'),
    ]


def test_a_malformed_manifest_does_not_hide_the_intent(store: Store) -> None:
    put(store, EVENT)
    put(store, replace(EVENT, kind=EventKind.MALFORMED))
    assert [event.kind for _, event in pending(store)] == [EventKind.UPSERT, EventKind.MALFORMED]


def test_what_is_done_is_gone(store: Store) -> None:
    number = put(store, EVENT)
    assert store.write(lambda tx: inbox.done(tx, number)).result()
    assert store.read(inbox.count) == 0


def test_an_event_that_was_replaced_meanwhile_is_not_done(store: Store) -> None:
    number = put(store, EVENT)
    newer = put(store, EVENT)
    assert not store.write(lambda tx: inbox.done(tx, number)).result()
    assert [seq for seq, _ in pending(store)] == [newer]


def test_a_number_is_never_used_again(store: Store) -> None:
    first = put(store, EVENT)
    store.write(lambda tx: inbox.done(tx, first)).result()
    assert put(store, EVENT) > first


def test_the_latest_wins_among_many_sources_at_once(store: Store) -> None:
    last: dict[int, str] = {}

    def edit(who: int) -> None:
        for n in range(100):
            number = put(store, replace(EVENT, body=f'{{"by": {who}, "edit": {n}}}'))
            last[number] = f'{{"by": {who}, "edit": {n}}}'

    threads = [threading.Thread(target=edit, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(seq, event.body) for seq, event in pending(store)] == [(max(last), last[max(last)])]
