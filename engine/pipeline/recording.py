"""What came of a claim, committed as one: the step, the revisions, the audit record and the status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine import krm, report
from engine.executors.base import Done, ExecuteOutcome, Retry, Revision, Terminal, Unknown
from engine.identity import canonical_json
from engine.metrics import Metrics
from engine.pipeline import ownership
from engine.pipeline.retrying import jittered, retries
from engine.reasons import Reason
from engine.settings import ExecutionSettings
from engine.status import Report
from store import Transaction, audit, packages, work
from store.work import Work

log = logging.getLogger(__name__)

READ_BACK_SECONDS = 5.0
"""The delay before something unknown is read back, doubled with each failure up to five minutes."""


class Recorder:
    """Commits outcomes."""

    def __init__(self, settings: ExecutionSettings, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock

    def record(self, tx: Transaction, item: Work, body: Mapping[str, Any], outcome: ExecuteOutcome) -> None:
        """Commits what came of a generation that was claimed; `body` is of its decision."""
        now = self._clock()
        match outcome:
            case Done(revisions):
                reason, message = _done(revisions)
                lost = ownership.other_owners(tx, item, krm.Plan.from_json(body["plan"]))
                if lost:
                    reason = Reason.SUPERSEDED
                    taken = ", ".join(f"{field} by {other}" for field, other in lost.items())
                    message = f"{message}; decided anew since: {taken}"
                after = work.confirm(tx, item, reason=reason.value, message=message, now=now)
                for revision in revisions:
                    packages.put(tx, report.stored_revision(revision, item, now))
                status = report.from_outcome(after, body, reason, message, now, revisions=revisions)
            case Terminal(reason_text, message):
                reason = Reason(reason_text)
                after = work.terminal(tx, item, reason=reason.value, message=message, now=now)
                status = report.from_outcome(after, body, reason, message, now)
            case Unknown(message):
                reason = Reason.READ_BACK
                next_at = now + READ_BACK_SECONDS
                after = work.unknown(tx, item, reason=reason.value, message=message, next_at=next_at, now=now)
                status = report.from_outcome(after, body, reason, message, now, next_retry=next_at)
            case Retry():
                after, status = self._retry(tx, item, body, outcome, now)
        about = (item.namespace, item.name, item.uid, item.generation)
        said = {
            "outcome": type(outcome).__name__,
            "effectKey": item.effect_key,
            "message": after.message,
            "revisions": [report.package(revision) for revision in getattr(outcome, "revisions", ())],
        }
        audit.append(tx, audit.Entry(now, "Executed", *about, item.trace_id or "", canonical_json(said)))
        if not after.superseded:
            report.put_status(tx, after, status)
        log.info(
            "%s/%s: %s",
            item.namespace,
            item.name,
            after.message,
            extra={"generation": item.generation, "reason": after.reason, "traceID": item.trace_id},
        )

    def _retry(
        self, tx: Transaction, item: Work, body: Mapping[str, Any], outcome: Retry, now: float
    ) -> tuple[Work, Report]:
        schedule, limit = retries(body, self._settings)
        if outcome.counts and item.attempts >= limit:
            message = f"given up after {item.attempts + 1} tries: {outcome.message}"
            reason = Reason.RETRIES_EXHAUSTED
            after = work.terminal(tx, item, reason=reason.value, message=message, now=now)
            return after, report.from_outcome(after, body, reason, message, now)
        delay = (
            outcome.after
            if outcome.after is not None
            else jittered(schedule[min(item.attempts, len(schedule) - 1)], item)
        )
        reason, next_at = Reason(outcome.reason), now + delay
        self._metrics.retries.labels(item.executor or "", reason.value).inc()
        after = work.retry(
            tx,
            item,
            reason=reason.value,
            message=outcome.message,
            next_at=next_at,
            counted=outcome.counts,
            now=now,
        )
        return after, report.from_outcome(after, body, reason, outcome.message, now, next_retry=next_at)


def _done(revisions: Sequence[Revision]) -> tuple[Reason, str]:
    written = [revision for revision in revisions if revision.changed]
    if not written:
        return Reason.COMPLETED, "all is as wished already; nothing was written"
    names = ", ".join(map(named, written))
    if any(item.lifecycle == "Draft" for item in written):
        return Reason.AWAITING_APPROVAL, f"drafted {names}; somebody has to propose and approve it"
    if any(item.lifecycle != "Published" for item in written):
        return Reason.AWAITING_APPROVAL, f"proposed {names}; it waits for approval"
    return Reason.COMPLETED, f"published {names}"


def named(revision: Revision) -> str:
    """Returns how people know a revision: by its number, before it has one by the backend's name of it."""
    if not revision.revision:
        return revision.resource_name
    return f"{revision.repository}/{revision.package} v{revision.revision}"
