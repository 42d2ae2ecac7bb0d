from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from store import (
    Store,
    approvals,
    audit,
    decisions,
    history,
    intents,
    outbox,
    owners,
    readings,
    retention,
    work,
)
from store.audit import Entry
from store.outbox import Kind, Message
from store.owners import Owner
from store.work import Work

See = Callable[..., Work]


def prune(store: Store, before: float, limit: int = 100) -> int:
    return store.write(lambda tx: retention.prune_generations(tx, before, limit)).result()


def end(store: Store, row: Work, at: float) -> Work:
    """Ends a generation, with a decision."""

    def change(tx: Any) -> Work:
        decided = decisions.Decision(row.id, "refuse", "Invalid", "", "d", "{}", at)
        decisions.append(tx, decided)
        return work.terminal(tx, row, reason="Invalid", message="m", basis="b", now=at)

    return store.write(change).result()


@pytest.fixture
def edited(store: Store, see: See) -> list[Work]:
    """Five generations of an intent that ended at 100, 200, … 500; the last is the newest."""
    return [end(store, see("amf", generation=n, now=100.0 * n), 100.0 * n) for n in range(1, 6)]


def generations(store: Store) -> list[int]:
    return [row.generation for row in store.read(lambda r: work.generations(r, "ns", "amf", limit=50))]


def test_what_ended_long_ago_goes_with_its_decisions_and_the_newest_generation_stays(
    store: Store, edited: list[Work]
) -> None:
    assert store.read(retention.pruned_before) is None
    assert prune(store, 1e9) == 4
    assert prune(store, 1e9) == 0
    assert generations(store) == [5]
    assert store.read(lambda r: decisions.of_work(r, edited[0].id, limit=9)) == []
    assert len(store.read(lambda r: decisions.of_work(r, edited[4].id, limit=9))) == 1
    found = store.read(lambda r: history.of_intent(r, "ns", "amf", limit=9))
    assert found.pruned_before is not None


def test_beyond_the_most_that_are_kept_the_oldest_go_however_young(store: Store, edited: list[Work]) -> None:
    assert store.read(lambda r: retention.before_of_generations(r, 0.0, 100)) == 0.0
    before = store.read(lambda r: retention.before_of_generations(r, 0.0, 3))
    assert prune(store, before) == 1
    assert generations(store) == [5, 4, 3, 2]


def test_a_generation_that_decides_a_field_stays(store: Store, edited: list[Work]) -> None:
    first = edited[0]
    owner = Owner(first.uid, "ns", "amf", 1, first.id)
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["spec.replicas"], owner)).result()
    assert prune(store, 1e9) == 3
    assert generations(store) == [5, 1]


def test_of_an_intent_that_is_gone_nothing_is_left_in_the_end(store: Store, see: See) -> None:
    row = end(store, see("amf"), 100.0)
    message = Message("ns", "amf", row.uid, 1, Kind.STATUS, "{}", 100.0)
    known = intents.Intent("ns", "amf", row.uid, 1, "h", "{}", "origin", 100.0)

    def gone(tx: Any) -> None:
        outbox.put(tx, message)
        intents.put(tx, known)
        approvals.put(tx, approvals.Approval(row.uid, "h", "somebody", 100.0))
        work.withdraw(tx, "ns", "amf", now=200.0)
        intents.mark_deleted(tx, "ns", "amf", row.uid, at=200.0)

    store.write(gone).result()
    assert prune(store, 1e9) == 1
    assert store.read(lambda r: intents.get(r, "ns", "amf")) is None
    assert store.read(lambda r: outbox.latest(r, row.uid, Kind.STATUS)) is None
    assert store.read(lambda r: approvals.of(r, row.uid, "h")) is None


def test_a_batch_takes_no_more_than_it_may(store: Store, edited: list[Work]) -> None:
    assert [prune(store, 1e9, limit=3) for _ in range(3)] == [3, 1, 0]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("_ENDED", "work_ended"),
        ("_OLDEST_KEPT", "work_ended"),
        ("_OLDEST_READING", "readings_by_age"),
        ("_PRUNE_READINGS", "readings_by_age"),
        ("_FORGET_REVISIONS", "packages_of_work"),
    ],
)
def test_finding_what_goes_reads_nothing_of_what_stays(store: Store, name: str, index: str) -> None:
    values = {"before": 1.0, "limit": 1, "most": 1, "id": 1}
    sql = f"EXPLAIN QUERY PLAN {getattr(retention, name)}"
    steps = store.write(lambda tx: [row["detail"] for row in tx.rows(sql, values)]).result()
    assert any(index in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN") and "USING" not in step]
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_readings_and_buckets_go_by_their_age(store: Store) -> None:
    for n in range(5):
        store.write(lambda tx, n=n: readings.put(tx, f"text-{n}", "g", "{}", now=float(n))).result()  # type: ignore[misc]
    store.write(
        lambda tx: tx.execute("INSERT INTO buckets VALUES ('old', 1, 5.0), ('new', 1, 50.0)")
    ).result()
    assert store.read(lambda r: retention.before_of_readings(r, 1.0, 3)) == 2.0
    assert store.write(lambda tx: retention.prune_readings(tx, 2.0, 100)).result() == 2
    assert store.write(lambda tx: retention.prune_buckets(tx, 10.0, 100)).result() == 1
    assert [row["key"] for row in store.read(lambda r: r.rows("SELECT key FROM buckets"))] == ["new"]


def test_of_one_generation_only_the_last_decisions_are_kept(store: Store, see: See) -> None:
    row = see("amf")
    for n in range(decisions.MOST + 7):
        made = decisions.Decision(row.id, "refuse", "Invalid", "", f"d{n}", "{}", float(n))
        store.write(lambda tx, made=made: decisions.append(tx, made)).result()  # type: ignore[misc]
    kept = store.read(lambda r: decisions.of_work(r, row.id, limit=500))
    assert len(kept) == decisions.MOST
    assert kept[0].rules_digest == f"d{decisions.MOST + 6}"


def record(store: Store, number: int) -> None:
    entry = Entry(float(number), "Decided", "ns", "amf", "u", number, "", "{}")
    store.write(lambda tx: audit.append(tx, entry)).result()


@pytest.fixture
def log(store: Store) -> Store:
    for number in range(1, 11):
        record(store, number)
    return store


def test_the_log_may_go_up_to_a_time_or_a_number_and_never_whole(log: Store) -> None:
    def prunable(before: float, most: int) -> int:
        return log.read(lambda r: audit.prunable(r, before, most))

    assert prunable(4.5, 1000) == 4
    assert prunable(0.0, 1000) == 0
    assert prunable(0.0, 3) == 7
    assert prunable(1e9, 1000) == 9


def test_after_pruning_the_chain_can_be_verified_from_where_it_begins(log: Store) -> None:
    log.write(lambda tx: audit.mark_pruned(tx, 6, 20.0)).result()
    found = log.read(lambda r: audit.verify(r, None))
    assert (found.first_broken, found.count, found.pruned) == (None, 5, 6)
    assert [log.write(lambda tx: audit.prune(tx, 4)).result() for _ in range(3)] == [4, 2, 0]
    assert log.read(lambda r: audit.verify(r, None)) == found
    record(log, 30)
    log.write(lambda tx: audit.mark_pruned(tx, 11, 40.0)).result()
    while log.write(lambda tx: audit.prune(tx, 4)).result():
        pass
    found = log.read(lambda r: audit.verify(r, None))
    assert (found.first_broken, found.count, found.pruned) == (None, 2, 11)
    assert json.loads(log.read(lambda r: audit.tail(r, 1))[0].entry.body)["through"] == 11


def test_no_record_goes_without_one_that_says_so(log: Store) -> None:
    log.write(lambda tx: audit.mark_pruned(tx, 6, 20.0)).result()
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        log.write(lambda tx: tx.execute("DELETE FROM audit WHERE seq = 7")).result()


def test_a_log_whose_first_records_were_taken_away_is_broken(log: Store) -> None:
    def take_away(tx: Any) -> None:
        tx.execute("DROP TRIGGER audit_is_never_deleted")
        tx.execute("DELETE FROM audit WHERE seq <= 4")

    log.write(take_away).result()
    found = log.read(lambda r: audit.verify(r, None))
    assert (found.count, found.first_broken) == (0, 5)


def test_a_head_that_may_have_been_pruned_is_not_taken_for_whole(log: Store) -> None:
    old = log.read(lambda r: audit.of_intent(r, "ns", "amf", limit=99))[-1].hash
    log.write(lambda tx: audit.mark_pruned(tx, 6, 20.0)).result()
    while log.write(lambda tx: audit.prune(tx, 4)).result():
        pass
    found = log.read(lambda r: audit.verify(r, None, published_head=old))
    assert found.first_broken is not None
    assert "6 records that were pruned" in found.why


def test_a_record_of_pruning_that_was_forged_is_found(store: Store) -> None:
    for number in range(1, 11):
        record(store, number)
    keyed = b"a key that is kept elsewhere"

    def forge(tx: Any) -> None:
        tx.audit_key = b"another key"
        audit.mark_pruned(tx, 6, 20.0)
        tx.audit_key = None

    store.write(forge).result()
    assert store.read(lambda r: audit.verify(r, keyed)).first_broken is not None
    assert store.read(lambda r: audit.verify(r, None)).first_broken == 11
