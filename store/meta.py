"""What there is one of: values by name, and counters that only go up."""

from __future__ import annotations

from store.connection import Reader, Transaction

_COUNT = """
INSERT INTO meta (name, value) VALUES (:name, :by)
ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + :by
RETURNING value
"""


def get(reader: Reader, name: str) -> str | None:
    """Returns the value of a name, None if it has none."""
    row = reader.row("SELECT value FROM meta WHERE name = :name", {"name": name})
    return None if row is None else str(row["value"])


def put(tx: Transaction, name: str, value: str) -> None:
    """Sets the value of a name."""
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"name": name, "value": value},
    )


def setdefault(tx: Transaction, name: str, value: str) -> str:
    """Returns the value of a name, after setting it to `value` if it had none."""
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        {"name": name, "value": value},
    )
    return get(tx, name) or value


def count(tx: Transaction, name: str, by: int = 1) -> int:
    """Takes `by` numbers of a counter and returns the last of them; the first number ever is 1."""
    (row,) = tx.rows(_COUNT, {"name": name, "by": by})
    return int(row["value"])
