"""Whether all that several parts wait for has come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol


class Synced(Protocol):
    """What is set once."""

    def is_set(self) -> bool:
        """Tells whether it is."""
        ...

    def wait(self, timeout: float) -> bool:
        """Waits for that some seconds; returns whether it is."""
        ...


class All:
    """Is set once all of some others are."""

    def __init__(self, events: Sequence[Synced]) -> None:
        self._events = events

    def is_set(self) -> bool:
        """Tells whether all are."""
        return all(event.is_set() for event in self._events)

    def wait(self, timeout: float) -> bool:
        """Waits for all together some seconds; returns whether they are set."""
        deadline = time.monotonic() + timeout
        return all(event.wait(max(0.0, deadline - time.monotonic())) for event in self._events)
