"""What is left over in backends: open revisions that nobody wishes any more, found and deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from engine.executors.base import Collector, Done, Executor, Revision
from engine.identity import workspace_name
from store import Reader, packages, work
from store.work import State

log = logging.getLogger(__name__)

T = TypeVar("T")

COLLECTED_SECONDS = 3600.0
"""How often it is looked for what is left over."""


class Look(Protocol):
    """Runs a function on the store as it is, and returns what that returns."""

    def __call__(self, function: Callable[[Reader], T]) -> T:
        """Runs it."""
        ...


class Leftovers:
    """What is left over in the backends of some executors."""

    def __init__(self, executors: Iterable[Executor], look: Look) -> None:
        self._collectors = [each for each in executors if isinstance(each, Collector)]
        self._look = look

    @property
    def needed(self) -> bool:
        """Whether anything can be left over anywhere."""
        return bool(self._collectors)

    def find(self, now: float) -> Iterator[tuple[Collector, Revision]]:
        """Finds all that is left over.

        Raises:
            OSError: a backend does not answer; what the others have comes first.
        """
        unfinished = frozenset(workspace_name(key) for key in self._look(work.unfinished))

        def wished(repository: str, package: str, workspace: str) -> bool | None:
            if workspace in unfinished:
                return True
            return self._look(lambda reader: _stands(reader, repository, package, workspace))

        known = self._look(packages.repositories)
        away: list[str] = []
        for collector in self._collectors:
            try:
                for revision in collector.leftovers(wished, now, known):
                    yield collector, revision
            except OSError as error:
                away.append(str(error))
        if away:
            raise OSError("; ".join(away))

    def collect(self, now: float) -> None:
        """Deletes all that is left over; what cannot be deleted now is found again the next time."""
        try:
            for collector, revision in self.find(now):
                outcome = collector.collect(revision)
                done = isinstance(outcome, Done)
                log.info("%s is left over: %s", revision.resource_name, "deleted" if done else outcome)
        except OSError as error:
            log.info("what is left over is looked for later: %s", error)


def _stands(reader: Reader, repository: str, package: str, workspace: str) -> bool | None:
    """Tells whether what an effect wrote is wished still; None where the store does not know of it."""
    written = packages.get(reader, repository, package, workspace)
    item = work.get(reader, written.work_id) if written is not None else None
    return None if item is None else not item.superseded and item.state is State.CONFIRMED
