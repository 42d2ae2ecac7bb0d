"""The first stage: events of the inbox become intents and generations; nothing is decided here.

A store that is new may be one that was lost. What it finds there is then taken up in the order in which it
was stated, with what its status and the executors tell of it, and nothing else is done before that.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine import report
from engine.executors.base import Executor, Remembers
from engine.identity import canonical_json as canonical
from engine.identity import effect_key, sha256, spec_hash, trace_id
from engine.network_intent import IntentSpec
from engine.pipeline import leaving, requests
from engine.pipeline.journal import ARRIVAL, Arrival
from engine.pipeline.recollection import Past, recollect, restore
from engine.reasons import Reason
from engine.status import ready_reason
from store import Store, Transaction, audit, inbox, intents, meta, outbox, work
from store.inbox import Event, EventKind

log = logging.getLogger(__name__)

BATCH = 200
"""How many events are taken up in one transaction."""

SYNC_SECONDS = 60.0
"""How long a new store waits to know all that is there; a namespace out of reach must not stop the others."""


_FIRST_START = "first_start"
"""The name in the store of the note whether nothing was ever carried out before it was new."""
_REBUILT = "rebuilt"
"""The name in the store of the note that all it found when it was new has been taken up."""

Remembered = Callable[[str, str], Mapping[str, Any] | None]
"""Looks up the last status of an intent where it was shown: by namespace and name."""


class Intake:
    """Takes up what the sources saw.

    Args:
        remembered: asked about an intent that the store does not know, since a store may have been lost.
        executors: asked about its effect, while the store is new.
        synced: tells whether all that was there at the start is in the inbox.
        adopt: whether what was there before anything was ever carried out is taken for done.

    Attributes:
        rebuilt: whether all that a new store finds there has been taken up.
        problem: why that has not been done yet; empty where nothing stands in the way.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        remembered: Remembered,
        executors: Iterable[Executor],
        synced: Callable[[], bool],
        *,
        adopt: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._remembered = remembered
        self._executors = [executor for executor in executors if isinstance(executor, Remembers)]
        self._synced = synced
        self._adopt = adopt
        self._first_start = False
        self._began = time.monotonic()
        self.rebuilt = store.read(lambda reader: meta.get(reader, _REBUILT)) is not None
        self.problem = ""

    def rebuild(self) -> bool:
        """Takes up what a new store finds there, once all of it is known; returns whether that is done.

        A stop in the middle does no harm: the rest is taken up after it, in the same order.
        """
        if self.rebuilt:
            return True
        if not self._synced() and time.monotonic() - self._began < SYNC_SECONDS:
            return False
        try:
            self._first_start = self._begins()
            while order := self._order():
                for start in range(0, len(order), BATCH):
                    self._take_back(order[start : start + BATCH])
        except OSError as error:
            self.problem = f"a new store is not in use before executors tell what they did: {error}"
            log.warning(self.problem)
            return False
        self._store.write(lambda tx: meta.put(tx, _REBUILT, "true")).result()
        self.rebuilt, self.problem = True, ""
        return True

    def take(self) -> int:
        """Takes up every event that waits; returns how many there were."""
        count = 0
        while events := self._store.read(lambda reader: inbox.pending(reader, BATCH)):
            taken = [(*item, None) for item in events]
            self._store.write(partial(self._take_all, taken), synced=False).result()
            count += len(events)
        return count

    def _begins(self) -> bool:
        """Tells whether nothing was ever carried out here: no intent was reported on but as adopted.

        What is found is kept, as a start that was broken off has reported on some. A store that was lost is
        told by what was reported on before.
        """
        if not self._adopt:
            return False
        kept = self._store.read(lambda reader: meta.get(reader, _FIRST_START))
        if kept is None:
            known = bool(self._store.read(lambda reader: intents.page(reader, 1, deleted=True)))
            carried_out = any(reason not in ("", Reason.ADOPTED) for reason in self._reasons())
            kept = "false" if known or carried_out else "true"
            self._store.write(lambda tx: meta.put(tx, _FIRST_START, kept)).result()
        return kept == "true"

    def _reasons(self) -> Iterator[str]:
        """Yields the reasons that the intents in the inbox were last reported on with; empty for none."""
        after = 0
        while events := self._pending(after):
            for _, event in events:
                yield ready_reason(self._told(event)[1])
            after = events[-1][0]

    def _pending(self, after: int) -> list[tuple[int, Event]]:
        return self._store.read(lambda reader: inbox.pending(reader, BATCH, after))

    def _order(self) -> list[int]:
        """Returns the numbers of all events in the order in which their wishes were stated.

        What others have superseded comes first of all, and of two of the same second what was done.
        """
        keys: list[tuple[bool, float, bool, int]] = []
        after = 0
        while events := self._pending(after):
            for seq, event in events:
                body, status = self._told(event)
                stated = float(body.get("metadata", {}).get("statedAt", event.received_at))
                reason = ready_reason(status)
                keys.append((reason != Reason.SUPERSEDED, stated, not reason, seq))
            after = events[-1][0]
        return [seq for *_, seq in sorted(keys)]

    def _take_back(self, numbers: list[int]) -> None:
        """Takes up some events with what is remembered of them."""
        found = self._store.read(lambda reader: [(seq, inbox.get(reader, seq)) for seq in numbers])
        events = [(seq, event, self._past(event)) for seq, event in found if event is not None]
        self._store.write(partial(self._take_all, events)).result()

    def _past(self, event: Event) -> Past | None:
        known = self._store.read(lambda reader: intents.get(reader, event.namespace, event.name))
        if known is not None or event.kind is not EventKind.UPSERT:
            return None
        body, status = self._told(event)
        generation, _, hashed = _place(None, body, event, status)
        about = (event.namespace, event.name, event.uid)
        return recollect(about, generation, hashed, status, self._executors)

    def _told(self, event: Event) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """Returns the body of an event, and the last status of its intent as it was shown."""
        body = json.loads(event.body)
        told = body.pop("status", None)
        if told is None and event.kind is EventKind.UPSERT:
            told = self._remembered(event.namespace, event.name)
        return body, told or {}

    def _take_all(self, events: Sequence[tuple[int, Event, Past | None]], tx: Transaction) -> None:
        now = self._clock()
        for seq, event, past in events:
            if inbox.done(tx, seq):
                self._take_up(tx, event, past, now)

    def _take_up(self, tx: Transaction, event: Event, past: Past | None, now: float) -> None:
        known = intents.get(tx, event.namespace, event.name)
        if event.kind is EventKind.DELETE:
            if known is not None and known.deleted_at is None:
                _gone(tx, event, known, now)
            return
        body, status = self._told(event) if known is None else (json.loads(event.body), {})
        body.pop("status", None)
        arrival = body.pop(ARRIVAL, None)
        if known is None and self._adopt and not ready_reason(status):
            body["existing"] = self._existing(arrival)
        _take_up(tx, event, known, body, status, past, now)

    def _existing(self, arrival: str | None) -> bool:
        """Tells whether an intent that nothing was reported of was there before anything was carried out."""
        if arrival in (Arrival.BEFORE, Arrival.SINCE):
            return arrival == Arrival.BEFORE
        return arrival == Arrival.FIRST if self.rebuilt else self._first_start


def _take_up(
    tx: Transaction,
    event: Event,
    known: intents.Intent | None,
    body: dict[str, Any],
    status: Mapping[str, Any],
    past: Past | None,
    now: float,
) -> None:
    generation, wish, hashed = _place(known, body, event, status)
    if known is None and event.kind is EventKind.UPSERT:
        past = past or recollect((event.namespace, event.name, event.uid), generation, hashed, status, ())
        if leaving.asked(body["metadata"]):  # whatever was said of it: its resource is still there
            past = Past(generation, generation, status)
        wish = generation if past.earlier else past.wish
    changed = known is None or (generation, event.uid) != (known.generation, known.uid)
    body |= {"wish": wish, "wishHash": hashed} | _carried(known, body, event, wish)
    if leaving.asked(body.get("metadata", {})):
        body["leaving"] = "asked"
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
        leaving.release(tx, known.uid, known.namespace, known.name, now)
    key = effect_key(event.namespace, event.name, event.uid, wish, hashed)
    see = partial(
        work.see,
        tx,
        namespace=event.namespace,
        name=event.name,
        uid=event.uid,
        spec_hash=hashed,
        now=now,
        priority=body.get("spec", {}).get("priority", IntentSpec.model_fields["priority"].default),
        trace_id=trace_id(key),
    )
    if past is not None:
        item = _take_back(tx, event, past, see, now)
        asked = report.requested_at(body)
        handled = past.done and not past.earlier
        if item is not None and handled and asked not in ("", past.status.get("lastHandledReconcileAt")):
            report.note_handled(tx, item, asked, now)
    see(generation=generation)  # where that is the one taken back, it is known
    details = {"origin": event.origin, "source": event.source, "specHash": hashed}
    audit.append(
        tx,
        audit.Entry(
            now, "Seen", event.namespace, event.name, event.uid, generation, trace_id(key), canonical(details)
        ),
    )


def _take_back(
    tx: Transaction, event: Event, past: Past, see: Callable[..., work.Work | None], now: float
) -> work.Work | None:
    """Takes a status, and what executors remember, for what the store has lost.

    What was done is not done again. What was begun is read back, and finished as it was decided. What was
    refused, or had not come so far, is looked at anew. Of a generation that another one has followed it is
    known again what it left.

    Returns:
        The generation that was taken back, if any was.
    """
    if past.status:
        observed = int(past.status.get("observedGeneration") or 0)
        about = (event.namespace, event.name, event.uid, observed)
        shown = outbox.Message(*about, outbox.Kind.STATUS, canonical(past.status), now)
        outbox.remember(tx, shown)
    other: dict[str, str] = {}
    if past.earlier:
        key = effect_key(event.namespace, event.name, event.uid, past.wish, past.earlier)
        other = {"spec_hash": past.earlier, "trace_id": trace_id(key)}
    item = see(generation=past.generation, **other) if past.known else None
    if item is not None:
        restore(tx, item, past, now=now)
    return item


def _gone(tx: Transaction, event: Event, known: intents.Intent, now: float) -> None:
    """Forgets an intent whose resource is gone, unless its packages are to be withdrawn first."""
    body = json.loads(known.body)
    if not leaving.outlives(body):
        leaving.forget(tx, known, now)
    elif "leaving" not in body:
        changed = replace(known, generation=known.generation + 1, body=canonical({**body, "leaving": "gone"}))
        intents.put(tx, changed)
        work.see(
            tx,
            namespace=event.namespace,
            name=event.name,
            uid=known.uid,
            generation=changed.generation,
            spec_hash=known.spec_hash,
            now=now,
        )


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
    back = known.deleted_at is not None or before.get("leaving") == "gone"
    generation = int(stated) if stated is not None else known.generation + (back or not same)
    wish = before["wish"] if before["wishHash"] == hashed and not back else generation
    return generation, wish, hashed


def _carried(
    known: intents.Intent | None, body: Mapping[str, Any], event: Event, wish: int
) -> dict[str, Any]:
    """Returns what stays of the body of before; of a wish that is the same, what became of it."""
    if known is None or known.uid != event.uid:
        return {}
    before = json.loads(known.body)
    if "problem" in body:  # says nothing of the wish, which may come back as it was
        kept = ["wish", "wishHash", "reapplied", "existing", "withdrawn"]
    else:
        kept = ["withdrawn"] + (["reapplied", "existing"] if before["wish"] == wish else [])
    return {key: before[key] for key in kept if key in before}
