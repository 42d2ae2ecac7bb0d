"""The first stage: events of the inbox become intents and generations; nothing is decided here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine import report
from engine.identity import canonical_json as canonical
from engine.identity import effect_key, sha256, spec_hash, trace_id
from engine.network_intent import IntentSpec
from engine.pipeline import requests
from engine.reasons import Reason
from engine.status import ready_reason
from store import Store, Transaction, approvals, audit, inbox, intents, outbox, owners, work
from store.inbox import Event, EventKind

log = logging.getLogger(__name__)

BATCH = 200
"""How many events are taken up in one transaction."""

DONE = frozenset(
    {
        Reason.COMPLETED.value,
        Reason.AWAITING_APPROVAL.value,
        Reason.ADOPTED.value,
        Reason.SUPERSEDED.value,
        Reason.DRY_RUN.value,
    }
)
"""The reasons of what is not done again because a store was lost."""
GONE = "null"
"""The body of a status that is to be removed."""


Remembered = Callable[[str, str], Mapping[str, Any] | None]
"""Looks up the last status of an intent where it was shown: by namespace and name."""


class Intake:
    """Takes up what the sources saw.

    Args:
        remembered: asked about an intent that the store does not know, since a store may have been lost.
    """

    def __init__(self, store: Store, clock: Callable[[], float], remembered: Remembered) -> None:
        self._store = store
        self._clock = clock
        self._remembered = remembered

    def take(self) -> int:
        """Takes up every event that waits; returns how many there were."""
        count = 0
        while events := self._store.read(lambda reader: inbox.pending(reader, BATCH)):
            self._store.write(partial(self._take_all, events)).result()
            count += len(events)
        return count

    def _take_all(self, events: list[tuple[int, Event]], tx: Transaction) -> None:
        now = self._clock()
        for seq, event in events:
            if inbox.done(tx, seq):
                self._take_up(tx, event, now)

    def _take_up(self, tx: Transaction, event: Event, now: float) -> None:
        known = intents.get(tx, event.namespace, event.name)
        body = json.loads(event.body)
        status = body.pop("status", None)
        if known is None and event.kind is EventKind.UPSERT:
            status = status or self._remembered(event.namespace, event.name)
        _take_up(tx, event, known, body, status or {}, now)


def _take_up(
    tx: Transaction,
    event: Event,
    known: intents.Intent | None,
    body: dict[str, Any],
    status: Mapping[str, Any],
    now: float,
) -> None:
    if event.kind is EventKind.DELETE:
        if known is not None and known.deleted_at is None:
            _forget(tx, known, now)
        return
    generation, wish, hashed = _place(known, body, event, status)
    changed = known is None or (generation, event.uid) != (known.generation, known.uid)
    body["wish"], body["wishHash"] = wish, hashed
    if "problem" in body and known is not None:  # says nothing of the wish, which may come back as it was
        before = json.loads(known.body)
        body["wish"], body["wishHash"] = before["wish"], before["wishHash"]
    intents.put(
        tx,
        intents.Intent(
            namespace=event.namespace,
            name=event.name,
            uid=event.uid,
            generation=generation,
            spec_hash=hashed,
            body=canonical(body),
            origin=event.origin,
            updated_at=event.received_at,
        ),
    )
    if known is not None and not changed:  # metadata, a resync, a replay
        item = work.current(tx, event.namespace, event.name)
        if item is not None and item.uid == event.uid:
            requests.take_up(tx, item, json.loads(known.body), body, now)
        return
    if known is not None and known.uid != event.uid:  # another one of that name
        owners.release(tx, known.uid)
        approvals.forget(tx, known.uid)
    key = effect_key(event.namespace, event.name, event.uid, wish, hashed)
    item = work.see(
        tx,
        namespace=event.namespace,
        name=event.name,
        uid=event.uid,
        generation=generation,
        spec_hash=hashed,
        now=now,
        priority=body.get("spec", {}).get("priority", IntentSpec.model_fields["priority"].default),
        trace_id=trace_id(key),
    )
    if known is None and item is not None:
        _recover(tx, item, body, status, now)
    details = {"origin": event.origin, "source": event.source, "specHash": hashed}
    audit.append(
        tx,
        audit.Entry(
            now, "Seen", event.namespace, event.name, event.uid, generation, trace_id(key), canonical(details)
        ),
    )


def _recover(
    tx: Transaction, item: work.Work, body: Mapping[str, Any], status: Mapping[str, Any], now: float
) -> None:
    """Takes a status for what the store has lost: what was done is not done again.

    What was refused or had not ended is looked at anew; an effect that did happen is found by its workspace.
    """
    reason = ready_reason(status)
    current = (status.get("specHash"), status.get("observedGeneration")) == (item.spec_hash, item.generation)
    if not current or reason not in DONE:
        return
    message = str(status.get("lastMessage", ""))
    work.finish(tx, item, reason=reason, message=message, basis="", now=now)
    about = (item.namespace, item.name, item.uid, item.generation)
    outbox.put(tx, outbox.Message(*about, outbox.Kind.STATUS, canonical(status), now))
    asked = report.requested_at(body)
    if asked and asked != status.get("lastHandledReconcileAt"):
        report.note_handled(tx, item, asked, now)


def _place(
    known: intents.Intent | None, body: dict[str, Any], event: Event, status: Mapping[str, Any]
) -> tuple[int, int, str]:
    """Returns the generation, the generation that first wished the same, and the hash of the wish."""
    spec = body.get("spec", {})
    hashed = spec_hash(spec) if spec else sha256(event.body)
    if known is None or known.uid != event.uid:
        reported = int(status.get("observedGeneration", 0))
        counted = reported if reported and status.get("specHash") == hashed else reported + 1
        generation = int(body.get("metadata", {}).get("generation", counted))
        return generation, generation, hashed
    before = json.loads(known.body)
    stated = body.get("metadata", {}).get("generation")
    same = (before.get("spec"), before.get("problem")) == (body.get("spec"), body.get("problem"))
    back = known.deleted_at is not None
    generation = int(stated) if stated is not None else known.generation + (back or not same)
    wish = before["wish"] if before["wishHash"] == hashed and not back else generation
    return generation, wish, hashed


def _forget(tx: Transaction, known: intents.Intent, now: float) -> None:
    """Ends what is open of an intent that is gone; what was written stays, and its fields are free."""
    intents.mark_deleted(tx, known.namespace, known.name, known.uid, at=now)
    work.withdraw(tx, known.namespace, known.name, now=now)
    owners.release(tx, known.uid)
    approvals.forget(tx, known.uid)
    about = (known.namespace, known.name, known.uid, known.generation)
    outbox.put(tx, outbox.Message(*about, outbox.Kind.STATUS, GONE, now))
    audit.append(tx, audit.Entry(now, "Gone", *about, "", canonical({"origin": known.origin})))
