"""What is no longer kept: ended generations, audit records, readings and buckets, oldest first, in batches.

The newest generation of an intent stays, and whatever is not over, or decides a field. Nothing here reads
more than what goes, so that a batch costs the same however much is stored. The file keeps its size; SQLite
uses the space again.
"""

from __future__ import annotations

from store import approvals, meta, outbox
from store.connection import Parameters, Reader, Transaction

_BEFORE = "pruned_before"

_ENDED = """
SELECT id, uid, namespace, name, updated_at FROM work INDEXED BY work_ended
WHERE superseded = 1 AND state IN ('confirmed', 'terminal') AND updated_at < :before
    AND NOT EXISTS (SELECT 1 FROM owners WHERE owners.uid = work.uid AND owners.work_id = work.id)
ORDER BY updated_at LIMIT :limit
"""
_OLDEST_KEPT = """
SELECT updated_at FROM work INDEXED BY work_ended
WHERE superseded = 1 AND state IN ('confirmed', 'terminal') ORDER BY updated_at DESC LIMIT 1 OFFSET :most
"""
_FORGET_REVISIONS = """
DELETE FROM packages WHERE work_id = :id AND EXISTS (
    SELECT 1 FROM packages AS newer
    WHERE newer.repository = packages.repository AND newer.package = packages.package
        AND newer.created_at > packages.created_at
)
"""
_FORGET_INTENT = """
DELETE FROM intents
WHERE namespace = :namespace AND name = :name AND uid = :uid AND deleted_at IS NOT NULL
"""
_OLDEST_READING = """
SELECT created_at FROM readings INDEXED BY readings_by_age ORDER BY created_at DESC LIMIT 1 OFFSET :most
"""
_PRUNE_READINGS = """
DELETE FROM readings WHERE (text_digest, grammar_digest) IN (
    SELECT text_digest, grammar_digest FROM readings INDEXED BY readings_by_age
    WHERE created_at < :before ORDER BY created_at LIMIT :limit
)
"""
_PRUNE_BUCKETS = """
DELETE FROM buckets WHERE key IN (SELECT key FROM buckets WHERE updated_at < :before LIMIT :limit)
"""


def before_of_generations(reader: Reader, before: float, most: int) -> float:
    """Returns the time before which ended generations go: `before`, or later where there are too many."""
    return _later(reader, _OLDEST_KEPT, "updated_at", before, most)


def prune_generations(tx: Transaction, before: float, limit: int) -> int:
    """Drops generations that ended before a time and were followed by others, with all that belongs to them.

    Of an intent that is gone, the last one takes along what was said of it.

    Returns:
        How many went; call until 0.
    """
    ended = tx.rows(_ENDED, {"before": before, "limit": limit})
    for row in ended:
        tx.execute(_FORGET_REVISIONS, {"id": row["id"]})
        tx.execute("DELETE FROM work WHERE id = :id", {"id": row["id"]})
        if tx.row("SELECT 1 FROM work WHERE uid = :uid LIMIT 1", {"uid": row["uid"]}) is None:
            outbox.forget(tx, row["uid"])
            approvals.forget(tx, row["uid"])
            tx.execute(_FORGET_INTENT, {key: row[key] for key in ("namespace", "name", "uid")})
    if ended:
        meta.put(tx, _BEFORE, str(max(pruned_before(tx) or 0.0, ended[-1]["updated_at"])))
    return len(ended)


def pruned_before(reader: Reader) -> float | None:
    """Returns when the newest generation ended that is no longer kept; None where all are."""
    found = meta.get(reader, _BEFORE)
    return None if found is None else float(found)


def before_of_readings(reader: Reader, before: float, most: int) -> float:
    """Returns the time before which readings go: `before`, or later where more than `most` are kept."""
    return _later(reader, _OLDEST_READING, "created_at", before, most)


def prune_readings(tx: Transaction, before: float, limit: int) -> int:
    """Drops readings made before a time, and returns how many; they are made again where needed."""
    return tx.execute(_PRUNE_READINGS, {"before": before, "limit": limit})


def prune_buckets(tx: Transaction, before: float, limit: int) -> int:
    """Drops buckets that were not used since a time, by when they are full again; returns how many."""
    return tx.execute(_PRUNE_BUCKETS, {"before": before, "limit": limit})


def _later(reader: Reader, sql: str, column: str, before: float, most: int) -> float:
    parameters: Parameters = {"most": most - 1}
    row = reader.row(sql, parameters)
    return before if row is None else max(before, float(row[column]))
