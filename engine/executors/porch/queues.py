"""Whose turn it is to write to a repository.

With its CR cache porch reads every revision of a repository again for each change that a parallel writer
makes, and says meanwhile that revisions are not there: one writer at a time is faster, and is told the truth.
With its database cache writers do not disturb one another.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from engine.executors.porch.model import PackageRevision

log = logging.getLogger(__name__)


class WriterQueues:
    """Lets one writer at a time into each repository, until it is known that many may be in.

    Args:
        cache: porch's cache, or `detect` to find out by what porch says.
    """

    def __init__(self, cache: Literal["detect", "cr", "db"] = "detect") -> None:
        self._cache = cache
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    @property
    def cache(self) -> str:
        """The cache as set or found out; `detect` while it is not known."""
        return self._cache

    def learn(self, revision: PackageRevision) -> None:
        """Finds out the cache by the version of a revision: the database has its name and a time in it."""
        if self._cache != "detect":
            return
        self._cache = "db" if revision.version.startswith(f"{revision.name}.") else "cr"
        if self._cache == "cr":
            log.warning(
                "porch has the CR cache, so one revision is written at a time in each repository; "
                "with its database cache it is several times as fast"
            )

    @contextmanager
    def turn(self, repositories: Iterable[str]) -> Iterator[None]:
        """Waits until nobody else writes to some repositories, where that matters."""
        with ExitStack() as turns:
            for repository in sorted(set(repositories)):  # in one order, so that no two wait for one another
                if self._cache != "db":
                    with self._lock:
                        turn = self._turns[repository]
                    turns.enter_context(turn)
            yield
