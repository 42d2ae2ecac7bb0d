"""Tells when somebody set the clock: by how far the time of day has left the time that has gone by."""

from __future__ import annotations

import time
from collections.abc import Callable

JUMP_SECONDS = 2.0
"""Less than this between two looks is the slow drift by which clocks are corrected, and does no harm."""


class ClockWatch:
    """Compares the wall clock with the monotonic one, which nobody sets.

    Args:
        wall: seconds since 1970.
        monotonic: seconds that only ever grow.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def look(self) -> float:
        """Returns by how many seconds the wall clock was set since the last look: less than 0 is back."""
        offset = self._wall() - self._monotonic()
        jump, self._offset = offset - self._offset, offset
        return jump if abs(jump) >= JUMP_SECONDS else 0.0
