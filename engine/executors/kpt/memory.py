"""The decisions behind effects, as commits tell them: all that is known of them where a store was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.executors.kpt.branches import every_open_branch, open_branches_of_ours
from engine.executors.kpt.git import Git
from engine.executors.kpt.settings import RepositorySettings
from engine.executors.kpt.wishes import wishes_in

HISTORY = 1000
"""How many of the newest commits of what is published are looked at."""
_KEPT_SECONDS = 60.0
"""For how long what a repository told counts: a new store asks for one intent after another."""


@dataclass(frozen=True, slots=True)
class _Told:
    at: float
    records: Mapping[tuple[str, str], str]


class Memory:
    """Remembers for a while what the commits of repositories tell; safe for several threads."""

    def __init__(self, git: Git, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._git = git
        self._monotonic = monotonic
        self._told: dict[str, _Told] = {}
        self._lock = threading.Lock()

    def record(
        self, repository: str, settings: RepositorySettings, wish: tuple[str, str], folder: Path
    ) -> str:
        """Returns the record of an effect; empty where no commit tells it.

        Args:
            wish: the workspace of the effect, and its intent.
            folder: a working folder that is not there yet.

        Raises:
            GitError, CannotRunError, UntrustedProgramError: it cannot be looked up.
        """
        with self._lock:
            told = self._told.get(repository)
            if told is None or self._monotonic() - told.at > _KEPT_SECONDS:
                told = self._told[repository] = _Told(self._monotonic(), self._look(settings, folder))
        return told.records.get(wish, "")

    def _look(self, settings: RepositorySettings, folder: Path) -> dict[tuple[str, str], str]:
        remote = self._git.remote(settings, folder)
        branch = f"refs/heads/{settings.branch}"
        refs = remote.refs([branch, *every_open_branch()])
        opened = open_branches_of_ours(refs)
        commits = remote.fetch_history(branch, HISTORY) if branch in refs else []
        if opened:
            remote.fetch(opened)
        return {
            (wish.workspace, wish.intent): wish.record
            for told in remote.told([*commits, *(refs[ref] for ref in opened)])
            for wish in wishes_in(told.message)
            if wish.record
        }
