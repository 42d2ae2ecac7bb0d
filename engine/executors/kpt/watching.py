"""What repositories show, looked at once for many open revisions: each is fetched only where it changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.executors.base import Revision
from engine.executors.kpt.branches import PackageRefs, every_open_branch

_SHOWN_SECONDS = 5.0
"""For how long what a repository showed counts as what it shows."""

Refs = Mapping[str, str]
Mark = tuple[str, Refs]
"""What is published, and the open branches of a package: while it stays, so does what became of an effect."""


@dataclass(frozen=True, slots=True)
class _Shown:
    at: float
    refs: Refs


class Watch:
    """Remembers what repositories showed, and what that meant for each open revision."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._shown: dict[str, _Shown] = {}
        self._open: dict[tuple[str, str, str], tuple[Mark, Revision]] = {}
        self._lock = threading.Lock()

    def mark(
        self, repository: str, branch: str, package: PackageRefs, look: Callable[[list[str]], Refs]
    ) -> Mark:
        """Returns how a package stands; `look` is called with patterns of refs where that is too long ago."""
        now = self._monotonic()
        shown = self._shown.get(repository)
        if shown is None or now - shown.at > _SHOWN_SECONDS:
            shown = self._shown[repository] = _Shown(now, look([branch, *every_open_branch()]))
        opened = PackageRefs(package.path, shown.refs).opened()
        return shown.refs.get(branch, ""), {ref: shown.refs[ref] for ref in opened}

    def still(self, key: tuple[str, str, str], mark: Mark) -> Revision | None:
        """Returns what was seen of an open revision, where nothing has changed since."""
        with self._lock:
            before = self._open.get(key)
        return before[1] if before is not None and before[0] == mark else None

    def keep(self, key: tuple[str, str, str], mark: Mark, found: Revision | None) -> None:
        """Keeps what was seen of a revision while it is open; forgets one that is not."""
        with self._lock:
            self._open.pop(key, None)
            if found is not None and found.lifecycle != "Published":
                self._open[key] = (mark, found)
