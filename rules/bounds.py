"""Whether a choice of the rules is within what the settings allow: asked at load and for each decision."""

from __future__ import annotations

from typing import Protocol

from rules.snapshot import Bounds

LIFECYCLES = ("Draft", "Proposed", "Published")
"""How far a package goes, from the nearest to the furthest."""


class Chosen(Protocol):
    """Where a package goes; what is empty is not chosen."""

    @property
    def executor(self) -> str:
        """The executor's name."""
        ...

    @property
    def repository(self) -> str:
        """The repository's name."""
        ...

    @property
    def lifecycle(self) -> str:
        """One of LIFECYCLES."""
        ...


def exceeded_by(choice: Chosen, bounds: Bounds) -> str:
    """Says which bound of the settings a choice exceeds; empty where none."""
    highest = bounds.highest_lifecycle
    if choice.executor and choice.executor not in bounds.executors:
        return _beyond("executor", choice.executor, bounds.executors, "bounds.executors")
    if choice.repository and bounds.repositories is not None and choice.repository not in bounds.repositories:
        return _beyond("repository", choice.repository, bounds.repositories, "bounds.repositories")
    if choice.lifecycle and LIFECYCLES.index(choice.lifecycle) > LIFECYCLES.index(highest):
        return f"chooses {choice.lifecycle}; the settings allow {highest} at most (bounds.highestLifecycle)"
    return ""


def _beyond(what: str, name: str, allowed: frozenset[str], setting: str) -> str:
    names = ", ".join(sorted(allowed)) or "none"
    return f"chooses the {what} {name}; the settings allow {names} ({setting})"
