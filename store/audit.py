"""The audit log: append-only, each record bound to the one before it by a hash.

With a key the hash is an HMAC, and nobody without the key can make a changed log look whole. What was cut off
the end can only be told by a head that was published elsewhere, as `verify` takes it.

What is old may be pruned: a record of kind Pruned, chained like all, cites the last one that goes. From there
on the chain is as sound as before, and nothing else takes records away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, fields

from store.connection import Reader, Transaction, columns

GENESIS = "0" * 64
"""What the first record cites as the one before it."""
PRUNED = "Pruned"
"""The kind of the record that says up to where the log was pruned."""
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded.

    Attributes:
        at: when it happened, in seconds since 1970.
        kind: what happened.
        namespace, name, uid, generation: the intent concerned; empty and 0 where there is none.
        trace_id: the trace that it belongs to; empty if none.
        body: the details, JSON.
    """

    at: float
    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    trace_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as it stands in the log.

    Attributes:
        seq: its number, counted from 1 without gaps.
        entry: what was recorded.
        previous: the hash of the record before it.
        hash: of all of this.
    """

    seq: int
    entry: Entry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the log found.

    Attributes:
        count: how many records are sound, from the first on.
        head: the hash of the last sound one; None if there is none.
        first_broken: the number of the first record that is not sound; None if the log is whole.
        why: what is wrong with it; empty if the log is whole.
        pruned: how many records before them are no longer kept.
    """

    count: int
    head: str | None
    first_broken: int | None
    why: str
    pruned: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to where the log was pruned.

    Attributes:
        through: the number of the last record that is no longer kept.
        head: its hash, which the one after it cites.
        at: when it was written, in seconds since 1970.
    """

    through: int
    head: str
    at: float


_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_APPEND = """
INSERT INTO audit (seq, at, kind, namespace, name, uid, generation, trace_id, body, previous, hash)
VALUES (:seq, :at, :kind, :namespace, :name, :uid, :generation, :trace_id, :body, :previous, :hash)
"""
_TAIL = "SELECT * FROM audit ORDER BY seq DESC LIMIT :limit"
_OF_INTENT = """
SELECT * FROM audit WHERE namespace = :namespace AND name = :name ORDER BY seq DESC LIMIT :limit
"""
_CHECKPOINT = """
SELECT body, at FROM audit INDEXED BY audit_pruned WHERE kind = 'Pruned' ORDER BY seq DESC LIMIT 1
"""
_PRUNE = """
DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq <= :through ORDER BY seq LIMIT :limit)
"""
_AFTER = "SELECT * FROM audit WHERE seq > :seq ORDER BY seq LIMIT :limit"


def append(tx: Transaction, entry: Entry) -> Record:
    """Adds a record to the end of the log."""
    head = tx.row(_HEAD)
    seq, previous = (1, GENESIS) if head is None else (head["seq"] + 1, head["hash"])
    record = Record(seq, entry, previous, _hash(seq, entry, previous, tx.audit_key))
    tx.execute(_APPEND, {**columns(entry), "seq": seq, "previous": previous, "hash": record.hash})
    return record


def tail(reader: Reader, limit: int) -> list[Record]:
    """Lists the last records, newest first."""
    return _read(reader, _TAIL, {"limit": limit})


def of_intent(reader: Reader, namespace: str, name: str, *, limit: int) -> list[Record]:
    """Lists the last records about an intent, newest first."""
    return _read(reader, _OF_INTENT, {"namespace": namespace, "name": name, "limit": limit})


def verify(reader: Reader, key: bytes | None, *, published_head: str | None = None) -> Verification:
    """Checks the whole log, from where it was pruned last.

    Args:
        reader: what to read from.
        key: the key that the log was written with.
        published_head: a hash that this log is known to have had as its head; GENESIS asks for nothing.
    """
    pruned = checkpoint(reader)
    start, head = (pruned.through, pruned.head) if pruned is not None else (0, GENESIS)
    seq, owed = start, published_head not in (None, GENESIS, head)

    def found(first_broken: int | None, why: str) -> Verification:
        return Verification(seq - start, None if head == GENESIS else head, first_broken, why, start)

    while records := _read(reader, _AFTER, {"seq": seq, "limit": _BATCH}):
        for record in records:
            if why := _fault(record, seq + 1, head, key):
                return found(record.seq, why)
            seq, head = record.seq, record.hash
            owed = owed and head != published_head
    if owed:
        why = "the published head is not in the log: records were cut off its end, or it is another log"
        if start:
            why += f", or it is one of the {start} records that were pruned"
        return found(seq + 1, why)
    return found(None, "")


def checkpoint(reader: Reader) -> Checkpoint | None:
    """Returns up to where the log was pruned; None where all of it is kept."""
    row = reader.row(_CHECKPOINT)
    if row is None:
        return None
    body = json.loads(row["body"])
    return Checkpoint(int(body["through"]), str(body["head"]), float(row["at"]))


def prunable(reader: Reader, before: float, most: int) -> int:
    """Returns the number of the last record that may go, 0 where none may; the newest one always stays.

    Args:
        reader: what to read from.
        before: records before this time may go.
        most: beyond so many records, the oldest may go too.
    """
    first, last = reader.row("SELECT min(seq) AS seq FROM audit"), reader.row(_HEAD)
    if first is None or last is None:
        return 0
    low, high = int(first["seq"]) - 1, int(last["seq"]) - 1
    beyond = max(low, high + 1 - most)
    while low < high:  # by halves: the log is in the order of time, and has no index by it
        middle = (low + high + 1) // 2
        row = reader.row("SELECT at FROM audit WHERE seq = :seq", {"seq": middle})
        low, high = (middle, high) if row is not None and row["at"] < before else (low, middle - 1)
    return max(low, beyond)


def mark_pruned(tx: Transaction, through: int, now: float) -> Record | None:
    """Records that the log is pruned up to a record, for `prune` to do it; None where that is not there."""
    row = tx.row("SELECT hash FROM audit WHERE seq = :seq", {"seq": through})
    if row is None:
        return None
    body = json.dumps({"head": row["hash"], "through": through}, sort_keys=True, separators=(",", ":"))
    return append(tx, Entry(now, PRUNED, "", "", "", 0, "", body))


def prune(tx: Transaction, limit: int) -> int:
    """Drops records up to where the log is marked as pruned, and returns how many; call until 0."""
    pruned = checkpoint(tx)
    return 0 if pruned is None else tx.execute(_PRUNE, {"through": pruned.through, "limit": limit})


def _fault(record: Record, seq: int, previous: str, key: bytes | None) -> str:
    if record.seq != seq:
        return f"record {seq} is missing"
    if record.previous != previous:
        return "it does not cite the record before it: one of the two was changed"
    if hmac.compare_digest(record.hash, _hash(seq, record.entry, previous, key)):
        return ""
    if key is not None and record.hash == _hash(seq, record.entry, previous, None):
        return "it was written without the key"
    return "its content does not fit its hash: it was changed, or the key is another"


def _hash(seq: int, entry: Entry, previous: str, key: bytes | None) -> str:
    content = {**columns(entry), "at": float(entry.at), "seq": seq, "previous": previous}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    if key is None:
        return hashlib.sha256(canonical).hexdigest()
    return hmac.new(key, canonical, hashlib.sha256).hexdigest()


def _read(reader: Reader, sql: str, parameters: dict[str, str | int]) -> list[Record]:
    names = [field.name for field in fields(Entry)]
    return [
        Record(row["seq"], Entry(**{name: row[name] for name in names}), row["previous"], row["hash"])
        for row in reader.rows(sql, parameters)
    ]
