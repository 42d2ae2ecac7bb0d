"""Whether a backend gets work: a circuit breaker as a pure state machine; times are given.

Closed: work goes to it. A failure has it probed at once; a probe that fails, or several failures in a row,
open the circuit. Open: no work goes to it, and one probe after the other is sent, ever later. A probe that
succeeds lets one intent through (half-open); what comes of that closes the circuit or opens it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

MOST_FAILURES = 5
"""So many failures in a row open the circuit even if the probes in between succeed."""
FIRST_DELAY = 1.0
"""The delay before the first probe of an open circuit, in seconds; doubled with each that fails."""


class Circuit(StrEnum):
    """Whether work goes to a backend."""

    CLOSED = "closed"  #: All of it.
    HALF_OPEN = "half-open"  #: One at a time, to see.
    OPEN = "open"  #: None.


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit of one backend.

    Attributes:
        longest: the seconds between probes of a backend that is well, and at most of one that is not.
        detail: what the last probe, or failure, said, for people.
        problems: what of the backend does not work while the rest does.
        failures: how many there were in a row, while it was closed.
        delay: before the next probe, while it is open.
        since: when it opened, by the clock that is given; of use only while it is not closed.
        probe_at: when the next probe is due.
    """

    longest: float
    state: Circuit = Circuit.CLOSED
    detail: str = "not probed yet"
    problems: tuple[str, ...] = ()
    failures: int = 0
    delay: float = FIRST_DELAY
    since: float = 0.0
    probe_at: float = 0.0

    def failed(self, message: str, now: float) -> Breaker:
        """Returns the circuit after a piece of work that the backend failed."""
        match self.state:
            case Circuit.OPEN:  # it had been sent before the circuit opened
                return self
            case Circuit.HALF_OPEN:
                return self._opened(message, now)
            case Circuit.CLOSED if self.failures + 1 >= MOST_FAILURES:
                return self._opened(message, now)
        return replace(self, failures=self.failures + 1, probe_at=now)

    def worked(self) -> Breaker:
        """Returns the circuit after a piece of work that the backend answered, whatever it answered."""
        if self.state is Circuit.OPEN:
            return self
        return replace(self, state=Circuit.CLOSED, failures=0, delay=FIRST_DELAY)

    def up(self, detail: str, problems: tuple[str, ...], now: float) -> Breaker:
        """Returns the circuit after a probe that succeeded."""
        known = replace(self, detail=detail, problems=problems, probe_at=now + self.longest)
        match self.state:
            case Circuit.OPEN:
                return replace(known, state=Circuit.HALF_OPEN)
            case Circuit.HALF_OPEN:  # nothing was there to be tried, and it is still well
                return replace(known, state=Circuit.CLOSED, failures=0, delay=FIRST_DELAY)
            case Circuit.CLOSED:
                return known

    def down(self, message: str, now: float) -> Breaker:
        """Returns the circuit after a probe that failed."""
        return self._opened(message, now)

    def _opened(self, message: str, now: float) -> Breaker:
        fresh = self.state is Circuit.CLOSED
        delay = min(self.longest, FIRST_DELAY if fresh else self.delay * 2)
        return replace(
            self,
            state=Circuit.OPEN,
            detail=message,
            problems=(),
            failures=0,
            delay=delay,
            since=now if fresh else self.since,
            probe_at=now + delay,
        )
