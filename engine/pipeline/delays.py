"""Statuses of what takes long, or waits for a backend that is down, so that nobody waits without a word."""

from __future__ import annotations

import json

from engine import report
from engine.pipeline import leaving
from engine.reasons import Reason
from engine.status import Report
from store import Transaction, decisions, work
from store.work import State, Work

BATCH = 100
"""How many are told in one transaction that their backend is down."""


def tell_waiting(tx: Transaction, executor: str, message: str, now: float) -> int:
    """Notes why it waits on one batch of what is decided for an executor, once on each.

    Returns:
        How many there were; call until 0.
    """
    waiting = work.untold(tx, executor, BATCH)
    for item in waiting:
        after = work.note(tx, item, reason=Reason.BACKEND_DOWN.value, message=message, now=now)
        decision = decisions.latest(tx, item.id)
        body = json.loads(decision.body) if decision is not None else {}
        if leaving.WITHDRAW not in body:  # of an intent that goes, a status could come too late
            status = report.from_outcome(after, body, Reason.BACKEND_DOWN, message, now)
            report.put_status(tx, after, status)
    return len(waiting)


def put_while_running(tx: Transaction, item: Work, status: Report) -> None:
    """Reports progress, unless it has ended, or was withdrawn, in the meantime."""
    found = work.get(tx, item.id)
    if found is not None and not found.superseded and found.state in (State.CLAIMED, State.SENT):
        report.put_status(tx, item, status)
