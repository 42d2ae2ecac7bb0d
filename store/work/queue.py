"""The two queues: what is to be decided, and what is to be carried out.

Taking the next costs the same however much is stored: finished and waiting work is in neither index.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from store import meta
from store.connection import Parameters, Reader, Transaction
from store.work.record import AGEING, Package, Work, from_row
from store.work.transitions import packages, put_back

_FENCE = "fence"
"""The counter that the fencing tokens come from."""

_TO_DECIDE = """
SELECT * FROM work INDEXED BY work_to_decide
WHERE rank IS NOT NULL AND state IN ('seen', 'read')
    AND namespace NOT IN (SELECT value FROM json_each(:namespaces))
ORDER BY rank LIMIT :limit
"""
_TO_EXECUTE = """
SELECT * FROM work INDEXED BY work_to_execute
WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown')
    AND executor NOT IN (SELECT value FROM json_each(:executors))
    AND namespace NOT IN (SELECT value FROM json_each(:namespaces))
    AND NOT EXISTS (
        SELECT 1 FROM work_packages AS mine JOIN work_packages AS other USING (repository, package)
        WHERE mine.work_id = work.id AND other.work_id <> work.id AND other.held = 1
    )
ORDER BY rank LIMIT :limit
"""
_UNTOLD = """
SELECT * FROM work INDEXED BY work_to_execute
WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown') AND executor = :executor
    AND state = 'decided' AND reason = '' AND superseded = 0
ORDER BY rank LIMIT :limit
"""
_DEPTHS = """
SELECT
    (SELECT count(*) FROM work INDEXED BY work_to_decide
        WHERE rank IS NOT NULL AND state IN ('seen', 'read')) AS decide,
    (SELECT count(*) FROM work INDEXED BY work_to_execute
        WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown')) AS execute,
    (SELECT count(*) FROM work INDEXED BY work_running WHERE state IN ('claimed', 'sent')) AS running,
    (SELECT count(*) FROM work INDEXED BY work_timers
        WHERE rank IS NULL AND next_at IS NOT NULL) AS waiting
"""
_UNFINISHED = """
SELECT effect_key FROM work INDEXED BY work_to_execute
WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown')
UNION ALL
SELECT effect_key FROM work INDEXED BY work_running WHERE state IN ('claimed', 'sent')
UNION ALL
SELECT effect_key FROM work INDEXED BY work_timers
WHERE rank IS NULL AND next_at IS NOT NULL AND effect_key IS NOT NULL
"""
_ANY_TO_DECIDE = """
SELECT 1 FROM work INDEXED BY work_to_decide WHERE rank IS NOT NULL AND state IN ('seen', 'read') LIMIT 1
"""
_ANY_TO_EXECUTE = """
SELECT 1 FROM work INDEXED BY work_to_execute
WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown') LIMIT 1
"""
_CLAIM = """
UPDATE work SET
    state = 'claimed', token = :token, rank = NULL, next_at = NULL, reason = '', message = '',
    updated_at = :now, status_reported = 0
WHERE id = :id AND state = :state AND token = :before
RETURNING *
"""
_WAKE = """
UPDATE work SET rank = next_at - priority * :ageing, next_at = NULL
WHERE id IN (
    SELECT id FROM work INDEXED BY work_timers
    WHERE rank IS NULL AND next_at IS NOT NULL AND next_at <= :now ORDER BY next_at LIMIT :limit
)
"""
_NEXT_DUE = """
SELECT min(next_at) AS next_at FROM work INDEXED BY work_timers WHERE rank IS NULL AND next_at IS NOT NULL
"""
_CLAMP_TIMERS = """
UPDATE work INDEXED BY work_timers SET next_at = :latest
WHERE rank IS NULL AND next_at IS NOT NULL AND next_at > :latest
    AND reason NOT IN (SELECT value FROM json_each(:spared))
"""
_CLAMP_TO_DECIDE = """
UPDATE work INDEXED BY work_to_decide SET rank = :now - priority * :ageing
WHERE rank IS NOT NULL AND state IN ('seen', 'read') AND rank > :now - priority * :ageing
"""
_CLAMP_TO_EXECUTE = """
UPDATE work INDEXED BY work_to_execute SET rank = :now - priority * :ageing
WHERE rank IS NOT NULL AND state IN ('decided', 'retry', 'unknown') AND rank > :now - priority * :ageing
"""
_RUNNING = "SELECT * FROM work INDEXED BY work_running WHERE state IN ('claimed', 'sent') ORDER BY id"
# Two ranges around the digest: what was looked at with it already is not even passed over.
_REOPEN = """
UPDATE work SET
    state = 'seen', rank = :now - priority * :ageing, next_at = NULL, attempts = 0, reason = '', message = '',
    updated_at = :now, status_reported = 0
WHERE id IN (
    SELECT id FROM (
        SELECT id FROM work INDEXED BY work_undecided
        WHERE rank IS NULL AND superseded = 0 AND effect_key IS NULL AND state IN ('seen', 'read', 'terminal')
            AND reason = :reason AND basis < :basis
        UNION ALL
        SELECT id FROM work INDEXED BY work_undecided
        WHERE rank IS NULL AND superseded = 0 AND effect_key IS NULL AND state IN ('seen', 'read', 'terminal')
            AND reason = :reason AND basis > :basis
    ) LIMIT :limit
)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Work that a worker has, by the token of `work`.

    Attributes:
        work: the generation, claimed.
        packages: what it writes; held until its effect is known.
    """

    work: Work
    packages: tuple[Package, ...]


def to_decide(reader: Reader, limit: int, *, skip_namespaces: Collection[str] = ()) -> list[Work]:
    """Returns what is to be read and decided next, in order."""
    parameters: Parameters = {"limit": limit, "namespaces": json.dumps(sorted(skip_namespaces))}
    return [from_row(row) for row in reader.rows(_TO_DECIDE, parameters)]


def claim(
    tx: Transaction,
    now: float,
    limit: int,
    *,
    skip_executors: Collection[str] = (),
    skip_namespaces: Collection[str] = (),
) -> list[Claim]:
    """Takes what is to be carried out next, in order, each with a fencing token that was never used before.

    Work on one package is serialised: what would write a package is passed over while something else that
    writes it is claimed, sent or unknown.

    Args:
        tx: the transaction.
        now: the time.
        limit: how many at most.
        skip_executors: those that are paused or whose circuit is open.
        skip_namespaces: those that are paused.
    """
    skipped = {
        "executors": json.dumps(sorted(skip_executors)),
        "namespaces": json.dumps(sorted(skip_namespaces)),
    }
    claims: list[Claim] = []
    while claimed := _claim_batch(tx, now, {**skipped, "limit": limit - len(claims)}):
        claims += claimed
    return claims


def _claim_batch(tx: Transaction, now: float, parameters: Parameters) -> list[Claim]:
    """Claims the next, without those that write a package of one before them in the batch."""
    claims: list[Claim] = []
    taken: set[Package] = set()
    for work in map(from_row, tx.rows(_TO_EXECUTE, parameters)):
        writes = packages(tx, work.id)
        if taken.isdisjoint(writes):
            taken.update(writes)
            claims.append(Claim(_claim(tx, work, now), writes))
    return claims


def _claim(tx: Transaction, work: Work, now: float) -> Work:
    token = meta.count(tx, _FENCE)
    (row,) = tx.rows(
        _CLAIM, {"id": work.id, "state": work.state, "before": work.token, "token": token, "now": now}
    )
    tx.execute("UPDATE work_packages SET held = 1 WHERE work_id = :id", {"id": work.id})
    return from_row(row)


def untold(reader: Reader, executor: str, limit: int) -> list[Work]:
    """Returns what is decided for an executor, waits to be taken up, and has no `note` that says why."""
    return [from_row(row) for row in reader.rows(_UNTOLD, {"executor": executor, "limit": limit})]


def held(reader: Reader, package: Package) -> bool:
    """Tells whether something that writes a package is claimed, sent or unknown."""
    sql = "SELECT 1 FROM work_packages WHERE repository = :repository AND package = :name AND held = 1"
    return reader.row(sql, {"repository": package.repository, "name": package.name}) is not None


def unfinished(reader: Reader) -> list[str]:
    """Lists the effect keys of what is decided and has not ended."""
    return [row["effect_key"] for row in reader.rows(_UNFINISHED)]


def depths(reader: Reader) -> dict[str, int]:
    """Counts what is ready to be decided, ready to be executed, running, and waiting for a time."""
    (row,) = reader.rows(_DEPTHS)
    return dict(row)


def ready(reader: Reader) -> bool:
    """Tells whether anything could be decided or carried out now, paused or not."""
    return any(reader.row(sql) is not None for sql in (_ANY_TO_DECIDE, _ANY_TO_EXECUTE))


def wake_due(tx: Transaction, now: float, limit: int = 1000) -> int:
    """Makes ready what has waited long enough, the longest due first, and returns how many; call until 0."""
    return tx.execute(_WAKE, {"now": now, "limit": limit, "ageing": AGEING})


def next_due(reader: Reader) -> float | None:
    """Returns the time of the earliest timer; None if nothing waits for a time."""
    row = reader.row(_NEXT_DUE)
    return None if row is None else row["next_at"]


def clamp_timers(tx: Transaction, *, now: float, longest: float, spared: Collection[str] = ()) -> int:
    """Cuts waits short that a clock set back has made longer than any schedule has them.

    Args:
        tx: the transaction.
        now: the time by the clock as it is now.
        longest: the longest wait, in seconds, that any schedule gives.
        spared: reasons of waits for a time of day, which holds however the clock was set.

    Returns:
        How many timers were cut.
    """
    for sql in (_CLAMP_TO_DECIDE, _CLAMP_TO_EXECUTE):
        tx.execute(sql, {"now": now, "ageing": AGEING})
    values: Parameters = {"latest": now + longest, "spared": json.dumps(sorted(spared))}
    return tx.execute(_CLAMP_TIMERS, values)


def recover(tx: Transaction, now: float, *, running: Collection[int] = ()) -> list[Work]:
    """Puts back what was left running: by the process before, or by a worker that could not record its end.

    Of what was claimed nothing was sent: it goes back to decided, unless it was to be read back. What was
    sent may have happened: it is unknown, and keeps its packages.

    Args:
        tx: the transaction.
        now: the time.
        running: the ids of what workers of this process still have; none at start.

    Returns:
        What was put back, as it is now.
    """
    left = [work for work in map(from_row, tx.rows(_RUNNING)) if work.id not in running]
    return [put_back(tx, work, now=now) for work in left]


def reopen(tx: Transaction, reasons: Collection[str], basis: str, *, now: float, limit: int) -> int:
    """Has undecided work looked at again that was refused or made to wait under other rules or facts.

    Args:
        tx: the transaction.
        reasons: those that other rules or facts can remove.
        basis: the digest of the rules and facts now; what was looked at with it is left alone.
        now: the time.
        limit: how many at most.

    Returns:
        How many are now seen again; call until 0.
    """
    reopened = 0
    for reason in sorted(reasons):
        room = limit - reopened
        values: Parameters = {"reason": reason, "basis": basis, "now": now, "ageing": AGEING, "limit": room}
        reopened += tx.execute(_REOPEN, values)
    return reopened
