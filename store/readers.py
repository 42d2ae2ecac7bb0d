"""Short reads, each on a connection of its own, so that none waits for the writer or for another."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from store.connection import Reader, connect
from store.errors import StoreClosed, StoreUnavailable, is_of_the_disk

T = TypeVar("T")

_BUSY_TIMEOUT = 10.0
"""How many seconds a read waits where write-ahead logging makes it wait at all: while a log is recovered."""


class Readers:
    """Connections that cannot write: as many as reads have ever run at one time, used again by the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._running = 0
        self._closed = False
        self._changed = threading.Condition()

    def run(self, function: Callable[[Reader], T]) -> T:
        """Runs a read within one snapshot and returns what it returns.

        Raises:
            StoreClosed: `close` was called before.
            StoreUnavailable: the disk fails.
        """
        try:
            with self._connection() as connection:
                connection.execute("BEGIN")
                try:
                    return function(Reader(connection))
                finally:
                    connection.rollback()
        except sqlite3.Error as error:
            if is_of_the_disk(error):
                raise StoreUnavailable(f"not read: {error}; see to the volume of {self._path}") from error
            raise

    def close(self, timeout: float) -> bool:
        """Waits for the reads that run, closes the connections, and tells whether all reads have ended."""
        with self._changed:
            self._closed = True
            ended = self._changed.wait_for(lambda: self._running == 0, timeout)
            while self._idle:
                self._idle.pop().close()
        return ended

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._changed:
            if self._closed:
                raise StoreClosed("the store is closed; nothing can be read any more")
            self._running += 1
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._connect()
            yield connection
        finally:
            with self._changed:
                self._running -= 1
                if connection is not None:
                    self._idle.append(connection)
                self._changed.notify_all()

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self._path, busy_timeout=_BUSY_TIMEOUT)
        connection.execute("PRAGMA query_only=ON")
        return connection
