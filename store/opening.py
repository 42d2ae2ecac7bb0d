"""Decides whether the file of a store can be used, and moves one that cannot out of the way.

A file is looked at read-only first: one of a newer version, or of another program, is left as it was found.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from store import migrations
from store.connection import connect_read_only
from store.errors import SchemaTooNew, StoreError, is_corruption

_COMPANIONS = ("-wal", "-shm")
"""The endings of the files that SQLite keeps beside a database."""


def prepare(path: Path, now: float) -> Path | None:
    """Makes sure that a sound file is at `path`, an empty one if there was none.

    Returns:
        Where the corrupt file that was there has been moved to; None if there was no such file.

    Raises:
        SchemaTooNew: the file was written by a newer version.
        StoreError: the file belongs to another program, or cannot be read.
    """
    moved = None
    if _needs_moving(path):
        moved = _move_aside(path, now)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return moved


def _needs_moving(path: Path) -> bool:
    if not path.exists():
        # Left over from a move that was cut short; SQLite would delete it as no part of a new database.
        return any(Path(f"{path}{ending}").exists() for ending in _COMPANIONS)
    try:
        connection = connect_read_only(path)
        try:
            return not _is_sound(connection, path)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if is_corruption(error):
            return True
        raise StoreError(f"{path} cannot be read: {error}; see to its permissions and its volume") from error


def _is_sound(connection: sqlite3.Connection, path: Path) -> bool:
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        return False
    if migrations.is_foreign(connection):
        raise StoreError(f"{path} is a database of another program; give the store a path of its own")
    known = migrations.NAMES
    if unknown := [name for name in migrations.applied(connection) if name not in known]:
        raise SchemaTooNew(path, unknown, known[-1])
    return True


def _move_aside(path: Path, now: float) -> Path:
    """Renames the file, then its companions: without its log an older state would look sound."""
    target = _free_name(path, now)
    for ending in ("", *_COMPANIONS):
        source = Path(f"{path}{ending}")
        if source.exists():
            source.rename(f"{target}{ending}")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


def _free_name(path: Path, now: float) -> Path:
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in count(1):
        name = path.with_name(f"{path.name}.corrupt-{stamp}" + (f"-{number}" if number > 1 else ""))
        if not any(Path(f"{name}{ending}").exists() for ending in ("", *_COMPANIONS)):
            break
    return name
