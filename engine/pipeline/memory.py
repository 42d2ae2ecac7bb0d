"""What was read once is not read again: readings by text and grammar, in the process and in the store."""

from __future__ import annotations

import json
import time
from collections import OrderedDict

from engine.identity import canonical_json, sha256
from nlp import Reader, Reading
from store import Store, readings

_KEPT = 512
"""How many readings are kept in the process."""


class ReadingMemory:
    """Reads texts, remembering what they were read as by the grammar in force."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._kept: OrderedDict[str, Reading] = OrderedDict()

    def read(self, text: str) -> Reading:
        """Returns the reading of a text."""
        digest = sha256(text)
        reading = self._kept.get(digest) or self._stored(digest)
        if reading is None:
            reading = self._reader.read(text)
            body = canonical_json(reading.to_json())
            grammar = self._reader.digest
            self._store.write(
                lambda tx: readings.put(tx, digest, grammar, body, now=time.time()), synced=False
            )
        self._kept[digest] = reading
        self._kept.move_to_end(digest)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return reading

    def _stored(self, digest: str) -> Reading | None:
        body = self._store.read(lambda reader: readings.get(reader, digest, self._reader.digest))
        return Reading.from_json(json.loads(body)) if body is not None else None
