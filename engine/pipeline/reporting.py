"""The last stage: the outbox is emptied into whatever shows a status; nothing is lost where that fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import yaml

from documents import DocumentError, read_file
from engine.identity import sha256
from engine.status import Notice, Target
from store import Reader, Store, Transaction, intents, outbox

log = logging.getLogger(__name__)

BATCH = 100
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


class StatusSink(Protocol):
    """Shows statuses."""

    def write(self, target: Target, status: Mapping[str, Any] | None) -> None:
        """Shows the status of an intent; None where the intent is gone.

        Raises:
            SinkDownError: it cannot be shown now, nor can any other.
            OSError: it cannot be shown now.
        """
        ...


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
        count, down = 0, False
        while not down and (
            rows := self._store.read(lambda reader: outbox.due(reader, self._clock(), BATCH))
        ):
            delays: list[tuple[outbox.Waiting, float | None]] = []
            for row in rows:
                try:
                    delays.append((row, self._deliver(row)))
                except SinkDownError as error:  # the rest of them would fail in the same way
                    log.debug("statuses wait: %s", error)
                    delays.append((row, error.retry_after or FIRST_DELAY))
                    down = True
                    break
            self._store.write(partial(self._settle, delays)).result()
            count += sum(delay is None for _, delay in delays)
        return count

    def _due(self, reader: Reader) -> list[outbox.Waiting]:
        return outbox.due(reader, self._clock(), BATCH)

    def _deliver(self, waiting: outbox.Waiting) -> float | None:
        """Delivers one message; returns the delay before the next try, None where it is delivered."""
        message, status = waiting.message, json.loads(waiting.message.body)
        target = Target(message.namespace, message.name, message.uid, message.generation)
        try:
            self._sink.write(target, status)
        except SinkDownError:
            raise
        except (OSError, ValueError) as error:
            about = f"{message.namespace}/{message.name}"
            log.warning("status of %s not written: %s; trying again", about, error)
            return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(waiting.attempts, 6)))
        known = self._store.read(lambda reader: intents.get(reader, message.namespace, message.name))
        seconds = self._clock() - known.updated_at if known is not None else None
        self._observe(Notice(message.namespace, message.name, status, seconds))
        return None

    def _settle(self, delays: list[tuple[outbox.Waiting, float | None]], tx: Transaction) -> None:
        for waiting, delay in delays:
            if delay is None:
                outbox.delivered(tx, waiting)
            else:
                outbox.failed(tx, waiting, self._clock() + delay)
