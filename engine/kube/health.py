"""What of the API does not work now: one log line when that changes, counts, and words for readiness."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping

from engine.kube.errors import UnavailableError

log = logging.getLogger(__name__)


class Health:
    """Keeps what each part last met with; safe for several threads.

    An area ("watch", "status", "events", "facts") is a label of metrics; a detail (a namespace, a kind) is
    only for people.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._problems: dict[tuple[str, str], Exception] = {}
        self._failures: Counter[tuple[str, str]] = Counter()

    def failed(self, area: str, error: Exception, detail: str = "") -> None:
        """Notes a failure. The same kind of failure in a row is counted, and logged only at first.

        Of an outage, which all details of an area meet with together, one line tells.
        """
        with self._lock:
            others = [known for (of, _), known in self._problems.items() if of == area]
            before = self._problems.get((area, detail))
            self._problems[area, detail] = error
            self._failures[area, type(error).__name__] += 1
        outage = isinstance(error, UnavailableError)
        told = outage and any(isinstance(other, UnavailableError) for other in others)
        if type(before) is not type(error) and not told:
            log.warning("%s; trying again", error, extra={"area": area, "detail": detail})

    def worked(self, area: str, detail: str = "") -> None:
        """Notes that it works, again where it did not; logged once nothing of the area fails any more."""
        if (area, detail) not in self._problems:  # the way of every call; a lock would tell no more
            return
        with self._lock:
            before = self._problems.pop((area, detail), None)
            over = not any(of == area for of, _ in self._problems)
        if before is not None and over:
            log.info("%s: works again, after: %s", area, before, extra={"area": area, "detail": detail})

    @property
    def problems(self) -> Mapping[str, str]:
        """What does not work now, in people's words, by area and detail: "status", "watch core"."""
        with self._lock:
            return {
                f"{area} {detail}".strip(): str(error) for (area, detail), error in self._problems.items()
            }

    @property
    def failures(self) -> Mapping[tuple[str, str], int]:
        """How many failures there were, by area and the name of the error's class; for a metric."""
        with self._lock:
            return dict(self._failures)
