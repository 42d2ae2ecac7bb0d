"""Work: one row for each generation of an intent, its steps, and the queues that it waits in."""

from __future__ import annotations

from store.work.queue import Claim, claim, clamp_timers, next_due, ready, recover, reopen, to_decide, wake_due
from store.work.record import AGEING, Package, StaleTransition, State, Work
from store.work.transitions import (
    confirm,
    current,
    decide,
    finish,
    generations,
    get,
    mark_reported,
    packages,
    read,
    restart,
    retry,
    see,
    send,
    terminal,
    unknown,
    wait,
    withdraw,
)

__all__ = [
    "AGEING",
    "Claim",
    "Package",
    "StaleTransition",
    "State",
    "Work",
    "claim",
    "clamp_timers",
    "confirm",
    "current",
    "decide",
    "finish",
    "generations",
    "get",
    "mark_reported",
    "next_due",
    "packages",
    "read",
    "ready",
    "recover",
    "reopen",
    "restart",
    "retry",
    "see",
    "send",
    "terminal",
    "to_decide",
    "unknown",
    "wait",
    "wake_due",
    "withdraw",
]
