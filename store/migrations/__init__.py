"""The schema as numbered migrations: forward only, never edited once released.

Each `NNNN_name.sql` beside this file is one migration; sqlite-utils runs it in one transaction with its
record.
"""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files
from importlib.resources.abc import Traversable

from sqlite_utils import Database, Migrations

_SET = "store"


def _statements(script: str) -> list[str]:
    """Splits a script, because `executescript` would commit the transaction that it must be part of."""
    statements, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            statements.append(statement)
            statement = ""
    return statements


def _register(migrations: Migrations, file: Traversable) -> None:
    @migrations(name=file.name.removesuffix(".sql"))
    def apply_script(db: Database) -> None:
        for statement in _statements(file.read_text(encoding="utf-8")):
            db.execute(statement)


def _numbered() -> list[Traversable]:
    scripts = [file for file in files(__name__).iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", file.name)]
    return sorted(scripts, key=lambda file: file.name)


MIGRATIONS = Migrations(_SET)
"""Every migration, in order."""
for _file in _numbered():
    _register(MIGRATIONS, _file)

NAMES: tuple[str, ...] = tuple(file.name.removesuffix(".sql") for file in _numbered())
"""The names of the migrations, in order; the version of a schema is how many of them it has."""


def applied(connection: sqlite3.Connection) -> list[str]:
    """Returns the names of the migrations that a database has, in order; writes nothing."""
    return [migration.name for migration in MIGRATIONS.applied(_database(connection))]


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Tells whether a database has tables, yet none of our migrations."""
    others = set(_database(connection).table_names()) - {Migrations.migrations_table, "sqlite_sequence"}
    return bool(others) and not applied(connection)


def apply(connection: sqlite3.Connection) -> None:
    """Brings a database to the newest schema, one transaction a migration."""
    MIGRATIONS.apply(_database(connection))


def _database(connection: sqlite3.Connection) -> Database:
    return Database(connection, recursive_triggers=False, execute_plugins=False)
