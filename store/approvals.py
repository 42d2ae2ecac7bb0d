"""Who approved what: one exact spec of one intent, and nothing that comes after it."""

from __future__ import annotations

from dataclasses import dataclass

from store.connection import Reader, Transaction, columns


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word that a spec may go on.

    Attributes:
        uid: the intent's.
        spec_hash: the hash of what counts in the spec that was approved.
        who: the person.
        at: when, in seconds since 1970.
    """

    uid: str
    spec_hash: str
    who: str
    at: float


_PUT = """
INSERT INTO approvals (uid, spec_hash, who, at) VALUES (:uid, :spec_hash, :who, :at)
ON CONFLICT (uid, spec_hash) DO NOTHING
"""
_OF = "SELECT uid, spec_hash, who, at FROM approvals WHERE uid = :uid AND spec_hash = :spec_hash"


def put(tx: Transaction, approval: Approval) -> bool:
    """Stores an approval; False if that spec was approved before, whose approval stays as it is."""
    return tx.execute(_PUT, columns(approval)) == 1


def of(reader: Reader, uid: str, spec_hash: str) -> Approval | None:
    """Returns the approval of a spec; None if nobody has approved it."""
    row = reader.row(_OF, {"uid": uid, "spec_hash": spec_hash})
    return None if row is None else Approval(**row)


def forget(tx: Transaction, uid: str) -> int:
    """Drops what was approved of an intent that is gone, so that it is not approved when made again.

    Returns:
        How many approvals that were.
    """
    return tx.execute("DELETE FROM approvals WHERE uid = :uid", {"uid": uid})
