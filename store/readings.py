"""What texts were read as: a memo, which may be emptied at any time."""

from __future__ import annotations

from store.connection import Reader, Transaction

_GET = "SELECT body FROM readings WHERE text_digest = :text_digest AND grammar_digest = :grammar_digest"
_OF_TEXT = """
SELECT grammar_digest, body FROM readings WHERE text_digest = :text_digest ORDER BY created_at DESC
"""
_PUT = """
INSERT INTO readings (text_digest, grammar_digest, body, created_at)
VALUES (:text_digest, :grammar_digest, :body, :now)
ON CONFLICT (text_digest, grammar_digest) DO UPDATE SET body = excluded.body, created_at = excluded.created_at
"""
_FORGET = """
DELETE FROM readings WHERE (text_digest, grammar_digest) IN (
    SELECT text_digest, grammar_digest FROM readings WHERE grammar_digest <> :grammar_digest LIMIT :limit
)
"""


def get(reader: Reader, text_digest: str, grammar_digest: str) -> str | None:
    """Returns what a text was read as by a grammar, JSON; None if it has not been read by it."""
    row = reader.row(_GET, {"text_digest": text_digest, "grammar_digest": grammar_digest})
    return None if row is None else str(row["body"])


def of_text(reader: Reader, text_digest: str) -> list[tuple[str, str]]:
    """Lists what a text was read as, newest first: the digest of each grammar, and the reading, JSON."""
    rows = reader.rows(_OF_TEXT, {"text_digest": text_digest})
    return [(row["grammar_digest"], row["body"]) for row in rows]


def put(tx: Transaction, text_digest: str, grammar_digest: str, body: str, *, now: float) -> None:
    """Notes what a text was read as by a grammar."""
    tx.execute(_PUT, {"text_digest": text_digest, "grammar_digest": grammar_digest, "body": body, "now": now})


def forget_other_grammars(tx: Transaction, grammar_digest: str, *, limit: int) -> int:
    """Drops readings by any other grammar, and returns how many; call until 0."""
    return tx.execute(_FORGET, {"grammar_digest": grammar_digest, "limit": limit})
