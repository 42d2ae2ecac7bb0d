"""Bounds what the store holds over months: hourly, what is old or too much goes, in small batches.

Each batch is a transaction of its own, so that work in between waits for no more than one of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from engine.settings import RetentionSettings
from store import Store, Transaction, audit, retention

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
BATCH = 500
"""How much goes in one transaction."""
_LEAST_RECORDS = 1000
"""Fewer records of the audit log are not worth the one that says that they are gone."""
_DAY = 86_400.0


class Retention:
    """Takes away what is no longer kept.

    Args:
        on: told after each batch; returns whether to go on.
    """

    def __init__(
        self, store: Store, settings: RetentionSettings, clock: Callable[[], float], on: Callable[[], bool]
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._on = on

    def prune(self) -> None:
        """Takes away all that is due; what a stop leaves is taken away the next time."""
        kept, before = self._settings, self._clock() - self._settings.days * _DAY
        read = self._store.read
        ended = read(partial(retention.before_of_generations, before=before, most=kept.generations))
        stale = read(partial(retention.before_of_readings, before=before, most=kept.readings))
        self._mark(before)
        gone = {
            "generations": self._all(partial(retention.prune_generations, before=ended, limit=BATCH)),
            "readings": self._all(partial(retention.prune_readings, before=stale, limit=BATCH)),
            "buckets": self._all(partial(retention.prune_buckets, before=before, limit=BATCH)),
            "audit records": self._all(partial(audit.prune, limit=BATCH)),
        }
        if any(gone.values()):
            told = ", ".join(f"{count} {name}" for name, count in gone.items() if count)
            log.info("no longer kept: %s", told, extra={"pruned": gone})

    def _mark(self, before: float) -> None:
        """Records up to where the audit log goes, where that is worth a record."""
        through = self._store.read(
            lambda reader: audit.prunable(reader, before, self._settings.audit_records)
        )
        marked = self._store.read(audit.checkpoint)
        if through - (marked.through if marked is not None else 0) >= _LEAST_RECORDS:
            self._store.write(lambda tx: audit.mark_pruned(tx, through, self._clock())).result()

    def _all(self, batch: Callable[[Transaction], int]) -> int:
        """Takes away batch after batch; returns how much went."""
        count = 0
        while self._on() and (gone := self._store.write(batch).result()):
            count += gone
        return count
