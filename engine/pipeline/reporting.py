"""The last stage: the outbox is emptied into whatever shows a status; nothing is lost where that fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import yaml

from store import Store, Transaction, intents, outbox

log = logging.getLogger(__name__)

BATCH = 100
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """A status that was shown.

    Attributes:
        status: None where the intent is gone.
        seconds: from the last event about the intent to now; None where that is not known.
    """

    namespace: str
    name: str
    status: Mapping[str, Any] | None
    seconds: float | None = None


Observer = Callable[[Notice], None]
"""Told of each status that was shown."""


def ignore(_: Notice) -> None:
    """Observes nothing."""


class StatusSink(Protocol):
    """Shows statuses; raises OSError where it cannot now."""

    def write(self, namespace: str, name: str, status: Mapping[str, Any] | None) -> None:
        """Shows the status of an intent; None where the intent is gone."""
        ...


class DirectoryStatus:
    """Writes each status to `<folder>/<namespace>/<name>.yaml`, exactly as it would stand in the resource."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, namespace: str, name: str, status: Mapping[str, Any] | None) -> None:
        """Replaces the file whole, or removes it."""
        if not namespace:  # a manifest that could not be read has no resource to report on
            return
        path = self._folder / namespace / f"{name}.yaml"
        if status is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        dumped = yaml.dump(status, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)
        draft.write_text(dumped, encoding="utf-8")
        draft.replace(path)


class Reporter:
    """Delivers what the outbox holds, oldest first; a failure waits longer, for its intent alone."""

    def __init__(
        self,
        store: Store,
        sink: StatusSink,
        clock: Callable[[], float],
        observe: Observer,
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._observe = observe

    def deliver(self) -> int:
        """Delivers all that is due; returns how many were delivered."""
        count = 0
        while rows := self._store.read(lambda reader: outbox.due(reader, self._clock(), BATCH)):
            delivered = [(row, self._deliver(row)) for row in rows]
            self._store.write(partial(self._settle, delivered)).result()
            count += sum(ok for _, ok in delivered)
        return count

    def _deliver(self, waiting: outbox.Waiting) -> bool:
        message, status = waiting.message, json.loads(waiting.message.body)
        try:
            self._sink.write(message.namespace, message.name, status)
        except OSError as error:
            about = f"{message.namespace}/{message.name}"
            log.warning("status of %s not written: %s; trying again", about, error)
            return False
        known = self._store.read(lambda reader: intents.get(reader, message.namespace, message.name))
        seconds = self._clock() - known.updated_at if known is not None else None
        self._observe(Notice(message.namespace, message.name, status, seconds))
        return True

    def _settle(self, delivered: list[tuple[outbox.Waiting, bool]], tx: Transaction) -> None:
        for waiting, ok in delivered:
            if ok:
                outbox.delivered(tx, waiting)
            else:
                delay = min(LONGEST_DELAY, FIRST_DELAY * 2**waiting.attempts)
                outbox.failed(tx, waiting, self._clock() + delay)
