"""The intents as last seen."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from store.connection import Parameters, Reader, Transaction, columns


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent as last seen.

    Attributes:
        namespace, name, uid, generation: of its metadata.
        spec_hash: the hash of what counts in its spec.
        body: the object, JSON.
        origin: the file, or the resource version, that it was read from.
        updated_at: when it was last seen to change, in seconds since 1970.
        deleted_at: when it was seen to be gone; None while it is there.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    spec_hash: str
    body: str
    origin: str
    updated_at: float
    deleted_at: float | None = None


_PUT = """
INSERT INTO intents (namespace, name, uid, generation, spec_hash, body, origin, updated_at, deleted_at)
VALUES (:namespace, :name, :uid, :generation, :spec_hash, :body, :origin, :updated_at, :deleted_at)
ON CONFLICT (namespace, name) DO UPDATE SET
    uid = excluded.uid, generation = excluded.generation, spec_hash = excluded.spec_hash,
    body = excluded.body, origin = excluded.origin,
    updated_at = excluded.updated_at, deleted_at = excluded.deleted_at
"""
_MARK_DELETED = """
UPDATE intents SET deleted_at = :at
WHERE namespace = :namespace AND name = :name AND uid = :uid AND deleted_at IS NULL
"""
_LIST = """
SELECT * FROM intents
WHERE (namespace, name) > (:namespace, :name) AND (deleted_at IS NULL OR :deleted)
ORDER BY namespace, name LIMIT :limit
"""


def get(reader: Reader, namespace: str, name: str) -> Intent | None:
    """Returns an intent, deleted or not; None if it was never seen."""
    row = reader.row(
        "SELECT * FROM intents WHERE namespace = :namespace AND name = :name",
        {"namespace": namespace, "name": name},
    )
    return None if row is None else _intent(row)


def put(tx: Transaction, intent: Intent) -> None:
    """Stores an intent in place of what was known by its namespace and name."""
    tx.execute(_PUT, columns(intent))


def mark_deleted(tx: Transaction, namespace: str, name: str, uid: str, *, at: float) -> bool:
    """Notes that an intent is gone; False if that was known, or if another uid has taken its name."""
    return tx.execute(_MARK_DELETED, {"namespace": namespace, "name": name, "uid": uid, "at": at}) == 1


def page(
    reader: Reader, limit: int, *, after: tuple[str, str] = ("", ""), deleted: bool = False
) -> list[Intent]:
    """Lists intents by namespace and name.

    Args:
        reader: what to read from.
        limit: how many at most.
        after: the namespace and name of the last one of the page before.
        deleted: whether those that are gone are wanted too.
    """
    namespace, name = after
    parameters: Parameters = {"namespace": namespace, "name": name, "limit": limit, "deleted": deleted}
    return [_intent(row) for row in reader.rows(_LIST, parameters)]


def _intent(row: sqlite3.Row) -> Intent:
    return Intent(**row)
