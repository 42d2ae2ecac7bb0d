"""The store as a whole: opened by one process, written by one thread, read by any."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

from store import meta, migrations, opening
from store.connection import Reader, Transaction, connect
from store.errors import StoreError
from store.lock import FileLock
from store.readers import Readers
from store.writer import BUSY_STEP, Writer

T = TypeVar("T")


class Store:
    """State that outlives the process. Open it with `Store.open`.

    Attributes:
        path: the database file; its log and lock stand beside it.
        instance_id: names this store; a store that is made anew has another.
        moved_aside: where a corrupt file went that was found in place of the store; None if there was none.
    """

    def __init__(self, path: Path, lock: FileLock, moved_aside: Path | None, audit_key: bytes | None) -> None:
        self.path = path
        self.moved_aside = moved_aside
        self._lock = lock
        self._connection = _open_connection(path)
        self.instance_id = meta.setdefault(Transaction(self._connection), "instance_id", str(uuid.uuid4()))
        self._writer = Writer(self._connection, path, audit_key)
        self._readers = Readers(path)
        self._closed = False

    @classmethod
    def open(
        cls, path: Path, *, audit_key: bytes | None = None, clock: Callable[[], float] = time.time
    ) -> Store:
        """Opens the store at `path`, and makes it and its folder where they are missing.

        Args:
            path: the database file.
            audit_key: the key of the audit chain; without one, the chain only finds accidental changes.
            clock: tells the seconds since 1970, to name a corrupt file by when it was moved aside.

        Raises:
            StoreLocked: another process has it open.
            SchemaTooNew: a newer version wrote it.
            StoreError: the volume cannot hold it, or the file is no store.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                return cls(path, lock, opening.prepare(path, clock()), audit_key)
            except BaseException:
                lock.release()
                raise
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path} cannot be opened: {error}; see to its folder and volume") from error

    def write(self, function: Callable[[Transaction], T], *, synced: bool = True) -> Future[T]:
        """Queues a write; its future resolves when it is committed and, if it is `synced`, on the disk.

        The function runs in the writer's thread: it should only talk to the transaction, and must not wait
        for another write. What it raises, its future raises, and nothing of it is kept.

        Args:
            function: makes the write.
            synced: False for what may be lost with the power, though never with the process, as it follows
                from something else: it is committed without waiting for the disk. What is lost so is lost
                together with all that was written after it; the next write that is synced takes it along.

        Raises:
            StoreClosed: the store is closed. The future raises StoreUnavailable where the disk fails.
        """
        return self._writer.submit(function, synced=synced)

    def read(self, function: Callable[[Reader], T]) -> T:
        """Runs a short read in the caller's thread, on one consistent snapshot.

        Raises:
            StoreClosed: the store is closed.
            StoreUnavailable: the disk fails.
        """
        return self._readers.run(function)

    def removed(self) -> bool:
        """Tells whether the file was removed or replaced, so that nothing can be written any more."""
        return self._writer.removed()

    def close(self, timeout: float = 10.0) -> None:
        """Finishes what is queued, empties the log into the database and lets the lock go; once is enough.

        Args:
            timeout: how many seconds the queue has, and then the reads; later writes fail with StoreClosed.

        Raises:
            StoreError: a read or a write would not end; the lock is kept until the process ends.
        """
        if self._closed:
            return
        written = self._writer.close(timeout)
        if not (self._readers.close(timeout) and written):
            raise StoreError(
                f"{self.path}: a {'read' if written else 'write'} has not ended in {timeout:g} s"
            )
        with contextlib.suppress(sqlite3.Error):  # the log stays, and is read when the store is opened again
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._lock.release()
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open_connection(path: Path) -> sqlite3.Connection:
    connection = connect(path, busy_timeout=BUSY_STEP)
    try:
        migrations.apply(connection)
    except BaseException:
        connection.close()
        raise
    return connection
