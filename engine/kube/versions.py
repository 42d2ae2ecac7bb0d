"""The last known version of each object whose status is written: what makes an overwrite by mistake fail."""

from __future__ import annotations

import threading
from typing import NamedTuple

_MOST = 10_000
"""How many objects are kept; of one that is not, the version is read before its status is written."""


class Seen(NamedTuple):
    """An object as it was last seen."""

    generation: int
    version: str


def order(version: str) -> int:
    """Returns a resource version as the number by which those of one object are ordered.

    They are decimal numbers that grow, by the API's contract since 1.35 and in every API server before.
    """
    return int(version) if version.isdecimal() else 0


class Versions:
    """Generation and resource version by uid; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, Seen] = {}

    def note(self, uid: str, generation: int, version: str) -> None:
        """Notes an object as it was seen, unless it was seen newer: a watch may lag behind our own writes.

        Drops the one noted longest ago where there are too many.
        """
        with self._lock:
            before = self._seen.pop(uid, None)
            if before is not None and order(before.version) > order(version):
                generation, version = before
            self._seen[uid] = Seen(generation, version)
            if len(self._seen) > _MOST:
                del self._seen[next(iter(self._seen))]

    def get(self, uid: str) -> Seen | None:
        """Returns how an object was last seen."""
        return self._seen.get(uid)

    def forget(self, uid: str) -> None:
        """Drops an object."""
        with self._lock:
            self._seen.pop(uid, None)
