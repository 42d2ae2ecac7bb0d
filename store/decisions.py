"""What was decided of each generation, and by which rule: the last ones of each, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from store.connection import Reader, Transaction, columns


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        work_id: the generation that it is about.
        verdict, reason: what was decided, and the reason shown for it.
        rule: the rule that decided; empty if none did.
        rules_digest: of the rules in force.
        body: the decision whole, JSON.
        created_at: when, in seconds since 1970.
    """

    work_id: int
    verdict: str
    reason: str
    rule: str
    rules_digest: str
    body: str
    created_at: float


_APPEND = """
INSERT INTO decisions (work_id, verdict, reason, rule, rules_digest, body, created_at)
VALUES (:work_id, :verdict, :reason, :rule, :rules_digest, :body, :created_at)
"""
MOST = 50
"""How many decisions of one generation are kept: a refused one is decided anew with each change of facts."""
_FORGET = """
DELETE FROM decisions WHERE work_id = :work_id AND id <= (
    SELECT id FROM decisions WHERE work_id = :work_id ORDER BY id DESC LIMIT 1 OFFSET :most
)
"""
_OF_WORK = """
SELECT work_id, verdict, reason, rule, rules_digest, body, created_at FROM decisions
WHERE work_id = :work_id ORDER BY id DESC LIMIT :limit
"""
_OF_INTENT = """
SELECT work_id, verdict, decisions.reason, rule, rules_digest, body, decisions.created_at
FROM work JOIN decisions ON decisions.work_id = work.id
WHERE namespace = :namespace AND name = :name
ORDER BY work.id DESC, decisions.id DESC LIMIT :limit
"""


def append(tx: Transaction, decision: Decision) -> None:
    """Adds a decision, and drops the oldest one of its generation beyond the most that are kept."""
    tx.execute(_APPEND, columns(decision))
    tx.execute(_FORGET, {"work_id": decision.work_id, "most": MOST})


def latest(reader: Reader, work_id: int) -> Decision | None:
    """Returns the decision in force of a generation; None before the first."""
    return next(iter(of_work(reader, work_id, limit=1)), None)


def of_work(reader: Reader, work_id: int, *, limit: int) -> list[Decision]:
    """Lists the decisions of a generation, newest first."""
    return [Decision(**row) for row in reader.rows(_OF_WORK, {"work_id": work_id, "limit": limit})]


def of_intent(reader: Reader, namespace: str, name: str, *, limit: int) -> list[Decision]:
    """Lists the decisions of an intent, those of its newest generation first, each newest first."""
    rows = reader.rows(_OF_INTENT, {"namespace": namespace, "name": name, "limit": limit})
    return [Decision(**row) for row in rows]
