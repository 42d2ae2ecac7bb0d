"""SQLite connections as the store uses them, and the two faces that the domain modules see of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = str | int | float | bytes | None
"""What a column holds."""
Parameters = Mapping[str, Value]
"""The values of a statement, by the names that it gives them."""
_NONE: Parameters = {}

_JOURNAL_LIMIT = 67_108_864
"""The size in bytes that the write-ahead log is cut back to after a checkpoint."""


def columns(record: DataclassInstance) -> dict[str, Any]:
    """Returns the fields of a record by name, for a statement; not a copy of what they hold."""
    return {name: getattr(record, name) for name in _names(type(record))}


@cache
def _names(record: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(record))


class Reader:
    """One consistent view of the store, for as long as the function runs that was given it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Parameters = _NONE) -> list[sqlite3.Row]:
        """Returns every row: a list, because a half-read cursor keeps the log from being checkpointed."""
        return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = _NONE) -> sqlite3.Row | None:
        """Returns the first row, None if there is none."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None


class Transaction(Reader):
    """A write transaction, which the writer begins and commits.

    Attributes:
        audit_key: the key of the audit chain; None if it is not keyed.
    """

    __slots__ = ("audit_key",)

    def __init__(self, connection: sqlite3.Connection, audit_key: bytes | None = None) -> None:
        super().__init__(connection)
        self.audit_key = audit_key

    def execute(self, sql: str, parameters: Parameters = _NONE) -> int:
        """Runs a statement and returns how many rows it changed."""
        return self._connection.execute(sql, parameters).rowcount


def connect(path: Path, *, busy_timeout: float) -> sqlite3.Connection:
    """Opens a connection with the settings that hold for the writer and for readers.

    Args:
        path: the file.
        busy_timeout: how many seconds a statement waits for a lock that another connection holds.

    Raises:
        StoreError: the file system cannot do write-ahead logging.
    """
    connection = _connect(path, "rw", timeout=busy_timeout)
    try:
        _use_wal(connection, path)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_LIMIT}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Opens a connection that changes nothing of the file, not even by a checkpoint when it is closed."""
    return _connect(path, "ro")


def _connect(path: Path, mode: Literal["ro", "rw"], timeout: float = 5.0) -> sqlite3.Connection:
    """Opens a file that is there: one that was taken away is not made anew, empty."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Sets write-ahead logging where it is not set yet, and reads back what the file system made of it."""
    if _journal_mode(connection, "PRAGMA journal_mode") == "wal":
        return
    if (mode := _journal_mode(connection, "PRAGMA journal_mode=WAL")) != "wal":
        raise StoreError(
            f"{path} cannot use write-ahead logging (journal mode {mode}): its volume cannot share memory "
            "between connections, as network volumes cannot; put it on a local or block volume"
        )


def _journal_mode(connection: sqlite3.Connection, pragma: str) -> str:
    return str(connection.execute(pragma).fetchone()[0])
