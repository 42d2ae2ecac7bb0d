"""The last stage: the outbox is emptied into whatever shows what it holds; nothing is lost where that fails.

Statuses go first. Annotations and Events follow from a status once it is delivered, as messages of their own,
and hold back no other intent's status.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from documents import DocumentError, read_file
from engine.identity import canonical_json, sha256
from engine.pipeline import leaving
from engine.status import Notice, Target
from engine.telling import annotations_of, event_of
from store import Reader, Store, Transaction, intents, outbox
from store.outbox import Kind, Message, Waiting

log = logging.getLogger(__name__)

BATCH = 100
_FOLLOWING_BATCH = 10
"""How many annotations or Events are delivered before it is looked again whether a status waits."""
YIELD_SECONDS = 30.0
"""How long annotations and Events leave the API to statuses at most, while intents wait for their turn."""
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
_LONGEST_STEM = 230
"""Of a status file's name, in characters: file systems hold 255 bytes."""


Observer = Callable[[Notice], None]
"""Told of each status that was shown."""


def ignore(_: Notice) -> None:
    """Observes nothing."""


class SinkDownError(OSError):
    """Nothing can be shown now, of any intent.

    Attributes:
        retry_after: the seconds for which to leave it alone; None where that is not known.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


Body: TypeAlias = Mapping[str, Any]
Sink = Callable[[Target, Body | None], None]
"""Shows one kind of message of an intent: a status (None where the intent is gone), annotations, an Event.

Raises SinkDownError where no message of that kind can be shown now, another OSError where this one cannot.
"""


class DirectoryStatus:
    """Writes each status to `<folder>/<namespace>/<name>.yaml`, exactly as it would stand in the resource."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, target: Target, status: Mapping[str, Any] | None) -> None:
        """Replaces the file whole, or removes it."""
        if not target.namespace:  # a manifest that could not be read has no resource to report on
            return
        path = self._path(target.namespace, target.name)
        if status is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{sha256(target.name)[:16]}.tmp")
        dumped = yaml.dump(status, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)
        draft.write_text(dumped, encoding="utf-8")
        draft.replace(path)

    def _path(self, namespace: str, name: str) -> Path:
        """The file of an intent; its name is shortened where a file system could not hold it."""
        stem = name if len(name) <= _LONGEST_STEM else f"{name[:_LONGEST_STEM]}-{sha256(name)[:8]}"
        return self._folder / namespace / f"{stem}.yaml"

    def read(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Returns the status as it was last shown; None where there is none, or none that can be read."""
        try:
            (document,) = read_file(self._folder, str(self._path(namespace, name).relative_to(self._folder)))
        except (DocumentError, ValueError):
            return None
        return document.value if isinstance(document.value, dict) else None


class Reporter:
    """Delivers what the outbox holds, oldest first; a failure waits longer, for its intent alone.

    Args:
        sinks: by kind, in the order in which they are served; a kind that has none is not shown.
        workers: how many statuses or annotations are delivered side by side; Events go one by one.
        busy: tells whether intents wait for their turn; what follows from statuses then waits, for a while.
    """

    def __init__(
        self,
        store: Store,
        sinks: Mapping[Kind, Sink],
        clock: Callable[[], float],
        observe: Observer,
        *,
        workers: int = 1,
        busy: Callable[[], bool] = bool,
    ) -> None:
        self._store = store
        self._sinks = sinks
        self._clock = clock
        self._observe = observe
        self._busy = busy
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="deliver") if workers > 1 else None

    def close(self) -> None:
        """Ends the threads that deliver."""
        if self._pool is not None:
            self._pool.shutdown()

    def deliver(self) -> int:
        """Delivers all that is due; returns how many messages were delivered."""
        count = 0
        down: set[Kind] = set()
        while deliveries := self._due(down):
            deliver = partial(self._unless_down, down)
            alone = len(deliveries) == 1 or deliveries[0].message.kind is Kind.EVENT
            tried = (
                map(deliver, deliveries)
                if self._pool is None or alone
                else self._pool.map(deliver, deliveries)
            )
            done = [delivery for delivery in tried if delivery.tried]
            self._store.write(partial(self._settle, done), synced=False).result()
            count += sum(delivery.delay is None for delivery in done)
        return count

    def _due(self, down: set[Kind]) -> list[_Delivery]:
        """Returns what is due of the first kind that has something due and works."""
        now, limit = self._clock(), BATCH
        for kind in self._sinks:
            find = partial(_find, kind=kind, now=now, limit=limit)
            if kind not in down and (found := self._store.read(find)):
                return found
            if kind is Kind.STATUS:
                limit = _FOLLOWING_BATCH
                now -= YIELD_SECONDS if self._busy() else 0.0
        return []

    def _unless_down(self, down: set[Kind], delivery: _Delivery) -> _Delivery:
        """Delivers one message as `_deliver`, unless none of its kind can be shown now."""
        kind = delivery.message.kind
        if kind not in down:
            delivery.tried = True
            try:
                delivery.delay = self._deliver(delivery)
            except SinkDownError as error:  # the rest of them would fail in the same way
                log.debug("the %s waits: %s", kind, error)
                down.add(kind)
                delivery.delay = error.retry_after or FIRST_DELAY
        return delivery

    def _deliver(self, delivery: _Delivery) -> float | None:
        """Delivers one message; returns the delay before the next try, None where it is delivered."""
        message, body = delivery.message, delivery.body
        target = Target(message.namespace, message.name, message.uid, message.generation)
        try:
            self._sinks[message.kind](target, body)
        except SinkDownError:
            raise
        except (OSError, ValueError) as error:
            about = f"{message.namespace}/{message.name}"
            log.warning("%s of %s not written: %s; trying again", message.kind, about, error)
            return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(delivery.waiting.attempts, 6)))
        if message.kind is Kind.STATUS:
            seconds = self._clock() - delivery.since if delivery.since is not None else None
            self._observe(Notice(message.namespace, message.name, body, seconds))
        return None

    def _settle(self, deliveries: list[_Delivery], tx: Transaction) -> None:
        for delivery in deliveries:
            if delivery.delay is not None:
                outbox.failed(tx, delivery.waiting, self._clock() + delivery.delay)
            elif outbox.delivered(tx, delivery.waiting) and delivery.message.kind is Kind.STATUS:
                self._follow(tx, delivery.message, delivery.body)

    def _follow(self, tx: Transaction, shown: Message, status: Body | None) -> None:
        """Puts what follows from a status into the outbox, unless that was told already."""
        if status is None:
            return
        known = intents.get(tx, shown.namespace, shown.name)
        finalizers = leaving.finalizers(json.loads(known.body)) if known is not None else []
        following: Mapping[Kind, Body] = {
            Kind.ANNOTATIONS: {"annotations": annotations_of(status), "finalizers": finalizers},
            Kind.EVENT: event_of(status),
        }
        for kind in following.keys() & self._sinks.keys():
            body, last = canonical_json(following[kind]), outbox.latest(tx, shown.uid, kind)
            if last is None or (last.generation, last.body) != (shown.generation, body):
                outbox.put(tx, replace(shown, kind=kind, body=body, created_at=self._clock()))


@dataclass(slots=True)
class _Delivery:
    """A message on its way.

    Attributes:
        body: of the message, parsed.
        since: of a status: when its intent last changed, in seconds since 1970; None where not known.
        tried: whether it was sent.
        delay: the seconds before the next try; None where it is delivered.
    """

    waiting: Waiting
    body: Body | None
    since: float | None
    tried: bool = False
    delay: float | None = None

    @property
    def message(self) -> Message:
        return self.waiting.message


def _find(reader: Reader, kind: Kind, now: float, limit: int) -> list[_Delivery]:
    """Returns what is due of a kind."""
    found = []
    for waiting in outbox.due(reader, now, limit, (kind,)):
        message = waiting.message
        known = intents.get(reader, message.namespace, message.name) if kind is Kind.STATUS else None
        since = known.updated_at if known is not None else None
        found.append(_Delivery(waiting, json.loads(message.body), since))
    return found
