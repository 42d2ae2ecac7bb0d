"""Reading a store that another process may be writing, without changing anything of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store import migrations
from store.connection import Reader, connect_read_only
from store.errors import SchemaTooNew, StoreError


@contextmanager
def open_read_only(path: Path) -> Iterator[Reader]:
    """Opens the store at `path` for one consistent look.

    Raises:
        SchemaTooNew: a newer version wrote it.
        StoreError: the file is no store, one of an older version, or cannot be read.
    """
    try:
        with closing(connect_read_only(path)) as connection:
            found = migrations.applied(connection)
            if unknown := [name for name in found if name not in migrations.NAMES]:
                raise SchemaTooNew(path, unknown, migrations.NAMES[-1])
            if len(found) < len(migrations.NAMES):
                raise StoreError(f"{path} has an older schema, or is no store; start the daemon on it once")
            connection.execute("BEGIN")
            yield Reader(connection)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
