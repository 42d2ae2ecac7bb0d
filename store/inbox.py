"""Events of the sources, durable before anything is done about them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from store.connection import Reader, Transaction, columns


class EventKind(StrEnum):
    """What an event says."""

    UPSERT = "upsert"  #: The intent is there, as `body` has it.
    DELETE = "delete"  #: The intent is gone.
    MALFORMED = "malformed"  #: Something is there that cannot be read; `body` says why.


@dataclass(frozen=True, slots=True)
class Event:
    """What a source saw of one intent.

    Attributes:
        source: the name of the source.
        kind: what it says.
        namespace, name, uid: the intent's; empty where a malformed manifest does not tell.
        origin: the file, or the resource version, that it was read from.
        body: JSON.
        received_at: when, in seconds since 1970.
    """

    source: str
    kind: EventKind
    namespace: str
    name: str
    uid: str
    origin: str
    body: str
    received_at: float


# REPLACE deletes the older event of the intent; AUTOINCREMENT gives a number that was never used before.
_PUT = """
INSERT OR REPLACE INTO inbox (source, kind, namespace, name, uid, origin, body, received_at)
VALUES (:source, :kind, :namespace, :name, :uid, :origin, :body, :received_at)
RETURNING seq
"""


_KNOWN = """
SELECT namespace, name, uid FROM intents
WHERE deleted_at IS NULL
    AND (namespace, name) NOT IN (SELECT namespace, name FROM inbox)
UNION
SELECT namespace, name, uid FROM inbox WHERE kind <> 'delete'
ORDER BY namespace, name
"""


def put(tx: Transaction, event: Event) -> int:
    """Stores an event in place of an older one of the same intent, and returns its number.

    A malformed manifest takes the place only of one from the same origin. Where an intent was deleted and
    made again in between, only the last of it is kept: its uid tells.
    """
    (row,) = tx.rows(_PUT, columns(event))
    return int(row["seq"])


def pending(reader: Reader, limit: int, after: int = 0) -> list[tuple[int, Event]]:
    """Returns the oldest events whose numbers are greater than `after`, each with its number."""
    sql = "SELECT * FROM inbox WHERE seq > :after ORDER BY seq LIMIT :limit"
    return [(row["seq"], _event(row)) for row in reader.rows(sql, {"limit": limit, "after": after})]


def get(reader: Reader, seq: int) -> Event | None:
    """Returns an event by its number; None where it has been dealt with, or another has its place."""
    row = reader.row("SELECT * FROM inbox WHERE seq = :seq", {"seq": seq})
    return None if row is None else _event(row)


def known(reader: Reader) -> list[tuple[str, str, str]]:
    """Lists every intent that is taken for there, dealt with or not: namespace, name, uid."""
    return [(row["namespace"], row["name"], row["uid"]) for row in reader.rows(_KNOWN)]


def done(tx: Transaction, seq: int) -> bool:
    """Removes an event that has been dealt with; False if a newer one has taken its place."""
    return tx.execute("DELETE FROM inbox WHERE seq = :seq", {"seq": seq}) == 1


def count(reader: Reader) -> int:
    """Returns how many events wait."""
    row = reader.row("SELECT count(*) AS waiting FROM inbox")
    return 0 if row is None else int(row["waiting"])


def _event(row: sqlite3.Row) -> Event:
    values = {key: row[key] for key in row.keys() if key != "seq"}  # noqa: SIM118 - a row yields its values
    return Event(**{**values, "kind": EventKind(values["kind"])})
