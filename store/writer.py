"""The one thread that writes: writes are queued, and those that wait together are committed together.

A commit waits for the disk, so the writers of a busy moment share one; where nothing of it has to outlast a
power cut, it does not wait. Each write has a savepoint of its own: one that fails takes back its own changes
and nobody else's.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from store.connection import Transaction
from store.errors import StoreClosed, StoreError, StoreUnavailable, error_code, is_of_the_disk

T = TypeVar("T")

_LARGEST_GROUP = 256
"""How many writes share a commit at most, so that the first does not wait for an endless queue."""
BUSY_STEP = 0.25
"""How many seconds one try to begin waits for a lock: the busy timeout of the writer's connection."""
_LONGEST_WAIT = 60.0
"""How many seconds a group waits for a write lock that somebody else's tool holds."""


@dataclass(slots=True)
class _Write:
    function: Callable[[Transaction], Any]
    synced: bool
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs writes on a connection that belongs to it, one group after another, until it is closed."""

    def __init__(self, connection: sqlite3.Connection, path: Path, audit_key: bytes | None) -> None:
        self._path = path
        self._file = _identity(path)
        self._connection = connection
        self._transaction = Transaction(connection, audit_key)
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closing = False
        self._impatient = threading.Event()
        self._synced = True  # as connections are opened
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[Transaction], T], *, synced: bool) -> Future[T]:
        """Queues a write; its future resolves when the write is committed and, if `synced`, on the disk.

        Raises:
            StoreClosed: `close` was called before.
        """
        write = _Write(function, synced)
        with self._gate:
            if self._closing:
                raise StoreClosed("the store is closed; nothing can be written any more")
            self._queue.put(write)
        return write.future

    def removed(self) -> bool:
        """Tells whether the file was removed or replaced, so that nothing can be written any more."""
        return _identity(self._path) != self._file

    def close(self, timeout: float) -> bool:
        """Takes no more writes and finishes the queue.

        Args:
            timeout: how many seconds the queue has; what is then left fails with StoreClosed.

        Returns:
            Whether the thread has ended, and so its connection may be closed.
        """
        with self._gate:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._impatient.set()
            self._thread.join(2 * BUSY_STEP)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)

    def _next_group(self) -> list[_Write]:
        """Waits for a write and takes those that wait behind it; empty when closed."""
        group: list[_Write] = []
        write = self._queue.get()
        while write is not None:
            if write.future.set_running_or_notify_cancel():
                group.append(write)
            if len(group) == _LARGEST_GROUP or (group and self._queue.empty()):
                return group
            write = self._queue.get()
        self._queue.put(None)
        return group

    def _commit(self, group: list[_Write]) -> None:
        """Runs a group in one transaction; only then do its futures resolve."""
        try:
            self._sync(any(write.synced for write in group))
            self._begin()
            for write in group:
                self._run_one(write)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon(group, _unavailable(error))
        except StoreError as error:
            self._abandon(group, error)
        for write in group:
            write.settle()

    def _sync(self, synced: bool) -> None:
        """Sets whether the next commit waits for the disk; that takes along every commit before it."""
        if synced != self._synced:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            self._synced = synced

    def _begin(self) -> None:
        """Begins to write, waiting in short steps for a lock so that closing need not wait for it.

        Raises:
            StoreUnavailable: the file was taken away: SQLite would go on writing to it, for nobody.
        """
        if self.removed():
            raise StoreUnavailable(f"not written: {self._path} was removed or replaced; restart this program")
        deadline = time.monotonic() + _LONGEST_WAIT
        while True:
            if self._impatient.is_set():
                raise StoreClosed("the store was closed before this could be written")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            else:
                return

    def _run_one(self, write: _Write) -> None:
        """Runs a write within its savepoint.

        Raises:
            StoreUnavailable: the whole transaction is gone: SQLite takes all of it back on some errors.
        """
        self._connection.execute("SAVEPOINT write")
        try:
            write.result = write.function(self._transaction)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who asked for the write
            write.error = _explained(error)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO write")
        if not self._connection.in_transaction:
            raise StoreUnavailable("a write of the same group ended the transaction") from write.error
        self._connection.execute("RELEASE write")

    def _abandon(self, group: list[_Write], error: StoreError) -> None:
        with contextlib.suppress(sqlite3.Error):  # if even this fails, so does the next group, and says why
            self._connection.rollback()
        for write in group:
            if write.error is None:
                write.error = error


def _explained(error: BaseException) -> BaseException:
    """Returns what the one who asked should see: trouble with the disk is no fault of the statement."""
    return _unavailable(error) if is_of_the_disk(error) else error


def _unavailable(error: BaseException) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"not written: {error}; it can be tried again when the disk allows")
    unavailable.__cause__ = error
    return unavailable


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells one file from another of its name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
