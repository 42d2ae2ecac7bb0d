"""What the API must still be told of an intent: the latest of each kind, until it has taken it.

A message of an older generation never follows one of a newer, not even after that was delivered.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from store import meta
from store.connection import Parameters, Reader, Transaction, columns


class Kind(StrEnum):
    """What a message is, in the order of delivery."""

    STATUS = "status"  #: The status of the intent.
    ANNOTATIONS = "annotations"  #: Annotations on the intent.
    EVENT = "event"  #: An Event about the intent.


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be delivered.

    Attributes:
        namespace, name, uid, generation: of the intent that it is about.
        kind: see Kind.
        body: JSON.
        created_at: when, in seconds since 1970.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    kind: Kind
    body: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits.

    Attributes:
        message: what to deliver.
        version: tells it from the message that takes its place.
        attempts: how often its delivery has failed.
        next_at: when it is due.
    """

    message: Message
    version: int
    attempts: int
    next_at: float


_VERSION = "outbox_version"
_PUT = """
INSERT INTO outbox (namespace, name, uid, kind, generation, version, body, created_at, attempts, next_at)
VALUES (:namespace, :name, :uid, :kind, :generation, :version, :body, :created_at, 0, :created_at)
ON CONFLICT (uid, kind) DO UPDATE SET
    generation = excluded.generation, version = excluded.version, body = excluded.body,
    created_at = excluded.created_at, attempts = 0, next_at = excluded.next_at
WHERE excluded.generation >= outbox.generation
"""
_DUE = """
SELECT * FROM outbox INDEXED BY outbox_due
WHERE next_at IS NOT NULL AND next_at <= :now
    AND kind IN (SELECT value FROM json_each(:kinds)) AND NOT EXISTS (
    SELECT 1 FROM outbox AS earlier
    WHERE earlier.uid = outbox.uid AND earlier.next_at IS NOT NULL AND (
        (outbox.kind = 'annotations' AND earlier.kind = 'status')
        OR (outbox.kind = 'event' AND earlier.kind IN ('status', 'annotations'))
    )
)
ORDER BY next_at LIMIT :limit
"""
_DELIVERED = """
UPDATE outbox SET next_at = NULL WHERE uid = :uid AND kind = :kind AND version = :version
"""
_FAILED = """
UPDATE outbox SET attempts = attempts + 1, next_at = :next_at
WHERE uid = :uid AND kind = :kind AND version = :version
"""
_POSTPONE = """
UPDATE outbox SET next_at = :next_at WHERE uid = :uid AND kind <> :kind AND next_at < :next_at
"""
_CLAMP = """
UPDATE outbox INDEXED BY outbox_due SET next_at = :latest WHERE next_at IS NOT NULL AND next_at > :latest
"""
_NEXT_DUE = "SELECT min(next_at) AS next_at FROM outbox INDEXED BY outbox_due WHERE next_at IS NOT NULL"


def put(tx: Transaction, message: Message) -> bool:
    """Stores a message in place of the one of its kind; False if that is of a newer generation."""
    return tx.execute(_PUT, {**columns(message), "version": meta.count(tx, _VERSION)}) == 1


def remember(tx: Transaction, message: Message) -> bool:
    """Stores a message as one that was delivered, by whoever had the store before; as `put` otherwise."""
    stored = put(tx, message)
    if stored:
        tx.execute(
            "UPDATE outbox SET next_at = NULL WHERE uid = :uid AND kind = :kind",
            {"uid": message.uid, "kind": message.kind},
        )
    return stored


def latest(reader: Reader, uid: str, kind: Kind) -> Message | None:
    """Returns the last message of a kind about an intent, delivered or not; None if there never was one."""
    row = reader.row("SELECT * FROM outbox WHERE uid = :uid AND kind = :kind", {"uid": uid, "kind": kind})
    return None if row is None else _waiting(row).message


def due(reader: Reader, now: float, limit: int, kinds: Collection[Kind] = tuple(Kind)) -> list[Waiting]:
    """Returns what is to be delivered next of some kinds, the longest due first.

    Of one intent, annotations are not due before its status is delivered, and Events not before both.
    """
    parameters: Parameters = {"now": now, "limit": limit, "kinds": json.dumps(sorted(kinds))}
    return [_waiting(row) for row in reader.rows(_DUE, parameters)]


def next_due(reader: Reader) -> float | None:
    """Returns the time that the next message is due; None if none waits."""
    row = reader.row(_NEXT_DUE)
    return None if row is None else row["next_at"]


def delivered(tx: Transaction, waiting: Waiting) -> bool:
    """Notes that the API has taken a message; False if another has taken its place, and waits."""
    message = waiting.message
    values: Parameters = {"uid": message.uid, "kind": message.kind, "version": waiting.version}
    return tx.execute(_DELIVERED, values) == 1


def failed(tx: Transaction, waiting: Waiting, next_at: float) -> bool:
    """Puts a delivery off, and with it what else waits for that intent; False if another took its place."""
    message = waiting.message
    key: Parameters = {"uid": message.uid, "kind": message.kind, "next_at": next_at}
    tx.execute(_POSTPONE, key)
    return tx.execute(_FAILED, {**key, "version": waiting.version}) == 1


def clamp_timers(tx: Transaction, latest: float) -> int:
    """Makes nothing due later than a time, in seconds since 1970, and returns how many were."""
    return tx.execute(_CLAMP, {"latest": latest})


def forget(tx: Transaction, uid: str) -> int:
    """Drops every message about an intent that is gone, and returns how many rows that were."""
    return tx.execute("DELETE FROM outbox WHERE uid = :uid", {"uid": uid})


def count(reader: Reader) -> int:
    """Returns how many messages wait."""
    row = reader.row("SELECT count(*) AS waiting FROM outbox INDEXED BY outbox_due WHERE next_at IS NOT NULL")
    return 0 if row is None else int(row["waiting"])


def _waiting(row: sqlite3.Row) -> Waiting:
    values = dict(row)
    state = {name: values.pop(name) for name in ("version", "attempts", "next_at")}
    values["kind"] = Kind(values["kind"])
    return Waiting(message=Message(**values), **state)
