"""The product as a process on a namespace of its own, and what its intents say, followed by a watch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api import NETWORK_INTENTS, Api, Object, Resource

ROOT = Path(__file__).parents[3]
DEPLOYMENTS = Resource("apps/v1", "deployments")
STOP_SECONDS = 60.0
COMMAND_SECONDS = 120.0
_COMMAND = [sys.executable, "-P", "-c", "from engine.cli import main; main()"]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
WAITING = {"BackendDown", "BackingOff", "ReadBack"}
"""What an intent says whose backend is out of reach."""
_FINAL = {"Ambiguous", "Unsupported", "Invalid", "Unsafe", "Conflict", "RetriesExhausted"}
"""What an intent goes on saying, so that nothing is waited for in vain."""
Settings = dict[str, Any]


class Product:
    """`conductor-watch run` on a settings file; started, stopped and killed, over one store.

    Args:
        folder: gets settings, store, output and log.
        more: sections of the settings beside those that every run has.
    """

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, more: Settings) -> None:
        self.store = folder / "store.db"
        self._log = folder / "product.log"
        self._file = folder / "settings.yaml"
        self._process: subprocess.Popen[bytes] | None = None
        common: Settings = {
            "source": {"kind": "kubernetes"},
            "live": {"kind": "kubernetes"},
            "kubernetes": {"kubeconfig": str(kubeconfig), "namespaces": [namespace]},
            "output": {"directory": str(folder / "out")},
            "store": {"path": str(self.store)},
            "adopt": "none",
        }
        self._file.write_text(yaml.safe_dump(common | more))

    def start(self) -> None:
        """Starts it; returns at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_COMMAND, "run", "--settings", str(self._file)],
                env=_ENVIRONMENT,
                stdout=log,
                stderr=log,
            )

    def wait_for_life(self, seconds: float = 60.0) -> None:
        """Waits until this process has written to its store, which it does first of all."""
        journal = self.store.with_name(self.store.name + "-wal")
        begun, deadline = time.time_ns(), time.monotonic() + seconds
        while not (journal.exists() and journal.stat().st_mtime_ns > begun):
            assert self.alive(), f"the product ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"the product did not begin to work:\n{self.log()}"
            time.sleep(0.005)

    def lose_store(self) -> None:
        """Takes its store away, while it does not run."""
        for path in self.store.parent.glob(f"{self.store.name}*"):
            path.unlink()

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on its settings, as a person would."""
        return subprocess.run(
            [*_COMMAND, *words, "--settings", str(self._file)],
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    def alive(self) -> bool:
        """Tells whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kills it, as an out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to stop and waits until it has."""
        self._end(signal.SIGTERM)

    def log(self) -> str:
        """Returns the end of its log."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS)
            self._process = None


@dataclass(frozen=True, slots=True)
class Said:
    """What an intent says of its present generation, and when that was first seen (monotonic seconds)."""

    generation: int
    reason: str
    message: str
    at: float


@dataclass
class Followed:
    """The intents of a namespace, made here and followed by a watch in a thread of its own."""

    admin: Api
    namespace: str
    made_at: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    reasons: dict[str, set[str]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._ended.set()
        self._thread.join(30)

    def wish(self, name: str, text: str, **spec: Any) -> None:
        """Makes an intent, or edits the text of the one of that name."""
        edited, self.made_at[name] = name in self.made_at, time.monotonic()
        wish: Object = {"spec": {"intent": text, **spec}}
        if edited:
            made = self.admin.patch(NETWORK_INTENTS, self.namespace, name, wish)
        else:
            head = {"apiVersion": "nephoran.com/v1", "kind": "NetworkIntent", "metadata": {"name": name}}
            made = self.admin.create(NETWORK_INTENTS, self.namespace, head | wish)
        self.wanted[name] = made["metadata"]["generation"]

    def delete(self, name: str) -> None:
        """Deletes an intent; it may stay until its packages are withdrawn."""
        self.admin.delete(NETWORK_INTENTS, self.namespace, name)

    def is_gone(self, name: str) -> bool:
        """Tells whether an intent that was deleted is there no more."""
        listed = self.admin.list(NETWORK_INTENTS, self.namespace)
        return all(item["metadata"]["name"] != name for item in listed)

    def reason(self, name: str) -> str:
        """Returns what an intent says of the generation that was made last; empty where nothing yet."""
        said = self.said.get(name)
        return said.reason if said is not None and said.generation >= self.wanted[name] else ""

    def message(self, name: str) -> str:
        """Returns the message that an intent has now; empty where nothing yet."""
        return self.said[name].message if name in self.said else ""

    def any_waits(self, names: list[str]) -> bool:
        """Tells whether one of some intents has said that it waits for its backend."""
        return any(self.reasons.get(name, set()) & WAITING for name in names)

    def status(self, name: str) -> Object:
        """Returns the status of an intent as it is now."""
        found: Object = self.admin.get(NETWORK_INTENTS, self.namespace, name).get("status", {})
        return found

    def wait(self, reason: str, names: list[str], product: Product, seconds: float = 300.0) -> None:
        """Waits until intents all say a reason of their present generation."""
        deadline = time.monotonic() + seconds
        while left := [name for name in names if self.reason(name) != reason]:
            left.sort(key=lambda name: self.reason(name) not in _FINAL)
            states = {name: self.said.get(name) for name in left[:5]}
            failed = any(self.reason(name) in _FINAL - {reason} for name in left)
            if failed or time.monotonic() > deadline or not product.alive():
                pytest.fail(f"{len(left)} of {len(names)} do not say {reason}: {states}\n{product.log()}")
            time.sleep(0.05)

    def seconds(self, name: str) -> float:
        """Returns how long an intent took from being made to what it says now."""
        return self.said[name].at - self.made_at[name]

    def _follow(self) -> None:
        version = ""
        while not self._ended.is_set():
            try:
                if not version:
                    listed = self.admin.call("GET", NETWORK_INTENTS.path(self.namespace))
                    for item in listed["items"]:
                        self._take(item)
                    version = listed["metadata"]["resourceVersion"]
                for event in self.admin.watch(NETWORK_INTENTS, self.namespace, version, seconds=5):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._take(event["object"])
            except OSError:
                version = ""
                self._ended.wait(0.2)

    def _take(self, item: Object) -> None:
        now, metadata, status = time.monotonic(), item["metadata"], item.get("status", {})
        ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), None)
        name = metadata["name"]
        if ready is None or status.get("observedGeneration") != metadata["generation"]:
            return
        self.reasons.setdefault(name, set()).add(ready["reason"])
        before = self.said.get(name)
        new = Said(metadata["generation"], ready["reason"], ready.get("message", ""), now)
        if before is None or (before.generation, before.reason, before.message) != (
            new.generation,
            new.reason,
            new.message,
        ):
            self.said[name] = new


def make_workload(admin: Api, namespace: str, name: str, replicas: int = 2) -> None:
    """Makes a Deployment for intents to be about; it gets no pods where no controller runs."""
    labels = {"app": name}
    image = f"registry.example.com/{name}:1.0"
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    admin.create(DEPLOYMENTS, namespace, body)
