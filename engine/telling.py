"""What is told of a status beside it: annotations for people and other tools, and an Event; pure.

Outputs only. What stands in an annotation is never read back: everybody who may edit an intent may write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.reasons import Phase, Reason
from engine.status import ready_reason

LAST_HASH = "conductor-watch/last-hash"
RETRY_COUNT = "conductor-watch/retry-count"
NEXT_RETRY = "conductor-watch/next-retry"
OUTPUTS = frozenset({LAST_HASH, RETRY_COUNT, NEXT_RETRY})
"""Every annotation that is written."""
REQUESTED_AT = "conductor-watch/requested-at"
"""The one annotation that is read: another value of it asks for a new look."""

FINALIZER = "conductor-watch/withdraw"
"""Keeps an intent that is deleted until its packages are withdrawn, where it wishes that."""

_TROUBLE = frozenset({Reason.BACKING_OFF, Reason.BACKEND_DOWN, Reason.READ_BACK})
"""What a person may have to see to although the intent has not failed."""
_ACTION = "Reconcile"


def annotations_of(status: Mapping[str, Any]) -> dict[str, str]:
    """Returns the annotations that go with a status; those that it does not have are to go."""
    found = {LAST_HASH: str(status["specHash"]), RETRY_COUNT: str(status["attempts"])}
    if "nextRetryTime" in status:
        found[NEXT_RETRY] = str(status["nextRetryTime"])
    return found


def event_of(status: Mapping[str, Any]) -> dict[str, str]:
    """Returns the Event that goes with a status: {"type", "reason", "action", "note"}."""
    reason = ready_reason(status)
    warning = status["phase"] == Phase.FAILED or reason in _TROUBLE
    return {
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "action": _ACTION,
        "note": str(status["lastMessage"]),
    }
