from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from store import SchemaTooNew, Store, StoreError, StoreLocked, meta, migrations
from store.connection import _use_wal, connect

NOW = 1_790_000_000.0
STAMP = "20260921T141320Z"


def fill(path: Path, rows: int = 200) -> None:
    with Store.open(path) as store:
        store.write(lambda tx: [meta.put(tx, f"key-{n}", "x" * 200) for n in range(rows)]).result()


def test_a_new_store_makes_its_folder_and_keeps_it_private(path: Path) -> None:
    with Store.open(path):
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


def test_settings_hold_on_every_connection(store: Store) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for pragma, value in pragmas.items():
        assert store.write(lambda tx, name=pragma: tx.row(f"PRAGMA {name}")[0]).result() == value
        assert store.read(lambda reader, name=pragma: reader.row(f"PRAGMA {name}")[0]) == value


def test_a_volume_that_cannot_log_ahead_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    without_shared_memory = sqlite3.connect(f"file:{path}?vfs=unix-dotfile", uri=True)
    with pytest.raises(StoreError, match=r"journal mode delete.*local or block volume"):
        _use_wal(without_shared_memory, path)
    without_shared_memory.close()


def test_the_mode_is_not_set_again_where_it_is_set(path: Path) -> None:
    fill(path)
    first, second = connect(path, busy_timeout=0.1), connect(path, busy_timeout=0.1)
    first.execute("BEGIN IMMEDIATE")
    assert second.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    first.close()
    second.close()


def test_what_was_written_is_there_when_it_is_opened_again(path: Path) -> None:
    fill(path)
    with Store.open(path) as store:
        assert store.read(lambda reader: meta.get(reader, "key-7")) == "x" * 200
        assert store.moved_aside is None


def test_the_instance_id_lasts_as_long_as_the_store(path: Path, tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        with Store.open(path) as store:
            ids.append(store.instance_id)
    with Store.open(tmp_path / "other.db") as other:
        ids.append(other.instance_id)
    assert ids[0] == ids[1] != ids[2]


def test_a_second_opener_is_told_who_holds_the_store(store: Store, path: Path) -> None:
    with pytest.raises(StoreLocked, match=f"process {os.getpid()} on host") as refusal:
        Store.open(path)
    assert refusal.value.pid == os.getpid()


def test_another_process_is_told_who_holds_the_store(store: Store, path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from store import Store, StoreLocked\n"
        "try: Store.open(Path(sys.argv[1]))\n"
        "except StoreLocked as error: print(error.pid)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert found.stdout.strip() == str(os.getpid())


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def test_the_lock_is_let_go_when_opening_fails(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE of_another_program (x)")
    other.close()
    for _ in range(2):
        with pytest.raises(StoreError, match="another program"):
            Store.open(path)


def test_a_closed_store_can_be_opened_again(path: Path) -> None:
    Store.open(path).close()
    Store.open(path).close()


def test_closing_empties_the_log_into_the_database(path: Path) -> None:
    fill(path)
    assert not Path(f"{path}-wal").exists()


def test_a_newer_schema_is_refused_and_its_file_left_alone(path: Path) -> None:
    fill(path)
    newer = sqlite3.connect(path)
    newer.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('store', '9999_later', '')"
    )
    newer.commit()
    newer.close()
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=f"has the schema 9999_later.*up to {migrations.NAMES[-1]}"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_also_where_it_is_only_in_the_log(path: Path) -> None:
    fill(path)
    newer = connect(path, busy_timeout=1)
    newer.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('store', '9999_later', '')"
    )
    before = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    with pytest.raises(SchemaTooNew):
        Store.open(path)
    assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before
    newer.close()


def test_a_file_that_cannot_be_read_is_no_corrupt_one(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be"):
        Store.open(path)
    assert path.is_dir()


@pytest.mark.parametrize("damage", ["header", "page", "cut", "text"])
def test_a_corrupt_store_is_moved_aside_whole_and_a_new_one_opened(path: Path, damage: str) -> None:
    fill(path)
    content = bytearray(path.read_bytes())
    match damage:
        case "header":
            content[:16] = b"x" * 16
        case "page":
            content[4096 : 4096 * 4] = b"\xff" * (4096 * 3)
        case "cut":
            del content[len(content) // 2 :]
        case "text":
            content[:] = b"not a database, but long enough to have a header" * 100
    path.write_bytes(content)
    Path(f"{path}-wal").write_bytes(b"its log")
    with Store.open(path, clock=lambda: NOW) as store:
        assert store.moved_aside == path.with_name(f"store.db.corrupt-{STAMP}")
        assert store.read(lambda reader: meta.get(reader, "key-7")) is None
    assert path.with_name(f"store.db.corrupt-{STAMP}").read_bytes() == content
    assert path.with_name(f"store.db.corrupt-{STAMP}-wal").read_bytes() == b"its log"


def test_two_corrupt_stores_in_one_second_are_both_kept(path: Path) -> None:
    path.parent.mkdir()
    for _ in range(2):
        path.write_bytes(b"not a database" * 100)
        Store.open(path, clock=lambda: NOW).close()
    kept = sorted(file.name for file in path.parent.glob("*corrupt*"))
    assert kept == [f"store.db.corrupt-{STAMP}", f"store.db.corrupt-{STAMP}-2"]


def test_a_log_left_by_a_move_that_was_cut_short_is_moved_too(path: Path) -> None:
    path.parent.mkdir()
    Path(f"{path}-wal").write_bytes(b"its log")
    Store.open(path, clock=lambda: NOW).close()
    assert path.with_name(f"store.db.corrupt-{STAMP}-wal").read_bytes() == b"its log"


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Store.open(path) as store:
        assert store.moved_aside is None
