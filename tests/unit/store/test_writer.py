from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import Store, StoreClosed, StoreError, StoreUnavailable, Transaction, meta


@contextmanager
def busy(store: Store) -> Iterator[Callable[[], None]]:
    """Keeps the writer within a write, so that what is submitted meanwhile waits together."""
    started, go_on = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        started.set()
        assert go_on.wait(30)

    held = store.write(hold)
    assert started.wait(30)
    try:
        yield go_on.set
    finally:
        go_on.set()
        held.result(30)


def commits(store: Store) -> list[str]:
    statements: list[str] = []
    store.write(lambda tx: tx._connection.set_trace_callback(statements.append)).result()
    return statements


def value(store: Store, name: str) -> str | None:
    return store.read(lambda reader: meta.get(reader, name))


def fail(tx: Transaction) -> None:
    meta.put(tx, "failed", "1")
    raise ValueError("refused")


def test_writes_that_wait_together_share_a_commit(store: Store) -> None:
    statements = commits(store)
    with busy(store):
        futures = [store.write(lambda tx, n=n: meta.put(tx, f"key-{n}", "1")) for n in range(200)]
    for future in futures:
        future.result(30)
    assert statements.count("COMMIT") <= 3
    assert all(value(store, f"key-{n}") == "1" for n in range(200))


def test_a_group_is_bounded(store: Store) -> None:
    statements = commits(store)
    with busy(store):
        futures = [store.write(lambda tx: meta.count(tx, "n")) for _ in range(600)]
    assert [future.result(30) for future in futures] == list(range(1, 601))
    assert 3 <= statements.count("COMMIT") <= 5


def test_a_write_that_fails_takes_back_only_its_own_changes(store: Store) -> None:
    with busy(store):
        before = store.write(lambda tx: meta.put(tx, "before", "1"))
        failing = store.write(fail)
        after = store.write(lambda tx: meta.put(tx, "after", "1"))
    before.result(30)
    after.result(30)
    with pytest.raises(ValueError, match="refused"):
        failing.result(30)
    assert (value(store, "before"), value(store, "failed"), value(store, "after")) == ("1", None, "1")


def test_a_wrong_statement_is_its_writers_fault(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store.write(lambda tx: tx.execute("INSERT INTO nowhere VALUES (1)")).result()


def test_a_write_that_commits_by_itself_fails_with_its_group(store: Store) -> None:
    with busy(store):
        meddling = store.write(lambda tx: tx.execute("COMMIT"))
        beside = store.write(lambda tx: meta.put(tx, "beside", "1"))
    for future in (meddling, beside):
        with pytest.raises(StoreUnavailable):
            future.result(30)
    assert value(store, "beside") is None
    store.write(lambda tx: meta.put(tx, "later", "1")).result()
    assert value(store, "later") == "1"


def test_a_commit_that_fails_fails_all_of_its_group_and_the_writer_goes_on(store: Store) -> None:
    def break_the_commit(tx: Transaction) -> None:
        tx.execute("PRAGMA defer_foreign_keys=ON")
        tx.execute("INSERT INTO work_packages (work_id, repository, package) VALUES (404, 'r', 'p')")

    with busy(store):
        futures: list[Future[None]] = [
            store.write(lambda tx: meta.put(tx, "innocent", "1")),
            store.write(break_the_commit),
        ]
    for future in futures:
        with pytest.raises(StoreUnavailable, match="not written"):
            future.result(30)
    assert value(store, "innocent") is None
    store.write(lambda tx: meta.put(tx, "later", "1")).result()
    assert value(store, "later") == "1"


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(store: Store) -> None:
    pages = store.write(lambda tx: tx.row("PRAGMA page_count")[0]).result()
    store.write(lambda tx: tx.row(f"PRAGMA max_page_count={pages + 4}")).result()
    outcomes = []
    for n in range(20):
        future = store.write(lambda tx, n=n: meta.put(tx, f"big-{n}", "x" * 4000))
        outcomes.append(future.exception())
    failed = [n for n, outcome in enumerate(outcomes) if outcome is not None]
    assert failed
    assert all(isinstance(outcomes[n], StoreUnavailable) for n in failed)
    assert all((value(store, f"big-{n}") is None) == (n in failed) for n in range(20))
    store.write(lambda tx: tx.row("PRAGMA max_page_count=1000000")).result()
    store.write(lambda tx: meta.put(tx, "big-19", "x" * 4000)).result()
    assert store.read(lambda reader: reader.row("PRAGMA quick_check")[0]) == "ok"


def test_a_log_that_cannot_grow_acknowledges_nothing(store: Store, path: Path) -> None:
    store.write(lambda tx: meta.put(tx, "small", "1")).result()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{path}-wal").stat().st_size + 100, hard))
    try:
        with busy(store):
            futures = [store.write(lambda tx, n=n: meta.put(tx, f"big-{n}", "x" * 9000)) for n in range(5)]
        for future in futures:
            with pytest.raises(StoreUnavailable):
                future.result(30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert all(value(store, f"big-{n}") is None for n in range(5))
    store.write(lambda tx: meta.put(tx, "big-1", "x" * 9000)).result()
    assert value(store, "big-1") == "x" * 9000


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_acknowledged_into_a_file_that_was_taken_away(
    store: Store, path: Path, replaced: bool
) -> None:
    path.rename(path.with_name("elsewhere.db"))
    if replaced:
        path.touch()
    with pytest.raises(StoreUnavailable, match="was removed or replaced; restart"):
        store.write(lambda tx: meta.put(tx, "lost", "1")).result()


def test_a_read_does_not_make_a_file_anew_that_was_taken_away(store: Store, path: Path) -> None:
    path.unlink()
    with pytest.raises(StoreUnavailable, match="not read: unable to open database file"):
        value(store, "name")
    assert not path.exists()


def test_the_writer_waits_for_a_lock_that_a_tool_holds(store: Store, path: Path) -> None:
    tool = sqlite3.connect(path, isolation_level=None)
    tool.execute("BEGIN IMMEDIATE")
    future = store.write(lambda tx: meta.put(tx, "waited", "1"))
    with pytest.raises(TimeoutError):
        future.result(0.6)
    tool.execute("ROLLBACK")
    tool.close()
    future.result(30)
    assert value(store, "waited") == "1"


def test_reads_do_not_wait_for_the_writer(store: Store) -> None:
    store.write(lambda tx: meta.put(tx, "name", "old")).result()
    with busy(store):
        pending = store.write(lambda tx: meta.put(tx, "name", "new"))
        assert value(store, "name") == "old"
    pending.result(30)
    assert value(store, "name") == "new"


def test_a_write_that_was_cancelled_does_not_happen(store: Store) -> None:
    with busy(store):
        future = store.write(lambda tx: meta.put(tx, "cancelled", "1"))
        assert future.cancel()
    store.write(lambda tx: meta.put(tx, "later", "1")).result()
    assert value(store, "cancelled") is None


def test_closing_finishes_the_queue(path: Path) -> None:
    store = Store.open(path)
    futures = [store.write(lambda tx, n=n: meta.put(tx, f"key-{n}", "1")) for n in range(500)]
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with Store.open(path) as again:
        assert value(again, "key-499") == "1"


def test_a_closed_store_takes_no_more_and_may_be_closed_again(path: Path) -> None:
    store = Store.open(path)
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.write(lambda tx: meta.put(tx, "late", "1"))
    with pytest.raises(StoreClosed):
        value(store, "late")


def test_closing_under_a_foreign_lock_fails_what_waits_and_ends(path: Path) -> None:
    store = Store.open(path)
    tool = sqlite3.connect(path, isolation_level=None)
    tool.execute("BEGIN IMMEDIATE")
    future = store.write(lambda tx: meta.put(tx, "never", "1"))
    store.close(timeout=0.1)
    tool.close()
    with pytest.raises(StoreClosed, match="before this could be written"):
        future.result(30)


def test_closing_tells_of_a_write_that_does_not_end(path: Path) -> None:
    store = Store.open(path)
    with busy(store), pytest.raises(StoreError, match="a write has not ended"):
        store.close(timeout=0.01)
    store.close()


def test_a_reader_sees_one_state_throughout(store: Store) -> None:
    def twice(reader: object) -> tuple[str | None, str | None]:
        first = meta.get(reader, "name")
        store.write(lambda tx: meta.put(tx, "name", "new")).result()
        return first, meta.get(reader, "name")

    store.write(lambda tx: meta.put(tx, "name", "old")).result()
    assert store.read(twice) == ("old", "old")
    assert value(store, "name") == "new"


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        store.read(lambda reader: reader.rows("INSERT INTO meta (name, value) VALUES ('a', 'b')"))


def test_a_read_that_fails_leaves_its_connection_usable(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            store.read(lambda _: 1 / 0)
    assert value(store, "instance_id") == store.instance_id
    assert len(store._readers._idle) == 1


def test_only_what_has_to_outlast_a_power_cut_waits_for_the_disk(store: Store) -> None:
    def level(tx: Transaction) -> int:
        return int(tx.rows("PRAGMA synchronous")[0][0])

    full, normal = 2, 1
    assert store.write(level).result() == full
    assert store.write(level, synced=False).result() == normal
    assert store.write(level).result() == full
    with busy(store) as go_on:
        together = [store.write(level, synced=False), store.write(level)]
        go_on()
    assert [each.result() for each in together] == [full, full]
