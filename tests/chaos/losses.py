"""The store deleted under a running daemon, again and again: what tests of both modes share.

Every third intent asks for more than there is, and what was published is applied between the losses: an
intent that was done twice would ask for still more.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import yaml

from store import StoreError, intents, open_read_only, outbox, work

ROOT = Path(__file__).parents[2]
LOSSES = int(os.environ.get("STORE_LOSSES", "2"))
INTENTS = int(os.environ.get("STORE_INTENTS", "20"))
LIVE_REPLICAS = 2


class Place(Protocol):
    """Where intents and workloads are, and statuses are shown."""

    def ask(self, name: str, text: str) -> None:
        """States an intent about a new workload of that name, which has LIVE_REPLICAS."""
        ...

    def apply(self, name: str, replicas: int) -> None:
        """Gives the workload so many replicas, as who applies packages does."""
        ...

    def outcome(self, name: str) -> tuple[str, int]:
        """Returns the reason of an intent, and the replicas that its status says were asked for."""
        ...


class Losses:
    """Runs a daemon on a folder with a settings.yaml, and deletes its store under it."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.seed = int(os.environ.get("STORE_SEED", str(time.time_ns() % 1_000_000)))
        self._chance = random.Random(self.seed)
        self._folder = folder
        self._out = folder / "out"
        self._place = place
        self._asked: dict[str, int] = {}
        self._applied: set[str] = set()

    def run(self) -> None:
        """States all intents, with a loss of the store after each part of them, and waits for the end."""
        print(f"seed {self.seed}; STORE_SEED={self.seed} runs the same rounds again")  # noqa: T201 - to reproduce
        for loss in range(LOSSES):
            self.ask(INTENTS * (loss + 1) // LOSSES)
            before = len(self._revisions())
            process = self.start()
            try:
                enough = self._chance.randint(before, len(self._asked))
                until(lambda: len(self._revisions()) >= enough, process)  # noqa: B023 - called at once
                self._lose(process)
            finally:
                process.kill()
                process.wait(30)
            self._apply()
        process = self.start()
        try:
            until(lambda: self._settled() and self._all_completed(), process)
        finally:
            process.kill()
            process.wait(30)

    def assert_each_was_done_once(self) -> None:
        """Looks at what there is of each intent: one revision, one file handed over, the number asked for."""
        for name, wanted in self._asked.items():
            assert self._place.outcome(name) == ("Completed", wanted), f"seed {self.seed}: {name}"
        revisions = self._revisions()
        assert len(revisions) == INTENTS, f"seed {self.seed}"
        for path in revisions:
            (file,) = path.glob("deployment-*.yaml")
            stated = yaml.safe_load(file.read_text())
            assert path.name.startswith("v1-"), f"seed {self.seed}: {path}"
            assert stated["spec"]["replicas"] == self._asked[stated["metadata"]["name"]], f"seed {self.seed}"
        handed_over = list((self._out / "handoff").rglob("*.json"))
        assert len(handed_over) == INTENTS, f"seed {self.seed}"

    def ask(self, count: int) -> None:
        """States so many intents in all."""
        for number in range(len(self._asked), count):
            name = f"nf-{number:03}"
            if number % 3:
                self._asked[name] = 3 + number % 50
                self._place.ask(name, f"scale {name} to {self._asked[name]} replicas")
            else:
                self._asked[name] = LIVE_REPLICAS + 3
                self._place.ask(name, f"add 3 replicas to {name}")

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the daemon, whose output goes to daemon.log."""
        command = [sys.executable, "-P", "-c", "from engine.cli import main; main()", "run"]
        command += ["--settings", str(self._folder / "settings.yaml"), "--log-level", "error"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        log = (self._folder / "daemon.log").open("ab")
        with log:
            return subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)

    def _lose(self, process: subprocess.Popen[bytes]) -> None:
        """Deletes the store; the daemon is killed in the middle of what it does about that."""
        for path in self._out.glob("store.db*"):
            if not path.name.endswith(".lock"):
                path.unlink(missing_ok=True)
        time.sleep(self._chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)

    def _revisions(self) -> list[Path]:
        return list((self._out / "revisions").glob("*/*/v*"))

    def _apply(self) -> None:
        for path in (self._out / "packages").glob("*/*/deployment-*.yaml"):
            stated = yaml.safe_load(path.read_text())
            name = stated["metadata"]["name"]
            if name not in self._applied:
                self._place.apply(name, stated["spec"]["replicas"])
                self._applied.add(name)

    def _settled(self) -> bool:
        """Tells whether the new store knows all intents and has nothing left to do."""
        try:
            with open_read_only(self._out / "store.db") as reader:
                known = len(intents.page(reader, INTENTS + 1)) == INTENTS
                return known and not any(work.depths(reader).values()) and outbox.count(reader) == 0
        except (StoreError, sqlite3.Error):  # not made yet
            return False

    def _all_completed(self) -> bool:
        return all(self._place.outcome(name)[0] == "Completed" for name in self._asked)


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for what a process is to do."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the daemon has ended"
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
