"""What can go wrong with the store, in words that say what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_PRIMARY_CODE = 0xFF
"""The bits of an extended SQLite code that give the primary one."""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_OF_THE_DISK = _CORRUPT | {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
}
"""The codes that tell of the disk and the file on it, not of a statement."""


class StoreError(Exception):
    """The store cannot be used as it is; the message says why and what to do."""


class StoreLocked(StoreError):  # noqa: N818 - named by the state that it tells of
    """Another process has the store open.

    Attributes:
        pid: the process that holds it, as it wrote itself down; None if it did not.
        host: the host of that process, because two pods both run as process 1.
    """

    def __init__(self, path: Path, pid: int | None, host: str) -> None:
        self.pid = pid
        self.host = host
        holder = f"process {pid} on host {host}" if pid is not None else "another process"
        super().__init__(f"{path} is in use by {holder}; stop it first, or give this one its own store")


class SchemaTooNew(StoreError):  # noqa: N818
    """The store was written by a newer version of this program; nothing in it was touched."""

    def __init__(self, path: Path, unknown: list[str], newest: str) -> None:
        super().__init__(
            f"{path} has the schema {unknown[-1]}, this version knows up to {newest}; "
            "start the version that wrote it, or restore a backup made before the upgrade"
        )


class StoreUnavailable(StoreError):  # noqa: N818
    """The disk failed a read, or a write, which is not durable then; it may be tried again."""


class StoreClosed(StoreError):  # noqa: N818
    """The store has been closed."""


def error_code(error: BaseException) -> int:
    """Returns the primary SQLite code of an error; 0 if it did not come from SQLite."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE


def is_corruption(error: BaseException) -> bool:
    """Tells whether an error says that the file itself is damaged."""
    return error_code(error) in _CORRUPT


def is_of_the_disk(error: BaseException) -> bool:
    """Tells whether an error is about the disk and the file on it, not about a statement."""
    return error_code(error) in _OF_THE_DISK
