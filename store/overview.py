"""The intents as they stand now: the newest generation of each, by what was last reported of it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from store.connection import Parameters, Reader
from store.work.record import State, Work, from_row

RESTARTABLE = (State.SEEN, State.READ, State.RETRY, State.TERMINAL)
"""Where `work.restart` may be taken from."""

# A step under way has no reason; what was reported of an older generation says nothing of this one.
_PAGE = """
SELECT work.* FROM work INDEXED BY work_current
LEFT JOIN outbox ON outbox.uid = work.uid AND outbox.kind = 'status'
WHERE work.superseded = 0 AND (work.namespace, work.name) > (:after_namespace, :after_name)
    AND (:namespace IS NULL OR work.namespace = :namespace)
    AND (:reasons IS NULL OR CASE
        WHEN work.reason = '' THEN ''
        WHEN outbox.generation = work.generation THEN json_extract(outbox.body, '$.conditions[0].reason')
        ELSE work.reason
    END IN (SELECT value FROM json_each(:reasons)))
ORDER BY work.namespace, work.name LIMIT :limit
"""
_RESTARTABLE_WORK = """
FROM work INDEXED BY work_current
WHERE superseded = 0 AND reason = :reason AND updated_at >= :since
    AND reason <> 'Superseded' AND state IN (SELECT value FROM json_each(:states))
    AND (:namespace IS NULL OR namespace = :namespace)
"""


@dataclass(frozen=True, slots=True)
class Restartable:
    """Which intents are to be started afresh.

    Attributes:
        reason: what they wait or ended for.
        namespace: theirs; None for any.
        since: the time from which on they do, in seconds since 1970.
    """

    reason: str
    namespace: str | None = None
    since: float = 0.0

    def parameters(self) -> dict[str, str | float | None]:
        """Returns the values of its statements."""
        states = json.dumps(RESTARTABLE)
        return {"reason": self.reason, "namespace": self.namespace, "since": self.since, "states": states}


def page(
    reader: Reader,
    limit: int,
    *,
    after: tuple[str, str] = ("", ""),
    namespace: str | None = None,
    reasons: Collection[str] | None = None,
) -> list[Work]:
    """Lists the newest generations of intents by namespace and name.

    Args:
        reader: what to read from.
        limit: how many at most.
        after: the namespace and name of the last one of the page before.
        namespace: theirs; None for any.
        reasons: those that were reported, empty for a step under way; None for any.
    """
    parameters: Parameters = {
        "after_namespace": after[0],
        "after_name": after[1],
        "namespace": namespace,
        "reasons": None if reasons is None else json.dumps(sorted(reasons)),
        "limit": limit,
    }
    return [from_row(row) for row in reader.rows(_PAGE, parameters)]


def restartable(reader: Reader, which: Restartable, limit: int) -> list[Work]:
    """Lists what `work.restart` can be asked for, what has waited longest first."""
    sql = f"SELECT * {_RESTARTABLE_WORK} ORDER BY updated_at, id LIMIT :limit"
    return [from_row(row) for row in reader.rows(sql, {**which.parameters(), "limit": limit})]


def count_restartable(reader: Reader, which: Restartable) -> int:
    """Returns how many `restartable` would list without a limit."""
    row = reader.row(f"SELECT count(*) AS found {_RESTARTABLE_WORK}", which.parameters())
    return 0 if row is None else int(row["found"])
