"""What becomes of open revisions: somebody approves, rejects or deletes them, or nobody wishes them any more.

Looks at them now and then, and reports what changed. What an older generation has open is taken back, so that
nobody approves it later.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine import report
from engine.executors.base import Absent, Done, Executor, Revision, Tracker, Unknown
from engine.identity import canonical_json
from engine.pipeline.recording import named
from engine.reasons import Reason
from store import Store, Transaction, audit, decisions, packages, work
from store.work import Package, State, Work

log = logging.getLogger(__name__)

FOLLOWED_SECONDS = 10.0
"""How often open revisions are looked at."""
BATCH = 300
"""How many are looked at each time; with so many, each is seen within half a minute up to three batches."""
_WAITING = (Reason.AWAITING_APPROVAL, Reason.PROPOSAL_REJECTED)


class Follower:
    """Follows open revisions by the executors that have such."""

    def __init__(self, store: Store, executors: Mapping[str, Executor], clock: Callable[[], float]) -> None:
        self._store = store
        self._trackers = {name: each for name, each in executors.items() if isinstance(each, Tracker)}
        self._clock = clock
        self._after = ""
        self._missing: set[tuple[str, str]] = set()

    @property
    def needed(self) -> bool:
        """Whether any executor has revisions that others approve."""
        return bool(self._trackers)

    def look(self) -> None:
        """Looks at the next batch; what a backend that is away has is looked at the next time."""
        rows = self._store.read(partial(packages.open_ones, after=self._after, limit=BATCH))
        self._after = rows[-1].resource_name if len(rows) == BATCH else ""
        away: set[str] = set()
        for row in rows:
            item = self._store.read(partial(work.get, work_id=row.work_id))
            name = (item.executor or "") if item is not None else ""
            tracker = self._trackers.get(name)
            if item is None or tracker is None or name in away or self._busy(row):
                continue
            if item.superseded:
                self._discard(tracker, row, item)
            elif not self._track(tracker, row, item):
                away.add(name)

    def _busy(self, row: packages.Revision) -> bool:
        """Tells whether a worker has the package: what is seen now would say nothing."""
        return self._store.read(partial(work.held, package=Package(row.repository, row.package)))

    def _discard(self, tracker: Tracker, row: packages.Revision, item: Work) -> None:
        """Takes out what a newer generation has replaced; what an intent left that is gone stays."""
        newer = self._store.read(partial(work.current, namespace=item.namespace, name=item.name))
        if newer is None or newer.uid != item.uid:
            return
        outcome = tracker.discard(_revision(row), row.workspace)
        if not isinstance(outcome, Done):
            log.info("%s/%s: an older revision stays for now: %s", item.namespace, item.name, outcome.message)
            return
        self._store.write(partial(self._note_discarded, row=row, item=item)).result()

    def _note_discarded(self, tx: Transaction, row: packages.Revision, item: Work) -> None:
        packages.put(tx, replace(row, lifecycle="Deleted"))
        self._audit(tx, item, "Discarded", row)

    def _track(self, tracker: Tracker, row: packages.Revision, item: Work) -> bool:
        """Looks at one revision; returns whether its backend answers."""
        seen = tracker.track(_revision(row), row.workspace)
        if isinstance(seen, Unknown):
            return False
        key = (row.resource_name, row.workspace)
        if isinstance(seen, Absent) and key not in self._missing:
            self._missing.add(key)  # porch says at times that what is there is not: it is looked at again
            return True
        self._missing.discard(key)
        now = _gone(row) if isinstance(seen, Absent) else _as_seen(row, seen)
        if now != row:
            self._store.write(partial(self._record, before=row, row=now, work_id=item.id)).result()
        return True

    def _record(
        self, tx: Transaction, before: packages.Revision, row: packages.Revision, work_id: int
    ) -> None:
        """Commits what became of a revision, unless a worker has had it since it was looked at."""
        item = work.get(tx, work_id)
        found = packages.get(tx, row.repository, row.package, row.workspace)
        package = Package(row.repository, row.package)
        if item is None or item.superseded or found != before or work.held(tx, package):
            return
        drafted = _drafted(packages.of_work(tx, item.id), item)
        packages.put(tx, row)
        self._audit(tx, item, "Followed", row)
        if item.reason not in _WAITING or item.state not in (State.CONFIRMED, State.TERMINAL):
            return
        decision = decisions.latest(tx, item.id)
        body: Mapping[str, Any] | None = json.loads(decision.body) if decision is not None else None
        rows = packages.of_work(tx, item.id)
        wished = str(body["lifecycle"]) if body is not None else ("Draft" if drafted else "Proposed")
        state, reason, message = _become(rows, wished)
        after = item
        if (item.reason, item.message) != (reason, message):
            after = work.amend(tx, item, state=state, reason=reason.value, message=message, now=self._clock())
        revisions = [_revision(each) for each in rows]
        if body is not None:
            status = report.from_outcome(after, body, reason, message, self._clock(), revisions=revisions)
        else:
            told = report.status_of(tx, item.uid) or {}
            status = report.from_told(after, told, reason, message, self._clock(), revisions)
        report.put_status(tx, after, status)
        log.info("%s/%s: %s", item.namespace, item.name, message, extra={"reason": reason.value})

    def _audit(self, tx: Transaction, item: Work, kind: str, row: packages.Revision) -> None:
        about = (item.namespace, item.name, item.uid, item.generation)
        said = {"resourceName": row.resource_name, "lifecycle": row.lifecycle, "effectKey": row.effect_key}
        entry = audit.Entry(self._clock(), kind, *about, item.trace_id or "", canonical_json(said))
        audit.append(tx, entry)


def _drafted(rows: Sequence[packages.Revision], item: Work) -> bool:
    """Tells whether an intent was to be drafted only, by how it waits; for one whose decision was lost."""
    return item.reason == Reason.AWAITING_APPROVAL and any(row.lifecycle == "Draft" for row in rows)


def _become(rows: Sequence[packages.Revision], wished: str) -> tuple[State, Reason, str]:
    """Returns what an intent has come to by the revisions of its packages."""
    deleted = [row.resource_name for row in rows if row.lifecycle == "Deleted"]
    rejected = [row.resource_name for row in rows if row.lifecycle == "Draft" and wished != "Draft"]
    open_ = [row.resource_name for row in rows if row.lifecycle in ("Draft", "Proposed")]
    if deleted or rejected:
        what = f"deleted {', '.join(deleted)}" if deleted else f"rejected {', '.join(rejected)}"
        message = f"somebody {what}; change the intent, or propose it again: conductor-watch intents retry"
        return State.TERMINAL, Reason.PROPOSAL_REJECTED, message
    if open_:
        return State.CONFIRMED, Reason.AWAITING_APPROVAL, f"{', '.join(open_)} waits for approval"
    names = ", ".join(named(_revision(row)) for row in rows)
    return State.CONFIRMED, Reason.COMPLETED, f"published {names}; somebody approved it"


def _revision(row: packages.Revision) -> Revision:
    return Revision(
        repository=row.repository,
        package=row.package,
        workspace=row.workspace,
        revision=int(row.revision or 0),
        lifecycle=row.lifecycle,
        resource_name=row.resource_name,
    )


def _as_seen(row: packages.Revision, seen: Revision) -> packages.Revision:
    return replace(
        row, revision=str(seen.revision), lifecycle=seen.lifecycle, resource_name=seen.resource_name
    )


def _gone(row: packages.Revision) -> packages.Revision:
    return replace(row, lifecycle="Deleted")
