from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from store import Store, audit, meta

ROUNDS = 20
ROOT = Path(__file__).parents[3]


def kill_while_it_writes(
    writer: subprocess.Popen[str], path: Path, acknowledged_before_kill: int
) -> set[int]:
    """Has a child write to a store, kills it in the midst, and returns what it was told is durable."""
    writer.stdin.write(f"{path}\n")
    writer.stdin.flush()
    pid, acknowledged = None, set()
    for line in writer.stdout:
        if line.startswith("pid"):
            pid = int(line.split()[1])
        elif line == "end\n":
            return acknowledged
        elif line.endswith("\n"):
            acknowledged.add(int(line))
        if pid is not None and len(acknowledged) >= acknowledged_before_kill:
            os.kill(pid, signal.SIGKILL)
            pid = None
    raise AssertionError("the writer ended by itself")


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    chance = random.Random(7)
    command = [sys.executable, str(Path(__file__).with_name("crash_writer.py"))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as writer:
        for number in range(ROUNDS):
            path = tmp_path / f"{number}.db"
            acknowledged = kill_while_it_writes(writer, path, chance.randrange(1, 400))
            with Store.open(path) as store:
                assert store.moved_aside is None
                assert store.read(lambda reader: reader.row("PRAGMA integrity_check")[0]) == "ok"
                assert store.read(lambda reader: audit.verify(reader, None)).first_broken is None
                recorded = {row["generation"] for row in store.read(lambda r: r.rows("SELECT * FROM audit"))}
                kept = {n for n in recorded if store.read(lambda r, n=n: meta.get(r, f"row-{n}")) is not None}
            assert acknowledged <= recorded
            assert recorded == kept, "half of a transaction was kept"
        writer.stdin.close()
