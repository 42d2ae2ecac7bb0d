"""A real store with intents in it, its operations, and a server on a real socket."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.api.client import Client
from engine.api.operations import Hooks, StoreOperations
from engine.api.peer import Peer
from engine.api.server import ApiServer
from engine.identity import canonical_json
from engine.reasons import Reason
from engine.rehearsal import Decide
from engine.status import Report, build_status
from store import Store, Transaction, Work, audit, decisions, intents, outbox, work
from store.outbox import Kind, Message

NOW = 1_800_000_000.0
ADA = Peer("ada", 4321)
ME = pwd.getpwuid(os.getuid()).pw_name


@dataclass
class Place:
    """A store that intents are put into, as the daemon leaves them after a look.

    Attributes:
        woken: how often the daemon was told to look for work.
        decide: how the rules in force decide.
    """

    root: Path
    store: Store
    now: float = NOW
    woken: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    decide: Decide = lambda _: {}

    def operations(self) -> StoreOperations:
        def wake() -> None:
            self.woken += 1

        hooks = Hooks(
            wake=wake,
            reload=lambda: not self.problems,
            problems=lambda: self.problems,
            decide=lambda: self.decide,
            digests=lambda: {"rules": "abc"},
            ticks=list,
        )
        return StoreOperations(self.store, hooks, lambda: self.now)

    def see(self, name: str, text: str = "scale amf to 50", generation: int = 1, **metadata: str) -> Work:
        """Takes up a generation of an intent."""
        namespace = metadata.pop("namespace", "core")
        body = {"metadata": metadata, "spec": {"intent": text}}
        uid, hashed = f"uid-{name}", f"hash-{name}-{generation}"

        def write(tx: Transaction) -> Work:
            known = intents.Intent(
                namespace, name, uid, generation, hashed, canonical_json(body), "a.yaml", self.now
            )
            intents.put(tx, known)
            seen = work.see(
                tx,
                namespace=namespace,
                name=name,
                uid=uid,
                generation=generation,
                spec_hash=hashed,
                now=self.now,
            )
            assert seen is not None
            return seen

        return self.store.write(write).result()

    def hold(self, item: Work, *, needs_approval: bool = True) -> None:
        """Lets a generation wait, as a rule says."""
        decision = {
            "verdict": "hold",
            "reason": "Held",
            "message": "somebody has to approve it",
            "rule": "site/big",
            "action": 0,
            "needsApproval": needs_approval,
            "routes": [],
            "changes": [],
            "trace": [
                {
                    "rule": "site/other",
                    "action": 0,
                    "outcome": "when false",
                    "clause": "action.replicas > 90 (action.replicas = 50)",
                    "effect": "",
                    "message": "",
                },
                {
                    "rule": "site/big",
                    "action": 0,
                    "outcome": "effect",
                    "clause": "action.replicas > 40 (action.replicas = 50)",
                    "effect": "hold",
                    "message": "somebody has to approve it",
                },
            ],
        }
        body = {
            "text": "scale amf to 50",
            "interpretation": {"actions": [], "words": [{"replicas": ["50"]}], "assumed": []},
            "actions": [{"intent_type": "scaling", "target": "amf", "replicas": 50, "namespace": "core"}],
            "facts": [{"origin": "directory", "replicas": 2}],
            "decision": decision,
            "rule": "site/big",
            "rulesDigest": "abc",
        }

        def write(tx: Transaction) -> None:
            made = decisions.Decision(
                item.id, "wait", "Held", "site/big", "abc", canonical_json(body), self.now
            )
            decisions.append(tx, made)
            message = "somebody has to approve it"
            work.wait(tx, item, reason="Held", message=message, basis="b", until=None, now=self.now)
            self._report(tx, item, Reason.HELD, message)

        self.store.write(write).result()

    def finish(self, item: Work, replicas: int = 50) -> None:
        """Ends a generation with its effect, decided as rules do that let everything pass."""
        action = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": replicas}
        body = {"decision": decision_of(action), "snapshot": snapshot_of(item, action), "facts": [{}]}

        def write(tx: Transaction) -> None:
            made = decisions.Decision(
                item.id, "execute", "Processing", "", "abc", canonical_json(body), self.now
            )
            decisions.append(tx, made)
            work.finish(tx, item, reason="Completed", message="done", basis="b", now=self.now)
            self._report(tx, item, Reason.COMPLETED, "done")

        self.store.write(write).result()

    def end(self, item: Work, reason: Reason = Reason.AMBIGUOUS, message: str = "how many?") -> None:
        """Refuses a generation."""

        def write(tx: Transaction) -> None:
            work.terminal(tx, item, reason=reason.value, message=message, basis="b", now=self.now)
            self._report(tx, item, reason, message)

        self.store.write(write).result()

    def _report(self, tx: Transaction, item: Work, reason: Reason, message: str) -> None:
        status = build_status(Report(item.generation, reason, message, self.now))
        about = (item.namespace, item.name, item.uid, item.generation)
        outbox.put(tx, Message(*about, Kind.STATUS, canonical_json(status), self.now))

    def current(self, name: str) -> Work:
        """Returns the newest generation of an intent."""
        found = self.store.read(lambda reader: work.current(reader, "core", name))
        assert found is not None
        return found

    def audited(self, kind: str) -> list[dict[str, Any]]:
        """Returns what was recorded, newest first."""
        records = self.store.read(lambda reader: audit.tail(reader, 1000))
        return [json.loads(record.entry.body) for record in records if record.entry.kind == kind]


def decision_of(action: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Returns a decision, as JSON, by which an action goes through."""
    decision = {
        "verdict": "proceed",
        "reason": "Processing",
        "rule": "",
        "message": "",
        "actions": [action],
        "routes": [{"executor": "directory", "repository": "main", "lifecycle": "Published", "rule": ""}],
        "priority": 5,
        "holdUntil": None,
        "needsApproval": False,
        "rateLimits": [],
        "retry": None,
        "rulesDigest": "abc",
    }
    return decision | changes


def snapshot_of(item: Work, action: dict[str, Any]) -> dict[str, Any]:
    """Returns what a decision was made from, as JSON, without its facts."""
    intent = {
        "namespace": item.namespace,
        "name": item.name,
        "uid": item.uid,
        "generation": item.generation,
        "text": "scale amf to 50",
    }
    now = "2027-01-15T08:00:00+00:00"
    return {"intent": intent, "actions": [action], "history": {}, "now": now, "approved": False}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Store.open(tmp_path / "state" / "store.db") as store:
        yield Place(tmp_path, store)


@pytest.fixture
def serve(place: Place) -> Iterator[Callable[[], ApiServer]]:
    """Starts a server, which is stopped at the end."""
    started: list[ApiServer] = []

    def start() -> ApiServer:
        server = ApiServer(place.root / "state" / "conductor-watch.sock", place.operations())
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop(5.0)


@pytest.fixture
def client(serve: Callable[[], ApiServer]) -> Client:
    return Client(serve().path, timeout=20.0)
