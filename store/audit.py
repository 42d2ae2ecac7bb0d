"""The audit log: append-only, each record bound to the one before it by a hash.

With a key the hash is an HMAC, and nobody without the key can make a changed log look whole. What was cut off
the end can only be told by a head that was published elsewhere, as `verify` takes it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, fields

from store.connection import Reader, Transaction

GENESIS = "0" * 64
"""What the first record cites as the one before it."""
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
    """

    count: int
    head: str | None
    first_broken: int | None
    why: str


_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_APPEND = """
INSERT INTO audit (seq, at, kind, namespace, name, uid, generation, trace_id, body, previous, hash)
VALUES (:seq, :at, :kind, :namespace, :name, :uid, :generation, :trace_id, :body, :previous, :hash)
"""
_TAIL = "SELECT * FROM audit ORDER BY seq DESC LIMIT :limit"
_OF_INTENT = """
SELECT * FROM audit WHERE namespace = :namespace AND name = :name ORDER BY seq DESC LIMIT :limit
"""
_AFTER = "SELECT * FROM audit WHERE seq > :seq ORDER BY seq LIMIT :limit"


def append(tx: Transaction, entry: Entry) -> Record:
    """Adds a record to the end of the log."""
    head = tx.row(_HEAD)
    seq, previous = (1, GENESIS) if head is None else (head["seq"] + 1, head["hash"])
    record = Record(seq, entry, previous, _hash(seq, entry, previous, tx.audit_key))
    tx.execute(_APPEND, {**asdict(entry), "seq": seq, "previous": previous, "hash": record.hash})
    return record


def tail(reader: Reader, limit: int) -> list[Record]:
    """Lists the last records, newest first."""
    return _read(reader, _TAIL, {"limit": limit})


def of_intent(reader: Reader, namespace: str, name: str, *, limit: int) -> list[Record]:
    """Lists the last records about an intent, newest first."""
    return _read(reader, _OF_INTENT, {"namespace": namespace, "name": name, "limit": limit})


def verify(reader: Reader, key: bytes | None, *, published_head: str | None = None) -> Verification:
    """Checks the whole log.

    Args:
        reader: what to read from.
        key: the key that the log was written with.
        published_head: a hash that this log is known to have had as its head; GENESIS asks for nothing.
    """
    count, head, owed = 0, GENESIS, published_head not in (None, GENESIS)
    while records := _read(reader, _AFTER, {"seq": count, "limit": _BATCH}):
        for record in records:
            if why := _fault(record, count + 1, head, key):
                return Verification(count, head if count else None, record.seq, why)
            count, head = record.seq, record.hash
            owed = owed and head != published_head
    if owed:
        why = "the published head is not in the log: records were cut off its end, or it is another log"
        return Verification(count, head if count else None, count + 1, why)
    return Verification(count, head if count else None, None, "")


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
    content = {**asdict(entry), "at": float(entry.at), "seq": seq, "previous": previous}
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
