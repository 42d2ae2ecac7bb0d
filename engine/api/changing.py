"""What people may change of a running daemon's work: approve it, or have it tried again.

What takes a transaction does all in it: the change, the record of who asked, the new start of the work.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import report
from engine.api.peer import Peer
from engine.api.reading import current, needs_approval
from engine.api.wire import ApiError, Code
from engine.identity import canonical_json
from engine.reasons import Reason
from engine.status import Report, timestamp
from store import Approval, Bucket, Reader, Transaction, approvals, audit, buckets, intents, overview, work
from store.overview import Restartable
from store.work import State, Work

RETRIES = Bucket("api/retry", 100, 1.0)
"""How many intents people may have tried again: so many at once, then one a second."""

_ENDED = frozenset({State.CONFIRMED, State.TERMINAL})
_UNKNOWN = "unknown"
"""The requester where nothing proves who it was."""
_AGAIN = "look at it with `conductor-watch explain`, then approve that"


@dataclass(frozen=True, slots=True)
class BulkRetry:
    """Which intents are to be tried again, and how many at most; a dry run only lists them.

    Attributes:
        rate: how many start a minute, those that have waited longest first; None for as fast as may be.
    """

    which: Restartable
    limit: int
    dry_run: bool
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a bulk retry is about: how many there are, and those that are tried next."""

    matched: int
    items: Sequence[Work]


def approve(
    tx: Transaction, namespace: str, name: str, spec_hash: str | None, peer: Peer, now: float
) -> dict[str, Any]:
    """Lifts what holds an intent until somebody approves it, for its spec as it is now.

    Args:
        tx: the transaction.
        namespace, name: the intent's.
        spec_hash: what was looked at; another one is refused. None for whatever it is now.
        peer: who approves.
        now: the time.

    Raises:
        ApiError: it does not wait for that, its spec is another, or whoever asked for it may not.
    """
    item = current(tx, namespace, name)
    if spec_hash not in (None, item.spec_hash):
        message = f"{namespace}/{name} is at generation {item.generation} now, and its spec is another"
        raise ApiError(Code.CONFLICT, message, _AGAIN)
    requester = _requester(tx, item)
    if requester == peer.name:
        message = f"{requester} asked for {namespace}/{name}, and so cannot approve it"
        raise ApiError(Code.OWN_REQUEST, message, "let somebody else approve it")
    if (given := approvals.of(tx, item.uid, item.spec_hash)) is not None:
        message = f"{namespace}/{name} was approved by {given.who} at {timestamp(given.at)}"
        raise ApiError(Code.CONFLICT, message, _hint(item))
    if not needs_approval(tx, item):
        raise ApiError(Code.CONFLICT, f"{namespace}/{name} does not wait for approval", _hint(item))
    approvals.put(tx, Approval(item.uid, item.spec_hash, peer.name, now))
    said = {"specHash": item.spec_hash, "requester": requester}
    _record(tx, item, "Approved", said, peer, now)
    work.restart(tx, item, now=now)
    return {**_about(item), "approvedBy": peer.name, "requester": requester, "specHash": item.spec_hash}


def retry(tx: Transaction, namespace: str, name: str, peer: Peer, now: float) -> dict[str, Any]:
    """Starts an intent afresh: what was decided is tried again, anything else is looked at again.

    Raises:
        ApiError: there is nothing to try again, or it is too soon.
    """
    item = current(tx, namespace, name)
    if item.reason == Reason.SUPERSEDED.value or not item.reason or item.state not in overview.RESTARTABLE:
        message = f"{namespace}/{name} cannot be tried again: it is {item.reason or item.state.value}"
        raise ApiError(Code.CONFLICT, message, _hint(item))
    if (at := buckets.take(tx, [RETRIES], now)) is not None:
        message = f"more than {RETRIES.burst} intents were just tried again"
        raise ApiError(Code.RATE_LIMITED, message, f"wait until {timestamp(at)}")
    _restart(tx, item, peer, now)
    return {**_about(item), "was": item.reason}


def candidates(reader: Reader, wanted: BulkRetry) -> Candidates:
    """Looks for what a bulk retry is about; apart from the retry, because it passes over all there is."""
    matched = overview.count_restartable(reader, wanted.which)
    return Candidates(matched, overview.restartable(reader, wanted.which, wanted.limit))


def retry_all(tx: Transaction, found: Candidates, peer: Peer, now: float) -> dict[str, Any]:
    """Starts afresh what was found, as many as may be tried at once; what has moved since is left alone."""
    retried: list[Work] = []
    next_at = None
    for item in found.items:
        if work.get(tx, item.id) != item:
            continue
        next_at = buckets.take(tx, [RETRIES], now)
        if next_at is not None:
            break
        _restart(tx, item, peer, now)
        retried.append(item)
    return told(found, retried, next_at)


def schedule_all(tx: Transaction, found: Candidates, rate: int, peer: Peer, now: float) -> dict[str, Any]:
    """Starts afresh what was found, so many a minute; what has moved since is left alone.

    Each has its time in the store and shows it in its status; a restart of the daemon changes nothing.
    """
    retried: list[Work] = []
    for item in found.items:
        if work.get(tx, item.id) != item:
            continue
        at = now + len(retried) * 60 / rate
        if at > now:
            _restart_at(tx, item, peer, at, now)
        else:
            _restart(tx, item, peer, now)
        retried.append(item)
    last = now + max(0, len(retried) - 1) * 60 / rate
    return {**told(found, retried), "lastAt": timestamp(last)}


def told(found: Candidates, retried: Sequence[Work], next_at: float | None = None) -> dict[str, Any]:
    """Says what came of a bulk retry, or would.

    Returns:
        {"matched", "retried": [intents], "left", "nextAt": when the next may be tried, if any had to wait}.
    """
    return {
        "matched": found.matched,
        "retried": [{**_about(item), "was": item.reason, "message": item.message} for item in retried],
        "left": found.matched - len(retried),
        "nextAt": timestamp(next_at) if next_at is not None else None,
    }


def _restart(tx: Transaction, item: Work, peer: Peer, now: float) -> None:
    _record(tx, item, "Retried", {"was": item.reason}, peer, now)
    work.restart(tx, item, now=now)


def _restart_at(tx: Transaction, item: Work, peer: Peer, at: float, now: float) -> None:
    message = f"tried again at {timestamp(at)}, as {peer.name} asked; it was {item.reason}: {item.message}"
    _record(tx, item, "Retried", {"was": item.reason, "at": timestamp(at)}, peer, now)
    after = work.restart(tx, item, now=now, at=at, reason=Reason.BACKING_OFF.value, message=message)
    status = Report(
        generation=item.generation,
        reason=Reason.BACKING_OFF,
        message=message,
        now=now,
        spec_hash=item.spec_hash,
        trace_id=item.trace_id or "",
        next_retry=at,
    )
    report.put_status(tx, after, status)


def _record(tx: Transaction, item: Work, kind: str, said: dict[str, Any], peer: Peer, now: float) -> None:
    about = (item.namespace, item.name, item.uid, item.generation)
    body = {**said, "who": peer.name, "userID": peer.uid, "message": f"{kind.lower()} by {peer.name}"}
    audit.append(tx, audit.Entry(now, kind, *about, item.trace_id or "", canonical_json(body)))


def _requester(reader: Reader, item: Work) -> str:
    """Returns who asked for a generation, as far as admission has proved it."""
    known = intents.get(reader, item.namespace, item.name)
    body = json.loads(known.body) if known is not None else {}
    return str(body.get("metadata", {}).get("requester", _UNKNOWN))


def _about(item: Work) -> dict[str, Any]:
    return {"namespace": item.namespace, "name": item.name, "generation": item.generation}


def _hint(item: Work) -> str:
    """Says what to do about an intent that is not where somebody thought it was."""
    if item.reason:
        stands = f"it is {item.reason}: {item.message}"
        return f"{stands}; change its spec to start afresh" if item.state in _ENDED else stands
    return "it is being worked on; look again in a moment"
