"""How long to wait before the next try: twice as long each time, with jitter, as the server asks."""

from __future__ import annotations

import random

from engine.kube.errors import ApiError


class Backoff:
    """The delays of one loop.

    Args:
        first: the longest first delay, in seconds.
        longest: the longest of all, in seconds.
        jitter: tells a number from 0 to 1.
    """

    def __init__(
        self, first: float = 0.2, longest: float = 30.0, *, jitter: random.Random | None = None
    ) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads calls, guards nothing
        self._failures = 0

    def next(self, error: Exception | None = None) -> float:
        """Returns the seconds to wait: never less than the server asked for.

        Half of a delay is jitter, so that those whom one restart cut off do not come back together.
        """
        bound = min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        asked = error.retry_after if isinstance(error, ApiError) else None
        spread = 0.5 + 0.5 * self._jitter.random()
        return bound * spread if asked is None else max(asked, 0.0) * (1.0 + 0.1 * spread)

    def reset(self) -> None:
        """Starts again with the first delay."""
        self._failures = 0
