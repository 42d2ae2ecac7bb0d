"""Stores of every released version become stores of this one.

`versions/NAME.sql` is what `sqlite3 store.db .dump` prints of a store that has a row in each table and whose
last migration is NAME. Such a file is added with its migration, and never changed once that is released.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store import Store, audit, migrations, work

VERSIONS = Path(__file__).with_name("versions")
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def schema(store: Store) -> list[tuple[str, ...]]:
    return [tuple(row) for row in store.read(lambda reader: reader.rows(SCHEMA))]


def old_store(path: Path, version: str) -> dict[str, int]:
    """Makes a store of an old version and returns how many rows each of its tables has."""
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript((VERSIONS / f"{version}.sql").read_text(encoding="utf-8"))
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    ]
    rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    connection.close()
    return rows


def test_every_migration_has_a_store_of_its_version() -> None:
    assert sorted(file.stem for file in VERSIONS.glob("*.sql")) == list(migrations.NAMES)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [int(name[:4]) for name in migrations.NAMES] == list(range(1, len(migrations.NAMES) + 1))


@pytest.mark.parametrize("version", migrations.NAMES)
def test_a_store_of_an_older_version_becomes_one_of_this(path: Path, tmp_path: Path, version: str) -> None:
    before = old_store(path, version)
    assert all(before.values()), "the old store lacks a row in one of its tables"
    with Store.open(path) as migrated, Store.open(tmp_path / "fresh.db") as fresh:
        assert schema(migrated) == schema(fresh)
        counts = {
            name: migrated.read(lambda r, n=name: r.row(f"SELECT count(*) FROM {n}")[0])
            for name in before.keys() - {"_sqlite_migrations"}
        }
        assert counts == {name: before[name] for name in counts}
        assert migrated.read(lambda reader: work.current(reader, "core", "amf")).executor == "directory"
        assert migrated.read(lambda reader: audit.verify(reader, None)).first_broken is None


def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    connection.execute("CREATE TABLE outbox (x)")
    with pytest.raises(sqlite3.OperationalError, match="outbox already exists"):
        migrations.apply(connection)
    assert migrations.applied(connection) == []
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "meta" not in tables
    connection.close()


def test_tables_take_no_value_of_another_type(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in INTEGER column"):
        store.write(
            lambda tx: tx.execute(
                "INSERT INTO work (namespace, name, uid, generation, spec_hash, state, priority, created_at,"
                " updated_at) VALUES ('ns', 'amf', 'u', 'one', 'h', 'seen', 5, 1, 1)"
            )
        ).result()


def test_all_tables_are_strict(store: Store) -> None:
    loose = store.read(
        lambda r: r.rows("SELECT name FROM pragma_table_list WHERE strict = 0 AND schema = 'main'")
    )
    ours = {row["name"] for row in loose} - {"_sqlite_migrations"}
    assert {name for name in ours if not name.startswith("sqlite_")} == set()
