"""A new look that somebody asks for by the annotation `conductor-watch/requested-at`, whatever its value.

Whoever may annotate an intent may ask, so it is rate-limited, and gives no more than a look: what is done is
not done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import report
from engine.identity import canonical_json
from engine.reasons import Reason
from engine.status import timestamp
from store import Bucket, Transaction, audit, buckets, work
from store.work import State, Work

_EACH_BURST, _EACH_SECONDS = 5, 10.0
"""How often one intent may be asked for: so many times at once, then one in so many seconds."""
_ALL = Bucket("requested", 200, 1.0)
"""How many intents may be asked for: so many at once, then one a second."""
_WAITS = frozenset({State.SEEN, State.READ, State.RETRY, State.TERMINAL})


def take_up(
    tx: Transaction, item: Work, before: Mapping[str, Any], body: Mapping[str, Any], now: float
) -> None:
    """Looks at an intent again whose annotation has another value than before.

    Args:
        tx: the transaction; the intent stands in it as `body` has it.
        item: its current generation.
        before, body: the intent as it was and as it is.
        now: the time.
    """
    asked = report.requested_at(body)
    if not asked or asked == report.requested_at(before):
        return
    about = (item.namespace, item.name, item.uid, item.generation)
    audit.append(
        tx, audit.Entry(now, "Requested", *about, item.trace_id or "", canonical_json({"requestedAt": asked}))
    )
    if item.state in _WAITS and item.reason not in ("", Reason.SUPERSEDED):
        _look_again(tx, item, now)
    else:  # done, or being done
        report.note_handled(tx, item, asked, now)


def _look_again(tx: Transaction, item: Work, now: float) -> None:
    """Starts an intent afresh: now, or where it was asked for too often, as soon as it may be."""
    if item.reason == Reason.RATE_LIMITED:  # it has its time already
        return
    each = Bucket(f"requested/{item.uid}", _EACH_BURST, _EACH_SECONDS)
    at = buckets.take(tx, [each, _ALL], now)
    if at is None:
        work.restart(tx, item, now=now)
        return
    reason, message = Reason.RATE_LIMITED, f"asked for too often; it is looked at at {timestamp(at)}"
    limited = work.restart(tx, item, now=now, reason=reason.value, message=message, at=at)
    report.put_status(tx, limited, report.from_outcome(limited, {}, reason, message, now, next_retry=at))
