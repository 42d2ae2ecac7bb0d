"""How long anything waits at most, so that a clock that was set back makes no wait longer than that."""

from __future__ import annotations

import rules
from engine.pipeline.executing import NO_EXECUTOR_SECONDS
from engine.pipeline.reporting import LONGEST_DELAY
from engine.reasons import Reason
from engine.settings import ExecutionSettings
from store import Transaction, outbox, work

_JITTER = 1.1
"""By how much a wait may be longer than its schedule says."""
OF_THE_DAY = (Reason.HELD.value,)
"""What waits for a time of day: a change window opens when the clock says so, however it was set."""


def longest_wait(settings: ExecutionSettings, book: rules.RuleBook) -> float:
    """Returns the longest wait, in seconds, that settings, rules or a backend give."""
    schedules = [rule.retry.schedule for rule in book.rules if rule.retry is not None]
    refills = [float(rule.bucket.refill) for rule in book.rules if rule.bucket is not None]
    waits = [NO_EXECUTOR_SECONDS, *settings.retry_seconds, *refills]
    return _JITTER * max(waits + [delay for schedule in schedules for delay in schedule])


def clamp_waits(tx: Transaction, now: float, longest: float) -> int:
    """Makes nothing wait for longer than anything may, and returns how much of it did.

    Args:
        tx: the transaction.
        now: the time by the clock as it is now, in seconds since 1970.
        longest: what `longest_wait` says.
    """
    cut = work.clamp_timers(tx, now=now, longest=longest, spared=OF_THE_DAY)
    return cut + outbox.clamp_timers(tx, now + LONGEST_DELAY)
