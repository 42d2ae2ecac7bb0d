from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import Store, audit
from store.audit import GENESIS, Entry, Verification

KEY = b"a key that is kept elsewhere"


@pytest.fixture(params=[None, KEY], ids=["plain", "keyed"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    return request.param


@pytest.fixture
def log(path: Path, key: bytes | None) -> Iterator[Store]:
    with Store.open(path, audit_key=key) as store:
        for n in range(1, 6):
            append(store, n)
        yield store


def append(store: Store, number: int) -> audit.Record:
    entry = Entry(100.5 + number, "Decided", "ns", "ämf", "uid", number, "trace", f'{{"n": {number}}}')
    return store.write(lambda tx: audit.append(tx, entry)).result()


def tamper(store: Store, *statements: str) -> None:
    """Changes the log as somebody with the file in hand could."""

    def change(tx: object) -> None:
        tx.execute("DROP TRIGGER audit_is_never_changed")
        tx.execute("DROP TRIGGER audit_is_never_deleted")
        for statement in statements:
            tx.execute(statement)

    store.write(change).result()


def verify(store: Store, key: bytes | None, **options: str) -> Verification:
    return store.read(lambda reader: audit.verify(reader, key, **options))


def test_a_log_that_nobody_touched_is_whole(log: Store, key: bytes | None) -> None:
    (head,) = log.read(lambda reader: audit.tail(reader, 1))
    assert verify(log, key) == Verification(count=5, head=head.hash, first_broken=None, why="")


def test_an_empty_log_is_whole(store: Store) -> None:
    assert verify(store, None) == Verification(0, None, None, "")


def test_records_cite_the_one_before(log: Store) -> None:
    records = log.read(lambda reader: audit.tail(reader, 10))[::-1]
    assert [record.seq for record in records] == [1, 2, 3, 4, 5]
    assert [record.previous for record in records] == [GENESIS, *(record.hash for record in records[:-1])]


def test_a_chain_goes_on_after_a_restart(path: Path) -> None:
    for n in range(3):
        with Store.open(path, audit_key=KEY) as store:
            append(store, n)
            assert verify(store, KEY).count == n + 1


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET body = '' WHERE seq = 2", "DELETE FROM audit WHERE seq = 5"]
)
def test_the_log_takes_no_change_and_no_deletion(log: Store, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="audit records are never"):
        log.write(lambda tx: tx.execute(statement)).result()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "1.0"),
        ("kind", "'Allowed'"),
        ("namespace", "'other'"),
        ("name", "'other'"),
        ("uid", "'other'"),
        ("generation", "9"),
        ("trace_id", "'other'"),
        ("body", "'{}'"),
        ("hash", "'0'"),
        ("previous", "'0'"),
    ],
)
def test_a_change_of_any_column_is_found(log: Store, key: bytes | None, column: str, value: str) -> None:
    tamper(log, f"UPDATE audit SET {column} = {value} WHERE seq = 3")
    found = verify(log, key)
    assert (found.count, found.first_broken) == (2, 3)
    assert found.why


@pytest.mark.parametrize("seq", [1, 3])
def test_a_record_that_is_missing_is_found(log: Store, key: bytes | None, seq: int) -> None:
    tamper(log, f"DELETE FROM audit WHERE seq = {seq}")
    found = verify(log, key)
    assert found.why == f"record {seq} is missing"
    assert found.count == seq - 1


def test_records_that_were_renumbered_are_found(log: Store, key: bytes | None) -> None:
    tamper(log, "DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = seq - 1 WHERE seq > 3")
    assert verify(log, key).first_broken == 3


def test_a_chain_computed_anew_without_the_key_is_found(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as forged:
        append(forged, 1)
        found = verify(forged, KEY)
    assert (found.first_broken, found.why) == (1, "it was written without the key")


def test_another_key_does_not_verify(path: Path) -> None:
    with Store.open(path, audit_key=b"another") as store:
        append(store, 1)
        assert verify(store, KEY).first_broken == 1


def test_a_log_cut_at_its_end_is_found_by_its_published_head(log: Store, key: bytes | None) -> None:
    (head,) = log.read(lambda reader: audit.tail(reader, 1))
    assert verify(log, key, published_head=head.hash).first_broken is None
    tamper(log, "DELETE FROM audit WHERE seq = 5")
    assert verify(log, key).first_broken is None
    assert verify(log, key, published_head=head.hash).first_broken == 5


def test_an_earlier_published_head_is_no_fault(log: Store, key: bytes | None) -> None:
    earlier = log.read(lambda reader: audit.tail(reader, 5))[-1]
    assert verify(log, key, published_head=earlier.hash).first_broken is None


def test_the_log_is_verified_beyond_one_batch(store: Store) -> None:
    futures: list[Callable[[], object]] = []
    for n in range(2500):
        entry = Entry(float(n), "Decided", "ns", "amf", "uid", n, "", "{}")
        futures.append(store.write(lambda tx, e=entry: audit.append(tx, e)).result)
    for result in futures:
        result()
    assert verify(store, None).count == 2500


def test_records_of_one_intent_are_listed_newest_first(log: Store) -> None:
    found = log.read(lambda reader: audit.of_intent(reader, "ns", "ämf", limit=2))
    assert [record.entry.generation for record in found] == [5, 4]
    assert log.read(lambda reader: audit.of_intent(reader, "ns", "other", limit=2)) == []
